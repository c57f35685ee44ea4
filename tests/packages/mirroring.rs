//! Mirrors: again and again, only news.

use super::*;

#[test]
fn a_mirror_sends_only_news() {
    let workspace = Workspace::new();
    let places = places(&workspace);
    for (at, from) in places.iter().enumerate() {
        let to = &places[(at + 1) % places.len()];
        let package = format!("mirrored:calc-n{at}");
        let package = package.as_str();
        let (one, _) = publish(&workspace, from, package, "1.0.0");
        publish(&workspace, from, package, "2.0.0");
        let file = format!(
            "[[mirror]]\nfrom = \"{from}\"\nto = \"{to}\"\npackages = [\"{package}@^1\"]\n"
        );
        workspace.write("mirror.toml", file.as_bytes());
        let mirror = || workspace.json(&["mirror", "mirror.toml"]);
        let first = mirror();
        assert_eq!(first["manifests"], 1);
        assert_eq!(first["packages"].as_array().unwrap().len(), 1);
        assert_eq!(shown(&workspace, to, package), ["1.0.0"]);
        assert_gets(&workspace, to, package, &one);

        let nothing = mirror();
        assert_eq!(
            (&nothing["sent_blobs"], &nothing["manifests"]),
            (&0.into(), &0.into()),
            "{nothing}"
        );
        assert_eq!(nothing["packages"][0]["news"], false);

        let (newer, _) = publish(&workspace, from, package, "1.1.0");
        workspace.json(&["yank", &format!("{package}@1.0.0"), "--registry", from]);
        let news = mirror();
        assert!(news["sent_blobs"].as_u64().unwrap() < 5, "{news}");
        assert_eq!(shown(&workspace, to, package), ["1.1.0", "(1.0.0)"]);
        assert_gets(&workspace, to, package, &newer);

        // A version that differs is not overwritten.
        workspace.write("version.wasm", &version_of("calc", "changed"));
        let changed = format!("{package}@1.1.0");
        workspace.json(&[
            "publish",
            "version.wasm",
            &changed,
            "--force",
            "--registry",
            from,
        ]);
        assert_fails(&workspace, &["mirror", "mirror.toml"], 7);
        assert_gets(&workspace, to, &changed, &newer);
    }
}

#[test]
fn a_mirror_file_that_makes_no_sense_is_told_with_its_line() {
    let workspace = Workspace::new();
    workspace.write(
        "mirror.toml",
        b"[[mirror]]\nto = \"oci:a\"\npackages = [\"nonsense\"]\n",
    );
    let error = assert_fails(&workspace, &["mirror", "mirror.toml"], 5);
    assert!(
        error["message"].as_str().unwrap().contains("line 3"),
        "{error}"
    );
    assert_fails(&workspace, &["mirror", "nothing.toml"], 3);
    workspace.write(
        "mirror.toml",
        b"[[mirror]]\nfrom = \"oci:none\"\nto = \"oci:a\"\npackages = [\"a:b\"]\n",
    );
    assert_fails(&workspace, &["mirror", "mirror.toml"], 3);
    assert!(!workspace.path("a").exists());
}
