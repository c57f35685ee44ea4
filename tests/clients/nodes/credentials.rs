//! Credentials on their way through a gateway: clients show their own, and get what those are good for.

use crate::support;
use crate::support::cri;
use std::fs::File;

use super::*;
use crate::support::fault::{self, Auth, Settings, TokenClient};
use crate::support::registries::{BASIC, PASSWORD, USERNAME, authenticated};
use crate::support::workspace::Answer;

/// The right name and password.
const LOGIN: Option<(&str, &str)> = Some((USERNAME, PASSWORD));

/// The right name and a wrong password.
const GUESS: Option<(&str, &str)> = Some((USERNAME, "a-guess"));

/// Logs in where a component will be pushed.
pub(super) fn publisher(host: &str) -> Workspace {
    let workspace = Workspace::new();
    workspace.write("password", format!("{PASSWORD}\n").as_bytes());
    let mut login = workspace.wharf(&["login", host, "-u", USERNAME, "--password-stdin"]);
    login.stdin(File::open(workspace.path("password")).unwrap());
    Answer::of(&mut login).success();
    workspace
}

/// A registry that wants tokens, which its own token server gives.
pub(super) fn with_tokens(who: TokenClient) -> fault::Registry {
    fault::Registry::start_with(Settings {
        auth: Auth::Scoped {
            who,
            given: &["repository:nodes/app:pull", "repository:nodes/app:push"],
            greedy: 0,
        },
        ..Settings::default()
    })
}

/// A component in a registry that wants tokens, and a gateway before it.
pub(super) struct BehindTokens {
    pub(super) registry: fault::Registry,
    pub(super) workspace: Workspace,
    pub(super) pushed: PushedComponent,
    pub(super) gateway: RunningServer,
    _own: Workspace,
}

impl BehindTokens {
    pub(super) fn new() -> Self {
        let registry = with_tokens(TokenClient::Password(USERNAME, PASSWORD));
        let host = registry.address();
        let workspace = publisher(&host);
        let pushed = push_component(&workspace, &host, "nodes/app:1.0", b'a');
        let own = Workspace::new();
        let gateway = RunningServer::start(&own, &["--upstream", &host]);
        registry.forget_requests();
        Self {
            registry,
            workspace,
            pushed,
            gateway,
            _own: own,
        }
    }

    /// The password went to the token server and nowhere else, and not from the gateway.
    #[track_caller]
    pub(super) fn assert_tokens(&self) {
        let requests = self.registry.requests();
        let (tokens, others): (Vec<_>, Vec<_>) = requests
            .iter()
            .partition(|request| request.path == "/token");
        for request in &tokens {
            let agent = request.header("user-agent").unwrap_or_default();
            assert!(!agent.contains("wharf"), "{request:?}");
        }
        let with_token = others.iter().filter(|request| {
            let shown = request.header("authorization");
            assert!(
                shown.is_none_or(|shown| shown.starts_with("Bearer token-")),
                "{request:?}"
            );
            shown.is_some()
        });
        assert!(with_token.count() > 0 && !tokens.is_empty());
    }
}

/// A gateway refused somebody, with all of upstream's answer, and wrote down no secret.
#[track_caller]
pub(super) fn assert_refused(log: &str) {
    assert!(log.contains(" 401 "), "{log}");
    assert!(!log.contains("error: "), "{log}");
    for secret in [PASSWORD, BASIC, "a-guess", "token"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

/// Who has no rights is refused whatever the gateway has by now, who has them gets everything.
async fn assert_own_rights(
    workspace: &Workspace,
    containerd: &Containerd,
    pushed: &PushedComponent,
) {
    let flat = [pushed.tagged(), pushed.at(pushed.flat)];
    let split = pushed.at(pushed.split);
    for by in BOTH {
        for login in [None, GUESS] {
            for image in flat.iter().chain([&split]) {
                let refused = by.pull_as(containerd, image, login).await.unwrap_err();
                assert!(refused.contains("uthoriz"), "{refused}");
                assert_empty(containerd);
            }
        }
        for image in &flat {
            by.pull_as(containerd, image, LOGIN).await.unwrap();
            assert_flat(containerd, pushed);
        }
        by.pull_as(containerd, &split, LOGIN).await.unwrap();
        assert_split(workspace, containerd, pushed);
    }
}

#[tokio::test]
async fn containerd_shows_its_password() {
    for registry in authenticated() {
        let Some(containerd) = Containerd::start() else {
            return;
        };
        let host = &registry.host;
        let workspace = publisher(host);
        let pushed = push_component(&workspace, host, "nodes/app:1.0", b'a');
        let own = Workspace::new();
        let gateway = RunningServer::start(&own, &["--upstream", host]);
        containerd.asks(host, &hosts_toml(&gateway.host()));
        assert_own_rights(&workspace, &containerd, &pushed).await;

        // A password that is for one server goes to that one alone, and the server that is asked is the gateway.
        let image = pushed.tagged();
        let pull = async |server: &str| {
            let login = Login {
                username: USERNAME,
                password: PASSWORD,
                server: &format!("http://{server}"),
            };
            cri::pull_image(&containerd.socket(), &image, Some(login)).await
        };
        let refused = pull(host).await.unwrap_err();
        assert!(refused.contains("uthoriz"), "{refused}");
        assert_empty(&containerd);
        pull(&gateway.host()).await.unwrap();
        assert_flat(&containerd, &pushed);
        assert_refused(&gateway.signalled("TERM").1);
    }
}

#[tokio::test]
async fn containerd_shows_a_token() {
    let Some(containerd) = Containerd::start() else {
        return;
    };
    let behind = BehindTokens::new();
    let upstream = behind.registry.address();
    containerd.asks(&upstream, &hosts_toml(&behind.gateway.host()));
    assert_own_rights(&behind.workspace, &containerd, &behind.pushed).await;
    behind.assert_tokens();
    assert_refused(&behind.gateway.signalled("TERM").1);
}

#[test]
fn clients_without_a_mirror_show_a_token() {
    let Some(oras) = support::tool("oras") else {
        return;
    };
    let behind = BehindTokens::new();
    let (host, pushed) = (behind.gateway.host(), &behind.pushed);
    let client = Workspace::new();
    let repository = format!("{host}/nodes/app");
    let tagged = format!("{repository}:1.0");
    let flat = format!("{repository}@{}", pushed.flat);
    let pull = |image: &str, login: &[&str]| {
        let pull = ["pull", "--plain-http", image, "--output", "out"];
        Answer::of(&mut client.command(&oras, &[&pull, login].concat()))
    };
    assert_ne!(pull(&tagged, &[]).code, Some(0));
    pull(&tagged, &["-u", USERNAME, "-p", PASSWORD]).success();
    let written = files(&client.path("out"));
    assert!(written.into_values().eq([pushed.bytes.clone()]));
    // All of it is in the gateway's cache now.
    for login in [&[][..], &["-u", USERNAME, "-p", "a-guess"]] {
        for image in [&tagged, &flat] {
            let refused = pull(image, login);
            assert_ne!(refused.code, Some(0));
            assert!(refused.stderr.contains("401"), "{}", refused.stderr);
        }
    }
    behind.assert_tokens();
    // As wharf itself does, which is shown the split form.
    let pulled = publisher(&host).pull(&tagged, &pushed.bytes);
    assert_eq!(pulled["digest"], pushed.split.to_string());
    assert_refused(&behind.gateway.signalled("TERM").1);
}
