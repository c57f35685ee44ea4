//! Reads answers: bodies of bounded length, registry errors, `Retry-After` and `Content-Range`; decides whether an
//! answer comes from a registry.

use std::time::{Duration, SystemTime};

use reqwest::header::{
    CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER,
};
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use super::pace::{Pace, TooSlow};
use crate::digest::{Digest, Identity, Mismatch};
use crate::store::{Error, StoreKind, Subject};
use crate::text::excerpt;

/// The maximum number of bytes that are read from an error's body.
/// The registry's code for a manifest that names a blob or a manifest that the repository lacks.
pub(super) const UNKNOWN_BLOB: &str = "MANIFEST_BLOB_UNKNOWN";

const MAX_ERROR_BYTES: u64 = 64 * 1024;

/// The digest header that registries send with manifests. The distribution specification uses Docker's name.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// The reason why a body was not read.
pub(super) enum BodyError {
    TooLong,
    TooSlow(TooSlow),
    Broken(reqwest::Error),
}

/// Reads a body of at most `limit` bytes. Stops at the limit if the body is longer.
pub(super) async fn read_bounded(
    response: &mut Response,
    limit: u64,
) -> Result<Vec<u8>, BodyError> {
    let pace = pace(response);
    let read = pace.whole(read_all(response, limit)).await;
    read.map_err(BodyError::TooSlow)?
}

/// Returns the speed limits for the body of a response.
pub(super) fn pace(response: &Response) -> Pace {
    response.extensions().get().copied().unwrap_or_default()
}

async fn read_all(response: &mut Response, limit: u64) -> Result<Vec<u8>, BodyError> {
    if response
        .content_length()
        .is_some_and(|length| length > limit)
    {
        return Err(BodyError::TooLong);
    }
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(BodyError::Broken)? {
        if (body.len() + bytes.len()) as u64 > limit {
            return Err(BodyError::TooLong);
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

/// A registry's errors for a request that it did not fulfil.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ErrorMessage {
    /// The first error code of the specification's list, such as `NAME_UNKNOWN`.
    pub(super) code: String,
    /// Code and message of every error, or the text of the body; printable and short.
    pub(super) message: String,
}

/// Reads the body of an error. If it breaks off or takes too long, returns the part that has arrived.
pub(super) async fn read_error(mut response: Response) -> ErrorMessage {
    let mut body = Vec::new();
    let pace = pace(&response).for_error();
    let reading = async {
        while let Ok(Some(bytes)) = response.chunk().await {
            let room = MAX_ERROR_BYTES as usize - body.len();
            body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if bytes.len() >= room {
                break;
            }
        }
    };
    let _in_time = pace.whole(reading).await.is_ok();
    match encoding(response.headers()) {
        // Some servers label what they do not encode.
        Some(encoding) if std::str::from_utf8(&body).is_err() => ErrorMessage {
            code: String::new(),
            message: format!("the answer is encoded with {encoding}"),
        },
        _ => parse_error(&body),
    }
}

pub(super) fn parse_error(body: &[u8]) -> ErrorMessage {
    #[derive(Deserialize)]
    struct Envelope {
        errors: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        #[serde(default)]
        code: Option<String>,
        #[serde(default)]
        message: Option<String>,
    }
    // zot answers a wrong password with an entry outside the list.
    let errors = match serde_json::from_slice(body) {
        Ok(Envelope { errors }) => errors,
        Err(_) => match serde_json::from_slice::<Entry>(body) {
            Ok(entry) if entry.code.is_some() => vec![entry],
            _ => {
                return ErrorMessage {
                    code: String::new(),
                    message: excerpt(&String::from_utf8_lossy(body)),
                };
            }
        },
    };
    let code = errors.iter().find_map(|entry| entry.code.as_deref());
    let texts: Vec<String> = errors
        .iter()
        .map(|entry| {
            let parts = [entry.code.as_deref(), entry.message.as_deref()];
            let parts: Vec<&str> = parts
                .into_iter()
                .flatten()
                .filter(|part| !part.is_empty())
                .collect();
            parts.join(": ")
        })
        .collect();
    ErrorMessage {
        code: excerpt(code.unwrap_or_default()),
        message: excerpt(&texts.join("; ")),
    }
}

/// Returns whether the same request may succeed later.
pub(super) fn is_retryable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// Returns how long the server asks to wait: seconds, or until a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// Returns the first byte, the last byte and, if the server states it, the whole size that `Content-Range` names.
pub(super) fn content_range(headers: &HeaderMap) -> Option<(u64, u64, Option<u64>)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let size = match size.trim() {
        "*" => None,
        size => Some(size.parse().ok()?),
    };
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?, size))
}

/// Returns the media type without parameters; empty if there is none.
pub(super) fn media_type(headers: &HeaderMap) -> &str {
    let text = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let text = text.unwrap_or_default();
    text.split_once(';')
        .map_or(text, |(media_type, _)| media_type)
        .trim()
}

/// Returns whether an answer is a web page for people. Web servers send one for any path.
pub(super) fn is_page(headers: &HeaderMap, body: &[u8]) -> bool {
    matches!(media_type(headers), "text/html" | "application/xhtml+xml")
        || body.trim_ascii_start().starts_with(b"<")
}

/// Returns whether an answer is a text or a JSON document, as servers that are not registries send.
pub(super) fn is_text(headers: &HeaderMap) -> bool {
    let media_type = media_type(headers);
    media_type.starts_with("text/") || media_type == "application/json"
}

