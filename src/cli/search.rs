//! `wharf search`

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use wharf::digest::Digest;
use wharf::error::Kind;
use wharf::index::{
    self, Candidates, CheckedIndex, Entry, FetchSizes, MatchedName, Pattern, Query, SearchResult,
    TypeMatch, Types,
};
use wharf::package::Locator;
use wharf::reference::package::Version;

use super::failure::Failure;
use super::index::{FailureRow, watch};
use super::settings::Context;
use super::worlds::{self, Stub};
use super::{output, text};

/// The default of `--limit`.
const LIMIT: usize = 50;

/// Find components by words, --exports, --imports, --world or --fits
///
/// Searches the local index (`wharf index`) and sends no requests. Only --world and --fits may fetch: they need the roots
/// of candidates whose types the index lacks. A component must meet all conditions. The result has one version of each
/// package: the matching version that `get` would prefer. The names of imports and exports come from the manifest until
/// wharf has read the root.
#[derive(Debug, Args)]
#[command(after_help = "\
Interfaces:
  wasi:http/incoming-handler         any version
  wasi:http/incoming-handler@0.2     versions 0.2.x
  wasi:http/incoming-handler@0.2.3   this version only
  run                                a function that the component exports directly

Examples:
  wharf search --exports wasi:http/incoming-handler@0.2
  wharf search image --exports demo:filter/filter
  wharf search --only-imports wasi:io/error@0.2 --only-imports wasi:io/streams@0.2
  wharf search calc --all-versions --json | jq -r '.packages[].reference'")]
pub(crate) struct Search {
    /// Words, or beginnings of words, in the name or description
    #[arg(value_name = "TEXT")]
    text: Vec<String>,
    /// Only components that export this; may be repeated
    #[arg(long, value_name = "IFACE")]
    exports: Vec<Pattern>,
    /// Only components that import this; may be repeated
    #[arg(long, value_name = "IFACE")]
    imports: Vec<Pattern>,
    /// Only components that import nothing but this; repeat it for each interface that the host offers
    #[arg(long, value_name = "IFACE")]
    only_imports: Vec<Pattern>,
    /// Only components that run in this world of --wit, compared by types
    #[arg(long, requires = "wit", conflicts_with = "fits")]
    world: Option<String>,
    /// WIT package with the world: a directory (with deps/), a file, a reference or a package
    #[arg(long, value_name = "DIR|FILE|REF|PACKAGE", requires = "world")]
    wit: Option<String>,
    /// Only components that fill an import of this component, compared by types
    #[arg(long, value_name = "FILE|REF|PACKAGE")]
    fits: Option<String>,
    /// Show every matching version [default: one version of each package]
    #[arg(long)]
    all_versions: bool,
    /// Show at most N results
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
    /// The bytes that a pull would fetch with the present cache.
    fetch_bytes: u64,
    description: Option<String>,
    licenses: Option<String>,
    matched: Vec<TypeMatch>,
    yanked: bool,
    /// Whether only a shared index names it.
    claimed: bool,
    /// The repository, unless the name alone leads to it.
    #[serde(skip)]
    needed_location: Option<String>,
}

#[derive(Serialize)]
struct SearchReport {
    packages: Vec<Row>,
    /// The number of matches, including those that are not shown.
    total: u64,
    /// Candidates that could not be compared.
    failures: Vec<FailureRow>,
}

