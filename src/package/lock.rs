//! The lock file: the exact bytes of each package. Pure.
//!
//! `wharf.lock` has one entry for each package, requirement and registry. Trust rests on the content digest. The split
//! digest identifies the split, and the manifest digest the stored form.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::connect::{LocatedArtifact, LocatedVersion};
use crate::digest::Digest;
use crate::reference::package::{PackageName, PackageSpec, Requirement, Version};
use crate::reference::{DEFAULT_TAG, Location, Reference};

const LOCK_VERSION: u32 = 1;

/// The comment above the entries.
const HEAD: &str = "# Written by `wharf get`: the exact bytes of each package. Keep this file with your sources.\n";

/// The lock file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct LockError(String);

/// One package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockEntry {
    /// The package.
    pub name: PackageName,
    /// The requirement: a version, a range, or `*`.
    pub requirement: String,
    /// The selected version.
    pub version: Version,
    /// The repository, as in a reference.
    pub registry: String,
    /// The component.
    pub content: Digest,
    /// The split config; none for a flat artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Digest>,
    /// The manifest of the version's tag.
    pub manifest: Digest,
}

/// A lock file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    entries: Vec<LockEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default, rename = "package")]
    packages: Vec<LockEntry>,
}

impl Lock {
    /// Parses a lock file.
    pub fn read(text: &str) -> Result<Self, LockError> {
        #[derive(Deserialize)]
        struct Outline {
            version: u32,
        }
        let malformed = |error: toml::de::Error| {
            let reason = error.message().lines().next().unwrap_or_default();
            LockError(format!("it is malformed: {reason}"))
        };
        let Outline { version } = toml::from_str(text).map_err(malformed)?;
        if version != LOCK_VERSION {
            return Err(LockError(format!(
                "it has version {version}; this wharf reads version {LOCK_VERSION}"
            )));
        }
        let File { packages, .. } = toml::from_str(text).map_err(malformed)?;
        let mut lock = Self::default();
        for entry in packages {
            entry.check()?;
            if lock.position(&entry).is_some() {
                let (requirement, registry) = (&entry.requirement, &entry.registry);
                return Err(entry.wrong(format!("`{requirement}` from {registry} appears twice")));
            }
            lock.entries.push(entry);
        }
        Ok(lock)
    }

    /// Serialises the lock file. The same entries give the same text.
    pub fn to_text(&self) -> Result<String, LockError> {
        let file = File {
            version: LOCK_VERSION,
            packages: self.entries.clone(),
        };
        let text = toml::to_string(&file);
        let text = text.map_err(|error| LockError(format!("it is malformed: {error}")))?;
        Ok(format!("{HEAD}{text}"))
    }

    /// Finds the entry of a package, in this repository or otherwise in another one. The digests guarantee the same
    /// bytes.
    pub fn find(&self, spec: &PackageSpec, registry: &str) -> Option<&LockEntry> {
        let requirement = spec.requirement.to_string();
        let fits = |entry: &&LockEntry| {
            entry.name == spec.name
                && match &spec.requirement {
                    Requirement::Exact(version) => entry.version == *version,
                    _ => entry.requirement == requirement,
                }
        };
        let here = self.entries.iter().filter(fits);
        let mut here = here.filter(|entry| entry.registry == registry);
        here.next().or_else(|| self.entries.iter().find(fits))
    }

    /// Sets the entry of a package. Returns whether anything changed.
    pub fn set(&mut self, entry: LockEntry) -> bool {
        match self.position(&entry) {
            Some(at) if self.entries[at] == entry => return false,
            Some(at) => self.entries[at] = entry,
            None => self.entries.push(entry),
        }
        self.entries.sort_by(|a, b| a.key().cmp(&b.key()));
        true
    }

    fn position(&self, entry: &LockEntry) -> Option<usize> {
        self.entries
            .iter()
            .position(|other| other.key() == entry.key())
    }
}

impl LockEntry {
    /// Returns the entry of a located version.
    pub fn of(requirement: &Requirement, found: &LocatedVersion) -> Self {
        let LocatedArtifact {
            reference, opened, ..
        } = &found.artifact;
        Self {
            name: found.version.package.clone(),
            requirement: requirement.to_string(),
            version: found.version.version.clone(),
            registry: reference.location.to_string(),
            content: opened.content().digest,
            split: opened.split().map(|split| split.manifest.config.digest),
            manifest: opened.digest,
        }
    }

    /// Returns the repository of the entry.
    pub fn location(&self) -> Result<Location, LockError> {
        // The parser can tell a layout's repository from its directory only if a tag follows.
        let reference = format!("{}:{DEFAULT_TAG}", self.registry).parse::<Reference>();
        Ok(reference.map_err(|error| self.wrong(error))?.location)
    }

    fn wrong(&self, reason: impl fmt::Display) -> LockError {
        LockError(format!("its entry for {}: {reason}", self.name))
    }

