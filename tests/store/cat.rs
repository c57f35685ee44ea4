//! `wharf cat`: the exact bytes of a part, and no more of a large layer than they need.

mod damage;
mod requests;

use serde_json::{Value, json};

use crate::support::binary::{
    active, component, custom, data, leb, module, nested_component, nested_module, noise, passive,
    section,
};
use crate::support::fault::Registry;
use crate::support::registries::registries;
use crate::support::workspace::{Answer, Workspace};

const MIB: usize = 1 << 20;

/// A component, and the bytes of parts of it by section path.
struct Parts {
    bytes: Vec<u8>,
    parts: Vec<(&'static str, Vec<u8>)>,
}

/// With large and small parts, compressible and not, nested and not.
fn parts() -> Parts {
    let (code, model, docs) = (noise(1, 5000), noise(2, 3 * MIB), b"docs ".repeat(2000));
    let (table, note) = (b"table ".repeat(1000), b"a short note");
    let segments = [active(&table), passive(&model), passive(b"small")];
    let payload = [leb(segments.len()), segments.concat()].concat();
    let suffix = [
        section(10, &code),
        section(11, &payload),
        custom("note", note),
    ];
    let main = [vec![custom("first", b"one")], suffix.to_vec()].concat();
    let inner = [data(&[passive(b"inner")])];
    let outer = [nested_module(&inner)];
    let sections = [
        custom("docs", &docs),
        nested_module(&main),
        nested_component(&outer),
        section(11, b"\0"),
    ];
    Parts {
        bytes: component(&sections),
        parts: vec![
            ("custom[0]:docs", docs),
            ("export[0]", vec![0]),
            ("module[0]", module(&main)),
            ("module[0]/custom[1]:note", note.to_vec()),
            ("module[0]/code[0]", code),
            ("module[0]/data[0]", payload),
            ("module[0]/data[0]/segment[0]", table),
            ("module[0]/data[0]/segment[1]", model),
            ("module[0]/data[0]/segment[2]", b"small".to_vec()),
            ("module[0]/suffix[0]", suffix.concat()),
            ("component[0]", component(&outer)),
            (
                "component[0]/module[0]/data[0]/segment[0]",
                b"inner".to_vec(),
            ),
        ],
    }
}

/// Runs `cat` and returns its output and its notes.
fn cat(workspace: &Workspace, arguments: &[&str]) -> (Vec<u8>, String) {
    let answer = workspace.run(&[&["cat"], arguments].concat()).success();
    (answer.stdout, answer.stderr)
}

/// Runs `cat` into a file, and returns its report and the file.
fn report(workspace: &Workspace, arguments: &[&str]) -> (Value, Vec<u8>) {
    let report = workspace.json(&[&["cat", "-o", "out"], arguments].concat());
    (report, workspace.read("out"))
}

/// Every part, whole and within, and ranges across parts.
fn assert_parts(workspace: &Workspace, reference: &str, Parts { bytes, parts }: &Parts) {
    for (path, part) in parts {
        let (found, _) = cat(workspace, &[reference, "--section", path]);
        assert!(found == *part, "{reference} {path}");
        let end = part.len().div_ceil(2);
        let range = format!("{}-{end}", part.len() / 3);
        let arguments = [reference, "--section", path, "--range", &range];
        let (found, _) = cat(workspace, &arguments);
        assert!(
            found == part[part.len() / 3..end],
            "{reference} {path} {range}"
        );
    }
    assert!(cat(workspace, &[reference]).0 == *bytes, "{reference}");
    for range in [
        5..5,
        0..9,
        7_000..17_000,
        20_000..2 * MIB,
        bytes.len() - 9..bytes.len(),
    ] {
        let text = format!("{}-{}", range.start, range.end);
        let (found, _) = cat(workspace, &[reference, "--range", &text]);
        assert!(found == bytes[range], "{reference} {text}");
    }
}

#[test]
fn cat_prints_every_part_of_a_file_and_of_a_layout_in_each_granularity() {
    let workspace = Workspace::new();
    let parts = parts();
    workspace.write("app.wasm", &parts.bytes);
    assert_parts(&workspace, "app.wasm", &parts);
    for granularity in ["section", "segment", "module"] {
        let reference = format!("oci:store:{granularity}");
        let push = ["push", "app.wasm", &reference, "--granularity", granularity];
        workspace.json(&push);
        assert_parts(&workspace, &reference, &parts);
        let cold = Workspace::new();
        let reference = format!("oci:{}:{granularity}", workspace.path("store").display());
        assert_parts(&cold, &reference, &parts);
        cold.cache().assert_sound();
    }
}

#[test]
fn cat_prints_every_part_from_registries() {
    let workspace = Workspace::new();
    let parts = parts();
    workspace.write("app.wasm", &parts.bytes);
    for registry in registries() {
        let reference = format!("{}/demo/cat:1.0", registry.host);
        workspace.json(&["push", "app.wasm", &reference]);
        let cold = Workspace::new();
        let range = [
            "--section",
            "module[0]/data[0]/segment[1]",
            "--range",
            "1000000-1000048",
        ];
        let (report, found) = report(&cold, &[&[reference.as_str()][..], &range].concat());
        assert!(found == parts.parts[7].1[1_000_000..1_000_048]);
        assert_eq!(report["fetched_bytes"], 48, "{}", registry.name);
        assert_eq!(report["requests"], 2, "{}", registry.name);
        assert_parts(&cold, &reference, &parts);
        cold.cache().assert_sound();
    }
}

#[test]
fn cat_reads_the_only_layer_of_a_flat_artifact_by_range() {
    let registry = Registry::start();
    let parts = parts();
    let layer = registry.put_blob("demo/flat", &parts.bytes);
    let config = registry.put_blob("demo/flat", b"{}");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.wasm.config.v0+json",
            "digest": config.digest, "size": config.size,
        },
        "layers": [
            { "mediaType": "application/wasm", "digest": layer.digest, "size": layer.size },
        ],
    });
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = manifest.to_string();
    registry.put_manifest("demo/flat", "1.0", media_type, manifest.as_bytes());
    let reference = format!("{}/demo/flat:1.0", registry.address());
    let workspace = Workspace::new();
    let before = registry.blob_bytes();
    let path = "component[0]/module[0]/data[0]/segment[0]";
    let (report, found) = report(&workspace, &[&reference, "--section", path]);
    assert_eq!(found, b"inner");
    let moved = registry.blob_bytes() - before;
    assert!(moved < 100_000, "{moved} bytes");
    assert_eq!(report["fetched_bytes"], moved);
    assert_eq!(report["unchecked_bytes"], moved);
    assert_parts(&workspace, &reference, &parts);
}

