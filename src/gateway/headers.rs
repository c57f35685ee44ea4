//! The forms and encodings that a client accepts.
//!
//! Spec: RFC 9110, 12.4.2 (weights), 12.5.1 (`Accept`) and 12.5.3 (`Accept-Encoding`).

use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};
use http::{HeaderMap, HeaderValue};

use crate::manifest::media_type;

/// Returns the elements of a list in lower case, without parameters, each with its weight in thousandths.
fn parse_weights(headers: &HeaderMap, name: HeaderName) -> Vec<(String, u16)> {
    let lines = headers.get_all(name).into_iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    let elements = lines.flat_map(|line| line.split(','));
    let weighted = elements.filter_map(|element| {
        let mut parts = element.split(';').map(str::trim);
        let value = parts.next().filter(|value| !value.is_empty())?;
        let weight = parts.find_map(|parameter| {
            let (name, weight) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("q").then(|| weight.trim())
        });
        // An unparsable weight counts as 0.
        let weight = weight.map_or(1000, |text| thousandths(text).unwrap_or(0));
        Some((value.to_ascii_lowercase(), weight))
    });
    weighted.collect()
}

/// Parses a weight such as `0`, `1`, `0.5` or `1.000`: at most three digits after the point, and at most 1.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = rest.len() <= 3 && rest.bytes().all(|byte| byte.is_ascii_digit());
    let rest: u16 = match digits {
        true => format!("{rest:0<3}").parse().ok()?,
        false => return None,
    };
    match (whole, rest) {
        ("0", rest) => Some(rest),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

/// Returns whether the client names the split form. `*/*` does not include it.
pub(super) fn accepts_split(headers: &HeaderMap) -> bool {
    let accepted = parse_weights(headers, ACCEPT);
    let mut named = accepted
        .iter()
        .filter(|(value, _)| value == media_type::SPLIT_ARTIFACT);
    named.any(|(_, weight)| *weight > 0)
}

/// Returns whether the client names zstd and does not prefer `identity`. `*` does not include zstd.
pub(super) fn accepts_zstd(headers: &HeaderMap) -> bool {
    let accepted = parse_weights(headers, ACCEPT_ENCODING);
    let weight = |name: &str| {
        let named = accepted.iter().filter(|(value, _)| value == name);
        named.map(|(_, weight)| *weight).max()
    };
    let identity = weight("identity").unwrap_or(0);
    weight("zstd").is_some_and(|zstd| zstd > 0 && zstd >= identity)
}

/// Returns the `Accept` header for upstream: the client's own, and the split form. Another gateway shows the split form
/// only to clients that name it. Registries store it as an OCI manifest, and some answer 404 unless that type is named.
pub(super) fn upstream_accept(headers: &HeaderMap) -> HeaderValue {
    let named = parse_weights(headers, ACCEPT);
    let anything = named.is_empty() || named.iter().any(|(value, _)| value.contains('*'));
    let lines = headers.get_all(ACCEPT).into_iter();
    let mut lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    lines.retain(|line| !line.trim().is_empty());
    if anything {
        lines.push(media_type::MANIFESTS);
    } else if accepts_split(headers) {
        lines.push(media_type::MANIFEST);
    }
    lines.push(media_type::SPLIT_ARTIFACT);
    HeaderValue::try_from(lines.join(", "))
        .unwrap_or(HeaderValue::from_static(media_type::SPLIT_ARTIFACT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, lines: &[&str]) -> HeaderMap {
        let lines = lines.iter().map(|line| line.parse().unwrap());
        lines
            .map(|line| (name.clone(), line))
            .collect::<Vec<_>>()
            .into_iter()
            .fold(
                HeaderMap::new(),
                |mut headers, (name, line): (HeaderName, HeaderValue)| {
                    headers.append(name, line);
                    headers
                },
            )
    }

    #[test]
    fn the_split_form_must_be_named() {
        let split = media_type::SPLIT_ARTIFACT;
        for (lines, expected) in [
            (&[][..], false),
            (&["*/*"], false),
            (&["application/*"], false),
            (&[media_type::MANIFEST], false),
            (&[split], true),
            (&["*/*", split], true),
            (
                &["application/vnd.oci.image.manifest.v1+json, APPLICATION/vnd.wharf.component.v1"],
                true,
            ),
            (&["application/vnd.wharf.component.v1;q=0.1"], true),
            (&["application/vnd.wharf.component.v1; a=b ;Q=0.000"], false),
            (&["application/vnd.wharf.component.v1;q=often"], false),
            (&["application/vnd.wharf.component.v10"], false),
            (&[", ,;q=1"], false),
        ] {
            assert_eq!(
                accepts_split(&headers(ACCEPT, lines)),
                expected,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn zstd_must_be_named_and_not_second() {
        for (lines, expected) in [
            (&[][..], false),
            (&["*"], false),
            (&["gzip, deflate"], false),
            (&["zstd"], true),
            (&["zstd;q=1.0, gzip;q=0.9, deflate;q=0.8"], true),
            (&["gzip", "ZSTD"], true),
            (&["zstd;q=0"], false),
            (&["zstd;q=0.5, identity;q=0.6"], false),
            (&["zstd;q=0.5, identity;q=0.5"], true),
            (&["zstd;q=0.5, *;q=1"], true),
            (&["zstd;q=1.5"], false),
            (&["zstd;q=0.1234"], false),
        ] {
            let found = accepts_zstd(&headers(ACCEPT_ENCODING, lines));
            assert_eq!(found, expected, "{lines:?}");
        }
    }

    #[test]
    fn the_accept_header_is_forwarded_upstream() {
        let asked = |lines: &[&str]| {
            let value = upstream_accept(&headers(ACCEPT, lines));
            value.to_str().unwrap().to_owned()
        };
        let all = format!("{}, {}", media_type::MANIFESTS, media_type::SPLIT_ARTIFACT);
        assert_eq!(asked(&[]), all);
        assert_eq!(asked(&["*/*"]), format!("*/*, {all}"));
        assert_eq!(
            asked(&["a/b;q=0.5", "c/d"]),
            format!("a/b;q=0.5, c/d, {}", media_type::SPLIT_ARTIFACT)
        );
        let split = media_type::SPLIT_ARTIFACT;
        assert_eq!(
            asked(&[split]),
            format!("{split}, {}, {split}", media_type::MANIFEST)
        );
    }
}
