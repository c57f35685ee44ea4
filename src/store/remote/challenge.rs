//! The challenges that a registry sends in `WWW-Authenticate`, and the addresses that may receive a password.
//!
//! Spec: <https://distribution.github.io/distribution/spec/auth/token/>, on top of RFC 9110, section 11.6.1.

use reqwest::Url;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

use super::public::has_private_address;

/// One way to authenticate that a registry offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User name and password in every request.
    Basic,
    /// A token from the server at `realm`.
    Bearer {
        /// The token server's address, not checked yet.
        realm: String,
        /// The token server's name for the registry.
        service: Option<String>,
    },
}

/// Returns the supported challenges of an answer, in order.
pub(super) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(parse)
        .collect()
}

/// Parses the challenges in one header. Schemes and parameters share one comma-separated list, so a new challenge
/// begins with a word that no `=` follows. Unquoted values may contain anything but commas and white space: zot sends
/// `realm=https://…` unquoted, against the RFC.
fn parse(text: &str) -> Vec<Challenge> {
    let mut found: Vec<Offer> = Vec::new();
    for element in elements(text) {
        let (name, rest) = match element.split_once(|c: char| c.is_whitespace()) {
            Some((scheme, rest))
                if !scheme.contains('=') && !rest.trim_start().starts_with('=') =>
            {
                found.push(Offer::new(scheme));
                split_parameter(rest)
            }
            _ if !element.contains('=') => {
                found.push(Offer::new(element));
                continue;
            }
            _ => split_parameter(element),
        };
        if let Some(offer) = found.last_mut() {
            let parameter = match name.to_ascii_lowercase().as_str() {
                "realm" => &mut offer.realm,
                "service" => &mut offer.service,
                _ => continue,
            };
            parameter.get_or_insert_with(|| unquote(rest));
        }
    }
    let known = |offer: Offer| match (offer.scheme.as_str(), offer.realm) {
        ("basic", _) => Some(Challenge::Basic),
        ("bearer", Some(realm)) => Some(Challenge::Bearer {
            realm,
            service: offer.service,
        }),
        _ => None,
    };
    found.into_iter().filter_map(known).collect()
}

/// A challenge of any scheme, with the relevant parameters.
struct Offer {
    scheme: String,
    realm: Option<String>,
    service: Option<String>,
}

impl Offer {
    fn new(scheme: &str) -> Self {
        Self {
            scheme: scheme.to_ascii_lowercase(),
            realm: None,
            service: None,
        }
    }
}

/// Splits at commas outside quotes.
fn elements(text: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(|c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => return true,
            _ => {}
        }
        false
    })
    .map(str::trim)
    .filter(|element| !element.is_empty())
    .collect()
}

fn split_parameter(text: &str) -> (&str, &str) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    (name.trim(), value.trim())
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else {
        return value.to_owned();
    };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut escaped = false;
    let plain = |c: &char| {
        escaped = *c == '\\' && !escaped;
        !escaped
    };
    inner.chars().filter(plain).collect()
}

/// Checks a token server's address before it receives a password. The error names the problem.
///
/// A registry that is reached by https must not make the client send the password unencrypted.
pub(super) fn check_realm(realm: &str, registry: &Url, public_only: bool) -> Result<Url, String> {
    let url = Url::parse(realm).map_err(|_| "its token server's address is not an absolute URL")?;
    match url.scheme() {
        "https" => {}
        "http" if registry.scheme() == "http" => {}
        _ => return Err("its token server does not use https".to_owned()),
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("its token server's address has no host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("its token server's address contains a user name".to_owned());
    }
    if public_only && has_private_address(&url) {
        return Err("its token server's address is not public".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: None,
        }
    }

    fn bearer_for(realm: &str, service: &str) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: Some(service.to_owned()),
        }
    }

    #[test]
    fn challenges_are_found_however_they_are_written() {
        let token = "https://auth.example/token";
        for (text, expected) in [
            (
                r#"Bearer realm="https://auth.example/token",service="r",scope="repository:a:pull,push""#,
                vec![bearer_for(token, "r")],
            ),
            (
                r#"bEARER Realm = "https://auth.example/token""#,
                vec![bearer(token)],
            ),
            (
                "bearer realm=https://auth.example/token",
                vec![bearer(token)],
            ),
            (
                r#"Bearer service="a", realm="https://auth.example/token""#,
                vec![bearer_for(token, "a")],
            ),
            (
                r#"Negotiate, Basic realm="a, Bearer realm=x", Bearer realm="https://auth.example/token""#,
                vec![Challenge::Basic, bearer(token)],
            ),
            ("basic realm=zot", vec![Challenge::Basic]),
            ("Basic", vec![Challenge::Basic]),
            (r#"Bearer service="no realm""#, vec![]),
            (r#"Digest realm="a", nonce="b""#, vec![]),
            (r#"Bearer realm="a\"b\\c""#, vec![bearer(r#"a"b\c"#)]),
            ("", vec![]),
            (",,=,\"", vec![]),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn several_header_lines_count() {
        let mut headers = HeaderMap::new();
        headers.append(WWW_AUTHENTICATE, "Negotiate".parse().unwrap());
        headers.append(WWW_AUTHENTICATE, "Basic realm=\"x\"".parse().unwrap());
        assert_eq!(challenges(&headers), [Challenge::Basic]);
    }

    #[test]
    fn a_password_is_sent_only_to_a_valid_realm() {
        let https = Url::parse("https://registry.example/").unwrap();
        let http = Url::parse("http://127.0.0.1:5000/").unwrap();
        assert!(check_realm("https://auth.example/token", &https, false).is_ok());
        assert!(check_realm("https://auth.example/token", &http, false).is_ok());
        assert!(check_realm("http://127.0.0.1:5000/token", &http, false).is_ok());
        for bad in [
            "http://auth.example/token",
            "HTTP://auth.example/token",
            "http://127.0.0.1/token",
            "/token",
            "auth.example/token",
            "https://user@auth.example/token",
            "https://user:word@auth.example/token",
            "https:///",
            "ftp://auth.example/token",
            "file:///etc/passwd",
            "",
        ] {
            assert!(check_realm(bad, &https, false).is_err(), "{bad}");
        }
        for inner in ["https://10.0.0.1/token", "https://[fe80::1]:443/token"] {
            assert!(check_realm(inner, &https, false).is_ok(), "{inner}");
            assert!(check_realm(inner, &https, true).is_err(), "{inner}");
        }
        assert!(check_realm("https://auth.example/token", &https, true).is_ok());
        for bad in ["ftp://auth.example/", "http://user@127.0.0.1/token"] {
            assert!(check_realm(bad, &http, false).is_err(), "{bad}");
        }
    }
}
