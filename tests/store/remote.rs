//! The registry transport against a registry that fails as it is told.

mod answers;
mod blobs;
mod catalog;
mod chunks;
mod login;
mod public;
mod pushing;
mod reading;
mod referrers;
mod retrying;
mod scopes;
mod wellknown;

use std::io::Read;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::fault::{Auth, Fault, Mount, Registry, Settings};
use wharf::digest::{Digest, Identity};
use wharf::reference::{Name, Repository};
use wharf::store::remote::{Access, Credentials, Options, Remote, TooSlow};
use wharf::store::retry::Retry;
use wharf::store::{
    Delivery, Error, MAX_MANIFEST_BYTES, Observer, RawManifest, Store, WritableStore, fetch,
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const UPLOADS: &str = "/v2/demo/app/blobs/uploads/";
const MIB: usize = 1024 * 1024;

fn options() -> Options {
    Options {
        retry: Retry {
            attempts: 4,
            first: Duration::from_millis(1),
            longest: Duration::from_millis(2),
            max_waits: Retry::NETWORK.max_waits,
        },
        ..Options::default()
    }
}

fn repository(registry: &str) -> Repository {
    Repository {
        registry: registry.to_owned(),
        path: "demo/app".to_owned(),
    }
}

fn basic(password: &str) -> Credentials {
    Credentials::Basic {
        username: "user".to_owned(),
        password: password.to_owned(),
    }
}

fn remote_as(registry: &Registry, credentials: Credentials) -> Remote {
    Remote::new(
        &repository(&registry.address()),
        Access::Push,
        credentials,
        &options(),
    )
    .unwrap()
}

fn remote(registry: &Registry) -> Remote {
    remote_as(registry, Credentials::Anonymous)
}

/// Bytes that do not repeat within a blob of the tests.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..size).map(|_| next()).collect()
}

struct Source {
    _directory: tempfile::TempDir,
    file: PathBuf,
    blob: Identity,
}

fn source(bytes: &[u8]) -> Source {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("blob");
    std::fs::write(&file, bytes).unwrap();
    let blob = Identity::of(bytes);
    Source {
        _directory: directory,
        file,
        blob,
    }
}

async fn fetched(store: &Remote, blob: Identity) -> Result<Vec<u8>, Error> {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = fetch(store, blob, directory.path(), &()).await?;
    let mut bytes = Vec::new();
    spool.file().read_to_end(&mut bytes).unwrap();
    Ok(bytes)
}

async fn pushed(registry: &Registry, store: &Remote, bytes: &[u8]) -> Result<Delivery, Error> {
    let source = source(bytes);
    let delivery = store.push(source.blob, &source.file).await?;
    let stored = registry.blob("demo/app", &source.blob.digest);
    assert_eq!(stored.as_deref().map(Vec::as_slice), Some(bytes));
    Ok(delivery)
}

fn tag(name: &str) -> Name {
    Name::Tag(name.to_owned())
}

/// The error and its sources, as a person sees them.
fn shown(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
