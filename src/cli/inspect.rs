//! `wharf inspect`

mod files;
mod tree;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use wharf::artifact::{self, FlatManifest};
use wharf::component::Component;
use wharf::copy::Tally;
use wharf::digest::{Digest, Identity};
use wharf::encoding::Level;
use wharf::error::Kind;
use wharf::manifest::{Annotations, Config, Os, annotation};
use wharf::package::LocatedArtifact;
use wharf::pull::{self, Artifact, OpenArtifact, PullSummary};
use wharf::section::{BinaryKind, Damage, ListDetails, NameDetails};
use wharf::store::cache::Cache;
use wharf::store::{Observer, Store};
use wharf::world::{self, Interfaces, World};

use self::files::FilesReport;
use super::arguments::{self, ArtifactName, FileOrArtifact};
use super::delta::rows::{self, DeltaRow};
use super::failure::{Failure, blocking};
use super::input::Input;
use super::layers::{self, LayerRow};
use super::settings::{Context, SplitFlags};
use super::transfer_summary::FetchedBlobs;
use super::{names, output, segments, text, wit};

/// Show sections, layers, files, imports and exports of a component
///
/// For a reference or a package, wharf fetches the manifest, and the config if necessary. For --wit, for WIT packages,
/// for long lists of names and for components with files it also fetches the root. "shared" means that the cache has
/// the content. "new" means that a pull would fetch it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf inspect calc.wasm
  wharf inspect --granularity module calc.wasm
  wharf inspect demo:calc@^1
  wharf inspect --wit ghcr.io/me/calc:1.0          imports and exports with their types
  wharf inspect --segments calc.wasm
  wharf inspect ghcr.io/me/calc:1.0 --json | jq '.layers[].path'")]
pub(crate) struct Inspect {
    /// A file, a reference or a package
    #[arg(value_name = "FILE|REF")]
    what: String,
    /// Print only WIT: the component's world, or the WIT package
    #[arg(long, conflicts_with = "segments")]
    wit: bool,
    /// Show each data segment and the instructions that read it; fetches the whole component
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

#[derive(Default, Serialize)]
struct InspectReport {
    name: String,
    digest: Option<Digest>,
    split_manifest_digest: Option<Digest>,
    split_digest: Option<Digest>,
    flat_digest: Option<Digest>,
    content_digest: Option<Digest>,
    content_size: u64,
    os: Option<&'static str>,
    sections: Vec<SectionRow>,
    layers: Vec<LayerRow>,
    imports: Vec<String>,
    exports: Vec<String>,
    /// The attributes of these names, and whether the lists are complete.
    names: NameDetails,
    annotations: Annotations,
    #[serde(flatten)]
    files: FilesReport,
    /// The deltas to the artifact.
    deltas: Vec<DeltaRow>,
    warning: Option<String>,
    /// The text of a WIT package; with `--wit` of any component.
    wit: Option<String>,
    /// Imports and exports that the text leaves out.
    wit_left_out: Vec<String>,
    /// Configs and layers; 0 for a file.
    #[serde(flatten)]
    fetched: FetchedBlobs,
    #[serde(flatten)]
    segments: segments::SegmentsReport,
}

impl Inspect {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let cache = context.cache()?;
        let report = match arguments::parse_file_or_artifact(&self.what)? {
            FileOrArtifact::File(path) if self.wit && !context.flags.json => {
                let world = wit::read(&path).await?.world()?;
                return output::print_text(context, &world.text);
            }
            FileOrArtifact::File(path) => self.file(context, path, cache).await?,
            FileOrArtifact::Artifact(name) => self.artifact(context, name, &cache).await?,
        };
        match &report.wit {
            Some(text) if self.wit && !context.flags.json => {
                let (fetched, size) = (report.fetched.fetched_bytes, report.content_size);
                eprintln!("fetched {} of {}", text::size(fetched), text::size(size));
                output::print_text(context, text)
            }
            _ if report.segments.is_asked() && !context.flags.json => {
                output::print_written(context, |out| report.write(out))
            }
            _ => output::print(context, &report, || report.text()),
        }
    }

