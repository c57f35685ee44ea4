//! Docker's credential helpers: programs that store credentials outside of files.
//!
//! Protocol: <https://github.com/docker/docker-credential-helpers#development>.

use std::io::{self, Write};
use std::process::{Command, Output, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Credentials, check_token};
use crate::store::Error;
use crate::text::excerpt;

/// The user of an answer whose secret is an identity token.
const TOKEN_USER: &str = "<token>";

/// The answer of a helper that has credentials.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HelperCredentials {
    username: String,
    secret: String,
}

/// A helper, by its program's name without `docker-credential-`.
pub(super) struct Helper(pub(super) String);

impl Helper {
    pub(super) fn program(&self) -> String {
        format!("docker-credential-{}", self.0)
    }

    /// Returns the credentials for a key, if the helper has any. An answer without a secret is not a login.
    pub(super) fn get(&self, key: &str) -> Result<Option<Credentials>, Error> {
        let output = self.run("get", key)?;
        if !output.status.success() {
            return match means_missing(&output) {
                true => Ok(None),
                false => Err(self.failed("did not return credentials", &output, "")),
            };
        }
        // Do not quote the answer, because it contains a secret.
        let malformed = |reason: String| Error::settings(format!("{}: {reason}", self.program()));
        let answer = output.stdout.trim_ascii();
        if answer.is_empty() {
            return Ok(None);
        }
        let answer: Value = serde_json::from_slice(answer)
            .map_err(|error| malformed(format!("its answer is not JSON: {error}")))?;
        // serde would take an array for the fields in their order.
        let answer = Some(answer).filter(Value::is_object);
        let answer =
            answer.and_then(|answer| serde_json::from_value::<HelperCredentials>(answer).ok());
        let answer = answer.ok_or_else(|| {
            malformed("its answer is not an object with Username and Secret".into())
        })?;
        let HelperCredentials { username, secret } = answer;
        Ok(match username.as_str() {
            _ if secret.is_empty() => None,
            TOKEN_USER => {
                check_token(&secret).map_err(|reason| malformed(format!("its token {reason}")))?;
                Some(Credentials::Identity(secret))
            }
            _ => Some(Credentials::Basic {
                username,
                password: secret,
            }),
        })
    }

    pub(super) fn store(&self, key: &str, username: &str, password: &str) -> Result<(), Error> {
        let input = json!({"ServerURL": key, "Username": username, "Secret": password});
        let output = self.run("store", &input.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        Err(self.failed("did not store the credentials", &output, password))
    }

    /// Removes credentials, if the helper has any.
    pub(super) fn erase(&self, key: &str) -> Result<(), Error> {
        let output = self.run("erase", key)?;
        match output.status.success() || means_missing(&output) {
            true => Ok(()),
            false => Err(self.failed("did not remove the credentials", &output, "")),
        }
    }

    /// Makes the error of a failed helper. Quotes its output, unless a secret may be in it.
    fn failed(&self, what: &str, output: &Output, password: &str) -> Error {
        let words = [&output.stderr, &output.stdout].map(|words| String::from_utf8_lossy(words));
        let is_harmless = |words: &str| {
            let has_password = !password.is_empty() && words.contains(password);
            !words.trim().is_empty() && !words.contains("\"Secret\"") && !has_password
        };
        let words = words.iter().find(|words| is_harmless(words));
        let words = words.map(|words| format!(": {}", excerpt(words)));
        Error::settings(format!(
            "{} {what} ({}){}",
            self.program(),
            output.status,
            words.unwrap_or_default()
        ))
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
        // Dropping the pipe ends the helper's input.
        let stdin = process.stdin.take();
        let written = stdin.map_or(Ok(()), |mut stdin| stdin.write_all(input.as_bytes()));
        let output = process.wait_with_output().map_err(failed)?;
        match written {
            // A helper need not read its input.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(failed(error)),
            _ => Ok(output),
        }
    }
}

/// Returns whether a failed helper says that it has no credentials for the key.
fn means_missing(output: &Output) -> bool {
    [&output.stdout, &output.stderr]
        .iter()
        .any(|words| String::from_utf8_lossy(words).contains("credentials not found"))
}
