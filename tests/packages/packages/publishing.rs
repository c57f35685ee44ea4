//! A version is written once.

use super::*;
use crate::support::binary;

#[test]
fn the_same_bytes_again_do_nothing_and_others_are_refused() {
    let workspace = Workspace::new();
    for place in places(&workspace) {
        let (bytes, first) = publish(&workspace, &place, "once:calc", "1.0.0");
        let arguments = [
            "publish",
            "version.wasm",
            "once:calc@1.0.0",
            "--registry",
            &place,
        ];
        let again = workspace.json(&arguments);
        assert_eq!(
            (&again["published"], &again["sent_blobs"]),
            (&false.into(), &0.into())
        );
        assert_eq!(again["digest"], first["digest"]);
        // However they are cut.
        let coarse = [&arguments[..], &["--granularity", "module"]].concat();
        assert_eq!(workspace.json(&coarse)["digest"], first["digest"]);

        workspace.write("version.wasm", &version_of("calc", "other"));
        let error = workspace.error(&arguments, 7);
        assert_eq!(error["kind"], "conflict");
        assert_gets(&workspace, &place, "once:calc@1.0.0", &bytes);
        let dry = [&arguments[..], &["--dry-run"]].concat();
        workspace.error(&dry, 7);

        let force = [&arguments[..], &["--force", "--json"]].concat();
        let answer = workspace.run(&force).success();
        assert!(
            answer.stderr.contains("lock files that pin the old"),
            "{}",
            answer.stderr
        );
        assert_gets(
            &workspace,
            &place,
            "once:calc@1.0.0",
            &version_of("calc", "other"),
        );
    }
}

#[test]
fn publishing_another_form_is_reported_and_keeps_the_yank_mark() {
    let workspace = Workspace::new();
    for place in places(&workspace) {
        let (bytes, first) = publish(&workspace, &place, "form:calc", "1.0.0");
        workspace.json(&["yank", "form:calc@1.0.0", "--registry", &place]);
        let again = [
            "publish",
            "version.wasm",
            "form:calc@1.0.0",
            "--registry",
            &place,
            "--compat",
            "--force",
            "--json",
        ];
        let answer = workspace.run(&again).success();
        assert!(
            answer.stderr.contains("lock files that pin the old"),
            "{}",
            answer.stderr
        );
        assert_ne!(answer.json()["digest"], first["digest"]);
        assert_eq!(shown(&workspace, &place, "form:calc"), ["(1.0.0)"]);
        let report = assert_gets(&workspace, &place, "form:calc@1.0.0", &bytes);
        assert_eq!(
            report["split_manifest_digest"],
            answer.json()["split_manifest_digest"]
        );
        // Once more is nothing new, and nothing to warn of.
        let answer = workspace.run(&again[..6]).success();
        assert_eq!(answer.stderr, "");
    }
}

#[test]
fn published_packages_are_annotated() {
    let workspace = Workspace::new();
    let (_, report) = publish(&workspace, "oci:store", "told:calc", "1.0.0+b");
    assert_eq!(
        report["reference"],
        format!(
            "oci:store:told/calc:1.0.0_b@{}",
            report["digest"].as_str().unwrap()
        )
    );
    let inspected = workspace.json(&["inspect", "told:calc", "--registry", "oci:store"]);
    let annotations = &inspected["annotations"];
    assert_eq!(annotations["wasm.wharf.package"], "told:calc");
    assert_eq!(annotations["org.opencontainers.image.version"], "1.0.0+b");
    assert_eq!(inspected["digest"], report["digest"]);
    assert_eq!(inspected["flat_digest"], report["flat_digest"]);

    workspace.write("version.wasm", &version_of("calc", "vendor"));
    let vendor = "org.opencontainers.image.vendor=A = B";
    let arguments = [
        "publish",
        "version.wasm",
        "told:calc@1.1.0",
        "--registry",
        "oci:store",
        "--annotation",
        vendor,
    ];
    workspace.json(&arguments);
    let inspected = workspace.json(&["inspect", "told:calc@1.1.0", "--registry", "oci:store"]);
    assert_eq!(
        inspected["annotations"]["org.opencontainers.image.vendor"],
        "A = B"
    );
    for bad in [
        "wasm.wharf.package=x:y",
        "no-value",
        "=x",
        "org.opencontainers.image.version=2.0.0",
    ] {
        let arguments = [
            "publish",
            "version.wasm",
            "told:calc@1.2.0",
            "--annotation",
            bad,
            "--registry",
            "oci:store",
        ];
        workspace.error(&arguments, 2);
    }
}

#[test]
fn name_and_version_may_come_from_the_file() {
    let workspace = Workspace::new();
    // A component's name section: the subsection of the component's own name.
    let name = b"own:named@3.1.0";
    let own = [&[0], binary::vector(&binary::vector(name)).as_slice()].concat();
    let named = [assemble("calc"), binary::custom("component-name", &own)].concat();
    workspace.write("named.wasm", &named);
    let report = workspace.json(&["publish", "named.wasm", "--registry", "oci:store"]);
    assert_eq!(
        (&report["package"], &report["version"]),
        (&"own:named".into(), &"3.1.0".into())
    );
    let report = workspace.json(&[
        "publish",
        "named.wasm",
        "other:name",
        "--registry",
        "oci:store",
    ]);
    assert_eq!(
        (&report["package"], &report["version"]),
        (&"other:name".into(), &"3.1.0".into())
    );
    workspace.fixture("calc");
    for arguments in [
        &["publish", "calc.wasm"][..],
        &["publish", "calc.wasm", "a:b"],
        &["publish", "calc.wasm", "a:b@^1"],
    ] {
        workspace.error(arguments, 2);
    }
}

#[test]
fn one_of_six_concurrent_publishers_wins() {
    for registry in registries() {
        let workspaces: Vec<Workspace> = (0..6).map(|_| Workspace::new()).collect();
        let place = registry.host.as_str();
        let answers: Vec<(Vec<u8>, Answer)> = std::thread::scope(|scope| {
            let running: Vec<_> = workspaces
                .iter()
                .enumerate()
                .map(|(at, workspace)| {
                    scope.spawn(move || {
                        let bytes = version_of("calc", &format!("writer {at}"));
                        workspace.write("mine.wasm", &bytes);
                        let arguments = [
                            "publish",
                            "mine.wasm",
                            "race:calc@1.0.0",
                            "--registry",
                            place,
                        ];
                        (bytes, workspace.run(&arguments))
                    })
                })
                .collect();
            running
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let reader = Workspace::new();
        let report = reader.json(&[
            "get",
            "race:calc@1.0.0",
            "-o",
            "won.wasm",
            "--registry",
            place,
        ]);
        let won = reader.read("won.wasm");
        assert!(answers.iter().any(|(bytes, _)| *bytes == won), "{report}");
        for (bytes, answer) in &answers {
            let expected: &[i32] = if *bytes == won { &[0] } else { &[0, 7] };
            assert!(
                answer.code.is_some_and(|code| expected.contains(&code)),
                "{answer:?}"
            );
        }
        let losers = answers.iter().filter(|(_, answer)| answer.code == Some(7));
        assert!(losers.count() >= 1, "nobody was told: {answers:?}");
    }
}
