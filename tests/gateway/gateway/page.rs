//! The page to look at.

use crate::support::workspace;
use futures_util::future;
use serde_json::json;
use wharf::artifact;
use wharf::digest::Identity;
use wharf::manifest::{Descriptor, media_type};
use wharf::package;
use wharf::reference::Name;
use wharf::store::RawManifest;
use wharf::store::layout::Layout;

use super::*;
use crate::support::fault::{Fault, Registry};
use crate::support::registries::{PASSWORD, USERNAME, authenticated, registries};

/// `demo/app` with three versions in a layout `shelf`, of which the first two share a runtime and the first is yanked.
pub(crate) async fn shelf(directory: &Path) -> (Upstream, [PushSummary; 3]) {
    let shelf = directory.join("shelf");
    let layout = Layout::create(&shelf, Arc::new(())).unwrap();
    let layout = layout.in_repository(Some("demo/app"));
    let pushed = versions(&layout).await;
    (
        Upstream::Layout {
            directory: shelf,
            host: None,
        },
        pushed,
    )
}

async fn versions(store: &dyn WritableStore) -> [PushSummary; 3] {
    let (first, _) = publish(store, "calc", "1.0.0", false).await;
    let (second, _) = publish(store, "greet", "1.1.0", false).await;
    let (third, _) = publish(store, "layers", "1.10.0", false).await;
    let machine = tempfile::tempdir().unwrap();
    let cache = Cache::open(machine.path()).unwrap();
    let news = package::yank(store, &first.split_manifest_digest, true, &cache);
    assert!(news.await.unwrap());
    [first, second, third]
}

