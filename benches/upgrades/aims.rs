//! The aims for upgrades, and whether a run reached them.

use crate::aim::{self, Aim, divided};
use crate::files::FileTool;
use crate::upgrade::{Upgrade, Way};

/// The pairs that the sum of the smaller ones leaves out.
pub(crate) const LARGE: [&str; 2] = ["biome", "pandoc"];

/// The exports of the module whose cold pull has an aim.
pub(crate) const EXPORTS: u64 = 80_000;

/// Returns the upgrades that are not large.
pub(crate) fn smaller(upgrades: &[Upgrade]) -> Vec<&Upgrade> {
    let upgrades = upgrades.iter();
    let smaller = upgrades.filter(|upgrade| !LARGE.contains(&upgrade.name.as_str()));
    smaller.collect()
}

/// Returns the table of aims. The last argument is the ratio of a cold pull of many exports to `zstd -9`.
pub(crate) fn table(upgrades: &[Upgrade], exports: Option<f64>) -> String {
    let all: Vec<&Upgrade> = upgrades.iter().collect();
    let smaller = smaller(upgrades);
    let named = |name: &str| upgrades.iter().find(|upgrade| upgrade.name == name);
    let kilobytes = |name| Some(received(named(name)?, Way::Delta)? / 1e3);
    let jsonq = |way| received(named("jsonq")?, way);
    let aim = Aim::at_most;
    let aims = [
        aim(
            &format!(
                "{} pairs, all but the large ones, of zstd -19",
                smaller.len()
            ),
            0.28,
            ratio(&smaller, FileTool::Zstd19),
        ),
        aim(
            &format!("all {} pairs, of zstd -19 --patch-from", all.len()),
            1.2,
            ratio(&all, FileTool::PatchFrom),
        ),
        aim("calc, KB", 25.0, kilobytes("calc")),
        aim("text, KB", 1400.0, kilobytes("text")),
        aim("hello-text, KB", 1900.0, kilobytes("hello-text")),
        aim(
            "jsonq, of wkg",
            0.1,
            divided(jsonq(Way::Delta), jsonq(Way::Wkg)),
        ),
        aim(
            "worst pair: seconds that a delta adds to publish, of 0.5 + 0.3 per changed MB",
            1.0,
            worst(upgrades, |upgrade| {
                Some(upgrade.added() / upgrade.added_limit())
            }),
        ),
        aim(
            "worst pair: CPU of the download, of wkg",
            1.0,
            worst(upgrades, |upgrade| {
                let cpu = |way| upgrade.download(way).map(|download| download.usage.cpu);
                divided(cpu(Way::Delta), cpu(Way::Wkg))
            }),
        ),
        aim(
            &format!("cold pull of {EXPORTS} exports, of zstd -9"),
            1.3,
            exports,
        ),
    ];
    aim::table(&aims)
}

/// Returns the received bytes of a download.
fn received(upgrade: &Upgrade, way: Way) -> Option<f64> {
    let download = upgrade.download(way)?;
    Some(download.traffic.received as f64)
}

/// Returns the sum of the downloads by delta, as a ratio to the sum of what a tool made.
fn ratio(upgrades: &[&Upgrade], tool: FileTool) -> Option<f64> {
    let upgrades = upgrades.iter();
    let received = upgrades
        .clone()
        .map(|upgrade| received(upgrade, Way::Delta));
    let made = upgrades.map(|upgrade| Some(upgrade.file(tool)?.bytes as f64));
    divided(received.sum(), made.sum())
}

fn worst(upgrades: &[Upgrade], number: impl Fn(&Upgrade) -> Option<f64>) -> Option<f64> {
    let numbers: Option<Vec<f64>> = upgrades.iter().map(number).collect();
    numbers?.into_iter().reduce(f64::max)
}
