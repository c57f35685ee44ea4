//! Answers forwarded from upstream, and responses to failures.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use http::header::{
    ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LINK, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::log::{self, LoggedRequest};
use super::message::{Request, Response};
use super::range::is_known;
use super::refusal::{Failure, Refusal, retry_seconds};
use super::rights::Rights;
use super::{Gateway, HandlerResult, RepositoryRequest};
use crate::digest::Digest;
use crate::error::{Error, Kind};
pub(super) use crate::store::chain;
use crate::store::{self, RelayedResponse};

pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

impl Gateway {
    /// Forwards upstream's answer. A redirect becomes 502, and so does a server error other than 503 and 504. A 401 to
    /// the gateway's own credentials becomes 403.
    pub(super) fn relay(&self, request: &Request, relayed: RelayedResponse) -> Response {
        let status = relayed.status;
        let own = matches!(self.upstreams.rights, Rights::Own(_));
        let later = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];
        if (status.is_server_error() && !later.contains(&status))
            || (status.is_redirection() && status != StatusCode::NOT_MODIFIED)
        {
            self.log_error(request, &format!("upstream answered {status}"));
            let message = format!("upstream answered {status}");
            return Refusal::new(StatusCode::BAD_GATEWAY, "UNAVAILABLE", message).into();
        }
        if own && [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status) {
            self.metrics.count_failure(Kind::Refused.word());
            let what = format!("upstream answered {status} to the gateway's own credentials");
            self.log_error(request, &what);
        }
        if own && status == StatusCode::UNAUTHORIZED {
            let message = "upstream refuses the gateway's credentials";
            return Refusal::new(StatusCode::FORBIDDEN, "DENIED", message).into();
        }
        let mut headers = relayed.headers.clone();
        // Upstream's link bypasses the gateway; lists get their own.
        headers.remove(LINK);
        if own {
            headers.remove(WWW_AUTHENTICATE);
        }
        if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = retry_seconds(relayed.retry_after());
            headers.insert(RETRY_AFTER, seconds.into());
        }
        let metrics = Arc::clone(&self.metrics);
        let body = relayed.stream();
        let body = body.inspect_ok(move |bytes| {
            metrics.upstream_bytes.inc_by(bytes.len() as u64);
        });
        Response {
            status,
            headers,
            body: body.boxed(),
        }
    }

    /// Returns the response to a failed request. Logs and counts failures that are not the client's.
    pub(super) fn failure_response(&self, request: &Request, failure: Failure) -> Response {
        let error = match failure {
            Failure::Response(response) => return *response,
            Failure::Error(error) => error,
        };
        self.refusal_of(request, &error).into()
    }

    /// Returns the refusal for an error. Logs and counts errors that are not the client's. With the gateway's own
    /// credentials, these are also failed authentications.
    pub(super) fn refusal_of(&self, request: &Request, error: &Error) -> Refusal {
        let refusal = Refusal::of(error);
        let own = matches!(self.upstreams.rights, Rights::Own(_));
        if refusal.status.is_server_error() || (own && error.kind() == Kind::Refused) {
            self.metrics.count_failure(error.kind().word());
            self.log_error(request, &chain(error));
        }
        refusal
    }

    /// Logs a problem with a request.
    pub(super) fn log_error(&self, request: &Request, what: &str) {
        let request = LoggedRequest::of(request);
        (self.log)(&log::line("error", Some(&request), what));
    }
}

impl RepositoryRequest<'_> {
    /// Replaces the refusal of one of the gateway's own requests by upstream's response, which tells the client how to
    /// log in.
    pub(super) async fn with_challenge<T>(&self, answered: HandlerResult<T>) -> HandlerResult<T> {
        if let Err(Failure::Error(Error::Store(error))) = &answered
            && let (store::Error::Refused { .. }, Rights::Client) =
                (error.unshared(), &self.gateway.upstreams.rights)
            && let Some(response) = self.challenge().await
        {
            return Err(response.into());
        }
        answered
    }

    /// Returns upstream's refusal, if it refuses this client.
    async fn challenge(&self) -> Option<Response> {
        let headers = HeaderMap::new();
        let relayed = self
            .store
            .passthrough(&Method::GET, "tags/list", None, headers);
        let relayed = relayed.await.ok()??;
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        let refused = refused.contains(&relayed.status);
        refused.then(|| self.gateway.relay(self.request, relayed))
    }
}

/// Stops browsers from running content of registries as the gateway's own. [`RelayedResponse`] already lacks the
/// registry's headers that would let other sites read the content.
pub(super) fn set_safety_headers(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let policy = HeaderValue::from_static("sandbox; default-src 'none'");
    headers.insert(CONTENT_SECURITY_POLICY, policy);
}

/// Answers with a manifest under its digest.
pub(super) fn manifest_response(
    request: &Request,
    digest: &Digest,
    media_type: &str,
    bytes: bytes::Bytes,
) -> Response {
    let mut response = Response::new(StatusCode::OK, bytes);
    describe(&mut response.headers, digest);
    response.headers.insert(VARY, HeaderValue::from(ACCEPT));
    let tag = digest.to_string();
    if is_known(&request.headers, &tag) {
        response.status = StatusCode::NOT_MODIFIED;
        response.body = futures_util::stream::empty().boxed();
        return response;
    }
    let unknown = HeaderValue::from_static("application/octet-stream");
    let media_type = HeaderValue::from_str(media_type).unwrap_or(unknown);
    response.headers.insert(CONTENT_TYPE, media_type);
    response
}

/// Sets the headers for the digest and the entity tag.
pub(super) fn describe(headers: &mut HeaderMap, digest: &Digest) {
    let text = digest.to_string();
    // A digest always makes a valid header.
    if let (Ok(plain), Ok(quoted)) = (
        HeaderValue::from_str(&text),
        HeaderValue::from_str(&format!("\"{text}\"")),
    ) {
        headers.insert(CONTENT_DIGEST, plain);
        headers.insert(ETAG, quoted);
    }
}
