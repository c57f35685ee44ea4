//! The file that says what is mirrored. Pure.

use serde::{Deserialize, Deserializer};

use super::place::Place;
use crate::reference::package::PackageSpec;

/// Why a mirror file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("it is malformed: {0}")]
pub struct MirrorError(String);

/// A mirror file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mirror {
    /// What goes where, in the order of the file.
    pub mirror: Vec<Mirrored>,
}

/// Packages that are kept in another place, too.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mirrored {
    /// Where they are; without it, where the configuration says.
    #[serde(default, deserialize_with = "optional_place")]
    pub from: Option<Place>,
    /// Where they go.
    #[serde(deserialize_with = "place")]
    pub to: Place,
    /// Packages, and which versions; without a version all of them.
    #[serde(deserialize_with = "specs")]
    pub packages: Vec<PackageSpec>,
    /// Whether what refers to them (signatures, SBOMs) goes along.
    #[serde(default)]
    pub referrers: bool,
}

fn place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Place, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn optional_place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Place>, D::Error> {
    place(deserializer).map(Some)
}

fn specs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PackageSpec>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let specs = texts.iter().map(|text| text.parse());
    specs
        .collect::<Result<_, _>>()
        .map_err(serde::de::Error::custom)
}

impl Mirror {
    /// Reads a mirror file.
    pub fn read(text: &str) -> Result<Self, MirrorError> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map(|before| before.matches('\n').count() + 1);
            let message = error.message();
            MirrorError(match line {
                Some(line) => format!("line {line}: {message}"),
                None => message.to_owned(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirror_files_are_read() {
        let text = r#"
            [[mirror]]
            from = "ghcr.io/acme"
            to = "oci:mirror"
            packages = ["demo:calc@^1", "demo:greet"]
            referrers = true

            [[mirror]]
            to = "localhost:5000/copies"
            packages = ["wasi:http@0.2.0"]
        "#;
        let Mirror { mirror } = Mirror::read(text).unwrap();
        assert_eq!(mirror.len(), 2);
        assert_eq!(mirror[0].to, Place::Layout("mirror".into()));
        assert!(mirror[0].referrers && !mirror[1].referrers);
        assert_eq!(
            (mirror[0].from.is_some(), mirror[1].from.is_some()),
            (true, false)
        );
        let keeps = |at: usize, version: &str| {
            let version = version.parse().unwrap();
            mirror[0].packages[at].wanted.allows(&version, |_| false)
        };
        assert!(keeps(0, "1.5.0") && !keeps(0, "2.0.0") && keeps(1, "9.0.0-rc.1"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line) in [
            ("", ""),
            ("[[mirror]]\nto = \"nowhere\"\npackages = []", "line 2"),
            ("[[mirror]]\nto = \"oci:a\"\npackages = [\"x\"]", "line 3"),
            (
                "[[mirror]]\nto = \"oci:a\"\npackages = []\nfuture = 1",
                "line 4",
            ),
            ("[[mirror]\n", "line 1"),
        ] {
            let error = Mirror::read(text).unwrap_err().to_string();
            assert!(error.contains(line), "{error}");
        }
    }
}
