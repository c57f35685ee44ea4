//! The types that a search asks for: a world, or a component whose imports are to be filled.

use std::sync::Arc;

use serde::Serialize;
use tokio::task::spawn_blocking;

use super::error::Error;
use super::interface::Pattern;
use super::query::Query;
use crate::fits;
use crate::world::{self, Target};

/// What components are compared with.
pub enum Types {
    /// A world that they have to run in.
    World(Arc<Target>),
    /// A component whose imports they should fill.
    Socket {
        /// Its stub.
        stub: Arc<Vec<u8>>,
        /// The names of its imports.
        imports: Vec<String>,
    },
}

/// A part of a component that matches a search.
#[derive(Debug, Serialize)]
pub struct Match {
    /// `export`, `import` or `word`; `world`, or `fills` with the import of the other component.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The interface that an import or export stands for, if its name is not that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
}

impl Match {
    /// Returns a match by something that is called so.
    pub fn new(kind: &'static str, name: String) -> Self {
        let interface = None;
        Self {
            kind,
            name,
            interface,
        }
    }
}

impl Types {
    /// Returns the types of a component whose imports are to be filled.
    pub fn socket(stub: Vec<u8>) -> Result<Self, world::Error> {
        let imports = Target::of_component(&stub)?.imports();
        let stub = Arc::new(stub);
        Ok(Self::Socket { stub, imports })
    }

    /// Narrows a query to components that may fit by their names. Several versions may, so that all are candidates.
    pub fn narrow(&self, query: Query) -> Query {
        let patterns = |names: Vec<String>| {
            let names = names.iter();
            names.map(|name| Pattern::compatible_with(name)).collect()
        };
        let query = Query {
            all_versions: true,
            limit: None,
            ..query
        };
        match self {
            Self::World(world) => Query {
                exports_all: patterns(world.exports()),
                world_imports: Some(patterns(world.imports())),
                ..query
            },
            Self::Socket { imports, .. } => Query {
                exports_any: Some(patterns(imports.clone())),
                ..query
            },
        }
    }

    /// Returns by what a component fits, given its stub, or nothing if it does not fit.
    pub async fn matches(&self, stub: Vec<u8>) -> Result<Option<Vec<Match>>, Error> {
        let matches = match self {
            Self::World(world) => {
                let world = Arc::clone(world);
                let name = world.name();
                let verdict = spawn_blocking(move || fits::target(&stub, &world)).await?;
                verdict.map(|verdict| verdict.fits().then(|| vec![Match::new("world", name)]))
            }
            Self::Socket { stub: socket, .. } => {
                let socket = Arc::clone(socket);
                let filled = spawn_blocking(move || fits::plug(&socket, &stub)).await?;
                filled.map(|names| {
                    let fills = names.into_iter().map(|name| Match::new("fills", name));
                    let fills: Vec<Match> = fills.collect();
                    (!fills.is_empty()).then_some(fills)
                })
            }
        };
        match matches {
            // Something without types fits nowhere, and neither does something that does not run.
            Err(fits::Error::World(world::Error::Module | world::Error::WitPackage)) => Ok(None),
            matches => Ok(matches?),
        }
    }
}
