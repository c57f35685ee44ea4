//! A server, and the answers of tests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use wharf::gateway::message::{Handler, Request, Response};
use wharf::gateway::metrics::Metrics;
use wharf::gateway::server::{self, ServerSettings, serve};
use wharf::store::{ByteStream, Error};

type Answers = dyn Fn(&Request) -> BoxFuture<'static, Response> + Send + Sync;

/// Answers as the test says, and remembers what it was asked.
pub(crate) struct Stub {
    handler: Box<Answers>,
    asked: Mutex<Vec<Request>>,
    readiness: Mutex<Result<(), String>>,
    /// Where there is one: told that the question has come, and when it may be answered.
    gate: Option<(Arc<Notify>, Arc<Notify>)>,
}

impl Stub {
    pub(crate) fn new(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self::waiting(move |ask| {
            let reply = handler(ask);
            async move { reply }.boxed()
        })
    }

    pub(crate) fn waiting(
        handler: impl Fn(&Request) -> BoxFuture<'static, Response> + Send + Sync + 'static,
    ) -> Self {
        Self {
            handler: Box::new(handler),
            asked: Mutex::default(),
            readiness: Mutex::new(Ok(())),
            gate: None,
        }
    }

    pub(crate) fn unready(self, reason: &str) -> Self {
        *self.readiness.lock().unwrap() = Err(reason.to_owned());
        self
    }

    pub(crate) fn gated(mut self, asked: &Arc<Notify>, open: &Arc<Notify>) -> Self {
        self.gate = Some((Arc::clone(asked), Arc::clone(open)));
        self
    }

    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Handler for Stub {
    async fn handle(&self, ask: Request) -> Response {
        self.asked.lock().unwrap().push(ask.clone());
        (self.handler)(&ask).await
    }

    async fn ready(&self) -> Result<(), String> {
        if let Some((asked, open)) = &self.gate {
            asked.notify_one();
            open.notified().await;
        }
        self.readiness.lock().unwrap().clone()
    }
}

/// A running server. What it logs can be waited for.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) stub: Arc<Stub>,
    lines: mpsc::UnboundedReceiver<String>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), server::Error>>,
}

impl Server {
    pub(crate) async fn start(stub: Stub) -> Self {
        Self::start_with(stub, |_| ()).await
    }

    pub(crate) async fn start_with(stub: Stub, change: impl FnOnce(&mut ServerSettings)) -> Self {
        Self::run("127.0.0.1:0", stub, change, None).await
    }

    /// One that listens there.
    pub(crate) async fn start_on(listen: &str, stub: Stub) -> Self {
        Self::run(listen, stub, |_| (), None).await
    }

    /// One that answers probes elsewhere too, and where that is.
    pub(crate) async fn with_admin(
        stub: Stub,
        change: impl FnOnce(&mut ServerSettings),
    ) -> (Self, SocketAddr) {
        let admin = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = admin.local_addr().unwrap();
        let server = Self::run("127.0.0.1:0", stub, change, Some(admin));
        (server.await, address)
    }

    async fn run(
        listen: &str,
        stub: Stub,
        change: impl FnOnce(&mut ServerSettings),
        admin: Option<TcpListener>,
    ) -> Self {
        let listener = TcpListener::bind(listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (say, lines) = mpsc::unbounded_channel();
        let mut settings = ServerSettings {
            hosts: vec!["wharf".to_owned(), "wharf.test".to_owned()],
            log: Arc::new(move |line: &str| {
                // The test may be over.
                let _ = say.send(line.to_owned());
            }),
            ..ServerSettings::default()
        };
        change(&mut settings);
        let metrics = Arc::clone(&settings.metrics);
        let stub = Arc::new(stub);
        let (stop, stopped) = oneshot::channel::<()>();
        let answer: Arc<dyn Handler> = Arc::clone(&stub) as Arc<dyn Handler>;
        let stopped = async move {
            // Who drops the other end wants no stop either.
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let served = tokio::spawn(serve(listener, admin, answer, settings, stopped));
        Self {
            address,
            metrics,
            stub,
            lines,
            stop: Some(stop),
            served,
        }
    }

    /// Waits for the next line of the log.
    pub(crate) async fn line(&mut self) -> String {
        self.lines.recv().await.unwrap()
    }

    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits for the end of a server that was told to stop.
    pub(crate) async fn end(self) -> (Result<(), server::Error>, Vec<String>) {
        let mut lines = self.lines;
        let served = self.served.await.unwrap();
        let mut left = Vec::new();
        while let Ok(line) = lines.try_recv() {
            left.push(line);
        }
        (served, left)
    }

    /// The value of one line of the metrics.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = self.metrics.render();
        let value = |line: &str| {
            let value = line.strip_prefix("wharf_gateway_")?.strip_prefix(name)?;
            value.strip_prefix(' ')?.parse().ok()
        };
        text.lines()
            .find_map(value)
            .unwrap_or_else(|| panic!("no {name} in\n{text}"))
    }

    pub(crate) fn errors(&self, kind: &str) -> u64 {
        self.metric(&format!("errors_total{{kind=\"{kind}\"}}"))
    }
}

/// An answer with its length.
pub(crate) fn short(body: &str) -> Response {
    Response::new(StatusCode::OK, body.to_owned())
}

/// An answer whose body is made of these, and says that it has this length.
pub(crate) fn streamed(length: Option<u64>, body: ByteStream) -> Response {
    let mut headers = HeaderMap::new();
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    Response {
        status: StatusCode::OK,
        headers,
        body,
    }
}

pub(crate) fn pieces(items: Vec<Result<Bytes, Error>>) -> ByteStream {
    stream::iter(items).boxed()
}

/// What a registry that breaks off comes to.
pub(crate) fn broken_off() -> Error {
    Error::Unreachable {
        what: "GET blob".to_owned(),
        attempts: 2,
        source: "the connection\nwas reset".into(),
    }
}

/// A body that comes through a channel, piece by piece.
pub(crate) fn channel() -> (mpsc::UnboundedSender<Bytes>, ByteStream) {
    let (send, receive) = mpsc::unbounded_channel::<Bytes>();
    let next = |mut receive: mpsc::UnboundedReceiver<Bytes>| async move {
        Some((Ok(receive.recv().await?), receive))
    };
    (send, stream::unfold(receive, next).boxed())
}
