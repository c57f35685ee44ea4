//! `wharf mirror`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use wharf::copy::CopySummary;
use wharf::digest::Digest;
use wharf::error::Kind;
use wharf::package::{self, Mirror};
use wharf::reference::package::{PackageName, PackageSpec, Version};

use super::copy::Sum;
use super::failure::Failure;
use super::input::read_text;
use super::settings::Context;
use super::{output, text};

/// Keep packages in another place, too: run it again and again, only news are sent
///
/// The file names packages and which of their versions, where they are and where they go. Yanked
/// versions are kept with their mark, so that who has them locked still gets them.
#[derive(Debug, Args)]
#[command(after_help = "\
The file:
  [[mirror]]
  from = \"ghcr.io/acme\"          # without it: where the configuration says
  to = \"oci:mirror\"              # or HOST[:PORT][/PREFIX]
  packages = [\"demo:calc@^1\", \"demo:greet\"]
  referrers = true               # signatures, SBOMs

Examples:
  wharf mirror mirror.toml
  wharf mirror mirror.toml --json | jq .sent_bytes")]
pub(crate) struct MirrorCommand {
    /// The file
    #[arg(value_name = "CONFIG")]
    file: PathBuf,
}

#[derive(Serialize)]
struct Row {
    name: PackageName,
    version: Version,
    reference: String,
    digest: Digest,
    /// Whether anything had to be written.
    news: bool,
}

/// A version or a package that could not be mirrored.
#[derive(Serialize)]
struct Unmirrored {
    package: PackageName,
    /// Null where it was no single version.
    version: Option<Version>,
    kind: &'static str,
    message: String,
}

#[derive(Default, Serialize)]
struct Report {
    packages: Vec<Row>,
    failures: Vec<Unmirrored>,
    #[serde(flatten)]
    sum: Sum,
}

impl MirrorCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let name = self.file.display();
        let text = read_text(&self.file)?;
        let Mirror { mirror } = Mirror::read(&text).map_err(|error| {
            Failure::new(Kind::Integrity, format!("the mirror file {name}: {error}"))
        })?;
        let locator = context.locator()?;
        let mut run = Run {
            context,
            report: Report::default(),
            first: None,
        };
        if mirror.is_empty() {
            eprintln!("note: {name} has no [[mirror]]: there is nothing to do");
        }
        for entry in &mirror {
            if entry.packages.is_empty() {
                let to = &entry.to;
                eprintln!("note: {name} names no packages for {to}: there is nothing to do");
            }
            for spec in &entry.packages {
                let done = |version: &Version, mirrored| run.version(spec, version, mirrored);
                let mirrored = locator.mirror(entry, spec, done).await;
                if let Err(error) = mirrored {
                    let failure = Failure::from(error).context(format!("mirroring {spec}"));
                    run.failed(spec, None, failure);
                }
            }
        }
        let Run { report, first, .. } = run;
        output::print(context, &report, || report.text())?;
        first.map_or(Ok(()), |failure| Err(failure.told()))
    }
}

/// One run over a mirror file.
struct Run<'a> {
    context: &'a Context,
    report: Report,
    /// The failure whose exit code the run has.
    first: Option<Failure>,
}

impl Run<'_> {
    /// Reports what became of a version.
    fn version(
        &mut self,
        spec: &PackageSpec,
        version: &Version,
        mirrored: Result<(String, CopySummary), package::Error>,
    ) {
        let (reference, copied) = match mirrored {
            Ok(mirrored) => mirrored,
            Err(error) => {
                let doing = format!("mirroring {}@{version}", spec.name);
                return self.failed(spec, Some(version), Failure::from(error).context(doing));
            }
        };
        self.report.sum.add(&copied);
        self.report.packages.push(Row {
            name: spec.name.clone(),
            version: version.clone(),
            reference,
            digest: copied.digest,
            news: copied.news,
        });
    }

    /// Reports a failure; the run goes on.
    fn failed(&mut self, spec: &PackageSpec, version: Option<&Version>, failure: Failure) {
        if !self.context.flags.json {
            // The first one's code is that of the whole run.
            let _code_comes_last = failure.report(false);
        }
        self.report.failures.push(Unmirrored {
            package: spec.name.clone(),
            version: version.cloned(),
            kind: failure.kind.word(),
            message: failure.message(),
        });
        self.first.get_or_insert(failure);
    }
}

impl Report {
    fn text(&self) -> String {
        let rows = self.packages.iter().map(|row| {
            let state = if row.news { "copied" } else { "is there" };
            let version = format!("{}@{}", row.name, row.version);
            vec![version, state.to_owned(), row.reference.clone()]
        });
        format!("{}{}", text::words(rows), self.sum.text())
    }
}
