//! Answers that are no registry's, or that say something else than what was asked.

mod obstacles;

use super::*;
use wharf::store::remote::try_login;

const HTML: &str = "text/html; charset=utf-8";
const OCTETS: &str = "application/octet-stream";
const GZIP: &[u8] = &[0x1f, 0x8b, 8, 0, 0];

fn typed(status: u16, media_type: &str, body: &[u8]) -> Fault {
    let headers = vec![("content-type", media_type.to_owned())];
    Fault::Answer(status, headers, body.to_vec())
}

/// The error must say who answered, and with what.
#[track_caller]
fn assert_names(error: &Error, registry: &Registry, content: &str) {
    let text = shown(error);
    assert!(text.contains(&registry.address()), "{text}");
    assert!(text.contains(content), "{text}");
}

#[tokio::test]
async fn a_blob_counts_as_present_only_by_an_answer_about_it() {
    let registry = Registry::start();
    let blob = registry.put_blob("demo/app", b"component");
    let store = remote(&registry);
    let digest = blob.digest.to_string();
    let with = |name, value: &str| vec![(name, value.to_owned())];
    for (fault, expected) in [
        (typed(200, OCTETS, b""), false),
        // A layer may be a web page.
        (typed(200, HTML, b"component"), true),
        (
            Fault::Answer(200, with("docker-content-digest", &digest), vec![]),
            true,
        ),
        (typed(200, "application/json", b""), false),
        (typed(200, "text/plain", b""), false),
        (Fault::Answer(200, vec![], vec![]), false),
    ] {
        registry.on("HEAD", "/blobs/", 1, fault);
        assert_eq!(store.has(blob).await.unwrap(), expected);
    }
    let empty = registry.put_blob("demo/app", b"");
    registry.on("HEAD", "/blobs/", 1, typed(200, OCTETS, b""));
    assert!(store.has(empty).await.unwrap());
    for body in [&b""[..], b"<!doctype html>"] {
        registry.on("HEAD", "/blobs/", 1, typed(200, HTML, body));
        let error = store.has(blob).await.unwrap_err();
        assert!(matches!(error, Error::NotRegistry { .. }), "{error}");
        assert_names(&error, &registry, "text/html");
        registry.on("HEAD", "/blobs/", 1, typed(200, HTML, body));
        let error = store.size(&blob.digest).await.unwrap_err();
        assert!(matches!(error, Error::NotRegistry { .. }), "{error}");
    }
    registry.on("HEAD", "/blobs/", 1, typed(204, OCTETS, b""));
    let error = store.has(blob).await.unwrap_err();
    assert_names(&error, &registry, "204");
    let gzip = Fault::Answer(200, with("content-encoding", "gzip"), vec![]);
    registry.on("HEAD", "/blobs/", 1, gzip);
    let error = store.has(blob).await.unwrap_err();
    assert!(matches!(error, Error::Encoded { .. }), "{error}");
}

#[tokio::test]
async fn a_blob_is_not_found_by_an_answer_about_another_one() {
    let registry = Registry::start();
    let blob = registry.put_blob("demo/app", b"component");
    let store = remote(&registry);
    let other = Digest::of(b"other").to_string();
    let named = vec![("docker-content-digest", other.clone())];
    // Of the same length, and without one.
    for body in [&b"componenu"[..], b""] {
        let fault = Fault::Answer(200, named.clone(), body.to_vec());
        registry.on("HEAD", "/blobs/", 1, fault);
        let error = store.has(blob).await.unwrap_err();
        assert_names(&error, &registry, &other);
    }
    for media_type in ["application/json", "text/plain; charset=utf-8"] {
        let fault = typed(200, media_type, b"{\"ok\":true}");
        for method in ["HEAD", "GET"] {
            registry.on(method, "/blobs/", 1, fault.clone());
        }
        let type_alone = media_type.split(';').next().unwrap();
        let found = store.has(blob).await.unwrap_err();
        assert_names(&found, &registry, type_alone);
        let read = fetched(&store, blob).await.unwrap_err();
        assert_names(&read, &registry, type_alone);
        for error in [found, read] {
            assert!(matches!(error, Error::NotRegistry { .. }), "{error}");
        }
    }
    // A config is a JSON document.
    let config = typed(200, "application/json", b"component");
    registry.on("HEAD", "/blobs/", 1, config.clone());
    assert!(store.has(blob).await.unwrap());
    registry.on("GET", "/blobs/", 1, config);
    assert_eq!(fetched(&store, blob).await.unwrap(), b"component");
}

