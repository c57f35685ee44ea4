//! The use of one delta: fetches the file, and decodes its parts.

use std::fs::File;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::choose::Offer;
use super::{DeltaError, Prepared, Upgrade};
use crate::artifact::Layer;
use crate::delta::{Base, DeltaFile, Header, MAX_BASE_BYTES};
use crate::digest::{Digest, Identity};
use crate::store::spool::Spool;
use crate::store::{self, TransferSlot, blocking, fetch_into};

/// One permit, because a decoder has a base of up to 32 MiB in memory and a gateway may apply many deltas.
static DECODERS: Semaphore = Semaphore::const_new(1);

impl Upgrade {
    /// Fetches and applies a delta. Stops when its header shows that it saves nothing.
    pub(super) async fn use_delta(
        self: &Arc<Self>,
        offer: &Offer,
        prepared: &mut Prepared,
    ) -> Result<(), DeltaError> {
        let file = offer.file;
        let (observer, directory) = (&self.session.observer, self.session.cache.ingest());
        let mut spool = Spool::new_in(directory).map_err(store::Error::file(directory))?;
        let tail = spool.tail().map_err(store::Error::file(directory))?;
        observer.planned(file.size);
        let (whole, store) = (0..file.size, self.store.as_ref());
        let mut fetched = pin!(fetch_into(
            spool,
            store,
            file,
            whole,
            directory,
            observer.as_ref(),
            TransferSlot::default(),
        ));
        let mut spool = tokio::select! {
            biased;
            spool = &mut fetched => spool?,
            is_useless = self.is_useless(tail, file) => match is_useless? {
                true => return Ok(()),
                false => fetched.await?,
            },
        };
        prepared.tally.fetched.count(file);
        let (upgrade, source) = (Arc::clone(self), offer.listed.source);
        let decode = move || {
            let mut made = Vec::new();
            let file = spool.file().try_clone();
            let file = file.map_err(store::Error::file(upgrade.session.cache.ingest()))?;
            let outcome = upgrade.decode(file, source, &mut made);
            Ok::<_, store::Error>((made, outcome))
        };
        let decoder = DECODERS.acquire().await;
        let (made, outcome) = blocking(decode).await?;
        drop(decoder);
        for layer in made {
            prepared.tally.replaced.count(layer.blob);
            prepared.contents.insert(layer.content.digest);
        }
        outcome
    }

    /// Decodes the parts whose layers are missing and whose bases are on this machine. Parts of later versions of the
    /// format are left out. `made` receives the layers, also before an error. Has one base in memory at a time. Blocks.
    fn decode(&self, file: File, source: Digest, made: &mut Vec<Layer>) -> Result<(), DeltaError> {
        let delta = DeltaFile::open(file)?;
        let Header {
            source: found,
            target,
            ref parts,
            ..
        } = delta.header;
        check("source", found, source)?;
        check("target", target, self.target)?;
        for (number, part) in parts.iter().enumerate() {
            let Some(layer) = self
                .layer_of(&delta.header, part)
                .filter(|layer| !made.contains(layer))
            else {
                continue;
            };
            let base = match part.base {
                None => LocalBase::Memory(Vec::new()),
                Some(base) if !self.contents.has(base)? => continue,
                Some(base) => self.read_base(base).map_err(|source| {
                    let digest = base.digest;
                    DeltaError::Base { digest, source }
                })?,
            };
            let mut spool = self.contents.spool(layer)?;
            let decoded = delta.decode(number, base.base(), layer.content, spool.file());
            // The content is checked, so its base is hashed only to find the cause of an error.
            decoded.map_err(|error| match (part.base, &base) {
                (Some(wanted), LocalBase::Memory(bytes)) if Identity::of(bytes) != wanted => {
                    let digest = wanted.digest;
                    DeltaError::DamagedBase { digest }
                }
                _ => error.into(),
            })?;
            self.contents.adopt(layer, spool)?;
            made.push(layer.clone());
        }
        Ok(())
    }

    fn read_base(&self, base: Identity) -> io::Result<LocalBase> {
        if base.size <= MAX_BASE_BYTES {
            return Ok(LocalBase::Memory(self.contents.read(base)?));
        }
        let mut spool = Spool::new_in(self.session.cache.ingest())?;
        let mut content = self.contents.open(base)?.ok_or(io::ErrorKind::NotFound)?;
        io::copy(&mut content, spool.file())?;
        Ok(LocalBase::File(spool.file().try_clone()?))
    }
}

/// The base of a part.
enum LocalBase {
    Memory(Vec<u8>),
    /// A decoded copy of a base that is too large for the memory.
    File(File),
}

impl LocalBase {
    fn base(&self) -> Base<'_> {
        match self {
            Self::Memory(bytes) => Base::Memory(bytes),
            Self::File(file) => Base::File(file),
        }
    }
}

fn check(what: &'static str, found: Digest, expected: Digest) -> Result<(), DeltaError> {
    match found == expected {
        true => Ok(()),
        false => Err(DeltaError::Other(what)),
    }
}
