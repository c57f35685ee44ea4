//! The bytes of a delta file by kind of section, by method and by class.

use std::collections::BTreeMap;

use serde::Deserialize;
use wharf::delta::Role;

use crate::files::Made;

/// The report of `wharf delta --json`.
#[derive(Deserialize)]
struct DeltaReport {
    parts: Vec<PartRow>,
}

#[derive(Deserialize)]
struct PartRow {
    section: String,
    method: String,
    bytes: u64,
    classes: Vec<ClassRow>,
}

#[derive(Deserialize)]
struct ClassRow {
    class: String,
    bytes: u64,
}

/// Bytes by name.
pub(crate) type Sizes = BTreeMap<String, u64>;

/// The parts of a delta file, in sums.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) kinds: Sizes,
    /// Maps are no method of a section.
    pub(crate) methods: Sizes,
    /// Of the code sections.
    pub(crate) classes: Sizes,
}

/// The kinds of sections in the order of the columns.
pub(crate) const KINDS: [&str; 7] = [
    "code",
    "data",
    "elements",
    "names",
    "root, other",
    MAP,
    HEADER,
];

/// The methods in the order of the columns.
pub(crate) const METHODS: [&str; 6] = ["whole", "prefix", "covers", "code", MAP, HEADER];

const MAP: &str = "map";

const HEADER: &str = "header";

impl Parts {
    /// Reads the report of a file that wharf made.
    ///
    /// # Panics
    ///
    /// If it has no report of parts.
    pub(crate) fn read(made: &Made) -> Self {
        let report: DeltaReport = serde_json::from_str(&made.report).expect("a report of parts");
        let mut parts = Self::default();
        for part in &report.parts {
            let method = match part.section.as_str() {
                MAP => MAP,
                _ => &part.method,
            };
            add(&mut parts.kinds, kind(&part.section), part.bytes);
            add(&mut parts.methods, method, part.bytes);
            if Role::of_path(&part.section) == Role::Code {
                for class in &part.classes {
                    add(&mut parts.classes, &class.class, class.bytes);
                }
            }
        }
        let sum: u64 = report.parts.iter().map(|part| part.bytes).sum();
        add(&mut parts.kinds, HEADER, made.bytes - sum);
        add(&mut parts.methods, HEADER, made.bytes - sum);
        parts
    }
}

fn add(sizes: &mut Sizes, name: &str, bytes: u64) {
    *sizes.entry(name.to_owned()).or_default() += bytes;
}

fn kind(section: &str) -> &'static str {
    match Role::of_path(section) {
        Role::Code => "code",
        Role::Data => "data",
        Role::Elements => "elements",
        Role::Names => "names",
        // The segments of a section that is cut.
        Role::Other if section.contains("/data[") => "data",
        Role::Other if section == MAP => MAP,
        Role::Other => "root, other",
    }
}
