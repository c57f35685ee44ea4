//! Registries of one test alone, whose garbage is collected between two of their runs.

use std::path::PathBuf;
use std::process::Command;

use super::registries::{
    self, Access, DISTRIBUTION_CONFIG, DISTRIBUTION_STORAGE, KINDS, Kind, Registry, Server,
};

/// A distribution registry on a storage of its own.
pub struct CollectedRegistry {
    kind: &'static Kind,
    program: PathBuf,
    /// There is one while it runs. Dropped first: its storage must not be removed under a server that runs.
    server: Option<Server>,
    storage: tempfile::TempDir,
}

/// Returns one of each distribution that this machine has; none of them runs. Where other registries are in containers,
/// these are not: nobody else may use them.
pub fn collected() -> Vec<CollectedRegistry> {
    let distributions = KINDS
        .iter()
        .filter(|kind| kind.name.starts_with("distribution"));
    distributions
        .filter_map(|kind| {
            Some(CollectedRegistry {
                kind,
                program: registries::program(kind)?,
                storage: tempfile::tempdir().unwrap(),
                server: None,
            })
        })
        .collect()
}

impl CollectedRegistry {
    /// Runs it, with nothing in memory of what it did before.
    pub fn start(&mut self) -> Registry {
        assert!(self.server.is_none(), "{} runs", self.kind.name);
        let storage = self.storage.path();
        let server = registries::launch(self.kind, &self.program, Access::Open, |command| {
            command.env(DISTRIBUTION_STORAGE, storage);
        });
        let server =
            server.unwrap_or_else(|error| panic!("{} did not start: {error}", self.kind.name));
        let registry = registries::registry(self.kind, server.host.clone(), Access::Open);
        self.server = Some(server);
        registries::await_answer(&registry);
        registry
    }

    /// Stops it, and collects what no tag leads to.
    pub fn collect(&mut self) {
        drop(self.server.take());
        let mut command = Command::new(&self.program);
        let output = command
            .args(["garbage-collect", "-m", DISTRIBUTION_CONFIG])
            .env(DISTRIBUTION_STORAGE, self.storage.path())
            .env("OTEL_TRACES_EXPORTER", "none")
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {errors}", self.kind.name);
    }
}
