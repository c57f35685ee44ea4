//! Stores the remote files of a component, and the artifact that names their blobs.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::Pusher;
use crate::artifact::{assets_manifest, assets_tag};
use crate::assets::packed;
use crate::component::Component;
use crate::copy::{self, BlobTransfer};
use crate::digest::{Identity, VerifyingReader};
use crate::error::Error;
use crate::manifest::{Descriptor, EMPTY_BLOB, media_type, to_json};
use crate::pull::{self, LocalComponent};
use crate::source::Source;
use crate::store::{self, MAX_MANIFEST_BYTES, RawManifest, Session, Store, blocking, chain};

/// A distinct content of the remote files of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    /// The blob.
    pub blob: Identity,
    /// The paths with this content, in the order of the lists.
    pub paths: Vec<String>,
    /// Where its bytes come from.
    pub source: RemoteSource,
}

/// Where the bytes of a remote file come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteSource {
    /// The target has the blob.
    Target,
    /// One of these files of the right size. There is none if another repository of the registry has the blob.
    Files(Vec<PathBuf>),
}

/// The remote files that the lists of a component name.
#[derive(Debug, Default)]
pub struct ListedFiles {
    /// Each distinct content once.
    pub files: Vec<RemoteFile>,
    /// The reasons why some lists cannot be decoded.
    pub unreadable: Vec<packed::Error>,
}

/// Returns the remote files of a component. Blocks.
pub fn remote_files<S: Source>(component: &Component<S>) -> Result<ListedFiles, Error> {
    let ListedFiles {
        mut files,
        mut unreadable,
    } = ListedFiles::default();
    let mut known = HashMap::new();
    for list in pull::asset_lists(&LocalComponent(component.source()))? {
        let list = match list {
            Ok(list) => list,
            Err(error) => {
                unreadable.push(error);
                continue;
            }
        };
        for asset in &list.entries {
            let Some(index) = asset.content.filter(|index| *index >= list.contents.len()) else {
                continue;
            };
            let content = list.content(index);
            let (digest, size) = (content.digest, content.size);
            let blob = Identity { digest, size };
            let index = *known.entry(blob).or_insert(files.len());
            if index == files.len() {
                let (paths, source) = (Vec::new(), RemoteSource::Files(Vec::new()));
                files.push(RemoteFile {
                    blob,
                    paths,
                    source,
                });
            }
            let paths = &mut files[index].paths;
            if !paths.contains(&asset.path) {
                paths.push(asset.path.clone());
            }
        }
    }
    Ok(ListedFiles { files, unreadable })
}

/// The places that can have remote files.
pub struct RemoteFileSources<'a> {
    /// The target, if it exists.
    pub store: Option<&'a dyn Store>,
    /// Returns whether another repository of the target's registry is known to have a blob.
    pub may_mount: &'a (dyn Fn(Identity) -> bool + Sync),
    /// The name of the target.
    pub location: &'a str,
    /// Directories with the files at their paths.
    pub directories: &'a [PathBuf],
    /// The session.
    pub session: &'a Session,
}

impl RemoteFileSources<'_> {
    /// Returns the remote files of a component with their sources. Writes nothing, and does not read the files yet.
    ///
    /// A list that cannot be read is reported, and has no files. Fails if a file has no source, or if there are too many
    /// files for the artifact that names them.
    pub async fn find<S: Source + Send + 'static>(
        &self,
        component: &Arc<Component<S>>,
    ) -> Result<Vec<RemoteFile>, Error> {
        for path in self.directories {
            if !fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
                let path = path.clone();
                return Err(Error::NoDirectory { path });
            }
        }
        let component = Arc::clone(component);
        let listed = blocking(move || remote_files(&component)).await?;
        for error in &listed.unreadable {
            let warning = format!("the remote files of a list are not sent: {}", chain(error));
            self.session.observer.warned(&warning);
        }
        let files = listed.files;
        check_artifact_size(&files)?;
        let located = stream::iter(files).map(|file| self.locate(file));
        let located = located.buffered(self.session.transfers());
        let files: Vec<RemoteFile> = located.try_collect().await?;
        let is_missing = |file: &&RemoteFile| match &file.source {
            RemoteSource::Target => false,
            RemoteSource::Files(files) => files.is_empty() && !(self.may_mount)(file.blob),
        };
        let missing = files.iter().filter(is_missing);
        match missing.map(|file| file.paths[0].clone()).collect() {
            paths if Vec::is_empty(&paths) => Ok(files),
            paths => Err(self.missing(paths)),
        }
    }

    fn missing(&self, paths: Vec<String>) -> Error {
        Error::MissingRemoteFiles {
            location: self.location.to_owned(),
            has_directories: !self.directories.is_empty(),
            paths,
        }
    }

    async fn locate(&self, mut file: RemoteFile) -> Result<RemoteFile, Error> {
        file.source = match self.store {
            Some(store) if store.has(file.blob).await? => RemoteSource::Target,
            _ => RemoteSource::Files(find(&file, self.directories)?),
        };
        Ok(file)
    }
}

