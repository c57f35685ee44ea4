//! The manifest that names the remote files of a component, so that registries keep their blobs.

use crate::digest::{Digest, Identity};
use crate::manifest::{Annotations, Descriptor, EMPTY_BLOB, Manifest, annotation, media_type};

/// The end of the tag of the remote files of a manifest.
pub const ASSETS_SUFFIX: &str = ".assets";

/// Returns the tag of the remote files of a manifest. Some garbage collectors remove manifests without a tag.
pub fn assets_tag(manifest: &Digest) -> String {
    format!("sha256-{}{ASSETS_SUFFIX}", manifest.hex())
}

/// Builds the manifest. `subject` is the manifest of the component. Each distinct file comes with its first path.
pub fn assets_manifest<'a>(
    subject: Descriptor,
    files: impl IntoIterator<Item = (Identity, Option<&'a str>)>,
) -> Manifest {
    let layer = |(blob, path): (Identity, Option<&str>)| {
        let mut layer = Descriptor::new(media_type::REMOTE_FILE, blob);
        let title = path.map(|path| (annotation::TITLE.to_owned(), path.to_owned()));
        layer.annotations.extend(title);
        layer
    };
    let config = Descriptor::new(media_type::EMPTY, Identity::of(EMPTY_BLOB));
    let layers = files.into_iter().map(layer).collect();
    let artifact_type = Some(media_type::ASSETS_ARTIFACT);
    let mut manifest = Manifest::new(artifact_type, config, layers, Annotations::new());
    manifest.subject = Some(subject);
    manifest
}
