//! The index and what it answers, against what is true of the whole files.

mod attributes;
mod authentication;
mod claims;
mod components;
mod faults;
mod large;
mod marks;
mod names;
mod proxy;
mod requests;
mod trust;
mod types;

use std::sync::Arc;

use crate::support::registries;
use crate::support::workspace::{Answer, Workspace};
use ::wharf::component::Component;
use ::wharf::encoding::Level;
use ::wharf::manifest::Annotations;
use ::wharf::package::PackagePlace;
use ::wharf::push;
use ::wharf::reference::Location;
use ::wharf::reference::package::PackageName;
use ::wharf::split::{Granularity, SplitPolicy};
use ::wharf::store::cache::Cache;
use ::wharf::store::layout::Layout;
use ::wharf::store::remote::{Access, Credentials, Options, Remote};
use ::wharf::store::{Session, WritableStore};
use components::TestComponent;
use serde_json::Value;

const POLICY: SplitPolicy = SplitPolicy {
    granularity: Granularity::Section,
    floor: 4096,
    max_layers: 256,
};

/// Every place: a layout, and the registries that let everybody in.
fn places(workspace: &Workspace) -> Vec<String> {
    let layout = format!("oci:{}", workspace.path("layout").display());
    let open = registries::indexed()
        .iter()
        .map(|registry| registry.host.clone());
    std::iter::once(layout).chain(open).collect()
}

/// Opens the repository of a package.
fn store(place: &str, package: &str) -> Arc<dyn WritableStore> {
    let place: PackagePlace = place.parse().unwrap();
    let package: PackageName = package.parse().unwrap();
    match place.location(&package).unwrap() {
        Location::Layout {
            directory,
            repository,
        } => {
            let layout = Layout::create(&directory, Arc::new(())).unwrap();
            Arc::new(layout.in_repository(repository.as_deref()))
        }
        Location::Blobs { .. } => panic!("packages are not in blobs"),
        Location::Repository(repository) => {
            let options = Options::default();
            let (access, anonymous) = (Access::Push, Credentials::Anonymous);
            Arc::new(Remote::new(&repository, access, anonymous, &options).unwrap())
        }
    }
}

/// Publishes components without a process for each.
fn publish_all(place: &str, components: &[TestComponent]) {
    let components = components.iter().map(|made| {
        let component = Component::read(made.bytes.clone(), &POLICY).unwrap();
        (made.package.as_str(), made.version.as_str(), component)
    });
    push_all(place, components);
}

/// Pushes versions of packages, which may say of themselves what is not so.
fn push_all<'a>(
    place: &str,
    versions: impl IntoIterator<Item = (&'a str, &'a str, Component<Vec<u8>>)>,
) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let machine = tempfile::tempdir().unwrap();
        let cache = Arc::new(Cache::open(machine.path()).unwrap());
        let session = Session::unobserved(cache, 4);
        let options = push::PushOptions {
            level: Level::Fixed(1),
            reuse: true,
            metadata: Annotations::new(),
            compat: false,
            remote_files: Vec::new(),
        };
        for (package, version, component) in versions {
            push::push(
                Arc::new(component),
                store(place, package).as_ref(),
                Some(version),
                &session,
                &options,
            )
            .await
            .unwrap();
        }
    });
}

/// Runs `wharf search` and returns what it found.
#[track_caller]
fn search(workspace: &Workspace, arguments: &[&str]) -> Value {
    let all = [&["search", "--limit", "100000"], arguments].concat();
    workspace.json(&all)
}

/// Names and versions of what was found, in order.
fn names(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = report["packages"].as_array().unwrap().iter();
    packages
        .map(|row| (text(&row["name"]), text(&row["version"])))
        .collect()
}

/// Runs wharf with `-v` and counts requests of a method for manifests, and all for blobs.
#[track_caller]
fn requests(workspace: &Workspace, arguments: &[&str]) -> (usize, usize, usize) {
    let answer = workspace.run(&[arguments, &["-v"]].concat()).success();
    let count = |begin: &str, part: &str| {
        let lines = answer.stderr.lines();
        lines
            .filter(|line| line.starts_with(begin) && line.contains(part))
            .count()
    };
    (
        count("> GET", "/manifests/"),
        count("> HEAD", "/manifests/"),
        count("> GET", "/blobs/"),
    )
}
