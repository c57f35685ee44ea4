//! Tells public addresses, which untrusted input may name, from others.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

use crate::reference::is_loopback;

/// Returns whether a host, perhaps with a port, has only public addresses. A host without an address is an error.
pub async fn is_public(host: &str) -> io::Result<bool> {
    if is_loopback(host) {
        return Ok(false);
    }
    let with_port = match host.contains(':') && !host.ends_with(']') {
        true => host.to_owned(),
        false => format!("{host}:443"),
    };
    let mut addresses = lookup_host(with_port).await?;
    Ok(addresses.all(|address| is_global(address.ip())))
}

/// Returns whether a URL names this machine.
pub(super) fn is_this_machine(url: &Url) -> bool {
    url.host_str().is_some_and(is_loopback)
}

/// Returns whether a URL has a literal address that is not public. Host names are checked when they are resolved.
pub(super) fn has_private_address(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    address.is_ok_and(|address| !is_global(address))
}

/// Resolves names, and refuses names with an address that is not public.
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses: Vec<_> = lookup_host((name.as_str(), 0)).await?.collect();
            match addresses.iter().all(|address| is_global(address.ip())) {
                true => Ok(Box::new(addresses.into_iter()) as Addrs),
                false => Err(PrivateAddress.into()),
            }
        })
    }
}

/// An address is not public.
#[derive(Debug, thiserror::Error)]
#[error("it leads to an address that is not public")]
pub(super) struct PrivateAddress;

fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_global_v4(address),
        IpAddr::V6(address) => match address.to_ipv4() {
            Some(inner) => is_global_v4(inner),
            None => is_global_v6(address),
        },
    }
}

/// Spec: <https://www.iana.org/assignments/iana-ipv4-special-registry/>.
fn is_global_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    let protocols = (first, second, third) == (192, 0, 0);
    let benchmarks = first == 198 && (18..20).contains(&second);
    !(first == 0
        || first >= 224
        || shared
        || protocols
        || benchmarks
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation())
}

/// Spec: <https://www.iana.org/assignments/iana-ipv6-special-registry/>. Accepts only global unicast addresses, but not
/// those for documentation or those that contain an IPv4 address.
fn is_global_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let global = segments[0] & 0xe000 == 0x2000;
    let carries = segments[0] == 0x2002 || (segments[0] == 0x2001 && segments[1] < 0x200);
    let documentation = segments[0] == 0x2001 && segments[1] == 0xdb8;
    global && !carries && !documentation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_public_addresses_are_told_apart() {
        for inner in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "192.0.0.8",
            "198.18.0.1",
            "192.0.2.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fc00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
            "ff02::1",
        ] {
            assert!(!is_global(inner.parse().unwrap()), "{inner}");
        }
        for outer in [
            "1.1.1.1",
            "100.128.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "2001:4860::1",
        ] {
            assert!(is_global(outer.parse().unwrap()), "{outer}");
        }
    }

    #[test]
    fn addresses_are_recognized_in_every_notation() {
        for (url, inner) in [
            ("https://10.0.0.1/", true),
            ("https://0x7f.1/", true),
            ("https://2130706433:5000/", true),
            ("https://[::1]/", true),
            ("https://[::ffff:10.0.0.1]:443/", true),
            ("https://1.1.1.1/", false),
            ("https://[2606:4700::1111]/", false),
            ("https://registry.example/", false),
        ] {
            assert_eq!(has_private_address(&url.parse().unwrap()), inner, "{url}");
        }
    }

    #[tokio::test]
    async fn hosts_are_public_only_by_all_their_addresses() {
        for (host, public) in [
            ("localhost", false),
            ("localhost:5000", false),
            ("127.0.0.1:5000", false),
            ("10.0.0.1", false),
            ("169.254.169.254", false),
            ("1.1.1.1:5000", true),
            ("[2606:4700::1111]", true),
            ("[2606:4700::1111]:5000", true),
            ("[fe80::1]", false),
        ] {
            assert_eq!(is_public(host).await.ok(), Some(public), "{host}");
        }
        // The label is too long, so no DNS server is asked.
        let nowhere = format!("{}.example", "a".repeat(64));
        is_public(&nowhere).await.unwrap_err();
    }

    #[tokio::test]
    async fn local_names_are_not_resolved_for_remote_hosts() {
        let Err(refused) = PublicOnly.resolve("localhost".parse().unwrap()).await else {
            panic!("it was");
        };
        assert!(refused.is::<PrivateAddress>(), "{refused}");
    }
}
