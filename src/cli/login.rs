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

/// Log in to a registry
///
/// The password is tried, then kept where `docker login` would keep it: with the credential helper that
/// Docker's config.json names, else in that file. docker, oras, skopeo and wkg find it there too.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf login ghcr.io
  echo $TOKEN | wharf login ghcr.io --username me --password-stdin")]
pub(crate) struct Login {
    /// The registry: HOST[:PORT], or HOST[:PORT]/PATH for what is below the path only
    #[arg(value_name = "HOST")]
    server: String,
}

#[derive(Serialize)]
struct Report {
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
            return Err(Failure::usage("a user name is not empty and has no colon"));
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
            eprintln!("note: {registry} did not ask for a password, so this one was not tried");
        }
        let registry = server.to_string();
        let user = username.clone();
        let stored = blocking(move || credentials::store(&server, &user, &password)).await?;
        let report = Report {
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

/// Reads the registry to log in to, or to log out of.
pub(super) fn server(text: &str) -> Result<Server, Failure> {
    text.parse().map_err(|error| {
        let failure = Failure::usage(error);
        match hints::server(text) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}

/// Asks at the terminal for the user, if none was given, and for the password, which is not shown.
fn ask(username: Option<String>) -> Result<(String, String), Failure> {
    if !io::stdin().is_terminal() {
        let failure = Failure::usage("there is no terminal to ask for a password at");
        return Err(failure.hint(hints::PASSWORD_STDIN));
    }
    let username = match username {
        Some(username) => username,
        None => ask_username()?,
    };
    if username.is_empty() {
        return Err(Failure::usage("there is no user name"));
    }
    let password = rpassword::prompt_password("password: ").context("reading the password")?;
    match password.as_str() {
        "" => Err(Failure::usage("there is no password")),
        _ => Ok((username, password)),
    }
}

fn ask_username() -> Result<String, Failure> {
    eprint!("user name: ");
    io::stderr().flush().context("standard error")?;
    let mut line = String::new();
    io::stdin()
        .read_line(&mut line)
        .context("reading the user name")?;
    Ok(line.trim().to_owned())
}
