//! Results: lines on standard output, and files that appear complete or not at all.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;
use wharf::digest::{Hasher, Identity};
use wharf::error::Kind;
use wharf::pull::Output;
use wharf::store::spool::{Spool, parent, through_links};

use super::failure::{Failure, blocking};
use super::hints;
use super::settings::Context;
use super::stdout;
use super::text::{unreadable, unwritable};

/// The context of an error of standard output.
pub(crate) const NO_STDOUT: &str = "cannot write to standard output";

/// Prints a line on standard output.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    Ok(stdout::line(text).context(NO_STDOUT)?)
}

/// Prints a result, as one JSON object or as text. JSON is streamed, because it may be long.
pub(crate) fn print(
    context: &Context,
    value: &impl Serialize,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    // The progress bar would be in the way of the result.
    context.finish();
    if context.flags.json {
        let written = stdout::write(|stdout| {
            serde_json::to_writer_pretty(&mut *stdout, value)?;
            stdout.write_all(b"\n")
        });
        return Ok(written.context(NO_STDOUT)?);
    }
    match text().trim_end() {
        "" => Ok(()),
        text => line(text),
    }
}

/// Prints a result that is text only.
pub(crate) fn print_text(context: &Context, text: &str) -> Result<(), Failure> {
    context.finish();
    line(text.trim_end())
}

/// Prints a result while it is generated, because it may be long.
pub(crate) fn print_written(
    context: &Context,
    work: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    context.finish();
    Ok(stdout::write(work).context("standard output")?)
}

/// A binary output: a component or a delta file.
#[derive(Debug)]
pub(crate) enum BinaryOutput {
    /// A file that appears when it is complete.
    File { spool: Spool, path: PathBuf },
    /// Standard output, a pipe or a device: written to, not replaced.
    Stream { stream: File, written: bool },
}

impl BinaryOutput {
    /// Opens the output that `-o` names.
    pub(crate) fn open(path: &Path, json: bool) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Self::stdout(json);
        }
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            if path.is_dir() {
                return Err(Failure::usage(format!("{} is a directory", path.display())));
            }
            let stream = File::options().write(true).open(path);
            let stream = stream.with_context(|| unwritable(path))?;
            let written = false;
            return Ok(Self::Stream { stream, written });
        }
        let path = through_links(path).with_context(|| unwritable(path))?;
        if !parent(&path).is_dir() {
            let directory = parent(&path).display();
            return Err(Failure::new(
                Kind::NotFound,
                format!("directory `{directory}` not found"),
            ));
        }
        let spool = Spool::new_in(parent(&path)).with_context(|| unwritable(&path))?;
        Ok(Self::File { spool, path })
    }

    fn stdout(json: bool) -> Result<Self, Failure> {
        if json {
            return Err(Failure::usage(
                "--json and `-o -` cannot both use standard output",
            ));
        }
        if io::stdout().is_terminal() {
            let failure = Failure::usage("the output is binary and cannot go to a terminal");
            return Err(failure.hint(hints::REDIRECT));
        }
        let stream = stdout::duplicate().context(NO_STDOUT)?;
        if was_closed(&stream) {
            let failure = Failure::new(Kind::Other, "standard output is closed");
            return Err(failure.hint(hints::REDIRECT_OR_DISCARD));
        }
        let written = false;
        Ok(Self::Stream { stream, written })
    }

    /// Gives a complete file its name.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::File { mut spool, path } => {
                let place = || {
                    // The new file keeps the permissions of the old one.
                    if let Ok(before) = fs::metadata(&path) {
                        spool.file().set_permissions(before.permissions())?;
                    }
                    spool.replace(&path)
                };
                Ok(place().with_context(|| unwritable(&path))?)
            }
            Self::Stream { .. } => Ok(()),
        }
    }
}

/// Returns whether standard output was closed when this program began.
///
/// The standard library then opens the null device in its place, for reading and writing. A redirection
/// opens it for writing only. A parent process that opened it for both gives the same result.
#[cfg(unix)]
fn was_closed(mut stdout: &File) -> bool {
    use std::io::Read;
    use std::os::unix::fs::MetadataExt;
    let device = |metadata: fs::Metadata| metadata.rdev();
    let null = fs::metadata("/dev/null").map(device).ok();
    null.is_some() && stdout.metadata().map(device).ok() == null && stdout.read(&mut [0]).is_ok()
}

#[cfg(windows)]
fn was_closed(_stdout: &File) -> bool {
    false
}

impl Write for BinaryOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File { spool, .. } => spool.file().write(bytes),
            Self::Stream { stream, written } => {
                *written = true;
                stream.write(bytes)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File { spool, .. } => spool.file().flush(),
            Self::Stream { stream, .. } => stream.flush(),
        }
    }
}

impl Output for BinaryOutput {
    fn restart(&mut self) -> io::Result<()> {
        match self {
            Self::File { spool, .. } => spool.file().restart(),
            Self::Stream { written: false, .. } => Ok(()),
            Self::Stream { .. } => Err(io::Error::other("part of the output is already written")),
        }
    }
}

/// Returns whether the default output file already holds the component. Fails if it holds anything else.
pub(crate) async fn already_holds(path: &Path, content: Identity) -> Result<bool, Failure> {
    let path = path.to_owned();
    blocking(move || holds(&path, content)).await
}

/// Does the same as [`already_holds`], and blocks.
pub(crate) fn holds(path: &Path, content: Identity) -> Result<bool, Failure> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => {
            let error = anyhow::Error::from(error);
            return Err(error.context(unreadable(path)).into());
        }
    };
    let mut hasher = Hasher::new();
    io::copy(&mut file, &mut hasher).with_context(|| unreadable(path))?;
    if hasher.identity() == content {
        return Ok(true);
    }
    let message = format!("{} already exists with other content", path.display());
    Err(Failure::new(Kind::Conflict, message).hint(hints::OVERWRITE))
}
