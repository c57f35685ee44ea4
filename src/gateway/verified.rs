//! Bodies of blobs that are checked while they pass.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::digest::{Digest, Hasher, Identity, Mismatch};
use crate::store::{ByteStream, Error, Store, Subject};

/// A body on its way.
struct Passing {
    body: ByteStream,
    hasher: Hasher,
    /// The newest piece, which may be the last one.
    newest: Option<Bytes>,
}

/// Returns a body that ends well only if all its bytes have this digest. Its last piece is sent after the check.
pub(super) fn verified(body: ByteStream, digest: Digest, store: Arc<dyn Store>) -> ByteStream {
    let passing = Passing {
        body,
        hasher: Hasher::new(),
        newest: None,
    };
    let pieces = stream::try_unfold(Some(passing), move |passing| {
        let store = Arc::clone(&store);
        async move {
            let Some(mut passing) = passing else {
                return Ok(None);
            };
            while let Some(piece) = passing.body.try_next().await? {
                passing.hasher.update(&piece);
                if let Some(earlier) = passing.newest.replace(piece) {
                    return Ok(Some((earlier, Some(passing))));
                }
            }
            check(passing.hasher.identity(), digest, store.as_ref())?;
            Ok(passing.newest.map(|last| (last, None)))
        }
    });
    pieces.boxed()
}

fn check(found: Identity, digest: Digest, store: &dyn Store) -> Result<(), Error> {
    if found.digest == digest {
        return Ok(());
    }
    let size = found.size;
    let mismatch = Mismatch {
        expected: Identity { digest, size },
        found,
    };
    Err(Error::corrupt(
        store,
        Subject::Blob(digest.into()),
        mismatch,
    ))
}
