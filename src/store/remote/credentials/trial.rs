//! Credentials are tried before they are kept.

use reqwest::Method;

use super::{Credentials, Server};
use crate::store::Error;
use crate::store::remote::authorization::Authorized;
use crate::store::remote::options::Options;
use crate::store::remote::transport::Transport;
use crate::store::remote::wire::{Request, Wire};

/// Shows a registry who we are, and returns whether it asked; what it does not accept is an error.
///
/// Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#determining-support>.
pub async fn check(
    server: &Server,
    credentials: Credentials,
    options: &Options,
) -> Result<bool, Error> {
    let registry = server.registry();
    let wire = Wire::new(registry, registry.to_owned(), options)?;
    let transport = Transport::new(Authorized::new(wire, credentials, []), options.retry);
    let request = Request::new(Method::GET, transport.endpoint(""), "logging in");
    let response = transport.send(&request).await?;
    if !response.status().is_success() {
        return Err(transport
            .wire()
            .unexpected(response, &request.what, "")
            .await);
    }
    Ok(transport.authorized.was_challenged().await)
}
