//! HTTP requests and responses without a connection, and the handler between them.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;

use crate::store::ByteStream;

/// The head of a request; the gateway reads no request bodies. Handlers may use the method, the path, the query and the
/// headers. The `Host` header is set if the client named a host.
pub type Request = http::request::Parts;

/// A response to a request.
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers. `Content-Length` is set if the length of the body is known.
    pub headers: HeaderMap,
    /// The body, which is not sent for HEAD. An error aborts the response, so the client never takes it as complete.
    pub body: ByteStream,
}

impl Response {
    /// Returns a response with a complete body and its `Content-Length`.
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self {
            status,
            headers: HeaderMap::from_iter([(CONTENT_LENGTH, body.len().into())]),
            body: stream::iter([Ok(body)]).boxed(),
        }
    }

    pub(super) fn json(status: StatusCode, value: &Value, media_type: &'static str) -> Self {
        let mut response = Self::new(status, value.to_string());
        let media_type = HeaderValue::from_static(media_type);
        response.headers.insert(CONTENT_TYPE, media_type);
        response
    }
}

/// Answers HTTP requests.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Handles a GET or HEAD request. A failure is a response too.
    async fn handle(&self, request: Request) -> Response;

    /// Checks whether requests can be handled now; the error is the reason why not.
    async fn ready(&self) -> Result<(), String>;
}
