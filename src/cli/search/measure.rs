//! Search by type: names narrow it down, and then what is left is measured.

use std::sync::Arc;

use wharf::fits;
use wharf::index::{Pattern, Query};
use wharf::world::{self, Target};

use super::{Match, Search};
use crate::cli::failure::Failure;
use crate::cli::settings::Context;
use crate::cli::worlds::{self, Stub};

/// What components are measured against.
pub(super) enum Measure {
    /// A world that they have to run in.
    World(Arc<Target>),
    /// A component whose imports they should fill.
    Socket {
        bytes: Arc<Vec<u8>>,
        imports: Vec<String>,
    },
}

impl Measure {
    /// Reads what was given, if something was.
    pub(super) async fn read(context: &Context, search: &Search) -> Result<Option<Self>, Failure> {
        if let (Some(world), Some(wit)) = (&search.world, &search.wit) {
            let target = worlds::world(context, world, wit).await?;
            return Ok(Some(Self::World(Arc::new(target))));
        }
        let Some(what) = &search.fits else {
            return Ok(None);
        };
        let Stub { name, bytes } = Stub::read(context, what).await?;
        let imports = Target::of_component(&bytes)
            .map_err(|error| Failure::from(fits::Error::World(error)).context(name.clone()))?;
        Ok(Some(Self::Socket {
            bytes: Arc::new(bytes),
            imports: imports.imports(),
        }))
    }

    /// Leaves what may fit by its names. Which of several versions does, types tell.
    pub(super) fn narrowed(&self, query: Query) -> Query {
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

    /// Says by what a component fits, of which this is the stub; nothing where it does not.
    pub(super) async fn fits(&self, stub: Vec<u8>) -> Result<Option<Vec<Match>>, Failure> {
        let one = |kind, name| Match { kind, name };
        let fits = match self {
            Self::World(world) => {
                let world = Arc::clone(world);
                let name = world.name();
                let verdict = tokio::task::spawn_blocking(move || fits::target(&stub, &world));
                let verdict = verdict.await.map_err(anyhow::Error::from)?;
                let verdict = verdict.map(|verdict| verdict.fits());
                verdict.map(|fits| fits.then(|| vec![one("world", name)]))
            }
            Self::Socket { bytes, .. } => {
                let socket = Arc::clone(bytes);
                let filled = tokio::task::spawn_blocking(move || fits::plug(&socket, &stub));
                let filled = filled.await.map_err(anyhow::Error::from)?;
                filled.map(|names| {
                    let fills = names.into_iter().map(|name| one("fills", name));
                    let fills: Vec<Match> = fills.collect();
                    (!fills.is_empty()).then_some(fills)
                })
            }
        };
        match fits {
            // What has no types, and what does not run, fits nowhere.
            Err(fits::Error::World(world::Error::Module | world::Error::WitPackage)) => Ok(None),
            fits => Ok(fits?),
        }
    }
}
