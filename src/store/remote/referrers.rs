//! Which manifests refer to a manifest: asked of the registry, and read from the index under the tag that the
//! specification keeps for registries that do not know.
//!
//! The registry's list and the tag are always read together: a registry that was given the API later lists nothing that
//! clients entered under the tag before. Only the first answer can say that there is no API: 404 says so; 405, 501 and
//! a redirect to another host mean it, too, and [`Store::referrers_doubt`] tells of them. Every other answer is an
//! error, and no list ends with one: whoever asks for signatures must not be told that there are none.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers>.
//!
//! [`Store::referrers_doubt`]: crate::store::Store::referrers_doubt

mod enter;
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

/// How many manifests are read at most because a list does not say their type.
const MAX_UNTYPED: usize = 1000;

const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// What was learnt of a registry's way with referrers.
#[derive(Default)]
pub(super) struct Knowledge {
    /// Whether it has no API for them.
    by_tag: AtomicBool,
    /// How it answered instead of saying that it has none.
    doubt: OnceLock<String>,
    /// Whether it listed one by a digest that cannot be checked.
    unchecked: AtomicBool,
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
    /// Returns how the registry answered instead of saying that it has no API.
    pub(super) fn doubt(&self) -> Option<String> {
        self.referrers.doubt.get().cloned()
    }

    /// Says which referrers were listed and left out.
    pub(super) fn left_out(&self) -> Option<String> {
        let is_left_out = self.referrers.unchecked.load(Ordering::Relaxed);
        let location = self.location();
        is_left_out.then(|| {
            format!(
                "{location} lists referrers by digests that are not sha256 and cannot be checked"
            )
        })
    }

    /// Returns what an index lists, and notes what it has to leave out.
    fn checkable(&self, index: &Index) -> Result<Vec<Descriptor>, String> {
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
        let listed = match self.referrers.by_tag.load(Ordering::Relaxed) {
            true => None,
            false => self.ask_for_referrers(subject).await?,
        };
        let tag = referrers_tag(&subject.to_string());
        let tagged = match self.tagged_referrers(&tag).await? {
            Tagged::Index(index, _) => Some(self.descriptors(&index, &tag)?),
            Tagged::Nothing {
                repository_known: true,
            } => Some(Vec::new()),
            Tagged::Nothing { .. } => None,
        };
        // A registry that has the API may answer 404 as long as there is no such repository.
        if listed.is_none() && tagged.is_some() {
            self.referrers.by_tag.store(true, Ordering::Relaxed);
        }
        let mut seen = HashSet::new();
        let all = [listed, tagged].into_iter().flatten().flatten();
        let all = all.filter(|found| seen.insert(found.digest)).collect();
        self.of_type(all, artifact_type).await
    }

    /// Asks the registry. Returns nothing if it has no API.
    ///
    /// It is not asked for one artifact type: a registry that takes the type of an empty config for it would leave out
    /// what has the type that is wanted.
    async fn ask_for_referrers(&self, subject: &Digest) -> Result<Option<Vec<Descriptor>>, Error> {
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
            let found = self.checkable(&index);
            referrers.extend(found.map_err(|reason| pages.malformed(reason))?);
        }
        Ok(Some(referrers))
    }

    /// Returns whether an answer to the first request means that the registry has no API. Notes one that does not say so.
    fn has_no_api(&self, response: &Response) -> bool {
        let status = response.status();
        let host = &self.repository.registry;
        let doubt = match status {
            StatusCode::NOT_FOUND => return true,
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                format!(
                    "{host} answered {} when asked for referrers",
                    status.as_u16()
                )
            }
            _ if leads_away(response) => {
                format!("{host} leads to another host when asked for referrers")
            }
            _ => return false,
        };
        // The first answer is as good as a later one.
        let _ = self.referrers.doubt.set(doubt);
        true
    }

    /// Returns those of an artifact type, if one is wanted. Registries list referrers without a type, or with that of an
    /// empty config. The manifest says which type such a referrer has; one that does not exist is left out.
    async fn of_type(
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
                    let reason = format!("more than {MAX_UNTYPED} of them have no type");
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
        let descriptors = self.checkable(index);
        descriptors.map_err(|reason| self.transport.wire().malformed(what(), reason))
    }
}

/// Returns whether an answer is a redirect to another host, which is not followed.
fn leads_away(response: &Response) -> bool {
    let location = response.headers().get(LOCATION);
    let location = location.and_then(|location| location.to_str().ok());
    let target = location.and_then(|location| response.url().join(location).ok());
    response.status().is_redirection()
        && target.is_some_and(|target| is_other_host(response.url(), &target))
}
