//! The types of a search by type: a world, or a component with imports to fill.

use std::sync::Arc;

use serde::Serialize;
use tokio::task::spawn_blocking;

use super::error::Error;
use super::interface::Pattern;
use super::query::Query;
use crate::fits;
use crate::world::{self, TargetWorld};

/// The types that components are compared with.
pub enum Types {
    /// A world in which the components must run.
    World(Arc<TargetWorld>),
    /// A component whose imports the components should fill.
    Socket {
        /// The stub of the component.
        stub: Arc<Vec<u8>>,
        /// The names of the component's imports.
        imports: Vec<String>,
    },
}

/// A part of a component that matches a search.
#[derive(Debug, Serialize)]
pub struct TypeMatch {
    /// `export`, `import` or `word`; for a search by type `world` or `fills`.
    pub kind: &'static str,
    /// The name of the part. For `fills` it is the import of the other component.
    pub name: String,
    /// The interface that an import or export stands for, if its name is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
}

impl TypeMatch {
    /// Returns a match without an interface.
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
    /// Returns the types of a component with imports to fill.
    pub fn socket(stub: Vec<u8>) -> Result<Self, world::Error> {
        let imports = TargetWorld::of_component(&stub)?.imports();
        let stub = Arc::new(stub);
        Ok(Self::Socket { stub, imports })
    }

    /// Limits a query to components that may fit by their names. All versions are candidates, because several may
    /// fit.
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

    /// Returns the parts by which a component fits, given its stub. Returns nothing if it does not fit.
    pub async fn matches(&self, stub: Vec<u8>) -> Result<Option<Vec<TypeMatch>>, Error> {
        let matches = match self {
            Self::World(world) => {
                let world = Arc::clone(world);
                let name = world.name();
                let verdict = spawn_blocking(move || fits::target(&stub, &world)).await?;
                verdict.map(|verdict| verdict.fits().then(|| vec![TypeMatch::new("world", name)]))
            }
            Self::Socket { stub: socket, .. } => {
                let socket = Arc::clone(socket);
                let filled = spawn_blocking(move || fits::plug(&socket, &stub)).await?;
                filled.map(|names| {
                    let fills = names.into_iter().map(|name| TypeMatch::new("fills", name));
                    let fills: Vec<TypeMatch> = fills.collect();
                    (!fills.is_empty()).then_some(fills)
                })
            }
        };
        match matches {
            // Core modules have no types, and WIT packages do not run, so both fit nowhere.
            Err(fits::Error::World(world::Error::Module | world::Error::WitPackage)) => Ok(None),
            matches => Ok(matches?),
        }
    }
}
