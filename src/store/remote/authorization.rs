//! Who we are to the registry: learnt from its challenge, kept, and fetched by one request at a time.

use std::sync::Arc;

use oci_client::token_cache::RegistryToken;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use tokio::sync::Mutex;

use super::answer::{self, BodyError};
use super::challenge::{Challenge, challenges, check_realm};
use super::transport::{Failure, Request, Transport};
use super::{Access, Credentials};
use crate::reference::Repository;
use crate::store::Error;

/// What is done, for error texts.
const TOKEN: &str = "fetching a token";

/// How much of a token server's answer is read: a few tokens' length.
const MAX_TOKEN_BYTES: u64 = 256 * 1024;

/// What one request shows the registry.
#[derive(Clone, Default)]
pub(super) struct Grant {
    /// Counts what was learnt, so that of many refused requests only the first asks for a token.
    generation: u64,
    shown: Option<Shown>,
}

#[derive(Clone)]
enum Shown {
    /// User name and password.
    Basic,
    /// A token.
    Bearer(Arc<str>),
}

impl Grant {
    /// Returns whether the request goes out without credentials.
    pub(super) fn is_open(&self) -> bool {
        self.shown.is_none()
    }
}

#[derive(Default)]
struct State {
    /// Whether the registry was asked how it wants credentials.
    asked: bool,
    grant: Grant,
    /// What the token server said when it refused; asking again could lock an account.
    refused: Option<String>,
}

pub(super) struct Authorization {
    credentials: Credentials,
    access: Access,
    repository: Repository,
    state: Mutex<State>,
}

impl Authorization {
    pub(super) fn new(credentials: Credentials, access: Access, repository: &Repository) -> Self {
        let shown = match &credentials {
            Credentials::Bearer(token) => Some(Shown::Bearer(token.as_str().into())),
            _ => None,
        };
        let grant = Grant {
            generation: 0,
            shown,
        };
        Self {
            credentials,
            access,
            repository: repository.clone(),
            state: Mutex::new(State {
                grant,
                ..State::default()
            }),
        }
    }

