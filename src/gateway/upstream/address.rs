//! Which hosts anybody may name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tokio::net::lookup_host;

use crate::reference::is_loopback;

/// Returns whether a host, perhaps with a port, has addresses, and only such as are everybody's.
pub(super) async fn is_public(host: &str) -> bool {
    if is_loopback(host) {
        return false;
    }
    let with_port = match host.contains(':') {
        true => host.to_owned(),
        false => format!("{host}:443"),
    };
    let Ok(addresses) = lookup_host(with_port).await else {
        return false;
    };
    let addresses: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
    !addresses.is_empty() && addresses.into_iter().all(is_everybodys)
}

fn is_everybodys(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_everybodys_v4(address),
        IpAddr::V6(address) => match address.to_ipv4() {
            Some(inner) => is_everybodys_v4(inner),
            None => is_everybodys_v6(address),
        },
    }
}

/// Spec: <https://www.iana.org/assignments/iana-ipv4-special-registry/>.
fn is_everybodys_v4(address: Ipv4Addr) -> bool {
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

/// Spec: <https://www.iana.org/assignments/iana-ipv6-special-registry/>: what is not global unicast, the addresses
/// for documentation, and those that carry an IPv4 address.
fn is_everybodys_v6(address: Ipv6Addr) -> bool {
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
    fn inner_addresses_are_told_from_outer_ones() {
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
            assert!(!is_everybodys(inner.parse().unwrap()), "{inner}");
        }
        for outer in [
            "1.1.1.1",
            "100.128.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "2001:4860::1",
        ] {
            assert!(is_everybodys(outer.parse().unwrap()), "{outer}");
        }
    }
}
