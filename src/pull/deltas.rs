//! The deltas that are attached to an artifact.

use crate::artifact::ListedDelta;
use crate::digest::Digest;
use crate::manifest::media_type;
use crate::store::{self, Store};

/// Returns the deltas whose subject is this split manifest, in the order of the store. Entries that do not state a
/// source are left out.
pub async fn list_deltas(
    store: &dyn Store,
    split_manifest: &Digest,
) -> Result<Vec<ListedDelta>, store::Error> {
    let listed = store.referrers(split_manifest, Some(media_type::DELTA_ARTIFACT));
    Ok(listed.await?.iter().filter_map(ListedDelta::of).collect())
}
