//! Which layer of the old component is the base of which layer of the new one.

use std::collections::HashMap;

use crate::manifest::{Config, ConfigLayer};

/// Returns the base of each layer of `new`, as the number of a layer of `old`. Layers count as in manifests: the root
/// is 0, and its base is the old root.
///
/// The base of a section layer is the old layer with the same path. The numbers of cut segments and gaps change with
/// every build, so they count among the cut ones of their section instead.
pub fn bases(old: &Config, new: &Config) -> Vec<Option<usize>> {
    let old: HashMap<String, usize> = keys(&old.layers).zip(1..).collect();
    let sections = keys(&new.layers).map(|key| old.get(&key).copied());
    std::iter::once(Some(0)).chain(sections).collect()
}

/// Returns the path of each layer, with cut segments and gaps counted in their order.
fn keys(layers: &[ConfigLayer]) -> impl Iterator<Item = String> {
    let mut counts = HashMap::<&str, usize>::new();
    layers.iter().map(move |layer| {
        let cut = layer
            .path
            .rsplit_once('[')
            .filter(|(before, _)| before.ends_with("/segment") || before.ends_with("/gap"));
        let Some((before, _)) = cut else {
            return layer.path.clone();
        };
        let count = counts.entry(before).or_default();
        *count += 1;
        format!("{before}[{count}]")
    })
}
