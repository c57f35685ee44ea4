//! One request and its response.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};
use hyper::body::{Body, Incoming};

use super::body::ResponseBody;
use super::budget::Budget;
use super::origin;
use super::record::RequestRecord;
use super::shared::SharedState;
use super::state::ConnectionState;
use crate::gateway::message::{Request, Response};
use crate::gateway::refusal::Refusal;
use crate::store::remote::HOP_BY_HOP;
use crate::text::printable;

/// The paths that the server itself answers.
const SERVER_PATHS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Prometheus's text format, with its version.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Answers a request. The body is not read: if there is one, the connection ends with the response.
pub(super) async fn respond(
    state: Arc<ConnectionState>,
    request: http::Request<Incoming>,
) -> Result<http::Response<ResponseBody>, Infallible> {
    let (mut head, body) = request.into_parts();
    let shared = &state.shared;
    let mut record = RequestRecord::new(&state, &mut head);
    let has_body = !body.is_end_stream();
    // The server's own responses are short, and needed most when the budget is used up.
    let is_own = SERVER_PATHS.contains(&head.uri.path());
    let (method, version) = (head.method.clone(), head.version);
    let checked = origin::check(&head, shared.own_names());
    let mut response = match checked {
        Err(refusal) => refusal.into(),
        Ok(()) if ![Method::GET, Method::HEAD].contains(&method) => Refusal::read_only().into(),
        Ok(()) if has_body => Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "SIZE_INVALID",
            "a GET or HEAD request must not have a body",
        )
        .into(),
        Ok(()) => answer(shared, head).await,
    };
    for name in HOP_BY_HOP {
        response.headers.remove(name);
    }
    let is_http_1 = version < Version::HTTP_2;
    if has_body && is_http_1 {
        let close = HeaderValue::from_static("close");
        response.headers.insert(CONNECTION, close);
    }
    let length = match length(&response.headers) {
        Ok(length) => length,
        Err(()) => {
            record.log_failure("length", "the Content-Length of a response is not a number");
            let message = "the upstream's response cannot be forwarded";
            response = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", message).into();
            length(&response.headers).unwrap_or_default()
        }
    };
    record.set_status(response.status);
    let is_bare = response.status.is_informational()
        || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&response.status);
    let body = if is_bare || method == Method::HEAD {
        ResponseBody::none(record)
    } else {
        // HTTP/1 has one response at a time, so the connection's write time-out is enough.
        let patience = match is_http_1 {
            true => Duration::MAX,
            false => shared.settings.write_timeout,
        };
        let budget = match is_own {
            true => Budget::new(usize::MAX),
            false => shared.budget.clone(),
        };
        ResponseBody::new(response.body, length, record, budget, patience)
    };
    if is_bare {
        // A 204 must not have the header. After a 304 the client knows the length.
        response.headers.remove(CONTENT_LENGTH);
    }
    let mut sent = http::Response::new(body);
    *sent.status_mut() = response.status;
    *sent.headers_mut() = response.headers;
    Ok(sent)
}

fn length(headers: &HeaderMap) -> Result<Option<u64>, ()> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let digits = value.as_bytes();
    let text = value.to_str().map_err(|_| ())?;
    // `parse` would accept a sign.
    match values.next().is_none() && digits.iter().all(u8::is_ascii_digit) {
        true => text.parse().map(Some).map_err(|_| ()),
        false => Err(()),
    }
}

async fn answer(shared: &SharedState, head: Request) -> Response {
    match head.uri.path() {
        "/healthz" => text(StatusCode::OK, TEXT, "alive\n".to_owned()),
        "/readyz" => ready(shared).await,
        "/metrics" => text(StatusCode::OK, METRICS, shared.settings.metrics.render()),
        _ => shared.handler.handle(for_handler(head)).await,
    }
}

/// Makes HTTP/2 requests look like HTTP/1: the URI has only path and query, the `Host` header has the host.
fn for_handler(mut head: Request) -> Request {
    if !head.headers.contains_key(HOST)
        && let Some(authority) = head.uri.authority()
    {
        // Leave out user information, which ends with an `@`.
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        if let Ok(host) = HeaderValue::from_str(host) {
            head.headers.insert(HOST, host);
        }
    }
    let target = head.uri.path_and_query().cloned();
    head.uri = target.map(Uri::from).unwrap_or_default();
    head
}

async fn ready(shared: &SharedState) -> Response {
    match shared.ready().await {
        Ok(()) => text(StatusCode::OK, TEXT, "ready\n".to_owned()),
        Err(reason) => {
            let reason = format!("{}\n", printable(&reason));
            text(StatusCode::SERVICE_UNAVAILABLE, TEXT, reason)
        }
    }
}

fn text(status: StatusCode, media_type: &'static str, body: String) -> Response {
    let mut response = Response::new(status, body);
    let headers = &mut response.headers;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_digits_once() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_LENGTH, HeaderValue::from_static(value));
            }
            length(&headers)
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["0"]), Ok(Some(0)));
        assert_eq!(read(&["18446744073709551615"]), Ok(Some(u64::MAX)));
        for wrong in [
            ["+1"].as_slice(),
            &["-1"],
            &[""],
            &["1", "1"],
            &["1, 1"],
            &["18446744073709551616"],
        ] {
            assert_eq!(read(wrong), Err(()), "{wrong:?}");
        }
    }
}
