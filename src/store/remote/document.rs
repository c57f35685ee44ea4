//! Documents of web servers that are not registries.

use bytes::Bytes;
use reqwest::Method;

use super::answer::{self, BodyError};
use super::authorization::AuthorizedWire;
use super::failure::Failure;
use super::options::Options;
use super::transport::Transport;
use super::wire::{Request, Wire};
use crate::store::Error;
use crate::store::credentials::Credentials;

/// An answer of a web server.
#[derive(Debug)]
pub struct Document {
    /// The media type without parameters; empty if the server names none.
    pub media_type: String,
    /// The content, unless it is longer than the limit.
    pub body: Option<Bytes>,
}

/// Fetches the document at `https://HOST/PATH`, where `host` may have a port. Returns nothing if the server answers
/// with an error, or with an HTML page, which web servers send for any path. `what` describes the request in error
/// texts; `limit` is the longest body that is read, in bytes.
///
/// Sends no credentials, and follows redirects to https only (or among loopback hosts). An unreachable host is an
/// error.
pub async fn document(
    host: &str,
    path: &str,
    what: &str,
    limit: u64,
    options: &Options,
) -> Result<Option<Document>, Error> {
    let wire = Wire::for_site(host, options)?;
    let request = Request::new(Method::GET, wire.url(path), what);
    let transport = Transport::new(
        AuthorizedWire::new(wire, Credentials::Anonymous, []),
        options.retry,
    );
    let found = transport.retried(what, || fetch(transport.wire(), &request, limit));
    match found.await {
        // The server answered every attempt with an error.
        Err(Error::Unreachable { source, .. }) if source.is::<Error>() => Ok(None),
        found => found,
    }
}

/// Sends the request once and ignores challenges, because there are no credentials.
async fn fetch(wire: &Wire, request: &Request, limit: u64) -> Result<Option<Document>, Failure> {
    let mut response = wire.attempt(request, None).await?;
    if answer::is_retryable(response.status()) {
        return Err(wire.busy(response, &request.what).await);
    }
    if !response.status().is_success() {
        return Ok(None);
    }
    let body = match answer::read_bounded(&mut response, limit).await {
        Ok(body) if answer::is_page(response.headers(), &body) => return Ok(None),
        Ok(body) => Some(Bytes::from(body)),
        Err(BodyError::TooLong) => None,
        Err(BodyError::TooSlow(slow)) => {
            return Err(wire.too_slow(response.url(), &request.what, slow).into());
        }
        Err(BodyError::Broken(error)) => {
            return Err(wire.broken(response.url(), &request.what, error));
        }
    };
    let media_type = answer::media_type(response.headers()).to_owned();
    if let Some(body) = &body
        && answer::encoding(response.headers()).is_some()
        && media_type.ends_with("json")
    {
        let head = (response.status(), response.headers());
        answer::check_document(&request.what, &wire.location, head, body)?;
    }
    Ok(Some(Document { media_type, body }))
}
