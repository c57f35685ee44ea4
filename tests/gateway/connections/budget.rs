//! How much of all answers is held at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use http_body_util::BodyExt;
use tokio::sync::oneshot;
use wharf::gateway::server::ServerSettings;

use super::client::{Http1Client, Http2Client, collected};
use super::server::{Server, Stub, streamed};

/// What is soon over. Nothing is measured: whoever waits, waits for the end.
const SOON: Duration = Duration::from_millis(50);

const PIECE: usize = 64 * 1024;
const BUDGET: usize = 8 * PIECE;

/// More than the buffers between two processes of a machine hold.
const PIECES: usize = 256;

/// How many pieces there are, and the most that there were.
#[derive(Default)]
struct Count {
    now: AtomicUsize,
    most: AtomicUsize,
}

struct Piece(Arc<Count>);

impl Piece {
    fn new(count: &Arc<Count>) -> Self {
        let now = count.now.fetch_add(1, Ordering::SeqCst) + 1;
        count.most.fetch_max(now, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &[7; PIECE]
    }
}

/// A server of long bodies, and how many pieces of them there are.
async fn counted(change: impl FnOnce(&mut ServerSettings)) -> (Server, Arc<Count>) {
    let count = Arc::<Count>::default();
    let counted = Arc::clone(&count);
    let stub = Stub::new(move |_| {
        let counted = Arc::clone(&counted);
        let piece = move |_| Ok(Bytes::from_owner(Piece::new(&counted)));
        let body = stream::iter(0..PIECES).map(piece).boxed();
        streamed(Some((PIECES * PIECE) as u64), body)
    });
    let server = Server::start_with(stub, |settings| {
        settings.max_body_bytes = BUDGET;
        change(settings);
    });
    (server.await, count)
}

/// Clients that have asked and take nothing: more than there is room for.
struct Taking {
    second: Vec<http::Response<hyper::body::Incoming>>,
    plain: Vec<Http1Client>,
}

impl Taking {
    async fn nothing(server: &Server) -> Self {
        let (mut second, mut plain) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let mut client = Http2Client::connect(server.address).await;
            for _ in 0..5 {
                second.push(client.ask("GET", "/v2/a/blobs/b").await);
            }
            let mut client = Http1Client::connect(server.address).await;
            client.ask("GET", "/v2/a/blobs/b").await;
            plain.push(client);
        }
        Self { second, plain }
    }
}

async fn is_whole(server: &Server) {
    let mut client = Http2Client::connect(server.address).await;
    assert_eq!(client.get("/v2/a/blobs/b").await.len(), PIECES * PIECE);
    let mut client = Http1Client::connect(server.address).await;
    let answer = client.get("/v2/a/blobs/b").await;
    assert_eq!(answer.body.len(), PIECES * PIECE);
}

async fn is_whole_over_http2(server: &Server) -> bool {
    let mut client = Http2Client::connect(server.address).await;
    match client.try_ask("GET", "/v2/a/blobs/b").await {
        Ok(answer) => collected(answer.into_body()).await.0.len() == PIECES * PIECE,
        Err(_) => false,
    }
}

async fn is_whole_over_http1(server: &Server) -> bool {
    let mut client = Http1Client::connect(server.address).await;
    let close = "GET /v2/a/blobs/b HTTP/1.1\r\nhost: wharf.test\r\nconnection: close\r\n\r\n";
    client.send(close).await;
    let (answer, _) = client.rest().await;
    answer.ends_with(&[7; PIECE]) && answer.len() > PIECES * PIECE
}

