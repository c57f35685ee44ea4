//! Bodies that do not come to their end are seen to be no whole.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::net::TcpSocket;
use wharf::store::{ByteStream, Error};

use super::client::{Http1Client, Http2Client, collected};
use super::server::{Server, Stub, broken_off, channel, pieces, streamed};

/// A body, how long it says that it is, what of it may come, and the word for what is wrong.
struct Case {
    length: Option<u64>,
    items: fn() -> Vec<Result<Bytes, Error>>,
    whole: &'static str,
    kind: &'static str,
}

const CASES: [Case; 6] = [
    Case {
        length: Some(10),
        items: || vec![Ok("first".into()), Err(broken_off())],
        whole: "first",
        kind: "unreachable",
    },
    Case {
        length: None,
        items: || vec![Ok("first".into()), Err(broken_off())],
        whole: "first",
        kind: "unreachable",
    },
    // All of it is there, and then it turns out to be wrong.
    Case {
        length: Some(10),
        items: || vec![Ok("first".into()), Ok("other".into()), Err(broken_off())],
        whole: "first",
        kind: "unreachable",
    },
    Case {
        length: Some(10),
        items: || vec![Ok("first".into()), Ok("".into()), Ok("last".into())],
        whole: "firstlast",
        kind: "length",
    },
    Case {
        length: Some(10),
        items: || vec![Ok("first".into()), Ok("others".into())],
        whole: "first",
        kind: "length",
    },
    Case {
        length: Some(5),
        items: || vec![Ok("first".into()), Ok("!".into())],
        whole: "",
        kind: "length",
    },
];

async fn server(case: &Case) -> Server {
    let (length, items) = (case.length, case.items);
    Server::start(Stub::new(move |_| streamed(length, pieces(items())))).await
}

async fn assert_noted(server: &mut Server, case: &Case) {
    let line = server.line().await;
    let whole = case.whole.len();
    let expected = format!(" GET /v2/a: aborted after {whole} bytes: ");
    assert!(
        line.starts_with("error: ") && line.contains(&expected),
        "{line}"
    );
    if case.kind == "unreachable" {
        let causes = "GET blob failed after 2 attempts: the connection\u{fffd}was reset";
        assert!(line.ends_with(causes), "{line}");
    }
    let line = server.line().await;
    assert!(line.contains(" GET /v2/a 200 "), "{line}");
    assert!(line.ends_with("ms aborted"), "{line}");
    assert_eq!(server.errors(case.kind), 1);
    assert_eq!(server.errors("aborted"), 0);
}

#[tokio::test]
async fn over_http_1_the_connection_breaks() {
    for case in &CASES {
        let mut server = server(case).await;
        let mut client = Http1Client::connect(server.address).await;
        client.ask("GET", "/v2/a").await;
        let (rest, _however) = client.rest().await;
        let text = String::from_utf8(rest).unwrap();
        // Where it breaks at once, the head may be lost with it.
        if let Some((_head, body)) = text.split_once("\r\n\r\n") {
            match case.length {
                Some(length) => {
                    assert!(case.whole.starts_with(body), "{body}");
                    assert!((body.len() as u64) < length, "{body}");
                }
                None => assert!(!body.contains("0\r\n\r\n"), "{body}"),
            }
        }
        assert_noted(&mut server, case).await;
    }
}

#[tokio::test]
async fn over_http_2_the_stream_is_reset() {
    for case in &CASES {
        let mut server = server(case).await;
        let mut client = Http2Client::connect(server.address).await;
        let answer = client.ask("GET", "/v2/a").await;
        let (body, ended) = collected(answer.into_body()).await;
        assert!(case.whole.as_bytes().starts_with(&body), "{body:?}");
        assert!(ended.is_err(), "{}: {body:?}", case.kind);
        assert_noted(&mut server, case).await;
        // The others on the connection go on.
        assert_eq!(client.get("/healthz").await, "alive\n");
    }
}

#[tokio::test]
async fn http_1_0_clients_see_a_reset_when_a_body_breaks() {
    let stub = Stub::new(|ask| match ask.uri.path() {
        "/whole" => streamed(None, pieces(vec![Ok("whole".into())])),
        _ => streamed(None, pieces(vec![Ok("first".into()), Err(broken_off())])),
    });
    let server = Server::start(stub).await;
    let mut client = Http1Client::connect(server.address).await;
    client.send("GET /whole HTTP/1.0\r\n\r\n").await;
    let (rest, ended) = client.rest().await;
    assert!(rest.ends_with(b"\r\n\r\nwhole"), "{rest:?}");
    ended.unwrap();
    let mut client = Http1Client::connect(server.address).await;
    client.send("GET /broken HTTP/1.0\r\n\r\n").await;
    client.rest().await.1.unwrap_err();
}

/// Takes its time to go, when all was sent.
struct Lingering(std::sync::mpsc::Receiver<()>);

