//! The gateway: a read-only registry that shows every split artifact in its flat form.
//!
//! Clients that know only one-layer artifacts can pull components that are stored by section. The gateway derives the
//! flat manifest and config, and splices the component while it sends it. Everything else passes through unchanged. The
//! gateway never writes to an upstream, and knows nothing about command lines or signals.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>, the pull category.
//!
//! # How a request is answered
//!
//! ```text
//! server       reads a request from a connection            (server, message)
//!   route      which endpoint of which repository            (route)
//!   upstream   which registry or layout, with whose rights   (upstream, rights)
//!     one Arc<dyn Store> for the repository                  (crate::store)
//!   endpoint   manifests | blobs | lists
//!     stored form:  Store::passthrough returns a registry's own answer; for other stores the other methods of Store
//!     flat form:    view derives it from the split manifest and config of the store, and caches it in memory
//!     component:    deltas makes missing layers from an older version of the same repository if it can
//!                   content splices layers; crate::content reads each from a file on this machine or from the store
//! ```
//!
//! Upstream does not know the digests of a flat form. `lookup` records which split manifest each comes from. If there
//! is no record, `search` looks through the tags. Before the gateway sends anything that it derived, upstream must let
//! this client read the split manifest (`view`). The gateway remembers such an answer for at most a minute (`rights`).

mod admission;
mod blobs;
pub mod content;
mod deltas;
mod headers;
mod lists;
mod log;
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
mod verified;
mod versions;
mod view;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::json;

use self::admission::Admission;
use self::content::Contents;
use self::deltas::Deltas;
use self::lookup::OriginIndex;
use self::message::{Handler, Request, Response};
use self::metrics::Metrics;
use self::readiness::Readiness;
use self::refusal::{Failure, Refusal};
use self::rights::RecentAnswers;
pub use self::rights::{OwnCredentials, Rights};
use self::route::{Endpoint, Route, parameter, route};
use self::search::TagRecords;
pub use self::upstream::Upstream;
use self::upstream::{OpenUpstream, Upstreams};
use self::view::Views;
use crate::content::MinFree;
use crate::digest::Digest;
use crate::error::Error;
use crate::store::blob_directory::BlobDirectory;
use crate::store::cache::Cache;
use crate::store::remote::{Credentials, Options, Pace};
use crate::store::retry::Retry;
use crate::store::{Observer, Session, Store};
use crate::text::printable;

/// The maximum number of searches for unknown digests at once. Each search requests many manifests.
const MAX_SEARCHES: usize = 4;

/// The longest time to connect to an upstream. Together with one retry, clients are answered within 10 s.
const MAX_CONNECT: Duration = Duration::from_secs(5);

/// The longest silence of an upstream. Clients are answered within 10 s.
const MAX_SILENCE: Duration = Duration::from_secs(8);

/// How long the gateway remembers that a repository has all layers of a manifest.
const COMPLETE_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The log. It gets one line at a time, without secrets, and must not block.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// The settings of a gateway.
#[derive(Clone)]
pub struct GatewaySettings {
    /// The registries and layouts to read from. The first is the default for requests that name no other.
    pub upstreams: Vec<Upstream>,
    /// Options for requests to registries. Clients wait during retries, so use [`GatewaySettings::RETRY`] and time-outs
    /// of seconds.
    pub options: Options,
    /// The rights used for requests to registries.
    pub rights: Rights,
    /// The cache of blobs as upstream stores them.
    pub cache: Arc<Cache>,
    /// The directory for decoded layers and for the origins of flat digests. It may be deleted while no gateway runs.
    pub directory: PathBuf,
    /// Blob directories, read before upstream. They do not count toward `max_bytes`, and the gateway never changes
    /// them.
    pub blobs: Vec<BlobDirectory>,
    /// The maximum size of blobs and decoded layers together, in bytes.
    pub max_bytes: u64,
    /// The free space to leave on the disk, in bytes. Without it, the default is used.
    pub min_free: Option<u64>,
    /// The maximum number of layers fetched at once from one upstream, for all clients together.
    pub max_transfers: usize,
    /// The log.
    pub log: Log,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// How long the gateway remembers that upstream let a client read something; at most a minute.
    pub grant_lifetime: Duration,
    /// How long the gateway uses a list of tags to search for digests, and so how long it remembers a miss.
    pub miss_lifetime: Duration,
}

