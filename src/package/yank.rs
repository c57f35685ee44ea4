//! Yanked versions. The tag `sha256-<hex of the manifest>.yank` names a small artifact, the mark.
//!
//! A tag survives copies by other tools, while an annotation would change digests. Not every registry allows deleting a
//! tag, so a mark is overwritten, and says `true` or `false`.

use serde::Deserialize;

use super::Error;
use crate::copy;
use crate::digest::{Digest, Identity};
use crate::manifest::{Annotations, Descriptor, EMPTY_BLOB, Manifest, annotation, media_type};
use crate::reference::Name;
use crate::store::cache::Cache;
use crate::store::{self, RawManifest, Store, WritableStore};

/// The suffix of a mark's tag.
pub const YANK_SUFFIX: &str = ".yank";

/// Returns the tag of the mark of a manifest.
pub fn yank_tag(manifest: &Digest) -> String {
    format!("sha256-{}{YANK_SUFFIX}", manifest.hex())
}

/// Returns a mark. It is the same for every manifest.
fn mark(yanked: bool) -> RawManifest {
    let empty = Descriptor::new(media_type::EMPTY, Identity::of(EMPTY_BLOB));
    let annotations = Annotations::from([(annotation::YANKED.to_owned(), yanked.to_string())]);
    let manifest = Manifest::new(
        Some(media_type::YANK_ARTIFACT),
        empty.clone(),
        vec![empty],
        annotations,
    );
    RawManifest::new(crate::manifest::to_json(&manifest), media_type::MANIFEST)
}

/// Returns whether a manifest is yanked. Without a mark it is not.
pub async fn is_yanked(store: &dyn Store, manifest: &Digest) -> Result<bool, Error> {
    match is_marked(store, manifest).await {
        Err(Error::Store(store::Error::NotFound { .. })) => Ok(false),
        marked => marked,
    }
}

/// Reads the mark of a manifest that has one.
pub(super) async fn is_marked(store: &dyn Store, manifest: &Digest) -> Result<bool, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Mark {
        artifact_type: Option<String>,
        #[serde(default)]
        annotations: Annotations,
    }
    let tag = yank_tag(manifest);
    let raw = store.manifest(&Name::Tag(tag.clone())).await?;
    let malformed = |reason: String| Error::Mark {
        tag: tag.clone(),
        location: store.location(),
        reason,
    };
    let mark: Mark =
        serde_json::from_slice(&raw.bytes).map_err(|error| malformed(error.to_string()))?;
    if mark.artifact_type.as_deref() != Some(media_type::YANK_ARTIFACT) {
        return Err(malformed("it is another kind of artifact".to_owned()));
    }
    let yanked = mark.annotations.get(annotation::YANKED);
    match yanked.map(String::as_str) {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        _ => Err(malformed(format!(
            "{} is neither true nor false",
            annotation::YANKED
        ))),
    }
}

/// Marks a manifest as yanked or not. Returns whether that changed anything.
pub async fn yank(
    store: &dyn WritableStore,
    manifest: &Digest,
    yanked: bool,
    cache: &Cache,
) -> Result<bool, Error> {
    if is_yanked(store, manifest).await? == yanked {
        return Ok(false);
    }
    let empty = cache.add(EMPTY_BLOB)?;
    copy::push_blob(store, empty, &cache.path(&empty.digest), &()).await?;
    let tag = yank_tag(manifest);
    store.push_manifest(&mark(yanked), Some(&tag)).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_frozen() {
        let text = String::from_utf8(mark(true).bytes.to_vec()).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
                r#""artifactType":"application/vnd.wharf.yank.v1","#,
                r#""config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:"#,
                r#"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"#,
                r#""layers":[{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:"#,
                r#"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}],"#,
                r#""annotations":{"wasm.wharf.yanked":"true"}}"#,
            )
        );
        assert_ne!(mark(true).digest, mark(false).digest);
    }
}
