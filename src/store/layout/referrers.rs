//! The referrers of a manifest in a layout. A layout has no list of them, so every manifest is read. Each is read only
//! once, because the bytes of a digest never change.

use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::Value;

use super::{Layout, digest_of, entries};
use crate::digest::Digest;
use crate::manifest::{Annotations, Descriptor, is_untyped, media_type};
use crate::reference::Name;
use crate::store::Error;

/// The media types of manifests that can have a subject.
const WITH_SUBJECT: [&str; 2] = [media_type::MANIFEST, media_type::INDEX];

/// The manifests that were read, and their referrer entries.
pub(super) type KnownReferrers = Arc<Mutex<HashMap<Digest, Option<Referrer>>>>;

/// A manifest with a subject.
pub(super) struct Referrer {
    subject: String,
    descriptor: Descriptor,
}

/// The fields of a manifest that a list of referrers needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    subject: Option<Subject>,
    artifact_type: Option<String>,
    config: Option<Config>,
    annotations: Option<Annotations>,
}

#[derive(Deserialize)]
struct Subject {
    digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    media_type: Option<String>,
}

impl Manifest {
    /// Returns the artifact type, or the config's media type if there is none.
    ///
    /// Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers>.
    fn effective_type(&self) -> Option<String> {
        let stated = self.artifact_type.clone().filter(|kind| !kind.is_empty());
        stated.or_else(|| self.config.as_ref()?.media_type.clone())
    }
}

impl Layout {
    /// Returns the referrers of a manifest in index order, from all repositories: a referrer usually has no tag, and
    /// then belongs to no repository.
    pub(super) fn find_referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error> {
        let index = self.index()?;
        let subject = subject.to_string();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = HashSet::new();
        let mut referrers = Vec::new();
        for entry in entries(&index).filter(|entry| may_refer(entry, artifact_type)) {
            let Some(digest) = digest_of(entry) else {
                self.has_lost.store(true, Ordering::Relaxed);
                continue;
            };
            if !seen.insert(digest) {
                continue;
            }
            let referrer = match known.entry(digest) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => match self.referrer(entry, &digest) {
                    // The index may name a missing manifest.
                    Err(Error::NotFound { .. }) => {
                        self.has_lost.store(true, Ordering::Relaxed);
                        continue;
                    }
                    read => unknown.insert(read?),
                },
            };
            let found = referrer.as_ref();
            let found = found.filter(|referrer| referrer.subject == subject);
            referrers.extend(found.map(|referrer| referrer.descriptor.clone()));
        }
        if let Some(wanted) = artifact_type {
            referrers.retain(|referrer| referrer.artifact_type.as_deref() == Some(wanted));
        }
        Ok(referrers)
    }

    /// Reads the manifest of an entry. Returns nothing if it has no subject.
    fn referrer(&self, entry: &Value, digest: &Digest) -> Result<Option<Referrer>, Error> {
        let raw = self.read_manifest(&Name::Digest(*digest))?;
        let bad = |error: serde_json::Error| {
            self.malformed(&format!("manifest `{digest}`"), error.to_string())
        };
        let manifest: Manifest = serde_json::from_slice(&raw.bytes).map_err(bad)?;
        let artifact_type = manifest.effective_type();
        let Some(Subject { digest: subject }) = manifest.subject else {
            return Ok(None);
        };
        let stated = text(entry, "mediaType").map(str::to_owned);
        let descriptor = Descriptor {
            media_type: stated.unwrap_or(raw.media_type),
            digest: *digest,
            size: raw.bytes.len() as u64,
            artifact_type,
            annotations: manifest.annotations.unwrap_or_default(),
        };
        Ok(Some(Referrer {
            subject,
            descriptor,
        }))
    }
}

/// Returns whether the manifest of an entry must be read. An entry without a type may have any type.
fn may_refer(entry: &Value, artifact_type: Option<&str>) -> bool {
    let media_type = text(entry, "mediaType");
    let stated = text(entry, "artifactType").filter(|stated| !is_untyped(Some(stated)));
    media_type.is_none_or(|media_type| WITH_SUBJECT.contains(&media_type))
        && artifact_type.is_none_or(|wanted| stated.is_none_or(|stated| stated == wanted))
}

fn text<'a>(entry: &'a Value, member: &str) -> Option<&'a str> {
    entry.get(member)?.as_str()
}
