//! Hosts of registries.

use core::net::{Ipv4Addr, Ipv6Addr};

/// Returns whether a host, perhaps with a port, is this machine: `localhost`, what is below it, and the loopback
/// addresses. Names are not looked up.
pub fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
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

/// Docker Hub, as references name it.
pub(crate) const DOCKER_HUB: &str = "docker.io";

/// The host of Docker Hub's API, which references may name as well.
pub(crate) const DOCKER_HUB_API: &str = "index.docker.io";

/// Returns whether a host is Docker Hub under any of its names.
pub(crate) fn is_docker_hub(host: &str) -> bool {
    [DOCKER_HUB, DOCKER_HUB_API, "registry-1.docker.io"].contains(&host)
}

/// Returns a host by the name that references give it: Docker Hub has several.
pub(crate) fn canonical_host(host: &str) -> &str {
    if is_docker_hub(host) {
        DOCKER_HUB
    } else {
        host
    }
}

/// Returns whether what stands before the first slash is meant as a host, and not as a part of a path.
pub(crate) fn is_marked_as_host(text: &str) -> bool {
    text.contains(['.', ':']) || text == "localhost"
}

/// Names, or an IPv4 address, and perhaps a port.
pub(crate) fn is_host(text: &str) -> bool {
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
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    name.split('.').all(is_label) && port.is_none_or(is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

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
