//! Docker's credential helpers: programs that keep credentials elsewhere than in a file.
//!
//! Protocol: <https://github.com/docker/docker-credential-helpers#development>.

use std::io::{self, Write};
use std::process::{Command, Output, Stdio};

use serde_json::json;

use super::settings;
use crate::store::Error;
use crate::store::remote::answer::printable;

/// A helper, by what stands behind `docker-credential-` in its program's name.
pub(super) struct Helper(pub(super) String);

impl Helper {
    pub(super) fn program(&self) -> String {
        format!("docker-credential-{}", self.0)
    }

    /// Lets the helper keep credentials.
    pub(super) fn store(&self, key: &str, username: &str, password: &str) -> Result<(), Error> {
        let input = json!({"ServerURL": key, "Username": username, "Secret": password});
        let output = self.run("store", &input.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        // What it printed is not shown: the password may be in it, in whatever form.
        Err(settings(format!(
            "{} did not keep the credentials for {key} ({})",
            self.program(),
            output.status
        )))
    }

    /// Lets the helper forget credentials that it has.
    pub(super) fn erase(&self, key: &str) -> Result<(), Error> {
        let output = self.run("erase", key)?;
        if output.status.success() {
            return Ok(());
        }
        let words = printable(&String::from_utf8_lossy(&output.stderr));
        Err(settings(format!(
            "{} did not forget the credentials for {key} ({}){}{words}",
            self.program(),
            output.status,
            if words.is_empty() { "" } else { ": " }
        )))
    }

    fn run(&self, action: &str, input: &str) -> Result<Output, Error> {
        let failed = |error: io::Error| {
            let program = self.program();
            settings(format!("{program} cannot be run: {error}"))
        };
        let mut process = Command::new(self.program())
            .arg(action)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        // Gone after this, so that the helper sees the end.
        let stdin = process.stdin.take();
        let written = stdin.map_or(Ok(()), |mut stdin| stdin.write_all(input.as_bytes()));
        let output = process.wait_with_output().map_err(failed)?;
        match written {
            // One that fails may not have read to the end; its status says more.
            Err(error) if output.status.success() => Err(failed(error)),
            _ => Ok(output),
        }
    }
}
