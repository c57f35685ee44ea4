//! Ranges of blobs, as a host reads them for a component.

use std::sync::Arc;

use wharf::error::{Error, Kind};
use wharf::pull::Blobs;
use wharf::store::cache::Cache;
use wharf::store::{Session, Store};

use super::{MIB, remote};
use crate::support::fault::Registry;
use crate::support::workspace::names;
use wharf::digest::Digest;

struct Machine {
    directory: tempfile::TempDir,
    cache: Arc<Cache>,
    blobs: Blobs,
}

fn machine(registry: &Registry) -> Machine {
    let directory = tempfile::tempdir().unwrap();
    let cache = Arc::new(Cache::open(directory.path()).unwrap());
    let store: Arc<dyn Store> = Arc::new(remote(registry));
    let blobs = Blobs::new(&store, &Session::unobserved(Arc::clone(&cache), 4));
    Machine {
        directory,
        cache,
        blobs,
    }
}

fn bytes() -> Vec<u8> {
    (0..3 * MIB).map(|at| (at * 31 + (at >> 9)) as u8).collect()
}

#[tokio::test]
async fn a_range_of_a_blob_is_fetched_without_the_rest() {
    let (registry, bytes) = (Registry::start(), bytes());
    let digest = registry.put_blob("demo/app", &bytes).digest;
    let Machine {
        directory, blobs, ..
    } = machine(&registry);
    for (offset, length) in [(MIB, MIB), (5, 10), (bytes.len() - 1, 1), (bytes.len(), 0)] {
        let read = blobs.read(&digest, offset as u64, length as u32).await;
        assert!(read.unwrap() == bytes[offset..offset + length]);
    }
    let lines = registry.lines();
    let heads = lines.iter().filter(|line| line.starts_with("HEAD"));
    assert_eq!(heads.count(), 1);
    assert!(registry.blob_bytes() < (MIB + 100) as u64);
    assert_eq!(names(&directory.path().join("v1/blobs/sha256")).len(), 0);
}

#[tokio::test]
async fn a_blob_in_the_cache_is_read_there() {
    let (registry, bytes) = (Registry::start(), bytes());
    let machine = machine(&registry);
    let digest = machine.cache.add(&bytes).unwrap().digest;
    let read = machine.blobs.read(&digest, 7, 1000).await.unwrap();
    assert!(read == bytes[7..1007]);
    assert_eq!(registry.lines(), [""; 0]);
}

#[tokio::test]
async fn a_range_behind_the_end_and_a_missing_blob_are_errors() {
    let registry = Registry::start();
    let digest = registry.put_blob("demo/app", b"12345").digest;
    let blobs = machine(&registry).blobs;
    for (offset, length) in [(5, 1), (4, 2), (u64::MAX, 1)] {
        let error = blobs.read(&digest, offset, length).await.unwrap_err();
        assert!(matches!(error, Error::BlobRange { offset: found, .. } if found == offset));
    }
    let error = blobs.read(&Digest::of(b"missing"), 0, 1).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
}