impl GatewaySettings {
    /// The default of [`GatewaySettings::grant_lifetime`].
    pub const GRANT_LIFETIME: Duration = rights::GRANT_LIFETIME;
    /// The default of [`GatewaySettings::miss_lifetime`].
    pub const MISS_LIFETIME: Duration = lookup::MISS_LIFETIME;
    /// The retries of requests to a registry. They are few and quick, because a client waits and may retry itself.
    pub const RETRY: Retry = Retry {
        attempts: 3,
        first: Duration::from_millis(200),
        longest: Duration::from_secs(1),
        max_waits: Duration::from_secs(2),
    };
}

/// A read-only registry in front of other registries and layouts.
pub struct Gateway {
    upstreams: Upstreams,
    readiness: Readiness,
    grants: RecentAnswers,
    /// Repositories that have all layers of a manifest.
    complete: RecentAnswers,
    index: OriginIndex,
    /// Tags that upstream does not show to a client.
    misses: RecentAnswers,
    tags: TagRecords,
    views: Views,
    /// Manifests that are not split.
    unsplit: quick_cache::sync::Cache<Digest, ()>,
    searches: Admission,
    pages: Admission,
    /// Permits for lists of repositories, which take long.
    home_pages: Admission,
    session: Session,
    contents: Arc<Contents>,
    deltas: Deltas,
    log: Log,
    metrics: Arc<Metrics>,
}

/// A value, or the failure to answer with.
type HandlerResult<T> = Result<T, Failure>;

/// A request to a repository, and the store that answers it.
struct RepositoryRequest<'a> {
    gateway: &'a Gateway,
    request: &'a Request,
    upstream: &'a OpenUpstream,
    store: Arc<dyn Store>,
    /// A key for the upstream and the repository.
    location: String,
    /// A key for the credentials of the client.
    who: Digest,
}

impl Gateway {
    /// Opens the directories, and the upstreams that are layouts. Sends no request to registries.
    pub fn new(settings: GatewaySettings) -> Result<Self, Error> {
        let observer = MetricsObserver {
            metrics: Arc::clone(&settings.metrics),
            log: Arc::clone(&settings.log),
        };
        let session = Session {
            cache: settings.cache,
            observer: Arc::new(observer),
            concurrency: settings.max_transfers,
        };
        let options = settings.options;
        let options = Options {
            cache: Some(Arc::clone(&session.cache)),
            connect_timeout: options.connect_timeout.min(MAX_CONNECT),
            read_timeout: options.read_timeout.min(MAX_SILENCE),
            pace: Pace {
                head: options.pace.head.min(MAX_SILENCE),
                ..options.pace
            },
            ..options
        };
        let engine = crate::content::EngineSettings {
            session: session.clone(),
            directory: settings.directory.clone(),
            directories: settings.blobs,
            max_bytes: settings.max_bytes,
            min_free: settings.min_free.map_or(MinFree::Usual, MinFree::Bytes),
        };
        Ok(Self {
            upstreams: Upstreams::open(settings.upstreams, &options, settings.rights)?,
            readiness: Readiness::default(),
            grants: RecentAnswers::new(settings.grant_lifetime.min(rights::GRANT_LIFETIME)),
            complete: RecentAnswers::new(COMPLETE_LIFETIME),
            index: OriginIndex::open(&settings.directory)?,
            misses: RecentAnswers::new(settings.miss_lifetime),
            tags: TagRecords::new(settings.miss_lifetime),
            views: view::views(),
            unsplit: quick_cache::sync::Cache::new(view::MAX_UNSPLIT),
            searches: Admission::new(MAX_SEARCHES),
            pages: Admission::new(page::MAX_PAGES),
            home_pages: Admission::new(page::MAX_HOME_PAGES),
            contents: Contents::open(engine, Arc::clone(&settings.metrics))?,
            deltas: Deltas::open(&settings.directory, settings.miss_lifetime)?,
            session,
            log: settings.log,
            metrics: settings.metrics,
        })
    }

