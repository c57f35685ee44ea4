//! A repository of a registry, by the OCI distribution specification.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>. This module uses an HTTP client,
//! and adds retries, resumed transfers, and mounts that fall back to uploads. It must not know what an artifact means.

mod answer;
mod authorization;
mod body;
mod catalog;
mod challenge;
mod client;
mod connection;
mod document;
mod download;
mod failure;
mod link;
mod login;
mod options;
mod pace;
mod pages;
mod passthrough;
mod proxy;
mod public;
mod referrers;
mod scope;
mod tls;
mod token;
mod transport;
mod unknown_blob;
mod upload;
mod wire;

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};

use self::authorization::AuthorizedWire;
use self::body::Body;
pub use self::catalog::catalog;
pub use self::connection::ConnectionError;
pub use self::document::{Document, document};
pub use self::failure::is_timeout;
pub use self::login::try_login;
pub use self::options::{Access, Options};
pub use self::pace::{Pace, TooSlow};
use self::pages::Pages;
use self::passthrough::check_manifest;
pub use self::passthrough::{HOP_BY_HOP, RelayedResponse};
pub use self::public::is_public;
use self::referrers::{Referrer, ReferrersFacts};
use self::scope::Scope;
use self::transport::{Transport, WholeResponse};
use self::upload::{Upload, UploadFacts};
use self::wire::{Request, Wire};
use super::cache::Cache;
pub use super::credentials::Credentials;
use super::retry::{Attempts, Retry};
use super::{ByteStream, Delivery, Error, MAX_MANIFEST_BYTES, RawManifest, Store, WritableStore};
use crate::digest::{Digest, Identity};
use crate::manifest::Descriptor;
use crate::reference::{Name, Repository};

/// Returns a repository of the same registry that has a blob, if one is known.
pub type Sources = Arc<dyn Fn(&Digest) -> Option<String> + Send + Sync>;

/// A repository of a registry.
pub struct Remote {
    repository: Repository,
    transport: Transport,
    /// The `Accept` header of requests for manifests.
    accept: HeaderValue,
    sources: Option<Sources>,
    uploads: UploadFacts,
    referrers: ReferrersFacts,
    /// Records that the registry has no referrers API.
    cache: Option<Arc<Cache>>,
}

impl fmt::Debug for Remote {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remote").field(&self.location()).finish()
    }
}

impl Remote {
    /// Names a repository; sends no request yet.
    pub fn new(
        repository: &Repository,
        access: Access,
        credentials: Credentials,
        options: &Options,
    ) -> Result<Self, Error> {
        let scope = Scope::repository(&repository.path, access);
        let wire = Wire::new(&repository.registry, repository.to_string(), options)?;
        let authorized = AuthorizedWire::new(wire, credentials, [scope]);
        Ok(Self {
            transport: Transport::new(authorized, options.retry),
            accept: options.accept()?,
            repository: repository.clone(),
            sources: None,
            uploads: UploadFacts::default(),
            referrers: ReferrersFacts::default(),
            cache: options.cache.clone(),
        })
    }

    /// Makes pushes mount blobs from the repositories that `sources` returns.
    #[must_use]
    pub fn with_sources(self, sources: Sources) -> Self {
        Self {
            sources: Some(sources),
            ..self
        }
    }

    fn url(&self, endpoint: &str) -> Url {
        self.transport
            .endpoint(&format!("{}/{endpoint}", self.repository.path))
    }

    fn upload<'a>(&'a self, blob: Identity, file: &'a Path) -> Upload<'a> {
        let sources = self.sources.as_ref();
        Upload {
            transport: &self.transport,
            uploads: self.url("blobs/uploads/"),
            blob,
            file,
            source: sources.and_then(|sources| sources(&blob.digest)),
            facts: &self.uploads,
        }
    }

    fn get(&self, endpoint: &str, what: String) -> Request {
        Request::new(Method::GET, self.url(endpoint), what)
    }

