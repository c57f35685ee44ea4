//! `wharf check`

use clap::Args;
use serde::Serialize;
use wharf::fits::{self, Mismatch, Verdict};

use super::failure::{Exit, Failure};
use super::output;
use super::settings::Context;
use super::text::printable;
use super::worlds::{self, Stub};

/// Check whether a component fits a world, or may replace another; and if not, why
///
/// A component fits if it imports nothing that the world does not offer, and exports all that the world wants, with the
/// same types. It may replace another if it fits wherever that one does and exports all that that one does. The answer
/// is the exit status: 0 for yes, 7 for no.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf check calc.wasm --world command --wit wit/
  wharf check demo:calc@^1 --world wasi:cli/command --wit wasi:cli@0.2.6
  wharf check new.wasm --compatible-with demo:calc@1.2.0")]
pub(crate) struct Check {
    /// The component: a file, a reference, or a package
    #[arg(value_name = "FILE|REF|PACKAGE")]
    what: String,
    /// A world of the WIT package: NAME, or NAMESPACE:PACKAGE/NAME of one that it uses
    #[arg(long, requires = "wit", required_unless_present = "compatible_with")]
    world: Option<String>,
    /// The WIT package: a directory (with deps/), a file, a reference, or a package
    #[arg(long, value_name = "DIR|FILE|REF|PACKAGE", requires = "world")]
    wit: Option<String>,
    /// The component that would be replaced
    #[arg(
        long,
        value_name = "FILE|REF|PACKAGE",
        conflicts_with_all = ["world", "wit"]
    )]
    compatible_with: Option<String>,
}

#[derive(Serialize)]
struct MismatchRow {
    name: String,
    reason: String,
}

#[derive(Serialize)]
struct Fit {
    component: String,
    world: String,
    fits: bool,
    missing_imports: Vec<String>,
    missing_exports: Vec<String>,
    mismatches: Vec<MismatchRow>,
}

#[derive(Serialize)]
struct Upgrade {
    component: String,
    compatible_with: String,
    compatible: bool,
    new_imports: Vec<String>,
    lost_exports: Vec<String>,
    mismatches: Vec<MismatchRow>,
}

impl Check {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let new = Stub::read(context, &self.what).await?;
        let fits = match (self.compatible_with, self.world, self.wit) {
            (Some(old), ..) => {
                let old = Stub::read(context, &old).await?;
                let report = Upgrade::new(new, old).await?;
                output::print(context, &report, || report.text())?;
                report.compatible
            }
            (None, Some(world), Some(wit)) => {
                let world = worlds::world(context, &world, &wit).await?;
                let report = Fit::new(new, world).await?;
                output::print(context, &report, || report.text())?;
                report.fits
            }
            _ => return Err(Failure::usage("--world and --wit, or --compatible-with")),
        };
        match fits {
            true => Ok(()),
            false => Err(Failure::answered(Exit::Conflict)),
        }
    }
}

impl Fit {
    async fn new(component: Stub, world: wharf::world::Target) -> Result<Self, Failure> {
        let name = world.name();
        let Stub { name: of, bytes } = component;
        let verdict = measured(move || fits::target(&bytes, &world)).await;
        let verdict = verdict.map_err(|failure| failure.context(of.clone()))?;
        Ok(Self {
            component: of,
            world: name,
            fits: verdict.fits(),
            missing_imports: verdict.missing_imports,
            missing_exports: verdict.missing_exports,
            mismatches: rows(verdict.mismatches),
        })
    }

    fn text(&self) -> String {
        let (component, world) = (&self.component, printable(&self.world));
        let head = match self.fits {
            true => format!("{component} fits {world}"),
            false => format!("{component} does not fit {world}"),
        };
        let lists = [
            ("missing import", &self.missing_imports),
            ("missing export", &self.missing_exports),
        ];
        lines(head, lists, &self.mismatches)
    }
}

impl Upgrade {
    async fn new(new: Stub, old: Stub) -> Result<Self, Failure> {
        let Stub { name, bytes } = new;
        let (of, old_bytes) = (old.name, old.bytes);
        let context = format!("{name} and {of}");
        let verdict = measured(move || fits::upgrade(&old_bytes, &bytes)).await;
        let verdict = verdict.map_err(|failure| failure.context(context))?;
        Ok(Self {
            component: name,
            compatible_with: of,
            compatible: verdict.fits(),
            new_imports: verdict.missing_imports,
            lost_exports: verdict.missing_exports,
            mismatches: rows(verdict.mismatches),
        })
    }

    fn text(&self) -> String {
        let (new, old) = (&self.component, &self.compatible_with);
        let head = match self.compatible {
            true => format!("{new} may replace {old}"),
            false => format!("{new} must not replace {old}"),
        };
        let lists = [
            ("new import", &self.new_imports),
            ("lost export", &self.lost_exports),
        ];
        lines(head, lists, &self.mismatches)
    }
}

/// Types are walked on a thread of their own.
async fn measured(
    measure: impl FnOnce() -> Result<Verdict, fits::Error> + Send + 'static,
) -> Result<Verdict, Failure> {
    let verdict = tokio::task::spawn_blocking(measure).await;
    Ok(verdict.map_err(anyhow::Error::from)??)
}

fn rows(mismatches: Vec<Mismatch>) -> Vec<MismatchRow> {
    let row = |Mismatch { name, reason }| MismatchRow { name, reason };
    mismatches.into_iter().map(row).collect()
}

fn lines(head: String, lists: [(&str, &Vec<String>); 2], mismatches: &[MismatchRow]) -> String {
    let mut text = head;
    for (what, names) in lists {
        for name in names {
            text.push_str(&format!("\n  {what}  {}", printable(name)));
        }
    }
    for MismatchRow { name, reason } in mismatches {
        let (name, reason) = (printable(name), printable(reason));
        text.push_str(&format!("\n  mismatch  {name}: {reason}"));
    }
    text
}
