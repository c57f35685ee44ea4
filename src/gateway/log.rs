//! The lines of the log: time, client and request, without secrets.
//!
//! Clients put passwords into wrong places, such as `?ns=user:password@host`. So the log has only paths and parameters
//! that the gateway understands. It has `…` in place of everything else.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use http::Uri;

use super::message::Request;
use super::page::address::PageAddress;
use super::route::{is_repository, route};
use crate::digest::Digest;
use crate::reference::{is_host, is_tag};

/// The maximum length of a method, and of a path with its query, in characters.
const MAX_METHOD: usize = 16;
const MAX_TARGET: usize = 1024;

/// The text in place of one that the gateway does not understand.
const HIDDEN: &str = "…";

/// A request as the log shows it: client, method and path.
#[derive(Debug, Clone)]
pub(super) struct LoggedRequest(String);

impl LoggedRequest {
    pub(super) fn new(client: Option<SocketAddr>, request: &Request) -> Self {
        let method: String = request.method.as_str().chars().take(MAX_METHOD).collect();
        let client = client.map_or_else(|| "-".to_owned(), |client| client.to_string());
        Self(format!("{client} {method} {}", target(&request.uri)))
    }

    /// Returns the words that the server added to the request. Without a server, the client is `-`.
    pub(super) fn of(request: &Request) -> Cow<'_, Self> {
        match request.extensions.get() {
            Some(logged) => Cow::Borrowed(logged),
            None => Cow::Owned(Self::new(None, request)),
        }
    }
}

impl fmt::Display for LoggedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the line of an error or a warning. Problems of the whole gateway have no request.
pub(super) fn line(level: &str, request: Option<&LoggedRequest>, what: &str) -> String {
    let time = instant(SystemTime::now());
    match request {
        Some(request) => format!("{level}: {time} {request}: {what}"),
        None => format!("{level}: {time} {what}"),
    }
}

/// Returns the path and the query.
fn target(uri: &Uri) -> String {
    let pairs = uri.query().unwrap_or_default().split('&').filter_map(pair);
    let query = pairs.collect::<Vec<_>>().join("&");
    let mark = if query.is_empty() { "" } else { "?" };
    let text = format!("{}{mark}{query}", path(uri.path()));
    text.chars().take(MAX_TARGET).collect()
}

/// Returns a path of the gateway. Of other paths, such as those of scanners, only plain words are certainly no secret.
fn path(path: &str) -> &str {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    let is_shown =
        path.bytes().all(is_plain) || route(path).is_ok() || PageAddress::read(path).is_some();
    let prefixes = [("/v2/", "/v2/…"), ("/-/", "/-/…")];
    match prefixes.iter().find(|(prefix, _)| path.starts_with(prefix)) {
        _ if is_shown => path,
        Some((_, hidden)) => hidden,
        None => "/…",
    }
}

/// Returns a query parameter as the log shows it. Unknown parameters are left out with their names, because a parameter
/// without a name may be a secret.
fn pair(pair: &str) -> Option<String> {
    let (name, value) = form_urlencoded::parse(pair.as_bytes()).next()?;
    // A plus sign is decoded as a space.
    let is_type = |byte: u8| byte.is_ascii_alphanumeric() || b"/+.- ".contains(&byte);
    let is_valid = match &*name {
        "ns" => is_host(&value),
        "n" => value.bytes().all(|byte| byte.is_ascii_digit()),
        "last" => is_tag(&value) || is_repository(&value),
        "digest" => value.parse::<Digest>().is_ok(),
        "artifactType" => value.bytes().all(is_type),
        "form" => ["split", "flat"].contains(&&*value),
        _ => return None,
    };
    let is_raw = pair.split_once('=').is_none_or(|(raw, _)| raw == name);
    Some(match is_valid && is_raw {
        true => pair.to_owned(),
        false => format!("{name}={HIDDEN}"),
    })
}

/// Formats a time as RFC 3339, in UTC, to the second.
pub(super) fn instant(moment: SystemTime) -> String {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    // If years begin in March, the leap day is the last day of a year. All periods of 400 years have the same number of
    // days.
    let from_march = days + 719_468;
    let (era, of_era) = (from_march / 146_097, from_march % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn moments_are_written_as_dates() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (1_795_386_245, "2026-11-22T22:24:05Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let moment = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(instant(moment), expected);
        }
    }

    fn shown(uri: &str) -> String {
        target(&uri.parse().unwrap())
    }

    #[test]
    fn requests_of_the_gateway_are_logged_as_they_are() {
        let digest = Digest::of(b"");
        for uri in [
            "/",
            "/healthz",
            "/favicon.ico",
            "/v2/",
            "/v2/a/tags/list?n=5&last=1.0",
            "/v2/_catalog?last=a/b",
            "/v2/ghcr.io/a/manifests/1?ns=localhost%3A5000",
            "/v2/localhost:5000/a/manifests/1?ns=docker.io&form=split",
            &format!("/v2/a/referrers/{digest}?artifactType=application/vnd.x+json"),
            &format!("/v2/a/blobs/{digest}"),
            &format!("/v2/a/blobs/sha256%3A{}", digest.hex()),
            &format!("/-/localhost:5000/a:1@{digest}"),
        ] {
            assert_eq!(shown(uri), uri);
        }
        let long = format!("/{}", "a".repeat(5000));
        assert_eq!(shown(&long).len(), MAX_TARGET);
    }

    #[test]
    fn unknown_query_parameters_are_not_logged() {
        for (uri, expected) in [
            (
                "/v2/a/manifests/1?token=s3cret&ns=docker.io",
                "/v2/a/manifests/1?ns=docker.io",
            ),
            ("/v2/?s3cret&N=1&n&&=s3cret", "/v2/?n"),
        ] {
            assert_eq!(shown(uri), expected);
        }
    }

    #[test]
    fn secrets_in_paths_and_parameters_are_hidden() {
        for (uri, expected) in [
            ("http://user:s3cret@host/v2/?form=split", "/v2/?form=split"),
            ("/v2/?ns=user:s3cret@host", "/v2/?ns=…"),
            ("/v2/?ns=user%3As3cret%40host", "/v2/?ns=…"),
            ("/v2/?ns=user%253As3cret%2540host", "/v2/?ns=…"),
            ("/v2/?n%73=user:s3cret@host", "/v2/?ns=…"),
            ("/v2/?n=s3cret&last=user:s3cret@host", "/v2/?n=…&last=…"),
            ("/v2/?digest=s3cret&form=s3cret", "/v2/?digest=…&form=…"),
            ("/v2/?artifactType=s3cret@host", "/v2/?artifactType=…"),
            ("/v2/user:s3cret@host/a/manifests/1", "/v2/…"),
            ("/v2/user%3As3cret%40host/a/manifests/1", "/v2/…"),
            ("/v2/user%253As3cret%2540host/a/manifests/1", "/v2/…"),
            ("/v2/a/manifests/user:s3/cret@host", "/v2/…"),
            ("/v2/user:s3/cret@host/a/tags/list", "/v2/…"),
            ("/-/user:s3cret@host/a:1", "/-/…"),
            ("/-/s3cret@host/a", "/-/…"),
            ("/user:s3cret@host", "/…"),
        ] {
            assert_eq!(shown(uri), expected);
        }
    }
}
