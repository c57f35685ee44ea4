//! The body of one response: reads pieces from files at the client's pace.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use futures_util::FutureExt;

use super::buffers::Buffer;
use super::plan::{BodyPlan, BodySource, Framing};
use super::{BodyForm, Component, Contents};
use crate::content::{Arrival, ReadableBytes, is_about_rights};
use crate::digest::Hasher;
use crate::encoding::{FRAME_BYTES, append_frame, append_raw_frame};
use crate::source::RangesReader;
use crate::store::{Error, Subject, blocking};

/// The maximum size of a piece, in bytes.
const PIECE_BYTES: usize = 256 * 1024;

pub(super) struct Body {
    contents: Arc<Contents>,
    component: Component,
    plan: BodyPlan,
    /// The arrival of each source while it is needed, and whether it was started with this client's rights.
    arrivals: Vec<Option<(Arc<Arrival>, bool)>>,
    /// The number of sources started.
    begun: usize,
    /// The current step. After the last one the body is complete.
    step: usize,
    /// The offset in the current source.
    at: u64,
    /// Hashes the bytes sent, if the whole component has to be checked.
    hasher: Option<Hasher>,
}

/// Bytes of a file that are sent together.
struct FileSlice {
    file: Arc<File>,
    at: u64,
    length: usize,
    framing: Framing,
}

impl Body {
    pub(super) fn new(
        contents: Arc<Contents>,
        component: Component,
        form: &BodyForm,
        plan: BodyPlan,
    ) -> Self {
        let is_hashed = *form == BodyForm::Whole && !contents.is_verified(&component.manifest);
        Self {
            arrivals: plan.sources.iter().map(|_| None).collect(),
            at: plan.steps.first().map_or(0, |step| step.range.start),
            contents,
            component,
            plan,
            begun: 0,
            step: 0,
            hasher: is_hashed.then(Hasher::new),
        }
    }

    /// Returns the next piece, or nothing at the end. The piece counts as a read in flight until it is converted to
    /// `Bytes`.
    pub(super) async fn next(&mut self) -> Result<Option<Buffer>, Error> {
        let mut cuts = Vec::new();
        let mut room = PIECE_BYTES;
        while self.step < self.plan.steps.len() {
            let framing = self.plan.steps[self.step].framing;
            let cost = match framing {
                Framing::AsIs => 0,
                Framing::Compressed | Framing::Raw => FRAME_BYTES,
            };
            if room <= cost {
                break;
            }
            let ready = match cuts.is_empty() {
                true => self.ready().await?,
                // The next piece waits for missing bytes and reports failures.
                false => match self.await_arrival().now_or_never() {
                    Some(Ok(ready)) => ready,
                    Some(Err(_)) | None => break,
                },
            };
            let end = ready.end.min(self.plan.steps[self.step].range.end);
            let length = (room - cost).min(usize::try_from(end - self.at).unwrap_or(usize::MAX));
            cuts.push(FileSlice {
                file: ready.part.file,
                at: self.at - ready.part.base,
                length,
                framing,
            });
            room -= cost + length;
            self.advance(length as u64);
        }
        self.piece(cuts).await
    }

    /// Waits until the next byte may be sent.
    async fn ready(&mut self) -> Result<ReadableBytes, Error> {
        loop {
            let failed = match self.await_arrival().await {
                Ok(ready) => return Ok(ready),
                Err(failed) => failed,
            };
            let source = self.plan.steps[self.step].source;
            let is_own = matches!(self.arrivals[source], Some((_, true)));
            // Bytes of two arrivals must not be mixed, because each arrival verifies only its own bytes.
            let is_untouched = self.at == self.plan.sources[source].begin;
            if is_own || !is_untouched || !is_about_rights(&failed) {
                return Err(failed);
            }
            // The client that started the fetch was refused. This client may have more rights.
            self.arrivals[source] = None;
        }
    }

