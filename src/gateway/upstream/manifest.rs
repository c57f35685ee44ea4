//! Finding a manifest by tag or digest, with what a registry says instead.

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::digest::{Identity, Mismatch};
use crate::reference::Name;
use crate::store::{Error, MAX_MANIFEST_BYTES, RawManifest, Relayed, Store};

/// The answer to a request for a manifest.
pub(in crate::gateway) enum Found {
    /// The bytes. They have the requested digest, and the one that the registry gives them.
    Manifest(RawManifest),
    /// A registry's 200 without the bytes.
    Head(Relayed),
    /// Another answer of a registry.
    Other(Relayed),
    /// No manifest, in a store that is no registry.
    Missing,
}

impl Found {
    /// Returns whether no such manifest exists.
    pub(in crate::gateway) fn is_missing(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Other(relayed) => relayed.status == StatusCode::NOT_FOUND,
            Self::Manifest(_) | Self::Head(_) => false,
        }
    }
}

/// Asks for a manifest by tag or digest. A store that is no registry gives the bytes for a HEAD too.
pub(in crate::gateway) async fn find_manifest(
    store: &dyn Store,
    method: &Method,
    name: &str,
    accept: HeaderValue,
) -> Result<Found, Error> {
    let headers = HeaderMap::from_iter([(ACCEPT, accept)]);
    let endpoint = format!("manifests/{name}");
    match store.passthrough(method, &endpoint, None, headers).await? {
        None => stored(store, name).await,
        Some(relayed) => match relayed.status {
            StatusCode::OK if method == Method::HEAD => Ok(Found::Head(relayed)),
            StatusCode::OK => checked(&store.location(), name, relayed).await,
            _ => Ok(Found::Other(relayed)),
        },
    }
}

async fn stored(store: &dyn Store, name: &str) -> Result<Found, Error> {
    let name = match name.parse() {
        Ok(digest) => Name::Digest(digest),
        Err(_) => Name::Tag(name.to_owned()),
    };
    if let Name::Digest(digest) = &name {
        match store.size(digest).await? {
            Some(size) if size <= MAX_MANIFEST_BYTES => {}
            _ => return Ok(Found::Missing),
        }
    }
    match store.manifest(&name).await {
        // A store may keep manifests and blobs together.
        Ok(manifest) if is_manifest(&manifest.bytes) => Ok(Found::Manifest(manifest)),
        Ok(_) | Err(Error::NotFound { .. }) => Ok(Found::Missing),
        Err(error) => Err(error),
    }
}

/// Reads a manifest, and checks it against the requested digest and the one that the registry gives it.
async fn checked(location: &str, name: &str, relayed: Relayed) -> Result<Found, Error> {
    let promised = [name.parse().ok(), relayed.content_digest()];
    let media_type = relayed.media_type().to_owned();
    let bytes: Bytes = relayed.bytes(MAX_MANIFEST_BYTES).await?;
    let found = Identity::of(&bytes);
    for digest in promised.into_iter().flatten() {
        if digest != found.digest {
            let size = found.size;
            let expected = Identity { digest, size };
            return Err(Error::Corrupt {
                what: format!("manifest `{name}`"),
                location: location.to_owned(),
                source: Box::new(Mismatch { expected, found }),
            });
        }
    }
    Ok(Found::Manifest(match media_type.as_str() {
        "" => RawManifest::read(bytes),
        _ => RawManifest::new(bytes, media_type),
    }))
}

/// Returns whether some bytes are an image manifest or an index.
fn is_manifest(bytes: &[u8]) -> bool {
    let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    value["schemaVersion"] == 2 && (value["config"].is_object() || value["manifests"].is_array())
}
