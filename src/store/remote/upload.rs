//! Pushing a blob: mounted where the registry has it already, else sent in one piece, else in chunks.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs>.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::header::{
    CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION,
};
use reqwest::{Method, Response, StatusCode, Url};
use tokio::sync::Mutex;

use super::body::Body;
use super::failure::Failure;
use super::transport::Transport;
use super::wire::Request;
use crate::digest::{Digest, Identity};
use crate::store::{Delivery, Error};

/// The size of a chunk: the most that GHCR takes in one.
const CHUNK_BYTES: u64 = 4 * 1024 * 1024;

const OCTET_STREAM: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Blobs whose mount was declined, with the upload that the registry opened in its place, if it did.
pub(super) type Declined = Mutex<HashMap<Digest, Option<Url>>>;

/// One blob on its way.
pub(super) struct Upload<'a> {
    pub(super) transport: &'a Transport,
    /// The repository's `blobs/uploads/`.
    pub(super) uploads: Url,
    pub(super) blob: Identity,
    pub(super) file: &'a Path,
    /// A repository of the same registry that has the blob.
    pub(super) source: Option<String>,
    /// Whether this registry wants chunks, learnt from its answers.
    pub(super) chunked: &'a AtomicBool,
    pub(super) declined: &'a Declined,
}

