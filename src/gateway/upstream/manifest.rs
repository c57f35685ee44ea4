//! Finds a manifest by tag or digest, or returns the registry's answer.

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::gateway::RepositoryRequest;
use crate::reference::Name;
use crate::store::{Error, MAX_MANIFEST_BYTES, RawManifest, RelayedResponse, Store};

/// The result of a request for a manifest.
pub(in crate::gateway) enum ManifestAnswer {
    /// A manifest. Its bytes match the requested digest and the registry's digest header.
    Manifest(RawManifest),
    /// A registry's answer without a manifest: a 200 to a HEAD, or another status.
    Relayed(RelayedResponse),
    /// A store other than a registry has no such manifest.
    Missing,
}

impl ManifestAnswer {
    pub(in crate::gateway) fn is_missing(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Relayed(relayed) => relayed.status == StatusCode::NOT_FOUND,
            Self::Manifest(_) => false,
        }
    }
}

impl RepositoryRequest<'_> {
    /// Requests a manifest by tag or digest. A store other than a registry returns the bytes for a HEAD too.
    pub(in crate::gateway) async fn find_manifest(
        &self,
        method: &Method,
        name: &str,
        accept: HeaderValue,
    ) -> Result<ManifestAnswer, Error> {
        let headers = HeaderMap::from_iter([(ACCEPT, accept)]);
        let (store, endpoint) = (self.store.as_ref(), format!("manifests/{name}"));
        let found = match store.passthrough(method, &endpoint, None, headers).await? {
            None => read_stored(store, name).await?,
            Some(relayed) if relayed.status == StatusCode::OK && method != Method::HEAD => {
                ManifestAnswer::Manifest(relayed.manifest(name).await?)
            }
            Some(relayed) => ManifestAnswer::Relayed(relayed),
        };
        if let ManifestAnswer::Manifest(raw) = &found {
            self.gateway
                .metrics
                .upstream_bytes
                .inc_by(raw.bytes.len() as u64);
        }
        Ok(found)
    }
}

async fn read_stored(store: &dyn Store, name: &str) -> Result<ManifestAnswer, Error> {
    let name = match name.parse() {
        Ok(digest) => Name::Digest(digest),
        Err(_) => Name::Tag(name.to_owned()),
    };
    if let Name::Digest(digest) = &name {
        match store.size(digest).await? {
            Some(size) if size <= MAX_MANIFEST_BYTES => {}
            _ => return Ok(ManifestAnswer::Missing),
        }
    }
    match store.manifest(&name).await {
        // A store may hold manifests and blobs together.
        Ok(manifest) if is_manifest(&manifest.bytes) => Ok(ManifestAnswer::Manifest(manifest)),
        Ok(_) | Err(Error::NotFound { .. }) => Ok(ManifestAnswer::Missing),
        Err(error) => Err(error),
    }
}

/// Returns whether the bytes are an image manifest or an index.
fn is_manifest(bytes: &[u8]) -> bool {
    let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    value["schemaVersion"] == 2 && (value["config"].is_object() || value["manifests"].is_array())
}
