//! Stores the remote files of a component, and the artifact that names their blobs.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::Pusher;
use crate::artifact::{assets_manifest, assets_tag};
use crate::component::Component;
use crate::copy::{self, BlobTransfer};
use crate::digest::{Identity, VerifyingReader};
use crate::error::Error;
use crate::manifest::{Descriptor, EMPTY_BLOB, media_type, to_json};
use crate::pull::{self, LocalComponent};
use crate::source::Source;
use crate::store::{MAX_MANIFEST_BYTES, RawManifest, Store, WritableStore, blocking};

/// A distinct content of the remote files of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    /// The blob.
    pub blob: Identity,
    /// The paths with this content.
    pub paths: Vec<String>,
    /// A file to send, if the store lacks the blob.
    pub file: Option<PathBuf>,
}

/// Returns the remote files that all lists of a component name, each distinct content once. Blocks.
pub fn remote_files<S: Source>(component: &Component<S>) -> Result<Vec<RemoteFile>, Error> {
    let mut files: Vec<RemoteFile> = Vec::new();
    let mut known = HashMap::new();
    for list in pull::asset_lists(&LocalComponent(component.source()))? {
        for asset in &list.entries {
            let Some(index) = asset.content.filter(|index| *index >= list.contents.len()) else {
                continue;
            };
            let content = list.content(index);
            let (digest, size) = (content.digest, content.size);
            let blob = Identity { digest, size };
            let index = *known.entry(blob).or_insert(files.len());
            if index == files.len() {
                let (paths, file) = (Vec::new(), None);
                files.push(RemoteFile { blob, paths, file });
            }
            files[index].paths.push(asset.path.clone());
        }
    }
    Ok(files)
}

/// The places that can have remote files.
pub struct RemoteFileSources<'a> {
    /// The target, if it exists.
    pub store: Option<&'a dyn Store>,
    /// The target, if it may be written: then it mounts blobs from its other repositories.
    pub writable: Option<&'a dyn WritableStore>,
    /// The name of the target.
    pub location: &'a str,
    /// Directories with the files at their paths.
    pub directories: &'a [PathBuf],
}

impl RemoteFileSources<'_> {
    /// Returns the remote files of a component, with a file for each one that must be sent. Fails if one has no source.
    /// The bytes of the files are not read yet.
    pub async fn find<S: Source + Send + 'static>(
        &self,
        component: &Arc<Component<S>>,
    ) -> Result<Vec<RemoteFile>, Error> {
        let component = Arc::clone(component);
        let mut files = blocking(move || remote_files(&component)).await?;
        let mut missing = Vec::new();
        for remote in &mut files {
            if self.has(remote.blob).await? {
                continue;
            }
            remote.file = find(remote, self.directories)?;
            if remote.file.is_none() && !self.mount(remote.blob).await? {
                missing.extend(remote.paths.first().cloned());
            }
        }
        match missing.is_empty() {
            true => Ok(files),
            false => Err(Error::MissingRemoteFiles {
                location: self.location.to_owned(),
                paths: missing,
            }),
        }
    }

    async fn has(&self, blob: Identity) -> Result<bool, Error> {
        match self.store {
            Some(store) => Ok(store.has(blob).await?),
            None => Ok(false),
        }
    }

    async fn mount(&self, blob: Identity) -> Result<bool, Error> {
        match self.writable {
            Some(store) => Ok(store.mount(blob).await?),
            None => Ok(false),
        }
    }
}

/// Returns the first file in the directories with one of the paths and the right size.
fn find(remote: &RemoteFile, directories: &[PathBuf]) -> Result<Option<PathBuf>, Error> {
    let mut changed = None;
    let paths = directories
        .iter()
        .flat_map(|directory| remote.paths.iter().map(|path| directory.join(path)));
    for path in paths {
        match fs::metadata(&path) {
            Ok(metadata) if metadata.len() == remote.blob.size => return Ok(Some(path)),
            Ok(_) => changed = Some(path),
            Err(_) => {}
        }
    }
    match changed {
        Some(path) => Err(Error::ChangedRemoteFile { path }),
        None => Ok(None),
    }
}

impl<S: Source + Send + 'static> Pusher<'_, S> {
    /// Sends the blobs that the store lacks.
    pub(super) async fn send_remote_files(
        &self,
        files: &[RemoteFile],
    ) -> Result<Vec<BlobTransfer>, Error> {
        stream::iter(files)
            .map(|file| self.send_remote_file(file))
            .buffer_unordered(self.session.transfers())
            .try_collect()
            .await
    }

    async fn send_remote_file(&self, remote: &RemoteFile) -> Result<BlobTransfer, Error> {
        let blob = remote.blob;
        let Some(file) = &remote.file else {
            let sent = false;
            return Ok(BlobTransfer { blob, sent });
        };
        let observer = self.session.observer.as_ref();
        match copy::send_blob(self.store, blob, file, observer).await {
            // Stores check the digest, but only some of them say that it is wrong.
            Err(_) if is_changed(file, blob).await? => {
                let path = file.clone();
                Err(Error::ChangedRemoteFile { path })
            }
            sent => Ok(sent?),
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
        let named = files
            .iter()
            .map(|file| (file.blob, file.paths.first().map(String::as_str)));
        let tag = assets_tag(&subject.digest);
        let subject = Descriptor::new(media_type::MANIFEST, Identity::of(&subject.bytes));
        let manifest = to_json(&assets_manifest(subject, named));
        let (bytes, most) = (manifest.len(), MAX_MANIFEST_BYTES as usize);
        if bytes > most {
            return Err(Error::ManifestSize { bytes, most });
        }
        let manifest = RawManifest::new(manifest, media_type::MANIFEST);
        Ok(self.store.push_manifest(&manifest, Some(&tag)).await?)
    }
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
