//! The upstreams: registries and layouts, and which one a request is for.
//!
//! Only this file knows which kinds of upstream there are; the rest of the gateway reads from a [`Store`].

mod manifest;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, Method};
use quick_cache::sync::Cache;

pub(super) use self::manifest::{Found, find_manifest};
use super::refusal::Refusal;
use super::rights::Rights;
use super::route::split_host;
use crate::digest::Digest;
use crate::error::Error;
use crate::reference::{Repository, canonical_host, is_path};
use crate::store::layout::Layout;
use crate::store::remote::{self, Access, Credentials, Remote, catalog};
use crate::store::retry::Retry;
use crate::store::{self, Relayed, Store};

/// How long a repository is spoken to with the same own credentials, and the tokens they gave.
const KEPT: Duration = Duration::from_secs(60);

/// How many repositories are kept.
const MAX_KEPT: usize = 1000;

/// Something to read from.
#[derive(Clone)]
pub enum Upstream {
    /// A registry.
    Registry {
        /// Host and port.
        host: String,
        /// How it is spoken to. A client waits meanwhile: [`Upstream::RETRY`], and time-outs of seconds.
        options: remote::Options,
    },
    /// A layout directory.
    Layout {
        /// The directory.
        directory: PathBuf,
        /// The registry that it stands for, by host; without one only the first upstream can be meant.
        host: Option<String>,
    },
}

impl Upstream {
    /// How often and when a registry is asked again while a client waits, which may ask again by itself.
    pub const RETRY: Retry = Retry {
        attempts: 3,
        first: Duration::from_millis(200),
        longest: Duration::from_secs(1),
    };
}

/// An upstream that is open.
#[derive(Clone)]
pub(super) enum OpenUpstream {
    /// A registry, and its connections.
    Registry(Host),
    Layout {
        layout: Layout,
        /// The name of the repository of tags without one: the directory's.
        name: Option<String>,
        host: Option<String>,
    },
}

/// A registry, and its connections.
#[derive(Clone)]
pub(super) struct Host {
    name: String,
    options: remote::Options,
    base: Arc<Remote>,
}

/// A repository of an upstream.
pub(super) struct Place {
    pub(super) known: OpenUpstream,
    path: String,
}

pub(super) struct Upstreams {
    listed: Vec<OpenUpstream>,
    pub(super) rights: Rights,
    /// Repositories that are read with own credentials, each since when.
    own: Cache<Repository, (Instant, Arc<Remote>)>,
}

impl Host {
    fn new(name: &str, options: remote::Options) -> Result<Self, store::Error> {
        let repository = Repository {
            registry: name.to_owned(),
            path: String::new(),
        };
        let nobody = Credentials::Forwarded(None);
        let base = Remote::new(&repository, Access::Pull, nobody, &options)?;
        Ok(Self {
            name: name.to_owned(),
            options,
            base: Arc::new(base),
        })
    }

    fn repository(&self, path: &str) -> Repository {
        Repository {
            registry: self.name.clone(),
            path: path.to_owned(),
        }
    }

    /// Checks that the registry answers at all, even with a refusal.
    async fn answers(&self) -> Result<(), store::Error> {
        let asked = self.base.relay(Method::GET, "", None, HeaderMap::new());
        let relayed = asked.await?;
        match relayed.status.is_server_error() {
            false => Ok(()),
            true => Err(store::Error::Answer {
                what: "asking whether it is there".to_owned(),
                location: self.name.clone(),
                status: relayed.status.as_u16(),
                message: String::new(),
            }),
        }
    }
}

impl OpenUpstream {
    fn open(upstream: Upstream) -> Result<Self, store::Error> {
        match upstream {
            Upstream::Registry { host, options } => {
                Host::new(canonical_host(&host), options).map(Self::Registry)
            }
            Upstream::Layout { directory, host } => {
                let layout = Layout::open(&directory, Arc::new(()))?;
                Ok(Self::Layout {
                    layout,
                    name: name_of(&directory),
                    host: host.map(|host| canonical_host(&host).to_owned()),
                })
            }
        }
    }