/// Returns the files in the directories with one of the paths and the right size.
fn find(remote: &RemoteFile, directories: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let (mut found, mut changed) = (Vec::new(), None);
    let paths = directories
        .iter()
        .flat_map(|directory| remote.paths.iter().map(|path| directory.join(path)));
    for path in paths {
        match fs::metadata(&path) {
            Ok(metadata) if metadata.len() == remote.blob.size => found.push(path),
            Ok(_) => changed = Some(path),
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(store::Error::file(&path)(error).into()),
        }
    }
    match changed {
        Some(path) if found.is_empty() => Err(Error::ChangedRemoteFile { path }),
        _ => Ok(found),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

impl<S: Source + Send + 'static> Pusher<'_, S> {
    /// Sends the blobs that the store lacks.
    pub(super) async fn send_remote_files(
        &self,
        files: &[RemoteFile],
        sources: &RemoteFileSources<'_>,
    ) -> Result<Vec<BlobTransfer>, Error> {
        stream::iter(files)
            .map(|file| self.send_remote_file(file, sources))
            .buffer_unordered(self.session.transfers())
            .try_collect()
            .await
    }

    async fn send_remote_file(
        &self,
        remote: &RemoteFile,
        sources: &RemoteFileSources<'_>,
    ) -> Result<BlobTransfer, Error> {
        let blob = remote.blob;
        let files = match &remote.source {
            RemoteSource::Files(files) => files,
            RemoteSource::Target => return Ok(BlobTransfer { blob, sent: false }),
        };
        let mut changed = None;
        for file in files {
            let observer = self.session.observer.as_ref();
            match copy::send_blob(self.store, blob, file, observer).await {
                // Stores check the digest, but only some of them say that it is wrong.
                Err(_) if is_changed(file, blob).await? => changed = Some(file.clone()),
                sent => return Ok(sent?),
            }
        }
        match changed {
            Some(path) => Err(Error::ChangedRemoteFile { path }),
            None if self.store.mount(blob).await? => Ok(BlobTransfer { blob, sent: false }),
            // The other repository does not have it any more, or may not be read.
            None => Err(sources.missing(vec![remote.paths[0].clone()])),
        }
    }

    /// Stores the artifact that names the blobs of a manifest's remote files.
    pub(super) async fn attach_remote_files(
        &self,
        subject: &RawManifest,
        files: &[RemoteFile],
        tally: &mut copy::BlobCounts,
    ) -> Result<(), Error> {
        self.push_bytes(EMPTY_BLOB, tally).await?;
        let tag = assets_tag(&subject.digest);
        let subject = Identity::of(&subject.bytes);
        let manifest = RawManifest::new(manifest(subject, files)?, media_type::MANIFEST);
        Ok(self.store.push_manifest(&manifest, Some(&tag)).await?)
    }
}

/// Returns the artifact that names the blobs of a manifest's remote files.
fn manifest(subject: Identity, files: &[RemoteFile]) -> Result<Vec<u8>, Error> {
    let named = files
        .iter()
        .map(|file| (file.blob, Some(file.paths[0].as_str())));
    let subject = Descriptor::new(media_type::MANIFEST, subject);
    let manifest = to_json(&assets_manifest(subject, named));
    let (bytes, most) = (manifest.len(), MAX_MANIFEST_BYTES as usize);
    match bytes > most {
        true => Err(Error::ManifestSize { bytes, most }),
        false => Ok(manifest),
    }
}

/// Checks the size of the artifact before anything is sent. The subject is not known yet, but is at most 4 MiB.
fn check_artifact_size(files: &[RemoteFile]) -> Result<(), Error> {
    let subject = Identity {
        size: MAX_MANIFEST_BYTES,
        ..Identity::of(b"")
    };
    manifest(subject, files).map(drop)
}

/// Returns whether a file has other bytes than those of a blob.
async fn is_changed(file: &Path, blob: Identity) -> Result<bool, Error> {
    let path = file.to_owned();
    blocking(move || {
        let read = File::open(path).and_then(|file| {
            let mut reader = VerifyingReader::new(file, blob);
            io::copy(&mut reader, &mut io::sink())
        });
        let is_changed = read.is_err_and(|error| error.kind() == io::ErrorKind::InvalidData);
        Ok(is_changed)
    })
    .await
}
