//! Where an index looks. The list is kept beside the index, so that it outlives a file that is begun anew.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::Error;
use crate::store::spool;

/// Something that is indexed, in the words that name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Source {
    /// All of a registry that has a catalog, or what is below a prefix there, or a layout.
    Place {
        /// `HOST[/PREFIX]` or `oci:DIR`.
        place: String,
    },
    /// The versions of one package.
    Package {
        /// `namespace:name`.
        package: String,
        /// Where it is, if that was said; else as the configuration has it.
        #[serde(skip_serializing_if = "Option::is_none")]
        place: Option<String>,
    },
    /// One artifact.
    Reference {
        /// The reference.
        reference: String,
    },
    /// An index that somebody published.
    Shared {
        /// The reference of it.
        reference: String,
    },
}

impl fmt::Display for Source {
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

impl Source {
    /// Returns what kind of source this is, in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Place { .. } => "place",
            Self::Package { .. } => "package",
            Self::Reference { .. } => "reference",
            Self::Shared { .. } => "shared",
        }
    }

    /// Returns whether it is an index that somebody published, and so only claims what it says.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Shared { .. })
    }
}

/// Reads what a source or an entry names.
pub(super) fn parsed<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, Error> {
    text.parse().map_err(|error: T::Err| Error::Source {
        name: text.to_owned(),
        reason: error.to_string(),
    })
}

/// The file beside the index.
#[derive(Default, Serialize, Deserialize)]
struct List {
    sources: Vec<Source>,
}

/// Reads the list; none where there is none.
pub(super) fn read(path: &Path) -> Result<Vec<Source>, Error> {
    match fs::read(path) {
        Ok(bytes) => match serde_json::from_slice::<List>(&bytes) {
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

/// Writes the list.
pub(super) fn write(path: &Path, sources: Vec<Source>) -> Result<(), Error> {
    let list = serde_json::to_vec_pretty(&List { sources }).map_err(io::Error::from);
    list.and_then(|list| spool::write(path, &list))
        .map_err(Error::file(path))
}
