//! The admin listener: health checks and metrics on connections of their own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;

use super::settings::ServerSettings;
use super::shared::SharedState;
use crate::gateway::message::{Handler, Request, Response};

/// The maximum number of connections at once.
const MAX_CONNECTIONS: usize = 64;

/// How long admin responses may take after everything else has ended.
const GRACE: Duration = Duration::from_secs(1);

/// Answers 404 to every request that the server does not answer itself.
struct Admin(Arc<SharedState>);

/// Returns the shared state of admin connections: few, and over plain HTTP.
pub(super) fn shared(main: &Arc<SharedState>, is_loopback: bool) -> SharedState {
    let settings = ServerSettings {
        tls: None,
        max_connections: MAX_CONNECTIONS,
        grace: GRACE,
        ..main.settings.clone()
    };
    SharedState::new(Arc::new(Admin(Arc::clone(main))), settings, is_loopback)
}

#[async_trait]
impl Handler for Admin {
    async fn handle(&self, _ask: Request) -> Response {
        let message = "this address serves /healthz, /readyz and /metrics\n";
        Response::new(StatusCode::NOT_FOUND, message)
    }

    async fn ready(&self) -> Result<(), String> {
        self.0.ready().await
    }
}
