//! `wharf cat`

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use serde::Serialize;
use wharf::digest::Digest;
use wharf::error::Error;
use wharf::package::LocatedArtifact;
use wharf::pull::{self, ComponentParts, LocalComponent, RangeReader};

use super::arguments::{self, FileOrArtifact};
use super::failure::{Failure, blocking};
use super::input::{open_file, printable_path};
use super::output::BinaryOutput;
use super::settings::Context;
use super::transfer_summary::FetchedBlobs;
use super::{output, text};

/// Print bytes of a component, fetching only the layers that hold them
///
/// Prints the whole component, the part with a section path, or a file of an assets component. --range selects bytes
/// of it. Layers in the cache are read there. Layers of at most 1 MiB are fetched whole and checked. Of larger
/// layers, wharf fetches only the needed bytes, or frames of 8 MiB, if that saves half. These bytes cannot be
/// checked, and a note says so.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf cat demo:calc@^1 | wasmtime run -
  wharf cat ghcr.io/me/calc:1.0 --section 'module[0]/data[0]/segment[2]' -o model.bin
  wharf cat ghcr.io/me/calc:1.0 --section 'custom[0]:.debug_info' --range 0-64 | xxd
  wharf cat oci:store:calc --range 8-
  wharf cat ghcr.io/me/site:1.0 --file css/site.css
  wharf cat calc.wasm --section 'module[0]' -o core.wasm

`wharf inspect REF --json | jq '.layers[].path'` prints the section paths of the layers.")]
pub(crate) struct Cat {
    /// A file, a reference or a package
    #[arg(value_name = "FILE|REF")]
    what: String,
    /// Section path of a section, a data segment, a nested module or a nested component
    #[arg(long, value_name = "PATH")]
    section: Option<String>,
    /// File of an assets component, relative to the packed directory
    #[arg(long, value_name = "PATH", conflicts_with = "section")]
    file: Option<String>,
    /// Bytes from A up to but not including B, counted from 0; `A-` means up to the end
    #[arg(long, value_name = "A-B")]
    range: Option<ByteRange>,
    /// Output file, or `-` for standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

/// A range of bytes. Without an end it reaches to the end of the part.
#[derive(Debug, Clone, Copy, Default)]
struct ByteRange {
    start: u64,
    end: Option<u64>,
}

impl FromStr for ByteRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| {
            let number = text.parse::<u64>();
            number.map_err(|_| format!("`{text}` is not a number of bytes"))
        };
        let (start, end) = text.split_once('-').ok_or("give A-B or A-")?;
        let range = Self {
            start: number(start)?,
            end: (!end.is_empty()).then(|| number(end)).transpose()?,
        };
        match range.end {
            Some(end) if end < range.start => Err(format!("{end} is before {}", range.start)),
            _ => Ok(range),
        }
    }
}

impl ByteRange {
    /// Returns the range in a part of the component. `name` is the name of the part.
    fn within(self, part: Range<u64>, name: &str) -> Result<Range<u64>, Failure> {
        let bytes = part.end - part.start;
        let end = self.end.unwrap_or(bytes);
        if self.start.max(end) > bytes {
            return Err(Failure::usage(format!(
                "the range reaches past the end of the {name}, which has {bytes} bytes"
            )));
        }
        Ok(part.start + self.start..part.start + end)
    }
}

/// The selected bytes.
#[derive(Debug, Clone)]
struct Selection {
    part: Part,
    range: ByteRange,
}

#[derive(Debug, Clone)]
enum Part {
    Component,
    Section(String),
    File(String),
}

/// The bytes that were written.
struct Copied {
    /// Their range in the component, or in the remote file.
    range: Range<u64>,
    unchecked_bytes: u64,
}

impl Selection {
    /// Writes the selected bytes of a component. Blocks.
    fn copy(
        &self,
        component: &dyn ComponentParts,
        mut out: BinaryOutput,
    ) -> Result<Copied, Failure> {
        let (part, name, file) = match &self.part {
            Part::Component => (0..component.size()?, "component".to_owned(), None),
            Part::Section(path) => (component.find(path)?, format!("section `{path}`"), None),
            Part::File(path) => {
                let file = pull::packed_files(component)?.file(path);
                let file = file.map_err(Error::from)?;
                let range = file.range.clone().unwrap_or(0..file.identity.size);
                (range, format!("file `{path}`"), Some(file))
            }
        };
        let unchecked_before = component.unchecked_bytes();
        let range = self.range.within(part.clone(), &name)?;
        let is_whole_file = file.is_some() && range == part;
        match file {
            Some(file) if is_whole_file => pull::copy_file(component, &file, &mut out)?,
            Some(file) if file.range.is_none() => {
                component.copy_remote(&file, range.clone(), &mut out)?;
            }
            _ => component.copy(range.clone(), &mut out)?,
        }
        out.finish()?;
        Ok(Copied {
            range,
            // The digest in a checked list covers the whole file.
            unchecked_bytes: match (is_whole_file, unchecked_before) {
                (true, 0) => 0,
                _ => component.unchecked_bytes(),
            },
        })
    }
}

