//! Standard output. Its reader may be gone, which is not a failure.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};

/// Prints a line. Ignores a closed pipe, because its reader needs nothing more.
pub(crate) fn line(text: &str) -> io::Result<()> {
    write(|stdout| {
        stdout.write_all(text.as_bytes())?;
        stdout.write_all(b"\n")
    })
}

/// Prints the output of `work` with buffering. Ignores a closed pipe.
pub(crate) fn write(work: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let print = || {
        let stdout: Box<dyn Write> = match io::stdout().is_terminal() {
            true => Box::new(io::stdout()),
            // The standard library hides the error of an unwritable descriptor. A file reports it.
            false => Box::new(duplicate()?),
        };
        let mut stdout = BufWriter::new(stdout);
        work(&mut stdout)?;
        stdout.flush()
    };
    ignore_broken_pipe(print())
}

/// Ignores the error of a closed pipe.
pub(crate) fn ignore_broken_pipe(outcome: io::Result<()>) -> io::Result<()> {
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