    async fn dispatch(&self, request: &Request) -> HandlerResult<Response> {
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
        let client = client_credentials(request)?;
        let asked = self
            .open_repository(request, &name, namespace, client)
            .await?;
        let answered = match endpoint {
            Endpoint::Manifest(name) => asked.manifest(&name).await,
            Endpoint::Blob(name) => asked.blob(&name).await,
            Endpoint::Tags => asked.tags().await,
            Endpoint::Referrers(subject) => asked.referrers(&subject).await,
        };
        asked.with_challenge(answered).await
    }

    /// Opens the repository of a request.
    async fn open_repository<'a>(
        &'a self,
        request: &'a Request,
        name: &str,
        namespace: Option<&str>,
        client: Credentials,
    ) -> HandlerResult<RepositoryRequest<'a>> {
        let (upstream, path) = self.upstreams.find_repository(name, namespace)?;
        let who = match (&self.upstreams.rights, &client) {
            // All clients share the gateway's own rights.
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

    /// Returns the session that all requests share, and creates its cache again if another program deleted it.
    fn session(&self) -> Result<&Session, Error> {
        self.session.cache.create()?;
        Ok(&self.session)
    }

    /// Answers `/v2/` with the selected registry's answer, whose challenge tells clients how to log in. For a layout,
    /// and with the gateway's own rights, answers 200.
    async fn base(&self, request: &Request, namespace: Option<&str>) -> HandlerResult<Response> {
        let known = self.upstreams.find_upstream(namespace)?;
        let client = client_credentials(request)?;
        let method = &request.method;
        let relayed = self.upstreams.passthrough(known, client, method, "", None);
        if let Some(relayed) = relayed.await? {
            return Ok(self.relay(request, relayed));
        }
        let mut response = Response::json(StatusCode::OK, &json!({}), "application/json");
        let version = HeaderName::from_static("docker-distribution-api-version");
        let value = HeaderValue::from_static("registry/2.0");
        response.headers.insert(version, value);
        Ok(response)
    }
}

/// Counts bytes from upstream and from this machine, and logs unusable blobs.
struct MetricsObserver {
    metrics: Arc<Metrics>,
    log: Log,
}

impl Observer for MetricsObserver {
    fn moved(&self, bytes: u64) {
        self.metrics.upstream_bytes.inc_by(bytes);
    }

    fn cache_hit(&self, bytes: u64) {
        self.metrics.cache_bytes.inc_by(bytes);
    }

    fn directory_hit(&self, bytes: u64) {
        self.metrics.directory_bytes.inc_by(bytes);
    }

    fn warned(&self, warning: &str) {
        (self.log)(&log::line("warning", None, &printable(warning)));
    }

    fn unusable(&self, problem: &str) {
        self.metrics.count_failure("held");
        let what = format!("{problem}; the gateway requests it from upstream");
        (self.log)(&log::line("error", None, &what));
    }
}

/// Returns the credentials that forward a client's `Authorization` header.
fn client_credentials(request: &Request) -> Result<Credentials, Refusal> {
    let bad = |_| {
        let message = "the Authorization header has characters other than visible ASCII";
        Refusal::bad_request("UNAUTHORIZED", message)
    };
    let shown = request.headers.get(AUTHORIZATION);
    let shown = shown.map(|shown| shown.to_str().map_err(bad)).transpose()?;
    Ok(Credentials::Forwarded(shown.map(str::to_owned)))
}

#[async_trait]
impl Handler for Gateway {
    async fn handle(&self, request: Request) -> Response {
        let mut response = match self.dispatch(&request).await {
            Ok(response) => response,
            Err(failure) => self.failure_response(&request, failure),
        };
        if request.method == Method::HEAD {
            response.body = stream::empty().boxed();
        }
        if request.uri.path().starts_with("/v2") {
            passthrough::set_safety_headers(&mut response.headers);
        }
        response
    }

    async fn ready(&self) -> Result<(), String> {
        self.readiness.check(&self.upstreams).await
    }
}
