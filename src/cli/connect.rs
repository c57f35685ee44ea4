//! From a name on the command line to a file, or to a store.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use wharf::component::Component;
use wharf::digest::Digest;
use wharf::pull::{self, Opened};
use wharf::reference::{Location, Reference, Repository};
use wharf::split::SplitPolicy;
use wharf::store::cache::Cache;
use wharf::store::layout::Layout;
use wharf::store::remote::{Access, Remote, credentials};
use wharf::store::{self, Store};

use super::failure::Failure;
use super::settings::Context;
use super::text::printable;

/// What a command that takes both was given.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    File(PathBuf),
    Reference(Reference),
}

/// Tells a file from a reference: a file that exists wins.
pub(crate) fn given(text: &str) -> Result<Given, Failure> {
    let path = Path::new(text);
    if path.exists() {
        return Ok(Given::File(path.to_owned()));
    }
    match text.parse() {
        Ok(reference) => Ok(Given::Reference(reference)),
        Err(error) => {
            let failure = Failure::new(super::failure::Exit::NotFound, format!("no file `{text}`"));
            Err(failure.hint(format!("and as a reference: {error}")))
        }
    }
}

/// Returns the registry that a reference points to, if it is not a layout.
pub(crate) fn registry(reference: &Reference) -> Option<&str> {
    match &reference.location {
        Location::Repository(repository) => Some(&repository.registry),
        Location::Layout { .. } => None,
    }
}

/// Reads a reference that must be one.
pub(crate) fn reference(text: &str) -> Result<Reference, Failure> {
    text.parse().map_err(Failure::usage)
}

/// Opens the store that a reference points into.
pub(crate) async fn store(
    context: &Context,
    reference: &Reference,
    access: Access,
    cache: &Arc<Cache>,
) -> Result<Arc<dyn Store>, Failure> {
    let observer = context.observer();
    Ok(match &reference.location {
        Location::Layout {
            directory,
            repository,
        } => {
            let layout = match access {
                Access::Pull => Layout::open(directory, observer)?,
                Access::Push => Layout::create(directory, observer)?,
            };
            Arc::new(layout.in_repository(repository.as_deref()))
        }
        Location::Repository(repository) => {
            Arc::new(remote(context, repository, access, cache).await?)
        }
    })
}

async fn remote(
    context: &Context,
    repository: &Repository,
    access: Access,
    cache: &Arc<Cache>,
) -> Result<Remote, Failure> {
    let credentials = match &context.credentials {
        Some(credentials) => credentials.clone(),
        None => {
            // A credential helper is a program that is waited for.
            let repository = repository.clone();
            let find = move || credentials::find(&repository.registry, &repository.path);
            tokio::task::spawn_blocking(find)
                .await
                .map_err(anyhow::Error::from)??
        }
    };
    let remote = Remote::new(repository, access, credentials, &context.options())?;
    let (cache, registry) = (Arc::clone(cache), repository.registry.clone());
    let own = repository.path.clone();
    let source = move |blob: &Digest| cache.source(blob, &registry).filter(|path| *path != own);
    Ok(remote.with_sources(Arc::new(source)))
}

/// Remembers where blobs are, so that a later push can mount them.
pub(crate) fn remember(
    cache: &Cache,
    reference: &Reference,
    blobs: impl Iterator<Item = Digest>,
) -> Result<(), Failure> {
    if let Location::Repository(repository) = &reference.location {
        for blob in blobs {
            cache.remember(&blob, &repository.to_string())?;
        }
    }
    Ok(())
}

/// Reads manifest and config of an artifact, and says on standard error which split form is not used.
pub(crate) async fn open(
    context: &Context,
    reference: &Reference,
    cache: &Arc<Cache>,
) -> Result<(Arc<dyn Store>, Opened), Failure> {
    let store = store(context, reference, Access::Pull, cache).await?;
    let observer = context.observer();
    let opened = pull::open(store.as_ref(), &reference.name(), cache, observer.as_ref()).await?;
    for unused in &opened.unused {
        eprintln!("warning: {}", printable(&unused.to_string()));
    }
    Ok((store, opened))
}

/// Maps, plans and hashes a component's file.
pub(crate) async fn component(
    path: &Path,
    policy: SplitPolicy,
) -> Result<Arc<Component<File>>, Failure> {
    let name = printable(&path.display().to_string());
    // A pipe would be waited for, and cannot be read twice.
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        return Err(Failure::usage(format!("{name} is no regular file")));
    }
    if path.is_dir() {
        return Err(Failure::usage(format!("{name} is a directory")));
    }
    let file = File::open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::new(super::failure::Exit::NotFound, format!("no file `{name}`"))
        }
        _ => store::Error::File {
            path: path.to_owned(),
            source,
        }
        .into(),
    })?;
    let read = move || Component::read(file, &policy);
    let component = tokio::task::spawn_blocking(read)
        .await
        .map_err(anyhow::Error::from)?;
    let component = Arc::new(component.context(name.clone())?);
    Ok(component)
}

/// Says on standard error where a component cannot be read further.
pub(crate) fn warn(path: &Path, component: &Component<File>) {
    if let Some(damage) = &component.map.damage {
        let name = printable(&path.display().to_string());
        eprintln!(
            "warning: {name} cannot be read past byte {}: {}; the rest is stored as it is",
            damage.offset, damage.reason
        );
    }
}

/// When and how large a file was, to see whether it changed while it was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stamp(u64, Option<std::time::SystemTime>);

impl Stamp {
    pub(crate) fn of(path: &Path) -> Result<Self, Failure> {
        let metadata = std::fs::metadata(path).with_context(|| path.display().to_string());
        let metadata = metadata.map_err(|error| {
            let missing = error.downcast_ref::<std::io::Error>();
            match missing.is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
                true => Failure::new(
                    super::failure::Exit::NotFound,
                    format!("no file `{}`", path.display()),
                ),
                false => error.into(),
            }
        })?;
        Ok(Self(metadata.len(), metadata.modified().ok()))
    }
}
