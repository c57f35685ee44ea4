//! The files that a component lists.

use std::path::Path;

use serde::Serialize;
use wharf::assets::packed::MAX_LIST_BYTES;
use wharf::content::{BlobPlace, StoredContent};
use wharf::error::Kind;
use wharf::package::LocatedArtifact;
use wharf::pull::{self, ComponentParts, LocalComponent, PullSummary, RangeReader};

use super::InspectReport;
use super::tree::cut;
use crate::cli::assets::FileRow;
use crate::cli::cat::note_unchecked;
use crate::cli::failure::{Failure, blocking};
use crate::cli::input::open_file;
use crate::cli::settings::Context;
use crate::cli::{text, wit};

/// The maximum number of files in text.
const MAX_FILES: usize = 20;

/// The files of an `inspect` report.
#[derive(Default, Serialize)]
pub(super) struct FilesReport {
    /// The preopened directory. `None` if the component has no list of files.
    mount: Option<String>,
    files: Vec<FileRow>,
}

/// Returns the files of a component, if it has a list of them. Blocks.
fn read(component: &dyn ComponentParts) -> Result<Option<FilesReport>, Failure> {
    let packed = pull::find_packed_files(component, MAX_LIST_BYTES)?;
    Ok(packed.map(|packed| FilesReport {
        files: packed.by_path().iter().map(FileRow::of).collect(),
        mount: Some(packed.list.mount),
    }))
}

impl FilesReport {
    /// Returns the text, which begins with an empty line. Without a list there is no text.
    pub(super) fn text(&self) -> String {
        let Some(mount) = &self.mount else {
            return String::new();
        };
        let files = &self.files;
        let count = text::count(files.len() as u64, "file");
        let size = files.iter().map(|file| file.size);
        let size = text::size(size.fold(0, u64::saturating_add));
        let rows = files.iter().take(MAX_FILES).map(|file| {
            let path = cut(&text::printable(&file.path));
            let remote = if file.remote { "remote" } else { "" };
            vec![
                format!("  {path}"),
                text::size(file.size),
                remote.to_owned(),
            ]
        });
        let rows = text::table(rows);
        let more = match files.len().saturating_sub(MAX_FILES) {
            0 => String::new(),
            more => format!("  and {more} more\n"),
        };
        format!(
            "\n{count} at {}: {size}\n{rows}{more}",
            text::printable(mount)
        )
    }
}

impl InspectReport {
    /// Adds the files of a file. Blocks.
    pub(super) fn add_files_of(&mut self, path: &Path) -> Result<(), Failure> {
        self.add_files(read(&LocalComponent(open_file(path)?)))
    }

    /// Adds the files of a stored component if its root is in the cache or in a local store, or if the layers or exports
    /// suggest a list and the root is small. Returns the blobs, if these were read for a list.
    pub(super) async fn add_stored_files(
        &mut self,
        context: &Context,
        located: &LocatedArtifact,
    ) -> Result<Option<PullSummary>, Failure> {
        let LocatedArtifact { store, opened, .. } = located;
        let session = context.session()?;
        let paths = self.layers.iter().map(|layer| layer.path.as_str());
        let may_list = pull::may_list_files(paths, &self.exports);
        let root = opened.layers().next();
        let root = root.map(|root| {
            StoredContent::find(store.as_ref(), &session.cache, root.stored(), root.content)
        });
        let is_local = root
            .transpose()?
            .is_some_and(|root| root.place != BlobPlace::RemoteStore);
        if !(may_list || is_local) || !wit::is_small(opened) {
            return Ok(None);
        }
        let reader = RangeReader::new(store, opened, session)?;
        let (files, summary) = blocking(move || {
            let files = read(&reader);
            Ok::<_, Failure>((files, reader.into_summary()))
        })
        .await?;
        let was_read_for_list = may_list || !matches!(files, Ok(None));
        self.add_files(files)?;
        note_unchecked(summary.unchecked_bytes);
        Ok(was_read_for_list.then_some(summary.pulled))
    }

    /// Adds the files. An invalid list is a warning, because it was not requested.
    fn add_files(&mut self, files: Result<Option<FilesReport>, Failure>) -> Result<(), Failure> {
        match files {
            Ok(files) => self.files = files.unwrap_or_default(),
            Err(failure) if failure.kind == Kind::Integrity => {
                let reason = format!("the files cannot be listed: {}", failure.message());
                self.warning = Some(match self.warning.take() {
                    Some(warning) => format!("{warning}; {reason}"),
                    None => reason,
                });
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }
}
