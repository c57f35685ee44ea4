//! From a package's name to its repository: what the verbs about packages share.

use std::path::PathBuf;
use std::sync::Arc;

use wharf::digest::Digest;
use wharf::package::{self, Choice, ConfigurationError, Place, RegistrySettings, Resolved, Target};
use wharf::pull::Opened;
use wharf::reference::package::{PackageName, PackageSpec, looks_like_package};
use wharf::reference::{Location, Name, Reference};
use wharf::store::Store;
use wharf::store::cache::Cache;
use wharf::store::remote::Access;

use super::failure::{Exit, Failure};
use super::settings::{self, Context};
use super::{connect, meant};

/// Where packages are, and how that registry is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    pub(crate) place: Place,
    pub(crate) settings: RegistrySettings,
}

/// What a command that takes both was given.
#[derive(Debug, Clone)]
pub(crate) enum Named {
    Package(PackageSpec),
    Reference(Reference),
}

/// Tells a package from a reference: a package has no slash.
pub(crate) fn named(text: &str) -> Result<Named, Failure> {
    if looks_like_package(text) {
        return spec(text).map(Named::Package);
    }
    text.parse().map(Named::Reference).map_err(|error| {
        let failure = match meant::is_word(text) {
            true => Failure::usage(format!("`{text}` is no package and no reference")),
            false => Failure::usage(error),
        };
        failure.hint(meant::reference(text).unwrap_or_else(|| FORMS.to_owned()))
    })
}

/// What a package and a reference look like.
pub(crate) const FORMS: &str = "a package is NAMESPACE:NAME, perhaps with @VERSION; a reference is \
                                HOST[:PORT]/REPOSITORY:TAG or oci:DIR:TAG";

/// Reads a package, and which of its versions are meant.
pub(crate) fn spec(text: &str) -> Result<PackageSpec, Failure> {
    text.parse()
        .map_err(|error| Failure::usage(error).hint(meant::package(text)))
}

