//! The component that reads blobs by HTTP. It exports `wharf:assets/blob`, which `blob.wit` describes.
//!
//! It requests `URL/DIGEST` with a `Range` by `wasi:http`. If a connection breaks or the server fails, it tries once
//! more. It neither logs in nor follows redirects, so the URL is that of a gateway or of an open registry.

use super::text::quoted;

const IMPORTS: &str = include_str!("blob_http/imports.wat");
const READER: &str = include_str!("blob_http/reader.wat");

/// The address of the authority. Results, and the name and the value of the header, are before it.
const START: usize = 144;
/// The length of `sha256:` and 64 hex digits.
const DIGEST_BYTES: usize = 71;
const PAGE_BYTES: usize = 1 << 16;

/// The longest URL, in bytes. Servers need not accept longer ones.
///
/// Spec: <https://www.rfc-editor.org/rfc/rfc9110#section-4.1-5>.
pub const MAX_URL_BYTES: usize = 8000;

/// The functions of the host: the name in `reader.wat`, the instance, and the name there.
const FUNCTIONS: [(&str, &str, &str); 14] = [
    ("fields", "http", "[constructor]fields"),
    ("append", "http", "[method]fields.append"),
    ("request", "http", "[constructor]outgoing-request"),
    ("set-scheme", "http", "[method]outgoing-request.set-scheme"),
    (
        "set-authority",
        "http",
        "[method]outgoing-request.set-authority",
    ),
    (
        "set-path",
        "http",
        "[method]outgoing-request.set-path-with-query",
    ),
    ("handle", "handler", "handle"),
    (
        "subscribe",
        "http",
        "[method]future-incoming-response.subscribe",
    ),
    ("block", "poll", "[method]pollable.block"),
    ("get", "http", "[method]future-incoming-response.get"),
    ("status", "http", "[method]incoming-response.status"),
    ("consume", "http", "[method]incoming-response.consume"),
    ("stream", "http", "[method]incoming-body.stream"),
    (
        "blocking-read",
        "streams",
        "[method]input-stream.blocking-read",
    ),
];

/// The resources that the component drops: the name in `reader.wat`, and the type.
const RESOURCES: [(&str, &str); 7] = [
    ("drop-request", "outgoing-request"),
    ("drop-future", "future"),
    ("drop-pollable", "pollable"),
    ("drop-response", "incoming-response"),
    ("drop-body", "incoming-body"),
    ("drop-stream", "input-stream"),
    ("drop-error", "io-error"),
];

/// Why a URL cannot be that of blobs. The messages do not contain the URL, because it may have a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The scheme is neither `http` nor `https`.
    #[error("the URL does not begin with http:// or https://")]
    Scheme,
    /// It has a user name or a password.
    #[error("the URL has a user name or a password, which everybody can read in the component")]
    User,
    /// It has a query.
    #[error("the URL has a query")]
    Query,
    /// It has a fragment.
    #[error("the URL has a fragment")]
    Fragment,
    /// It has no host.
    #[error("the URL has no host")]
    Host,
    /// The port is not a number from 0 to 65535.
    #[error("the port of the URL is not a number up to 65535")]
    Port,
    /// It has a character that a URL cannot have.
    #[error("the URL has a character that must be percent-encoded")]
    Character,
    /// It is longer than [`MAX_URL_BYTES`].
    #[error("the URL is longer than {MAX_URL_BYTES} bytes")]
    Length,
}

/// The URL of a repository's blobs, without a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobsUrl {
    is_https: bool,
    authority: String,
    /// Begins and ends with a slash.
    path: String,
}

impl BlobsUrl {
    /// Parses a URL such as `http://host:8080/v2/name/blobs`. A slash at the end makes no difference.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(UrlError::Scheme),
        };
        let is_forbidden = |byte: u8| !byte.is_ascii_graphic() || br#""<>\^`{|}"#.contains(&byte);
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let mistakes = [
            (UrlError::Length, url.len() > MAX_URL_BYTES),
            (UrlError::Character, rest.bytes().any(is_forbidden)),
            (UrlError::Fragment, rest.contains('#')),
            (UrlError::Query, rest.contains('?')),
            (UrlError::User, authority.contains('@')),
        ];
        if let Some((mistake, _)) = mistakes.into_iter().find(|(_, is_made)| *is_made) {
            return Err(mistake);
        }
        // An IPv6 address has colons in brackets.
        let after_address = authority.rfind(']').map_or(0, |end| end + 1);
        let port = authority[after_address..].find(':');
        let (host, port) =
            authority.split_at(port.map_or(authority.len(), |at| after_address + at));
        if host.is_empty() {
            return Err(UrlError::Host);
        }
        // `parse` would accept a plus sign.
        let is_number = |port: &str| !port.starts_with('+') && port.parse::<u16>().is_ok();
        if !port.is_empty() && !is_number(&port[1..]) {
            return Err(UrlError::Port);
        }
        Ok(Self {
            is_https,
            authority: authority.to_owned(),
            path: format!("{}/", path.trim_end_matches('/')),
        })
    }
}

