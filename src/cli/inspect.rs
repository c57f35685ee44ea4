//! `wharf inspect`

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::ops::Range;
use std::path::Path;

use clap::Args;
use serde::Serialize;
use wharf::artifact::{self, FlatDescription};
use wharf::component::Component;
use wharf::digest::{Digest, Identity};
use wharf::encoding::Level;
use wharf::manifest::{Annotations, Config, Os, annotation};
use wharf::pull::{self, Artifact, Opened, SplitArtifact};
use wharf::store::Observer;
use wharf::store::cache::Cache;
use wharf::world;

use super::connect::{self, Given};
use super::failure::Failure;
use super::layers::{self, LayerRow};
use super::settings::{Context, SplitFlags};
use super::{output, segments, text, wit};

/// Show what a component consists of: sections, layers, sizes, what it shares, metadata
///
/// Of a reference only the manifest is fetched, and a WIT package, whose text is shown. "shared" means that this machine's cache has the
/// content already, "new" that a pull would fetch it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf inspect calc.wasm
  wharf inspect --granularity module calc.wasm
  wharf inspect --segments calc.wasm
  wharf inspect ghcr.io/me/calc:1.0 --json | jq '.layers[].path'")]
pub(crate) struct Inspect {
    /// A file, a reference, or a package
    #[arg(value_name = "FILE|REF")]
    what: String,
    /// Show each data segment and who reads it; of a reference all of the component is fetched
    #[arg(long)]
    segments: bool,
    #[command(flatten)]
    split: SplitFlags,
}

#[derive(Serialize)]
struct SectionRow {
    path: String,
    kind: String,
    offset: u64,
    size: u64,
}

#[derive(Serialize)]
struct Report {
    name: String,
    digest: Option<Digest>,
    split_manifest_digest: Option<Digest>,
    split_digest: Option<Digest>,
    flat_digest: Digest,
    content_digest: Digest,
    content_size: u64,
    os: Option<&'static str>,
    sections: Vec<SectionRow>,
    layers: Vec<LayerRow>,
    imports: Vec<String>,
    exports: Vec<String>,
    annotations: Annotations,
    warning: Option<String>,
    /// The text of a WIT package.
    wit: Option<String>,
    #[serde(flatten)]
    segments: segments::Report,
}

impl Inspect {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let cache = context.cache()?;
        let report = match connect::given(&self.what)? {
            Given::File(path) => {
                let component = connect::component(&path, self.split.policy()).await?;
                let wit = wit::of_file(&path, &component).await?;
                let segments = match self.segments {
                    true => segments::of_file(&path).await?,
                    false => segments::Report::default(),
                };
                let (level, observer) = (self.split.level, context.observer());
                let report = move || of_file(&path, &component, &cache, level, observer.as_ref());
                let reported = tokio::task::spawn_blocking(report).await;
                Report {
                    wit: wit.map(|world| world.text),
                    segments,
                    ..reported.map_err(anyhow::Error::from)??
                }
            }
            Given::Named(named) => {
                let (reference, store, opened) = connect::open(context, named, &cache).await?;
                let name = reference.at(opened.digest).to_string();
                let report = match &opened.artifact {
                    Artifact::Split(split) => of_split(name, &opened, split, &cache)?,
                    Artifact::Flat(flat) => {
                        let observer = context.observer();
                        let (store, observer) = (store.as_ref(), observer.as_ref());
                        let described = pull::describe(store, flat, &cache, observer).await?;
                        of_flat(name, &opened, described, &cache)?
                    }
                };
                let segments = match self.segments {
                    true => {
                        segments::of_stored(context, &store, &reference, &opened, &cache).await?
                    }
                    false => segments::Report::default(),
                };
                let report = Report { segments, ..report };
                let is_wit = world::may_name_wit_package(&report.imports, &report.exports);
                match is_wit && !report.has_code() {
                    true => Report {
                        wit: wit::of_stored(context, &store, &opened, &cache).await?,
                        ..report
                    },
                    false => report,
                }
            }
        };
        output::print(context, &report, || report.text())
    }
}

