//! The innermost layer of the transport: it sends one request once, and interprets the outcome.
//!
//! The layers are chained as in go-containerregistry: [`Wire`] sends a request once, `AuthorizedWire` adds credentials,
//! and `Transport` retries. Each knows only the layer below it.

use std::error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};

use super::answer::{self, ErrorMessage};
use super::body::{Body, FileError};
use super::client::{self, InsecureRedirect, Network};
use super::connection::{self, ConnectionError};
use super::failure::{Failure, find, innermost, is_transient};
use super::options::Options;
use super::pace::{Pace, TooSlow};
use super::tls;
use crate::digest::Digest;
use crate::store::credentials::check_token;
use crate::store::{Error, Observer, StoreKind, Subject, chain};
use crate::text::excerpt;

/// A request to a registry, a token server or a web server.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    /// For error texts, such as "pulling manifest `1.0`".
    pub(super) what: String,
    /// Whether to fetch a new token if the sent one is refused.
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

#[derive(Clone)]
pub(super) enum AuthorizationHeader {
    Basic {
        username: String,
        password: String,
    },
    Bearer(Arc<str>),
    /// The header of a client, unchanged.
    Forwarded(Arc<str>),
}

impl AuthorizationHeader {
    /// Checks that the header can be sent. The error names the problem, and does not show the header.
    fn check(&self) -> Result<(), Error> {
        let checked = match self {
            Self::Bearer(token) => check_token(token),
            Self::Basic { .. } | Self::Forwarded(_) => Ok(()),
        };
        checked.map_err(|reason| Error::settings(format!("the token {reason}")))
    }

    fn attach(&self, builder: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Basic { username, password } => builder.basic_auth(username, Some(password)),
            Self::Bearer(token) => builder.bearer_auth(token),
            Self::Forwarded(value) => builder.header(AUTHORIZATION, sensitive(value)),
        }
    }
}