    async fn file(
        &self,
        context: &Context,
        path: PathBuf,
        cache: Arc<Cache>,
    ) -> Result<InspectReport, Failure> {
        let component = Input::read(&path, self.split.cut.policy()).await?.component;
        let world = match self.wit {
            true => Some(wit::read(&path).await?.world()?),
            false => wit::of_file(&path, &component).await?,
        };
        let segments = match self.segments {
            true => segments::of_file(&path).await?,
            false => segments::SegmentsReport::default(),
        };
        let (level, observer) = (self.split.level, context.observer());
        let report = move || of_file(&path, &component, &cache, level, observer.as_ref());
        let mut report = InspectReport {
            segments,
            ..blocking(report).await?
        };
        report.show(world);
        Ok(report)
    }

    async fn artifact(
        &self,
        context: &Context,
        name: ArtifactName,
        cache: &Arc<Cache>,
    ) -> Result<InspectReport, Failure> {
        let located = arguments::open(context, name).await?;
        let (store, opened) = (&located.store, &located.opened);
        let mut report = InspectReport::of_stored(&located, cache)?;
        if let Artifact::Flat(flat) = &opened.artifact {
            report.describe(context, flat, store.as_ref()).await?;
        }
        if !self.wit || context.flags.json {
            report.deltas = rows::list(context, store.as_ref(), opened).await;
        }
        if self.wit {
            return report.with_wit(context, store, opened).await;
        }
        let mut pulled = None;
        // --segments pulls everything, the root included.
        if self.segments {
            let (segments, whole) = segments::of_stored(context, &located).await?;
            (report.segments, pulled) = (segments, Some(whole));
        }
        let listed = report.add_stored_files(context, &located).await?;
        pulled = pulled.or(listed);
        let omits_list = report.names.omits_list();
        if omits_list || report.may_be_wit_package(opened) {
            match wit::fetch(context, store, opened).await {
                Ok((wit, root)) => {
                    if omits_list {
                        report.correct_names(&wit.names, opened);
                    }
                    report.show(wit.package());
                    pulled = pulled.or(Some(root));
                }
                // The WIT was not requested, so it may be missing.
                Err(failure) if failure.kind == Kind::Integrity => {
                    report.warning = names::unread(&report.names, &failure).or(report.warning);
                }
                Err(failure) => return Err(failure),
            }
        }
        let pulled = pulled.unwrap_or_else(|| PullSummary::before_layers(opened));
        report.fetched.add(pulled.fetched, pulled.cached);
        Ok(report)
    }
}

fn of_file(
    path: &Path,
    component: &Arc<Component<File>>,
    cache: &Cache,
    level: Level,
    observer: &dyn Observer,
) -> Result<InspectReport, Failure> {
    let map = &component.map;
    let sections = map.sections.iter().map(|section| SectionRow {
        path: map.section_path(section),
        kind: map.section_name(section).to_owned(),
        offset: section.content.start,
        size: section.content.end - section.content.start,
    });
    let config = &component.config;
    let report = InspectReport {
        imports: map.imports.clone(),
        exports: map.exports.clone(),
        names: map.names.clone(),
        warning: names::warning(&map.names),
        ..InspectReport::of_config(config)
    };
    let damage = map.damage.as_ref();
    let unreadable = damage.map(|damage| {
        let Damage { offset, reason } = damage;
        format!("cannot be parsed past byte {offset}: {reason}")
    });
    // A config always has an `os`, but for an unknown version it means nothing.
    let is_known = damage.is_none_or(|damage| damage.offset >= BinaryKind::HEADER_BYTES);
    let unlisted = (map.unrecorded > 0).then(|| {
        let count = text::count(map.unrecorded, "section");
        format!("{count} not listed")
    });
    let warnings = [unreadable, report.warning.clone(), unlisted];
    let warnings: Vec<String> = warnings.into_iter().flatten().collect();
    let mut layers = layers::of_file(component, cache)?;
    layers::measure(&mut layers, component, cache, level, observer)?;
    let mut report = InspectReport {
        name: path.display().to_string(),
        split_digest: Some(Digest::of(&config.to_bytes())),
        flat_digest: Some(artifact::flat(config, &component.metadata).digest()),
        sections: sections.collect(),
        layers,
        os: report.os.filter(|_| is_known),
        annotations: component.metadata.clone(),
        warning: (!warnings.is_empty()).then(|| warnings.join("; ")),
        ..report
    };
    report.add_files_of(path)?;
    Ok(report)
}

