//! Forwards a gateway's request unchanged, and returns the answer.

use std::error;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONNECTION, HeaderMap, HeaderName};
use reqwest::{Method, Response, StatusCode, Url};

use super::answer::{self, BodyError};
use super::authorization::AuthorizedWire;
use super::download::stream_of;
use super::link::{UnreadableLink, next_link, next_page};
use super::referrers::ReferrersFacts;
use super::scope::Scope;
use super::transport::Transport;
use super::upload::UploadFacts;
use super::wire::Request;
use super::{Access, Credentials, Remote};
use crate::digest::{Digest, Identity};
use crate::store::retry::Attempts;
use crate::store::{ByteStream, Error, MAX_MANIFEST_BYTES, RawManifest};

/// Headers for one connection only, which a gateway does not forward (RFC 9110, 7.6.1).
pub const HOP_BY_HOP: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers about the registry itself, which a gateway does not forward.
const REGISTRY_HEADERS: [&str; 8] = [
    "alt-svc",
    "content-location",
    "location",
    "proxy-authenticate",
    "proxy-authorization",
    "set-cookie",
    "strict-transport-security",
    "via",
];

/// The name of an answer in errors about its contents.
const ANSWER: &str = "the answer";

/// The prefix of all headers that let other sites read a response.
const CROSS_ORIGIN: &str = "access-control-";

/// Any answer of a registry, with a body that is not read yet.
#[derive(Debug)]
pub struct RelayedResponse {
    /// The registry's status.
    pub status: StatusCode,
    /// Its headers, without those that a gateway does not forward.
    pub headers: HeaderMap,
    response: Response,
    what: String,
    location: String,
}

impl Remote {
    /// Returns another repository of the same registry, for another client, over the same connections.
    #[must_use]
    pub fn for_repository(&self, path: &str, credentials: Credentials) -> Self {
        let mut repository = self.repository.clone();
        repository.path = path.to_owned();
        let scope = Scope::repository(path, Access::Pull);
        let wire = self.transport.wire().with_location(repository.to_string());
        let authorized = AuthorizedWire::new(wire, credentials, [scope]);
        Self {
            repository,
            transport: Transport::new(authorized, self.transport.retry),
            accept: self.accept.clone(),
            sources: None,
            uploads: UploadFacts::default(),
            referrers: ReferrersFacts::default(),
            cache: self.cache.clone(),
        }
    }

    /// Forwards a request for `path`, below `/v2/`, unchanged. Any answer is a success. Only a request that gets no
    /// answer is an error. Follows redirects; only the registry receives credentials.
    pub async fn relay(
        &self,
        method: Method,
        path: &str,
        query: Option<&str>,
        headers: HeaderMap,
    ) -> Result<RelayedResponse, Error> {
        let mut url = self.transport.endpoint(path);
        url.set_query(query.filter(|query| !query.is_empty()));
        let what = format!("forwarding {method} {}", url.path());
        let mut request = Request::new(method, url, what);
        request.headers = headers;
        let mut attempts = Attempts::default();
        loop {
            match self.transport.authorized.answer(&request).await {
                Ok(response) if !is_temporary(&response) => {
                    return Ok(self.relayed_response(response, request));
                }
                Ok(response) => {
                    let Some(wait) = self.transport.retry.wait(&mut attempts, None) else {
                        return Ok(self.relayed_response(response, request));
                    };
                    tokio::time::sleep(wait).await;
                }
                Err(failure) => {
                    let what = &request.what;
                    self.transport.pause(&mut attempts, what, failure).await?;
                }
            }
        }
    }

    fn relayed_response(&self, response: Response, request: Request) -> RelayedResponse {
        RelayedResponse {
            status: response.status(),
            headers: forwarded_headers(response.headers()),
            location: self.transport.wire().answerer(response.url()),
            response,
            what: request.what,
        }
    }
}

impl RelayedResponse {
    /// Returns the digest that the registry reports, if its algorithm is supported.
    pub fn content_digest(&self) -> Option<Digest> {
        answer::content_digest(&self.headers)
    }

