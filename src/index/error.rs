//! Errors of the index.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::error::Kind;
use crate::{error, fits, package, world};

/// Why an index could not be read, written or searched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database failed.
    #[error("the index {}", path.display())]
    Sqlite {
        /// The index's main file.
        path: PathBuf,
        /// The cause.
        source: rusqlite::Error,
    },
    /// The list of sources cannot be read.
    #[error("the list of what was added, {}, makes no sense: {reason}", path.display())]
    Sources {
        /// The file.
        path: PathBuf,
        /// The defect.
        reason: String,
    },
    /// A file of the index, or one beside it, could not be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Nothing was indexed yet.
    #[error("the index has no components")]
    Empty,
    /// No component in the index imports or exports the interface.
    #[error(
        "nothing in the index has the interface `{pattern}`{}",
        nearest_words(nearest)
    )]
    UnknownInterface {
        /// The interface in the query.
        pattern: String,
        /// Similar names, the nearest first.
        nearest: Vec<String>,
    },
    /// A source cannot be read as its kind.
    #[error("`{name}`: {reason}")]
    Source {
        /// The source.
        name: String,
        /// The defect.
        reason: String,
    },
    /// The reference of a shared index now names another artifact.
    #[error("{reference} is no index any more")]
    NoIndex {
        /// The reference.
        reference: String,
    },
    /// Each time sources were read, the index was damaged or changed before the contents could be written.
    #[error("the index lost what was read, again and again")]
    Unstable,
    /// The types of a claimed component are in a registry that is not a source.
    #[error("its types are not in the index that claims it, and {host} was not added")]
    NotAdded {
        /// The registry.
        host: String,
    },
    /// A repository could not be found or read.
    #[error(transparent)]
    Package(Box<package::Error>),
    /// An artifact could not be read.
    #[error(transparent)]
    Artifact(Box<error::Error>),
    /// The types of a component could not be read.
    #[error(transparent)]
    World(#[from] world::Error),
    /// The types of two components could not be compared.
    #[error(transparent)]
    Fits(#[from] fits::Error),
    /// The comparison panicked. Its input comes from others, so only this candidate fails and not the search.
    #[error(transparent)]
    Panic(#[from] tokio::task::JoinError),
}

impl Error {
    pub(super) fn sqlite(path: &Path) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Sqlite {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }

    /// Returns the kind of the failure.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Empty | Self::UnknownInterface { .. } => Kind::NotFound,
            Self::Sources { .. } | Self::NoIndex { .. } | Self::World(_) | Self::Fits(_) => {
                Kind::Integrity
            }
            Self::Source { .. } => Kind::Usage,
            Self::Package(error) => error.kind(),
            Self::Artifact(error) => error.kind(),
            Self::Sqlite { .. }
            | Self::Panic(_)
            | Self::File { .. }
            | Self::Unstable
            | Self::NotAdded { .. } => Kind::Other,
        }
    }

    /// Returns whether a file is damaged, so that the index has to be rebuilt. Missing tables count as damage.
    pub fn is_damage(&self) -> bool {
        let Self::Sqlite { source, .. } = self else {
            return false;
        };
        use ErrorCode::{ConstraintViolation, DatabaseCorrupt, NotADatabase, Unknown};
        match source.sqlite_error_code() {
            // A row that refers to a missing row violates a constraint.
            Some(NotADatabase | DatabaseCorrupt | ConstraintViolation | Unknown) => true,
            Some(_) => false,
            // A stored value has another type than wharf writes.
            None => !matches!(source, rusqlite::Error::ToSqlConversionFailure(_)),
        }
    }

    /// Returns whether the index is not writable.
    pub fn is_about_rights(&self) -> bool {
        let Self::Sqlite { source, .. } = self else {
            return false;
        };
        let code = source.sqlite_error_code();
        matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
    }

    pub(super) fn reason(&self) -> String {
        match self {
            Self::Sqlite { source, .. } => source.to_string(),
            error => error.to_string(),
        }
    }
}

impl From<package::Error> for Error {
    fn from(error: package::Error) -> Self {
        Self::Package(Box::new(error))
    }
}

impl From<error::Error> for Error {
    fn from(error: error::Error) -> Self {
        Self::Artifact(Box::new(error))
    }
}

fn nearest_words(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        nearest => format!("; there is {}", nearest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;

    use super::Error;

    #[test]
    fn a_file_that_is_not_writable_is_not_damaged() {
        let directory = tempfile::tempdir().unwrap();
        let nowhere = Connection::open(directory.path().join("a/b")).unwrap_err();
        let read_only = Connection::open_in_memory().unwrap();
        read_only.pragma_update(None, "query_only", true).unwrap();
        let refused = read_only.execute_batch("CREATE TABLE a (b)").unwrap_err();
        for error in [nowhere, refused] {
            let error = Error::sqlite(Path::new("index"))(error);
            assert!(error.is_about_rights() && !error.is_damage(), "{error}");
        }
    }
}
