//! The contents of a shared index, extracted from the local index.

use std::collections::HashSet;

use super::error::Error;
use super::files::ROW;
use super::local::Index;
use super::record::Entry;
use super::shared::SharedIndex;
use super::table::{self, RecordReader};

/// The versions to publish.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Publishes only packages of this namespace.
    pub namespace: Option<String>,
    /// Publishes only packages in this location: `HOST[/PREFIX]`.
    pub place: Option<String>,
}

impl Selection {
    fn has(&self, entry: &Entry) -> bool {
        let namespace = entry.name.split_once(':').map(|(namespace, _)| namespace);
        let is_in = |place: &str| {
            let rest = entry.location.strip_prefix(place);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let wanted = self.namespace.as_deref();
        wanted.is_none_or(|wanted| namespace == Some(wanted))
            && self.place.as_deref().is_none_or(is_in)
    }
}

/// The number of selected versions that are not published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OmittedCounts {
    /// Versions in a local layout.
    pub layouts: usize,
    /// Versions that only a shared index claims.
    pub claimed: usize,
}

/// The beginning of a layout's location.
const LAYOUT: &str = "oci:";

impl Index {
    /// Returns the selected entries with their records and stubs. Only entries that this machine read from a
    /// registry count.
    pub fn extract(&self, selection: &Selection) -> Result<(SharedIndex, OmittedCounts), Error> {
        self.with_row_ids(|files| {
            let (mut shared, mut left) = (SharedIndex::default(), OmittedCounts::default());
            let mut seen = HashSet::new();
            let mut records = RecordReader::new(&files.own)?;
            let select = format!("SELECT {ROW} FROM row ORDER BY id");
            let mut statement = files.own.prepare(&select)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (entry, record, claims) = files.read_entry(row)?;
                if !selection.has(&entry) {
                    continue;
                }
                if claims.is_some() {
                    left.claimed += 1;
                } else if entry.location.starts_with(LAYOUT) {
                    left.layouts += 1;
                } else {
                    if seen.insert(entry.digest) {
                        shared.records.push(records.read(record)?);
                        let stub = table::stub(&files.own, &entry.digest)?;
                        shared.stubs.extend(stub.map(|stub| (entry.digest, stub)));
                    }
                    shared.entries.push(entry);
                }
            }
            Ok((shared, left))
        })
    }
}
