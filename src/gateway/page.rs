//! Pages for people with a browser: lists of components, and the contents of a component.
//!
//! A page has no scripts, and loads nothing from elsewhere. Upstream gets the client's credentials. A browser has none,
//! so with [`Rights::Client`] it sees only public content. The modules that write HTML get values, and know nothing
//! about stores. [`address`] lists the paths.
//!
//! ```text
//! path -> address -> query (asks upstream, with the rights of the client) -> values -> HTML
//! ```

pub(super) mod address;
mod artifact;
mod comparison;
mod document;
mod files;
mod layers;
mod lists;
mod numbers;
mod query;

use futures_util::TryStreamExt;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LOCATION, REFERRER_POLICY,
    RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use maud::{Markup, html};
use serde_json::Value;

use self::address::PageAddress;
use self::document::{document, policy};
use super::message::{Request, Response};
use super::range::is_known;
use super::refusal::Failure;
use super::rights::Rights;
use super::{Gateway, client_credentials};
use crate::digest::Digest;
use crate::store::remote::Credentials;

/// The maximum number of pages that are built at once. Each page requests many manifests.
pub(super) const MAX_PAGES: usize = 4;

/// The maximum number of lists of repositories that are built at once. They have places of their own, because they take
/// long and must not delay other pages.
pub(super) const MAX_HOME_PAGES: usize = 2;

/// The maximum number of bytes read from an error response, to find its message.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;

impl Gateway {
    /// Answers with a page, also after a failure.
    pub(super) async fn page(&self, request: &Request) -> Response {
        match self.answer_page(request).await {
            Ok(response) => response,
            Err(failure) => self.problem(request, failure).await,
        }
    }

    /// Answers with a page that explains a failure. It has no login challenge. With one, the browser would ask for an
    /// upstream password and send it with every request.
    async fn problem(&self, request: &Request, failure: Failure) -> Response {
        let failed = self.failure_response(request, failure);
        let is_anonymous = matches!(self.upstreams.rights, Rights::Client)
            && matches!(
                client_credentials(request),
                Ok(Credentials::Forwarded(None))
            );
        let status = match failed.status {
            StatusCode::FORBIDDEN if is_anonymous => StatusCode::UNAUTHORIZED,
            status => status,
        };
        let later = failed.headers.get(RETRY_AFTER).cloned();
        let message = error_message(failed).await;
        let mut response = page(
            request,
            status,
            title(status),
            problem(status, message.as_deref()),
        );
        if let Some(later) = later {
            response.headers.insert(RETRY_AFTER, later);
        }
        response
    }

    /// Returns the reason why a secondary part of a page is missing.
    async fn explain_failure(&self, request: &Request, failure: Failure) -> String {
        let failed = self.failure_response(request, failure);
        let status = failed.status;
        let message = error_message(failed).await;
        message.unwrap_or_else(|| format!("upstream answered {status}"))
    }
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "Not public",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            "Upstream is unavailable, or its content is invalid"
        }
        status if status.is_server_error() => "The gateway failed",
        _ => "The page cannot be shown",
    }
}

fn problem(status: StatusCode, message: Option<&str>) -> Markup {
    html! {
        h1 { (title(status)) }
        p {
            @match (status, message) {
                (StatusCode::UNAUTHORIZED, _) => {
                    "Upstream requires a login, and this page uses no credentials. Clients with credentials can pull "
                    "from this gateway, because it forwards them."
                }
                (_, Some(message)) => { (message) }
                (StatusCode::NOT_FOUND, None) => { "The upstream does not have this repository, tag or digest." }
                (status, None) => { "Upstream answered " (status) }
            }
        }
    }
}

/// Returns the message of an error response in the form of the specification, if it has one.
async fn error_message(response: Response) -> Option<String> {
    let body = response.body.try_fold(Vec::new(), async |mut body, piece| {
        let room = MAX_MESSAGE_BYTES.saturating_sub(body.len());
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        Ok(body)
    });
    // An aborted body has no usable message.
    let body: Value = serde_json::from_slice(&body.await.ok()?).ok()?;
    let message = body["errors"][0]["message"].as_str()?;
    (!message.is_empty()).then(|| message.to_owned())
}

/// Redirects to another page.
fn redirect(address: &PageAddress) -> Response {
    let mut response = Response::new(StatusCode::SEE_OTHER, "");
    // Names and tags always make a valid header.
    if let Ok(location) = HeaderValue::try_from(address.to_string()) {
        response.headers.insert(LOCATION, location);
    }
    response
}

fn page(request: &Request, status: StatusCode, title: &str, main: Markup) -> Response {
    let body = document(title, &main);
    let tag = Digest::of(body.as_bytes()).to_string();
    let mut response = match status == StatusCode::OK && is_known(&request.headers, &tag) {
        true => Response::new(StatusCode::NOT_MODIFIED, ""),
        false => Response::new(status, body),
    };
    let headers = &mut response.headers;
    if response.status != StatusCode::NOT_MODIFIED {
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        headers.insert(CONTENT_TYPE, html);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // Both always make valid headers.
    if let (Ok(policy), Ok(tag)) = (
        HeaderValue::try_from(policy()),
        HeaderValue::try_from(format!("\"{tag}\"")),
    ) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        if status == StatusCode::OK {
            headers.insert(ETAG, tag);
        }
    }
    response
}
