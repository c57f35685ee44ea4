//! What is asked, what reaches the answer, and what is noted of it.

use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderValue, Method, StatusCode};
use wharf::gateway::message::Response;

use super::client::{Http1Client, Http2Client};
use super::server::{Server, Stub, pieces, short, streamed};

fn paths() -> Stub {
    Stub::new(|ask| short(ask.uri.path()))
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::start(paths()).await;
    let mut client = Http1Client::connect(server.address).await;
    for path in ["/v2/", "/v2/a/manifests/1.0", "/v2/"] {
        let answer = client.get(path).await;
        assert_eq!((answer.status(), answer.text()), (200, path));
    }
    assert_eq!(server.metric("connections"), 1);
    let asked = server.stub.asked();
    assert_eq!(asked[1].method, Method::GET);
    assert_eq!(asked[1].headers[HOST], "wharf");
}

#[tokio::test]
async fn clients_that_begin_with_http_2_get_http_2() {
    let server = Server::start(paths()).await;
    let mut client = Http2Client::connect(server.address).await;
    let mut other = client.clone();
    let (one, two) = tokio::join!(client.get("/v2/one"), other.get("/v2/two?n=1"));
    assert_eq!((&one[..], &two[..]), (&b"/v2/one"[..], &b"/v2/two"[..]));
    assert_eq!(server.metric("connections"), 1);
    let asked = server.stub.asked();
    let two = asked
        .iter()
        .find(|ask| ask.uri.path() == "/v2/two")
        .unwrap();
    assert_eq!(two.uri.to_string(), "/v2/two?n=1");
    assert_eq!(two.headers[HOST], "wharf.test");
}

#[tokio::test]
async fn a_head_has_the_length_and_no_body() {
    let server = Server::start(paths()).await;
    let mut client = Http1Client::connect(server.address).await;
    client.ask("HEAD", "/v2/a").await;
    let head = client.head().await;
    assert!(head.contains("content-length: 5\r\n"), "{head}");
    // Were there a body, it would stand before the next answer.
    assert_eq!(client.get("/v2/").await.text(), "/v2/");

    let mut client = Http2Client::connect(server.address).await;
    let answer = client.ask("HEAD", "/v2/a").await;
    assert_eq!(answer.headers()[CONTENT_LENGTH], "5");
    assert!(hyper::body::Body::is_end_stream(answer.body()));
    assert_eq!(server.metric("sent_bytes_total"), 4);
}

#[tokio::test]
async fn a_response_without_a_body_has_no_length() {
    let server = Server::start(Stub::new(|_| {
        let mut reply = streamed(Some(7), pieces(Vec::new()));
        reply.status = StatusCode::NOT_MODIFIED;
        reply
    }))
    .await;
    let mut client = Http1Client::connect(server.address).await;
    for _ in 0..2 {
        client.ask("GET", "/v2/a").await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 304 "), "{head}");
        assert!(!head.contains("content-length"), "{head}");
    }
    let mut client = Http2Client::connect(server.address).await;
    let answer = client.ask("GET", "/v2/a").await;
    assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(answer.headers().get(CONTENT_LENGTH), None);
}

#[tokio::test]
async fn hop_by_hop_headers_are_not_sent() {
    let server = Server::start(Stub::new(|_| {
        let mut reply = short("whole");
        for (name, value) in [
            ("connection", "close"),
            ("transfer-encoding", "chunked"),
            ("keep-alive", "timeout=1"),
            ("x-kept", "yes"),
        ] {
            reply.headers.insert(name, HeaderValue::from_static(value));
        }
        reply
    }))
    .await;
    let mut client = Http1Client::connect(server.address).await;
    for _ in 0..2 {
        let answer = client.get("/v2/a").await;
        assert_eq!(answer.text(), "whole");
        assert_eq!(answer.header("x-kept"), Some("yes"));
        for name in ["connection", "transfer-encoding", "keep-alive"] {
            assert_eq!(answer.header(name), None, "{name}");
        }
    }
}

#[tokio::test]
async fn only_get_and_head_reach_the_handler() {
    let server = Server::start(paths()).await;
    let mut client = Http1Client::connect(server.address).await;
    for method in ["DELETE", "OPTIONS", "PATCH", "FOO"] {
        client.ask(method, "/v2/a").await;
        let answer = client.answer().await;
        assert_eq!(answer.status(), 405, "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD"));
        assert!(
            answer.text().contains("\"UNSUPPORTED\""),
            "{}",
            answer.text()
        );
    }
    for (request, status) in [
        (
            "POST /v2/a HTTP/1.1\r\nHost: wharf\r\nContent-Length: 3\r\n\r\nabc",
            405,
        ),
        (
            "GET /v2/a HTTP/1.1\r\nHost: wharf\r\nContent-Length: 3\r\n\r\nabc",
            413,
        ),
        (
            "GET /v2/a HTTP/1.1\r\nHost: wharf\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            413,
        ),
    ] {
        let mut client = Http1Client::connect(server.address).await;
        client.send(request).await;
        let answer = client.answer().await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.header("connection"), Some("close"));
        client.closed().await;
    }
    let counted = "requests_total{kind=\"other\",status=\"4xx\"}";
    assert_eq!(server.metric(counted), 7);
    let mut client = Http2Client::connect(server.address).await;
    assert_eq!(client.ask("PUT", "/v2/a").await.status(), 405);
    assert_eq!(server.stub.asked().len(), 0);
}

