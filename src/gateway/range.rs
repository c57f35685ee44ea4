//! Range requests and conditional requests.
//!
//! Spec: RFC 9110, 13.1.2 (`If-None-Match`), 13.1.5 (`If-Range`) and 14 (ranges).

use std::ops::Range;

use http::header::{HeaderMap, IF_NONE_MATCH, IF_RANGE, RANGE};

/// Returns the range that a client requests of a body with `size` bytes and the entity tag `"tag"`. Returns nothing for
/// all bytes, and an empty range if the requested one does not exist. Several ranges count as all bytes, because a
/// server may ignore them.
pub(super) fn requested_range(headers: &HeaderMap, size: u64, tag: &str) -> Option<Range<u64>> {
    let mut lines = headers.get_all(RANGE).into_iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return None;
    };
    let still_good = headers.get_all(IF_RANGE).into_iter().all(|condition| {
        let condition = condition.to_str().ok().map(str::trim);
        condition.and_then(quoted) == Some(tag)
    });
    still_good.then(|| part(line.to_str().ok()?, size))?
}

fn part(text: &str, size: u64) -> Option<Range<u64>> {
    let (unit, range) = text.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    if first.is_empty() {
        return Some(size.saturating_sub(number(last)?)..size);
    }
    let first = number(first)?;
    let last = match last {
        "" => u64::MAX,
        last => number(last)?,
    };
    (first <= last).then(|| first..size.min(last.saturating_add(1)))
}

/// Parses a number of any length. A number above the range of `u64` is past the end anyway.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Returns whether the client already has the version with the entity tag `"tag"`.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let lines = headers.get_all(IF_NONE_MATCH).into_iter();
    let mut known = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim);
    known
        .any(|known| known == "*" || quoted(known.strip_prefix("W/").unwrap_or(known)) == Some(tag))
}

fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    /// Returns nothing for all bytes, and `Some(None)` for a range that does not exist.
    fn found(headers: &HeaderMap, size: u64, tag: &str) -> Option<Option<Range<u64>>> {
        let wanted = requested_range(headers, size, tag);
        wanted.map(|part| (!part.is_empty()).then_some(part))
    }

    #[test]
    fn one_range_is_read() {
        for (range, expected) in [
            ("bytes=0-", Some(Some(0..100))),
            ("bytes=0-0", Some(Some(0..1))),
            ("bytes=10-19", Some(Some(10..20))),
            ("Bytes = 10-19", Some(Some(10..20))),
            ("bytes=99-", Some(Some(99..100))),
            ("bytes=90-1000", Some(Some(90..100))),
            ("bytes=90-99999999999999999999999", Some(Some(90..100))),
            ("bytes=-1", Some(Some(99..100))),
            ("bytes=-100", Some(Some(0..100))),
            ("bytes=-1000", Some(Some(0..100))),
            ("bytes=100-", Some(None)),
            ("bytes=100-200", Some(None)),
            ("bytes=99999999999999999999999-", Some(None)),
            ("bytes=-0", Some(None)),
            ("bytes=20-10", None),
            ("bytes=0-1,5-6", None),
            ("bytes=", None),
            ("bytes=-", None),
            ("bytes=a-b", None),
            ("bytes=+1-2", None),
            ("lines=0-1", None),
            ("0-1", None),
        ] {
            assert_eq!(
                found(&headers(&[("range", range)]), 100, "t"),
                expected,
                "{range}"
            );
        }
        assert_eq!(found(&headers(&[]), 100, "t"), None);
        let twice = headers(&[("range", "bytes=0-1"), ("range", "bytes=2-3")]);
        assert_eq!(found(&twice, 100, "t"), None);
        assert_eq!(
            found(&headers(&[("range", "bytes=0-")]), 0, "t"),
            Some(None)
        );
    }

    #[test]
    fn a_range_with_another_etag_is_ignored() {
        let asked = |condition| {
            found(
                &headers(&[("range", "bytes=5-"), ("if-range", condition)]),
                100,
                "t",
            )
        };
        assert_eq!(asked("\"t\""), Some(Some(5..100)));
        for other in ["\"u\"", "W/\"t\"", "t", "Sun, 06 Nov 1994 08:49:37 GMT", ""] {
            assert_eq!(asked(other), None, "{other}");
        }
    }

    #[test]
    fn a_matching_etag_counts_as_known() {
        let known = |line| is_known(&headers(&[("if-none-match", line)]), "t");
        for yes in ["\"t\"", "W/\"t\"", "*", "\"a\", \"t\""] {
            assert!(known(yes), "{yes}");
        }
        for no in ["\"a\"", "t", "\"t", ""] {
            assert!(!known(no), "{no}");
        }
        assert!(!is_known(&headers(&[]), "t"));
    }
}
