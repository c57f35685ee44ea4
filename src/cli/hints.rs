//! The texts of `hint:` lines, and which error gets which.

use std::path::{Path, PathBuf};

use wharf::package::PlaceError;
use wharf::reference::package::{PackageSpec, Version, VersionReq, looks_like_package};
use wharf::reference::{BLOBS, DEFAULT_TAG, Location, Reference};
use wharf::store::remembered::OFFLINE;
use wharf::{copy, exploded, index, package, store};

/// Returns the hint for the first of a failure's causes that has one of its own.
pub(crate) fn of(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(of_cause).flatten()
}

/// Returns nothing for a cause whose own causes may say more.
fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Option<String>> {
    if let Some(error) = cause.downcast_ref::<wharf::error::Error>() {
        return Some(hint_of(error));
    }
    if let Some(error) = cause.downcast_ref::<package::Error>() {
        return Some(package_hint(error));
    }
    if let Some(error) = cause.downcast_ref::<index::Error>() {
        return Some(index_hint(error));
    }
    if let Some(error) = cause.downcast_ref::<copy::Error>() {
        return Some(copy_hint(error));
    }
    if let Some(error) = cause.downcast_ref::<store::Error>() {
        return Some(store_hint(error));
    }
    match cause.downcast_ref::<exploded::Error>()? {
        exploded::Error::NoRoot { .. } => Some(Some(
            "it must hold what `wharf split` or `oras pull` wrote".to_owned(),
        )),
        exploded::Error::ManyRoots { roots, .. } => {
            Some(Some(format!("name one with --root: {}", roots.join(", "))))
        }
        _ => Some(None),
    }
}

/// Where a version exists and is another one.
pub(crate) const IMMUTABLE: &str =
    "publish it as another version; --force replaces this one for everybody";

/// Where a version differs in two places.
pub(crate) const DIFFERENT: &str = "a version never changes: find out which of the two is right";

pub(crate) const MISCONFIGURED: &str = "`wharf config` shows what is read";

pub(crate) const LOGIN_FOR_EACH: &str = "`wharf login` keeps credentials for each";

/// What a package and a reference look like.
pub(crate) const FORMS: &str = "a package is NAMESPACE:NAME, perhaps with @VERSION; a reference is \
                                HOST[:PORT]/REPOSITORY:TAG or oci:DIR:TAG";

fn hint_of(error: &wharf::error::Error) -> Option<String> {
    match error {
        wharf::error::Error::Store(error) => store_hint(error),
        wharf::error::Error::Changed => Some("try again when nothing writes to it".to_owned()),
        _ => None,
    }
}

/// What is not there offline may well be there.
const ONLINE: &str =
    "it is not in the cache of this machine; without --offline the registry is asked";

fn package_hint(error: &package::Error) -> Option<String> {
    let hint = match error {
        package::Error::Unknown { location, .. } if location.ends_with(OFFLINE) => ONLINE,
        package::Error::Unknown { .. } => {
            "check the name; `wharf config where NAME` shows where it is looked for, `wharf list` what there is"
        }
        package::Error::Lost { location, .. } if location.ends_with(OFFLINE) => ONLINE,
        package::Error::Lost { .. } => "the registry lost it: publish or copy it there again",
        package::Error::NoVersion { spec, .. } => {
            return Some(format!("`wharf versions {}` shows all", spec.name));
        }
        package::Error::Immutable { .. } => IMMUTABLE,
        package::Error::Incompatible { .. } => {
            "publish it under a number that says so, another major version; or with --no-compat-check"
        }
        package::Error::LostRace { .. } => "look at what is there, and publish another version",
        package::Error::OtherPackage { .. } => {
            "two packages were mapped to one repository: see `wharf config where`, and the prefix it has"
        }
        package::Error::Place(PlaceError::Malformed { text, .. }) => return place(text),
        package::Error::Configuration(_) => MISCONFIGURED,
        package::Error::NoLocalLayout => "name one with --registry oci:DIR or in WHARF_HOME",
        package::Error::NoLayout { package, .. } => {
            return Some(format!(
                "`wharf publish FILE {package}@VERSION` puts it there; another place is named with --registry"
            ));
        }
        package::Error::ReadOnly { .. } => {
            "what wharf writes is in a layout or in a registry: oci:DIR:TAG or HOST[:PORT]/REPOSITORY:TAG"
        }
        package::Error::TwoRegistries => LOGIN_FOR_EACH,
        package::Error::Redirected { host, place, .. } => {
            return Some(format!(
                "`wharf login {host}`, or name it: --registry {place}"
            ));
        }
        package::Error::Artifact(error) => return hint_of(error),
        package::Error::Store(error) => return store_hint(error),
        _ => return None,
    };
    Some(hint.to_owned())
}

