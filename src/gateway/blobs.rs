//! Blobs: stored blobs, and the derived config and layer of a flat form.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::content::{BodyForm, Component};
use super::headers::accepts_zstd;
use super::lookup::FlatPart;
use super::message::{Request, Response};
use super::passthrough::{CONTENT_DIGEST, describe};
use super::range::{is_known, requested_range};
use super::refusal::Refusal;
use super::route::ManifestName;
use super::verified::verified;
use super::view::View;
use super::{HandlerResult, RepositoryRequest};
use crate::content::BlobOrigin;
use crate::digest::{Digest, Identity};
use crate::manifest::media_type;
use crate::store::ByteStream;

/// The request headers that are passed to upstream with a request for a blob.
const FORWARDED_HEADERS: [http::HeaderName; 5] = [
    ACCEPT_ENCODING,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    RANGE,
];

impl RepositoryRequest<'_> {
    pub(super) async fn blob(&self, name: &ManifestName) -> HandlerResult<Response> {
        let ManifestName::Digest(digest) = name else {
            let found = self.relay_blob(name).await?;
            return Ok(found.unwrap_or_else(unknown_blob));
        };
        let origin = self.gateway.index.get(&self.location, digest)?;
        let origin = origin.filter(|origin| origin.kind != FlatPart::Manifest);
        if let Some(origin) = origin.filter(|origin| !origin.stored)
            && let Some(view) = self.recorded_view(digest, origin).await?
        {
            return self.derived_blob(digest, &view).await;
        }
        let relayed = self.relay_blob(name).await?;
        if let Some(response) = relayed.filter(|found| found.status != StatusCode::NOT_FOUND) {
            return Ok(response);
        }
        // A request that waits for a search holds no connection to upstream.
        let view = match origin {
            Some(origin) if origin.stored => self.recorded_view(digest, origin).await?,
            _ => None,
        };
        let view = match view {
            Some(view) => Some(view),
            None => self.search_flat_digest(digest, FlatPart::Content).await?,
        };
        match view {
            Some(view) => self.derived_blob(digest, &view).await,
            None => Ok(unknown_blob()),
        }
    }

    /// Answers with a blob as upstream has it. Returns nothing if a store other than a registry lacks it.
    async fn relay_blob(&self, name: &ManifestName) -> HandlerResult<Option<Response>> {
        let mut headers = HeaderMap::new();
        for name in FORWARDED_HEADERS {
            for value in self.request.headers.get_all(&name) {
                headers.append(name.clone(), value.clone());
            }
        }
        let endpoint = format!("blobs/{name}");
        let method = &self.request.method;
        let relayed = self.store.passthrough(method, &endpoint, None, headers);
        let relayed = match (relayed.await?, name) {
            (Some(relayed), _) => relayed,
            (None, ManifestName::Digest(digest)) => return self.stored_blob(*digest).await,
            (None, _) => return Ok(None),
        };
        let mut response = self.gateway.relay(self.request, relayed);
        let is_encoded = response.headers.contains_key(CONTENT_ENCODING);
        match name {
            ManifestName::Digest(digest) if response.status == StatusCode::OK && !is_encoded => {
                let tag = response.headers.remove(ETAG);
                describe(&mut response.headers, digest);
                if let Some(tag) = tag {
                    response.headers.insert(ETAG, tag);
                }
                let store = Arc::clone(&self.store);
                response.body = verified(response.body, *digest, store);
            }
            _ if response.status.is_success() => remove_claims(&mut response.headers),
            _ => {}
        }
        Ok(Some(response))
    }

    /// Answers with a blob of a store other than a registry. Returns nothing if the blob does not exist.
    async fn stored_blob(&self, digest: Digest) -> HandlerResult<Option<Response>> {
        let Some(size) = self.store.size(&digest).await? else {
            return Ok(None);
        };
        let blob = Identity { digest, size };
        let (mut response, part) = prepare_response(self.request, blob);
        if let Some(part) = part {
            let body = self.store.open(blob, part.clone()).await?;
            response.body = first_bytes(body, part.end - part.start);
            match part == (0..size) {
                true => response.body = verified(response.body, digest, Arc::clone(&self.store)),
                false => remove_claims(&mut response.headers),
            }
        }
        Ok(Some(response))
    }

    /// Answers with the config of a flat form, or with its only layer.
    async fn derived_blob(&self, digest: &Digest, view: &Arc<View>) -> HandlerResult<Response> {
        let request = self.request;
        if view.find_part(digest) == Some(FlatPart::Config) {
            let (mut response, part) = prepare_response(request, Identity::of(&view.config));
            if let Some(part) = part {
                // The config is in memory, so its length fits a `usize`.
                let part = view.config.slice(part.start as usize..part.end as usize);
                response.body = stream::iter([Ok(part)]).boxed();
            }
            return Ok(response);
        }
        let content = view.split.content;
        let (mut response, part) = prepare_response(request, content);
        let wasm = HeaderValue::from_static(media_type::WASM);
        if response.status.is_success() {
            response.headers.insert(CONTENT_TYPE, wasm);
        }
        response
            .headers
            .insert(VARY, HeaderValue::from(ACCEPT_ENCODING));
        let zstd = accepts_zstd(&request.headers) && !request.headers.contains_key(RANGE);
        if zstd {
            set_zstd_headers(&mut response, &content.digest);
        }
        let Some(part) = part else {
            return Ok(response);
        };
        self.check_layers(view.raw.digest, &view.split).await?;
        let form = match response.status == StatusCode::PARTIAL_CONTENT {
            true => BodyForm::Range(part),
            false if zstd => BodyForm::Zstd,
            false => BodyForm::Whole,
        };
        let component = Component {
            origin: BlobOrigin {
                upstream: self.upstream.id,
                store: Arc::clone(&self.store),
                component: Some(content.digest),
            },
            manifest: Arc::clone(&view.split),
        };
        if self.gateway.contents.is_unchecked(&component, &form) {
            remove_claims(&mut response.headers);
        }
        self.prepare(view, &component, &form).await;
        // The server logs aborted bodies.
        response.body = self.gateway.contents.body(component, form).await?;
        self.record_version(view).await;
        Ok(response)
    }
}

