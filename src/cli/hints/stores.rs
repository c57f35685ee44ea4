//! Hints for errors of stores.

use std::path::Path;

use wharf::store::{self, StoreKind, Subject};

use super::{Hint, ONLINE, answers, connection};

/// Returns the hint for a store that failed.
pub(super) fn hint(error: &store::Error) -> Option<Hint> {
    let hint = match error.unshared() {
        store::Error::Refused { .. } => {
            "log in with `wharf login HOST`, --username and --password-stdin, or WHARF_TOKEN, and check the rights \
             for this repository"
        }
        store::Error::NoCatalog { .. } => {
            "name a package, as in `wharf versions NAMESPACE:NAME`, or list a mirror made with `wharf mirror`"
        }
        store::Error::Overwritten { .. } => {
            "run the command again, because other clients wrote at the same time"
        }
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
                _ => "publish, push or copy it again".into(),
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
            format!("run `wharf push FILE oci:{}:TAG` to create one", layout.display()).into()
        }
        (Subject::Blob(_), StoreKind::Layout(layout)) => again(layout),
        (Subject::Store(_), StoreKind::BlobDirectory) => {
            "name the directory that contains `sha256`, such as ROOT/io.containerd.content.v1.content/blobs for \
             containerd, or `blobs` in the artifacts of CRI-O and podman"
                .into()
        }
        (_, StoreKind::BlobDirectory) => {
            "use the digest of a manifest that the container engine has pulled completely".into()
        }
        (_, StoreKind::Offline) => ONLINE.into(),
        _ => "check the repository and the tag".into(),
    }
}

/// Returns the way to restore a blob of a layout. Pushing under any tag is enough, because all repositories share the
/// blobs. Publishing and copying do not look at the blobs of an existing artifact.
fn again(layout: &Path) -> Hint {
    let layout = layout.display();
    format!(
        "run `wharf push FILE oci:{layout}:TAG` with the same component and level, and any tag, to restore it"
    )
    .into()
}
