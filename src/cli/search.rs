//! `wharf search`

mod candidates;
mod measure;
mod origin;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use wharf::digest::Digest;
use wharf::index::{self, Answer, Found, Pattern, Query, RecordLayer};
use wharf::reference::package::Version;
use wharf::store::cache::Cache;

use self::candidates::Candidates;
use self::measure::Measure;
use super::failure::{Exit, Failure};
use super::index::{Failed, Sound};
use super::settings::Context;
use super::{output, text};

/// How many answers are shown where nobody says.
const LIMIT: usize = 50;

/// Find components by what they import and export, and by words of their names and descriptions
///
/// Asks the index of this machine (`wharf index`). Nobody else is asked, but with --world and --fits: they fetch the roots of
/// candidates whose types the index does not have yet. All conditions must hold. Of each package the version that
/// `get` would prefer among those that match is shown. Names of imports and exports are what manifests claim, until a
/// root was read.
#[derive(Debug, Args)]
#[command(after_help = "\
Interfaces:
  wasi:http/incoming-handler         in any version
  wasi:http/incoming-handler@0.2     in 0.2.x
  wasi:http/incoming-handler@0.2.3   in this one
  run                                a function that is exported itself

Examples:
  wharf search --exports wasi:http/incoming-handler@0.2
  wharf search image --exports demo:filter/filter
  wharf search --only-imports wasi:io/error@0.2 --only-imports wasi:io/streams@0.2
  wharf search calc --all-versions --json | jq -r '.packages[].reference'")]
pub(crate) struct Search {
    /// Words, or how words begin, of the name or the description
    #[arg(value_name = "TEXT")]
    text: Vec<String>,
    /// Exports this
    #[arg(long, value_name = "IFACE")]
    exports: Vec<Pattern>,
    /// Imports this
    #[arg(long, value_name = "IFACE")]
    imports: Vec<Pattern>,
    /// Imports nothing else: what a host offers, one by one
    #[arg(long, value_name = "IFACE")]
    only_imports: Vec<Pattern>,
    /// Runs in this world: a NAME of the package that --wit names, by types and not only by names
    #[arg(long, requires = "wit", conflicts_with = "fits")]
    world: Option<String>,
    /// The WIT package: a directory (with deps/), a file, a reference, or a package
    #[arg(long, value_name = "DIR|FILE|REF|PACKAGE", requires = "world")]
    wit: Option<String>,
    /// Can be plugged into what this component imports, by types and not only by names
    #[arg(long, value_name = "FILE|REF|PACKAGE")]
    fits: Option<String>,
    /// Show every version that matches
    #[arg(long)]
    all_versions: bool,
    /// Show at most so many
    #[arg(long, value_name = "N", default_value_t = LIMIT)]
    limit: usize,
}

#[derive(Serialize)]
struct Row {
    name: String,
    version: Option<Version>,
    tag: String,
    reference: String,
    digest: Digest,
    content_digest: Digest,
    content_size: u64,
    /// What a pull would fetch, as this machine's cache is now.
    fetch_bytes: u64,
    description: Option<String>,
    licenses: Option<String>,
    matched: Vec<Match>,
    yanked: bool,
    /// Whether only a shared index says that it is there.
    claimed: bool,
    /// The repository, where the name alone does not lead to it.
    #[serde(skip)]
    elsewhere: Option<String>,
}

/// What of a component is what was asked for.
#[derive(Serialize)]
pub(super) struct Match {
    /// `export`, `import`, `word`; `world`, or `fills` with the import of the other component.
    pub(super) kind: &'static str,
    pub(super) name: String,
}

#[derive(Serialize)]
struct Report {
    packages: Vec<Row>,
    /// How many match, shown or not.
    total: u64,
    /// What could not be looked at.
    failures: Vec<Failed>,
}

