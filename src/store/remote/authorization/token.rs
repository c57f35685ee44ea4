//! One exchange with a token server.
//!
//! Spec: <https://distribution.github.io/distribution/spec/auth/token/>, and for identity tokens
//! <https://distribution.github.io/distribution/spec/auth/oauth/>.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use oci_client::token_cache::RegistryToken;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, RequestBuilder, Response, StatusCode, Url};

use super::Scope;
use crate::store::remote::Credentials;
use crate::store::remote::answer::{self, BodyError};
use crate::store::remote::challenge::check_realm;
use crate::store::remote::transport::{Failure, Transport};

/// What is done, for error texts.
const TOKEN: &str = "fetching a token";

/// How much of a token server's answer is read: a few tokens' length.
const MAX_TOKEN_BYTES: u64 = 256 * 1024;

/// What token servers know us as.
const CLIENT: &str = "wharf";

/// Who gives tokens for a registry, as its challenge says.
#[derive(Clone)]
pub(super) struct TokenServer {
    /// Its address, not checked yet.
    pub(super) realm: String,
    /// What it calls the registry.
    pub(super) service: Option<String>,
}

/// Why there is no token.
pub(super) enum Reason {
    /// The token server does not give one, or is none to ask, which has no status.
    Refused {
        status: Option<StatusCode>,
        words: String,
    },
    /// Anything else.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Reason {
    fn from(failure: E) -> Self {
        Self::Failed(failure.into())
    }
}

/// What is exchanged for what, and where. oci-client's exchange reads answers of any length, tells a busy
/// token server from a refusal by nothing, knows no identity tokens, and reads the challenge once more by itself.
pub(super) struct Exchange<'a> {
    pub(super) transport: &'a Transport,
    pub(super) credentials: &'a Credentials,
    pub(super) server: &'a TokenServer,
    pub(super) scopes: Vec<Scope>,
}

impl Exchange<'_> {
    pub(super) async fn run(&self) -> Result<Arc<str>, Reason> {
        let transport = self.transport;
        let realm = check_realm(&self.server.realm, &transport.origin, transport.public_only);
        let realm = realm.map_err(|words| {
            let status = None;
            Reason::Refused { status, words }
        })?;
        let mut response = match self.credentials {
            Credentials::Identity(token) => self.refresh(realm, token).await?,
            _ => self.ask(realm).await?,
        };
        let status = response.status();
        if answer::is_retryable(status) {
            return Err(self.transport.passing(response, TOKEN).await.into());
        }
        if !status.is_success() {
            let words = answer::words(response).await.message;
            let words = if words.is_empty() {
                status.to_string()
            } else {
                words
            };
            let status = Some(status);
            return Err(Reason::Refused { status, words });
        }
        // The answer is not quoted: it may be a token.
        let malformed = |reason| self.transport.malformed("the token", reason);
        let body = match answer::read_bounded(&mut response, MAX_TOKEN_BYTES).await {
            Ok(body) => body,
            Err(BodyError::TooLong) => return Err(malformed("it is too long").into()),
            Err(BodyError::Broken(error)) => {
                return Err(self.transport.broken(TOKEN, error).into());
            }
        };
        match serde_json::from_slice::<RegistryToken>(&body) {
            Ok(token) if !token.token().is_empty() => Ok(token.token().into()),
            _ => Err(malformed("the token server's answer is not understood").into()),
        }
    }

    /// Asks as who has a password, or as nobody in particular.
    async fn ask(&self, mut url: Url) -> Result<Response, Failure> {
        let scopes = self.scopes.iter().map(ToString::to_string);
        url.query_pairs_mut()
            .extend_pairs(scopes.map(|scope| ("scope", scope)))
            .extend_pairs(self.service());
        let mut request = self.transport.client.get(url.clone());
        if let Credentials::Basic { username, password } = self.credentials {
            request = request.basic_auth(username, Some(password));
        }
        self.send("GET", &url, request).await
    }

    /// Shows the token that an earlier login left.
    async fn refresh(&self, url: Url, token: &str) -> Result<Response, Failure> {
        let scopes: Vec<String> = self.scopes.iter().map(ToString::to_string).collect();
        let scopes = (!scopes.is_empty()).then(|| ("scope", scopes.join(" ")));
        let mut form = url.clone();
        form.query_pairs_mut()
            .clear()
            .append_pair("grant_type", "refresh_token")
            .append_pair("client_id", CLIENT)
            .extend_pairs(self.service())
            .extend_pairs(scopes)
            .append_pair("refresh_token", token);
        let form = form.query().unwrap_or_default().to_owned();
        let length = form.len();
        // A stream cannot be sent twice, so no redirect takes the token to another host.
        let form = stream::iter([Ok::<_, Infallible>(Bytes::from(form))]);
        let request = self
            .transport
            .client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(CONTENT_LENGTH, length)
            .body(Body::wrap_stream(form));
        self.send("POST", &url, request).await
    }

    fn service(&self) -> Option<(&str, &str)> {
        let service = self.server.service.as_deref()?;
        Some(("service", service))
    }

    async fn send(
        &self,
        method: &str,
        url: &Url,
        request: RequestBuilder,
    ) -> Result<Response, Failure> {
        let outcome = request.send().await;
        let word = match &outcome {
            Ok(response) => response.status().as_str().to_owned(),
            Err(_) => "failed".to_owned(),
        };
        self.transport.report(method, url, &word);
        outcome.map_err(|error| self.transport.broken(TOKEN, error))
    }
}
