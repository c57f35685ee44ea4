//! The file that lists the packages to mirror. Pure.

use serde::{Deserialize, Deserializer};

use super::place::PackagePlace;
use crate::reference::package::PackageSpec;

/// The mirror file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("it is malformed: {0}")]
pub struct MirrorError(String);

/// A mirror file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MirrorFile {
    /// The entries, in file order.
    pub mirror: Vec<MirrorEntry>,
}

/// Packages to copy to another place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MirrorEntry {
    /// The source; if absent, the configured registry.
    #[serde(default, deserialize_with = "optional_place")]
    pub from: Option<PackagePlace>,
    /// The destination.
    #[serde(deserialize_with = "place")]
    pub to: PackagePlace,
    /// The packages and versions. Without a requirement, all versions.
    #[serde(deserialize_with = "specs")]
    pub packages: Vec<PackageSpec>,
    /// Whether referrers (signatures, SBOMs) are copied too.
    #[serde(default)]
    pub referrers: bool,
}

fn place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PackagePlace, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn optional_place<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PackagePlace>, D::Error> {
    place(deserializer).map(Some)
}

fn specs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PackageSpec>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let specs = texts.iter().map(|text| text.parse());
    specs
        .collect::<Result<_, _>>()
        .map_err(serde::de::Error::custom)
}

impl MirrorFile {
    /// Parses a mirror file.
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
        let MirrorFile { mirror } = MirrorFile::read(text).unwrap();
        assert_eq!(mirror.len(), 2);
        assert_eq!(mirror[0].to, PackagePlace::Layout("mirror".into()));
        assert!(mirror[0].referrers && !mirror[1].referrers);
        assert_eq!(
            (mirror[0].from.is_some(), mirror[1].from.is_some()),
            (true, false)
        );
        let keeps = |at: usize, version: &str| {
            let version = version.parse().unwrap();
            mirror[0].packages[at]
                .requirement
                .allows(&version, |_| false)
        };
        assert!(keeps(0, "1.5.0") && !keeps(0, "2.0.0") && keeps(1, "9.0.0-rc.1"));
    }

    #[test]
    fn errors_name_the_line() {
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
            let error = MirrorFile::read(text).unwrap_err().to_string();
            assert!(error.contains(line), "{error}");
        }
    }
}
