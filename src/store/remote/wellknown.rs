//! What a host says of its packages: `/.well-known/wasm-pkg/registry.json`, as wkg reads it.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::{Method, Response};
use serde::de::IgnoredAny;

use super::answer::{self, BodyError};
use super::authorization::{Authorization, Grant};
use super::transport::{Failure, Request, Transport};
use super::{Credentials, Options, client};
use crate::store::Error;

const PATH: &str = "/.well-known/wasm-pkg/registry.json";

/// The largest document that is read, in bytes.
const MAX_METADATA_BYTES: u64 = 64 * 1024;

/// Returns the JSON that `host` (with its port, if it has one) has for those who look for packages, as it
/// is. Nothing where it answers with anything else: web servers answer any path with a page.
///
/// No credentials go there, and redirects are followed to https only (or among loopback hosts). A host
/// that cannot be reached is an error, not a host without such a document; what is called JSON is returned
/// though it may be broken, and longer than 64 KiB it is [`Error::Malformed`].
pub async fn registry_metadata(host: &str, options: &Options) -> Result<Option<Bytes>, Error> {
    let origin = client::site(host, options.plain_http)?;
    let http = client::build_for_site(&origin, options)?;
    let mut url = origin.clone();
    url.set_path(PATH);
    let transport = Transport {
        uploader: http.clone(),
        client: http,
        silence: options.read_timeout,
        origin,
        public_only: options.public_only,
        location: host.to_owned(),
        authorization: Authorization::new(Credentials::Anonymous, []),
        retry: options.retry,
        observer: Arc::clone(&options.observer),
    };
    let request = Request::new(Method::GET, url, "looking for its registry metadata");
    let mut failed = 0;
    loop {
        match ask(&transport, &request).await {
            Ok(found) => return Ok(found),
            Err(failure) => {
                let answered = matches!(failure.error, Error::Answer { .. });
                match transport.pause(&mut failed, &request.what, failure).await {
                    Err(_) if answered => return Ok(None),
                    paused => paused?,
                }
            }
        }
    }
}

/// One attempt, which meets no challenge: only who has credentials could.
async fn ask(transport: &Transport, request: &Request) -> Result<Option<Bytes>, Failure> {
    let mut response = transport.attempt(request, &Grant::default()).await?;
    if answer::is_retryable(response.status()) {
        return Err(transport.passing(response, &request.what).await);
    }
    if !response.status().is_success() {
        return Ok(None);
    }
    match answer::read_bounded(&mut response, MAX_METADATA_BYTES).await {
        // What is called JSON and is none is for the reader to complain about.
        Ok(body) if answer::is_page(response.headers(), &body) => Ok(None),
        Ok(body) => {
            let sound = is_json(&response) || serde_json::from_slice::<IgnoredAny>(&body).is_ok();
            Ok(sound.then(|| body.into()))
        }
        Err(BodyError::TooLong) if is_json(&response) => {
            let reason = format!("it is longer than {MAX_METADATA_BYTES} bytes");
            Err(transport.malformed("the registry metadata", reason).into())
        }
        Err(BodyError::TooLong) => Ok(None),
        Err(BodyError::Broken(error)) => Err(transport.broken(&request.what, error)),
    }
}

fn is_json(response: &Response) -> bool {
    let media_type = answer::media_type(response.headers());
    media_type.ends_with("/json") || media_type.ends_with("+json")
}
