//! The component that shows files by WASI 0.2.

mod table;
mod types;

use std::collections::BTreeSet;

use wit_parser::{Function, Resolve, TypeId};

use self::types::{id, is_resource, origin};
use super::contents;
use super::requirements::{Interface, Requirements, Role, WRAPPERS, Wrapper};
use super::tree::Tree;
use super::wit::{CLOCK, ERROR, OWN_RESOURCES, STREAMS, has_own_resource, is_own_resource};

const STATE: &str = include_str!("wasi2/state.wat");
const FILES: &str = include_str!("wasi2/files.wat");

/// The options of all functions that cross the component's border.
const OPTIONS: &str =
    "(memory (core memory $table \"memory\")) (realloc (core func $state \"realloc\"))";

/// The functions of the host that `files.wat` calls.
const HOST_STREAM_FUNCTIONS: [&str; 10] = [
    "[method]input-stream.read",
    "[method]input-stream.blocking-read",
    "[method]input-stream.skip",
    "[method]input-stream.blocking-skip",
    "[method]input-stream.subscribe",
    "[method]output-stream.check-write",
    "[method]output-stream.write",
    "[method]output-stream.blocking-write-and-flush",
    "[method]output-stream.splice",
    "[method]output-stream.blocking-splice",
];

/// Returns the text of the component that shows a tree. Each content has an empty passive segment in it.
///
/// The component exports `wasi:filesystem`. It also exports the host's interfaces that give or take an
/// `input-stream`: those of the application, or `wasi:io/streams` and `wasi:cli/stdin`.
pub fn generate(tree: &Tree, requirements: &Requirements) -> String {
    let interfaces: Vec<Interface> = requirements.interfaces().collect();
    let names = Names::of(&interfaces);
    let wrappers = WRAPPERS.iter().filter(|wrapper| {
        let mut wrapped = interfaces.iter().filter(|found| found.role == Role::Wrap);
        wrapped.any(|interface| {
            interface.key() == wrapper.interface && has(interface, wrapper.function)
        })
    });
    let wrappers: Vec<&Wrapper> = wrappers.collect();
    let mut text = String::from("(component\n");
    for interface in interfaces.iter().filter(|found| found.role != Role::Define) {
        text.push_str(&types::import(interface, &|ty| {
            names.host(interface.resolve, ty)
        }));
    }
    text.push_str(contents::import(tree));
    text.push_str(&modules(tree, &wrappers));
    text.push_str(&names.define(&interfaces));
    for interface in interfaces.iter().filter(|found| found.role != Role::Import) {
        text.push_str(&export(interface, &names));
    }
    text.push_str(")\n");
    text
}

fn has(interface: &Interface, function: &str) -> bool {
    interface.functions().any(|found| found.name == function)
}

/// The identifiers of types in the component.
struct Names {
    /// The interfaces that the host has.
    hosted: BTreeSet<String>,
}

impl Names {
    fn of(interfaces: &[Interface]) -> Self {
        let hosted = interfaces.iter().filter(|found| found.role != Role::Define);
        Self {
            hosted: hosted.map(Interface::key).collect(),
        }
    }

    /// Returns the host's type.
    fn host(&self, resolve: &Resolve, ty: TypeId) -> String {
        let (key, name) = origin(resolve, ty);
        id(&format!("host {key} {name}"))
    }

    /// Returns the type that the application sees. In an interface that uses a resource of this component, it is the
    /// type of the export.
    fn own(&self, resolve: &Resolve, ty: TypeId, user: Option<&str>) -> String {
        let (key, name) = origin(resolve, ty);
        match is_own_resource(resolve, ty) {
            true if user.is_some_and(|user| user != key) => id(&format!("export {key} {name}")),
            true => id(&format!("own {key} {name}")),
            false if self.hosted.contains(&key) => self.host(resolve, ty),
            false => id(&format!("own {key} {name}")),
        }
    }

