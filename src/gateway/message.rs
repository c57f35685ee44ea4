//! What is asked and what is answered, without the connection.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, StatusCode, Uri};

use crate::store::ByteStream;

/// A request without its body, which nothing that is read has.
#[derive(Debug, Clone)]
pub struct Ask {
    /// GET or HEAD; all else is answered with 405.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// As they came.
    pub headers: HeaderMap,
}

impl Ask {
    /// Returns whether only the headers are wanted.
    pub fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }
}

/// An answer.
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers. `Content-Length` says how long the body is, where that is known.
    pub headers: HeaderMap,
    /// The body; of a HEAD it is not sent. An error in it breaks the connection: what came before is no whole.
    pub body: ByteStream,
}

impl Reply {
    /// An answer with a body that is at hand, and its `Content-Length`.
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self {
            status,
            headers: HeaderMap::from_iter([(CONTENT_LENGTH, body.len().into())]),
            body: stream::iter([Ok(body)]).boxed(),
        }
    }
}

/// What answers requests.
#[async_trait]
pub trait Answer: Send + Sync + 'static {
    /// Answers; whatever goes wrong is an answer too.
    async fn answer(&self, ask: Ask) -> Reply;

    /// Returns whether requests can be answered now, or why not.
    async fn ready(&self) -> Result<(), String>;
}
