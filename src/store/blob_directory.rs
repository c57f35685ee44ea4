//! A directory of blobs that another program owns: containerd's content store, or the `blobs` of a layout or of the
//! artifacts of CRI-O and podman.
//!
//! Its files are read in place; nothing is written there. The directory has no index, so manifests have only digests,
//! and referrers are unknown.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::blobs::{BlobFiles, read_manifest, stream_open_file, wrong_size_error};
use super::{ByteStream, Error, RawManifest, Store, StoreKind, Subject, blocking};
use crate::digest::{Digest, Identity};
use crate::manifest::Descriptor;
use crate::reference::{BLOBS, Name};

/// A read-only blob directory.
#[derive(Debug, Clone)]
pub struct BlobDirectory {
    directory: PathBuf,
    blobs: BlobFiles,
}

impl BlobDirectory {
    /// Opens a directory that contains a directory `sha256`.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let opened = Self {
            directory: directory.to_owned(),
            blobs: BlobFiles::new(directory),
        };
        match files(directory) {
            Ok(_) => Ok(opened),
            Err(error) if is_missing(&error) => {
                let what = Subject::Store("a directory of blobs");
                Err(Error::not_found(&opened, what))
            }
            Err(error) => Err(unreadable(&opened.blobs.files(), error)),
        }
    }

    /// Returns the path of a blob, whether or not it exists.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.blobs.path(digest)
    }

    /// Opens the file of a blob, if it exists, and returns its size too.
    fn file(&self, digest: &Digest) -> Result<Option<(File, u64)>, Error> {
        let path = self.path(digest);
        let open = || {
            let file = below(&self.directory, &digest.hex())?;
            let metadata = file.metadata()?;
            Ok::<_, io::Error>((file, metadata))
        };
        match open() {
            Ok((file, metadata)) if metadata.is_file() => Ok(Some((file, metadata.len()))),
            Ok(_) => Err(self.no_file(digest)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if is_link(&error) => Err(self.no_file(digest)),
            Err(error) => Err(unreadable(&path, error)),
        }
    }

    fn no_file(&self, digest: &Digest) -> Error {
        Error::Malformed {
            what: format!("blob {digest}"),
            location: self.location(),
            reason: "it is not a regular file".to_owned(),
        }
    }

    fn read_manifest(&self, name: &Name) -> Result<RawManifest, Error> {
        let digest = match name {
            Name::Digest(digest) => *digest,
            // Not a settings error: callers that look for an optional tag can continue without it.
            Name::Tag(tag) => {
                let what = format!("tag `{tag}` (a directory of blobs has no tags)");
                return Err(Error::not_found(self, Subject::Other(what)));
            }
        };
        let what = format!("manifest `{digest}`");
        let Some((file, _)) = self.file(&digest)? else {
            return Err(Error::not_found(self, Subject::Other(what)));
        };
        let path = self.path(&digest);
        let bytes = read_manifest((file, &path), digest, what, self)?;
        Ok(RawManifest::read(bytes))
    }
}

/// Names the file that cannot be read, and the likely reason.
fn unreadable(path: &Path, error: io::Error) -> Error {
    let error = match error.kind() {
        kind @ io::ErrorKind::PermissionDenied => io::Error::new(
            kind,
            "this user cannot read it; the files of container engines usually belong to root",
        ),
        _ => error,
    };
    Error::file(path)(error)
}

/// Returns whether the directory does not exist or is not a directory.
fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory) || is_link(error)
}

#[cfg(unix)]
fn is_link(error: &io::Error) -> bool {
    // O_NOFOLLOW reports a link with this error; ErrorKind has no stable name for it.
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_link(_error: &io::Error) -> bool {
    false
}

/// Opens `directory/sha256`. Does not follow a link.
#[cfg(unix)]
fn files(directory: &Path) -> io::Result<rustix::fd::OwnedFd> {
    use rustix::fs::{Mode, OFlags, open, openat};
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let directory = open(directory, flags, Mode::empty())?;
    let flags = flags | OFlags::NOFOLLOW;
    Ok(openat(&directory, "sha256", flags, Mode::empty())?)
}

/// Opens a file of `directory/sha256`. Does not follow a link.
#[cfg(unix)]
fn below(directory: &Path, name: &str) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, openat};
    // NONBLOCK, because opening a pipe would wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(openat(
        files(directory)?,
        name,
        flags,
        Mode::empty(),
    )?))
}

#[cfg(not(unix))]
fn files(directory: &Path) -> io::Result<()> {
    let metadata = std::fs::symlink_metadata(directory.join("sha256"))?;
    match metadata.is_dir() {
        true => Ok(()),
        false => Err(io::ErrorKind::NotADirectory.into()),
    }
}

#[cfg(not(unix))]
fn below(directory: &Path, name: &str) -> io::Result<File> {
    files(directory)?;
    let path = directory.join("sha256").join(name);
    match std::fs::symlink_metadata(&path)?.is_symlink() {
        true => Err(io::Error::other("it is a symbolic link")),
        false => File::open(path),
    }
}

#[async_trait]
impl Store for BlobDirectory {
    fn location(&self) -> String {
        format!("{BLOBS}{}", self.directory.display())
    }

    fn kind(&self) -> StoreKind {
        StoreKind::BlobDirectory
    }

    async fn manifest(&self, name: &Name) -> Result<RawManifest, Error> {
        let (store, name) = (self.clone(), name.clone());
        blocking(move || store.read_manifest(&name)).await
    }

    async fn has(&self, blob: Identity) -> Result<bool, Error> {
        Ok(self.local_file(blob)?.is_some())
    }

    async fn size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        Ok(self.file(digest)?.map(|(_, size)| size))
    }

    async fn open(&self, blob: Identity, part: Range<u64>) -> Result<ByteStream, Error> {
        match self.file(&blob.digest)? {
            None => Err(Error::not_found(self, Subject::Blob(blob.digest.into()))),
            Some((_, size)) if size != blob.size => Err(wrong_size_error(blob, size, self)),
            Some((file, _)) => {
                let path = self.path(&blob.digest);
                stream_open_file(file.into(), &path, part.start, u64::MAX).await
            }
        }
    }

    fn local_file(&self, blob: Identity) -> Result<Option<File>, Error> {
        let found = self.file(&blob.digest)?;
        Ok(found.and_then(|(file, size)| (size == blob.size).then_some(file)))
    }

    async fn tags(&self) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    async fn referrers(
        &self,
        _subject: &Digest,
        _artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error> {
        Ok(Vec::new())
    }
}
