//! A manifest with all that must be in a store before it can be.

use std::collections::HashSet;

use super::links::{Link, Links, Node};
use super::{Copier, Error};
use crate::digest::{Identity, Mismatch};
use crate::reference::Name;
use crate::store::{self, RawManifest, Subject};

/// How deep manifests may be below the first: indexes in indexes, and subjects of subjects.
const MAX_DEPTH: usize = 16;

/// How many bytes of manifests are held at once.
const MAX_TREE_BYTES: usize = 128 * 1024 * 1024;

/// One piece of the walk.
enum Step {
    /// A manifest to read, so deep below the first.
    Read(Link, Role, usize),
    /// One whose children are in the list.
    Take(Node),
}

/// What a manifest is to the one that names it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Child,
    /// It may be missing.
    Subject,
}

impl Copier<'_> {
    /// Reads what a manifest stands on: the manifests of an index, and its subject where the source has
    /// it. Those that the target has are left out. Each comes after all that it names; the last one is
    /// the manifest itself.
    pub(super) async fn tree(&mut self, root: RawManifest) -> Result<Vec<Node>, Error> {
        let mut met = HashSet::from([root.digest]);
        let mut tree = Vec::new();
        let mut bytes = root.bytes.len();
        let mut steps = Vec::new();
        expand(self.node(root)?, 0, &mut steps);
        while let Some(step) = steps.pop() {
            let (link, role, depth) = match step {
                Step::Take(node) => {
                    tree.push(node);
                    continue;
                }
                Step::Read(link, role, depth) => (link, role, depth),
            };
            let digest = link.identity().digest;
            if self.written.contains(&digest) || !met.insert(digest) {
                continue;
            }
            let Some(node) = self.named(&link, role).await? else {
                continue;
            };
            bytes += node.manifest.bytes.len();
            if depth > MAX_DEPTH || bytes > MAX_TREE_BYTES {
                let reason = match depth > MAX_DEPTH {
                    true => format!("it is more than {MAX_DEPTH} levels deep"),
                    false => format!("manifests of more than {MAX_TREE_BYTES} bytes come together"),
                };
                return Err(self.malformed(format!("manifest `{digest}`"), reason));
            }
            expand(node, depth, &mut steps);
        }
        Ok(tree)
    }

    /// Reads a manifest that another one names; nothing where that is a subject that is not in the
    /// source, or that the target has.
    async fn named(&mut self, link: &Link, role: Role) -> Result<Option<Node>, Error> {
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

    fn node(&self, manifest: RawManifest) -> Result<Node, Error> {
        let links = self.links(&manifest)?;
        Ok(Node { manifest, links })
    }

    /// Reads what a manifest names.
    pub(super) fn links(&self, manifest: &RawManifest) -> Result<Links, Error> {
        let what = format!("manifest `{}`", manifest.digest);
        Links::read(&manifest.bytes).map_err(|reason| self.malformed(what, reason))
    }

    /// Something in the source cannot be copied as it is.
    pub(super) fn malformed(&self, what: String, reason: String) -> Error {
        Error::source(&what)(store::Error::Malformed {
            what: what.clone(),
            location: self.blobs.from.location(),
            reason,
        })
    }

    /// The source gave other bytes than those that were named.
    pub(super) fn corrupt(&self, expected: Identity, found: Identity) -> Error {
        let what = format!("manifest `{}`", expected.digest);
        let mismatch = Mismatch { expected, found };
        let subject = Subject::Other(what.clone());
        Error::source(what)(store::Error::corrupt(self.blobs.from, subject, mismatch))
    }
}

/// Puts what a manifest names before it: steps are taken from the end.
fn expand(node: Node, depth: usize, steps: &mut Vec<Step>) {
    let children = node.links.manifests.iter().rev().cloned();
    let children = children.map(|link| Step::Read(link, Role::Child, depth + 1));
    let subject = node.links.subject.clone();
    let subject = subject.map(|link| Step::Read(link, Role::Subject, depth + 1));
    let below: Vec<Step> = children.chain(subject).collect();
    steps.push(Step::Take(node));
    steps.extend(below);
}
