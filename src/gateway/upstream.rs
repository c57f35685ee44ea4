//! The upstreams: registries and layouts, and the selection of one for a request.
//!
//! Only this module knows the kinds of upstreams. It opens a repository with the right credentials, and returns it as a
//! [`Store`]. It knows nothing about split and flat forms. The rest of the gateway reads from the [`Store`].

mod manifest;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use http::{HeaderMap, Method};
use quick_cache::sync::Cache;

pub(super) use self::manifest::ManifestAnswer;
use super::refusal::Refusal;
use super::rights::{OwnCredentials, Rights};
use super::route::split_host;
use crate::digest::Digest;
use crate::package::PackagePlace;
use crate::reference::{Repository, canonical_host, is_path};
use crate::store::layout::Layout;
use crate::store::remote::{Access, Credentials, Options, Remote, catalog};
use crate::store::{Error, RelayedResponse, Store};

/// How long an open repository, with the gateway's own credentials and their tokens, is reused.
const STORE_LIFETIME: Duration = Duration::from_secs(60);

/// The maximum number of open repositories that are reused.
const MAX_OPEN_STORES: usize = 1000;

/// The configuration of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// A registry, by host and port.
    Registry(String),
    /// A layout directory.
    Layout {
        /// The directory of the layout.
        directory: PathBuf,
        /// The host of the registry that it replaces. Without a host this layout is reachable only as the first
        /// upstream.
        host: Option<String>,
    },
}

impl FromStr for Upstream {
    type Err = String;

    /// Parses `HOST`, `oci:DIR` or `HOST=oci:DIR`.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Err(
                "`*` is not an upstream; name each registry, because a gateway to all registries would be an open proxy".to_owned(),
            );
        }
        // A directory name may contain `=oci:`.
        let stands_for = text
            .split_once("=oci:")
            .filter(|_| !text.starts_with("oci:"));
        if let Some((host, layout)) = stands_for {
            return match (host.parse()?, format!("oci:{layout}").parse()?) {
                (Self::Registry(host), Self::Layout { directory, .. }) => Ok(Self::Layout {
                    directory,
                    host: Some(host),
                }),
                _ => Err(format!(
                    "`{host}` is not the host of a registry; write HOST=oci:DIR"
                )),
            };
        }
        match text
            .parse::<PackagePlace>()
            .map_err(|error| error.to_string())?
        {
            PackagePlace::Layout(directory) => Ok(Self::Layout {
                directory,
                host: None,
            }),
            PackagePlace::Registry { host, prefix } if prefix.is_empty() => {
                Ok(Self::Registry(host))
            }
            PackagePlace::Registry { host, .. } => Err(format!(
                "an upstream must be a whole registry, such as `{host}`"
            )),
        }
    }
}

pub(super) struct OpenUpstream {
    /// A key for the upstream.
    pub(super) id: Digest,
    /// The host in the names that clients use.
    pub(super) host: Option<String>,
    /// The name in messages and on pages.
    pub(super) title: String,
    /// Whether upstream checks rights, so that clients may have access to different repositories.
    pub(super) has_rights: bool,
    repositories: Box<dyn Repositories>,
}

/// The repositories of an upstream.
#[async_trait]
trait Repositories: Send + Sync {
    /// Opens a repository with the rights of `credentials`. An empty path opens no particular repository.
    fn open(&self, path: &str, credentials: Credentials) -> Arc<dyn Store>;

    /// Lists the repositories that `credentials` may see.
    async fn list(&self, credentials: Credentials) -> Result<Vec<String>, Error>;
}

struct Registry {
    host: String,
    options: Options,
    base: Remote,
}

#[async_trait]
impl Repositories for Registry {
    fn open(&self, path: &str, credentials: Credentials) -> Arc<dyn Store> {
        Arc::new(self.base.for_repository(path, credentials))
    }

    async fn list(&self, credentials: Credentials) -> Result<Vec<String>, Error> {
        catalog(&self.host, credentials, &self.options).await
    }
}

struct LayoutDirectory {
    layout: Layout,
    /// The repository name for tags without one: the name of the directory.
    name: Option<String>,
}

#[async_trait]
impl Repositories for LayoutDirectory {
    fn open(&self, path: &str, _: Credentials) -> Arc<dyn Store> {
        let is_untagged = path.is_empty() || self.name.as_deref() == Some(path);
        let repository = (!is_untagged).then_some(path);
        Arc::new(self.layout.clone().in_repository(repository))
    }

