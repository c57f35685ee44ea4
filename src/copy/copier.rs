//! Copies one artifact between two stores. The order of writes: its dependencies, the manifest, its companions and
//! referrers, its tag.

use std::collections::HashSet;
use std::time::Instant;

use super::blobs::BlobCopier;
use super::links::{LinkedManifest, has_annotation};
use super::tags::{companion, is_companion, is_fallback};
use super::{CopyOptions, CopySummary, Error};
use crate::digest::{Digest, Identity};
use crate::reference::{Name, is_tag};
use crate::store::{self, RawManifest, Session, Store, WritableStore};

/// The maximum number of manifests of an artifact, including everything copied with it.
const MAX_MANIFESTS: usize = 10_000;

/// Copies artifacts between two stores, and records the contents of the target. Blobs and manifests that several
/// artifacts share are looked up, sent and counted once, with the first artifact.
pub struct Copier<'a> {
    pub(super) blobs: BlobCopier<'a>,
    /// Manifests that the target has, with everything that they name.
    pub(super) written: HashSet<Digest>,
    /// Tags that name the same manifest in source and target.
    tagged: HashSet<String>,
    /// All tags of the source, if known.
    tags: Option<HashSet<String>>,
    /// Manifests whose referrers were copied.
    with_referrers: HashSet<Digest>,
    /// The number of source manifests read for this artifact.
    read: usize,
}

/// A manifest of the source with a tag in the target.
struct TaggedManifest {
    tag: String,
    manifest: RawManifest,
    /// Whether the target's tag already names the manifest.
    there: bool,
}

impl<'a> Copier<'a> {
    /// Returns a copier that has copied nothing yet.
    pub fn new(
        from: &'a dyn Store,
        to: &'a dyn WritableStore,
        options: &'a CopyOptions,
        session: &'a Session,
    ) -> Self {
        Self {
            blobs: BlobCopier {
                from,
                to,
                options,
                session,
                present: HashSet::new(),
            },
            written: HashSet::new(),
            tagged: HashSet::new(),
            tags: None,
            with_referrers: HashSet::new(),
            read: 0,
        }
    }

