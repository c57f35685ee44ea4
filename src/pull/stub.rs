//! The part of an artifact that its interface is read from.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use super::{OpenArtifact, PullSummary};
use crate::artifact::Layer;
use crate::content::StoredContent;
use crate::error::Error;
use crate::split::SpliceError;
use crate::store::{self, Session, Store, blocking};
use crate::stub;

/// The maximum size of the content, beside the root, that is fetched from layers with more than code and data.
const MAX_NEEDED_BYTES: u64 = 16 * 1024 * 1024;

/// Builds the [stub](crate::stub) of an opened artifact from its root, which comes from the cache if possible and
/// otherwise from the store. The root of a flat artifact is the whole component.
///
/// Fetches another layer only if the manifest says that it holds more than code and data, as the layer of a core module
/// may. Checks the blob and the content of every layer used; the whole component cannot be checked.
pub async fn stub_of(
    store: &dyn Store,
    opened: &OpenArtifact,
    session: &Session,
) -> Result<(Vec<u8>, PullSummary), Error> {
    let mut pulled = PullSummary::before_layers(opened);
    let layers: Vec<Layer> = opened.layers().cloned().collect();
    let (recipe, mut at_hand) = (opened.recipe(), BTreeMap::new());
    let root = content(store, (None, &layers[0]), session, &mut pulled).await?;
    let root = Arc::new(root);
    let mut room = MAX_NEEDED_BYTES;
    loop {
        let (recipe, root, layers_at_hand) = (recipe.clone(), Arc::clone(&root), at_hand);
        let (built, returned) = blocking(move || {
            let built = stub::of_root(&recipe, root.as_ref(), &layers_at_hand);
            Ok::<_, Error>((built, layers_at_hand))
        })
        .await?;
        at_hand = returned;
        let layer = match built {
            Err(stub::Error::Needs { layer }) => layer,
            built => return Ok((built?, pulled)),
        };
        let needed = &layers[layer + 1];
        room = match room.checked_sub(needed.content.size) {
            Some(room) => room,
            None => return Err(stub::Error::Needs { layer }.into()),
        };
        let mut file = content(store, (Some(layer), needed), session, &mut pulled).await?;
        let mut bytes = Vec::new();
        let read = file.read_to_end(&mut bytes);
        read.map_err(store::Error::file(session.cache.ingest()))?;
        at_hand.insert(layer, bytes);
    }
}

/// Returns the verified content of a section layer, or of the root, which has no index.
pub(super) async fn content(
    store: &dyn Store,
    (index, layer): (Option<usize>, &Layer),
    session: &Session,
    pulled: &mut PullSummary,
) -> Result<File, Error> {
    let read = StoredContent::read(store, session, layer.stored(), layer.content);
    let (file, read) = read.await?;
    let layer = index;
    let file = file.map_err(|source| SpliceError::Layer { layer, source })?;
    pulled.count(read.stored.blob, read.place);
    read.record(&session.cache)?;
    Ok(file)
}
