//! The pull part of the conformance suite of the distribution specification.

use super::http::get;
use super::*;
use crate::support;
use crate::support::workspace;

#[test]
fn the_conformance_suite_can_pull() {
    let Some(suite) = support::tool("conformance") else {
        return;
    };
    for (workspace, stored) in everywhere("serve/conformance") {
        let gateway = stored.serve(&workspace);
        let host = gateway.host();
        let manifest = get(&host, &stored.tagged()).is(200).json();
        let config = workspace::digest(&manifest["config"]["digest"]);
        let words = |words: &[Digest]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            words.join(" ")
        };
        let (manifests, blobs) = (
            words(&[stored.flat, stored.split]),
            words(&[stored.content(), config, stored.layers[0]]),
        );
        let client = Workspace::new();
        let mut command = client.command(&suite, &[] as &[&str]);
        // The suite cannot look at the digest header of a manifest that it did not push; the other tests do.
        for (name, value) in [
            ("REGISTRY", host.as_str()),
            ("TLS", "disabled"),
            ("REPO1", &stored.repository),
            ("RESULTS_DIR", "results"),
            ("API_PUSH", "false"),
            ("API_BLOBS_DELETE", "false"),
            ("API_MANIFESTS_DELETE", "false"),
            ("API_TAGS_DELETE", "false"),
            ("API_BLOBS_DIGEST_HEADER", "true"),
            ("RO_DATA_TAGS", "1.0.0"),
            ("RO_DATA_MANIFESTS", &manifests),
            ("RO_DATA_BLOBS", &blobs),
            ("RO_DATA_REFERRERS", &stored.flat.to_string()),
        ] {
            command.env(format!("OCI_{name}"), value);
        }
        let answer = Answer::of(&mut command);
        let said = format!("{}\n{}", answer.text(), answer.stderr);
        // Not its exit code: where it has pushed nothing it falls over after this report, while it writes its files.
        let line = |start: &str| said.lines().find(|line| line.trim().starts_with(start));
        assert_eq!(
            line("OCI Conformance Result"),
            Some("OCI Conformance Result: Pass"),
            "{said}"
        );
        for none in ["FAIL", "Error"] {
            assert!(
                line(none).unwrap().ends_with(" 0"),
                "{}: {said}",
                stored.upstream
            );
        }
        // It must have looked at something.
        for part in [
            "Manifest get by digest",
            "Manifest head by tag",
            "Blob get",
            "Tag listing",
            "Referrers",
        ] {
            assert!(line(part).unwrap().ends_with("Pass"), "{part}: {said}");
        }
    }
}
