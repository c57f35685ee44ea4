//! Who looks after a gateway need not wait for its clients.

use super::client::{Http1Client, Http2Client};
use super::server::{Server, Stub, channel, short, streamed};

#[tokio::test]
async fn health_checks_do_not_wait_for_clients() {
    let stub = Stub::new(|ask| short(ask.uri.path()));
    let few = |settings: &mut wharf::gateway::server::ServerSettings| settings.max_connections = 1;
    let (server, admin) = Server::with_admin(stub, few).await;
    let mut client = Http1Client::connect(server.address).await;
    client.get("/first").await;
    let mut waiting = Http1Client::connect(server.address).await;
    waiting.ask("GET", "/healthz").await;
    // Several at once.
    let mut probes = Vec::new();
    for _ in 0..3 {
        let mut probe = Http1Client::connect(admin).await;
        assert_eq!(probe.get("/healthz").await.text(), "alive\n");
        assert_eq!(probe.get("/readyz").await.text(), "ready\n");
        probes.push(probe);
    }
    let metrics = probes[0].get("/metrics").await;
    let counted = r#"wharf_gateway_requests_total{kind="page",status="2xx"} 1"#;
    assert!(metrics.text().contains(counted), "{}", metrics.text());
    let mut second = Http2Client::connect(admin).await;
    assert_eq!(second.get("/healthz").await, "alive\n");
    drop(client);
    assert_eq!(waiting.answer().await.text(), "alive\n");
}

#[tokio::test]
async fn the_admin_listener_serves_no_registry_paths() {
    let stub = Stub::new(|ask| short(ask.uri.path()));
    let (server, admin) = Server::with_admin(stub, |_| ()).await;
    let mut client = Http1Client::connect(admin).await;
    for path in ["/", "/v2/", "/v2/a/blobs/b", "/healthz/", "/-/a"] {
        assert_eq!(client.get(path).await.status(), 404, "{path}");
    }
    assert!(server.stub.asked().is_empty());
    client.ask("POST", "/healthz").await;
    assert_eq!(client.answer().await.status(), 405);
}

#[tokio::test]
async fn health_checks_are_answered_until_all_requests_end() {
    let (send, body) = channel();
    let body = std::sync::Mutex::new(Some(body));
    let take = move || body.lock().unwrap().take().unwrap();
    let stub = Stub::new(move |_| streamed(Some(5), take()));
    let (mut server, admin) = Server::with_admin(stub, |_| ()).await;
    let mut client = Http1Client::connect(server.address).await;
    client.ask("GET", "/v2/a").await;
    client.head().await;
    let mut idle = Http1Client::connect(server.address).await;
    idle.get("/healthz").await;
    server.stop();
    idle.closed().await;
    let mut probe = Http1Client::connect(admin).await;
    assert_eq!(probe.get("/healthz").await.text(), "alive\n");
    let ready = probe.get("/readyz").await;
    assert_eq!((ready.status(), ready.text()), (503, "stopping\n"));
    send.send("whole".into()).unwrap();
    drop(send);
    assert_eq!(client.read(5).await, b"whole");
    probe.closed().await;
    server.end().await.0.unwrap();
}
