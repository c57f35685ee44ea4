//! Split artifacts as they are shown: the flat form, derived and checked, and kept for a while.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderMap, Method, StatusCode};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::headers::upstream_accept;
use super::lookup::{Kind, Origin};
use super::upstream::Found;
use super::{Answered, RepositoryRequest};
use crate::acceptance::{self, Purpose};
use crate::artifact::{self, Form, SplitManifest, form};
use crate::digest::{Digest, Identity};
use crate::error::{self, Error};
use crate::manifest::{MAX_SPLIT_MANIFEST_BYTES, media_type};
use crate::pull::open_split;
use crate::store::{self, RawManifest};

/// How many bytes of manifests and configs are kept in memory.
const MAX_KEPT_BYTES: u64 = 64 * 1024 * 1024;

/// How many views the cache is laid out for: so few that it has one shard, which the largest view fits in.
const USUAL_VIEWS: usize = 32;

/// How many layers are looked for at once.
const LOOKS_AT_ONCE: usize = 16;

/// How many manifests are known not to be split.
pub(super) const MAX_PLAIN: usize = 10_000;

/// A split artifact, and the flat form that is shown of it.
#[derive(Debug)]
pub(super) struct View {
    /// The split manifest, as it is stored.
    pub(super) raw: RawManifest,
    pub(super) split: Arc<SplitManifest>,
    /// The flat manifest.
    pub(super) manifest: Bytes,
    /// Its config.
    pub(super) config: Bytes,
    pub(super) config_digest: Digest,
    /// Whether the split manifest is about a flat one, which is then stored too.
    stored: bool,
}

impl View {
    /// Returns the digests of the flat form, and what they name.
    fn digests(&self) -> [(Digest, Kind); 3] {
        [
            (self.split.flat_digest, Kind::Manifest),
            (self.config_digest, Kind::Config),
            (self.split.content.digest, Kind::Content),
        ]
    }

    /// Returns what a digest names in the flat form.
    pub(super) fn names(&self, digest: &Digest) -> Option<Kind> {
        let mut named = self.digests().into_iter();
        named.find_map(|(named, kind)| (named == *digest).then_some(kind))
    }
}

/// Views that were derived lately, by digest of the split manifest.
pub(super) type Views = Cache<Digest, Arc<View>, ViewBytes>;

/// Returns an empty cache of views.
pub(super) fn views() -> Views {
    Cache::with_weighter(USUAL_VIEWS, MAX_KEPT_BYTES, ViewBytes)
}

/// Weighs a view by its bytes.
#[derive(Clone)]
pub(super) struct ViewBytes;

impl Weighter<Digest, Arc<View>> for ViewBytes {
    fn weight(&self, _: &Digest, view: &Arc<View>) -> u64 {
        // The values that were read from the manifest take about as much memory again.
        let bytes = 2 * view.raw.bytes.len() + view.manifest.len() + view.config.len();
        bytes as u64
    }
}

/// A manifest that names a blob of another repository.
fn not_there(split: &Digest, location: String, blob: Identity) -> store::Error {
    store::Error::Malformed {
        what: format!("manifest `{split}`"),
        location,
        reason: format!("its blob {} is not in the repository", blob.digest),
    }
}

