//! Who may have a connection, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::{Semaphore, mpsc};

use super::client::{Http1Client, Http2Client, collected};
use super::server::{Server, Stub, short, streamed};

/// What is soon over. Nothing is measured: whoever waits, waits for the end.
const SOON: Duration = Duration::from_millis(50);

const PIECE: usize = 64 * 1024;

/// More than all buffers between two processes of a machine hold.
const MUCH: u64 = 1 << 30;

/// A body of [`MUCH`] that counts what was taken of it.
fn endless(taken: &Arc<AtomicU64>) -> Stub {
    let taken = Arc::clone(taken);
    Stub::new(move |_| {
        let taken = Arc::clone(&taken);
        let piece = move |_| {
            taken.fetch_add(PIECE as u64, Ordering::SeqCst);
            Ok(Bytes::from_static(&[7; PIECE]))
        };
        let pieces = stream::iter(0..MUCH / PIECE as u64).map(piece);
        streamed(Some(MUCH), pieces.boxed())
    })
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_disconnected() {
    let taken = Arc::new(AtomicU64::new(0));
    let change =
        |settings: &mut wharf::gateway::server::ServerSettings| settings.write_timeout = SOON;
    let mut server = Server::start_with(endless(&taken), change).await;
    let mut client = Http1Client::connect(server.address).await;
    client.ask("GET", "/v2/a/blobs/b").await;
    let line = server.line().await;
    assert!(line.ends_with("ms aborted"), "{line}");
    assert_eq!(server.errors("slow"), 1);
    // Somebody who wakes up now finds that the connection is broken, not at its end.
    client.rest().await.1.unwrap_err();
    assert!(taken.load(Ordering::SeqCst) < MUCH / 4);
}

#[tokio::test]
async fn a_stream_without_window_is_aborted() {
    let taken = Arc::new(AtomicU64::new(0));
    let change =
        |settings: &mut wharf::gateway::server::ServerSettings| settings.write_timeout = SOON;
    let mut server = Server::start_with(endless(&taken), change).await;
    let mut client = Http2Client::connect(server.address).await;
    let answer = client.ask("GET", "/v2/a/blobs/b").await;
    let line = server.line().await;
    assert!(line.ends_with("the client stopped reading"), "{line}");
    let line = server.line().await;
    assert!(line.ends_with("ms aborted"), "{line}");
    assert_eq!(server.errors("slow"), 1);
    assert_eq!(server.metric("requests_in_flight"), 0);
    // What the client leaves room for, what the connection holds, and a few pieces.
    let held = taken.load(Ordering::SeqCst);
    assert!(held <= 8 * PIECE as u64, "{held} bytes were held");
    let (body, ended) = collected(answer.into_body()).await;
    assert!((body.len() as u64) < MUCH);
    ended.unwrap_err();
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let stub = Stub::new(|_| short("whole"));
    let server = Server::start_with(stub, |settings| settings.idle_timeout = SOON).await;
    let mut silent = Http1Client::connect(server.address).await;
    silent.closed().await;
    let mut halting = Http1Client::connect(server.address).await;
    halting.send("GET /v2/ HTTP/1.1\r\nHost: wh").await;
    halting.closed().await;
    let mut idle = Http1Client::connect(server.address).await;
    assert_eq!(idle.get("/v2/").await.text(), "whole");
    idle.closed().await;
    let mut second = Http2Client::connect(server.address).await;
    assert_eq!(second.get("/v2/").await, "whole");
    second.closed().await;
}

#[tokio::test]
async fn a_request_under_way_is_not_idle() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let stub = Stub::waiting(move |_| {
        let opened = Arc::clone(&opened);
        async move {
            opened.acquire().await.unwrap().forget();
            short("whole")
        }
        .boxed()
    });
    let server = Server::start_with(stub, |settings| settings.idle_timeout = SOON).await;
    let mut slow = Http1Client::connect(server.address).await;
    slow.ask("GET", "/v2/a").await;
    // Closed for want of a request, so at least as much time has passed for the other.
    Http1Client::connect(server.address).await.closed().await;
    Http1Client::connect(server.address).await.closed().await;
    gate.add_permits(1);
    let answer = slow.answer().await;
    assert_eq!(answer.text(), "whole");
    // Nobody has thought of closing it.
    assert_eq!(answer.header("connection"), None);
}

