//! The document in which a host names the place of its packages, read as wkg reads it.

use bytes::Bytes;
use serde::de::IgnoredAny;

use crate::store::Error;
use crate::store::remote::{Document, Options, document};

const PATH: &str = "/.well-known/wasm-pkg/registry.json";

/// The longest document that is read, in bytes.
const MAX_METADATA_BYTES: u64 = 64 * 1024;

/// Fetches `/.well-known/wasm-pkg/registry.json` from `host`, which may have a port, and returns it unchanged.
/// Returns nothing if the host has no such JSON document.
///
/// A host that cannot be reached is an error. A document that the host calls JSON is returned even if it is broken;
/// if it is longer than 64 KiB, the error is [`Error::Malformed`].
pub async fn registry_metadata(host: &str, options: &Options) -> Result<Option<Bytes>, Error> {
    let what = "looking for its registry metadata";
    let found = document(host, PATH, what, MAX_METADATA_BYTES, options).await?;
    let Some(Document { media_type, body }) = found else {
        return Ok(None);
    };
    let is_json = media_type.ends_with("/json") || media_type.ends_with("+json");
    match body {
        Some(body) if is_json || serde_json::from_slice::<IgnoredAny>(&body).is_ok() => {
            Ok(Some(body))
        }
        None if is_json => Err(Error::Malformed {
            what: "the registry metadata".to_owned(),
            location: host.to_owned(),
            reason: format!("it is longer than {MAX_METADATA_BYTES} bytes"),
        }),
        _ => Ok(None),
    }
}
