//! One artifact from one store to another: what it stands on, itself, what belongs to it, its tag.

use std::collections::HashSet;
use std::time::Instant;

use super::blobs::Blobs;
use super::links::Node;
use super::tags::{companion, is_companion, is_fallback};
use super::{Copied, Error, Options};
use crate::digest::{Digest, Identity};
use crate::reference::{Name, is_tag};
use crate::store::{self, RawManifest, Session, Store, WritableStore};

/// How many manifests an artifact may have, with all that belongs to it.
const MAX_MANIFESTS: usize = 10_000;

/// Copies artifacts between two stores, and remembers what the target has. Blobs and manifests that several artifacts
/// share are looked for, sent and counted once, with the first.
pub struct Copier<'a> {
    pub(super) blobs: Blobs<'a>,
    /// Manifests that are in the target with all that they name.
    pub(super) written: HashSet<Digest>,
    /// Tags of the target that name what those of the source do.
    tagged: HashSet<String>,
    /// All tags of the source, where they are known.
    tags: Option<HashSet<String>>,
    /// Whose referrers were copied.
    asked: HashSet<Digest>,
    /// How many manifests of the source were read for this artifact.
    read: usize,
}

/// A manifest of the source that a tag names, or will name.
struct Tagged {
    tag: String,
    manifest: RawManifest,
    /// Whether the target's tag names it already.
    there: bool,
}

impl<'a> Copier<'a> {
    /// Begins, with nothing copied yet.
    pub fn new(
        from: &'a dyn Store,
        to: &'a dyn WritableStore,
        options: &'a Options,
        session: &'a Session,
    ) -> Self {
        Self {
            blobs: Blobs {
                from,
                to,
                options,
                session,
                present: HashSet::new(),
            },
            written: HashSet::new(),
            tagged: HashSet::new(),
            tags: None,
            asked: HashSet::new(),
            read: 0,
        }
    }

    /// Copies every tag of the source; returns what became of each. Companions whose manifest has no tag of its own come
    /// last.
    ///
    /// The tags under which clients list referrers for registries that do not are left out: the target keeps its own.
    pub async fn all_tags(&mut self) -> Result<Vec<(String, Copied)>, Error> {
        let listed = self.blobs.from.tags().await;
        let mut tags = listed.map_err(Error::source("the list of tags"))?;
        self.tags = Some(tags.iter().cloned().collect());
        let suffixes = &self.blobs.options.companions;
        tags.retain(|tag| !is_fallback(tag));
        tags.sort_by_key(|tag| is_companion(tag, suffixes));
        let mut done = Vec::with_capacity(tags.len());
        for tag in tags {
            if !self.tagged.contains(&tag) {
                let name = Name::Tag(tag.clone());
                let copied = self.artifact(&name, Some(&tag)).await?;
                done.push((tag, copied));
            }
        }
        Ok(done)
    }

    /// Copies an artifact of any kind, byte for byte, and lets `tag` name it in the target. After a failure other
    /// artifacts can still be copied.
    ///
    /// With it go the manifests of an index, its subject where the source has that, its companions, and if
    /// so wanted its referrers. All of it is in the target before the tag is; what the target had is not sent
    /// again, so a copy that was interrupted continues. Nothing is written where the target's tags name the
    /// same manifests already.
    ///
    /// A foreign layer (one with `urls`: docker's and the image specification's non-distributable layers) is
    /// copied only if the source has it. Everything else that a manifest names must be there.
    pub async fn artifact(&mut self, name: &Name, tag: Option<&str>) -> Result<Copied, Error> {
        if let Some(tag) = tag {
            check_tag(tag)?;
        }
        self.read = 0;
        let top = self.source_manifest(name).await?;
        let target = tag.map_or(Name::Digest(top.digest), |tag| Name::Tag(tag.to_owned()));
        let there = match tag.filter(|tag| self.is_fixed(tag)) {
            Some(tag) => self.is_fixed_there(tag, top.digest).await?,
            None => self.is_there(&target, top.digest).await?,
        };
        let companions = self.companions(top.digest).await?;
        let mut copied = Copied::nothing(top.digest);
        let mut subjects = vec![top.digest];
        if !there {
            self.send_below(&top, &mut copied).await?;
        }
        for Tagged {
            manifest,
            tag,
            there,
        } in companions
        {
            subjects.push(manifest.digest);
            if !there {
                // It may be about the first, which must not be missing then.
                self.write(&top, None, &mut copied).await?;
                self.send_below(&manifest, &mut copied).await?;
                self.write(&manifest, Some(&tag), &mut copied).await?;
            }
            self.tagged.insert(tag);
        }
        if self.blobs.options.referrers {
            self.referrers(&top, subjects, &mut copied).await?;
        }
        match tag.filter(|tag| self.is_fixed(tag)) {
            _ if there => {}
            Some(tag) => self.write_fixed(&top, tag, &mut copied).await?,
            None => self.write(&top, tag, &mut copied).await?,
        }
        self.tagged.extend(tag.map(str::to_owned));
        Ok(copied)
    }

