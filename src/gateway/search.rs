//! Locates the split manifest of a flat digest that `lookup` has no record of. The directory may be new, or the client
//! may have the digest from another gateway.
//!
//! The clients of a repository share one [`TagRecord`]. The list of tags is requested at most once in a while for all
//! of them, and the manifest under a tag once for each list. A digest whose manifest was read is in `lookup`, so a miss
//! costs no request. The record is only a hint: upstream decides whether a client may read the manifest that it finds.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method, StatusCode};
use quick_cache::sync::Cache;
use tokio::sync::Mutex;

use super::admission::Admitted;
use super::headers::upstream_accept;
use super::lookup::FlatPart;
use super::passthrough::chain;
use super::refusal::Failure;
use super::upstream::ManifestAnswer;
use super::view::{View, is_invalid_content};
use super::{HandlerResult, RepositoryRequest};
use crate::artifact::{SPLIT_SUFFIX, split_tag};
use crate::content::is_about_rights;
use crate::digest::Digest;
use crate::error::Error;
use crate::manifest::media_type;
use crate::reference::package::tag_version;
use crate::store;

/// The maximum number of manifests that are read for one list of tags.
const MAX_MANIFESTS: usize = 200;

/// The maximum number of manifests requested at once.
const MAX_REQUESTS: usize = 8;

/// The maximum number of repositories whose tags are remembered.
const MAX_RECORDS: usize = 256;

/// The tag under which a client's miss of the whole list is remembered. No tag is empty.
const ALL_TAGS: &str = "";

/// The tags of repositories that were searched.
pub(super) struct TagRecords {
    /// How long a list of tags is used.
    lifetime: Duration,
    /// By location. A search locks the record, so searches of a repository share its requests.
    records: Cache<String, Arc<Mutex<TagRecord>>>,
}

/// The tags of a repository.
#[derive(Default)]
struct TagRecord {
    /// When the list was requested.
    listed: Option<Instant>,
    /// Whether the list was short enough to read the manifest under every tag.
    is_whole: bool,
    /// The tags whose manifests were not read since, in search order.
    pending: Vec<String>,
    /// The digests of the manifests that were read under each tag.
    digests: HashMap<String, Digest>,
    /// The last failure. It is also the result of all searches that waited for it.
    failure: Option<(Instant, Arc<store::Error>)>,
}

/// The manifest under a tag.
enum Candidate {
    /// Upstream does not show a manifest to this client.
    Missing,
    /// The manifest is damaged.
    Invalid,
    /// The digest of the manifest. There is a view if the manifest is split and was not read before.
    Read(Digest, Option<Arc<View>>),
}

impl TagRecords {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            records: Cache::new(MAX_RECORDS),
        }
    }

    fn record(&self, location: &str) -> Arc<Mutex<TagRecord>> {
        if let Some(record) = self.records.get(location) {
            return record;
        }
        let record = Arc::default();
        self.records
            .insert(location.to_owned(), Arc::clone(&record));
        record
    }
}

impl TagRecord {
    fn is_listed(&self, lifetime: Duration) -> bool {
        self.listed
            .is_some_and(|listed| listed.elapsed() < lifetime)
    }

    fn set_tags(&mut self, tags: Vec<String>) {
        let tags = search_order(tags);
        self.is_whole = tags.len() <= MAX_MANIFESTS;
        self.pending = tags.into_iter().take(MAX_MANIFESTS).collect();
        let pending = &self.pending;
        self.digests.retain(|tag, _| pending.contains(tag));
        self.listed = Some(Instant::now());
    }
}

