//! Registries that wrongly refuse a manifest because of blobs that they have.
//!
//! Distribution 2.8 rewrites the file that links a blob to a repository for each client that pushes the blob. It
//! refuses a manifest that arrives in the meantime with `MANIFEST_BLOB_UNKNOWN`, although the registry reported to the
//! client that it has the blob.

use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::Remote;
use super::answer::UNKNOWN_BLOB;
use super::failure::Failure;
use super::wire::Request;
use crate::digest::Identity;
use crate::reference::Name;
use crate::store::{Error, RawManifest, Store};

/// The objects that an image manifest or an index names.
#[derive(Deserialize)]
struct ManifestContents {
    config: Option<Identity>,
    #[serde(default)]
    layers: Vec<Identity>,
    #[serde(default)]
    manifests: Vec<Identity>,
}

impl Remote {
    /// Sends a manifest once. If the registry refuses it because of blobs that the repository has, the failure is
    /// transient.
    pub(super) async fn put_once(
        &self,
        manifest: &RawManifest,
        request: &Request,
    ) -> Result<HeaderMap, Failure> {
        let response = self.transport.authorized.send(request).await?;
        match self.stored(manifest, request, response).await {
            Err(error) if names_unknown_blob(&error) && self.has_contents(manifest).await? => {
                let retry = Some(None);
                Err(Failure { error, retry })
            }
            stored => Ok(stored?),
        }
    }

    /// Returns whether the repository has everything that a manifest names.
    async fn has_contents(&self, manifest: &RawManifest) -> Result<bool, Error> {
        let Ok(contents) = serde_json::from_slice::<ManifestContents>(&manifest.bytes) else {
            return Ok(false);
        };
        for blob in contents.config.into_iter().chain(contents.layers) {
            if !self.has(blob).await? {
                return Ok(false);
            }
        }
        for child in contents.manifests {
            match self.manifest(&Name::Digest(child.digest)).await {
                Ok(_) => {}
                Err(Error::NotFound { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// Returns whether the registry's message has the code [`UNKNOWN_BLOB`]. Distribution may put another code before it.
fn names_unknown_blob(error: &Error) -> bool {
    matches!(error, Error::Answer { status: 400 | 404, message, .. } if message.contains(UNKNOWN_BLOB))
}

/// Returns the registry's refusal in place of the failure of all attempts, as the registry could be reached.
pub(super) fn refusal(error: Error) -> Error {
    match error {
        Error::Unreachable {
            what,
            attempts,
            source,
        } => match source.downcast::<Error>() {
            Ok(refusal) if names_unknown_blob(&refusal) => *refusal,
            other => Error::Unreachable {
                what,
                attempts,
                source: other.map_or_else(|source| source, |error| error as _),
            },
        },
        error => error,
    }
}
