//! The page in Chromium, which has no window here.

use crate::support;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use async_trait::async_trait;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use tokio::net::TcpListener;
use wharf::gateway::server;

use super::page::shelf;
use super::*;

/// A page around another one, as wide as a telephone: windows of their own are never so narrow. Writes down what only the
/// browser knows: how wide the inner page is, and how wide it may be, and whether it has its style.
const AROUND: &str = "<!doctype html><iframe width=\"WIDTH\" height=\"900\" frameborder=\"0\" src=\"PATH\"></iframe>\
    <script>document.querySelector('iframe').onload = event => { \
    const page = event.target.contentDocument, root = page.documentElement; \
    Object.assign(document.documentElement.dataset, { wide: root.scrollWidth, window: root.clientWidth, \
    margin: event.target.contentWindow.getComputedStyle(page.body).marginTop, \
    drop: Math.max(...[...page.querySelectorAll('.layer')].map(layer => \
    layer.querySelector('code').getClientRects()[0].top - layer.querySelector('b').getClientRects()[0].top)) }); };</script>";

/// Something wider than any window here.
const WIDE: &str = "<div class=\"number\">wideness";

/// The gateway, whose pages may be inside others here; `/around/WIDTH/PATH` is one of those.
struct Framed(Gateway);

#[async_trait]
impl Handler for Framed {
    async fn handle(&self, ask: Request) -> Response {
        if let Some(rest) = ask.uri.path().strip_prefix("/around/") {
            let (width, path) = rest.split_once('/').unwrap();
            let path = match ask.uri.query() {
                Some(query) => format!("/{path}?{query}"),
                None => format!("/{path}"),
            };
            let around = AROUND.replace("WIDTH", width).replace("PATH", &path);
            let mut reply = Response::new(StatusCode::OK, around);
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            reply.headers.insert(CONTENT_TYPE, html);
            return reply;
        }
        let is_wide = ask.uri.query() == Some("wide");
        let mut reply = self.0.handle(ask).await;
        if let Some(policy) = reply.headers.get(CONTENT_SECURITY_POLICY) {
            let policy = policy.to_str().unwrap();
            let policy = policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'");
            let policy = HeaderValue::try_from(policy).unwrap();
            reply.headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        if is_wide {
            let wide = format!("{WIDE}{}", "x".repeat(500));
            reply.headers.remove(CONTENT_LENGTH);
            let body = std::mem::replace(&mut reply.body, stream::empty().boxed());
            reply.body = body.chain(stream::iter([Ok(wide.into())])).boxed();
        }
        reply
    }

    async fn ready(&self) -> Result<(), String> {
        self.0.ready().await
    }
}

/// A gateway that listens, and a browser.
struct Scene {
    directory: tempfile::TempDir,
    address: String,
    chromium: PathBuf,
}

impl Scene {
    async fn new(chromium: PathBuf) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (upstream, _) = shelf(directory.path()).await;
        let TestGateway { gateway, .. } = TestGateway::at(directory.path(), vec![upstream], |_| {});
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answer = Arc::new(Framed(gateway));
        let settings = server::ServerSettings::default();
        tokio::spawn(server::serve(
            listener,
            None,
            answer,
            settings,
            std::future::pending(),
        ));
        Self {
            directory,
            address,
            chromium,
        }
    }

    /// Opens a page in a window of this width, with these arguments besides; returns what is printed.
    async fn open(&self, path: &str, width: u32, arguments: &[&str]) -> String {
        let mut command = Command::new(&self.chromium);
        command
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
            ])
            .args([
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-extensions",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .arg(format!(
                "--user-data-dir={}",
                self.directory.path().join("profile").display()
            ))
            .arg(format!("--window-size={width},900"))
            .args(arguments)
            .arg(format!("http://{}{path}", self.address))
            .env("HOME", self.directory.path());
        let run = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = run.await.unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    async fn dom(&self, path: &str, width: u32) -> String {
        self.open(path, width, &["--dump-dom"]).await
    }
}

/// What a page wrote down of itself.
#[track_caller]
fn measured(dom: &str, what: &str) -> String {
    let (_, rest) = dom
        .split_once(&format!("data-{what}=\""))
        .unwrap_or_else(|| panic!("{what} was not measured: {dom}"));
    rest.split_once('"').unwrap().0.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_read_in_a_narrow_window_without_a_script() {
    let Some(chromium) = support::tool("chromium") else {
        return;
    };
    let scene = Scene::new(chromium).await;
    let dom = scene.dom("/-/demo/app:1.1.0", 400).await;
    for text in ["<h1>1.1.0", "shared with 1.0.0", "world root", "<rect"] {
        assert!(dom.contains(text), "{text} is not in {dom}");
    }
    for (path, width) in [
        ("/", 400),
        ("/-/demo/app", 400),
        ("/-/demo/app:1.1.0", 400),
        ("/-/demo/app:1.1.0", 1200),
        ("/-/demo/app:1.10.0", 400),
    ] {
        let dom = scene.dom(&format!("/around/{width}{path}"), 1300).await;
        assert_eq!(measured(&dom, "window"), width.to_string());
        assert_eq!(measured(&dom, "wide"), width.to_string(), "{path}");
        assert_eq!(measured(&dom, "margin"), "0px", "it has no style");
    }
    // The name of a layer begins beside its colour, also if the name needs several lines.
    let dom = scene.dom("/around/220/-/demo/app:1.1.0", 1300).await;
    let drop: f64 = measured(&dom, "drop").parse().unwrap();
    assert!(drop < 10.0, "{drop}");
    // What is too wide is seen to be.
    let dom = scene.dom("/around/400/?wide", 1300).await;
    let wide: u32 = measured(&dom, "wide").parse().unwrap();
    assert!(wide > 400, "{wide}");

    let picture = scene.directory.path().join("page.png");
    let screenshot = format!("--screenshot={}", picture.display());
    scene.open("/-/demo/app:1.1.0", 400, &[&screenshot]).await;
    let picture = fs::read(picture).unwrap();
    assert_eq!(
        picture[16..24],
        [400u32.to_be_bytes(), 900u32.to_be_bytes()].concat()
    );
}
