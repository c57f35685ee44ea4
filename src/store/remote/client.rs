//! The HTTP clients of a registry.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Proxy, Url, redirect};
use rustls::ClientConfig;

use super::options::Options;
use super::proxy::Proxies;
use super::public::{PrivateAddress, PublicOnly, has_private_address, is_this_machine};
use super::tls;
use crate::reference::{DOCKER_HUB, DOCKER_HUB_API};
use crate::store::Error;

const USER_AGENT: &str = concat!("wharf/", env!("CARGO_PKG_VERSION"));

const MAX_REDIRECTS: usize = 10;

/// Returns scheme, host and port of a registry.
///
/// Docker Hub's API has another host than its references.
pub(super) fn origin(registry: &str, options: &Options) -> Result<Url, Error> {
    match registry {
        DOCKER_HUB => site(DOCKER_HUB_API, options),
        host => site(host, options),
    }
}

/// Returns scheme, host and port of a host that is reached under its own name.
pub(super) fn site(host: &str, options: &Options) -> Result<Url, Error> {
    let bad = || Error::Settings {
        reason: format!("`{host}` is not the address of a registry"),
    };
    let parse = |scheme: &str| Url::parse(&format!("{scheme}://{host}/")).map_err(|_| bad());
    let url = parse("https")?;
    if !url.username().is_empty() || url.password().is_some() || url.path() != "/" {
        return Err(bad());
    }
    if options.plain_http || (is_this_machine(&url) && !options.tls) {
        parse("http")
    } else {
        Ok(url)
    }
}

/// The state that all connections of one client share.
#[derive(Clone)]
pub(super) struct Network {
    pub(super) tls: Arc<ClientConfig>,
    /// The proxies. With public addresses only, no proxy may be used.
    pub(super) proxies: Option<Arc<Proxies>>,
}

impl Network {
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        Ok(Self {
            tls: Arc::new(tls::config(&options.ca_certificates)?),
            proxies: (!options.public_only).then(|| Arc::new(Proxies::from_environment())),
        })
    }

    /// Returns the name of the proxy for the host of a URL.
    pub(super) fn proxy(&self, url: &Url) -> Option<String> {
        self.proxies.as_ref()?.name(url)
    }
}

/// Builds the client for requests, or without a `read_timeout` the client for uploads. The timer would count from the
/// first sent byte, so `Wire` watches the progress of uploads instead.
pub(super) fn build(
    network: &Network,
    options: &Options,
    read_timeout: Option<Duration>,
) -> Result<reqwest::Client, Error> {
    let public_only = options.public_only;
    let policy = redirect::Policy::custom(move |attempt| follow(attempt, public_only));
    build_with(network, options, read_timeout, policy)
}

/// Builds a client for a server that is not a registry. It follows redirects only to https, or between loopback hosts.
pub(super) fn build_for_site(
    network: &Network,
    options: &Options,
) -> Result<reqwest::Client, Error> {
    let public_only = options.public_only;
    let policy = redirect::Policy::custom(move |attempt| {
        let from_loopback = attempt.previous().iter().all(is_this_machine);
        if attempt.url().scheme() == "https" || (from_loopback && is_this_machine(attempt.url())) {
            follow(attempt, public_only)
        } else {
            attempt.stop()
        }
    });
    build_with(network, options, Some(options.read_timeout), policy)
}

fn build_with(
    network: &Network,
    options: &Options,
    read_timeout: Option<Duration>,
    policy: redirect::Policy,
) -> Result<reqwest::Client, Error> {
    let mut builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .referer(false)
        .redirect(policy)
        .connect_timeout(options.connect_timeout)
        .tls_backend_preconfigured(ClientConfig::clone(&network.tls));
    builder = match network.proxies.clone() {
        Some(proxies) => builder.proxy(Proxy::custom(move |url| proxies.address(url))),
        None => builder.no_proxy(),
    };
    if options.public_only {
        builder = builder.dns_resolver(PublicOnly);
    }
    if let Some(timeout) = read_timeout {
        builder = builder.read_timeout(timeout);
    }
    builder.build().map_err(|error| {
        let error = error.without_url();
        let reason = std::error::Error::source(&error)
            .map_or_else(|| error.to_string(), ToString::to_string);
        Error::Settings {
            reason: format!("the HTTP client cannot be set up: {reason}"),
        }
    })
}

