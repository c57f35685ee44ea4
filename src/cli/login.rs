//! `wharf login`

use std::io::{self, IsTerminal, Write};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use wharf::store::Error;
use wharf::store::credentials::{self, Credentials, Server};
use wharf::store::remote::try_login;

use super::failure::{Failure, blocking};
use super::settings::Context;
use super::text::printable;
use super::{hints, output};

/// Check and store credentials for a registry
///
/// Stores the password as `docker login` does: in the credential helper that Docker's config.json names,
/// otherwise in that file. docker, oras, skopeo and wkg use it too.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf login ghcr.io
  echo $TOKEN | wharf login ghcr.io --username me --password-stdin")]
pub(crate) struct Login {
    /// The registry: HOST[:PORT], or HOST[:PORT]/PATH for repositories below a path
    #[arg(value_name = "HOST")]
    server: String,
}

#[derive(Serialize)]
struct LoginReport {
    registry: String,
    username: String,
    stored_in: String,
}

impl Login {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let server = server(&self.server)?;
        let (username, password) = match &context.credentials {
            Some(Credentials::Basic { username, password }) => (username.clone(), password.clone()),
            _ => {
                let given = context.flags.username.clone();
                blocking(move || ask(given)).await?
            }
        };
        if username.is_empty() || username.contains(':') {
            return Err(Failure::usage(
                "a user name must not be empty or contain a colon",
            ));
        }
        let basic = Credentials::Basic {
            username: username.clone(),
            password: password.clone(),
        };
        let asked = try_login(server.registry(), basic, &context.options()).await;
        let asked = asked.map_err(|error| match error {
            Error::Refused { .. } => Failure::from(error).hint(hints::LOGIN_REFUSED),
            error => error.into(),
        })?;
        if !asked {
            let registry = printable(server.registry());
            eprintln!("note: {registry} did not ask for a password, so this one was not checked");
        }
        let registry = server.to_string();
        let user = username.clone();
        let stored = blocking(move || credentials::store(&server, &user, &password)).await?;
        let report = LoginReport {
            registry,
            username,
            stored_in: stored.to_string(),
        };
        output::print(context, &report, || {
            let user = printable(&report.username);
            format!(
                "logged in to {} as {user} ({})",
                report.registry, report.stored_in
            )
        })
    }
}

/// Parses the registry of `login` and `logout`.
pub(super) fn server(text: &str) -> Result<Server, Failure> {
    text.parse().map_err(|error| {
        let failure = Failure::usage(error);
        match hints::server(text) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// Asks at the terminal for the password, and for the user name if none was given.
fn ask(username: Option<String>) -> Result<(String, String), Failure> {
    if !io::stdin().is_terminal() {
        let failure = Failure::usage("cannot ask for a password without a terminal");
        return Err(failure.hint(hints::PASSWORD_STDIN));
    }
    let username = match username {
        Some(username) => username,
        None => ask_username()?,
    };
    if username.is_empty() {
        return Err(Failure::usage("the user name is empty"));
    }
    let password = rpassword::prompt_password("password: ").context("cannot read the password")?;
    match password.as_str() {
        "" => Err(Failure::usage("the password is empty")),
        _ => Ok((username, password)),
    }
}

fn ask_username() -> Result<String, Failure> {
    eprint!("user name: ");
    io::stderr()
        .flush()
        .context("cannot write to standard error")?;
    let mut line = String::new();
    io::stdin()
        .read_line(&mut line)
        .context("cannot read the user name")?;
    Ok(line.trim().to_owned())
}
