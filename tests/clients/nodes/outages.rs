//! The gateway is down: what containerd gets is what the table of `docs/KUBERNETES.md` says.

use tokio::net::TcpSocket;

use super::*;

/// An address that stays this test's own, whether somebody listens there or not.
pub(super) fn address() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, address)
}

#[tokio::test]
async fn without_its_gateway_a_node_gets_nothing() {
    for registry in registries() {
        let Some(containerd) = Containerd::start() else {
            return;
        };
        let workspace = Workspace::new();
        let pushed = push_component(&workspace, &registry.host, "outages/down:1.0", b'a');
        let (_held, address) = address();
        let hosts = hosts_toml(&address);
        containerd.asks(&registry.host, &hosts);
        let upstream = ["--upstream", &registry.host];
        let start = || RunningServer::start_on(&workspace, &address, &upstream);
        let images = [
            pushed.tagged(),
            pushed.at(pushed.flat),
            pushed.at(pushed.split),
        ];
        for by in BOTH {
            let gateway = start();
            by.pull(&containerd, &images[0]).await.unwrap();
            assert_flat(&containerd, &pushed);
            gateway.signalled("TERM");
            for image in &images {
                let failed = by.pull(&containerd, image).await.unwrap_err();
                assert!(failed.contains("connection refused"), "{failed}");
                assert!(failed.contains(&address), "{failed}");
                assert_empty(&containerd);
            }
            // Nothing has to be done when it is back.
            let _gateway = start();
            for image in &images[..2] {
                by.pull(&containerd, image).await.unwrap();
                assert_flat(&containerd, &pushed);
            }
            by.pull(&containerd, &images[2]).await.unwrap();
            assert_split(&workspace, &containerd, &pushed);
        }
    }
}

#[tokio::test]
async fn nodes_fall_back_to_the_registry_named_as_server() {
    for registry in registries() {
        let Some(containerd) = Containerd::start() else {
            return;
        };
        let workspace = Workspace::new();
        let pushed = push_component(&workspace, &registry.host, "outages/server:1.0", b'a');
        let (_held, address) = address();
        let server = |host| format!("server = \"http://{host}\"");
        let hosts = hosts_toml(&address);
        assert!(hosts.contains(&server(&address)), "{hosts}");
        let hosts = hosts.replace(&server(&address), &server(&registry.host));
        containerd.asks(&registry.host, &hosts);
        for by in BOTH {
            for image in [pushed.tagged(), pushed.at(pushed.split)] {
                by.pull(&containerd, &image).await.unwrap();
                assert_split(&workspace, &containerd, &pushed);
            }
            let image = pushed.at(pushed.flat);
            let missing = by.pull(&containerd, &image).await.unwrap_err();
            assert!(missing.contains("not found"), "{missing}");
            assert_empty(&containerd);
        }
    }
}
