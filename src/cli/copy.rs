//! `wharf copy`

use clap::Args;
use serde::Serialize;
use wharf::copy::{BlobCounts, CopySummary};
use wharf::digest::Digest;
use wharf::package::{CopyPlan, CopySettings, PackagePlace};
use wharf::reference::Reference;
use wharf::reference::package::PackageSpec;

use super::arguments::{self, ArtifactName};
use super::failure::Failure;
use super::settings::Context;
use super::transfer_summary::SentBlobs;
use super::{hints, output, text};

/// Copy an artifact or a package to another registry or layout
///
/// All digests stay the same. For a reference, DST is a reference too. For a package, DST is a registry or
/// layout, as with --registry. wharf sends only the blobs that DST lacks. It also copies the marks of
/// yanked versions, the split form of a version published with --compat, and remote files.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf copy ghcr.io/me/calc:1.0 oci:store:calc
  wharf copy ghcr.io/me/calc:1.0 localhost:5000/me/calc      the same tag
  wharf copy demo:calc@^1 localhost:5000                     one version
  wharf copy demo:calc oci:store --all-tags --referrers      all versions, with signatures")]
pub(crate) struct Copy {
    /// A reference, or a package: NAMESPACE:NAME, optionally with @VERSION or @REQUIREMENT
    #[arg(value_name = "SRC")]
    source: String,
    /// A reference; for a package, HOST[:PORT][/PREFIX] or oci:DIR
    #[arg(value_name = "DST")]
    target: String,
    /// Copy every tag of the repository
    #[arg(long)]
    all_tags: bool,
    /// Also copy referrers, such as signatures and SBOMs
    #[arg(long)]
    referrers: bool,
    /// Replace the version of the package in DST if its content differs
    #[arg(long)]
    force: bool,
}

/// The totals of a copy.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct CopyTotals {
    manifests: usize,
    #[serde(flatten)]
    sent: SentBlobs,
}

#[derive(Serialize)]
struct Row {
    reference: String,
    digest: Digest,
    /// Whether anything was written.
    copied: bool,
}

#[derive(Serialize)]
struct CopyReport {
    copied: Vec<Row>,
    #[serde(flatten)]
    totals: CopyTotals,
}

impl Copy {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let plan = match arguments::parse_artifact_name(&self.source)? {
            ArtifactName::Package(spec) => self.package(context, &spec).await?,
            ArtifactName::Reference(reference) => self.reference(context, &reference).await?,
        };
        let location = plan.location();
        for version in &plan.replaced {
            eprintln!(
                "warning: replacing {version} in {location}; lock files that pin the old version will no longer resolve"
            );
        }
        let report = CopyReport::new(&location, plan.run().await?);
        output::print(context, &report, || report.text())
    }

    async fn package(&self, context: &Context, spec: &PackageSpec) -> Result<CopyPlan, Failure> {
        let place: PackagePlace = self.target.parse().map_err(|error| {
            let hint = hints::host(&self.target);
            Failure::usage(error).hint(hint.unwrap_or(hints::PACKAGE_TARGET.into()))
        })?;
        let settings = self.settings();
        Ok(context
            .locator()?
            .plan_copy(spec, &place, &settings)
            .await?)
    }

    async fn reference(&self, context: &Context, from: &Reference) -> Result<CopyPlan, Failure> {
        let to = arguments::parse_target(&self.target)?;
        if to.digest.is_some() {
            return Err(Failure::usage("the destination takes a tag, not a digest"));
        }
        if self.all_tags && (from.tag.is_some() || from.digest.is_some() || to.tag.is_some()) {
            return Err(Failure::usage(
                "with --all-tags, SRC and DST are repositories without a tag",
            ));
        }
        let settings = self.settings();
        Ok(context.connector()?.plan_copy(from, &to, &settings).await?)
    }

    fn settings(&self) -> CopySettings {
        CopySettings {
            all_tags: self.all_tags,
            referrers: self.referrers,
            is_forced: self.force,
        }
    }
}

impl CopyTotals {
    pub(crate) fn add(&mut self, copied: &CopySummary) {
        self.manifests += copied.manifests;
        let BlobCounts { sent, skipped } = copied.outcome;
        self.sent.add(sent, skipped);
    }

    pub(crate) fn text(&self) -> String {
        let manifests = text::count(self.manifests as u64, "manifest");
        self.sent.text(&format!(", and {manifests}"))
    }
}

impl CopyReport {
    fn new(location: &str, copied: Vec<(Option<String>, CopySummary)>) -> Self {
        let mut report = Self {
            copied: Vec::new(),
            totals: CopyTotals::default(),
        };
        for (tag, copied) in copied {
            report.totals.add(&copied);
            let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
            report.copied.push(Row {
                reference: format!("{location}{tag}@{}", copied.digest),
                digest: copied.digest,
                copied: copied.has_written,
            });
        }
        report
    }

    fn text(&self) -> String {
        let rows = self.copied.iter().map(|row| {
            let state = if row.copied { "" } else { "already there" };
            vec![row.reference.clone(), state.to_owned()]
        });
        format!("{}{}", text::words(rows), self.totals.text())
    }
}
