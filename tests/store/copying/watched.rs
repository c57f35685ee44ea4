//! A store that writes down what it is asked, and fails or lies as it is told.

use std::ops::Range;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use wharf::manifest::Descriptor;
use wharf::store::{ByteStream, Delivery, Error, WritableStore};

use super::*;

#[derive(Default)]
pub(crate) struct Rules {
    /// Blobs are taken until there are so many.
    pub(crate) most_blobs: Option<usize>,
    /// A manifest that is refused.
    pub(crate) refused: Option<Digest>,
    /// Bytes that are given for a blob.
    pub(crate) blob: Option<(Digest, Vec<u8>)>,
    /// Bytes that are given for a manifest.
    pub(crate) manifest: Option<(Digest, Vec<u8>)>,
    /// Whether nothing is said of what manifests are.
    pub(crate) untyped: bool,
    /// Listed besides the true referrers of this one.
    pub(crate) referrer: Option<(Digest, Descriptor)>,
    /// Whose referrers are not listed.
    pub(crate) unlisted: Option<Digest>,
}

pub(crate) struct WatchedStore<'a> {
    inner: &'a dyn WritableStore,
    rules: Rules,
    log: Mutex<Vec<String>>,
}

impl<'a> WatchedStore<'a> {
    pub(crate) fn new(inner: &'a dyn WritableStore) -> Self {
        Self::with(inner, Rules::default())
    }

    pub(crate) fn with(inner: &'a dyn WritableStore, rules: Rules) -> Self {
        let log = Mutex::default();
        Self { inner, rules, log }
    }

    /// What was asked so far, as `VERB NAME`.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Of these verbs only.
    pub(crate) fn asked(&self, verb: &str) -> Vec<String> {
        let verb = format!("{verb} ");
        let log = self.log();
        let named = log.iter().filter_map(|line| line.strip_prefix(&verb));
        named.map(str::to_owned).collect()
    }

    fn note(&self, verb: &str, name: &dyn std::fmt::Display) {
        self.log.lock().unwrap().push(format!("{verb} {name}"));
    }

    fn refusal(&self, what: &str) -> Error {
        Error::Refused {
            what: what.to_owned(),
            location: self.location(),
            reason: "no more".to_owned(),
        }
    }
}

#[async_trait]
impl Store for WatchedStore<'_> {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn manifest(&self, name: &Name) -> Result<RawManifest, Error> {
        self.note("manifest", name);
        let mut manifest = self.inner.manifest(name).await?;
        if self.rules.untyped {
            manifest.media_type.clear();
        }
        Ok(match &self.rules.manifest {
            Some((digest, bytes)) if *digest == manifest.digest => RawManifest {
                bytes: bytes.clone().into(),
                ..manifest
            },
            _ => manifest,
        })
    }

    async fn has(&self, blob: Identity) -> Result<bool, Error> {
        self.note("has", &blob.digest);
        self.inner.has(blob).await
    }

    async fn size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        self.inner.size(digest).await
    }

    async fn open(&self, blob: Identity, part: Range<u64>) -> Result<ByteStream, Error> {
        self.note("open", &blob.digest);
        match &self.rules.blob {
            Some((digest, bytes)) if *digest == blob.digest => {
                let bytes = Bytes::from(bytes.clone());
                Ok(stream::iter([Ok(bytes)]).boxed())
            }
            _ => self.inner.open(blob, part).await,
        }
    }

    async fn tags(&self) -> Result<Vec<String>, Error> {
        self.note("tags", &"");
        self.inner.tags().await
    }

    async fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error> {
        self.note("referrers", subject);
        let mut referrers = self.inner.referrers(subject, artifact_type).await?;
        if let Some((about, listed)) = &self.rules.referrer
            && about == subject
        {
            referrers.insert(0, listed.clone());
        }
        if self.rules.unlisted.as_ref() == Some(subject) {
            referrers.clear();
        }
        Ok(referrers)
    }
}

#[async_trait]
impl WritableStore for WatchedStore<'_> {
    async fn push(&self, blob: Identity, file: &Path) -> Result<Delivery, Error> {
        self.note("push", &blob.digest);
        let pushed = self.asked("push").len();
        if self.rules.most_blobs.is_some_and(|most| pushed > most) {
            return Err(self.refusal("a blob"));
        }
        self.inner.push(blob, file).await
    }

    async fn push_manifest(&self, manifest: &RawManifest, tag: Option<&str>) -> Result<(), Error> {
        let digest = manifest.digest.to_string();
        self.note("put", &tag.unwrap_or(&digest));
        if self.rules.refused == Some(manifest.digest) {
            return Err(self.refusal("a manifest"));
        }
        self.inner.push_manifest(manifest, tag).await
    }
}
