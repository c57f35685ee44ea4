//! `wharf cat`

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use serde::Serialize;
use wharf::digest::Digest;
use wharf::error::Error;
use wharf::package::LocatedArtifact;
use wharf::pull::{self, PullSummary, RangeReader, RangeSummary};
use wharf::section;
use wharf::source::Source;

use super::arguments::{self, FileOrArtifact};
use super::failure::{Failure, blocking};
use super::input::{open_file, printable_path};
use super::output::BinaryOutput;
use super::settings::Context;
use super::transfer_summary::FetchedBlobs;
use super::{output, text};

/// Print bytes of a component, fetching only the layers that hold them
///
/// Prints the whole component, or the part with a section path. --range selects bytes of it. Layers in the cache are
/// read there. Layers of at most 1 MiB are fetched whole and checked. Of larger layers, wharf fetches only the needed
/// bytes, or frames of 8 MiB, if that saves half. These bytes cannot be checked, and a note says so.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf cat demo:calc@^1 | wasmtime run -
  wharf cat ghcr.io/me/calc:1.0 --section 'module[0]/data[0]/segment[2]' -o model.bin
  wharf cat ghcr.io/me/calc:1.0 --section 'custom[0]:.debug_info' --range 0-64 | xxd
  wharf cat oci:store:calc --range 8-
  wharf cat calc.wasm --section 'module[0]' -o core.wasm

`wharf inspect REF --json | jq '.layers[].path'` prints the section paths of the layers.")]
pub(crate) struct Cat {
    /// A file, a reference or a package
    #[arg(value_name = "FILE|REF")]
    what: String,
    /// Section path of a section, a data segment, a nested module or a nested component
    #[arg(long, value_name = "PATH")]
    section: Option<String>,
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

/// The selected bytes.
#[derive(Debug, Clone, Default)]
struct Selection {
    section: Option<String>,
    range: ByteRange,
}

impl Selection {
    /// Returns the range in a component of `size` bytes. `find` returns the range of a section path.
    fn resolve(
        &self,
        size: u64,
        find: impl FnOnce(&str) -> Result<Range<u64>, Error>,
    ) -> Result<Range<u64>, Failure> {
        let (part, name) = match &self.section {
            Some(path) => (find(path)?, format!("section `{path}`")),
            None => (0..size, "component".to_owned()),
        };
        let bytes = part.end - part.start;
        let ByteRange { start, end } = self.range;
        let end = end.unwrap_or(bytes);
        if start.max(end) > bytes {
            return Err(Failure::usage(format!(
                "the range reaches past the end of the {name}, which has {bytes} bytes"
            )));
        }
        Ok(part.start + start..part.start + end)
    }
}

/// The report of `cat`.
#[derive(Serialize)]
struct CatReport {
    reference: String,
    digest: Option<Digest>,
    section: Option<String>,
    /// The offset of the first byte in the component.
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
            section: self.section,
            range: self.range.unwrap_or_default(),
        };
        let report = match arguments::parse_file_or_artifact(&self.what)? {
            FileOrArtifact::File(path) => copy_file(&path, selection, out).await?,
            FileOrArtifact::Artifact(name) => {
                let located = arguments::open(context, name).await?;
                copy_stored(context, &located, selection, out).await?
            }
        };
        context.finish();
        if report.unchecked_bytes > 0 {
            eprintln!(
                "note: {} of larger layers were not checked, because a digest covers only a whole layer",
                text::size(report.unchecked_bytes)
            );
        }
        match self.output == Path::new("-") {
            true => Ok(()),
            false => output::print(context, &report, || report.text(&self.output)),
        }
    }
}

async fn copy_file(
    path: &Path,
    selection: Selection,
    mut out: BinaryOutput,
) -> Result<CatReport, Failure> {
    let reference = printable_path(path);
    let file = open_file(path)?;
    blocking(move || {
        let size = file.size().map_err(Error::Source)?;
        let find = |path: &str| Ok(section::find(&file, path)?);
        let range = selection.resolve(size, find)?;
        pull::copy_range(&file, range.clone(), &mut out)?;
        out.finish()?;
        Ok::<_, Failure>(CatReport {
            reference,
            digest: None,
            section: selection.section,
            offset: range.start,
            size: range.end - range.start,
            fetched: FetchedBlobs::default(),
            unchecked_bytes: 0,
            requests: 0,
        })
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
    let is_whole =
        selection.section.is_none() && selection.resolve(whole.end, |_| Ok(0..0))? == whole;
    let section = selection.section.clone();
    let (range, summary) = if is_whole {
        let (out, pulled) = pull::pull(store, opened, session, out).await?;
        out.finish()?;
        let unchecked_bytes = 0;
        let summary = RangeSummary {
            pulled,
            unchecked_bytes,
        };
        (whole, summary)
    } else {
        let reader = RangeReader::new(store, opened, session)?;
        blocking(move || copy_range(reader, &selection, whole.end, out)).await?
    };
    let PullSummary {
        fetched, cached, ..
    } = summary.pulled;
    let blobs = opened.layers().map(|layer| layer.blob.digest);
    context.remember(reference, blobs, fetched.blobs > 0)?;
    let mut counts = FetchedBlobs::default();
    counts.add(fetched, cached);
    Ok(CatReport {
        reference: reference.at(opened.digest).to_string(),
        digest: Some(opened.digest),
        section,
        offset: range.start,
        size: range.end - range.start,
        fetched: counts,
        unchecked_bytes: summary.unchecked_bytes,
        requests: context.progress.requests(),
    })
}

/// Copies the selected bytes of a stored component of `size` bytes. Blocks.
fn copy_range(
    reader: RangeReader,
    selection: &Selection,
    size: u64,
    mut out: BinaryOutput,
) -> Result<(Range<u64>, RangeSummary), Failure> {
    let range = selection.resolve(size, |path| reader.find(path))?;
    reader.copy(range.clone(), &mut out)?;
    out.finish()?;
    Ok((range, reader.into_summary()))
}

impl CatReport {
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
