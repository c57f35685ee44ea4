//! The one path by which requests leave: credentials, retries, and what an answer means.

use std::error;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, Response, StatusCode, Url};

use super::Options;
use super::answer::{self, BodyError, printable};
use super::authorization::{Authorization, Grant};
use super::body::{Body, FileFailed};
use super::client::{self, InsecureRedirect};
use crate::store::retry::Retry;
use crate::store::{Error, Observer, causes, chain};

/// What is asked of the registry.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    /// For error texts, such as "pulling manifest `1.0`".
    pub(super) what: String,
    /// Whether a new token is worth fetching when the one that was sent is refused.
    pub(super) renew: bool,
}

impl Request {
    pub(super) fn new(method: Method, url: Url, what: impl Into<String>) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Body::Empty,
            what: what.into(),
            renew: true,
        }
    }
}

/// A whole answer with a body of bounded length.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// What came of a request.
pub(super) enum Reply {
    /// A 200 with its whole body.
    Whole(Answer),
    /// Another answer, whose body is not read yet.
    Other(Response),
}

/// Why one attempt did not succeed.
pub(super) struct Failure {
    pub(super) error: Error,
    /// Whether another attempt may, and how long the server asks to wait before it.
    again: Option<Option<Duration>>,
}

impl From<Error> for Failure {
    /// An error that stays.
    fn from(error: Error) -> Self {
        Self { error, again: None }
    }
}

pub(super) struct Transport {
    pub(super) client: reqwest::Client,
    /// For bodies that are files: has no timeout of its own.
    pub(super) uploader: reqwest::Client,
    /// How long neither side of an upload may move.
    pub(super) silence: Duration,
    /// Scheme, host and port of the registry.
    pub(super) origin: Url,
    /// Whether token servers must be at public addresses.
    pub(super) public_only: bool,
    /// Host and repository, for error texts.
    pub(super) location: String,
    pub(super) authorization: Authorization,
    pub(super) retry: Retry,
    pub(super) observer: Arc<dyn Observer>,
}

impl Transport {
    /// Prepares to speak to a registry; nothing is asked of it yet.
    pub(super) fn new(
        registry: &str,
        location: String,
        authorization: Authorization,
        options: &Options,
    ) -> Result<Self, Error> {
        let origin = client::origin(registry, options.plain_http)?;
        Ok(Self {
            client: client::build(&origin, options, Some(options.read_timeout))?,
            uploader: client::build(&origin, options, None)?,
            silence: options.read_timeout,
            origin,
            public_only: options.public_only,
            location,
            authorization,
            retry: options.retry,
            observer: Arc::clone(&options.observer),
        })
    }

    /// Sends a request until its answer is none that passes by itself.
    pub(super) async fn send(&self, request: &Request) -> Result<Response, Error> {
        let mut failed = 0;
        loop {
            match self.once(request).await {
                Ok(response) => return Ok(response),
                Err(failure) => self.pause(&mut failed, &request.what, failure).await?,
            }
        }
    }

    /// Sends a request and reads the whole answer; both are tried again together.
    pub(super) async fn read(
        &self,
        request: &Request,
        subject: &str,
        limit: u64,
    ) -> Result<Answer, Error> {
        match self.reply(request, subject, limit).await? {
            Reply::Whole(answer) => Ok(answer),
            Reply::Other(response) => Err(self.unexpected(response, &request.what, subject).await),
        }
    }

