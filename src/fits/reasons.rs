//! The reasons of a verdict: missing and differing names.

use wac_types::{ItemKind, Package, Type, Types, WorldId, are_semver_compatible, validate_target};

use super::{Error, Mismatch, Verdict};
use crate::world::{EncodedWorld, TargetWorld};

/// Returns why a component does not fit, given the first reason that the validator reported.
pub(super) fn explain(
    component: &[u8],
    world: &TargetWorld,
    first: &str,
) -> Result<Verdict, Error> {
    let own = TargetWorld::of_component(component)?;
    let mut verdict = compare(component, world).unwrap_or_default();
    // The comparison may miss the validator's reason: for example two resources with the same name.
    let names = [own.imports(), own.exports(), world.exports()].concat();
    let (name, reason) = read(first, &names);
    let is_said = match name {
        Some(name) => verdict
            .names()
            .any(|said| are_semver_compatible(said, name)),
        None => !verdict.fits(),
    };
    if !is_said {
        let name = name.map_or_else(|| world.name(), str::to_owned);
        verdict.mismatches.push(Mismatch { name, reason });
    }
    Ok(verdict)
}

/// Returns the import or export that a message of the validator is about, and the reason in it.
///
/// The lines of a message go from the outside in, and the first one is about the whole. Its numbers have no meaning
/// outside the validator.
fn read<'a>(message: &str, names: &'a [String]) -> (Option<&'a str>, String) {
    let lines: Vec<&str> = message.lines().collect();
    let lines = match lines.as_slice() {
        [_, inner @ ..] if !inner.is_empty() => inner,
        all => all,
    };
    let named = |line: &str| {
        let quoted = line.split('`').nth(1)?;
        names.iter().find(|name| is_called(name, quoted))
    };
    let (name, lines) = match lines.first().copied().and_then(named) {
        Some(name) if lines.len() > 1 => (Some(name.as_str()), &lines[1..]),
        name => (name.map(String::as_str), lines),
    };
    let plain = |line: &&str| {
        let end = [" (at offset ", " (ResourceId "].iter();
        let end = end.filter_map(|number| line.find(number)).min();
        line[..end.unwrap_or(line.len())].to_owned()
    };
    (name, lines.iter().map(plain).collect::<Vec<_>>().join(": "))
}

impl Verdict {
    fn names(&self) -> impl Iterator<Item = &str> {
        let missing = self.missing_imports.iter().chain(&self.missing_exports);
        let mismatches = self.mismatches.iter().map(|mismatch| &mismatch.name);
        missing.chain(mismatches).map(String::as_str)
    }
}

/// Returns whether a message quotes this name. Messages cut versions to the part that semver compares
/// (`a:b/c@0.2`).
fn is_called(name: &str, quoted: &str) -> bool {
    match name.strip_prefix(quoted) {
        Some("") => true,
        Some(rest) => quoted.contains('@') && rest.starts_with('.'),
        None => false,
    }
}

/// Compares item by item. Returns nothing if the component or the world cannot be read here.
fn compare(component: &[u8], world: &TargetWorld) -> Option<Verdict> {
    let EncodedWorld { package, world } = world.encode().ok()?;
    let mut types = Types::default();
    let package = Package::from_bytes("world", None, package, &mut types).ok()?;
    let component = Package::from_bytes("component", None, component, &mut types).ok()?;
    let world = definition(&types, package.ty(), &world)?;
    let report = match validate_target(&types, world, component.ty()) {
        Ok(()) => return Some(Verdict::default()),
        Err(report) => report,
    };
    let mismatches = report.mismatched_types().map(|(name, _, error)| Mismatch {
        name: name.to_owned(),
        reason: format!("{error:#}"),
    });
    Some(Verdict {
        missing_imports: report.imports_not_in_target().map(str::to_owned).collect(),
        missing_exports: report
            .missing_exports()
            .map(|(name, _)| name.to_owned())
            .collect(),
        mismatches: mismatches.collect(),
    })
}

/// Returns a world of a package. An encoded package exports the type of a component, which exports the world's
/// type.
fn definition(types: &Types, package: WorldId, name: &str) -> Option<WorldId> {
    let ItemKind::Type(Type::World(entry)) = types[package].exports.get(name)? else {
        return None;
    };
    match types[*entry].exports.values().next()? {
        ItemKind::Component(world) => Some(*world),
        _ => None,
    }
}