    /// Defines the types that are neither the host's nor resources.
    fn define(&self, interfaces: &[Interface]) -> String {
        let mut text = String::new();
        for interface in interfaces.iter().filter(|found| found.role == Role::Define) {
            let resolve = interface.resolve;
            let namer = |ty| self.own(resolve, ty, None);
            for ty in interface.definitions() {
                let (key, _) = origin(resolve, ty);
                let definition = format!(
                    "(type {} {})\n",
                    namer(ty),
                    types::structure(resolve, ty, &namer)
                );
                let is_needed = !is_resource(resolve, ty) && !self.hosted.contains(&key);
                if is_needed && !text.contains(&definition) {
                    text.push_str(&definition);
                }
            }
        }
        text
    }
}

/// Lifts the functions of an interface, and exports it with them.
fn export(interface: &Interface, names: &Names) -> String {
    let resolve = interface.resolve;
    let key = interface.key();
    let is_own =
        |function: &Function| interface.role == Role::Define || has_own_resource(resolve, function);
    let mut text = String::new();
    for function in interface.functions().filter(|function| is_own(function)) {
        let name = &function.name;
        let signature =
            types::signature(resolve, function, &|ty| names.own(resolve, ty, Some(&key)));
        let module = match WRAPPERS.iter().any(|wrapper| wrapper.function == name) {
            true => "$wrappers",
            false => "$files",
        };
        text.push_str(&format!(
            "(func {} {signature} (canon lift (core func {module} \"{name}\") {OPTIONS}))\n",
            id(&format!("own {name}"))
        ));
    }
    let outer = |ty| names.own(resolve, ty, Some(&key));
    let function = |function: &Function| match is_own(function) {
        true => id(&format!("own {}", function.name)),
        false => format!("{} \"{}\"", id(&format!("host {key}")), function.name),
    };
    text.push_str(&types::export(interface, &outer, &function));
    for (owner, resource) in OWN_RESOURCES.iter().filter(|(owner, _)| *owner == key) {
        text.push_str(&format!(
            "(alias export {} \"{resource}\" (type {}))\n",
            id(&format!("export {owner}")),
            id(&format!("export {owner} {resource}"))
        ));
    }
    text
}

/// Returns the core modules, their instances and the resources.
fn modules(tree: &Tree, wrappers: &[&Wrapper]) -> String {
    let host = |key: &str, name: &str| id(&format!("host {key} {name}"));
    let drop = |key, name| {
        format!(
            "(core func {} (canon resource.drop {}))\n",
            id(&format!("drop {name}")),
            host(key, name)
        )
    };
    let lower = |key: &str, name: &str| {
        let instance = id(&format!("host {key}"));
        let function = id(&format!("lower {name}"));
        format!("(core func {function} (canon lower (func {instance} \"{name}\") {OPTIONS}))\n")
    };
    let resource = |key: &str, name: &str, destructor: &str| {
        let (own, new) = (id(&format!("own {key} {name}")), id(&format!("new {name}")));
        format!(
            "(type {own} (resource (rep i32) {destructor}))\n(core func {new} (canon resource.new {own}))\n"
        )
    };
    let destructors = [
        "(dtor (core func $state \"release-stream\"))",
        "",
        "(dtor (core func $state \"release\"))",
    ];
    let mut text = [
        table::module(tree),
        "(core instance $table (instantiate $table))\n".to_owned(),
        drop(STREAMS, "input-stream"),
        drop(STREAMS, "output-stream"),
        drop(ERROR, "error"),
        STATE.to_owned(),
        instantiate("state", &["table"], &[], &["drop input-stream"]),
    ]
    .concat();
    for ((key, name), destructor) in OWN_RESOURCES.iter().zip(destructors) {
        text.push_str(&resource(key, name, destructor));
    }
    text.push_str(&lower(CLOCK, "subscribe-duration"));
    for function in HOST_STREAM_FUNCTIONS {
        text.push_str(&lower(STREAMS, function));
    }
    let own = OWN_RESOURCES.map(|(_, name)| format!("new {name}"));
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let lowered = HOST_STREAM_FUNCTIONS.map(|name| format!("lower {name}"));
    let mut functions = vec![
        "drop error",
        "drop output-stream",
        "lower subscribe-duration",
    ];
    functions.extend(lowered.iter().map(String::as_str));
    text.push_str(&contents::modules(tree));
    text.push_str(&contents::instances(tree, "$table"));
    text.push_str(FILES);
    text.push_str(&instantiate(
        "files",
        &["table", "contents", "state"],
        &own,
        &functions,
    ));
    let mut resources = BTreeSet::new();
    let mut functions = Vec::new();
    for wrapper in wrappers {
        text.push_str(&lower(wrapper.interface, wrapper.function));
        functions.push(format!("lower {}", wrapper.function));
        if let Some(resource) = wrapper.resource
            && resources.insert(resource)
        {
            text.push_str(&drop(wrapper.interface, resource));
            functions.push(format!("drop {resource}"));
        }
    }
    if !wrappers.is_empty() {
        let functions: Vec<&str> = functions.iter().map(String::as_str).collect();
        text.push_str(&wrapper_module(wrappers, &resources));
        text.push_str(&instantiate(
            "wrappers",
            &["table", "state"],
            &["new input-stream"],
            &functions,
        ));
    }
    text
}

