//! One exchange with a token server.
//!
//! Spec: <https://distribution.github.io/distribution/spec/auth/token/>, and for identity tokens
//! <https://distribution.github.io/distribution/spec/auth/oauth/>.

use std::sync::Arc;

use oci_client::token_cache::RegistryToken;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode, Url};

use super::answer::{self, BodyError};
use super::body::Body;
use super::challenge::check_realm;
use super::failure::Failure;
use super::scope::Scope;
use super::wire::{AuthorizationHeader, Request, Wire};
use crate::store::credentials::{Credentials, check_token};

/// The description of the request in error texts.
const TOKEN: &str = "fetching a token";

/// The longest answer of a token server that is read, in bytes: room for a few tokens.
const MAX_TOKEN_BYTES: u64 = 256 * 1024;

/// The client's name for token servers.
const CLIENT: &str = "wharf";

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// A token server, as a registry's challenge names it.
#[derive(Clone)]
pub(super) struct TokenServer {
    /// The address, not checked yet.
    pub(super) realm: String,
    /// The token server's name for the registry.
    pub(super) service: Option<String>,
}

/// The reason why there is no token.
pub(super) enum TokenError {
    /// The token server refuses, or its address must not be used. In the second case there is no status.
    Refused {
        status: Option<StatusCode>,
        words: String,
    },
    /// Any other failure.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for TokenError {
    fn from(failure: E) -> Self {
        Self::Failed(failure.into())
    }
}

/// One exchange of credentials for a token. oci-client's exchange reads answers of any length, cannot tell a busy token
/// server from a refusal, and does not support identity tokens.
pub(super) struct TokenExchange<'a> {
    pub(super) wire: &'a Wire,
    pub(super) credentials: &'a Credentials,
    pub(super) server: &'a TokenServer,
    pub(super) scopes: Vec<Scope>,
}

impl TokenExchange<'_> {
    pub(super) async fn run(&self) -> Result<Arc<str>, TokenError> {
        let wire = self.wire;
        let realm = check_realm(&self.server.realm, &wire.origin, wire.public_only);
        let realm = realm.map_err(|words| {
            let status = None;
            TokenError::Refused { status, words }
        })?;
        let (request, authorization) = match self.credentials {
            Credentials::Identity(token) => (self.refresh(realm, token), None),
            credentials => (self.get(realm), basic(credentials)),
        };
        let mut response = wire.attempt(&request, authorization.as_ref()).await?;
        let status = response.status();
        if answer::is_retryable(status) {
            return Err(wire.busy(response, TOKEN).await.into());
        }
        if !status.is_success() {
            let url = response.url().clone();
            let mut words = match answer::read_error(response).await.message {
                words if words.is_empty() => status.to_string(),
                words => words,
            };
            if !wire.owns(&url) {
                words = format!("{}: {words}", wire.answerer(&url));
            }
            let status = Some(status);
            return Err(TokenError::Refused { status, words });
        }
        // Do not quote the answer, because it may contain a token.
        let location = wire.answerer(response.url());
        let named = wire.with_location(location.clone());
        let malformed = |reason: &str| named.malformed("the token response", reason);
        let body = match answer::read_bounded(&mut response, MAX_TOKEN_BYTES).await {
            Ok(body) => body,
            Err(BodyError::TooLong) => return Err(malformed("it is too long").into()),
            Err(BodyError::TooSlow(slow)) => {
                return Err(wire.too_slow(response.url(), TOKEN, slow).into());
            }
            Err(BodyError::Broken(error)) => {
                return Err(wire.broken(response.url(), TOKEN, error).into());
            }
        };
        let head = (response.status(), response.headers());
        answer::check_document(TOKEN, &location, head, &body)?;
        match serde_json::from_slice::<RegistryToken>(&body) {
            Ok(token) if !token.token().is_empty() => match check_token(token.token()) {
                Ok(()) => Ok(token.token().into()),
                Err(reason) => Err(malformed(&format!("its token {reason}")).into()),
            },
            _ => Err(malformed("it has no token").into()),
        }
    }

    /// Returns the request of a client with a password, or of an anonymous one.
    fn get(&self, mut url: Url) -> Request {
        let scopes = self.scopes.iter().map(ToString::to_string);
        url.query_pairs_mut()
            .extend_pairs(scopes.map(|scope| ("scope", scope)))
            .extend_pairs(self.service());
        Request::new(Method::GET, url, TOKEN)
    }

    /// Returns the request of a client with an identity token.
    fn refresh(&self, url: Url, token: &str) -> Request {
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
        let mut request = Request::new(Method::POST, url, TOKEN);
        request.headers.insert(CONTENT_TYPE, FORM);
        request.body = Body::Unrepeatable(form.into());
        request
    }

    fn service(&self) -> Option<(&str, &str)> {
        let service = self.server.service.as_deref()?;
        Some(("service", service))
    }
}

/// Returns the header for a user name and a password.
pub(super) fn basic(credentials: &Credentials) -> Option<AuthorizationHeader> {
    match credentials {
        Credentials::Basic { username, password } => Some(AuthorizationHeader::Basic {
            username: username.clone(),
            password: password.clone(),
        }),
        _ => None,
    }
}
