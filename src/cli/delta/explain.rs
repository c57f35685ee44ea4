//! The bytes of a delta file by section, method and class.

use serde::Serialize;
use wharf::delta::{Classes, Method, Part, PartKind};
use wharf::manifest::Config;

use crate::cli::text;

/// A part of a delta file.
#[derive(Serialize)]
pub(super) struct PartRow {
    /// The section path, `config` or `map`.
    section: String,
    method: &'static str,
    /// The size of the new content.
    size: u64,
    /// The size of the part.
    bytes: u64,
    /// The bytes of the part by class. Streams that are compressed together count as if each was compressed by itself.
    classes: Vec<ClassRow>,
}

#[derive(Serialize)]
struct ClassRow {
    class: &'static str,
    bytes: u64,
}

/// Returns the rows of a delta file to a component.
pub(super) fn rows(parts: &[(Part, Classes)], config: &Config) -> Vec<PartRow> {
    let rows = parts.iter().map(|(part, classes)| PartRow {
        section: match part.kind {
            PartKind::Layer(layer) => config.path(layer as usize).to_owned(),
            PartKind::Config => "config".to_owned(),
            PartKind::Map => "map".to_owned(),
            PartKind::Unknown(..) => "unknown".to_owned(),
        },
        method: match part.method {
            Method::Whole => "whole",
            Method::Prefix => "prefix",
            Method::Covers => "covers",
            Method::Code => "code",
            Method::Unknown(_) => "unknown",
        },
        size: part.size,
        bytes: part.length,
        classes: classes
            .iter()
            .filter(|(_, bytes)| *bytes > 0)
            .map(|&(class, bytes)| ClassRow { class, bytes })
            .collect(),
    });
    rows.collect()
}

/// Returns a table, to follow other lines of a report.
pub(super) fn table(rows: &[PartRow]) -> String {
    let width = rows.iter().map(|row| row.section.len()).max().unwrap_or(0);
    let lines = rows.iter().map(|row| {
        let classes = row
            .classes
            .iter()
            .map(|class| format!("{} {}", class.class, text::size(class.bytes)));
        format!(
            "\n  {:width$}  {:6}  {:>10} of {:>10}  {}",
            row.section,
            row.method,
            text::size(row.bytes),
            text::size(row.size),
            classes.collect::<Vec<_>>().join(", ")
        )
    });
    lines.collect()
}
