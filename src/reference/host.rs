//! Hosts of registries.

use core::net::{Ipv4Addr, Ipv6Addr};

/// Returns whether a host, perhaps with a port, is this machine: `localhost`, its subdomains, and the loopback
/// addresses. Names are not resolved.
pub fn is_loopback(host: &str) -> bool {
    let name = match split_brackets(host) {
        Some((address, _)) => return is_loopback_v6(address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name
            .parse()
            .is_ok_and(|address: Ipv4Addr| address.is_loopback())
}

fn is_loopback_v6(text: &str) -> bool {
    text.parse()
        .is_ok_and(|address: Ipv6Addr| address.is_loopback())
}

/// Docker Hub's name in references.
pub(crate) const DOCKER_HUB: &str = "docker.io";

/// The host of Docker Hub's API. References may use this name too.
pub(crate) const DOCKER_HUB_API: &str = "index.docker.io";

/// Returns whether a host is Docker Hub under any of its names.
pub(crate) fn is_docker_hub(host: &str) -> bool {
    [DOCKER_HUB, DOCKER_HUB_API, "registry-1.docker.io"].contains(&host)
}

/// Returns the name of a host in references. Docker Hub has several names, and this returns one.
pub(crate) fn canonical_host(host: &str) -> &str {
    if is_docker_hub(host) {
        DOCKER_HUB
    } else {
        host
    }
}

/// Returns whether the text before the first slash has the form of a host, and not of a path element.
pub(crate) fn is_marked_as_host(text: &str) -> bool {
    text.contains(['.', ':']) || text == "localhost"
}

/// Returns whether a text is a host: names or an IPv4 address, or an IPv6 address in brackets; and perhaps a port.
pub(crate) fn is_host(text: &str) -> bool {
    if let Some((address, port)) = split_brackets(text) {
        let is_sound = match port.strip_prefix(':') {
            Some(port) => is_port(port),
            None => port.is_empty(),
        };
        return address.parse::<Ipv6Addr>().is_ok() && is_sound;
    }
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    let is_label = |label: &str| {
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty()
            && label.bytes().all(inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.split('.').all(is_label) && port.is_none_or(is_port)
}

/// Returns whether a text has only the characters of a port.
pub(super) fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Splits a host after an address in brackets.
fn split_brackets(host: &str) -> Option<(&str, &str)> {
    host.strip_prefix('[')?.split_once(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host() {
        for host in [
            "ghcr.io",
            "localhost:5000",
            "10.0.0.1:5000",
            "[::1]",
            "[::1]:5000",
            "[2001:db8::7]:443",
            "[::ffff:10.0.0.1]",
        ] {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "",
            "[]",
            "[::1",
            "::1",
            "::1]",
            "[::1]x",
            "[::1]:",
            "[::1]:x",
            "[::1]5000",
            "[a.b]",
            "[fe80::1%eth0]",
            "[::1]a]",
            "a:b:1",
            "a..b",
        ] {
            assert!(!is_host(host), "{host}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for host in [
            "localhost",
            "LOCALHOST:5000",
            "a.localhost",
            "a.localhost:5000",
            "127.0.0.1",
            "127.9.9.9:5000",
            "[::1]",
            "[::1]:5000",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "127.evil.com",
            "127.0.0.1.example:5000",
            "128.0.0.1",
            "notlocalhost",
            "localhost.example",
            "[::2]:5000",
            "[::1",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
