//! Opens a reference: reads and checks its manifest, in either form.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use crate::acceptance::Facts;
use crate::artifact::{self, FlatDescription, FlatManifest, Form, Layer, SplitManifest, split_tag};
use crate::content::{BlobPlace, StoredContent};
use crate::digest::{Digest, Identity};
use crate::encoding::{EncodedBlob, Encoding};
use crate::error::Error;
use crate::manifest::{Annotations, Config, MAX_CONFIG_BYTES, media_type};
use crate::reference::Name;
use crate::split::Recipe;
use crate::store::{self, RawManifest, Session, Store, chain};

/// The maximum number of split forms that are tried. Anyone who may write to a repository can add any number of them.
const MAX_LISTED: usize = 16;

/// An artifact with its checked manifest, and its checked config if it is needed.
#[derive(Debug, Clone)]
pub struct OpenArtifact {
    /// The digest of the requested manifest.
    pub digest: Digest,
    /// The artifact that the component is read from.
    pub artifact: Artifact,
    /// Split forms that were found and could not be used.
    pub unused: Vec<UnusableSplit>,
}

/// An artifact in one of the two forms.
#[derive(Debug, Clone)]
pub enum Artifact {
    /// A split artifact: the requested one, or the split form of a requested flat artifact.
    Split(Box<SplitArtifact>),
    /// A flat artifact without a split form.
    Flat(Box<FlatManifest>),
}

/// A split artifact.
#[derive(Debug, Clone)]
pub struct SplitArtifact {
    /// The digest of the split manifest.
    pub digest: Digest,
    /// The size of the split manifest in bytes.
    pub size: u64,
    /// The manifest.
    pub manifest: SplitManifest,
    /// The config.
    pub config: Config,
    /// The place of the config's blob, if it was read.
    pub config_from: Option<BlobPlace>,
}

impl SplitArtifact {
    /// Returns the identity of the split manifest.
    pub fn identity(&self) -> Identity {
        Identity {
            digest: self.digest,
            size: self.size,
        }
    }

    /// Returns the facts for the acceptance gate.
    pub fn facts(&self, store: &dyn Store) -> Facts<'_> {
        Facts {
            location: store.location(),
            annotations: Some(&self.manifest.annotations),
            content: Some(self.manifest.content.digest),
            split: Some(self.manifest.config.digest),
            ..Facts::default()
        }
    }
}

/// A split form of a flat artifact that could not be used, so that the flat form is pulled. `Display` gives the reason.
#[derive(Debug, Clone)]
pub struct UnusableSplit {
    /// The tag or digest; nothing if the split forms could not be listed.
    pub name: Option<Name>,
    /// The reason.
    pub error: Arc<Error>,
}

impl fmt::Display for UnusableSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = chain(&*self.error);
        match &self.name {
            Some(name) => write!(f, "the split form `{name}` is not used: {error}"),
            None => write!(f, "the split forms could not be listed: {error}"),
        }
    }
}

impl OpenArtifact {
    /// Returns the digest and size of the component.
    pub fn content(&self) -> Identity {
        match &self.artifact {
            Artifact::Split(split) => split.manifest.content,
            Artifact::Flat(flat) => flat.layer.content,
        }
    }

    /// Returns the layers in manifest order. The only layer of a flat artifact counts as the root.
    pub fn layers(&self) -> impl Iterator<Item = &Layer> {
        let (root, rest) = match &self.artifact {
            Artifact::Split(split) => (&split.manifest.root, split.manifest.layers.as_slice()),
            Artifact::Flat(flat) => (&flat.layer, [].as_slice()),
        };
        std::iter::once(root).chain(rest)
    }

    /// Returns the recipe for splicing.
    pub fn recipe(&self) -> Recipe {
        match &self.artifact {
            Artifact::Split(split) => split.manifest.recipe(),
            Artifact::Flat(flat) => flat.recipe(),
        }
    }

    /// Returns the split artifact, if there is one.
    pub fn split(&self) -> Option<&SplitArtifact> {
        match &self.artifact {
            Artifact::Split(split) => Some(split),
            Artifact::Flat(_) => None,
        }
    }

