//! WIT packages: components that hold interfaces and worlds, and nothing that runs.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use wharf::component::Component;
use wharf::metadata;
use wharf::pull::{self, Opened, Output};
use wharf::reference::package::{PackageName, Version};
use wharf::store::Store;
use wharf::store::cache::Cache;
use wharf::world::{self, Kind, World};

use super::failure::Failure;
use super::settings::Context;

/// Decodes a file that may be a WIT package; nothing where it is none.
pub(crate) async fn of_file(
    path: &Path,
    component: &Component<File>,
) -> Result<Option<World>, Failure> {
    let bytes = component.config.content.size;
    if !world::may_be_wit_package(&component.map) || bytes > world::MAX_DECODED_BYTES as u64 {
        return Ok(None);
    }
    let path = path.to_owned();
    let decode = move || {
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        Ok::<_, anyhow::Error>(wit_package(&bytes))
    };
    let decoded = tokio::task::spawn_blocking(decode).await;
    Ok(decoded.map_err(anyhow::Error::from)??)
}

/// Decodes bytes that have the shape of a WIT package. What cannot be decoded is a component like others.
pub(crate) fn wit_package(bytes: &[u8]) -> Option<World> {
    let world = world::decode(bytes).ok()?;
    matches!(world.kind, Kind::WitPackage { .. }).then_some(world)
}

/// The largest artifact that is fetched only to see whether it is a WIT package, in bytes.
const MAX_FETCHED_BYTES: u64 = 4 * 1024 * 1024;

/// A component in memory.
#[derive(Default)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output for Bytes {
    fn restart(&mut self) -> io::Result<()> {
        self.0.clear();
        Ok(())
    }
}

/// Fetches an artifact that may be a WIT package and returns its text; nothing where it is none.
pub(crate) async fn of_stored(
    context: &Context,
    store: &Arc<dyn Store>,
    opened: &Opened,
    cache: &Arc<Cache>,
) -> Result<Option<String>, Failure> {
    if opened.content().size > MAX_FETCHED_BYTES {
        return Ok(None);
    }
    let (slots, observer) = (context.concurrency, context.observer());
    let bytes = Bytes::default();
    let (Bytes(bytes), _) = pull::pull(store, opened, cache, bytes, slots, &observer).await?;
    let decode = move || wit_package(&bytes).map(|world| world.text);
    let decoded = tokio::task::spawn_blocking(decode).await;
    Ok(decoded.map_err(anyhow::Error::from)?)
}

/// Returns the package and the version that a file says it is.
pub(crate) async fn package_of(
    path: &Path,
    component: &Arc<Component<File>>,
) -> Result<(Option<PackageName>, Option<Version>), Failure> {
    let wit = of_file(path, component).await?;
    let kind = wit.as_ref().map(|world| &world.kind);
    Ok(metadata::package_of(&component.map, kind))
}
