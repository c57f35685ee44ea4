//! Storing and removing credentials with Docker's credential helpers: programs that keep them elsewhere than in a
//! file. docker_credential only reads them.
//!
//! Protocol: <https://github.com/docker/docker-credential-helpers#development>.

use std::io::{self, Write};
use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::store::Error;
use crate::text::excerpt;

/// Returns whether a helper that failed says that it has no credentials for the key.
pub(super) fn means_missing(stdout: &str, stderr: &str) -> bool {
    [stdout, stderr]
        .iter()
        .any(|text| text.contains("credentials not found"))
}

/// A helper, by its program's name without `docker-credential-`.
pub(super) struct Helper(pub(super) String);

impl Helper {
    pub(super) fn program(&self) -> String {
        format!("docker-credential-{}", self.0)
    }

    /// Stores credentials.
    pub(super) fn store(&self, key: &str, username: &str, password: &str) -> Result<(), Error> {
        let input = json!({"ServerURL": key, "Username": username, "Secret": password});
        let output = self.run("store", &input.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        // Its output is not shown, because the password may be in it.
        Err(Error::settings(format!(
            "{} did not keep the credentials for {key} ({})",
            self.program(),
            output.status
        )))
    }

    /// Removes credentials, if the helper has any.
    pub(super) fn erase(&self, key: &str) -> Result<(), Error> {
        let output = self.run("erase", key)?;
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        if output.status.success() || means_missing(&stdout, &stderr) {
            return Ok(());
        }
        let words = excerpt(&stderr);
        Err(Error::settings(format!(
            "{} did not forget the credentials for {key} ({}){}{words}",
            self.program(),
            output.status,
            if words.is_empty() { "" } else { ": " }
        )))
    }

    fn run(&self, action: &str, input: &str) -> Result<Output, Error> {
        let failed = |error: io::Error| {
            let program = self.program();
            Error::settings(format!("{program} cannot be run: {error}"))
        };
        let mut process = Command::new(self.program())
            .arg(action)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        // Dropping the pipe shows the helper the end.
        let stdin = process.stdin.take();
        let written = stdin.map_or(Ok(()), |mut stdin| stdin.write_all(input.as_bytes()));
        let output = process.wait_with_output().map_err(failed)?;
        match written {
            // A helper that fails may not have read its input; its status says more.
            Err(error) if output.status.success() => Err(failed(error)),
            _ => Ok(output),
        }
    }
}