    /// Looks for a blob; `size` is the expected one, if it is known.
    ///
    /// A 200 alone proves nothing, because web servers send it for any path. The digest or the length must be the
    /// blob's. The digest of another blob is an error.
    async fn look_for_blob(&self, digest: &Digest, size: Option<u64>) -> Result<BlobAnswer, Error> {
        let subject = format!("blob {digest}");
        let url = self.url(&format!("blobs/{digest}"));
        let request = Request::new(Method::HEAD, url, format!("looking for {subject}"));
        let response = self.transport.send(&request).await?;
        let wire = self.transport.wire();
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(BlobAnswer::Missing),
            _ => return Err(wire.unexpected(response, &request.what, &subject).await),
        }
        let headers = response.headers();
        let length = headers.get(CONTENT_LENGTH);
        let length: Option<u64> = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let named = answer::content_digest(headers);
        if let Some(other) = named.filter(|named| named != digest) {
            return Err(wire.malformed(
                subject,
                format!("the registry answered with the digest {other}"),
            ));
        }
        if length.is_some() && length == size {
            return Ok(BlobAnswer::Found(length));
        }
        // Some registries answer every HEAD with the length 0.
        let length = length.filter(|length| *length != 0);
        if named.is_some() {
            return Ok(BlobAnswer::Found(length));
        }
        let encoding = answer::encoding(headers);
        let is_other_text = answer::is_text(headers) && length.is_some() && size.is_some();
        if answer::is_page(headers, b"") || encoding.is_some() || is_other_text {
            return Err(wire.not_registry(&response, &request.what, encoding));
        }
        Ok(match length {
            None => BlobAnswer::Unclear,
            length => BlobAnswer::Found(length),
        })
    }

    fn manifest_request(&self, name: &Name) -> Request {
        let what = format!("pulling manifest `{name}`");
        let mut request = self.get(&format!("manifests/{name}"), what);
        request.headers.insert(ACCEPT, self.accept.clone());
        request
    }

    fn check_manifest(&self, name: &Name, answer: WholeResponse) -> Result<RawManifest, Error> {
        let (name, body) = (name.to_string(), answer.body.into());
        check_manifest(&self.location(), &name, &answer.headers, body)
    }

    fn put_request(&self, manifest: &RawManifest, name: &str) -> Result<Request, Error> {
        let subject = format!("manifest `{name}`");
        let url = self.url(&format!("manifests/{name}"));
        let mut request = Request::new(Method::PUT, url, format!("pushing {subject}"));
        let media_type = HeaderValue::try_from(&manifest.media_type).map_err(|_| {
            self.transport
                .wire()
                .malformed(&subject, "its media type is invalid")
        })?;
        request.headers.insert(CONTENT_TYPE, media_type);
        request.body = Body::Bytes(manifest.bytes.clone());
        Ok(request)
    }

    /// Stores a manifest under a tag or its digest. Returns the headers of the answer.
    async fn put_manifest(&self, manifest: &RawManifest, name: &str) -> Result<HeaderMap, Error> {
        let request = self.put_request(manifest, name)?;
        self.transport
            .retried(&request.what, || self.put_once(manifest, &request))
            .await
            .map_err(unknown_blob::refusal)
    }

    /// Checks that an answer confirms a stored manifest and its digest. Returns the headers.
    async fn stored(
        &self,
        manifest: &RawManifest,
        request: &Request,
        response: Response,
    ) -> Result<HeaderMap, Error> {
        let wire = self.transport.wire();
        let sent = Some(manifest.digest);
        let response = wire.accepted(response, &request.what, sent).await?;
        match response.status().is_success() {
            true => Ok(response.headers().clone()),
            false => Err(wire
                .unexpected(response, &request.what, "the repository")
                .await),
        }
    }

    /// Checks that the registry has a pushed manifest, under its tag if there is one. It may appear only after a moment.
    async fn confirm(&self, manifest: &RawManifest, tag: Option<&str>) -> Result<(), Error> {
        let name = match tag {
            Some(tag) => Name::Tag(tag.to_owned()),
            None => Name::Digest(manifest.digest),
        };
        let mut request = self.manifest_request(&name);
        request.what = format!("looking for the pushed manifest `{name}`");
        let accept = self.accept.to_str().unwrap_or_default();
        let accept = HeaderValue::try_from(format!("{accept}, {}", manifest.media_type));
        request
            .headers
            .insert(ACCEPT, accept.unwrap_or(self.accept.clone()));
        request.method = Method::HEAD;
        let mut attempts = Attempts::default();
        let what = request.what.clone();
        let not_stored = |found| {
            let wire = self.transport.wire();
            Err(wire.not_stored(&what, manifest.digest, found))
        };
        loop {
            let response = self.transport.send(&request).await?;
            let found = answer::content_digest(response.headers());
            match (response.status(), found) {
                (StatusCode::OK, Some(found)) if found == manifest.digest => return Ok(()),
                // Another client may have moved the tag since. Callers that care read it again.
                (StatusCode::OK, Some(_)) if tag.is_some() => {
                    return Box::pin(self.confirm(manifest, None)).await;
                }
                (StatusCode::OK, Some(found)) => return not_stored(Some(found)),
                (StatusCode::NOT_FOUND, _) => {
                    match self.transport.retry.wait(&mut attempts, None) {
                        Some(wait) => tokio::time::sleep(wait).await,
                        None => return not_stored(None),
                    }
                }
                // The answer has no digest, or the registry does not support HEAD.
                _ => {
                    request.method = Method::GET;
                    let subject = format!("manifest `{name}`");
                    let read = self.transport.read(&request, &subject, MAX_MANIFEST_BYTES);
                    return match read.await.map(|answer| Digest::of(&answer.body)) {
                        Ok(found) if found == manifest.digest => Ok(()),
                        Ok(found) => not_stored(Some(found)),
                        Err(Error::NotFound { .. }) => not_stored(None),
                        Err(error) => Err(error),
                    };
                }
            }
        }
    }
}