/// Removes the headers that say which blob the bytes belong to. The gateway sends them only with bytes that it checks.
fn remove_claims(headers: &mut HeaderMap) {
    headers.remove(CONTENT_DIGEST);
    headers.remove(ETAG);
}

/// Cuts a stream after `length` bytes. Reads no further than the piece that completes them.
fn first_bytes(stream: ByteStream, length: u64) -> ByteStream {
    let rest = stream::try_unfold((stream, length), async |(mut stream, left)| {
        if left == 0 {
            return Ok(None);
        }
        let piece = stream.try_next().await?;
        Ok(piece.map(|mut bytes: Bytes| {
            bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            let left = left - bytes.len() as u64;
            (bytes, (stream, left))
        }))
    });
    rest.boxed()
}

fn unknown_blob() -> Response {
    Refusal::not_found("BLOB_UNKNOWN", "the repository does not have this blob").into()
}

/// Returns the response without its body, and the range of bytes for the body: nothing if no body is sent.
fn prepare_response(request: &Request, blob: Identity) -> (Response, Option<std::ops::Range<u64>>) {
    let tag = blob.digest.to_string();
    let mut response = Response::new(StatusCode::OK, Bytes::new());
    describe(&mut response.headers, &blob.digest);
    let headers = &mut response.headers;
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if is_known(&request.headers, &tag) {
        response.status = StatusCode::NOT_MODIFIED;
        return (response, None);
    }
    // Range requests are defined for GET only.
    let wanted = match request.method == Method::GET {
        true => requested_range(&request.headers, blob.size, &tag),
        false => None,
    };
    let part = match wanted {
        None => 0..blob.size,
        Some(part) if !part.is_empty() => {
            response.status = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {}-{}/{}", part.start, part.end - 1, blob.size);
            set_content_range(headers, &range);
            part
        }
        Some(_) => {
            let refusal = Refusal::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "RANGE_INVALID",
                "the requested range is not within the blob",
            );
            let mut response = Response::from(refusal);
            set_content_range(&mut response.headers, &format!("bytes */{}", blob.size));
            return (response, None);
        }
    };
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(CONTENT_TYPE, octets);
    headers.insert(CONTENT_LENGTH, (part.end - part.start).into());
    let part = (request.method != Method::HEAD).then_some(part);
    (response, part)
}

fn set_content_range(headers: &mut HeaderMap, range: &str) {
    // Digits always make a valid header.
    if let Ok(range) = HeaderValue::from_str(range) {
        headers.insert(CONTENT_RANGE, range);
    }
}

/// Changes the headers to those of the zstd form: the length is unknown, and the entity tag is weak. GET and HEAD get
/// the same headers (RFC 9110, 8.6 and 9.3.2).
fn set_zstd_headers(response: &mut Response, digest: &Digest) {
    let headers = &mut response.headers;
    headers.remove(CONTENT_LENGTH);
    if response.status != StatusCode::NOT_MODIFIED {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
    }
    if let Ok(tag) = HeaderValue::from_str(&format!("W/\"{digest}\"")) {
        headers.insert(ETAG, tag);
    }
}
