//! A registry in this process that records what it is asked and fails as it is told.
//!
//! Blocking and threaded on purpose: nothing of the transport under test is shared with it.

mod http;
mod serve;
mod tokens;

use std::collections::{BTreeMap, HashMap};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use wharf::digest::{Digest, Identity};

/// How the registry behaves when no rule says otherwise.
#[derive(Default)]
pub struct Settings {
    pub auth: Auth,
    /// The largest body of a request; a longer one is answered with `too_large`, its bytes thrown away.
    pub max_body: Option<u64>,
    /// The status for bodies that are too large (0: 413).
    pub too_large: u16,
    pub mount: Mount,
    /// Tells where uploads go on: absolute URLs instead of paths.
    pub absolute_locations: bool,
    /// `http://host:port` put before the paths of uploads, for uploads that go to another host.
    pub upload_origin: Option<String>,
    /// How many tags a page has (0: all).
    pub page: usize,
    /// How many bytes of a chunk are taken at most; the answer says how many were.
    pub taken: Option<usize>,
    /// The `OCI-Chunk-Min-Length` of uploads (0: none).
    pub least_chunk: u64,
}

#[derive(Default)]
pub enum Auth {
    #[default]
    None,
    Basic {
        username: &'static str,
        password: &'static str,
    },
    /// Everybody may read; the challenge comes with a 200 to `/v2/`, as zot sends it.
    BasicToWrite {
        username: &'static str,
        password: &'static str,
    },
    /// Tokens from `/token`, each good for so many requests.
    Bearer {
        /// Who gets a token; nobody in particular does where there is none.
        login: Option<(&'static str, &'static str)>,
        /// Where the challenge sends clients instead of to `/token`.
        realm: Option<String>,
        uses: u32,
    },
    /// Tokens from `/token` that are good for what they were asked for, of what is given at all.
    Scoped {
        who: TokenClient,
        /// Such as `repository:demo/app:pull`; more actions are more entries.
        given: &'static [&'static str],
        /// The status for whoever asks for more than that, who else gets less (0).
        greedy: u16,
    },
}

