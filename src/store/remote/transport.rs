//! The outermost layer of the transport: retries, and whole answers of bounded length.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode, Url};

use super::answer::{self, BodyError};
use super::authorization::AuthorizedWire;
use super::failure::{Failure, is_timeout};
use super::wire::{Request, Wire};
use crate::store::Error;
use crate::store::retry::{Attempts, Retry};

/// Waits of at least this length are reported.
const LONG_WAIT: Duration = Duration::from_secs(5);

/// A whole answer with a body of bounded length.
pub(super) struct WholeResponse {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

pub(super) enum Reply {
    /// A 200 of a registry, with its whole body.
    Whole(WholeResponse),
    /// Another answer, whose body is not read yet.
    Other(Response),
}

/// Sends requests with credentials, and repeats them after transient failures.
pub(super) struct Transport {
    pub(super) authorized: AuthorizedWire,
    pub(super) retry: Retry,
}

impl Transport {
    pub(super) fn new(authorized: AuthorizedWire, retry: Retry) -> Self {
        Self { authorized, retry }
    }

    pub(super) fn wire(&self) -> &Wire {
        &self.authorized.wire
    }

    /// Returns the URL of a path below `/v2/`.
    pub(super) fn endpoint(&self, path: &str) -> Url {
        self.wire().url(&format!("/v2/{path}"))
    }

    /// Sends a request until its answer is final.
    pub(super) async fn send(&self, request: &Request) -> Result<Response, Error> {
        self.retried(&request.what, || self.authorized.send(request))
            .await
    }

    /// Sends a request and reads the whole answer. A retry repeats both.
    pub(super) async fn read(
        &self,
        request: &Request,
        subject: &str,
        limit: u64,
    ) -> Result<WholeResponse, Error> {
        match self.reply(request, subject, limit).await? {
            Reply::Whole(answer) => Ok(answer),
            Reply::Other(response) => {
                let unexpected = self.wire().unexpected(response, &request.what, subject);
                Err(unexpected.await)
            }
        }
    }

    /// Works as [`Self::read`], for callers that handle other answers themselves.
    pub(super) async fn reply(
        &self,
        request: &Request,
        subject: &str,
        limit: u64,
    ) -> Result<Reply, Error> {
        self.retried(&request.what, || self.reply_once(request, subject, limit))
            .await
    }

    async fn reply_once(
        &self,
        request: &Request,
        subject: &str,
        limit: u64,
    ) -> Result<Reply, Failure> {
        let mut response = self.authorized.send(request).await?;
        if response.status() != StatusCode::OK {
            return Ok(Reply::Other(response));
        }
        match answer::read_bounded(&mut response, limit).await {
            Ok(body) => {
                let location = self.wire().answerer(response.url());
                let head = (response.status(), response.headers());
                answer::check_document(&request.what, &location, head, &body)?;
                let headers = response.headers().clone();
                Ok(Reply::Whole(WholeResponse { headers, body }))
            }
            Err(BodyError::TooLong) => {
                let reason = format!("it is longer than {limit} bytes");
                Err(self.wire().malformed(subject, reason).into())
            }
            Err(BodyError::TooSlow(slow)) => {
                let slow = self.wire().too_slow(response.url(), &request.what, slow);
                Err(slow.into())
            }
            Err(BodyError::Broken(error)) => {
                Err(self.wire().broken(response.url(), &request.what, error))
            }
        }
    }

    /// Repeats `attempt` until it succeeds or fails for good.
    pub(super) async fn retried<T, F>(
        &self,
        what: &str,
        attempt: impl Fn() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut attempts = Attempts::default();
        loop {
            match attempt().await {
                Ok(done) => return Ok(done),
                Err(failure) => self.pause(&mut attempts, what, failure).await?,
            }
        }
    }

    /// Waits before the next attempt, or gives up.
    pub(super) async fn pause(
        &self,
        attempts: &mut Attempts,
        what: &str,
        failure: Failure,
    ) -> Result<(), Error> {
        let Some(retry_after) = failure.retry else {
            return Err(failure.error);
        };
        let wait = self.retry.wait(attempts, retry_after);
        // A caller that cannot wait this long cannot wait for another silence either.
        let is_patient =
            !is_timeout(&failure.error) || self.wire().idle_timeout <= self.retry.max_waits;
        if let Some(wait) = wait.filter(|_| is_patient) {
            if retry_after.is_some_and(|asked| asked >= LONG_WAIT) {
                self.wire().report_wait(&failure.error, wait);
            }
            tokio::time::sleep(wait).await;
            return Ok(());
        }
        let attempts = attempts.failed;
        Err(match failure.error {
            // The error names the host that failed, which may not be the registry.
            Error::Unreachable { what, source, .. } => Error::Unreachable {
                what,
                attempts,
                source,
            },
            error => self.wire().unreachable(what, attempts, Box::new(error)),
        })
    }
}
