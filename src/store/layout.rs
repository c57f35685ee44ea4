//! An OCI image layout: a store in a directory, without a server.
//!
//! Blobs and `index.json` appear complete or not at all. `index.json` changes under a file lock, and entries of other
//! programs stay. Spec: <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>.

mod referrers;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::blobs::{BlobFiles, read_capped, read_manifest, wrong_size_error};
use super::spool::{self, Spool};
use super::{
    ByteStream, Delivery, Error, Observer, RawManifest, Store, StoreKind, Subject, WritableStore,
    blocking,
};
use crate::digest::{Digest, Identity};
use crate::manifest::{Descriptor, annotation, media_type};
use crate::reference::Name;

/// The largest `index.json` that is read, in bytes. It has room for some hundred thousand manifests.
const MAX_INDEX_BYTES: u64 = 64 * 1024 * 1024;

const MARKER: &str = "oci-layout";
const INDEX: &str = "index.json";
const LOCK: &str = "index.json.lock";

/// A layout directory.
#[derive(Clone)]
pub struct Layout {
    directory: PathBuf,
    repository: Option<String>,
    blobs: BlobFiles,
    observer: Arc<dyn Observer>,
    known: referrers::KnownReferrers,
    /// Whether a list of referrers left out what the index names.
    has_lost: Arc<AtomicBool>,
}

impl Layout {
    /// Opens an existing layout.
    pub fn open(directory: &Path, observer: Arc<dyn Observer>) -> Result<Self, Error> {
        let layout = Self::at(directory, observer);
        let marker = directory.join(MARKER);
        match spool::if_exists(&marker, fs::metadata(&marker))? {
            Some(_) => Ok(layout),
            None => Err(Error::not_found(&layout, Subject::Store("an OCI layout"))),
        }
    }

    /// Opens a layout, and creates it if there is none.
    pub fn create(directory: &Path, observer: Arc<dyn Observer>) -> Result<Self, Error> {
        let layout = Self::at(directory, observer);
        let marker = directory.join(MARKER);
        if marker.exists() {
            return Ok(layout);
        }
        fs::create_dir_all(directory).map_err(Error::file(directory))?;
        let is_foreign = |entry: &fs::DirEntry| {
            let known = [MARKER, INDEX, LOCK, "blobs"];
            let name = entry.file_name();
            !known.iter().any(|known| name == *known) && !spool::is_leftover(&name)
        };
        let entries = fs::read_dir(directory).map_err(Error::file(directory))?;
        let entries: Vec<fs::DirEntry> = entries
            .collect::<io::Result<_>>()
            .map_err(Error::file(directory))?;
        if entries.iter().any(is_foreign) {
            let directory = directory.display();
            let reason = format!("{directory} contains other files and is not an OCI layout");
            return Err(Error::Settings { reason });
        }
        let _lock = layout.lock()?;
        layout.blobs.create()?;
        if !directory.join(INDEX).exists() {
            layout.write_json(INDEX, &empty_index())?;
        }
        layout.write_json(MARKER, &json!({ "imageLayoutVersion": "1.0.0" }))?;
        Ok(layout)
    }

    fn at(directory: &Path, observer: Arc<dyn Observer>) -> Self {
        Self {
            directory: directory.to_owned(),
            repository: None,
            blobs: BlobFiles::new(directory.join("blobs")),
            observer,
            known: referrers::KnownReferrers::default(),
            has_lost: Arc::default(),
        }
    }

    /// Returns a view of one repository of the layout. The index names its tags `repository:tag`. Without a repository,
    /// only tags of no repository are visible.
    #[must_use]
    pub fn in_repository(self, repository: Option<&str>) -> Self {
        Self {
            repository: repository.map(str::to_owned),
            ..self
        }
    }

    /// Returns the repositories that have tags, sorted.
    pub fn repositories(&self) -> Result<Vec<String>, Error> {
        let index = self.index()?;
        let names = entries(&index).filter_map(name_of);
        let repositories: BTreeSet<&str> = names
            .filter_map(|name| Some(name.rsplit_once(':')?.0))
            .collect();
        Ok(repositories.into_iter().map(str::to_owned).collect())
    }

    /// Returns the name of a tag in the index.
    fn ref_name(&self, tag: &str) -> String {
        match &self.repository {
            Some(repository) => format!("{repository}:{tag}"),
            None => tag.to_owned(),
        }
    }

    /// Waits until no other process changes the index. Dropping the returned file releases the lock.
    fn lock(&self) -> Result<File, Error> {
        let path = self.directory.join(LOCK);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let lock = lock.map_err(Error::file(&path))?;
        lock.lock().map_err(Error::file(&path))?;
        Ok(lock)
    }

