//! Proxies of the environment. The double stands in for one: it answers for any host.

use std::process::Command;

use crate::support::fault::{Fault, Registry};
use crate::support::workspace::{Answer, Workspace};

const HOST: &str = "registry.invalid:5000";

fn push(workspace: &Workspace) -> Command {
    workspace.fixture("calc");
    let reference = format!("{HOST}/demo/calc:1.0");
    workspace.wharf(&["push", "calc.wasm", &reference, "--plain-http"])
}

#[test]
fn no_proxy_may_name_a_port() {
    let proxy = Registry::start();
    let workspace = Workspace::new();
    let pushed = |no_proxy: &str| {
        let mut command = push(&workspace);
        command.env("http_proxy", format!("http://{}", proxy.address()));
        Answer::of(command.env("NO_PROXY", no_proxy))
    };
    pushed("registry.invalid:5001").success();
    assert!(!proxy.requests().is_empty());
    proxy.forget_requests();
    for no_proxy in [HOST, ".invalid:5000", "other.example,registry.invalid"] {
        // No such host exists, so only a proxy leads there.
        let answer = pushed(no_proxy);
        assert_eq!(answer.code, Some(6), "{no_proxy}: {answer:?}");
        assert!(!answer.stderr.contains("proxy"), "{answer:?}");
    }
    assert!(proxy.requests().is_empty());
}

#[test]
fn a_proxy_that_fails_is_named_without_its_password() {
    let gone = Registry::start().address();
    let workspace = Workspace::new();
    let (plain, tls) = (
        push(&workspace),
        workspace.wharf(&["pull", &format!("{HOST}/a:1")]),
    );
    for (mut command, variable) in [(plain, "http_proxy"), (tls, "https_proxy")] {
        let answer = Answer::of(command.env(variable, format!("http://me:SECRET@{gone}")));
        assert_eq!(answer.code, Some(6), "{answer:?}");
        let said = &answer.stderr;
        assert!(said.contains(&format!("the proxy http://{gone}")), "{said}");
        assert!(said.contains("hint: check HTTP_PROXY"), "{said}");
        assert!(!said.contains("SECRET"), "{said}");
    }
}

#[test]
fn a_proxy_that_answers_in_place_of_the_host_is_named() {
    let proxy = Registry::start();
    let workspace = Workspace::new();
    for status in [403, 502] {
        for method in ["HEAD", "GET", "POST"] {
            proxy.on(method, "/v2/", 99, Fault::Status(status, Vec::new()));
        }
        let address = format!("http://{}", proxy.address());
        let said = Answer::of(push(&workspace).env("http_proxy", &address)).stderr;
        let words = format!("the request went through the proxy {address}");
        assert!(said.contains(&words), "{said}");
        let straight = ["push", "calc.wasm", &format!("{}/a:1", proxy.address())];
        let said = Answer::of(&mut workspace.wharf(&straight)).stderr;
        assert!(!said.contains("proxy"), "{said}");
    }
}

#[test]
fn a_proxy_that_requires_a_password_is_named() {
    let proxy = Registry::start();
    for method in ["HEAD", "GET", "POST"] {
        proxy.on(method, "/v2/", 99, Fault::Status(407, Vec::new()));
    }
    let workspace = Workspace::new();
    let address = format!("http://{}", proxy.address());
    let answer = Answer::of(push(&workspace).env("http_proxy", &address));
    assert_eq!(answer.code, Some(6), "{answer:?}");
    let said = &answer.stderr;
    assert!(
        said.contains(&format!("the proxy {address} answered 407")),
        "{said}"
    );
}
