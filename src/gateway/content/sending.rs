//! One body on its way to one client: pieces read from files at the client's pace.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;

use super::flight::{Flight, Ready};
use super::kept::Place;
use super::route::{Framing, Kind, Route};
use super::{Component, Contents, Form};
use crate::digest::Hasher;
use crate::encoding::{FRAME_BYTES, append_frame, append_raw_frame};
use crate::error;
use crate::source::Source as _;
use crate::store::{Error, blocking};

/// The most bytes of a piece.
const PIECE_BYTES: usize = 256 * 1024;

/// A body being sent.
pub(super) struct Sending {
    contents: Arc<Contents>,
    component: Component,
    route: Route,
    /// By source, while there is need of it.
    flights: Vec<Option<Followed>>,
    /// So many sources were begun.
    begun: usize,
    /// The step under way; behind the last one all was sent.
    step: usize,
    /// Where in its source it is.
    at: u64,
    /// Over all that was sent, where it has to come out as the component.
    hasher: Option<Hasher>,
}

struct Followed {
    flight: Arc<Flight>,
    /// With our rights, not with those of somebody else.
    is_ours: bool,
}

/// Bytes of a file that go out together.
struct Cut {
    file: Arc<File>,
    at: u64,
    length: usize,
    framing: Framing,
}

impl Sending {
    pub(super) fn new(contents: Arc<Contents>, component: Component, form: &Form) -> Self {
        let route = Route::new(&component.manifest, form);
        let is_hashed = *form == Form::Whole && !contents.is_proven(&component.manifest);
        Self {
            flights: route.sources.iter().map(|_| None).collect(),
            at: route.steps.first().map_or(0, |step| step.range.start),
            contents,
            component,
            route,
            begun: 0,
            step: 0,
            hasher: is_hashed.then(Hasher::new),
        }
    }

