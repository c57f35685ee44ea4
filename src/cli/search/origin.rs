//! Whether an answer is where `get` would look for it.

use wharf::index::Entry;
use wharf::package::{Choice, Place};
use wharf::reference::package::PackageName;

use crate::cli::settings::{Context, local_layout};

/// Returns the repository of an answer, where its name alone leads to another one, or to none.
pub(super) fn elsewhere(context: &Context, entry: &Entry) -> Option<String> {
    let package: PackageName = entry.name.parse().ok()?;
    let home = home(context, &package).and_then(|place| place.location(&package).ok());
    let is_home = home.is_some_and(|home| home.to_string() == entry.location);
    (!is_home).then(|| entry.location.clone())
}

/// Returns the place of a package, as far as it is known without asking anybody.
fn home(context: &Context, package: &PackageName) -> Option<Place> {
    let configuration = context.configuration().ok()?;
    let named = context.registry.as_deref();
    let host = match named.map(str::parse::<Place>) {
        Some(Ok(Place::Registry { host, prefix })) if prefix.is_empty() => Some(host),
        Some(Ok(place)) => return Some(place),
        Some(Err(_)) => named.map(str::to_owned),
        None => None,
    };
    match configuration.choose(package, host.as_deref()).ok()? {
        Choice::Local => local_layout().map(Place::Layout),
        Choice::Known { place, .. } => Some(place),
        Choice::Ask { registry } => registry.parse().ok(),
    }
}