    /// Returns how long the registry asks the client to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        answer::retry_after(&self.headers)
    }

    /// Returns the media type without parameters; empty if there is none.
    pub fn media_type(&self) -> &str {
        answer::media_type(&self.headers)
    }

    /// Fails if the answer is a web page.
    pub(super) fn check_type(&self) -> Result<(), Error> {
        if self.status != StatusCode::OK || !answer::is_page(&self.headers, b"") {
            return Ok(());
        }
        Err(Error::NotRegistry {
            what: self.what.clone(),
            location: self.location.clone(),
            status: self.status.as_u16(),
            content: answer::content_in_words(&self.headers),
        })
    }

    /// Returns the query of the next page of a list, if there is one. A link that cannot be parsed or followed is an
    /// error, not the end.
    pub fn next_page(&self) -> Result<Option<String>, Error> {
        let malformed = || Error::Malformed {
            what: ANSWER.to_owned(),
            location: self.location.clone(),
            reason: "its Link header cannot be parsed".to_owned(),
        };
        let link = next_link(&self.headers).map_err(|UnreadableLink| malformed())?;
        let Some(link) = link.filter(|_| self.status == StatusCode::OK) else {
            return Ok(None);
        };
        let next = next_page(self.response.url(), &link);
        let query = next.as_ref().and_then(Url::query).ok_or_else(malformed)?;
        Ok(Some(query.to_owned()))
    }

    /// Reads a manifest, and checks it against the digest in `name`, if any, and the one that the registry reports.
    pub async fn manifest(self, name: &str) -> Result<RawManifest, Error> {
        let (location, headers) = (self.location.clone(), self.headers.clone());
        let body = self.document(MAX_MANIFEST_BYTES).await?;
        check_manifest(&location, name, &headers, body)
    }

    /// Reads a whole registry document of at most `limit` bytes.
    pub async fn document(self, limit: u64) -> Result<Bytes, Error> {
        let (location, headers) = (self.location.clone(), self.headers.clone());
        let (what, status) = (self.what.clone(), self.status);
        let body = self.bytes(limit).await?;
        answer::check_document(&what, &location, (status, &headers), &body)?;
        Ok(body)
    }

    /// Reads a whole body of at most `limit` bytes.
    async fn bytes(mut self, limit: u64) -> Result<Bytes, Error> {
        match answer::read_bounded(&mut self.response, limit).await {
            Ok(body) => Ok(body.into()),
            Err(BodyError::TooLong) => Err(Error::Malformed {
                what: ANSWER.to_owned(),
                location: self.location,
                reason: format!("it is longer than {limit} bytes"),
            }),
            Err(BodyError::TooSlow(slow)) => Err(self.unreachable(Box::new(slow))),
            // URLs may carry signatures.
            Err(BodyError::Broken(error)) => Err(self.unreachable(Box::new(error.without_url()))),
        }
    }

    /// Returns the bytes of the body, unverified.
    pub fn stream(self) -> ByteStream {
        stream_of(self.response, &self.what, &self.location)
    }

    fn unreachable(&self, source: Box<dyn error::Error + Send + Sync>) -> Error {
        Error::Unreachable {
            what: format!("{} ({})", self.what, self.location),
            attempts: 1,
            source,
        }
    }
}

/// Checks that a manifest has the requested digest and the one that the registry reports.
pub(super) fn check_manifest(
    location: &str,
    name: &str,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<RawManifest, Error> {
    let manifest = RawManifest::stated(body, answer::media_type(headers));
    let digest = manifest.digest;
    let size = manifest.bytes.len() as u64;
    let promised = [name.parse().ok(), answer::content_digest(headers)];
    match promised
        .into_iter()
        .flatten()
        .find(|promised| *promised != digest)
    {
        None => Ok(manifest),
        Some(promised) => {
            let found = Identity { digest, size };
            Err(answer::corrupt(
                location,
                format!("manifest `{name}`"),
                promised,
                found,
            ))
        }
    }
}

/// Returns whether the same request may succeed in a moment. A longer wait is left to the client.
fn is_temporary(response: &Response) -> bool {
    let status = response.status();
    status.is_server_error()
        && answer::is_retryable(status)
        && answer::retry_after(response.headers()).is_none()
}

/// Returns the headers that a gateway forwards.
fn forwarded_headers(headers: &HeaderMap) -> HeaderMap {
    let named = headers.get_all(CONNECTION).into_iter();
    let named = named.filter_map(|names| names.to_str().ok());
    let named: Vec<String> = named
        .flat_map(|names| names.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let is_forwarded = |name: &HeaderName| {
        let name = name.as_str();
        let is_ours = !HOP_BY_HOP.contains(&name) && !REGISTRY_HEADERS.contains(&name);
        is_ours && !name.starts_with(CROSS_ORIGIN) && !named.iter().any(|named| named == name)
    };
    let mut forwarded = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers.iter().filter(|(name, _)| is_forwarded(name)) {
        forwarded.append(name.clone(), value.clone());
    }
    forwarded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hop_by_hop_headers_are_not_forwarded() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("set-cookie", "session=1"),
            ("location", "https://elsewhere.example/"),
            ("www-authenticate", "Bearer realm=\"https://a/token\""),
            ("www-authenticate", "Basic realm=\"a\""),
            ("content-type", "a/b"),
        ] {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let forwarded = forwarded_headers(&headers);
        let names: Vec<&str> = forwarded.keys().map(HeaderName::as_str).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert_eq!(forwarded.get_all("www-authenticate").iter().count(), 2);
        assert_eq!(forwarded["content-type"], "a/b");
    }
}
