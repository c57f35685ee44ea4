//! Adds a manifest to the index of its subject's referrers, if the registry does not do so itself.
//!
//! Registries have no compare-and-swap: a client that writes the index overwrites all changes since it read the index.
//! So an index with our entry proves nothing about the next moment. Another writer may have read the index before our
//! write, and may write it after our check. The time from its read to its write limits how late that can be. We do
//! not know that time, but ours is about as long, on the same registry under the same load. Therefore:
//!
//! - Between reading and writing, the client only adds the entry. Before it retries a failed write, it reads the index
//!   again.
//! - After each write it reads the index again, first after a wait that is longer than its time from read to write.
//!   Later waits are longer. All waits are random within a factor of two, so that writers that collided once read and
//!   write at different moments afterwards.
//! - If the entry is missing, the client adds it again, to the current index.
//! - The entry counts as added when two checks in a row found the index unchanged. If other clients keep writing, six
//!   checks in a row that found the entry are enough: each of those writers had read it.
//! - Every lost write makes the waits longer, and after [`MAX_WRITES`] it is an error.
//!
//! Some registries refuse an index that lists a manifest they do not have, but keep such indexes when they collect
//! garbage. Entries of missing manifests are left out, but only if the index is refused with them.
//!
//! One case is not covered: a writer that pauses between its read and its write for longer than all our waits.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};

use super::TaggedReferrers;
use super::index::{Index, Referrer, referrers_tag};
use crate::digest::Digest;
use crate::manifest::media_type;
use crate::reference::Name;
use crate::store::remote::Remote;
use crate::store::remote::failure::Failure;
use crate::store::retry::Attempts;
use crate::store::{Error, MAX_MANIFEST_BYTES, RawManifest};

/// The maximum number of writes of the index.
const MAX_WRITES: u32 = 24;

/// The number of checks in a row that must find the index unchanged.
const UNCHANGED_CHECKS: u32 = 2;

/// The number of checks in a row that must find the entry, if the index keeps changing.
const CHECKS: u32 = 6;

/// The shortest time that is assumed for a read and a write: a busy machine can delay a process this long.
const MIN_WRITE_TIME: Duration = Duration::from_millis(40);

/// The result of a check of the index.
enum CheckOutcome {
    /// The entry, in an index of this digest.
    Listed(Digest),
    /// There was no entry, and one was written. The index now has this digest. The duration is the time from the read
    /// to the end of the write.
    Written(Digest, Duration),
    /// No entry.
    Missing,
    /// There was no entry, and the write failed.
    Failed(Failure),
    /// There was no entry. The registry refuses the index because it lists these manifests, which do not exist.
    Dangling(HashSet<String>),
}

/// The progress of an entry.
#[derive(Default)]
struct Progress {
    writes: u32,
    /// The checks in a row that found the entry.
    checks: u32,
    /// The checks in a row that found the index unchanged.
    unchanged: u32,
    /// The digest of the index, when it was last read or written.
    last: Option<Digest>,
    /// The longest time from a read to its write.
    write_time: Duration,
    /// The digests of manifests that do not exist and must not be listed.
    missing: HashSet<String>,
}

impl Remote {
    /// Adds a manifest to the index of its subject's referrers. An existing entry does not change.
    pub(super) async fn add_referrer(&self, referrer: &Referrer) -> Result<(), Error> {
        let tag = referrers_tag(&referrer.subject);
        let mut progress = Progress::default();
        let mut attempts = Attempts::default();
        loop {
            let outcome = self.check_index(referrer, &tag, &progress).await?;
            match outcome {
                CheckOutcome::Listed(digest) if progress.is_settled(digest) => return Ok(()),
                CheckOutcome::Listed(_) => {}
                CheckOutcome::Failed(failure) => {
                    let what = format!("writing {}", list_of_referrers(&tag));
                    self.transport.pause(&mut attempts, &what, failure).await?;
                    continue;
                }
                CheckOutcome::Dangling(missing) => {
                    progress.missing.extend(missing);
                    continue;
                }
                CheckOutcome::Written(digest, took) => progress.record_write(digest, took),
                CheckOutcome::Missing => {
                    return Err(Error::Overwritten {
                        what: list_of_referrers(&tag),
                        location: self.transport.wire().location.clone(),
                        writes: progress.writes,
                    });
                }
            }
            let wait = progress.wait().min(self.transport.retry.longest);
            tokio::time::sleep(wait).await;
        }
    }

