//! Hints for what stores lack or refuse.

use std::path::Path;

use wharf::store::{self, StoreKind, Subject};

use super::{Hint, ONLINE, answers, connection};

/// Returns the hint for a store that failed.
pub(super) fn hint(error: &store::Error) -> Option<Hint> {
    let hint = match error.unshared() {
        store::Error::Refused { .. } => {
            "give credentials with --username and --password-stdin, in WHARF_TOKEN, or by \
             `wharf login`; and check that they reach this repository"
        }
        store::Error::NoCatalog { .. } => {
            "name a package: `wharf versions NAMESPACE:NAME`; zot, distribution and Harbor list theirs, and so \
             does a mirror (`wharf mirror`)"
        }
        store::Error::Overwritten { .. } => "others write there all the time: run it again",
        store::Error::NotFound { what, kind, .. } => return Some(missing_hint(what, kind)),
        store::Error::Corrupt {
            what,
            kind: StoreKind::Layout(layout),
            source,
            ..
        } => {
            let hex = source.expected.digest.hex();
            let file = layout.join("blobs/sha256").join(hex);
            let way = match what {
                Subject::Blob(_) => again(layout),
                _ => "publish, push or copy it there again".into(),
            };
            return Some(format!("delete {}, then {way}", file.display()).into());
        }
        store::Error::Unreachable { source, .. } => {
            return Some(connection::hint(source.as_ref()));
        }
        error => return answers::hint(error),
    };
    Some(hint.into())
}

fn missing_hint(what: &Subject, kind: &StoreKind) -> Hint {
    match (what, kind) {
        (Subject::Store(_), StoreKind::Layout(layout)) => {
            format!("`wharf push FILE oci:{}:TAG` makes one", layout.display()).into()
        }
        (Subject::Blob(_), StoreKind::Layout(layout)) => again(layout),
        (Subject::Store(_), StoreKind::BlobDirectory) => {
            "it has a directory `sha256` in it: containerd's is ROOT/io.containerd.content.v1.content/blobs, \
             CRI-O's and podman's are the `blobs` of their artifacts"
                .into()
        }
        (_, StoreKind::BlobDirectory) => {
            "the digest is that of a manifest, and the engine must have pulled all of it".into()
        }
        (_, StoreKind::Offline) => ONLINE.into(),
        _ => "check the repository and the tag".into(),
    }
}

/// How to restore a blob of a layout, whose repositories share all blobs. Publishing and copying do not look at
/// the blobs of an artifact that exists.
fn again(layout: &Path) -> Hint {
    let layout = layout.display();
    format!(
        "`wharf push FILE oci:{layout}:TAG` of the same component, under any tag, writes it again"
    )
    .into()
}