/// The answer to a request for a blob.
enum BlobAnswer {
    Missing,
    /// The blob exists; the registry may not report its length.
    Found(Option<u64>),
    /// The registry answers, but does not say whether the blob exists.
    Unclear,
}

#[async_trait]
impl Store for Remote {
    fn location(&self) -> String {
        self.repository.to_string()
    }

    async fn manifest(&self, name: &Name) -> Result<RawManifest, Error> {
        let subject = format!("manifest `{name}`");
        let request = self.manifest_request(name);
        let answer = self
            .transport
            .read(&request, &subject, MAX_MANIFEST_BYTES)
            .await?;
        self.check_manifest(name, answer)
    }

    async fn resolve(&self, name: &Name) -> Result<Digest, Error> {
        if let Name::Digest(digest) = name {
            return Ok(*digest);
        }
        let mut request = self.manifest_request(name);
        request.method = Method::HEAD;
        let response = self.transport.send(&request).await?;
        match (
            response.status(),
            answer::content_digest(response.headers()),
        ) {
            (StatusCode::OK, Some(digest)) => Ok(digest),
            // Without a digest in the answer, or without support for HEAD, read the manifest.
            _ => Ok(self.manifest(name).await?.digest),
        }
    }

    async fn has(&self, blob: Identity) -> Result<bool, Error> {
        match self.look_for_blob(&blob.digest, Some(blob.size)).await? {
            // Send the blob again if it is not known to exist.
            BlobAnswer::Missing | BlobAnswer::Unclear => Ok(false),
            BlobAnswer::Found(Some(length)) if length != blob.size => {
                let subject = format!("blob {}", blob.digest);
                let reason = format!("it has {length} bytes, but {} were expected", blob.size);
                Err(self.transport.wire().malformed(subject, reason))
            }
            BlobAnswer::Found(_) => Ok(true),
        }
    }

    async fn size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        match self.look_for_blob(digest, None).await? {
            BlobAnswer::Missing => Ok(None),
            BlobAnswer::Found(Some(length)) => Ok(Some(length)),
            BlobAnswer::Found(None) | BlobAnswer::Unclear => {
                let (subject, reason) = (
                    format!("blob {digest}"),
                    "the registry does not report its size",
                );
                Err(self.transport.wire().malformed(subject, reason))
            }
        }
    }

    async fn open(&self, blob: Identity, part: Range<u64>) -> Result<ByteStream, Error> {
        self.download(blob, part).await
    }

    async fn passthrough(
        &self,
        method: &Method,
        endpoint: &str,
        query: Option<&str>,
        headers: HeaderMap,
    ) -> Result<Option<RelayedResponse>, Error> {
        let path = format!("{}/{endpoint}", self.repository.path);
        // Without a repository, the endpoint is the registry's.
        let path = path.trim_start_matches('/');
        let relayed = self.relay(method.clone(), path, query, headers).await?;
        // Some registries answer a ping with a web page, and a blob may be one.
        if !endpoint.is_empty() && !endpoint.starts_with("blobs/") {
            relayed.check_type()?;
        }
        Ok(Some(relayed))
    }

    async fn tags(&self) -> Result<Vec<String>, Error> {
        let first = self.url("tags/list");
        let (what, list) = ("listing tags", "the list of tags");
        let mut pages = Pages::new(&self.transport, first, what, list);
        let tags = pages.names("tags", "the repository", |_| false).await?;
        Ok(tags.unwrap_or_default())
    }

    async fn referrers(
        &self,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error> {
        self.list_referrers(subject, artifact_type).await
    }

    fn referrers_doubt(&self) -> Option<String> {
        self.doubt()
    }

    fn referrers_left_out(&self) -> Option<String> {
        self.left_out()
    }

    fn retry(&self) -> Retry {
        self.transport.retry
    }
}

#[async_trait]
impl WritableStore for Remote {
    fn may_mount(&self, blob: Identity) -> bool {
        self.upload(blob, Path::new("")).source.is_some()
    }

    async fn mount(&self, blob: Identity) -> Result<bool, Error> {
        match self.may_mount(blob) {
            true => self.upload(blob, Path::new("")).mount_only().await,
            false => Ok(false),
        }
    }

    async fn push(&self, blob: Identity, file: &Path) -> Result<Delivery, Error> {
        self.upload(blob, file).push().await
    }

    async fn push_manifest(&self, manifest: &RawManifest, tag: Option<&str>) -> Result<(), Error> {
        let digest = manifest.digest.to_string();
        let referrer = Referrer::of(manifest);
        if let Some(referrer) = &referrer {
            let answer = self.put_manifest(manifest, &digest).await?;
            self.register_referrer(referrer, &answer).await?;
        }
        if tag.is_some() || referrer.is_none() {
            // Push the tagged manifest last, because readers of the tag expect everything to exist.
            self.put_manifest(manifest, tag.unwrap_or(&digest)).await?;
        }
        self.confirm(manifest, tag).await
    }
}
