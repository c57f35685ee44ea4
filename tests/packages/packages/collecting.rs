//! What distribution's own garbage collector leaves.

use super::*;
use crate::support::collected::collected;
use crate::support::tool;

#[test]
fn both_forms_outlive_a_collection() {
    for mut registry in collected() {
        let workspace = Workspace::new();
        let place = registry.start().host;
        let (bytes, published) = publish_compat(&workspace, &place, "demo:calc@1.0.0");
        let (lost, replaced) = publish(&workspace, &place, "demo:lost", "1.0.0");
        let (kept, plain) = publish(&workspace, &place, "demo:lost", "1.1.0");
        workspace.write("version.wasm", &version_of("calc", "another"));
        let force = ["publish", "version.wasm", "demo:lost@1.0.0", "--force"];
        workspace.json(&[&force[..], &["--registry", &place]].concat());
        let lost_digest = replaced["digest"].as_str().unwrap();
        let without_tag = |host: &str| format!("{host}/demo/lost@{lost_digest}");
        Workspace::new().pull(&without_tag(&place), &lost);

        registry.collect();
        let place = registry.start().host;
        // It did collect something.
        let gone = Workspace::new().run(&["pull", &without_tag(&place), "-o", "no.wasm"]);
        assert_eq!(gone.code, Some(3), "{}", gone.stderr);
        let got = assert_gets(&Workspace::new(), &place, "demo:lost@1.1.0", &kept);
        assert_eq!(got["digest"], plain["digest"]);

        assert_gets_split(&place, "demo:calc", &bytes, &published);
        let reference = format!("{place}/demo/calc:1.0.0");
        if let Some(oras) = tool("oras") {
            let pull = ["pull", "--plain-http", &reference, "-o", "theirs"];
            client(&workspace, &oras, &pull);
            assert!(workspace.read("theirs/component.wasm") == bytes);
        }
        if let Some(wkg) = tool("wkg") {
            let pull = ["oci", "pull", "--insecure", &place, &reference];
            let pull = [&pull[..], &["-o", "wkg.wasm"]].concat();
            client(&workspace, &wkg, &pull);
            assert!(workspace.read("wkg.wasm") == bytes);
        }
    }
}

#[test]
fn a_collected_referrer_is_not_an_error() {
    let (Some(regctl), Some(oras)) = (tool("regctl"), tool("oras")) else {
        return;
    };
    for mut registry in collected() {
        let workspace = Workspace::new();
        let place = registry.start().host;
        let (bytes, published) = publish_compat(&workspace, &place, "demo:calc@1.0.0");
        workspace.write("note.txt", b"about it");
        let run = |host: &str, arguments: &[&str]| {
            let plain = format!("reg={host},tls=disabled");
            let arguments = [arguments, &["--host", &plain]].concat();
            client(&workspace, &regctl, &arguments)
        };
        let subject = format!("{place}/demo/calc:1.0.0");
        let put = ["artifact", "put", "--subject", &subject, "-f", "note.txt"];
        let kind = ["--artifact-type", "application/vnd.example.note"];
        let format = ["--format", "{{.Manifest.GetDescriptor.Digest}}"];
        let note = run(&place, &[&put[..], &kind, &format].concat());
        let note = note.trim();
        let is_there = |host: &str| {
            let reference = format!("{host}/demo/calc@{note}");
            let fetch = ["manifest", "fetch", "--plain-http", &reference];
            Answer::of(&mut workspace.command(&oras, &fetch)).code == Some(0)
        };
        assert!(is_there(&place));

        registry.collect();
        let host = registry.start().host;
        if is_there(&host) {
            // 3.1 keeps what an index names, and so its attachments: somebody removes this one.
            run(
                &host,
                &["manifest", "delete", &format!("{host}/demo/calc@{note}")],
            );
        }
        assert!(!is_there(&host));
        let reference = format!("{host}/demo/calc:1.0.0");
        let discover = ["discover", "--plain-http", "--format", "json", &reference];
        let listed = client(&workspace, &oras, &discover);
        assert!(listed.contains(note), "no longer named: {listed}");

        assert_gets_split(&host, "demo:calc", &bytes, &published);
        for flag in ["--referrers", "--all-tags"] {
            let store = format!("oci:copied{flag}");
            let copy = ["copy", "demo:calc@1.0.0", &store, flag, "--registry", &host];
            let copied = workspace.json(&copy);
            assert_eq!(copied["manifests"], 2, "{copied}");
            let layout = workspace.path(&format!("copied{flag}"));
            let layout = format!("oci:{}", layout.display());
            assert_gets_split(&layout, "demo:calc", &bytes, &published);
        }
    }
}
