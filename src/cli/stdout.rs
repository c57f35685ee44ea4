//! Standard output, whose reader may be gone.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};

/// Prints a line. A reader that has gone has all that it wanted, so that is no failure.
pub(crate) fn line(text: &str) -> io::Result<()> {
    write(|stdout| {
        stdout.write_all(text.as_bytes())?;
        stdout.write_all(b"\n")
    })
}

/// Prints what `work` writes, in few writes; as [`line`] does.
pub(crate) fn write(work: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let print = || {
        let stdout: Box<dyn Write> = match io::stdout().is_terminal() {
            true => Box::new(io::stdout()),
            // The standard library ignores a descriptor that cannot be written to; a file does not.
            false => Box::new(duplicate()?),
        };
        let mut stdout = BufWriter::new(stdout);
        work(&mut stdout)?;
        stdout.flush()
    };
    written(print())
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
