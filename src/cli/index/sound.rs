//! The index of this machine, which is begun anew where it turns out to be damaged.

use wharf::index::{self, Error, Index};
use wharf::store::cache::Cache;

use crate::cli::failure::Failure;
use crate::cli::text::printable;

/// Through which all questions to the index go.
pub(crate) struct Sound {
    index: Index,
    renewals: u32,
}

impl Sound {
    /// Opens the index, and says so where it had to be begun anew.
    pub(crate) fn open(cache: &Cache) -> Result<Self, Failure> {
        let index = Index::open(&index::path(cache))?;
        warn(&index);
        Ok(Self { index, renewals: 0 })
    }

    /// Does something with the index; where that finds it damaged, once again with one that was begun anew.
    pub(crate) fn ask<T>(
        &mut self,
        work: impl Fn(&mut Index) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        if self.index.reopen()? {
            self.renewals += 1;
            warn(&self.index);
        }
        match work(&mut self.index) {
            Err(error) if error.is_damage() => {
                self.index.discard(&error)?;
                self.renewals += 1;
                warn(&self.index);
                Ok(work(&mut self.index)?)
            }
            done => Ok(done?),
        }
    }

    /// Returns how often the index lost all that it knew since it was opened here.
    pub(crate) fn renewals(&self) -> u32 {
        self.renewals
    }
}

fn warn(index: &Index) {
    if let Some(reason) = index.rebuilt() {
        let reason = printable(reason);
        eprintln!(
            "warning: the index could not be used ({reason}) and was begun anew; `wharf index update` fills it"
        );
    }
}
