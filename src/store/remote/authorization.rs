//! Who we are to the registry: learnt from its challenge, kept, and fetched by one request at a time.

use std::sync::Arc;

use oci_client::client::Client;
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;
use oci_client::{Reference, RegistryOperation};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, StatusCode};
use tokio::sync::Mutex;

use super::answer::{self, printable};
use super::challenge::{Challenge, challenges, check_realm};
use super::client;
use super::transport::{Failure, Request, Transport};
use super::{Access, Credentials, Options};
use crate::reference::Repository;
use crate::store::Error;

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
    options: Options,
    state: Mutex<State>,
}

impl Authorization {
    pub(super) fn new(
        credentials: Credentials,
        access: Access,
        repository: &Repository,
        options: &Options,
    ) -> Self {
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
            options: options.clone(),
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
        let realm = offered.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm } => Some(realm),
            Challenge::Basic => None,
        });
        let shown = if let Some(realm) = realm {
            Some(Shown::Bearer(self.exchange(transport, state, realm).await?))
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

    /// Exchanges the credentials for a token: oci-client's part.
    async fn exchange(
        &self,
        transport: &Transport,
        state: &mut State,
        realm: &str,
    ) -> Result<Arc<str>, Failure> {
        let url = check_realm(realm, &transport.origin)
            .map_err(|reason| self.refused(transport, &reason))?;
        let config = client::token_client(&transport.origin, &self.options);
        let exchanged = match Client::try_from(config) {
            Ok(client) => {
                client
                    .auth(&self.reference(), &self.auth(), self.operation())
                    .await
            }
            Err(error) => Err(error),
        };
        let what = "fetching a token";
        let (outcome, result) = match exchanged {
            Ok(Some(token)) => ("token", Ok(token.into())),
            Ok(None) => {
                let reason = "the registry's challenge has changed or cannot be met";
                ("no token", Err(self.refused(transport, reason).into()))
            }
            Err(OciDistributionError::AuthenticationFailure(body)) => {
                let reason = printable(&answer::read_words(body.as_bytes()).message);
                state.refused = Some(reason.clone());
                ("refused", Err(self.refused(transport, &reason).into()))
            }
            Err(OciDistributionError::RequestError(error)) => {
                ("failed", Err(transport.broken(what, error)))
            }
            // Its text may quote the answer, and so the token.
            Err(_) => {
                let reason = "the token server's answer is not understood";
                (
                    "no token",
                    Err(transport.malformed("the token", reason).into()),
                )
            }
        };
        transport.report("GET", &url, outcome);
        result
    }

    fn reference(&self) -> Reference {
        let Repository { registry, path } = self.repository.clone();
        Reference::with_tag(registry, path, "latest".to_owned())
    }

    fn auth(&self) -> RegistryAuth {
        match &self.credentials {
            Credentials::Basic { username, password } => {
                RegistryAuth::Basic(username.clone(), password.clone())
            }
            _ => RegistryAuth::Anonymous,
        }
    }

    fn operation(&self) -> RegistryOperation {
        match self.access {
            Access::Pull => RegistryOperation::Pull,
            Access::Push => RegistryOperation::Push,
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
