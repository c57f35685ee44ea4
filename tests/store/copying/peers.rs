//! Other programs copy the same artifact to the same digest, and find in a layout what we put there.

use crate::support;
use std::process::Command;

use super::*;

fn run(program: &Path, directory: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new(program);
    let answer = command
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success(), "{arguments:?}: {errors}");
    answer.stdout
}

fn tool(name: &str) -> Option<PathBuf> {
    support::tool(name)
}

#[tokio::test]
async fn oras_and_skopeo_copy_to_the_same_digest() {
    let scratch = Scratch::new();
    let (from, ours) = (scratch.layout("from"), scratch.layout("ours"));
    let digest = sample(&from, "1.0").await.digest;
    scratch.copy(&from, &ours, "1.0").await.unwrap();
    let to_oras = [
        "cp",
        "--from-oci-layout",
        "ours:1.0",
        "--to-oci-layout",
        "oras:1.0",
    ];
    let to_skopeo = [
        "--insecure-policy",
        "copy",
        "--preserve-digests",
        "oci:ours:1.0",
        "oci:skopeo:1.0",
    ];
    for (name, arguments) in [("oras", &to_oras[..]), ("skopeo", &to_skopeo)] {
        let Some(program) = tool(name) else { continue };
        run(&program, scratch.path(), arguments);
        let theirs = scratch.layout(name);
        assert_same(&from, &theirs, &tag("1.0")).await;
        // What they wrote is no news to us, and we read it like ours.
        assert!(
            !scratch
                .copy(&from, &theirs, "1.0")
                .await
                .unwrap()
                .has_written
        );
        let back = scratch.layout(&format!("from-{name}"));
        assert_eq!(
            scratch.copy(&theirs, &back, "1.0").await.unwrap().digest,
            digest
        );
        assert_same(&from, &back, &tag("1.0")).await;
    }
}

#[tokio::test]
async fn oras_finds_our_referrers_and_we_find_its() {
    let Some(oras) = tool("oras") else { return };
    let scratch = Scratch::new();
    let from = scratch.layout("from");
    let top = sample(&from, "1.0").await;
    let mut note = image(&from, "application/vnd.example.note", &[b"note"]).await;
    note["subject"] = of(&top);
    let note = put(&from, &note, None).await;
    fs::write(scratch.path().join("file"), "attached").unwrap();
    let attach = [
        "attach",
        "--oci-layout",
        "from:1.0",
        "--artifact-type",
        "application/vnd.example.theirs",
    ];
    run(
        &oras,
        scratch.path(),
        &[&attach[..], &["--annotation", "by=oras", "file:text/plain"]].concat(),
    );
    let theirs = "application/vnd.example.theirs";
    let mut found = from.referrers(&top.digest, None).await.unwrap();
    // oras writes the index anew, in no order.
    found.sort_by(|one, other| one.artifact_type.cmp(&other.artifact_type));
    let kinds: Vec<Option<&str>> = found
        .iter()
        .map(|found| found.artifact_type.as_deref())
        .collect();
    assert_eq!(kinds, [Some("application/vnd.example.note"), Some(theirs)]);
    assert_eq!(found[0].digest, note.digest);
    let filtered = from.referrers(&top.digest, Some(theirs)).await.unwrap();
    assert_eq!(filtered, found[1..]);
    assert_eq!(filtered[0].annotations["by"], "oras");

    let to = scratch.layout("to");
    assert_eq!(scratch.copy(&from, &to, "1.0").await.unwrap().manifests, 3);
    let discovered = run(
        &oras,
        scratch.path(),
        &["discover", "--oci-layout", "to:1.0", "--format", "json"],
    );
    let discovered: Value = serde_json::from_slice(&discovered).unwrap();
    let listed = discovered["referrers"].as_array().unwrap();
    let mut listed: Vec<&str> = listed
        .iter()
        .map(|listed| listed["digest"].as_str().unwrap())
        .collect();
    listed.sort_unstable();
    let mut expected: Vec<String> = found.iter().map(|found| found.digest.to_string()).collect();
    expected.sort_unstable();
    assert_eq!(listed, expected);
}
