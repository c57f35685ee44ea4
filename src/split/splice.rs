//! Splicing: the runs in a row, checked layer by layer and as a whole.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::thread;

use super::{Recipe, RecipeLayer, Run, TileError};
use crate::digest::{Hasher, Identity, Mismatch};
use crate::pipe::{BUFFER_BYTES, Drainer, Filler, Relay, pipe};

/// Why splicing failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The recipe does not describe a component.
    #[error("the layers do not tile the component")]
    Tiling(#[from] TileError),
    /// A layer could not be opened, read or decoded, or its size is wrong.
    #[error("reading {}", part(*layer))]
    Layer {
        /// The section layer, or none for the root.
        layer: Option<usize>,
        /// The cause. If a checking reader found other bytes, it carries their identity.
        source: io::Error,
    },
    /// A layer's content has another digest than expected.
    #[error("the content of {} does not match its digest", part(*layer))]
    Content {
        /// The section layer, or none for the root.
        layer: Option<usize>,
        /// The expected and the actual identity.
        source: Mismatch,
    },
    /// All parts were correct, but the whole is not.
    #[error("the spliced component does not match its digest")]
    Whole(#[source] Mismatch),
    /// The output could not be written.
    #[error("writing the component")]
    Write(#[source] io::Error),
}

fn part(layer: Option<usize>) -> String {
    match layer {
        Some(index) => format!("layers[{}]", index + 1),
        None => "layers[0] (the root)".to_owned(),
    }
}

/// Writes the component that `recipe` describes to `output`.
///
/// `open` returns the decoded content of a section layer, or of the root for `None`. It is called once for each,
/// when its first byte is needed. The calling thread reads and decodes the parts, a second one checks them, and a third
/// one checks the whole and writes it. After an error, `output` may have a prefix of the component.
pub fn splice<R: Read>(
    recipe: &Recipe,
    mut open: impl FnMut(Option<usize>) -> io::Result<R>,
    output: &mut (dyn Write + Send),
) -> Result<(), Error> {
    recipe.check_tiling()?;
    let (filler, relay, drainer) = pipe();
    thread::scope(|scope| {
        let writer = scope.spawn(move || write(&drainer, output));
        let checker = scope.spawn(move || check_parts(recipe, relay));
        let read = read_runs(recipe, &mut open, filler);
        let checked = checker.join();
        let hasher = match writer.join() {
            Ok(written) => written.map_err(Error::Write)?,
            Err(_) => return Err(Error::Write(io::Error::other("writing panicked"))),
        };
        let Ok(checked) = checked else {
            return Err(Error::Write(io::Error::other("checking panicked")));
        };
        match (read, checked) {
            // The bytes are wrong because they could not be decoded.
            (Err(read @ Error::Layer { layer, .. }), Err(Error::Content { layer: wrong, .. }))
                if layer == wrong =>
            {
                return Err(read);
            }
            // The checker is behind the reader, so its error concerns an earlier layer.
            (read, checked) => checked.and(read)?,
        }
        hasher.check(recipe.content).map_err(Error::Whole)
    })
}

fn write(drainer: &Drainer, output: &mut (dyn Write + Send)) -> io::Result<Hasher> {
    let mut hasher = Hasher::new();
    drainer.drain(|bytes| {
        hasher.update(bytes);
        output.write_all(bytes)
    })?;
    output.flush()?;
    Ok(hasher)
}

/// Checks the digest of each part. If reading or writing stops early, that thread reports the error.
fn check_parts(recipe: &Recipe, relay: Relay) -> Result<(), Error> {
    let mut root = PartHasher::new(None, recipe.root);
    for run in recipe.runs() {
        match run {
            Run::Root(range) => {
                if root.update(range, &relay).is_none() {
                    return Ok(());
                }
            }
            Run::Layer(index, range) => {
                let mut layer = PartHasher::new(Some(index), recipe.layers[index]);
                if layer.update(range, &relay).is_none() {
                    return Ok(());
                }
                layer.check()?;
            }
        }
    }
    // If the layers cover the whole component, the root is empty. It is still checked.
    root.check()
}

/// Checks the digest of a part, if it is known.
struct PartHasher {
    layer: Option<usize>,
    /// The expected identity, and the hasher.
    check: Option<(Identity, Hasher)>,
}

impl PartHasher {
    fn new(layer: Option<usize>, part: RecipeLayer) -> Self {
        let size = part.size;
        let identity = part.digest.map(|digest| Identity { digest, size });
        Self {
            layer,
            check: identity.map(|identity| (identity, Hasher::new())),
        }
    }

    fn update(&mut self, range: Range<u64>, relay: &Relay) -> Option<()> {
        relay.pass(range.end - range.start, |bytes| {
            if let Some((_, hasher)) = &mut self.check {
                hasher.update(bytes);
            }
        })
    }

    fn check(self) -> Result<(), Error> {
        let Some((expected, hasher)) = self.check else {
            return Ok(());
        };
        let layer = self.layer;
        let checked = hasher.check(expected);
        checked.map_err(|source| Error::Content { layer, source })
    }
}

fn read_runs<R: Read>(
    recipe: &Recipe,
    open: &mut impl FnMut(Option<usize>) -> io::Result<R>,
    filler: Filler,
) -> Result<(), Error> {
    let mut root: Option<SplicePart<R>> = None;
    for run in recipe.runs() {
        let outcome = match run {
            Run::Root(range) => {
                let part = match &mut root {
                    Some(part) => part,
                    None => root.insert(SplicePart::open(None, open)?),
                };
                part.read(range.end - range.start, &filler)?
            }
            Run::Layer(index, range) => {
                let mut part = SplicePart::open(Some(index), open)?;
                let outcome = part.read(range.end - range.start, &filler)?;
                if outcome == SpliceOutcome::Read {
                    part.finish()?;
                }
                outcome
            }
        };
        if outcome == SpliceOutcome::CheckerGone {
            return Ok(());
        }
    }
    match root {
        Some(part) => part.finish(),
        // If the layers cover the whole component, the root must be empty.
        None => SplicePart::open(None, open)?.finish(),
    }
}

#[derive(PartialEq, Eq)]
enum SpliceOutcome {
    Read,
    /// The checker or the writer failed and reports its own error.
    CheckerGone,
}

struct SplicePart<R> {
    layer: Option<usize>,
    content: R,
}

impl<R: Read> SplicePart<R> {
    fn open(
        layer: Option<usize>,
        open: &mut impl FnMut(Option<usize>) -> io::Result<R>,
    ) -> Result<Self, Error> {
        let content = open(layer).map_err(|source| Error::Layer { layer, source })?;
        Ok(Self { layer, content })
    }

    fn read(&mut self, mut left: u64, filler: &Filler) -> Result<SpliceOutcome, Error> {
        while left > 0 {
            let Some(mut buffer) = filler.buffer() else {
                return Ok(SpliceOutcome::CheckerGone);
            };
            let wanted = BUFFER_BYTES.min(usize::try_from(left).unwrap_or(usize::MAX));
            self.content
                .read_exact(&mut buffer[..wanted])
                .map_err(|source| self.failed(source))?;
            left -= wanted as u64;
            if filler.send(buffer, wanted).is_none() {
                return Ok(SpliceOutcome::CheckerGone);
            }
        }
        Ok(SpliceOutcome::Read)
    }

    fn failed(&self, source: io::Error) -> Error {
        let layer = self.layer;
        Error::Layer { layer, source }
    }

    /// Checks that the content ends here.
    fn finish(mut self) -> Result<(), Error> {
        let trailing = io::copy(&mut (&mut self.content).take(1), &mut io::sink());
        match trailing.map_err(|source| self.failed(source))? {
            0 => Ok(()),
            _ => {
                let source = io::Error::new(io::ErrorKind::InvalidData, "bytes after its end");
                Err(self.failed(source))
            }
        }
    }
}

#[cfg(test)]
mod tests;