#[test]
fn cat_reports_the_place_of_the_bytes() {
    let workspace = Workspace::new();
    let parts = parts();
    workspace.write("app.wasm", &parts.bytes);
    let pushed = workspace.json(&["push", "app.wasm", "oci:store:1"]);
    let arguments = ["--section", "module[0]/data[0]/segment[2]", "--range", "1-"];
    for (name, digest) in [
        ("oci:store:1", &pushed["digest"]),
        ("app.wasm", &Value::Null),
    ] {
        let (report, found) = report(&workspace, &[&[name][..], &arguments].concat());
        assert_eq!(found, b"mall");
        let offset = report["offset"].as_u64().unwrap() as usize;
        assert_eq!(&parts.bytes[offset..offset + 4], b"mall");
        assert_eq!(
            (&report["size"], &report["unchecked_bytes"]),
            (&json!(4), &json!(0))
        );
        assert_eq!(
            (&report["digest"], &report["section"]),
            (digest, &json!(arguments[1]))
        );
    }
    let refused = workspace.error(&["cat", "app.wasm"], 2);
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("standard output"), "{message}");
}

#[test]
fn a_reader_that_stops_early_is_not_an_error() {
    let workspace = Workspace::new();
    workspace.write("app.wasm", &parts().bytes);
    let line = format!("{} cat app.wasm | head -c 4", env!("CARGO_BIN_EXE_wharf"));
    let answer = Answer::of(&mut workspace.command("sh", &["-c", &line])).success();
    assert_eq!(
        (answer.stdout.as_slice(), answer.stderr.as_str()),
        (&b"\0asm"[..], "")
    );
}
