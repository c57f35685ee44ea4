//! Records of manifests, and entries of tags that name them. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Identity};
use crate::manifest::Config;
use crate::reference::package::Version;
use crate::section::NameDetails;
use crate::world::{self, Interfaces};

/// The facts about one manifest. They are the same in every location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The digest of the manifest that the tag names.
    pub digest: Digest,
    /// Whether it is split or has a split form.
    pub split: bool,
    /// The identity of the component.
    pub content: Identity,
    /// The imports and exports. It is none if the artifact does not list them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub externs: Option<Externs>,
    /// The description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The licences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licenses: Option<String>,
    /// The layers in manifest order.
    pub layers: Vec<RecordLayer>,
    /// Whether it is a WIT package. Nothing in a WIT package runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wit: bool,
}

/// Imports and exports by name, in file order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Externs {
    /// Import names.
    pub imports: Vec<String>,
    /// Export names.
    pub exports: Vec<String>,
    /// The attributes of these names, and whether the lists are incomplete.
    #[serde(default, skip_serializing_if = "NameDetails::is_empty")]
    pub names: NameDetails,
}

impl From<&Config> for Externs {
    fn from(config: &Config) -> Self {
        Self {
            imports: config.imports.clone(),
            exports: config.exports.clone(),
            names: config.names.clone(),
        }
    }
}

impl From<Interfaces> for Externs {
    fn from(found: Interfaces) -> Self {
        let Interfaces {
            imports,
            exports,
            names,
        } = found;
        Self {
            imports,
            exports,
            names,
        }
    }
}

/// A layer: its content, and the blob to fetch for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RecordLayer {
    /// The content.
    pub content: Identity,
    /// The blob as stored.
    pub blob: Identity,
}

impl Record {
    /// Replaces imports and exports by those of a stub, which are those of the root. Returns whether the artifact
    /// listed other ones.
    ///
    /// Fails if the stub cannot be read.
    pub fn correct(&mut self, stub: &[u8]) -> Result<bool, world::Error> {
        let found = Externs::from(world::interfaces(stub)?);
        self.wit = world::may_name_wit_package(&found.imports, &found.exports)
            && world::is_wit_package(stub);
        let named = self.externs.replace(found.clone());
        Ok(named.is_some_and(|named| named.differs(&found)))
    }
}

impl Externs {
    /// Returns whether a root has other names than this claim. Order does not count. Attributes count only if the
    /// claim lists any, because other tools do not list them. A list that the claim leaves out does not count.
    pub fn differs(&self, root: &Self) -> bool {
        let Self {
            mut imports,
            mut exports,
            mut names,
        } = self.clone();
        names
            .imports
            .restore(&mut imports, &root.imports, &root.names.imports);
        names
            .exports
            .restore(&mut exports, &root.exports, &root.names.exports);
        let set = |names: &Vec<String>| names.iter().cloned().collect::<BTreeSet<String>>();
        set(&imports) != set(&root.imports)
            || set(&exports) != set(&root.exports)
            || !names.is_empty() && names != root.names
    }
}

/// A tag that names a manifest. It is a version of a package or any other tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// The package, `namespace:name`. A repository that belongs to no package has its own location as the name.
    pub name: String,
    /// The repository as it stands in a reference: `host/path`, or `oci:DIR:path`.
    pub location: String,
    /// The tag. If the manifest was named by digest, this is the digest.
    pub tag: String,
    /// The version that the tag stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The digest of the manifest.
    pub digest: Digest,
    /// Whether the version is yanked.
    pub yanked: bool,
    /// The digest of the yank mark, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<Digest>,
}

impl Entry {
    /// Returns the reference that `pull` takes.
    pub fn reference(&self) -> String {
        let separator = if self.tag.starts_with("sha256:") {
            '@'
        } else {
            ':'
        };
        format!("{}{separator}{}", self.location, self.tag)
    }

    /// Compares entries in the order of answers: by name and location, then the versions that `get` prefers first.
    pub fn cmp_for_display(&self, other: &Self) -> std::cmp::Ordering {
        let place = |entry: &Self| (entry.name.clone(), entry.location.clone());
        let rank = |entry: &Self| {
            let before = entry
                .version
                .as_ref()
                .map(|version| !version.pre.is_empty());
            (entry.yanked, before.unwrap_or(true))
        };
        place(self)
            .cmp(&place(other))
            .then_with(|| rank(self).cmp(&rank(other)))
            .then_with(|| other.version.cmp(&self.version))
            .then_with(|| self.tag.cmp(&other.tag))
    }

    /// Returns whether this is the same tag of the same repository.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.location, &self.tag) == (&other.location, &other.tag)
    }
}

/// Returns whether a text has words to search for.
pub fn has_words(text: &str) -> bool {
    words(text).next().is_some()
}

/// Returns the words of a text in lower case.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split(|char: char| !char.is_alphanumeric());
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, version: &str, yanked: bool) -> Entry {
        Entry {
            name: name.to_owned(),
            location: format!("host/{name}"),
            tag: version.to_owned(),
            version: Version::parse(version).ok(),
            digest: Digest::of(version.as_bytes()),
            yanked,
            mark: None,
        }
    }

    #[test]
    fn entries_are_sorted_as_get_prefers_them() {
        let mut entries = [
            entry("b:x", "1.0.0", false),
            entry("a:x", "latest", false),
            entry("a:x", "1.10.0", false),
            entry("a:x", "1.9.0", false),
            entry("a:x", "2.0.0", true),
            entry("a:x", "3.0.0-rc.1", false),
        ];
        entries.sort_by(Entry::cmp_for_display);
        let shown = entries.map(|entry| format!("{} {}", entry.name, entry.tag));
        assert_eq!(
            shown,
            [
                "a:x 1.10.0",
                "a:x 1.9.0",
                "a:x 3.0.0-rc.1",
                "a:x latest",
                "a:x 2.0.0",
                "b:x 1.0.0"
            ]
        );
    }

    #[test]
    fn a_claim_that_leaves_out_a_list_differs_only_in_the_other_one() {
        let root = Externs {
            imports: vec!["a:b/c".to_owned()],
            exports: vec!["run".to_owned()],
            names: NameDetails::default(),
        };
        let mut claim = root.clone();
        claim.exports.clear();
        assert!(claim.differs(&root));
        claim.names.exports.omitted = true;
        assert!(!claim.differs(&root));
        claim.imports.clear();
        assert!(claim.differs(&root));
        claim.names.imports.omitted = true;
        assert!(!claim.differs(&root));
    }

    #[test]
    fn texts_are_words() {
        let found: Vec<String> = words("Adds, and sub-tracts 2 Zahlen: Größe").collect();
        assert_eq!(
            found,
            ["adds", "and", "sub", "tracts", "2", "zahlen", "größe"]
        );
    }
}
