//! Uploads in chunks, and what registries make of them.

use super::*;

const CHUNK: usize = 4 * MIB;

/// A registry that takes no body above `max` bytes.
fn limited(max: usize, settings: Settings) -> Registry {
    Registry::start_with(Settings {
        max_body: Some(max as u64),
        ..settings
    })
}

/// The requests since the last look, as `POST PATCH 0-99 PUT`.
fn requests(registry: &Registry) -> String {
    let words = registry.requests().into_iter().map(|request| {
        let range = request.header("content-range");
        let range = range.map(|range| format!(" {range}"));
        format!("{}{}", request.method, range.unwrap_or_default())
    });
    let words: Vec<String> = words.collect();
    registry.forget_requests();
    words.join(" ")
}

/// A store that has learnt that the registry wants chunks, and has sent nothing since.
async fn chunking(registry: &Registry) -> Remote {
    let store = remote(registry);
    registry.on("PUT", UPLOADS, 1, Fault::Status(413, vec![]));
    pushed(registry, &store, &noise(CHUNK + 1)).await.unwrap();
    registry.forget_requests();
    store
}

async fn sends(registry: &Registry, store: &Remote, bytes: &[u8]) {
    let delivery = pushed(registry, store, bytes).await.unwrap();
    assert_eq!(delivery, Delivery::Sent);
}

fn ends_at(last: usize) -> Vec<(&'static str, String)> {
    vec![("range", format!("0-{last}"))]
}

#[tokio::test]
async fn a_partly_accepted_chunk_is_continued() {
    let settings = Settings {
        taken: Some(2_000_000),
        ..Settings::default()
    };
    let registry = limited(CHUNK, settings);
    sends(&registry, &remote(&registry), &noise(9 * MIB)).await;
    let expected = "POST PUT POST PATCH 0-4194303 PATCH 2000000-6194303 PATCH 4000000-8194303 \
                    PATCH 6000000-9437183 PATCH 8000000-9437183 PUT";
    assert_eq!(requests(&registry), expected);
}

#[tokio::test]
async fn a_refused_chunk_goes_on_at_the_offset_of_the_registry() {
    let registry = Registry::start();
    let store = chunking(&registry).await;
    // The answer takes more than the registry has; the next one tells.
    for wrong in [6_000_000, 0] {
        registry.on("PATCH", UPLOADS, 1, Fault::Status(202, ends_at(wrong)));
        sends(&registry, &store, &noise(5 * MIB + wrong)).await;
        let requests = requests(&registry);
        let begins = requests.matches(" PATCH 0-4194303 PATCH 4194304-");
        assert_eq!(begins.count(), 2, "{requests}");
    }
}

#[tokio::test]
async fn a_last_chunk_that_was_not_taken_is_sent_again() {
    let registry = Registry::start();
    let store = chunking(&registry).await;
    registry.on("PATCH", UPLOADS, 1, Fault::Headers(vec![]));
    let took_none = Fault::Status(202, ends_at(CHUNK - 1));
    registry.on("PATCH", UPLOADS, 1, took_none);
    sends(&registry, &store, &noise(5 * MIB)).await;
    let chunks = "PATCH 0-4194303 PATCH 4194304-5242879 PUT";
    let expected = format!("POST {chunks} GET {chunks}");
    assert_eq!(requests(&registry), expected);
}

#[tokio::test]
async fn a_refusal_without_an_offset_is_asked_about() {
    let registry = Registry::start();
    let store = chunking(&registry).await;
    registry.on("PATCH", UPLOADS, 1, Fault::Headers(vec![]));
    registry.on("PATCH", UPLOADS, 1, Fault::Status(416, vec![]));
    sends(&registry, &store, &noise(5 * MIB)).await;
    let expected = "POST PATCH 0-4194303 PATCH 4194304-5242879 GET PATCH 4194304-5242879 PUT";
    assert_eq!(requests(&registry), expected);
}