    /// As [`Self::read`], for those who know what other answers mean.
    pub(super) async fn reply(
        &self,
        request: &Request,
        subject: &str,
        limit: u64,
    ) -> Result<Reply, Error> {
        let mut failed = 0;
        loop {
            match self.reply_once(request, subject, limit).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => self.pause(&mut failed, &request.what, failure).await?,
            }
        }
    }

    async fn reply_once(
        &self,
        request: &Request,
        subject: &str,
        limit: u64,
    ) -> Result<Reply, Failure> {
        let mut response = self.once(request).await?;
        if response.status() != StatusCode::OK {
            return Ok(Reply::Other(response));
        }
        match answer::read_bounded(&mut response, limit).await {
            Ok(body) => Ok(Reply::Whole(Answer {
                headers: response.headers().clone(),
                body,
            })),
            Err(BodyError::TooLong) => {
                let reason = format!("it is longer than {limit} bytes");
                Err(self.malformed(subject, reason).into())
            }
            Err(BodyError::Broken(error)) => Err(self.broken(&request.what, error)),
        }
    }

    /// Waits before the next attempt, or gives up.
    pub(super) async fn pause(
        &self,
        failed: &mut u32,
        what: &str,
        failure: Failure,
    ) -> Result<(), Error> {
        *failed += 1;
        let Some(after) = failure.again else {
            return Err(failure.error);
        };
        if let Some(wait) = self.retry.wait(*failed, after) {
            tokio::time::sleep(wait).await;
            return Ok(());
        }
        let source = match failure.error {
            Error::Unreachable { source, .. } => source,
            error => Box::new(error),
        };
        Err(self.unreachable(what, *failed, source))
    }

    /// One attempt with all that authentication needs. An answer that is returned is neither a refusal
    /// nor one of those that pass by themselves.
    pub(super) async fn once(&self, request: &Request) -> Result<Response, Failure> {
        let ours = self.is_registry(&request.url);
        let grant = if ours {
            self.authorization.current(self).await?
        } else {
            Grant::default()
        };
        let mut response = self.attempt(request, &grant).await?;
        let asked =
            response.status() == StatusCode::UNAUTHORIZED && self.is_registry(response.url());
        if ours && asked && (request.renew || grant.is_open()) {
            let headers = response.headers().clone();
            let words = answer::words(response).await;
            match self.authorization.renew(self, &grant, &headers).await? {
                Some(grant) => response = self.attempt(request, &grant).await?,
                None => {
                    return Err(self
                        .refused(&request.what, StatusCode::UNAUTHORIZED, &words.message)
                        .into());
                }
            }
        }
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let words = answer::words(response).await;
            return Err(self.refused(&request.what, status, &words.message).into());
        }
        if answer::is_retryable(status) {
            return Err(self.passing(response, &request.what).await);
        }
        Ok(response)
    }

    /// Says that an answer is one that passes by itself.
    pub(super) async fn passing(&self, response: Response, what: &str) -> Failure {
        let after = answer::retry_after(response.headers());
        let error = self.unexpected(response, what, "").await;
        let again = Some(after);
        Failure { error, again }
    }

    /// Sends a request once, as it is.
    pub(super) async fn attempt(
        &self,
        request: &Request,
        grant: &Grant,
    ) -> Result<Response, Failure> {
        let is_upload = matches!(request.body, Body::File { .. });
        let client = if is_upload {
            &self.uploader
        } else {
            &self.client
        };
        let builder = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone());
        let sent = Arc::new(AtomicU64::new(0));
        let builder = request.body.attach(builder, &self.observer, &sent).await?;
        let sending = self.authorization.apply(grant, builder).send();
        let method = request.method.as_str();
        let outcome = if is_upload {
            match watched(sending, &sent, self.silence).await {
                Some(outcome) => outcome,
                None => {
                    self.report(method, &request.url, "silent for too long");
                    let silent = io::Error::from(io::ErrorKind::TimedOut);
                    let error = self.unreachable(&request.what, 1, Box::new(silent));
                    let again = Some(None);
                    return Err(Failure { error, again });
                }
            }
        } else {
            sending.await
        };
        match outcome {
            Ok(response) => {
                self.report(method, &request.url, response.status().as_str());
                Ok(response)
            }
            Err(error) => {
                let failure = self.broken(&request.what, error);
                self.report(method, &request.url, &innermost(&failure.error));
                Err(failure)
            }
        }
    }

    /// Tells the observer, without the query: an upload's state or a signature may be in it.
    pub(super) fn report(&self, method: &str, url: &Url, outcome: &str) {
        let origin = url.origin().ascii_serialization();
        self.observer
            .requested(method, &format!("{origin}{}", url.path()), outcome);
    }

    /// Returns whether a URL is the registry's own: only there go credentials.
    fn is_registry(&self, url: &Url) -> bool {
        url.origin() == self.origin.origin()
    }

    /// Says what an unexpected answer means; a 404 means that `subject` does not exist.
    pub(super) async fn unexpected(&self, response: Response, what: &str, subject: &str) -> Error {
        let status = response.status();
        let words = answer::words(response).await;
        if status == StatusCode::NOT_FOUND && !subject.is_empty() {
            let code = if words.code.is_empty() {
                String::new()
            } else {
                format!(" ({})", words.code)
            };
            return Error::NotFound {
                what: format!("{subject}{code}"),
                location: self.location.clone(),
            };
        }
        Error::Answer {
            what: what.to_owned(),
            location: self.location.clone(),
            status: status.as_u16(),
            message: words.message,
        }
    }

    pub(super) fn malformed(&self, what: impl Into<String>, reason: impl Into<String>) -> Error {
        Error::Malformed {
            what: what.into(),
            location: self.location.clone(),
            reason: reason.into(),
        }
    }

    fn refused(&self, what: &str, status: StatusCode, words: &str) -> Error {
        let credentials = match status {
            StatusCode::UNAUTHORIZED => self.authorization.standing(),
            _ => "",
        };
        let words = if words.is_empty() {
            status.as_str()
        } else {
            words
        };
        Error::Refused {
            what: what.to_owned(),
            location: self.location.clone(),
            reason: format!("{words}{credentials}"),
        }
    }

    pub(super) fn unreachable(
        &self,
        what: &str,
        attempts: u32,
        source: Box<dyn error::Error + Send + Sync>,
    ) -> Error {
        Error::Unreachable {
            what: format!("{what} ({})", self.location),
            attempts,
            source,
        }
    }

    /// Sorts a failure of the connection, or of the file that was being sent.
    pub(super) fn broken(&self, what: &str, error: reqwest::Error) -> Failure {
        // URLs may carry signatures and upload states.
        let error = error.without_url();
        if let Some(failed) = find::<FileFailed>(&error) {
            return failed.to_error().into();
        }
        if find::<InsecureRedirect>(&error).is_some() || error.is_redirect() {
            return self
                .malformed("the redirect", printable(&chain(&error)))
                .into();
        }
        let again = is_transient(&error).then_some(None);
        let error = self.unreachable(what, 1, Box::new(error));
        Failure { error, again }
    }
}

