//! `wharf assets extract`

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use wharf::assets::packed::{self, PackedFile};
use wharf::digest::Digest;
use wharf::error::{Error, Kind};
use wharf::package::LocatedArtifact;
use wharf::pull::{self, ComponentParts, LocalComponent, RangeReader};
use wharf::store::spool::{Spool, parent};

use super::FileRow;
use crate::cli::arguments::{self, FileOrArtifact};
use crate::cli::cat::note_unchecked;
use crate::cli::failure::{Failure, blocking};
use crate::cli::input::{open_file, printable_path};
use crate::cli::settings::Context;
use crate::cli::text::{printable, unreadable, unwritable};
use crate::cli::transfer_summary::FetchedBlobs;
use crate::cli::{hints, output, text};

/// Write the files of an assets component into a directory
///
/// Fetches only the layers and remote files that are needed, and checks the digest of each file. Existing files with
/// the same content are not fetched. In a component of several components, the first outermost list of files counts.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf assets extract ghcr.io/me/site:1.0 out
  wharf assets extract demo:site@^1 out css index.html
  wharf assets extract site.wasm out")]
pub(super) struct Extract {
    /// A file, a reference or a package
    #[arg(value_name = "FILE|REF")]
    what: String,
    /// The directory to write to, which is created if it is missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Files and directories, relative to the packed directory [default: all files]
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
}

/// The report of `assets extract`.
#[derive(Serialize)]
struct ExtractReport {
    reference: String,
    digest: Option<Digest>,
    #[serde(flatten)]
    extracted: Extracted,
    #[serde(flatten)]
    fetched: FetchedBlobs,
    requests: u64,
}

#[derive(Serialize)]
struct Extracted {
    mount: String,
    files: Vec<FileRow>,
    /// The number of files that had the same content before.
    existing_files: u64,
    unchecked_bytes: u64,
}

impl Extract {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Self {
            what,
            directory,
            paths,
        } = self;
        let shown = printable_path(&directory);
        let report = match arguments::parse_file_or_artifact(&what)? {
            FileOrArtifact::File(path) => {
                let mut component = LocalComponent(open_file(&path)?);
                let extracted = blocking(move || extract(&mut component, &directory, &paths));
                ExtractReport {
                    reference: printable_path(&path),
                    digest: None,
                    extracted: extracted.await?,
                    fetched: FetchedBlobs::default(),
                    requests: 0,
                }
            }
            FileOrArtifact::Artifact(name) => {
                let located = arguments::open(context, name).await?;
                extract_stored(context, &located, directory, paths).await?
            }
        };
        context.finish();
        note_unchecked(report.extracted.unchecked_bytes);
        output::print(context, &report, || report.text(&shown))
    }
}

async fn extract_stored(
    context: &Context,
    located: &LocatedArtifact,
    directory: PathBuf,
    paths: Vec<String>,
) -> Result<ExtractReport, Failure> {
    let LocatedArtifact {
        reference,
        store,
        opened,
    } = located;
    let mut reader = RangeReader::new(store, opened, context.session()?)?;
    let (extracted, pulled) = blocking(move || {
        let extracted = extract(&mut reader, &directory, &paths)?;
        Ok::<_, Failure>((extracted, reader.into_summary().pulled))
    })
    .await?;
    let blobs = opened.layers().map(|layer| layer.blob.digest);
    context.remember(reference, blobs, pulled.fetched.blobs > 0)?;
    let mut fetched = FetchedBlobs::default();
    fetched.add(pulled.fetched, pulled.cached);
    Ok(ExtractReport {
        reference: reference.at(opened.digest).to_string(),
        digest: Some(opened.digest),
        extracted,
        fetched,
        requests: context.progress.requests(),
    })
}