fn of_file(
    path: &Path,
    component: &Component<File>,
    cache: &Cache,
    level: Level,
    observer: &dyn Observer,
) -> Result<Report, Failure> {
    let map = &component.map;
    let sections = map.sections.iter().map(|section| SectionRow {
        path: map.section_path(section),
        kind: map.section_name(section).to_owned(),
        offset: section.content.start,
        size: section.content.end - section.content.start,
    });
    let config = &component.config;
    let mut layers = layers::of_file(component, cache)?;
    layers::measure(&mut layers, component, cache, level, observer)?;
    Ok(Report {
        name: path.display().to_string(),
        split_digest: Some(Digest::of(&config.to_bytes())),
        flat_digest: artifact::flat(config, &component.metadata).digest(),
        sections: sections.collect(),
        layers,
        annotations: component.metadata.clone(),
        warning: map.damage.as_ref().map(|damage| {
            format!(
                "not readable past byte {}: {}",
                damage.offset, damage.reason
            )
        }),
        ..Report::of_config(config)
    })
}

fn of_split(
    name: String,
    opened: &Opened,
    split: &SplitArtifact,
    cache: &Cache,
) -> Result<Report, Failure> {
    let sections = split.config.layers.iter().map(|layer| SectionRow {
        path: layer.path.clone(),
        kind: kind_of(&layer.path).to_owned(),
        offset: layer.offset,
        size: layer.size,
    });
    Ok(Report {
        name,
        digest: Some(opened.digest),
        split_manifest_digest: Some(split.digest),
        split_digest: Some(split.manifest.config.digest),
        flat_digest: opened.flat_digest(),
        sections: sections.collect(),
        layers: layers::of_artifact(opened, cache)?,
        annotations: opened.annotations().clone(),
        ..Report::of_config(&split.config)
    })
}

fn of_flat(
    name: String,
    opened: &Opened,
    described: FlatDescription,
    cache: &Cache,
) -> Result<Report, Failure> {
    Ok(Report {
        name,
        digest: Some(opened.digest),
        flat_digest: opened.flat_digest(),
        os: described.os.map(Os::as_str),
        layers: layers::of_artifact(opened, cache)?,
        imports: described.imports,
        exports: described.exports,
        annotations: opened.annotations().clone(),
        ..Report::of_content(opened.content())
    })
}

/// Returns the word of a path's last step: `code` of `module[2]/code[0]`.
fn kind_of(path: &str) -> &str {
    let last = path.rsplit('/').next().unwrap_or(path);
    last.split('[').next().unwrap_or(last)
}

impl Report {
    fn of_config(config: &Config) -> Self {
        Self {
            os: Some(config.os.as_str()),
            imports: config.imports.clone(),
            exports: config.exports.clone(),
            ..Self::of_content(config.content)
        }
    }

    fn of_content(Identity { digest, size }: Identity) -> Self {
        Self {
            name: String::new(),
            digest: None,
            split_manifest_digest: None,
            split_digest: None,
            flat_digest: digest,
            content_digest: digest,
            content_size: size,
            os: None,
            sections: Vec::new(),
            layers: Vec::new(),
            imports: Vec::new(),
            exports: Vec::new(),
            annotations: Annotations::new(),
            warning: None,
            wit: None,
            segments: segments::Report::default(),
        }
    }

    /// Returns whether a layer is known to hold code.
    fn has_code(&self) -> bool {
        self.layers
            .iter()
            .any(|layer| layer.path.contains("module["))
    }

    fn text(&self) -> String {
        let what = match self.os {
            Some("wasip1") => "core module",
            Some(_) => "component",
            None => "WebAssembly",
        };
        let mut out = format!("{}\n", self.name);
        let mut say = |key: &str, value: &dyn std::fmt::Display| {
            out.push_str(&format!("  {key:<8} {value}\n"));
        };
        say(
            "content",
            &format!(
                "{what}, {}, {}",
                text::size(self.content_size),
                self.content_digest
            ),
        );
        if let Some(split) = &self.split_digest {
            say("split", split);
        }
        say("flat", &self.flat_digest);
        if let Some(warning) = &self.warning {
            say("warning", warning);
        }
        for (key, list) in [("imports", &self.imports), ("exports", &self.exports)] {
            for name in list {
                say(key, &text::printable(name));
            }
        }
        for (key, value) in &self.annotations {
            if let Some(key) = key.strip_prefix(annotation::IMAGE_PREFIX) {
                say(key, &text::printable(value));
            } else if key == annotation::PACKAGE {
                say("package", &text::printable(value));
            } else if key == annotation::PRODUCERS {
                for line in producers(value) {
                    say("made by", &text::printable(&line));
                }
            }
        }
        out.push('\n');
        out.push_str(&self.tree());
        if let Some(wit) = &self.wit {
            out.push('\n');
            out.push_str(wit);
        }
        out.push_str(&self.segments.text());
        out
    }

