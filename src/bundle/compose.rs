//! Connects stubs and encodes the composition.

use std::error::Error as StdError;
use std::ops::Range;

use wac_graph::types::{Package, are_semver_compatible};
use wac_graph::{CompositionGraph, EncodeOptions, InstantiationArgumentError, NodeId, PackageId};

use super::{Composition, Connection, Error, Part, custom};
use crate::section::{self, BinaryKind};

pub(super) fn compose(parts: &[Part]) -> Result<Composition, Error> {
    let mut graph = CompositionGraph::new();
    let mut members = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        members.push(Member::register(&mut graph, index, part)?);
    }
    let (mut connections, mut unfilled) = (Vec::new(), Vec::new());
    let mut are_used = vec![false; members.len()];
    for (index, importer) in members.iter().enumerate() {
        for import in &importer.imports {
            let mut later = members.iter().enumerate().skip(index + 1);
            let found = later.find_map(|(at, exporter)| {
                let export = exporter.export_for(import)?;
                Some((at, exporter, export))
            });
            let Some((at, exporter, export)) = found else {
                unfilled.push((index, import));
                continue;
            };
            importer.connect(&mut graph, import, exporter, export)?;
            are_used[at] = true;
            connections.push(Connection {
                importer: importer.name.to_owned(),
                import: import.clone(),
                exporter: exporter.name.to_owned(),
                export: export.clone(),
            });
        }
    }
    let mut others = members.iter().enumerate().skip(1);
    if let Some((index, unused)) = others.find(|(index, _)| !are_used[*index]) {
        let wanted = unfilled.iter().filter(|(importer, _)| *importer < index);
        return Err(Error::Unused {
            part: unused.name.to_owned(),
            wanted: wanted.map(|(_, import)| (*import).clone()).collect(),
            offered: unused.exports.clone(),
        });
    }
    if let Some(application) = members.first() {
        for name in &application.exports {
            let export = graph.alias_instance_export(application.node, name);
            let export = export.map_err(|error| invalid(&error))?;
            graph
                .export(export, name)
                .map_err(|error| invalid(&error))?;
        }
    }
    let encoded = graph.encode(EncodeOptions::default());
    let encoded = encoded.map_err(|error| invalid(&error))?;
    let places = places(&encoded, &members)?;
    Ok(Composition {
        connections,
        names: parts.iter().map(|part| part.name.clone()).collect(),
        encoded,
        places,
    })
}

/// A part in the graph.
struct Member<'a> {
    name: &'a str,
    /// The stub, with a custom section that no other part has: two parts may have equal stubs.
    stub: Vec<u8>,
    node: NodeId,
    imports: Vec<String>,
    exports: Vec<String>,
}

impl<'a> Member<'a> {
    fn register(graph: &mut CompositionGraph, index: usize, part: &'a Part) -> Result<Self, Error> {
        let failed = |reason| Error::Part {
            part: part.name.clone(),
            reason,
        };
        let stub = [
            &part.stub[..],
            &custom("part", index.to_string().as_bytes()),
        ]
        .concat();
        let name = format!("wharf:part{index}");
        let package = Package::from_bytes(&name, None, stub.as_slice(), graph.types_mut());
        let package = package.map_err(|error| failed(format!("{error:#}")))?;
        let registered = graph.register_package(package);
        let package: PackageId = registered.map_err(|error| failed(reason(&error)))?;
        let world = &graph.types()[graph[package].ty()];
        let imports = world.imports.keys().cloned().collect();
        let exports = world.exports.keys().cloned().collect();
        Ok(Self {
            name: &part.name,
            stub,
            node: graph.instantiate(package),
            imports,
            exports,
        })
    }

    /// Returns the export that fills an import by its name.
    fn export_for(&self, import: &str) -> Option<&String> {
        let same = self.exports.iter().find(|export| *export == import);
        same.or_else(|| {
            let mut exports = self.exports.iter();
            exports.find(|export| are_semver_compatible(export, import))
        })
    }

    fn connect(
        &self,
        graph: &mut CompositionGraph,
        import: &str,
        exporter: &Member<'_>,
        export: &str,
    ) -> Result<(), Error> {
        let alias = graph.alias_instance_export(exporter.node, export);
        let alias = alias.map_err(|error| invalid(&error))?;
        let set = graph.set_instantiation_argument(self.node, import, alias);
        set.map_err(|error| Error::Mismatch {
            importer: self.name.to_owned(),
            import: import.to_owned(),
            exporter: exporter.name.to_owned(),
            reason: match error {
                InstantiationArgumentError::ArgumentTypeMismatch { source, .. } => {
                    format!("{source:#}")
                }
                error => reason(&error),
            },
        })
    }
}

/// Returns the index of each part and the range of its stub in the encoded composition, by offset.
fn places(encoded: &[u8], members: &[Member<'_>]) -> Result<Vec<(usize, Range<usize>)>, Error> {
    let map = section::map(encoded, 1)?;
    let nested = map
        .binaries
        .iter()
        .filter(|binary| binary.parent == Some(0) && binary.kind == BinaryKind::Component);
    let mut places = Vec::new();
    for binary in nested {
        let range = binary.range.start as usize..binary.range.end as usize;
        let stub = &encoded[range.clone()];
        let part = members.iter().position(|member| member.stub == stub);
        places.extend(part.map(|part| (part, range)));
    }
    places.sort_by_key(|(_, range)| range.start);
    match places.len() == members.len() {
        true => Ok(places),
        false => Err(Error::Invalid {
            reason: "it does not contain all of its parts".to_owned(),
        }),
    }
}

fn invalid(error: &(dyn StdError + 'static)) -> Error {
    Error::Invalid {
        reason: reason(error),
    }
}

/// Returns an error and its causes in one line.
fn reason(error: &(dyn StdError + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
