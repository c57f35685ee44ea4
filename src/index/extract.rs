//! What of the index is for others: the contents of a shared index.

use std::collections::HashSet;

use super::error::Error;
use super::local::Index;
use super::record::Entry;
use super::shared::Shared;
use super::table::{self, ENTRY, entry_at};

/// How many selected versions are not for others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Versions in a layout of this machine.
    pub layouts: usize,
    /// Versions that only another index claims.
    pub claimed: usize,
}

/// How the location of a layout begins.
const LAYOUT: &str = "oci:";

impl Index {
    /// Returns the selected entries with their records and stubs, as far as this machine read them itself in a registry.
    pub fn extract(
        &self,
        is_selected: impl Fn(&Entry) -> bool,
    ) -> Result<(Shared, LeftOut), Error> {
        self.numbered(|files| {
            let (mut shared, mut left) = (Shared::default(), LeftOut::default());
            let mut seen = HashSet::new();
            for (at, file) in files.all().enumerate() {
                let mut statement = file.prepare(&format!(
                    "SELECT {ENTRY} FROM entry JOIN artifact ON artifact.id = entry.artifact
                     WHERE entry.row IS NOT NULL ORDER BY entry.row"
                ))?;
                for entry in statement.query_map([], entry_at)? {
                    let entry = entry?;
                    if !is_selected(&entry) {
                    } else if at > 0 {
                        left.claimed += 1;
                    } else if entry.location.starts_with(LAYOUT) {
                        left.layouts += 1;
                    } else {
                        if seen.insert(entry.digest) {
                            shared.records.extend(table::record(file, &entry.digest)?);
                            let stub = table::stub(file, &entry.digest)?;
                            shared.stubs.extend(stub.map(|stub| (entry.digest, stub)));
                        }
                        shared.entries.push(entry);
                    }
                }
            }
            Ok((shared, left))
        })
    }
}
