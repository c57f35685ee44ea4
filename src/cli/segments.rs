//! Data segments and the instructions that read them, for `wharf inspect --segments`.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context as _;
use serde::{Serialize, Serializer};
use wharf::error::Error;
use wharf::package::LocatedArtifact;
use wharf::pull::PullSummary;
use wharf::segment::{self, Mode, Module, Segment, SegmentReader};
use wharf::source::Source;

use super::component_input::fetch_to_file;
use super::failure::{Failure, blocking};
use super::settings::Context;
use super::text::{self, unreadable};

/// The number of instructions that the text shows for each segment.
const SHOWN_READERS: usize = 8;

/// The data segments of an `inspect` report. Everything is null without `--segments`.
#[derive(Default, Serialize)]
pub(crate) struct SegmentsReport {
    segments: Option<Rows>,
    segments_unread: Option<Vec<UnreadRow>>,
}

/// The core modules of a file, written as one row per segment. Rows are made while they are written, because there may
/// be very many.
struct Rows(Vec<Module>);

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.0.iter().flat_map(|module| {
            let rows = module.segments.iter();
            rows.map(|segment| row(path_of(module), segment))
        });
        serializer.collect_seq(rows)
    }
}

#[derive(Serialize)]
struct SegmentRow<'a> {
    /// `None` if the file itself is the core module.
    module: Option<&'a str>,
    index: u32,
    size: u64,
    offset: u64,
    kind: &'static str,
    memory: Option<u32>,
    address: Option<u64>,
    readers: Readers<'a>,
    verdict: &'static str,
}

/// The instructions that name a segment.
struct Readers<'a>(&'a [SegmentReader]);

impl Serialize for Readers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|reader| ReaderRow {
            function: reader.function,
            offset: reader.offset,
            instruction: reader.instruction.as_str(),
        }))
    }
}

#[derive(Serialize)]
struct ReaderRow {
    function: u32,
    offset: u64,
    instruction: &'static str,
}

#[derive(Serialize)]
struct UnreadRow {
    module: Option<String>,
    reason: String,
}

/// Reads the segments of a file.
pub(crate) async fn of_file(path: &Path) -> Result<SegmentsReport, Failure> {
    let file = File::open(path).with_context(|| unreadable(path))?;
    read(file).await
}

/// Fetches a component into a temporary file and reads its segments. Also returns the fetched and cached blobs.
pub(crate) async fn of_stored(
    context: &Context,
    located: &LocatedArtifact,
) -> Result<(SegmentsReport, PullSummary), Failure> {
    let (file, pulled) = fetch_to_file(context, located).await?;
    Ok((read(file).await?, pulled))
}

async fn read(source: impl Source + Send + 'static) -> Result<SegmentsReport, Failure> {
    let segments = blocking(move || segment::read(&source).map_err(Error::from)).await?;
    Ok(SegmentsReport::of(segments))
}

impl SegmentsReport {
    fn of(segments: segment::Segments) -> Self {
        let modules = segments.modules.iter();
        let inside = modules.filter_map(|module| Some((path_of(module), module.unread.as_ref()?)));
        let around = segments.unread.iter().map(|unread| (None, unread));
        let unread = around.chain(inside).map(|(module, reason)| UnreadRow {
            module: module.map(str::to_owned),
            reason: reason.to_string(),
        });
        Self {
            segments_unread: Some(unread.collect()),
            segments: Some(Rows(segments.modules)),
        }
    }

    /// Writes the text, which begins with an empty line. Without `--segments` there is no text.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let (Some(Rows(modules)), Some(unread)) = (&self.segments, &self.segments_unread) else {
            return Ok(());
        };
        writeln!(out)?;
        for UnreadRow { module, reason } in unread {
            let module = module.as_deref().unwrap_or("the file");
            let reason = text::printable(reason);
            writeln!(out, "{module} was not read completely: {reason}")?;
        }
        let modules = modules.iter();
        let mut modules = modules.filter(|module| !module.segments.is_empty());
        let Some(first) = modules.next() else {
            return writeln!(out, "no data segments");
        };
        write_table(first, out)?;
        modules.try_for_each(|module| write_table(module, out))
    }

    /// Returns whether it was asked.
    pub(crate) fn is_asked(&self) -> bool {
        self.segments.is_some()
    }
}

fn row<'a>(module: Option<&'a str>, segment: &'a Segment) -> SegmentRow<'a> {
    let (kind, memory, address) = match segment.mode {
        Mode::Active { memory, address } => ("active", Some(memory), address),
        Mode::Passive => ("passive", None, None),
    };
    SegmentRow {
        module,
        index: segment.index,
        size: segment.init.end - segment.init.start,
        offset: segment.init.start,
        kind,
        memory,
        address,
        readers: Readers(&segment.readers),
        verdict: segment.verdict.as_str(),
    }
}

fn path_of(module: &Module) -> Option<&str> {
    Some(module.path.as_str()).filter(|path| !path.is_empty())
}

/// Writes the table of one module. The instructions that name a segment follow it.
fn write_table(module: &Module, out: &mut dyn Write) -> io::Result<()> {
    let path = path_of(module);
    let head = [
        path.unwrap_or("segments"),
        "size",
        "readers",
        "kind",
        "verdict",
    ];
    let segments = module.segments.iter();
    let rows = segments.flat_map(|segment| lines(&row(path, segment)));
    let head = head.map(str::to_owned).to_vec();
    text::write_table(out, std::iter::once(head).chain(rows))
}

/// Returns the row of a segment, then those of the instructions that name it.
fn lines(row: &SegmentRow<'_>) -> Vec<Vec<String>> {
    let Readers(readers) = row.readers;
    let mut lines = vec![vec![
        format!("  segment[{}]", row.index),
        text::size(row.size),
        readers.len().to_string(),
        kind(row),
        row.verdict.to_owned(),
    ]];
    for reader in readers.iter().take(SHOWN_READERS) {
        lines.push(vec![format!(
            "    {} in function {} at {}",
            reader.instruction.as_str(),
            reader.function,
            reader.offset
        )]);
    }
    if let Some(more @ 1..) = readers.len().checked_sub(SHOWN_READERS) {
        lines.push(vec![format!("    and {more} more; --json lists them")]);
    }
    lines
}

fn kind(row: &SegmentRow<'_>) -> String {
    match (row.memory, row.address) {
        (None, _) => row.kind.to_owned(),
        (Some(memory), Some(address)) => format!("{} at {address} of memory {memory}", row.kind),
        (Some(memory), None) => format!("{} in memory {memory}", row.kind),
    }
}
