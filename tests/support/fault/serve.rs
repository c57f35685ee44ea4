//! The distribution specification's endpoints, over the state in memory.

use std::io::{self, BufReader};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::http::{self, Answer, Head};
use super::{Auth, Fault, Mount, RecordedRequest, Shared, tokens};
use wharf::digest::Digest;

pub(super) fn connection(shared: &Shared, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(head) = http::read_head(&mut reader)? {
        if shared.stopped.load(Ordering::SeqCst) {
            break;
        }
        let fault = shared.fault(&head.method, &head.path);
        // Recorded before the body comes, so that a broken upload shows, and again with its length after.
        let index = record(shared, &head);
        let is_blob = head.path.contains("/blobs/uploads/");
        let length = head
            .header("content-length")
            .and_then(|length| length.parse().ok());
        let too_large = shared
            .settings
            .max_body
            .is_some_and(|max| length.unwrap_or(0) > max);
        let (mut body, mut read) = (Vec::new(), 0);
        http::read_body(&mut reader, &head, |piece| {
            read += piece.len() as u64;
            if !too_large {
                body.extend_from_slice(piece);
            }
            if is_blob {
                shared.count(piece.len() as u64);
            }
        })?;
        if let Some(request) = shared.state().requests.get_mut(index) {
            request.body = read;
        }
        let mut answer = match &fault {
            Some(Fault::CloseBeforeAnswer) => break,
            Some(Fault::Status(status, _)) => Answer::error(*status, "UNAVAILABLE", "injected"),
            Some(Fault::Answer(status, headers, body)) => Answer {
                headers: headers.clone(),
                ..Answer::new(*status).body(body.clone())
            },
            _ => answer(
                shared,
                &head,
                body,
                too_large,
                matches!(fault, Some(Fault::IgnoreRange)),
            ),
        };
        match fault {
            Some(Fault::Status(_, headers) | Fault::Headers(headers)) => {
                let replaced = |name: &str| headers.iter().any(|(other, _)| *other == name);
                answer.headers.retain(|(name, _)| !replaced(name));
                answer.headers.extend(headers);
            }
            Some(Fault::Then(happen)) => happen(),
            Some(Fault::Body(bytes)) => answer = answer.body(bytes),
            Some(Fault::Truncate(end)) => answer.cut = Some(end),
            Some(Fault::WrongBytes) => {
                let wrong = answer.body.bytes.iter().map(|byte| !byte).collect();
                answer.body.bytes = Arc::new(wrong);
            }
            Some(Fault::NoLength) => answer.no_length = true,
            Some(Fault::NoLengthTruncate(end)) => {
                (answer.no_length, answer.cut) = (true, Some(end))
            }
            Some(Fault::Endless) => answer.endless = true,
            Some(Fault::LoseAnswer) => break,
            Some(Fault::Stall(end)) => answer.stalls_at = Some(end),
            _ => {}
        }
        if !answer.write(&mut stream, head.method == "HEAD", |bytes| {
            shared.count(bytes)
        })? {
            break;
        }
    }
    stream.shutdown(Shutdown::Both)
}

fn record(shared: &Shared, head: &Head) -> usize {
    let mut state = shared.state();
    state.requests.push(RecordedRequest {
        method: head.method.clone(),
        path: head.path.clone(),
        query: head.query.clone(),
        headers: head.headers.clone(),
        body: 0,
    });
    state.requests.len() - 1
}

fn answer(shared: &Shared, head: &Head, body: Vec<u8>, too_large: bool, whole: bool) -> Answer {
    if head.path == "/token" {
        return match &shared.settings.auth {
            Auth::Scoped { .. } => tokens::token(shared, head, &body),
            _ => token(shared, head),
        };
    }
    if let Some(refusal) = refuse(shared, head) {
        return refusal;
    }
    if too_large {
        let status = if shared.settings.too_large == 0 {
            413
        } else {
            shared.settings.too_large
        };
        return Answer::error(status, "SIZE_INVALID", "the body is too large");
    }
    if head.path == "/v2/" {
        return Answer::new(200).body(b"{}".to_vec());
    }
    if head.path == "/v2/_catalog" {
        return catalog(shared, head);
    }
    let Some(path) = head.path.strip_prefix("/v2/") else {
        return Answer::error(404, "UNSUPPORTED", "no such endpoint");
    };
    if let Some((repository, rest)) = path.split_once("/blobs/uploads/") {
        return upload(shared, head, repository, rest, body);
    }
    if let Some((repository, digest)) = path.split_once("/blobs/") {
        return blob(shared, head, repository, digest, whole);
    }
    if let Some((repository, name)) = path.split_once("/manifests/") {
        return manifest(shared, head, repository, name, body);
    }
    match path.strip_suffix("/tags/list") {
        Some(repository) => tags(shared, head, repository),
        None => Answer::error(404, "UNSUPPORTED", "no such endpoint"),
    }
}

/// `username:password` as the header has it.
pub(super) fn basic(username: &str, password: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("Basic ");
    for three in format!("{username}:{password}").as_bytes().chunks(3) {
        let bits = three
            .iter()
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) as usize & 63;
            text.push(if digit <= three.len() {
                DIGITS[value] as char
            } else {
                '='
            });
        }
    }
    text
}

