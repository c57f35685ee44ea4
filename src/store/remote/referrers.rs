//! The referrers of a manifest, from the registry's API and from the index under the referrers tag. The specification
//! defines that tag for registries without the API.
//!
//! Both are read unless the registry is known to have no API. A registry that received the API later does not list the
//! older entries under the tag. Only the first answer can show that there is no API. A 404 says so. A 405, a 501 and a
//! redirect to another host imply it, and [`Store::referrers_doubt`] reports them. Every other answer is an error and
//! never ends a list: a client that asks for signatures must not be told that there are none.
//!
//! The cache remembers a 404 for an hour. During that hour only the tag is read.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers>.
//!
//! [`Store::referrers_doubt`]: crate::store::Store::referrers_doubt

mod add_referrer;
mod index;

use std::collections::HashSet;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::header::{HeaderMap, HeaderName, LOCATION};
use reqwest::{Response, StatusCode};
use tokio::sync::Mutex;

pub(super) use self::index::Referrer;
use self::index::{Index, referrers_tag};
use super::client::is_other_host;
use super::pages::Pages;
use super::transport::Reply;
use super::{Remote, answer};
use crate::digest::Digest;
use crate::manifest::{Descriptor, is_untyped};
use crate::reference::Name;
use crate::store::{Error, MAX_MANIFEST_BYTES, RawManifest, Store};

/// The maximum number of manifests that are read because a list does not have their type.
const MAX_UNTYPED: usize = 1000;

const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// Facts about a registry's support for referrers.
#[derive(Default)]
pub(super) struct ReferrersFacts {
    /// Whether the registry has no API.
    by_tag: AtomicBool,
    /// Its answer, if that implies but does not say that there is no API.
    doubt: OnceLock<String>,
    /// Whether it listed a referrer by a digest that cannot be checked.
    unchecked: AtomicBool,
    /// Locked from reading an index until writing it, so that this process does not overwrite its own entries.
    write_lock: Mutex<()>,
}

/// The content of a referrers tag.
enum TaggedReferrers {
    Index(Index, RawManifest),
    /// No index. The repository may not exist either.
    Nothing {
        repository_known: bool,
    },
}

impl Remote {
    /// Returns the registry's answer, if it implies but does not say that there is no API.
    pub(super) fn doubt(&self) -> Option<String> {
        self.referrers.doubt.get().cloned()
    }

    /// Says which referrers were listed and left out.
    pub(super) fn left_out(&self) -> Option<String> {
        let is_left_out = self.referrers.unchecked.load(Ordering::Relaxed);
        let location = self.location();
        is_left_out.then(|| {
            format!(
                "{location} lists referrers with digests other than sha256, which cannot be checked"
            )
        })
    }

    /// Returns what an index lists, and notes what it has to leave out.
    fn checkable_descriptors(&self, index: &Index) -> Result<Vec<Descriptor>, String> {
        if index.has_uncheckable() {
            self.referrers.unchecked.store(true, Ordering::Relaxed);
        }
        index.descriptors()
    }

    pub(super) async fn list_referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error> {
        let is_asked = !self.lists_by_tag();
        let listed = match is_asked {
            true => self.request_referrers(subject).await?,
            false => None,
        };
        let tag = referrers_tag(&subject.to_string());
        let tagged = match self.tagged_referrers(&tag).await? {
            TaggedReferrers::Index(index, _) => Some(self.descriptors(&index, &tag)?),
            TaggedReferrers::Nothing {
                repository_known: true,
            } => Some(Vec::new()),
            TaggedReferrers::Nothing { .. } => None,
        };
        // A registry with the API may answer 404 until the repository exists.
        if is_asked && listed.is_none() && tagged.is_some() {
            self.referrers.by_tag.store(true, Ordering::Relaxed);
            // A doubt must be reported each time.
            if self.doubt().is_none() {
                self.record_referrers_api(false);
            }
        }
        let mut seen = HashSet::new();
        let all = [listed, tagged].into_iter().flatten().flatten();
        let all = all.filter(|found| seen.insert(found.digest)).collect();
        self.filter_by_type(all, artifact_type).await
    }

    /// Returns whether the registry is known to have no API.
    fn lists_by_tag(&self) -> bool {
        let registry = &self.repository.registry;
        self.referrers.by_tag.load(Ordering::Relaxed)
            || self
                .cache
                .as_ref()
                .is_some_and(|cache| cache.lacks_referrers_api(registry))
    }

    fn record_referrers_api(&self, exists: bool) {
        if let Some(cache) = &self.cache {
            cache.record_referrers_api(&self.repository.registry, exists);
        }
    }