/// Returns the config of a single-layer artifact if the cache or a local store has it.
fn local_config(
    flat: &FlatManifest,
    store: &dyn Store,
    cache: &Cache,
) -> Result<Option<Identity>, Failure> {
    let Some(blob) = flat.description() else {
        return Ok(None);
    };
    let is_local = cache.has(blob)? || store.local_file(blob)?.is_some();
    Ok(is_local.then_some(blob))
}

/// Returns the kind in a path's last step: `code` for `module[2]/code[0]`.
fn kind_of(path: &str) -> &str {
    let last = path.rsplit('/').next().unwrap_or(path);
    last.split('[').next().unwrap_or(last)
}

impl InspectReport {
    fn of_config(config: &Config) -> Self {
        Self {
            os: Some(config.os.as_str()),
            imports: config.imports.clone(),
            exports: config.exports.clone(),
            names: config.names.clone(),
            warning: names::warning(&config.names),
            ..Self::of_content(config.content)
        }
    }

    fn of_content(content: Identity) -> Self {
        Self {
            content_digest: Some(content.digest),
            content_size: content.size,
            ..Self::default()
        }
    }

    fn of_stored(located: &LocatedArtifact, cache: &Cache) -> Result<Self, Failure> {
        let opened = &located.opened;
        let split = opened.split();
        let sections = split.into_iter().flat_map(|split| &split.config.layers);
        let sections = sections.map(|layer| SectionRow {
            path: layer.path.clone(),
            kind: kind_of(&layer.path).to_owned(),
            offset: layer.offset,
            size: layer.size,
        });
        Ok(Self {
            name: located.reference.at(opened.digest).to_string(),
            digest: Some(opened.digest),
            split_manifest_digest: split.map(|split| split.digest),
            split_digest: split.map(|split| split.manifest.config.digest),
            flat_digest: Some(opened.flat_digest()),
            sections: sections.collect(),
            layers: layers::of_artifact(opened, located.store.as_ref(), cache)?,
            annotations: opened.annotations().clone(),
            ..match split {
                Some(split) => Self::of_config(&split.config),
                None => Self::of_content(opened.content()),
            }
        })
    }

    /// Adds the `os`, imports and exports from the config of a single-layer artifact.
    async fn describe(
        &mut self,
        context: &Context,
        flat: &FlatManifest,
        store: &dyn Store,
    ) -> Result<(), Failure> {
        let session = context.session()?;
        let had = local_config(flat, store, &session.cache)?;
        let described = pull::describe(store, flat, session).await?;
        let (mut fetched, mut cached) = (Tally::default(), Tally::default());
        match (had, local_config(flat, store, &session.cache)?) {
            (Some(blob), _) => cached.count(blob),
            (None, Some(blob)) => fetched.count(blob),
            (None, None) => {}
        }
        self.fetched.add(fetched, cached);
        self.os = described.os.map(Os::as_str);
        self.warning = names::unstated(&described).or_else(|| names::warning(&described.names));
        self.names = described.names;
        self.imports = described.imports;
        self.exports = described.exports;
        Ok(())
    }

