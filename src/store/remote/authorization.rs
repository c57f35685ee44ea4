//! The middle layer of the transport: it adds credentials, as the registry's challenge requires. One request fetches a
//! token, and many use it.

use std::collections::HashSet;
use std::sync::Arc;

use reqwest::header::HeaderMap;
use reqwest::{Method, Response, StatusCode};
use tokio::sync::Mutex;

use super::answer;
use super::challenge::{Challenge, challenges};
use super::failure::Failure;
use super::options::Access;
use super::scope::Scope;
use super::token::{TokenError, TokenExchange, TokenServer, basic};
use super::wire::{AuthorizationHeader, Request, Wire};
use crate::store::Error;
use crate::store::credentials::Credentials;

/// The name of the refused object in a token server's refusal.
const TOKEN: &str = "a token";

/// The maximum number of further repositories in one token. Each makes the token, and so every request, longer.
const MAX_FURTHER: usize = 32;

/// The authorization that requests are sent with.
#[derive(Clone, Default)]
struct Grant {
    /// Counts the authorization headers so far. If several requests are refused at once, only the first fetches a new
    /// token.
    generation: u64,
    header: Option<AuthorizationHeader>,
}

#[derive(Default)]
struct State {
    /// Whether the registry was asked for its challenge.
    asked: bool,
    grant: Grant,
    /// The source of the last token.
    server: Option<TokenServer>,
    /// Further repositories that tokens should let the client read.
    further: Vec<String>,
    /// Repositories that the token server gives no token for.
    declined: HashSet<String>,
    /// The token server's message when it refused. Asking again could lock an account.
    refused: Option<String>,
}

impl State {
    fn set(&mut self, header: AuthorizationHeader) {
        self.grant = Grant {
            generation: self.grant.generation + 1,
            header: Some(header),
        };
    }
}

pub(super) struct AuthorizedWire {
    pub(super) wire: Wire,
    credentials: Credentials,
    scopes: Vec<Scope>,
    state: Mutex<State>,
}

impl AuthorizedWire {
    /// Creates the layer for these scopes. Without a scope, tokens only prove the client's identity.
    pub(super) fn new(
        wire: Wire,
        credentials: Credentials,
        scopes: impl IntoIterator<Item = Scope>,
    ) -> Self {
        let header = match &credentials {
            Credentials::Bearer(token) => Some(AuthorizationHeader::Bearer(token.as_str().into())),
            Credentials::Forwarded(Some(value)) => {
                Some(AuthorizationHeader::Forwarded(value.as_str().into()))
            }
            _ => None,
        };
        let generation = 0;
        Self {
            wire,
            credentials,
            scopes: scopes.into_iter().collect(),
            state: Mutex::new(State {
                grant: Grant { generation, header },
                ..State::default()
            }),
        }
    }