/// Who gets tokens.
pub enum TokenClient {
    Everybody,
    /// Who shows this by GET.
    Password(&'static str, &'static str),
    /// Who shows this by POST.
    Identity(&'static str),
}

#[derive(Default, PartialEq, Eq)]
pub enum Mount {
    /// 201 where `from` names a repository that has the blob, else 202.
    #[default]
    From,
    /// 201 where any repository has the blob, else 202.
    Anywhere,
    /// This status.
    Refused(u16),
}

/// What happens instead of the right answer.
#[derive(Clone)]
pub enum Fault {
    /// Another answer with these headers.
    Status(u16, Vec<(&'static str, String)>),
    /// Another answer with these headers and this body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The right answer, after something else happened: between what the request did and its answer.
    Then(Arc<dyn Fn() + Send + Sync>),
    /// The right answer with these headers, in place of its own of the same name.
    Headers(Vec<(&'static str, String)>),
    /// Another body.
    Body(Vec<u8>),
    /// The connection closes after so many bytes of the body.
    Truncate(usize),
    /// Every byte of the body is another one.
    WrongBytes,
    /// The connection closes before an answer, and nothing is done.
    CloseBeforeAnswer,
    /// The connection closes before the answer to what was done.
    LoseAnswer,
    /// The right answer, whose body stops after so many bytes, until the client goes away.
    Stall(usize),
    /// The whole blob with status 200.
    IgnoreRange,
    /// No `Content-Length`: the body ends where the connection does.
    NoLength,
    /// As `NoLength`, after so many bytes.
    NoLengthTruncate(usize),
    /// The body never ends.
    Endless,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    /// How many bytes of the body were read.
    pub body: u64,
}

impl RecordedRequest {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

struct Rule {
    method: String,
    path: String,
    times: usize,
    fault: Fault,
}

#[derive(Default)]
struct Repository {
    blobs: HashMap<Digest, Arc<Vec<u8>>>,
    /// By digest: media type and bytes.
    manifests: HashMap<String, (String, Arc<Vec<u8>>)>,
    tags: BTreeMap<String, String>,
    uploads: HashMap<u64, Vec<u8>>,
}

#[derive(Default)]
struct State {
    repositories: HashMap<String, Repository>,
    rules: Vec<Rule>,
    requests: Vec<RecordedRequest>,
    /// What is left of each token.
    tokens: HashMap<String, u32>,
    /// What a token is good for.
    scopes: HashMap<String, Vec<String>>,
    issued: u32,
    alarms: Vec<(u64, Box<dyn FnOnce() + Send>)>,
}

struct Shared {
    settings: Settings,
    address: String,
    state: Mutex<State>,
    blob_bytes: AtomicU64,
    stopped: AtomicBool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Counts bytes of blobs in either direction.
    fn count(&self, bytes: u64) {
        let passed = self.blob_bytes.fetch_add(bytes, Ordering::SeqCst) + bytes;
        let due: Vec<_> = {
            let mut state = self.state();
            let (due, later) = state.alarms.drain(..).partition(|(at, _)| *at <= passed);
            state.alarms = later;
            due
        };
        for (_, alarm) in due {
            alarm();
        }
    }

    fn fault(&self, method: &str, path: &str) -> Option<Fault> {
        let mut state = self.state();
        let fits =
            |rule: &&mut Rule| rule.times > 0 && rule.method == method && path.contains(&rule.path);
        let rule = state.rules.iter_mut().find(fits)?;
        rule.times -= 1;
        Some(rule.fault.clone())
    }
}

/// A registry on a free port of 127.0.0.1; it stops when this is dropped.
pub struct Registry {
    shared: Arc<Shared>,
}

impl Registry {
    pub fn start() -> Self {
        Self::start_with(Settings::default())
    }

    pub fn start_with(settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let shared = Arc::new(Shared {
            settings,
            address: listener.local_addr().unwrap().to_string(),
            state: Mutex::default(),
            blob_bytes: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&accepting);
                // A client that goes away is no news.
                thread::spawn(move || stream.and_then(|stream| serve::connection(&shared, stream)));
            }
        });
        Self { shared }
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.shared.address.clone()
    }

    /// Lets the next `times` requests of a method whose path contains `path` fail. Earlier rules go first.
    pub fn on(&self, method: &str, path: &str, times: usize, fault: Fault) {
        self.shared.state().rules.push(Rule {
            method: method.to_owned(),
            path: path.to_owned(),
            times,
            fault,
        });
    }

    /// From now on everything is answered rightly.
    pub fn forget_rules(&self) {
        self.shared.state().rules.clear();
    }

    /// Calls back once, on a thread of the registry, when so many bytes of blobs went in or out.
    pub fn when_blob_bytes(&self, bytes: u64, alarm: impl FnOnce() + Send + 'static) {
        self.shared.state().alarms.push((bytes, Box::new(alarm)));
    }

    pub fn blob_bytes(&self) -> u64 {
        self.shared.blob_bytes.load(Ordering::SeqCst)
    }

    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.state().requests.clone()
    }

    /// Every request as `METHOD path`, in the order they came.
    pub fn lines(&self) -> Vec<String> {
        let line = |request: RecordedRequest| format!("{} {}", request.method, request.path);
        self.requests().into_iter().map(line).collect()
    }

    pub fn forget_requests(&self) {
        self.shared.state().requests.clear();
    }

    pub fn put_blob(&self, repository: &str, bytes: &[u8]) -> Identity {
        let identity = Identity::of(bytes);
        let mut state = self.shared.state();
        let repository = state.repositories.entry(repository.to_owned()).or_default();
        repository
            .blobs
            .insert(identity.digest, Arc::new(bytes.to_vec()));
        identity
    }

    pub fn blob(&self, repository: &str, digest: &Digest) -> Option<Arc<Vec<u8>>> {
        self.shared
            .state()
            .repositories
            .get(repository)?
            .blobs
            .get(digest)
            .cloned()
    }

    /// The bytes that a tag or a digest names.
    pub fn manifest(&self, repository: &str, name: &str) -> Option<Arc<Vec<u8>>> {
        let state = self.shared.state();
        let repository = state.repositories.get(repository)?;
        let digest = repository.tags.get(name).map_or(name, String::as_str);
        let (_, bytes) = repository.manifests.get(digest)?;
        Some(Arc::clone(bytes))
    }

    /// Stores a manifest and lets a tag name it.
    pub fn put_manifest(
        &self,
        repository: &str,
        tag: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Digest {
        let digest = Digest::of(bytes);
        let mut state = self.shared.state();
        let repository = state.repositories.entry(repository.to_owned()).or_default();
        let stored = (media_type.to_owned(), Arc::new(bytes.to_vec()));
        repository.manifests.insert(digest.to_string(), stored);
        repository.tags.insert(tag.to_owned(), digest.to_string());
        digest
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(&self.shared.address);
    }
}
