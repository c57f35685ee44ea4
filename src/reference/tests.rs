use super::*;

const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn references_are_read_and_written_back() {
    for (text, written) in [
        ("localhost:5000/demo/calc:1.0", None),
        ("ghcr.io/owner/calc", Some("ghcr.io/owner/calc:latest")),
        ("docker.io/calc:1", Some("docker.io/library/calc:1")),
        ("[::1]:5000/demo/calc:1.0", None),
        ("[2001:db8::7]/calc", Some("[2001:db8::7]/calc:latest")),
        (&format!("[::1]:80/a:1@sha256:{HEX}"), None),
        ("oci:store:1.0", None),
        ("oci:/a/b", Some("oci:/a/b:latest")),
        ("oci:a:b/c", Some("oci:a:b/c:latest")),
        ("oci:a:b/c:1.0", None),
        ("oci:a:b:1.0", None),
        (&format!("oci:store@sha256:{HEX}"), None),
        (&format!("blobs:/a@b/c:1@sha256:{HEX}"), None),
        (&format!("oci:store:1.0@sha256:{HEX}"), None),
        (&format!("127.0.0.1:80/a@sha256:{HEX}"), None),
    ] {
        let reference: Reference = text.parse().unwrap();
        assert_eq!(reference.to_string(), written.unwrap_or(text));
    }
}

#[test]
fn a_layout_may_hold_repositories() {
    for (text, directory, repository, tag) in [
        ("oci:a:b/c:1.0", "a", Some("b/c"), Some("1.0")),
        ("oci:/x/y:b/c-d/e:1.0", "/x/y", Some("b/c-d/e"), Some("1.0")),
        ("oci:a:b/c", "a:b/c", None, None),
        ("oci:a:b:1.0", "a:b", None, Some("1.0")),
        ("oci:a:B/c:1.0", "a:B/c", None, Some("1.0")),
    ] {
        let reference: Reference = text.parse().unwrap();
        let location = Location::Layout {
            directory: directory.into(),
            repository: repository.map(str::to_owned),
        };
        assert_eq!(reference.location, location, "{text}");
        assert_eq!(reference.tag.as_deref(), tag, "{text}");
    }
}

#[test]
fn a_reference_needs_a_host_or_a_directory() {
    for bad in [
        "calc.wasm",
        "calc:1",
        "demo/calc:1",
        "",
        "oci:",
        "oci::1",
        "oci:a:b c",
        "localhost/UPPER",
    ] {
        assert!(bad.parse::<Reference>().is_err(), "{bad}");
    }
    assert!(
        format!("oci:store@sha256:{}", &HEX[1..])
            .parse::<Reference>()
            .is_err()
    );
}

#[test]
fn what_other_programs_would_read_is_refused() {
    for (text, reason) in [
        ("oci://ghcr.io/me/calc:1", "it is written without `oci://`"),
        ("oci:///srv/store:1", "it is written without `oci://`"),
        ("docker://ghcr.io/a:1", "it is written without `docker://`"),
        ("https://ghcr.io/a:1", "it is written without `https://`"),
        ("me:SECRET@ghcr.io/a:1", "it has a user and a password"),
        (
            "oci://me:SECRET@ghcr.io/a:1",
            "it is written without `oci://`",
        ),
        ("localhost:5000", "the repository is missing"),
        ("[::1]:5000", "the repository is missing"),
        ("ghcr.io:443/", "the repository is missing"),
    ] {
        let error = text.parse::<Reference>().unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        assert!(!error.contains("SECRET"), "{error}");
    }
}

#[test]
fn a_digest_decides_over_a_tag() {
    let reference: Reference = format!("oci:store:1.0@sha256:{HEX}").parse().unwrap();
    assert_eq!(reference.name(), Name::Digest(Digest::of(b"")));
    assert_eq!(reference.stem(), "1.0");
}

#[test]
fn a_blob_directory_is_named_with_a_digest() {
    let reference: Reference = format!("blobs:/a/b:1.0@sha256:{HEX}").parse().unwrap();
    let directory = "/a/b:1.0".into();
    assert_eq!(reference.location, Location::Blobs { directory });
    assert_eq!(reference.name(), Name::Digest(Digest::of(b"")));
    assert_eq!(
        (reference.tag.as_deref(), &*reference.stem()),
        (None, "component")
    );
    for bad in [
        "blobs:",
        "blobs:a",
        "blobs:a:1.0",
        "blobs:a/b@c",
        "blobs:a@sha256:00",
    ] {
        assert!(bad.parse::<Reference>().is_err(), "{bad}");
    }
    assert!(format!("blobs:@sha256:{HEX}").parse::<Reference>().is_err());
}

#[test]
fn tags_follow_the_distribution_specification() {
    for good in ["1.0", "_", "a-b.c", &"x".repeat(128)] {
        assert!(is_tag(good), "{good}");
    }
    for bad in ["", ".a", "-a", "1+2", "a/b", "a b", &"x".repeat(129)] {
        assert!(!is_tag(bad), "{bad}");
    }
}

#[test]
fn registry_references_are_read_as_oci_client_reads_them() {
    let hosts = [
        "docker.io",
        "index.docker.io",
        "localhost",
        "a.b-c.d:50",
        "Ghcr.io",
        "-a.b",
        "a..b",
        "a.b:",
        "a.b:x",
    ];
    let paths = [
        "calc",
        "a/b/c",
        "a.b_c__d---e",
        "a___b",
        "a._b",
        "A",
        "-a",
        "a-",
        "a//b",
        "a/",
        "",
        ".a",
        "a b",
        "a/_b",
        "é",
    ];
    let tags = [
        "",
        ":1.0",
        ":_x",
        ":.x",
        ":",
        ":a+b",
        ":a/b",
        &format!(":{}", "t".repeat(129)),
    ];
    let digests = [
        "",
        &format!("@sha256:{HEX}"),
        &format!("@sha256:{}", &HEX[1..]),
        "@",
        "@sha256:",
    ];
    let mut accepted = 0;
    for (host, path) in hosts.iter().flat_map(|host| paths.map(|path| (host, path))) {
        for (tag, digest) in tags
            .iter()
            .flat_map(|tag| digests.map(|digest| (tag, digest)))
        {
            let text = format!("{host}/{path}{tag}{digest}");
            let oracle = text.parse::<oci_client::Reference>().ok();
            let read = text.parse::<Reference>().ok();
            let oracle =
                oracle.map(|oracle| (oracle.registry().to_owned(), oracle.repository().to_owned()));
            let found = read.map(|read| match read.location {
                Location::Repository(repository) => (repository.registry, repository.path),
                other => panic!("{other:?}"),
            });
            // What has no host is docker.io's to it, and nothing to us.
            let hostless = oracle
                .as_ref()
                .is_some_and(|(registry, _)| registry == "docker.io")
                && !host.ends_with("docker.io");
            assert_eq!(found, oracle.filter(|_| !hostless), "{text}");
            accepted += usize::from(found.is_some());
        }
    }
    assert!(accepted > 80, "{accepted}");
}