fn copy_hint(error: &copy::Error) -> Option<String> {
    match error.store_error() {
        Some(error) => store_hint(error),
        None => Some(DIFFERENT.to_owned()),
    }
}

fn index_hint(error: &index::Error) -> Option<String> {
    let hint = match error {
        index::Error::Empty => {
            "`wharf index add HOST|PACKAGE|REF|oci:DIR` says where components are, `wharf index update` looks again"
        }
        index::Error::UnknownInterface { .. } => {
            "an interface is NAMESPACE:PACKAGE/NAME, perhaps with @VERSION; `wharf index update` looks for new ones"
        }
        index::Error::Sqlite { .. } if error.is_about_rights() => {
            "the index is written beside the cache, even to be read: --cache DIR names another directory"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn store_hint(error: &store::Error) -> Option<String> {
    let hint = match error {
        store::Error::Refused { .. } => {
            "give credentials with --username and --password-stdin, in WHARF_TOKEN, or by \
             `wharf login`; and check that they reach this repository"
        }
        store::Error::NotFound { what, location } if what == "an OCI layout" => {
            let directory = location.strip_prefix("oci:").unwrap_or(location);
            return Some(format!("`wharf push FILE oci:{directory}:TAG` makes one"));
        }
        store::Error::NoCatalog { .. } => {
            "name a package: `wharf versions NAMESPACE:NAME`; zot, distribution and Harbor list theirs, and so \
             does a mirror (`wharf mirror`)"
        }
        store::Error::Overwritten { .. } => "others write there all the time: run it again",
        store::Error::NotFound { location, .. } if location.ends_with(OFFLINE) => ONLINE,
        store::Error::NotFound { what, location } if location.starts_with(BLOBS) => {
            return Some(match what == "a directory of blobs" {
                true => BLOB_DIRECTORIES.to_owned(),
                false => {
                    "the digest is that of a manifest, and the engine must have pulled all of it"
                        .to_owned()
                }
            });
        }
        store::Error::NotFound { what, location } => match layout(location) {
            Some(layout) if what.starts_with("blob ") => return Some(again(&layout)),
            _ => "check the repository and the tag",
        },
        store::Error::Corrupt {
            what,
            location,
            source,
        } => {
            let layout = layout(location)?;
            let hex = source.expected.digest.hex();
            let file = layout.join("blobs/sha256").join(hex);
            let way = match what.starts_with("blob ") {
                true => again(&layout),
                false => "publish, push or copy it there again".to_owned(),
            };
            return Some(format!("delete {}, then {way}", file.display()));
        }
        store::Error::Unreachable { .. } => {
            "check the host, its port and the network; --plain-http if it does not speak TLS, \
             --ca-cert if its certificate is your own"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Where container engines have such directories.
const BLOB_DIRECTORIES: &str = "it has a directory `sha256` in it: containerd's is \
                                ROOT/io.containerd.content.v1.content/blobs, CRI-O's and podman's are the `blobs` of \
                                their artifacts";

/// Returns the directory of what is in a layout.
fn layout(location: &str) -> Option<PathBuf> {
    // Only before a tag a repository is told from the directory.
    match format!("{location}:{DEFAULT_TAG}").parse() {
        Ok(Reference {
            location: Location::Layout { directory, .. },
            ..
        }) => Some(directory),
        _ => None,
    }
}

/// What brings a blob back to a layout, whose repositories share all blobs. Publishing and copying do not look at
/// the blobs of what is there already.
fn again(layout: &Path) -> String {
    let layout = layout.display();
    format!(
        "`wharf push FILE oci:{layout}:TAG` of the same component, under any tag, writes it again"
    )
}

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

/// Returns the hint for an argument that is no file and nothing else.
pub(crate) fn no_file(text: &str, error: &dyn std::fmt::Display) -> String {
    match is_word(text) {
        true => format!("and no package and no reference: {FORMS}"),
        false => format!("and as a reference: {error}"),
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