impl Search {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        if let Some(text) = self.text.iter().find(|text| !index::has_words(text)) {
            return Err(Failure::usage(format!(
                "`{text}` contains no word to search for"
            )));
        }
        let types = self.types(context).await?;
        let query = self.query(types.as_ref());
        let watch = watch(context);
        let mut index = CheckedIndex::open(context.cache()?.as_ref(), &watch)?;
        let answer = index.run(|index| index.search(&query))?;
        let report = match types {
            None => {
                let shown = answer.found.into_iter().map(|found| (found, Vec::new()));
                SearchReport::new(context, shown, answer.total, Vec::new())?
            }
            Some(types) => {
                let candidates = Candidates {
                    connector: context.connector()?,
                    types: &types,
                    all_versions: self.all_versions,
                    watch: &watch,
                };
                let fitting = candidates.find_fitting(answer.found, &mut index).await?;
                context.finish();
                let total = fitting.found.len() as u64;
                let failures = fitting.unread.iter().map(FailureRow::of).collect();
                let shown = fitting.found.into_iter().take(self.limit);
                SearchReport::new(context, shown, total, failures)?
            }
        };
        let left = report.total - report.packages.len() as u64;
        if report.total == 0 {
            eprintln!("nothing in the index matches");
        } else if left > 0 {
            eprintln!("{left} more; raise --limit to show them");
        }
        output::print(context, &report, || report.text())?;
        match (report.failures.len() as u64, context.flags.json) {
            (0, _) => Ok(()),
            (_, true) => Err(Failure::already_reported(Kind::Other)),
            (count, false) => {
                let count = text::count(count, "candidate");
                let message = format!("{count} could not be compared");
                Err(Failure::new(Kind::Other, message))
            }
        }
    }

    /// Reads the world or component that candidates are compared with.
    async fn types(&self, context: &Context) -> Result<Option<Types>, Failure> {
        if let (Some(world), Some(wit)) = (&self.world, &self.wit) {
            let world = worlds::world(context, world, wit).await?;
            return Ok(Some(Types::World(Arc::new(world))));
        }
        let Some(what) = &self.fits else {
            return Ok(None);
        };
        let Stub { name, bytes } = Stub::read(context, what).await?;
        Ok(Some(
            Types::socket(bytes).with_context(|| format!("cannot read {name}"))?,
        ))
    }

    fn query(&self, types: Option<&Types>) -> Query {
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
        match types {
            Some(types) => types.narrow(query),
            None => query,
        }
    }
}

impl SearchReport {
    fn new(
        context: &Context,
        shown: impl Iterator<Item = (SearchResult, Vec<TypeMatch>)>,
        total: u64,
        failures: Vec<FailureRow>,
    ) -> Result<Self, Failure> {
        let cache = context.cache()?;
        let mut sizes = FetchSizes::new(&cache);
        let locator = context.locator().ok();
        let rows = shown.map(|(found, fills)| {
            let fetch_bytes = sizes.of(&found.record)?;
            Ok(Row::of(found, fills, fetch_bytes, locator.as_ref()))
        });
        Ok(Self {
            packages: rows.collect::<Result<_, Failure>>()?,
            total,
            failures,
        })
    }

    fn text(&self) -> String {
        let row = |row: &Row| {
            let names = row.matched.iter().map(|one| {
                let name = text::printable(&one.name);
                match &one.interface {
                    Some(interface) => format!("{name} ({})", text::printable(interface)),
                    None => name,
                }
            });
            let version = row.version.as_ref().map(Version::to_string);
            vec![
                text::printable(&row.name),
                version.unwrap_or_else(|| text::printable(&row.tag)),
                names.collect::<Vec<_>>().join(", "),
                match row.fetch_bytes {
                    0 => "cached".to_owned(),
                    bytes => text::size(bytes),
                },
                if row.yanked { "yanked" } else { "" }.to_owned(),
                if row.claimed { "claimed" } else { "" }.to_owned(),
                text::printable(row.needed_location.as_deref().unwrap_or_default()),
            ]
        };
        text::words(self.packages.iter().map(row))
    }
}

impl Row {
    fn of(
        found: SearchResult,
        fills: Vec<TypeMatch>,
        fetch_bytes: u64,
        locator: Option<&Locator<'_>>,
    ) -> Self {
        let lists = [("export", found.exports), ("import", found.imports)];
        let externs = lists.into_iter().flat_map(|(kind, names)| {
            let one = move |MatchedName { name, interface }| TypeMatch {
                kind,
                name,
                interface,
            };
            names.into_iter().map(one)
        });
        let words = found.words.into_iter();
        let words = words.map(|word| TypeMatch::new("word", word));
        Self {
            claimed: found.claimed_by.is_some(),
            needed_location: needed_location(&found.entry, locator),
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
            matched: externs.chain(words).chain(fills).collect(),
            yanked: found.entry.yanked,
        }
    }
}

/// Returns the repository of a result, unless the package name alone leads to it.
fn needed_location(entry: &Entry, locator: Option<&Locator<'_>>) -> Option<String> {
    let package = entry.name.parse().ok()?;
    let known = locator.and_then(|locator| locator.known_repository(&package));
    let is_known = known.is_some_and(|known| known.to_string() == entry.location);
    (!is_known).then(|| entry.location.clone())
}
