//! `wharf mirror`

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use wharf::digest::Digest;
use wharf::package::{self, Mirror, Mirrored};
use wharf::reference::Name;
use wharf::reference::package::{PackageName, PackageSpec, Version};
use wharf::store::cache::Cache;
use wharf::store::remote::Access;

use super::copy::{Copier, Sum, check_version};
use super::failure::{Exit, Failure};
use super::settings::Context;
use super::{connect, output, packages, text};

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

#[derive(Serialize)]
struct Report {
    packages: Vec<Row>,
    #[serde(flatten)]
    sum: Sum,
}

impl MirrorCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let name = self.file.display();
        let text = std::fs::read_to_string(&self.file).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Failure::new(Exit::NotFound, format!("no file `{name}`"))
            }
            _ => anyhow::Error::from(error).context(name.to_string()).into(),
        })?;
        let Mirror { mirror } = Mirror::read(&text).map_err(|error| {
            Failure::new(Exit::Integrity, format!("the mirror file {name}: {error}"))
        })?;
        let cache = context.cache()?;
        let mut report = Report {
            packages: Vec::new(),
            sum: Sum::default(),
        };
        for entry in &mirror {
            for spec in &entry.packages {
                keep(context, entry, spec, &cache, &mut report)
                    .await
                    .map_err(|failure| failure.context(format!("mirroring {spec}")))?;
            }
        }
        output::print(context, &report, || report.text())
    }
}

/// Keeps the versions of one package.
async fn keep(
    context: &Context,
    entry: &Mirrored,
    spec: &PackageSpec,
    cache: &Arc<Cache>,
    report: &mut Report,
) -> Result<(), Failure> {
    let from = match &entry.from {
        Some(place) => packages::at(context, place, &spec.name).await?,
        None => packages::home(context, &spec.name).await?,
    };
    let to = packages::at(context, &entry.to, &spec.name).await?;
    let location = from.location(&spec.name)?;
    connect::check_credentials(context, &location, &to.location(&spec.name)?)?;
    let source = from.store(context, &spec.name, Access::Pull, cache).await?;
    let tags = package::tags(source.as_ref(), &spec.name).await?;
    let wanted: Vec<(&Version, &String)> = tags
        .versions
        .iter()
        .filter(|(version, _)| spec.mirrors(version))
        .collect();
    if wanted.is_empty() {
        // Says which there are.
        package::resolve(source.as_ref(), spec).await?;
    }
    let target = to
        .store_beside(context, &spec.name, &location, cache)
        .await?;
    let copier = Copier::new(context, cache, entry.referrers);
    for (version, tag) in wanted {
        let name = format!("{}@{version}", spec.name);
        check_version(source.as_ref(), target.as_ref(), &name, tag).await?;
        let name = Name::Tag(tag.clone());
        let copied = copier
            .copy(source.as_ref(), target.as_ref(), &name, Some(tag))
            .await?;
        report.sum.add(&copied);
        report.packages.push(Row {
            name: spec.name.clone(),
            version: version.clone(),
            reference: format!("{}:{tag}", target.location()),
            digest: copied.digest,
            news: copied.news,
        });
    }
    Ok(())
}

impl Report {
    fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self
            .packages
            .iter()
            .map(|row| {
                let state = if row.news { "copied" } else { "is there" };
                vec![
                    format!("{}@{}", row.name, row.version),
                    state.to_owned(),
                    row.reference.clone(),
                ]
            })
            .collect();
        format!("{}{}", text::words(&rows), self.sum.text())
    }
}
