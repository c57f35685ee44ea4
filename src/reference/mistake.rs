//! Common mistakes in references, places, packages and servers: URLs, and hosts with a user's password before them.
//!
//! All parsers use this one rule, and no error repeats a password. This module must not know what a correct text means.

use core::net::Ipv4Addr;
use std::borrow::Cow;
use std::fmt;

use semver::{Version, VersionReq};

use super::host::{is_host, is_port};
use super::{BLOBS, LAYOUT, is_marked_as_host};

/// Replaces a user and a password in errors.
const HIDDEN: &str = "***";

/// A mistake in a text that other programs would accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// The text is a URL.
    Scheme {
        /// The scheme, before `://`.
        scheme: String,
        /// The rest after `://`, without a user and a password.
        rest: String,
    },
    /// The text has a user and a password.
    Login {
        /// The host, and the text after it.
        rest: String,
    },
    /// The text is only a host.
    NoRepository {
        /// The host, with its port if it has one.
        host: String,
    },
}

impl Mistake {
    /// Finds the mistake in a text, if there is one.
    pub fn of(text: &str) -> Option<Self> {
        let rest = match Login::of(text) {
            Some(login) => login.rest,
            None => split_scheme(text).1,
        };
        let rest = rest.to_owned();
        if let (Some(scheme), _) = split_scheme(text) {
            let scheme = scheme.to_owned();
            return Some(Self::Scheme { scheme, rest });
        }
        if rest.len() < text.len() {
            return Some(Self::Login { rest });
        }
        host_alone(&rest).map(|host| Self::NoRepository {
            host: host.to_owned(),
        })
    }

    /// Finds the mistake in a text that names a registry or a layout. There, a host alone is correct.
    pub fn of_place(text: &str) -> Option<Self> {
        Self::of(text).filter(|mistake| !matches!(mistake, Self::NoRepository { .. }))
    }

    /// Returns the reference or place that the user probably meant.
    pub fn suggestion(&self) -> Option<String> {
        match self {
            Self::Scheme { scheme, rest } => {
                let rest = rest.trim_end_matches('/');
                let host = rest.split('/').next().unwrap_or_default();
                let meant = match scheme == "oci" && !(is_marked_as_host(host) && is_host(host)) {
                    true => format!("{LAYOUT}{rest}"),
                    false => rest.to_owned(),
                };
                (!rest.is_empty()).then_some(meant)
            }
            Self::Login { rest } => Some(rest.clone()),
            Self::NoRepository { host } => Some(format!("{host}/NAME:TAG")),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme { scheme, .. } => write!(f, "it must not begin with `{scheme}://`"),
            Self::Login { .. } => f.write_str("it contains a user and a password"),
            Self::NoRepository { host } => {
                write!(f, "the repository is missing, as in `{host}/NAME:TAG`")
            }
        }
    }
}

/// Returns a text without the user and the password in it, for errors.
pub fn redact(text: &str) -> Cow<'_, str> {
    match Login::of(text) {
        Some(Login { before, rest }) => format!("{before}{HIDDEN}@{rest}").into(),
        None => text.into(),
    }
}

/// A user and a password in a text.
struct Login<'a> {
    /// The scheme with `://`, or nothing.
    before: &'a str,
    /// The text after the `@`.
    rest: &'a str,
}

impl<'a> Login<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (scheme, rest) = split_scheme(text);
        let before = &text[..text.len() - rest.len()];
        // The text after the last `@` may be a digest.
        let named = match rest.rsplit_once('@') {
            Some((named, digest)) if is_digest_like(digest) => named,
            _ => rest,
        };
        let (user, host) = named.rsplit_once('@')?;
        // In a URL, even a user name alone may be a token.
        let is_login = match (scheme, user.strip_prefix(LAYOUT)) {
            (Some(_), _) => true,
            (None, Some(user)) => is_login_in_layout(user, host),
            (None, None) => user.contains(':') && !begins_path(user) && is_host_like(host),
        };
        let rest = &rest[user.len() + 1..];
        is_login.then_some(Self { before, rest })
    }
}

/// Returns the scheme of a URL, and the text after it.
fn split_scheme(text: &str) -> (Option<&str>, &str) {
    let is_scheme = |scheme: &str| {
        let mut bytes = scheme.bytes();
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte);
        bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic()) && bytes.all(inside)
    };
    match text.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
        _ => (None, text),
    }
}

/// Returns whether the text after `oci:` is a login, and not a directory and a repository in it.
fn is_login_in_layout(user: &str, host: &str) -> bool {
    let is_user = |(user, _): (&str, &str)| !user.is_empty() && !user.contains('/');
    let host = host.split('/').next().unwrap_or_default();
    user.split_once(':').is_some_and(is_user)
        && !begins_path(user)
        && is_host_like(host)
        && is_marked_as_host(host)
        && is_host(host)
}

/// Returns whether a text begins like a path. A directory may have any name.
fn begins_path(text: &str) -> bool {
    let paths = [LAYOUT, BLOBS, "/", "."];
    paths.iter().any(|path| text.starts_with(path))
}

fn is_digest_like(text: &str) -> bool {
    ["sha256:", "sha512:"]
        .iter()
        .any(|name| text.starts_with(name))
}

