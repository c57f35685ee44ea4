//! Files that appear under their name complete or not at all.
//!
//! On Linux a spool has no name until it is finished (`O_TMPFILE`), so even a killed process leaves no file behind. On
//! other file systems it has a temporary name in the same directory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use super::Error;
use super::tail::{Tail, TailWriter, tail_of};

/// The parts around the random part of a temporary name.
const PREFIX: &str = ".wharf-";
const SUFFIX: &str = ".tmp";

/// A file in its final directory that does not have its final name yet.
#[derive(Debug)]
pub struct Spool {
    file: File,
    directory: PathBuf,
    named: Option<TempPath>,
    /// Notifies the readers of the tail. Dropping it tells them that the file ended.
    tail_writer: Option<TailWriter>,
}

impl Spool {
    /// Opens an empty spool in a directory that exists.
    pub fn new_in(directory: &Path) -> io::Result<Self> {
        if let Some(file) = unnamed(directory) {
            return Ok(Self {
                file,
                directory: directory.to_owned(),
                named: None,
                tail_writer: None,
            });
        }
        let (file, path) = temporary(directory)?.into_parts();
        Ok(Self {
            file,
            directory: directory.to_owned(),
            named: Some(path),
            tail_writer: None,
        })
    }

    /// Returns the file, open for reading and writing.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Appends bytes and notifies the readers of the tail.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        if let Some(writer) = &self.tail_writer {
            writer.add(bytes.len() as u64);
        }
        Ok(())
    }

    /// Returns a reader that follows the appended bytes. Call this once, before the first byte; further readers are
    /// clones.
    pub fn tail(&mut self) -> io::Result<Tail> {
        let (writer, tail) = tail_of(self.file.try_clone()?);
        self.tail_writer = Some(writer);
        Ok(tail)
    }

    /// Waits until the bytes are on disk.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Gives the file its name, in the spool's directory. Replaces an existing file.
    pub fn replace(self, target: &Path) -> io::Result<()> {
        match self.named {
            Some(path) => path.persist(target).map_err(|error| error.error),
            None => {
                match link(&self.file, target) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(_) => return copy_to(self.file, &self.directory, target),
                    Ok(()) => return Ok(()),
                }
                // `linkat` cannot replace a file, but a rename can. The temporary name exists only between the two
                // calls.
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

/// Follows links to a file, which may not exist yet. A write then changes the target file and keeps the link.
pub fn through_links(path: &Path) -> io::Result<PathBuf> {
    let mut at = path.to_owned();
    loop {
        let error = match fs::canonicalize(&at) {
            Ok(file) => return Ok(file),
            Err(error) => error,
        };
        match fs::read_link(&at) {
            Ok(target) if error.kind() == io::ErrorKind::NotFound => at = parent(&at).join(target),
            // For example, the links form a cycle.
            Ok(_) => return Err(error),
            Err(_) => return Ok(at),
        }
    }
}

/// Returns the directory that a file is or will be in.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Locks a directory against other runs of this program until the returned file is dropped. Returns nothing if locking
/// fails; the caller then works without a lock, as other programs do. Blocks.
pub fn lock(directory: &Path) -> Option<File> {
    let directory = File::open(directory).ok()?;
    directory.lock().ok()?;
    Some(directory)
}

/// Turns the failed access to a missing file into nothing.
pub(crate) fn if_exists<T>(path: &Path, accessed: io::Result<T>) -> Result<Option<T>, Error> {
    match accessed {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file(path)(error)),
    }
}

/// Fails if [`write()`] could not create a file at this path.
pub fn check_writable(path: &Path) -> io::Result<()> {
    Spool::new_in(parent(path)).map(drop)
}

/// Writes a file completely or not at all. The path must not be a link. A replaced file keeps its permissions.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut spool = Spool::new_in(parent(path))?;
    spool.file().write_all(bytes)?;
    if let Ok(before) = fs::metadata(path) {
        spool.file().set_permissions(before.permissions())?;
    }
    spool.sync()?;
    spool.replace(path)
}

/// Returns whether a killed process may have left a file with this name.
pub(super) fn is_leftover(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

fn temporary(directory: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    let mut code = None;
    let create = |path: &Path| {
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).open(path);
        file.inspect_err(|error| code = error.raw_os_error())
    };
    // The crate's own error names the temporary file, which helps no user.
    let made = builder.make_in(directory, create);
    made.map_err(|error| code.map_or(error, io::Error::from_raw_os_error))
}

/// Copies a file that cannot be linked, for example without `/proc`.
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

    #[cfg(unix)]
    #[test]
    fn links_are_followed_to_existing_and_future_files() {
        use std::os::unix::fs::symlink;
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().canonicalize().unwrap();
        let inner = directory.join("inner");
        fs::create_dir(&inner).unwrap();
        symlink("inner/second", directory.join("first")).unwrap();
        symlink("file", inner.join("second")).unwrap();
        symlink("circle", directory.join("circle")).unwrap();
        for _ in 0..2 {
            let file = inner.join("file");
            for name in ["first", "inner/second", "inner/file"] {
                let found = through_links(&directory.join(name)).unwrap();
                assert_eq!(found, file);
            }
            write(&file, b"x").unwrap();
        }
        assert!(through_links(&directory.join("circle")).is_err());
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