/// The report of `cat`.
#[derive(Serialize)]
struct CatReport {
    reference: String,
    digest: Option<Digest>,
    section: Option<String>,
    file: Option<String>,
    /// The offset of the first byte in the component, or in the remote file.
    offset: u64,
    size: u64,
    #[serde(flatten)]
    fetched: FetchedBlobs,
    unchecked_bytes: u64,
    requests: u64,
}

impl Cat {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        // An output that cannot be written fails before any request.
        let out = BinaryOutput::open(&self.output, context.flags.json)?;
        let selection = Selection {
            part: match (self.section, self.file) {
                (Some(path), _) => Part::Section(path),
                (None, Some(path)) => Part::File(path),
                (None, None) => Part::Component,
            },
            range: self.range.unwrap_or_default(),
        };
        let report = match arguments::parse_file_or_artifact(&self.what)? {
            FileOrArtifact::File(path) => copy_local(&path, selection, out).await?,
            FileOrArtifact::Artifact(name) => {
                let located = arguments::open(context, name).await?;
                copy_stored(context, &located, selection, out).await?
            }
        };
        context.finish();
        note_unchecked(report.unchecked_bytes);
        match self.output == Path::new("-") {
            true => Ok(()),
            false => output::print(context, &report, || report.text(&self.output)),
        }
    }
}

async fn copy_local(
    path: &Path,
    selection: Selection,
    out: BinaryOutput,
) -> Result<CatReport, Failure> {
    let reference = printable_path(path);
    let file = open_file(path)?;
    blocking(move || {
        let copied = selection.copy(&LocalComponent(file), out)?;
        let fetched = FetchedBlobs::default();
        Ok::<_, Failure>(CatReport::of(reference, None, selection, copied, fetched))
    })
    .await
}

async fn copy_stored(
    context: &Context,
    located: &LocatedArtifact,
    selection: Selection,
    out: BinaryOutput,
) -> Result<CatReport, Failure> {
    let LocatedArtifact {
        reference,
        store,
        opened,
    } = located;
    let session = context.session()?;
    let whole = 0..opened.content().size;
    let is_whole = matches!(selection.part, Part::Component)
        && selection.range.within(whole.clone(), "component")? == whole;
    let (copied, pulled) = if is_whole {
        let (out, pulled) = pull::pull(store, opened, session, out).await?;
        out.finish()?;
        let copied = Copied {
            range: whole,
            unchecked_bytes: 0,
        };
        (copied, pulled)
    } else {
        let reader = RangeReader::new(store, opened, session)?;
        let selection = selection.clone();
        let copy = move || {
            let copied = selection.copy(&reader, out)?;
            Ok::<_, Failure>((copied, reader.into_summary().pulled))
        };
        blocking(copy).await?
    };
    let blobs = opened.layers().map(|layer| layer.blob.digest);
    context.remember(reference, blobs, pulled.fetched.blobs > 0)?;
    let mut fetched = FetchedBlobs::default();
    fetched.add(pulled.fetched, pulled.cached);
    let name = reference.at(opened.digest).to_string();
    let mut report = CatReport::of(name, Some(opened.digest), selection, copied, fetched);
    report.requests = context.progress.requests();
    Ok(report)
}

/// Prints a note if bytes were not checked.
pub(crate) fn note_unchecked(bytes: u64) {
    if bytes > 0 {
        eprintln!(
            "note: {} were not checked, because a digest covers only a whole layer or remote file",
            text::size(bytes)
        );
    }
}

impl CatReport {
    fn of(
        reference: String,
        digest: Option<Digest>,
        selection: Selection,
        copied: Copied,
        fetched: FetchedBlobs,
    ) -> Self {
        let (section, file) = match selection.part {
            Part::Component => (None, None),
            Part::Section(path) => (Some(path), None),
            Part::File(path) => (None, Some(path)),
        };
        Self {
            reference,
            digest,
            section,
            file,
            offset: copied.range.start,
            size: copied.range.end - copied.range.start,
            fetched,
            unchecked_bytes: copied.unchecked_bytes,
            requests: 0,
        }
    }

    fn text(&self, path: &Path) -> String {
        format!(
            "{}  {}, bytes {}-{} of {}\n{}",
            path.display(),
            text::size(self.size),
            self.offset,
            self.offset + self.size,
            self.reference,
            self.fetched.text(),
        )
    }
}
