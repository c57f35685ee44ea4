//! Downloads a blob, a part of one, or the rest of one after a transfer broke off.

use std::error;
use std::ops::Range;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, future, stream};
use reqwest::header::{HeaderValue, RANGE};
use reqwest::{Response, StatusCode};

use super::Remote;
use super::answer;
use super::pace::Meter;
use super::wire::Wire;
use crate::digest::Identity;
use crate::store::{ByteStream, Error};

impl Remote {
    /// Opens a part of a blob. If the server does not send exactly this part or the rest of the blob, the transfer
    /// restarts at the first byte, and the bytes before the part are skipped.
    pub(super) async fn download(
        &self,
        blob: Identity,
        part: Range<u64>,
    ) -> Result<ByteStream, Error> {
        let subject = format!("blob {}", blob.digest);
        let endpoint = format!("blobs/{}", blob.digest);
        let mut request = self.get(&endpoint, format!("pulling {subject}"));
        let wire = self.transport.wire();
        let from = part.start;
        if part != (0..blob.size) {
            let last = match part.end < blob.size {
                true => part.end.saturating_sub(1).to_string(),
                false => String::new(),
            };
            let range = HeaderValue::try_from(format!("bytes={from}-{last}"));
            let range =
                range.map_err(|_| wire.malformed("the range", "it is not a valid header"))?;
            request.headers.insert(RANGE, range);
        }
        loop {
            let asks_for_part = request.headers.contains_key(RANGE);
            let first = if asks_for_part { from } else { 0 };
            let response = self.transport.send(&request).await?;
            let skipped = match response.status() {
                StatusCode::OK => {
                    check_blob(wire, &response, &request.what, blob.size)?;
                    from
                }
                status => match sent_end(&response, first, &part, blob.size) {
                    Some(end) => {
                        check_blob(wire, &response, &request.what, end - first)?;
                        from - first
                    }
                    None if asks_for_part && is_about_ranges(status) => {
                        request.headers.remove(RANGE);
                        continue;
                    }
                    None => return Err(wire.unexpected(response, &request.what, &subject).await),
                },
            };
            let location = wire.answerer(response.url());
            let body = stream_of(response, &request.what, &location);
            return Ok(skip(body, skipped).boxed());
        }
    }
}

/// Fails if a body that should be `length` bytes of a blob is a web page, another text, or encoded. A body of that
/// length may have any type, because its digest is checked. A text without a length may be a config.
fn check_blob(wire: &Wire, response: &Response, what: &str, length: u64) -> Result<(), Error> {
    let headers = response.headers();
    let encoding = answer::encoding(headers);
    let stated = response.content_length();
    let is_suspect = answer::is_page(headers, b"")
        || encoding.is_some()
        || (answer::is_text(headers) && stated.is_some());
    if is_suspect && stated != Some(length) {
        return Err(wire.not_registry(response, what, encoding));
    }
    Ok(())
}

fn is_about_ranges(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE
    )
}

/// Returns the end of a partial answer if it begins at byte `first` and ends with the wanted part or with the blob.
fn sent_end(response: &Response, first: u64, part: &Range<u64>, size: u64) -> Option<u64> {
    if response.status() != StatusCode::PARTIAL_CONTENT {
        return None;
    }
    let (begin, last, whole) = answer::content_range(response.headers())?;
    let end = last.checked_add(1)?;
    let is_right = begin == first
        && (end == part.end || end == size)
        && whole.is_none_or(|whole| whole == size);
    is_right.then_some(end)
}

/// Returns the bytes of a body, unverified, until it breaks off or becomes too slow.
pub(super) fn stream_of(response: Response, what: &str, location: &str) -> ByteStream {
    let meter = Meter::new(answer::pace(&response));
    let what = format!("{what} ({location})");
    let body = response.bytes_stream().boxed();
    let pieces = stream::try_unfold((body, meter), |(mut body, mut meter)| async move {
        type Cause = Box<dyn error::Error + Send + Sync>;
        let piece = meter.next(body.next()).await?;
        // URLs may carry signatures.
        let piece = piece.transpose().map_err(reqwest::Error::without_url)?;
        Ok::<_, Cause>(piece.map(|piece| (piece, (body, meter))))
    });
    let broken = move |source| Error::Unreachable {
        what: what.clone(),
        attempts: 1,
        source,
    };
    pieces.map_err(broken).boxed()
}

/// Skips the first bytes of a stream.
fn skip(
    stream: impl Stream<Item = Result<Bytes, Error>>,
    count: u64,
) -> impl Stream<Item = Result<Bytes, Error>> {
    let mut left = count;
    stream.try_filter_map(move |mut bytes| {
        let skipped = left.min(bytes.len() as u64);
        left -= skipped;
        let rest = bytes.split_off(skipped as usize);
        future::ok((!rest.is_empty()).then_some(rest))
    })
}