/// Returns whether the text after an `@` is a host, and not a package version.
fn is_host_like(text: &str) -> bool {
    let (host, has_path) = match text.split_once('/') {
        Some((host, _)) => (host, true),
        None => (text, false),
    };
    let version = host.trim_start_matches(['v', 'V']);
    let is_version = Version::parse(version).is_ok() || VersionReq::parse(version).is_ok();
    let is_named = || {
        let last = host.rsplit('.').next().unwrap_or_default();
        let is_domain =
            last.len() < host.len() && last.bytes().all(|byte| byte.is_ascii_alphabetic());
        is_domain || host.parse::<Ipv4Addr>().is_ok()
    };
    has_path || (!is_version && (host.contains(':') || host == "localhost" || is_named()))
}

/// Returns the host if a text is only a host. A name whose only special characters are dots may be a file name.
fn host_alone(text: &str) -> Option<&str> {
    let host = text.strip_suffix('/').unwrap_or(text);
    let is_certain = host.len() < text.len()
        || host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok()
        || is_host_with_port(host);
    let is_host = !begins_path(host) && is_marked_as_host(host) && is_host(host);
    (is_certain && is_host).then_some(host)
}

/// Returns whether a text is a host with a port. A package never is, because no label begins with a digit.
pub(super) fn is_host_with_port(text: &str) -> bool {
    let port = text.rsplit_once(':').map(|(_, port)| port);
    let has_port = port.is_some_and(is_port) || text.ends_with(']');
    !begins_path(text) && is_marked_as_host(text) && is_host(text) && has_port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_repeated() {
        for (text, shown) in [
            ("user:SECRET@127.0.0.1:1/a/b:1", "***@127.0.0.1:1/a/b:1"),
            ("user:SECRET@ghcr.io", "***@ghcr.io"),
            ("user:SECRET@localhost", "***@localhost"),
            ("user:SECRET@10.0.0.1", "***@10.0.0.1"),
            ("user:SECRET@[::1]:5000/a", "***@[::1]:5000/a"),
            ("user:SEC@RET@ghcr.io/a:1", "***@ghcr.io/a:1"),
            ("user:SEC/RET@ghcr.io/a:1", "***@ghcr.io/a:1"),
            ("https://user:SECRET@ghcr.io/a", "https://***@ghcr.io/a"),
            ("oci://SECRET@ghcr.io/a:1", "oci://***@ghcr.io/a:1"),
            ("oci:user:SECRET@ghcr.io/a:1", "***@ghcr.io/a:1"),
            ("oci:user:SEC/RET@localhost:5000/a", "***@localhost:5000/a"),
            (
                "docker://u:SECRET@ghcr.io/a@sha256:00",
                "docker://***@ghcr.io/a@sha256:00",
            ),
        ] {
            assert_eq!(redact(text), shown);
            assert!(Mistake::of(text).is_some(), "{text}");
        }
    }

    #[test]
    fn texts_without_a_password_stay_as_they_are() {
        for text in [
            "demo:calc@1.0.0",
            "demo:calc@v1.0.0",
            "demo:calc@>=1, <3",
            "demo:calc@latest",
            "demo:calc@",
            "localhost:5000/demo/calc:1@sha256:00",
            "oci:/a@b/c:1",
            "oci:a:b@c/d",
            "oci:dir/a:b@ghcr.io/d",
            "oci:./a:b@ghcr.io/d",
            "oci:a@ghcr.io/d:1",
            "blobs:/a@b/c:1@sha256:00",
            "oci:5000",
            "oci:5000/",
            "calc.wasm",
            "./calc/",
            "./a:b@c/d.wasm",
            "me@ghcr.io/me/calc:1.0",
        ] {
            assert_eq!(redact(text), text);
            assert_eq!(Mistake::of(text), None, "{text}");
        }
    }

    #[test]
    fn mistakes_suggest_a_correct_reference() {
        for (text, meant) in [
            ("oci://ghcr.io/me/calc:1", Some("ghcr.io/me/calc:1")),
            ("oci://[::1]:5000/calc:1", Some("[::1]:5000/calc:1")),
            ("docker://ghcr.io/me/calc", Some("ghcr.io/me/calc")),
            ("https://u:SECRET@ghcr.io/a:1", Some("ghcr.io/a:1")),
            ("https://ghcr.io/me/calc/", Some("ghcr.io/me/calc")),
            ("oci:///srv/store:1", Some("oci:/srv/store:1")),
            ("oci://store:1.0", Some("oci:store:1.0")),
            ("oci://dir/store:1", Some("oci:dir/store:1")),
            ("oci://ghcr.io", Some("ghcr.io")),
            ("oci://", None),
            ("http://localhost:5000", Some("localhost:5000")),
            ("localhost:5000", Some("localhost:5000/NAME:TAG")),
            ("localhost", Some("localhost/NAME:TAG")),
            ("10.0.0.1", Some("10.0.0.1/NAME:TAG")),
            ("ghcr.io/", Some("ghcr.io/NAME:TAG")),
            ("[::1]:5000/", Some("[::1]:5000/NAME:TAG")),
            ("u:SECRET@ghcr.io/a:1", Some("ghcr.io/a:1")),
        ] {
            let mistake = Mistake::of(text).unwrap();
            assert_eq!(mistake.suggestion().as_deref(), meant, "{text}");
        }
    }
}
