//! The host of a request, and the site that caused it.

use http::Request;

use super::client::{Http1Client, Http2Client};
use super::server::{Server, Stub, short};

fn echo() -> Stub {
    Stub::new(|ask| short(ask.uri.path()))
}

/// Sends a request with these header lines, and returns the status.
async fn status(server: &Server, version: &str, path: &str, lines: &[&str]) -> u16 {
    let port = server.address.port();
    let mut client = Http1Client::over(
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .unwrap(),
    );
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    client
        .send(format!("GET {path} {version}\r\n{lines}\r\n"))
        .await;
    client.answer().await.status()
}

#[tokio::test]
async fn a_loopback_listener_answers_to_its_own_names_only() {
    let server = Server::start(echo()).await;
    for path in ["/v2/a", "/", "/healthz"] {
        for (lines, expected) in [
            (&["Host: 127.0.0.1:5100"][..], 200),
            (&["Host: localhost"], 200),
            (&["Host: [::1]:5100"], 200),
            (&["Host: WHARF.test:1"], 200),
            (&["Host: evil.example"], 421),
            (&["Host: evil.example:5100"], 421),
            (&["Host: localhost.evil.example"], 421),
            (&["Host: "], 421),
            (&[], 400),
            (&["Host: localhost", "Host: evil.example"], 400),
            (&["Host: evil.example", "Host: localhost"], 400),
            (&["Host: localhost", "Host: localhost"], 400),
        ] {
            let got = status(&server, "HTTP/1.1", path, lines).await;
            assert_eq!(got, expected, "{path} {lines:?}");
        }
    }
    let (local, foreign) = (
        "http://localhost/v2/a",
        "http://localhost@evil.example/v2/a",
    );
    let host = ["Host: localhost"];
    assert_eq!(status(&server, "HTTP/1.1", local, &host).await, 200);
    assert_eq!(status(&server, "HTTP/1.1", foreign, &host).await, 421);
    let foreign = ["Host: evil.example"];
    assert_eq!(status(&server, "HTTP/1.0", "/v2/a", &foreign).await, 421);
    assert_eq!(status(&server, "HTTP/1.0", "/v2/a", &[]).await, 200);
}

#[tokio::test]
async fn the_authority_of_http_2_is_checked() {
    let server = Server::start(echo()).await;
    let mut client = Http2Client::connect(server.address).await;
    for (uri, hosts, expected) in [
        ("http://wharf.test/v2/a", &[][..], 200),
        ("http://127.0.0.1:1/v2/a", &[], 200),
        ("http://evil.example/v2/a", &[], 421),
        ("http://localhost/v2/a", &["evil.example"], 421),
        ("http://localhost/v2/a", &["localhost", "localhost"], 400),
    ] {
        let mut request = Request::get(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        let answer = client.send(request).await;
        assert_eq!(answer.status(), expected, "{uri} {hosts:?}");
    }
}

#[tokio::test]
async fn other_listeners_answer_to_every_single_name() {
    let server = Server::start_on("0.0.0.0:0", echo()).await;
    for (lines, expected) in [
        (
            &["Host: any.example", "Sec-Fetch-Site: cross-site"][..],
            200,
        ),
        (&[], 400),
        (&["Host: a.example", "Host: b.example"], 400),
    ] {
        let got = status(&server, "HTTP/1.1", "/v2/a", lines).await;
        assert_eq!(got, expected, "{lines:?}");
    }
}

#[tokio::test]
async fn another_site_may_only_link_to_a_page() {
    let server = Server::start(echo()).await;
    let (site, navigate) = ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate");
    let (frame, document) = ("Sec-Fetch-Dest: iframe", "Sec-Fetch-Dest: document");
    for (path, lines, expected) in [
        ("/", &[site, navigate, document][..], 200),
        ("/-/a", &[site, navigate], 200),
        ("/-/a", &[site, navigate, frame], 403),
        ("/-/a", &[site], 403),
        ("/-/a", &[site, "Sec-Fetch-Mode: cors"], 403),
        ("/v2/a", &[site, navigate, document], 403),
        ("/v2/a", &[site], 403),
        ("/metrics", &[site, navigate], 403),
        ("/healthz", &[site, "Sec-Fetch-Mode: no-cors"], 403),
        ("/v2/a", &["Sec-Fetch-Site: same-origin"], 200),
        ("/v2/a", &["Sec-Fetch-Site: none", navigate], 200),
    ] {
        let lines = [&["Host: localhost"], lines].concat();
        let got = status(&server, "HTTP/1.1", path, &lines).await;
        assert_eq!(got, expected, "{path} {lines:?}");
    }
}