/// Returns the instance of a core module. A function `lower NAME` is imported as `NAME`, `drop NAME` as `drop-NAME`.
fn instantiate(module: &str, instances: &[&str], own: &[&str], host: &[&str]) -> String {
    let instances = instances
        .iter()
        .map(|name| format!("(with \"{name}\" (instance ${name}))\n"));
    let instances: String = instances.collect();
    let functions = |names: &[&str]| {
        let functions = names.iter().map(|name| {
            let import = name
                .strip_prefix("lower ")
                .unwrap_or(name)
                .replace(' ', "-");
            format!("(export \"{import}\" (func {}))\n", id(name))
        });
        functions.collect::<String>()
    };
    let (own, host) = (functions(own), functions(host));
    format!(
        "(core instance ${module} (instantiate ${module}
{instances}(with \"own\" (instance\n{own}))
(with \"host\" (instance\n{host}))))\n"
    )
}

/// Returns the core module that wraps the host's streams.
fn wrapper_module(wrappers: &[&Wrapper], resources: &BTreeSet<&str>) -> String {
    let mut imports = String::new();
    let mut functions = String::new();
    for resource in resources {
        imports.push_str(&format!(
            "(import \"host\" \"drop-{resource}\" (func $drop-{resource} (param i32)))\n"
        ));
    }
    for Wrapper {
        function,
        resource,
        offset,
        ..
    } in wrappers
    {
        let called = id(function);
        let own = match resource {
            Some(_) => "(param $self i32)",
            None => "",
        };
        let (result, pass) = match offset {
            Some(_) => ("(param i32)", "(i32.const 16)"),
            None => ("(result i32)", ""),
        };
        imports.push_str(&format!(
            "(import \"host\" \"{function}\" (func {called} {own} {result}))\n"
        ));
        functions.push_str(&format!(
            "(func (export \"{function}\") {own} (result i32)\n"
        ));
        let (self_, release) = match resource {
            Some(resource) => (
                "(local.get $self)",
                format!("(call $drop-{resource} (local.get $self))\n"),
            ),
            None => ("", String::new()),
        };
        let call = format!("(call {called} {self_} {pass})");
        functions.push_str(&match offset {
            Some(offset) => format!(
                "{call}\n{release}(call $wrap-result (i32.const {}))\n(i32.const 16))\n",
                16 + offset
            ),
            None => format!("(call $wrap {call}))\n"),
        });
    }
    format!(
        "(core module $wrappers
(import \"table\" \"memory\" (memory 1))
(import \"state\" \"new-record\" (func $new_record (result i32)))
(import \"own\" \"new-input-stream\" (func $new_input_stream (param i32) (result i32)))
{imports}
(func $wrap (param $host i32) (result i32)
  (local $stream i32)
  (local.set $stream (call $new_record))
  (i32.store (local.get $stream) (i32.const -1))
  (i32.store offset=4 (local.get $stream) (local.get $host))
  (call $new_input_stream (local.get $stream)))
;; Wraps the stream at an address, unless the result is an error.
(func $wrap-result (param $address i32)
  (if (i32.eqz (i32.load8_u (i32.const 16)))
    (then (i32.store (local.get $address) (call $wrap (i32.load (local.get $address)))))))
{functions})\n"
    )
}