    async fn await_arrival(&mut self) -> Result<ReadableBytes, Error> {
        let source = self.plan.steps[self.step].source;
        // Start the next sources too, in order.
        let ahead = source.saturating_add(self.contents.look_ahead);
        while self.begun < self.plan.sources.len() && self.begun <= ahead {
            self.start_source(self.begun);
            self.begun += 1;
        }
        let arrival = match &self.arrivals[source] {
            Some((arrival, _)) => Arc::clone(arrival),
            None => self.start_source(source),
        };
        let end = self.plan.sources[source].end;
        arrival.ready(self.at, end).await
    }

    fn start_source(&mut self, source: usize) -> Arc<Arrival> {
        let engine = &self.contents.engine;
        let BodySource { wanted, part, .. } = &self.plan.sources[source];
        let (arrival, is_own) = match part {
            Some(part) => {
                let arrival = engine.part(&self.component.origin, *wanted, part.clone());
                (arrival, true)
            }
            None => engine.follow(&self.component.origin, *wanted),
        };
        self.arrivals[source] = Some((Arc::clone(&arrival), is_own));
        arrival
    }

    fn advance(&mut self, bytes: u64) {
        self.at += bytes;
        let step = &self.plan.steps[self.step];
        if self.at < step.range.end {
            return;
        }
        if self.plan.sources[step.source].last == self.step {
            self.arrivals[step.source] = None;
        }
        self.step += 1;
        if let Some(next) = self.plan.steps.get(self.step) {
            self.at = next.range.start;
        }
    }

    /// Reads a piece. The last piece of a whole component is returned only if the component's digest is right.
    async fn piece(&mut self, cuts: Vec<FileSlice>) -> Result<Option<Buffer>, Error> {
        let is_empty = cuts.is_empty();
        if self.hasher.is_some() && self.contents.is_verified(&self.component.manifest) {
            self.hasher = None;
        }
        let hasher = self.hasher.take();
        if is_empty && hasher.is_none() {
            return Ok(None);
        }
        let directory = self.contents.engine.directory().to_owned();
        let mut buffer = self.contents.buffers.take().await?;
        let (buffer, hasher) = blocking(move || {
            read(&cuts, &mut buffer.bytes).map_err(Error::file(&directory))?;
            let hasher = hasher.map(|mut hasher| {
                hasher.update(&buffer.bytes);
                hasher
            });
            Ok::<_, Error>((buffer, hasher))
        })
        .await?;
        let is_last = self.step == self.plan.steps.len();
        match hasher {
            Some(hasher) if is_last => self.check(hasher)?,
            hasher => self.hasher = hasher,
        }
        Ok((!is_empty).then_some(buffer))
    }

    fn check(&self, hasher: Hasher) -> Result<(), Error> {
        let manifest = &self.component.manifest;
        match hasher.check(manifest.content) {
            Ok(()) => {
                self.contents.mark_verified(manifest);
                Ok(())
            }
            Err(mismatch) => {
                // All layers were right, so the manifest is wrong or a file was changed during the read.
                for source in &self.plan.sources {
                    self.contents.engine.recheck(&source.wanted);
                }
                let what = Subject::Other(format!("component {}", manifest.content.digest));
                let store = self.component.origin.store.as_ref();
                Err(Error::corrupt(store, what, mismatch))
            }
        }
    }
}

/// Reads the cuts in order, with their framing. Blocks.
fn read(cuts: &[FileSlice], bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut content = Vec::new();
    for cut in cuts {
        content.clear();
        match cut.framing {
            Framing::AsIs => append(cut, bytes)?,
            Framing::Compressed => {
                append(cut, &mut content)?;
                append_frame(&content, bytes)?;
            }
            Framing::Raw => {
                append(cut, &mut content)?;
                append_raw_frame(&content, bytes);
            }
        }
    }
    Ok(())
}

fn append(cut: &FileSlice, bytes: &mut Vec<u8>) -> io::Result<()> {
    let filled = bytes.len();
    bytes.resize(filled + cut.length, 0);
    let range = cut.at..cut.at + cut.length as u64;
    RangesReader::new(cut.file.as_ref(), [range]).read_exact(&mut bytes[filled..])
}
