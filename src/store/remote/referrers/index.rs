//! The index that lists the referrers of a manifest, and the entry of one referrer.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema>.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::manifest::{Descriptor, media_type};
use crate::store::RawManifest;

/// Returns the tag of the index that lists the referrers of a manifest.
pub(super) fn referrers_tag(digest: &str) -> String {
    let (algorithm, encoded) = digest.split_once(':').unwrap_or((digest, ""));
    let allowed = |text: &str, most: usize| -> String {
        let known = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let chars = text.chars().map(|c| if known(c) { c } else { '-' });
        chars.take(most).collect()
    };
    format!("{}-{}", allowed(algorithm, 32), allowed(encoded, 64))
}

/// A manifest that has a subject.
pub(in crate::store::remote) struct Referrer {
    /// The subject's digest, of any algorithm.
    pub(super) subject: String,
    /// Its own digest.
    pub(super) digest: String,
    pub(super) entry: Value,
}

impl Referrer {
    /// Returns the entry for a manifest. Returns nothing if it has no subject, or is not an OCI manifest or index.
    pub(in crate::store::remote) fn of(manifest: &RawManifest) -> Option<Self> {
        if ![media_type::MANIFEST, media_type::INDEX].contains(&manifest.media_type.as_str()) {
            return None;
        }
        let value: Value = serde_json::from_slice(&manifest.bytes).ok()?;
        let subject = value.get("subject")?.get("digest")?.as_str()?.to_owned();
        let artifact_type = stated_type(&value);
        let digest = manifest.digest.to_string();
        let mut entry = json!({
            "mediaType": manifest.media_type,
            "digest": digest,
            "size": manifest.bytes.len(),
        });
        if let Some(artifact_type) = artifact_type {
            entry["artifactType"] = artifact_type.into();
        }
        let annotations = value.get("annotations").and_then(Value::as_object);
        if let Some(annotations) = annotations.filter(|annotations| !annotations.is_empty()) {
            entry["annotations"] = annotations.clone().into();
        }
        Some(Self {
            subject,
            digest,
            entry,
        })
    }
}

/// An image index, with all fields that other clients wrote.
#[derive(Debug, Clone)]
pub(super) struct Index {
    fields: Map<String, Value>,
    entries: Vec<Value>,
}

impl Index {
    pub(super) fn new() -> Self {
        let fields = [
            ("schemaVersion".to_owned(), json!(2)),
            ("mediaType".to_owned(), json!(media_type::INDEX)),
        ];
        Self {
            fields: fields.into_iter().collect(),
            entries: Vec::new(),
        }
    }

    /// Parses an index. The error names the problem.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let fields = serde_json::from_slice(bytes);
        let mut fields: Map<String, Value> = fields.map_err(|error| error.to_string())?;
        let entries = match fields.remove("manifests") {
            Some(Value::Array(entries)) => entries,
            // Some languages write an empty list as `null`.
            Some(Value::Null) => Vec::new(),
            _ => return Err("it has no list of manifests".to_owned()),
        };
        Ok(Self { fields, entries })
    }

    pub(super) fn digests(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(digest_of)
    }

    pub(super) fn has(&self, digest: &str) -> bool {
        self.digests().any(|listed| listed == digest)
    }

    pub(super) fn remove(&mut self, digests: &HashSet<String>) {
        let stays = |entry: &Value| digest_of(entry).is_none_or(|digest| !digests.contains(digest));
        self.entries.retain(stays);
    }

    pub(super) fn add(&mut self, entry: Value) {
        self.entries.push(entry);
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut fields = self.fields.clone();
        fields.insert("manifests".to_owned(), self.entries.clone().into());
        Value::Object(fields).to_string().into_bytes()
    }

    /// Returns the listed descriptors, without those whose digest algorithm is not supported. The error names the entry
    /// that is not a descriptor.
    pub(super) fn descriptors(&self) -> Result<Vec<Descriptor>, String> {
        let entries = self.entries.iter().enumerate();
        entries
            .filter(|(_, entry)| is_checkable(entry))
            .map(|(at, entry)| {
                let descriptor = serde_json::from_value(without_nulls(entry));
                descriptor.map_err(|error| format!("entry {at}: {error}"))
            })
            .collect()
    }

    /// Returns whether [`Self::descriptors`] leaves out any.
    pub(super) fn has_uncheckable(&self) -> bool {
        !self.entries.iter().all(is_checkable)
    }
}

fn is_checkable(entry: &Value) -> bool {
    let algorithm = digest_of(entry).and_then(|digest| digest.split_once(':'));
    algorithm.is_none_or(|(algorithm, _)| algorithm == "sha256")
}

/// Returns the artifact type of a manifest.
pub(super) fn artifact_type(manifest: &[u8]) -> Option<String> {
    stated_type(&serde_json::from_slice(manifest).ok()?)
}

