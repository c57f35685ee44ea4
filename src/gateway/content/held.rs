//! Blobs that others keep on this machine: found, checked, and read where they are. Nothing there is ever changed.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::kept::{MAX_CHECKED, Stamp};
use crate::digest::{Digest, Hasher, Identity};
use crate::gateway::Log;
use crate::gateway::metrics::Metrics;
use crate::gateway::passing::chain;
use crate::store::held::Held;
use crate::store::{Error, Store};

/// Directories of others, in the order in which they are looked into.
pub(super) struct HeldBlobs {
    directories: Vec<Held>,
    /// What was found when a file was looked at, by number of the directory.
    looked_at: Mutex<HashMap<(usize, Digest), Found>>,
    log: Log,
    metrics: Arc<Metrics>,
}

/// What came of looking at a file that has the right name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Sound(Stamp),
    Damaged(Stamp),
    Unreadable,
}

impl fmt::Debug for HeldBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("HeldBlobs");
        shown
            .field("directories", &self.directories)
            .finish_non_exhaustive()
    }
}

impl HeldBlobs {
    pub(super) fn new(directories: Vec<Held>, log: Log, metrics: Arc<Metrics>) -> Self {
        Self {
            directories,
            looked_at: Mutex::default(),
            log,
            metrics,
        }
    }

    fn looked_at(&self) -> MutexGuard<'_, HashMap<(usize, Digest), Found>> {
        self.looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the file of a blob if there is one that is sound. What is wrong with others is told once, and is no
    /// error: the blob can be had upstream. Blocks.
    ///
    /// All of a file is read when it is first asked for, and when somebody touched it since.
    pub(super) fn find(&self, blob: Identity) -> Option<File> {
        let directories = self.directories.iter().enumerate();
        let mut found = directories.filter_map(|(number, held)| self.find_in(number, held, blob));
        found.next()
    }

    fn find_in(&self, number: usize, held: &Held, blob: Identity) -> Option<File> {
        let key = (number, blob.digest);
        let known = self.looked_at().get(&key).copied();
        let (found, file) = match look(held, blob, known) {
            Ok((found, file)) => (found?, file),
            Err(error) => {
                if known != Some(Found::Unreadable) {
                    self.tell(&chain(&error));
                }
                (Found::Unreadable, None)
            }
        };
        if let Found::Damaged(_) = found
            && known != Some(found)
        {
            self.tell(&format!(
                "blob {} in {} is damaged",
                blob.digest,
                held.location()
            ));
        }
        let mut looked_at = self.looked_at();
        if looked_at.len() >= MAX_CHECKED {
            looked_at.clear();
        }
        looked_at.insert(key, found);
        file
    }

    fn tell(&self, what: &str) {
        self.metrics.failed("held");
        (self.log)(&format!("error: {what}; upstream is asked instead"));
    }

    /// Has the files of a blob checked again before they are next used.
    pub(super) fn doubt(&self, digest: &Digest) {
        self.looked_at().retain(|(_, other), _| other != digest);
    }
}

/// Looks at a blob's file, and into it unless that is known to be needless. Nothing is found where there is no file
/// of the blob's size.
fn look(
    held: &Held,
    blob: Identity,
    known: Option<Found>,
) -> Result<(Option<Found>, Option<File>), Error> {
    let Some(file) = held.held(blob)? else {
        return Ok((None, None));
    };
    let checked = || -> io::Result<Found> {
        let stamp = Stamp::of(&file)?;
        let same = [Found::Sound(stamp), Found::Damaged(stamp)];
        if let Some(known) = known.filter(|known| same.contains(known)) {
            return Ok(known);
        }
        let mut hasher = Hasher::new();
        io::copy(&mut &file, &mut hasher)?;
        Ok(match hasher.identity() == blob {
            true => Found::Sound(stamp),
            false => Found::Damaged(stamp),
        })
    };
    let found = checked().map_err(Error::file(&held.path(&blob.digest)))?;
    let file = matches!(found, Found::Sound(_)).then_some(file);
    Ok((Some(found), file))
}