#[tokio::test]
async fn an_upload_that_is_closed_too_early_goes_on() {
    let registry = Registry::start();
    let store = chunking(&registry).await;
    registry.on("PUT", UPLOADS, 1, Fault::Status(416, ends_at(CHUNK - 1)));
    sends(&registry, &store, &noise(5 * MIB)).await;
    let expected = "POST PATCH 0-4194303 PATCH 4194304-5242879 PUT PATCH 4194304-5242879 PUT";
    assert_eq!(requests(&registry), expected);
}

#[tokio::test]
async fn a_refusal_that_says_the_same_again_is_an_error() {
    let registry = Registry::start();
    let store = chunking(&registry).await;
    for headers in [ends_at(0), ends_at(99), ends_at(99_000_000), vec![]] {
        registry.forget_rules();
        registry.forget_requests();
        registry.on("PATCH", UPLOADS, 100, Fault::Status(416, headers));
        let error = pushed(&registry, &store, &noise(5 * MIB))
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::Answer { status: 416, .. }),
            "{error}"
        );
        assert!(registry.requests().len() <= 5, "{:?}", registry.lines());
    }
}

#[tokio::test]
async fn a_range_without_progress_is_an_error() {
    let registry = Registry::start();
    let store = chunking(&registry).await;
    // As ECR does, although it has all bytes.
    let still = Fault::Headers(ends_at(CHUNK - 1));
    registry.on("PATCH", UPLOADS, 3, still);
    sends(&registry, &store, &noise(9 * MIB)).await;
    let expected = "POST PATCH 0-4194303 PATCH 4194304-8388607 PATCH 8388608-9437183 PUT";
    assert_eq!(requests(&registry), expected);
}

#[tokio::test]
async fn chunks_have_the_minimum_length_of_the_registry() {
    for (least, expected) in [
        (5 * MIB, "PATCH 0-5242879 PATCH 5242880-9437183"),
        (100 * MIB, "PATCH 0-9437183"),
        (
            1000,
            "PATCH 0-4194303 PATCH 4194304-8388607 PATCH 8388608-9437183",
        ),
    ] {
        let registry = Registry::start_with(Settings {
            least_chunk: least as u64,
            ..Settings::default()
        });
        let store = chunking(&registry).await;
        sends(&registry, &store, &noise(9 * MIB)).await;
        assert_eq!(requests(&registry), format!("POST {expected} PUT"));
    }
}

#[tokio::test]
async fn a_broken_chunk_is_resumed() {
    for (fault, expected) in [
        (
            Fault::CloseBeforeAnswer,
            "POST PATCH 0-4194303 GET PATCH 0-4194303 PATCH 4194304-5242879 PUT",
        ),
        (
            Fault::Status(503, vec![]),
            "POST PATCH 0-4194303 GET PATCH 0-4194303 PATCH 4194304-5242879 PUT",
        ),
        (
            Fault::LoseAnswer,
            "POST PATCH 0-4194303 GET PATCH 4194304-5242879 PUT",
        ),
    ] {
        let registry = Registry::start();
        let store = chunking(&registry).await;
        registry.on("PATCH", UPLOADS, 1, fault);
        sends(&registry, &store, &noise(5 * MIB)).await;
        assert_eq!(requests(&registry), expected);
    }
    // The registry may be busy when it is asked, and the upload may break more than once.
    let registry = Registry::start();
    let store = chunking(&registry).await;
    registry.on("PATCH", UPLOADS, 1, Fault::LoseAnswer);
    registry.on("GET", UPLOADS, 1, Fault::Status(503, vec![]));
    registry.on("PUT", UPLOADS, 1, Fault::CloseBeforeAnswer);
    sends(&registry, &store, &noise(5 * MIB)).await;
    let expected = "POST PATCH 0-4194303 GET GET PATCH 4194304-5242879 PUT GET PUT";
    assert_eq!(requests(&registry), expected);
}