/// Waits for an answer as long as bytes go out; nothing after a silence of both sides.
async fn watched<T>(
    sending: impl Future<Output = T>,
    sent: &AtomicU64,
    silence: Duration,
) -> Option<T> {
    let mut sending = pin!(sending);
    let mut before = sent.load(Ordering::Relaxed);
    loop {
        if let Ok(outcome) = tokio::time::timeout(silence, &mut sending).await {
            return Some(outcome);
        }
        let now = sent.load(Ordering::Relaxed);
        if now == before {
            return None;
        }
        before = now;
    }
}

/// A host that has no address or refuses connections will do so again; what was cut short may not.
fn is_transient(error: &reqwest::Error) -> bool {
    if error.is_builder() {
        return false;
    }
    if !error.is_connect() {
        return true;
    }
    let cut = |error: &io::Error| {
        matches!(
            error.kind(),
            io::ErrorKind::TimedOut
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
        )
    };
    error.is_timeout() || find::<io::Error>(error).is_some_and(cut)
}

fn find<'a, E: error::Error + 'static>(error: &'a (dyn error::Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|error| error.downcast_ref())
}

fn innermost(error: &(dyn error::Error + 'static)) -> String {
    causes(error)
        .last()
        .map(|error| printable(&error.to_string()))
        .unwrap_or_default()
}
