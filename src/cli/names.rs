//! Imports and exports as text.

use wharf::artifact::FlatDescription;
use wharf::section::{ListDetails, NameAttributes, NameDetails};

use super::failure::Failure;
use super::text::{count, printable};

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

/// The maximum number of names of a list in text.
const MAX_NAMES: usize = 20;

/// Returns the number of names and the first ones, one a line, after an empty line. Returns nothing if none is known.
pub(crate) fn text(noun: &str, names: &[String], details: &ListDetails) -> String {
    if names.is_empty() && !details.is_complete() {
        return String::new();
    }
    let mut text = format!("\n{}\n", count(names.len() as u64, noun));
    for name in names.iter().take(MAX_NAMES) {
        text.push_str(&format!("  {}\n", line(name, details)));
    }
    match names.len().saturating_sub(MAX_NAMES) {
        0 => {}
        more => text.push_str(&format!("  and {more} more\n")),
    }
    text
}

/// Returns the lists for which a test holds: `list of imports is`.
fn lists(names: &NameDetails, holds: impl Fn(&ListDetails) -> bool) -> Option<&'static str> {
    match (holds(&names.imports), holds(&names.exports)) {
        (false, false) => None,
        (true, false) => Some("list of imports is"),
        (false, true) => Some("list of exports is"),
        (true, true) => Some("lists of imports and exports are"),
    }
}

/// Returns a warning that names the incomplete lists, if there are any.
pub(crate) fn warning(names: &NameDetails) -> Option<String> {
    let lists = lists(names, |list| list.incomplete)?;
    Some(format!(
        "the {lists} incomplete: not every entry could be read"
    ))
}

/// Returns a warning that names the lists that only the root has, if there are any, and why it cannot be read.
pub(crate) fn unread(names: &NameDetails, failure: &Failure) -> Option<String> {
    let lists = lists(names, |list| list.omitted)?;
    let reason = failure.message();
    Some(format!(
        "the {lists} only in the root, and the root cannot be read: {reason}"
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
