//! Standard output, whose reader may be gone.

use std::fs::File;
use std::io::{self, IsTerminal, Write};

/// Prints a line. A reader that has gone has all that it wanted, so that is no failure.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let line = format!("{text}\n");
    written(match io::stdout().is_terminal() {
        true => io::stdout().write_all(line.as_bytes()),
        // The standard library ignores a descriptor that cannot be written to; a file does not.
        false => duplicate().and_then(|mut stdout| stdout.write_all(line.as_bytes())),
    })
}

/// Ignores that the reader has gone.
pub(crate) fn written(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

/// Opens standard output as a file.
#[cfg(unix)]
pub(crate) fn duplicate() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

/// Opens standard output as a file.
#[cfg(windows)]
pub(crate) fn duplicate() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(File::from(io::stdout().as_handle().try_clone_to_owned()?))
}
