//! The size of a pull.

use std::collections::{HashMap, HashSet};

use super::record::{Record, RecordLayer};
use crate::store;
use crate::store::cache::Cache;

/// Computes fetch sizes. A layer that many components share is looked up once.
pub struct FetchSizes<'a> {
    cache: &'a Cache,
    cached: HashMap<RecordLayer, bool>,
}

impl<'a> FetchSizes<'a> {
    /// Returns a calculator for the current state of a cache.
    pub fn new(cache: &'a Cache) -> Self {
        let cached = HashMap::new();
        Self { cache, cached }
    }

    /// Returns the bytes of the layers that the cache does not have, neither as stored nor in another form.
    pub fn of(&mut self, record: &Record) -> Result<u64, store::Error> {
        let mut counted = HashSet::new();
        let mut bytes = 0u64;
        for layer in &record.layers {
            if counted.insert(layer.blob.digest) && !self.is_cached(layer)? {
                bytes = bytes.saturating_add(layer.blob.size);
            }
        }
        Ok(bytes)
    }

    fn is_cached(&mut self, layer: &RecordLayer) -> Result<bool, store::Error> {
        if let Some(is_cached) = self.cached.get(layer) {
            return Ok(*is_cached);
        }
        let is_cached = self.cache.has(layer.blob)?
            || self.cache.find(layer.content)?.is_some()
            || self.cache.has(layer.content)?;
        self.cached.insert(*layer, is_cached);
        Ok(is_cached)
    }
}
