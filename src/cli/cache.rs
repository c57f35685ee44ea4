//! `wharf cache`

use clap::{Args, Subcommand};
use serde::Serialize;
use wharf::store::cache::Usage;

use super::failure::{Failure, blocking};
use super::settings::Context;
use super::text::parse_size;
use super::{hints, output, text};

/// Manage the local blob cache
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf cache du
  wharf cache prune --max-size 1GiB
  wharf cache verify")]
pub(crate) struct Cache {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the size of the cache
    Du,
    /// Remove the least recently used blobs
    Prune {
        /// Total size of the blobs to keep, such as 500MiB
        #[arg(long, value_name = "SIZE", value_parser = parse_size)]
        max_size: u64,
    },
    /// Read every blob and remove damaged ones
    Verify,
}

#[derive(Default, Serialize)]
struct CacheReport {
    blobs: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed_blobs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed_bytes: Option<u64>,
}

impl Cache {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        if !context.has_cache() {
            return Err(Failure::usage("there is no cache directory"));
        }
        let cache = context.cache()?;
        if let (Some(directory), Command::Prune { .. } | Command::Verify) =
            (cache.read_only_directory(), &self.command)
        {
            let directory = directory.display();
            let failure = Failure::usage(format!("the cache {directory} is read-only"));
            return Err(failure.hint(hints::WRITABLE_CACHE));
        }
        let (left, removed) = blocking(move || self.command.run(&cache)).await?;
        let report = CacheReport {
            blobs: left.blobs,
            bytes: left.bytes,
            removed_blobs: removed.map(|removed| removed.blobs),
            removed_bytes: removed.map(|removed| removed.bytes),
        };
        output::print(context, &report, || report_text(left, removed))
    }
}

impl Command {
    /// Runs the command. Returns the blobs that are left and, except for `du`, those removed.
    fn run(self, cache: &wharf::store::cache::Cache) -> Result<(Usage, Option<Usage>), Failure> {
        Ok(match self {
            Self::Du => (cache.usage()?, None),
            Self::Prune { max_size } => {
                let removed = cache.prune(max_size)?;
                (cache.usage()?, Some(removed))
            }
            Self::Verify => {
                let (left, damaged) = cache.verify()?;
                (left, Some(damaged))
            }
        })
    }
}

fn report_text(left: Usage, removed: Option<Usage>) -> String {
    let shown = |usage: Usage| {
        format!(
            "{} in {}",
            text::size(usage.bytes),
            text::count(usage.blobs, "blob")
        )
    };
    match removed {
        None => shown(left),
        Some(removed) => format!("removed  {}\nleft     {}", shown(removed), shown(left)),
    }
}