    /// Returns a key for the upstream.
    pub(super) fn id(&self) -> Digest {
        match self {
            Self::Registry(host) => Digest::of(host.name.as_bytes()),
            Self::Layout { layout, .. } => Digest::of(layout.location().as_bytes()),
        }
    }

    /// Returns the host by which clients name the upstream.
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            Self::Registry(host) => Some(&host.name),
            Self::Layout { host, .. } => host.as_deref(),
        }
    }

    /// Returns the name for people.
    pub(super) fn title(&self) -> String {
        match self {
            Self::Registry(Host { name, .. }) => name.clone(),
            Self::Layout {
                host: Some(host), ..
            } => host.clone(),
            Self::Layout {
                name: Some(name), ..
            } => format!("layout {name}"),
            Self::Layout { .. } => "a layout".to_owned(),
        }
    }

    /// Returns whether a client may read one repository of the upstream and not another.
    pub(super) fn has_rights_by_repository(&self) -> bool {
        matches!(self, Self::Registry(_))
    }

    /// Checks that the upstream answers at all, even with a refusal.
    pub(super) async fn answers(&self) -> Result<(), store::Error> {
        match self {
            Self::Registry(host) => host.answers().await,
            Self::Layout { layout, .. } => layout.tags().await.map(drop),
        }
    }
}

/// A directory's name, if it may be a repository's.
fn name_of(directory: &Path) -> Option<String> {
    let whole = std::path::absolute(directory).ok()?;
    let name = whole.file_name()?.to_str()?.to_ascii_lowercase();
    is_path(&name).then_some(name)
}

impl Upstreams {
    pub(super) fn open(upstreams: Vec<Upstream>, rights: Rights) -> Result<Self, store::Error> {
        let listed: Result<Vec<OpenUpstream>, store::Error> =
            upstreams.into_iter().map(OpenUpstream::open).collect();
        Ok(Self {
            listed: listed?,
            rights,
            own: Cache::new(MAX_KEPT),
        })
    }

    pub(super) fn listed(&self) -> &[OpenUpstream] {
        &self.listed
    }

    /// Finds the upstream that is meant where no repository is named.
    pub(super) fn whole(&self, namespace: Option<&str>) -> Result<OpenUpstream, Refusal> {
        let known = match namespace {
            Some(host) => self.called(canonical_host(host)),
            None => self.listed.first(),
        };
        let missing = || unknown(namespace.unwrap_or_default());
        known.cloned().ok_or_else(missing)
    }

    /// Finds the repository that is meant: of the namespace, else of the host that its name begins with, else of the
    /// first upstream.
    pub(super) fn place(&self, name: &str, namespace: Option<&str>) -> Result<Place, Refusal> {
        let beneath = |known: &OpenUpstream, path: &str| Place {
            known: known.clone(),
            path: path.to_owned(),
        };
        let place = match (namespace, split_host(name)) {
            (None, Some((host, path))) => {
                let host = canonical_host(host);
                let named = self.called(host);
                named.map(|known| beneath(known, path))
            }
            _ => None,
        };
        let place = match place {
            Some(place) => place,
            None => beneath(&self.whole(namespace)?, name),
        };
        match is_path(&place.path) {
            true => Ok(place),
            false => Err(unknown(name)),
        }
    }

    fn called(&self, host: &str) -> Option<&OpenUpstream> {
        self.listed.iter().find(|known| known.host() == Some(host))
    }

    /// Opens a repository. `client` are the credentials of the client, for [`Rights::Client`].
    pub(super) async fn store(
        &self,
        place: &Place,
        client: Credentials,
    ) -> Result<Arc<dyn Store>, Error> {
        match &place.known {
            OpenUpstream::Registry(host) => Ok(self.remote(host, &place.path, client).await?),
            OpenUpstream::Layout { layout, name, .. } => {
                let untagged = name.as_deref() == Some(place.path.as_str());
                let repository = (!untagged).then_some(place.path.as_str());
                Ok(Arc::new(layout.clone().in_repository(repository)))
            }
        }
    }

