//! The calls between the functions of a core module.

use super::MAX_FUNCTIONS;

/// A possible target of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callee {
    /// The function with this index.
    Function(u32),
    /// Any function that a reference may point to.
    Reference,
    /// Code outside of the module, which may call any export.
    Outside,
}

/// Callee numbers that are not functions. Function indices are smaller.
const REFERENCE: u32 = u32::MAX;
const OUTSIDE: u32 = u32::MAX - 1;

/// The calls of a module, in index vectors.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// The number of imported functions.
    pub(super) imported: u32,
    /// For each defined function, the end of its callees. They begin at the end of the previous function's.
    ends: Vec<usize>,
    callees: Vec<u32>,
    room: usize,
    /// For each callee, the last caller plus one. Each callee is recorded once per caller.
    last_callers: Vec<u32>,
    last_reference: u32,
    last_outside: u32,
    /// Functions to which the module makes a reference.
    referenced: Vec<u32>,
    is_referenced: Vec<bool>,
    /// Functions that can be called from outside.
    pub(super) exported: Vec<u32>,
    /// Whether a table is imported or exported. Then its functions can come from outside and be called there.
    pub(super) shares_table: bool,
    /// Whether a reference can cross the module's border other than in a table.
    pub(super) shares_references: bool,
}

impl Calls {
    /// Returns an empty value with room for `room` calls.
    pub(super) fn new(room: usize) -> Self {
        Self {
            room,
            ..Self::default()
        }
    }

    /// Returns how many more calls fit.
    pub(super) fn room_left(&self) -> usize {
        self.room - self.callees.len()
    }

    /// Returns the index of the function whose body is being read.
    pub(super) fn current(&self) -> u32 {
        // The number of functions is bounded.
        self.imported + self.ends.len() as u32
    }

    /// Records a call of the function whose body is being read. Returns whether there was room.
    pub(super) fn call(&mut self, callee: Callee) -> bool {
        let caller = self.current() + 1;
        let (number, last_caller) = match callee {
            Callee::Reference => (REFERENCE, &mut self.last_reference),
            Callee::Outside => (OUTSIDE, &mut self.last_outside),
            Callee::Function(index) => (index, slot(&mut self.last_callers, index)),
        };
        if *last_caller == caller {
            return true;
        }
        *last_caller = caller;
        if self.callees.len() >= self.room {
            return false;
        }
        self.callees.push(number);
        true
    }

    /// Ends the body that is being read.
    pub(super) fn end_body(&mut self) {
        self.ends.push(self.callees.len());
    }

    /// Records that the module makes a reference to a function.
    pub(super) fn refer(&mut self, function: u32) {
        let known = slot(&mut self.is_referenced, function);
        if !*known {
            *known = true;
            self.referenced.push(function);
        }
    }

    /// Returns the functions that a module may run if it is entered here, including the entered ones.
    pub(super) fn reachable_from(&self, entries: &EntryPoints) -> ReachedFunctions {
        self.follow(entries, true)
    }

    /// Returns the same functions, if imported functions never call back.
    pub(super) fn reachable_within(&self, entries: &EntryPoints) -> ReachedFunctions {
        self.follow(entries, false)
    }

    /// Returns whether a function can be called through a reference from another module, in either direction.
    pub(super) fn shares(&self) -> bool {
        self.shares_table || self.shares_references
    }

    /// Drops the data that is needed only while bodies are read.
    pub(super) fn finish(&mut self) {
        self.last_callers = Vec::new();
        self.is_referenced = Vec::new();
        self.callees.shrink_to_fit();
    }

    fn follow(&self, entries: &EntryPoints, comes_back: bool) -> ReachedFunctions {
        let mut reached = ReachedFunctions::default();
        let mut pending = Vec::new();
        reached.visit(&entries.functions, &mut pending);
        if entries.references && self.shares() {
            reached.visit(&[REFERENCE], &mut pending);
        }
        if entries.exports {
            reached.visit(&[OUTSIDE], &mut pending);
        }
        while let Some(next) = pending.pop() {
            match next {
                REFERENCE => {
                    reached.visit(&self.referenced, &mut pending);
                    if self.shares_table && comes_back {
                        reached.visit(&[OUTSIDE], &mut pending);
                    }
                }
                OUTSIDE => {
                    reached.visit(&self.exported, &mut pending);
                    if self.shares_table {
                        reached.visit(&[REFERENCE], &mut pending);
                    }
                }
                function => match function.checked_sub(self.imported) {
                    None if comes_back => reached.visit(&[OUTSIDE], &mut pending),
                    None => {}
                    Some(defined) => reached.visit(self.callees(defined as usize), &mut pending),
                },
            }
        }
        reached
    }