/// Says that a text is no place of packages.
pub(crate) fn no_place(text: &str, error: impl std::fmt::Display) -> Failure {
    let failure = Failure::usage(error);
    match meant::place(text) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Reads a package that no version may be given of.
pub(crate) fn name(text: &str) -> Result<PackageName, Failure> {
    let spec = spec(text)?;
    match spec.wanted {
        wharf::reference::package::Wanted::Newest => Ok(spec.name),
        _ => Err(Failure::usage(format!(
            "`{text}` names a version; here it is NAMESPACE:NAME"
        ))),
    }
}

/// Finds out where a package is: as the command line says, else the configuration, else in this user's layout.
pub(crate) async fn home(context: &Context, package: &PackageName) -> Result<Home, Failure> {
    let configuration = context.configuration()?;
    home_by(context, |registry| configuration.choose(package, registry)).await
}

/// Returns whether neither the call nor the configuration says where a package is.
pub(crate) fn is_unsaid(context: &Context, package: &PackageName) -> Result<bool, Failure> {
    if context.registry.is_some() {
        return Ok(false);
    }
    let choice = context.configuration()?.choose(package, None);
    Ok(matches!(choice.map_err(misconfigured)?, Choice::Local))
}

/// Finds out where something is by a rule that takes the registry of this call, if one is named.
pub(crate) async fn home_by(
    context: &Context,
    choose: impl Fn(Option<&str>) -> Result<Choice, ConfigurationError>,
) -> Result<Home, Failure> {
    let Some(text) = &context.registry else {
        return chosen(context, choose(None).map_err(misconfigured)?).await;
    };
    match text.parse::<Place>() {
        Ok(place) => at_by(context, &place, choose).await,
        // The configuration may know it by a name that is no host.
        Err(error) => match choose(Some(text)) {
            Ok(known @ Choice::Known { .. }) => chosen(context, known).await,
            _ => Err(no_place(text, error)),
        },
    }
}

/// Finds out where a package is at a place that was named.
pub(crate) async fn at(
    context: &Context,
    place: &Place,
    package: &PackageName,
) -> Result<Home, Failure> {
    let configuration = context.configuration()?;
    at_by(context, place, |registry| {
        configuration.choose(package, registry)
    })
    .await
}

/// A registry without a prefix may be configured, or say more itself.
async fn at_by(
    context: &Context,
    place: &Place,
    choose: impl Fn(Option<&str>) -> Result<Choice, ConfigurationError>,
) -> Result<Home, Failure> {
    let choice = match place {
        Place::Registry { host, prefix } if prefix.is_empty() => {
            choose(Some(host)).map_err(misconfigured)?
        }
        Place::Registry { host, .. } => Choice::Known {
            registry: host.clone(),
            place: place.clone(),
        },
        Place::Layout(_) => Choice::Known {
            registry: String::new(),
            place: place.clone(),
        },
    };
    chosen(context, choice).await
}

async fn chosen(context: &Context, choice: Choice) -> Result<Home, Failure> {
    let configuration = context.configuration()?;
    let was_asked = matches!(choice, Choice::Ask { .. });
    let (registry, place) = match choice {
        Choice::Local => return local(),
        Choice::Known { registry, place } => (registry, place),
        Choice::Ask { registry } => {
            let place = ask(context, &registry).await?;
            (registry, place)
        }
    };
    let mut settings = match place {
        Place::Registry { .. } => configuration.settings(&registry).map_err(misconfigured)?,
        Place::Layout(_) => RegistrySettings::default(),
    };
    if let (true, Place::Registry { host, .. }) = (was_asked, &place)
        && *host != registry
    {
        // What is said of one host holds for no other that only the registry itself names.
        settings = configuration.settings(host).map_err(misconfigured)?;
    }
    Ok(Home { place, settings })
}

/// Why there is no layout of this user's.
pub(crate) const NO_HOME: &str = "neither WHARF_HOME nor HOME is set";

/// Returns this user's layout, for when nothing is configured.
pub(crate) fn local() -> Result<Home, Failure> {
    let directory = settings::local_layout().ok_or_else(|| {
        Failure::usage(format!("there is no place for packages: {NO_HOME}"))
            .hint("name one with --registry oci:DIR or in WHARF_HOME")
    })?;
    Ok(Home {
        place: Place::Layout(directory),
        settings: RegistrySettings::default(),
    })
}

/// Asks a registry where its packages are.
async fn ask(context: &Context, registry: &str) -> Result<Place, Failure> {
    let settings = context
        .configuration()?
        .settings(registry)
        .map_err(misconfigured)?;
    let cache = context.cache()?;
    // The document is remembered as tags are: by who has it, and what it is called.
    let host = format!("https://{registry}{WELL_KNOWN}");
    if context.offline {
        let known = cache.tag(&host, DOCUMENT)?;
        let known = known.map(|digest| cache.read(&digest, MAX_REMEMBERED_BYTES));
        let metadata = known.transpose()?.flatten();
        return Choice::asked(registry, metadata.as_deref()).map_err(misconfigured);
    }
    let options = connect::options(context, &settings);
    let metadata = package::registry_metadata(registry, &options).await?;
    let place = Choice::asked(registry, metadata.as_deref()).map_err(misconfigured)?;
    if let Place::Registry { host, .. } = &place
        && host != registry
        && context.names_credentials()
    {
        let message =
            format!("{registry} sends to {host}, and the credentials are for one of them");
        let hint = format!("`wharf login {host}`, or name it: --registry {place}");
        return Err(Failure::usage(message).hint(hint));
    }
    match &metadata {
        Some(metadata) => {
            let document = cache.add(metadata)?;
            cache.remember_tag(&host, DOCUMENT, &document.digest)?;
        }
        None => cache.forget_tag(&host, DOCUMENT)?,
    }
    Ok(place)
}

/// Where a registry says where its packages are.
const WELL_KNOWN: &str = "/.well-known/wasm-pkg/";
const DOCUMENT: &str = "registry.json";

/// The largest document that is remembered, in bytes.
const MAX_REMEMBERED_BYTES: u64 = 64 * 1024;

pub(crate) fn misconfigured(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Integrity, error).hint("`wharf config` shows what is read")
}

