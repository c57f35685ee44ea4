//! The tables of a run: a row a pair.

use std::collections::BTreeSet;

use crate::aims;
use crate::comparison::{Comparison, EFFORTS, TOOLS};
use crate::files::{FileTool, Made};
use crate::measure::{self, Usage, cell, columns, costs};
use crate::parts::{KINDS, METHODS, Parts, Sizes};

/// Returns the bytes of every tool in KB, with sums.
pub(crate) fn bytes(comparisons: &[Comparison]) -> String {
    let mut header = vec!["KB", "MB of NEW", "changed MB"];
    header.extend(TOOLS.map(FileTool::name));
    header.extend(["best/bsdiff", "best/--patch-from"]);
    let mut rows: Vec<Vec<String>> = comparisons
        .iter()
        .map(|comparison| row(&comparison.name, &[comparison]))
        .collect();
    let processed = aims::of_bsdiff(comparisons);
    let others = aims::without_python(&processed);
    let all: Vec<&Comparison> = comparisons.iter().collect();
    for (name, some) in [
        ("of bsdiff, without Python", others),
        ("of bsdiff", processed),
    ] {
        if !some.is_empty() && some.len() < all.len() {
            rows.push(row(&format!("sum of {} pairs {name}", some.len()), &some));
        }
    }
    rows.push(row(&format!("sum of {} pairs", all.len()), &all));
    measure::table(&header, &rows)
}

/// Returns the bytes of some pairs in sum. A cell is empty if a pair lacks the number.
fn row(name: &str, comparisons: &[&Comparison]) -> Vec<String> {
    let sum = |number: &dyn Fn(&Comparison) -> Option<f64>| {
        let numbers = comparisons.iter().map(|comparison| number(comparison));
        numbers.sum::<Option<f64>>()
    };
    let megabytes = |number: fn(&Comparison) -> u64| {
        cell(sum(&|comparison| Some(number(comparison) as f64 / 1e6)), 2)
    };
    let size = |tool: FileTool| sum(&move |comparison: &Comparison| comparison.size(tool));
    let mut cells = vec![name.to_owned()];
    cells.push(megabytes(|comparison| comparison.bytes));
    cells.push(megabytes(|comparison| comparison.changed_bytes));
    cells.extend(TOOLS.map(|tool| cell(size(tool).map(|bytes| bytes / 1e3), 1)));
    cells.extend([FileTool::Bsdiff, FileTool::PatchFrom].map(|tool| {
        let ratio = size(FileTool::Best).zip(size(tool));
        cell(ratio.map(|(best, other)| best / other), 2)
    }));
    cells
}

/// Returns the bytes of each effort by kind of section, in KB.
pub(crate) fn kinds(comparisons: &[Comparison]) -> String {
    let names = KINDS.map(str::to_owned);
    parts(comparisons, "KB by kind", &names, |parts| &parts.kinds)
}

/// Returns the bytes of each effort by method, in KB.
pub(crate) fn methods(comparisons: &[Comparison]) -> String {
    let names = METHODS.map(str::to_owned);
    parts(comparisons, "KB by method", &names, |parts| &parts.methods)
}

/// Returns the bytes of code sections by class, in KB.
pub(crate) fn classes(comparisons: &[Comparison]) -> String {
    let parts_of_pairs = comparisons
        .iter()
        .filter_map(|pair| pair.parts(FileTool::Best));
    let names: BTreeSet<String> = parts_of_pairs
        .flat_map(|parts| parts.classes.into_keys())
        .collect();
    let names: Vec<String> = names.into_iter().collect();
    parts(comparisons, "KB of code by class", &names, |parts| {
        &parts.classes
    })
}

/// Returns a row for each pair with effort best, and a sum for each effort.
fn parts(
    comparisons: &[Comparison],
    first: &str,
    names: &[String],
    sizes: fn(&Parts) -> &Sizes,
) -> String {
    let row = |name: &str, some: &[Comparison], effort: FileTool| {
        let parts: Vec<Parts> = some.iter().filter_map(|pair| pair.parts(effort)).collect();
        let sum = |name: &String| -> u64 {
            let sums = parts.iter().map(|parts| sizes(parts).get(name));
            sums.flatten().sum()
        };
        let cells = names.iter().map(|name| match sum(name) {
            0 => String::new(),
            bytes => cell(Some(bytes as f64 / 1e3), 2),
        });
        [name.to_owned()].into_iter().chain(cells).collect()
    };
    let pairs = comparisons.iter();
    let mut rows: Vec<Vec<String>> = pairs
        .map(|pair| row(&pair.name, std::slice::from_ref(pair), FileTool::Best))
        .collect();
    for effort in EFFORTS {
        rows.push(row(&format!("sum, {}", effort.name()), comparisons, effort));
    }
    let header = [first].into_iter().chain(names.iter().map(String::as_str));
    measure::table(&header.collect::<Vec<_>>(), &rows)
}

/// Returns the cost of making each file.
pub(crate) fn making(comparisons: &[Comparison]) -> String {
    usages(comparisons, "make", |made| made.making)
}

/// Returns the cost of rebuilding NEW from each file.
pub(crate) fn applying(comparisons: &[Comparison]) -> String {
    usages(comparisons, "apply", |made| made.applying)
}

fn usages(comparisons: &[Comparison], first: &str, usage: fn(&Made) -> Usage) -> String {
    let header = columns(first, TOOLS.map(FileTool::name), ["s", "CPU s", "MiB"]);
    let rows = comparisons.iter().map(|comparison| {
        let usages = TOOLS.map(|tool| comparison.file(tool).map(usage));
        let mut cells = vec![comparison.name.clone()];
        cells.extend(costs(&usages));
        cells
    });
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    measure::table(&header, &rows.collect::<Vec<_>>())
}

/// Returns the time of making and the speed of applying, for effort best and without the start of the process.
pub(crate) fn speeds(comparisons: &[Comparison], start: f64) -> String {
    let header = [
        "best",
        "make, CPU s for each changed MB",
        "apply, MB/s of NEW",
        "apply, MB/s of changed",
    ];
    let rows = comparisons.iter().map(|pair| {
        let changed = pair.changed_bytes;
        let making = pair
            .file(FileTool::Best)
            .map(|made| made.making.cpu - start);
        let speed = |bytes| pair.speed(bytes, start).map(|speed| speed / 1e6);
        vec![
            pair.name.clone(),
            cell(making.map(|cpu| cpu * 1e6 / changed as f64), 2),
            cell(speed(pair.bytes), 0),
            cell(speed(changed), 0),
        ]
    });
    measure::table(&header, &rows.collect::<Vec<_>>())
}
