//! Views: the flat forms of split artifacts, derived, checked and cached.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderMap, Method, StatusCode};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::headers::upstream_accept;
use super::lookup::{FlatOrigin, FlatPart};
use super::upstream::ManifestAnswer;
use super::{HandlerResult, RepositoryRequest};
use crate::acceptance::{self, Purpose};
use crate::artifact::{self, Form, SplitManifest, form};
use crate::digest::{Digest, Identity};
use crate::error::{self, Error};
use crate::manifest::{MAX_SPLIT_MANIFEST_BYTES, media_type};
use crate::pull::open_split;
use crate::store::{self, RawManifest};

/// The maximum size of the manifests and configs in memory, in bytes.
const MAX_VIEW_BYTES: u64 = 64 * 1024 * 1024;

/// The expected number of views. It is so small that the cache has a single shard, which fits the largest view.
const USUAL_VIEWS: usize = 32;

/// The maximum number of layers of a manifest that are looked up at once.
const MAX_LOOKUPS: usize = 4;

/// The maximum number of digests of manifests that are known not to be split.
pub(super) const MAX_UNSPLIT: usize = 10_000;

/// A split artifact and its flat form.
#[derive(Debug)]
pub(super) struct View {
    /// The split manifest as stored.
    pub(super) raw: RawManifest,
    pub(super) split: Arc<SplitManifest>,
    /// The flat manifest.
    pub(super) manifest: Bytes,
    /// The flat config.
    pub(super) config: Bytes,
    pub(super) config_digest: Digest,
    /// Whether the split manifest has a flat one as its subject, which is then stored too.
    stored: bool,
}

impl View {
    /// Returns the digests of the flat form, and the part that each names.
    fn digests(&self) -> [(Digest, FlatPart); 3] {
        [
            (self.split.flat_digest, FlatPart::Manifest),
            (self.config_digest, FlatPart::Config),
            (self.split.content.digest, FlatPart::Content),
        ]
    }

    /// Returns the part of the flat form that a digest names.
    pub(super) fn find_part(&self, digest: &Digest) -> Option<FlatPart> {
        let mut named = self.digests().into_iter();
        named.find_map(|(named, kind)| (named == *digest).then_some(kind))
    }
}

/// Recent views, by digest of the split manifest.
pub(super) type Views = Cache<Digest, Arc<View>, ViewBytes>;

pub(super) fn views() -> Views {
    Cache::with_weighter(USUAL_VIEWS, MAX_VIEW_BYTES, ViewBytes)
}

/// The weight of a view in the cache: its bytes.
#[derive(Clone)]
pub(super) struct ViewBytes;

impl Weighter<Digest, Arc<View>> for ViewBytes {
    fn weight(&self, _: &Digest, view: &Arc<View>) -> u64 {
        // The parsed manifest takes about as much memory as its bytes.
        let bytes = 2 * view.raw.bytes.len() + view.manifest.len() + view.config.len();
        bytes as u64
    }
}

/// Returns the error for a manifest that names a blob of another repository.
fn missing_blob(split: &Digest, location: String, blob: Identity) -> store::Error {
    store::Error::Malformed {
        what: format!("manifest `{split}`"),
        location,
        reason: format!("the repository does not have its blob {}", blob.digest),
    }
}