/// Returns the media type in words, for a message.
pub(super) fn content_in_words(headers: &HeaderMap) -> String {
    match media_type(headers) {
        "" => "no content type".to_owned(),
        media_type => format!("content type {}", excerpt(media_type)),
    }
}

/// Returns the encoding of a body that is not sent as stored.
pub(super) fn encoding(headers: &HeaderMap) -> Option<String> {
    let encoding = headers.get(CONTENT_ENCODING)?;
    let encoding = String::from_utf8_lossy(encoding.as_bytes());
    let encoding = encoding.trim();
    let is_none = encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
    (!is_none).then(|| excerpt(encoding))
}

/// Returns whether the registry accepted the sent bytes. A text is the answer of a web server, unless it names a digest
/// or a location.
pub(super) fn is_accepted(status: StatusCode, headers: &HeaderMap) -> bool {
    let is_named = headers.contains_key(LOCATION) || headers.contains_key(CONTENT_DIGEST);
    matches!(status.as_u16(), 201 | 202 | 204)
        && (is_named || !media_type(headers).starts_with("text/"))
}

/// Fails if an answer to `what` has a success status but is not a registry's document. It may be encoded in transit, a
/// web page, a file that is not JSON, or a list of errors.
///
/// Web servers, login pages and proxies answer any path with 200. Such an answer proves nothing, least of all that a
/// list is empty or that something exists.
pub(super) fn check_document(
    what: &str,
    location: &str,
    (status, headers): (StatusCode, &HeaderMap),
    body: &[u8],
) -> Result<(), Error> {
    let (what, location, status) = (what.to_owned(), location.to_owned(), status.as_u16());
    let is_json = matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
    // Some servers set the label without encoding the body.
    if let Some(encoding) = encoding(headers).filter(|_| !is_json) {
        return Err(Error::Encoded {
            what,
            location,
            encoding,
        });
    }
    if is_page(headers, body) || !(is_json || media_type(headers).ends_with("json")) {
        return Err(Error::NotRegistry {
            what,
            location,
            status,
            content: content_in_words(headers),
        });
    }
    match listed_errors(body) {
        Some(message) => Err(Error::Answer {
            what,
            location,
            status,
            message,
            retry_after: None,
        }),
        None => Ok(()),
    }
}

/// Returns the errors of a body that lists errors, in words.
fn listed_errors(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Envelope {
        errors: Vec<serde::de::IgnoredAny>,
    }
    let is_short = body.len() as u64 <= MAX_ERROR_BYTES;
    let envelope: Envelope = is_short
        .then(|| serde_json::from_slice(body).ok())
        .flatten()?;
    (!envelope.errors.is_empty()).then(|| parse_error(body).message)
}

/// Returns the digest that the registry reports, if its algorithm is supported.
pub(super) fn content_digest(headers: &HeaderMap) -> Option<Digest> {
    headers
        .get(CONTENT_DIGEST)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// Returns the error for bytes that do not have the expected digest.
pub(super) fn corrupt(location: &str, what: String, expected: Digest, found: Identity) -> Error {
    let expected = Identity {
        digest: expected,
        size: found.size,
    };
    Error::Corrupt {
        what: Subject::Other(what),
        location: location.to_owned(),
        kind: StoreKind::Other,
        source: Box::new(Mismatch { expected, found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_registry_speaks_briefly_and_without_control_characters() {
        let body = br#"{"errors":[{"code":"NAME_UNKNOWN","message":"no\u001b[31m such","detail":{}},{"message":"more"}]}"#;
        let error = parse_error(body);
        assert_eq!(error.code, "NAME_UNKNOWN");
        assert_eq!(error.message, "NAME_UNKNOWN: no[31m such; more");
        assert_eq!(
            parse_error(b"<p>\r\nbad\x07 gateway\x00").message,
            "<p> bad gateway"
        );
        assert_eq!(
            parse_error(&[b'x'; 1000]).message.len(),
            crate::text::MAX_EXCERPT_CHARS
        );
        assert_eq!(parse_error(b""), ErrorMessage::default());
        let bare = br#"{"code":"UNAUTHORIZED","message":"authentication required","detail":{}}"#;
        assert_eq!(
            parse_error(bare).message,
            "UNAUTHORIZED: authentication required"
        );
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let asked = |value| retry_after(&headers(RETRY_AFTER, value));
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert!(
            asked("Fri, 31 Dec 9999 23:59:59 GMT")
                .is_some_and(|wait| wait > Duration::from_secs(1 << 30))
        );
        for bad in [
            "",
            "soon",
            "-1",
            "Sun, 06 Nov 1994",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:00:00 GMT",
        ] {
            assert_eq!(asked(bad), None, "{bad}");
        }
    }

    #[test]
    fn content_ranges_are_read() {
        let range = |value| content_range(&headers(CONTENT_RANGE, value));
        assert_eq!(range("bytes 5-9/10"), Some((5, 9, Some(10))));
        assert_eq!(range("bytes 5-9/*"), Some((5, 9, None)));
        for bad in [
            "bytes */10",
            "5-9/10",
            "bytes a-9/10",
            "bytes 5-b/10",
            "bytes 5-9",
        ] {
            assert_eq!(range(bad), None, "{bad}");
        }
    }
}
