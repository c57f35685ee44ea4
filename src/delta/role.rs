//! What a content is in its module, and which contents are encoded together.

use std::collections::HashMap;

/// The role of a content in its module. It decides which methods are tried, and how a base is rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A code section.
    Code,
    /// A data section that is not cut.
    Data,
    /// An element section.
    Elements,
    /// A name section.
    Names,
    /// Any other content.
    Other,
}

impl Role {
    /// Returns the role of the layer with this section path.
    pub fn of_path(path: &str) -> Self {
        let last = path.rsplit('/').next().unwrap_or_default();
        match last.split_once('[') {
            Some(("code", _)) => Self::Code,
            Some(("data", _)) => Self::Data,
            Some(("element", _)) => Self::Elements,
            Some(("custom", rest)) if rest.ends_with("]:name") => Self::Names,
            _ => Self::Other,
        }
    }
}

/// Returns which layers are encoded together, as lists of indices in `paths`: the contents with a role of each module,
/// and each other content alone.
pub fn groups(paths: &[&str]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut modules = HashMap::new();
    for (index, path) in paths.iter().enumerate() {
        let module = path.rsplit_once('/').map_or("", |(module, _)| module);
        match Role::of_path(path) {
            Role::Other => groups.push(vec![index]),
            _ => {
                let group = *modules.entry(module).or_insert_with(|| {
                    groups.push(Vec::new());
                    groups.len() - 1
                });
                groups[group].push(index);
            }
        }
    }
    groups
}
