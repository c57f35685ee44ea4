//! Bundles are published from parts that the registry has.

use super::*;

/// Publishes the parts, and returns the arguments that bundle them and keep the blobs of each call apart.
fn parts(workspace: &Workspace, place: &str) -> [String; 2] {
    for name in ["calc", "log"] {
        workspace.fixture(name);
        let (file, spec) = (format!("{name}.wasm"), format!("parts:{name}@1.0.0"));
        workspace.json(&["publish", &file, &spec, "--registry", place]);
    }
    let repository = match place.starts_with("oci:") {
        true => format!("{place}:parts/log:1.0.0"),
        false => format!("{place}/parts/log:1.0.0"),
    };
    ["parts:calc@^1".to_owned(), repository]
}

/// Bundles and publishes with a cache of its own.
fn bundle(workspace: &Workspace, place: &str, parts: [&str; 2], version: &str) -> (Value, String) {
    let spec = format!("parts:site@{version}");
    let cache = format!("{}-{version}", place.replace([':', '/'], "-"));
    let arguments = [
        "bundle",
        parts[0],
        parts[1],
        "--publish",
        &spec,
        "--registry",
        place,
        "--cache",
        &cache,
        "--no-delta",
        "-o",
        "site.wasm",
        "--json",
        "-v",
    ];
    let answer = workspace.run(&arguments).success();
    (answer.json(), answer.stderr)
}

#[test]
fn publishing_a_bundle_sends_only_blobs_that_the_registry_lacks() {
    let workspace = Workspace::new();
    for place in places(&workspace) {
        let [calc, log] = parts(&workspace, &place);
        let (report, requests) = bundle(&workspace, &place, [&calc, &log], "1.0.0");
        let published = &report["published"];
        // The root and the config.
        assert_eq!(published["sent_blobs"], 2, "{place}: {report}");
        let layers = published["layers"].as_u64().unwrap();
        assert!(layers > 4, "{report}");
        assert_eq!(published["skipped_blobs"], layers - 1, "{place}");
        assert_eq!(report["shared"]["layers"], layers - 1, "{place}");
        assert_eq!(report["new"]["layers"], 1, "{place}");
        let is_upload = |line: &&str| {
            ["> PUT ", "> PATCH "]
                .iter()
                .any(|method| line.starts_with(method))
                && line.contains("/blobs/uploads/")
        };
        let uploads = requests.lines().filter(is_upload).count();
        let expected = if place.starts_with("oci:") { 0 } else { 2 };
        assert_eq!(uploads, expected, "{place}: {requests}");
        let bytes = workspace.read("site.wasm");
        assert_gets(&workspace, &place, "parts:site@1.0.0", &bytes);

        // Another logger: its one large section is new, and the root is the same.
        let mut other = workspace.read("log.wasm");
        let text = b"000 the host wrote";
        let at = other.windows(text.len()).position(|window| window == text);
        other[at.unwrap()] = b'9';
        workspace.write("other.wasm", &other);
        let (report, _) = bundle(&workspace, &place, [&calc, "other.wasm"], "1.1.0");
        let published = &report["published"];
        assert_eq!(published["sent_blobs"], 2, "{place}: {report}");
        let bytes = workspace.read("site.wasm");
        assert_gets(&workspace, &place, "parts:site@1.1.0", &bytes);
    }
}

#[test]
fn parts_that_do_not_fit_are_refused_before_their_code_is_fetched() {
    let workspace = Workspace::new();
    for place in places(&workspace) {
        let [calc, log] = parts(&workspace, &place);
        let arguments = [
            "bundle",
            log.as_str(),
            &calc,
            "-o",
            "no.wasm",
            "--registry",
            &place,
            "--cache",
            "roots",
        ];
        let error = workspace.error(&arguments, 7);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("fills no import"), "{message}");
        assert!(!workspace.path("no.wasm").exists());
        let cached = workspace.json(&["cache", "du", "--cache", "roots"]);
        let (calc, log) = (workspace.read("calc.wasm"), workspace.read("log.wasm"));
        let (bytes, whole) = (cached["bytes"].as_u64().unwrap(), calc.len() + log.len());
        assert!(bytes < whole as u64 / 4, "{place}: {bytes} of {whole}");
        std::fs::remove_dir_all(workspace.path("roots")).unwrap();
    }
}
