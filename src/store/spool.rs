//! Files that appear under their name whole or not at all.
//!
//! On Linux a spool has no name until it is persisted (`O_TMPFILE`), so even a killed process leaves
//! nothing behind. Where the file system cannot do that it has a temporary name in the same directory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use super::tail::{Growing, Tail, growing};

/// Around the random part of a temporary name.
const PREFIX: &str = ".wharf-";
const SUFFIX: &str = ".tmp";

/// A file being written in the directory where it will stand.
#[derive(Debug)]
pub struct Spool {
    file: File,
    directory: PathBuf,
    named: Option<TempPath>,
    /// Tells those who read along; they hear of the end when this is gone.
    growing: Option<Growing>,
}

impl Spool {
    /// Opens an empty spool in a directory that exists.
    pub fn new_in(directory: &Path) -> io::Result<Self> {
        if let Some(file) = unnamed(directory) {
            return Ok(Self {
                file,
                directory: directory.to_owned(),
                named: None,
                growing: None,
            });
        }
        let (file, path) = temporary(directory)?.into_parts();
        Ok(Self {
            file,
            directory: directory.to_owned(),
            named: Some(path),
            growing: None,
        })
    }

    /// Returns the file, open for reading and writing.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Adds bytes at the end, for those who read along too.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        if let Some(growing) = &self.growing {
            growing.grew(bytes.len() as u64);
        }
        Ok(())
    }

    /// Reads along while bytes are appended. There is one such reader, asked for before the first byte.
    pub fn tail(&mut self) -> io::Result<Tail> {
        let (growing, tail) = growing(self.file.try_clone()?);
        self.growing = Some(growing);
        Ok(tail)
    }

    /// Waits until the bytes are on the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Gives the file its name in the spool's directory. An existing file of that name is replaced.
    pub fn replace(self, target: &Path) -> io::Result<()> {
        match self.named {
            Some(path) => path.persist(target).map_err(|error| error.error),
            None => {
                match link(&self.file, target) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(_) => return copy_to(self.file, &self.directory, target),
                    Ok(()) => return Ok(()),
                }
                // `linkat` cannot replace, a rename can: the temporary name exists only in between.
                let between = loop {
                    let name = format!("{PREFIX}{:016x}{SUFFIX}", fastrand::u64(..));
                    let path = self.directory.join(name);
                    match link(&self.file, &path) {
                        Ok(()) => break path,
                        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                        Err(_) => return copy_to(self.file, &self.directory, target),
                    }
                };
                fs::rename(&between, target).inspect_err(|_| {
                    let _unreachable_name = fs::remove_file(&between);
                })
            }
        }
    }
}

/// Returns whether a name is one that a killed process may have left: a file between its two names.
pub(super) fn is_leftover(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

fn temporary(directory: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory)
}

/// For a file system that has unnamed files but no way to name them (no `/proc`).
fn copy_to(mut file: File, directory: &Path, target: &Path) -> io::Result<()> {
    use std::io::Seek;
    let mut copy = temporary(directory)?;
    file.rewind()?;
    io::copy(&mut file, copy.as_file_mut())?;
    copy.persist(target).map(drop).map_err(|error| error.error)
}

#[cfg(target_os = "linux")]
fn unnamed(directory: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o666);
    rustix::fs::open(directory, flags, mode)
        .ok()
        .map(File::from)
}

#[cfg(target_os = "linux")]
fn link(file: &File, target: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{AtFlags, CWD};
    let source = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(
        CWD,
        source,
        CWD,
        target,
        AtFlags::SYMLINK_FOLLOW,
    )?)
}

#[cfg(not(target_os = "linux"))]
fn unnamed(_directory: &Path) -> Option<File> {
    None
}

#[cfg(not(target_os = "linux"))]
fn link(_file: &File, _target: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_dropped_spool_leaves_nothing_and_a_persisted_one_just_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        for text in ["one", "two"] {
            drop(Spool::new_in(directory.path()).unwrap());
            let mut spool = Spool::new_in(directory.path()).unwrap();
            spool.file().write_all(text.as_bytes()).unwrap();
            spool.replace(&target).unwrap();
            assert_eq!(fs::read_to_string(&target).unwrap(), text);
            assert_eq!(names(directory.path()), ["out"]);
        }
    }

    #[test]
    fn a_spool_that_cannot_be_placed_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let occupied = directory.path().join("occupied");
        fs::create_dir(&occupied).unwrap();
        fs::write(occupied.join("file"), "").unwrap();
        assert!(
            Spool::new_in(directory.path())
                .unwrap()
                .replace(&occupied)
                .is_err()
        );
        assert_eq!(names(directory.path()), ["occupied"]);
    }
}