    fn write_json(&self, name: &str, value: &Value) -> Result<(), Error> {
        let path = self.directory.join(name);
        let write = || {
            let mut spool = Spool::new_in(&self.directory)?;
            spool.file().write_all(value.to_string().as_bytes())?;
            spool.sync()?;
            spool.replace(&path)
        };
        write().map_err(Error::file(&path))
    }

    fn malformed(&self, what: &str, reason: String) -> Error {
        Error::Malformed {
            what: what.to_owned(),
            location: self.location(),
            reason,
        }
    }

    fn index(&self) -> Result<Map<String, Value>, Error> {
        let path = self.directory.join(INDEX);
        let file = File::open(&path).map_err(Error::file(&path))?;
        let bytes = read_capped(file, MAX_INDEX_BYTES).map_err(Error::file(&path))?;
        let bytes = bytes.ok_or_else(|| self.malformed(INDEX, "it is too large".to_owned()))?;
        serde_json::from_slice(&bytes).map_err(|error| self.malformed(INDEX, error.to_string()))
    }

    fn read_manifest(&self, name: &Name) -> Result<RawManifest, Error> {
        let what = format!("manifest `{name}`");
        let not_found = || Error::not_found(self, Subject::Other(what.clone()));
        let (digest, stated) = match name {
            Name::Digest(digest) => (*digest, None),
            Name::Tag(tag) => {
                let index = self.index()?;
                let name = self.ref_name(tag);
                let entry = entries(&index).find(|entry| name_of(entry) == Some(&name));
                let entry = entry.ok_or_else(not_found)?;
                let digest = digest_of(entry).ok_or_else(|| {
                    self.malformed(INDEX, format!("the entry of `{tag}` has no digest"))
                })?;
                let stated = entry.get("mediaType").and_then(Value::as_str);
                (digest, stated.map(str::to_owned))
            }
        };
        let path = self.blobs.path(&digest);
        let Some(file) = spool::if_exists(&path, File::open(&path))? else {
            return Err(not_found());
        };
        let bytes = read_manifest((file, &path), digest, what, self)?;
        Ok(RawManifest::stated(bytes, &stated.unwrap_or_default()))
    }

    fn write_manifest(&self, manifest: &RawManifest, tag: Option<&str>) -> Result<(), Error> {
        let blob = Identity {
            digest: manifest.digest,
            size: manifest.bytes.len() as u64,
        };
        let path = self.blobs.path(&blob.digest);
        self.blobs
            .add(blob, &*manifest.bytes, &self.directory, true, |_| {})
            .map_err(Error::file(&path))?;
        let _lock = self.lock()?;
        let mut index = self.index()?;
        let list = index.entry("manifests").or_insert_with(|| json!([]));
        let list = list
            .as_array_mut()
            .ok_or_else(|| self.malformed(INDEX, "`manifests` is not a list".to_owned()))?;
        let name = tag.map(|tag| self.ref_name(tag));
        add_entry(list, manifest, name.as_deref());
        self.write_json(INDEX, &Value::Object(index))
    }
}

/// Adds a manifest under `name`. The manifest that had this name stays in the index without it, and so do all other
/// fields of the entries.
fn add_entry(list: &mut Vec<Value>, manifest: &RawManifest, name: Option<&str>) {
    let same = |entry: &Value| digest_of(entry) == Some(manifest.digest);
    let exists = |entry: &Value| same(entry) && (name.is_none() || name_of(entry) == name);
    if list.iter().any(exists) {
        return;
    }
    for entry in list.iter_mut().filter(|_| name.is_some()) {
        if name_of(entry) == name
            && let Some(annotations) = entry.get_mut("annotations").and_then(Value::as_object_mut)
        {
            annotations.remove(annotation::REF_NAME);
        }
    }
    let untagged = |entry: &&mut Value| {
        let annotations = entry.get("annotations");
        same(entry) && name_of(entry).is_none() && annotations.is_none_or(Value::is_object)
    };
    let entry = match list.iter_mut().find(untagged) {
        Some(entry) => entry,
        None => {
            list.push(json!({
                "mediaType": manifest.media_type,
                "digest": manifest.digest.to_string(),
                "size": manifest.bytes.len(),
            }));
            let last = list.len() - 1;
            &mut list[last]
        }
    };
    if let Some(name) = name {
        entry["annotations"][annotation::REF_NAME] = json!(name);
    }
}

fn empty_index() -> Value {
    json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": [] })
}

