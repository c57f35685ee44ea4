//! Versions that the gateway has sent, by repository: `versions/HEX/HEX` of a location and a split digest.
//!
//! A version is only a hint for deltas. Its contents are looked for and verified before they are used.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::encoding::EncodedBlob;
use crate::manifest::Config;
use crate::store::Error;
use crate::store::spool::{self, if_exists};

/// The maximum number of versions of a repository.
const MAX_VERSIONS: usize = 8;

/// The maximum number of repositories after a start.
const MAX_REPOSITORIES: usize = 10_000;

/// A version that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SentVersion {
    /// The config.
    pub(super) config: Config,
    /// The blobs of the layers in manifest order.
    pub(super) stored: Vec<EncodedBlob>,
}

/// The versions on disk.
pub(super) struct SentVersions {
    directory: PathBuf,
}

impl SentVersions {
    /// Opens or creates the records in a directory. Removes the oldest repositories above the limit.
    pub(super) fn open(directory: &Path) -> Result<Self, Error> {
        let directory = directory.join("versions");
        let prune = || {
            fs::create_dir_all(&directory)?;
            let surplus = oldest_above(&directory, MAX_REPOSITORIES)?;
            surplus.iter().try_for_each(fs::remove_dir_all)
        };
        prune().map_err(Error::file(&directory))?;
        Ok(Self { directory })
    }

    fn repository(&self, location: &str) -> PathBuf {
        self.directory.join(Digest::of(location.as_bytes()).hex())
    }

    /// Records a version. Removes the oldest ones above the limit.
    pub(super) fn record(
        &self,
        location: &str,
        split: &Digest,
        version: &SentVersion,
    ) -> Result<(), Error> {
        let directory = self.repository(location);
        let record = || {
            fs::create_dir_all(&directory)?;
            spool::write(&directory.join(split.hex()), &serde_json::to_vec(version)?)?;
            let surplus = oldest_above(&directory, MAX_VERSIONS)?;
            surplus.iter().try_for_each(fs::remove_file)
        };
        record().map_err(Error::file(&directory))
    }

    /// Returns whether a repository has versions.
    pub(super) fn has(&self, location: &str) -> bool {
        self.repository(location).is_dir()
    }

    /// Returns the versions of a repository by split digest. Unreadable ones count as missing.
    pub(super) fn of(&self, location: &str) -> Result<Vec<(Digest, SentVersion)>, Error> {
        let directory = self.repository(location);
        let Some(entries) = if_exists(&directory, fs::read_dir(&directory))? else {
            return Ok(Vec::new());
        };
        let version = |path: PathBuf| {
            let split = Digest::from_hex(path.file_name()?.to_str()?).ok()?;
            let version = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
            Some((split, version))
        };
        let versions = entries.filter_map(|entry| version(entry.ok()?.path()));
        Ok(versions.collect())
    }
}

/// Returns the paths in a directory that are older than its `most` newest ones.
fn oldest_above(directory: &Path, most: usize) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        paths.push((entry.metadata()?.modified()?, entry.path()));
    }
    paths.sort();
    let surplus = paths.len().saturating_sub(most);
    Ok(paths
        .into_iter()
        .take(surplus)
        .map(|(_, path)| path)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Identity;
    use crate::manifest::{Architecture, FORMAT_VERSION, Os, PLAN_VERSION};

    fn version(content: &[u8]) -> (Digest, SentVersion) {
        let content = Identity::of(content);
        let config = Config {
            format_version: FORMAT_VERSION,
            plan_version: PLAN_VERSION,
            architecture: Architecture::Wasm,
            os: Os::Wasip2,
            content,
            imports: Vec::new(),
            exports: Vec::new(),
            names: Default::default(),
            root: content,
            layers: Vec::new(),
        };
        let stored = vec![EncodedBlob::raw(content)];
        let split = Digest::of(&config.to_bytes());
        (split, SentVersion { config, stored })
    }

    #[test]
    fn versions_belong_to_a_repository_and_survive_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let open = || SentVersions::open(directory.path()).unwrap();
        let (split, sent) = version(b"one");
        open().record("host/a", &split, &sent).unwrap();
        open().record("host/a", &split, &sent).unwrap();
        assert_eq!(open().of("host/a").unwrap(), [(split, sent)]);
        assert!(open().has("host/a") && !open().has("host/b"));
        assert_eq!(open().of("host/b").unwrap(), []);
    }

    #[test]
    fn the_oldest_versions_are_removed_and_damaged_ones_ignored() {
        let directory = tempfile::tempdir().unwrap();
        let versions = SentVersions::open(directory.path()).unwrap();
        for number in 0..=MAX_VERSIONS as u8 {
            let (split, sent) = version(&[number]);
            versions.record("host/a", &split, &sent).unwrap();
        }
        let mut left = versions.of("host/a").unwrap();
        assert_eq!(left.len(), MAX_VERSIONS);
        let (split, _) = left.pop().unwrap();
        fs::write(versions.repository("host/a").join(split.hex()), "{").unwrap();
        left.sort_by_key(|(split, _)| *split);
        let mut found = versions.of("host/a").unwrap();
        found.sort_by_key(|(split, _)| *split);
        assert_eq!(found, left);
    }
}
