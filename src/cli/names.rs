//! Imports and exports as text.

use wharf::artifact::FlatDescription;
use wharf::section::{ListDetails, NameAttributes, NameDetails};

use super::text::printable;

/// Returns a name with its attributes: `primary (implements wasi:keyvalue/store@0.2.0)`. With a version suffix, the
/// complete interface is one of them.
pub(crate) fn line(name: &str, details: &ListDetails) -> String {
    let Some(attributes) = details.attributes.get(name) else {
        return printable(name);
    };
    let NameAttributes {
        implements,
        version_suffix,
        external_id,
    } = attributes;
    let interface = details.interface(name).into_owned();
    let interface = Some(interface).filter(|_| version_suffix.is_some());
    let members = [
        ("interface", &interface),
        ("implements", implements),
        ("versionsuffix", version_suffix),
        ("external-id", external_id),
    ];
    let members = members.into_iter();
    let shown = members.filter_map(|(member, text)| Some(format!("{member} {}", text.as_ref()?)));
    let shown = shown.collect::<Vec<_>>().join(", ");
    printable(&format!("{name} ({shown})"))
}

/// Returns a warning that names the incomplete lists, if there are any.
pub(crate) fn warning(names: &NameDetails) -> Option<String> {
    let lists = match (names.imports.incomplete, names.exports.incomplete) {
        (false, false) => return None,
        (true, false) => "list of imports is",
        (false, true) => "list of exports is",
        (true, true) => "lists of imports and exports are",
    };
    Some(format!(
        "the {lists} incomplete: not every entry could be read"
    ))
}

/// Says which lists a flat artifact does not state, if one is missing.
pub(crate) fn unstated(described: &FlatDescription) -> Option<String> {
    let NameDetails { imports, exports } = &described.names;
    let imports = imports.incomplete && described.imports.is_empty();
    let exports = exports.incomplete && described.exports.is_empty();
    let lists = match (imports, exports) {
        (false, false) => return None,
        (true, false) => "imports",
        (false, true) => "exports",
        (true, true) => "imports and exports",
    };
    Some(format!("the artifact does not state its {lists}"))
}
