//! Annotations that a publisher gives on the command line.

use crate::manifest::{Annotations, annotation};

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 256;

/// The longest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 4 * 1024;

/// The largest sum of all keys and values, in bytes.
pub const MAX_GIVEN_BYTES: usize = 64 * 1024;

/// Why a given annotation is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The key is malformed.
    #[error("annotation key {key:?}: {reason}")]
    Key {
        /// The key, cut to 64 characters.
        key: String,
        /// The defect.
        reason: &'static str,
    },
    /// Wharf sets this annotation itself.
    #[error("annotation {key}: {reason}")]
    Reserved {
        /// The key.
        key: String,
        /// The reason.
        reason: &'static str,
    },
    /// The value is too long.
    #[error("annotation {key}: the value has {bytes} bytes, at most {MAX_VALUE_BYTES} are allowed")]
    Value {
        /// The key.
        key: String,
        /// The size of the value, in bytes.
        bytes: usize,
    },
    /// The value is not a time, and the key requires one.
    #[error("annotation {key}: {value:?} is not a time such as 2026-11-22T18:30:00Z")]
    Time {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// The key was given twice.
    #[error("annotation {key}: given twice")]
    Twice {
        /// The key.
        key: String,
    },
    /// All annotations together are too large.
    #[error(
        "annotation {key}: all annotations up to this one have {bytes} bytes, at most {MAX_GIVEN_BYTES} are allowed"
    )]
    TooMuch {
        /// The first key above the limit.
        key: String,
        /// The size of all keys and values up to this one, in bytes.
        bytes: usize,
    },
}

/// Checks annotations that the publisher gives, and returns them.
///
/// Allowed keys are those of the OCI image specification, except wharf's own and the version, which publishing
/// sets. `org.opencontainers.image.created` is a time of RFC 3339.
///
/// Spec: <https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md>.
pub fn check_annotations(given: &[(String, String)]) -> Result<Annotations, Error> {
    let mut annotations = Annotations::new();
    let mut bytes = 0;
    for (key, value) in given {
        check_key(key)?;
        check_value(key, value)?;
        bytes += key.len() + value.len();
        let key = key.clone();
        if bytes > MAX_GIVEN_BYTES {
            return Err(Error::TooMuch { key, bytes });
        }
        if annotations.contains_key(&key) {
            return Err(Error::Twice { key });
        }
        annotations.insert(key, value.clone());
    }
    Ok(annotations)
}

fn check_key(key: &str) -> Result<(), Error> {
    let malformed = |reason| {
        let key = key.chars().take(64).collect();
        Err(Error::Key { key, reason })
    };
    let reserved = |reason| {
        let key = key.to_owned();
        Err(Error::Reserved { key, reason })
    };
    if key.is_empty() {
        malformed("it is empty")
    } else if key.len() > MAX_KEY_BYTES {
        malformed("it has more than 256 bytes")
    } else if key.chars().any(|c| c.is_whitespace() || c.is_control()) {
        malformed("it has white space or control characters")
    } else if key.starts_with(annotation::PREFIX) {
        reserved("keys that begin with wasm.wharf. are written by wharf")
    } else if key == annotation::VERSION {
        reserved("wharf sets it to the published version")
    } else {
        Ok(())
    }
}

fn check_value(key: &str, value: &str) -> Result<(), Error> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(Error::Value {
            key: key.to_owned(),
            bytes: value.len(),
        });
    }
    if key == annotation::CREATED && !is_time(value) {
        return Err(Error::Time {
            key: key.to_owned(),
            value: value.to_owned(),
        });
    }
    Ok(())
}

/// Returns whether a text is a time of RFC 3339, section 5.6. Lower-case `t` and `z` and leap seconds are refused,
/// because some readers of manifests refuse them.
fn is_time(text: &str) -> bool {
    parse_time(text).is_some()
}

/// Returns nothing if the text is not a time.
fn parse_time(text: &str) -> Option<()> {
    let mut rest = Digits(text);
    let year = rest.number(4, 0..=9999)?;
    rest.one_of("-")?;
    let month = rest.number(2, 1..=12)?;
    rest.one_of("-")?;
    rest.number(2, 1..=days(year, month))?;
    rest.one_of("T")?;
    rest.number(2, 0..=23)?;
    rest.one_of(":")?;
    rest.number(2, 0..=59)?;
    rest.one_of(":")?;
    rest.number(2, 0..=59)?;
    if let Some(fraction) = rest.0.strip_prefix('.') {
        let after = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
        (after.len() < fraction.len()).then_some(())?;
        rest = Digits(after);
    }
    if rest.one_of("Z+-")? != 'Z' {
        rest.number(2, 0..=23)?;
        rest.one_of(":")?;
        rest.number(2, 0..=59)?;
    }
    rest.0.is_empty().then_some(())
}