/// Writes the selected files of a component. Blocks.
fn extract(
    component: &mut dyn ComponentParts,
    root: &Path,
    paths: &[String],
) -> Result<Extracted, Failure> {
    let packed = pull::packed_files(component)?;
    let unchecked_list = component.unchecked_bytes();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let files = packed.files(&paths).map_err(Error::from)?;
    let directories = packed.empty_directories(&paths).map_err(Error::from)?;
    let remote = files.iter().find(|file| file.range.is_none());
    if let Some(file) = remote.filter(|_| !component.has_remote_files()) {
        let path = file.path.clone();
        return Err(Error::from(packed::Error::Remote { path }).into());
    }
    fs::create_dir_all(root).with_context(|| unwritable(root))?;
    let missing = missing(root, &files)?;
    for directory in &directories {
        check_directories(root, Path::new(directory))?;
    }
    component.expect(
        missing
            .iter()
            .filter_map(|file| file.range.clone())
            .collect(),
    );
    for directory in directories {
        create(&root.join(directory))?;
    }
    for file in &missing {
        write(component, file, &root.join(&file.path))?;
    }
    Ok(Extracted {
        mount: packed.list.mount.clone(),
        existing_files: (files.len() - missing.len()) as u64,
        files: files.iter().map(FileRow::of).collect(),
        // The digests in a checked list cover all files.
        unchecked_bytes: match unchecked_list {
            0 => 0,
            _ => component.unchecked_bytes(),
        },
    })
}

/// Returns the files that do not exist. Fails if one exists with other content, or if its place is not in the directory.
fn missing<'a>(root: &Path, files: &'a [PackedFile]) -> Result<Vec<&'a PackedFile>, Failure> {
    let mut missing = Vec::new();
    for file in files {
        let path = Path::new(&file.path);
        check_directories(root, path.parent().unwrap_or(path))?;
        let holds = output::holds(&root.join(path), file.identity);
        let holds = holds.map_err(|failure| match failure.kind {
            Kind::Conflict => failure.hint(hints::EXTRACT_ELSEWHERE),
            _ => failure,
        })?;
        if !holds {
            missing.push(file);
        }
    }
    Ok(missing)
}

/// Fails if a part of a relative path exists and is not a directory. A link could lead out of the root.
fn check_directories(root: &Path, path: &Path) -> Result<(), Failure> {
    let mut at = root.to_owned();
    for name in path.components() {
        // On Windows a name can be a drive.
        if !matches!(name, Component::Normal(_)) {
            let message = format!("`{}` is not a relative path", printable_path(path));
            return Err(Failure::new(Kind::Integrity, message));
        }
        at.push(name);
        match fs::symlink_metadata(&at) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => {
                let message = format!("{} exists and is not a directory", printable_path(&at));
                let failure = Failure::new(Kind::Conflict, message);
                return Err(failure.hint(hints::EXTRACT_ELSEWHERE));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => {
                let error = anyhow::Error::from(error);
                return Err(error.context(unreadable(&at)).into());
            }
        }
    }
    Ok(())
}

fn create(directory: &Path) -> Result<(), Failure> {
    Ok(fs::create_dir_all(directory).with_context(|| unwritable(directory))?)
}

/// Writes a file, which gets its name when it is complete and checked.
fn write(component: &dyn ComponentParts, file: &PackedFile, path: &Path) -> Result<(), Failure> {
    create(parent(path))?;
    let mut spool = Spool::new_in(parent(path)).with_context(|| unwritable(path))?;
    pull::copy_file(component, file, spool.file())?;
    Ok(spool.replace(path).with_context(|| unwritable(path))?)
}

impl ExtractReport {
    fn text(&self, directory: &str) -> String {
        let Extracted {
            files,
            existing_files,
            mount,
            ..
        } = &self.extracted;
        let size: u64 = files.iter().map(|file| file.size).sum();
        let existing = match existing_files {
            0 => String::new(),
            number => format!(" ({number} already there)"),
        };
        format!(
            "{directory}  {}{existing}, {} from {} of {}\n{}",
            text::count(files.len() as u64, "file"),
            text::size(size),
            printable(mount),
            self.reference,
            self.fetched.text(),
        )
    }
}