fn stated_type(manifest: &Value) -> Option<String> {
    let non_empty = |value: Option<&Value>| {
        let text = value.and_then(Value::as_str).unwrap_or_default();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let config = manifest.get("config");
    let config = config.and_then(|config| config.get("mediaType"));
    non_empty(manifest.get("artifactType")).or_else(|| non_empty(config))
}

fn digest_of(entry: &Value) -> Option<&str> {
    entry.get("digest")?.as_str()
}

fn without_nulls(entry: &Value) -> Value {
    match entry {
        Value::Object(fields) => {
            let members = fields.iter().filter(|(_, value)| !value.is_null());
            let members = members.map(|(name, value)| (name.clone(), value.clone()));
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    fn referrer(media_type: &str, text: &str) -> Option<Referrer> {
        Referrer::of(&RawManifest::new(text.as_bytes().to_vec(), media_type))
    }

    #[test]
    fn the_tag_is_the_digest_as_far_as_tags_can_be() {
        assert_eq!(
            referrers_tag(&format!("sha256:{HEX}")),
            format!("sha256-{HEX}")
        );
        let long = format!("sha512:{HEX}{HEX}");
        assert_eq!(referrers_tag(&long), format!("sha512-{HEX}"));
        assert_eq!(referrers_tag("a+b:../c?d"), "a-b-..-c-d");
        let most = referrers_tag(&format!("{HEX}:{HEX}{HEX}"));
        assert_eq!(most.len(), 32 + 1 + 64);
    }

    #[test]
    fn referrer_entries_have_the_artifact_type() {
        let subject = format!(r#""subject":{{"digest":"sha256:{HEX}"}}"#);
        for (text, artifact_type, annotations) in [
            (
                format!(r#"{{{subject},"artifactType":"a/b","config":{{"mediaType":"c/d"}}}}"#),
                json!("a/b"),
                json!(null),
            ),
            (
                format!(
                    r#"{{{subject},"artifactType":"","config":{{"mediaType":"c/d"}},"annotations":{{}}}}"#
                ),
                json!("c/d"),
                json!(null),
            ),
            (
                format!(r#"{{{subject},"annotations":{{"k":"v"}}}}"#),
                json!(null),
                json!({"k": "v"}),
            ),
        ] {
            let found = referrer(media_type::MANIFEST, &text).unwrap();
            assert_eq!(found.subject, format!("sha256:{HEX}"));
            assert_eq!(found.entry["mediaType"], media_type::MANIFEST);
            assert_eq!(found.entry["digest"], found.digest);
            assert_eq!(found.entry["size"], text.len());
            assert_eq!(found.entry["artifactType"], artifact_type, "{text}");
            assert_eq!(found.entry["annotations"], annotations, "{text}");
        }
        let with = format!("{{{subject}}}");
        assert!(referrer(media_type::INDEX, &with).is_some());
        assert!(referrer("application/json", &with).is_none());
        for none in ["{}", r#"{"subject":null}"#, r#"{"subject":{}}"#, "[]", "{"] {
            assert!(referrer(media_type::MANIFEST, none).is_none(), "{none}");
        }
    }

    #[test]
    fn entries_of_other_clients_stay() {
        let text = format!(
            r#"{{"odd":[1.50],"manifests":[{{"digest":"sha512:{HEX}{HEX}","x":null}},{{"digest":"sha256:{HEX}","size":2,"mediaType":"a/b","platform":{{}},"annotations":null}}]}}"#
        );
        let mut index = Index::read(text.as_bytes()).unwrap();
        assert!(index.has(&format!("sha256:{HEX}")) && !index.has("sha256:"));
        let listed = index.descriptors().unwrap();
        assert_eq!(listed.len(), 1, "sha512 cannot be checked");
        assert!(index.has_uncheckable());
        index.add(json!({"digest": "ours"}));
        let mut expected: Value = serde_json::from_str(&text).unwrap();
        let list = expected["manifests"].as_array_mut().unwrap();
        list.push(json!({"digest": "ours"}));
        let written: Value = serde_json::from_slice(&index.to_bytes()).unwrap();
        assert_eq!(written, expected);
        let empty = Index::read(br#"{"manifests":null}"#).unwrap();
        assert_eq!(empty.descriptors().unwrap(), []);
    }

    #[test]
    fn a_broken_index_is_not_an_empty_one() {
        for broken in ["", "[]", "{}", r#"{"manifests":{}}"#, r#"{"manifests":["#] {
            assert!(Index::read(broken.as_bytes()).is_err(), "{broken}");
        }
        for broken in [
            "1",
            "{}",
            r#"{"digest":"sha256:1","size":1,"mediaType":"a"}"#,
        ] {
            let index = format!(r#"{{"manifests":[{broken}]}}"#);
            let index = Index::read(index.as_bytes()).unwrap();
            let error = index.descriptors().unwrap_err();
            assert!(error.starts_with("entry 0: "), "{error}");
        }
    }
}
