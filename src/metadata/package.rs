//! The package and version that a component names.

use crate::reference::package::{PackageName, PackageSpec, Requirement, Version};
use crate::section::SectionMap;
use crate::world;

/// Returns the package and the version that a component names.
///
/// A WIT package names both in its WIT, and nowhere else; `wit` is then the decoded kind. For other components the
/// name section counts if it is `namespace:name` or `namespace:name@version`. Without a version in it, the text
/// `version` counts, if it is a valid version.
pub fn package_of(
    map: &SectionMap,
    wit: Option<&world::WitKind>,
) -> (Option<PackageName>, Option<Version>) {
    if let Some(world::WitKind::WitPackage { name, version }) = wit {
        return (
            own_name(&name.to_string()).map(|(name, _)| name),
            version.clone(),
        );
    }
    let named = map.name.as_deref().and_then(own_name);
    let (name, version) = match named {
        Some((name, version)) => (Some(name), version),
        None => (None, None),
    };
    let text = || {
        let (_, text) = map.texts.iter().find(|(name, _)| name == "version")?;
        Version::parse(text).ok()
    };
    (name, version.or_else(text))
}

/// Parses `namespace:name` or `namespace:name@version`. Returns nothing if no package can have this name.
fn own_name(text: &str) -> Option<(PackageName, Option<Version>)> {
    let spec: PackageSpec = text.parse().ok()?;
    match spec.requirement {
        Requirement::Newest => Some((spec.name, None)),
        Requirement::Exact(version) => Some((spec.name, Some(version))),
        Requirement::Equal(_) | Requirement::Matching(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::map;

    fn vector(bytes: &[u8]) -> Vec<u8> {
        [&[bytes.len() as u8], bytes].concat()
    }

    fn custom(name: &str, content: &[u8]) -> Vec<u8> {
        let payload = [vector(name.as_bytes()), content.to_vec()].concat();
        [vec![0], vector(&payload)].concat()
    }

    fn named(section: &str, name: &str) -> Vec<u8> {
        let subsection = vector(&vector(name.as_bytes()));
        custom(section, &[vec![0], subsection].concat())
    }

    fn component(sections: &[Vec<u8>]) -> SectionMap {
        let bytes = [b"\0asm\x0d\0\x01\0".as_slice(), &sections.concat()].concat();
        map(bytes.as_slice(), 4096).unwrap()
    }

    fn found(map: &SectionMap) -> (Option<String>, Option<String>) {
        let (name, version) = package_of(map, None);
        (
            name.map(|name| name.to_string()),
            version.map(|version| version.to_string()),
        )
    }

    #[test]
    fn names_and_versions_come_from_the_name_section_and_the_version_text() {
        let text = custom("version", b"2.0.0");
        for (name, package, version, with_text) in [
            ("demo:calc", Some("demo:calc"), None, Some("2.0.0")),
            (
                "demo:calc@1.2.3-rc.1+b",
                Some("demo:calc"),
                Some("1.2.3-rc.1+b"),
                Some("1.2.3-rc.1+b"),
            ),
            ("demo:calc@1.2", None, None, Some("2.0.0")),
            ("demo:calc@^1.2.3", None, None, Some("2.0.0")),
            ("demo:calc@", None, None, Some("2.0.0")),
            ("calc", None, None, Some("2.0.0")),
            ("oci:calc", None, None, Some("2.0.0")),
            ("demo:calc/run", None, None, Some("2.0.0")),
        ] {
            let expected =
                |version: Option<&str>| (package.map(str::to_owned), version.map(str::to_owned));
            let section = named("component-name", name);
            let map = component(std::slice::from_ref(&section));
            assert_eq!(map.name.as_deref(), Some(name));
            assert_eq!(found(&map), expected(version), "{name}");
            let map = component(&[text.clone(), section]);
            assert_eq!(found(&map), expected(with_text), "{name}");
        }
        let map = component(&[custom("version", b"v2")]);
        assert_eq!(found(&map), (None, None));
    }

    #[test]
    fn only_the_files_own_name_counts() {
        let section = named("name", "demo:calc");
        let module = [b"\0asm\x01\0\0\0".as_slice(), &section].concat();
        assert_eq!(
            map(module.as_slice(), 4096).unwrap().name.as_deref(),
            Some("demo:calc")
        );
        // A component has its own name section. Those of core modules and of nested components do not count.
        assert_eq!(component(&[section]).name, None);
        let nested = [vec![1], vector(&module)].concat();
        assert_eq!(component(&[nested]).name, None);
    }

    #[test]
    fn damaged_names_are_none() {
        for content in [
            b"".as_slice(),
            b"\0",
            b"\0\x03\x03ab",
            b"\0\x03\x01ab",
            b"\0\x02\x03abc",
            b"\0\x02\x01\xff",
            b"\x01\x02\x01a",
        ] {
            let map = component(&[custom("component-name", content)]);
            assert_eq!(map.name, None, "{content:?}");
        }
        let map = component(&[
            named("component-name", "a:b"),
            custom("component-name", b"\0"),
        ]);
        assert_eq!(map.name, None);
    }

    #[test]
    fn the_name_of_a_wit_package_is_in_its_wit() {
        let sections = [
            named("component-name", "demo:calc@1.0.0"),
            custom("version", b"2.0.0"),
        ];
        let wit = world::WitKind::WitPackage {
            name: "demo:types".parse().unwrap(),
            version: None,
        };
        let (name, version) = package_of(&component(&sections), Some(&wit));
        assert_eq!(name.unwrap().to_string(), "demo:types");
        assert_eq!(version, None);
        let (name, _) = package_of(&component(&sections), Some(&world::WitKind::Component));
        assert_eq!(name.unwrap().to_string(), "demo:calc");
    }
}