impl WholeAnswer {
    #[track_caller]
    fn page(&self) -> &str {
        assert_eq!(self.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(self.header("cache-control"), "no-cache");
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        assert!(
            self.header("content-security-policy")
                .starts_with("default-src 'none'; style-src 'sha256-")
        );
        assert_eq!(self.header("www-authenticate"), "");
        let page = std::str::from_utf8(self.bytes()).unwrap();
        assert_eq!(self.header("content-length"), page.len().to_string());
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
        assert!(!page.contains("<script"), "{page}");
        page
    }
}

/// Says of texts where they are, which must be one behind the other.
#[track_caller]
fn assert_in_order(page: &str, texts: &[&str]) {
    let mut rest = page;
    for text in texts {
        let (_, behind) = rest
            .split_once(text)
            .unwrap_or_else(|| panic!("{text:?} is not where it should be in {page}"));
        rest = behind;
    }
}

/// All that is to be seen of those three versions, in a repository under this name.
async fn assert_shown(front: &TestGateway, name: &str, pushed: &[PushSummary; 3]) {
    let all = front.get("/").await.is(200);
    let newest = format!("<a href=\"/-/{name}:1.10.0\">1.10.0</a>");
    let link = format!("<a href=\"/-/{name}\">{name}</a>");
    assert_in_order(all.page(), &[&link, &newest, "3 versions"]);

    let tags = front.get(&format!("/-/{name}")).await.is(200);
    let version = |version: &str| format!("<a href=\"/-/{name}:{version}\">{version}</a>");
    assert_in_order(
        tags.page(),
        &[
            &version("1.10.0"),
            &version("1.1.0"),
            &version("1.0.0"),
            "yanked</span>",
        ],
    );
    assert_eq!(tags.page().matches("yanked</span>").count(), 1);
    assert!(tags.page().contains("and 1 tag for digests"));

    let path = format!("/-/{name}:1.1.0");
    let second = front.get(&path).await.is(200);
    let page = second.page();
    let shown = &pushed[1];
    for text in [
        format!("{name}:1.1.0"),
        shown.content.digest.to_string(),
        shown.split_manifest_digest.to_string(),
        shown.flat_digest.to_string(),
        "id=\"import:example:host/log%401.0.0\"".to_owned(),
        "world root".to_owned(),
        "<dt>version</dt><dd>1.1.0</dd>".to_owned(),
        "shared with 1.0.0</small>".to_owned(),
        "fill=\"url(#shared)\"".to_owned(),
    ] {
        assert!(page.contains(&text), "{text} is not in {page}");
    }
    assert!(!page.contains("shared with 1.10.0"));
    assert_in_order(
        page,
        &[
            "any other version",
            "no other version",
            "Imports",
            "Exports",
            "WIT",
        ],
    );
    assert!(!page.contains("yanked</span>"));
    let first = front.get(&format!("/-/{name}:1.0.0")).await.is(200);
    assert!(first.page().contains("yanked</span>"));

    let head = front.head(&path).await.is(200);
    assert_eq!(head.bytes(), b"");
    assert_eq!(head.header("content-length"), page.len().to_string());
    let known = [("if-none-match", second.header("etag"))];
    let known = front.ask(Method::GET, &path, &known).await.is(304);
    assert_eq!(known.bytes(), b"");

    for digest in [shown.split_manifest_digest, shown.flat_digest] {
        let page = front.get(&format!("/-/{name}@{digest}")).await.is(200);
        assert!(page.page().contains(&shown.content.digest.to_string()));
    }
    for missing in [
        format!("/-/{name}:9.9.9"),
        format!("/-/{name}@{}", Digest::of(b"nothing")),
        format!("/-/{name}/never"),
    ] {
        let missing = front.get(&missing).await.is(404);
        assert!(missing.page().contains("<h1>Not found</h1>"));
    }
}

#[tokio::test]
async fn the_page_shows_a_layout() {
    let directory = tempfile::tempdir().unwrap();
    let (upstream, pushed) = shelf(directory.path()).await;
    let front = TestGateway::new(vec![upstream]);
    assert_shown(&front, "demo/app", &pushed).await;
    // The name of a file of this machine is nobody's business.
    for path in ["/", "/-/demo/app", "/-/demo/app:1.1.0", "/-/demo/app:9"] {
        let page = front.get(path).await;
        assert!(
            !page.page().contains(directory.path().to_str().unwrap()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_page_shows_deltas() {
    let directory = tempfile::tempdir().unwrap();
    let shelf = directory.path().join("shelf");
    let layout = Layout::create(&shelf, Arc::new(())).unwrap();
    let layout = layout.in_repository(Some("demo/app"));
    let (pushed, _) = publish(&layout, "calc", "1.0.0", false).await;
    let split = Name::Digest(pushed.split_manifest_digest);
    let split = layout.manifest(&split).await.unwrap();
    let subject = Descriptor::new(media_type::MANIFEST, Identity::of(&split.bytes));
    let source = Digest::of(b"source");
    let file = Identity {
        digest: Digest::of(b"file"),
        size: 12_700,
    };
    let delta = artifact::delta_manifest(subject, source, Some("0.9.0"), file);
    let delta = serde_json::to_vec(&delta).unwrap();
    let delta = RawManifest::new(delta, media_type::MANIFEST);
    layout.push_manifest(&delta, None).await.unwrap();
    let front = TestGateway::new(vec![Upstream::Layout {
        directory: shelf,
        host: None,
    }]);
    let shown = front.get("/-/demo/app:1.0.0").await.is(200);
    let source = source.to_string();
    assert_in_order(shown.page(), &["Deltas", "0.9.0", &source, "12.4 KiB"]);
    let list = front.get("/-/demo/app").await.is(200);
    assert!(!list.page().contains(&delta.digest.to_string()));
}

#[tokio::test]
async fn the_page_shows_a_registry() {
    for upstream in registries() {
        let path = "gateway/looked-at";
        let pushed = versions(&remote(&upstream.host, path)).await;
        let front = TestGateway::new(vec![registry(&upstream.host)]);
        let name = path.to_owned();
        assert_shown(&front, &name, &pushed).await;
        assert_eq!(front.log(), [""; 0]);
    }
}

#[tokio::test]
async fn the_page_names_the_kind_of_flat_and_foreign_artifacts() {
    for upstream in registries() {
        let path = "gateway/kinds";
        let store = remote(&upstream.host, path);
        let (both, _) = publish(&store, "layers", "1.0.0", true).await;
        let front = TestGateway::new(vec![registry(&upstream.host)]);
        let shown = front.get(&format!("/-/{path}:1.0.0")).await.is(200);
        let split = both.split_manifest_digest.to_string();
        assert_in_order(shown.page(), &["stored in layers", &split, "world root"]);

        // The flat form alone.
        let alone = remote(&upstream.host, "gateway/kinds-flat");
        let name = wharf::reference::Name::Digest(both.flat_digest);
        let flat = store.manifest(&name).await.unwrap();
        for blob in ["config", "layer"] {
            let manifest: Value = serde_json::from_slice(&flat.bytes).unwrap();
            let blob = match blob {
                "config" => &manifest["config"],
                _ => &manifest["layers"][0],
            };
            let identity = wharf::digest::Identity {
                digest: workspace::digest(&blob["digest"]),
                size: blob["size"].as_u64().unwrap(),
            };
            let machine = tempfile::tempdir().unwrap();
            let mut spool = fetch(&store, identity, machine.path(), &()).await.unwrap();
            let file = machine.path().join("blob");
            std::io::copy(spool.file(), &mut std::fs::File::create(&file).unwrap()).unwrap();
            alone.push(identity, &file).await.unwrap();
        }
        alone.push_manifest(&flat, Some("1.0.0")).await.unwrap();
        let shown = front.get("/-/gateway/kinds-flat:1.0.0").await.is(200);
        let content = both.content.digest.to_string();
        assert_in_order(shown.page(), &["a flat artifact", &content, "Imports"]);

        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
        let index = RawManifest::new(index.to_string(), INDEX);
        store.push_manifest(&index, Some("index")).await.unwrap();
        let shown = front.get(&format!("/-/{path}:index")).await.is(200);
        assert_in_order(
            shown.page(),
            &["an image index, not a component", &index.digest.to_string()],
        );
        // Beside it, it is not compared.
        let shown = front.get(&format!("/-/{path}:1.0.0")).await.is(200);
        assert!(shown.page().contains("not compared: it is an image index"));
    }
}

#[tokio::test]
async fn a_browser_sees_public_repositories() {
    const BASIC: &str = "Basic d2hhcmY6d2hhcmYtdGVzdA==";
    for upstream in authenticated() {
        let path = "gateway/looked-at-by-few";
        let credentials = || Credentials::Basic {
            username: USERNAME.to_owned(),
            password: PASSWORD.to_owned(),
        };
        let store = remote_as(&upstream.host, path, credentials());
        publish(&store, "calc", "1.0.0", false).await;
        let front = TestGateway::new(vec![registry(&upstream.host)]);
        let page = format!("/-/{path}:1.0.0");
        let as_known = [("authorization", BASIC)];
        let shown = front.ask(Method::GET, &page, &as_known).await.is(200);
        assert!(shown.page().contains("world root"));
        for path in [&page, &format!("/-/{path}")] {
            let refused = front.get(path).await.is(401);
            assert!(refused.page().contains("<h1>Not public</h1>"));
            assert!(!refused.page().contains("world root"));
        }
        let listed = front.get("/").await.is(200);
        assert!(
            listed.page().contains("the registry requires a login"),
            "{listed:?}"
        );
        assert!(listed.page().contains("<form action=\"/\" method=\"get\">"));
        let own = TestGateway::with(vec![registry(&upstream.host)], move |settings| {
            settings.rights = Rights::Own(Arc::new(move |_| {
                Box::pin(async move { Ok(credentials()) })
            }));
        });
        own.get(&page).await.is(200);
        assert!(own.get("/").await.page().contains(path));
    }
}

#[tokio::test]
async fn a_manifest_with_layers_of_other_repositories_shows_no_wit() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/private");
    publish(&store, "layers", "1.0", false).await;
    let manifest = upstream.manifest("demo/private", "1.0").unwrap();
    upstream.put_manifest("demo/forged", "1.0", MANIFEST, &manifest);
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let shown = front.get("/-/demo/private:1.0").await.is(200);
    assert!(shown.page().contains("world root"));
    let shown = front.get("/-/demo/forged:1.0").await.is(200);
    assert!(!shown.page().contains("world root"));
    assert!(shown.page().contains("The WIT cannot be shown: "));
    assert!(shown.page().contains("does not have its blob"));
}

#[tokio::test]
async fn requests_for_a_page_are_bounded() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    for version in 0..30 {
        publish(&store, "calc", &format!("1.{version}.0"), false).await;
    }
    publish(&store, "layers", "1.30.0", false).await;
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    upstream.forget_requests();
    let shown = front.get("/-/demo/app:1.30.0").await.is(200);
    let lines = upstream.lines();
    let asked = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    // The last one is the list of referrers under a tag.
    assert_eq!(
        asked("GET /v2/demo/app/manifests/"),
        1 + 10 + 1,
        "{lines:?}"
    );
    assert_eq!(asked("GET /v2/demo/app/referrers/"), 1);
    assert_eq!(asked("GET /v2/demo/app/tags/"), 1);
    // The root, and nothing that runs.
    assert_eq!(asked("GET /v2/demo/app/blobs/"), 1, "{lines:?}");
    assert_in_order(
        shown.page(),
        &["1.29.0", "1.20.0", "20 further tags not compared"],
    );
    assert!(!shown.page().contains("1.19.0"));
    upstream.forget_requests();
    front.get("/-/demo/app:1.30.0").await.is(200);
    assert!(!upstream.lines().iter().any(|line| line.contains("/blobs/")));
}

#[tokio::test]
async fn a_long_list_of_exports_is_read_from_the_root() {
    let directory = tempfile::tempdir().unwrap();
    let shelf = directory.path().join("shelf");
    let layout = Layout::create(&shelf, Arc::new(())).unwrap();
    let layout = layout.in_repository(Some("demo/many"));
    let exports = (0..10_000).map(|number| format!("(export \"e{number:04}\" (memory 0))"));
    let text = format!("(module (memory 1) {})", exports.collect::<String>());
    publish_bytes(&layout, wat::parse_str(text).unwrap(), "1.0", false).await;
    let front = TestGateway::new(vec![Upstream::Layout {
        directory: shelf,
        host: None,
    }]);
    let page = front.get("/-/demo/many:1.0").await.is(200);
    let texts = [
        "Imports",
        "none",
        "Exports",
        "e0999",
        "and 9000 more",
        "a core module has no WIT",
    ];
    assert_in_order(page.page(), &texts);
}

#[tokio::test]
async fn long_lists_are_paged() {
    let directory = tempfile::tempdir().unwrap();
    let shelf = directory.path().join("shelf");
    let layout = Layout::create(&shelf, Arc::new(())).unwrap();
    let named = layout.clone().in_repository(Some("demo/app"));
    publish(&named, "calc", "1.0.0", false).await;
    let path = shelf.join("index.json");
    let mut index: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let entries = index["manifests"].as_array_mut().unwrap();
    let entry = entries[0].clone();
    let mut add = |name: &str| {
        let mut entry = entry.clone();
        entry["annotations"]["org.opencontainers.image.ref.name"] = name.into();
        entries.push(entry);
    };
    for number in 0..205 {
        add(&format!("many/app{number:03}:1.0.0"));
        add(&format!("demo/app:2.{number}.0"));
    }
    add("demo/app:\"><script>alert(1)</script>");
    std::fs::write(&path, index.to_string()).unwrap();
    let front = TestGateway::new(vec![Upstream::Layout {
        directory: shelf,
        host: None,
    }]);
    for (first, text, on_first, on_second) in [
        ("/", "class=\"name\"", 200, 6),
        ("/-/demo/app", "class=\"name\"", 200, 7),
    ] {
        let page = front.get(first).await.is(200);
        assert_eq!(page.page().matches(text).count(), on_first);
        let (_, next) = page.page().split_once("rel=\"next\" href=\"").unwrap();
        let next = next.split_once('"').unwrap().0.replace("&amp;", "&");
        let page = front.get(&next).await.is(200);
        assert_eq!(page.page().matches(text).count(), on_second, "{next}");
        assert!(!page.page().contains("rel=\"next\""));
    }
    let rest = front.get("/-/demo/app?last=2.5.0").await.is(200);
    assert_in_order(rest.page(), &["2.4.0", "1.0.0", "&quot;&gt;&lt;script&gt;"]);
}

#[tokio::test]
async fn viewers_of_the_list_do_not_delay_other_pages() {
    let upstream = Registry::start();
    let store = remote(&upstream.address(), "demo/app");
    publish(&store, "layers", "1.0", false).await;
    upstream.on("GET", "/v2/_catalog", usize::MAX, Fault::Stall(0));
    let front = TestGateway::new(vec![registry(&upstream.address())]);
    let lists = (0..12).map(|_| front.get("/"));
    tokio::select! {
        biased;
        _ = future::select_all(lists.map(Box::pin)) => panic!("the list is complete"),
        page = front.get("/-/demo/app:1.0") => drop(page.is(200)),
    }
}

#[tokio::test]
async fn a_reference_is_opened_by_its_name() {
    let front = TestGateway::new(vec![registry("other.example")]);
    for (text, path) in [
        ("demo/app", "/-/demo/app"),
        ("+ghcr.io%2Fa%2Fb%3A1.0+", "/-/ghcr.io/a/b:1.0"),
        ("demo%3Acalc%401.0.0", "/-/demo/calc:1.0.0"),
    ] {
        let moved = front.get(&format!("/?ref={text}")).await.is(303);
        assert_eq!(moved.header("location"), path);
    }
    for text in [
        "",
        "https://evil.example/",
        "//evil.example/a",
        "%22%3E%3Cscript%3E",
        "a%0d%0ab",
    ] {
        let refused = front.get(&format!("/?ref={text}")).await.is(400);
        assert!(refused.page().contains("This is not a reference"), "{text}");
        assert!(!refused.page().contains("The list is empty"), "{text}");
    }
    for text in [
        "user:s3cret@host/demo/app:1",
        "user%3As3cret%40host",
        "user%253As3cret%2540host/a",
        "https://s3cret@host/a",
        "a/user:s3/s3cret@host",
    ] {
        let refused = front.get(&format!("/?ref={text}")).await.is(400);
        assert!(!refused.page().contains("s3cret"), "{text}");
        let missing = front.get(&format!("/-/{text}")).await;
        assert!(!missing.page().contains("s3cret"), "{text}");
    }
    assert!(
        !front.log().concat().contains("s3cret"),
        "{:?}",
        front.log()
    );
    for path in ["/favicon.ico", "/-/", "/x/y"] {
        front.get(path).await.is(404).page();
    }
    front.ask(Method::POST, "/", &[]).await.is(405);
}

#[tokio::test]
async fn an_unreachable_upstream_is_named_on_the_page() {
    let down = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = down.local_addr().unwrap().to_string();
    drop(down);
    let front = TestGateway::new(vec![registry(&host)]);
    let got = front.get(&format!("/-/{host}/demo/app:1.0")).await.is(502);
    assert_eq!(got.header("retry-after"), "5");
    assert!(got.page().contains("Upstream is unavailable"));
    let listed = front.get("/").await.is(200);
    assert!(listed.page().contains("The repositories cannot be listed"));
    assert!(!front.log().is_empty());
}
