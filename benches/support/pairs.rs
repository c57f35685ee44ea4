//! Pairs of an old and a new file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use wharf::component::Component;
use wharf::split::SplitPolicy;

use crate::inputs::App;
use crate::measure::Workspace;

/// Two versions of a component or core module.
#[derive(Debug)]
pub struct Pair {
    /// The first word of its line.
    pub name: String,
    /// The file that a client has.
    pub old: PathBuf,
    /// The file that it wants.
    pub new: PathBuf,
}

/// Reads lines of NAME OLD NEW. Paths are relative to the list, and lines with `#` are comments.
///
/// # Panics
///
/// If the list cannot be read, or one of its lines has another form.
pub fn read(list: &Path) -> Vec<Pair> {
    let text = fs::read_to_string(list).expect("a list of pairs");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, old, new] = words[..] else {
            panic!("{line:?} in {} is not NAME OLD NEW", list.display());
        };
        Pair {
            name: name.to_owned(),
            old: list.with_file_name(old),
            new: list.with_file_name(new),
        }
    });
    pairs.collect()
}

/// Writes two applications on the same runtime.
pub fn generated(workspace: &Workspace) -> Pair {
    let [old, new] = [(0, "app-a.wasm"), (1, "app-b.wasm")].map(|(variant, name)| {
        let path = workspace.path(name);
        fs::write(&path, App::full(variant).component()).expect("space for an input");
        path
    });
    Pair {
        name: "generated".to_owned(),
        old,
        new,
    }
}

impl Pair {
    /// Returns the size of the new file.
    pub fn bytes(&self) -> u64 {
        fs::metadata(&self.new).expect("a new file").len()
    }

    /// Returns the size of the new file's layers that the old file lacks, decompressed and with the root.
    pub fn changed_bytes(&self) -> u64 {
        let [old, new] = [&self.old, &self.new].map(|file| {
            let bytes = fs::read(file).expect("a file of the pair");
            let component = Component::read(bytes, &SplitPolicy::DEFAULT);
            let config = component.expect("a component or core module").config;
            let layers = config.layers.iter().map(|layer| (layer.digest, layer.size));
            let root = (config.root.digest, config.root.size);
            layers.chain([root]).collect::<Vec<_>>()
        });
        let old: BTreeSet<_> = old.into_iter().collect();
        let changed = new.iter().filter(|layer| !old.contains(*layer));
        changed.map(|(_, size)| size).sum()
    }
}