impl RepositoryRequest<'_> {
    /// Derives the flat form of a manifest that was just read with the rights of who asks; nothing if it is not a
    /// split one.
    pub(super) async fn derived(&self, raw: RawManifest) -> Result<Option<Arc<View>>, Error> {
        if !matches!(form(&raw.bytes), Ok(Form::Split)) {
            self.gateway.plain.insert(raw.digest, ());
            return Ok(None);
        }
        self.gateway
            .let_in
            .enter(&self.who, &self.location, &raw.digest);
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
        self.learn(&view)?;
        Ok(Some(view))
    }

    async fn derive(&self, raw: RawManifest) -> Result<View, Error> {
        let store = &self.store;
        let split = open_split(store.as_ref(), &raw, self.gateway.session()?).await?;
        acceptance::accept(&Purpose::Reference, &split.facts(store.as_ref()))?;
        let config = split.manifest.config;
        // It may have been read from the cache, where another repository's is.
        if split.manifest.repeated_config().is_none() && !store.has(config).await? {
            return Err(not_there(&raw.digest, store.location(), config).into());
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

    /// Writes down where the digests of a flat form come from.
    pub(super) fn learn(&self, view: &View) -> Result<(), Error> {
        for (digest, kind) in view.digests() {
            let (split, stored) = (view.raw.digest, view.stored);
            let origin = Origin {
                kind,
                split,
                stored,
            };
            self.gateway.index.learn(&self.location, &digest, origin)?;
            self.gateway
                .misses
                .remove(&self.who, &self.location, &digest);
        }
        Ok(())
    }

    /// Returns the view that a digest is known to come from, once upstream lets this client read the split manifest;
    /// nothing if that is gone, or does not name the digest.
    pub(super) async fn known(
        &self,
        digest: &Digest,
        origin: Origin,
    ) -> Answered<Option<Arc<View>>> {
        // What this client does not see others may.
        match self.view(&origin.split).await? {
            Some(view) if view.names(digest) != Some(origin.kind) => {
                self.gateway.index.forget(&self.location, digest)?;
                Ok(None)
            }
            view => Ok(view),
        }
    }

    async fn view(&self, split: &Digest) -> Answered<Option<Arc<View>>> {
        let kept = self.gateway.views.get(split);
        let let_in = self.gateway.let_in.has(&self.who, &self.location, split);
        if let (Some(view), true) = (&kept, let_in) {
            return Ok(Some(Arc::clone(view)));
        }
        let method = match &kept {
            Some(_) => Method::HEAD,
            None => Method::GET,
        };
        let accept = upstream_accept(&HeaderMap::new());
        let name = split.to_string();
        let asking = async |method| self.find_manifest(method, &name, accept.clone()).await;
        let mut got = asking(&method).await?;
        // A refusal is passed on, which to a HEAD has no body.
        if matches!(&got, Found::Relayed(relayed) if relayed.status != StatusCode::OK)
            && method == Method::HEAD
            && self.request.method != Method::HEAD
        {
            got = asking(&Method::GET).await?;
        }
        match (got, kept) {
            (Found::Manifest(raw), _) => Ok(self.derived(raw).await?),
            (found, _) if found.is_missing() => Ok(None),
            (Found::Relayed(relayed), view) if relayed.status == StatusCode::OK => {
                self.gateway.let_in.enter(&self.who, &self.location, split);
                Ok(view)
            }
            (Found::Relayed(relayed), _) => Err(self.gateway.passed(self.request, relayed).into()),
            (Found::Missing, _) => Ok(None),
        }
    }

    /// Sees to it that a repository has all layers of a manifest. Some registries take a manifest that names layers
    /// of other repositories, and what is kept of those would else be given to who may not read there.
    pub(super) async fn complete(&self, split: Digest, manifest: &SplitManifest) -> Answered<()> {
        let everybody = Digest::of(b"everybody");
        if !self.upstream.has_rights {
            return Ok(());
        }
        if self
            .gateway
            .complete
            .has(&everybody, &self.location, &split)
        {
            return Ok(());
        }
        let layers: HashSet<Identity> = manifest.all_layers().map(|layer| layer.blob).collect();
        let store = self.store.as_ref();
        let looking = stream::iter(layers).map(|blob| async move {
            match store.has(blob).await? {
                true => Ok(()),
                false => Err(not_there(&split, store.location(), blob)),
            }
        });
        let found = looking.buffer_unordered(LOOKS_AT_ONCE).try_collect::<()>();
        found.await?;
        self.gateway
            .complete
            .enter(&everybody, &self.location, &split);
        Ok(())
    }
}

/// Whether a manifest may be a split one, from what a HEAD says.
pub(super) fn may_be_split(media: &str, length: Option<u64>) -> bool {
    let small = length.is_none_or(|length| length < MAX_SPLIT_MANIFEST_BYTES as u64);
    media == media_type::MANIFEST && small
}

/// Whether an error says that something stored is unsound, and not that it could not be had.
pub(super) fn is_unsound(error: &Error) -> bool {
    error.kind() == error::Kind::Integrity
}

fn has_subject(manifest: &[u8]) -> bool {
    let value: serde_json::Value = serde_json::from_slice(manifest).unwrap_or_default();
    value["subject"].is_object()
}
