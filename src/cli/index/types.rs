//! The stubs of what is indexed.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use wharf::catalog::shared::Shared;
use wharf::catalog::{Found, Index, types};
use wharf::digest::Digest;
use wharf::store::cache::Cache;

use crate::cli::connect;
use crate::cli::failure::Failure;
use crate::cli::packages::Named;
use crate::cli::settings::Context;

/// Returns the stub of what was found; where the index has none yet, the root is fetched.
pub(crate) async fn stub(
    context: &Context,
    found: &Found,
    index: &mut Index,
    cache: &Arc<Cache>,
) -> Result<Vec<u8>, Failure> {
    let content = found.content.digest;
    if let Some(stub) = index.stub(&content)? {
        return Ok(stub);
    }
    let reference = found.entry.reference();
    let stub = fetched(context, &reference, found.entry.digest, cache).await?;
    index.keep_stubs(&BTreeMap::from([(content, stub.clone())]))?;
    Ok(stub)
}

async fn fetched(
    context: &Context,
    reference: &str,
    digest: Digest,
    cache: &Arc<Cache>,
) -> Result<Vec<u8>, Failure> {
    // What the index knows is of this manifest, whatever the tag names by now.
    let named = Named::Reference(connect::reference(reference)?.at(digest));
    let (_, store, opened) = connect::open(context, named, cache).await?;
    let observer = context.observer();
    Ok(types::stub_of(&store, &opened, cache, &observer).await?)
}

/// Fetches the stubs that an index to be shared lacks. What has none (a core module) is left without.
pub(super) async fn complete(
    context: &Context,
    index: &mut Index,
    shared: &mut Shared,
    cache: &Arc<Cache>,
) -> Result<(), Failure> {
    let mut missing = BTreeMap::new();
    let contents = shared.records.iter();
    let contents: BTreeMap<Digest, Digest> = contents
        .map(|record| (record.digest, record.content.digest))
        .collect();
    for entry in &shared.entries {
        if let Some(content) = contents.get(&entry.digest)
            && !shared.stubs.contains_key(content)
        {
            missing.insert(*content, (entry.reference(), entry.digest));
        }
    }
    let count = missing.len();
    let mut fetches = stream::iter(missing)
        .map(|(content, (reference, digest))| async move {
            let stub = fetched(context, &reference, digest, cache).await;
            (content, reference, stub)
        })
        .buffer_unordered(context.concurrency.max(1));
    let mut news = BTreeMap::new();
    while let Some((content, reference, stub)) = fetches.next().await {
        context.progress.counted(news.len(), count, "roots");
        match stub {
            Ok(stub) => {
                news.insert(content, stub);
            }
            Err(failure) => {
                let line = format!("{reference}: {}", failure.message());
                let line = crate::cli::text::printable(&line);
                context
                    .progress
                    .say(&format!("warning: no types of {line}"));
            }
        }
    }
    index.keep_stubs(&news)?;
    shared.stubs.extend(news);
    Ok(())
}