    fn callees(&self, defined: usize) -> &[u32] {
        let start = defined.checked_sub(1).map_or(0, |before| self.end(before));
        &self.callees[start..self.end(defined)]
    }

    /// A function without a body calls nothing.
    fn end(&self, defined: usize) -> usize {
        self.ends
            .get(defined)
            .copied()
            .unwrap_or(self.callees.len())
    }
}

/// The points where a module is entered.
#[derive(Debug, Clone, Default)]
pub(super) struct EntryPoints {
    /// The functions that are entered.
    pub(super) functions: Vec<u32>,
    /// Whether it is entered at all functions that a shared reference may point to.
    pub(super) references: bool,
    /// Whether it is entered at all exports.
    pub(super) exports: bool,
}

/// The functions that may run.
#[derive(Debug, Default)]
pub(super) struct ReachedFunctions {
    functions: Vec<bool>,
    reference: bool,
    outside: bool,
}

impl ReachedFunctions {
    pub(super) fn contains(&self, function: u32) -> bool {
        self.functions.get(function as usize) == Some(&true)
    }

    /// Returns whether a call through a reference may run.
    pub(super) fn has_reference(&self) -> bool {
        self.reference
    }

    /// Returns whether code outside may run next.
    pub(super) fn has_outside(&self) -> bool {
        self.outside
    }

    fn visit(&mut self, numbers: &[u32], pending: &mut Vec<u32>) {
        for &number in numbers {
            let reached = match number {
                REFERENCE => &mut self.reference,
                OUTSIDE => &mut self.outside,
                function => slot(&mut self.functions, function),
            };
            if !*reached {
                *reached = true;
                pending.push(number);
            }
        }
    }
}

/// Returns the slot of a function. Its index is bounded.
fn slot<T: Default + Clone>(slots: &mut Vec<T>, function: u32) -> &mut T {
    debug_assert!(function < MAX_FUNCTIONS);
    let index = function as usize;
    if slots.len() <= index {
        slots.resize(index + 1, T::default());
    }
    &mut slots[index]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the calls of a module that imports function 0. Functions from 1 on have these bodies.
    fn calls(bodies: &[&[Callee]]) -> Calls {
        let mut calls = Calls {
            imported: 1,
            ..Calls::new(100)
        };
        for body in bodies {
            for &callee in *body {
                assert!(calls.call(callee));
            }
            calls.end_body();
        }
        calls
    }

    fn reached(calls: &Calls, entries: &[u32]) -> Vec<u32> {
        let entries = EntryPoints {
            functions: entries.to_vec(),
            ..EntryPoints::default()
        };
        let reached = calls.reachable_from(&entries);
        (0..10)
            .filter(|&function| reached.contains(function))
            .collect()
    }

    #[test]
    fn calls_are_followed_in_chains_and_circles() {
        use Callee::Function;
        let calls = calls(&[
            &[Function(2), Function(2)],
            &[Function(3), Function(1)],
            &[],
            &[Function(4)],
        ]);
        assert_eq!(calls.callees.len(), 4, "each callee once a caller");
        assert_eq!(reached(&calls, &[1]), [1, 2, 3]);
        assert_eq!(reached(&calls, &[3, 4]), [3, 4]);
        assert_eq!(reached(&calls, &[9]), [9], "no body, no calls");
    }

    #[test]
    fn references_and_imports_reach_every_possible_function() {
        let mut calls = calls(&[&[Callee::Reference], &[Callee::Function(0)], &[], &[], &[]]);
        calls.refer(3);
        calls.exported = vec![4];
        assert_eq!(reached(&calls, &[1]), [1, 3]);
        assert_eq!(reached(&calls, &[2]), [0, 2, 4]);
        calls.shares_table = true;
        assert_eq!(reached(&calls, &[1]), [1, 3, 4]);
        assert_eq!(reached(&calls, &[2]), [0, 2, 3, 4]);
    }
}
