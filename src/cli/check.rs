//! `wharf check`

use clap::Args;
use serde::Serialize;
use wharf::error::Kind;
use wharf::fits::{self, Mismatch, Verdict};
use wharf::world::TargetWorld;

use super::failure::{Failure, blocking};
use super::output;
use super::settings::Context;
use super::text::printable;
use super::worlds::{self, Stub};

/// Check whether a component fits a world or may replace another one
///
/// A component fits a world if the world offers all its imports, the component has all exports of the world, and the
/// types agree. It may replace another component if it fits the world of that component. The exit status is 0 for yes
/// and 7 for no. The output has the reasons.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf check calc.wasm --world command --wit wit/
  wharf check demo:calc@^1 --world wasi:cli/command --wit wasi:cli@0.2.6
  wharf check new.wasm --compatible-with demo:calc@1.2.0")]
pub(crate) struct Check {
    /// The component: a file, a reference or a package
    #[arg(value_name = "FILE|REF|PACKAGE")]
    what: String,
    /// World of the WIT package: NAME, or NAMESPACE:PACKAGE/NAME for a world of a dependency
    #[arg(long, requires = "wit", required_unless_present = "compatible_with")]
    world: Option<String>,
    /// WIT package with the world: a directory (with deps/), a file, a reference or a package
    #[arg(long, value_name = "DIR|FILE|REF|PACKAGE", requires = "world")]
    wit: Option<String>,
    /// The component to replace
    #[arg(
        long,
        value_name = "FILE|REF|PACKAGE",
        conflicts_with_all = ["world", "wit"]
    )]
    compatible_with: Option<String>,
}

#[derive(Serialize)]
struct FitReport {
    component: String,
    world: String,
    fits: bool,
    #[serde(flatten)]
    verdict: Verdict,
}

#[derive(Serialize)]
struct UpgradeReport {
    component: String,
    compatible_with: String,
    compatible: bool,
    new_imports: Vec<String>,
    lost_exports: Vec<String>,
    mismatches: Vec<Mismatch>,
}

impl Check {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let new = Stub::read(context, &self.what).await?;
        let fits = match (self.compatible_with, self.world, self.wit) {
            (Some(old), ..) => {
                let old = Stub::read(context, &old).await?;
                upgrade(context, new, old).await?
            }
            (None, Some(world), Some(wit)) => {
                let world = worlds::world(context, &world, &wit).await?;
                fit(context, new, world).await?
            }
            _ => {
                return Err(Failure::usage(
                    "--world with --wit, or --compatible-with is missing",
                ));
            }
        };
        match fits {
            true => Ok(()),
            false => Err(Failure::already_reported(Kind::Conflict)),
        }
    }
}

async fn fit(context: &Context, component: Stub, target: TargetWorld) -> Result<bool, Failure> {
    let Stub { name, bytes } = component;
    let world = target.name();
    let verdict = blocking(move || fits::target(&bytes, &target)).await;
    let verdict = verdict.map_err(|failure| failure.context(format!("cannot check {name}")))?;
    let fits = verdict.fits();
    let report = FitReport {
        component: name,
        world,
        fits,
        verdict,
    };
    output::print(context, &report, || {
        let (component, world) = (&report.component, printable(&report.world));
        let head = match fits {
            true => format!("{component} fits {world}"),
            false => format!("{component} does not fit {world}"),
        };
        let Verdict {
            missing_imports,
            missing_exports,
            mismatches,
        } = &report.verdict;
        let missing_imports = ("missing import", missing_imports);
        lines(
            head,
            [missing_imports, ("missing export", missing_exports)],
            mismatches,
        )
    })?;
    Ok(fits)
}

async fn upgrade(context: &Context, new: Stub, old: Stub) -> Result<bool, Failure> {
    let (component, compatible_with) = (new.name, old.name);
    let verdict = blocking(move || fits::upgrade(&old.bytes, &new.bytes)).await;
    let verdict = verdict.map_err(|failure| {
        failure.context(format!("cannot compare {component} with {compatible_with}"))
    })?;
    let report = UpgradeReport {
        component,
        compatible_with,
        compatible: verdict.fits(),
        new_imports: verdict.missing_imports,
        lost_exports: verdict.missing_exports,
        mismatches: verdict.mismatches,
    };
    output::print(context, &report, || {
        let (new, old) = (&report.component, &report.compatible_with);
        let head = match report.compatible {
            true => format!("{new} may replace {old}"),
            false => format!("{new} cannot replace {old}"),
        };
        let new_imports = ("new import", &report.new_imports);
        lines(
            head,
            [new_imports, ("lost export", &report.lost_exports)],
            &report.mismatches,
        )
    })?;
    Ok(report.compatible)
}

fn lines(head: String, lists: [(&str, &Vec<String>); 2], mismatches: &[Mismatch]) -> String {
    let mut text = head;
    for (label, names) in lists {
        for name in names {
            text.push_str(&format!("\n  {label}  {}", printable(name)));
        }
    }
    for Mismatch { name, reason } in mismatches {
        let (name, reason) = (printable(name), printable(reason));
        text.push_str(&format!("\n  mismatch  {name}: {reason}"));
    }
    text
}
