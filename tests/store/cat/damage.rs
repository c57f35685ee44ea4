//! Damaged layers, and parts that do not exist.

use std::fs;

use super::requests::Scene;
use super::*;
use crate::support::fault::Fault;
use crate::support::workspace::layers;

#[test]
fn a_damaged_layer_is_an_error_and_no_byte_of_it_is_printed() {
    let small = b"small ".repeat(2000);
    let scene = Scene::new(&[custom("small", &small)]);
    scene.registry.on("GET", "/blobs/", 1, Fault::WrongBytes);
    let arguments = ["cat", &scene.reference, "--section", "custom[0]:small"];
    let answer = scene.workspace.run(&arguments);
    assert_eq!(
        (answer.code, answer.stdout.len()),
        (Some(5), 0),
        "{answer:?}"
    );
    assert!(answer.stderr.contains("is damaged"), "{}", answer.stderr);
    let output = [&arguments[..], &["-o", "out"]].concat();
    scene.registry.on("GET", "/blobs/", 1, Fault::WrongBytes);
    assert_eq!(scene.workspace.run(&output).code, Some(5));
    assert!(!scene.workspace.path("out").exists());
    scene.workspace.run(&output).success();
    assert!(scene.workspace.read("out") == small);
}

#[test]
fn a_damaged_frame_is_an_error_that_names_the_layer() {
    let content = [noise(4, 2 * MIB), vec![b'w'; 20 * MIB]].concat();
    let scene = Scene::new(&[custom("frames", &content)]);
    scene.registry.on("GET", "/blobs/", 1, Fault::WrongBytes);
    let arguments = [
        "cat",
        &scene.reference,
        "--section",
        "custom[0]:frames",
        "--range",
        "9-10",
    ];
    let answer = scene.workspace.run(&arguments);
    assert_eq!(
        (answer.code, answer.stdout.len()),
        (Some(5), 0),
        "{answer:?}"
    );
    assert!(answer.stderr.contains("layers[1]"), "{}", answer.stderr);
}

#[test]
fn a_damaged_cached_layer_is_fetched_again() {
    let small = b"small ".repeat(2000);
    let scene = Scene::new(&[custom("small", &small)]);
    let manifest = scene.registry.manifest("demo/app", "1.0").unwrap();
    let arguments = [scene.reference.as_str(), "--section", "custom[0]:small"];
    for _ in 0..2 {
        assert!(cat(&scene.workspace, &arguments).0 == small);
        scene.workspace.cache().assert_sound();
        scene.workspace.cache().damage(&layers(&manifest)[1].digest);
    }
}

#[test]
fn a_failed_search_for_a_part_has_the_cause_of_the_failure() {
    let segments = [passive(b"one"), passive(b"two")];
    let scene = Scene::new(&[custom("small", &noise(1, 5000)), data(&segments)]);
    let arguments = [
        "cat",
        &scene.reference,
        "--section",
        "data[0]/segment[1]",
        "-o",
        "out",
    ];
    scene.registry.on("GET", "/blobs/", 1, Fault::WrongBytes);
    let error = scene.workspace.error(&arguments, 5);
    assert!(
        error["message"].as_str().unwrap().contains("is damaged"),
        "{error}"
    );
    scene.workspace.run(&arguments).success();
    assert_eq!(scene.workspace.read("out"), b"two");
}

#[test]
fn missing_parts_are_errors_with_similar_paths() {
    let workspace = Workspace::new();
    workspace.write("app.wasm", &parts().bytes);
    workspace.json(&["push", "app.wasm", "oci:store:1"]);
    for (path, similar) in [
        ("data[0]/segment[1]", "module[0]/data[0]"),
        (
            "module[0]/data[0]/segment[3]",
            "module[0]/data[0]/segment[0]",
        ),
        ("module[0]/code[1]", "module[0]/code[0]"),
        ("custom[0]", "custom[0]:docs"),
    ] {
        for reference in ["app.wasm", "oci:store:1"] {
            let error = workspace.error(&["cat", reference, "--section", path, "-o", "out"], 3);
            let message = error["message"].as_str().unwrap();
            assert!(
                message.contains(&format!("similar paths: {similar}")),
                "{message}"
            );
            assert!(error["hint"].as_str().unwrap().contains("wharf inspect"));
        }
    }
    let error = workspace.error(
        &[
            "cat",
            "app.wasm",
            "--section",
            "nothing/like/it",
            "-o",
            "out",
        ],
        3,
    );
    assert!(
        !error["message"].as_str().unwrap().contains("similar"),
        "{error}"
    );
    assert!(fs::metadata(workspace.path("out")).is_err());
}