    fn key(&self) -> (&PackageName, &str, &str) {
        (&self.name, &self.requirement, &self.registry)
    }

    /// Checks that the version meets the requirement.
    fn check(&self) -> Result<(), LockError> {
        let spec = format!("{}@{}", self.name, self.requirement);
        let spec: PackageSpec = spec
            .parse()
            .map_err(|_| self.wrong(format!("`{}` is not a requirement", self.requirement)))?;
        // The other versions at that time are not recorded.
        let allowed = spec.requirement.allows(&self.version, |_| false);
        match allowed {
            true => Ok(()),
            false => Err(self.wrong(format!(
                "version {} does not match `{}`",
                self.version, self.requirement
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, requirement: &str, version: &str, registry: &str) -> LockEntry {
        LockEntry {
            name: name.parse().unwrap(),
            requirement: requirement.to_owned(),
            version: version.parse().unwrap(),
            registry: registry.to_owned(),
            content: Digest::of(b"content"),
            split: (version != "2.0.0").then(|| Digest::of(b"split")),
            manifest: Digest::of(b"manifest"),
        }
    }

    #[test]
    fn locks_are_written_and_read_and_sorted() {
        let mut lock = Lock::default();
        let entries = [
            entry("demo:greet", "*", "1.0.0-rc.1", "oci:store:demo/greet"),
            entry("demo:calc", "^1", "1.2.0", "ghcr.io/acme/demo/calc"),
            entry("demo:calc", "2.0.0", "2.0.0", "ghcr.io/acme/demo/calc"),
        ];
        for entry in &entries {
            assert!(lock.set(entry.clone()));
        }
        assert!(!lock.set(entries[0].clone()));
        let text = lock.to_text().unwrap();
        assert_eq!(Lock::read(&text).unwrap(), lock);
        let names: Vec<&str> = lock
            .entries
            .iter()
            .map(|entry| entry.requirement.as_str())
            .collect();
        assert_eq!(names, ["2.0.0", "^1", "*"]);
        let newer = entry("demo:calc", "^1", "1.3.0", "ghcr.io/acme/demo/calc");
        assert!(lock.set(newer.clone()) && lock.entries.contains(&newer));
        assert_eq!(lock.entries.len(), 3);
    }

    #[test]
    fn entries_are_found_by_their_requirement() {
        let mut lock = Lock::default();
        lock.set(entry("demo:calc", "^1", "1.2.0", "a.io/demo/calc"));
        lock.set(entry("demo:calc", "^1", "1.1.0", "b.io/demo/calc"));
        let find = |spec: &str, registry: &str| {
            let found = lock.find(&spec.parse().unwrap(), registry);
            found.map(|entry| entry.version.to_string())
        };
        for (spec, registry, version) in [
            ("demo:calc@^1", "b.io/demo/calc", Some("1.1.0")),
            ("demo:calc@1", "b.io/demo/calc", Some("1.1.0")),
            ("demo:calc@^1", "mirror.io/demo/calc", Some("1.2.0")),
            ("demo:calc@1.1.0", "a.io/demo/calc", Some("1.1.0")),
            ("demo:calc", "a.io/demo/calc", None),
            ("demo:calc@^2", "a.io/demo/calc", None),
            ("demo:other@^1", "a.io/demo/calc", None),
        ] {
            assert_eq!(find(spec, registry).as_deref(), version, "{spec}");
        }
    }

    #[test]
    fn entries_name_their_registry() {
        for registry in [
            "localhost:5000/demo/calc",
            "oci:store:demo/calc",
            "oci:/a b/c:demo/calc",
        ] {
            let location = entry("demo:calc", "*", "1.0.0", registry)
                .location()
                .unwrap();
            assert_eq!(location.to_string(), registry);
            let is_layout = matches!(&location, Location::Layout { repository, .. } if repository.as_deref() == Some("demo/calc"));
            assert_eq!(is_layout, registry.starts_with("oci:"));
        }
        for bad in ["", "nowhere", "https://ghcr.io/demo/calc", "oci:"] {
            assert!(
                entry("demo:calc", "*", "1.0.0", bad).location().is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn broken_locks_are_refused() {
        let mut lock = Lock::default();
        lock.set(entry("demo:calc", "^1", "1.2.0", "a.io/demo/calc"));
        let text = lock.to_text().unwrap();
        let body = &text[text.find("[[package]]").unwrap()..];
        for bad in [
            String::new(),
            "version = 2".to_owned(),
            "version = 1\nmore = 1".to_owned(),
            text.replace("^1", "^2"),
            text.replace("^1", "!"),
            text.replace("sha256:", "sha256:0"),
            text.replace("demo:calc", "demo"),
            text.replace("content", "contents"),
            format!("{text}\n{body}"),
            text[..text.len() - 20].to_owned(),
        ] {
            assert!(Lock::read(&bad).is_err(), "{bad}");
        }
    }
}
