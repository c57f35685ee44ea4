//! The list of a registry's repositories, if it has one.
//!
//! The endpoint is older than the OCI specification, which has none:
//! <https://distribution.github.io/distribution/spec/api/#listing-repositories>.

use reqwest::{Method, Response, StatusCode};

use super::authorization::AuthorizedWire;
use super::options::Options;
use super::pages::Pages;
use super::scope::Scope;
use super::transport::Transport;
use super::wire::{Request, Wire};
use crate::store::Error;
use crate::store::credentials::Credentials;

/// Returns every repository of a registry, in the registry's order.
///
/// [`Error::NoCatalog`] means that the registry has no such list, or refuses only the list. [`Error::Refused`] means
/// that it refuses everything.
pub async fn catalog(
    registry: &str,
    credentials: Credentials,
    options: &Options,
) -> Result<Vec<String>, Error> {
    let transport = whole_registry(registry, credentials.clone(), Some(Scope::Catalog), options)?;
    match list(&transport).await {
        Err(error @ Error::Refused { .. }) => {
            // The token server may have refused the list, and the first transport would not ask it again.
            let transport = whole_registry(registry, credentials, None, options)?;
            if admits_client(&transport).await? {
                Err(no_catalog(&transport))
            } else {
                Err(error)
            }
        }
        listed => listed,
    }
}

fn no_catalog(transport: &Transport) -> Error {
    Error::NoCatalog {
        location: transport.wire().location.clone(),
    }
}

/// Prepares requests that concern no single repository.
fn whole_registry(
    registry: &str,
    credentials: Credentials,
    scope: Option<Scope>,
    options: &Options,
) -> Result<Transport, Error> {
    let wire = Wire::new(registry, registry.to_owned(), options)?;
    let authorized = AuthorizedWire::new(wire, credentials, scope);
    Ok(Transport::new(authorized, options.retry))
}

async fn list(transport: &Transport) -> Result<Vec<String>, Error> {
    let first = transport.endpoint("_catalog");
    let (what, list) = ("listing repositories", "the list of repositories");
    let mut pages = Pages::new(transport, first, what, list);
    let is_absent = |response: &Response| is_absent(response.status());
    match pages.names("repositories", "", is_absent).await {
        Ok(names) => names.ok_or_else(|| no_catalog(transport)),
        // A front end may answer with a web page for paths that the registry does not have.
        Err(Error::NotRegistry { .. }) if pages.is_first() => Err(no_catalog(transport)),
        Err(error) => Err(error),
    }
}

fn is_absent(status: StatusCode) -> bool {
    status.is_redirection() || matches!(status.as_u16(), 404 | 405 | 501)
}

/// Returns whether the registry admits the client at all. Sends the ping that every client sends first.
async fn admits_client(transport: &Transport) -> Result<bool, Error> {
    let url = transport.endpoint("");
    let request = Request::new(Method::GET, url, "checking access to the registry");
    match transport.send(&request).await {
        Ok(response) => Ok(response.status().is_success()),
        Err(Error::Refused { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