impl RepositoryRequest<'_> {
    /// Searches the repository for the split manifest behind a digest of a flat form. Upstream did not know the digest
    /// itself.
    pub(super) async fn search_flat_digest(
        &self,
        digest: &Digest,
        kind: FlatPart,
    ) -> HandlerResult<Option<Arc<View>>> {
        let began = Instant::now();
        let admitted = self.gateway.searches.admit()?;
        let record = self.gateway.tags.record(&self.location);
        let mut record = record.lock().await;
        // Another search may have found it meanwhile.
        if let Some(origin) = self.gateway.index.get(&self.location, digest)?
            && (origin.kind == FlatPart::Manifest) == (kind == FlatPart::Manifest)
            && let Some(view) = self.recorded_view(digest, origin).await?
        {
            return Ok(Some(view));
        }
        if let Some((when, error)) = &record.failure
            && *when > began
        {
            return Err(store::Error::Shared(Arc::clone(error)).into());
        }
        match self.search_tags(&mut record, digest, kind, &admitted).await {
            Err(Failure::Error(Error::Store(error))) if !is_about_rights(&error) => {
                let error = Arc::new(error);
                record.failure = Some((Instant::now(), Arc::clone(&error)));
                Err(store::Error::Shared(error).into())
            }
            found => found,
        }
    }

    /// Reads the manifests under the tags until one is found.
    async fn search_tags(
        &self,
        record: &mut TagRecord,
        digest: &Digest,
        kind: FlatPart,
        admitted: &Admitted<'_>,
    ) -> HandlerResult<Option<Arc<View>>> {
        let is_manifest = kind == FlatPart::Manifest;
        let is_it = |view: &Arc<View>| {
            let named = view.find_part(digest);
            named.is_some_and(|named| (named == FlatPart::Manifest) == is_manifest)
        };
        let is_listed = record.is_listed(self.gateway.tags.lifetime);
        let is_read = is_listed && record.pending.iter().all(|tag| self.misses_tag(tag));
        if self.misses_tag(ALL_TAGS) || (is_read && (record.is_whole || !is_manifest)) {
            return Ok(None);
        }
        let _place = admitted.place().await;
        let nothing = HashMap::new();
        if is_manifest
            && let Candidate::Read(_, Some(view)) =
                self.read_candidate(&split_tag(digest), &nothing).await?
            && is_it(&view)
        {
            return Ok(Some(view));
        }
        if !is_listed {
            match self.store.tags().await {
                Ok(tags) => record.set_tags(tags),
                Err(store::Error::NotFound { .. }) => {
                    self.record_missed_tag(ALL_TAGS);
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let (mut tags, known) = (record.pending.clone(), record.digests.clone());
        tags.retain(|tag| !self.misses_tag(tag));
        let read = async |tag: String| (self.read_candidate(&tag, &known).await, tag);
        let mut candidates = stream::iter(tags).map(read).buffered(MAX_REQUESTS);
        // A search that is interrupted here goes on at the next tag.
        while let Some((candidate, tag)) = candidates.next().await {
            let view = match candidate? {
                Candidate::Missing => {
                    self.record_missed_tag(&tag);
                    continue;
                }
                Candidate::Invalid => None,
                Candidate::Read(digest, view) => {
                    record.digests.insert(tag.clone(), digest);
                    view
                }
            };
            record.pending.retain(|pending| *pending != tag);
            if let Some(view) = view.filter(is_it) {
                return Ok(Some(view));
            }
        }
        Ok(None)
    }

    /// Returns whether upstream recently answered this client that a tag is missing.
    fn misses_tag(&self, tag: &str) -> bool {
        let misses = &self.gateway.misses;
        misses.has(&self.who, &self.location, &Digest::of(tag.as_bytes()))
    }

    /// Records that upstream does not show a tag to this client. It may show the tag to other clients.
    fn record_missed_tag(&self, tag: &str) {
        let misses = &self.gateway.misses;
        misses.record(&self.who, &self.location, &Digest::of(tag.as_bytes()));
    }

    /// Reads the manifest under a tag, unless it is the known one. A damaged manifest cannot be the wanted one, but an
    /// unreachable one may be, so that is an error.
    async fn read_candidate(
        &self,
        tag: &str,
        known: &HashMap<String, Digest>,
    ) -> HandlerResult<Candidate> {
        let accept = upstream_accept(&HeaderMap::new());
        if let Some(&known) = known.get(tag) {
            let head = self.find_manifest(&Method::HEAD, tag, accept.clone());
            let found = match head.await? {
                ManifestAnswer::Manifest(raw) => Some(raw.digest),
                ManifestAnswer::Relayed(head) if head.status == StatusCode::OK => {
                    head.content_digest()
                }
                _ => None,
            };
            if found == Some(known) {
                return Ok(Candidate::Read(known, None));
            }
        }
        let raw = match self.find_manifest(&Method::GET, tag, accept).await {
            Ok(ManifestAnswer::Manifest(raw)) => raw,
            Ok(ManifestAnswer::Relayed(relayed)) if relayed.status != StatusCode::NOT_FOUND => {
                return Err(self.gateway.relay(self.request, relayed).into());
            }
            Ok(_) => return Ok(Candidate::Missing),
            Err(error) => return self.skip_invalid(tag, error.into()),
        };
        let digest = raw.digest;
        if raw.media_type != media_type::MANIFEST {
            return Ok(Candidate::Read(digest, None));
        }
        match self.derive_view(raw).await {
            Ok(view) => Ok(Candidate::Read(digest, view)),
            Err(error) => self.skip_invalid(tag, error),
        }
    }

    /// Logs that a tag names invalid content. Other errors are returned.
    fn skip_invalid(&self, tag: &str, error: Error) -> HandlerResult<Candidate> {
        if !is_invalid_content(&error) {
            return Err(error.into());
        }
        let problem = format!("the search skips the tag `{tag}`: {}", chain(&error));
        self.gateway.log_error(self.request, &problem);
        Ok(Candidate::Invalid)
    }
}

/// Sorts the highest version first, then other tags, then the tags of split forms. Leaves out tags that belong to other
/// manifests.
fn search_order(tags: Vec<String>) -> Vec<String> {
    let mut tags: Vec<String> = tags
        .into_iter()
        .filter(|tag| !is_about_another(tag))
        .collect();
    tags.sort_by_cached_key(|tag| {
        let behind = tag.ends_with(SPLIT_SUFFIX);
        Reverse((!behind, tag_version(tag), tag.clone()))
    });
    tags
}

/// Returns whether a tag belongs to another manifest: a referrers list, a signature or a mark, such as `sha256-HEX` or
/// `sha256-HEX.sig`. Tags of split forms do not count.
fn is_about_another(tag: &str) -> bool {
    let digest = tag.strip_prefix("sha256-").and_then(|rest| rest.get(..64));
    digest.is_some_and(|hex| Digest::from_hex(hex).is_ok()) && !tag.ends_with(SPLIT_SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_is_read_first() {
        let digest = Digest::of(b"x");
        let behind = split_tag(&digest);
        let hex = digest.hex();
        let tags = [
            "latest",
            &behind,
            "1.2.0",
            "0.9.0",
            "1.10.0",
            "2.0.0-rc.1",
            &format!("sha256-{hex}"),
            &format!("sha256-{hex}.yank"),
            "sha256-short",
            "main",
        ];
        let sorted = search_order(tags.map(str::to_owned).to_vec());
        let expected = [
            "2.0.0-rc.1",
            "1.10.0",
            "1.2.0",
            "0.9.0",
            "sha256-short",
            "main",
            "latest",
            &behind,
        ];
        assert_eq!(sorted, expected);
    }
}
