//! A part of an artifact: as much as its interface is read from.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;

use super::{BlobSource, Opened, Place, Pulled};
use crate::artifact::Layer;
use crate::digest::Identity;
use crate::encoding::{self, Encoding};
use crate::error::Error;
use crate::split::SpliceError;
use crate::store::spool::Spool;
use crate::store::{self, Session, Store, blocking, fetch};
use crate::stub;

/// Layers that more than code and data lie in are fetched until they have so many bytes of content.
const MAX_NEEDED_BYTES: u64 = 16 * 1024 * 1024;

/// Builds the [stub](crate::stub) of what was opened from its root, from the cache where it can and else from the
/// store. Of a flat artifact that is the whole component.
///
/// Other layers are fetched only if the manifest says that they hold more than code and data, as that of a core
/// module may. The blob and the content of all that is used are checked; the whole component cannot be.
pub async fn stub_of(
    store: &dyn Store,
    opened: &Opened,
    session: &Session,
) -> Result<(Vec<u8>, Pulled), Error> {
    let mut pulled = Pulled::nothing(opened);
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

/// Returns the content of a section layer, or of the root, which has no index; checked.
async fn content(
    store: &dyn Store,
    (index, layer): (Option<usize>, &Layer),
    session: &Session,
    pulled: &mut Pulled,
) -> Result<File, Error> {
    let Session {
        cache, observer, ..
    } = session;
    let observer = observer.as_ref();
    let source = BlobSource::find(store, layer, cache, true)?;
    if source.place == Place::Remote {
        let blob = source.stored.blob;
        observer.planned(blob.size);
        let spool = fetch(store, blob, cache.ingest(), observer).await?;
        let cache = Arc::clone(cache);
        blocking(move || cache.adopt(&blob.digest, spool)).await?;
    }
    source.count(&mut pulled.fetched, &mut pulled.cached);
    let stored = source.open(store, cache);
    let stored = stored.map_err(|source| SpliceError::Layer {
        layer: index,
        source,
    })?;
    let (cache, content) = (Arc::clone(cache), layer.content);
    blocking(move || {
        let file = decoded(
            stored,
            source.stored.encoding,
            cache.ingest(),
            index,
            content,
        )?;
        if source.place != Place::Store {
            cache.record(content, source.stored)?;
        }
        Ok(file)
    })
    .await
}

/// Decodes a blob into a file without a name; one that is stored as it is, is only checked.
fn decoded(
    stored: File,
    encoding: Encoding,
    ingest: &Path,
    layer: Option<usize>,
    content: Identity,
) -> Result<File, Error> {
    let failed = |source| SpliceError::Layer { layer, source };
    let mut reader = encoding::content(&stored, encoding, content).map_err(failed)?;
    if encoding == Encoding::Raw {
        io::copy(&mut reader, &mut io::sink()).map_err(failed)?;
        drop(reader);
        (&stored).rewind().map_err(failed)?;
        return Ok(stored);
    }
    let mut spool = Spool::new_in(ingest).map_err(store::Error::file(ingest))?;
    io::copy(&mut reader, spool.file()).map_err(failed)?;
    let mut take = || {
        spool.file().rewind()?;
        spool.file().try_clone()
    };
    Ok(take().map_err(store::Error::file(ingest))?)
}
