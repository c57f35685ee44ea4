//! The end: nobody new, nobody idle, and what is under way to its end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use wharf::gateway::server::Error;

use super::client::{Http1Client, Http2Client, collected};
use super::server::{Server, Stub, channel, short, streamed};

/// Answers `/slow` with a body that comes through a channel.
fn withheld() -> (mpsc::UnboundedSender<Bytes>, Stub) {
    let (send, body) = channel();
    let body = Mutex::new(Some(body));
    let stub = Stub::new(move |ask| match ask.uri.path() {
        "/slow" => streamed(Some(11), body.lock().unwrap().take().unwrap()),
        path => short(path),
    });
    (send, stub)
}

#[tokio::test]
async fn stopping_ends_the_answer_and_accepts_no_request() {
    let (send, stub) = withheld();
    let mut server = Server::start(stub).await;
    let mut idle = Http1Client::connect(server.address).await;
    idle.get("/first").await;
    let mut second = Http2Client::connect(server.address).await;
    second.get("/second").await;
    let mut silent = Http1Client::connect(server.address).await;
    let mut slow = Http1Client::connect(server.address).await;
    slow.ask("GET", "/slow").await;
    send.send("first ".into()).unwrap();
    slow.head().await;
    assert_eq!(slow.read(6).await, b"first ");

    server.stop();
    idle.closed().await;
    second.closed().await;
    silent.closed().await;
    let refused = TcpStream::connect(server.address).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);

    send.send("piece".into()).unwrap();
    drop(send);
    assert_eq!(slow.read(5).await, b"piece");
    slow.closed().await;
    let (served, lines) = server.end().await;
    served.unwrap();
    let last = lines.last().unwrap();
    assert!(
        last.contains(" GET /slow 200 11 ") && last.ends_with("ms"),
        "{last}"
    );
}

#[tokio::test]
async fn stopping_ends_the_stream_and_accepts_no_other() {
    let (send, stub) = withheld();
    let mut server = Server::start(stub).await;
    let mut idle = Http1Client::connect(server.address).await;
    idle.get("/first").await;
    let mut client = Http2Client::connect(server.address).await;
    let answer = client.ask("GET", "/slow").await;
    send.send("first ".into()).unwrap();

    server.stop();
    idle.closed().await;
    send.send("piece".into()).unwrap();
    drop(send);
    let (body, ended) = collected(answer.into_body()).await;
    ended.unwrap();
    assert_eq!(body, b"first piece");
    client.closed().await;
    server.end().await.0.unwrap();
}

#[tokio::test]
async fn requests_beyond_the_grace_period_are_aborted() {
    for second in [false, true] {
        let (send, stub) = withheld();
        let grace = Duration::from_millis(50);
        let mut server = Server::start_with(stub, |settings| settings.grace = grace).await;
        send.send("first ".into()).unwrap();
        if second {
            let mut client = Http2Client::connect(server.address).await;
            let answer = client.ask("GET", "/slow").await;
            server.stop();
            let (body, ended) = collected(answer.into_body()).await;
            assert!(b"first ".starts_with(&body), "{body:?}");
            ended.unwrap_err();
        } else {
            let mut client = Http1Client::connect(server.address).await;
            client.ask("GET", "/slow").await;
            client.head().await;
            server.stop();
            let (body, ended) = client.rest().await;
            assert!(b"first ".starts_with(&body), "{body:?}");
            ended.unwrap_err();
        }
        // The source is let go.
        send.closed().await;
        let served = server.end().await.0;
        assert!(
            matches!(served, Err(Error::Cut { connections: 1 })),
            "{served:?}"
        );
    }
}

#[tokio::test]
async fn a_stopping_server_is_not_ready() {
    let (asked, open) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let stub = Stub::new(|ask| short(ask.uri.path())).gated(&asked, &open);
    let mut server = Server::start(stub).await;
    let mut idle = Http1Client::connect(server.address).await;
    idle.get("/first").await;
    let mut client = Http1Client::connect(server.address).await;
    client.ask("GET", "/readyz").await;
    asked.notified().await;
    server.stop();
    idle.closed().await;
    open.notify_one();
    let answer = client.answer().await;
    assert_eq!((answer.status(), answer.text()), (503, "stopping\n"));
    client.closed().await;
    server.end().await.0.unwrap();
}
