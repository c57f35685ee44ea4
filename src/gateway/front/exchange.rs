//! One request and its answer.

use std::convert::Infallible;
use std::sync::Arc;

use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::request::Parts;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
};
use hyper::body::{Body, Incoming};

use super::body::Outgoing;
use super::budget::Budget;
use super::connection::Link;
use super::record::Record;
use super::{Shared, printable};
use crate::gateway::message::{Ask, Reply};
use crate::gateway::refusal::Refusal;

/// What is between two neighbours only, and not for who comes after (RFC 9110, section 7.6.1).
const BETWEEN_NEIGHBOURS: [HeaderName; 7] = [
    CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// What is answered here.
const OWN: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The version of the text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Answers a request. Its body is not read: where there is one, the connection ends with the answer.
pub(super) async fn respond(
    shared: Arc<Shared>,
    link: Arc<Link>,
    request: Request<Incoming>,
) -> Result<Response<Outgoing>, Infallible> {
    let (head, body) = request.into_parts();
    let mut record = Record::new(&shared, &link, &head.method, &head.uri);
    let has_body = !body.is_end_stream();
    // Short, and wanted most when there is no room.
    let is_own = OWN.contains(&head.uri.path());
    let (method, version) = (head.method.clone(), head.version);
    let mut reply = match () {
        () if ![Method::GET, Method::HEAD].contains(&method) => Refusal::read_only().into(),
        () if has_body => Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "SIZE_INVALID",
            "nothing that is read has a body",
        )
        .into(),
        () => answer(&shared, head).await,
    };
    for name in &BETWEEN_NEIGHBOURS {
        reply.headers.remove(name);
    }
    let is_http_1 = version < Version::HTTP_2;
    if has_body && is_http_1 {
        let close = HeaderValue::from_static("close");
        reply.headers.insert(CONNECTION, close);
    }
    let length = match length(&reply.headers) {
        Ok(length) => length,
        Err(()) => {
            shared.failed("length", "error: an answer's Content-Length is no length");
            let message = "the answer cannot be passed on";
            reply = Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", message).into();
            length(&reply.headers).unwrap_or_default()
        }
    };
    record.answers(reply.status);
    let is_bare = reply.status.is_informational()
        || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&reply.status);
    let body = if is_bare || method == Method::HEAD {
        Outgoing::none(record)
    } else {
        // HTTP/1 has one answer at a time, so it is enough to watch the connection.
        let patience = (!is_http_1).then_some(shared.settings.write_timeout);
        let budget = match is_own {
            true => Budget::new(usize::MAX),
            false => shared.budget.clone(),
        };
        Outgoing::new(reply.body, length, record, budget, patience)
    };
    if is_bare {
        // 204 must not have it, and who is told 304 knows it.
        reply.headers.remove(CONTENT_LENGTH);
    }
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    Ok(response)
}

/// Returns how long a body says that it is.
fn length(headers: &HeaderMap) -> Result<Option<u64>, ()> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let digits = value.as_bytes();
    let text = value.to_str().map_err(|_| ())?;
    // A sign would be read as a number.
    match values.next().is_none() && digits.iter().all(u8::is_ascii_digit) {
        true => text.parse().map(Some).map_err(|_| ()),
        false => Err(()),
    }
}

async fn answer(shared: &Shared, head: Parts) -> Reply {
    match head.uri.path() {
        "/healthz" => text(StatusCode::OK, TEXT, "alive\n".to_owned()),
        "/readyz" => ready(shared).await,
        "/metrics" => text(StatusCode::OK, METRICS, shared.settings.metrics.render()),
        _ => shared.answer.answer(ask(head)).await,
    }
}

/// Makes requests of both versions alike: the path alone, the host in its header.
fn ask(mut head: Parts) -> Ask {
    if !head.headers.contains_key(HOST)
        && let Some(authority) = head.uri.authority()
    {
        // What stands before an @ is nobody's business.
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        if let Ok(host) = HeaderValue::from_str(host) {
            head.headers.insert(HOST, host);
        }
    }
    let uri = head.uri.path_and_query().cloned().map(Uri::from);
    Ask {
        method: head.method,
        uri: uri.unwrap_or_default(),
        headers: head.headers,
    }
}

async fn ready(shared: &Shared) -> Reply {
    match shared.ready().await {
        Ok(()) => text(StatusCode::OK, TEXT, "ready\n".to_owned()),
        Err(reason) => {
            let reason = format!("{}\n", printable(&reason));
            text(StatusCode::SERVICE_UNAVAILABLE, TEXT, reason)
        }
    }
}

fn text(status: StatusCode, media_type: &'static str, body: String) -> Reply {
    let mut reply = Reply::new(status, body);
    let headers = &mut reply.headers;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
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
