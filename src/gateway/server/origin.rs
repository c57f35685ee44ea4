//! Refuses requests that a web page of another site makes a browser send to a gateway on the same machine.
//!
//! Such a page may let its own name stand for a loopback address (DNS rebinding). The browser then shows the gateway's
//! answers to the page, so a name in `Host` must be one of the gateway's own.
//!
//! Spec: <https://www.rfc-editor.org/rfc/rfc9112#section-3.2> and <https://www.w3.org/TR/fetch-metadata/>.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::header::HOST;
use http::{HeaderMap, StatusCode, Version};

use crate::gateway::message::Request;
use crate::gateway::refusal::Refusal;

/// Checks the host of a request, and the site that caused it. `own_names` is set on a loopback listener, and has its
/// names beside `localhost`.
pub(super) fn check(request: &Request, own_names: Option<&[String]>) -> Result<(), Refusal> {
    let hosts = request.headers.get_all(HOST);
    match hosts.iter().count() {
        0 if request.version == Version::HTTP_11 => {
            return Err(Refusal::bad_request(
                "UNSUPPORTED",
                "the request has no Host",
            ));
        }
        0 | 1 => {}
        _ => {
            let message = "the request has more than one Host";
            return Err(Refusal::bad_request("UNSUPPORTED", message));
        }
    }
    let Some(own_names) = own_names else {
        return Ok(());
    };
    let named = hosts.iter().map(|host| host.to_str().unwrap_or_default());
    // User information ends with an `@`.
    let authority = request.uri.authority().map(|authority| {
        let host = authority.as_str().rsplit('@').next();
        host.unwrap_or_default()
    });
    if !named.chain(authority).all(|host| is_own(host, own_names)) {
        let message = "this gateway does not have the name in Host; allow it with --host";
        let status = StatusCode::MISDIRECTED_REQUEST;
        return Err(Refusal::new(status, "DENIED", message));
    }
    if is_cross_site(&request.headers) && !is_navigation(request) {
        let message = "the request comes from a page of another site";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "DENIED", message));
    }
    Ok(())
}

/// Returns whether a host is an address, `localhost` or one of these names, with or without a port.
fn is_own(host: &str, own_names: &[String]) -> bool {
    let (is_own, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((address, port)) => (address.parse::<Ipv6Addr>().is_ok(), port),
        None => {
            let (name, port) = host.split_at(host.find(':').unwrap_or(host.len()));
            let name = name.strip_suffix('.').unwrap_or(name);
            let is_name = |own: &str| name.eq_ignore_ascii_case(own);
            let is_own = name.parse::<Ipv4Addr>().is_ok()
                || is_name("localhost")
                || own_names.iter().any(|own| is_name(own));
            (is_own, port)
        }
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    is_own && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

fn is_cross_site(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    sites.any(|site| site == "cross-site")
}

/// Returns whether a person goes to a page, for example by a link. A frame in another page is no such navigation.
fn is_navigation(request: &Request) -> bool {
    let has = |name: &str, value: &str| request.headers.get(name).is_some_and(|is| is == value);
    let is_frame =
        request.headers.contains_key("sec-fetch-dest") && !has("sec-fetch-dest", "document");
    let path = request.uri.path();
    let is_page = path == "/" || path.starts_with("/-/");
    is_page && has("sec-fetch-mode", "navigate") && !is_frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_hosts_are_addresses_and_given_names() {
        let names = ["wharf.internal".to_owned()];
        for host in [
            "127.0.0.1",
            "127.0.0.1:5100",
            "10.0.0.7:80",
            "[::1]",
            "[::1]:5100",
            "localhost",
            "LocalHost:5100",
            "localhost.:5100",
            "wharf.internal",
            "WHARF.internal.:1",
        ] {
            assert!(is_own(host, &names), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:5100",
            "localhost.evil.example",
            "evil.localhost",
            "127.0.0.1.evil.example",
            "127.0.0.1:5100.evil.example",
            "[::1].evil.example",
            "[evil.example]",
            "2130706433",
            "127.1",
            "user@127.0.0.1",
            "localhost, evil.example",
            "localhost..",
            "::1",
        ] {
            assert!(!is_own(host, &names), "{host}");
        }
    }
}
