//! Components that differ in what they import and export, made from WIT, and what is true of each by its whole file.

use std::collections::BTreeMap;

use wit_component::DecodedWasm;

use crate::support::binary::custom;
use crate::support::worlds::from_wit;

/// How many packages there are, and how many versions of each.
pub(crate) const PACKAGES: usize = 70;
pub(crate) const VERSIONS: usize = 3;

/// The interfaces that components import and export.
pub(crate) const WIT: &str = "
package demo:scene;

package demo:kv@0.2.0 { interface store { get: func(key: string) -> string; } }
package demo:kv@0.2.3 { interface store { get: func(key: string) -> string; } interface watch { next: func(); } }
package demo:kv@0.3.0 { interface store { get: func(key: list<u8>) -> string; } }
package demo:kv@1.0.0-rc.1 { interface store { get: func(key: list<u8>) -> list<u8>; } }
package demo:net@0.2.0 { interface handler { handle: func(request: u32) -> u32; } }
package demo:net@0.2.10 { interface handler { handle: func(request: u32) -> u32; } }
package demo:net@0.3.0 { interface handler { handle: func(request: u64) -> u32; } }
package demo:log { interface log { log: func(text: string); } }
";

/// What the components of every seventh package have instead: the same names with other types.
const OTHER_TYPES: [(&str, &str); 2] = [
    (
        "handle: func(request: u32) -> u32",
        "handle: func(request: u32) -> u64",
    ),
    ("log: func(text: string)", "log: func(text: list<u8>)"),
];

const IMPORTS: [&str; 6] = [
    "demo:kv/store@0.2.0",
    "demo:kv/store@0.2.3",
    "demo:kv/watch@0.2.3",
    "demo:kv/store@0.3.0",
    "demo:kv/store@1.0.0-rc.1",
    "demo:log/log",
];

const EXPORTS: [&str; 3] = [
    "demo:net/handler@0.2.0",
    "demo:net/handler@0.2.10",
    "demo:net/handler@0.3.0",
];

const WORDS: [&str; 5] = ["small", "fast", "Größe", "tested", "slowly"];

/// A component that will be published.
#[derive(Debug, Clone)]
pub(crate) struct TestComponent {
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) description: String,
    /// As its whole file says.
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

/// Makes them all; no two are the same.
pub(crate) fn make() -> Vec<TestComponent> {
    let mut worlds = BTreeMap::new();
    let mut all = Vec::new();
    for number in 0..PACKAGES * VERSIONS {
        let (package, version) = (number / VERSIONS, number % VERSIONS);
        // Any numbers would do that leave no combination out for long.
        let mix = package * 37 + version * 101;
        let world = worlds
            .entry((mix % 128, package % 7 == 3))
            .or_insert_with_key(|(mix, has_other_types)| component(*mix, *has_other_types));
        let words = [WORDS[package % 5], WORDS[(package / 5) % 5]];
        let description = format!("A {} and {} part", words[0], words[1]);
        let mut bytes = world.clone();
        bytes.extend(custom("description", description.as_bytes()));
        bytes.extend(custom("number", number.to_string().as_bytes()));
        let (imports, exports) = whole(&bytes);
        all.push(TestComponent {
            package: format!("{}:part-n{package}", ["demo", "other"][package % 2]),
            version: ["1.0.0", "1.2.0", "2.0.0-rc.1"][version].to_owned(),
            bytes,
            description,
            imports,
            exports,
        });
    }
    all
}

/// A component whose imports and exports are the bits of a number.
fn component(mix: usize, has_other_types: bool) -> Vec<u8> {
    let has = |bit: usize| mix >> bit & 1 == 1;
    let imports = IMPORTS.iter().enumerate().filter(|(bit, _)| has(*bit));
    let imports = imports.map(|(_, name)| format!("import {name};"));
    let exports = EXPORTS[mix % EXPORTS.len()];
    let run = if has(6) { "export run: func();" } else { "" };
    let lines: Vec<String> = imports.collect();
    let world = format!(
        "world made {{ {} export {exports}; {run} }}",
        lines.join(" ")
    );
    let mut text = format!("{WIT}\n{world}");
    if has_other_types {
        for (own, other) in OTHER_TYPES {
            assert!(text.contains(own));
            text = text.replace(own, other);
        }
    }
    from_wit(&text, "made")
}

/// Reads imports and exports of a whole file, by other means than wharf's own.
fn whole(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(bytes).unwrap() else {
        panic!("it is no component");
    };
    let world = &resolve.worlds[world];
    let imports = world.imports.keys().map(|key| resolve.name_world_key(key));
    let exports = world.exports.keys().map(|key| resolve.name_world_key(key));
    (imports.collect(), exports.collect())
}
