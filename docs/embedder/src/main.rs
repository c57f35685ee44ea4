//! Runs a command component whose remote files stay in a registry: `embedder [--component FILE] REFERENCE [ARG…]`
//!
//! The component is that of the artifact, or the one in FILE. The host implements `wharf:assets/blob`, and reads ranges
//! of the blobs in the repository of the reference. docs/ASSETS.md shows how to use it.

use std::env;
use std::io::{Read, Seek};
use std::process;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store, StoreContextMut};
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wharf::package::{Connector, LocatedArtifact, RegistrySettings};
use wharf::pull::{self, Blobs};
use wharf::reference::Reference;
use wharf::store::Session;
use wharf::store::cache::Cache;
use wharf::store::remote::Options;

/// The interface in `src/assets/blob.wit`.
const BLOB: &str = "wharf:assets/blob@0.1.0";

struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
    blobs: Arc<Blobs>,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let file = match arguments
        .first()
        .is_some_and(|first| first == "--component")
    {
        true => arguments.drain(..arguments.len().min(2)).nth(1),
        false => None,
    };
    let reference = arguments.first().context("a reference is required")?;
    let reference: Reference = reference.parse().context("the reference is malformed")?;

    let directory = tempfile::tempdir()?;
    let session = Session::unobserved(Arc::new(Cache::open(directory.path())?), 4);
    let located = open(reference, &session).await?;
    let component = match file {
        Some(file) => std::fs::read(&file).with_context(|| file)?,
        None => pull(&located, &session).await?,
    };
    let wasi = WasiCtxBuilder::new()
        .inherit_stdio()
        .args(&arguments)
        .build();
    let host = Host {
        wasi,
        table: ResourceTable::new(),
        blobs: Arc::new(Blobs::new(&located.store, &session)),
    };
    let status = run(&component, host).await?;
    // `exit` runs no destructors.
    directory.close()?;
    process::exit(status)
}

/// Finds the artifact. Credentials are those of `wharf login`, or of other clients.
async fn open(reference: Reference, session: &Session) -> anyhow::Result<LocatedArtifact> {
    let connector = Connector {
        options: Options::default(),
        credentials: None,
        offline: false,
        session: session.clone(),
    };
    let settings = RegistrySettings::default();
    Ok(connector.open(reference, &settings).await?)
}

/// Returns the component of an artifact, which does not contain its remote files.
async fn pull(located: &LocatedArtifact, session: &Session) -> anyhow::Result<Vec<u8>> {
    let LocatedArtifact { store, opened, .. } = located;
    let (mut file, _) = pull::pull(store, opened, session, tempfile::tempfile()?).await?;
    let mut component = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut component)?;
    Ok(component)
}

/// Runs the component, and returns its exit status.
async fn run(component: &[u8], host: Host) -> anyhow::Result<i32> {
    let engine = Engine::new(&Config::new())?;
    let component = Component::new(&engine, component)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    linker.instance(BLOB)?.func_wrap_async(
        "read",
        |store: StoreContextMut<'_, Host>, (digest, offset, length): (String, u64, u32)| {
            let blobs = Arc::clone(&store.data().blobs);
            Box::new(async move {
                let read = read(&blobs, &digest, offset, length).await;
                // The interface has no words for an error, so the host reports it.
                let read = read.map_err(|error| eprintln!("cannot read {digest:?}: {error:#}"));
                Ok((read,))
            })
        },
    )?;
    let mut store = Store::new(&engine, host);
    let command = Command::instantiate_async(&mut store, &component, &linker).await?;
    match command.wasi_cli_run().call_run(&mut store).await {
        Ok(Ok(())) => Ok(0),
        Ok(Err(())) => Ok(1),
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(exit) => Ok(exit.0),
            None => Err(anyhow!(error)),
        },
    }
}

async fn read(blobs: &Blobs, digest: &str, offset: u64, length: u32) -> anyhow::Result<Vec<u8>> {
    let digest = digest.parse().context("not a digest")?;
    Ok(blobs.read(&digest, offset, length).await?)
}
