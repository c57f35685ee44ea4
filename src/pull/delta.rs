//! Deltas: fetches the changes since a version on this machine instead of whole layers.
//!
//! ```text
//! missing layers -> referrers of the split manifest -> the delta that saves most -> its file -> contents
//! ```
//!
//! A delta only saves bytes. If there is none, or it is broken, or its bases are missing, the layers are fetched as
//! always. Every content is checked against its digest before it is used.

mod apply;
mod choose;
mod local;

use std::collections::HashSet;
use std::error::Error as _;
use std::iter;
use std::sync::Arc;

pub(crate) use self::choose::is_worth_fetching;
pub use self::local::{CachedContents, LocalContents, add_base};
use super::SplitArtifact;
use super::open::is_local_failure;
use crate::artifact::{self, Layer, ListedDelta};
use crate::copy::Tally;
use crate::delta::{self, Header, Part, PartKind};
use crate::digest::{Digest, Mismatch};
use crate::error::Error;
use crate::manifest::{Config, media_type};
use crate::store::{self, Session, Store, blocking};

/// No delta is looked for if the missing layers have at most this many bytes.
pub const MIN_MISSING_BYTES: u64 = 64 * 1024;

/// The number of bytes that could be transferred in the time of one more request.
const REQUEST_BYTES: u64 = 16 * 1024;

/// The requests that a delta needs: for its manifest and for its file.
const REQUESTS: u64 = 2;

/// The delta files that were fetched, and the layers that they replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeltaTally {
    /// The files.
    pub fetched: Tally,
    /// The layers that were not fetched.
    pub replaced: Tally,
}

/// Returns the deltas whose subject is this split manifest, in the order of the store. Entries that do not state a source
/// are left out.
pub async fn list_deltas(
    store: &dyn Store,
    split_manifest: &Digest,
) -> Result<Vec<ListedDelta>, store::Error> {
    let artifact_type = Some(media_type::DELTA_ARTIFACT);
    match store.referrers(split_manifest, artifact_type).await {
        Ok(listed) => Ok(listed.iter().filter_map(ListedDelta::of).collect()),
        Err(store::Error::NotFound { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The result of [`prepare`].
#[derive(Debug, Default)]
pub struct Prepared {
    /// The files and the layers.
    pub tally: DeltaTally,
    /// The contents that are on this machine now.
    pub contents: HashSet<Digest>,
}

/// An artifact with missing layers.
struct Upgrade {
    store: Arc<dyn Store>,
    contents: Arc<dyn LocalContents>,
    session: Session,
    /// The split digest.
    target: Digest,
    config: Config,
    /// The missing layers by number. A blob that several layers have counts once.
    missing: Vec<Option<Layer>>,
}

/// A delta that is not used, and why.
#[derive(Debug, thiserror::Error)]
enum DeltaError {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("its manifest is malformed")]
    Manifest(#[from] artifact::Error),
    #[error(transparent)]
    File(#[from] delta::Error),
    #[error("its file has {found} bytes, and the list of referrers says {listed}")]
    Size { listed: u64, found: u64 },
    #[error("its file names another {0}")]
    Other(&'static str),
    #[error("its base {digest} is damaged")]
    DamagedBase { digest: Digest },
    #[error("its base {digest} could not be read")]
    Base {
        digest: Digest,
        source: std::io::Error,
    },
}

/// Makes the missing layers of an artifact from a delta, if that saves bytes. Call this before the layers are fetched.
///
/// Broken deltas are warnings. An error concerns this machine.
pub async fn prepare(
    store: &Arc<dyn Store>,
    split: &SplitArtifact,
    contents: Arc<dyn LocalContents>,
    session: &Session,
) -> Result<Prepared, Error> {
    let mut prepared = Prepared::default();
    let layers: Vec<Layer> = split.manifest.all_layers().cloned().collect();
    let local = Arc::clone(&contents);
    let look = move || match local.has_versions()? {
        true => local.missing(layers),
        false => Ok(Vec::new()),
    };
    let missing = blocking::<_, store::Error>(look).await?;
    let upgrade = Arc::new(Upgrade {
        store: Arc::clone(store),
        contents,
        session: session.clone(),
        target: split.manifest.config.digest,
        config: split.config.clone(),
        missing,
    });
    if upgrade.missing_bytes() <= MIN_MISSING_BYTES {
        return Ok(prepared);
    }
    let listed = match list_deltas(store.as_ref(), &split.digest).await {
        Ok(listed) => listed,
        Err(error) => {
            upgrade.warn("the deltas could not be listed", error.into())?;
            return Ok(prepared);
        }
    };
    if let Some(offer) = upgrade.choose(listed).await?
        && let Err(error) = upgrade.use_delta(&offer, &mut prepared).await
    {
        upgrade.warn_of(&offer.listed, error)?;
    }
    Ok(prepared)
}

impl Upgrade {
    fn missing_bytes(&self) -> u64 {
        let missing = self.missing.iter().flatten();
        let sizes = missing.map(|layer| layer.blob.size);
        sizes.fold(0, u64::saturating_add)
    }

    /// Returns the missing layer that a part holds, if this version can decode the part.
    fn layer_of(&self, header: &Header, part: &Part) -> Option<&Layer> {
        let PartKind::Layer(number) = part.kind else {
            return None;
        };
        let layer = self.missing.get(usize::try_from(number).ok()?)?.as_ref()?;
        (header.is_known(part) && part.size == layer.content.size).then_some(layer)
    }

    /// Warns that a delta is not used. An error that concerns this machine is returned.
    fn warn_of(&self, delta: &ListedDelta, error: DeltaError) -> Result<(), store::Error> {
        self.warn(&format!("the delta {} is not used", delta.manifest), error)
    }

    fn warn(&self, what: &str, error: DeltaError) -> Result<(), store::Error> {
        match error {
            DeltaError::Store(error) if is_local_failure(&error) => Err(error),
            error => {
                let warning = format!("{what}: {}", short_chain(&error));
                self.session.observer.warned(&warning);
                Ok(())
            }
        }
    }
}

/// Returns an error with its causes in one line. The digests and sizes of wrong bytes are left out: they name nothing
/// that a user could look for.
fn short_chain(error: &DeltaError) -> String {
    let mut line = error.to_string();
    let causes = iter::successors(error.source(), |&cause| cause.source());
    let is_mismatch = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<Mismatch>() || cause.is::<Box<Mismatch>>()
    };
    for cause in causes.take_while(|cause| !is_mismatch(*cause)) {
        line = format!("{line}: {cause}");
    }
    line
}
