//! Tests credentials before they are stored.

use reqwest::Method;

use super::answer;
use super::authorization::AuthorizedWire;
use super::options::Options;
use super::transport::Transport;
use super::wire::{Request, Wire};
use crate::store::Error;
use crate::store::credentials::Credentials;

/// Sends credentials to a registry, and returns whether it asked for them. Fails if the registry rejects them.
///
/// Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#determining-support>.
pub async fn try_login(
    registry: &str,
    credentials: Credentials,
    options: &Options,
) -> Result<bool, Error> {
    let wire = Wire::new(registry, registry.to_owned(), options)?;
    let transport = Transport::new(AuthorizedWire::new(wire, credentials, []), options.retry);
    let request = Request::new(Method::GET, transport.endpoint(""), "logging in");
    let response = transport.send(&request).await?;
    if !response.status().is_success() {
        let unexpected = transport.wire().unexpected(response, &request.what, "");
        return Err(unexpected.await);
    }
    let is_asked = transport.authorized.was_challenged().await;
    if !is_asked && answer::is_page(response.headers(), b"") {
        let wire = transport.wire();
        return Err(wire.not_registry(&response, &request.what, None));
    }
    Ok(is_asked)
}
