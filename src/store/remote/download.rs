//! Downloads a blob, or the rest of one after a transfer broke off.

use std::error;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, future, stream};
use reqwest::header::{HeaderMap, HeaderValue, RANGE};
use reqwest::{Response, StatusCode};

use super::Remote;
use super::answer;
use super::pace::Meter;
use super::wire::Wire;
use crate::digest::Identity;
use crate::store::{ByteStream, Error};

impl Remote {
    /// Opens a blob at byte `from`. If the server does not send exactly the rest, the transfer restarts at the
    /// first byte, and the bytes that the client has are skipped.
    pub(super) async fn download(&self, blob: Identity, from: u64) -> Result<ByteStream, Error> {
        let subject = format!("blob {}", blob.digest);
        let endpoint = format!("blobs/{}", blob.digest);
        let mut request = self.get(&endpoint, format!("pulling {subject}"));
        let wire = self.transport.wire();
        if from > 0 {
            let range = HeaderValue::try_from(format!("bytes={from}-"));
            let range =
                range.map_err(|_| wire.malformed("the range", "it is not a valid header"))?;
            request.headers.insert(RANGE, range);
        }
        loop {
            let asks_for_rest = request.headers.contains_key(RANGE);
            let first = if asks_for_rest { from } else { 0 };
            let response = self.transport.send(&request).await?;
            let skipped = match response.status() {
                StatusCode::OK => {
                    check_blob(wire, &response, &request.what, blob.size)?;
                    from
                }
                StatusCode::PARTIAL_CONTENT if is_rest(response.headers(), first, blob.size) => {
                    check_blob(wire, &response, &request.what, blob.size - first)?;
                    from - first
                }
                StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE
                    if asks_for_rest =>
                {
                    request.headers.remove(RANGE);
                    continue;
                }
                _ => return Err(wire.unexpected(response, &request.what, &subject).await),
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

/// Returns whether a part ranges from byte `from` to the end.
fn is_rest(headers: &HeaderMap, from: u64, size: u64) -> bool {
    answer::content_range(headers).is_some_and(|(first, last, whole)| {
        first == from
            && last.checked_add(1) == Some(size)
            && whole.is_none_or(|whole| whole == size)
    })
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
