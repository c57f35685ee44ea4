//! Command lines of the two tools that are compared.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::measure;

/// A client of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// The release build of this project.
    Wharf,
    /// The client of wasm-pkg-tools.
    Wkg,
}

impl Tool {
    /// Both, in the order of the columns.
    pub const BOTH: [Self; 2] = [Self::Wharf, Self::Wkg];

    /// Returns a word for repositories and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wharf => "wharf",
            Self::Wkg => "wkg",
        }
    }
}

/// Builds command lines that share no settings with the user.
#[derive(Debug)]
pub struct Commands {
    /// A directory without credentials, so that neither tool asks a helper.
    pub configuration: PathBuf,
}

impl Commands {
    /// Returns the command that stores a file under the tag `1`.
    pub fn push(
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

    /// Returns the command that downloads the tag `1`.
    pub fn pull(
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

    /// Returns the command with which wharf publishes a file as this package version.
    pub fn publish(&self, file: &Path, (host, package): (&str, &str), cache: &Path) -> Command {
        let mut command = measure::wharf(cache);
        command.args(["publish", "--no-compat-check", "--registry", host]);
        command.arg(file).arg(package);
        self.alone(command)
    }

    /// Returns the command with which wharf downloads this package version.
    pub fn get(&self, (host, package): (&str, &str), output: &Path, cache: &Path) -> Command {
        let mut command = measure::wharf(cache);
        command.args(["get", "--no-lock", "--registry", host, package, "-o"]);
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

/// Returns the name and version of wkg, or how to install the right version.
pub fn wkg_version() -> Result<String, String> {
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