    /// Copies every tag of the source, and returns the result for each. Companions whose manifest has no tag of its own
    /// come last.
    ///
    /// Skips the tags in which clients list referrers for registries without a referrers API, because the target keeps
    /// its own.
    pub async fn all_tags(&mut self) -> Result<Vec<(String, CopySummary)>, Error> {
        let listed = self.blobs.from.tags().await;
        let mut tags = listed.map_err(Error::source("the list of tags"))?;
        self.tags = Some(tags.iter().cloned().collect());
        let kinds = &self.blobs.options.companions;
        tags.retain(|tag| !is_fallback(tag));
        tags.sort_by_key(|tag| is_companion(tag, kinds));
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
    /// Also copies the manifests of an index, the subject if the source has it, the companions, and with
    /// [`CopyOptions::referrers`] the referrers. All of them are in the target before the tag. Blobs that the target
    /// has are not sent, so a repeated copy continues an interrupted one. If the target's tags already name the same
    /// manifests, nothing is written.
    ///
    /// A foreign layer (a layer with `urls`, such as a non-distributable layer) is copied only if the source has it.
    /// Everything else that a manifest names must exist.
    pub async fn artifact(&mut self, name: &Name, tag: Option<&str>) -> Result<CopySummary, Error> {
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
        let companions = self.companions(&top).await?;
        let mut copied = CopySummary::empty(top.digest);
        let mut subjects = vec![top.digest];
        if !there {
            self.copy_dependencies(&top, &mut copied).await?;
        }
        for TaggedManifest {
            manifest,
            tag,
            there,
        } in companions
        {
            subjects.push(manifest.digest);
            if !there {
                // A companion may have this manifest as its subject, which must exist first.
                self.write(&top, None, &mut copied).await?;
                self.copy_dependencies(&manifest, &mut copied).await?;
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

    /// Returns whether the target has this manifest under this name, and records that.
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

    /// Does the same as [`Self::is_there`], but fails if the tag names another manifest.
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

    /// Writes a tag that must not move. Checks the tag again first, because copying the blobs may have taken minutes.
    /// Then waits for other writers and reads the tag back.
    async fn write_fixed(
        &mut self,
        manifest: &RawManifest,
        tag: &str,
        copied: &mut CopySummary,
    ) -> Result<(), Error> {
        let begun = Instant::now();
        if self.is_fixed_there(tag, manifest.digest).await? {
            return Ok(());
        }
        self.write(manifest, Some(tag), copied).await?;
        super::wait_for_writers(begun).await;
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

    /// Finds the companions of a manifest in the source.
    async fn companions(&mut self, top: &RawManifest) -> Result<Vec<TaggedManifest>, Error> {
        let mut companions: Vec<TaggedManifest> = Vec::new();
        for kind in &self.blobs.options.companions {
            let tag = companion(&top.digest, kind.suffix);
            let mut manifests = companions.iter().map(|companion| &companion.manifest);
            let is_announced = kind.annotation.map(|key| {
                has_annotation(top, key) || manifests.any(|manifest| has_annotation(manifest, key))
            });
            let is_listed = self.tags.as_ref().map(|tags| tags.contains(&tag));
            if is_announced == Some(false) || is_listed == Some(false) {
                continue;
            }
            let name = Name::Tag(tag.clone());
            let manifest = match self.source_manifest(&name).await {
                Err(error) if error.is_absence() => {
                    if is_announced == Some(true) {
                        let location = self.blobs.from.location();
                        let warning = format!("{location} lacks `{tag}`, which is not copied");
                        self.blobs.session.observer.warned(&warning);
                    }
                    continue;
                }
                read => read?,
            };
            let there = self.is_there(&name, manifest.digest).await?;
            companions.push(TaggedManifest {
                tag,
                manifest,
                there,
            });
        }
        Ok(companions)
    }

    /// Copies everything that a manifest names, but not the manifest itself.
    async fn copy_dependencies(
        &mut self,
        root: &RawManifest,
        copied: &mut CopySummary,
    ) -> Result<(), Error> {
        if self.written.contains(&root.digest) {
            return Ok(());
        }
        let mut tree = self.tree(root.clone()).await?;
        let links = tree.iter().flat_map(|node| &node.links.blobs);
        copied.outcome.merge(self.blobs.copy(links).await?);
        tree.pop();
        for LinkedManifest { manifest, .. } in tree {
            self.write(&manifest, None, copied).await?;
        }
        Ok(())
    }

    /// Writes a manifest whose blobs and children exist. Without a tag it is written only once.
    async fn write(
        &mut self,
        manifest: &RawManifest,
        tag: Option<&str>,
        copied: &mut CopySummary,
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
        copied: &mut CopySummary,
    ) -> Result<(), Error> {
        let name = tag.map_or_else(|| manifest.digest.to_string(), str::to_owned);
        self.blobs
            .to
            .push_manifest(manifest, tag)
            .await
            .map_err(Error::target(format!("manifest `{name}`")))?;
        let first = self.written.insert(manifest.digest);
        copied.has_written = true;
        copied.manifests += usize::from(first);
        Ok(())
    }

    /// Copies the referrers of these manifests, their referrers, and so on.
    async fn referrers(
        &mut self,
        top: &RawManifest,
        mut subjects: Vec<Digest>,
        copied: &mut CopySummary,
    ) -> Result<(), Error> {
        while let Some(subject) = subjects.pop() {
            if !self.with_referrers.insert(subject) {
                continue;
            }
            let what = || format!("the referrers of {subject}");
            let BlobCopier { from, to, .. } = self.blobs;
            let listed = from.referrers(&subject, None).await;
            let listed = listed.map_err(Error::source(what()))?;
            if let Some(doubt) = from.referrers_doubt() {
                let warning = format!("{doubt}; only referrers that a tag lists are copied");
                self.blobs.session.observer.warned(&warning);
            }
            if let Some(left_out) = from.referrers_left_out() {
                let warning = format!("{left_out}; they are not copied");
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
                // In both stores a listed manifest may be gone. The target may also have a manifest that its list
                // lacks.
                let there = known.contains(&digest)
                    && (self.written.contains(&digest) || self.is_there(&name, digest).await?);
                if !there {
                    match self.referrer(top, &name, copied).await {
                        Err(error) if error.is_absence() => {
                            let location = from.location();
                            let warning = format!(
                                "{location} lists referrers that it does not have; they are not copied"
                            );
                            self.blobs.session.observer.warned(&warning);
                            continue;
                        }
                        outcome => outcome?,
                    }
                }
                subjects.push(digest);
            }
        }
        Ok(())
    }

    /// Copies a referrer, after the manifest that it belongs to.
    async fn referrer(
        &mut self,
        top: &RawManifest,
        name: &Name,
        copied: &mut CopySummary,
    ) -> Result<(), Error> {
        let manifest = self.source_manifest(name).await?;
        self.write(top, None, copied).await?;
        self.copy_dependencies(&manifest, copied).await?;
        self.put(&manifest, None, copied).await
    }

    /// Reads a manifest of the source, and checks its digest.
    pub(super) async fn source_manifest(&mut self, name: &Name) -> Result<RawManifest, Error> {
        let from = self.blobs.from;
        let what = format!("manifest `{name}`");
        self.read += 1;
        if self.read > MAX_MANIFESTS {
            let reason = format!("the artifact has more than {MAX_MANIFESTS} manifests");
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

    /// Reads a manifest of the target, if it exists.
    pub(super) async fn target_manifest(&self, name: &Name) -> Result<Option<RawManifest>, Error> {
        match self.blobs.to.manifest(name).await {
            Ok(manifest) => Ok(Some(manifest)),
            Err(store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(Error::target(format!("manifest `{name}`"))(error)),
        }
    }
}

/// Refuses tags that must not be written. An invalid tag, which a layout may have, could change the path of a request
/// to a registry.
fn check_tag(tag: &str) -> Result<(), Error> {
    let reason = if !is_tag(tag) {
        "it is not a valid tag"
    } else if is_fallback(tag) {
        "it is reserved for the list of referrers, which each registry maintains itself"
    } else {
        return Ok(());
    };
    let reason = reason.to_owned();
    Err(Error::target(format!("tag `{tag}`"))(
        store::Error::Settings { reason },
    ))
}
