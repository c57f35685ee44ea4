//! Proxies from the environment variables that other programs use too.

use std::env;
use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::Url;

use super::public::is_this_machine;

/// The proxies, and the hosts that they are for.
pub(super) struct Proxies {
    proxies: Matcher,
    exceptions: Vec<Exception>,
}

/// An entry of `NO_PROXY` with a port or brackets, which the [`Matcher`] does not parse.
struct Exception {
    /// If absent, the exception is for every port.
    port: Option<u16>,
    hosts: Matcher,
}

impl Proxies {
    /// Reads the environment, as curl and Go do.
    pub(super) fn from_environment() -> Self {
        let no_proxy = env::var("NO_PROXY").or_else(|_| env::var("no_proxy"));
        Self::new(Matcher::from_system(), &no_proxy.unwrap_or_default())
    }

    fn new(proxies: Matcher, no_proxy: &str) -> Self {
        let exceptions = no_proxy.split(',').filter_map(Exception::read).collect();
        Self {
            proxies,
            exceptions,
        }
    }

    /// Returns the proxy for the host of a URL. Loopback hosts need none.
    fn intercept(&self, url: &Url) -> Option<Intercept> {
        let port = url.port_or_known_default();
        let host: Uri = url.origin().ascii_serialization().parse().ok()?;
        let is_excepted = |exception: &Exception| {
            exception.port.is_none_or(|own| Some(own) == port)
                && exception.hosts.intercept(&host).is_none()
        };
        match is_this_machine(url) || self.exceptions.iter().any(is_excepted) {
            true => None,
            false => self.proxies.intercept(&host),
        }
    }

    /// Returns the address of the proxy for the host of a URL, with its user and password.
    pub(super) fn address(&self, url: &Url) -> Option<Url> {
        let proxy = self.intercept(url)?;
        let mut address = Url::parse(&proxy.uri().to_string()).ok()?;
        if let Some((user, password)) = login(&proxy) {
            address.set_username(&user).ok()?;
            address.set_password(Some(&password)).ok()?;
        }
        Some(address)
    }

    /// Returns the name of the proxy for the host of a URL, for errors.
    pub(super) fn name(&self, url: &Url) -> Option<String> {
        let proxy = self.intercept(url)?;
        Some(proxy.uri().to_string().trim_end_matches('/').to_owned())
    }
}

impl fmt::Debug for Proxies {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proxies(..)")
    }
}

impl Exception {
    /// Parses an entry with a port or brackets. The [`Matcher`] parses the others.
    fn read(entry: &str) -> Option<Self> {
        let entry = entry.trim();
        let (host, port) = match entry.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => entry.split_at(entry.find(':')?),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => Some(port.parse().ok()?),
            None => None,
        };
        let any = "http://proxy.invalid";
        let hosts = Matcher::builder().all(any).no(host).build();
        Some(Self { port, hosts })
    }
}

/// Returns the user and the password of a proxy.
fn login(proxy: &Intercept) -> Option<(String, String)> {
    if let Some((user, password)) = proxy.raw_auth() {
        return Some((user.to_owned(), password.to_owned()));
    }
    let header = proxy.basic_auth()?.to_str().ok()?;
    let login = BASE64_STANDARD
        .decode(header.strip_prefix("Basic ")?)
        .ok()?;
    let login = String::from_utf8(login).ok()?;
    let (user, password) = login.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(no_proxy: &str) -> Proxies {
        let all = "http://me:pass%20word@proxy.example:3128";
        let matcher = Matcher::builder().all(all).no(no_proxy).build();
        Proxies::new(matcher, no_proxy)
    }

    #[test]
    fn hosts_with_a_port_need_no_proxy_there() {
        for (no_proxy, url, is_proxied) in [
            ("", "https://ghcr.io/", true),
            ("ghcr.io", "https://ghcr.io/", false),
            ("ghcr.io:443", "https://ghcr.io/", false),
            ("ghcr.io:80", "http://ghcr.io/", false),
            ("ghcr.io:80", "https://ghcr.io/", true),
            (
                "a.example, registry.example:5000",
                "http://registry.example:5000/",
                false,
            ),
            (
                "registry.example:5000",
                "http://registry.example:5001/",
                true,
            ),
            (
                "registry.example:5000",
                "http://a.registry.example:5000/",
                false,
            ),
            (".example:5000", "http://registry.example:5000/", false),
            ("10.0.0.7:5000", "http://10.0.0.7:5000/", false),
            ("10.0.0.0/8:5000", "http://10.0.0.7:5000/", false),
            ("[2001:db8::7]:5000", "http://[2001:db8::7]:5000/", false),
            ("[2001:db8::7]:5000", "http://[2001:db8::7]:5001/", true),
            ("[2001:db8::7]", "http://[2001:db8::7]:5001/", false),
            ("2001:db8::7", "http://[2001:db8::7]/", false),
            ("registry.example:x", "http://registry.example/", true),
            ("*", "https://ghcr.io/", false),
            ("10.0.0.0/8", "http://10.0.0.7:5000/", false),
            ("10.0.0.0/8", "http://11.0.0.7:5000/", true),
            ("2001:db8::/32", "http://[2001:db8::7]/", false),
            ("[2001:db8::]/32", "http://[2001:db9::7]/", true),
            ("", "http://localhost:5000/", false),
            ("", "http://127.9.9.9/", false),
        ] {
            let found = proxies(no_proxy).address(&Url::parse(url).unwrap());
            assert_eq!(found.is_some(), is_proxied, "{no_proxy} {url}");
        }
    }

    #[test]
    fn a_proxy_keeps_its_password_and_errors_do_not_show_it() {
        let url = Url::parse("https://ghcr.io/").unwrap();
        let address = proxies("").address(&url).unwrap();
        assert_eq!(
            address.as_str(),
            "http://me:pass%20word@proxy.example:3128/"
        );
        let name = proxies("").name(&url).unwrap();
        assert_eq!(name, "http://proxy.example:3128");
    }
}
