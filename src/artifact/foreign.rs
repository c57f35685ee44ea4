//! Manifests that are not components: the kind of each, and a reference to use instead.

use std::fmt;

use crate::digest::Digest;
use crate::manifest::is_untyped;
use crate::text::ascii_excerpt;

/// The configs of container images, OCI's and Docker's.
const IMAGE_CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

const CHART_CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";

/// Kinds of statements about other artifacts: the word, and substrings of the media types.
const STATEMENTS: [(&str, &[&str]); 3] = [
    (
        "an attestation",
        &["in-toto", "dsse.envelope", "cosign.artifact.att"],
    ),
    ("an SBOM", &["spdx", "cyclonedx", "syft", "artifact.sbom"]),
    (
        "a signature",
        &[
            "simplesigning",
            "cncf.notary",
            "sigstore.bundle",
            "artifact.sig",
        ],
    ),
];

/// The kind of a manifest that is not a component. Its text form is a short description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// An image index.
    Index,
    /// The list of this manifest's referrers, stored under a tag.
    ReferrersIndex(Digest),
    /// A signature, an attestation or an SBOM.
    Statement {
        /// The word, such as "a signature".
        word: &'static str,
        /// Its type.
        media_type: String,
        /// The subject, if the manifest states one.
        subject: Option<Digest>,
    },
    /// A container image with a config of this type.
    Image(String),
    /// A Helm chart with a config of this type.
    Chart(String),
    /// An artifact of this type.
    Artifact(String),
    /// An artifact without an artifact type, with a config of this type.
    Config(String),
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index => f.write_str("an image index"),
            Self::ReferrersIndex(subject) => write!(f, "the list of referrers of {subject}"),
            Self::Statement {
                word, media_type, ..
            } => write!(f, "{word} ({media_type})"),
            Self::Image(config) => write!(f, "a container image ({config})"),
            Self::Chart(config) => write!(f, "a Helm chart ({config})"),
            Self::Artifact(artifact) => write!(f, "an artifact of type {artifact}"),
            Self::Config(config) => write!(f, "an artifact with a config of type {config}"),
        }
    }
}

impl Foreign {
    /// Adds facts from the tag. Clients store lists of referrers and old signatures under tags with the digest of the
    /// subject: `sha256-HEX`, `sha256-HEX.sig`.
    #[must_use]
    pub fn under(self, tag: &str) -> Self {
        match (self, subject_of(tag)) {
            (Self::Index, Some((subject, ""))) => Self::ReferrersIndex(subject),
            (
                Self::Statement {
                    word,
                    media_type,
                    subject,
                },
                Some((named, _)),
            ) => Self::Statement {
                word,
                media_type,
                subject: subject.or(Some(named)),
            },
            (found, _) => found,
        }
    }
}

/// Returns the digest in such a tag, and the text after it.
fn subject_of(tag: &str) -> Option<(Digest, &str)> {
    let rest = tag.strip_prefix("sha256-")?;
    let (hex, suffix) = rest.split_once('.').unwrap_or((rest, ""));
    Some((Digest::from_hex(hex).ok()?, suffix))
}

/// Determines the kind of a manifest that is not a component, from its types. Returns nothing if it has no type.
pub(super) fn foreign(
    artifact: Option<&str>,
    config: Option<&str>,
    layers: &[&str],
    subject: Option<Digest>,
) -> Option<Foreign> {
    let artifact = artifact.filter(|artifact| !is_untyped(Some(artifact)));
    let types = || artifact.iter().chain(layers).chain(config.iter());
    for (word, parts) in STATEMENTS {
        let is_one = |stated: &&&str| parts.iter().any(|part| stated.contains(part));
        if let Some(media_type) = types().find(is_one) {
            let media_type = ascii_excerpt(media_type);
            return Some(Foreign::Statement {
                word,
                media_type,
                subject,
            });
        }
    }
    let excerpt = ascii_excerpt;
    match (artifact, config) {
        (_, Some(config)) if config == CHART_CONFIG => Some(Foreign::Chart(excerpt(config))),
        (Some(artifact), _) => Some(Foreign::Artifact(excerpt(artifact))),
        (None, Some(config)) if IMAGE_CONFIGS.contains(&config) => {
            Some(Foreign::Image(excerpt(config)))
        }
        (None, Some(config)) => Some(Foreign::Config(excerpt(config))),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_artifacts_are_named_by_their_types() {
        let empty = "application/vnd.oci.empty.v1+json";
        let image = IMAGE_CONFIGS[0];
        for (artifact, config, layer, word) in [
            (
                None,
                Some(image),
                "application/vnd.dev.cosign.simplesigning.v1+json",
                "a signature",
            ),
            (
                Some("application/vnd.cncf.notary.signature"),
                Some(empty),
                "application/jose+json",
                "a signature",
            ),
            (
                None,
                Some(image),
                "application/vnd.in-toto+json",
                "an attestation",
            ),
            (
                None,
                Some(image),
                "application/vnd.dsse.envelope.v1+json",
                "an attestation",
            ),
            (
                Some("application/spdx+json"),
                Some(empty),
                "application/spdx+json",
                "an SBOM",
            ),
            (
                None,
                Some(image),
                "application/vnd.oci.image.layer.v1.tar+gzip",
                "a container image",
            ),
            (None, Some(CHART_CONFIG), "x/y", "a Helm chart"),
            (Some("a/b"), Some(image), "x/y", "an artifact of type a/b"),
            (
                Some(empty),
                Some("c/d"),
                "x/y",
                "an artifact with a config of type c/d",
            ),
        ] {
            let found = foreign(artifact, config, &[layer], None).unwrap();
            let found = found.to_string();
            assert!(found.starts_with(word), "{found}");
        }
        assert_eq!(foreign(None, None, &[], None), None);
    }

    #[test]
    fn tags_of_referrers_name_their_subject() {
        let subject = Digest::of(b"subject");
        let tag = |suffix: &str| format!("sha256-{}{suffix}", subject.hex());
        assert_eq!(
            Foreign::Index.under(&tag("")),
            Foreign::ReferrersIndex(subject)
        );
        assert_eq!(Foreign::Index.under(&tag(".sig")), Foreign::Index);
        let signature = Foreign::Statement {
            word: "a signature",
            media_type: "a/b".to_owned(),
            subject: None,
        };
        let Foreign::Statement { subject: found, .. } = signature.under(&tag(".sig")) else {
            panic!("it is no statement any more");
        };
        assert_eq!(found, Some(subject));
    }
}
