//! Parses the path and query of a request.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints>.

use http::Uri;
use percent_encoding::percent_decode_str;

use super::refusal::Refusal;
use crate::digest::Digest;
use crate::reference::{is_host, is_marked_as_host, is_path, is_tag};

/// An endpoint of the registry API, with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/v2/`: clients check whether this is a registry and how to log in.
    Base,
    /// The catalog of repositories.
    Catalog,
    /// An endpoint of a repository, under the client's name for the repository.
    Repository(String, Endpoint),
}

/// An endpoint of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    Manifest(ManifestName),
    Blob(ManifestName),
    Tags,
    /// The referrers of a manifest.
    Referrers(ManifestName),
}

/// The name of a manifest or a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ManifestName {
    Tag(String),
    /// A SHA-256 digest.
    Digest(Digest),
    /// A digest of another algorithm.
    Other(String),
}

impl std::fmt::Display for ManifestName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag(text) | Self::Other(text) => f.write_str(text),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

pub(super) fn route(path: &str) -> Result<Route, Refusal> {
    let unknown = || Refusal::not_found("UNSUPPORTED", "this endpoint does not exist");
    let segments: Option<Vec<String>> = path.split('/').map(decoded).collect();
    let segments = segments.ok_or_else(unknown)?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let rest = match segments[..] {
        ["", "v2"] | ["", "v2", ""] => return Ok(Route::Base),
        ["", "v2", "_catalog"] => return Ok(Route::Catalog),
        ["", "v2", ref rest @ ..] => rest,
        _ => return Err(unknown()),
    };
    let (repository, endpoint) = match rest {
        [repository @ .., "tags", "list"] => (repository, Endpoint::Tags),
        [repository @ .., "manifests", name] => {
            (repository, Endpoint::Manifest(manifest_name(name)?))
        }
        [_, .., "blobs", "uploads"] | [_, .., "blobs", "uploads", _] => {
            return Err(Refusal::read_only());
        }
        [repository @ .., "blobs", name] => (repository, Endpoint::Blob(digest(name)?)),
        [repository @ .., "referrers", name] => (repository, Endpoint::Referrers(digest(name)?)),
        _ => return Err(unknown()),
    };
    let repository = repository.join("/");
    match is_repository(&repository) {
        true => Ok(Route::Repository(repository, endpoint)),
        false => Err(Refusal::bad_request(
            "NAME_INVALID",
            "the repository name in the path is invalid",
        )),
    }
}

/// Returns whether a name is a repository path, with or without a registry host before it.
pub(super) fn is_repository(text: &str) -> bool {
    is_path(text) || split_host(text).is_some_and(|(_, path)| is_path(path))
}

/// Splits a name whose first element is marked as a registry host.
pub(super) fn split_host(repository: &str) -> Option<(&str, &str)> {
    let (host, path) = repository.split_once('/')?;
    (is_marked_as_host(host) && is_host(host)).then_some((host, path))
}

fn manifest_name(text: &str) -> Result<ManifestName, Refusal> {
    if text.contains(':') {
        return digest(text);
    }
    match is_tag(text) {
        true => Ok(ManifestName::Tag(text.to_owned())),
        // An invalid tag cannot exist: 404.
        false => Err(Refusal::not_found(
            "MANIFEST_UNKNOWN",
            "the reference in the path is neither a tag nor a digest",
        )),
    }
}

/// Parses a digest of any algorithm. Spec:
/// <https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests>.
fn digest(text: &str) -> Result<ManifestName, Refusal> {
    let bad = || Refusal::bad_request("DIGEST_INVALID", "the digest in the path is invalid");
    if let Ok(digest) = text.parse() {
        return Ok(ManifestName::Digest(digest));
    }
    let (algorithm, encoded) = text.split_once(':').ok_or_else(bad)?;
    let word = |word: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        !word.is_empty() && word.bytes().all(plain)
    };
    let is_valid = algorithm.split(['+', '.', '_', '-']).all(word)
        && algorithm != "sha256"
        && (1..=256).contains(&encoded.len())
        && encoded
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"=_-".contains(&byte));
    match is_valid {
        true => Ok(ManifestName::Other(text.to_owned())),
        false => Err(bad()),
    }
}

/// Decodes `%XX`. Returns nothing for characters that a name cannot contain, such as new slashes.
pub(super) fn decoded(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    // A remaining percent sign was not followed by two hexadecimal digits.
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"/\\%".contains(&byte);
    text.bytes().all(plain).then(|| text.into_owned())
}

