//! A repository of a registry, by the OCI distribution specification.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>. The token exchange is
//! oci-client's; the rest are our own requests on the same HTTP client, for what it does not do: retries,
//! resuming, mounts that turn into uploads, refusals that stay refusals.

mod answer;
mod authorization;
mod body;
mod challenge;
mod client;
pub mod credentials;
mod transport;
mod upload;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, future};
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;

use self::authorization::{Authorization, Scope};
use self::body::Body;
use self::transport::{Request, Transport};
use self::upload::Upload;
use super::retry::Retry;
use super::{ByteStream, Delivery, Error, MAX_MANIFEST_BYTES, Observer, RawManifest, Store};
use crate::digest::{Digest, Identity, Mismatch};
use crate::manifest::Descriptor;
use crate::reference::{Name, Repository};

/// What manifests are asked for. Distribution answers 404 to a list of unknown types only, or to `*/*`.
const MANIFEST_TYPES: HeaderValue = HeaderValue::from_static(
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json",
);

/// The largest page of tags that is read, in bytes.
const MAX_TAGS_BYTES: u64 = 16 * 1024 * 1024;

/// How many pages of tags are followed.
const MAX_TAG_PAGES: usize = 10_000;

/// What a token is asked for. GHCR refuses an anonymous one for pushing, even to read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Pull,
    /// Reading and writing.
    Push,
}

/// Who we are to a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nobody in particular.
    Anonymous,
    /// A user with a password, or with an access token in place of one.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: String,
    },
    /// A token that is sent as it is.
    Bearer(String),
    /// A token of an earlier login, for which the token server gives others.
    Identity(String),
}

impl fmt::Debug for Credentials {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Basic { .. } => "Basic(..)",
            Self::Bearer(_) => "Bearer(..)",
            Self::Identity(_) => "Identity(..)",
        })
    }
}

/// How registries are spoken to.
#[derive(Clone)]
pub struct Options {
    /// Whether http is used where https would be. Loopback hosts are spoken to by http anyway.
    pub plain_http: bool,
    /// Certificates in PEM form that are trusted besides the system's; may be empty.
    pub ca_certificates: Vec<u8>,
    /// How requests that failed in passing are tried again.
    pub retry: Retry,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long the other side may be silent.
    pub read_timeout: Duration,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            plain_http: false,
            ca_certificates: Vec::new(),
            retry: Retry::NETWORK,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            observer: Arc::new(()),
        }
    }
}

/// Tells which repository of the same registry has a blob, if one is known.
pub type Sources = Arc<dyn Fn(&Digest) -> Option<String> + Send + Sync>;

/// A repository of a registry.
pub struct Remote {
    repository: Repository,
    transport: Transport,
    sources: Option<Sources>,
    chunked: AtomicBool,
}

impl fmt::Debug for Remote {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remote").field(&self.location()).finish()
    }
}

impl Remote {
    /// Names a repository; nothing is asked of the registry yet.
    pub fn new(
        repository: &Repository,
        access: Access,
        credentials: Credentials,
        options: &Options,
    ) -> Result<Self, Error> {
        let scope = Scope::repository(&repository.path, access);
        let authorization = Authorization::new(credentials, [scope]);
        let location = repository.to_string();
        Ok(Self {
            transport: Transport::new(&repository.registry, location, authorization, options)?,
            repository: repository.clone(),
            sources: None,
            chunked: AtomicBool::new(false),
        })
    }

    /// Lets pushes mount blobs from the repositories that `sources` names.
    #[must_use]
    pub fn with_sources(self, sources: Sources) -> Self {
        Self {
            sources: Some(sources),
            ..self
        }
    }

    /// Asks token servers to let us read these repositories of the registry too, as a mount needs.
    #[must_use]
    pub fn also_reading(mut self, paths: impl IntoIterator<Item = String>) -> Self {
        self.transport.authorization.also_reading(paths);
        self
    }

    fn url(&self, endpoint: &str) -> Url {
        let mut url = self.transport.origin.clone();
        url.set_path(&format!("/v2/{}/{endpoint}", self.repository.path));
        url
    }

