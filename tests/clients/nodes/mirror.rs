//! containerd with the committed `hosts.toml`: whatever it names it gets, by way of the gateway.

use super::*;

/// A request as a gateway's log has it.
#[derive(Debug)]
struct Line<'a> {
    method: &'a str,
    /// With the query.
    path: &'a str,
    status: &'a str,
    bytes: u64,
}

/// Reads what a gateway said about requests; another line of its is a failure.
#[track_caller]
fn lines(log: &str) -> Vec<Line<'_>> {
    let log = log.lines().filter(|line| !line.starts_with("listening on"));
    let line = |line| match str::split(line, ' ').collect::<Vec<_>>()[..] {
        [_time, _peer, method, path, status, bytes, _took] => Line {
            method,
            path,
            status,
            bytes: bytes.parse().unwrap(),
        },
        _ => panic!("{line}"),
    };
    log.map(line).collect()
}

#[tokio::test]
async fn containerd_gets_exact_bytes() {
    for registry in registries() {
        let Some(containerd) = Containerd::start() else {
            return;
        };
        let workspace = Workspace::new();
        let pushed = push_component(&workspace, &registry.host, "mirror/named:1.0", b'a');
        for by in BOTH {
            let own = Workspace::new();
            let gateway = RunningServer::start(&own, &["--upstream", &registry.host]);
            containerd.asks(&registry.host, &hosts_toml(&gateway.host()));
            for image in [pushed.tagged(), pushed.at(pushed.flat)] {
                by.pull(&containerd, &image).await.unwrap();
                assert_flat(&containerd, &pushed);
            }
            let image = pushed.at(pushed.split);
            by.pull(&containerd, &image).await.unwrap();
            assert_split(&workspace, &containerd, &pushed);

            let (status, log) = gateway.signalled("TERM");
            assert_eq!(status.code(), Some(0), "{log}");
            let lines = lines(&log);
            let namespace = format!("?ns={}", registry.host.replace(':', "%3A"));
            for line in &lines {
                assert!(line.path.ends_with(&namespace), "{line:?}");
                assert_eq!(line.status, "200", "{line:?}");
            }
            // It takes zstd, and gets it: as many bytes as the component has would be more.
            let content = format!("/blobs/{}?", pushed.content());
            let whole = lines.iter().filter(|line| line.path.contains(&content));
            let whole: Vec<&Line<'_>> = whole.filter(|line| line.method == "GET").collect();
            assert_eq!(whole.len(), 2, "{log}");
            for line in whole {
                assert!(line.bytes < pushed.bytes.len() as u64 / 2, "{line:?}");
            }
        }
    }
}

#[tokio::test]
async fn each_registry_of_a_gateway_is_selected_by_name() {
    let Some(containerd) = Containerd::start() else {
        return;
    };
    let workspace = Workspace::new();
    let hosts: Vec<&str> = registries().iter().map(|all| all.host.as_str()).collect();
    let upstreams: Vec<&str> = hosts.iter().flat_map(|host| ["--upstream", host]).collect();
    let gateway = RunningServer::start(&workspace, &upstreams);
    let hosts_toml = hosts_toml(&gateway.host());
    // The same name everywhere, and each time another component.
    for (mark, host) in (b'a'..).zip(&hosts) {
        let pushed = push_component(&workspace, host, "mirror/same:1.0", mark);
        containerd.asks(host, &hosts_toml);
        for by in BOTH {
            by.pull(&containerd, &pushed.tagged()).await.unwrap();
            assert_flat(&containerd, &pushed);
        }
    }
    // A gateway shows what it was told to show.
    let other = "127.0.0.1:1";
    containerd.asks(other, &hosts_toml);
    for by in BOTH {
        let image = format!("{other}/mirror/same:1.0");
        let missing = by.pull(&containerd, &image).await.unwrap_err();
        assert!(missing.contains("not found"), "{missing}");
        assert_empty(&containerd);
    }
}

#[tokio::test]
async fn replicas_share_resolving_and_serving() {
    for registry in registries() {
        let Some(containerd) = Containerd::start() else {
            return;
        };
        let workspace = Workspace::new();
        let pushed = push_component(&workspace, &registry.host, "mirror/replicas:1.0", b'a');
        for by in BOTH {
            let own = [Workspace::new(), Workspace::new()];
            let upstream = ["--upstream", &registry.host];
            let [one, other] = own
                .each_ref()
                .map(|own| RunningServer::start(own, &upstream));
            // It resolves where both are allowed, and pulls from whoever is first.
            let hosts = format!(
                r#"
                server = "http://{one}"
                [host."http://{other}"]
                capabilities = ["pull"]
                [host."http://{one}"]
                capabilities = ["pull", "resolve"]
                "#,
                one = one.host(),
                other = other.host(),
            );
            containerd.asks(&registry.host, &hosts);
            by.pull(&containerd, &pushed.tagged()).await.unwrap();
            assert_flat(&containerd, &pushed);
            let [one, other] = [one, other].map(|gateway| gateway.signalled("TERM").1);
            let methods = |log| -> Vec<String> {
                let lines = lines(log).into_iter();
                lines.map(|line| line.method.to_owned()).collect()
            };
            assert_eq!(methods(&one), ["HEAD"]);
            assert_eq!(methods(&other), ["GET", "GET", "GET"]);
        }
    }
}

#[tokio::test]
async fn a_pinned_flat_digest_is_found_by_a_gateway_that_knows_nothing() {
    for registry in registries() {
        let Some(containerd) = Containerd::start() else {
            return;
        };
        let workspace = Workspace::new();
        let pushed = push_component(&workspace, &registry.host, "mirror/pinned:1.0", b'a');
        // By no tag that its flat digest makes: among all others.
        push_component(&workspace, &registry.host, "mirror/pinned:1.1", b'b');
        for by in BOTH {
            let own = Workspace::new();
            let gateway = RunningServer::start(&own, &["--upstream", &registry.host]);
            containerd.asks(&registry.host, &hosts_toml(&gateway.host()));
            by.pull(&containerd, &pushed.at(pushed.flat)).await.unwrap();
            assert_flat(&containerd, &pushed);
        }
    }
}
