//! The gateway: a read-only registry that shows every split artifact in its flat form.
//!
//! Clients that know only one-layer artifacts pull components from it that are stored by section. The gateway derives the
//! flat manifest and config, and splices the component while it is sent. Everything else passes through unchanged.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>, the pull category.
//!
//! # Where a response gets its bytes
//!
//! ```text
//! server       reads a request from a connection            (server, message)
//!   route      which endpoint of which repository            (route)
//!   upstream   which registry or layout, with whose rights   (upstream, rights)
//!     one Arc<dyn Store> for the repository                  (crate::store)
//!   endpoint   manifests | blobs | lists
//!     stored form:  Store::passthrough, a registry's own answer; the other methods for a store that is no registry
//!     flat form:    view, derived from the split manifest and config of the store, and kept in memory
//!     component:    content, which splices layers; crate::content gets each from a file here or from the store
//! ```
//!
//! A digest of a flat form names nothing upstream. `lookup` remembers which split manifest it comes from, and `search`
//! finds that again among the tags if it is not remembered. Before anything derived is shown, upstream has to let this
//! client read the split manifest (`view`); an answer counts for at most a minute (`rights`).

mod blobs;
pub mod content;
mod headers;
mod lists;
mod lookup;
mod manifests;
pub mod message;
pub mod metrics;
mod page;
mod paging;
mod passthrough;
mod range;
mod readiness;
mod refusal;
mod rights;
mod route;
mod search;
pub mod server;
mod upstream;
mod view;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::json;
use tokio::sync::Semaphore;

use self::content::Contents;
use self::lookup::Index;
use self::message::{Handler, Request, Response};
use self::metrics::Metrics;
use self::readiness::Readiness;
use self::refusal::{Failure, Refusal};
use self::rights::RecentAnswers;
pub use self::rights::{OwnCredentials, Rights};
use self::route::{Endpoint, Route, parameter, route};
pub use self::upstream::Upstream;
use self::upstream::{OpenUpstream, Upstreams};
use self::view::Views;
use crate::digest::Digest;
use crate::error::Error;
use crate::store::blob_directory::BlobDirectory;
use crate::store::cache::Cache;
use crate::store::remote::{Credentials, Options};
use crate::store::retry::Retry;
use crate::store::{Observer, Session, Store};

/// How many searches for unknown digests are under way at once; each asks for many manifests.
const MAX_SEARCHES: usize = 4;

/// How long it is remembered that a repository has all layers of a manifest.
const COMPLETE: Duration = Duration::from_secs(24 * 60 * 60);

/// Who is told what went wrong, a line at a time and without secrets.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// What a gateway reads, and for whom.
#[derive(Clone)]
pub struct Settings {
    /// Where things come from. The first is meant where nothing else is named.
    pub upstreams: Vec<Upstream>,
    /// How registries are spoken to. A client waits meanwhile: [`Settings::RETRY`], and time-outs of seconds.
    pub options: Options,
    /// Whose rights registries are shown.
    pub rights: Rights,
    /// Blobs as they are stored upstream.
    pub cache: Arc<Cache>,
    /// Decoded layers, and which split manifest a flat digest comes from; may be deleted while nothing runs.
    pub directory: PathBuf,
    /// Blob directories that are read before upstream. Their bytes do not count, and nothing in them is changed.
    pub blobs: Vec<BlobDirectory>,
    /// The most bytes that blobs and decoded layers take together.
    pub max_bytes: u64,
    /// How many layers are fetched at once from one upstream, for all clients together.
    pub max_transfers: usize,
    /// Who is told.
    pub log: Log,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How long it is remembered that upstream let somebody read something; at most a minute.
    pub remembered: Duration,
    /// How long it is remembered that a digest was not found.
    pub missed: Duration,
}

impl Settings {
    /// How long [`Settings::remembered`] is where nobody says otherwise.
    pub const REMEMBERED: Duration = rights::REMEMBERED;
    /// How long [`Settings::missed`] is where nobody says otherwise.
    pub const MISSED: Duration = lookup::MISSED;
    /// How often and when a registry is asked again while a client waits, which may ask again by itself.
    pub const RETRY: Retry = Retry {
        attempts: 3,
        first: Duration::from_millis(200),
        longest: Duration::from_secs(1),
    };
}

/// A read-only registry in front of others.
pub struct Gateway {
    upstreams: Upstreams,
    readiness: Readiness,
    let_in: RecentAnswers,
    /// Repositories that were found to have all layers of a manifest.
    complete: RecentAnswers,
    index: Index,
    /// Digests that were not found.
    misses: RecentAnswers,
    views: Views,
    /// Manifests that are not split.
    plain: quick_cache::sync::Cache<Digest, ()>,
    searches: Semaphore,
    pages: Semaphore,
    session: Session,
    contents: Arc<Contents>,
    log: Log,
    metrics: Arc<Metrics>,
}

/// A value, or why there is none.
type Answered<T> = Result<T, Failure>;

/// A request for something of a repository, and the store to answer from.
struct RepositoryRequest<'a> {
    gateway: &'a Gateway,
    request: &'a Request,
    upstream: &'a OpenUpstream,
    /// The repository.
    store: Arc<dyn Store>,
    /// Upstream and repository, as a key.
    location: String,
    /// Stands for what the client shows of itself.
    who: Digest,
}

