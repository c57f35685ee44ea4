//! From a name on the command line to a file, or to a store.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use wharf::component::Component;
use wharf::digest::Digest;
use wharf::package::{RegistrySettings, UserPassword};
use wharf::pull::{self, Opened};
use wharf::reference::package::looks_like_package;
use wharf::reference::{BLOBS, Location, Name, Reference, Repository};
use wharf::split::SplitPolicy;
use wharf::store::cache::Cache;
use wharf::store::held::Held;
use wharf::store::layout::Layout;
use wharf::store::remembered::{Offline, Remembering};
use wharf::store::remote::{Access, Credentials, Options, Remote, credentials};
use wharf::store::{self, Store};

use super::failure::Failure;
use super::meant;
use super::packages::{self, Named};
use super::settings::Context;
use super::text::printable;

/// What a command that takes all three was given.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    File(PathBuf),
    Named(Named),
}

/// Tells a file from a package or a reference: a file that exists wins.
pub(crate) fn given(text: &str) -> Result<Given, Failure> {
    let path = Path::new(text);
    if path.exists() {
        return Ok(Given::File(path.to_owned()));
    }
    // What begins so is no file that somebody forgot to make.
    if looks_like_package(text) || text.starts_with(BLOBS) {
        return Ok(Given::Named(packages::named(text)?));
    }
    match text.parse() {
        Ok(reference) => Ok(Given::Named(Named::Reference(reference))),
        Err(error) => {
            let failure = Failure::new(super::failure::Exit::NotFound, format!("no file `{text}`"));
            Err(failure.hint(match meant::is_word(text) {
                true => format!("and no package and no reference: {}", packages::FORMS),
                false => format!("and as a reference: {error}"),
            }))
        }
    }
}

