//! Calls between the modules of a file at the start.

use std::collections::BTreeSet;

use super::calls::{EntryPoints, ReachedFunctions};
use super::module::ModuleFacts;
use super::{Entries, Mode, Module, SegmentVerdict, UnreadPart};

/// The maximum number of passes over all modules. If calls cross more often, they are assumed to go anywhere.
const MAX_ROUNDS: usize = 100;

/// The calls from one module into another.
#[derive(Debug, Default, PartialEq, Eq)]
struct ModuleCalls<'a> {
    /// The names of called exports.
    names: BTreeSet<&'a str>,
    /// Whether a shared reference is called.
    references: bool,
    /// Whether any export may be called.
    anything: bool,
}

impl<'a> ModuleCalls<'a> {
    /// Passes over the modules until no new call is found.
    fn of(modules: &'a [(String, ModuleFacts)], entries: &'a Entries) -> Self {
        let mut crossing = Self {
            anything: entries.all,
            ..Self::default()
        };
        for _ in 0..MAX_ROUNDS {
            let before = (crossing.names.len(), crossing.references);
            for (_, found) in modules {
                let reached = found
                    .code
                    .calls
                    .reachable_within(&crossing.entry_points(found));
                crossing.add(found, &reached, entries);
            }
            let after = (crossing.names.len(), crossing.references);
            if crossing.anything || before == after {
                return crossing;
            }
        }
        crossing.anything = true;
        crossing
    }

    /// Returns the points where a module is entered, by itself and by others.
    fn entry_points(&self, found: &ModuleFacts) -> EntryPoints {
        let called = found.exports.iter();
        let called = called.filter(|(name, _)| self.names.contains(&**name));
        let called = called.map(|&(_, function)| function);
        EntryPoints {
            functions: found.entries.iter().copied().chain(called).collect(),
            references: self.references || self.anything,
            exports: self.anything,
        }
    }

    fn add(&mut self, found: &'a ModuleFacts, reached: &ReachedFunctions, entries: &'a Entries) {
        let imports = (0_u32..).zip(&found.imports);
        let called = imports.filter(|&(function, _)| reached.contains(function));
        let mut leaves = false;
        for (_, name) in called {
            leaves = true;
            self.names.insert(name);
            let renamed = entries.renamed.get(&**name).into_iter().flatten();
            self.names.extend(renamed.map(String::as_str));
        }
        if leaves {
            let destructors = entries.destructors.iter();
            self.names.extend(destructors.map(String::as_str));
        }
        self.references |= reached.has_reference() && found.code.calls.shares();
        self.anything |= (leaves && entries.comes_back) || reached.has_outside();
    }
}

/// Returns the verdicts for the segments of all modules. `whole` says whether everything around the modules was
/// read.
pub(super) fn judge(
    modules: Vec<(String, ModuleFacts)>,
    entries: &Entries,
    whole: bool,
) -> Vec<Module> {
    let (crossing, all_read) = match entries.several {
        true => {
            let mut found = modules.iter().map(|(_, found)| found);
            let all_read = found.all(|found| found.unread.is_none());
            (ModuleCalls::of(&modules, entries), all_read)
        }
        false => (ModuleCalls::default(), true),
    };
    let entered: Vec<EntryPoints> = modules
        .iter()
        .map(|(_, found)| crossing.entry_points(found))
        .collect();
    let modules = modules.into_iter().zip(entered);
    modules
        .map(|((path, found), entered)| verdicts(path, found, entered, all_read, whole))
        .collect()
}

/// Returns the verdicts for the segments of one module. If `all_read` is false, another module may enter it
/// anywhere.
fn verdicts(
    path: String,
    found: ModuleFacts,
    mut entered: EntryPoints,
    all_read: bool,
    whole: bool,
) -> Module {
    let calls = &found.code.calls;
    let sure = calls.reachable_from(&entered);
    if !all_read {
        entered.references = true;
        entered.exports = true;
    }
    let possible = calls.reachable_from(&entered);
    let mut segments = found.segments;
    let mut unread = found.unread;
    let mut read = vec![(false, false); segments.len()];
    for (data_index, reader) in found.code.readers {
        let index = data_index as usize;
        let Some(segment) = segments.get_mut(index) else {
            unread.get_or_insert(UnreadPart::damaged(reader.offset, "no such data segment"));
            continue;
        };
        if reader.instruction.reads() {
            read[index].0 |= sure.contains(reader.function);
            read[index].1 |= possible.contains(reader.function);
        }
        segment.readers.push(reader);
    }
    let whole = whole && unread.is_none();
    for (segment, (sure, possible)) in segments.iter_mut().zip(read) {
        segment.verdict = match segment.mode {
            Mode::Passive if !sure && !possible && whole => SegmentVerdict::Streamable,
            Mode::Passive if !sure => SegmentVerdict::Unknown,
            _ => SegmentVerdict::ReadAtStart,
        };
    }
    Module {
        path,
        segments,
        unread,
    }
}
