//! Deltas from upstream: makes missing layers from versions that the gateway has sent from the same repository.
//!
//! The old version must come from the same repository. Otherwise a client could publish a delta whose base is a content
//! of a repository that it may not read, and get that content from the gateway's cache.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use quick_cache::sync::Cache;
use tokio::sync::OnceCell;

use super::RepositoryRequest;
use super::content::{BodyForm, Component};
use super::log::{self, LoggedRequest};
use super::rights::RecentAnswers;
use super::versions::{SentVersion, SentVersions};
use super::view::View;
use crate::artifact::Layer;
use crate::content::{ContentKey, Engine};
use crate::digest::{Digest, Identity};
use crate::encoding::EncodedBlob;
use crate::error::Error;
use crate::manifest::Config;
use crate::pull::{self, LocalContents, MIN_MISSING_BYTES, open_split};
use crate::store::spool::Spool;
use crate::store::{self, blocking};
use crate::text::printable;

/// The maximum number of versions that this process remembers to have recorded.
const MAX_RECORDED: usize = 10_000;

/// The largest config that is recorded, in bytes. Records do not count toward the limit of the cache.
const MAX_RECORDED_CONFIG: u64 = 1024 * 1024;

/// The versions that deltas may start from, and the uses of deltas in progress.
pub(super) struct Deltas {
    versions: Arc<SentVersions>,
    /// The locations and split digests that this process has recorded.
    recorded: Cache<Digest, ()>,
    /// Uses in progress, by location and split manifest. Other clients wait for them.
    running: Mutex<HashMap<Digest, Weak<OnceCell<()>>>>,
    /// Split manifests whose deltas were looked for recently.
    tried: RecentAnswers,
}

impl Deltas {
    /// Opens or creates the records in a directory. `missed` is how long a failed look counts.
    pub(super) fn open(directory: &Path, missed: Duration) -> Result<Self, store::Error> {
        Ok(Self {
            versions: Arc::new(SentVersions::open(directory)?),
            recorded: Cache::new(MAX_RECORDED),
            running: Mutex::default(),
            tried: RecentAnswers::new(missed),
        })
    }

    /// Returns the cell that all clients share for the same key.
    fn running(&self, key: Digest) -> Arc<OnceCell<()>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = running.get(&key).and_then(Weak::upgrade) {
            return cell;
        }
        running.retain(|_, cell| cell.strong_count() > 0);
        let cell = Arc::default();
        running.insert(key, Arc::downgrade(&cell));
        cell
    }
}