    /// Returns how a refusal is to be read.
    pub(super) fn standing(&self) -> &'static str {
        match self.credentials {
            Credentials::Anonymous => " (no credentials were given)",
            _ => " (credentials were given)",
        }
    }

    /// Adds what `grant` shows to a request.
    pub(super) fn apply(&self, grant: &Grant, builder: RequestBuilder) -> RequestBuilder {
        match (&grant.shown, &self.credentials) {
            (Some(Shown::Bearer(token)), _) => builder.bearer_auth(token),
            (Some(Shown::Basic), Credentials::Basic { username, password }) => {
                builder.basic_auth(username, Some(password))
            }
            _ => builder,
        }
    }

    /// Returns what to show now. A password makes us ask first how it is wanted: a registry that lets
    /// anybody read would else never challenge, and answer as to anybody.
    pub(super) async fn current(&self, transport: &Transport) -> Result<Grant, Failure> {
        let mut state = self.state.lock().await;
        if let (Some(reason), true) = (&state.refused, state.grant.is_open()) {
            return Err(self.refused(transport, reason).into());
        }
        if !state.asked && matches!(self.credentials, Credentials::Basic { .. }) {
            let mut url = transport.origin.clone();
            url.set_path("/v2/");
            let request = Request::new(Method::GET, url, "asking how to log in");
            let response = transport.attempt(&request, &Grant::default()).await?;
            let status = response.status();
            if answer::is_retryable(status) {
                return Err(transport.passing(response, &request.what).await);
            }
            if status.is_success() || status == StatusCode::UNAUTHORIZED {
                self.learn(transport, &mut state, response.headers())
                    .await?;
            }
            state.asked = true;
        }
        Ok(state.grant.clone())
    }

    /// Returns what to show after `used` was answered with 401 and these headers, if there is anything.
    pub(super) async fn renew(
        &self,
        transport: &Transport,
        used: &Grant,
        headers: &HeaderMap,
    ) -> Result<Option<Grant>, Failure> {
        let mut state = self.state.lock().await;
        let known = matches!(used.shown, Some(Shown::Basic));
        if known || matches!(self.credentials, Credentials::Bearer(_)) {
            return Ok(None);
        }
        if state.grant.generation == used.generation {
            if let Some(reason) = &state.refused {
                return Err(self.refused(transport, reason).into());
            }
            self.learn(transport, &mut state, headers).await?;
        }
        let news = state.grant.generation != used.generation;
        Ok(news.then(|| state.grant.clone()))
    }

    /// Meets a challenge; the state stays as it is where there is none that we can meet.
    async fn learn(
        &self,
        transport: &Transport,
        state: &mut State,
        headers: &HeaderMap,
    ) -> Result<(), Failure> {
        let offered = challenges(headers);
        let bearer = offered.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm, service } => Some((realm, service.as_deref())),
            Challenge::Basic => None,
        });
        let shown = if let Some((realm, service)) = bearer {
            let token = self.exchange(transport, state, realm, service).await?;
            Some(Shown::Bearer(token))
        } else if offered.contains(&Challenge::Basic)
            && matches!(self.credentials, Credentials::Basic { .. })
        {
            Some(Shown::Basic)
        } else {
            None
        };
        if shown.is_some() {
            let generation = state.grant.generation + 1;
            state.grant = Grant { generation, shown };
        }
        Ok(())
    }

    /// Exchanges the credentials for a token. oci-client's exchange reads answers of any length, tells a
    /// busy token server from a refusal by nothing, and reads the challenge once more by itself.
    async fn exchange(
        &self,
        transport: &Transport,
        state: &mut State,
        realm: &str,
        service: Option<&str>,
    ) -> Result<Arc<str>, Failure> {
        let mut url = check_realm(realm, &transport.origin)
            .map_err(|reason| self.refused(transport, &reason))?;
        let actions = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        let path = &self.repository.path;
        url.query_pairs_mut()
            .append_pair("scope", &format!("repository:{path}:{actions}"))
            .extend_pairs(service.map(|service| ("service", service)));
        let mut response = self.ask(transport, &url).await?;
        let status = response.status();
        if answer::is_retryable(status) {
            return Err(transport.passing(response, TOKEN).await);
        }
        if !status.is_success() {
            let reason = answer::words(response).await.message;
            let reason = if reason.is_empty() {
                status.to_string()
            } else {
                reason
            };
            state.refused = Some(reason.clone());
            return Err(self.refused(transport, &reason).into());
        }
        // The answer is not quoted: it may be a token.
        let malformed = |reason| Failure::from(transport.malformed("the token", reason));
        let body = match answer::read_bounded(&mut response, MAX_TOKEN_BYTES).await {
            Ok(body) => body,
            Err(BodyError::TooLong) => return Err(malformed("it is too long")),
            Err(BodyError::Broken(error)) => return Err(transport.broken(TOKEN, error)),
        };
        match serde_json::from_slice::<RegistryToken>(&body) {
            Ok(token) if !token.token().is_empty() => Ok(token.token().into()),
            _ => Err(malformed("the token server's answer is not understood")),
        }
    }

    async fn ask(&self, transport: &Transport, url: &Url) -> Result<Response, Failure> {
        let mut request = transport.client.get(url.clone());
        if let Credentials::Basic { username, password } = &self.credentials {
            request = request.basic_auth(username, Some(password));
        }
        let outcome = request.send().await;
        let word = match &outcome {
            Ok(response) => response.status().as_str().to_owned(),
            Err(_) => "failed".to_owned(),
        };
        transport.report("GET", url, &word);
        outcome.map_err(|error| transport.broken(TOKEN, error))
    }

    fn refused(&self, transport: &Transport, reason: &str) -> Error {
        let reason = if reason.is_empty() {
            "no reason given"
        } else {
            reason
        };
        Error::Refused {
            what: "a token".to_owned(),
            location: transport.location.clone(),
            reason: format!("{reason}{}", self.standing()),
        }
    }
}