tokio::task_local! {
    /// The address of the last redirect of this task's request.
    static LAST_REDIRECT: RefCell<Option<Url>>;
}

/// Waits for an answer, and returns the address of the last redirect too. The errors of the HTTP client name the first
/// address, even if another host failed.
pub(super) async fn with_last_redirect<T>(sending: impl Future<Output = T>) -> (T, Option<Url>) {
    let waiting = async {
        let outcome = sending.await;
        (outcome, LAST_REDIRECT.with(RefCell::take))
    };
    LAST_REDIRECT.scope(RefCell::default(), waiting).await
}

fn follow(attempt: redirect::Attempt<'_>, public_only: bool) -> redirect::Action {
    let first = attempt.previous().first();
    if first.is_some_and(|first| is_referrers(first) && is_other_host(first, attempt.url())) {
        return attempt.stop();
    }
    // Outside of `with_last_redirect` the address is not needed.
    let _ = LAST_REDIRECT.try_with(|last| last.replace(Some(attempt.url().clone())));
    let from_tls = attempt.previous().iter().any(|url| url.scheme() == "https");
    if from_tls && attempt.url().scheme() != "https" {
        attempt.error(InsecureRedirect)
    } else if public_only && has_private_address(attempt.url()) {
        attempt.error(PrivateAddress)
    } else {
        redirect::Policy::limited(MAX_REDIRECTS).redirect(attempt)
    }
}

/// Returns whether a URL is that of a list of referrers. GHCR has no such lists and redirects to a web page, whose
/// refusal says nothing about referrers.
fn is_referrers(url: &Url) -> bool {
    let mut segments = url.path().rsplit('/');
    segments.nth(1) == Some("referrers")
}

/// Returns whether a redirect leaves a host. One from http to https does not.
pub(super) fn is_other_host(from: &Url, to: &Url) -> bool {
    let is_upgrade = from.scheme() == "http" && to.scheme() == "https";
    let same_port = from.port_or_known_default() == to.port_or_known_default();
    from.host() != to.host() || !(same_port || is_upgrade)
}

/// A redirect leads from https to another scheme.
#[derive(Debug, thiserror::Error)]
#[error("it leads from https to an unencrypted address")]
pub(super) struct InsecureRedirect;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_needs_no_tls() {
        for (registry, plain_http, expected) in [
            ("ghcr.io", false, "https://ghcr.io/"),
            ("ghcr.io", true, "http://ghcr.io/"),
            (
                "registry.example:5000",
                false,
                "https://registry.example:5000/",
            ),
            ("docker.io", false, "https://index.docker.io/"),
            ("localhost:5000", false, "http://localhost:5000/"),
            ("a.localhost", false, "http://a.localhost/"),
            ("127.0.0.1:5000", false, "http://127.0.0.1:5000/"),
            ("127.9.9.9:5000", false, "http://127.9.9.9:5000/"),
            ("[::1]:5000", false, "http://[::1]:5000/"),
            ("128.0.0.1", false, "https://128.0.0.1/"),
            ("notlocalhost", false, "https://notlocalhost/"),
            ("127.0.0.1.example", false, "https://127.0.0.1.example/"),
        ] {
            let options = Options {
                plain_http,
                ..Options::default()
            };
            let found = origin(registry, &options).unwrap();
            assert_eq!(found.as_str(), expected);
        }
        for bad in ["", "user@host", "host/path", "a b"] {
            assert!(origin(bad, &Options::default()).is_err(), "{bad}");
        }
    }

    #[test]
    fn loopback_may_have_tls() {
        let options = Options {
            tls: true,
            ..Options::default()
        };
        for host in ["localhost:5000", "127.0.0.1:5000", "[::1]:5000", "ghcr.io"] {
            let found = origin(host, &options).unwrap();
            assert_eq!(found.as_str(), format!("https://{host}/"));
        }
    }
}