fn days(year: u16, month: u16) -> u16 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The unread rest of a time.
struct Digits<'a>(&'a str);

impl Digits<'_> {
    fn number(&mut self, digits: usize, range: std::ops::RangeInclusive<u16>) -> Option<u16> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        let plain = number.bytes().all(|byte| byte.is_ascii_digit());
        self.0 = rest;
        let number = plain.then(|| number.parse().ok())??;
        range.contains(&number).then_some(number)
    }

    fn one_of(&mut self, expected: &str) -> Option<char> {
        let found = self.0.chars().next()?;
        self.0 = self.0.strip_prefix(|c| expected.contains(c))?;
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(given: &[(&str, &str)]) -> Result<Annotations, Error> {
        let owned = given
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        check_annotations(&owned.collect::<Vec<_>>())
    }

    #[test]
    fn valid_annotations_are_accepted_unchanged() {
        let long = "v".repeat(MAX_VALUE_BYTES);
        let given = [
            (
                "org.opencontainers.image.created",
                "2026-11-22T18:30:00+01:00",
            ),
            ("org.opencontainers.image.licenses", "MIT OR Apache-2.0"),
            ("com.example/team", ""),
            ("wasm.wharfage", "two\nlines"),
            ("long", &long),
        ];
        let taken = check(&given).unwrap();
        assert_eq!(taken.len(), given.len());
        for (key, value) in given {
            assert_eq!(taken[key], value);
        }
        assert!(check(&[(&"k".repeat(MAX_KEY_BYTES), "")]).is_ok());
    }

    #[test]
    fn invalid_and_reserved_keys_are_refused() {
        let long = "k".repeat(MAX_KEY_BYTES + 1);
        for key in ["", "a b", "a\tb", "a\u{7f}", "a\u{2003}b", "a\0", &long] {
            let error = check(&[("fine", ""), (key, "v")]).unwrap_err();
            assert!(matches!(error, Error::Key { .. }), "{key:?}: {error}");
        }
        for key in [
            "wasm.wharf.os",
            "wasm.wharf.",
            "wasm.wharf.package",
            "org.opencontainers.image.version",
        ] {
            let error = check(&[(key, "v")]).unwrap_err();
            assert!(matches!(&error, Error::Reserved { key: named, .. } if named == key));
        }
    }

    #[test]
    fn too_much_is_refused_with_the_key_that_is_too_much() {
        let value = "v".repeat(MAX_VALUE_BYTES);
        let key = || "long".to_owned();
        assert_eq!(
            check(&[("long", &format!("{value}v"))]),
            Err(Error::Value {
                key: key(),
                bytes: MAX_VALUE_BYTES + 1
            })
        );
        assert_eq!(
            check(&[("long", "a"), ("long", "b")]),
            Err(Error::Twice { key: key() })
        );
        let names: Vec<String> = (0..16).map(|n| format!("{n:02}")).collect();
        let last = value.len() - 16 * 2;
        let mut given: Vec<(&str, &str)> =
            names.iter().map(|name| (name.as_str(), &*value)).collect();
        given[15].1 = &value[..last];
        assert!(check(&given).is_ok());
        given[15].1 = &value[..last + 1];
        let error = Error::TooMuch {
            key: "15".to_owned(),
            bytes: MAX_GIVEN_BYTES + 1,
        };
        assert_eq!(check(&given), Err(error));
    }

    #[test]
    fn times_are_those_of_rfc_3339() {
        for time in [
            "1970-01-01T00:00:00Z",
            "2024-02-29T23:59:59.123456789Z",
            "2000-02-29T00:00:00-23:59",
            "9999-12-31T00:00:00.5+14:00",
        ] {
            assert!(is_time(time), "{time}");
        }
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T18:30:00",
            "2026-11-22 18:30:00Z",
            "2026-11-22t18:30:00z",
            "2026-11-22T18:30Z",
            "2026-11-22T18:30:00.Z",
            "2026-11-22T18:30:00Zz",
            "2026-11-22T24:00:00Z",
            "2026-11-22T18:60:00Z",
            "2026-11-22T18:30:60Z",
            "2026-11-22T18:30:00+1:00",
            "2026-11-22T18:30:00+24:00",
            "2026-11-22T18:30:00+01:60",
            "2026-13-22T18:30:00Z",
            "2026-00-22T18:30:00Z",
            "2026-11-31T18:30:00Z",
            "2026-11-00T18:30:00Z",
            "2025-02-29T18:30:00Z",
            "1900-02-29T18:30:00Z",
            "+026-11-22T18:30:00Z",
            "20é6-11-22T18:30:00Z",
            "202é-11-22T18:30:00Z",
            "2026-11-22T18:30:00é",
        ] {
            let key = annotation::CREATED;
            let error = check(&[(key, text)]).unwrap_err();
            assert!(matches!(error, Error::Time { .. }), "{text:?}");
        }
    }
}
