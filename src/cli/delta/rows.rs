//! The deltas of an artifact in reports.

use serde::Serialize;
use wharf::artifact::ListedDelta;
use wharf::digest::Digest;
use wharf::pull::{self, OpenArtifact};
use wharf::store::Store;

use crate::cli::failure::Failure;
use crate::cli::settings::Context;
use crate::cli::text;

/// A delta that is attached to an artifact.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DeltaRow {
    /// The split digest of the old artifact.
    from: Digest,
    /// The version of the old artifact, if it has one.
    from_version: Option<String>,
    /// The size of the delta file.
    bytes: u64,
    /// The old artifact as the command line names it.
    #[serde(skip)]
    name: Option<String>,
}

impl From<ListedDelta> for DeltaRow {
    fn from(listed: ListedDelta) -> Self {
        Self {
            from: listed.source,
            from_version: listed.source_version,
            bytes: listed.size,
            name: None,
        }
    }
}

impl DeltaRow {
    /// Adds the name of the old artifact, which has no version or is of another package.
    pub(super) fn named(self, name: Option<&str>) -> Self {
        let name = name.map(str::to_owned);
        Self { name, ..self }
    }

    /// Returns the text: the size and the old version, or otherwise its name or split digest.
    pub(crate) fn text(&self) -> String {
        let from = match (&self.from_version, &self.name) {
            (Some(version), _) => text::printable(version),
            (None, Some(name)) => name.clone(),
            (None, None) => self.from.to_string(),
        };
        format!("{} from {from}", text::size(self.bytes))
    }
}

/// Returns a line for each delta, to follow other lines of a report.
pub(crate) fn lines(rows: &[DeltaRow]) -> String {
    let lines = rows
        .iter()
        .map(|row| format!("\n  delta    {}", row.text()));
    lines.collect()
}

/// Returns the deltas to an artifact. If they cannot be listed, prints a warning.
pub(crate) async fn list(
    context: &Context,
    store: &dyn Store,
    opened: &OpenArtifact,
) -> Vec<DeltaRow> {
    let Some(split) = opened.split() else {
        return Vec::new();
    };
    match pull::list_deltas(store, &split.digest).await {
        Ok(listed) => listed.into_iter().map(DeltaRow::from).collect(),
        Err(error) => {
            let message = Failure::from(error).message();
            let line = format!("warning: the deltas cannot be listed: {message}");
            context.progress.say(&line);
            Vec::new()
        }
    }
}
