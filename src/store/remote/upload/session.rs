//! An upload that the registry has opened: the address of the next request, and the number of bytes that the registry
//! has.

use reqwest::header::{HeaderMap, HeaderName, LOCATION, RANGE};
use reqwest::{Response, Url};

use crate::store::Error;
use crate::store::remote::wire::Wire;

/// The size of a chunk, unless the registry asks for larger ones. It is the maximum that GHCR accepts.
pub(super) const CHUNK_BYTES: u64 = 4 * 1024 * 1024;

/// The minimum size of every chunk but the last.
const MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");

#[derive(Debug, Clone)]
pub(super) struct Session {
    /// The address of the next request. Another host gets no credentials.
    pub(super) location: Url,
    chunk_bytes: u64,
    /// The number of bytes that the registry has.
    pub(super) offset: u64,
    /// Whether the blob is sent in chunks.
    pub(super) is_chunked: bool,
    /// Whether a request failed, so that the client does not know how many bytes the registry has.
    pub(super) is_broken: bool,
    /// The offset of the registry's last correction.
    corrected: Option<u64>,
    /// Whether the answer to the last chunk named an end before that chunk.
    pub(super) is_doubtful: bool,
}

impl Session {
    /// Reads the answer to a request that opens an upload.
    pub(super) fn new(wire: &Wire, response: &Response, base: &Url) -> Result<Self, Error> {
        let location = location(wire, response, base)?;
        let location = location.ok_or_else(|| malformed(wire, "it is missing"))?;
        let least = response.headers().get(MIN_LENGTH);
        let least = least.and_then(|least| least.to_str().ok()?.trim().parse().ok());
        Ok(Self {
            location,
            chunk_bytes: CHUNK_BYTES.max(least.unwrap_or(0)),
            offset: 0,
            is_chunked: false,
            is_broken: false,
            corrected: None,
            is_doubtful: false,
        })
    }

    /// Takes the address of the next request from an answer, if it has one.
    pub(super) fn follow(&mut self, wire: &Wire, response: &Response) -> Result<(), Error> {
        if let Some(location) = location(wire, response, &self.location)? {
            self.location = location;
        }
        Ok(())
    }

    /// Returns the length of the next chunk of a blob of `size` bytes; 0 at its end.
    pub(super) fn chunk(&self, size: u64) -> u64 {
        self.chunk_bytes.min(size.saturating_sub(self.offset))
    }

    /// Counts a chunk of `length` bytes that the registry accepted, or the part of it that `Range` reports. A `Range`
    /// with another end is ignored: ECR repeats the end of the first chunk. If bytes are missing, the next answer is
    /// 416, or the upload cannot be closed.
    pub(super) fn accept(&mut self, length: u64, headers: &HeaderMap) {
        let (start, end) = (self.offset, self.offset + length);
        let taken = received(headers);
        self.is_doubtful = taken.is_some_and(|taken| taken <= start);
        let taken = taken.filter(|taken| start < *taken && *taken < end);
        self.offset = taken.unwrap_or(end);
    }

    /// Continues at the offset that the registry reports. Returns whether it is larger than in the last correction.
    pub(super) fn correct(&mut self, offset: u64) -> bool {
        let moves = self.corrected.is_none_or(|last| last < offset);
        (self.offset, self.corrected) = (offset, Some(offset));
        moves
    }
}

/// Returns how many bytes of an upload the registry has, if it reports that.
pub(super) fn received(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(RANGE)?.to_str().ok()?.trim();
    let text = text
        .trim_start_matches("bytes")
        .trim_start_matches([' ', '=']);
    let (first, last) = text.split_once('-')?;
    match (first.trim(), last.trim()) {
        // Distribution sends this for an upload without bytes; others report the last byte's index.
        ("0", "0" | "-1") => Some(0),
        ("0", last) => last.parse::<u64>().ok()?.checked_add(1),
        _ => None,
    }
}

fn location(wire: &Wire, response: &Response, base: &Url) -> Result<Option<Url>, Error> {
    let Some(location) = response.headers().get(LOCATION) else {
        return Ok(None);
    };
    let location = location.to_str().ok().and_then(|text| base.join(text).ok());
    let location = location.ok_or_else(|| malformed(wire, "it is not a URL"))?;
    match (base.scheme(), location.scheme()) {
        (_, "https") | ("http", "http") => Ok(Some(location)),
        _ => Err(malformed(
            wire,
            "it leads from https to an unencrypted address",
        )),
    }
}

fn malformed(wire: &Wire, reason: &str) -> Error {
    wire.malformed("the address of the upload", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(RANGE, value.parse().unwrap())])
    }

    fn session(offset: u64) -> Session {
        Session {
            location: Url::parse("http://localhost/v2/a/blobs/uploads/1").unwrap(),
            chunk_bytes: 100,
            offset,
            is_chunked: true,
            is_broken: false,
            corrected: None,
            is_doubtful: false,
        }
    }

    #[test]
    fn a_range_tells_how_much_was_received() {
        for (value, expected) in [
            ("0-99", Some(100)),
            ("bytes=0-99", Some(100)),
            ("bytes 0-99", Some(100)),
            ("0-0", Some(0)),
            ("0--1", Some(0)),
            ("1-99", None),
            ("0-18446744073709551615", None),
            ("99", None),
            ("", None),
        ] {
            assert_eq!(received(&range(value)), expected, "{value}");
        }
    }

    #[test]
    fn only_a_range_within_the_chunk_counts() {
        for (value, expected) in [
            ("0-149", 150),
            ("0-199", 200),
            ("0-99", 200),
            ("0-49", 200),
            ("0-999", 200),
            ("nonsense", 200),
        ] {
            let mut session = session(100);
            session.accept(100, &range(value));
            assert_eq!(session.offset, expected, "{value}");
        }
        let mut session = session(100);
        session.accept(100, &HeaderMap::new());
        assert_eq!(session.offset, 200);
    }

    #[test]
    fn corrections_must_move_on() {
        let mut session = session(200);
        assert!(session.correct(50) && session.correct(51));
        assert!(!session.correct(51) && !session.correct(50));
    }

    #[test]
    fn the_last_chunk_may_be_short() {
        assert_eq!(session(0).chunk(250), 100);
        assert_eq!(session(200).chunk(250), 50);
        assert_eq!(session(250).chunk(250), 0);
    }
}