impl Upload<'_> {
    /// Sends the blob; every attempt starts with a new upload, because what the registry kept of a
    /// broken one is not known. A mount that was just declined is not asked for again, and its upload used.
    pub(super) async fn push(&self) -> Result<Delivery, Error> {
        self.check_file().await?;
        let what = self.what();
        let declined = self.declined.lock().await.remove(&self.blob.digest);
        let asks = declined.is_none();
        // It may have expired by now. If something else is wrong, a new one will say so.
        if let Some(location) = declined.flatten()
            && let Ok(delivery) = self.send(location).await
        {
            return Ok(delivery);
        }
        self.transport.retried(&what, || self.attempt(asks)).await
    }

    /// Takes the blob from its source and sends nothing. An upload that the registry opens in place of a
    /// mount is kept for the push that follows.
    pub(super) async fn mount_only(&self) -> Result<bool, Error> {
        let what = self.what();
        let upload = match self.transport.retried(&what, || self.mount()).await? {
            Some(Opened::Mounted) => return Ok(true),
            Some(Opened::At(location)) => Some(location),
            None => None,
        };
        let mut declined = self.declined.lock().await;
        declined.insert(self.blob.digest, upload);
        Ok(false)
    }

    fn what(&self) -> String {
        format!("pushing blob {}", self.blob.digest)
    }

    async fn check_file(&self) -> Result<(), Error> {
        let metadata = tokio::fs::metadata(self.file)
            .await
            .map_err(Error::file(self.file))?;
        if metadata.len() == self.blob.size {
            return Ok(());
        }
        let reason = format!(
            "the file has {} bytes, {} were expected",
            metadata.len(),
            self.blob.size
        );
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, reason);
        Err(Error::file(self.file)(source))
    }

    async fn attempt(&self, asks: bool) -> Result<Delivery, Failure> {
        let opened = if asks { self.mount().await? } else { None };
        let location = match opened {
            Some(Opened::Mounted) => return Ok(Delivery::Mounted),
            Some(Opened::At(location)) => location,
            None => self.open().await?,
        };
        self.send(location).await
    }

    /// Sends the blob to an upload that was opened for it.
    async fn send(&self, location: Url) -> Result<Delivery, Failure> {
        if !self.chunked.load(Ordering::Relaxed) {
            let response = self.put(location, self.whole()).await?;
            if response.status().is_success() {
                return Ok(Delivery::Sent);
            }
            if !wants_chunks(response.status()) || self.blob.size == 0 {
                return Err(self.unexpected(response).await.into());
            }
            self.chunked.store(true, Ordering::Relaxed);
            return self.send_chunks(self.open().await?).await;
        }
        self.send_chunks(location).await
    }

    /// Asks for a mount, from any repository if none is known: zot looks in all of them.
    async fn mount(&self) -> Result<Option<Opened>, Failure> {
        let mut url = self.uploads.clone();
        url.query_pairs_mut()
            .append_pair("mount", &self.blob.digest.to_string());
        if let Some(source) = &self.source {
            url.query_pairs_mut().append_pair("from", source);
            self.transport.authorized.add_repository(source).await?;
        }
        let mut request = self.request(Method::POST, url, Body::Empty);
        // The token was asked for with the other repository; a new one would say no more.
        request.renew = false;
        let sent = Some(self.blob.digest);
        let response = match self.transport.authorized.send(&request).await {
            Ok(response) => self.accepted(response, sent).await?,
            Err(failure) if matches!(failure.error, Error::Refused { .. }) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        match response.status() {
            StatusCode::CREATED => Ok(Some(Opened::Mounted)),
            StatusCode::ACCEPTED => Ok(Some(Opened::At(self.location(&response, &request.url)?))),
            _ => Ok(None),
        }
    }

    async fn open(&self) -> Result<Url, Failure> {
        let request = self.request(Method::POST, self.uploads.clone(), Body::Empty);
        let response = self.transport.authorized.send(&request).await?;
        let response = self.accepted(response, None).await?;
        if response.status().is_success() {
            self.location(&response, &request.url)
        } else {
            Err(self.unexpected(response).await.into())
        }
    }

    async fn send_chunks(&self, mut location: Url) -> Result<Delivery, Failure> {
        let mut start = 0;
        while start < self.blob.size {
            let length = CHUNK_BYTES.min(self.blob.size - start);
            let path = self.file.to_owned();
            let mut request = self.request(
                Method::PATCH,
                location.clone(),
                Body::File {
                    path,
                    start,
                    length,
                },
            );
            let range = format!("{start}-{}", start + length - 1);
            let range = HeaderValue::try_from(range)
                .map_err(|_| self.transport.wire().malformed("the range", ""))?;
            request.headers.insert(CONTENT_RANGE, range);
            request.headers.insert(CONTENT_TYPE, OCTET_STREAM);
            let response = self.transport.authorized.send(&request).await?;
            let response = self.accepted(response, None).await?;
            if !response.status().is_success() {
                return Err(self.unexpected(response).await.into());
            }
            if response.headers().contains_key(LOCATION) {
                location = self.location(&response, &request.url)?;
            }
            start += length;
        }
        let response = self.put(location, Body::Empty).await?;
        if response.status().is_success() {
            Ok(Delivery::Sent)
        } else {
            Err(self.unexpected(response).await.into())
        }
    }

    /// Closes an upload, with the last bytes that it lacks.
    async fn put(&self, mut location: Url, body: Body) -> Result<Response, Failure> {
        location
            .query_pairs_mut()
            .append_pair("digest", &self.blob.digest.to_string());
        let mut request = self.request(Method::PUT, location, body);
        request.headers.insert(CONTENT_TYPE, OCTET_STREAM);
        let response = self.transport.authorized.send(&request).await?;
        Ok(self.accepted(response, Some(self.blob.digest)).await?)
    }

    /// Passes on an answer that a registry gives to an upload; `sent` is the blob that it must have then.
    async fn accepted(&self, response: Response, sent: Option<Digest>) -> Result<Response, Error> {
        let wire = self.transport.wire();
        wire.accepted(response, &self.what(), sent).await
    }

    fn whole(&self) -> Body {
        match self.blob.size {
            0 => Body::Empty,
            length => Body::File {
                path: self.file.to_owned(),
                start: 0,
                length,
            },
        }
    }

    fn request(&self, method: Method, url: Url, body: Body) -> Request {
        let mut request = Request::new(method, url, self.what());
        if matches!(body, Body::Empty) {
            // Some registries refuse a POST or PUT that does not say so.
            request.headers =
                HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static("0"))]);
        }
        request.body = body;
        request
    }

    /// Returns where the upload goes on. It may be another host, which then gets no credentials.
    fn location(&self, response: &Response, base: &Url) -> Result<Url, Failure> {
        let bad = |reason| {
            self.transport
                .wire()
                .malformed("the address of the upload", reason)
        };
        let location = response
            .headers()
            .get(LOCATION)
            .ok_or_else(|| bad("there is none"))?;
        let location = location.to_str().ok().and_then(|text| base.join(text).ok());
        let location = location.ok_or_else(|| bad("it is not a URL"))?;
        match (base.scheme(), location.scheme()) {
            (_, "https") | ("http", "http") => Ok(location),
            _ => Err(bad("it leads from https to an address without").into()),
        }
    }

    async fn unexpected(&self, response: Response) -> Error {
        self.transport
            .wire()
            .unexpected(response, &self.what(), "the repository")
            .await
    }
}

enum Opened {
    Mounted,
    At(Url),
}

/// GHCR answers 416 to what is too large for it, others 413; some know no upload in one piece.
fn wants_chunks(status: StatusCode) -> bool {
    matches!(status.as_u16(), 405 | 411 | 413 | 416)
}
