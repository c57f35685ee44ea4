//! `wharf publish`

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use wharf::component::Component;
use wharf::metadata;
use wharf::package::{self, Publication};
use wharf::reference::Reference;
use wharf::reference::package::{PackageSpec, Requirement};

use super::failure::Failure;
use super::input::Input;
use super::publication::PublishFlags;
use super::settings::Context;
use super::{arguments, hints, output, text, wit};

/// Publish a component as a package version
///
/// A version is written once. Publishing the same bytes again adds only missing deltas. Other bytes are
/// refused. The registry comes from --registry or wkg's configuration. Packages without a registry are in
/// the local layout: WHARF_HOME, by default ~/.local/share/wharf.
///
/// After the upload, wharf makes deltas from the nearest lower versions. Clients that have one of these
/// versions fetch the delta instead of the changed layers.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf publish calc.wasm demo:calc@1.0.0
  wharf publish calc.wasm demo:calc@1.0.0 --registry ghcr.io/me --compat
  wharf publish wasi-http.wasm                     name and version from a WIT package
  wharf publish calc.wasm demo:calc@1.0.1 --dry-run
  wharf publish calc.wasm demo:calc@2.0.0 --delta-from demo:calc@1.4.2
  wharf publish calc.wasm demo:calc@1.0.1 --annotation org.opencontainers.image.vendor=Demo")]
// A version is published once and pulled often.
#[command(mut_arg("level", |level| level.default_value("9")))]
pub(crate) struct Publish {
    /// The component, core module or WIT package
    file: PathBuf,
    /// NAMESPACE:NAME@VERSION [default: the name and version in the file]
    #[arg(value_name = "PACKAGE")]
    package: Option<String>,
    #[command(flatten)]
    flags: PublishFlags,
}

impl Publish {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let given = self.package.as_deref().map(|text| self.parse_spec(text));
        let given = given.transpose()?;
        let input = Input::read(&self.file, self.flags.split.cut.policy()).await?;
        let component = Arc::clone(&input.component);
        let file = text::printable(&self.file.display().to_string());
        package::check_whole(&component, &file)?;
        let publication = self.publication(given, &component).await?;
        input.check_unchanged(&self.file)?;
        let report = self.flags.publish(context, &component, publication).await?;
        output::print(context, &report, || report.text())
    }

    fn parse_spec(&self, text: &str) -> Result<PackageSpec, Failure> {
        arguments::parse_spec(text).map_err(|failure| match text.parse::<Reference>() {
            Ok(_) => failure.hint(hints::push_instead(&self.file, text)),
            Err(_) => failure,
        })
    }

    /// Returns the package and version, from the command line or otherwise from the component.
    async fn publication(
        &self,
        spec: Option<PackageSpec>,
        component: &Arc<Component<File>>,
    ) -> Result<Publication, Failure> {
        let wit = wit::of_file(&self.file, component).await?;
        let kind = wit.as_ref().map(|world| &world.kind);
        let (own_name, own_version) = metadata::package_of(&component.map, kind);
        let file = self.file.display();
        let unnamed =
            |message: String| Failure::usage(message).hint(hints::name_package(&self.file));
        let (name, requirement) = match spec {
            Some(PackageSpec { name, requirement }) => (Some(name), requirement),
            None => (own_name.clone(), Requirement::Newest),
        };
        let package = name.ok_or_else(|| unnamed(format!("{file} has no package name")))?;
        let version = match requirement {
            Requirement::Exact(version) => version,
            Requirement::Newest => own_version
                .clone()
                .ok_or_else(|| unnamed(format!("{file} has no version for {package}")))?,
            requirement => {
                let message = format!("`{requirement}` is a requirement, not a version");
                return Err(Failure::usage(message).hint(hints::WHOLE_VERSION));
            }
        };
        let other_name = own_name.as_ref().is_some_and(|name| *name != package);
        let other_version = own_version.as_ref().is_some_and(|own| *own != version);
        // Other packages refer to a WIT package by its own name.
        if let (Some(name), true) = (own_name, wit.is_some() && (other_name || other_version)) {
            let version_of = own_version.map(|version| format!("@{version}"));
            let own = format!("{name}{}", version_of.unwrap_or_default());
            eprintln!(
                "warning: {file} names itself {own}, but is published as {package}@{version}"
            );
        }
        Ok(Publication { package, version })
    }
}