#[tokio::test]
async fn web_pages_are_refused_as_blobs_and_as_their_rest() {
    let registry = Registry::start();
    let blob = registry.put_blob("demo/app", b"component");
    registry.on("GET", "/blobs/", 1, typed(200, HTML, b"<html>"));
    let error = fetched(&remote(&registry), blob).await.unwrap_err();
    assert!(matches!(error, Error::NotRegistry { .. }), "{error}");
    assert_names(&error, &registry, "text/html");
    registry.on("GET", "/blobs/", 1, Fault::Truncate(3));
    registry.on("GET", "/blobs/", 1, typed(200, HTML, b"<html>"));
    let error = fetched(&remote(&registry), blob).await.unwrap_err();
    assert_names(&error, &registry, "text/html");
}

#[tokio::test]
async fn a_manifest_that_reads_back_as_other_bytes_is_not_stored() {
    let rewritten = b"{ }";
    let subject = Digest::of(b"subject");
    let referrer = format!(r#"{{"subject":{{"digest":"{subject}"}}}}"#);
    for (manifest, tag) in [("{}", Some("1.0")), ("{}", None), (&referrer, None)] {
        let manifest = RawManifest::new(manifest.to_owned(), MANIFEST);
        let digest = manifest.digest.to_string();
        let name = tag.unwrap_or(&digest);
        for (fault, found) in [
            (typed(200, MANIFEST, rewritten), Some(Digest::of(rewritten))),
            (Fault::Status(404, vec![]), None),
        ] {
            let registry = Registry::start();
            registry.on("HEAD", name, 1, Fault::Status(405, vec![]));
            registry.on("GET", name, usize::MAX, fault);
            let pushed = remote(&registry).push_manifest(&manifest, tag).await;
            match pushed.unwrap_err() {
                Error::NotStored { found: named, .. } => {
                    assert_eq!(named.as_deref(), found.as_ref());
                }
                error => panic!("{error}"),
            }
        }
    }
}

#[tokio::test]
async fn answers_of_other_servers_than_token_servers_are_named() {
    let tokens = Registry::start();
    let auth = Auth::Bearer {
        login: None,
        realm: Some(format!("http://{}/token", tokens.address())),
        uses: 1,
    };
    let registry = Registry::start_with(Settings {
        auth,
        ..Settings::default()
    });
    let gzip = vec![
        ("content-type", "application/json".to_owned()),
        ("content-encoding", "gzip".to_owned()),
    ];
    for (fault, words) in [
        (typed(200, HTML, b"<html>sesame"), "text/html"),
        (typed(200, "text/plain", b"sesame"), "text/plain"),
        (Fault::Answer(200, gzip, GZIP.to_vec()), "gzip"),
        (typed(200, "application/json", b"{}"), "it has no token"),
        (Fault::Status(403, vec![]), "injected"),
        (Fault::Answer(404, vec![], vec![]), "404"),
    ] {
        tokens.on("GET", "/token", 1, fault);
        let error = remote(&registry).manifest(&tag("1.0")).await.unwrap_err();
        assert_names(&error, &tokens, words);
        assert!(!shown(&error).contains("sesame"), "{error}");
    }
}

#[tokio::test]
async fn login_to_a_web_page_fails() {
    let registry = Registry::start();
    registry.on("GET", "/v2/", 9, typed(200, HTML, b"<html>welcome"));
    let host = registry.address();
    let error = try_login(&host, basic("word"), &options())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotRegistry { .. }), "{error}");
    assert_names(&error, &registry, "text/html");
    // Some say nothing where they ask for no password.
    registry.forget_rules();
    registry.on("GET", "/v2/", 9, Fault::Answer(200, vec![], vec![]));
    assert!(!try_login(&host, basic("word"), &options()).await.unwrap());
}