    /// Returns whether the target has this manifest under this name, and remembers it.
    async fn is_there(&mut self, name: &Name, digest: Digest) -> Result<bool, Error> {
        let found = self.target_manifest(name).await?;
        let there = found.is_some_and(|found| found.digest == digest);
        if there {
            self.written.insert(digest);
        }
        Ok(there)
    }

    fn is_fixed(&self, tag: &str) -> bool {
        (self.blobs.options.fixed_tags)(tag)
    }

    /// As [`Self::is_there`]; fails where the tag names another manifest.
    async fn is_fixed_there(&mut self, tag: &str, digest: Digest) -> Result<bool, Error> {
        match self.target_manifest(&Name::Tag(tag.to_owned())).await? {
            Some(found) if found.digest != digest => Err(Error::Fixed {
                tag: tag.to_owned(),
                location: self.blobs.to.location(),
                existing: found.digest,
                digest,
            }),
            Some(_) => {
                self.written.insert(digest);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Writes a tag that must not move: looked at once more, because the blobs may have taken minutes, and read
    /// again after so long as others who looked before need to write.
    async fn write_fixed(
        &mut self,
        manifest: &RawManifest,
        tag: &str,
        copied: &mut Copied,
    ) -> Result<(), Error> {
        let begun = Instant::now();
        if self.is_fixed_there(tag, manifest.digest).await? {
            return Ok(());
        }
        self.write(manifest, Some(tag), copied).await?;
        super::settle(begun).await;
        let name = Name::Tag(tag.to_owned());
        let found = self.blobs.to.manifest(&name).await;
        let found = found.map_err(Error::target(format!("manifest `{name}`")))?;
        if found.digest == manifest.digest {
            return Ok(());
        }
        Err(Error::Overtaken {
            tag: tag.to_owned(),
            location: self.blobs.to.location(),
            existing: found.digest,
        })
    }

    /// Finds the marks of a manifest in the source.
    async fn companions(&mut self, digest: Digest) -> Result<Vec<Tagged>, Error> {
        let mut companions = Vec::new();
        for suffix in &self.blobs.options.companions {
            let tag = companion(&digest, suffix);
            if self.tags.as_ref().is_some_and(|tags| !tags.contains(&tag)) {
                continue;
            }
            let name = Name::Tag(tag.clone());
            let manifest = match self.source_manifest(&name).await {
                Err(error) if error.is_absence() => continue,
                read => read?,
            };
            let there = self.is_there(&name, manifest.digest).await?;
            companions.push(Tagged {
                tag,
                manifest,
                there,
            });
        }
        Ok(companions)
    }

    /// Copies all that a manifest names, but not the manifest.
    async fn send_below(&mut self, root: &RawManifest, copied: &mut Copied) -> Result<(), Error> {
        if self.written.contains(&root.digest) {
            return Ok(());
        }
        let mut tree = self.tree(root.clone()).await?;
        let links = tree.iter().flat_map(|node| &node.links.blobs);
        copied.outcome.merge(self.blobs.copy(links).await?);
        tree.pop();
        for Node { manifest, .. } in tree {
            self.write(&manifest, None, copied).await?;
        }
        Ok(())
    }

    /// Writes a manifest whose blobs and children are there. Without a tag once is enough.
    async fn write(
        &mut self,
        manifest: &RawManifest,
        tag: Option<&str>,
        copied: &mut Copied,
    ) -> Result<(), Error> {
        if tag.is_none() && self.written.contains(&manifest.digest) {
            return Ok(());
        }
        self.put(manifest, tag, copied).await
    }

    /// Writes a manifest, even if it was written before.
    async fn put(
        &mut self,
        manifest: &RawManifest,
        tag: Option<&str>,
        copied: &mut Copied,
    ) -> Result<(), Error> {
        let name = tag.map_or_else(|| manifest.digest.to_string(), str::to_owned);
        self.blobs
            .to
            .push_manifest(manifest, tag)
            .await
            .map_err(Error::target(format!("manifest `{name}`")))?;
        let first = self.written.insert(manifest.digest);
        copied.news = true;
        copied.manifests += usize::from(first);
        Ok(())
    }

    /// Copies the manifests that are about these, those that are about them, and so on.
    async fn referrers(
        &mut self,
        top: &RawManifest,
        mut subjects: Vec<Digest>,
        copied: &mut Copied,
    ) -> Result<(), Error> {
        while let Some(subject) = subjects.pop() {
            if !self.asked.insert(subject) {
                continue;
            }
            let what = || format!("the referrers of {subject}");
            let Blobs { from, to, .. } = self.blobs;
            let listed = from.referrers(&subject, None).await;
            let listed = listed.map_err(Error::source(what()))?;
            if let Some(doubt) = from.referrers_doubt() {
                let warning = format!("{doubt}; only referrers that a tag lists are copied");
                self.blobs.session.observer.warned(&warning);
            }
            if listed.is_empty() {
                continue;
            }
            let known = to.referrers(&subject, None).await;
            let known = known.map_err(Error::target(what()))?;
            let known: HashSet<Digest> = known.iter().map(|known| known.digest).collect();
            for digest in listed.iter().map(|listed| listed.digest) {
                let name = Name::Digest(digest);
                // One that is listed may be gone, there as here; one that is there may not be listed, where
                // the list was not written any more or is gone.
                let there = known.contains(&digest)
                    && (self.written.contains(&digest) || self.is_there(&name, digest).await?);
                if !there {
                    let manifest = match self.source_manifest(&name).await {
                        Err(error) if error.is_absence() => continue,
                        read => read?,
                    };
                    self.write(top, None, copied).await?;
                    self.send_below(&manifest, copied).await?;
                    self.put(&manifest, None, copied).await?;
                }
                subjects.push(digest);
            }
        }
        Ok(())
    }

    /// Reads a manifest of the source, and makes sure that it is the one that was asked for.
    pub(super) async fn source_manifest(&mut self, name: &Name) -> Result<RawManifest, Error> {
        let from = self.blobs.from;
        let what = format!("manifest `{name}`");
        self.read += 1;
        if self.read > MAX_MANIFESTS {
            let reason = format!("more than {MAX_MANIFESTS} manifests belong together");
            return Err(self.malformed(what, reason));
        }
        let manifest = from.manifest(name).await.map_err(Error::source(what))?;
        let expected = match name {
            Name::Digest(digest) => *digest,
            Name::Tag(_) => manifest.digest,
        };
        let found = Identity::of(&manifest.bytes);
        if found.digest != expected {
            let size = found.size;
            let digest = expected;
            return Err(self.corrupt(Identity { digest, size }, found));
        }
        Ok(RawManifest::stated(manifest.bytes, &manifest.media_type))
    }

    /// Reads a manifest of the target, if it is there.
    pub(super) async fn target_manifest(&self, name: &Name) -> Result<Option<RawManifest>, Error> {
        match self.blobs.to.manifest(name).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(Error::target(format!("manifest `{name}`"))(error)),
        }
    }
}

/// Refuses what must not be written as a tag: a name that is none, as a layout may have it, would lead a
/// registry elsewhere.
fn check_tag(tag: &str) -> Result<(), Error> {
    let reason = if !is_tag(tag) {
        "it has other characters than a tag, or too many"
    } else if is_fallback(tag) {
        "it is for the list of referrers, which every registry keeps for itself"
    } else {
        return Ok(());
    };
    let reason = reason.to_owned();
    Err(Error::target(format!("tag `{tag}`"))(
        store::Error::Settings { reason },
    ))
}
