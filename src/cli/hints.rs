//! The texts of `hint:` lines, and which error gets which.

mod answers;
mod connection;
mod foreign;
mod host;
mod stores;

use std::borrow::Cow;
use std::error::Error;
use std::path::Path;

use wharf::acceptance::Refusal;
use wharf::package::{LockFileError, PlaceError};
use wharf::reference::package::{PackageSpec, Version, VersionReq, looks_like_package};
use wharf::reference::{BLOBS, LAYOUT, Mistake, Reference};
use wharf::{copy, exploded, index, package, store};

pub(crate) use self::host::{host, server};

pub(crate) type Hint = Cow<'static, str>;

/// Returns the hint for the first of a failure's causes that has one of its own.
pub(crate) fn of(error: &anyhow::Error) -> Option<Hint> {
    error.chain().find_map(of_cause).flatten()
}

/// Returns nothing for a cause whose own causes may say more.
fn of_cause(cause: &(dyn Error + 'static)) -> Option<Option<Hint>> {
    known(cause, hint_of)
        .or_else(|| known(cause, package_hint))
        .or_else(|| known(cause, lock_file_hint))
        .or_else(|| known(cause, index_hint))
        .or_else(|| known(cause, copy_hint))
        .or_else(|| known(cause, stores::hint))
        .or_else(|| known(cause, exploded_hint))
}

/// Applies `of` to a cause that is an error of this type.
pub(crate) fn known<E: Error + 'static, T>(
    cause: &(dyn Error + 'static),
    of: impl FnOnce(&E) -> T,
) -> Option<T> {
    cause.downcast_ref().map(of)
}

fn exploded_hint(error: &exploded::Error) -> Option<Hint> {
    match error {
        exploded::Error::NoRoot { .. } => {
            Some("it must hold what `wharf split` or `oras pull` wrote".into())
        }
        exploded::Error::ManyRoots { roots, .. } => {
            Some(format!("name one with --root: {}", roots.join(", ")).into())
        }
        _ => None,
    }
}

/// A reference in a lock file.
pub(crate) const PINNED_REFERENCE: &str = "a reference is pinned by its digest: …@sha256:…";

/// Standard output is a terminal.
pub(crate) const REDIRECT: &str = "redirect standard output, or name a file with -o";

/// Standard output is closed.
pub(crate) const REDIRECT_OR_DISCARD: &str =
    "redirect standard output, or name a file with -o; `-o /dev/null` throws the component away";

/// The default output is another file.
pub(crate) const OVERWRITE: &str = "name the output with -o; that overwrites";

/// The layers do not tile the component.
pub(crate) const INCOMPLETE_LAYERS: &str = "a layer's file is missing or not whole";

/// A requirement where a version is needed.
pub(crate) const ONE_VERSION: &str = "for instance demo:calc@1.2.0";

/// A requirement where a new version is needed.
pub(crate) const WHOLE_VERSION: &str = "a version has three numbers: 1.2.0";

/// A directory without WIT files.
pub(crate) const WIT_DIRECTORY: &str = "--wit takes the directory that has the package's own files";

/// The user has no configuration file.
pub(crate) const NAME_CONFIG: &str = "name a file with --config";

/// The cache cannot be opened.
pub(crate) const OTHER_CACHE: &str = "another directory with --cache, or none with --no-cache";

/// The cache may only be read.
pub(crate) const WRITABLE_CACHE: &str = "run it as the user that the directory belongs to";

/// The registry refuses a password.
pub(crate) const LOGIN_REFUSED: &str = "nothing was stored; check the user, and whether the registry wants an access \
                                        token in place of the password";

/// There is no terminal.
pub(crate) const PASSWORD_STDIN: &str =
    "give it on standard input, with --username and --password-stdin";

/// `--username` without a password.
pub(crate) const ONLY_LOGIN_ASKS: &str = "only `wharf login` asks for a password";

/// The destination of a package's copy.
pub(crate) const PACKAGE_TARGET: &str =
    "a package keeps its name: DST says only where packages are";

/// Where a version differs in two places.
const DIFFERENT: &str = "a version never changes: find out which of the two is right";

const MISCONFIGURED: &str = "`wharf config` shows what is read";

pub(crate) const LOGIN_FOR_EACH: &str = "`wharf login` keeps credentials for each";

/// Credentials of this user in front of a gateway.
pub(crate) const OWN_CREDENTIALS: &str =
    "--own-credentials reads with yours for everybody who connects";

/// A layout that no client can name.
pub(crate) const NAME_UPSTREAM: &str =
    "put it first, or give it the name of a registry: HOST=oci:DIR";

/// A text that is no address.
pub(crate) const ADDRESS: &str = "an address is HOST:PORT, as in 127.0.0.1:5100 or 0.0.0.0:5100";

/// Another program listens on the address that a flag gives.
pub(crate) fn other_address(flag: &str) -> String {
    format!("somebody else listens there: choose with {flag}")
}

/// A registry in place of the beginning of a name.
pub(crate) const LIST_REGISTRY: &str =
    "--registry says where packages are: HOST[:PORT][/PREFIX] or oci:DIR";

/// A source that is not in the index.
pub(crate) const SOURCES: &str = "`wharf index ls` shows what was";

/// A word that names no source.
pub(crate) const SOURCE_FORMS: &str =
    "HOST[/PREFIX], oci:DIR, NAMESPACE:NAME, or a reference with a tag";

/// Some sources could not be read.
pub(crate) const REST_INDEXED: &str = "everything else is in the index";

/// An index is published, and nothing says which part of it.
pub(crate) const SELECTION: &str = "--place HOST[/PREFIX] or --namespace NAME, or --everything for all that was read in \
                                    registries";

/// An index is published, and nothing is selected.
pub(crate) const INDEX_CONTENTS: &str = "`wharf index add` and `wharf search` show what there is";

/// The forms of a package and of a reference.
pub(crate) const FORMS: &str = "a package is NAMESPACE:NAME, perhaps with @VERSION; a reference is \
                                HOST[:PORT]/REPOSITORY:TAG or oci:DIR:TAG";

fn hint_of(error: &wharf::error::Error) -> Option<Hint> {
    match error {
        wharf::error::Error::Store(error) => stores::hint(error),
        wharf::error::Error::Refused(refusal) => refusal_hint(refusal),
        wharf::error::Error::Foreign { what, .. } => foreign::hint(what),
        wharf::error::Error::Changed => Some("try again when nothing writes to it".into()),
        _ => None,
    }
}

/// An artifact that is missing offline may exist in the registry.
const ONLINE: &str =
    "it is not in the cache of this machine; without --offline the registry is asked";

fn package_hint(error: &package::Error) -> Option<Hint> {
    let hint = match error {
        package::Error::Unknown {
            is_offline: true, ..
        }
        | package::Error::Lost {
            is_offline: true, ..
        } => ONLINE,
        package::Error::Unknown { .. } => {
            "check the name; `wharf config where NAME` shows where it is looked for, `wharf list` what there is"
        }
        package::Error::Lost { .. } => "the registry lost it: publish or copy it there again",
        package::Error::NoVersion { spec, .. } => {
            return Some(format!("`wharf versions {}` shows all", spec.name).into());
        }
        package::Error::Refused(refusal) => return refusal_hint(refusal),
        package::Error::LockFile(error) => return lock_file_hint(error),
        package::Error::Copy(error) => return copy_hint(error),
        package::Error::SamePlace { .. } => {
            "a host alone may have a prefix in the configuration: see `wharf config`"
        }
        package::Error::Damaged { .. } => {
            "a version never changes, so nothing damaged becomes one; `wharf push` stores any bytes"
        }
        package::Error::Incompatible { .. } => {
            "publish it under a number that says so, another major version; or with --no-compat-check"
        }
        package::Error::LostRace { .. } => "look at what is there, and publish another version",
        package::Error::Place(PlaceError::Malformed { text, .. }) => return host(text),
        package::Error::Configuration(_) => MISCONFIGURED,
        package::Error::NoLocalLayout => "name one with --registry oci:DIR or in WHARF_HOME",
        package::Error::NoLayout { package, .. } => {
            return Some(format!(
                "`wharf publish FILE {package}@VERSION` puts it there; another place is named with --registry"
            ).into());
        }
        package::Error::ReadOnly { .. } => {
            "what wharf writes is in a layout or in a registry: oci:DIR:TAG or HOST[:PORT]/REPOSITORY:TAG"
        }
        package::Error::TwoRegistries => LOGIN_FOR_EACH,
        package::Error::Redirected { host, place, .. } => {
            return Some(format!("`wharf login {host}`, or name it: --registry {place}").into());
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
            "two packages were mapped to one repository: see `wharf config where`, and the prefix it has"
        }
        Refusal::Immutable { .. } => {
            "publish it as another version; --force replaces this one for everybody"
        }
        Refusal::Foreign { .. } => {
            "publish it as another version or to another repository; --force replaces it for everybody"
        }
        Refusal::Differs { .. } => DIFFERENT,
        Refusal::NotPinned { .. } => {
            "the registry or the lock file was changed; get it anew without --locked if you trust it"
        }
        _ => return None,
    };
    Some(hint.into())
}

fn lock_file_hint(error: &LockFileError) -> Option<Hint> {
    let hint = match error {
        LockFileError::Missing { .. } => "`wharf get` without --locked makes it",
        LockFileError::Malformed { .. } => {
            "restore it, or delete it and get the packages again; --no-lock leaves it alone"
        }
        LockFileError::Unwritable { .. } => {
            "another place with --lock-file, or none with --no-lock"
        }
        LockFileError::NoEntry { spec, .. } => {
            return Some(format!("`wharf get '{spec}'` makes one").into());
        }
        LockFileError::UnnamedRegistry { registry, .. } => {
            return Some(
                format!("`wharf login {registry}`, or say where the package is with --registry")
                    .into(),
            );
        }
        LockFileError::Elsewhere { path, registry, .. } => {
            let file = path.display();
            return Some(
                format!("{file} has it from {registry}; another place is named with --registry")
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
            "`wharf index add HOST|PACKAGE|REF|oci:DIR` says where components are, `wharf index update` looks again"
        }
        index::Error::UnknownInterface { .. } => {
            "an interface is NAMESPACE:PACKAGE/NAME, perhaps with @VERSION; `wharf index update` looks for new ones"
        }
        index::Error::Unstable => "another process may be at work on it; try again later",
        index::Error::Package(error) => match error.as_ref() {
            package::Error::Store(store::Error::NoCatalog { .. }) => {
                "name packages or references instead: `wharf index add NAMESPACE:NAME…`, a file that lists \
                 them, or an index that somebody published there"
            }
            error => return package_hint(error),
        },
        index::Error::Artifact(error) => return hint_of(error),
        index::Error::Sqlite { .. } if error.is_about_rights() => {
            "the index is written beside the cache, even to be read: --cache DIR names another directory"
        }
        _ => return None,
    };
    Some(hint.into())
}

/// Returns the hint for a file that names no package or no version.
pub(crate) fn name_package(file: &Path) -> Hint {
    format!(
        "name it: wharf publish {} NAMESPACE:NAME@VERSION",
        file.display()
    )
    .into()
}

/// Returns the hint for a reference where a package is published.
pub(crate) fn push_instead(file: &Path, reference: &str) -> Hint {
    format!(
        "that is a reference: `wharf push {} {reference}` stores under it; a package is NAMESPACE:NAME@VERSION, \
         and --registry says where it is",
        file.display()
    )
    .into()
}

/// Returns the hint for a package where a reference is pushed to.
pub(crate) fn publish_instead(file: &Path, package: &PackageSpec) -> Hint {
    let file = file.display();
    format!("that is a package: `wharf publish {file} {package}` stores it").into()
}

/// Returns the way out where a text is no reference.
pub(crate) fn reference(text: &str) -> Option<Hint> {
    match text.starts_with(BLOBS) {
        true => Some(
            "as in blobs:DIR@sha256:…; `ctr images ls` and `crictl images --digests` show digests"
                .into(),
        ),
        false => host(text),
    }
}

/// Returns the way out where a text is no package.
pub(crate) fn package(text: &str) -> Hint {
    let known = host(text).or_else(|| match text.parse::<Reference>() {
        Ok(_) => Some(
            "that is a reference; here it is NAMESPACE:NAME, and --registry says where that is"
                .into(),
        ),
        Err(_) => version(text),
    });
    known.unwrap_or("for instance demo:calc, demo:calc@1.2.0 or demo:calc@^1".into())
}

fn is_version(text: &str) -> bool {
    Version::parse(text).is_ok() || VersionReq::parse(text).is_ok()
}

/// Says how to write a version that is written as other tools have it.
fn version(text: &str) -> Option<Hint> {
    let (name, version) = text.split_once('@').or_else(|| text.rsplit_once(':'))?;
    let plain = version.trim_start_matches(['v', 'V']);
    let follows_at = text.contains('@');
    if name.parse::<PackageSpec>().is_err() {
        return None;
    }
    match version {
        "latest" => Some(format!("without a version it is the newest: {name}").into()),
        "" if follows_at => Some(format!("without a version it is the newest: {name}").into()),
        _ if !is_version(plain) => None,
        _ if !follows_at => Some(format!("a version stands after an @: {name}@{plain}").into()),
        _ if plain != version => {
            Some(format!("write the version without the v: {name}@{plain}").into())
        }
        _ => None,
    }
}

/// Returns the hint for an argument that is no file and nothing else.
pub(crate) fn no_file(text: &str, error: &dyn std::fmt::Display) -> Hint {
    match is_word(text) {
        true => format!("and no package and no reference: {FORMS}").into(),
        false => format!("and as a reference: {error}").into(),
    }
}

/// Returns whether a text is a word that no package, no reference and no path looks like.
pub(crate) fn is_word(text: &str) -> bool {
    let is_place = [LAYOUT, BLOBS].iter().any(|place| text.starts_with(place));
    let is_other = looks_like_package(text) || is_place || Mistake::of(text).is_some();
    !text.contains('/') && !is_other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_suggest_a_valid_package() {
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
    fn a_user_is_not_taken_for_a_digest() {
        assert!(host("me@ghcr.io").is_some() && host("me@ghcr.io/x").is_some());
        assert!(host("ghcr.io@1.0").is_none() && host("ghcr.io/me@1.0").is_none());
        assert!(reference("foo@1.0.0").is_none() && reference("foo").is_none());
    }
}