    /// Returns the next piece, or nothing when all was sent.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let mut cuts = Vec::new();
        let mut room = PIECE_BYTES;
        while self.step < self.route.steps.len() {
            let framing = self.route.steps[self.step].framing;
            let cost = match framing {
                Framing::AsIs => 0,
                Framing::Compressed | Framing::Raw => FRAME_BYTES,
            };
            if room <= cost {
                break;
            }
            let ready = match cuts.is_empty() {
                true => self.ready().await?,
                // What is not there yet, or never will be, is for the next piece.
                false => match self.look().now_or_never() {
                    Some(Ok(ready)) => ready,
                    Some(Err(_)) | None => break,
                },
            };
            let end = ready.end.min(self.route.steps[self.step].range.end);
            let length = (room - cost).min(usize::try_from(end - self.at).unwrap_or(usize::MAX));
            cuts.push(Cut {
                file: ready.landed.file,
                at: self.at - ready.landed.base,
                length,
                framing,
            });
            room -= cost + length;
            self.advance(length as u64);
        }
        self.piece(cuts).await
    }

    /// Waits until the next byte may go out.
    async fn ready(&mut self) -> Result<Ready, Error> {
        loop {
            let failed = match self.look().await {
                Ok(ready) => return Ok(ready),
                Err(failed) => failed,
            };
            let source = self.route.steps[self.step].source;
            let is_ours = self.flights[source]
                .as_ref()
                .is_some_and(|followed| followed.is_ours);
            // Bytes of one flight are never followed by those of another: each vouches for its own.
            let is_untouched = self.at == self.route.sources[source].begin;
            if is_ours || !is_untouched || !is_about_rights(&failed) {
                return Err(failed);
            }
            // What others are refused may be ours.
            self.flights[source] = None;
        }
    }

    async fn look(&mut self) -> Result<Ready, Error> {
        let source = self.route.steps[self.step].source;
        // The next ones are begun as well, in their order.
        let ahead = source.saturating_add(self.contents.look_ahead);
        while self.begun < self.route.sources.len() && self.begun <= ahead {
            self.begin(self.begun);
            self.begun += 1;
        }
        let flight = match &self.flights[source] {
            Some(followed) => Arc::clone(&followed.flight),
            None => self.begin(source),
        };
        let end = self.route.sources[source].end;
        flight.ready(self.at, end).await
    }

    fn begin(&mut self, source: usize) -> Arc<Flight> {
        let kind = &self.route.sources[source].kind;
        let (flight, is_ours) = self.contents.follow(&self.component, kind);
        self.flights[source] = Some(Followed {
            flight: Arc::clone(&flight),
            is_ours,
        });
        flight
    }

    fn advance(&mut self, bytes: u64) {
        self.at += bytes;
        let step = &self.route.steps[self.step];
        if self.at < step.range.end {
            return;
        }
        if self.route.sources[step.source].last == self.step {
            self.flights[step.source] = None;
        }
        self.step += 1;
        if let Some(next) = self.route.steps.get(self.step) {
            self.at = next.range.start;
        }
    }

    /// Reads what goes out together. The last piece of a whole is not given before the whole was found right.
    async fn piece(&mut self, cuts: Vec<Cut>) -> Result<Option<Bytes>, Error> {
        let is_empty = cuts.is_empty();
        if self.hasher.is_some() && self.contents.is_proven(&self.component.manifest) {
            self.hasher = None;
        }
        let hasher = self.hasher.take();
        if is_empty && hasher.is_none() {
            return Ok(None);
        }
        let directory = self.contents.kept.ingest(Place::Decoded).to_owned();
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
        let is_last = self.step == self.route.steps.len();
        match hasher {
            Some(hasher) if is_last => self.check(hasher)?,
            hasher => self.hasher = hasher,
        }
        Ok((!is_empty).then(|| Bytes::from(buffer)))
    }

    fn check(&self, hasher: Hasher) -> Result<(), Error> {
        let manifest = &self.component.manifest;
        match hasher.check(manifest.content) {
            Ok(()) => {
                self.contents.prove(manifest);
                Ok(())
            }
            Err(mismatch) => {
                // All layers were right: the manifest lies, or a file was changed under us.
                doubt(&self.contents, &self.route);
                Err(Error::Corrupt {
                    what: format!("component {}", manifest.content.digest),
                    location: self.component.store.location(),
                    source: Box::new(mismatch),
                })
            }
        }
    }
}

/// Whether somebody else might have fared better.
pub(super) fn is_about_rights(error: &Error) -> bool {
    matches!(error.kind(), error::Kind::Refused | error::Kind::NotFound)
}

/// Has all files of a component checked again.
fn doubt(contents: &Contents, route: &Route) {
    for source in &route.sources {
        match &source.kind {
            Kind::Blob(blob) | Kind::Part { blob, .. } => {
                contents.kept.doubt(Place::Blobs, &blob.digest);
            }
            Kind::Content { content, .. } => {
                contents.kept.doubt(Place::Decoded, &content.digest);
            }
        }
    }
}

/// Reads cuts one after the other, framed as they have to be. Blocks.
fn read(cuts: &[Cut], bytes: &mut Vec<u8>) -> io::Result<()> {
    let length = |cut: &Cut| match cut.framing {
        Framing::AsIs => cut.length,
        Framing::Compressed | Framing::Raw => cut.length + FRAME_BYTES,
    };
    bytes.reserve(cuts.iter().map(length).sum());
    let mut content = Vec::new();
    for cut in cuts {
        match cut.framing {
            Framing::AsIs => append(cut, bytes)?,
            framing => {
                content.clear();
                append(cut, &mut content)?;
                match framing {
                    Framing::Compressed => append_frame(&content, bytes)?,
                    Framing::AsIs | Framing::Raw => append_raw_frame(&content, bytes),
                }
            }
        }
    }
    Ok(())
}

fn append(cut: &Cut, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut filled = bytes.len();
    bytes.resize(filled + cut.length, 0);
    let start = filled;
    while filled < bytes.len() {
        let at = cut.at + (filled - start) as u64;
        match cut.file.read_at(at, &mut bytes[filled..]) {
            // Somebody cut the file.
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
