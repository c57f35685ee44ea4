//! `wharf mirror`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use wharf::copy::Several;
use wharf::digest::Digest;
use wharf::package::{self, Mirror, Mirrored};
use wharf::reference::Name;
use wharf::reference::package::{PackageName, PackageSpec, Version};
use wharf::store::Store;

use super::copy::{Copier, Sum, check_version};
use super::failure::{Exit, Failure};
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

/// What could not be kept.
#[derive(Serialize)]
struct Lost {
    package: PackageName,
    /// Null where it was no single version.
    version: Option<Version>,
    kind: &'static str,
    message: String,
}

#[derive(Serialize)]
struct Report {
    packages: Vec<Row>,
    failures: Vec<Lost>,
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
        let mut run = Run {
            context,
            report: Report {
                packages: Vec::new(),
                failures: Vec::new(),
                sum: Sum::default(),
            },
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
                if let Err(failure) = run.keep(entry, spec).await {
                    run.lost(spec, None, failure.context(format!("mirroring {spec}")));
                }
            }
        }
        let Run { report, first, .. } = run;
        output::print(context, &report, || report.text())?;
        first.map_or(Ok(()), |failure| Err(failure.told()))
    }
}

/// One run over all that is mirrored.
struct Run<'a> {
    context: &'a Context,
    report: Report,
    /// The failure whose exit code it is in the end.
    first: Option<Failure>,
}

impl Run<'_> {
    /// Keeps the versions of one package; one that cannot be kept does not keep the others out.
    async fn keep(&mut self, entry: &Mirrored, spec: &PackageSpec) -> Result<(), Failure> {
        let context = self.context;
        let (connector, locator) = (context.connector()?, context.locator()?);
        let from = match &entry.from {
            Some(place) => locator.registry_at(place, &spec.name).await?,
            None => locator.registry(&spec.name).await?,
        };
        let to = locator.registry_at(&entry.to, &spec.name).await?;
        let location = from.repository(&spec.name)?;
        connector.check_credentials(&location, &to.repository(&spec.name)?)?;
        let source = from.read(connector, &spec.name).await?;
        let tags = package::tags(source.as_ref(), &spec.name).await?;
        let wanted = tags.versions.iter();
        let wanted: Vec<_> = wanted.filter(|(found, _)| spec.mirrors(found)).collect();
        if wanted.is_empty() {
            return Err(nothing(source.as_ref(), spec).await.into());
        }
        let target = to.write(connector, &spec.name, Some(&location)).await?;
        let copier = Copier::new(context.session()?, entry.referrers).of_versions();
        let (source, target) = (source.as_ref(), target.as_ref());
        let mut route = Route {
            source,
            target,
            copies: copier.several(source, target),
        };
        for (version, tag) in wanted {
            if let Err(failure) = self.keep_version(&mut route, spec, version, tag).await {
                let doing = format!("mirroring {}@{version}", spec.name);
                self.lost(spec, Some(version), failure.context(doing));
            }
        }
        Ok(())
    }

    async fn keep_version(
        &mut self,
        route: &mut Route<'_>,
        spec: &PackageSpec,
        version: &Version,
        tag: &str,
    ) -> Result<(), Failure> {
        let (source, target) = (route.source, route.target);
        let shown = format!("{}@{version}", spec.name);
        let name = Name::Tag(tag.to_owned());
        if !check_version(source, target, &shown, tag).await? {
            let digest = source.manifest(&name).await?.digest;
            let connector = self.context.connector()?;
            connector.check_owner(source, &spec.name, digest).await?;
        }
        let copied = route.copies.artifact(&name, Some(tag)).await?;
        self.report.sum.add(&copied);
        self.report.packages.push(Row {
            name: spec.name.clone(),
            version: version.clone(),
            reference: format!("{}:{tag}", target.location()),
            digest: copied.digest,
            news: copied.news,
        });
        Ok(())
    }

    /// Tells a failure, and goes on.
    fn lost(&mut self, spec: &PackageSpec, version: Option<&Version>, failure: Failure) {
        if !self.context.json {
            // The first one's code is that of the whole run.
            let _code_comes_last = failure.report(false);
        }
        self.report.failures.push(Lost {
            package: spec.name.clone(),
            version: version.cloned(),
            kind: failure.kind(),
            message: failure.message(),
        });
        self.first.get_or_insert(failure);
    }
}

/// From where, to where, and how.
struct Route<'a> {
    source: &'a dyn Store,
    target: &'a dyn Store,
    copies: Several<'a>,
}

/// Says that no version matches, and which there are.
async fn nothing(source: &dyn Store, spec: &PackageSpec) -> package::Error {
    match package::resolve(source, spec).await {
        Err(error) => error,
        // It came to be after the tags were read.
        Ok(found) => package::Error::NoVersion {
            spec: Box::new(spec.clone()),
            location: source.location(),
            nearest: vec![found.version],
            yanked: 0,
        },
    }
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
