//! The end: nobody new, nobody idle, and what is under way to its end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Notify, mpsc};
use wharf::gateway::message::Response;
use wharf::gateway::server::Error;

use super::client::{Http1Client, Http2Client, collected};
use super::server::{Server, Stub, channel, short, streamed};
use super::tls;

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
    drop(slow);
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

/// The beginning of an HTTP/2 connection without flow control, with a GET request for `/`.
fn second() -> Vec<u8> {
    let settings = b"\0\0\x06\x04\0\0\0\0\0\0\x04\x7f\xff\xff\xff";
    let window = b"\0\0\x04\x08\0\0\0\0\0\x7f\xff\0\0";
    let request = b"\0\0\x0a\x01\x05\0\0\0\x01\x82\x86\x84\x01\x05wharf";
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    [&preface[..], settings, window, request].concat()
}

/// Reads an HTTP/2 response to its end, and returns the length of the body. The client opens the window after each
/// piece, as clients do, although it is open wide.
async fn pull<S: AsyncRead + AsyncWrite + Unpin>(client: &mut Http1Client<S>) -> usize {
    const DATA: u8 = 0;
    const PING: u8 = 6;
    const END_STREAM: u8 = 1;
    let mut body = 0;
    loop {
        let (kind, flags, payload) = client.frame().await.unwrap();
        if kind == PING {
            // The server waits for this answer before it ends the connection.
            let answer = b"\0\0\x08\x06\x01\0\0\0\0";
            client.send([&answer[..], &payload].concat()).await;
        }
        if kind == DATA {
            body += payload.len();
            if flags & END_STREAM != 0 {
                client.rest().await.1.unwrap();
                return body;
            }
            client.send(b"\0\0\x04\x08\0\0\0\0\0\0\0\0\x01").await;
        }
    }
}

#[tokio::test]
async fn a_slow_client_gets_its_stream_to_the_end() {
    const BODY: usize = 2 * 1024 * 1024;
    for encrypted in [false, true] {
        let stub = Stub::new(|_| Response::new(StatusCode::OK, vec![0; BODY]));
        let mut server = Server::start_with(stub, |settings| {
            settings.tls = encrypted.then(tls::tls);
        })
        .await;
        // The small buffer keeps the body in the server's buffers.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        let stream = socket.connect(server.address).await.unwrap();
        let pulled = if encrypted {
            let mut client = Http1Client::over(tls::over(stream, "h2").await);
            client.send(second()).await;
            client.frame().await.unwrap();
            server.stop();
            pull(&mut client).await
        } else {
            let mut client = Http1Client::over(stream);
            client.send(second()).await;
            client.frame().await.unwrap();
            server.stop();
            pull(&mut client).await
        };
        assert_eq!(pulled, BODY);
        let (served, lines) = server.end().await;
        served.unwrap();
        assert!(lines[0].ends_with("ms"), "{lines:?}");
    }
}

#[tokio::test]
async fn a_reset_after_the_last_byte_is_logged_as_aborted() {
    let (send, stub) = withheld();
    let mut server = Server::start(stub).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    stream.writable().await.unwrap();
    let request = b"GET /slow HTTP/1.1\r\nHost: wharf\r\n\r\n";
    stream.try_write(request).unwrap();
    let mut idle = Http1Client::connect(server.address).await;
    idle.get("/first").await;
    server.stop();
    idle.closed().await;
    send.send("first piece".into()).unwrap();
    drop(send);
    // The system of a client that closes with unread bytes sends a reset.
    stream.readable().await.unwrap();
    drop((stream, idle));
    let (served, lines) = server.end().await;
    served.unwrap();
    let last = lines.last().unwrap();
    assert!(last.contains(" GET /slow 200 11 "), "{last}");
    assert!(last.ends_with("ms aborted"), "{last}");
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