#[tokio::test]
async fn stalled_clients_hold_at_most_the_budget_until_a_timeout() {
    let (server, count) = counted(|settings| settings.write_timeout = SOON).await;
    let taking = Taking::nothing(&server).await;
    // Also while there is no room for anything else.
    let mut probe = Http2Client::connect(server.address).await;
    assert_eq!(probe.get("/healthz").await, "alive\n");
    let stalled = taking.second.len() + taking.plain.len();
    while server.errors("slow") < stalled as u64 {
        tokio::task::yield_now().await;
    }
    // On a busy machine the timeout may end these clients too. They then ask again.
    while !is_whole_over_http2(&server).await {}
    while !is_whole_over_http1(&server).await {}
    let most = count.most.load(Ordering::SeqCst);
    assert!(most * PIECE <= BUDGET, "{most} pieces");
    for answer in taking.second {
        collected(answer.into_body()).await.1.unwrap_err();
    }
    for mut client in taking.plain {
        client.rest().await.1.unwrap_err();
    }
}

#[tokio::test]
async fn read_bodies_free_the_budget() {
    let (server, count) = counted(|_| ()).await;
    let taking = Taking::nothing(&server).await;
    let read = |answer: http::Response<hyper::body::Incoming>| async {
        let body = answer.into_body().collect().await.unwrap();
        assert_eq!(body.to_bytes().len(), PIECES * PIECE);
    };
    let waiting = is_whole(&server);
    let second = futures_util::future::join_all(taking.second.into_iter().map(read));
    let plain = taking.plain.into_iter().map(|mut client| async move {
        assert_eq!(client.answer().await.body.len(), PIECES * PIECE);
    });
    tokio::join!(waiting, second, futures_util::future::join_all(plain));
    let most = count.most.load(Ordering::SeqCst);
    assert!(most * PIECE <= BUDGET, "{most} pieces");
}

#[tokio::test]
async fn disconnects_free_the_budget() {
    let (server, _count) = counted(|_| ()).await;
    let taking = Taking::nothing(&server).await;
    drop(taking);
    is_whole(&server).await;
}

#[tokio::test]
async fn a_body_waiting_for_budget_is_not_a_slow_client() {
    let (end, ends) = oneshot::channel::<()>();
    let ends = Mutex::new(Some(ends));
    // Its piece waits for its source to say that this was all.
    let stub = Stub::new(move |ask| {
        let piece = stream::iter([Ok(Bytes::from_static(&[7; PIECE]))]);
        let end = match ask.uri.path() {
            "/holding" => ends.lock().unwrap().take(),
            _ => None,
        };
        let end = async {
            if let Some(end) = end {
                end.await.unwrap();
            }
        };
        let end = end.into_stream().filter_map(|()| async { None });
        streamed(Some(PIECE as u64), piece.chain(end).boxed())
    });
    let server = Server::start_with(stub, |settings| {
        settings.max_body_bytes = PIECE;
        settings.write_timeout = SOON;
        settings.idle_timeout = 2 * SOON;
    })
    .await;
    let mut client = Http2Client::connect(server.address).await;
    let holding = client.ask("GET", "/holding").await;
    let waiting = client.ask("GET", "/waiting").await;
    // Closed for want of a request, so at least as much time has passed for the others.
    Http1Client::connect(server.address).await.closed().await;
    end.send(()).unwrap();
    for answer in [holding, waiting] {
        let (body, ended) = collected(answer.into_body()).await;
        ended.unwrap();
        assert_eq!(body.len(), PIECE);
    }
    assert_eq!(server.errors("slow"), 0);
}

#[tokio::test]
async fn a_client_that_does_not_read_the_end_is_disconnected() {
    let stub = Stub::new(|_| {
        // What a client leaves room for, and what waits in the connection.
        let piece = |_| Ok(Bytes::from_static(&[7; PIECE]));
        let body = stream::iter(0..2).map(piece).boxed();
        streamed(Some(2 * PIECE as u64), body)
    });
    let mut server = Server::start_with(stub, |settings| settings.write_timeout = SOON).await;
    let mut client = Http2Client::connect(server.address).await;
    let answer = client.ask("GET", "/v2/a/blobs/b").await;
    client.closed().await;
    while !server
        .line()
        .await
        .ends_with("stopped reading before the end of a response")
    {}
    assert_eq!(server.errors("slow"), 1);
    collected(answer.into_body()).await.1.unwrap_err();
}
