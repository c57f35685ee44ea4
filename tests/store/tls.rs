//! Registries that speak TLS, also on this machine: which certificates are accepted, and what is said otherwise.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread;

use crate::support::fault::{Fault, Registry};
use crate::support::tls::{TlsServer, file};
use crate::support::workspace::{Answer, Workspace};

/// A registry behind TLS with this certificate.
fn guarded(certificate: &str) -> (Registry, TlsServer) {
    let registry = Registry::start();
    let server = TlsServer::start(certificate, registry.address(), false);
    (registry, server)
}

fn push(workspace: &Workspace, host: &str, more: &[&str]) -> Command {
    workspace.fixture("calc");
    let reference = format!("{host}/demo/calc:1.0");
    let mut arguments = vec!["push", "calc.wasm", &reference];
    arguments.extend(more);
    workspace.wharf(&arguments)
}

/// A command must fail with a hint of this text; returns what it said.
#[track_caller]
fn assert_hint(mut command: Command, hint: &str) -> String {
    let answer = Answer::of(&mut command);
    assert_eq!(answer.code, Some(6), "{answer:?}");
    let hints = answer
        .stderr
        .lines()
        .filter(|line| line.starts_with("hint: "));
    let hints: Vec<&str> = hints.collect();
    assert!(hints.len() == 1 && hints[0].contains(hint), "{answer:?}");
    answer.stderr
}

#[test]
fn a_trusted_certificate_is_accepted_for_its_own_host() {
    // The first says that it is a CA's, as `openssl req -x509` has it.
    for name in ["own-ca", "server"] {
        let (_registry, server) = guarded(name);
        let certificate = file(&format!("{name}.crt")).display().to_string();
        let workspace = Workspace::new();
        let mut given = push(
            &workspace,
            &server.host,
            &["--tls", "--ca-cert", &certificate],
        );
        Answer::of(&mut given).success();
        let mut named = push(&workspace, &server.host, &["--tls"]);
        Answer::of(named.env("SSL_CERT_FILE", &certificate)).success();
        // `openssl rehash` gives files in such a directory names like this one.
        fs::create_dir_all(workspace.path("certificates")).unwrap();
        fs::copy(&certificate, workspace.path("certificates/0123abcd.0")).unwrap();
        let mut found = push(&workspace, &server.host, &["--tls"]);
        Answer::of(found.env("SSL_CERT_DIR", workspace.path("certificates"))).success();
        assert_eq!(server.plain_connections(), 0);
    }
}

#[test]
fn untrusted_certificates_and_other_hosts_are_refused() {
    let (registry, server) = guarded("own-ca");
    let own = file("own-ca.crt").display().to_string();
    let other = file("server.crt").display().to_string();
    let workspace = Workspace::new();
    let by_address = server.host.replace("localhost", "127.0.0.1");
    let hint = "--ca-cert or in SSL_CERT_FILE";
    assert_hint(
        push(&workspace, &by_address, &["--tls", "--ca-cert", &own]),
        hint,
    );
    assert_hint(
        push(&workspace, &server.host, &["--tls", "--ca-cert", &other]),
        hint,
    );
    assert!(registry.requests().is_empty());
}

#[test]
fn a_trusted_certificate_is_refused_after_its_time() {
    let (registry, server) = guarded("expired-ca");
    let certificate = file("expired-ca.crt").display().to_string();
    let arguments = ["--tls", "--ca-cert", &certificate];
    let said = assert_hint(
        push(&Workspace::new(), &server.host, &arguments),
        "--ca-cert or in SSL_CERT_FILE",
    );
    assert!(said.contains("expired"), "{said}");
    assert!(registry.requests().is_empty());
}

#[test]
fn without_certificates_only_http_works_and_the_error_says_so() {
    let registry = Registry::start();
    let workspace = Workspace::new();
    let without = |mut command: Command| {
        command.env("SSL_CERT_FILE", "/nonexistent");
        command
    };
    Answer::of(&mut without(push(&workspace, &registry.address(), &[]))).success();
    let (_registry, server) = guarded("own-ca");
    let own = file("own-ca.crt").display().to_string();
    let given = push(&workspace, &server.host, &["--tls", "--ca-cert", &own]);
    Answer::of(&mut without(given)).success();
    let said = assert_hint(
        without(push(&workspace, &server.host, &["--tls"])),
        "ca-certificates",
    );
    assert!(said.contains("failed after 1 attempt"), "{said}");
}

#[test]
fn a_tls_host_gets_one_plain_http_request() {
    for explains in [false, true] {
        let registry = Registry::start();
        let server = TlsServer::start("own-ca", registry.address(), explains);
        let workspace = Workspace::new();
        let said = assert_hint(
            push(&workspace, &server.host, &["--concurrency", "1"]),
            "add --tls",
        );
        assert!(
            said.contains(&format!("{} speaks TLS", server.host)),
            "{said}"
        );
        assert_eq!(server.plain_connections(), 1, "{said}");
        assert!(registry.requests().is_empty());
    }
}

/// Starts a server that answers everything by plain http; returns its address.
fn plain_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _read = stream.read(&mut [0; 4096]);
            let _gone = stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n");
        }
    });
    address
}

#[test]
fn a_host_without_tls_is_named() {
    let workspace = Workspace::new();
    let push = push(&workspace, &plain_server(), &["--tls"]);
    let said = assert_hint(push, "if the host uses HTTP");
    assert!(said.contains("the answer is not TLS"), "{said}");
    assert!(said.contains("failed after 1 attempt"), "{said}");
}

#[test]
fn a_400_of_a_registry_is_not_taken_for_tls() {
    let registry = Registry::start();
    for method in ["HEAD", "GET", "POST"] {
        registry.on(method, "/v2/", 99, Fault::Status(400, Vec::new()));
    }
    let workspace = Workspace::new();
    let answer = Answer::of(&mut push(&workspace, &registry.address(), &[]));
    assert_eq!(answer.code, Some(1), "{answer:?}");
    assert!(answer.stderr.contains("answered 400"), "{answer:?}");
}

#[test]
fn the_configuration_may_ask_for_tls_on_this_machine() {
    let (_registry, server) = guarded("own-ca");
    let workspace = Workspace::new();
    let own = file("own-ca.crt").display().to_string();
    let host = &server.host;
    let config = format!("[registry.\"{host}\".oci]\nprotocol = \"https\"\n");
    fs::write(workspace.path("config.toml"), config).unwrap();
    workspace.fixture("calc");
    let publish = [
        "publish",
        "calc.wasm",
        "demo:calc@1.0.0",
        "--no-compat-check",
    ];
    let place = [
        "--registry",
        &format!("{host}/x"),
        "--config",
        "config.toml",
        "--ca-cert",
        &own,
    ];
    Answer::of(&mut workspace.wharf(&[&publish[..], &place].concat())).success();
}