impl Drop for Lingering {
    fn drop(&mut self) {
        // Whoever waits for this thread goes on with another one.
        let _gone_too = tokio::task::block_in_place(|| self.0.recv());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_connection_that_closes_after_its_answer_loses_nothing() {
    const LENGTH: usize = 100_000;
    let (let_go, waits) = std::sync::mpsc::channel();
    let lingering = std::sync::Mutex::new(Some(Lingering(waits)));
    let server = Server::start(Stub::new(move |_| {
        let lingering = lingering.lock().unwrap().take();
        let body = pieces(vec![Ok(vec![7; LENGTH].into())]).inspect(move |_| {
            let _held = &lingering;
        });
        streamed(Some(LENGTH as u64), body.boxed())
    }))
    .await;
    let socket = TcpSocket::new_v4().unwrap();
    // Most of the answer waits on the other side.
    socket.set_recv_buffer_size(4096).unwrap();
    let mut client = Http1Client::over(socket.connect(server.address).await.unwrap());
    client
        .send("GET /v2/a HTTP/1.1\r\nHost: wharf\r\nConnection: close\r\n\r\n")
        .await;
    client.head().await;
    while server.metric("connections") > 0 {
        tokio::task::yield_now().await;
    }
    let (rest, ended) = client.rest().await;
    drop(let_go);
    assert!(rest == [7; LENGTH], "{} bytes, {ended:?}", rest.len());
    ended.unwrap();
}

#[tokio::test]
async fn a_body_without_a_length_arrives_complete() {
    let body = || pieces(vec![Ok("first ".into()), Ok("".into()), Ok("last".into())]);
    let server = Server::start(Stub::new(move |_| streamed(None, body()))).await;
    let mut client = Http1Client::connect(server.address).await;
    client.ask("GET", "/v2/a").await;
    assert!(
        client
            .head()
            .await
            .contains("transfer-encoding: chunked\r\n")
    );
    let chunks = b"6\r\nfirst \r\n4\r\nlast\r\n0\r\n\r\n";
    assert_eq!(client.read(chunks.len()).await, chunks);
    let mut client = Http2Client::connect(server.address).await;
    assert_eq!(client.get("/v2/a").await, "first last");
}

#[tokio::test]
async fn pieces_are_sent_as_they_arrive() {
    let (send, body) = channel();
    let body = std::sync::Mutex::new(Some(body));
    let take = move || body.lock().unwrap().take().unwrap();
    let mut server = Server::start(Stub::new(move |_| streamed(Some(11), take()))).await;
    let mut client = Http1Client::connect(server.address).await;
    client.ask("GET", "/v2/a").await;
    send.send("first ".into()).unwrap();
    client.head().await;
    assert_eq!(client.read(6).await, b"first ");
    assert_eq!(server.metric("requests_in_flight"), 1);
    send.send("piece".into()).unwrap();
    drop(send);
    assert_eq!(client.read(5).await, b"piece");
    let line = server.line().await;
    assert!(line.contains(" 200 11 ") && line.ends_with("ms"), "{line}");
}

#[tokio::test]
async fn a_client_disconnect_is_logged_and_drops_the_source() {
    for second in [false, true] {
        let (send, body) = channel();
        let body = std::sync::Mutex::new(Some(body));
        let take = move || -> ByteStream { body.lock().unwrap().take().unwrap() };
        let mut server = Server::start(Stub::new(move |_| streamed(Some(10), take()))).await;
        send.send("first".into()).unwrap();
        if second {
            let mut client = Http2Client::connect(server.address).await;
            let mut answer = client.ask("GET", "/v2/a").await.into_body();
            http_body_util::BodyExt::frame(&mut answer)
                .await
                .unwrap()
                .unwrap();
        } else {
            let mut client = Http1Client::connect(server.address).await;
            client.ask("GET", "/v2/a").await;
            client.head().await;
            client.read(5).await;
        }
        send.closed().await;
        let line = server.line().await;
        assert!(
            line.contains(" 200 5 ") && line.ends_with("ms aborted"),
            "{line}"
        );
        assert_eq!(server.errors("aborted"), 1);
        assert_eq!(server.metric("requests_in_flight"), 0);
    }
}

#[tokio::test]
async fn a_panicking_body_is_aborted() {
    let body = || {
        stream::iter([1, 0])
            .map(|number| match number {
                0 => panic!("on purpose"),
                _ => Ok(Bytes::from_static(b"first")),
            })
            .boxed()
    };
    let mut server = Server::start(Stub::new(move |_| streamed(None, body()))).await;
    let mut client = Http2Client::connect(server.address).await;
    let answer = client.ask("GET", "/v2/a").await;
    let (read, ended) = collected(answer.into_body()).await;
    assert!(b"first".starts_with(&read));
    ended.unwrap_err();
    assert!(
        server
            .line()
            .await
            .ends_with("the task that produces the body panicked")
    );
}