#[tokio::test]
async fn an_upload_is_accepted_only_with_201_202_and_204() {
    for (method, status, media_type, taken) in [
        ("PUT", 201, OCTETS, true),
        ("PUT", 202, OCTETS, true),
        ("PUT", 204, OCTETS, true),
        ("PUT", 201, HTML, false),
        ("PUT", 202, HTML, false),
        ("PUT", 204, HTML, false),
        ("PUT", 200, HTML, false),
        ("PUT", 206, HTML, false),
        ("POST", 200, HTML, false),
        ("POST", 201, HTML, false),
        ("POST", 202, HTML, false),
    ] {
        let registry = Registry::start();
        registry.on("HEAD", "/blobs/", 1, Fault::Status(404, vec![]));
        registry.on(method, UPLOADS, 9, typed(status, media_type, b""));
        let source = source(b"component");
        let pushed = remote(&registry).push(source.blob, &source.file).await;
        match (taken, pushed) {
            (true, pushed) => assert_eq!(pushed.unwrap(), Delivery::Sent),
            (false, pushed) => {
                let error = pushed.unwrap_err();
                assert!(matches!(error, Error::NotRegistry { .. }), "{error}");
                assert_names(&error, &registry, "text/html");
                assert_names(&error, &registry, &status.to_string());
            }
        }
    }
}

#[tokio::test]
async fn a_page_that_names_the_upload_is_accepted() {
    let source = source(b"component");
    let digest = source.blob.digest.to_string();
    for named in ["location", "docker-content-digest"] {
        let registry = Registry::start();
        let headers = vec![("content-type", HTML.to_owned()), (named, digest.clone())];
        registry.on("PUT", UPLOADS, 1, Fault::Answer(201, headers, vec![]));
        let pushed = remote(&registry).push(source.blob, &source.file).await;
        assert_eq!(pushed.unwrap(), Delivery::Sent, "{named}");
    }
}

#[tokio::test]
async fn the_encoding_of_an_error_is_named() {
    for (body, words) in [(GZIP, "gzip"), (&b"no tea"[..], "no tea")] {
        let registry = Registry::start();
        let headers = vec![("content-encoding", "gzip".to_owned())];
        let fault = Fault::Answer(418, headers, body.to_vec());
        registry.on("GET", "/manifests/", 1, fault);
        let error = remote(&registry).manifest(&tag("1.0")).await.unwrap_err();
        assert_names(&error, &registry, words);
        assert!(!shown(&error).contains('\u{fffd}'), "{error}");
    }
}

#[tokio::test]
async fn a_chunk_is_accepted_only_with_201_202_and_204() {
    let registry = Registry::start_with(Settings {
        max_body: Some(4 * MIB as u64),
        ..Settings::default()
    });
    registry.on("PATCH", UPLOADS, 1, typed(200, "text/plain", b"OK"));
    let source = source(&noise(5 * MIB));
    let pushed = remote(&registry).push(source.blob, &source.file).await;
    let error = pushed.unwrap_err();
    assert_names(&error, &registry, "text/plain");
}

#[tokio::test]
async fn an_upload_that_became_another_blob_is_an_error() {
    let other = Digest::of(b"other");
    let headers = || vec![("docker-content-digest", other.to_string())];
    // A whole upload, the end of one in chunks, a mount.
    for (method, status, size, max_body) in [
        ("PUT", 201, 9, None),
        ("PUT", 201, 5 * MIB, Some(4 * MIB as u64)),
        ("POST", 201, 9, None),
    ] {
        let registry = Registry::start_with(Settings {
            max_body,
            ..Settings::default()
        });
        if max_body.is_some() {
            let too_large = Fault::Status(413, vec![]);
            registry.on("PUT", UPLOADS, 1, too_large);
        }
        let answer = Fault::Answer(status, headers(), vec![]);
        registry.on(method, UPLOADS, 9, answer);
        let source = source(&noise(size));
        let pushed = remote(&registry).push(source.blob, &source.file).await;
        let error = pushed.unwrap_err();
        assert!(matches!(error, Error::NotStored { .. }), "{error}");
        assert_names(&error, &registry, &other.to_string());
        assert_names(&error, &registry, &source.blob.digest.to_string());
    }
}

