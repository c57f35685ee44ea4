//! What one component fills of another's imports.

use wharf::fits::plug;

use super::fixtures::wit;
use crate::support::worlds::from_wit;

fn filled(socket: &str, text: &str, plugged: &str) -> Vec<String> {
    let socket = from_wit(&wit("hosts.wit"), socket);
    plug(&socket, &from_wit(text, plugged)).unwrap()
}

#[test]
fn exports_fill_matching_imports() {
    let text = wit("hosts.wit");
    let (log, clock) = ("demo:hosts/log@1.0.0", "demo:hosts/clock@1.0.0");
    for (socket, plug, expected) in [
        ("timed", "machine", vec![log, clock]),
        ("timed", "logger", vec![log]),
        ("plain", "machine", vec![log]),
        ("timed", "plain", vec![]),
        ("machine", "logger", vec![]),
    ] {
        assert_eq!(filled(socket, &text, plug), expected, "{plug} in {socket}");
    }
    let newer = text.replace("@1.0.0", "@1.3.0");
    assert_eq!(filled("timed", &newer, "machine"), [log, clock]);
    let other = text.replace("@1.0.0", "@2.0.0");
    assert!(filled("timed", &other, "machine").is_empty());
}

#[test]
fn types_count_as_names_do() {
    let text = wit("hosts.wit").replace("text: string", "text: u32");
    assert_eq!(
        filled("timed", &text, "machine"),
        ["demo:hosts/clock@1.0.0"]
    );
    assert!(filled("plain", &text, "machine").is_empty());
}

#[test]
fn a_resource_of_another_package_fills_nothing() {
    let text = wit("resources.wit");
    let other = text.replacen("use demo:files", "use demo:sockets", 1);
    let app = from_wit(&text, "app");
    let (reader, version) = ("demo:handles/reader", "demo:handles/version");
    let own = plug(&app, &from_wit(&text, "provider")).unwrap();
    assert_eq!(own, [reader, version]);
    // The names agree; the whole would be no valid component.
    let others = plug(&app, &from_wit(&other, "provider")).unwrap();
    assert_eq!(others, [version]);
}
