//! The digests and sizes of a component and of all parts in its plan.

use std::io::{self, Read};
use std::iter;
use std::ops::Range;
use std::thread;

use super::SplitPlan;
use crate::digest::{Hasher, Identity};
use crate::source::{RangesReader, Source};

const BUFFER_BYTES: usize = 128 * 1024;

/// The identities of a component and of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identities {
    /// The whole component.
    pub content: Identity,
    /// The root.
    pub root: Identity,
    /// The section layers, in the order of the plan.
    pub layers: Vec<Identity>,
}

/// Hashes a component as a whole and part by part, in two threads.
pub fn identify<S: Source + ?Sized>(source: &S, plan: &SplitPlan) -> io::Result<Identities> {
    thread::scope(|scope| {
        let whole = scope.spawn(|| identity(source, iter::once(0..plan.size)));
        let root = identity(source, plan.root_ranges());
        let layers: io::Result<Vec<Identity>> = plan
            .holes()
            .map(|hole| identity(source, iter::once(hole)))
            .collect();
        let whole = whole
            .join()
            .map_err(|_| io::Error::other("hashing panicked"))?;
        Ok(Identities {
            content: whole?,
            root: root?,
            layers: layers?,
        })
    })
}

fn identity<S: Source + ?Sized>(
    source: &S,
    ranges: impl IntoIterator<Item = Range<u64>>,
) -> io::Result<Identity> {
    let mut reader = RangesReader::new(source, ranges);
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut hasher = Hasher::new();
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hasher.identity()),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