/// Reads a reference that must be one.
pub(crate) fn reference(text: &str) -> Result<Reference, Failure> {
    text.parse().map_err(|error| {
        let failure = Failure::usage(error);
        match meant::reference(text) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// Reads a reference that something is to be written to.
pub(crate) fn target(text: &str) -> Result<Reference, Failure> {
    match text.starts_with(BLOBS) {
        true => Err(read_only(text)),
        false => reference(text),
    }
}

fn read_only(what: &str) -> Failure {
    let failure = Failure::usage(format!(
        "`{what}` cannot be written to: {BLOBS} is only read from"
    ));
    failure.hint("what wharf writes is in a layout or in a registry: oci:DIR:TAG or HOST[:PORT]/REPOSITORY:TAG")
}

/// Opens the store that a reference points into.
pub(crate) async fn store(
    context: &Context,
    reference: &Reference,
    access: Access,
    cache: &Arc<Cache>,
) -> Result<Arc<dyn Store>, Failure> {
    let place = Place::of(&reference.location);
    store_at(context, &place, access, cache).await
}

/// A repository, and how its registry is spoken to.
pub(crate) struct Place<'a> {
    pub(crate) location: &'a Location,
    /// What the configuration says of the registry.
    pub(crate) settings: RegistrySettings,
    /// Where what is written here comes from: blobs may be mounted from there.
    pub(crate) beside: Option<&'a Location>,
}

impl<'a> Place<'a> {
    pub(crate) fn of(location: &'a Location) -> Self {
        Self {
            location,
            settings: RegistrySettings::default(),
            beside: None,
        }
    }
}

/// Opens a repository of a registry or of a layout, or a directory of blobs. What is read from a registry is remembered.
pub(crate) async fn store_at(
    context: &Context,
    place: &Place<'_>,
    access: Access,
    cache: &Arc<Cache>,
) -> Result<Arc<dyn Store>, Failure> {
    let observer = context.observer();
    Ok(match place.location {
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
        Location::Blobs { directory } => match access {
            Access::Pull => Arc::new(Held::open(directory)?),
            Access::Push => return Err(read_only(&place.location.to_string())),
        },
        Location::Repository(repository) if context.offline => {
            Arc::new(Offline::new(repository.to_string(), Arc::clone(cache)))
        }
        Location::Repository(repository) => {
            let remote = Arc::new(remote(context, repository, place, access, cache).await?);
            match access {
                Access::Pull => Arc::new(Remembering::new(remote, Arc::clone(cache))),
                Access::Push => remote,
            }
        }
    })
}

async fn remote(
    context: &Context,
    repository: &Repository,
    place: &Place<'_>,
    access: Access,
    cache: &Arc<Cache>,
) -> Result<Remote, Failure> {
    let Repository { registry, path } = repository.clone();
    let credentials = credentials(context, &registry, &path, &place.settings).await?;
    let options = options(context, &place.settings);
    let remote = Remote::new(repository, access, credentials, &options)?;
    let beside = match place.beside {
        Some(Location::Repository(other)) if other.registry == registry && other.path != path => {
            Some(other.path.clone())
        }
        _ => None,
    };
    let cache = Arc::clone(cache);
    let source = move |blob: &Digest| {
        let remembered = || {
            cache
                .source(blob, &registry)
                .filter(|source| *source != path)
        };
        beside.clone().or_else(remembered)
    };
    Ok(remote.with_sources(Arc::new(source)))
}

/// Finds out who we are to a registry: what the command line says, else a token in the environment, else the
/// configuration, else what `login` stored.
pub(crate) async fn credentials(
    context: &Context,
    registry: &str,
    path: &str,
    settings: &RegistrySettings,
) -> Result<Credentials, Failure> {
    if let Some(credentials) = &context.credentials {
        return Ok(credentials.clone());
    }
    if let Some(credentials) = credentials::in_environment(registry)? {
        return Ok(credentials);
    }
    match &settings.credentials {
        Some(UserPassword { username, password }) => Ok(Credentials::Basic {
            username: username.clone(),
            password: password.clone(),
        }),
        None => {
            // A credential helper is a program that is waited for.
            let (registry, path) = (registry.to_owned(), path.to_owned());
            let find = move || credentials::find(&registry, &path);
            let found = tokio::task::spawn_blocking(find).await;
            Ok(found.map_err(anyhow::Error::from)??)
        }
    }
}

/// Returns how a registry is spoken to.
pub(crate) fn options(context: &Context, settings: &RegistrySettings) -> Options {
    let mut options = context.options();
    options.plain_http |= settings.plain_http;
    options
        .ca_certificates
        .extend_from_slice(&settings.ca_certificates);
    options
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

/// Reads manifest and config of an artifact that a reference or a package names.
pub(crate) async fn open(
    context: &Context,
    named: Named,
    cache: &Arc<Cache>,
) -> Result<(Reference, Arc<dyn Store>, Opened), Failure> {
    match named {
        Named::Package(spec) => {
            let found = packages::find(context, &spec, cache).await?;
            Ok((found.reference, found.store, found.opened))
        }
        Named::Reference(reference) => {
            let store = store(context, &reference, Access::Pull, cache).await?;
            let opened = opened(context, store.as_ref(), &reference.name(), cache).await?;
            Ok((reference, store, opened))
        }
    }
}

/// Fails if credentials were given that say nothing of whom they are for, and there are two who would see them.
pub(crate) fn check_credentials(
    context: &Context,
    a: &Location,
    b: &Location,
) -> Result<(), Failure> {
    match (a, b) {
        (Location::Repository(a), Location::Repository(b))
            if context.names_credentials() && a.registry != b.registry =>
        {
            let failure = Failure::usage(
                "--username and WHARF_TOKEN are for one registry, and these are two places",
            );
            Err(failure.hint("`wharf login` keeps credentials for each"))
        }
        _ => Ok(()),
    }
}

/// Reads manifest and config of an artifact, and says on standard error which split form is not used.
pub(crate) async fn opened(
    context: &Context,
    store: &dyn Store,
    name: &Name,
    cache: &Cache,
) -> Result<Opened, Failure> {
    let observer = context.observer();
    let opened = pull::open(store, name, cache, observer.as_ref()).await?;
    for unused in &opened.unused {
        eprintln!("warning: {}", printable(&unused.to_string()));
    }
    Ok(opened)
}

/// Returns the split digest of an artifact that has a split form.
pub(crate) fn split_digest(opened: &Opened) -> Option<Digest> {
    opened.split().map(|split| split.manifest.config.digest)
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