impl RepositoryRequest<'_> {
    /// Derives the flat form of a manifest that was just read with the client's rights. Returns nothing if the manifest
    /// is not split.
    pub(super) async fn derive_view(&self, raw: RawManifest) -> Result<Option<Arc<View>>, Error> {
        if !matches!(form(&raw.bytes), Ok(Form::Split)) {
            self.gateway.unsplit.insert(raw.digest, ());
            return Ok(None);
        }
        self.gateway
            .grants
            .record(&self.who, &self.location, &raw.digest);
        let view = match self.gateway.views.get(&raw.digest) {
            Some(view) => view,
            None => {
                let view = Arc::new(self.derive(raw).await?);
                self.gateway
                    .views
                    .insert(view.raw.digest, Arc::clone(&view));
                view
            }
        };
        self.record_origins(&view)?;
        Ok(Some(view))
    }

    async fn derive(&self, raw: RawManifest) -> Result<View, Error> {
        let store = &self.store;
        let split = open_split(store.as_ref(), &raw, self.gateway.session()?).await?;
        acceptance::accept(&Purpose::Reference, &split.facts(store.as_ref()))?;
        let config = split.manifest.config;
        // The config may come from the cache, which also has blobs of other repositories.
        if split.manifest.repeated_config().is_none() && !store.has(config).await? {
            return Err(missing_blob(&raw.digest, store.location(), config).into());
        }
        let flat = artifact::flat(&split.config, &split.manifest.annotations);
        Ok(View {
            stored: has_subject(&raw.bytes),
            raw,
            split: Arc::new(split.manifest),
            config_digest: Identity::of(&flat.config).digest,
            manifest: flat.manifest.into(),
            config: flat.config.into(),
        })
    }

    /// Records the origin of each digest of a flat form.
    pub(super) fn record_origins(&self, view: &View) -> Result<(), Error> {
        for (digest, kind) in view.digests() {
            let (split, stored) = (view.raw.digest, view.stored);
            let origin = FlatOrigin {
                kind,
                split,
                stored,
            };
            self.gateway.index.record(&self.location, &digest, origin)?;
        }
        Ok(())
    }

    /// Returns the view of a recorded digest, once upstream lets this client read the split manifest. Returns nothing
    /// if the manifest is gone or does not name the digest.
    pub(super) async fn recorded_view(
        &self,
        digest: &Digest,
        origin: FlatOrigin,
    ) -> HandlerResult<Option<Arc<View>>> {
        // If the manifest is missing for this client, keep the record: other clients may still see it.
        match self.view(&origin.split).await? {
            Some(view) if view.find_part(digest) != Some(origin.kind) => {
                self.gateway.index.remove(&self.location, digest)?;
                Ok(None)
            }
            view => Ok(view),
        }
    }

    async fn view(&self, split: &Digest) -> HandlerResult<Option<Arc<View>>> {
        let cached = self.gateway.views.get(split);
        let grants = self.gateway.grants.has(&self.who, &self.location, split);
        if let (Some(view), true) = (&cached, grants) {
            return Ok(Some(Arc::clone(view)));
        }
        let method = match &cached {
            Some(_) => Method::HEAD,
            None => Method::GET,
        };
        let accept = upstream_accept(&HeaderMap::new());
        let name = split.to_string();
        let request = async |method| self.find_manifest(method, &name, accept.clone()).await;
        let mut got = request(&method).await?;
        // A refusal is passed on, so it needs the body that a HEAD lacks.
        if matches!(&got, ManifestAnswer::Relayed(relayed) if relayed.status != StatusCode::OK)
            && method == Method::HEAD
            && self.request.method != Method::HEAD
        {
            got = request(&Method::GET).await?;
        }
        match (got, cached) {
            (ManifestAnswer::Manifest(raw), _) => Ok(self.derive_view(raw).await?),
            (found, _) if found.is_missing() => Ok(None),
            (ManifestAnswer::Relayed(relayed), view) if relayed.status == StatusCode::OK => {
                self.gateway.grants.record(&self.who, &self.location, split);
                Ok(view)
            }
            (ManifestAnswer::Relayed(relayed), _) => {
                Err(self.gateway.relay(self.request, relayed).into())
            }
            (ManifestAnswer::Missing, _) => Ok(None),
        }
    }

    /// Checks that a repository has all layers of a manifest. Some registries accept a manifest with layers of other
    /// repositories. Without this check a client could get such layers from the cache without the right to read them.
    /// The answer is the same for all who may read the manifest, so it is asked once for all of them.
    pub(super) async fn check_layers(
        &self,
        split: Digest,
        manifest: &SplitManifest,
    ) -> HandlerResult<()> {
        let any_client = Digest::of(b"everybody");
        if !self.upstream.has_rights {
            return Ok(());
        }
        let question = self.ask_for_layers(split, manifest);
        let complete = &self.gateway.complete;
        complete
            .ask(&any_client, &self.location, &split, question)
            .await
    }

    async fn ask_for_layers(&self, split: Digest, manifest: &SplitManifest) -> HandlerResult<()> {
        let layers: HashSet<Identity> = manifest.all_layers().map(|layer| layer.blob).collect();
        let store = self.store.as_ref();
        let lookups = stream::iter(layers).map(|blob| async move {
            match store.has(blob).await? {
                true => Ok(()),
                false => Err(missing_blob(&split, store.location(), blob)),
            }
        });
        let found = lookups.buffer_unordered(MAX_LOOKUPS).try_collect::<()>();
        Ok(found.await?)
    }
}

/// Returns whether a manifest may be split, from the headers of a HEAD response.
pub(super) fn may_be_split(media: &str, length: Option<u64>) -> bool {
    let small = length.is_none_or(|length| length < MAX_SPLIT_MANIFEST_BYTES as u64);
    media == media_type::MANIFEST && small
}

/// Returns whether an error means that stored content is wrong, rather than unavailable.
pub(super) fn is_invalid_content(error: &Error) -> bool {
    error.kind() == error::Kind::Integrity
}

fn has_subject(manifest: &[u8]) -> bool {
    let value: serde_json::Value = serde_json::from_slice(manifest).unwrap_or_default();
    value["subject"].is_object()
}