    fn get(&self, endpoint: &str, what: String) -> Request {
        Request::new(Method::GET, self.url(endpoint), what)
    }

    fn corrupt(&self, what: &str, expected: Digest, found: Identity) -> Error {
        let size = found.size;
        let expected = Identity {
            digest: expected,
            size,
        };
        Error::Corrupt {
            what: what.to_owned(),
            location: self.location(),
            source: Box::new(Mismatch { expected, found }),
        }
    }

    /// Checks the `Content-Range` of a part that was asked for from byte `from` on.
    fn check_range(
        &self,
        what: &str,
        headers: &HeaderMap,
        from: u64,
        size: u64,
    ) -> Result<(), Error> {
        match answer::content_range(headers) {
            Some((first, whole)) if first == from && whole.is_none_or(|whole| whole == size) => {
                Ok(())
            }
            _ => {
                let reason = format!("another part came than the one from byte {from} of {size}");
                Err(self.transport.malformed(what, reason))
            }
        }
    }

    /// Reads a page of tags and where the next one is.
    async fn tag_page(&self, url: Url) -> Result<(Vec<String>, Option<Url>), Error> {
        #[derive(Deserialize)]
        struct Page {
            tags: Option<Vec<String>>,
        }
        let request = Request::new(Method::GET, url, "listing tags");
        let page = self
            .transport
            .read(&request, "the repository", MAX_TAGS_BYTES)
            .await?;
        let bad = |reason: String| self.transport.malformed("the list of tags", reason);
        let Page { tags } =
            serde_json::from_slice(&page.body).map_err(|error| bad(error.to_string()))?;
        let Some(link) = answer::next_link(&page.headers) else {
            return Ok((tags.unwrap_or_default(), None));
        };
        let next = request.url.join(&link).ok();
        let next = next.filter(|next| next.origin() == request.url.origin());
        let next = next.ok_or_else(|| bad("the next page is not on this registry".to_owned()))?;
        Ok((tags.unwrap_or_default(), Some(next)))
    }
}

#[async_trait]
impl Store for Remote {
    fn location(&self) -> String {
        self.repository.to_string()
    }

    async fn manifest(&self, name: &Name) -> Result<RawManifest, Error> {
        let subject = format!("manifest `{name}`");
        let mut request = self.get(&format!("manifests/{name}"), format!("pulling {subject}"));
        request.headers.insert(ACCEPT, MANIFEST_TYPES);
        let answer = self
            .transport
            .read(&request, &subject, MAX_MANIFEST_BYTES)
            .await?;
        let manifest = RawManifest::new(answer.body, media_type(&answer.headers));
        let asked = match name {
            Name::Digest(digest) => Some(*digest),
            Name::Tag(_) => None,
        };
        let found = Identity {
            digest: manifest.digest,
            size: manifest.bytes.len() as u64,
        };
        for expected in asked
            .into_iter()
            .chain(answer::content_digest(&answer.headers))
        {
            if expected != found.digest {
                return Err(self.corrupt(&subject, expected, found));
            }
        }
        Ok(manifest)
    }

