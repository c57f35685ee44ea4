//! Roots of indexed components: their types, and their real imports and exports.

use std::collections::{BTreeMap, HashSet};

use futures_util::{StreamExt, stream};

use super::checked::CheckedIndex;
use super::error::Error;
use super::event::{Event, EventHandler, ReadFailure};
use super::reader::record_of;
use super::record::Record;
use super::shared::SharedIndex;
use super::sources;
use crate::digest::Digest;
use crate::package::{Connector, LocatedArtifact, RegistrySettings};
use crate::pull;
use crate::reference::Reference;

/// Fetches the root of a manifest by digest, whatever the tag of the reference now names. Returns the record, with
/// names from the root, and the stub.
pub(super) async fn fetch_root(
    connector: &Connector,
    reference: &str,
    digest: Digest,
    watch: EventHandler<'_>,
) -> Result<(Record, Vec<u8>), Error> {
    let artifact = sources::parsed::<Reference>(reference)?.at(digest);
    let settings = RegistrySettings::default();
    let LocatedArtifact { store, opened, .. } = connector.open(artifact, &settings).await?;
    for unused in &opened.unused {
        watch(Event::Unused(unused.to_string()));
    }
    let mut record = record_of(store.as_ref(), &opened, &connector.session).await?;
    let (stub, _) = pull::stub_of(store.as_ref(), &opened, &connector.session).await?;
    if record.correct(&stub)? {
        watch(Event::Corrected { reference });
    }
    Ok((record, stub))
}

/// Fetches the stubs that a shared index lacks. A component without readable types stays without a stub.
pub async fn complete(
    shared: &mut SharedIndex,
    index: &mut CheckedIndex<'_>,
    connector: &Connector,
    watch: EventHandler<'_>,
) -> Result<(), Error> {
    let lacking = shared.entries.iter();
    let lacking = lacking.filter(|entry| !shared.stubs.contains_key(&entry.digest));
    let missing: BTreeMap<Digest, String> = lacking
        .map(|entry| (entry.digest, entry.reference()))
        .collect();
    let count = missing.len();
    let mut fetches = stream::iter(missing)
        .map(|(digest, reference)| async move {
            let root = fetch_root(connector, &reference, digest, watch).await;
            (reference, root)
        })
        .buffer_unordered(connector.session.transfers());
    let mut learned = Vec::new();
    while let Some((what, root)) = fetches.next().await {
        match root {
            Ok(root) => learned.push(root),
            Err(error) => watch(Event::NoTypes(&ReadFailure { what, error })),
        }
        watch(Event::Progress {
            done: learned.len(),
            count,
            things: "roots",
        });
    }
    index.run(|index| index.store_records(&learned))?;
    let new: HashSet<Digest> = learned.iter().map(|(record, _)| record.digest).collect();
    shared
        .records
        .retain(|record| !new.contains(&record.digest));
    for (record, stub) in learned {
        shared.stubs.insert(record.digest, stub);
        shared.records.push(record);
    }
    Ok(())
}
