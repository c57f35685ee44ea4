//! Worlds for type checks: those of WIT packages, as text or encoded, and those of components.

use wit_component::DecodedWasm;
use wit_parser::{
    PackageId, ParseError, Resolve, ResolveError, SourceMap, UnresolvedPackageGroup, WorldId,
    WorldKey,
};

use super::{Error, MAX_DECODED_BYTES, encodable, expressed, externs, inexpressible, read};

/// A file of a WIT package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitFile {
    /// Its name in messages.
    pub path: String,
    /// Its contents.
    pub text: String,
}

/// A WIT package that another one uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dependency {
    /// The package as text, in one or several files.
    Text(Vec<WitFile>),
    /// The package encoded as a component.
    Encoded {
        /// Its name in messages.
        path: String,
        /// The component.
        bytes: Vec<u8>,
    },
}

/// A WIT package with all packages that it uses.
#[derive(Debug, Clone)]
pub struct Wit {
    resolve: Resolve,
    package: PackageId,
}

/// A world: the allowed imports and the required exports of a component.
#[derive(Debug, Clone)]
pub struct TargetWorld {
    resolve: Resolve,
    world: WorldId,
}

/// A world as bytes: a WIT package, and the name of the world in it.
#[derive(Debug, Clone)]
pub struct EncodedWorld {
    /// The package, encoded as a component.
    pub package: Vec<u8>,
    /// The name of the world, without package and version.
    pub world: String,
}

impl Wit {
    /// Reads the files of a package and of the packages that it uses. `@unstable` items are left out.
    ///
    /// Fails with file, line and column if the text is malformed.
    pub fn read(files: Vec<WitFile>, dependencies: Vec<Dependency>) -> Result<Self, Error> {
        let mut resolve = Resolve::default();
        let mut groups = Vec::new();
        for dependency in dependencies {
            match dependency {
                Dependency::Text(files) => groups.push(parse(files)?),
                Dependency::Encoded { path, bytes } => {
                    let at = |reason| Error::Text {
                        place: path.clone(),
                        reason,
                    };
                    let wit = Self::decode(&bytes).map_err(|error| at(error.to_string()))?;
                    let merged = resolve.merge(wit.resolve);
                    merged.map_err(|error| at(format!("{error:#}")))?;
                }
            }
        }
        let package = resolve.push_groups(parse(files)?, groups);
        let package = package.map_err(|error| unresolved(&resolve, &error))?;
        Ok(Self { resolve, package })
    }

    /// Decodes an encoded package.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        match read(bytes)? {
            DecodedWasm::WitPackage(resolve, package) => {
                check(&resolve)?;
                Ok(Self { resolve, package })
            }
            DecodedWasm::Component(..) => Err(Error::Component),
        }
    }

    /// Returns a world of the package by its name, or a world of a used package by
    /// `namespace:package/world@version`.
    pub fn world(&self, name: &str) -> Result<TargetWorld, Error> {
        let found = self.resolve.select_world(&[self.package], Some(name));
        let world = found.map_err(|_| {
            let package = &self.resolve.packages[self.package];
            Error::NoWorld {
                name: name.to_owned(),
                package: package.name.to_string(),
                known: package.worlds.keys().cloned().collect(),
            }
        })?;
        Ok(TargetWorld {
            resolve: self.resolve.clone(),
            world,
        })
    }
}

impl TargetWorld {
    /// Returns the world of a component: its imports and exports.
    ///
    /// Fails if it imports a core module or a component, which no world can import. Such exports are left out.
    pub fn of_component(bytes: &[u8]) -> Result<Self, Error> {
        match read(bytes)? {
            DecodedWasm::Component(resolve, world) => {
                check(&resolve)?;
                check_imports(bytes).map_err(inexpressible)?;
                Ok(Self { resolve, world })
            }
            DecodedWasm::WitPackage(..) => Err(Error::WitPackage),
        }
    }

