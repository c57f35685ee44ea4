//! Which manifests of a layout are about another one: there is no list of them, so every manifest is read,
//! but only once, as what a digest names never changes.

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

/// What has a subject: an image manifest, or an image index.
const WITH_SUBJECT: [&str; 2] = [media_type::MANIFEST, media_type::INDEX];

/// Every manifest that was read, and what it refers to.
pub(super) type Known = Arc<Mutex<HashMap<Digest, Option<Referrer>>>>;

/// A manifest with a subject.
pub(super) struct Referrer {
    subject: String,
    descriptor: Descriptor,
}

/// What a manifest says of itself to those who look for referrers.
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
    /// Returns the artifact type, or the config's media type where there is none.
    ///
    /// Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers>.
    fn kind(&self) -> Option<String> {
        let stated = self.artifact_type.clone().filter(|kind| !kind.is_empty());
        stated.or_else(|| self.config.as_ref()?.media_type.clone())
    }
}

impl Layout {
    /// Returns the referrers of a manifest in index order, whatever repository their tags are in: a
    /// referrer has no tag as a rule, and then belongs to none.
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
                    // The index may name what is gone.
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

    /// Reads the manifest of an entry; nothing if it has no subject.
    fn referrer(&self, entry: &Value, digest: &Digest) -> Result<Option<Referrer>, Error> {
        let raw = self.read_manifest(&Name::Digest(*digest))?;
        let bad = |error: serde_json::Error| {
            self.malformed(&format!("manifest `{digest}`"), error.to_string())
        };
        let manifest: Manifest = serde_json::from_slice(&raw.bytes).map_err(bad)?;
        let artifact_type = manifest.kind();
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

/// Returns whether it is worth reading the manifest of an entry. One that states no type may be any.
fn may_refer(entry: &Value, artifact_type: Option<&str>) -> bool {
    let media_type = text(entry, "mediaType");
    let stated = text(entry, "artifactType").filter(|stated| !is_untyped(Some(stated)));
    media_type.is_none_or(|media_type| WITH_SUBJECT.contains(&media_type))
        && artifact_type.is_none_or(|wanted| stated.is_none_or(|stated| stated == wanted))
}

fn text<'a>(entry: &'a Value, member: &str) -> Option<&'a str> {
    entry.get(member)?.as_str()
}
