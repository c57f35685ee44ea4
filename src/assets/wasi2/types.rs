//! WIT types and interfaces as the text of component types.

use wit_parser::{Function, Handle, Resolve, Type, TypeDefKind, TypeId, TypeOwner};

use crate::assets::requirements::Interface;
use crate::assets::wit::{definition, key};

/// Returns the identifier of a type, in the place where a text is used.
pub(super) type Namer<'a> = dyn Fn(TypeId) -> String + 'a;

/// Returns an identifier. Names of functions have brackets, so it is quoted.
pub(super) fn id(name: &str) -> String {
    format!("$\"{name}\"")
}

/// Returns the interface that defines a type, and the type's name.
pub(super) fn origin(resolve: &Resolve, ty: TypeId) -> (String, String) {
    let ty = &resolve.types[definition(resolve, ty)];
    let owner = match ty.owner {
        TypeOwner::Interface(owner) => key(resolve, owner),
        TypeOwner::World(_) | TypeOwner::None => String::new(),
    };
    (owner, ty.name.clone().unwrap_or_default())
}

/// Returns whether a type is a resource.
pub(super) fn is_resource(resolve: &Resolve, ty: TypeId) -> bool {
    let ty = &resolve.types[definition(resolve, ty)];
    matches!(ty.kind, TypeDefKind::Resource)
}

/// Returns the text of a type in a signature or definition.
pub(super) fn value(resolve: &Resolve, ty: &Type, namer: &Namer) -> String {
    let simple = match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(id) => {
            return match resolve.types[*id].name {
                Some(_) => namer(*id),
                None => structure(resolve, *id, namer),
            };
        }
    };
    simple.to_owned()
}

/// Returns the text of a type's definition.
pub(super) fn structure(resolve: &Resolve, ty: TypeId, namer: &Namer) -> String {
    let value = |ty: &Type| value(resolve, ty, namer);
    let optional = |ty: &Option<Type>| ty.as_ref().map(value).unwrap_or_default();
    let list = |name: &str, parts: Vec<String>| format!("({name} {})", parts.join(" "));
    match &resolve.types[ty].kind {
        TypeDefKind::Record(record) => {
            let field = |field: &wit_parser::Field| {
                format!("(field \"{}\" {})", field.name, value(&field.ty))
            };
            list("record", record.fields.iter().map(field).collect())
        }
        TypeDefKind::Variant(variant) => {
            let case = |case: &wit_parser::Case| {
                format!("(case \"{}\" {})", case.name, optional(&case.ty))
            };
            list("variant", variant.cases.iter().map(case).collect())
        }
        TypeDefKind::Enum(cases) => {
            let case = |case: &wit_parser::EnumCase| format!("\"{}\"", case.name);
            list("enum", cases.cases.iter().map(case).collect())
        }
        TypeDefKind::Flags(flags) => {
            let flag = |flag: &wit_parser::Flag| format!("\"{}\"", flag.name);
            list("flags", flags.flags.iter().map(flag).collect())
        }
        TypeDefKind::Tuple(tuple) => list("tuple", tuple.types.iter().map(value).collect()),
        TypeDefKind::Option(ty) => format!("(option {})", value(ty)),
        TypeDefKind::List(ty) => format!("(list {})", value(ty)),
        TypeDefKind::FixedLengthList(ty, length) => format!("(list {} {length})", value(ty)),
        TypeDefKind::Map(key, item) => format!("(map {} {})", value(key), value(item)),
        TypeDefKind::Future(ty) => format!("(future {})", optional(ty)),
        TypeDefKind::Stream(ty) => format!("(stream {})", optional(ty)),
        TypeDefKind::Result(result) => {
            let error = result
                .err
                .as_ref()
                .map(|ty| format!("(error {})", value(ty)));
            format!(
                "(result {} {})",
                optional(&result.ok),
                error.unwrap_or_default()
            )
        }
        TypeDefKind::Handle(Handle::Own(ty)) => format!("(own {})", namer(*ty)),
        TypeDefKind::Handle(Handle::Borrow(ty)) => format!("(borrow {})", namer(*ty)),
        TypeDefKind::Type(ty) => value(ty),
        TypeDefKind::Resource => "(sub resource)".to_owned(),
        // A resolved type is known.
        TypeDefKind::Unknown => String::new(),
    }
}

/// Returns the parameters and the result of a function.
pub(super) fn signature(resolve: &Resolve, function: &Function, namer: &Namer) -> String {
    let params = function.params.iter();
    let params = params.map(|param| {
        format!(
            "(param \"{}\" {})",
            param.name,
            value(resolve, &param.ty, namer)
        )
    });
    let mut signature = params.collect::<Vec<_>>().join(" ");
    if let Some(result) = &function.result {
        signature.push_str(&format!(" (result {})", value(resolve, result, namer)));
    }
    signature
}

