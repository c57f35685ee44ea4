//! Import circles between files.
//!
//! A file imports another one if it names an item that is defined there, whatever re-exports lie between. These are no
//! imports: a `pub use`, so that a parent may collect its children's items; the name of a module alone; and what a child
//! uses of the files that it is a child of, such as their error.

use std::collections::BTreeMap;
use std::fmt;

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use super::source::{Mention, Source};

/// Files that import each other.
pub(super) struct Circle {
    pub(super) files: Vec<String>,
    imports: Vec<String>,
}

impl fmt::Display for Circle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "import circle of {}:", self.files.join(", "))?;
        write!(formatter, "  {}", self.imports.join("\n  "))
    }
}

/// So many re-exports may lie between a name and its item.
const MAX_DEPTH: usize = 16;

/// By importing and imported file: the first line that says so, and what it names.
type Imports<'a> = BTreeMap<(&'a str, &'a str), String>;

/// Returns the circles of path and text of some files, and those between the modules at the top.
pub(super) fn find(sources: &[(String, String)]) -> Vec<Circle> {
    let modules = Modules::read(sources);
    let mut imports = Imports::new();
    for module in modules.0.values() {
        for mention in module.mentions() {
            let found = modules.resolve(&module.path, &mention.path, 0);
            if let Some(file) = found.filter(|file| !module.is_in(file)) {
                let said = format!("{}:{}: {}", module.file, mention.line, mention.name());
                imports.entry((module.file, file)).or_insert(said);
            }
        }
    }
    let mut circles = circles(&imports);
    let mut tops = Imports::new();
    for ((from, to), said) in &imports {
        let (from, to) = (top(from), top(to));
        if from != to && !circles.iter().any(|circle| circle.imports.contains(said)) {
            tops.entry((from, to)).or_insert(said.clone());
        }
    }
    circles.extend(self::circles(&tops));
    circles
}

/// `store` for `store.rs` and for `store/remote/upload.rs`.
fn top(file: &str) -> &str {
    let end = file.find('/').unwrap_or(file.len());
    file[..end].trim_end_matches(".rs")
}

/// Returns the sets of nodes that reach each other.
fn circles(imports: &Imports<'_>) -> Vec<Circle> {
    let graph: DiGraphMap<&str, ()> = imports.keys().collect();
    let mut circles = Vec::new();
    for mut files in tarjan_scc(&graph)
        .into_iter()
        .filter(|files| files.len() > 1)
    {
        files.sort_unstable();
        let inside = |(from, to): &(&str, &str)| files.contains(from) && files.contains(to);
        let imports = imports.iter().filter(|(import, _)| inside(import));
        circles.push(Circle {
            imports: imports.map(|(_, said)| said.clone()).collect(),
            files: files.into_iter().map(str::to_owned).collect(),
        });
    }
    circles
}

struct Module<'a> {
    file: &'a str,
    path: Vec<String>,
    source: Source,
    /// By the name that a `use` brings into scope: the path.
    imports: BTreeMap<String, Vec<String>>,
}

impl<'a> Module<'a> {
    fn read(file: &'a str, text: &str) -> Self {
        let source = Source::read(text);
        let imports = source
            .mentions
            .iter()
            .filter_map(|mention| Some((mention.alias.clone()?, mention.path.clone())))
            .collect();
        let path = super::module_path(file);
        Self {
            file,
            path: path.into_iter().map(str::to_owned).collect(),
            source,
            imports,
        }
    }

    /// Whether this is a file, or a child of it.
    fn is_in(&self, file: &str) -> bool {
        let parent = super::module_path(file);
        self.path
            .iter()
            .zip(&parent)
            .filter(|(own, of)| own == of)
            .count()
            == parent.len()
    }

    /// Returns what counts as naming something: all but `pub use`.
    fn mentions(&self) -> impl Iterator<Item = &Mention> {
        let mentions = self.source.mentions.iter();
        mentions.filter(|mention| !mention.is_reexport)
    }
}

/// By path: those of the library and those of the binary, which have no name in common.
struct Modules<'a>(BTreeMap<Vec<String>, Module<'a>>);

impl<'a> Modules<'a> {
    fn read(sources: &'a [(String, String)]) -> Self {
        let modules = sources
            .iter()
            .filter(|(file, _)| !["lib.rs", "main.rs"].contains(&file.as_str()));
        let modules = modules.map(|(file, text)| Module::read(file, text));
        let modules = modules.map(|module| (module.path.clone(), module));
        Self(modules.collect())
    }

    /// Returns the file that defines what `path` means in the module `scope`; nothing for a module and for other crates.
    fn resolve(&self, scope: &[String], path: &[String], depth: usize) -> Option<&'a str> {
        let (first, rest) = path.split_first()?;
        let supers = path.iter().take_while(|part| *part == "super").count();
        match first.as_str() {
            "crate" => self.descend(&[], rest, depth),
            "self" => self.descend(scope, rest, depth),
            "super" => self.descend(
                scope.get(..scope.len().checked_sub(supers)?)?,
                &path[supers..],
                depth,
            ),
            _ => self.descend(scope, path, depth),
        }
    }

    /// Follows the names of `path` from a module down.
    fn descend(&self, scope: &[String], path: &[String], depth: usize) -> Option<&'a str> {
        let (first, rest) = path.split_first()?;
        let child = [scope, std::slice::from_ref(first)].concat();
        if self.0.contains_key(&child) {
            return self.descend(&child, rest, depth);
        }
        let module = self.0.get(scope)?;
        if module.source.items.contains(first) {
            return Some(module.file);
        }
        if first == "*" {
            return Some(module.file);
        }
        let path = match (module.imports.get(first), module.imports.get("*")) {
            (Some(import), _) => [import, rest].concat(),
            (None, Some(all)) => [&all[..all.len() - 1], path].concat(),
            (None, None) => return None,
        };
        // `use http::Uri` is about another crate; and names that lead to each other would be followed for ever.
        if path[0] == *first || depth == MAX_DEPTH {
            return None;
        }
        self.resolve(scope, &path, depth + 1)
    }
}