    async fn list(&self, _: Credentials) -> Result<Vec<String>, Error> {
        let mut names = self.layout.repositories()?;
        names.retain(|name| is_path(name));
        if !self.layout.tags().await?.is_empty() {
            names.extend(self.name.clone());
        }
        Ok(names)
    }
}

impl OpenUpstream {
    fn open(upstream: Upstream, options: &Options) -> Result<Self, Error> {
        match upstream {
            Upstream::Registry(host) => {
                let host = canonical_host(&host).to_owned();
                let (registry, path) = (host.clone(), String::new());
                let repository = Repository { registry, path };
                let nobody = Credentials::Forwarded(None);
                let base = Remote::new(&repository, Access::Pull, nobody, options)?;
                let options = options.clone();
                Ok(Self {
                    id: Digest::of(host.as_bytes()),
                    host: Some(host.clone()),
                    title: host.clone(),
                    has_rights: true,
                    repositories: Box::new(Registry {
                        host,
                        options,
                        base,
                    }),
                })
            }
            Upstream::Layout { directory, host } => {
                let layout = Layout::open(&directory, Arc::new(()))?;
                let whole = std::path::absolute(&directory).ok();
                let name =
                    whole.and_then(|whole| Some(whole.file_name()?.to_str()?.to_ascii_lowercase()));
                let name = name.filter(|name| is_path(name));
                let host = host.map(|host| canonical_host(&host).to_owned());
                let title = match (&host, &name) {
                    (Some(host), _) => host.clone(),
                    (None, Some(name)) => format!("layout {name}"),
                    (None, None) => "a layout".to_owned(),
                };
                Ok(Self {
                    id: Digest::of(layout.location().as_bytes()),
                    host,
                    title,
                    has_rights: false,
                    repositories: Box::new(LayoutDirectory { layout, name }),
                })
            }
        }
    }

    fn repository(&self, path: &str) -> Repository {
        Repository {
            registry: self.title.clone(),
            path: path.to_owned(),
        }
    }

    /// Checks whether the upstream answers at all. A refusal counts as an answer.
    pub(super) async fn check(&self) -> Result<(), Error> {
        let whole = self.repositories.open("", Credentials::Forwarded(None));
        let relayed = whole.passthrough(&Method::GET, "", None, HeaderMap::new());
        match relayed.await? {
            None => whole.tags().await.map(drop),
            Some(relayed) if relayed.status.is_server_error() => Err(Error::Answer {
                what: "checking the upstream".to_owned(),
                location: self.title.clone(),
                status: relayed.status.as_u16(),
                message: String::new(),
                retry_after: None,
            }),
            Some(_) => Ok(()),
        }
    }
}

pub(super) struct Upstreams {
    pub(super) listed: Vec<OpenUpstream>,
    pub(super) rights: Rights,
    /// Open repositories with the gateway's own credentials, and the time when each was opened.
    own: Cache<Repository, (Instant, Arc<dyn Store>)>,
}

impl Upstreams {
    pub(super) fn open(
        upstreams: Vec<Upstream>,
        options: &Options,
        rights: Rights,
    ) -> Result<Self, Error> {
        let open = |upstream| OpenUpstream::open(upstream, options);
        Ok(Self {
            listed: upstreams.into_iter().map(open).collect::<Result<_, _>>()?,
            rights,
            own: Cache::new(MAX_OPEN_STORES),
        })
    }

    /// Finds the upstream of a request without a repository.
    pub(super) fn find_upstream(&self, namespace: Option<&str>) -> Result<&OpenUpstream, Refusal> {
        let known = match namespace {
            Some(host) => self.find_host(host),
            None => self.listed.first(),
        };
        known.ok_or_else(|| unknown(namespace.unwrap_or_default()))
    }

