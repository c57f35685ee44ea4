//! Tags that stand for a digest: companions, which are copied with a manifest, and lists of referrers, which are not.

use super::Companion;
use crate::digest::Digest;

const PREFIX: &str = "sha256-";

/// Returns the tag of a manifest's companion.
pub(super) fn companion(digest: &Digest, suffix: &str) -> String {
    format!("{PREFIX}{}.{suffix}", digest.hex())
}

/// Returns whether a tag belongs to a companion of one of these kinds.
pub(super) fn is_companion(tag: &str, companions: &[Companion]) -> bool {
    let parts = tag
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.split_once('.'));
    parts.is_some_and(|(hex, suffix)| {
        Digest::from_hex(hex).is_ok() && companions.iter().any(|known| known.suffix == suffix)
    })
}

/// Returns whether clients use this tag to list referrers for a registry without a referrers API.
///
/// Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema>.
pub(super) fn is_fallback(tag: &str) -> bool {
    tag.strip_prefix(PREFIX)
        .is_some_and(|hex| Digest::from_hex(hex).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn companion_tags_and_fallback_tags_differ() {
        let digest = Digest::of(b"");
        let suffixes = [Companion {
            suffix: "yank",
            annotation: None,
        }];
        let yank = companion(&digest, "yank");
        assert_eq!(yank, format!("sha256-{}.yank", digest.hex()));
        assert!(is_companion(&yank, &suffixes) && !is_fallback(&yank));
        let list = format!("sha256-{}", digest.hex());
        assert!(is_fallback(&list) && !is_companion(&list, &suffixes));
        let others = [
            companion(&digest, "sig"),
            format!("{list}0"),
            "1.0".to_owned(),
        ];
        for tag in others
            .iter()
            .map(String::as_str)
            .chain(["sha256-.yank", "sha256-00"])
        {
            assert!(!is_companion(tag, &suffixes) && !is_fallback(tag), "{tag}");
        }
    }
}
