//! What was probably meant, where a text is not what it should be.

use wharf::reference::package::{PackageSpec, Version, VersionReq, looks_like_package};
use wharf::reference::{BLOBS, Reference};

/// Says how to write what is a URL, or names a user, in place of a host.
fn host(text: &str) -> Option<String> {
    if let Some((scheme, rest)) = text.split_once("://") {
        let written = format!("write it without {scheme}://: {rest}");
        return Some(match scheme {
            "http" => format!(
                "{written}; http is spoken to this machine, and to others with --plain-http"
            ),
            _ => written,
        });
    }
    let (user, rest) = text.split('/').next()?.split_once('@')?;
    let is_user = !user.contains(['.', ':']) && rest.contains(['.', ':']) && !is_version(rest);
    is_user.then(|| {
        format!("a user is named with --username and --password-stdin, or by `wharf login {rest}`")
    })
}

/// Returns the way out where a text is no place of packages.
pub(crate) fn place(text: &str) -> Option<String> {
    host(text)
}

/// Returns the way out where a text is no reference.
pub(crate) fn reference(text: &str) -> Option<String> {
    let blobs = || {
        let hint =
            "as in blobs:DIR@sha256:…; `ctr images ls` and `crictl images --digests` show digests";
        text.starts_with(BLOBS).then(|| hint.to_owned())
    };
    blobs().or_else(|| host(text))
}

/// Returns the way out where a text is no package.
pub(crate) fn package(text: &str) -> String {
    let known = host(text).or_else(|| match text.parse::<Reference>() {
        Ok(_) => Some(
            "that is a reference; here it is NAMESPACE:NAME, and --registry says where that is"
                .to_owned(),
        ),
        Err(_) => version(text),
    });
    known.unwrap_or_else(|| "for instance demo:calc, demo:calc@1.2.0 or demo:calc@^1".to_owned())
}

fn is_version(text: &str) -> bool {
    Version::parse(text).is_ok() || VersionReq::parse(text).is_ok()
}

/// Says how to write a version that is written as other tools have it.
fn version(text: &str) -> Option<String> {
    let is_package = |text: &str| text.parse::<PackageSpec>().is_ok();
    if let Some((name, wanted)) = text.split_once('@') {
        let plain = wanted.trim_start_matches(['v', 'V']);
        return match wanted {
            "latest" | "" if is_package(name) => {
                Some(format!("without a version it is the newest: {name}"))
            }
            _ if is_package(name) && plain != wanted && is_version(plain) => {
                Some(format!("write the version without the v: {name}@{plain}"))
            }
            _ => None,
        };
    }
    let (name, tag) = text.rsplit_once(':')?;
    let plain = tag.trim_start_matches(['v', 'V']);
    match is_package(name) {
        true if tag == "latest" => Some(format!("without a version it is the newest: {name}")),
        true if is_version(plain) => Some(format!("a version stands after an @: {name}@{plain}")),
        _ => None,
    }
}

/// Returns whether a text is a word that no package, no reference and no path looks like.
pub(crate) fn is_word(text: &str) -> bool {
    let is_place = ["oci:", BLOBS].iter().any(|place| text.starts_with(place));
    !text.contains('/') && !looks_like_package(text) && !is_place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_a_package() {
        for (text, meant) in [
            ("demo:calc@latest", "demo:calc"),
            ("demo:calc:latest", "demo:calc"),
            ("demo:calc@", "demo:calc"),
            ("demo:calc@v1.0.0", "demo:calc@1.0.0"),
            ("demo:calc:1.0.0", "demo:calc@1.0.0"),
            ("demo:calc:v1.2", "demo:calc@1.2"),
        ] {
            let hint = package(text);
            assert!(hint.ends_with(&format!(": {meant}")), "{text}: {hint}");
            assert!(meant.parse::<PackageSpec>().is_ok());
        }
        for text in ["demo:calc@version", "demo", "a:b:c", "Demo:calc@latest"] {
            assert!(package(text).starts_with("for instance"), "{text}");
        }
    }

    #[test]
    fn a_user_is_told_from_a_digest() {
        assert!(place("me@ghcr.io").is_some() && place("me@ghcr.io/x").is_some());
        assert!(place("ghcr.io@1.0").is_none() && place("ghcr.io/me@1.0").is_none());
        assert!(reference("foo@1.0.0").is_none() && reference("foo").is_none());
    }
}
