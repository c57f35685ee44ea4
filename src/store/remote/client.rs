//! The HTTP clients of a registry.

use std::cell::RefCell;
use std::time::Duration;

use reqwest::{Url, redirect};

use super::options::Options;
use super::public::{InnerAddress, PublicOnly, is_inner};
use crate::reference::{self, DOCKER_HUB, DOCKER_HUB_API};
use crate::store::Error;

const USER_AGENT: &str = concat!("wharf/", env!("CARGO_PKG_VERSION"));

const MAX_REDIRECTS: usize = 10;

/// Returns scheme, host and port of a registry.
///
/// Docker Hub has its API on another host than references name.
pub(super) fn origin(registry: &str, plain_http: bool) -> Result<Url, Error> {
    match registry {
        DOCKER_HUB => site(DOCKER_HUB_API, plain_http),
        host => site(host, plain_http),
    }
}

/// Returns scheme, host and port of a host that is asked under its own name.
pub(super) fn site(host: &str, plain_http: bool) -> Result<Url, Error> {
    let bad = || Error::Settings {
        reason: format!("`{host}` is not the address of a registry"),
    };
    let parse = |scheme: &str| Url::parse(&format!("{scheme}://{host}/")).map_err(|_| bad());
    let url = parse("https")?;
    if !url.username().is_empty() || url.password().is_some() || url.path() != "/" {
        return Err(bad());
    }
    if plain_http || is_loopback(&url) {
        parse("http")
    } else {
        Ok(url)
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(reference::is_loopback)
}

/// Makes the client for requests, whose answers may take so long, or the one for uploads: its timer
/// would count from the first byte that goes out, so the body's progress is watched instead.
pub(super) fn build(
    origin: &Url,
    options: &Options,
    read_timeout: Option<Duration>,
) -> Result<reqwest::Client, Error> {
    let public_only = options.public_only;
    let policy = redirect::Policy::custom(move |attempt| follow(attempt, public_only));
    build_with(origin, options, read_timeout, policy)
}

/// Makes a client for what is no registry: it is led to https only, or from one loopback host to another.
pub(super) fn build_for_site(origin: &Url, options: &Options) -> Result<reqwest::Client, Error> {
    let public_only = options.public_only;
    let policy = redirect::Policy::custom(move |attempt| {
        let from_loopback = attempt.previous().iter().all(is_loopback);
        if attempt.url().scheme() == "https" || (from_loopback && is_loopback(attempt.url())) {
            follow(attempt, public_only)
        } else {
            attempt.stop()
        }
    });
    build_with(origin, options, Some(options.read_timeout), policy)
}

fn build_with(
    origin: &Url,
    options: &Options,
    read_timeout: Option<Duration>,
    policy: redirect::Policy,
) -> Result<reqwest::Client, Error> {
    // Fails only where a provider is installed already, which then serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .referer(false)
        .redirect(policy)
        .connect_timeout(options.connect_timeout)
        .tls_certs_merge(certificates(&options.ca_certificates)?);
    if is_loopback(origin) || options.public_only {
        builder = builder.no_proxy();
    }
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

fn certificates(bundle: &[u8]) -> Result<Vec<reqwest::Certificate>, Error> {
    if bundle.is_empty() {
        return Ok(Vec::new());
    }
    match reqwest::Certificate::from_pem_bundle(bundle) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Error::Settings {
            reason: "the CA file holds no certificate in PEM form, or a broken one".to_owned(),
        }),
    }
}

tokio::task_local! {
    /// The address that the request of this task was led to last.
    static LED_TO: RefCell<Option<Url>>;
}

/// Waits for an answer, and returns the address that the request was led to last, too. The client's own errors name
/// the first address, even if another host failed.
pub(super) async fn led<T>(sending: impl Future<Output = T>) -> (T, Option<Url>) {
    let waiting = async {
        let outcome = sending.await;
        (outcome, LED_TO.with(RefCell::take))
    };
    LED_TO.scope(RefCell::default(), waiting).await
}

fn follow(attempt: redirect::Attempt<'_>, public_only: bool) -> redirect::Action {
    let first = attempt.previous().first();
    if first.is_some_and(|first| is_referrers(first) && is_other_host(first, attempt.url())) {
        return attempt.stop();
    }
    // Outside of `led` nobody asks.
    let _ = LED_TO.try_with(|led_to| led_to.replace(Some(attempt.url().clone())));
    let from_tls = attempt.previous().iter().any(|url| url.scheme() == "https");
    if from_tls && attempt.url().scheme() != "https" {
        attempt.error(InsecureRedirect)
    } else if public_only && is_inner(attempt.url()) {
        attempt.error(InnerAddress)
    } else {
        redirect::Policy::limited(MAX_REDIRECTS).redirect(attempt)
    }
}

/// Returns whether a URL is that of a list of referrers. GHCR has no such lists and answers with the address of a web page,
/// which refuses us in ways that say nothing of referrers.
fn is_referrers(url: &Url) -> bool {
    let mut segments = url.path().rsplit('/');
    segments.nth(1) == Some("referrers")
}

/// Returns whether a redirect leads away from a host. From http to https it stays there.
pub(super) fn is_other_host(from: &Url, to: &Url) -> bool {
    let is_upgrade = from.scheme() == "http" && to.scheme() == "https";
    let same_port = from.port_or_known_default() == to.port_or_known_default();
    from.host() != to.host() || !(same_port || is_upgrade)
}

/// A redirect leads from https to something weaker.
#[derive(Debug, thiserror::Error)]
#[error("it leads from https to an address without")]
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
            assert_eq!(origin(registry, plain_http).unwrap().as_str(), expected);
        }
        for bad in ["", "user@host", "host/path", "a b"] {
            assert!(origin(bad, false).is_err(), "{bad}");
        }
    }
}
