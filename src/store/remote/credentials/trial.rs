//! Credentials are tried before they are kept.

use reqwest::Method;

use super::Server;
use crate::store::Error;
use crate::store::remote::authorization::Authorization;
use crate::store::remote::transport::{Request, Transport};
use crate::store::remote::{Credentials, Options};

/// Shows a registry who we are, and returns whether it asked; what it does not accept is an error.
///
/// Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#determining-support>.
pub async fn check(
    server: &Server,
    credentials: Credentials,
    options: &Options,
) -> Result<bool, Error> {
    let registry = server.registry();
    let authorization = Authorization::new(credentials, []);
    let transport = Transport::new(registry, registry.to_owned(), authorization, options)?;
    let mut url = transport.origin.clone();
    url.set_path("/v2/");
    let request = Request::new(Method::GET, url, "logging in");
    let response = transport.send(&request).await?;
    if !response.status().is_success() {
        return Err(transport.unexpected(response, &request.what, "").await);
    }
    Ok(transport.authorization.is_met().await)
}
