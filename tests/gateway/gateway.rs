//! The gateway, asked without a connection, in front of registries and layouts.

mod browser;
mod faults;
mod hiding;
mod layouts;
mod lists;
mod page;
mod readiness;
mod replicas;
mod rights;
mod shown;

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::workspace::assemble;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;
use wharf::component::Component;
use wharf::digest::Digest;
use wharf::encoding::{self, Decoder, Level};
use wharf::error::Error;
use wharf::gateway::content;
use wharf::gateway::message::{Handler, Request, Response};
use wharf::gateway::{Bodies, Gateway, Rights, Settings, Upstream};
use wharf::manifest::Annotations;
use wharf::push::{self, Pushed};
use wharf::reference::Repository;
use wharf::split::{SplitPolicy, splice};
use wharf::store::cache::Cache;
use wharf::store::remote::{self, Access, Credentials, Remote};
use wharf::store::retry::Retry;
use wharf::store::{ByteStream, Session, Store, WritableStore, fetch};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const SPLIT: &str = "application/vnd.wharf.component.v1";

fn options() -> remote::Options {
    remote::Options {
        retry: Retry {
            attempts: 2,
            first: Duration::from_millis(1),
            longest: Duration::from_millis(1),
        },
        // As the command line has it.
        manifest_types: &[SPLIT],
        ..remote::Options::default()
    }
}

fn registry(host: &str) -> Upstream {
    Upstream::Registry {
        host: host.to_owned(),
        options: options(),
    }
}

/// A gateway with a directory of its own, and what it said and spliced.
struct Front {
    gateway: Gateway,
    log: Arc<Mutex<Vec<String>>>,
    spliced: Arc<Mutex<Vec<content::Form>>>,
    _directory: Option<tempfile::TempDir>,
}

impl Front {
    fn new(upstreams: Vec<Upstream>) -> Self {
        Self::with(upstreams, |_| {})
    }

    fn with(upstreams: Vec<Upstream>, change: impl FnOnce(&mut Settings)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut front = Self::at(directory.path(), upstreams, change);
        front._directory = Some(directory);
        front
    }

    /// A gateway whose memory is in `directory`.
    fn at(directory: &Path, upstreams: Vec<Upstream>, change: impl FnOnce(&mut Settings)) -> Self {
        let (log, spliced) = (Arc::default(), Arc::default());
        let told: Arc<Mutex<Vec<String>>> = Arc::clone(&log);
        let mut settings = Settings {
            upstreams,
            rights: Rights::Client,
            cache: Arc::new(Cache::open(&directory.join("cache")).unwrap()),
            directory: directory.join("gateway"),
            bodies: bodies(Arc::clone(&spliced)),
            log: Arc::new(move |line| told.lock().unwrap().push(line.to_owned())),
            metrics: Arc::default(),
            remembered: Settings::REMEMBERED,
            missed: Settings::MISSED,
        };
        change(&mut settings);
        Self {
            gateway: Gateway::new(settings).unwrap(),
            log,
            spliced,
            _directory: None,
        }
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&'static str, &str)]) -> Got {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let (mut request, ()) = http::Request::new(()).into_parts();
        request.method = method;
        request.uri = path.parse().unwrap();
        request.headers = map;
        Got::of(self.gateway.handle(request).await).await
    }

    async fn get(&self, path: &str) -> Got {
        self.ask(Method::GET, path, &[("accept", "*/*")]).await
    }

    async fn head(&self, path: &str) -> Got {
        self.ask(Method::HEAD, path, &[("accept", "*/*")]).await
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    fn spliced(&self) -> Vec<content::Form> {
        std::mem::take(&mut self.spliced.lock().unwrap())
    }
}

/// An answer with its whole body.
#[derive(Debug)]
struct Got {
    status: u16,
    headers: HeaderMap,
    /// What came, and whether it ended well.
    body: Result<Vec<u8>, String>,
}

impl Got {
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

/// Splices in memory, and writes down what was wanted.
fn bodies(spliced: Arc<Mutex<Vec<content::Form>>>) -> Bodies {
    Arc::new(move |component, form| {
        spliced.lock().unwrap().push(form.clone());
        Box::pin(async move {
            let content = content_of(&component).await?;
            let bytes = match form {
                content::Form::Whole => content,
                content::Form::Range(part) => {
                    content[part.start as usize..part.end as usize].to_vec()
                }
                content::Form::Zstd => frame(&content),
            };
            Ok(stream::iter([Ok(bytes.into())]).boxed() as ByteStream)
        })
    })
}

async fn content_of(component: &content::Component) -> Result<Vec<u8>, Error> {
    let directory = tempfile::tempdir().unwrap();
    let mut contents = HashMap::new();
    for (at, layer) in component.manifest.all_layers().enumerate() {
        let mut spool = fetch(component.store.as_ref(), layer.blob, directory.path(), &()).await?;
        let mut content = Vec::new();
        let mut decoder = Decoder::new(spool.file(), layer.encoding, layer.content.size).unwrap();
        decoder.read_to_end(&mut content).unwrap();
        contents.insert(at, content);
    }
    let mut whole = Vec::new();
    let open = |layer: Option<usize>| Ok(&contents[&layer.map_or(0, |layer| layer + 1)][..]);
    splice(&component.manifest.recipe(), open, &mut whole)?;
    Ok(whole)
}

fn frame(content: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let size = content.len() as u64;
    assert!(encoding::compress(&mut &*content, size, 3, &mut frame).unwrap());
    frame
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
) -> (Pushed, Vec<u8>) {
    let bytes = assemble(name);
    let component = Component::read(bytes.clone(), &SplitPolicy::DEFAULT).unwrap();
    let machine = tempfile::tempdir().unwrap();
    let session = Session::unobserved(Arc::new(Cache::open(machine.path()).unwrap()), 4);
    let version = (
        "org.opencontainers.image.version".to_owned(),
        tag.to_owned(),
    );
    let options = push::Options {
        level: Level::Auto,
        reuse: true,
        metadata: Annotations::from([version]),
        compat,
    };
    let component = Arc::new(component);
    let pushed = push::push(component, store, Some(tag), &session, &options).await;
    (pushed.unwrap(), bytes)
}

/// The digest of the config that a manifest names.
fn config_of(manifest: &[u8]) -> String {
    let manifest: Value = serde_json::from_slice(manifest).unwrap();
    manifest["config"]["digest"].as_str().unwrap().to_owned()
}
