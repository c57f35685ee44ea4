//! Where configs and roots are kept of what a client asks for.

use std::ops::Deref;
use std::sync::Arc;

use tempfile::TempDir;

use super::{Asked, Gateway};
use crate::error::Error;
use crate::store;
use crate::store::cache::Cache;

/// A cache to read and write: that of all, or one that is there only as long as this. A sender who is not believed must
/// send what it says that it has.
pub(super) struct Keeping {
    cache: Arc<Cache>,
    _alone: Option<TempDir>,
}

impl Deref for Keeping {
    type Target = Arc<Cache>;

    fn deref(&self) -> &Arc<Cache> {
        &self.cache
    }
}

impl Gateway {
    pub(super) fn keeping(&self, asked: &Asked<'_>) -> Result<Keeping, Error> {
        // Somebody may have deleted all of it.
        self.cache.create()?;
        if asked.sender.is_believed {
            return Ok(Keeping {
                cache: Arc::clone(&self.cache),
                _alone: None,
            });
        }
        let place = self.cache.ingest();
        let directory = TempDir::new_in(place).map_err(store::Error::file(place))?;
        Ok(Keeping {
            cache: Arc::new(Cache::open(directory.path())?),
            _alone: Some(directory),
        })
    }
}
