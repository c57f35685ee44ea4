//! One repository, read with the rights of whoever asks.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, future};
use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::Value;

use crate::digest::{Digest, Identity, Mismatch};
use crate::reference::Name;
use crate::store::blobs::BlobDirectory;
use crate::store::layout::Layout;
use crate::store::remote::{Relayed, Remote};
use crate::store::{ByteStream, Error, MAX_MANIFEST_BYTES, RawManifest, Store};

/// A repository.
#[derive(Clone)]
pub(in crate::gateway) enum Source {
    Registry { remote: Arc<Remote>, path: String },
    Layout(Arc<Shelf>),
}

/// A repository of a layout, and the blobs of them all.
pub(in crate::gateway) struct Shelf {
    pub(in crate::gateway) layout: Layout,
    pub(in crate::gateway) blobs: BlobDirectory,
}

/// What came of asking for a manifest.
pub(in crate::gateway) enum Got {
    /// Its bytes, which have the digest that was asked for, and the one that the registry says they have.
    Manifest(RawManifest),
    /// A registry's 200 without the bytes.
    Head(Relayed),
    /// A registry's other answer.
    Other(Relayed),
    /// Nothing, in a layout.
    Missing,
}

impl Source {
    /// Returns upstream and repository.
    pub(in crate::gateway) fn location(&self) -> String {
        self.store().location()
    }

    pub(in crate::gateway) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Registry { remote, .. } => Arc::clone(remote) as Arc<dyn Store>,
            Self::Layout(shelf) => Arc::new(shelf.layout.clone()),
        }
    }

    /// Asks a registry for something of the repository.
    pub(in crate::gateway) async fn relay(
        remote: &Remote,
        path: &str,
        endpoint: &str,
        method: &Method,
        headers: HeaderMap,
    ) -> Result<Relayed, Error> {
        let path = format!("{path}/{endpoint}");
        remote.relay(method.clone(), &path, None, headers).await
    }

    /// Asks for a manifest by tag or digest. A layout has the bytes at hand even where only the head is asked for.
    pub(in crate::gateway) async fn manifest(
        &self,
        method: &Method,
        name: &str,
        accept: HeaderValue,
    ) -> Result<Got, Error> {
        let (remote, path) = match self {
            Self::Registry { remote, path } => (remote, path),
            Self::Layout(shelf) => return shelf.manifest(name).await,
        };
        let headers = HeaderMap::from_iter([(ACCEPT, accept)]);
        let endpoint = format!("manifests/{name}");
        let relayed = Self::relay(remote, path, &endpoint, method, headers).await?;
        match relayed.status {
            StatusCode::OK if method == Method::HEAD => Ok(Got::Head(relayed)),
            StatusCode::OK => checked(&self.location(), name, relayed).await,
            _ => Ok(Got::Other(relayed)),
        }
    }
}

/// Reads a manifest, and checks that it is the one that was asked for and the one that the registry says it is.
async fn checked(location: &str, name: &str, relayed: Relayed) -> Result<Got, Error> {
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
    Ok(Got::Manifest(match media_type.as_str() {
        "" => RawManifest::read(bytes),
        _ => RawManifest::new(bytes, media_type),
    }))
}

impl Shelf {
    async fn manifest(&self, name: &str) -> Result<Got, Error> {
        let name = match name.parse() {
            Ok(digest) => Name::Digest(digest),
            Err(_) => Name::Tag(name.to_owned()),
        };
        if let Name::Digest(digest) = &name
            && !self.may_be_manifest(digest)?
        {
            return Ok(Got::Missing);
        }
        match self.layout.manifest(&name).await {
            // Every blob of a layout lies where its manifests do.
            Ok(manifest) if is_manifest(&manifest.bytes) => Ok(Got::Manifest(manifest)),
            Ok(_) | Err(Error::NotFound { .. }) => Ok(Got::Missing),
            Err(error) => Err(error),
        }
    }

    fn may_be_manifest(&self, digest: &Digest) -> Result<bool, Error> {
        let size = self.blobs.size(digest)?;
        Ok(size.is_some_and(|size| size <= MAX_MANIFEST_BYTES))
    }

    /// Streams `length` bytes of a blob from byte `from` on, unverified.
    pub(in crate::gateway) async fn part(
        &self,
        digest: &Digest,
        from: u64,
        length: u64,
    ) -> Result<ByteStream, Error> {
        let stream = self.blobs.stream(digest, from).await?;
        let mut left = length;
        let cut = stream.try_filter_map(move |mut bytes| {
            let taken = left.min(bytes.len() as u64);
            left -= taken;
            bytes.truncate(taken as usize);
            future::ok((!bytes.is_empty()).then_some((bytes, left)))
        });
        // The piece that ends the part ends the stream: no more is read.
        let cut = cut.scan(false, |over, piece| {
            let piece = (!*over).then_some(piece);
            *over = matches!(piece, Some(Ok((_, 0)) | Err(_)));
            future::ready(piece)
        });
        Ok(cut.map_ok(|(bytes, _)| bytes).boxed())
    }
}

/// Whether some bytes are an image manifest or an index.
fn is_manifest(bytes: &[u8]) -> bool {
    let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    value["schemaVersion"] == 2 && (value["config"].is_object() || value["manifests"].is_array())
}
