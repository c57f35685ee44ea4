//! `wharf logout`

use clap::Args;
use serde::Serialize;
use wharf::store::credentials;

use super::failure::{Failure, blocking};
use super::login::server;
use super::output;
use super::settings::Context;

/// Remove the stored credentials for a registry
///
/// Removes them from Docker's config.json, or from the credential helper that it names.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wharf logout ghcr.io")]
pub(crate) struct Logout {
    /// The registry, as given to `wharf login`
    #[arg(value_name = "HOST")]
    server: String,
}

#[derive(Serialize)]
struct LogoutReport {
    registry: String,
    removed: bool,
}

impl Logout {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let server = server(&self.server)?;
        let registry = server.to_string();
        let removed = blocking(move || credentials::remove(&server)).await?;
        let report = LogoutReport { registry, removed };
        output::print(context, &report, || match report.removed {
            true => format!("logged out of {}", report.registry),
            false => format!("not logged in to {}", report.registry),
        })
    }
}