#[tokio::test]
async fn an_expired_upload_starts_again() {
    let page = Fault::Answer(200, vec![], b"<html>".to_vec());
    for answer in [Fault::Status(404, vec![]), Fault::Status(405, vec![]), page] {
        let registry = Registry::start();
        let store = chunking(&registry).await;
        registry.on("PATCH", UPLOADS, 1, Fault::CloseBeforeAnswer);
        registry.on("GET", UPLOADS, 1, answer);
        sends(&registry, &store, &noise(5 * MIB)).await;
        let expected = "POST PATCH 0-4194303 GET POST PATCH 0-4194303 PATCH 4194304-5242879 PUT";
        assert_eq!(requests(&registry), expected);
    }
    // One that expires between two chunks.
    let registry = Registry::start();
    let store = chunking(&registry).await;
    registry.on("PATCH", UPLOADS, 1, Fault::Headers(vec![]));
    registry.on("PATCH", UPLOADS, 1, Fault::Status(404, vec![]));
    registry.on("GET", UPLOADS, 1, Fault::Status(404, vec![]));
    sends(&registry, &store, &noise(5 * MIB)).await;
    let expected = "POST PATCH 0-4194303 PATCH 4194304-5242879 GET \
                    POST PATCH 0-4194303 PATCH 4194304-5242879 PUT";
    assert_eq!(requests(&registry), expected);
}

#[tokio::test]
async fn an_upload_that_keeps_breaking_fails() {
    let registry = Registry::start();
    let store = chunking(&registry).await;
    registry.on("PATCH", UPLOADS, 100, Fault::CloseBeforeAnswer);
    let error = pushed(&registry, &store, &noise(5 * MIB))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Unreachable { attempts: 4, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn one_refused_piece_does_not_bring_chunks() {
    let registry = Registry::start();
    let store = remote(&registry);
    for size in [1000, 9 * MIB] {
        registry.on("PUT", UPLOADS, 1, Fault::Status(416, vec![]));
        sends(&registry, &store, &noise(size)).await;
        assert_eq!(requests(&registry), "POST PUT POST PUT");
        sends(&registry, &store, &noise(size + 1)).await;
        assert_eq!(requests(&registry), "POST PUT");
    }
}

#[tokio::test]
async fn small_blobs_go_in_one_request_if_large_ones_are_refused() {
    let registry = limited(CHUNK, Settings::default());
    let store = remote(&registry);
    sends(&registry, &store, &noise(9 * MIB)).await;
    registry.forget_requests();
    for size in [0, 1, CHUNK] {
        sends(&registry, &store, &noise(size)).await;
        assert_eq!(requests(&registry), "POST PUT");
    }
    // Where no blob goes in one piece, none is tried again.
    let registry = Registry::start();
    registry.on("PUT", UPLOADS, 1, Fault::Status(405, vec![]));
    let store = remote(&registry);
    sends(&registry, &store, &noise(9)).await;
    assert_eq!(requests(&registry), "POST PUT POST PATCH 0-8 PUT");
    sends(&registry, &store, &noise(8)).await;
    assert_eq!(requests(&registry), "POST PATCH 0-7 PUT");
}

#[tokio::test]
async fn an_upload_that_no_registry_answered_is_an_error() {
    let html = || vec![("content-type", "text/html".to_owned())];
    for (method, status) in [("PUT", 200), ("POST", 200), ("PUT", 203)] {
        let registry = Registry::start_with(Settings {
            mount: Mount::Refused(404),
            ..Settings::default()
        });
        let page = Fault::Answer(status, html(), b"<html>".to_vec());
        registry.on(method, UPLOADS, 2, page);
        let error = pushed(&registry, &remote(&registry), &noise(9))
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::NotRegistry { status: found, .. } if found == status),
            "{error}"
        );
    }
    let registry = Registry::start();
    let other = Digest::of(b"other").to_string();
    registry.on(
        "PUT",
        UPLOADS,
        1,
        Fault::Headers(vec![("docker-content-digest", other)]),
    );
    let error = pushed(&registry, &remote(&registry), &noise(9))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotStored { .. }), "{error}");
}
