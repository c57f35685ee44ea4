//! `wharf diff`

use std::collections::HashSet;

use clap::Args;
use serde::Serialize;
use wharf::digest::Digest;

use super::arguments::{self, ArtifactName, FileOrArtifact};
use super::failure::Failure;
use super::input::Input;
use super::layers::{self, LayerRow};
use super::settings::{Context, PolicyFlags};
use super::{output, text};

/// Show the layers that two components share
///
/// Compares layers by content, so their compression does not matter. The split options apply to files
/// only.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf diff calc.wasm greet.wasm
  wharf diff ghcr.io/me/calc:1.0 calc.wasm --json | jq .only_b_bytes")]
pub(crate) struct Diff {
    /// A file, a reference or a package
    a: String,
    /// The file, reference or package to compare with
    b: String,
    #[command(flatten)]
    split: PolicyFlags,
}

#[derive(Serialize)]
struct Side {
    name: String,
    content_digest: Digest,
    content_size: u64,
    #[serde(skip)]
    layers: Vec<LayerRow>,
}

#[derive(Serialize)]
struct DiffReport {
    a: Side,
    b: Side,
    shared_bytes: u64,
    only_a_bytes: u64,
    only_b_bytes: u64,
    /// The stored size of `only_b`, if it is known for all of them.
    only_b_stored_bytes: Option<u64>,
    shared: Vec<LayerRow>,
    only_a: Vec<LayerRow>,
    only_b: Vec<LayerRow>,
}

impl Diff {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let (a, b) = (
            arguments::parse_file_or_artifact(&self.a)?,
            arguments::parse_file_or_artifact(&self.b)?,
        );
        let artifacts: Vec<&ArtifactName> = [&a, &b]
            .into_iter()
            .filter_map(FileOrArtifact::artifact)
            .collect();
        arguments::check_credentials(context, &artifacts)?;
        let a = self.side(context, a).await?;
        let b = self.side(context, b).await?;
        let report = DiffReport::new(a, b);
        output::print(context, &report, || report.text())
    }

    async fn side(&self, context: &Context, argument: FileOrArtifact) -> Result<Side, Failure> {
        let cache = context.cache()?;
        let (name, content, layers) = match argument {
            FileOrArtifact::File(path) => {
                let component = Input::read(&path, self.split.policy()).await?.component;
                let layers = layers::of_file(&component, &cache)?;
                (path.display().to_string(), component.config.content, layers)
            }
            FileOrArtifact::Artifact(name) => {
                let found = arguments::open(context, name).await?;
                let layers = layers::of_artifact(&found.opened, found.store.as_ref(), &cache)?;
                (found.reference.to_string(), found.opened.content(), layers)
            }
        };
        Ok(Side {
            name,
            content_digest: content.digest,
            content_size: content.size,
            layers,
        })
    }
}

impl DiffReport {
    fn new(a: Side, b: Side) -> Self {
        // The layers of one side that the other side has too, and the rest.
        let divided = |side: &Side, other: &Side| -> (Vec<LayerRow>, Vec<LayerRow>) {
            let contents: HashSet<_> = other.layers.iter().map(LayerRow::content).collect();
            let rows = side.layers.iter().cloned();
            rows.partition(|row| contents.contains(&row.content()))
        };
        let (_, only_a) = divided(&a, &b);
        let (shared, only_b) = divided(&b, &a);
        let bytes = |rows: &[LayerRow]| rows.iter().map(|row| row.content_size).sum();
        Self {
            shared_bytes: bytes(&shared),
            only_a_bytes: bytes(&only_a),
            only_b_bytes: bytes(&only_b),
            only_b_stored_bytes: only_b.iter().map(|row| row.stored_size).sum(),
            shared,
            only_a,
            only_b,
            a,
            b,
        }
    }

    fn text(&self) -> String {
        if self.a.content_digest == self.b.content_digest {
            return format!("{} and {} are identical", self.a.name, self.b.name);
        }
        let mut rows = Vec::new();
        for (sign, layers) in [
            ("=", &self.shared),
            ("-", &self.only_a),
            ("+", &self.only_b),
        ] {
            for layer in layers {
                let stored = layer.stored_size.map_or_else(|| "-".to_owned(), text::size);
                rows.push(vec![
                    format!("{sign} {}", text::printable(&layer.path)),
                    text::size(layer.content_size),
                    stored,
                ]);
            }
        }
        let percent = (self.shared_bytes * 100)
            .checked_div(self.b.content_size)
            .unwrap_or(0);
        let stored = match self.only_b_stored_bytes {
            Some(stored) => format!(", {} as stored", text::size(stored)),
            None => String::new(),
        };
        let side = |sign: &str, side: &Side| {
            vec![
                format!("{sign} {}", side.name),
                text::size(side.content_size),
            ]
        };
        format!(
            "{}\n{}\nshared   {} ({percent} % of the second)\nonly -   {}\nonly +   {}{stored}",
            text::table([side("-", &self.a), side("+", &self.b)]),
            text::table(rows),
            text::size(self.shared_bytes),
            text::size(self.only_a_bytes),
            text::size(self.only_b_bytes),
        )
    }
}
