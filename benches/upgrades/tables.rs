//! The tables of a run: a row a pair.

use crate::aims::{self, LARGE};
use crate::files::FileTool;
use crate::measure::{self, cell, columns, costs};
use crate::upgrade::{TOOLS, Upgrade, Way};

/// Returns the bytes of every way and tool in KB, with sums.
pub(crate) fn bytes(upgrades: &[Upgrade]) -> String {
    let mut header = vec!["KB", "MB of NEW"];
    header.extend(["wharf, delta", "wharf, layers", "wkg", "delta file"]);
    header.extend(TOOLS.map(FileTool::name));
    let mut rows: Vec<Vec<String>> = upgrades
        .iter()
        .map(|upgrade| row(&upgrade.name, &[upgrade]))
        .collect();
    let (smaller, all) = (aims::smaller(upgrades), upgrades.iter().collect::<Vec<_>>());
    if smaller.len() < all.len() {
        rows.push(row(&format!("sum without {}", LARGE.join(", ")), &smaller));
    }
    rows.push(row("sum", &all));
    measure::table(&header, &rows)
}

/// Returns the bytes of some pairs in sum. A cell is empty if a pair lacks the number.
fn row(name: &str, upgrades: &[&Upgrade]) -> Vec<String> {
    let sum = |number: &dyn Fn(&Upgrade) -> Option<u64>| {
        let numbers = upgrades.iter().map(|upgrade| number(upgrade));
        numbers.sum::<Option<u64>>().map(|bytes| bytes as f64 / 1e3)
    };
    let mut cells = vec![
        name.to_owned(),
        cell(
            sum(&|upgrade| Some(upgrade.bytes)).map(|kilobytes| kilobytes / 1e3),
            2,
        ),
    ];
    cells.extend(Way::ALL.map(|way| {
        let received = |upgrade: &Upgrade| Some(upgrade.download(way)?.traffic.received);
        cell(sum(&received), 1)
    }));
    cells.push(cell(sum(&|upgrade| Some(upgrade.delta_bytes)), 1));
    cells.extend(TOOLS.map(|tool| {
        let bytes = |upgrade: &Upgrade| Some(upgrade.file(tool)?.bytes);
        cell(sum(&bytes), 1)
    }));
    cells
}

/// Returns the cost of a download of NEW.
pub(crate) fn downloads(upgrades: &[Upgrade]) -> String {
    let header = columns(
        "download",
        Way::ALL.map(Way::name),
        ["requests", "s", "CPU s", "MiB"],
    );
    let rows = upgrades.iter().map(|upgrade| {
        let downloads = Way::ALL.map(|way| upgrade.download(way));
        let requests = downloads.map(|download| Some(download?.traffic.requests as f64));
        let usages = downloads.map(|download| Some(download?.usage));
        let mut cells = vec![upgrade.name.clone()];
        cells.extend(requests.map(|requests| cell(requests, 0)));
        cells.extend(costs(&usages));
        cells
    });
    table(&header, rows)
}

/// Returns the cost of publishing NEW, and the seconds that the delta adds.
pub(crate) fn publications(upgrades: &[Upgrade]) -> String {
    let mut header = vec!["publish", "changed MB", "delta adds s", "aim s"];
    header.extend(["delta s", "layers s", "delta CPU s"]);
    header.extend(["layers CPU s", "delta MiB", "layers MiB"]);
    let rows = upgrades.iter().map(|upgrade| {
        let mut cells = vec![
            upgrade.name.clone(),
            format!("{:.2}", upgrade.changed_megabytes()),
            format!("{:.2}", upgrade.added()),
            format!("≤ {:.2}", upgrade.added_limit()),
        ];
        let usages = [upgrade.publish_delta, upgrade.publish_layers];
        cells.extend(costs(&usages.map(Some)));
        cells
    });
    measure::table(&header, &rows.collect::<Vec<_>>())
}

/// Returns the cost of making a file with each tool.
pub(crate) fn files(upgrades: &[Upgrade]) -> String {
    let header = columns(
        "make a file",
        TOOLS.map(FileTool::name),
        ["s", "CPU s", "MiB"],
    );
    let rows = upgrades.iter().map(|upgrade| {
        let usages = TOOLS.map(|tool| Some(upgrade.file(tool)?.making));
        let mut cells = vec![upgrade.name.clone()];
        cells.extend(costs(&usages));
        cells
    });
    table(&header, rows)
}

fn table(header: &[String], rows: impl Iterator<Item = Vec<String>>) -> String {
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    measure::table(&header, &rows.collect::<Vec<_>>())
}