    /// Passes a client's request for `path`, which belongs to no repository, on to a registry that knows the client.
    /// Returns nothing if the gateway has to answer: for a layout, or with its own credentials.
    pub(super) async fn passthrough(
        &self,
        known: &OpenUpstream,
        client: Credentials,
        method: &Method,
        path: &str,
        query: Option<&str>,
    ) -> Result<Option<Relayed>, Error> {
        let (OpenUpstream::Registry(host), Rights::Client) = (known, &self.rights) else {
            return Ok(None);
        };
        let remote = self.remote(host, "", client).await?;
        let relayed = remote.relay(method.clone(), path, query, HeaderMap::new());
        Ok(Some(relayed.await?))
    }

    /// Lists the repositories of an upstream.
    pub(super) async fn repositories(
        &self,
        known: &OpenUpstream,
        client: Credentials,
    ) -> Result<Vec<String>, store::Error> {
        match known {
            OpenUpstream::Layout { layout, name, .. } => {
                let mut names = layout.repositories()?;
                names.retain(|name| is_path(name));
                if !layout.tags().await?.is_empty() {
                    names.extend(name.clone());
                }
                Ok(names)
            }
            OpenUpstream::Registry(host) => {
                let credentials = match &self.rights {
                    Rights::Client => client,
                    Rights::Own(find) => find(host.repository("")).await?,
                };
                catalog(&host.name, credentials, &host.options).await
            }
        }
    }

    async fn remote(
        &self,
        host: &Host,
        path: &str,
        client: Credentials,
    ) -> Result<Arc<Remote>, Error> {
        let Rights::Own(find) = &self.rights else {
            return Ok(Arc::new(host.base.beside(path, client)));
        };
        let repository = host.repository(path);
        if let Some((since, remote)) = self.own.get(&repository)
            && since.elapsed() < KEPT
        {
            return Ok(remote);
        }
        let credentials = find(repository.clone()).await?;
        let remote = Arc::new(host.base.beside(path, credentials));
        let entry = (Instant::now(), Arc::clone(&remote));
        self.own.insert(repository, entry);
        Ok(remote)
    }
}

fn unknown(name: &str) -> Refusal {
    Refusal::not_found("NAME_UNKNOWN", format!("`{name}` is not known here"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstreams() -> Upstreams {
        let registry = |host: &str| Upstream::Registry {
            host: host.to_owned(),
            options: remote::Options::default(),
        };
        let hosts = ["one.example:5000", "registry-1.docker.io"];
        Upstreams::open(hosts.map(registry).to_vec(), Rights::Client).unwrap()
    }

    fn found(name: &str, namespace: Option<&str>) -> Option<(String, String)> {
        let place = upstreams().place(name, namespace).ok()?;
        match place.known {
            OpenUpstream::Registry(host) => Some((host.name, place.path)),
            OpenUpstream::Layout { .. } => None,
        }
    }

    #[test]
    fn the_namespace_then_the_host_then_the_first() {
        let (one, hub) = ("one.example:5000", "docker.io");
        for (name, namespace, expected) in [
            ("a/b", None, Some((one, "a/b"))),
            ("a/b", Some(one), Some((one, "a/b"))),
            ("library/a", Some("docker.io"), Some((hub, "library/a"))),
            (
                "library/a",
                Some("index.docker.io"),
                Some((hub, "library/a")),
            ),
            ("docker.io/library/a", None, Some((hub, "library/a"))),
            // A host that is none of ours is a name like any other.
            ("two.example/a", None, Some((one, "two.example/a"))),
            ("two.example:5000/a", None, None),
            ("a/b", Some("two.example"), None),
            ("a/b", Some(""), None),
            ("one.example:5000/a", Some(one), None),
        ] {
            let expected = expected.map(|(host, path)| (host.to_owned(), path.to_owned()));
            assert_eq!(found(name, namespace), expected, "{name} {namespace:?}");
        }
    }
}