    /// Finds the upstream and the path of a repository. The namespace selects the upstream. Without a namespace, the
    /// host at the start of the name selects it. Without either, it is the first upstream.
    pub(super) fn find_repository<'a>(
        &self,
        name: &'a str,
        namespace: Option<&str>,
    ) -> Result<(&OpenUpstream, &'a str), Refusal> {
        let named = match (namespace, split_host(name)) {
            (None, Some((host, path))) => self.find_host(host).map(|known| (known, path)),
            _ => None,
        };
        let (known, path) = match named {
            Some(named) => named,
            None => (self.find_upstream(namespace)?, name),
        };
        match is_path(path) {
            true => Ok((known, path)),
            false => Err(unknown(name)),
        }
    }

    fn find_host(&self, host: &str) -> Option<&OpenUpstream> {
        let host = canonical_host(host);
        let mut listed = self.listed.iter();
        listed.find(|known| known.host.as_deref() == Some(host))
    }

    /// Opens a repository. With [`Rights::Client`] it uses `client`, the client's credentials.
    pub(super) async fn store(
        &self,
        known: &OpenUpstream,
        path: &str,
        client: Credentials,
    ) -> Result<Arc<dyn Store>, Error> {
        let Some(find) = self.own_credentials(known) else {
            return Ok(known.repositories.open(path, client));
        };
        let repository = known.repository(path);
        if let Some((since, store)) = self.own.get(&repository)
            && since.elapsed() < STORE_LIFETIME
        {
            return Ok(store);
        }
        let credentials = find(repository.clone()).await?;
        let store = known.repositories.open(path, credentials);
        let entry = (Instant::now(), Arc::clone(&store));
        self.own.insert(repository, entry);
        Ok(store)
    }

    /// Returns the function that finds the gateway's own credentials, if they are used for this upstream.
    fn own_credentials(&self, known: &OpenUpstream) -> Option<&OwnCredentials> {
        match &self.rights {
            Rights::Own(find) if known.has_rights => Some(find),
            _ => None,
        }
    }

    /// Passes a request outside of repositories on to a registry, with the client's credentials. Returns nothing if the
    /// gateway must answer itself: for a layout, or with its own credentials.
    pub(super) async fn passthrough(
        &self,
        known: &OpenUpstream,
        client: Credentials,
        method: &Method,
        path: &str,
        query: Option<&str>,
    ) -> Result<Option<RelayedResponse>, Error> {
        if let Rights::Own(_) = self.rights {
            return Ok(None);
        }
        let store = known.repositories.open("", client);
        store
            .passthrough(method, path, query, HeaderMap::new())
            .await
    }

    pub(super) async fn repositories(
        &self,
        known: &OpenUpstream,
        client: Credentials,
    ) -> Result<Vec<String>, Error> {
        let credentials = match self.own_credentials(known) {
            Some(find) => find(known.repository("")).await?,
            None => client,
        };
        known.repositories.list(credentials).await
    }
}

fn unknown(name: &str) -> Refusal {
    Refusal::not_found(
        "NAME_UNKNOWN",
        format!("the gateway has no upstream for `{name}`"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstreams() -> Upstreams {
        let registry = |host: &str| Upstream::Registry(host.to_owned());
        let hosts = ["one.example:5000", "registry-1.docker.io"].map(registry);
        Upstreams::open(hosts.to_vec(), &Options::default(), Rights::Client).unwrap()
    }

    fn found(name: &str, namespace: Option<&str>) -> Option<(String, String)> {
        let upstreams = upstreams();
        let (known, path) = upstreams.find_repository(name, namespace).ok()?;
        Some((known.host.clone()?, path.to_owned()))
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
            // An unknown host is an ordinary part of a name.
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

    #[test]
    fn an_upstream_is_a_whole_registry_or_a_layout() {
        let registry = |host: &str| Ok(Upstream::Registry(host.to_owned()));
        let layout = |directory: &str| {
            Ok(Upstream::Layout {
                directory: directory.into(),
                host: None,
            })
        };
        assert_eq!("ghcr.io".parse(), registry("ghcr.io"));
        assert_eq!("localhost:5000".parse(), registry("localhost:5000"));
        assert_eq!("oci:a/b".parse(), layout("a/b"));
        assert_eq!("oci:a=oci:b".parse(), layout("a=oci:b"));
        assert_eq!(
            "registry.internal:5000=oci:a=oci:b".parse(),
            Ok(Upstream::Layout {
                directory: "a=oci:b".into(),
                host: Some("registry.internal:5000".to_owned()),
            })
        );
        for wrong in [
            "",
            "oci:",
            "ghcr.io/org",
            "https://ghcr.io",
            "app",
            "*",
            "a=oci:b",
            "=oci:b",
            "ghcr.io=oci:",
            "*=oci:b",
        ] {
            assert!(wrong.parse::<Upstream>().is_err(), "{wrong}");
        }
    }
}