    async fn has(&self, blob: Identity) -> Result<bool, Error> {
        let subject = format!("blob {}", blob.digest);
        let url = self.url(&format!("blobs/{}", blob.digest));
        let request = Request::new(Method::HEAD, url, format!("looking for {subject}"));
        let response = self.transport.send(&request).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(false),
            _ => {
                return Err(self
                    .transport
                    .unexpected(response, &request.what, &subject)
                    .await);
            }
        }
        let length = response.headers().get(CONTENT_LENGTH);
        let length: Option<u64> = length.and_then(|length| length.to_str().ok()?.parse().ok());
        match length {
            // Some answer a HEAD with 0 whatever the blob.
            Some(length) if length != 0 && length != blob.size => {
                let reason = format!("it has {length} bytes, {} were expected", blob.size);
                Err(self.transport.malformed(subject, reason))
            }
            _ => Ok(true),
        }
    }

    async fn open(&self, blob: Identity, from: u64) -> Result<ByteStream, Error> {
        let subject = format!("blob {}", blob.digest);
        let mut request = self.get(
            &format!("blobs/{}", blob.digest),
            format!("pulling {subject}"),
        );
        if from > 0 {
            let range = HeaderValue::try_from(format!("bytes={from}-"));
            let range = range.map_err(|_| self.transport.malformed("the range", ""))?;
            request.headers.insert(RANGE, range);
        }
        let response = self.transport.send(&request).await?;
        let skipped = match response.status() {
            StatusCode::OK => from,
            StatusCode::PARTIAL_CONTENT => {
                self.check_range(&subject, response.headers(), from, blob.size)?;
                0
            }
            _ => {
                return Err(self
                    .transport
                    .unexpected(response, &request.what, &subject)
                    .await);
            }
        };
        let location = self.location();
        let broken = move |error: reqwest::Error| Error::Unreachable {
            what: format!("{} ({location})", request.what),
            attempts: 1,
            source: Box::new(error.without_url()),
        };
        let stream = response.bytes_stream().map_err(broken);
        Ok(skip(stream, skipped).boxed())
    }

    async fn push(&self, blob: Identity, file: &Path) -> Result<Delivery, Error> {
        let upload = Upload {
            transport: &self.transport,
            uploads: self.url("blobs/uploads/"),
            blob,
            file,
            source: self
                .sources
                .as_ref()
                .and_then(|sources| sources(&blob.digest)),
            chunked: &self.chunked,
        };
        upload.push().await
    }

    async fn push_manifest(&self, manifest: &RawManifest, tag: Option<&str>) -> Result<(), Error> {
        let name = tag.map_or_else(|| manifest.digest.to_string(), str::to_owned);
        let subject = format!("manifest `{name}`");
        let url = self.url(&format!("manifests/{name}"));
        let mut request = Request::new(Method::PUT, url, format!("pushing {subject}"));
        let media_type = HeaderValue::try_from(&manifest.media_type).map_err(|_| {
            self.transport
                .malformed(&subject, "its media type is not one")
        })?;
        request.headers.insert(CONTENT_TYPE, media_type);
        request.body = Body::Bytes(manifest.bytes.clone());
        let response = self.transport.send(&request).await?;
        if !response.status().is_success() {
            return Err(self
                .transport
                .unexpected(response, &request.what, "the repository")
                .await);
        }
        match answer::content_digest(response.headers()) {
            Some(digest) if digest != manifest.digest => {
                let size = manifest.bytes.len() as u64;
                let found = Identity { digest, size };
                Err(self.corrupt(&subject, manifest.digest, found))
            }
            _ => Ok(()),
        }
    }

    async fn tags(&self) -> Result<Vec<String>, Error> {
        let mut tags = Vec::new();
        let mut seen = HashSet::new();
        let mut next = Some(self.url("tags/list"));
        while let Some(url) = next {
            if seen.len() >= MAX_TAG_PAGES || !seen.insert(url.clone()) {
                let reason = "its pages do not end";
                return Err(self.transport.malformed("the list of tags", reason));
            }
            let (page, link) = self.tag_page(url).await?;
            tags.extend(page);
            next = link;
        }
        Ok(tags)
    }

    async fn referrers(
        &self,
        _subject: &Digest,
        _artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>, Error> {
        Ok(Vec::new())
    }

    fn retry(&self) -> Retry {
        self.transport.retry
    }
}

/// Returns the media type without parameters; empty where none is told.
fn media_type(headers: &HeaderMap) -> &str {
    let text = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let text = text.unwrap_or_default();
    text.split_once(';')
        .map_or(text, |(media_type, _)| media_type)
        .trim()
}

/// Leaves out the first bytes of a stream, from a server that does not know ranges.
fn skip(
    stream: impl futures_util::Stream<Item = Result<Bytes, Error>>,
    count: u64,
) -> impl futures_util::Stream<Item = Result<Bytes, Error>> {
    let mut left = count;
    stream.try_filter_map(move |mut bytes| {
        let skipped = left.min(bytes.len() as u64);
        left -= skipped;
        let rest = bytes.split_off(skipped as usize);
        future::ok((!rest.is_empty()).then_some(rest))
    })
}