/// Makes a header that debug output hides. An impossible header becomes an empty one, which no registry accepts.
fn sensitive(value: &str) -> HeaderValue {
    let value = HeaderValue::from_str(value);
    let mut value = value.unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// The reason to doubt that the requested host answered.
enum Doubt {
    /// This proxy may require a password.
    Proxy(String),
    /// The host may speak TLS.
    Tls,
}

/// The HTTP clients for one host.
#[derive(Clone)]
pub(super) struct Wire {
    client: reqwest::Client,
    /// For bodies that are files. This client has no timeout of its own.
    uploader: reqwest::Client,
    /// How long both sides of an upload may be idle.
    pub(super) idle_timeout: Duration,
    pace: Pace,
    /// Scheme, host and port.
    pub(super) origin: Url,
    /// Whether token servers must be at public addresses.
    pub(super) public_only: bool,
    /// Host and repository, for error texts.
    pub(super) location: String,
    observer: Arc<dyn Observer>,
    network: Network,
    /// Whether the host has already answered in the protocol of its scheme.
    answered: Arc<AtomicBool>,
}

impl Wire {
    /// Prepares the clients for a registry; sends nothing yet.
    pub(super) fn new(registry: &str, location: String, options: &Options) -> Result<Self, Error> {
        let origin = client::origin(registry, options)?;
        let network = Network::new(options)?;
        Ok(Self {
            client: client::build(&network, options, Some(options.read_timeout))?,
            uploader: client::build(&network, options, None)?,
            network,
            answered: Arc::default(),
            idle_timeout: options.read_timeout,
            pace: options.pace,
            origin,
            public_only: options.public_only,
            location,
            observer: Arc::clone(&options.observer),
        })
    }

    /// Prepares the client for a web server; sends nothing yet.
    pub(super) fn for_site(host: &str, options: &Options) -> Result<Self, Error> {
        let origin = client::site(host, options)?;
        let network = Network::new(options)?;
        let client = client::build_for_site(&network, options)?;
        Ok(Self {
            network,
            answered: Arc::default(),
            uploader: client.clone(),
            client,
            idle_timeout: options.read_timeout,
            pace: options.pace,
            origin,
            public_only: options.public_only,
            location: host.to_owned(),
            observer: Arc::clone(&options.observer),
        })
    }

    /// Returns the same connections for another repository.
    pub(super) fn with_location(&self, location: String) -> Self {
        Self {
            location,
            ..self.clone()
        }
    }

    /// Returns the URL of a path of this host.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.origin.clone();
        url.set_path(path);
        url
    }

    /// Returns whether a URL is on this host. Credentials go nowhere else.
    pub(super) fn owns(&self, url: &Url) -> bool {
        url.origin() == self.origin.origin()
    }

    /// Returns the host that answered at a URL, for error texts: the registry, or a host that it redirected to.
    pub(super) fn answerer(&self, url: &Url) -> String {
        if self.owns(url) {
            return self.location.clone();
        }
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map(|port| format!(":{port}"));
        let port = port.unwrap_or_default();
        format!("{host}{port} (named by {})", self.location)
    }

    /// Sends a request once. Any answer is a success here.
    pub(super) async fn attempt(
        &self,
        request: &Request,
        authorization: Option<&AuthorizationHeader>,
    ) -> Result<Response, Failure> {
        let uploaded = match request.body {
            Body::File { length, .. } => Some(length),
            _ => None,
        };
        let client = match uploaded {
            Some(_) => &self.uploader,
            None => &self.client,
        };
        let mut builder = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone());
        if !request.headers.contains_key(ACCEPT_ENCODING) {
            // Digests and lengths are those of the stored bytes.
            builder = builder.header(ACCEPT_ENCODING, "identity");
        }
        if let Some(authorization) = authorization {
            authorization.check()?;
            builder = authorization.attach(builder);
        }
        let sent = Arc::new(AtomicU64::new(0));
        let builder = request.body.attach(builder, &self.observer, &sent).await?;
        let sending = client::with_last_redirect(builder.send());
        let (outcome, last_redirect) = match uploaded {
            None => match self.pace.head(sending).await {
                Ok(outcome) => outcome,
                Err(slow) => {
                    self.report(request, "too slow");
                    return Err(self.too_slow(&request.url, &request.what, slow).into());
                }
            },
            Some(length) => match self
                .pace
                .upload(sending, (&sent, length), self.idle_timeout)
                .await
            {
                Ok(outcome) => outcome,
                Err(Some(slow)) => {
                    self.report(request, "too slow");
                    let error = self.too_slow(&request.url, &request.what, slow);
                    // A dead connection looks the same, and another attempt may help.
                    let retry = Some(None);
                    return Err(Failure { error, retry });
                }
                Err(None) => {
                    self.report(request, "silent for too long");
                    let silent = io::Error::from(io::ErrorKind::TimedOut);
                    let error = self.unreachable_at(&request.url, &request.what, Box::new(silent));
                    let retry = Some(None);
                    return Err(Failure { error, retry });
                }
            },
        };
        let doubt = self.doubt(request, &outcome);
        self.check(request, doubt).await?;
        match outcome {
            Ok(mut response) => {
                self.report(request, response.status().as_str());
                response.extensions_mut().insert(self.pace);
                Ok(response)
            }
            Err(error) => {
                let url = last_redirect.as_ref().unwrap_or(&request.url);
                let failure = self.broken(url, &request.what, error);
                self.report(request, &innermost(&failure.error));
                Err(failure)
            }
        }
    }

    /// Tells the observer that the server asks for a long wait before the next attempt.
    pub(super) fn report_wait(&self, failure: &Error, wait: Duration) {
        self.observer.waiting(&chain(failure), wait);
    }

    /// Returns why an outcome may not be the host's answer. A proxy may require a password. A host that breaks off or
    /// answers 400 to plain http may speak TLS.
    fn doubt(
        &self,
        request: &Request,
        outcome: &Result<Response, reqwest::Error>,
    ) -> Option<Doubt> {
        let proxy = || self.network.proxy(&request.url);
        match outcome {
            Ok(response) if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                return proxy().map(Doubt::Proxy);
            }
            Ok(response) if response.status() != StatusCode::BAD_REQUEST => {
                self.answered.store(true, Ordering::Relaxed);
                return None;
            }
            Err(error) if error.is_connect() || error.is_timeout() || error.is_builder() => {
                return None;
            }
            _ => {}
        }
        let may_be_tls = request.url.scheme() == "http"
            && self.owns(&request.url)
            && !self.answered.load(Ordering::Relaxed)
            && !self.public_only
            && proxy().is_none();
        may_be_tls.then_some(Doubt::Tls)
    }

    /// Fails if a doubt is justified. Another attempt would change nothing.
    async fn check(&self, request: &Request, doubt: Option<Doubt>) -> Result<(), Failure> {
        let error = match doubt {
            Some(Doubt::Proxy(proxy)) => ConnectionError::ProxyLogin { proxy },
            Some(Doubt::Tls) if tls::answers(&request.url, &self.network.tls).await => {
                connection::speaks_tls(&request.url)
            }
            _ => return Ok(()),
        };
        self.report(request, &error.to_string());
        Err(self.unreachable(&request.what, 1, Box::new(error)).into())
    }

    /// Reports a request to the observer, without the query, which may contain an upload's state or a signature.
    fn report(&self, request: &Request, outcome: &str) {
        let origin = request.url.origin().ascii_serialization();
        let url = format!("{origin}{}", request.url.path());
        self.observer
            .requested(request.method.as_str(), &url, outcome);
    }

    /// Returns the failure for an answer that may be different the next time.
    pub(super) async fn busy(&self, response: Response, what: &str) -> Failure {
        let asked = answer::retry_after(response.headers());
        let mut error = self.unexpected(response, what, "").await;
        if let (Error::Answer { message, .. }, Some(wait)) = (&mut error, asked)
            && !wait.is_zero()
        {
            let separator = if message.is_empty() { "" } else { "; " };
            *message = format!(
                "{message}{separator}the server asks the client to wait {} s",
                wait.as_secs()
            );
        }
        let retry = Some(asked);
        Failure { error, retry }
    }

    /// Returns the error for an unexpected answer; 404 means that `subject` does not exist, unless that is empty.
    pub(super) async fn unexpected(&self, response: Response, what: &str, subject: &str) -> Error {
        let status = response.status();
        let location = self.answerer(response.url());
        let retry_after = answer::retry_after(response.headers());
        if status.is_success() {
            return self.not_registry(&response, what, None);
        }
        let error = self.read_error(response).await;
        let is_subject = !subject.is_empty() && !error.message.contains(answer::UNKNOWN_BLOB);
        if status == StatusCode::NOT_FOUND && is_subject {
            let code = match error.code.as_str() {
                "" => String::new(),
                code => format!(" ({code})"),
            };
            return Error::NotFound {
                what: Subject::Other(format!("{subject}{code}")),
                location,
                kind: StoreKind::Other,
            };
        }
        Error::Answer {
            what: what.to_owned(),
            location,
            status: status.as_u16(),
            message: error.message,
            retry_after: retry_after.map(Box::new),
        }
    }

    /// Reads the error of an answer. The text names the proxy if the proxy may have answered, which is impossible over
    /// TLS.
    pub(super) async fn read_error(&self, response: Response) -> ErrorMessage {
        let status = response.status();
        let may_be = status.is_server_error() || status == StatusCode::FORBIDDEN;
        let is_plain = response.url().scheme() == "http";
        let proxy = (may_be && is_plain).then(|| self.network.proxy(response.url()));
        let mut error = answer::read_error(response).await;
        if let Some(proxy) = proxy.flatten() {
            let separator = if error.message.is_empty() { "" } else { "; " };
            error.message += &format!("{separator}the request went through the proxy {proxy}");
        }
        error
    }

    /// Returns an answer to an upload if it is a success. A success that does not confirm the upload, or that names
    /// other bytes than those of `sent`, is an error.
    pub(super) async fn accepted(
        &self,
        response: Response,
        what: &str,
        sent: Option<Digest>,
    ) -> Result<Response, Error> {
        let status = response.status();
        if status.is_success() && !answer::is_accepted(status, response.headers()) {
            return Err(self.unexpected(response, what, "").await);
        }
        let found = answer::content_digest(response.headers());
        match (sent, found) {
            (Some(sent), Some(found)) if status.is_success() && sent != found => {
                Err(self.not_stored(what, sent, Some(found)))
            }
            _ => Ok(response),
        }
    }

    /// Returns the error for a registry that has other bytes, or none, after it accepted `sent`.
    pub(super) fn not_stored(&self, what: &str, sent: Digest, found: Option<Digest>) -> Error {
        Error::NotStored {
            what: what.to_owned(),
            location: self.location.clone(),
            sent: sent.into(),
            found: found.map(Box::new),
        }
    }

    /// Returns the error for an answer that is not a registry's: encoded in transit, or a web page.
    pub(super) fn not_registry(
        &self,
        response: &Response,
        what: &str,
        encoding: Option<String>,
    ) -> Error {
        let (what, location) = (what.to_owned(), self.answerer(response.url()));
        match encoding {
            Some(encoding) => Error::Encoded {
                what,
                location,
                encoding,
            },
            None => Error::NotRegistry {
                what,
                location,
                status: response.status().as_u16(),
                content: answer::content_in_words(response.headers()),
            },
        }
    }

    pub(super) fn malformed(&self, what: impl Into<String>, reason: impl Into<String>) -> Error {
        Error::Malformed {
            what: what.into(),
            location: self.location.clone(),
            reason: reason.into(),
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

    /// Returns the error for a body that the host of `url` sends too slowly.
    pub(super) fn too_slow(&self, url: &Url, what: &str, slow: TooSlow) -> Error {
        self.unreachable_at(url, what, Box::new(slow))
    }

    fn unreachable_at(
        &self,
        url: &Url,
        what: &str,
        source: Box<dyn error::Error + Send + Sync>,
    ) -> Error {
        Error::Unreachable {
            what: format!("{what} ({})", self.answerer(url)),
            attempts: 1,
            source,
        }
    }

    /// Returns the failure for a broken connection to the host of `url`, or of a file that could not be read while it
    /// was sent.
    pub(super) fn broken(&self, url: &Url, what: &str, error: reqwest::Error) -> Failure {
        if let Some(failed) = find::<FileError>(&error) {
            return failed.to_error().into();
        }
        if find::<InsecureRedirect>(&error).is_some() || error.is_redirect() {
            // URLs may contain signatures and upload states.
            let error = error.without_url();
            return self
                .malformed("the redirect", excerpt(&chain(&error)))
                .into();
        }
        let retry = is_transient(&error).then_some(None);
        let cause = connection::explain(url, error, &self.network);
        let error = self.unreachable_at(url, what, cause);
        Failure { error, retry }
    }
}