#[tokio::test]
async fn an_invalid_length_is_not_forwarded() {
    let mut server = Server::start(Stub::new(|_| {
        let mut reply = Response::new(StatusCode::OK, "whole");
        let wrong = HeaderValue::from_static("five");
        reply.headers.insert(CONTENT_LENGTH, wrong);
        reply
    }))
    .await;
    let mut client = Http1Client::connect(server.address).await;
    assert_eq!(client.get("/v2/a").await.status(), 500);
    assert!(server.line().await.starts_with("error: "));
    assert_eq!(server.errors("length"), 1);
}

#[tokio::test]
async fn invalid_http_is_counted() {
    let mut server = Server::start(paths()).await;
    let mut client = Http1Client::connect(server.address).await;
    client.send("what is this\r\n\r\n").await;
    let (rest, _however) = client.rest().await;
    assert!(rest.starts_with(b"HTTP/1.1 400 "), "{rest:?}");
    let metrics = std::sync::Arc::clone(&server.metrics);
    server.stop();
    server.end().await.0.unwrap();
    let text = metrics.render();
    assert!(
        text.contains("wharf_gateway_errors_total{kind=\"http\"} 1\n"),
        "{text}"
    );
}

#[tokio::test]
async fn health_and_readiness_are_reported() {
    let server = Server::start(paths()).await;
    let mut client = Http1Client::connect(server.address).await;
    assert_eq!(client.get("/healthz").await.status(), 200);
    assert_eq!(client.get("/readyz").await.status(), 200);
    assert_eq!(server.stub.asked().len(), 0);

    let server = Server::start(paths().unready("ghcr.io is\nnot there")).await;
    let mut client = Http1Client::connect(server.address).await;
    assert_eq!(client.get("/healthz").await.status(), 200);
    let answer = client.get("/readyz").await;
    let expected = (503, "ghcr.io is\u{fffd}not there\n");
    assert_eq!((answer.status(), answer.text()), expected);
}

#[tokio::test]
async fn requests_appear_in_the_metrics() {
    let server = Server::start(paths()).await;
    let mut client = Http1Client::connect(server.address).await;
    client.get("/v2/a/manifests/1.0").await;
    client.get("/v2/a/blobs/sha256:00").await;
    let answer = client.get("/metrics").await;
    let media_type = answer.header("content-type").unwrap();
    assert!(
        media_type.starts_with("text/plain; version=0.0.4"),
        "{media_type}"
    );
    for line in [
        "wharf_gateway_requests_total{kind=\"manifest\",status=\"2xx\"} 1",
        "wharf_gateway_requests_total{kind=\"blob\",status=\"2xx\"} 1",
        "wharf_gateway_sent_bytes_total 40",
        "wharf_gateway_request_duration_seconds_count{kind=\"manifest\"} 1",
        "wharf_gateway_request_duration_seconds_bucket{le=\"+Inf\",kind=\"blob\"} 1",
        // This request's own response has not ended.
        "wharf_gateway_request_duration_seconds_count{kind=\"metrics\"} 0",
        "wharf_gateway_connections 1",
        "wharf_gateway_requests_in_flight 1",
    ] {
        let text = answer.text();
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn a_request_is_a_line_without_secrets() {
    let mut server = Server::start(paths()).await;
    let mut client = Http1Client::connect(server.address).await;
    client
        .send(
            "GET /v2/a/manifests/1.0?token=s3cret&ns=ghcr.io&s3cret HTTP/1.1\r\nHost: wharf\r\n\
             Authorization: Bearer s3cret\r\nCookie: s3cret\r\n\r\n",
        )
        .await;
    assert_eq!(client.answer().await.text(), "/v2/a/manifests/1.0");
    let line = server.line().await;
    assert!(!line.contains("s3cret"), "{line}");
    let words: Vec<&str> = line.split(' ').collect();
    let [time, peer, method, path, status, bytes, took] = words[..] else {
        panic!("{line}");
    };
    assert_eq!((time.len(), &time[..2], &time[19..]), (20, "20", "Z"));
    assert!(peer.starts_with("127.0.0.1:"), "{line}");
    let expected = ("GET", "/v2/a/manifests/1.0?ns=ghcr.io", "200", "19");
    assert_eq!((method, path, status, bytes), expected);
    assert!(took.strip_suffix("ms").unwrap().parse::<u64>().is_ok());
    // What is to be done with them is the answer's business.
    assert_eq!(
        server.stub.asked()[0].headers["authorization"],
        "Bearer s3cret"
    );
}

#[tokio::test]
async fn without_an_access_log_there_are_failures_only() {
    let stub = Stub::new(|_| streamed(Some(5), pieces(Vec::new())));
    let mut server = Server::start_with(stub, |settings| settings.access_log = false).await;
    let mut client = Http1Client::connect(server.address).await;
    assert_eq!(client.get("/healthz").await.status(), 200);
    client.ask("GET", "/v2/a").await;
    client.rest().await.1.unwrap_or_default();
    let line = server.line().await;
    assert!(line.starts_with("error: 20"), "{line}");
    assert!(line.contains(" 127.0.0.1:"), "{line}");
    assert!(line.contains(" GET /v2/a: aborted after "), "{line}");
    server.stop();
    assert_eq!(server.end().await.1, Vec::<String>::new());
}
