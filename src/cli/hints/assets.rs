//! The hints of errors about files of assets components.

use wharf::assets::{packed, section};
use wharf::error::Error;

use super::Hint;

pub(super) fn hint(error: &Error) -> Option<Hint> {
    match error {
        Error::MissingRemoteFiles {
            has_directories: true,
            ..
        } => Some("name the directory that was given to `wharf assets`, with all its files".into()),
        Error::MissingRemoteFiles { .. } => Some(
            "add `--remote-files DIR` with the directory that was given to `wharf assets`".into(),
        ),
        Error::ChangedRemoteFile { .. } => {
            Some("restore the file, or pack its directory again with `wharf assets`".into())
        }
        Error::Assets(error) => packed_hint(error),
        _ => None,
    }
}

fn packed_hint(error: &packed::Error) -> Option<Hint> {
    match error {
        packed::Error::NoList => Some("name a component that `wharf assets` wrote".into()),
        packed::Error::Unknown { .. } => {
            Some("run `wharf inspect` with the component to see its files".into())
        }
        packed::Error::Directory { .. } => {
            Some("use `wharf assets extract` to get the files of a directory".into())
        }
        packed::Error::Remote { .. } => {
            Some("name the published component, whose repository has the file".into())
        }
        packed::Error::List(section::Error::Version { .. }) => {
            Some("use a newer version of wharf".into())
        }
        _ => None,
    }
}
