//! The stored bytes of a manifest, and its media type.

use bytes::Bytes;
use serde_json::Value;

use crate::digest::Digest;
use crate::manifest::media_type;

/// The media types of indexes, OCI's and Docker's.
const INDEXES: [&str; 2] = [
    media_type::INDEX,
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// The stored bytes of a manifest. All other facts are derived from them.
#[derive(Debug, Clone)]
pub struct RawManifest {
    /// The stored bytes.
    pub bytes: Bytes,
    /// The digest of `bytes`.
    pub digest: Digest,
    /// The media type, which the manifest or the store states.
    pub media_type: String,
}

impl RawManifest {
    /// Adds the digest to some bytes of a known type.
    pub fn new(bytes: impl Into<Bytes>, media_type: impl Into<String>) -> Self {
        let bytes = bytes.into();
        Self {
            digest: Digest::of(&bytes),
            bytes,
            media_type: media_type.into(),
        }
    }

    /// Makes a manifest of bytes without a stated type, as [`Self::stated`] does.
    pub fn read(bytes: impl Into<Bytes>) -> Self {
        Self::stated(bytes, "")
    }

    /// Makes a manifest of bytes whose type a store states. The manifest's own `mediaType` wins: proxies and mirrors
    /// serve any file as `application/octet-stream`, and clients refuse a manifest that contradicts its descriptor.
    /// Without it, the stated type counts, unless it is the general type or contradicts the manifest. Otherwise a
    /// manifest that lists manifests is an index, and any other is an image manifest.
    pub fn stated(bytes: impl Into<Bytes>, stated: &str) -> Self {
        let bytes = bytes.into();
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let own = value.get("mediaType").and_then(Value::as_str);
        let lists = value.get("manifests").is_some();
        let guessed = match lists {
            true => media_type::INDEX,
            false => media_type::MANIFEST,
        };
        let is_of_any_file = ["", "application/octet-stream", "application/json"].contains(&stated)
            || stated.starts_with("text/");
        let contradicts = value.is_object() && INDEXES.contains(&stated) != lists;
        let stated = (!is_of_any_file && !contradicts).then_some(stated);
        let own = own.filter(|own| !own.is_empty());
        let media_type = own.or(stated).unwrap_or(guessed).to_owned();
        Self::new(bytes, media_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_has_the_type_that_it_states() {
        let docker_list = "application/vnd.docker.distribution.manifest.list.v2+json";
        let docker = "application/vnd.docker.distribution.manifest.v2+json";
        let own = format!(r#"{{"mediaType":"{docker}"}}"#);
        for (bytes, stated, expected) in [
            (own.as_str(), "application/octet-stream", docker),
            (&own, media_type::INDEX, docker),
            ("{}", "", media_type::MANIFEST),
            ("{}", docker, docker),
            ("{}", "text/plain", media_type::MANIFEST),
            ("{}", "application/json", media_type::MANIFEST),
            ("{}", media_type::INDEX, media_type::MANIFEST),
            ("{}", "application/x", "application/x"),
            (r#"{"mediaType":"","manifests":[]}"#, "", media_type::INDEX),
            (r#"{"manifests":[]}"#, docker, media_type::INDEX),
            (r#"{"manifests":[]}"#, docker_list, docker_list),
            ("", docker, docker),
        ] {
            let found = RawManifest::stated(bytes.to_owned(), stated).media_type;
            assert_eq!(found, expected, "{bytes} as {stated}");
        }
    }
}
