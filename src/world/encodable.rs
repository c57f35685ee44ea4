//! Checks whether decoded WIT can be encoded again.
//!
//! The encoder recurses from an interface to the interfaces whose types it uses, and does not detect circles. An
//! interface that is both imported and exported can close a circle, and then the encoder would not return.

use std::collections::{HashMap, hash_map::Entry};

use wit_parser::{InterfaceId, PackageId, Resolve};

/// The longest chain of interfaces that is followed.
const MAX_CHAIN: usize = 1000;

/// Checks a package before it is encoded. Fails with the reason why it cannot be encoded.
pub(super) fn check(resolve: &Resolve, package: PackageId) -> Result<(), String> {
    let mut done = HashMap::new();
    for &interface in resolve.packages[package].interfaces.values() {
        check_uses(resolve, interface, &mut done)?;
    }
    Ok(())
}

/// Visits the interfaces that an interface uses, depth first. `done` has every visited interface, and whether the
/// visit has ended.
fn check_uses(
    resolve: &Resolve,
    interface: InterfaceId,
    done: &mut HashMap<InterfaceId, bool>,
) -> Result<(), String> {
    let uses = |id| resolve.interface_direct_deps(id).collect::<Vec<_>>();
    if done.insert(interface, false) == Some(true) {
        done.insert(interface, true);
        return Ok(());
    }
    let mut chain = vec![(interface, uses(interface))];
    while let Some((id, left)) = chain.last_mut() {
        let Some(next) = left.pop() else {
            done.insert(*id, true);
            chain.pop();
            continue;
        };
        match done.entry(next) {
            Entry::Occupied(met) if *met.get() => {}
            Entry::Occupied(_) => return Err(format!("{} uses itself", name(resolve, next))),
            Entry::Vacant(new) => {
                new.insert(false);
                chain.push((next, uses(next)));
            }
        }
        if chain.len() > MAX_CHAIN {
            return Err(format!("more than {MAX_CHAIN} interfaces use each other"));
        }
    }
    Ok(())
}

fn name(resolve: &Resolve, interface: InterfaceId) -> String {
    let name = resolve.id_of(interface);
    name.map_or_else(|| "an interface".to_owned(), |name| format!("`{name}`"))
}
