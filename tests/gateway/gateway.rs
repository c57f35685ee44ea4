//! The gateway, asked without a connection, in front of registries and layouts.

mod browser;
mod deltas;
mod faults;
mod files;
mod hiding;
mod layouts;
mod lists;
mod manifest_forms;
mod page;
mod readiness;
mod replicas;
mod rights;

use std::cell::Cell;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::workspace::assemble;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;
use wharf::component::Component;
use wharf::digest::Digest;
use wharf::encoding::Level;
use wharf::gateway::message::{Handler, Request, Response};
use wharf::gateway::metrics::Metrics;
use wharf::gateway::{Gateway, GatewaySettings, Log, Rights, Upstream};
use wharf::manifest::Annotations;
use wharf::push::{self, PushSummary};
use wharf::reference::Repository;
use wharf::split::SplitPolicy;
use wharf::store::cache::Cache;
use wharf::store::remote::{self, Access, Credentials, Remote};
use wharf::store::retry::Retry;
use wharf::store::{Session, Store, WritableStore, fetch};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const SPLIT: &str = "application/vnd.wharf.component.v1";

fn options() -> remote::Options {
    remote::Options {
        retry: Retry {
            attempts: 2,
            first: Duration::from_millis(1),
            longest: Duration::from_millis(1),
            max_waits: Duration::from_secs(2),
        },
        // As the command line has it.
        manifest_types: &[SPLIT],
        ..remote::Options::default()
    }
}

fn registry(host: &str) -> Upstream {
    Upstream::Registry(host.to_owned())
}

/// A gateway with its own directory, log and metrics.
struct TestGateway {
    gateway: Gateway,
    log: Arc<Mutex<Vec<String>>>,
    metrics: Arc<Metrics>,
    /// How many spliced bodies [`Front::spliced`] has returned.
    seen: Cell<usize>,
    _directory: Option<tempfile::TempDir>,
}

impl TestGateway {
    fn new(upstreams: Vec<Upstream>) -> Self {
        Self::with(upstreams, |_| {})
    }

    fn with(upstreams: Vec<Upstream>, change: impl FnOnce(&mut GatewaySettings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut front = Self::at(directory.path(), upstreams, change);
        front._directory = Some(directory);
        front
    }

    /// A gateway whose memory is in `directory`.
    fn at(
        directory: &Path,
        upstreams: Vec<Upstream>,
        change: impl FnOnce(&mut GatewaySettings),
    ) -> Self {
        let (lines, metrics) = (Arc::default(), Arc::<Metrics>::default());
        let told: Arc<Mutex<Vec<String>>> = Arc::clone(&lines);
        let log: Log = Arc::new(move |line| told.lock().unwrap().push(line.to_owned()));
        let cache = Arc::new(Cache::open(&directory.join("cache")).unwrap());
        let mut settings = GatewaySettings {
            upstreams,
            options: options(),
            rights: Rights::Client,
            cache,
            directory: directory.join("gateway"),
            blobs: Vec::new(),
            max_bytes: u64::MAX,
            min_free: None,
            max_transfers: 4,
            log,
            metrics: Arc::clone(&metrics),
            grant_lifetime: GatewaySettings::GRANT_LIFETIME,
            miss_lifetime: GatewaySettings::MISS_LIFETIME,
        };
        change(&mut settings);
        Self {
            gateway: Gateway::new(settings).unwrap(),
            log: lines,
            metrics,
            seen: Cell::new(0),
            _directory: None,
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> WholeAnswer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let (mut request, ()) = http::Request::new(()).into_parts();
        request.method = method;
        request.uri = path.parse().unwrap();
        request.headers = map;
        WholeAnswer::of(self.gateway.handle(request).await).await
    }

    async fn get(&self, path: &str) -> WholeAnswer {
        self.ask(Method::GET, path, &[("accept", "*/*")]).await
    }

    async fn head(&self, path: &str) -> WholeAnswer {
        self.ask(Method::HEAD, path, &[("accept", "*/*")]).await
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Returns how many bodies were spliced since the last call.
    fn spliced(&self) -> usize {
        let metrics = self.metrics.render();
        let mut lines = metrics.lines();
        let count = lines.find_map(|line| line.strip_prefix("wharf_gateway_splices_total "));
        let count = count.unwrap().parse().unwrap();
        count - self.seen.replace(count)
    }
}

/// An answer with its whole body.
#[derive(Debug)]
struct WholeAnswer {
    status: u16,
    headers: HeaderMap,
    /// What came, and whether it ended well.
    body: Result<Vec<u8>, String>,
}

impl WholeAnswer {
    async fn of(reply: Response) -> Self {
        let body = reply.body.try_fold(Vec::new(), async |mut all, piece| {
            all.extend_from_slice(&piece);
            Ok(all)
        });
        Self {
            status: reply.status.as_u16(),
            headers: reply.headers,
            body: body.await.map_err(|error| error.to_string()),
        }
    }

    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    #[track_caller]
    fn bytes(&self) -> &[u8] {
        self.body.as_deref().unwrap()
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_slice(self.bytes()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or("")
    }

    /// The code of the specification's error.
    #[track_caller]
    fn code(&self) -> String {
        self.json()["errors"][0]["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// These bytes under their digest, as they are or as the head of them.
    #[track_caller]
    fn is_whole(&self, bytes: &[u8], with_body: bool) {
        assert_eq!(self.status, 200, "{self:?}");
        let digest = Digest::of(bytes).to_string();
        assert_eq!(self.header("docker-content-digest"), digest);
        assert_eq!(self.header("etag"), format!("\"{digest}\""));
        assert_eq!(self.header("content-length"), bytes.len().to_string());
        let expected = if with_body { bytes } else { b"" };
        assert!(self.bytes() == expected, "other bytes");
    }
}

fn remote_as(host: &str, path: &str, credentials: Credentials) -> Remote {
    let repository = Repository {
        registry: host.to_owned(),
        path: path.to_owned(),
    };
    Remote::new(&repository, Access::Push, credentials, &options()).unwrap()
}

fn remote(host: &str, path: &str) -> Remote {
    remote_as(host, path, Credentials::Anonymous)
}

/// Pushes a fixture from a machine of its own under a tag; returns its bytes too.
async fn publish(
    store: &dyn WritableStore,
    name: &str,
    tag: &str,
    compat: bool,
) -> (PushSummary, Vec<u8>) {
    let bytes = assemble(name);
    (
        publish_bytes(store, bytes.clone(), tag, compat).await,
        bytes,
    )
}

async fn publish_bytes(
    store: &dyn WritableStore,
    bytes: Vec<u8>,
    tag: &str,
    compat: bool,
) -> PushSummary {
    let component = Component::read(bytes, &SplitPolicy::DEFAULT).unwrap();
    let machine = tempfile::tempdir().unwrap();
    let session = Session::unobserved(Arc::new(Cache::open(machine.path()).unwrap()), 4);
    let version = (
        "org.opencontainers.image.version".to_owned(),
        tag.to_owned(),
    );
    let options = push::PushOptions {
        level: Level::Auto,
        reuse: true,
        metadata: Annotations::from([version]),
        compat,
        remote_files: Vec::new(),
    };
    let component = Arc::new(component);
    let pushed = push::push(component, store, Some(tag), &session, &options).await;
    pushed.unwrap()
}

/// The digest of the config that a manifest names.
fn config_of(manifest: &[u8]) -> String {
    let manifest: Value = serde_json::from_slice(manifest).unwrap();
    manifest["config"]["digest"].as_str().unwrap().to_owned()
}