    /// Returns the split artifact, if there is one.
    pub fn into_split(self) -> Option<SplitArtifact> {
        match self.artifact {
            Artifact::Split(split) => Some(*split),
            Artifact::Flat(_) => None,
        }
    }

    /// Returns the flat digest.
    pub fn flat_digest(&self) -> Digest {
        match &self.artifact {
            Artifact::Split(split) => split.manifest.flat_digest,
            Artifact::Flat(_) => self.digest,
        }
    }

    /// Returns the annotations of the manifest that the component is read from.
    pub fn annotations(&self) -> &Annotations {
        match &self.artifact {
            Artifact::Split(split) => &split.manifest.annotations,
            Artifact::Flat(flat) => &flat.annotations,
        }
    }

    /// Returns the facts for the acceptance gate. For a flat artifact they leave out the split digest, because the
    /// split form may change.
    pub fn facts(&self, store: &dyn Store) -> Facts<'_> {
        match &self.artifact {
            Artifact::Split(split) if split.digest == self.digest => split.facts(store),
            _ => Facts {
                location: store.location(),
                annotations: Some(self.annotations()),
                content: Some(self.content().digest),
                ..Facts::default()
            },
        }
    }
}

/// Reads the manifest that `name` names, and the config unless a split manifest repeats it in full.
///
/// For a flat artifact this looks for the split form, which is the same component in smaller parts.
pub async fn open(
    store: &dyn Store,
    name: &Name,
    session: &Session,
) -> Result<OpenArtifact, Error> {
    let raw = store.manifest(name).await?;
    open_manifest(store, name, &raw, session).await
}

/// Does the same as [`open()`] with a manifest that the caller has fetched. Errors call it `name`.
pub async fn open_manifest(
    store: &dyn Store,
    name: &Name,
    raw: &RawManifest,
    session: &Session,
) -> Result<OpenArtifact, Error> {
    let opening = ArtifactOpener { store, session };
    let mut unused = Vec::new();
    let artifact = match artifact::form(&raw.bytes).map_err(opening.artifact_error(name))? {
        Form::Split => Artifact::Split(Box::new(opening.split(name, raw).await?)),
        Form::Flat => {
            let flat = FlatManifest::read(&raw.bytes, &raw.media_type);
            let flat = flat.map_err(opening.artifact_error(name))?;
            match opening.find_split(&raw.digest, &mut unused).await? {
                Some(split) => Artifact::Split(Box::new(split)),
                None => Artifact::Flat(Box::new(flat)),
            }
        }
        Form::Foreign(what) => {
            let reference = opening.reference(name);
            let what = match name {
                Name::Tag(tag) => what.under(tag),
                Name::Digest(_) => what,
            };
            let what = Box::new(what);
            return Err(Error::Foreign { reference, what });
        }
    };
    Ok(OpenArtifact {
        digest: raw.digest,
        artifact,
        unused,
    })
}

/// Reads a split manifest that the caller has fetched, and the config unless the manifest repeats it in full.
pub async fn open_split(
    store: &dyn Store,
    manifest: &RawManifest,
    session: &Session,
) -> Result<SplitArtifact, Error> {
    let opening = ArtifactOpener { store, session };
    let name = Name::Digest(manifest.digest);
    opening.split(&name, manifest).await
}

struct ArtifactOpener<'a> {
    store: &'a dyn Store,
    session: &'a Session,
}

