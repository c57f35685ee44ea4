//! What the gateway sends: right bytes in every form, one fetch for all, and never a wrong end.

mod blob_directories;
mod cache;
mod failures;
mod forms;
mod frames;
mod scripted;
mod senders;
mod shared;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt;
use tempfile::TempDir;
use wharf::artifact::{Layer, SplitManifest};
use wharf::content::{EngineSettings, MinFree};
use wharf::digest::Digest;
use wharf::error::Error;
use wharf::gateway::content::{BodyForm, Component, Contents};
use wharf::split::{Granularity, SplitPolicy};
use wharf::store::blob_directory::BlobDirectory;
use wharf::store::cache::Cache;
use wharf::store::{ByteStream, Session};

use crate::support::binary::{MODULE_HEADER, noise, section, vector};
use crate::support::frames::unframed;
use scripted::Artifact;

/// No file is larger, and a layer of some bytes is one.
const POLICY: SplitPolicy = SplitPolicy {
    granularity: Granularity::Section,
    floor: 200,
    max_layers: 64,
};

const PLENTY: u64 = 1 << 30;

/// Bytes that compress.
fn text(seed: usize, size: usize) -> Vec<u8> {
    (0..size)
        .map(|at| b"(module (func (param i32)))"[(at * at + seed) % 27])
        .collect()
}

fn custom(name: &str, content: &[u8]) -> Vec<u8> {
    section(0, &[&vector(name.as_bytes()), content].concat())
}

/// A module of large and small sections, some of which compress and one of which is there twice.
fn sections() -> Artifact {
    let module = [
        MODULE_HEADER.to_vec(),
        custom("text", &text(1, 300_000)),
        custom("small", &text(2, 150)),
        custom("noise", &noise(1, 90_000)),
        custom("again", &text(1, 300_000)),
        custom("little", &text(3, 1_000)),
        custom("more noise", &noise(2, 400)),
        custom("small", &text(4, 199)),
        custom("last", &text(5, 50_000)),
    ];
    Artifact::of(module.concat(), &POLICY)
}

/// A cache and a directory for one test.
struct Ground {
    directory: TempDir,
}

impl Ground {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// What a process that begins sees.
    fn open(&self, max_bytes: u64, max_transfers: usize) -> Arc<Contents> {
        self.open_beside(Vec::new(), max_bytes, max_transfers)
    }

    /// What it sees that may look into directories of others, too.
    fn open_beside(
        &self,
        held: Vec<BlobDirectory>,
        max_bytes: u64,
        max_transfers: usize,
    ) -> Arc<Contents> {
        let cache = Cache::open(&self.directory.path().join("cache")).unwrap();
        let settings = EngineSettings {
            session: Session::unobserved(Arc::new(cache), max_transfers),
            directory: self.directory.path().join("contents"),
            directories: held,
            min_free: MinFree::None,
            max_bytes,
        };
        Contents::open(settings, Arc::default()).unwrap()
    }

    fn blobs(&self) -> Vec<std::path::PathBuf> {
        files(&self.directory.path().join("cache/v1/blobs/sha256"))
    }

    fn decoded(&self) -> Vec<std::path::PathBuf> {
        files(&self.directory.path().join("contents/decoded/sha256"))
    }

    /// Asserts that every file is what its name says, and returns their sizes together.
    fn check(&self, artifacts: &[&Artifact]) -> u64 {
        let layers = artifacts.iter().flat_map(|artifact| {
            let SplitManifest { root, layers, .. } = artifact.manifest.as_ref();
            std::iter::once(root).chain(layers)
        });
        let pairs: HashMap<String, Digest> = layers
            .map(|layer| (pair(layer).hex(), layer.content.digest))
            .collect();
        let mut size = 0;
        for path in self.blobs().into_iter().chain(self.decoded()) {
            let bytes = fs::read(&path).unwrap();
            size += bytes.len() as u64;
            let digest = Digest::of(&bytes);
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(digest.hex() == name || pairs.get(name) == Some(&digest));
        }
        size
    }
}

/// What a decoded layer is called: by its blob and by what that holds.
fn pair(layer: &Layer) -> Digest {
    let (blob, content) = (layer.blob.digest, layer.content.digest);
    Digest::of(format!("{blob} {content}").as_bytes())
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// All that comes, and how it ends.
async fn drain(mut body: ByteStream) -> (Vec<u8>, Result<(), Error>) {
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => {
                assert!(!piece.is_empty() && piece.len() <= 256 * 1024);
                bytes.extend(piece);
            }
            Err(error) => return (bytes, Err(error.into())),
        }
    }
    (bytes, Ok(()))
}

async fn ask(
    contents: &Arc<Contents>,
    component: Component,
    form: BodyForm,
) -> (Vec<u8>, Result<(), Error>) {
    match contents.body(component, form).await {
        Ok(body) => drain(body).await,
        Err(error) => (Vec::new(), Err(error)),
    }
}

/// What comes in full.
async fn whole(contents: &Arc<Contents>, component: Component, form: BodyForm) -> Vec<u8> {
    let (bytes, outcome) = ask(contents, component, form).await;
    outcome.unwrap();
    bytes
}
