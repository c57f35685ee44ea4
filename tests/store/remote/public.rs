//! Registries that nobody vouches for, which lead to places that only we reach.

use super::*;

fn remote_of_a_stranger(registry: &Registry, public_only: bool) -> Remote {
    let options = Options {
        public_only,
        ..options()
    };
    let repository = repository(&registry.address());
    Remote::new(&repository, Access::Pull, basic("word"), &options).unwrap()
}

#[tokio::test]
async fn redirects_to_private_addresses_are_not_followed() {
    let inner = Registry::start();
    let digest = inner.put_manifest("demo/app", "1.0", MANIFEST, b"{}");
    let port = inner.address().rsplit_once(':').unwrap().1.to_owned();
    for host in [inner.address(), format!("localhost:{port}")] {
        let registry = Registry::start();
        let location = format!("http://{host}/v2/demo/app/manifests/1.0");
        let away = Fault::Status(307, vec![("location", location)]);
        registry.on("GET", "/manifests/", 2, away);
        let stranger = remote_of_a_stranger(&registry, true);
        stranger.manifest(&tag("1.0")).await.unwrap_err();
        assert_eq!(inner.lines(), [""; 0], "{host}");
        let listed = remote_of_a_stranger(&registry, false);
        let manifest = listed.manifest(&tag("1.0")).await.unwrap();
        assert_eq!(manifest.digest, digest);
        inner.forget_requests();
    }
}

#[tokio::test]
async fn private_addresses_are_not_asked_for_a_token() {
    let inner = Registry::start();
    let port = inner.address().rsplit_once(':').unwrap().1.to_owned();
    for host in [inner.address(), format!("localhost:{port}")] {
        let registry = Registry::start_with(Settings {
            auth: Auth::Bearer {
                login: Some(("user", "word")),
                realm: Some(format!("http://{host}/secret")),
                uses: 1,
            },
            ..Settings::default()
        });
        let stranger = remote_of_a_stranger(&registry, true);
        stranger.manifest(&tag("1.0")).await.unwrap_err();
        assert_eq!(inner.lines(), [""; 0], "{host}");
        let listed = remote_of_a_stranger(&registry, false);
        listed.manifest(&tag("1.0")).await.unwrap_err();
        let asked = inner.requests();
        assert_eq!(asked[0].path, "/secret", "{host}");
        inner.forget_requests();
    }
}