/// Returns a query parameter; nothing if it is missing or not UTF-8.
pub(super) fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(uri.query()?.as_bytes());
    let (_, value) = pairs.find(|(key, _)| key == name)?;
    (!value.contains(char::REPLACEMENT_CHARACTER)).then(|| value.into_owned())
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn repository(name: &str, endpoint: Endpoint) -> Route {
        Route::Repository(name.to_owned(), endpoint)
    }

    #[test]
    fn endpoints_are_found_behind_names_with_slashes() {
        let tag = |tag: &str| Endpoint::Manifest(ManifestName::Tag(tag.to_owned()));
        let empty = ManifestName::Digest(Digest::of(b""));
        for (path, expected) in [
            ("/v2", Route::Base),
            ("/v2/", Route::Base),
            ("/v2/_catalog", Route::Catalog),
            ("/v2/a/manifests/1.0", repository("a", tag("1.0"))),
            ("/v2/a/b/c/manifests/_x", repository("a/b/c", tag("_x"))),
            // Repositories may be named like endpoints.
            (
                "/v2/a/manifests/tags/list",
                repository("a/manifests", Endpoint::Tags),
            ),
            (
                "/v2/tags/list/manifests/list",
                repository("tags/list", tag("list")),
            ),
            (
                "/v2/blobs/uploads/manifests/1",
                repository("blobs/uploads", tag("1")),
            ),
            (
                "/v2/ghcr.io/org/app/tags/list",
                repository("ghcr.io/org/app", Endpoint::Tags),
            ),
            (
                "/v2/localhost:5000/app/manifests/1",
                repository("localhost:5000/app", tag("1")),
            ),
            (
                &format!("/v2/a/manifests/sha256:{HEX}"),
                repository("a", Endpoint::Manifest(empty.clone())),
            ),
            (
                &format!("/v2/a/blobs/sha256%3A{HEX}"),
                repository("a", Endpoint::Blob(empty.clone())),
            ),
            (
                &format!("/v2/a/b/referrers/sha256:{HEX}"),
                repository("a/b", Endpoint::Referrers(empty)),
            ),
            (
                "/v2/a/blobs/sha512:00ff",
                repository(
                    "a",
                    Endpoint::Blob(ManifestName::Other("sha512:00ff".to_owned())),
                ),
            ),
        ] {
            assert_eq!(route(path).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn hostile_paths_are_refused() {
        for (path, status, code) in [
            ("", 404, "UNSUPPORTED"),
            ("/", 404, "UNSUPPORTED"),
            ("/v1/_ping", 404, "UNSUPPORTED"),
            ("/v2//", 404, "UNSUPPORTED"),
            ("/v2/a", 404, "UNSUPPORTED"),
            ("/v2/a/manifests", 404, "UNSUPPORTED"),
            ("/v2/../etc/passwd", 404, "UNSUPPORTED"),
            ("/v2/a/manifests/%", 404, "UNSUPPORTED"),
            ("/v2/a/manifests/%zz", 404, "UNSUPPORTED"),
            ("/v2/a/manifests/a%00b", 404, "UNSUPPORTED"),
            ("/v2/a/manifests/a%0d%0aX:%20b", 404, "UNSUPPORTED"),
            ("/v2/a%2fb/manifests/1", 404, "UNSUPPORTED"),
            ("/v2/a/manifests/%c3%a9", 404, "UNSUPPORTED"),
            ("/v2/manifests/1", 400, "NAME_INVALID"),
            ("/v2//manifests/1", 400, "NAME_INVALID"),
            ("/v2/a//b/manifests/1", 400, "NAME_INVALID"),
            ("/v2/../manifests/1", 400, "NAME_INVALID"),
            ("/v2/%2e%2e/manifests/1", 400, "NAME_INVALID"),
            ("/v2/A/tags/list", 400, "NAME_INVALID"),
            ("/v2/a@b.c/app/tags/list", 400, "NAME_INVALID"),
            ("/v2/a.b:c/app/tags/list", 400, "NAME_INVALID"),
            (
                "/v2/a/manifests/.INVALID_MANIFEST_NAME",
                404,
                "MANIFEST_UNKNOWN",
            ),
            ("/v2/a/manifests/", 404, "MANIFEST_UNKNOWN"),
            ("/v2/a/manifests/sha256:12", 400, "DIGEST_INVALID"),
            ("/v2/a/blobs/1.0", 400, "DIGEST_INVALID"),
            ("/v2/a/blobs/SHA512:00", 400, "DIGEST_INVALID"),
            ("/v2/a/blobs/sha512:", 400, "DIGEST_INVALID"),
            ("/v2/a/referrers/x", 400, "DIGEST_INVALID"),
            ("/v2/a/blobs/uploads/", 405, "UNSUPPORTED"),
            ("/v2/a/blobs/uploads", 405, "UNSUPPORTED"),
            ("/v2/a/blobs/uploads/1234", 405, "UNSUPPORTED"),
        ] {
            let refusal = route(path).unwrap_err();
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!((refusal.status, refusal.code), (status, code), "{path}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let uri: Uri = "/v2/?ns=localhost%3A5000&n=5&last=a+b&bad=%ff&n=6"
            .parse()
            .unwrap();
        assert_eq!(parameter(&uri, "ns").as_deref(), Some("localhost:5000"));
        assert_eq!(parameter(&uri, "n").as_deref(), Some("5"));
        assert_eq!(parameter(&uri, "last").as_deref(), Some("a b"));
        assert_eq!(parameter(&uri, "bad"), None);
        assert_eq!(parameter(&uri, "l"), None);
    }
}
