//! The aims for delta files, and whether a run reached them.

use crate::aim::{self, Aim, divided};
use crate::comparison::Comparison;
use crate::files::FileTool;

/// Snapshots of Python, which differ from build to build without a reason.
pub(crate) const PYTHON: [&str; 2] = ["text", "hello-text"];

/// Returns the pairs that bsdiff processed.
pub(crate) fn of_bsdiff(comparisons: &[Comparison]) -> Vec<&Comparison> {
    let comparisons = comparisons.iter();
    let processed = comparisons.filter(|comparison| comparison.file(FileTool::Bsdiff).is_some());
    processed.collect()
}

/// Returns those of the pairs that are not of Python.
pub(crate) fn without_python<'a>(comparisons: &[&'a Comparison]) -> Vec<&'a Comparison> {
    let comparisons = comparisons.iter().copied();
    let others = comparisons.filter(|comparison| !PYTHON.contains(&comparison.name.as_str()));
    others.collect()
}

/// Returns the sum of wharf's best files, as a ratio to the sum of bsdiff's.
fn ratio(comparisons: &[&Comparison]) -> Option<f64> {
    if comparisons.is_empty() {
        return None;
    }
    let sum = |tool| {
        comparisons
            .iter()
            .map(move |comparison| comparison.size(tool))
    };
    divided(sum(FileTool::Best).sum(), sum(FileTool::Bsdiff).sum())
}

/// Returns the table of aims. The last argument is the processor time of a start of wharf, in seconds.
pub(crate) fn table(comparisons: &[Comparison], start: f64) -> String {
    let all = of_bsdiff(comparisons);
    let others = without_python(&all);
    let mut named = comparisons
        .iter()
        .filter(|comparison| comparison.name == "jsonq");
    let jsonq = named.next().and_then(|jsonq| jsonq.size(FileTool::Best));
    let above_prefix = comparisons.iter().map(|comparison| {
        Some(comparison.size(FileTool::Best)? - comparison.size(FileTool::Prefix)?)
    });
    let speeds = comparisons
        .iter()
        .map(|comparison| comparison.speed(comparison.bytes, start));
    let slowest = speeds.flatten().reduce(f64::min);
    let most_above = above_prefix.flatten().reduce(f64::max);
    aim::table(&[
        Aim::at_most(&format!("{} pairs, of bsdiff", all.len()), 0.5, ratio(&all)),
        Aim::at_most(
            &format!("{} pairs, all but Python, of bsdiff", others.len()),
            0.4,
            ratio(&others),
        ),
        Aim::at_most("jsonq, KB", 2.5, jsonq.map(|bytes| bytes / 1e3)),
        Aim::at_most("worst pair: bytes above prefix", 100.0, most_above),
        Aim::at_least(
            "slowest pair: MB of NEW for each processor second",
            60.0,
            slowest.map(|speed| speed / 1e6),
        ),
    ])
}
