//! The stubs of what is indexed.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use wharf::digest::Digest;
use wharf::index::shared::Shared;
use wharf::index::{Record, record_of};
use wharf::package::Located;
use wharf::pull;

use super::Sound;
use crate::cli::arguments::{self, Named};
use crate::cli::failure::Failure;
use crate::cli::settings::Context;
use crate::cli::text::printable;

/// What was read of a manifest and its root.
pub(crate) struct Root {
    /// With the names that the root has.
    pub(crate) record: Record,
    pub(crate) stub: Vec<u8>,
    /// Whether the manifest names others.
    pub(crate) is_corrected: bool,
}

/// Says that names were a claim that the root does not bear out.
pub(crate) fn correction(reference: &str) -> String {
    format!(
        "{reference}: its manifest names other imports or exports than its root has; the root wins"
    )
}

/// Fetches the root of a manifest, whatever the tag names by now.
pub(crate) async fn root(
    context: &Context,
    reference: &str,
    digest: Digest,
) -> Result<Root, Failure> {
    let named = Named::Reference(arguments::reference(reference)?.at(digest));
    let Located { store, opened, .. } = arguments::open(context, named).await?;
    let session = context.session()?;
    let mut record = record_of(store.as_ref(), &opened, session).await?;
    let (stub, _) = pull::stub_of(store.as_ref(), &opened, session).await?;
    let is_corrected = record.correct(&stub)?;
    Ok(Root {
        record,
        stub,
        is_corrected,
    })
}

/// Fetches the stubs that an index to be shared lacks. What has none is left without.
pub(super) async fn complete(
    context: &Context,
    index: &mut Sound,
    shared: &mut Shared,
) -> Result<(), Failure> {
    let lacking = shared.entries.iter();
    let lacking = lacking.filter(|entry| !shared.stubs.contains_key(&entry.digest));
    let missing: BTreeMap<Digest, String> = lacking
        .map(|entry| (entry.digest, entry.reference()))
        .collect();
    let count = missing.len();
    let mut fetches = stream::iter(missing)
        .map(|(digest, reference)| async move {
            let root = root(context, &reference, digest).await;
            (reference, root)
        })
        .buffer_unordered(context.concurrency.max(1));
    let mut learned = Vec::new();
    while let Some((reference, root)) = fetches.next().await {
        context.progress.counted(learned.len(), count, "roots");
        let warning = match root {
            Ok(root) => {
                learned.push((root.record, root.stub));
                root.is_corrected.then(|| correction(&reference))
            }
            Err(failure) => Some(format!("no types of {reference}: {}", failure.message())),
        };
        if let Some(warning) = warning {
            let line = format!("warning: {}", printable(&warning));
            context.progress.say(&line);
        }
    }
    index.ask(|index| index.learn(&learned))?;
    let mut learned: BTreeMap<Digest, (Record, Vec<u8>)> = learned
        .into_iter()
        .map(|(record, stub)| (record.digest, (record, stub)))
        .collect();
    for known in &mut shared.records {
        if let Some((record, stub)) = learned.remove(&known.digest) {
            shared.stubs.insert(record.digest, stub);
            *known = record;
        }
    }
    Ok(())
}
