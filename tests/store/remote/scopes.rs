//! What tokens are asked for: other repositories that mounts read, and identity tokens that stand for a login.

use super::*;
use crate::support::fault::TokenClient;

const OWN: [&str; 2] = ["repository:demo/app:pull", "repository:demo/app:push"];
const BOTH: &[&str] = &[OWN[0], OWN[1], "repository:else/where:pull"];

fn scoped(who: TokenClient, given: &'static [&'static str], greedy: u16) -> Registry {
    let auth = Auth::Scoped { who, given, greedy };
    Registry::start_with(Settings {
        auth,
        ..Settings::default()
    })
}

fn with_source(store: Remote, path: &'static str) -> Remote {
    store.with_sources(Arc::new(move |_| Some(path.to_owned())))
}

/// The scopes of every token request, each decoded as far as these tests need.
fn asked(registry: &Registry) -> Vec<Vec<String>> {
    let requests = registry.requests().into_iter();
    let tokens = requests.filter(|request| request.path == "/token");
    tokens
        .map(|request| {
            let pairs = request.query.split('&');
            let scopes = pairs.filter_map(|pair| pair.strip_prefix("scope="));
            let plain = |scope: &str| {
                let scope = scope.replace("%3A", ":").replace("%2F", "/");
                scope.replace("%2C", ",")
            };
            scopes.map(plain).collect()
        })
        .collect()
}

const WIDE: [&str; 2] = [
    "repository:demo/app:pull,push",
    "repository:else/where:pull",
];

#[tokio::test]
async fn a_mount_needs_a_token_for_both_repositories() {
    for who in [
        TokenClient::Everybody,
        TokenClient::Password("user", "word"),
    ] {
        let credentials = match who {
            TokenClient::Everybody => Credentials::Anonymous,
            _ => basic("word"),
        };
        let registry = scoped(who, BOTH, 0);
        let (first, second) = (noise(1000), noise(2000));
        let blob = registry.put_blob("else/where", &first);
        registry.put_blob("else/where", &second);
        let store = with_source(remote_as(&registry, credentials), "else/where");
        // The first token was fetched before anybody knew of the other repository.
        assert!(!store.has(blob).await.unwrap());
        for bytes in [&first, &second] {
            let delivery = pushed(&registry, &store, bytes).await.unwrap();
            assert_eq!(delivery, Delivery::Mounted);
        }
        assert_eq!(asked(&registry), [&WIDE[..1], &WIDE]);
        assert_eq!(registry.blob_bytes(), 0);
    }
}

#[tokio::test]
async fn the_first_token_of_a_mount_has_both_scopes() {
    let registry = scoped(TokenClient::Everybody, BOTH, 0);
    let bytes = noise(1000);
    registry.put_blob("else/where", &bytes);
    let store = with_source(remote(&registry), "else/where");
    assert_eq!(
        pushed(&registry, &store, &bytes).await.unwrap(),
        Delivery::Mounted
    );
    assert_eq!(asked(&registry), [&WIDE]);
}

#[tokio::test]
async fn an_unreadable_mount_source_is_tried_once_and_then_uploaded() {
    for greedy in [0, 401, 403] {
        for known_first in [false, true] {
            let registry = scoped(TokenClient::Password("user", "word"), &OWN, greedy);
            let (first, second) = (noise(1000), noise(2000));
            let blob = registry.put_blob("else/where", &first);
            registry.put_blob("else/where", &second);
            let store = with_source(remote_as(&registry, basic("word")), "else/where");
            if !known_first {
                assert!(!store.has(blob).await.unwrap());
            } else if greedy == 401 {
                // As good as a wrong password, which is not tried again.
                continue;
            }
            for bytes in [&first, &second] {
                let delivery = pushed(&registry, &store, bytes).await.unwrap();
                assert_eq!(delivery, Delivery::Sent, "{greedy}");
            }
            let asked = asked(&registry);
            let wide = asked.iter().filter(|scopes| scopes.len() == 2).count();
            assert_eq!(wide, 1, "{greedy} {asked:?}");
            assert!(asked.len() <= 2, "{greedy} {asked:?}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_tried_once() {
    let registry = scoped(TokenClient::Password("user", "word"), BOTH, 0);
    let store = with_source(remote_as(&registry, basic("guess")), "else/where");
    for _ in 0..2 {
        let error = pushed(&registry, &store, b"x").await.unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{error}");
    }
    assert_eq!(asked(&registry), [&WIDE]);
}

#[tokio::test]
async fn a_busy_token_server_does_not_cost_a_mount() {
    let registry = scoped(TokenClient::Everybody, BOTH, 0);
    let bytes = noise(1000);
    let blob = registry.put_blob("else/where", &bytes);
    let store = with_source(remote(&registry), "else/where");
    assert!(!store.has(blob).await.unwrap());
    let busy = vec![("Retry-After", "0".to_owned())];
    registry.on("GET", "/token", 1, Fault::Status(503, busy));
    assert_eq!(
        pushed(&registry, &store, &bytes).await.unwrap(),
        Delivery::Mounted
    );
}

fn identity(token: &str) -> Credentials {
    Credentials::Identity(token.to_owned())
}

#[tokio::test]
async fn an_identity_token_is_exchanged_by_post() {
    let registry = scoped(TokenClient::Identity("a+b/c=&d"), BOTH, 0);
    let bytes = noise(1000);
    let blob = registry.put_blob("else/where", &bytes);
    let store = with_source(remote_as(&registry, identity("a+b/c=&d")), "else/where");
    assert!(!store.has(blob).await.unwrap());
    assert_eq!(
        pushed(&registry, &store, &bytes).await.unwrap(),
        Delivery::Mounted
    );
    let lines = registry.lines();
    assert_eq!(
        lines.iter().filter(|line| *line == "POST /token").count(),
        2
    );
    assert!(!lines.contains(&"GET /token".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn a_refused_identity_token_is_a_refusal() {
    let registry = scoped(TokenClient::Identity("hunter2"), BOTH, 0);
    registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    let store = remote_as(&registry, identity("guess"));
    for _ in 0..2 {
        let error = store.manifest(&tag("1.0")).await.unwrap_err();
        assert!(matches!(error, Error::Refused { .. }), "{error}");
        let text = shown(&error);
        assert!(
            text.contains("credentials were given") && !text.contains("guess"),
            "{text}"
        );
    }
    assert_eq!(registry.lines(), ["GET /v2/", "POST /token"]);
    // Where a password is wanted, an identity token is of no use, and nobody is shown it.
    let auth = Auth::Basic {
        username: "user",
        password: "word",
    };
    let registry = Registry::start_with(Settings {
        auth,
        ..Settings::default()
    });
    let store = remote_as(&registry, identity("guess"));
    let error = store.manifest(&tag("1.0")).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    let requests = registry.requests();
    assert!(
        requests
            .iter()
            .all(|request| request.header("authorization").is_none())
    );
}

#[tokio::test]
async fn an_identity_token_follows_no_redirect() {
    let other = Registry::start();
    for status in [302, 307, 308] {
        let registry = scoped(TokenClient::Identity("hunter2"), BOTH, 0);
        registry.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
        let location = format!("http://{}/token", other.address());
        let away = Fault::Status(status, vec![("location", location)]);
        registry.on("POST", "/token", 1, away);
        let store = remote_as(&registry, identity("hunter2"));
        assert!(store.manifest(&tag("1.0")).await.is_err(), "{status}");
    }
    let elsewhere = other.requests();
    assert!(
        elsewhere.iter().all(|request| request.body == 0),
        "{elsewhere:?}"
    );
}