    /// Adds the WIT. The component's own names replace those of the manifest or config.
    async fn with_wit(
        mut self,
        context: &Context,
        store: &Arc<dyn Store>,
        opened: &OpenArtifact,
    ) -> Result<Self, Failure> {
        let (wit, pulled) = wit::fetch(context, store, opened).await?;
        self.correct_names(&wit.names, opened);
        self.show(Some(wit.world()?));
        self.fetched.add(pulled.fetched, pulled.cached);
        Ok(self)
    }

    /// Replaces the names by those of the component, and warns about the stated ones that differ.
    fn correct_names(&mut self, found: &Interfaces, opened: &OpenArtifact) {
        // A list that was left out differs in nothing.
        let (imports, exports) = (&found.names.imports, &found.names.exports);
        let names = &mut self.names;
        names
            .imports
            .restore(&mut self.imports, &found.imports, imports);
        names
            .exports
            .restore(&mut self.exports, &found.exports, exports);
        // A flat artifact that states no names differs in none.
        let is_split = opened.split().is_some();
        let is_stated = |details: &ListDetails| is_split || !details.incomplete;
        let stated = [&self.names.imports, &self.names.exports].map(is_stated);
        for (list, is_stated, claimed, found) in [
            ("imports", stated[0], &mut self.imports, &found.imports),
            ("exports", stated[1], &mut self.exports, &found.exports),
        ] {
            let difference = wit::difference(list, claimed, found);
            if let Some(difference) = difference.filter(|_| is_stated) {
                eprintln!("warning: {difference}");
            }
            claimed.clone_from(found);
        }
        if is_split && !self.names.is_empty() && self.names != found.names {
            eprintln!(
                "warning: the attributes of names in the manifest are not those of the component"
            );
        }
        self.names.clone_from(&found.names);
        self.warning = names::warning(&self.names);
    }

    fn show(&mut self, world: Option<World>) {
        if let Some(World { text, left_out, .. }) = world {
            self.wit = Some(text);
            self.wit_left_out = left_out;
        }
    }

    /// Returns whether this may be a WIT package, and the root is small enough to decide it.
    fn may_be_wit_package(&self, opened: &OpenArtifact) -> bool {
        let (imports, exports) = (&self.imports, &self.exports);
        let has_code = self
            .layers
            .iter()
            .any(|layer| layer.path.contains("module["));
        let is_listed = world::may_name_wit_package(imports, exports)
            || matches!(opened.artifact, Artifact::Flat(_))
                && world::may_list_wit_package(imports, exports);
        is_listed && !has_code && wit::is_small(opened)
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
        if let Some(digest) = &self.content_digest {
            let size = text::size(self.content_size);
            say("content", &format!("{what}, {size}, {digest}"));
        }
        for (key, digest) in [("split", &self.split_digest), ("flat", &self.flat_digest)] {
            if let Some(digest) = digest {
                say(key, digest);
            }
        }
        for delta in &self.deltas {
            say("delta", &delta.text());
        }
        if let Some(warning) = &self.warning {
            say("warning", warning);
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
        out.push_str(&self.files.text());
        out.push_str(&names::text("import", &self.imports, &self.names.imports));
        out.push_str(&names::text("export", &self.exports, &self.names.exports));
        if let Some(wit) = &self.wit {
            out.push('\n');
            out.push_str(wit);
        }
        out
    }

    /// Writes the text and the segments.
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.text().as_bytes())?;
        self.segments.write(out)?;
        match self.digest {
            Some(_) => writeln!(out, "{}", self.fetched.text()),
            None => Ok(()),
        }
    }
}

/// Returns the producers of a component, one line per field: `Rust 1.80 (language)`.
fn producers(json: &str) -> Vec<String> {
    // Other tools may write anything there. Malformed text is ignored.
    let fields: BTreeMap<String, Vec<(String, String)>> =
        serde_json::from_str(json).unwrap_or_default();
    let line = |(field, values): (&String, &Vec<(String, String)>)| {
        let values = values.iter();
        let values = values.map(|(name, version)| format!("{name} {version}").trim().to_owned());
        format!("{} ({field})", values.collect::<Vec<_>>().join(", "))
    };
    fields.iter().map(line).collect()
}