impl Home {
    /// Returns the repository of a package.
    pub(crate) fn location(&self, package: &PackageName) -> Result<Location, Failure> {
        self.place.location(package).map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            Failure::usage(format!("{error}{}", cause.unwrap_or_default()))
        })
    }

    /// Opens the repository of a package to copy to from another one.
    pub(crate) async fn store_beside(
        &self,
        context: &Context,
        package: &PackageName,
        source: &Location,
        cache: &Arc<Cache>,
    ) -> Result<Arc<dyn Store>, Failure> {
        let place = connect::Place {
            location: &self.location(package)?,
            settings: self.settings.clone(),
            beside: Some(source),
        };
        connect::store_at(context, &place, Access::Push, cache).await
    }

    /// Opens the repository of a package.
    pub(crate) async fn store(
        &self,
        context: &Context,
        package: &PackageName,
        access: Access,
        cache: &Arc<Cache>,
    ) -> Result<Arc<dyn Store>, Failure> {
        let place = connect::Place {
            location: &self.location(package)?,
            settings: self.settings.clone(),
            beside: None,
        };
        let opened = connect::store_at(context, &place, access, cache).await;
        opened.map_err(|failure| match (&self.place, access) {
            (Place::Layout(directory), Access::Pull) if failure.is_not_found() => {
                nothing_published(package, directory)
            }
            _ => failure,
        })
    }
}

/// A layout that nobody made yet has no packages.
fn nothing_published(package: &PackageName, directory: &std::path::Path) -> Failure {
    let directory = directory.display();
    let message = format!("there is no package {package} in oci:{directory}");
    Failure::new(Exit::NotFound, message).hint(format!(
        "`wharf publish FILE {package}@VERSION` puts it there; another place is named with --registry"
    ))
}

/// A version of a package, found.
pub(crate) struct Found {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) resolved: Resolved,
    pub(crate) reference: Reference,
    pub(crate) opened: Opened,
}

/// Finds the version that is meant.
pub(crate) async fn find(
    context: &Context,
    spec: &PackageSpec,
    cache: &Arc<Cache>,
) -> Result<Found, Failure> {
    let home = home(context, &spec.name).await?;
    let store = home.store(context, &spec.name, Access::Pull, cache).await?;
    let resolved = package::resolve(store.as_ref(), spec).await?;
    if resolved.yanked {
        eprintln!("warning: {}@{} is yanked", spec.name, resolved.version);
    }
    let name = Name::Digest(resolved.digest);
    let opened = connect::opened(context, store.as_ref(), &name, cache).await?;
    package::owned(store.as_ref(), &spec.name, &opened)?;
    let reference = Reference {
        location: home.location(&spec.name)?,
        tag: Some(resolved.tag.clone()),
        digest: Some(resolved.digest),
    };
    Ok(Found {
        store,
        resolved,
        reference,
        opened,
    })
}

/// Makes sure that a version, whatever it is, is not one of another package that shares the repository.
pub(crate) async fn check_owner(
    context: &Context,
    store: &dyn Store,
    package: &PackageName,
    version: Digest,
    cache: &Arc<Cache>,
) -> Result<(), Failure> {
    let observer = context.observer();
    let target = Target {
        store,
        cache,
        observer: &observer,
    };
    Ok(package::check_owner(&target, package, &Name::Digest(version)).await?)
}

/// Returns the file that a package is written to where nobody names one.
pub(crate) fn file_of(package: &PackageName) -> PathBuf {
    PathBuf::from(format!("{}.wasm", package.name()))
}