impl Gateway {
    /// Opens the directories, and the upstreams that are layouts; of registries nothing is asked yet.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let observer = Watcher {
            metrics: Arc::clone(&settings.metrics),
            log: Arc::clone(&settings.log),
        };
        let session = Session {
            cache: settings.cache,
            observer: Arc::new(observer),
            concurrency: settings.max_transfers,
        };
        let engine = crate::content::Settings {
            session: session.clone(),
            directory: settings.directory.clone(),
            directories: settings.blobs,
            max_bytes: settings.max_bytes,
        };
        Ok(Self {
            upstreams: Upstreams::open(settings.upstreams, &settings.options, settings.rights)?,
            readiness: Readiness::default(),
            let_in: RecentAnswers::new(settings.remembered.min(rights::REMEMBERED)),
            complete: RecentAnswers::new(COMPLETE),
            index: Index::open(&settings.directory)?,
            misses: RecentAnswers::new(settings.missed),
            views: view::views(),
            plain: quick_cache::sync::Cache::new(view::MAX_PLAIN),
            searches: Semaphore::new(MAX_SEARCHES),
            pages: Semaphore::new(page::AT_ONCE),
            contents: Contents::open(engine, Arc::clone(&settings.metrics))?,
            session,
            log: settings.log,
            metrics: settings.metrics,
        })
    }

    async fn routed(&self, request: &Request) -> Answered<Response> {
        if ![Method::GET, Method::HEAD].contains(&request.method) {
            return Err(Refusal::read_only().into());
        }
        if !request.uri.path().starts_with("/v2") {
            return Ok(self.page(request).await);
        }
        let namespace = parameter(&request.uri, "ns");
        let namespace = namespace.as_deref();
        let (name, endpoint) = match route(request.uri.path())? {
            Route::Base => return self.base(request, namespace).await,
            Route::Catalog => return self.catalog(request, namespace).await,
            Route::Repository(name, endpoint) => (name, endpoint),
        };
        let client = forwarded(request)?;
        let asked = self.asked(request, &name, namespace, client).await?;
        let answered = match endpoint {
            Endpoint::Manifest(name) => asked.manifest(&name).await,
            Endpoint::Blob(name) => asked.blob(&name).await,
            Endpoint::Tags => asked.tags().await,
            Endpoint::Referrers(subject) => asked.referrers(&subject).await,
        };
        asked.challenged(answered).await
    }

    /// Opens the repository of a request.
    async fn asked<'a>(
        &'a self,
        request: &'a Request,
        name: &str,
        namespace: Option<&str>,
        client: Credentials,
    ) -> Answered<RepositoryRequest<'a>> {
        let (upstream, path) = self.upstreams.place(name, namespace)?;
        let who = match (&self.upstreams.rights, &client) {
            // The gateway's own rights are the same for all.
            (Rights::Own(_), _) => Digest::of(b"own"),
            (Rights::Client, Credentials::Forwarded(Some(shown))) => {
                Digest::of(format!("client {shown}").as_bytes())
            }
            (Rights::Client, Credentials::Forwarded(None)) => Digest::of(b"nobody"),
            (Rights::Client, _) => Digest::of(b"anybody"),
        };
        let store = self.upstreams.store(upstream, path, client).await?;
        Ok(RepositoryRequest {
            gateway: self,
            request,
            upstream,
            location: store.location(),
            store,
            who,
        })
    }

    /// Returns the session that all requests share. Its cache is made again if somebody has deleted it.
    fn session(&self) -> Result<&Session, Error> {
        self.session.cache.create()?;
        Ok(&self.session)
    }

    /// Answers as the first upstream does, which tells clients who they must be.
    async fn base(&self, request: &Request, namespace: Option<&str>) -> Answered<Response> {
        let known = self.upstreams.whole(namespace)?;
        let client = forwarded(request)?;
        let method = &request.method;
        let relayed = self.upstreams.passthrough(known, client, method, "", None);
        if let Some(relayed) = relayed.await? {
            return Ok(self.passed(request, relayed));
        }
        let mut response = Response::json(StatusCode::OK, &json!({}), "application/json");
        let version = HeaderName::from_static("docker-distribution-api-version");
        let value = HeaderValue::from_static("registry/2.0");
        response.headers.insert(version, value);
        Ok(response)
    }
}

/// Counts what is read from upstream and on this machine, and logs what cannot be used.
struct Watcher {
    metrics: Arc<Metrics>,
    log: Log,
}

impl Observer for Watcher {
    fn moved(&self, bytes: u64) {
        self.metrics.upstream_bytes.inc_by(bytes);
    }

    fn cache_hit(&self, bytes: u64) {
        self.metrics.cache_bytes.inc_by(bytes);
    }

    fn directory_hit(&self, bytes: u64) {
        self.metrics.held_bytes.inc_by(bytes);
    }

    fn unusable(&self, problem: &str) {
        self.metrics.failed("held");
        (self.log)(&format!("error: {problem}; upstream is asked instead"));
    }
}

/// Returns the credentials that forward a client's `Authorization` header.
fn forwarded(request: &Request) -> Result<Credentials, Refusal> {
    let bad = |_| {
        let message = "the Authorization header is not text";
        Refusal::bad_request("UNAUTHORIZED", message)
    };
    let shown = request.headers.get(AUTHORIZATION);
    let shown = shown.map(|shown| shown.to_str().map_err(bad)).transpose()?;
    Ok(Credentials::Forwarded(shown.map(str::to_owned)))
}

#[async_trait]
impl Handler for Gateway {
    async fn handle(&self, request: Request) -> Response {
        let mut response = match self.routed(&request).await {
            Ok(response) => response,
            Err(failure) => self.refused(&request, failure),
        };
        if request.method == Method::HEAD {
            response.body = stream::empty().boxed();
        }
        if request.uri.path().starts_with("/v2") {
            passthrough::keep_inert(&mut response.headers);
        }
        response
    }

    async fn ready(&self) -> Result<(), String> {
        self.readiness.of(&self.upstreams).await
    }
}
