//! `wharf serve`.

use std::fs;
use std::net::TcpListener;

use super::client::Http1Client;
use super::tls::file;
use crate::support::serving::RunningServer;
use crate::support::workspace::Workspace;

/// A workspace with something published, so that there is a layout.
fn published() -> Workspace {
    let workspace = Workspace::new();
    workspace.fixture("calc");
    workspace.json(&["push", "calc.wasm", "oci:store:demo/calc:1.0.0"]);
    workspace
}

#[tokio::test]
async fn a_signal_stops_the_server() {
    let workspace = published();
    for signal in ["TERM", "INT"] {
        let running = RunningServer::start(&workspace, &["--upstream", "oci:store"]);
        let mut client = Http1Client::connect(running.address()).await;
        assert_eq!(client.get_local("/healthz").await.text(), "alive\n");
        let listening = format!("listening on {}\n", running.listening);
        running.signal(signal);
        client.closed().await;
        drop(client);
        let (status, stderr) = running.ended();
        assert_eq!(status.code(), Some(0), "{stderr}");
        let said = stderr.strip_prefix(&listening).unwrap();
        assert!(said.contains(" GET /healthz 200 6 "), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

/// HTTP/2's first bytes, and settings that set nothing.
const SECOND: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0";

/// Reads frames to the first of a type.
async fn frame(client: &mut Http1Client, wanted: u8) {
    loop {
        if client.frame().await.unwrap().0 == wanted {
            return;
        }
    }
}

#[tokio::test]
async fn a_second_signal_exits_at_once() {
    const SETTINGS: u8 = 4;
    const GOAWAY: u8 = 7;
    let workspace = published();
    for (again, expected) in [(false, 0), (true, 130)] {
        let running = RunningServer::start(&workspace, &["--upstream", "oci:store"]);
        // A client that never says that it has heard the server out, so that its connection stays.
        let mut client = Http1Client::connect(running.address()).await;
        client.send(SECOND).await;
        frame(&mut client, SETTINGS).await;
        running.signal("TERM");
        frame(&mut client, GOAWAY).await;
        if again {
            running.signal("TERM");
        } else {
            drop(client);
        }
        let (status, stderr) = running.ended();
        assert_eq!(status.code(), Some(expected), "{stderr}");
    }
}

#[tokio::test]
async fn quiet_prints_nothing_and_tls_is_served() {
    let workspace = published();
    for name in ["server.crt", "server.key"] {
        fs::write(workspace.path(name), file(name)).unwrap();
    }
    let files = ["--tls-cert", "server.crt", "--tls-key", "server.key"];
    let upstream = ["--upstream", "oci:store", "--quiet"];
    let running = RunningServer::start(&workspace, &[&files[..], &upstream].concat());
    assert!(running.listening.starts_with("https://127.0.0.1:"));
    let (status, _stderr) = running.signalled("TERM");
    assert_eq!(status.code(), Some(0));

    let running = RunningServer::start(&workspace, &upstream);
    let mut client = Http1Client::connect(running.address()).await;
    client.get_local("/healthz").await;
    let (_status, stderr) = running.signalled("TERM");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[tokio::test]
async fn probes_have_an_address_of_their_own() {
    let workspace = published();
    for name in ["server.crt", "server.key"] {
        fs::write(workspace.path(name), file(name)).unwrap();
    }
    let mut flags = vec!["--tls-cert", "server.crt", "--tls-key", "server.key"];
    flags.extend(["--upstream", "oci:store", "--admin-listen", "127.0.0.1:0"]);
    let running = RunningServer::start(&workspace, &flags);
    let admin = running.admin.clone().unwrap();
    let address = admin.strip_prefix("http://").unwrap().parse().unwrap();
    let mut client = Http1Client::connect(address).await;
    assert_eq!(client.get_local("/readyz").await.text(), "ready\n");
    assert_eq!(client.get_local("/v2/").await.status(), 404);
    let both = format!("listening on {}, health checks and", running.listening);
    let (status, stderr) = running.signalled("TERM");
    assert_eq!(status.code(), Some(0), "{stderr}");
    let first = stderr.lines().next().unwrap();
    assert_eq!(first, format!("{both} metrics on {admin}"));
}

#[tokio::test]
async fn a_stalled_log_delays_neither_requests_nor_the_end() {
    let workspace = published();
    let admin = ["--admin-listen", "127.0.0.1:0"];
    let flags = [&["--upstream", "oci:store"], &admin[..]].concat();
    let running = RunningServer::start(&workspace, &flags);
    let mut client = Http1Client::connect(running.address()).await;
    // Nobody reads standard error. A pipe holds 64 KiB, and the queue 1 MiB.
    let path = format!("/{}", "a".repeat(1000));
    for _ in 0..1200 {
        assert_eq!(client.get_local(&path).await.status(), 404);
    }
    let metrics = client.get_local("/metrics").await;
    let name = "wharf_gateway_dropped_log_lines_total ";
    let dropped = metrics
        .text()
        .lines()
        .find_map(|line| line.strip_prefix(name));
    assert_ne!(dropped, Some("0"));
    drop(client);
    let admin = running.admin.clone().unwrap();
    let address = admin.strip_prefix("http://").unwrap().parse().unwrap();
    let mut client = Http1Client::connect(address).await;
    assert_eq!(client.get_local("/healthz").await.status(), 200);
    drop(client);
    assert_eq!(running.signalled_unread("TERM").code(), Some(0));
}

#[tokio::test]
async fn foreign_names_need_a_flag() {
    let workspace = published();
    for (flags, status) in [(&[][..], 421), (&["--host", "Wharf"], 200)] {
        let flags = [&["--upstream", "oci:store"], flags].concat();
        let running = RunningServer::start(&workspace, &flags);
        let mut client = Http1Client::connect(running.address()).await;
        client.ask("GET", "/v2/demo/calc/tags/list").await;
        assert_eq!(client.answer().await.status(), status);
    }
    let answer = workspace.run(&["serve", "--host", "http://wharf:80"]);
    assert_eq!(answer.code, Some(2), "{}", answer.stderr);
}

#[test]
fn an_address_in_use_is_an_error() {
    let workspace = published();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (listen, admin, flag) in [
        (address.as_str(), "127.0.0.1:0", "with --listen"),
        ("127.0.0.1:0", &address, "with --admin-listen"),
    ] {
        let listen = ["--listen", listen, "--admin-listen", admin];
        let flags = [&["serve"], &listen[..], &["--upstream", "oci:store"]].concat();
        let answer = workspace.run(&flags);
        assert_eq!(answer.code, Some(1));
        assert!(answer.stderr.contains(flag), "{}", answer.stderr);
    }
}
