//! `wharf config`

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Serialize;
use wharf::error::Kind;
use wharf::package::configuration::{self, Scope};
use wharf::package::{self, PackagePlace};
use wharf::reference::package::{Requirement, version_tag};
use wharf::store::spool;

use super::failure::Failure;
use super::settings::{Context, malformed};
use super::{arguments, hints, output, text};

/// Show or set the registries of packages
///
/// Reads and writes wkg's configuration file, so that wharf and wkg find the same packages. Without
/// configuration, the namespaces wasi and ba have public registries. All other packages are in the local
/// layout: WHARF_HOME, by default ~/.local/share/wharf.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf config
  wharf config where demo:calc@1.0.0
  wharf config set default localhost:5000
  wharf config set demo ghcr.io/me
  wharf config set demo:calc registry.example.com/team
  wharf config unset demo")]
pub(crate) struct Config {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the configuration (the same as without a subcommand)
    Show,
    /// Show the registry and repository of a package
    Where {
        /// NAMESPACE:NAME, optionally with @VERSION
        package: String,
    },
    /// Set the registry of a namespace, a package or the default
    Set {
        /// NAMESPACE, NAMESPACE:NAME or default
        #[arg(value_name = "SCOPE")]
        scope: Scope,
        /// HOST[:PORT][/PREFIX]
        registry: String,
    },
    /// Remove the registry of a namespace, a package or the default
    Unset {
        /// NAMESPACE, NAMESPACE:NAME or default
        #[arg(value_name = "SCOPE")]
        scope: Scope,
    },
}

#[derive(Serialize)]
struct ConfigReport {
    file: Option<PathBuf>,
    /// From `--registry` or `WHARF_REGISTRY`.
    registry: Option<String>,
    local: Option<PathBuf>,
    registries: Vec<configuration::Mapping>,
}

#[derive(Serialize)]
struct LookupReport {
    package: String,
    registry: String,
    reference: String,
}

#[derive(Serialize)]
struct ChangeReport {
    file: PathBuf,
    scope: String,
    registry: Option<String>,
}

impl Config {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self.action.unwrap_or(Action::Show) {
            Action::Show => show(context),
            Action::Where { package } => find(context, &package).await,
            Action::Set { scope, registry } => {
                let place: PackagePlace = registry.parse().map_err(package::Error::Place)?;
                let change = |text: &str| configuration::set(text, &scope, &place).map(Some);
                change_file(context, &scope, Some(registry.clone()), change)
            }
            Action::Unset { scope } => {
                let change = |text: &str| configuration::unset(text, &scope);
                change_file(context, &scope, None, change)
            }
        }
    }
}

fn show(context: &Context) -> Result<(), Failure> {
    let file = context.config_file();
    let text = match &file {
        Some(path) => read(path)?,
        None => String::new(),
    };
    // Fails if the configuration cannot be used.
    context.configuration()?;
    let mappings = configuration::mappings(&text).map_err(package::Error::Configuration)?;
    let report = ConfigReport {
        file,
        registry: context.flags.registry.clone(),
        local: context.local_layout.clone(),
        registries: mappings,
    };
    output::print(context, &report, || report.text())
}

async fn find(context: &Context, package: &str) -> Result<(), Failure> {
    let spec = arguments::parse_spec(package)?;
    let home = context.locator()?.registry(&spec.name).await?;
    let location = home.repository(&spec.name)?;
    let tag = match &spec.requirement {
        Requirement::Exact(version) => version_tag(version),
        _ => None,
    };
    let report = LookupReport {
        package: spec.to_string(),
        registry: home.place.to_string(),
        reference: match tag {
            Some(tag) => format!("{location}:{tag}"),
            None => location.to_string(),
        },
    };
    output::print(context, &report, || report.reference.clone())
}

fn change_file(
    context: &Context,
    scope: &Scope,
    registry: Option<String>,
    change: impl Fn(&str) -> Result<Option<String>, configuration::ConfigurationError>,
) -> Result<(), Failure> {
    let file = context.config_file().ok_or_else(|| {
        Failure::usage(
            "there is no configuration file, because neither XDG_CONFIG_HOME nor HOME is set",
        )
        .hint(hints::NAME_CONFIG)
    })?;
    let before = read(&file)?;
    // A malformed file is not a usage error.
    configuration::mappings(&before).map_err(|error| malformed(&file, &error))?;
    let Some(after) = change(&before).map_err(Failure::usage)? else {
        let message = format!("{} sets no registry for {scope}", file.display());
        return Err(Failure::new(Kind::NotFound, message));
    };
    write(&file, &after).with_context(|| format!("cannot write {}", file.display()))?;
    let report = ChangeReport {
        file,
        scope: scope.to_string(),
        registry,
    };
    output::print(context, &report, || match &report.registry {
        Some(registry) => format!("registry of {} set to {registry}", report.scope),
        None => format!("registry of {} removed", report.scope),
    })
}

/// Reads the file. A missing file is empty.
fn read(path: &Path) -> Result<String, Failure> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => Ok(read.with_context(|| format!("cannot read {}", path.display()))?),
    }
}

/// Replaces the file, or leaves it unchanged on failure. It may hold passwords, so it keeps its permissions.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let path = spool::through_links(path)?;
    fs::create_dir_all(spool::parent(&path))?;
    spool::write(&path, text.as_bytes())
}

impl ConfigReport {
    fn text(&self) -> String {
        let path = |path: &Option<PathBuf>| match path {
            Some(path) => path.display().to_string(),
            None => "none".to_owned(),
        };
        let mut rows = vec![vec!["file".to_owned(), path(&self.file)]];
        if let Some(registry) = &self.registry {
            rows.push(vec!["override".to_owned(), registry.clone()]);
        }
        for mapping in &self.registries {
            let scope = text::printable(&mapping.scope);
            rows.push(vec![scope, text::printable(&mapping.registry)]);
        }
        let local = match &self.local {
            Some(local) => format!("oci:{}", local.display()),
            None => "none: neither WHARF_HOME nor HOME is set".to_owned(),
        };
        let mut scopes = self.registries.iter().map(|mapping| &mapping.scope);
        if !scopes.any(|scope| scope == "default") {
            rows.push(vec!["all others".to_owned(), local]);
        }
        text::words(rows)
    }
}