    /// Sends a request once. A refusal is a failure, and so is an answer that may be different the next time.
    pub(super) async fn send(&self, request: &Request) -> Result<Response, Failure> {
        let response = self.answer(request).await?;
        let status = response.status();
        // Other hosts receive no credentials, so their refusals are not about ours.
        let is_ours = self.wire.owns(response.url());
        if is_ours && matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let words = match self.wire.read_error(response).await.message {
                words if words.is_empty() => status.as_str().to_owned(),
                words => words,
            };
            let may_be_credentials = status == StatusCode::UNAUTHORIZED;
            let error = self.refused(&request.what, &words, may_be_credentials);
            return Err(error.into());
        }
        if answer::is_retryable(status) {
            return Err(self.wire.busy(response, &request.what).await);
        }
        Ok(response)
    }

    /// Sends a request once, and again with a new token if the registry asks for one. Any answer is a success.
    pub(super) async fn answer(&self, request: &Request) -> Result<Response, Failure> {
        if !self.wire.owns(&request.url) {
            return self.wire.attempt(request, None).await;
        }
        let grant = self.grant().await?;
        let response = self.wire.attempt(request, grant.header.as_ref()).await?;
        let is_challenge =
            response.status() == StatusCode::UNAUTHORIZED && self.wire.owns(response.url());
        if !is_challenge || !(request.renew || grant.header.is_none()) {
            return Ok(response);
        }
        match self.renew(&grant, response.headers()).await? {
            Some(grant) => {
                // Reading a body to its end lets the connection be used again.
                answer::read_error(response).await;
                self.wire.attempt(request, grant.header.as_ref()).await
            }
            None => Ok(response),
        }
    }

    /// Requests tokens that also let the client read another repository, at most once for each. If the token server
    /// declines, requests that need the repository are refused.
    pub(super) async fn add_repository(&self, path: &str) -> Result<(), Failure> {
        let mut state = self.state.lock().await;
        if state.refused.is_some()
            || self.has_scope(path)
            || state.further.iter().any(|further| further == path)
            || state.declined.contains(path)
            || state.further.len() >= MAX_FURTHER
        {
            return Ok(());
        }
        let Some(server) = state.server.clone() else {
            // The first token will include it.
            state.further.push(path.to_owned());
            return Ok(());
        };
        let further = state.further.iter().map(String::as_str).chain([path]);
        match self.exchange(&server, further).run().await {
            Ok(token) => {
                state.further.push(path.to_owned());
                state.set(AuthorizationHeader::Bearer(token));
                Ok(())
            }
            Err(TokenError::Refused { .. }) => {
                state.declined.insert(path.to_owned());
                Ok(())
            }
            Err(TokenError::Failed(failure)) => Err(failure),
        }
    }

    fn has_scope(&self, path: &str) -> bool {
        let names =
            |scope: &Scope| matches!(scope, Scope::Repository { path: own, .. } if own == path);
        self.scopes.iter().any(names)
    }

    /// Returns whether the registry asked for credentials and received them.
    pub(super) async fn was_challenged(&self) -> bool {
        self.state.lock().await.grant.header.is_some()
    }

    /// Returns the authorization for the next request. With a password or an identity token, the client first asks for
    /// the registry's challenge. Otherwise a public registry would never send one, and would answer as to an anonymous
    /// client.
    async fn grant(&self) -> Result<Grant, Failure> {
        let mut state = self.state.lock().await;
        if let (Some(reason), None) = (&state.refused, &state.grant.header) {
            return Err(self.refused(TOKEN, reason, true).into());
        }
        let has_secret = matches!(
            self.credentials,
            Credentials::Basic { .. } | Credentials::Identity(_)
        );
        if !state.asked && has_secret {
            let url = self.wire.url("/v2/");
            let request = Request::new(Method::GET, url, "checking the login method");
            let response = self.wire.attempt(&request, None).await?;
            let status = response.status();
            if answer::is_retryable(status) {
                return Err(self.wire.busy(response, &request.what).await);
            }
            if status.is_success() || status == StatusCode::UNAUTHORIZED {
                self.accept_challenge(&mut state, response.headers())
                    .await?;
            }
            state.asked = true;
        }
        Ok(state.grant.clone())
    }

    /// Returns another authorization, after `used` was answered with 401 and these headers. Returns nothing if there is
    /// none.
    async fn renew(&self, used: &Grant, headers: &HeaderMap) -> Result<Option<Grant>, Failure> {
        let mut state = self.state.lock().await;
        let is_password = matches!(used.header, Some(AuthorizationHeader::Basic { .. }));
        let is_fixed = matches!(
            self.credentials,
            Credentials::Bearer(_) | Credentials::Forwarded(_)
        );
        if is_password || is_fixed {
            return Ok(None);
        }
        if state.grant.generation == used.generation {
            if let Some(reason) = &state.refused {
                return Err(self.refused(TOKEN, reason, true).into());
            }
            self.accept_challenge(&mut state, headers).await?;
        }
        let is_new = state.grant.generation != used.generation;
        Ok(is_new.then(|| state.grant.clone()))
    }

    /// Answers the registry's challenges. The state does not change if the client supports none of them.
    async fn accept_challenge(
        &self,
        state: &mut State,
        headers: &HeaderMap,
    ) -> Result<(), Failure> {
        let challenges = challenges(headers);
        let server = challenges.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm, service } => Some(TokenServer {
                realm: realm.clone(),
                service: service.clone(),
            }),
            Challenge::Basic => None,
        });
        if let Some(server) = server {
            state.server = Some(server.clone());
            let token = self.token(state, &server).await?;
            state.set(AuthorizationHeader::Bearer(token));
        } else if challenges.contains(&Challenge::Basic)
            && let Some(header) = basic(&self.credentials)
        {
            state.set(header);
        }
        Ok(())
    }

    /// Fetches a token. If the refusal may be about the further repositories, fetches one without them.
    async fn token(&self, state: &mut State, server: &TokenServer) -> Result<Arc<str>, Failure> {
        loop {
            let further = state.further.iter().map(String::as_str);
            match self.exchange(server, further).run().await {
                Ok(token) => return Ok(token),
                // A 401 is about the credentials, not about the scopes.
                Err(TokenError::Refused { status, .. })
                    if status.is_some_and(|status| status != StatusCode::UNAUTHORIZED)
                        && !state.further.is_empty() =>
                {
                    state.declined.extend(state.further.drain(..));
                }
                Err(TokenError::Refused { words, .. }) => {
                    let error = self.refused(TOKEN, &words, true);
                    state.refused = Some(words);
                    return Err(error.into());
                }
                Err(TokenError::Failed(failure)) => return Err(failure),
            }
        }
    }

    fn exchange<'a>(
        &'a self,
        server: &'a TokenServer,
        further: impl Iterator<Item = &'a str>,
    ) -> TokenExchange<'a> {
        let further = further.map(|path| Scope::repository(path, Access::Pull));
        TokenExchange {
            wire: &self.wire,
            credentials: &self.credentials,
            server,
            scopes: self.scopes.iter().cloned().chain(further).collect(),
        }
    }

    /// Returns the error for a refusal. If it may be about the credentials, the text says whether any were sent.
    fn refused(&self, what: &str, words: &str, may_be_credentials: bool) -> Error {
        let note = match &self.credentials {
            _ if !may_be_credentials => "",
            Credentials::Anonymous | Credentials::Forwarded(None) => " (no credentials were given)",
            _ => " (credentials were given)",
        };
        Error::Refused {
            what: what.to_owned(),
            location: self.wire.location.clone(),
            reason: format!("{words}{note}"),
        }
    }
}
