//! The index of what can be searched: kept in one SQLite file, filled from registries, layouts and shared
//! indexes, asked by interface and by word.
//!
//! All of it can be read again from its sources, so a file that makes no sense, or is of another version, is
//! begun anew. `docs/SEARCH.md` says what the answers mean.

pub mod exchange;
mod extract;
mod fill;
mod forget;
mod imports;
pub mod interface;
mod number;
mod postings;
mod query;
mod record;
mod schema;
pub mod shared;
mod sources;
mod update;
mod wordlist;
mod writer;

use std::io;
use std::path::{Path, PathBuf};

pub use self::extract::LeftOut;
pub use self::fill::{Filled, Filling, Status};
pub use self::interface::Pattern;
pub use self::query::{Answer, Found, Query};
pub use self::record::{Entry, Externs, Record, RecordLayer, has_words};
pub use self::sources::Source;
pub use self::update::{Failed, Known, Reader, Reading, Repository, Which, record_of};

use crate::error::Kind;

/// An index that is open.
#[derive(Debug)]
pub struct Index {
    connection: rusqlite::Connection,
    path: PathBuf,
    /// What its name and those of the files beside it are made of.
    base: PathBuf,
    file: Option<schema::FileId>,
    rebuilt: Option<String>,
}

/// Why an index could not be read, written or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database failed.
    #[error("the index {}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file cannot be used even after it was begun anew.
    #[error("the index {} cannot be used: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The list of what was added makes no sense.
    #[error("the list of what was added, {}, makes no sense: {reason}", path.display())]
    Sources {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file beside the index could not be read or written.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing was indexed yet.
    #[error("the index has no components")]
    Empty,
    /// Nothing in the index imports or exports what was asked for.
    #[error(
        "nothing in the index has the interface `{pattern}`{}",
        nearest_words(nearest)
    )]
    UnknownInterface {
        /// What was asked for.
        pattern: String,
        /// What comes near.
        nearest: Vec<String>,
    },
}

impl Error {
    fn sqlite(path: &Path) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Sqlite {
            path: path.to_owned(),
            source,
        }
    }

    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }

    /// Returns what kind of failure this is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Empty | Self::UnknownInterface { .. } => Kind::NotFound,
            Self::Unusable { .. } | Self::Sources { .. } => Kind::Integrity,
            Self::Sqlite { .. } | Self::File { .. } => Kind::Other,
        }
    }

    /// Returns whether the index should be [begun anew](Index::discard).
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Sqlite { source, .. } if schema::is_damage(source))
    }

    /// Returns whether the file, or one beside it, may not be written.
    pub fn is_about_rights(&self) -> bool {
        matches!(self, Self::Sqlite { source, .. } if schema::is_about_rights(source))
    }
}

fn nearest_words(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        nearest => format!("; there is {}", nearest.join(", ")),
    }
}