impl ArtifactOpener<'_> {
    fn reference(&self, name: &Name) -> String {
        format!("{} ({name})", self.store.location())
    }

    fn artifact_error(&self, name: &Name) -> impl Fn(artifact::Error) -> Error {
        let reference = self.reference(name);
        move |source| Error::Artifact {
            reference: reference.clone(),
            source,
        }
    }

    async fn split(&self, name: &Name, raw: &RawManifest) -> Result<SplitArtifact, Error> {
        let unsound = self.artifact_error(name);
        let manifest = SplitManifest::read(&raw.bytes).map_err(&unsound)?;
        let (config, config_from) = match manifest.repeated_config() {
            Some(config) => (config, None),
            None => {
                let blob = manifest.config;
                let (bytes, place) = config_bytes(self.store, blob, self.session).await?;
                (manifest.config(&bytes).map_err(&unsound)?, Some(place))
            }
        };
        manifest.check_flat(&config).map_err(&unsound)?;
        Ok(SplitArtifact {
            digest: raw.digest,
            size: raw.bytes.len() as u64,
            manifest,
            config,
            config_from,
        })
    }

    /// Finds the split form of a flat artifact, by its tag or otherwise among the referrers. Never uses the cache.
    ///
    /// Unusable split forms are recorded in `unused`, because the flat form remains.
    async fn find_split(
        &self,
        flat: &Digest,
        unused: &mut Vec<UnusableSplit>,
    ) -> Result<Option<SplitArtifact>, Error> {
        let mut note = |name: Option<Name>, error: Error| {
            if matches!(&error, Error::Store(error) if is_local_failure(error)) {
                return Err(error);
            }
            let error = Arc::new(error);
            unused.push(UnusableSplit { name, error });
            Ok(None)
        };
        let tag = Name::Tag(split_tag(flat));
        match self.split_of(&tag, flat).await {
            Ok(Some(split)) => return Ok(Some(split)),
            Ok(None) => {}
            Err(error) => return note(Some(tag), error),
        }
        let listed = self.store.referrers(flat, Some(media_type::SPLIT_ARTIFACT));
        let listed = match listed.await {
            Ok(listed) => listed,
            Err(store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return note(None, error.into()),
        };
        for descriptor in listed.into_iter().take(MAX_LISTED) {
            let name = Name::Digest(descriptor.digest);
            match self.split_of(&name, flat).await {
                Ok(Some(split)) => return Ok(Some(split)),
                Ok(None) => {}
                Err(error) => {
                    note(Some(name), error)?;
                }
            }
        }
        Ok(None)
    }

    /// Reads the split form of a flat artifact under a name, if the name exists.
    async fn split_of(&self, name: &Name, flat: &Digest) -> Result<Option<SplitArtifact>, Error> {
        let raw = match self.store.manifest(name).await {
            Err(store::Error::NotFound { .. }) => return Ok(None),
            read => read?,
        };
        let split = self.split(name, &raw).await?;
        split
            .manifest
            .check_is_of(flat)
            .map_err(self.artifact_error(name))?;
        Ok(Some(split))
    }
}

/// Returns whether an error concerns this machine or this run, rather than the artifact.
pub(super) fn is_local_failure(error: &store::Error) -> bool {
    use store::Error::{File, Interrupted, Settings};
    matches!(error, File { .. } | Interrupted | Settings { .. })
}

/// Reads the description of a component in the config of a flat artifact. The description is empty if the config is of
/// another kind, missing or too large.
pub async fn describe(
    store: &dyn Store,
    flat: &FlatManifest,
    session: &Session,
) -> Result<FlatDescription, Error> {
    let Some(blob) = flat
        .description()
        .filter(|blob| blob.size <= MAX_CONFIG_BYTES)
    else {
        return Ok(FlatDescription::default());
    };
    match config_bytes(store, blob, session).await {
        Ok((bytes, _)) => Ok(FlatDescription::read(&bytes)),
        Err(Error::Store(store::Error::NotFound { .. })) => Ok(FlatDescription::default()),
        Err(error) => Err(error),
    }
}

async fn config_bytes(
    store: &dyn Store,
    blob: Identity,
    session: &Session,
) -> Result<(Vec<u8>, BlobPlace), Error> {
    if blob.size > MAX_CONFIG_BYTES {
        return Err(Error::Store(store::Error::Malformed {
            what: format!("config {}", blob.digest),
            location: store.location(),
            reason: format!(
                "it has {} bytes, at most {MAX_CONFIG_BYTES} are read",
                blob.size
            ),
        }));
    }
    let encoding = Encoding::Raw;
    let named = EncodedBlob { blob, encoding };
    let (file, read) = StoredContent::read(store, session, named, blob).await?;
    let mut bytes = Vec::new();
    file.and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(store::Error::file(&session.cache.path(&blob.digest)))?;
    Ok((bytes, read.place))
}
