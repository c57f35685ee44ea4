//! The sources of an index. Their list is a file beside the index, so it survives a rebuild.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::store::spool;

/// A source of an index, as the user named it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum IndexSource {
    /// A registry with a catalog, the part of it below a prefix, or a layout.
    Place {
        /// `HOST[/PREFIX]` or `oci:DIR`.
        place: String,
    },
    /// The versions of one package.
    Package {
        /// `namespace:name`.
        package: String,
        /// The location, if the user gave one. Otherwise the configuration decides.
        #[serde(skip_serializing_if = "Option::is_none")]
        place: Option<String>,
    },
    /// One artifact.
    Reference {
        /// The reference.
        reference: String,
    },
    /// A shared index that somebody published.
    Shared {
        /// Its reference.
        reference: String,
    },
}

impl fmt::Display for IndexSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place { place } => f.write_str(place),
            Self::Package {
                package,
                place: None,
            } => f.write_str(package),
            Self::Package {
                package,
                place: Some(place),
            } => write!(f, "{package} in {place}"),
            Self::Reference { reference } | Self::Shared { reference } => f.write_str(reference),
        }
    }
}

impl IndexSource {
    /// Returns the kind of the source, in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Place { .. } => "place",
            Self::Package { .. } => "package",
            Self::Reference { .. } => "reference",
            Self::Shared { .. } => "shared",
        }
    }

    /// Returns whether it is a shared index, whose entries are only claims.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Shared { .. })
    }
}

/// Parses the name of a source or an entry.
pub(super) fn parsed<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, Error> {
    text.parse().map_err(|error: T::Err| Error::Source {
        name: text.to_owned(),
        reason: error.to_string(),
    })
}

/// The contents of the file.
#[derive(Default, Serialize, Deserialize)]
struct SourceList {
    sources: Vec<IndexSource>,
}

/// Reads the list. A missing file is an empty list.
pub(super) fn read(path: &Path) -> Result<Vec<IndexSource>, Error> {
    match fs::read(path) {
        Ok(bytes) => match serde_json::from_slice::<SourceList>(&bytes) {
            Ok(list) => Ok(list.sources),
            Err(error) => Err(Error::Sources {
                path: path.to_owned(),
                reason: error.to_string(),
            }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::file(path)(error)),
    }
}

pub(super) fn write(path: &Path, sources: Vec<IndexSource>) -> Result<(), Error> {
    let list = serde_json::to_vec_pretty(&SourceList { sources }).map_err(io::Error::from);
    list.and_then(|list| spool::write(path, &list))
        .map_err(Error::file(path))
}
