//! Access to the index with recovery from damage.

use super::error::Error;
use super::event::{Event, Watch};
use super::local::{Index, copy_read_only, path};
use crate::store::cache::Cache;

/// An index that is rebuilt when an operation finds it damaged.
pub struct CheckedIndex<'a> {
    index: Index,
    rebuilds: u32,
    watch: Watch<'a>,
}

impl<'a> CheckedIndex<'a> {
    /// Opens the index that belongs to a cache.
    pub fn open(cache: &Cache, watch: Watch<'a>) -> Result<Self, Error> {
        copy_read_only(cache)?;
        let mut checked = Self {
            index: Index::open(&path(cache))?,
            rebuilds: 0,
            watch,
        };
        checked.report();
        Ok(checked)
    }

    /// Runs an operation. If the index is damaged, this rebuilds it and runs the operation once more.
    pub fn run<T>(
        &mut self,
        operation: impl Fn(&mut Index) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.index.reopen()? {
            self.report();
        }
        match operation(&mut self.index) {
            Err(error) if error.is_damage() => {
                self.index.discard(&error)?;
                self.report();
                operation(&mut self.index)
            }
            done => done,
        }
    }

    /// Returns a number that changes when the index is rebuilt.
    pub fn rebuilds(&self) -> u32 {
        self.rebuilds
    }

    fn report(&mut self) {
        self.rebuilds += 1;
        if let Some(reason) = self.index.rebuilt() {
            (self.watch)(Event::Rebuilt { reason });
        }
    }
}
