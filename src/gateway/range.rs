//! Parts of a blob, and copies that are still good.
//!
//! Spec: RFC 9110, 13.1.2 (`If-None-Match`), 13.1.5 (`If-Range`) and 14 (ranges).

use std::ops::Range;

use http::header::{HeaderMap, IF_NONE_MATCH, IF_RANGE, RANGE};

/// What of a representation is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// A part, which is not empty and lies within it.
    Part(Range<u64>),
    /// A part that it does not have.
    Beyond,
}

/// Reads what is wanted of `size` bytes whose entity tag is `"tag"`. Who wants several ranges, which may be ignored,
/// or says something else gets all.
pub(super) fn wanted(headers: &HeaderMap, size: u64, tag: &str) -> Wanted {
    let mut lines = headers.get_all(RANGE).into_iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return Wanted::Whole;
    };
    let still_good = headers.get_all(IF_RANGE).into_iter().all(|condition| {
        let condition = condition.to_str().ok().map(str::trim);
        condition.and_then(quoted) == Some(tag)
    });
    match line.to_str().ok().and_then(bounds) {
        Some(bounds) if still_good => bounds.within(size),
        _ => Wanted::Whole,
    }
}

/// One range as it is written.
enum Bounds {
    From(u64, Option<u64>),
    Last(u64),
}

impl Bounds {
    fn within(self, size: u64) -> Wanted {
        let part = match self {
            Self::From(first, last) => {
                first..last.map_or(size, |last| size.min(last.saturating_add(1)))
            }
            Self::Last(count) => size.saturating_sub(count)..size,
        };
        match part.is_empty() {
            true => Wanted::Beyond,
            false => Wanted::Part(part),
        }
    }
}

fn bounds(text: &str) -> Option<Bounds> {
    let (unit, range) = text.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    match (first, last) {
        ("", last) => Some(Bounds::Last(number(last)?)),
        (first, "") => Some(Bounds::From(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Bounds::From(first, Some(last)))
        }
    }
}

/// A number of any length: what is past all counting is past the end.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Returns whether the client has what it would get, by the entity tag `"tag"`.
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

    #[test]
    fn one_range_is_read() {
        for (range, expected) in [
            ("bytes=0-", Wanted::Part(0..100)),
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=10-19", Wanted::Part(10..20)),
            ("Bytes = 10-19", Wanted::Part(10..20)),
            ("bytes=99-", Wanted::Part(99..100)),
            ("bytes=90-1000", Wanted::Part(90..100)),
            ("bytes=90-99999999999999999999999", Wanted::Part(90..100)),
            ("bytes=-1", Wanted::Part(99..100)),
            ("bytes=-100", Wanted::Part(0..100)),
            ("bytes=-1000", Wanted::Part(0..100)),
            ("bytes=100-", Wanted::Beyond),
            ("bytes=100-200", Wanted::Beyond),
            ("bytes=99999999999999999999999-", Wanted::Beyond),
            ("bytes=-0", Wanted::Beyond),
            ("bytes=20-10", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("0-1", Wanted::Whole),
        ] {
            assert_eq!(
                wanted(&headers(&[("range", range)]), 100, "t"),
                expected,
                "{range}"
            );
        }
        assert_eq!(wanted(&headers(&[]), 100, "t"), Wanted::Whole);
        let twice = headers(&[("range", "bytes=0-1"), ("range", "bytes=2-3")]);
        assert_eq!(wanted(&twice, 100, "t"), Wanted::Whole);
        assert_eq!(
            wanted(&headers(&[("range", "bytes=0-")]), 0, "t"),
            Wanted::Beyond
        );
    }

    #[test]
    fn a_range_of_something_else_is_not_given() {
        let asked = |condition| {
            wanted(
                &headers(&[("range", "bytes=5-"), ("if-range", condition)]),
                100,
                "t",
            )
        };
        assert_eq!(asked("\"t\""), Wanted::Part(5..100));
        for other in ["\"u\"", "W/\"t\"", "t", "Sun, 06 Nov 1994 08:49:37 GMT", ""] {
            assert_eq!(asked(other), Wanted::Whole, "{other}");
        }
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
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
