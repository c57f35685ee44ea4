//! A manifest as it is stored, and of which type it is.

use bytes::Bytes;
use serde_json::Value;

use crate::digest::Digest;
use crate::manifest::media_type;

/// The media types of lists of manifests, OCI's and Docker's.
const INDEXES: [&str; 2] = [
    media_type::INDEX,
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// A manifest as it is stored: the bytes are the truth, everything else is derived from them.
#[derive(Debug, Clone)]
pub struct RawManifest {
    /// What is stored, byte for byte.
    pub bytes: Bytes,
    /// The digest of `bytes`.
    pub digest: Digest,
    /// What the manifest says of itself, or what the store says it is.
    pub media_type: String,
}

impl RawManifest {
    /// Names some bytes.
    pub fn new(bytes: impl Into<Bytes>, media_type: impl Into<String>) -> Self {
        let bytes = bytes.into();
        Self {
            digest: Digest::of(&bytes),
            bytes,
            media_type: media_type.into(),
        }
    }

    /// Names some bytes that nobody says the type of, as [`Self::stated`] does.
    pub fn read(bytes: impl Into<Bytes>) -> Self {
        Self::stated(bytes, "")
    }

    /// Names some bytes that a store says the type of. The manifest's own `mediaType` is right, whatever the store says:
    /// proxies and mirrors serve any file as `application/octet-stream`, and clients refuse a manifest that contradicts
    /// its descriptor. A manifest without one is what the store says, unless that is the type of any file or contradicts
    /// the manifest. Otherwise it is an index if it lists manifests, and an image manifest if not.
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
