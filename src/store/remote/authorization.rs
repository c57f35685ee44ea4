//! Who we are to the registry: learnt from its challenge, kept, and fetched by one request at a time.

mod scope;
mod token;

use std::collections::HashSet;
use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use tokio::sync::Mutex;

pub(super) use self::scope::Scope;
use self::token::{Exchange, Reason, TokenServer};
use super::answer;
use super::challenge::{Challenge, challenges};
use super::transport::{Failure, Request, Transport};
use super::{Access, Credentials};
use crate::store::Error;

/// How many other repositories one token is asked for: each makes it, and every request, longer.
const MAX_FURTHER: usize = 32;

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
    /// A header's value that a client gave.
    Forwarded(Arc<str>),
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
    /// Where the last token came from.
    server: Option<TokenServer>,
    /// Other repositories that tokens are asked to let us read.
    further: Vec<String>,
    /// Those that the token server gives no token for.
    declined: HashSet<String>,
    /// What the token server said when it refused; asking again could lock an account.
    refused: Option<String>,
}

impl State {
    fn show(&mut self, shown: Shown) {
        self.grant = Grant {
            generation: self.grant.generation + 1,
            shown: Some(shown),
        };
    }
}

pub(super) struct Authorization {
    credentials: Credentials,
    scopes: Vec<Scope>,
    state: Mutex<State>,
}

impl Authorization {
    /// Tokens are asked for these scopes; for none they only say who we are.
    pub(super) fn new(credentials: Credentials, scopes: impl IntoIterator<Item = Scope>) -> Self {
        let shown = match &credentials {
            Credentials::Bearer(token) => Some(Shown::Bearer(token.as_str().into())),
            Credentials::Forwarded(Some(value)) => Some(Shown::Forwarded(value.as_str().into())),
            _ => None,
        };
        let grant = Grant {
            generation: 0,
            shown,
        };
        Self {
            credentials,
            scopes: scopes.into_iter().collect(),
            state: Mutex::new(State {
                grant,
                ..State::default()
            }),
        }
    }

    /// Sees to it that the token lets us read another repository, asking at most once for each. Where it
    /// does not, requests that need it are refused.
    pub(super) async fn reach(&self, transport: &Transport, path: &str) -> Result<(), Failure> {
        let mut state = self.state.lock().await;
        if state.refused.is_some()
            || reads(&self.scopes, &state.further, path)
            || state.declined.contains(path)
            || state.further.len() >= MAX_FURTHER
        {
            return Ok(());
        }
        let Some(server) = state.server.clone() else {
            // The first token will have it.
            state.further.push(path.to_owned());
            return Ok(());
        };
        let further = state.further.iter().map(String::as_str).chain([path]);
        let exchange = self.exchange(transport, &server, further);
        match exchange.run().await {
            Ok(token) => {
                state.further.push(path.to_owned());
                state.show(Shown::Bearer(token));
                Ok(())
            }
            Err(Reason::Refused { .. }) => {
                state.declined.insert(path.to_owned());
                Ok(())
            }
            Err(Reason::Failed(failure)) => Err(failure),
        }
    }

    /// Returns whether the registry asked who we are, and was told.
    pub(super) async fn is_met(&self) -> bool {
        !self.state.lock().await.grant.is_open()
    }

    /// Returns how a refusal is to be read.
    pub(super) fn standing(&self) -> &'static str {
        match self.credentials {
            Credentials::Anonymous | Credentials::Forwarded(None) => " (no credentials were given)",
            _ => " (credentials were given)",
        }
    }

    /// Adds what `grant` shows to a request.
    pub(super) fn apply(&self, grant: &Grant, builder: RequestBuilder) -> RequestBuilder {
        match (&grant.shown, &self.credentials) {
            (Some(Shown::Bearer(token)), _) => builder.bearer_auth(token),
            (Some(Shown::Forwarded(value)), _) => builder.header(AUTHORIZATION, sensitive(value)),
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
        let secret = matches!(
            self.credentials,
            Credentials::Basic { .. } | Credentials::Identity(_)
        );
        if !state.asked && secret {
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
        let fixed = matches!(
            self.credentials,
            Credentials::Bearer(_) | Credentials::Forwarded(_)
        );
        if known || fixed {
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
            Challenge::Bearer { realm, service } => Some(TokenServer {
                realm: realm.clone(),
                service: service.clone(),
            }),
            Challenge::Basic => None,
        });
        if let Some(server) = bearer {
            state.server = Some(server.clone());
            let token = self.token(transport, state, &server).await?;
            state.show(Shown::Bearer(token));
        } else if offered.contains(&Challenge::Basic)
            && matches!(self.credentials, Credentials::Basic { .. })
        {
            state.show(Shown::Basic);
        }
        Ok(())
    }

    /// Fetches a token; without the other repositories where they may be why there is none.
    async fn token(
        &self,
        transport: &Transport,
        state: &mut State,
        server: &TokenServer,
    ) -> Result<Arc<str>, Failure> {
        loop {
            let further = state.further.iter().map(String::as_str);
            match self.exchange(transport, server, further).run().await {
                Ok(token) => return Ok(token),
                // 401 is about who we are.
                Err(Reason::Refused { status, .. })
                    if status.is_some_and(|status| status != StatusCode::UNAUTHORIZED)
                        && !state.further.is_empty() =>
                {
                    state.declined.extend(state.further.drain(..));
                }
                Err(Reason::Refused { words, .. }) => {
                    let error = self.refused(transport, &words);
                    state.refused = Some(words);
                    return Err(error.into());
                }
                Err(Reason::Failed(failure)) => return Err(failure),
            }
        }
    }

    fn exchange<'a>(
        &'a self,
        transport: &'a Transport,
        server: &'a TokenServer,
        further: impl Iterator<Item = &'a str>,
    ) -> Exchange<'a> {
        let further = further.map(|path| Scope::repository(path, Access::Pull));
        Exchange {
            transport,
            credentials: &self.credentials,
            server,
            scopes: self.scopes.iter().cloned().chain(further).collect(),
        }
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

/// Makes a header that is not shown. What cannot be one is sent empty, which no registry takes.
fn sensitive(value: &str) -> HeaderValue {
    let value = HeaderValue::from_str(value);
    let mut value = value.unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Returns whether tokens are asked to let us read a repository.
fn reads(scopes: &[Scope], further: &[String], path: &str) -> bool {
    let own = |scope: &Scope| matches!(scope, Scope::Repository { path: own, .. } if own == path);
    scopes.iter().any(own) || further.iter().any(|further| further == path)
}