#[tokio::test]
async fn a_manifest_that_is_stored_otherwise_is_not_called_damaged() {
    let registry = Registry::start();
    let other = Digest::of(b"rewritten");
    let headers = vec![("docker-content-digest", other.to_string())];
    registry.on("PUT", "/manifests/", 1, Fault::Headers(headers));
    let manifest = RawManifest::new("{}", MANIFEST);
    let store = remote(&registry);
    let error = store.push_manifest(&manifest, Some("1.0")).await;
    let error = error.unwrap_err();
    assert!(matches!(error, Error::NotStored { .. }), "{error}");
    assert!(!shown(&error).contains("damaged"), "{error}");
    assert_names(&error, &registry, &other.to_string());
    assert_eq!(error.kind(), wharf::error::Kind::Integrity);
}

#[tokio::test]
async fn a_pushed_manifest_is_checked() {
    let manifest = RawManifest::new("{}", MANIFEST);
    // The registry says so, says so after a moment, does not say the digest, knows no HEAD.
    let quiet = || typed(200, MANIFEST, b"");
    for (faults, requests) in [
        (vec![], "PUT HEAD"),
        (vec![Fault::Status(404, vec![])], "PUT HEAD HEAD"),
        (vec![quiet()], "PUT HEAD GET"),
        (vec![Fault::Status(405, vec![])], "PUT HEAD GET"),
    ] {
        let registry = Registry::start();
        for fault in faults {
            registry.on("HEAD", "/manifests/", 1, fault);
        }
        let store = remote(&registry);
        store.push_manifest(&manifest, Some("1.0")).await.unwrap();
        let methods: Vec<String> = registry
            .requests()
            .into_iter()
            .map(|request| request.method)
            .collect();
        assert_eq!(methods.join(" "), requests);
    }
    // It took the manifest, and has none, another one, or a web page.
    let other = Digest::of(b"other").to_string();
    let another = Fault::Answer(200, vec![("docker-content-digest", other)], vec![]);
    for (method, fault) in [
        ("HEAD", Fault::Status(404, vec![])),
        ("HEAD", another),
        ("GET", typed(200, HTML, b"<html>")),
    ] {
        let registry = Registry::start();
        if method == "GET" {
            registry.on("HEAD", "/manifests/", 1, quiet());
        }
        registry.on(method, "/manifests/", usize::MAX, fault);
        let pushed = remote(&registry)
            .push_manifest(&manifest, Some("1.0"))
            .await;
        let error = pushed.unwrap_err();
        let expected = match method {
            "HEAD" => matches!(error, Error::NotStored { .. }),
            _ => matches!(error, Error::NotRegistry { .. }),
        };
        assert!(expected, "{error}");
    }
}

#[tokio::test]
async fn a_tag_that_does_not_exist_after_a_push_is_an_error() {
    let manifest = RawManifest::new("{}", MANIFEST);
    let registry = Registry::start();
    registry.on(
        "HEAD",
        "/manifests/1.0",
        usize::MAX,
        Fault::Status(404, vec![]),
    );
    let store = remote(&registry);
    let pushed = store.push_manifest(&manifest, Some("1.0")).await;
    assert!(matches!(pushed, Err(Error::NotStored { found: None, .. })));
    store.push_manifest(&manifest, None).await.unwrap();
    // A tag that another client moved since is not.
    let other = Digest::of(b"other").to_string();
    let moved = Fault::Answer(200, vec![("docker-content-digest", other)], vec![]);
    registry.forget_rules();
    registry.on("HEAD", "/manifests/1.0", 1, moved);
    store.push_manifest(&manifest, Some("1.0")).await.unwrap();
}

#[tokio::test]
async fn answers_that_are_not_manifests_are_errors() {
    let errors = br#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#;
    for (fault, content) in [
        (typed(200, HTML, b"<!doctype html>"), "text/html"),
        (typed(200, HTML, b"Sign in"), "text/html"),
        (typed(200, OCTETS, b" \n<html>"), OCTETS),
        (typed(200, "text/plain", b"It works"), "text/plain"),
        (Fault::Answer(200, vec![], vec![]), "no content type"),
        (typed(204, MANIFEST, b""), "204"),
        (typed(200, "application/json", errors), "slow down"),
    ] {
        let registry = Registry::start();
        registry.on("GET", "/manifests/", 1, fault);
        let error = remote(&registry).manifest(&tag("1.0")).await.unwrap_err();
        assert!(
            matches!(error, Error::NotRegistry { .. } | Error::Answer { .. }),
            "{error}"
        );
        assert_names(&error, &registry, content);
    }
    // HEAD says the same.
    let registry = Registry::start();
    registry.on("HEAD", "/manifests/", 1, typed(200, HTML, b""));
    registry.on("GET", "/manifests/", 1, typed(200, HTML, b"<html>"));
    let error = remote(&registry).resolve(&tag("1.0")).await.unwrap_err();
    assert_names(&error, &registry, "text/html");
}

