//! What those ask who look after a gateway, where clients cannot be in their way.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;

use super::{Settings, Shared};
use crate::gateway::message::{Answer, Ask, Reply};

/// How many connections there are at once.
const MAX_CONNECTIONS: usize = 64;

/// How long an answer may still take when all else has ended.
const GRACE: Duration = Duration::from_secs(1);

/// Knows what the connections answer by themselves, and nothing else.
struct Admin(Arc<Shared>);

/// Returns what connections beside these have in common: they speak plain http, and there are few.
pub(super) fn beside(shared: &Arc<Shared>) -> Shared {
    let settings = Settings {
        tls: None,
        max_connections: MAX_CONNECTIONS,
        grace: GRACE,
        ..shared.settings.clone()
    };
    Shared::new(Arc::new(Admin(Arc::clone(shared))), settings)
}

#[async_trait]
impl Answer for Admin {
    async fn answer(&self, _ask: Ask) -> Reply {
        let message = "here are /healthz, /readyz and /metrics\n";
        Reply::new(StatusCode::NOT_FOUND, message)
    }

    async fn ready(&self) -> Result<(), String> {
        self.0.ready().await
    }
}