    /// Requests the registry's list. Returns nothing if it has no API.
    ///
    /// The request names no artifact type: some registries use the type of an empty config instead, and would leave out
    /// referrers of the requested type.
    async fn request_referrers(&self, subject: &Digest) -> Result<Option<Vec<Descriptor>>, Error> {
        let first = self.url(&format!("referrers/{subject}"));
        let (what, list) = ("listing referrers", "the list of referrers");
        let mut pages = Pages::new(&self.transport, first, what, list);
        let mut referrers = Vec::new();
        while let Some(reply) = pages.next().await? {
            let page = match reply {
                Reply::Whole(page) => page,
                Reply::Other(response) if pages.is_first() && self.has_no_api(&response) => {
                    return Ok(None);
                }
                Reply::Other(response) => return Err(pages.unexpected(response, "").await),
            };
            let index = Index::read(&page.body).map_err(|reason| pages.malformed(reason))?;
            let found = self.checkable_descriptors(&index);
            referrers.extend(found.map_err(|reason| pages.malformed(reason))?);
        }
        Ok(Some(referrers))
    }

    /// Returns whether an answer to the first request means that the registry has no API. Records an answer that only
    /// implies it.
    fn has_no_api(&self, response: &Response) -> bool {
        let status = response.status();
        let host = &self.repository.registry;
        let doubt = match status {
            StatusCode::NOT_FOUND => return true,
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                format!(
                    "{host} answered a request for referrers with {}",
                    status.as_u16()
                )
            }
            _ if redirects_to_other_host(response) => {
                format!("{host} redirected a request for referrers to another host")
            }
            _ => return false,
        };
        // The first answer is enough.
        let _ = self.referrers.doubt.set(doubt);
        true
    }

    /// Returns the referrers of an artifact type, or all. Some registries list referrers without a type, or with that
    /// of an empty config. Then the manifest is read for its type; a missing one is left out.
    async fn filter_by_type(
        &self,
        listed: Vec<Descriptor>,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error> {
        let Some(wanted) = artifact_type else {
            return Ok(listed);
        };
        let mut found = Vec::new();
        let mut read = 0;
        for mut referrer in listed {
            if is_untyped(referrer.artifact_type.as_deref()) {
                read += 1;
                if read > MAX_UNTYPED {
                    let reason = format!("more than {MAX_UNTYPED} of its entries have no type");
                    let list = "the list of referrers";
                    return Err(self.transport.wire().malformed(list, reason));
                }
                referrer.artifact_type = match self.manifest(&Name::Digest(referrer.digest)).await {
                    Ok(manifest) => index::artifact_type(&manifest.bytes),
                    Err(Error::NotFound { .. }) => continue,
                    Err(error) => return Err(error),
                };
            }
            if referrer.artifact_type.as_deref() == Some(wanted) {
                found.push(referrer);
            }
        }
        Ok(found)
    }

    /// Adds a pushed manifest to the index of its subject, unless the registry's answer says that it does so itself.
    pub(super) async fn register_referrer(
        &self,
        referrer: &Referrer,
        answer: &HeaderMap,
    ) -> Result<(), Error> {
        if answer.contains_key(SUBJECT) {
            self.referrers.by_tag.store(false, Ordering::Relaxed);
            self.record_referrers_api(true);
            return Ok(());
        }
        self.add_referrer(referrer).await
    }

    /// Reads the index under a referrers tag.
    async fn tagged_referrers(&self, tag: &str) -> Result<TaggedReferrers, Error> {
        let name = Name::Tag(tag.to_owned());
        let request = self.manifest_request(&name);
        let what = format!("manifest `{name}`");
        let reply = self.transport.reply(&request, &what, MAX_MANIFEST_BYTES);
        match reply.await? {
            Reply::Whole(answer) => {
                let manifest = self.check_manifest(&name, answer)?;
                let index = Index::read(&manifest.bytes);
                let index =
                    index.map_err(|reason| self.transport.wire().malformed(what, reason))?;
                Ok(TaggedReferrers::Index(index, manifest))
            }
            Reply::Other(response) if response.status() == StatusCode::NOT_FOUND => {
                let error = answer::read_error(response).await;
                let repository_known = error.code != "NAME_UNKNOWN";
                Ok(TaggedReferrers::Nothing { repository_known })
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
        let descriptors = self.checkable_descriptors(index);
        descriptors.map_err(|reason| self.transport.wire().malformed(what(), reason))
    }
}

/// Returns whether an answer is a redirect to another host, which is not followed.
fn redirects_to_other_host(response: &Response) -> bool {
    let location = response.headers().get(LOCATION);
    let location = location.and_then(|location| location.to_str().ok());
    let target = location.and_then(|location| response.url().join(location).ok());
    response.status().is_redirection()
        && target.is_some_and(|target| is_other_host(response.url(), &target))
}
