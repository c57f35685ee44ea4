//! Composition: the imports of one component that another one fills.

use wac_graph::types::{Package, are_semver_compatible};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId, NodeKind, PackageId, PlugError};

use super::Error;
use crate::world::TargetWorld;

/// Returns the imports of `socket` that the exports of `plug` fill, in the order of the socket's imports. Both may
/// be stubs.
///
/// An export fills an import if names and types agree and the composition is a valid component. Versions that
/// semver calls compatible count as equal. If several imports can be filled alone but not together, the first ones
/// count.
pub fn plug(socket: &[u8], plug: &[u8]) -> Result<Vec<String>, Error> {
    let wanted = TargetWorld::of_component(socket)?.imports();
    let offered = TargetWorld::of_component(plug)?.exports();
    let agree = |wanted: &String| {
        let mut offered = offered.iter();
        offered.any(|offered| are_semver_compatible(offered, wanted))
    };
    match wanted.iter().any(agree) {
        true => fill(socket, plug),
        false => Ok(Vec::new()),
    }
}

fn fill(socket: &[u8], plug: &[u8]) -> Result<Vec<String>, Error> {
    let mut graph = CompositionGraph::new();
    let socket = register(&mut graph, "wharf:socket", socket)?;
    let plug = register(&mut graph, "wharf:plug", plug)?;
    match wac_graph::plug(&mut graph, vec![plug], socket) {
        Ok(()) => {}
        Err(PlugError::NoPlugHappened) => return Ok(Vec::new()),
        Err(PlugError::GraphError { source }) => return Err(composition(format!("{source:#}"))),
    }
    let imports = graph.types()[graph[socket].ty()].imports.keys();
    let imports: Vec<String> = imports.cloned().collect();
    let node = instance_of(&graph, socket)?;
    let mut arguments: Vec<(String, NodeId)> = graph
        .get_instantiation_arguments(node)
        .map(|(name, argument)| (name.to_owned(), argument))
        .collect();
    arguments.sort_by_key(|(name, _)| imports.iter().position(|import| import == name));
    if !is_valid(&graph) {
        arguments = valid(&mut graph, node, arguments)?;
    }
    Ok(arguments.into_iter().map(|(name, _)| name).collect())
}

fn register(graph: &mut CompositionGraph, name: &str, bytes: &[u8]) -> Result<PackageId, Error> {
    let package = Package::from_bytes(name, None, bytes, graph.types_mut());
    let package = package.map_err(|error| composition(format!("{error:#}")))?;
    let registered = graph.register_package(package);
    registered.map_err(|error| composition(error.to_string()))
}

fn composition(reason: String) -> Error {
    Error::Composition { reason }
}

fn instance_of(graph: &CompositionGraph, package: PackageId) -> Result<NodeId, Error> {
    let is_one = |id: &NodeId| {
        let node = &graph[*id];
        matches!(node.kind(), NodeKind::Instantiation(_)) && node.package() == Some(package)
    };
    let found = graph.node_ids().find(is_one);
    found.ok_or_else(|| composition("the socket is not in it".to_owned()))
}

fn is_valid(graph: &CompositionGraph) -> bool {
    graph.encode(EncodeOptions::default()).is_ok()
}

/// Unsets all arguments and sets them again one by one. Returns those with which the composition stays valid.
fn valid(
    graph: &mut CompositionGraph,
    socket: NodeId,
    arguments: Vec<(String, NodeId)>,
) -> Result<Vec<(String, NodeId)>, Error> {
    let failed = |error: wac_graph::InstantiationArgumentError| composition(error.to_string());
    for (name, argument) in &arguments {
        let unset = graph.unset_instantiation_argument(socket, name, *argument);
        unset.map_err(failed)?;
    }
    let mut valid = Vec::new();
    for (name, argument) in arguments {
        let set = graph.set_instantiation_argument(socket, &name, argument);
        set.map_err(failed)?;
        match is_valid(graph) {
            true => valid.push((name, argument)),
            false => graph
                .unset_instantiation_argument(socket, &name, argument)
                .map_err(failed)?,
        }
    }
    Ok(valid)
}
