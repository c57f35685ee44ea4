//! Which manifests refer to a manifest: asked of the registry, or read from the index under the tag that the
//! specification keeps for registries that do not know.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers>.

mod enter;
mod index;

use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Response, StatusCode, Url};
use tokio::sync::Mutex;

pub(super) use self::index::Referrer;
use self::index::{Index, referrers_tag};
use super::pages::Pages;
use super::transport::{Answer, Reply};
use super::{Remote, answer};
use crate::digest::Digest;
use crate::manifest::{Descriptor, media_type};
use crate::reference::Name;
use crate::store::{Error, MAX_MANIFEST_BYTES, RawManifest};

const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// What was learnt of a registry's way with referrers.
#[derive(Default)]
pub(super) struct Knowledge {
    /// Whether it has no API for them.
    by_tag: AtomicBool,
    /// Held from reading an index to writing it, so that one process does not undo its own work.
    entering: Mutex<()>,
}

/// What is under a referrers tag.
enum Tagged {
    Index(Index, RawManifest),
    /// Nothing; whether the repository exists is another matter.
    Nothing {
        repository_known: bool,
    },
}

impl Remote {
    pub(super) async fn list_referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error> {
        let by_tag = self.referrers.by_tag.load(Ordering::Relaxed);
        if !by_tag && let Some(found) = self.ask_for_referrers(subject, artifact_type).await? {
            return Ok(found);
        }
        let tag = referrers_tag(&subject.to_string());
        let (referrers, repository_known) = match self.tagged_referrers(&tag).await? {
            Tagged::Index(index, _) => (self.descriptors(&index, &tag)?, true),
            Tagged::Nothing { repository_known } => (Vec::new(), repository_known),
        };
        // A registry that has the API may answer 404 as long as there is no such repository.
        if repository_known {
            self.referrers.by_tag.store(true, Ordering::Relaxed);
        }
        Ok(only(referrers, artifact_type))
    }

    /// Asks the registry; nothing where it does not know of referrers.
    async fn ask_for_referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Option<Vec<Descriptor>>, Error> {
        let first = self.referrers_url(subject, artifact_type);
        let mut pages = Pages::new(
            &self.transport,
            first,
            "listing referrers",
            "the list of referrers",
        );
        let mut referrers = Vec::new();
        while let Some(reply) = pages.next().await? {
            let page = match reply {
                Reply::Whole(page) if is_index(&page) => page,
                Reply::Whole(_) => return Ok(None),
                Reply::Other(response) if knows_nothing(&response) => return Ok(None),
                Reply::Other(response) => return Err(pages.unexpected(response, "").await),
            };
            let index = Index::read(&page.body).map_err(|reason| pages.malformed(reason))?;
            let found = index.descriptors();
            let found = found.map_err(|reason| pages.malformed(reason))?;
            let filtered = page.headers.get_all(FILTERS_APPLIED);
            let filtered = filtered.iter().filter_map(|names| names.to_str().ok());
            let mut filtered = filtered.flat_map(|names| names.split(','));
            let ours = if filtered.any(|name| name.trim() == "artifactType") {
                None
            } else {
                artifact_type
            };
            referrers.extend(only(found, ours));
        }
        Ok(Some(referrers))
    }

    fn referrers_url(&self, subject: &Digest, artifact_type: Option<&str>) -> Url {
        let mut url = self.url(&format!("referrers/{subject}"));
        if let Some(artifact_type) = artifact_type {
            url.query_pairs_mut()
                .append_pair("artifactType", artifact_type);
        }
        url
    }

    /// Lets a manifest that was pushed be found, unless the registry says with its answer that it sees to it.
    pub(super) async fn list_referrer(
        &self,
        referrer: &Referrer,
        answer: &HeaderMap,
    ) -> Result<(), Error> {
        if answer.contains_key(SUBJECT) {
            self.referrers.by_tag.store(false, Ordering::Relaxed);
            return Ok(());
        }
        self.enter_referrer(referrer).await
    }

    /// Reads the index under a referrers tag.
    async fn tagged_referrers(&self, tag: &str) -> Result<Tagged, Error> {
        let name = Name::Tag(tag.to_owned());
        let request = self.manifest_request(&name);
        let what = format!("manifest `{name}`");
        let reply = self.transport.reply(&request, &what, MAX_MANIFEST_BYTES);
        match reply.await? {
            Reply::Whole(answer) => {
                let manifest = self.checked(&name, answer)?;
                let index = Index::read(&manifest.bytes);
                let index =
                    index.map_err(|reason| self.transport.wire().malformed(what, reason))?;
                Ok(Tagged::Index(index, manifest))
            }
            Reply::Other(response) if response.status() == StatusCode::NOT_FOUND => {
                let words = answer::words(response).await;
                let repository_known = words.code != "NAME_UNKNOWN";
                Ok(Tagged::Nothing { repository_known })
            }
            Reply::Other(response) => {
                let unexpected = self
                    .transport
                    .wire()
                    .unexpected(response, &request.what, "");
                Err(unexpected.await)
            }
        }
    }

    fn descriptors(&self, index: &Index, tag: &str) -> Result<Vec<Descriptor>, Error> {
        let what = || format!("manifest `{tag}`");
        let descriptors = index.descriptors();
        descriptors.map_err(|reason| self.transport.wire().malformed(what(), reason))
    }
}

/// Leaves those of an artifact type, if there is one to look for.
fn only(mut referrers: Vec<Descriptor>, artifact_type: Option<&str>) -> Vec<Descriptor> {
    if artifact_type.is_some() {
        referrers.retain(|referrer| referrer.artifact_type.as_deref() == artifact_type);
    }
    referrers
}

/// Whether an answer that is no 200 means that there is no such API: not found, not allowed, the address of
/// something else. A refusal and what passes by itself are errors before they get here.
fn knows_nothing(response: &Response) -> bool {
    let status = response.status();
    !status.is_server_error() || status == StatusCode::NOT_IMPLEMENTED
}

/// Whether a 200 is an index, broken or not; a front end may answer any path with a page of its own.
fn is_index(page: &Answer) -> bool {
    answer::media_type(&page.headers) == media_type::INDEX || index::looks_like_one(&page.body)
}