    /// Returns the world's name, with its package and version.
    pub fn name(&self) -> String {
        let world = &self.resolve.worlds[self.world];
        match world.package {
            Some(package) => self.resolve.id_of_name(package, &world.name),
            None => world.name.clone(),
        }
    }

    /// Returns the names of the world's imports.
    pub fn imports(&self) -> Vec<String> {
        self.names(self.resolve.worlds[self.world].imports.keys())
    }

    /// Returns the names of the world's exports.
    pub fn exports(&self) -> Vec<String> {
        self.names(self.resolve.worlds[self.world].exports.keys())
    }

    fn names<'a>(&self, keys: impl Iterator<Item = &'a WorldKey>) -> Vec<String> {
        let name = |key| self.resolve.name_world_key(key);
        keys.map(name).collect()
    }

    /// Checks whether a component can run in this world: the world has all its imports, it has all the world's
    /// exports, and all types agree. Versions that semver calls compatible count as equal.
    ///
    /// The inner error is the first reason against it, with one line per level, from the outside in.
    pub fn admits(&self, component: &[u8]) -> Result<Result<(), String>, Error> {
        // Decoding it again is safe only after these checks.
        Self::of_component(component)?;
        let component = expressed(component)?;
        let targets =
            |semver| wit_component::targets(&self.resolve, self.world, &component, semver);
        let Err(refusal) = targets(true) else {
            return Ok(Ok(()));
        };
        // With semver matching, the checker rejects two compatible versions of one interface. Here they are
        // allowed.
        match targets(false) {
            Ok(()) => Ok(Ok(())),
            Err(_) => Ok(Err(refusal.root_cause().to_string())),
        }
    }

    /// Returns the world, and the packages that it is in.
    pub(crate) fn resolved(&self) -> (&Resolve, WorldId) {
        (&self.resolve, self.world)
    }

    /// Encodes the world with its package.
    pub fn encode(&self) -> Result<EncodedWorld, Error> {
        let world = &self.resolve.worlds[self.world];
        let failed = |reason| Error::Wit { reason };
        let package = world
            .package
            .ok_or_else(|| failed("the world has no package".to_owned()))?;
        let package = wit_component::encode(&self.resolve, package, false);
        Ok(EncodedWorld {
            package: package.map_err(|error| failed(format!("{error:#}")))?,
            world: world.name.clone(),
        })
    }
}

/// Checks that recursion from interface to interface ends. It always does in parsed WIT.
fn check(resolve: &Resolve) -> Result<(), Error> {
    for (package, _) in &resolve.packages {
        encodable::check(resolve, package).map_err(inexpressible)?;
    }
    Ok(())
}

/// Checks that a world can have all imports, because decoding leaves the others out.
fn check_imports(bytes: &[u8]) -> Result<(), String> {
    let mut left_out = externs::inexpressible(bytes)?.into_iter();
    match left_out.find(|left| !left.is_export) {
        Some(import) => Err(format!("import `{}` is a {}", import.name, import.what)),
        None => Ok(()),
    }
}

fn parse(files: Vec<WitFile>) -> Result<UnresolvedPackageGroup, Error> {
    let bytes = files.iter().map(|file| file.text.len()).sum();
    if bytes > MAX_DECODED_BYTES {
        return Err(Error::TooLarge { bytes });
    }
    let mut sources = SourceMap::new();
    for file in files {
        sources.push_str(&file.path, file.text);
    }
    sources
        .parse()
        .map_err(|(sources, error)| malformed(&sources, &error))
}

fn malformed(sources: &SourceMap, error: &ParseError) -> Error {
    Error::Text {
        place: sources.render_location(error.kind().span()),
        reason: error.to_string(),
    }
}

fn unresolved(resolve: &Resolve, error: &ResolveError) -> Error {
    Error::Text {
        place: resolve.render_location(error.kind().span()),
        reason: error.to_string(),
    }
}