/// Returns the import of an interface, and aliases of its types. `outer` names the types of earlier imports.
pub(super) fn import(interface: &Interface, outer: &Namer) -> String {
    let resolve = interface.resolve;
    let key = interface.key();
    let mut text = format!(
        "(import \"{}\" (instance {}\n",
        interface.name(),
        id(&format!("host {key}"))
    );
    let local = |ty: TypeId| id(resolve.types[ty].name.as_deref().unwrap_or_default());
    for (name, ty) in interface.types() {
        let defined = definition(resolve, ty);
        let bound = match () {
            () if origin(resolve, ty).0 != key => format!("(eq {})", outer(ty)),
            () if defined != ty => format!("(eq {})", local(defined)),
            () if is_resource(resolve, ty) => "(sub resource)".to_owned(),
            () => {
                let definition = id(&format!("{name}="));
                text.push_str(&format!(
                    "(type {definition} {})\n",
                    structure(resolve, ty, &local)
                ));
                format!("(eq {definition})")
            }
        };
        text.push_str(&format!(
            "(export \"{name}\" (type {} {bound}))\n",
            id(name)
        ));
    }
    if interface.has_functions {
        for function in interface.functions() {
            let signature = signature(resolve, function, &local);
            text.push_str(&format!(
                "(export \"{}\" (func {signature}))\n",
                function.name
            ));
        }
    }
    text.push_str("))\n");
    for (name, _) in interface.types() {
        let alias = id(&format!("host {key} {name}"));
        text.push_str(&format!(
            "(alias export {} \"{name}\" (type {alias}))\n",
            id(&format!("host {key}"))
        ));
    }
    text
}

/// Returns the export of an interface. A nested component gives the types their exported names, because functions of
/// an export may only use named types. `outer` names the types outside, and `function` the functions.
pub(super) fn export(
    interface: &Interface,
    outer: &Namer,
    function: &dyn Fn(&Function) -> String,
) -> String {
    let resolve = interface.resolve;
    let key = interface.key();
    let definitions = interface.definitions();
    let imported = |ty: TypeId| {
        let ty = definition(resolve, ty);
        let index = definitions.iter().position(|found| *found == ty);
        index.map_or_else(String::new, |index| format!("$t{index}"))
    };
    let exported = |ty: TypeId| match resolve.types[ty].owner {
        TypeOwner::Interface(owner) if owner == interface.id => {
            id(resolve.types[ty].name.as_deref().unwrap_or_default())
        }
        _ => imported(ty),
    };
    let (mut inside, mut arguments) = (String::new(), String::new());
    for (index, &ty) in definitions.iter().enumerate() {
        let bound = match is_resource(resolve, ty) {
            true => "(sub resource)".to_owned(),
            false => {
                inside.push_str(&format!(
                    "(type $d{index} {})\n",
                    structure(resolve, ty, &imported)
                ));
                format!("(eq $d{index})")
            }
        };
        inside.push_str(&format!("(import \"t{index}\" (type $t{index} {bound}))\n"));
        arguments.push_str(&format!("(with \"t{index}\" (type {}))\n", outer(ty)));
    }
    for (index, found) in interface.functions().enumerate() {
        let signature = signature(resolve, found, &imported);
        inside.push_str(&format!(
            "(import \"f{index}\" (func $f{index} {signature}))\n"
        ));
        arguments.push_str(&format!("(with \"f{index}\" (func {}))\n", function(found)));
    }
    for (name, ty) in interface.types() {
        let is_here = definition(resolve, ty) == ty && !is_resource(resolve, ty);
        let source = match is_here {
            true => {
                let definition = id(&format!("{name}="));
                inside.push_str(&format!(
                    "(type {definition} {})\n",
                    structure(resolve, ty, &exported)
                ));
                definition
            }
            false => imported(ty),
        };
        inside.push_str(&format!(
            "(export {} \"{name}\" (type {source}))\n",
            id(name)
        ));
    }
    for (index, found) in interface.functions().enumerate() {
        let signature = signature(resolve, found, &exported);
        let name = &found.name;
        inside.push_str(&format!(
            "(export \"{name}\" (func $f{index}) (func {signature}))\n"
        ));
    }
    let (shape, instance) = (id(&format!("shape {key}")), id(&format!("instance {key}")));
    let name = interface.name();
    let out = id(&format!("export {key}"));
    format!(
        "(component {shape}\n{inside})
(instance {instance} (instantiate {shape}\n{arguments}))
(export {out} \"{name}\" (instance {instance}))\n"
    )
}
