//! Pushes a blob: mounts it if the registry has it, otherwise sends it in one piece, otherwise in chunks.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs>.

mod session;

use std::collections::HashMap;
use std::mem;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};
use tokio::sync::Mutex;

use self::session::{CHUNK_BYTES, Session};
use super::body::Body;
use super::failure::Failure;
use super::transport::Transport;
use super::wire::Request;
use crate::digest::{Digest, Identity};
use crate::store::retry::Attempts;
use crate::store::{Delivery, Error};

const OCTET_STREAM: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Facts from a registry's answers that later uploads use.
pub(super) struct UploadFacts {
    /// The largest blob that is sent in one piece.
    largest_piece: AtomicU64,
    /// Blobs whose mount was declined, with the upload that the registry opened instead, if any.
    declined: Mutex<HashMap<Digest, Option<Session>>>,
}

impl Default for UploadFacts {
    fn default() -> Self {
        Self {
            largest_piece: u64::MAX.into(),
            declined: Mutex::default(),
        }
    }
}

pub(super) struct Upload<'a> {
    pub(super) transport: &'a Transport,
    /// The URL of the repository's `blobs/uploads/`.
    pub(super) uploads: Url,
    pub(super) blob: Identity,
    pub(super) file: &'a Path,
    /// A repository of the same registry that has the blob.
    pub(super) source: Option<String>,
    pub(super) facts: &'a UploadFacts,
}

