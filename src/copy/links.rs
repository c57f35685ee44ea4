//! The links of a manifest of any kind.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::digest::{Digest, Identity};
use crate::manifest::media_type;
use crate::store::RawManifest;

/// Docker's image manifest and manifest list, and the artifact manifest from before OCI 1.1.
const OTHER_MANIFESTS: [&str; 3] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.artifact.manifest.v1+json",
];

/// A manifest and its links.
pub(super) struct LinkedManifest {
    pub(super) manifest: RawManifest,
    pub(super) links: Links,
}

/// A blob or a manifest that a manifest names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Link {
    media_type: Option<String>,
    digest: Digest,
    size: u64,
    urls: Option<Vec<String>>,
}

impl Link {
    pub(super) fn identity(&self) -> Identity {
        Identity {
            digest: self.digest,
            size: self.size,
        }
    }

    /// Returns the media type, if it is set.
    pub(super) fn media_type(&self) -> Option<&str> {
        self.media_type
            .as_deref()
            .filter(|stated| !stated.is_empty())
    }

    /// Returns whether the blob may exist only elsewhere, such as a non-distributable layer.
    pub(super) fn is_foreign(&self) -> bool {
        self.urls.as_ref().is_some_and(|urls| !urls.is_empty())
    }

    /// Returns whether this names a manifest: an index may list other content too.
    fn is_manifest(&self) -> bool {
        let known = |stated: &str| {
            [media_type::MANIFEST, media_type::INDEX].contains(&stated)
                || OTHER_MANIFESTS.contains(&stated)
        };
        self.media_type().is_none_or(known)
    }
}

/// Returns whether a manifest has an annotation.
pub(super) fn has_annotation(manifest: &RawManifest, key: &str) -> bool {
    let manifest: Option<serde_json::Value> = serde_json::from_slice(&manifest.bytes).ok();
    manifest.is_some_and(|manifest| !manifest["annotations"][key].is_null())
}

/// Everything that a manifest names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Links {
    /// The manifest that this one is about.
    pub(super) subject: Option<Link>,
    /// The manifests of an index.
    pub(super) manifests: Vec<Link>,
    /// The config, the layers and all other content.
    pub(super) blobs: Vec<Link>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    subject: Option<Link>,
    manifests: Option<Vec<Link>>,
    config: Option<Link>,
    layers: Option<Vec<Link>>,
    blobs: Option<Vec<Link>>,
    fs_layers: Option<IgnoredAny>,
}

impl Links {
    /// Reads a manifest leniently: members that name no content may have any form. The error gives the reason.
    pub(super) fn read(manifest: &[u8]) -> Result<Self, String> {
        let document: Document =
            serde_json::from_slice(manifest).map_err(|error| error.to_string())?;
        if document.fs_layers.is_some() {
            return Err("it is a docker manifest of schema 1".to_owned());
        }
        let listed = document.manifests.into_iter().flatten();
        let (manifests, other) = listed.partition(Link::is_manifest);
        let layers = document.layers.into_iter().chain(document.blobs).flatten();
        let blobs: Vec<Link> = other;
        Ok(Self {
            subject: document.subject,
            manifests,
            blobs: blobs
                .into_iter()
                .chain(document.config)
                .chain(layers)
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(manifest: &Value) -> Result<Links, String> {
        Links::read(manifest.to_string().as_bytes())
    }

    fn link(content: &str) -> Value {
        json!({ "digest": Digest::of(content.as_bytes()).to_string(), "size": content.len() })
    }

    fn named(links: &[Link]) -> Vec<Digest> {
        links.iter().map(|link| link.digest).collect()
    }

    fn digests(contents: &[&str]) -> Vec<Digest> {
        let contents = contents.iter();
        contents
            .map(|content| Digest::of(content.as_bytes()))
            .collect()
    }

    #[test]
    fn every_kind_of_manifest_is_read() {
        let image = json!({
            "schemaVersion": 2, "config": link("config"), "layers": [link("a"), link("b")],
            "subject": link("subject"), "annotations": 7, "artifactType": null,
        });
        let links = read(&image).unwrap();
        assert_eq!(named(&links.blobs), digests(&["config", "a", "b"]));
        assert_eq!(named(links.subject.as_slice()), digests(&["subject"]));
        assert!(links.manifests.is_empty());

        let artifact = json!({ "mediaType": OTHER_MANIFESTS[2], "blobs": [link("a")] });
        let links = read(&artifact).unwrap();
        assert_eq!(named(&links.blobs), digests(&["a"]));

        let mut listed = ["a", "b", "page"].map(link);
        listed[1]["mediaType"] = OTHER_MANIFESTS[0].into();
        listed[2]["mediaType"] = "text/html".into();
        let links = read(&json!({ "manifests": listed })).unwrap();
        assert_eq!(named(&links.manifests), digests(&["a", "b"]));
        assert_eq!(named(&links.blobs), digests(&["page"]));
    }

    #[test]
    fn unsupported_manifests_are_refused() {
        let sha512 = json!({ "digest": "sha512:00", "size": 1 });
        for (bad, reason) in [
            (json!([]), "invalid length 0"),
            (json!({ "fsLayers": [] }), "schema 1"),
            (json!({ "config": sha512 }), "`sha512:00` is not a digest"),
            (
                json!({ "layers": [{ "size": 1 }] }),
                "missing field `digest`",
            ),
            (json!({ "layers": link("a") }), "expected a sequence"),
        ] {
            let error = read(&bad).unwrap_err();
            assert!(error.contains(reason), "{bad}: {error}");
        }
    }
}
