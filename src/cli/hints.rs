//! The texts of `hint:` lines, and the errors that have them.

mod answers;
mod assets;
mod connection;
mod foreign;
mod host;
mod stores;

use std::borrow::Cow;
use std::error::Error;
use std::path::Path;

use wharf::acceptance::Refusal;
use wharf::package::{LockFileError, PackagePlaceError};
use wharf::reference::package::{PackageSpec, Version, VersionReq, looks_like_package};
use wharf::reference::{BLOBS, LAYOUT, Mistake, Reference};
use wharf::{bundle, copy, delta, exploded, index, package, section, store};

pub(crate) use self::host::{host, server};

pub(crate) type Hint = Cow<'static, str>;

/// Returns the hint of the first cause that has one.
pub(crate) fn of(error: &anyhow::Error) -> Option<Hint> {
    error.chain().find_map(of_cause).flatten()
}

/// Returns `None` for an unknown cause, and `Some(None)` for a cause that is known to have no hint.
fn of_cause(cause: &(dyn Error + 'static)) -> Option<Option<Hint>> {
    known(cause, hint_of)
        .or_else(|| known(cause, package_hint))
        .or_else(|| known(cause, lock_file_hint))
        .or_else(|| known(cause, index_hint))
        .or_else(|| known(cause, copy_hint))
        .or_else(|| known(cause, stores::hint))
        .or_else(|| known(cause, exploded_hint))
        .or_else(|| known(cause, delta_hint))
        .or_else(|| known(cause, bundle_hint))
}

/// Applies `of` to a cause if it is an error of this type.
pub(crate) fn known<E: Error + 'static, T>(
    cause: &(dyn Error + 'static),
    of: impl FnOnce(&E) -> T,
) -> Option<T> {
    cause.downcast_ref().map(of)
}

fn delta_hint(error: &delta::Error) -> Option<Hint> {
    match error {
        delta::Error::NotDelta => {
            Some("name the old component first: `wharf patch OLD FILE -o NEW`".into())
        }
        delta::Error::WrongSource { .. } => {
            Some("use the old component that the delta file was made from".into())
        }
        delta::Error::Unsupported { .. } | delta::Error::Version(_) => {
            Some("use a newer version of wharf".into())
        }
        delta::Error::NotStandalone(_) => {
            Some("use `wharf get`, which applies the delta files that belong to an artifact".into())
        }
        _ => None,
    }
}

fn bundle_hint(error: &bundle::Error) -> Option<Hint> {
    match error {
        bundle::Error::Unused { .. } => Some(
            "name each component after those that use it; the first one that exports an interface is used"
                .into(),
        ),
        _ => None,
    }
}

fn exploded_hint(error: &exploded::Error) -> Option<Hint> {
    match error {
        exploded::Error::NoRoot { .. } => {
            Some("use a directory that `wharf split` or `oras pull` wrote".into())
        }
        exploded::Error::ManyRoots { roots, .. } => {
            Some(format!("choose one with --root: {}", roots.join(", ")).into())
        }
        _ => None,
    }
}

/// A pipe in the place of a file that is read more than once.
pub(crate) const PIPED_INPUT: &str =
    "write it to a file first, or pass `-` if the command reads standard input";

/// A reference in a lock file.
pub(crate) const PINNED_REFERENCE: &str =
    "pin a reference by its digest, as in HOST/REPOSITORY@sha256:…";

/// Standard output is a terminal.
pub(crate) const REDIRECT: &str = "redirect standard output, or name a file with -o";

/// Standard output is closed.
pub(crate) const REDIRECT_OR_DISCARD: &str =
    "redirect standard output, or name a file with -o (`-o /dev/null` discards it)";

/// The default output is another file.
pub(crate) const OVERWRITE: &str = "name the file with -o to overwrite it";

/// For an output that is one of the inputs.
pub(crate) const OUTPUT_BESIDE: &str = "name another file with -o";

/// A file to extract exists with other content.
pub(crate) const EXTRACT_ELSEWHERE: &str = "remove the file, or name another directory";

/// For an output in the directory that is packed.
pub(crate) const OUTPUT_OUTSIDE: &str = "name a file in another directory with -o";

/// For a file that is too large for a component.
pub(crate) const REMOTE_FILES: &str =
    "use `--remote-above 100MiB`, which leaves large files in the registry";

/// For a symbolic link in a directory that is packed.
pub(crate) const COPY_LINKS: &str = "copy the directory with `cp -rL DIR COPY`, and pack the copy";

/// The layers do not tile the component.
pub(crate) const INCOMPLETE_LAYERS: &str = "restore the missing or incomplete file of a layer";

/// A requirement where a version is needed.
pub(crate) const ONE_VERSION: &str = "name one version, such as demo:calc@1.2.0";

/// A requirement where a new version is needed.
pub(crate) const WHOLE_VERSION: &str = "give a version with three numbers, such as 1.2.0";

/// A directory without WIT files.
pub(crate) const WIT_DIRECTORY: &str = "give --wit the directory with the package's own .wit files";

/// Files where stored artifacts are needed.
pub(crate) const DELTA_TO_FILE: &str =
    "run `wharf delta OLD NEW -o FILE` to write the changes to a file";

/// A reference where a version is needed.
pub(crate) const DELTA_TO_VERSION: &str =
    "name a version, as in `wharf delta --all-versions demo:calc@1.2.0`";

/// The user has no configuration file.
pub(crate) const NAME_CONFIG: &str = "name a file with --config";

/// The cache cannot be opened.
pub(crate) const OTHER_CACHE: &str =
    "use another directory with --cache DIR, or a temporary one with --no-cache";

/// The cache may only be read.
pub(crate) const WRITABLE_CACHE: &str = "run the command as the owner of the directory";

/// The registry refuses a password.
pub(crate) const LOGIN_REFUSED: &str = "check the user name, and use an access token if the registry requires one in place of \
                                        the password";

/// There is no terminal.
pub(crate) const PASSWORD_STDIN: &str =
    "pass the password on standard input, with --username and --password-stdin";

/// `--username` without a password.
pub(crate) const ONLY_LOGIN_ASKS: &str = "add --password-stdin, or run `wharf login HOST` first";

/// The destination of a package's copy.
pub(crate) const PACKAGE_TARGET: &str =
    "give a registry or layout as DST, because a package keeps its name";

/// Where a version differs in two places.
const DIFFERENT: &str = "find out which of the two is correct, because a version must never change";

const MISCONFIGURED: &str =
    "correct the registry in the configuration file, which `wharf config` shows";

pub(crate) const LOGIN_FOR_EACH: &str = "run `wharf login HOST` for each registry";

/// Credentials of this user in front of a gateway.
pub(crate) const OWN_CREDENTIALS: &str = "add --own-credentials to use them for every client";

/// A layout that no client can name.
pub(crate) const NAME_UPSTREAM: &str =
    "put it first, or give it a host name, as in --upstream HOST=oci:DIR";

/// A text that is no address.
pub(crate) const ADDRESS: &str = "give HOST:PORT, such as 127.0.0.1:5100 or 0.0.0.0:5100";

/// The address that a flag gives is in use.
pub(crate) fn other_address(flag: &str) -> String {
    format!("choose another address with {flag}")
}

/// A registry was given in place of the beginning of a package name.
pub(crate) const LIST_REGISTRY: &str =
    "name the registry with --registry HOST[:PORT][/PREFIX] or --registry oci:DIR";

/// A source that is not in the index.
pub(crate) const SOURCES: &str = "run `wharf index ls` to list the sources";

/// A word that names no source.
pub(crate) const SOURCE_FORMS: &str =
    "give HOST[/PREFIX], oci:DIR, NAMESPACE:NAME, or a reference with a tag";

/// Some sources could not be read.
pub(crate) const REST_INDEXED: &str = "run `wharf index update` to try again";

/// An index is published without a selection.
pub(crate) const SELECTION: &str = "select versions with --place HOST[/PREFIX] or --namespace NAME, or use --everything for \
                                    all data from registries";

/// An index is published, and the selection is empty.
pub(crate) const INDEX_CONTENTS: &str = "run `wharf index ls` to list the sources of the index";

/// The forms of a package and of a reference.
pub(crate) const FORMS: &str = "give a package as NAMESPACE:NAME[@VERSION], or a reference as \
                                HOST[:PORT]/REPOSITORY:TAG or oci:DIR:TAG";

fn hint_of(error: &wharf::error::Error) -> Option<Hint> {
    match error {
        wharf::error::Error::Store(error) => stores::hint(error),
        wharf::error::Error::Refused(refusal) => refusal_hint(refusal),
        wharf::error::Error::Foreign { what, .. } => foreign::hint(what),
        wharf::error::Error::Changed => {
            Some("try again when no other program writes to the file".into())
        }
        wharf::error::Error::Section(section::Error::Unknown { .. }) => Some(
            "run `wharf inspect` with the component to see the section paths of its layers".into(),
        ),
        error => assets::hint(error),
    }
}

/// An artifact that is missing offline may exist in the registry.
const ONLINE: &str = "run the command without --offline to ask the registry";

fn package_hint(error: &package::Error) -> Option<Hint> {
    let hint = match error {
        package::Error::Unknown {
            is_offline: true, ..
        }
        | package::Error::Lost {
            is_offline: true, ..
        } => ONLINE,
        package::Error::Unknown { .. } => {
            "check the name with `wharf list`, and the registry with `wharf config where NAMESPACE:NAME`"
        }
        package::Error::Lost { .. } => "publish or copy it to the registry again",
        package::Error::NoVersion { spec, .. } => {
            return Some(format!("run `wharf versions {}` to see all versions", spec.name).into());
        }
        package::Error::Refused(refusal) => return refusal_hint(refusal),
        package::Error::LockFile(error) => return lock_file_hint(error),
        package::Error::Copy(error) => return copy_hint(error),
        package::Error::SamePlace { .. } => {
            "run `wharf config` to see whether the configuration has a prefix for the host"
        }
        package::Error::Damaged { .. } => {
            "use `wharf push FILE REF` to store a damaged file under a reference"
        }
        package::Error::Incompatible { .. } => {
            "publish it under an incompatible number, such as the next major version, or add --no-compat-check"
        }
        package::Error::LostRace { .. } => {
            "check the version that exists, and publish yours under another number"
        }
        package::Error::Place(PackagePlaceError::Malformed { text, .. }) => return host(text),
        package::Error::Configuration(_) => MISCONFIGURED,
        package::Error::NoLocalLayout => "name a layout with --registry oci:DIR or in WHARF_HOME",
        package::Error::NoLayout { package, .. } => {
            return Some(format!(
                "run `wharf publish FILE {package}@VERSION` to create it, or name another registry with --registry"
            ).into());
        }
        package::Error::ReadOnly { .. } => {
            "write to a layout or registry, as in oci:DIR:TAG or HOST[:PORT]/REPOSITORY:TAG"
        }
        package::Error::TwoRegistries => LOGIN_FOR_EACH,
        package::Error::Redirected { host, place, .. } => {
            return Some(format!("run `wharf login {host}`, or add `--registry {place}`").into());
        }
        package::Error::Artifact(error) => return hint_of(error),
        package::Error::Store(error) => return stores::hint(error),
        _ => return None,
    };
    Some(hint.into())
}

fn refusal_hint(refusal: &Refusal) -> Option<Hint> {
    let hint = match refusal {
        Refusal::OtherPackage { .. } => {
            "run `wharf config where NAMESPACE:NAME` and check the prefix, because both packages have this repository"
        }
        Refusal::Immutable { .. } => {
            "publish it as another version, or add --force to replace this one for everyone"
        }
        Refusal::Foreign { .. } => {
            "publish it as another version or to another repository, or add --force to replace it for everyone"
        }
        Refusal::Differs { .. } => DIFFERENT,
        Refusal::NotPinned { .. } => {
            "run the command without --locked if you trust the change in the registry or the lock file"
        }
        _ => return None,
    };
    Some(hint.into())
}

fn lock_file_hint(error: &LockFileError) -> Option<Hint> {
    let hint = match error {
        LockFileError::Missing { .. } => "run `wharf get` without --locked to create it",
        LockFileError::Malformed { .. } => {
            "restore it, or delete it and get the packages again, or ignore it with --no-lock"
        }
        LockFileError::Unwritable { .. } => {
            "name another file with --lock-file, or use none with --no-lock"
        }
        LockFileError::NoEntry { spec, .. } => {
            return Some(format!("run `wharf get '{spec}'` to add one").into());
        }
        LockFileError::UnnamedRegistry { registry, .. } => {
            return Some(
                format!("run `wharf login {registry}`, or name the registry with --registry")
                    .into(),
            );
        }
        LockFileError::Elsewhere { path, registry, .. } => {
            let file = path.display();
            return Some(
                format!("name the registry with --registry, because {file} has the version from {registry}")
                    .into(),
            );
        }
        _ => return None,
    };
    Some(hint.into())
}

fn copy_hint(error: &copy::Error) -> Option<Hint> {
    match error.store_error() {
        Some(error) => stores::hint(error),
        None => Some(DIFFERENT.into()),
    }
}

fn index_hint(error: &index::Error) -> Option<Hint> {
    let hint = match error {
        index::Error::Empty => {
            "run `wharf index add HOST|PACKAGE|REF|oci:DIR` to add a source, or `wharf index update` to read all sources again"
        }
        index::Error::UnknownInterface { .. } => {
            "write the interface as NAMESPACE:PACKAGE/NAME[@VERSION], or run `wharf index update` to find new ones"
        }
        index::Error::Unstable => {
            "try again later, because another process may be writing the index"
        }
        index::Error::Package(error) => match error.as_ref() {
            package::Error::Store(store::Error::NoCatalog { .. }) => {
                "add packages with `wharf index add NAMESPACE:NAME`, a file with a list of packages, or a shared index"
            }
            error => return package_hint(error),
        },
        index::Error::Artifact(error) => return hint_of(error),
        index::Error::Sqlite { .. } if error.is_about_rights() => {
            "name a writable directory with --cache DIR"
        }
        _ => return None,
    };
    Some(hint.into())
}

/// Returns the hint for a file that names no package or no version.
pub(crate) fn name_package(file: &Path) -> Hint {
    format!(
        "run `wharf publish {} NAMESPACE:NAME@VERSION`",
        file.display()
    )
    .into()
}

/// Returns the hint for a reference where a package is published.
pub(crate) fn push_instead(file: &Path, reference: &str) -> Hint {
    format!(
        "run `wharf push {} {reference}` to store it under a reference, or give a package as \
         NAMESPACE:NAME@VERSION with --registry",
        file.display()
    )
    .into()
}

/// Returns the hint for a package where a reference is pushed to.
pub(crate) fn publish_instead(file: &Path, package: &PackageSpec) -> Hint {
    let file = file.display();
    format!("run `wharf publish {file} {package}` to store it as a package").into()
}

/// Returns the hint for a text that is not a reference.
pub(crate) fn reference(text: &str) -> Option<Hint> {
    match text.starts_with(BLOBS) {
        true => Some(
            "write blobs:DIR@sha256:…, with a digest from `ctr images ls` or `crictl images --digests`"
                .into(),
        ),
        false => host(text),
    }
}

/// Returns the hint for a text that is not a package.
pub(crate) fn package(text: &str) -> Hint {
    let known = host(text).or_else(|| match text.parse::<Reference>() {
        Ok(_) => Some("give a package as NAMESPACE:NAME, and its registry with --registry".into()),
        Err(_) => version(text),
    });
    known.unwrap_or("name a package, such as demo:calc, demo:calc@1.2.0 or demo:calc@^1".into())
}

fn is_version(text: &str) -> bool {
    Version::parse(text).is_ok() || VersionReq::parse(text).is_ok()
}

/// Returns the hint for a version in the form of other tools.
fn version(text: &str) -> Option<Hint> {
    let (name, version) = text.split_once('@').or_else(|| text.rsplit_once(':'))?;
    let plain = version.trim_start_matches(['v', 'V']);
    let follows_at = text.contains('@');
    if name.parse::<PackageSpec>().is_err() {
        return None;
    }
    match version {
        "latest" => Some(format!("leave out the version to get the newest one: {name}").into()),
        "" if follows_at => {
            Some(format!("leave out the version to get the newest one: {name}").into())
        }
        _ if !is_version(plain) => None,
        _ if !follows_at => Some(format!("write the version after an @: {name}@{plain}").into()),
        _ if plain != version => {
            Some(format!("write the version without the v: {name}@{plain}").into())
        }
        _ => None,
    }
}

/// Returns the hint for an argument that is neither a file nor anything else.
pub(crate) fn no_file(text: &str, error: &dyn std::fmt::Display) -> Hint {
    match is_word(text) {
        true => format!("name an existing file, or {FORMS}").into(),
        false => format!("name an existing file, or correct the reference: {error}").into(),
    }
}

/// Returns whether a text is a plain word, unlike a package, reference or path.
pub(crate) fn is_word(text: &str) -> bool {
    let is_place = [LAYOUT, BLOBS].iter().any(|place| text.starts_with(place));
    let is_other = looks_like_package(text) || is_place || Mistake::of(text).is_some();
    !text.contains('/') && !is_other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_suggest_valid_packages() {
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
            assert!(package(text).starts_with("name a package"), "{text}");
        }
    }

    #[test]
    fn users_are_distinguished_from_digests() {
        assert!(host("me@ghcr.io").is_some() && host("me@ghcr.io/x").is_some());
        assert!(host("ghcr.io@1.0").is_none() && host("ghcr.io/me@1.0").is_none());
        assert!(reference("foo@1.0.0").is_none() && reference("foo").is_none());
    }
}
