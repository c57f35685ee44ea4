//! A manifest and everything that must be in a store before it.

use std::collections::HashSet;

use super::links::{Link, LinkedManifest, Links};
use super::{Copier, Error};
use crate::digest::{Identity, Mismatch};
use crate::reference::Name;
use crate::store::{self, RawManifest, Subject};

/// The maximum number of levels of manifests below the first: indexes in indexes, and subjects of subjects.
const MAX_DEPTH: usize = 16;

/// The maximum size of the manifests in memory at once, in bytes.
const MAX_TREE_BYTES: usize = 128 * 1024 * 1024;

/// A step of the walk.
enum WalkStep {
    /// Read this manifest at this depth below the first.
    Read(Link, Role, usize),
    /// Add this manifest, whose children are already in the list.
    Take(LinkedManifest),
}

/// The relation of a manifest to the manifest that names it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Child,
    /// May be missing.
    Subject,
}

impl Copier<'_> {
    /// Reads a manifest's dependencies: the manifests of an index, and the subject if the source has it. Skips the
    /// manifests that the target has. Dependencies come first in the list, and the manifest itself comes last.
    pub(super) async fn tree(&mut self, root: RawManifest) -> Result<Vec<LinkedManifest>, Error> {
        let mut met = HashSet::from([root.digest]);
        let mut tree = Vec::new();
        let mut bytes = root.bytes.len();
        let mut steps = Vec::new();
        push_steps(self.node(root)?, 0, &mut steps);
        while let Some(step) = steps.pop() {
            let (link, role, depth) = match step {
                WalkStep::Take(node) => {
                    tree.push(node);
                    continue;
                }
                WalkStep::Read(link, role, depth) => (link, role, depth),
            };
            let digest = link.identity().digest;
            if self.written.contains(&digest) || !met.insert(digest) {
                continue;
            }
            let Some(node) = self.read_linked(&link, role).await? else {
                continue;
            };
            bytes += node.manifest.bytes.len();
            if depth > MAX_DEPTH || bytes > MAX_TREE_BYTES {
                let reason = match depth > MAX_DEPTH {
                    true => format!("it is more than {MAX_DEPTH} levels deep"),
                    false => {
                        format!("the manifests together have more than {MAX_TREE_BYTES} bytes")
                    }
                };
                return Err(self.malformed(format!("manifest `{digest}`"), reason));
            }
            push_steps(node, depth, &mut steps);
        }
        Ok(tree)
    }

    /// Reads a manifest that another one names. Returns nothing for a subject that the source lacks or the target has.
    async fn read_linked(
        &mut self,
        link: &Link,
        role: Role,
    ) -> Result<Option<LinkedManifest>, Error> {
        let blob = link.identity();
        let name = Name::Digest(blob.digest);
        if role == Role::Subject && self.target_manifest(&name).await?.is_some() {
            self.written.insert(blob.digest);
            return Ok(None);
        }
        let mut manifest = match self.source_manifest(&name).await {
            Err(error) if role == Role::Subject && error.is_absence() => return Ok(None),
            read => read?,
        };
        let found = Identity {
            digest: manifest.digest,
            size: manifest.bytes.len() as u64,
        };
        if found != blob {
            return Err(self.corrupt(blob, found));
        }
        if let Some(stated) = link.media_type() {
            manifest = RawManifest::stated(manifest.bytes, stated);
        }
        self.node(manifest).map(Some)
    }

    fn node(&self, manifest: RawManifest) -> Result<LinkedManifest, Error> {
        let links = self.links(&manifest)?;
        Ok(LinkedManifest { manifest, links })
    }

    pub(super) fn links(&self, manifest: &RawManifest) -> Result<Links, Error> {
        let what = format!("manifest `{}`", manifest.digest);
        Links::read(&manifest.bytes).map_err(|reason| self.malformed(what, reason))
    }

    /// Returns the error for unusable content in the source.
    pub(super) fn malformed(&self, what: String, reason: String) -> Error {
        Error::source(&what)(store::Error::Malformed {
            what: what.clone(),
            location: self.blobs.from.location(),
            reason,
        })
    }

    /// Returns the error for a source that returned other bytes than requested.
    pub(super) fn corrupt(&self, expected: Identity, found: Identity) -> Error {
        let what = format!("manifest `{}`", expected.digest);
        let mismatch = Mismatch { expected, found };
        let subject = Subject::Other(what.clone());
        Error::source(what)(store::Error::corrupt(self.blobs.from, subject, mismatch))
    }
}

/// Pushes a manifest and, on top of it, its dependencies, so that they are taken first.
fn push_steps(node: LinkedManifest, depth: usize, steps: &mut Vec<WalkStep>) {
    let children = node.links.manifests.iter().rev().cloned();
    let children = children.map(|link| WalkStep::Read(link, Role::Child, depth + 1));
    let subject = node.links.subject.clone();
    let subject = subject.map(|link| WalkStep::Read(link, Role::Subject, depth + 1));
    let below: Vec<WalkStep> = children.chain(subject).collect();
    steps.push(WalkStep::Take(node));
    steps.extend(below);
}