fn entries(index: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    index
        .get("manifests")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn name_of(entry: &Value) -> Option<&str> {
    entry
        .get("annotations")?
        .get(annotation::REF_NAME)?
        .as_str()
}

fn digest_of(entry: &Value) -> Option<Digest> {
    entry.get("digest")?.as_str()?.parse().ok()
}

#[async_trait]
impl Store for Layout {
    fn location(&self) -> String {
        let directory = self.directory.display();
        match &self.repository {
            Some(repository) => format!("oci:{directory}:{repository}"),
            None => format!("oci:{directory}"),
        }
    }

    fn kind(&self) -> StoreKind {
        StoreKind::Layout(self.directory.clone())
    }

    async fn manifest(&self, name: &Name) -> Result<RawManifest, Error> {
        let (layout, name) = (self.clone(), name.clone());
        blocking(move || layout.read_manifest(&name)).await
    }

    async fn has(&self, blob: Identity) -> Result<bool, Error> {
        self.blobs.has(blob)
    }

    async fn size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        self.blobs.size(digest)
    }

    async fn open(&self, blob: Identity, part: Range<u64>) -> Result<ByteStream, Error> {
        if !self.blobs.has(blob)? {
            return match self.blobs.size(&blob.digest)? {
                None => Err(Error::not_found(self, Subject::Blob(blob.digest.into()))),
                Some(size) => Err(wrong_size_error(blob, size, self)),
            };
        }
        self.blobs.stream(&blob.digest, part.start).await
    }

    async fn tags(&self) -> Result<Vec<String>, Error> {
        let index = self.index()?;
        let own = |name: &str| match &self.repository {
            Some(repository) => {
                let tag = name.strip_prefix(repository.as_str())?.strip_prefix(':')?;
                Some(tag.to_owned())
            }
            None => (!name.contains(':')).then(|| name.to_owned()),
        };
        Ok(entries(&index)
            .filter_map(name_of)
            .filter_map(own)
            .collect())
    }

    async fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error> {
        let (layout, subject) = (self.clone(), *subject);
        let artifact_type = artifact_type.map(str::to_owned);
        blocking(move || layout.find_referrers(&subject, artifact_type.as_deref())).await
    }

    fn referrers_left_out(&self) -> Option<String> {
        let has_lost = self.has_lost.load(Ordering::Relaxed);
        let location = self.location();
        has_lost.then(|| {
            format!("the index of {location} lists manifests that are missing or cannot be checked, perhaps referrers")
        })
    }
}

#[async_trait]
impl WritableStore for Layout {
    async fn push(&self, blob: Identity, file: &Path) -> Result<Delivery, Error> {
        let (layout, file) = (self.clone(), file.to_owned());
        blocking(move || {
            let source = File::open(&file).map_err(Error::file(&file))?;
            let path = layout.blobs.path(&blob.digest);
            let moved = |bytes| layout.observer.moved(bytes);
            layout
                .blobs
                .add(blob, source, &layout.directory, true, moved)
                .map_err(Error::file(&path))?;
            Ok(Delivery::Sent)
        })
        .await
    }

    async fn push_manifest(&self, manifest: &RawManifest, tag: Option<&str>) -> Result<(), Error> {
        let (layout, manifest) = (self.clone(), manifest.clone());
        let tag = tag.map(str::to_owned);
        blocking(move || layout.write_manifest(&manifest, tag.as_deref())).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_entries_of_other_clients_stay() {
        let manifest = RawManifest::new(b"{}".as_slice(), media_type::MANIFEST);
        let other = RawManifest::new(b"[]".as_slice(), media_type::MANIFEST);
        let entry = |manifest: &RawManifest, annotations: Value| {
            json!({
                "mediaType": "application/x", "digest": manifest.digest.to_string(), "size": 2,
                "artifactType": "theirs", "annotations": annotations,
            })
        };
        let tagged = json!({ annotation::REF_NAME: "1.0", "note": "mine" });
        let mut list = vec![entry(&manifest, tagged)];
        let before = list.clone();
        // Adding the same entry again changes nothing.
        add_entry(&mut list, &manifest, Some("1.0"));
        add_entry(&mut list, &manifest, None);
        assert_eq!(list, before);
        // A tag that moves keeps the rest of its old entry.
        add_entry(&mut list, &other, Some("1.0"));
        assert_eq!(list[0], entry(&manifest, json!({ "note": "mine" })));
        assert_eq!((list.len(), name_of(&list[1])), (2, Some("1.0")));
        // An entry without a tag gets one.
        add_entry(&mut list, &manifest, Some("2.0"));
        let again = json!({ annotation::REF_NAME: "2.0", "note": "mine" });
        assert_eq!((list.len(), &list[0]), (2, &entry(&manifest, again)));
        // A second tag is a second entry.
        add_entry(&mut list, &manifest, Some("3.0"));
        assert_eq!((list.len(), name_of(&list[2])), (3, Some("3.0")));
    }
}
