//! `wharf assets`

mod blob_http;
mod extract;
mod files;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use wharf::assets::assemble::{self, Piece, Plan};
use wharf::assets::packed::PackedFile;
use wharf::assets::requirements::Requirements;
use wharf::assets::tree::Tree;
use wharf::assets::{wasi2, wasi3};
use wharf::digest::{Digest, HashingWriter, Identity, VerifyingReader};
use wharf::store::Observer;
use wharf::store::spool::parent;
use wharf::world::TargetWorld;

use self::files::FoundFiles;
use super::failure::{Failure, blocking};
use super::hints;
use super::input::printable_path;
use super::output::{self, BinaryOutput};
use super::settings::Context;
use super::{text, wit};

/// Pack files into a component that shows them as a directory
///
/// The component exports wasi:filesystem. An application that is composed with it sees the files in a
/// preopened directory that cannot be written. It does not see the directories of the host. Each distinct
/// file is a data segment of its own, and equal directories give equal components.
#[derive(Debug, Args)]
#[command(
    after_help = "\
Examples:
  wharf assets site -o site.wasm
  wharf assets models -o models.wasm --mount /models --for app.wasm
  wharf assets site -o site.wasm --wasi 0.3
  wharf assets extract ghcr.io/me/site:1.0 out css
  wharf assets blob-http http://gateway:8080/v2/ghcr.io/me/model/blobs -o blob.wasm

A directory with the name of a command, such as `extract`, is packed as `./extract`.",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub(crate) struct Assets {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    pack: Option<Pack>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Extract(extract::Extract),
    BlobHttp(blob_http::BlobHttp),
}

