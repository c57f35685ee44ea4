//! Who may call whom in a core module.

use super::MAX_FUNCTIONS;

/// Somewhere a call may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callee {
    /// The function of this index.
    Function(u32),
    /// Whatever a reference may be of.
    Reference,
    /// Outside, where any export may be called from.
    Outside,
}

/// Numbers of callees that are no function; there are fewer functions.
const REFERENCE: u32 = u32::MAX;
const OUTSIDE: u32 = u32::MAX - 1;

/// The calls of a module, as index vectors.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// How many functions are imported.
    pub(super) imported: u32,
    /// Where the callees of each defined function end, after those of the one before.
    ends: Vec<usize>,
    callees: Vec<u32>,
    room: usize,
    /// For each callee the caller that was last seen with it, plus one: each is noted once a caller.
    noted: Vec<u32>,
    noted_reference: u32,
    noted_outside: u32,
    /// Functions that references are made of.
    referenced: Vec<u32>,
    is_referenced: Vec<bool>,
    /// Functions that can be called from outside.
    pub(super) exported: Vec<u32>,
    /// Whether a table is imported or exported, so that what is in it can come from outside and be called there.
    pub(super) shares_table: bool,
    /// Whether a reference can come from another module or go there, other than in a table.
    pub(super) shares_references: bool,
}

impl Calls {
    /// Keeps up to `room` calls.
    pub(super) fn new(room: usize) -> Self {
        Self {
            room,
            ..Self::default()
        }
    }

    /// Returns how many more calls are kept.
    pub(super) fn room_left(&self) -> usize {
        self.room - self.callees.len()
    }

    /// Returns the index of the function whose body is being read.
    pub(super) fn current(&self) -> u32 {
        // Their number is bounded.
        self.imported + self.ends.len() as u32
    }

    /// Notes that the function whose body is being read may call another; returns whether there was room.
    pub(super) fn call(&mut self, callee: Callee) -> bool {
        let caller = self.current() + 1;
        let (number, noted) = match callee {
            Callee::Reference => (REFERENCE, &mut self.noted_reference),
            Callee::Outside => (OUTSIDE, &mut self.noted_outside),
            Callee::Function(index) => (index, slot(&mut self.noted, index)),
        };
        if *noted == caller {
            return true;
        }
        *noted = caller;
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

    /// Notes that a reference to a function is made somewhere.
    pub(super) fn refer(&mut self, function: u32) {
        let known = slot(&mut self.is_referenced, function);
        if !*known {
            *known = true;
            self.referenced.push(function);
        }
    }

    /// Returns which functions these may lead to, themselves included, by function index.
    pub(super) fn reached_from(&self, entries: &Entered) -> Reached {
        self.follow(entries, true)
    }

    /// Returns the same where what is imported does not come back.
    pub(super) fn reached_within(&self, entries: &Entered) -> Reached {
        self.follow(entries, false)
    }

    /// Returns whether a function of another module can be called through a reference here, or the other way round.
    pub(super) fn shares(&self) -> bool {
        self.shares_table || self.shares_references
    }

    /// Forgets what is needed only while bodies are read.
    pub(super) fn finish(&mut self) {
        self.noted = Vec::new();
        self.is_referenced = Vec::new();
        self.callees.shrink_to_fit();
    }

    fn follow(&self, entries: &Entered, comes_back: bool) -> Reached {
        let mut reached = Reached::default();
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

    /// A function whose body is missing calls nothing.
    fn end(&self, defined: usize) -> usize {
        self.ends
            .get(defined)
            .copied()
            .unwrap_or(self.callees.len())
    }
}

/// Where a module is entered.
#[derive(Debug, Clone, Default)]
pub(super) struct Entered {
    /// At these functions.
    pub(super) functions: Vec<u32>,
    /// Wherever a reference that others may have leads.
    pub(super) references: bool,
    /// At every export.
    pub(super) exports: bool,
}

/// Functions that were reached.
#[derive(Debug, Default)]
pub(super) struct Reached {
    functions: Vec<bool>,
    reference: bool,
    outside: bool,
}

impl Reached {
    pub(super) fn contains(&self, function: u32) -> bool {
        self.functions.get(function as usize) == Some(&true)
    }

    /// Whether a call through a reference was reached.
    pub(super) fn has_reference(&self) -> bool {
        self.reference
    }

    /// Whether it was reached that anything outside may go on.
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

/// Returns the slot of a function, whose index is bounded.
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

    /// Imports function 0; the bodies of functions 1 and up call these.
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
        let entries = Entered {
            functions: entries.to_vec(),
            ..Entered::default()
        };
        let reached = calls.reached_from(&entries);
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
    fn references_and_imports_lead_where_they_may() {
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
