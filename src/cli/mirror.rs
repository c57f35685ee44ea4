//! `wharf mirror`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use wharf::copy::CopySummary;
use wharf::digest::Digest;
use wharf::error::Kind;
use wharf::package::{self, MirrorFile};
use wharf::reference::package::{PackageName, PackageSpec, Version};

use super::copy::CopyTotals;
use super::failure::Failure;
use super::input::read_text;
use super::settings::Context;
use super::{output, text};

/// Mirror packages, copying only what changed
///
/// FILE lists packages with their versions, source and destination. Run it again to update the mirror.
/// Yanked versions are copied with their mark, so that lock files that pin them still resolve.
#[derive(Debug, Args)]
#[command(after_help = "\
Format of FILE:
  [[mirror]]
  from = \"ghcr.io/acme\"          # default: the configured registry
  to = \"oci:mirror\"              # or HOST[:PORT][/PREFIX]
  packages = [\"demo:calc@^1\", \"demo:greet\"]
  referrers = true               # signatures, SBOMs; default: false

Examples:
  wharf mirror mirror.toml
  wharf mirror mirror.toml --json | jq .sent_bytes")]
pub(crate) struct MirrorCommand {
    /// The file with the list of packages
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Serialize)]
struct Row {
    name: PackageName,
    version: Version,
    reference: String,
    digest: Digest,
    /// Whether anything was written.
    copied: bool,
}

/// A version or a package that could not be mirrored.
#[derive(Serialize)]
struct FailureRow {
    package: PackageName,
    /// `None` if the failure is about the whole package.
    version: Option<Version>,
    kind: &'static str,
    message: String,
}

#[derive(Default, Serialize)]
struct MirrorReport {
    packages: Vec<Row>,
    failures: Vec<FailureRow>,
    #[serde(flatten)]
    totals: CopyTotals,
}

impl MirrorCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let name = self.file.display();
        let text = read_text(&self.file)?;
        let MirrorFile { mirror } = MirrorFile::read(&text).map_err(|error| {
            Failure::new(
                Kind::Integrity,
                format!("cannot read the mirror file {name}: {error}"),
            )
        })?;
        let locator = context.locator()?;
        let mut run = Run {
            context,
            report: MirrorReport::default(),
            first: None,
        };
        if mirror.is_empty() {
            eprintln!("note: {name} has no [[mirror]] entry, so nothing was copied");
        }
        for entry in &mirror {
            if entry.packages.is_empty() {
                let to = &entry.to;
                eprintln!("note: {name} lists no packages for {to}, so nothing was copied to it");
            }
            for spec in &entry.packages {
                let done =
                    |version: &Version, mirrored| run.record_version(spec, version, mirrored);
                let mirrored = locator.mirror(entry, spec, done).await;
                if let Err(error) = mirrored {
                    let failure = Failure::from(error).context(format!("cannot mirror {spec}"));
                    run.record_failure(spec, None, failure);
                }
            }
        }
        let Run { report, first, .. } = run;
        output::print(context, &report, || report.text())?;
        first.map_or(Ok(()), |failure| Err(failure.mark_reported()))
    }
}

/// One run over a mirror file.
struct Run<'a> {
    context: &'a Context,
    report: MirrorReport,
    /// The first failure, whose exit code is that of the run.
    first: Option<Failure>,
}

impl Run<'_> {
    /// Reports the outcome of one version.
    fn record_version(
        &mut self,
        spec: &PackageSpec,
        version: &Version,
        mirrored: Result<(String, CopySummary), package::Error>,
    ) {
        let (reference, copied) = match mirrored {
            Ok(mirrored) => mirrored,
            Err(error) => {
                let doing = format!("cannot mirror {}@{version}", spec.name);
                return self.record_failure(
                    spec,
                    Some(version),
                    Failure::from(error).context(doing),
                );
            }
        };
        self.report.totals.add(&copied);
        self.report.packages.push(Row {
            name: spec.name.clone(),
            version: version.clone(),
            reference,
            digest: copied.digest,
            copied: copied.has_written,
        });
    }

    /// Reports a failure. The run continues.
    fn record_failure(&mut self, spec: &PackageSpec, version: Option<&Version>, failure: Failure) {
        if !self.context.flags.json {
            // The first failure determines the exit code of the run.
            let _exit_code = failure.report(false);
        }
        self.report.failures.push(FailureRow {
            package: spec.name.clone(),
            version: version.cloned(),
            kind: failure.kind.word(),
            message: failure.message(),
        });
        self.first.get_or_insert(failure);
    }
}

impl MirrorReport {
    fn text(&self) -> String {
        let rows = self.packages.iter().map(|row| {
            let state = match row.copied {
                true => "copied",
                false => "already there",
            };
            let version = format!("{}@{}", row.name, row.version);
            vec![version, state.to_owned(), row.reference.clone()]
        });
        format!("{}{}", text::words(rows), self.totals.text())
    }
}