impl Search {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        if let Some(text) = self.text.iter().find(|text| !index::has_words(text)) {
            return Err(Failure::usage(format!("`{text}` has no word to look for")));
        }
        let cache = context.cache()?;
        let measure = Measure::read(context, &self).await?;
        let query = self.query(measure.as_ref());
        let mut index = Sound::open(&cache)?;
        let answer = index.ask(|index| index.search(&query))?;
        let report = match measure {
            None => Report::of(context, answer, &cache)?,
            Some(measure) => {
                self.measured(context, &measure, answer, &mut index, &cache)
                    .await?
            }
        };
        let left = report.total - report.packages.len() as u64;
        if report.total == 0 {
            eprintln!("nothing in the index matches");
        } else if left > 0 {
            eprintln!("and {left} more: --limit shows them");
        }
        output::print(context, &report, || report.text())?;
        match (report.failures.len() as u64, context.json) {
            (0, _) => Ok(()),
            (_, true) => Err(Failure::answered(Exit::Other)),
            (count, false) => {
                let count = text::count(count, "candidate");
                Err(Failure::new(
                    Exit::Other,
                    format!("{count} could not be looked at"),
                ))
            }
        }
    }

    fn query(&self, measure: Option<&Measure>) -> Query {
        let offered = &self.only_imports;
        let query = Query {
            text: self.text.join(" "),
            exports: self.exports.clone(),
            imports: self.imports.clone(),
            only_imports: (!offered.is_empty()).then(|| offered.clone()),
            all_versions: self.all_versions,
            limit: Some(self.limit),
            ..Query::default()
        };
        match measure {
            Some(measure) => measure.narrowed(query),
            None => query,
        }
    }

    /// Keeps what fits by its types.
    async fn measured(
        &self,
        context: &Context,
        measure: &Measure,
        answer: Answer,
        index: &mut Sound,
        cache: &Arc<Cache>,
    ) -> Result<Report, Failure> {
        let candidates = Candidates {
            context,
            measure,
            all_versions: self.all_versions,
        };
        let measured = candidates.measured(answer.found, index).await?;
        let mut report = Report {
            packages: Vec::new(),
            total: measured.found.len() as u64,
            failures: measured.failures,
        };
        let mut here = Here::new(cache);
        for (found, fills) in measured.found.into_iter().take(self.limit) {
            let mut row = Row::of(context, found, &mut here)?;
            row.matched.extend(fills);
            report.packages.push(row);
        }
        Ok(report)
    }
}

impl Report {
    fn of(context: &Context, answer: Answer, cache: &Cache) -> Result<Self, Failure> {
        let mut here = Here::new(cache);
        let rows = answer.found.into_iter();
        let rows = rows.map(|found| Row::of(context, found, &mut here));
        Ok(Self {
            packages: rows.collect::<Result<_, _>>()?,
            total: answer.total,
            failures: Vec::new(),
        })
    }

    fn text(&self) -> String {
        let row = |row: &Row| {
            let names = row.matched.iter().map(|one| text::printable(&one.name));
            let version = row.version.as_ref().map(Version::to_string);
            vec![
                text::printable(&row.name),
                version.unwrap_or_else(|| text::printable(&row.tag)),
                names.collect::<Vec<_>>().join(", "),
                match row.fetch_bytes {
                    0 => "is here".to_owned(),
                    bytes => text::size(bytes),
                },
                if row.yanked { "yanked" } else { "" }.to_owned(),
                if row.claimed { "claimed" } else { "" }.to_owned(),
                row.elsewhere
                    .as_deref()
                    .map(text::printable)
                    .unwrap_or_default(),
            ]
        };
        text::words(&self.packages.iter().map(row).collect::<Vec<_>>())
    }
}

impl Row {
    fn of(context: &Context, found: Found, here: &mut Here<'_>) -> Result<Self, Failure> {
        let fetch_bytes = here.missing(&found)?;
        let lists = [
            ("export", found.exports),
            ("import", found.imports),
            ("word", found.words),
        ];
        let matched = lists.into_iter().flat_map(|(kind, names)| {
            let one = move |name| Match { kind, name };
            names.into_iter().map(one)
        });
        Ok(Self {
            claimed: found.claimed_by.is_some(),
            elsewhere: origin::elsewhere(context, &found.entry),
            reference: found.entry.reference(),
            name: found.entry.name,
            version: found.entry.version,
            tag: found.entry.tag,
            digest: found.entry.digest,
            content_digest: found.record.content.digest,
            content_size: found.record.content.size,
            fetch_bytes,
            description: found.record.description,
            licenses: found.record.licenses,
            matched: matched.collect(),
            yanked: found.entry.yanked,
        })
    }
}

/// What of layers the cache has. What many components have is looked for once.
struct Here<'a> {
    cache: &'a Cache,
    known: HashMap<RecordLayer, bool>,
}

impl<'a> Here<'a> {
    fn new(cache: &'a Cache) -> Self {
        let known = HashMap::new();
        Self { cache, known }
    }

    /// Adds up the blobs of layers that the cache has neither as they are nor in another form.
    fn missing(&mut self, found: &Found) -> Result<u64, Failure> {
        let mut counted = HashSet::new();
        let mut bytes = 0u64;
        for layer in &found.record.layers {
            if counted.insert(layer.blob.digest) && !self.has(layer)? {
                bytes = bytes.saturating_add(layer.blob.size);
            }
        }
        Ok(bytes)
    }

    fn has(&mut self, layer: &RecordLayer) -> Result<bool, Failure> {
        if let Some(has) = self.known.get(layer) {
            return Ok(*has);
        }
        let has = self.cache.has(layer.blob)? || self.cache.find(layer.content)?.is_some();
        self.known.insert(*layer, has);
        Ok(has)
    }
}