#[tokio::test]
async fn connections_above_the_limit_wait() {
    let stub = Stub::new(|ask| short(ask.uri.path()));
    let server = Server::start_with(stub, |settings| settings.max_connections = 2).await;
    let mut clients = [
        Http1Client::connect(server.address).await,
        Http1Client::connect(server.address).await,
    ];
    for client in &mut clients {
        client.get("/first").await;
    }
    let mut third = Http1Client::connect(server.address).await;
    third.ask("GET", "/third").await;
    for client in &mut clients {
        for _ in 0..20 {
            client.get("/first").await;
        }
    }
    assert_eq!(server.metric("connections"), 2);
    let asked = server.stub.asked();
    assert!(asked.iter().all(|ask| ask.uri.path() == "/first"));
    let [first, second] = clients;
    drop(first);
    assert_eq!(third.answer().await.text(), "/third");
    drop(second);
}

#[tokio::test]
async fn the_longest_idle_connection_ends_for_a_new_one() {
    let stub = Stub::new(|ask| short(ask.uri.path()));
    let server = Server::start_with(stub, |settings| settings.max_connections = 2).await;
    let mut silent = Http1Client::connect(server.address).await;
    let mut used = Http1Client::connect(server.address).await;
    used.get("/used").await;
    let mut third = Http1Client::connect(server.address).await;
    third.ask("GET", "/third").await;
    assert_eq!(third.answer().await.text(), "/third");
    silent.closed().await;
    used.get("/used").await;
}

#[tokio::test]
async fn requests_of_one_connection_are_limited() {
    let (say, mut asked) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let stub = Stub::waiting(move |ask| {
        say.send(ask.uri.path().to_owned()).unwrap();
        let opened = Arc::clone(&opened);
        async move {
            opened.acquire().await.unwrap().forget();
            short("whole")
        }
        .boxed()
    });
    let server = Server::start_with(stub, |settings| settings.max_streams = 2).await;
    let mut client = Http2Client::connect(server.address).await;
    // Its answer has come after what the server allows.
    client.get("/healthz").await;
    let mut answers = Vec::new();
    for number in 0..3 {
        let mut client = client.clone();
        let path = format!("/{number}");
        answers.push(tokio::spawn(async move { client.get(&path).await }));
    }
    for _ in 0..2 {
        asked.recv().await.unwrap();
    }
    // A connection of its own, and its answer: time for the third one, were it let in.
    Http1Client::connect(server.address)
        .await
        .get("/healthz")
        .await;
    assert!(asked.try_recv().is_err());
    gate.add_permits(1);
    asked.recv().await.unwrap();
    gate.add_permits(2);
    for answer in answers {
        assert_eq!(answer.await.unwrap(), "whole");
    }
}

#[tokio::test]
async fn an_answer_that_panics_ends_its_connection_only() {
    let stub = Stub::new(|ask| match ask.uri.path() {
        "/panic" => panic!("on purpose"),
        path => short(path),
    });
    let mut server = Server::start(stub).await;
    let mut other = Http1Client::connect(server.address).await;
    other.get("/first").await;
    server.line().await;
    let mut client = Http1Client::connect(server.address).await;
    client.ask("GET", "/panic").await;
    client.closed().await;
    let line = server.line().await;
    assert!(
        line.contains(" GET /panic - 0 ") && line.ends_with(" aborted"),
        "{line}"
    );
    assert!(server.line().await.contains("panicked"));
    assert_eq!(other.get("/second").await.text(), "/second");
}