impl RepositoryRequest<'_> {
    /// Makes missing layers of a component from a delta before its body begins. Concurrent clients wait for the first,
    /// whose rights are used. A failure is only logged, because the layers can be fetched.
    pub(super) async fn prepare(&self, view: &View, component: &Component, form: &BodyForm) {
        let prepare = async {
            let missing = self.gateway.contents.missing_bytes(component, form).await?;
            match missing > MIN_MISSING_BYTES && self.gateway.deltas.versions.has(&self.location) {
                true => self.prepare_once(view).await,
                false => Ok(()),
            }
        };
        self.log_failure("no delta is used", prepare.await);
    }

    fn log_failure(&self, what: &str, outcome: Result<(), Error>) {
        if let Err(error) = outcome {
            let what = format!("{what}: {}", printable(&store::chain(&error)));
            let request = LoggedRequest::of(self.request);
            (self.gateway.log)(&log::line("warning", Some(&request), &what));
        }
    }

    async fn prepare_once(&self, view: &View) -> Result<(), Error> {
        let deltas = &self.gateway.deltas;
        let everybody = Digest::of(b"everybody");
        let manifest = &view.raw.digest;
        let key = Digest::of(format!("{}\n{manifest}", self.location).as_bytes());
        let cell = deltas.running(key);
        let prepared = cell.get_or_try_init(|| async {
            if deltas.tried.has(&everybody, &self.location, manifest) {
                return Ok(());
            }
            deltas.tried.record(&everybody, &self.location, manifest);
            self.use_delta(view).await
        });
        prepared.await.copied()
    }

    async fn use_delta(&self, view: &View) -> Result<(), Error> {
        let session = self.gateway.session()?;
        let split = open_split(self.store.as_ref(), &view.raw, session).await?;
        let (versions, location) = (
            Arc::clone(&self.gateway.deltas.versions),
            self.location.clone(),
        );
        let versions = blocking(move || versions.of(&location)).await?;
        let engine = Arc::clone(self.gateway.contents.engine());
        let contents = Arc::new(RepositoryContents::new(engine, versions));
        let prepared = pull::prepare(&self.store, &split, contents, session).await?;
        let bytes = prepared.tally.fetched.bytes;
        self.gateway.metrics.delta_bytes.inc_by(bytes);
        Ok(())
    }

    /// Records that this repository has a version, once per process. A failure is only logged.
    pub(super) async fn record_version(&self, view: &View) {
        let outcome = self.try_record_version(view).await;
        self.log_failure("the version is not recorded for deltas", outcome);
    }

    async fn try_record_version(&self, view: &View) -> Result<(), Error> {
        let deltas = &self.gateway.deltas;
        let digest = view.split.config.digest;
        let key = Digest::of(format!("{}\n{digest}", self.location).as_bytes());
        if deltas.recorded.get(&key).is_some() || view.split.config.size > MAX_RECORDED_CONFIG {
            return Ok(());
        }
        let session = self.gateway.session()?;
        let split = open_split(self.store.as_ref(), &view.raw, session).await?;
        let version = SentVersion {
            stored: split.manifest.all_layers().map(Layer::stored).collect(),
            config: split.config,
        };
        let (versions, location) = (Arc::clone(&deltas.versions), self.location.clone());
        blocking(move || versions.record(&location, &digest, &version)).await?;
        deltas.recorded.insert(key, ());
        Ok(())
    }
}

/// The contents of the versions of one repository.
struct RepositoryContents {
    engine: Arc<Engine>,
    versions: HashMap<Digest, Config>,
    stored: HashMap<Identity, Vec<EncodedBlob>>,
}

impl RepositoryContents {
    fn new(engine: Arc<Engine>, versions: Vec<(Digest, SentVersion)>) -> Self {
        let mut stored = HashMap::<_, Vec<_>>::new();
        for (_, version) in &versions {
            for (content, blob) in version.config.contents().zip(&version.stored) {
                stored.entry(content).or_default().push(*blob);
            }
        }
        let versions = versions.into_iter();
        Self {
            engine,
            versions: versions.map(|(split, sent)| (split, sent.config)).collect(),
            stored,
        }
    }

    fn stored(&self, content: &Identity) -> impl Iterator<Item = EncodedBlob> + '_ {
        self.stored.get(content).into_iter().flatten().copied()
    }
}

impl LocalContents for RepositoryContents {
    fn has_versions(&self) -> Result<bool, store::Error> {
        Ok(!self.versions.is_empty())
    }

    fn version(&self, split: &Digest) -> Result<Option<Config>, store::Error> {
        Ok(self.versions.get(split).cloned())
    }

    fn has(&self, content: Identity) -> Result<bool, store::Error> {
        let is_here = |stored| self.engine.has(&ContentKey::content(stored, content));
        Ok(self.stored(&content).any(is_here))
    }

    fn open(&self, content: Identity) -> io::Result<Option<Box<dyn Read>>> {
        for stored in self.stored(&content) {
            if let Some(reader) = self.engine.open_content(stored, content)? {
                return Ok(Some(reader));
            }
        }
        Ok(None)
    }

    fn is_missing(&self, layer: &Layer) -> Result<bool, store::Error> {
        let wanted = ContentKey::content(layer.stored(), layer.content);
        Ok(!self.engine.has(&wanted))
    }

    fn spool(&self, layer: &Layer) -> Result<Spool, store::Error> {
        self.engine.content_spool(layer.stored(), layer.content)
    }

    fn adopt(&self, layer: &Layer, spool: Spool) -> Result<(), store::Error> {
        let (stored, content) = (layer.stored(), layer.content);
        self.engine.adopt_content(stored, content, spool)
    }
}