fn refuse(shared: &Shared, head: &Head) -> Option<Answer> {
    let shown = head.header("authorization");
    let refusal = |status, challenge: String| {
        let answer = Answer::error(status, "UNAUTHORIZED", "authentication required");
        Some(answer.header("www-authenticate", challenge))
    };
    match &shared.settings.auth {
        Auth::None => None,
        Auth::Basic { username, password } | Auth::BasicToWrite { username, password } => {
            let open = matches!(shared.settings.auth, Auth::BasicToWrite { .. })
                && matches!(head.method.as_str(), "GET" | "HEAD")
                && shown.is_none();
            if shown == Some(basic(username, password).as_str()) || (open && head.path != "/v2/") {
                return None;
            }
            refusal(if open { 200 } else { 401 }, "basic realm=zot".to_owned())
        }
        Auth::Scoped { .. } => tokens::refuse(shared, head),
        Auth::Bearer { realm, .. } => {
            let token = shown.and_then(|shown| shown.strip_prefix("Bearer "));
            let mut state = shared.state();
            if let Some(left) = token.and_then(|token| state.tokens.get_mut(token))
                && *left > 0
            {
                *left -= 1;
                return None;
            }
            let own = || format!("http://{}/token", shared.address);
            let realm = realm.clone().unwrap_or_else(own);
            refusal(
                401,
                format!(r#"Bearer realm="{realm}",service="fault",scope="repository:a:pull""#),
            )
        }
    }
}

fn token(shared: &Shared, head: &Head) -> Answer {
    let Auth::Bearer { login, uses, .. } = &shared.settings.auth else {
        return Answer::new(404);
    };
    if let Some((username, password)) = login
        && head.header("authorization") != Some(&basic(username, password))
    {
        return Answer::error(401, "UNAUTHORIZED", "incorrect username or password");
    }
    let mut state = shared.state();
    state.issued += 1;
    let token = format!("token-{}", state.issued);
    let body = format!(r#"{{"token":"{token}"}}"#);
    state.tokens.insert(token, *uses);
    Answer::new(200).body(body.into_bytes())
}

fn upload(shared: &Shared, head: &Head, repository: &str, id: &str, body: Vec<u8>) -> Answer {
    let mut state = shared.state();
    if head.method == "POST" {
        if let Some(digest) = head.parameter("mount") {
            if let Mount::Refused(status) = shared.settings.mount {
                return Answer::error(status, "DENIED", "no mounts");
            }
            let digest: Digest = digest.parse().unwrap();
            let from = head.parameter("from");
            let fits = |name: &str| {
                shared.settings.mount == Mount::Anywhere || from.as_deref() == Some(name)
            };
            let mut sources = state.repositories.iter().filter(|(name, _)| fits(name));
            if let Some(bytes) = sources.find_map(|(_, source)| source.blobs.get(&digest).cloned())
            {
                let target = state.repositories.entry(repository.to_owned()).or_default();
                target.blobs.insert(digest, bytes);
                return Answer::new(201)
                    .header("location", format!("/v2/{repository}/blobs/{digest}"));
            }
        }
        let target = state.repositories.entry(repository.to_owned()).or_default();
        let id = target.uploads.len() as u64 + 1;
        target.uploads.insert(id, Vec::new());
        let answer = Answer::new(202).header("location", location(shared, repository, id));
        return match shared.settings.least_chunk {
            0 => answer,
            least => answer.header("oci-chunk-min-length", least.to_string()),
        };
    }
    let id: u64 = id.parse().unwrap();
    let repository_state = state.repositories.entry(repository.to_owned()).or_default();
    let Some(upload) = repository_state.uploads.get_mut(&id) else {
        return Answer::error(404, "BLOB_UPLOAD_UNKNOWN", "no such upload");
    };
    if head.parameter("_state").is_none() {
        return Answer::error(400, "BLOB_UPLOAD_INVALID", "the state is missing");
    }
    // Distribution says 0-0 of an upload without bytes.
    let progress = |answer: Answer, received: usize| {
        answer
            .header("location", location(shared, repository, id))
            .header("range", format!("0-{}", received.saturating_sub(1)))
    };
    if head.method == "GET" {
        return progress(Answer::new(204), upload.len());
    }
    if head.method == "PATCH" {
        let range = format!("{}-{}", upload.len(), upload.len() + body.len() - 1);
        if head.header("content-range") != Some(&range) {
            let answer = Answer::error(416, "BLOB_UPLOAD_INVALID", "out of order");
            return progress(answer, upload.len());
        }
        let taken = shared.settings.taken.unwrap_or(usize::MAX);
        upload.extend_from_slice(&body[..body.len().min(taken)]);
        return progress(Answer::new(202), upload.len());
    }
    upload.extend_from_slice(&body);
    let digest: Digest = head.parameter("digest").unwrap().parse().unwrap();
    // A finished upload leaves its number taken.
    let bytes = std::mem::take(upload);
    if Digest::of(&bytes) != digest {
        return Answer::error(400, "DIGEST_INVALID", "the bytes have another digest");
    }
    repository_state.blobs.insert(digest, Arc::new(bytes));
    Answer::new(201).header("location", format!("/v2/{repository}/blobs/{digest}"))
}

fn location(shared: &Shared, repository: &str, id: u64) -> String {
    let path = format!("/v2/{repository}/blobs/uploads/{id}?_state=opaque-state");
    match &shared.settings.upload_origin {
        Some(origin) => format!("{origin}{path}"),
        None if shared.settings.absolute_locations => format!("http://{}{path}", shared.address),
        None => path,
    }
}

fn blob(shared: &Shared, head: &Head, repository: &str, digest: &str, whole: bool) -> Answer {
    let state = shared.state();
    let digest: Digest = digest.parse().unwrap();
    let Some(bytes) = state
        .repositories
        .get(repository)
        .and_then(|found| found.blobs.get(&digest))
    else {
        return Answer::error(404, "BLOB_UNKNOWN", "blob unknown to registry");
    };
    let range = head.header("range").filter(|_| !whole);
    let range = range.and_then(|range| {
        let (start, last) = range.strip_prefix("bytes=")?.split_once('-')?;
        let end = last.parse::<usize>().map_or(bytes.len(), |last| last + 1);
        Some((start.parse::<usize>().ok()?, end.min(bytes.len())))
    });
    let mut answer = match range {
        None => Answer::new(200).part(Arc::clone(bytes), 0),
        Some((start, end)) if start < end => {
            let range = format!("bytes {start}-{}/{}", end - 1, bytes.len());
            let answer = Answer::new(206).header("content-range", range);
            match end == bytes.len() {
                true => answer.part(Arc::clone(bytes), start),
                false => answer.part(Arc::new(bytes[start..end].to_vec()), 0),
            }
        }
        Some(_) => Answer::error(416, "RANGE_INVALID", "past the end"),
    };
    answer.is_blob = head.method == "GET";
    answer
}

fn manifest(shared: &Shared, head: &Head, repository: &str, name: &str, body: Vec<u8>) -> Answer {
    let mut state = shared.state();
    if head.method == "PUT" {
        let digest = Digest::of(&body).to_string();
        let repository = state.repositories.entry(repository.to_owned()).or_default();
        let media_type = head.header("content-type").unwrap_or_default().to_owned();
        repository
            .manifests
            .insert(digest.clone(), (media_type, Arc::new(body)));
        if !name.starts_with("sha256:") {
            repository.tags.insert(name.to_owned(), digest.clone());
        }
        return Answer::new(201).header("docker-content-digest", digest);
    }
    let Some(found) = state.repositories.get(repository) else {
        return Answer::error(404, "NAME_UNKNOWN", "repository name not known to registry");
    };
    let digest = found.tags.get(name).map_or(name, String::as_str);
    match found.manifests.get(digest) {
        // As distribution does.
        Some((media_type, _))
            if !head
                .header("accept")
                .is_some_and(|accept| accept.contains(media_type)) =>
        {
            Answer::error(404, "MANIFEST_UNKNOWN", "no accepted form")
        }
        Some((media_type, bytes)) => Answer::new(200)
            .header("content-type", media_type)
            .header("docker-content-digest", digest)
            .part(Arc::clone(bytes), 0),
        None => Answer::error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
    }
}

fn tags(shared: &Shared, head: &Head, repository: &str) -> Answer {
    let state = shared.state();
    let Some(found) = state.repositories.get(repository) else {
        return Answer::error(404, "NAME_UNKNOWN", "repository name not known to registry");
    };
    let path = format!("/v2/{repository}/tags/list");
    page(shared, head, &path, ("tags", found.tags.keys()))
}

fn catalog(shared: &Shared, head: &Head) -> Answer {
    let state = shared.state();
    let mut names: Vec<&String> = state.repositories.keys().collect();
    names.sort();
    page(
        shared,
        head,
        "/v2/_catalog",
        ("repositories", names.into_iter()),
    )
}

/// One page of sorted names, and where the next one is.
fn page<'a>(
    shared: &Shared,
    head: &Head,
    path: &str,
    (field, names): (&str, impl Iterator<Item = &'a String>),
) -> Answer {
    let last = head.parameter("last").unwrap_or_default();
    let n = head
        .parameter("n")
        .and_then(|n| n.parse().ok())
        .unwrap_or(shared.settings.page);
    let mut left = names.filter(|name| **name > last);
    let page: Vec<&String> = left
        .by_ref()
        .take(if n == 0 { usize::MAX } else { n })
        .collect();
    let quoted: Vec<String> = page.iter().map(|name| format!("\"{name}\"")).collect();
    let list = if quoted.is_empty() {
        "null".to_owned()
    } else {
        format!("[{}]", quoted.join(","))
    };
    let answer = Answer::new(200).body(format!(r#"{{"{field}":{list}}}"#).into_bytes());
    match (left.next(), page.last()) {
        (Some(_), Some(last)) => {
            let link = format!(r#"<{path}?n={n}&last={last}>; rel="next""#);
            answer.header("link", link)
        }
        _ => answer,
    }
}
