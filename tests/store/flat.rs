//! The flat form: what other tools publish is read, what they can read is published, and who can use the split form
//! behind it does.

mod clients;
mod compat;
mod reading;
mod referrers;

use std::sync::Arc;

use crate::support::workspace::assemble;
use wharf::component::Component;
use wharf::encoding::Level;
use wharf::manifest::Annotations;
use wharf::push::{self, PushOptions, PushSummary};
use wharf::reference::Repository;
use wharf::split::SplitPolicy;
use wharf::store::cache::Cache;
use wharf::store::remote::{self, Access, Credentials, Remote};
use wharf::store::{Session, Store, WritableStore};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn remote(registry: &str, path: &str) -> Remote {
    let repository = Repository {
        registry: registry.to_owned(),
        path: path.to_owned(),
    };
    let options = remote::Options::default();
    Remote::new(&repository, Access::Push, Credentials::Anonymous, &options).unwrap()
}

fn options(compat: bool) -> PushOptions {
    let version = ("org.opencontainers.image.version", "1.0.0");
    PushOptions {
        level: Level::Auto,
        reuse: true,
        metadata: Annotations::from([(version.0.to_owned(), version.1.to_owned())]),
        compat,
        remote_files: Vec::new(),
    }
}

fn component(name: &str) -> Arc<Component<Vec<u8>>> {
    Arc::new(Component::read(assemble(name), &SplitPolicy::DEFAULT).unwrap())
}

/// Pushes a fixture from a machine of its own, under the tag 1.0.
fn publish(store: &dyn WritableStore, name: &str, options: &PushOptions) -> PushSummary {
    let machine = tempfile::tempdir().unwrap();
    let cache = Arc::new(Cache::open(machine.path()).unwrap());
    publish_with(&cache, store, name, options)
}

fn publish_with(
    cache: &Arc<Cache>,
    store: &dyn WritableStore,
    name: &str,
    options: &PushOptions,
) -> PushSummary {
    let session = Session::unobserved(Arc::clone(cache), 4);
    let push = push::push(component(name), store, Some("1.0"), &session, options);
    block_on(push).unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all();
    runtime.build().unwrap().block_on(work)
}