/// Returns the component that reads the blobs at a URL. Equal URLs give equal bytes.
pub fn component(url: &BlobsUrl) -> Result<Vec<u8>, wat::Error> {
    wat::parse_str(generate(url))
}

/// Returns the WebAssembly text of the component.
fn generate(url: &BlobsUrl) -> String {
    let options =
        "(memory (core memory $memory \"memory\")) (realloc (core func $memory \"realloc\"))";
    let mut text = ["(component\n", IMPORTS, &memory(url), READER].concat();
    let mut host = String::new();
    for (name, instance, function) in FUNCTIONS {
        text.push_str(&format!(
            "(core func ${name} (canon lower (func ${instance} \"{function}\") {options}))\n"
        ));
        host.push_str(&format!("(export \"{name}\" (func ${name}))\n"));
    }
    for (name, resource) in RESOURCES {
        text.push_str(&format!(
            "(core func ${name} (canon resource.drop ${resource}))\n"
        ));
        host.push_str(&format!("(export \"{name}\" (func ${name}))\n"));
    }
    text.push_str(&format!(
        "(core instance $reader (instantiate $reader
  (with \"memory\" (instance $memory))
  (with \"host\" (instance\n{host}))))
(func $read (param \"digest\" string) (param \"offset\" u64) (param \"length\" u32) (result (result (list u8)))
  (canon lift (core func $reader \"read\") {options}))
(instance $blob (export \"read\" (func $read)))
(export \"wharf:assets/blob@0.1.0\" (instance $blob)))\n"
    ));
    text
}

/// Returns the core module with the memory, and its instance.
fn memory(url: &BlobsUrl) -> String {
    let BlobsUrl {
        is_https,
        authority,
        path,
    } = url;
    let path_start = START + authority.len();
    let path_length = path.len() + DIGEST_BYTES;
    let free = (path_start + path_length).next_multiple_of(8);
    let pages = free.div_ceil(PAGE_BYTES);
    let globals = [
        ("scheme", usize::from(*is_https)),
        ("authority", START),
        ("authority-length", authority.len()),
        ("path", path_start),
        ("path-length", path_length),
        ("free", free),
    ];
    let globals = globals
        .map(|(name, value)| format!("(global (export \"{name}\") i32 (i32.const {value}))\n"))
        .concat();
    let bytes = quoted(format!("{authority}{path}").as_bytes());
    format!(
        "(core module $memory
(memory (export \"memory\") {pages})
{globals}(data (i32.const 80) \"range\")
(data (i32.const 88) \"bytes=\")
(data (i32.const {START}) {bytes})
(global $next (export \"next\") (mut i32) (i32.const {free}))
;; Returns the next bytes. The reader sets their address.
(func (export \"realloc\") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
  (local $address i32) (local $end i64) (local $pages i32)
  (local.set $address
    (i32.and
      (i32.sub (i32.add (global.get $next) (local.get $align)) (i32.const 1))
      (i32.sub (i32.const 0) (local.get $align))))
  (local.set $end (i64.add (i64.extend_i32_u (local.get $address)) (i64.extend_i32_u (local.get $size))))
  (local.set $pages
    (i32.sub
      (i32.wrap_i64 (i64.shr_u (i64.add (local.get $end) (i64.const 0xffff)) (i64.const 16)))
      (memory.size)))
  (if (i32.gt_s (local.get $pages) (i32.const 0))
    (then
      (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then unreachable))))
  (memory.copy (local.get $address) (local.get $old) (local.get $old_size))
  (global.set $next (i32.wrap_i64 (local.get $end)))
  (local.get $address)))
(core instance $memory (instantiate $memory))\n"
    )
}
