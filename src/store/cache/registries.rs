//! Registries without a referrers API: `v1/registries/HEX`, where HEX is the SHA-256 of the registry's name. The time of
//! the file is the time of the registry's answer. A lost or wrong record costs one request.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::Cache;
use crate::digest::Digest;

/// How long an answer counts.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

impl Cache {
    fn registry(&self, registry: &str) -> PathBuf {
        let hex = Digest::of(registry.as_bytes()).hex();
        self.root.join("registries").join(hex)
    }

    /// Returns whether a registry has answered in the last hour that it has no referrers API.
    pub fn lacks_referrers_api(&self, registry: &str) -> bool {
        let metadata = fs::metadata(self.registry(registry));
        let answered = metadata.and_then(|metadata| metadata.modified());
        let age = answered
            .ok()
            .and_then(|answered| SystemTime::now().duration_since(answered).ok());
        age.is_some_and(|age| age < LIFETIME)
    }

    /// Records whether a registry has a referrers API.
    pub fn record_referrers_api(&self, registry: &str, exists: bool) {
        let path = self.registry(registry);
        let record = || match exists {
            true => fs::remove_file(&path),
            false => {
                fs::create_dir_all(self.root.join("registries"))?;
                fs::write(&path, b"")
            }
        };
        let _costs_one_request = record();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_api_is_remembered_for_an_hour() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(directory.path()).unwrap();
        assert!(!cache.lacks_referrers_api("host"));
        cache.record_referrers_api("host", false);
        assert!(cache.lacks_referrers_api("host"));
        assert!(!cache.lacks_referrers_api("host:5000"));
        for (age, expected) in [(59, true), (61, false)] {
            let file = fs::File::options()
                .write(true)
                .open(cache.registry("host"))
                .unwrap();
            let answered = SystemTime::now() - Duration::from_secs(age * 60);
            file.set_modified(answered).unwrap();
            assert_eq!(cache.lacks_referrers_api("host"), expected, "{age} minutes");
        }
        cache.record_referrers_api("host", false);
        cache.record_referrers_api("host", true);
        assert!(!cache.lacks_referrers_api("host"));
    }
}