    fn tree(&self) -> String {
        let head = ["", "content", "stored", ""];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        let mut steps: Vec<&str> = Vec::new();
        for entry in self.entries() {
            let content = entry.range.end - entry.range.start;
            let path_steps: Vec<&str> = entry.path.split('/').collect();
            let depth = steps
                .iter()
                .zip(&path_steps)
                .take_while(|(a, b)| a == b)
                .count();
            for (level, step) in path_steps.iter().enumerate().skip(depth) {
                let last = level + 1 == path_steps.len();
                let name = format!("{}{}", "  ".repeat(level), cut(&text::printable(step)));
                rows.push(match (last, entry.layer) {
                    (false, _) => vec![name],
                    (true, None) => {
                        vec![
                            name,
                            text::size(content),
                            String::new(),
                            self.place(&entry.range),
                        ]
                    }
                    (true, Some(layer)) => row(name, layer),
                });
            }
            steps = path_steps;
        }
        let stored: Option<u64> = self.layers.iter().map(|layer| layer.stored_size).sum();
        rows.push(vec![
            text::count(self.layers.len() as u64, "layer"),
            text::size(self.content_size),
            stored.map_or_else(|| "-".to_owned(), text::size),
        ]);
        text::table(&rows)
    }

    /// Says where the bytes of a section are that is no layer itself.
    fn place(&self, range: &Range<u64>) -> String {
        let layers = self.layers.iter().filter_map(|layer| {
            let offset = layer.offset?;
            Some((layer, offset..offset + layer.content_size))
        });
        let mut touching =
            layers.filter(|(_, layer)| layer.start < range.end && range.start < layer.end);
        match touching.next() {
            None => "in root".to_owned(),
            Some((layer, whole)) if whole.start <= range.start && range.end <= whole.end => {
                let step = layer.path.rsplit('/').next().unwrap_or(&layer.path);
                format!("in {step}")
            }
            Some(_) => "cut".to_owned(),
        }
    }

    /// Returns sections and layers by offset, each path once; the root first.
    fn entries(&self) -> Vec<Entry<'_>> {
        let range = |layer: &LayerRow| {
            let offset = layer.offset.unwrap_or(0);
            offset..offset + layer.content_size
        };
        let layers = self.layers.iter().map(|layer| Entry {
            path: &layer.path,
            range: range(layer),
            layer: Some(layer),
        });
        let mut entries: Vec<Entry<'_>> = layers.collect();
        let paths: HashSet<&str> = entries.iter().map(|entry| entry.path).collect();
        for section in &self.sections {
            if !paths.contains(section.path.as_str()) {
                entries.push(Entry {
                    path: &section.path,
                    range: section.offset..section.offset + section.size,
                    layer: None,
                });
            }
        }
        entries[1..].sort_by_key(|entry| (entry.range.start, entry.path.len()));
        entries
    }
}

/// Says what made a component: one line a field, as in `Rust 1.80 (language)`.
fn producers(json: &str) -> Vec<String> {
    // Others may have written something else there; then it says nothing.
    let fields: BTreeMap<String, Vec<(String, String)>> =
        serde_json::from_str(json).unwrap_or_default();
    let line = |(field, values): (&String, &Vec<(String, String)>)| {
        let values = values.iter();
        let values = values.map(|(name, version)| format!("{name} {version}").trim().to_owned());
        format!("{} ({field})", values.collect::<Vec<_>>().join(", "))
    };
    fields.iter().map(line).collect()
}

/// A section or layer of the tree.
struct Entry<'a> {
    path: &'a str,
    range: Range<u64>,
    layer: Option<&'a LayerRow>,
}

fn row(name: String, layer: &LayerRow) -> Vec<String> {
    let stored = layer.stored_size.map_or_else(|| "-".to_owned(), text::size);
    let state = match layer.cached {
        true => "shared",
        false => "new",
    };
    vec![
        name,
        text::size(layer.content_size),
        stored,
        state.to_owned(),
    ]
}

/// Long section names would push the sizes off the screen.
fn cut(step: &str) -> String {
    match step.char_indices().nth(56) {
        Some((at, _)) => format!("{}...", &step[..at]),
        None => step.to_owned(),
    }
}