    /// Reads the index. If the entry is missing and a write is left, writes the index with it.
    async fn check_index(
        &self,
        referrer: &Referrer,
        tag: &str,
        progress: &Progress,
    ) -> Result<CheckOutcome, Error> {
        let _lock = self.referrers.write_lock.lock().await;
        let began = Instant::now();
        let mut index = match self.tagged_referrers(tag).await? {
            TaggedReferrers::Index(index, manifest) if index.has(&referrer.digest) => {
                return Ok(CheckOutcome::Listed(manifest.digest));
            }
            _ if progress.writes >= MAX_WRITES => return Ok(CheckOutcome::Missing),
            TaggedReferrers::Index(index, _) => index,
            TaggedReferrers::Nothing { .. } => Index::new(),
        };
        index.remove(&progress.missing);
        index.add(referrer.entry.clone());
        let manifest = RawManifest::new(index.to_bytes(), media_type::INDEX);
        if manifest.bytes.len() as u64 > MAX_MANIFEST_BYTES {
            let reason =
                format!("with one more entry it would be larger than {MAX_MANIFEST_BYTES} bytes");
            return Err(self
                .transport
                .wire()
                .malformed(list_of_referrers(tag), reason));
        }
        let request = self.put_request(&manifest, tag)?;
        let response = match self.transport.authorized.send(&request).await {
            Ok(response) => response,
            Err(failure) => return Ok(CheckOutcome::Failed(failure)),
        };
        let refused = response.status().is_client_error();
        match self.stored(&manifest, &request, response).await {
            Ok(_) => Ok(CheckOutcome::Written(manifest.digest, began.elapsed())),
            Err(error) if refused => {
                let missing = self.missing(&index, referrer).await?;
                if missing.is_empty() {
                    return Err(error);
                }
                Ok(CheckOutcome::Dangling(missing))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the other manifests in an index that do not exist.
    async fn missing(&self, index: &Index, referrer: &Referrer) -> Result<HashSet<String>, Error> {
        let mut missing = HashSet::new();
        let others = index.digests().filter(|digest| **digest != referrer.digest);
        for digest in others {
            let Ok(name) = digest.parse().map(Name::Digest) else {
                continue;
            };
            let mut request = self.manifest_request(&name);
            request.method = Method::HEAD;
            let response = self.transport.send(&request).await?;
            if response.status() == StatusCode::NOT_FOUND {
                missing.insert(digest.to_owned());
            }
        }
        Ok(missing)
    }
}

impl Progress {
    fn record_write(&mut self, digest: Digest, took: Duration) {
        self.writes += 1;
        (self.checks, self.unchanged) = (0, 0);
        self.last = Some(digest);
        self.write_time = self.write_time.max(took);
    }

    /// Counts a check that found the entry. Returns whether the entry is safe.
    fn is_settled(&mut self, digest: Digest) -> bool {
        let untouched = self.last.replace(digest) == Some(digest);
        self.checks += 1;
        self.unchanged = if untouched { self.unchanged + 1 } else { 0 };
        // If we wrote nothing, the entry was there before.
        self.writes == 0 || self.unchanged >= UNCHANGED_CHECKS || self.checks >= CHECKS
    }

    /// Returns the wait before the next check.
    fn wait(&self) -> Duration {
        let longer = (1 << self.checks.min(2)) * self.writes.clamp(1, 3);
        let least = self.write_time.max(MIN_WRITE_TIME) * longer;
        least.mul_f64(1.0 + fastrand::f64())
    }
}

fn list_of_referrers(tag: &str) -> String {
    format!("the list of referrers `{tag}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_settled_in_a_stable_index_or_kept_by_all_writers() {
        let index = |text: &str| Digest::of(text.as_bytes());
        assert!(Progress::default().is_settled(index("found")));

        let mut alone = Progress::default();
        alone.record_write(index("ours"), Duration::ZERO);
        assert!(!alone.is_settled(index("ours")));
        assert!(alone.is_settled(index("ours")));

        let mut disturbed = Progress::default();
        disturbed.record_write(index("ours"), Duration::ZERO);
        for (seen, settled) in [
            ("ours", false),
            ("more", false),
            ("more", false),
            ("more", true),
        ] {
            assert_eq!(disturbed.is_settled(index(seen)), settled);
        }

        let mut restless = Progress::default();
        restless.record_write(index("ours"), Duration::ZERO);
        for check in 1..=CHECKS {
            let settled = restless.is_settled(index(&check.to_string()));
            assert_eq!(settled, check == CHECKS);
        }
    }

    #[test]
    fn waits_exceed_a_write_and_grow() {
        let took = Duration::from_secs(1);
        let mut progress = Progress::default();
        progress.record_write(Digest::of(b"1"), took);
        assert!((took..=2 * took).contains(&progress.wait()));
        progress.is_settled(Digest::of(b"1"));
        assert!((2 * took..=4 * took).contains(&progress.wait()));
        progress.record_write(Digest::of(b"2"), took / 10);
        assert!((2 * took..=4 * took).contains(&progress.wait()));
        for _ in 0..100 {
            progress.record_write(Digest::of(b"3"), took);
            (0..10).for_each(|_| {
                progress.is_settled(Digest::of(b"3"));
            });
        }
        assert!(progress.wait() <= 2 * took * 4 * 3);
        let idle = Progress::default();
        assert!(idle.wait() >= MIN_WRITE_TIME);
    }
}