#[tokio::test]
async fn an_unrequested_content_encoding_is_named() {
    let registry = Registry::start();
    registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    let blob = registry.put_blob("demo/app", b"component");
    let store = remote(&registry);
    let encoded = |encoding: &str, body: &[u8]| {
        let headers = vec![
            ("content-type", MANIFEST.to_owned()),
            ("content-encoding", encoding.to_owned()),
        ];
        Fault::Answer(200, headers, body.to_vec())
    };
    registry.on("GET", "/manifests/", 1, encoded("gzip", GZIP));
    let error = store.manifest(&tag("1.0")).await.unwrap_err();
    assert!(matches!(error, Error::Encoded { .. }), "{error}");
    assert_names(&error, &registry, "gzip");
    registry.on("GET", "/tags/", 1, encoded("br", GZIP));
    assert_names(&store.tags().await.unwrap_err(), &registry, "br");
    registry.on("GET", "/blobs/", 1, encoded("zstd", GZIP));
    let error = fetched(&store, blob).await.unwrap_err();
    assert_names(&error, &registry, "zstd");
    // Servers that label what they do not encode.
    registry.on("GET", "/manifests/", 1, encoded("gzip", b"{}"));
    store.manifest(&tag("1.0")).await.unwrap();
    registry.on("GET", "/blobs/", 1, encoded("gzip", b"component"));
    assert_eq!(fetched(&store, blob).await.unwrap(), b"component");
    for request in registry.requests() {
        assert_eq!(request.header("accept-encoding"), Some("identity"));
    }
}

#[tokio::test]
async fn the_media_type_inside_a_manifest_wins() {
    let index = "application/vnd.oci.image.index.v1+json";
    let own = format!(r#"{{"mediaType":"{MANIFEST}"}}"#);
    for served in [OCTETS, "text/plain", index, MANIFEST] {
        let registry = Registry::start();
        registry.on("GET", "/manifests/", 1, typed(200, served, own.as_bytes()));
        let manifest = remote(&registry).manifest(&tag("1.0")).await.unwrap();
        assert_eq!(manifest.media_type, MANIFEST, "{served}");
    }
}

#[tokio::test]
async fn a_list_that_breaks_off_is_an_error() {
    let second = || vec![("link", "</v2/demo/app/tags/list?p=2>".to_owned())];
    let first = || Fault::Answer(200, second(), br#"{"tags":["1.0.0"]}"#.to_vec());
    let errors = br#"{"errors":[{"code":"UNKNOWN"}]}"#;
    for fault in [
        Fault::Status(404, vec![]),
        Fault::Status(400, vec![]),
        Fault::Answer(204, vec![], vec![]),
        typed(200, HTML, b"<html>"),
        typed(200, "application/json", errors),
        typed(200, "application/json", b"{}"),
        typed(200, "application/json", br#"{"repositories":[]}"#),
        Fault::Answer(
            200,
            vec![("link", "/v2/demo/app/tags/list?p=3".to_owned())],
            br#"{"tags":[]}"#.to_vec(),
        ),
    ] {
        let registry = Registry::start();
        registry.on("GET", "/tags/", 1, first());
        registry.on("GET", "/tags/", 1, fault);
        let error = remote(&registry).tags().await.unwrap_err();
        assert!(!matches!(error, Error::NotFound { .. }), "{error}");
    }
    let registry = Registry::start();
    registry.on("GET", "/tags/", 1, first());
    registry.on(
        "GET",
        "/tags/",
        1,
        Fault::Body(br#"{"tags":["2.0.0"]}"#.to_vec()),
    );
    registry.put_blob("demo/app", b"");
    assert_eq!(remote(&registry).tags().await.unwrap(), ["1.0.0", "2.0.0"]);
}
