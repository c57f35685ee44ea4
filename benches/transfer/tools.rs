//! The two tools and how each is told to push and to pull.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::measure;

/// Who moves the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Wharf,
    Wkg,
}

impl Tool {
    pub(crate) const BOTH: [Self; 2] = [Self::Wharf, Self::Wkg];

    /// Returns a word for repositories and files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wharf => "wharf",
            Self::Wkg => "wkg",
        }
    }
}

/// Where commands keep what they must not share with the user's settings.
#[derive(Debug)]
pub(crate) struct Commands {
    /// Holds no credentials, so that neither tool asks a helper.
    pub(crate) configuration: PathBuf,
}

impl Commands {
    pub(crate) fn push(
        &self,
        tool: Tool,
        file: &Path,
        (host, repository): (&str, &str),
        cache: &Path,
    ) -> Command {
        let reference = format!("{host}/{repository}:1");
        let mut command = match tool {
            Tool::Wharf => measure::wharf(cache),
            Tool::Wkg => wkg(),
        };
        match tool {
            Tool::Wharf => command.arg("push").arg(file).arg(reference),
            Tool::Wkg => command
                .args(["push", "--insecure", host, &reference])
                .arg(file),
        };
        self.alone(command)
    }

    pub(crate) fn pull(
        &self,
        tool: Tool,
        (host, repository): (&str, &str),
        output: &Path,
        cache: &Path,
    ) -> Command {
        let reference = format!("{host}/{repository}:1");
        let mut command = match tool {
            Tool::Wharf => measure::wharf(cache),
            Tool::Wkg => wkg(),
        };
        match tool {
            Tool::Wharf => command.args(["pull", &reference, "-o"]),
            Tool::Wkg => command.args(["pull", "--insecure", host, &reference, "-o"]),
        };
        command.arg(output);
        self.alone(command)
    }

    fn alone(&self, mut command: Command) -> Command {
        command
            .env("DOCKER_CONFIG", &self.configuration)
            .env("XDG_RUNTIME_DIR", &self.configuration);
        command
    }
}

fn wkg() -> Command {
    let mut command = Command::new("wkg");
    command.arg("oci");
    command
}

/// Returns what wkg says it is, or what to do about that.
pub(crate) fn wkg_version() -> Result<String, String> {
    let install = "cargo install wkg --version 0.16.1 --locked";
    let output = Command::new("wkg")
        .arg("--version")
        .stderr(Stdio::null())
        .output();
    let version = match output {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => return Err(format!("wkg does not start ({error}): {install}")),
    };
    match version.starts_with("wkg 0.16.") {
        true => Ok(version),
        false => Err(format!(
            "this compares with wkg 0.16, not {version}: {install}"
        )),
    }
}