#[derive(Debug, Args)]
struct Pack {
    /// The directory of files
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Output file, or `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The path of the directory in the application
    #[arg(long, value_name = "PATH", default_value = "/assets")]
    mount: String,
    /// The version of WASI
    #[arg(long, value_name = "VERSION", value_enum, default_value_t = Wasi::Two)]
    wasi: Wasi,
    /// Leave files above this size out of the component, which then reads them through an import
    #[arg(long, value_name = "SIZE", value_parser = text::parse_size)]
    remote_above: Option<u64>,
    /// The application, for WASI 0.2. The component then exports what it imports, in the same versions
    #[arg(long = "for", value_name = "APP.wasm")]
    application: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wasi {
    #[value(name = "0.2")]
    Two,
    #[value(name = "0.3")]
    Three,
}

/// A file in a report.
#[derive(Serialize)]
pub(super) struct FileRow {
    pub(super) path: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    /// Whether the file is a blob in the registry, and not a part of the component.
    pub(super) remote: bool,
}

impl FileRow {
    pub(super) fn of(file: &PackedFile) -> Self {
        Self {
            path: file.path.clone(),
            digest: file.identity.digest,
            size: file.identity.size,
            remote: file.range.is_none(),
        }
    }
}

#[derive(Serialize)]
struct AssetsReport {
    mount: String,
    content_digest: Digest,
    content_size: u64,
    /// The size without the files, in bytes.
    adapter_size: u64,
    directories: usize,
    distinct_files: usize,
    files: Vec<FileRow>,
}

impl Assets {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match (self.verb, self.pack) {
            (Some(Verb::Extract(extract)), _) => extract.run(context).await,
            (Some(Verb::BlobHttp(blob_http)), _) => blob_http.run(context).await,
            (None, Some(pack)) => pack.run(context).await,
            (None, None) => Err(Failure::usage("a directory is required")),
        }
    }
}

impl Pack {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        if self.wasi == Wasi::Three && self.application.is_some() {
            return Err(Failure::usage("--for is only for --wasi 0.2"));
        }
        let requirements = self.requirements().await?;
        self.check_output()?;
        let found = files::find(&self.directory)?;
        let out = BinaryOutput::open(&self.output, context.flags.json)?;
        let progress = Arc::clone(&context.progress);
        let output = self.output.clone();
        let write = move || self.write(found, &requirements, out, progress.as_ref());
        let report = blocking(write).await?;
        if output.as_os_str() == "-" {
            return Ok(());
        }
        output::print(context, &report, || report.text(&output))
    }

    async fn requirements(&self) -> Result<Requirements, Failure> {
        let Some(path) = &self.application else {
            return Ok(Requirements::any()?);
        };
        let stub = wit::stub(path).await?;
        let required = blocking(move || {
            let world = TargetWorld::of_component(&stub)?;
            Ok::<_, Failure>(Requirements::of_application(&world)?)
        });
        let name = format!("cannot serve {}", printable_path(path));
        required.await.map_err(|failure| failure.context(name))
    }

    /// Fails if the output is in the directory, because a second run would pack it.
    fn check_output(&self) -> Result<(), Failure> {
        let (Ok(directory), Ok(target)) = (
            self.directory.canonicalize(),
            parent(&self.output).canonicalize(),
        ) else {
            // The caller reports missing directories.
            return Ok(());
        };
        match self.output.as_os_str() != "-" && target.starts_with(directory) {
            true => {
                let output = printable_path(&self.output);
                Err(
                    Failure::usage(format!("{output} is in the directory of files"))
                        .hint(hints::OUTPUT_OUTSIDE),
                )
            }
            false => Ok(()),
        }
    }

    fn write(
        &self,
        found: FoundFiles,
        requirements: &Requirements,
        mut out: BinaryOutput,
        observer: &dyn Observer,
    ) -> Result<AssetsReport, Failure> {
        let hashed = files::hash(&self.directory, found, self.remote_above)?;
        let tree = Tree::new(&self.mount, hashed)?;
        let component = match self.wasi {
            Wasi::Two => wasi2::generate(&tree, requirements),
            Wasi::Three => wasi3::generate(&tree),
        };
        let plan = assemble::assemble(&component, &tree)?;
        observer.planned(plan.size);
        let mut hashed = HashingWriter::new(&mut out);
        self.copy(&tree, &plan, &mut hashed, observer)?;
        let identity = hashed.into_hasher().identity();
        out.finish()?;
        Ok(AssetsReport::of(&tree, identity))
    }

    fn copy(
        &self,
        tree: &Tree,
        plan: &Plan,
        out: &mut HashingWriter<'_>,
        observer: &dyn Observer,
    ) -> Result<(), Failure> {
        let mut paths = vec![PathBuf::new(); tree.contents.len()];
        for entry in &tree.entries {
            let content = entry.content();
            if let Some(path) = content.and_then(|index| paths.get_mut(index)) {
                *path = self.directory.join(&entry.path);
            }
        }
        for piece in &plan.pieces {
            let copied = match piece {
                Piece::Bytes(bytes) => {
                    let written = out.write_all(bytes);
                    written.with_context(|| text::unwritable(&self.output))?;
                    bytes.len() as u64
                }
                Piece::Content(index) => {
                    let content = &tree.contents[*index];
                    let (digest, size) = (content.digest, content.size);
                    copy_file(&paths[*index], Identity { digest, size }, out)?
                }
            };
            observer.moved(copied);
        }
        Ok(())
    }
}

fn copy_file(path: &Path, identity: Identity, out: &mut impl Write) -> Result<u64, Failure> {
    let file = File::open(path).with_context(|| text::unreadable(path))?;
    let mut reader = VerifyingReader::new(file, identity);
    let failed = || format!("cannot copy {}", printable_path(path));
    Ok(io::copy(&mut reader, out).with_context(failed)?)
}

impl AssetsReport {
    fn of(tree: &Tree, content: Identity) -> Self {
        let files = tree.entries.iter().filter_map(|entry| {
            let index = entry.content()?;
            let content = tree.content(index);
            Some(FileRow {
                path: entry.path.clone(),
                digest: content.digest,
                size: content.size,
                remote: index >= tree.contents.len(),
            })
        });
        let files: Vec<FileRow> = files.collect();
        let contents: u64 = tree.contents.iter().map(|content| content.size).sum();
        Self {
            mount: tree.mount.clone(),
            content_digest: content.digest,
            content_size: content.size,
            adapter_size: content.size - contents,
            directories: tree.entries.len() - files.len() - 1,
            distinct_files: tree.contents.len() + tree.remote.len(),
            files,
        }
    }

    fn text(&self, path: &Path) -> String {
        let size: u64 = self.files.iter().map(|file| file.size).sum();
        let remote = self.files.iter().filter(|file| file.remote).count();
        let remote = match remote {
            0 => String::new(),
            number => format!(", {number} remote"),
        };
        format!(
            "{}  {}, {}\n{} at {}: {}, {} distinct{remote}; {} without them",
            path.display(),
            text::size(self.content_size),
            self.content_digest,
            text::count(self.files.len() as u64, "file"),
            text::printable(&self.mount),
            text::size(size),
            self.distinct_files,
            text::size(self.adapter_size),
        )
    }
}
