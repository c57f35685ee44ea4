//! Sections and layers as a tree.

use std::collections::HashSet;
use std::ops::Range;

use super::InspectReport;
use crate::cli::layers::LayerRow;
use crate::cli::text;

impl InspectReport {
    pub(super) fn tree(&self) -> String {
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
        text::table(rows)
    }

    /// Returns the place of a section that is not a layer itself.
    fn place(&self, range: &Range<u64>) -> String {
        let sections = self.layers.iter().filter(|layer| layer.offset.is_some());
        let ranges = sections.map(|layer| (layer, layer.range()));
        let mut touching =
            ranges.filter(|(_, layer)| layer.start < range.end && range.start < layer.end);
        match touching.next() {
            None => "in root".to_owned(),
            Some((layer, whole)) if whole.start <= range.start && range.end <= whole.end => {
                let step = layer.path.rsplit('/').next().unwrap_or(&layer.path);
                format!("in {step}")
            }
            Some(_) => "in several layers".to_owned(),
        }
    }

    /// Returns sections and layers by offset, each path once. The root comes first.
    fn entries(&self) -> Vec<Entry<'_>> {
        let layers = self.layers.iter().map(|layer| Entry {
            path: &layer.path,
            range: layer.range(),
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

/// Shortens a name, so that the sizes fit on the screen.
pub(super) fn cut(step: &str) -> String {
    match step.char_indices().nth(56) {
        Some((at, _)) => format!("{}...", &step[..at]),
        None => step.to_owned(),
    }
}