impl Upload<'_> {
    /// Sends the blob. A broken chunked upload continues where it stopped. A broken upload in one piece starts again,
    /// because the registry does not say how much it stored. A mount that was just declined is not requested again. The
    /// upload that the registry opened instead is used.
    pub(super) async fn push(&self) -> Result<Delivery, Error> {
        self.check_file().await?;
        let what = self.what();
        let declined = self.facts.declined.lock().await.remove(&self.blob.digest);
        let may_mount = declined.is_none();
        let mut session = declined.flatten();
        let mut is_old = session.is_some();
        let mut attempts = Attempts::default();
        loop {
            match self.attempt(may_mount, &mut session).await {
                Ok(delivery) => return Ok(delivery),
                // The upload of the mount may have expired. If something else is wrong, a new one will fail too.
                Err(_) if mem::take(&mut is_old) && session.is_none() => {}
                Err(failure) => self.transport.pause(&mut attempts, &what, failure).await?,
            }
        }
    }

    /// Mounts the blob and sends nothing. If the registry opens an upload instead, the next push uses it.
    pub(super) async fn mount_only(&self) -> Result<bool, Error> {
        let what = self.what();
        let session = match self.transport.retried(&what, || self.mount()).await? {
            Some(OpenedUpload::Mounted) => return Ok(true),
            Some(OpenedUpload::Session(session)) => Some(session),
            None => None,
        };
        let mut declined = self.facts.declined.lock().await;
        declined.insert(self.blob.digest, session);
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
            "the file has {} bytes, but {} were expected",
            metadata.len(),
            self.blob.size
        );
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, reason);
        Err(Error::file(self.file)(source))
    }

    /// Sends the blob once. After a failure, `open` is the upload that the next attempt may continue.
    async fn attempt(
        &self,
        may_mount: bool,
        open: &mut Option<Session>,
    ) -> Result<Delivery, Failure> {
        if let Some(session) = open
            && session.is_broken
            && !self.resume(session).await?
        {
            *open = None;
        }
        let mut session = match open.take() {
            Some(session) => session,
            None => match self.open(may_mount).await? {
                OpenedUpload::Mounted => return Ok(Delivery::Mounted),
                OpenedUpload::Session(session) => session,
            },
        };
        let outcome = self.send(&mut session).await;
        if session.is_chunked && matches!(&outcome, Err(failure) if failure.retry.is_some()) {
            session.is_broken = true;
            *open = Some(session);
        }
        outcome
    }

    /// Sends the blob to an upload that was opened for it.
    async fn send(&self, session: &mut Session) -> Result<Delivery, Failure> {
        let mut is_second = false;
        while !session.is_chunked
            && self.blob.size <= self.facts.largest_piece.load(Ordering::Relaxed)
        {
            let response = self.put(session, self.whole_file()).await?;
            let status = response.status();
            if status.is_success() {
                return Ok(Delivery::Sent);
            }
            if !wants_chunks(status) || self.blob.size == 0 {
                return Err(self.unexpected(response).await.into());
            }
            // A 416 may be about the state of this one upload. GHCR answers 416 to every request that is too large.
            let is_proof = status != StatusCode::RANGE_NOT_SATISFIABLE || is_second;
            is_second = true;
            if is_proof {
                let largest = match status {
                    StatusCode::PAYLOAD_TOO_LARGE | StatusCode::RANGE_NOT_SATISFIABLE => {
                        CHUNK_BYTES.min(self.blob.size - 1)
                    }
                    _ => 0,
                };
                self.facts
                    .largest_piece
                    .fetch_min(largest, Ordering::Relaxed);
            }
            *session = self.open_new().await?;
        }
        session.is_chunked = true;
        self.send_chunks(session).await
    }

    /// Opens an upload, or mounts the blob.
    async fn open(&self, may_mount: bool) -> Result<OpenedUpload, Failure> {
        let opened = if may_mount { self.mount().await? } else { None };
        match opened {
            Some(opened) => Ok(opened),
            None => Ok(OpenedUpload::Session(self.open_new().await?)),
        }
    }

    /// Requests a mount, from any repository if none is known: zot searches all of them.
    async fn mount(&self) -> Result<Option<OpenedUpload>, Failure> {
        let mut url = self.uploads.clone();
        url.query_pairs_mut()
            .append_pair("mount", &self.blob.digest.to_string());
        if let Some(source) = &self.source {
            url.query_pairs_mut().append_pair("from", source);
            self.transport.authorized.add_repository(source).await?;
        }
        let mut request = self.request(Method::POST, url, Body::Empty);
        // The token includes the other repository; a new one would grant no more.
        request.renew = false;
        let response = match self.transport.authorized.send(&request).await {
            Ok(response) => {
                // A 201 means that the blob was mounted.
                let is_mount = response.status() == StatusCode::CREATED;
                let sent = is_mount.then_some(self.blob.digest);
                self.accepted(response, sent).await?
            }
            Err(failure) if matches!(failure.error, Error::Refused { .. }) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        match response.status() {
            StatusCode::CREATED => Ok(Some(OpenedUpload::Mounted)),
            StatusCode::ACCEPTED => {
                let session = Session::new(self.transport.wire(), &response, &request.url)?;
                Ok(Some(OpenedUpload::Session(session)))
            }
            _ => Ok(None),
        }
    }

    async fn open_new(&self) -> Result<Session, Failure> {
        let request = self.request(Method::POST, self.uploads.clone(), Body::Empty);
        let response = self.transport.authorized.send(&request).await?;
        let response = self.accepted(response, None).await?;
        if response.status().is_success() {
            let session = Session::new(self.transport.wire(), &response, &request.url)?;
            Ok(session)
        } else {
            Err(self.unexpected(response).await.into())
        }
    }

    /// Sends the missing bytes in chunks, and closes the upload.
    async fn send_chunks(&self, session: &mut Session) -> Result<Delivery, Failure> {
        loop {
            let length = session.chunk(self.blob.size);
            let response = match length {
                0 => self.put(session, Body::Empty).await?,
                _ => self.patch(session, length).await?,
            };
            match response.status() {
                status if status.is_success() && length == 0 => return Ok(Delivery::Sent),
                status if status.is_success() => {
                    session.follow(self.transport.wire(), &response)?;
                    session.accept(length, response.headers());
                }
                StatusCode::RANGE_NOT_SATISFIABLE => self.correct(session, response).await?,
                status => {
                    let error = self.unexpected(response).await;
                    // An upload that has expired starts again.
                    let has_expired = status == StatusCode::NOT_FOUND && session.offset > 0;
                    // So does one that cannot be closed because the registry took none of the last chunk.
                    let lacks = length == 0 && session.is_doubtful;
                    let retry = (has_expired || lacks).then_some(None);
                    return Err(Failure { error, retry });
                }
            }
        }
    }

    async fn patch(&self, session: &Session, length: u64) -> Result<Response, Failure> {
        let (path, start) = (self.file.to_owned(), session.offset);
        let body = Body::File {
            path,
            start,
            length,
        };
        let mut request = self.request(Method::PATCH, session.location.clone(), body);
        let range = HeaderValue::try_from(format!("{start}-{}", start + length - 1));
        let range = range.map_err(|_| {
            self.transport
                .wire()
                .malformed("the range", "it is not a valid header")
        })?;
        request.headers.insert(CONTENT_RANGE, range);
        request.headers.insert(CONTENT_TYPE, OCTET_STREAM);
        let response = self.transport.authorized.send(&request).await?;
        Ok(self.accepted(response, None).await?)
    }

    /// Continues at the offset that a registry reports with a 416. An offset that does not grow is an error.
    async fn correct(&self, session: &mut Session, response: Response) -> Result<(), Failure> {
        session.follow(self.transport.wire(), &response)?;
        let end = match session::received(response.headers()) {
            Some(end) => Some(end),
            None => self.ask(session).await?,
        };
        match end.filter(|end| *end <= self.blob.size) {
            Some(end) if session.correct(end) => Ok(()),
            _ => Err(self.unexpected(response).await.into()),
        }
    }

    /// Asks how much of a broken upload the registry has. Returns whether the upload can continue.
    async fn resume(&self, session: &mut Session) -> Result<bool, Failure> {
        let end = self.ask(session).await?;
        match end.filter(|end| *end <= self.blob.size) {
            Some(end) => {
                (session.offset, session.is_broken) = (end, false);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Asks how many bytes of an upload the registry has. Returns nothing if it does not say.
    async fn ask(&self, session: &mut Session) -> Result<Option<u64>, Failure> {
        let request = Request::new(Method::GET, session.location.clone(), self.what());
        match self.transport.authorized.send(&request).await {
            Ok(response) if response.status().is_success() => {
                session.follow(self.transport.wire(), &response)?;
                Ok(session::received(response.headers()))
            }
            Err(failure) if failure.retry.is_some() => Err(failure),
            _ => Ok(None),
        }
    }

    /// Closes an upload, with its last missing bytes.
    async fn put(&self, session: &Session, body: Body) -> Result<Response, Failure> {
        let mut location = session.location.clone();
        location
            .query_pairs_mut()
            .append_pair("digest", &self.blob.digest.to_string());
        let mut request = self.request(Method::PUT, location, body);
        request.headers.insert(CONTENT_TYPE, OCTET_STREAM);
        let response = self.transport.authorized.send(&request).await?;
        Ok(self.accepted(response, Some(self.blob.digest)).await?)
    }

    /// Returns a registry's answer to an upload if it is a success. `sent` is the blob that the registry must then
    /// have.
    async fn accepted(&self, response: Response, sent: Option<Digest>) -> Result<Response, Error> {
        let wire = self.transport.wire();
        wire.accepted(response, &self.what(), sent).await
    }

    fn whole_file(&self) -> Body {
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
            // Some registries require `Content-Length: 0` on a POST or PUT.
            request.headers =
                HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static("0"))]);
        }
        request.body = body;
        request
    }

    async fn unexpected(&self, response: Response) -> Error {
        self.transport
            .wire()
            .unexpected(response, &self.what(), "the repository")
            .await
    }
}

enum OpenedUpload {
    Mounted,
    Session(Session),
}

/// Returns whether a registry may accept the blob in chunks. For a request that is too large, GHCR answers 416 and
/// others 413; some do not support uploads in one piece.
fn wants_chunks(status: StatusCode) -> bool {
    matches!(status.as_u16(), 405 | 411 | 413 | 416)
}
