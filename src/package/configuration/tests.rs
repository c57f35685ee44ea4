use super::*;

const FILE: &str = r#"
default_registry = "example.com"

[namespace_registries]
wasi = "wasi.dev"
acme = { registry = "acme", metadata = { preferredProtocol = "oci", oci = { registry = "ghcr.io", namespacePrefix = "acme/" } } }
mine = "my.store"

[package_registry_overrides]
"demo:greet" = "localhost:5000"
"wasi:odd" = { registry = "odd", metadata = { ociRegistry = "ghcr.io/odd", ociNamespacePrefix = "x-" } }

[registry."localhost:5000".oci]
protocol = "http"
auth = { username = "me", password = "hunter2" }

[registry."my.store"]
type = "wharf"
[registry."my.store".wharf]
layout = "/srv/packages"

[registry."example.com".oci]
auth = "bWU6aHVudGVyMg"
"#;

fn choose(configuration: &Configuration, package: &str, registry: Option<&str>) -> RegistryChoice {
    configuration
        .choose(&package.parse().unwrap(), registry)
        .unwrap()
}

fn ask(registry: &str) -> RegistryChoice {
    RegistryChoice::Ask {
        registry: registry.to_owned(),
    }
}

fn known(registry: &str, place: PackagePlace) -> RegistryChoice {
    RegistryChoice::Known {
        registry: registry.to_owned(),
        place,
    }
}

fn at_host(host: &str, prefix: &str) -> PackagePlace {
    PackagePlace::Registry {
        host: host.to_owned(),
        prefix: prefix.to_owned(),
    }
}

#[test]
fn packages_have_the_same_registry_as_in_wkg() {
    let (configuration, unknown) = Configuration::read(FILE).unwrap();
    assert_eq!(unknown, Vec::<String>::new());
    for (package, registry, choice) in [
        ("demo:calc", None, ask("example.com")),
        ("demo:greet", None, ask("localhost:5000")),
        ("wasi:http", None, ask("wasi.dev")),
        (
            "acme:calc",
            None,
            known("acme", at_host("ghcr.io", "acme/")),
        ),
        ("wasi:odd", None, known("odd", at_host("ghcr.io", "odd/x-"))),
        (
            "acme:calc",
            Some("acme"),
            known("acme", at_host("ghcr.io", "acme/")),
        ),
        ("acme:calc", Some("other.io"), ask("other.io")),
        (
            "mine:x",
            None,
            known("my.store", PackagePlace::Layout("/srv/packages".into())),
        ),
    ] {
        assert_eq!(
            choose(&configuration, package, registry),
            choice,
            "{package}"
        );
    }
}

#[test]
fn with_nothing_configured_packages_are_local() {
    let configuration = Configuration::default();
    assert_eq!(
        choose(&configuration, "demo:calc", None),
        RegistryChoice::Local
    );
    assert_eq!(choose(&configuration, "wasi:http", None), ask("wasi.dev"));
    let (file, _) = Configuration::read("default_registry = \"ghcr.io\"").unwrap();
    let merged = configuration.merge(file);
    assert_eq!(choose(&merged, "demo:calc", None), ask("ghcr.io"));
}

#[test]
fn unknown_keys_are_named() {
    let text = format!("future = 1\n{FILE}\n[workspace]\nx = 2\n");
    let (configuration, unknown) = Configuration::read(&text).unwrap();
    assert_eq!(unknown, ["future", "workspace"]);
    assert_eq!(
        choose(&configuration, "demo:calc", None),
        ask("example.com")
    );
}

#[test]
fn unknown_keys_are_named_at_any_depth() {
    let text = r#"
[namespace_registries]
demo = { registry = "x.io", more = 1, metadata = { preferredProtocol = "oci", x = 1, oci = { registry = "y.io", nameprefix = "z/" } } }
[registry."x.io"]
newer = true
other = { token = 1 }
type = "oci"
[registry."x.io".oci]
protocl = "http"
"#;
    let (configuration, mut unknown) = Configuration::read(text).unwrap();
    unknown.sort();
    assert_eq!(
        unknown,
        [
            "namespace_registries.demo.metadata.oci.nameprefix",
            "namespace_registries.demo.metadata.x",
            "namespace_registries.demo.more",
            "registry.\"x.io\".newer",
            "registry.\"x.io\".oci.protocl",
        ]
    );
    assert_eq!(
        choose(&configuration, "demo:calc", None),
        known("x.io", at_host("y.io", ""))
    );
    assert!(!configuration.settings("x.io").unwrap().plain_http);
}

#[test]
fn errors_name_the_line_in_the_file() {
    let before = "# one\n\ndefault_registry = \"x.io\"\n";
    for (text, words) in [
        (
            "[namespace_registries]\ndemo = 5",
            "line 5: `namespace_registries.demo` is not text",
        ),
        (
            "[namespace_registries]\ndemo = \"hunter2 \"",
            "line 5: `namespace_registries.demo` is not a registry: ",
        ),
        (
            "[namespace_registries]\ndemo = { registry = \"x.io\" }",
            "line 5: `namespace_registries.demo` has no `metadata`",
        ),
        (
            "[namespace_registries.demo]\nregistry = \"x.io\"\n[namespace_registries.demo.metadata]\nociRegistry = 5",
            "line 7: `namespace_registries.demo.metadata.ociRegistry` is not text",
        ),
        (
            "[package_registry_overrides]\ndemo = \"x.io\"",
            "line 5: `package_registry_overrides.demo` is not a valid name: ",
        ),
        (
            "registry = \"hunter2\"",
            "line 4: `registry` is not a table",
        ),
        (
            "[registry]\n\"x.io\" = \"hunter2\"",
            "line 5: `registry.\"x.io\"` is not a table",
        ),
        (
            "[registry.\"x.io\"]\nnewer = 1\ntype = 5",
            "line 6: `registry.\"x.io\".type` is not text",
        ),
        (
            "[registry.\"x.io\"]\ntype = \"oci\"\ndefault = \"oci\"",
            "line 4: `registry.\"x.io\"` has both",
        ),
    ] {
        let error = Configuration::read(&format!("{before}{text}")).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with(words), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn namespaces_resolve_packages_without_an_override() {
    let text =
        format!("{FILE}\n[namespace_registries.any]\nregistry = \"any.io\"\nmetadata = {{}}\n");
    let text = text.replace("[package_registry_overrides]", "[package_registry_overrides]\n\"demo:a\" = \"one.io\"\n\"acme:a\" = \"one.io\"\n\"ba:ba\" = \"one.io\"");
    let (file, _) = Configuration::read(&text).unwrap();
    let choose = |configuration: &Configuration, namespace, registry| {
        configuration.choose_namespace(namespace, registry).unwrap()
    };
    let acme = known("acme", at_host("ghcr.io", "acme/"));
    for (namespace, registry, choice) in [
        (None, None, ask("example.com")),
        (Some("demo"), None, ask("example.com")),
        (Some("no label"), None, ask("example.com")),
        (Some("wasi"), None, ask("wasi.dev")),
        (Some("acme"), None, acme.clone()),
        (Some("acme"), Some("acme"), acme),
        (Some("acme"), Some("other.io"), ask("other.io")),
        (
            Some("mine"),
            None,
            known("my.store", PackagePlace::Layout("/srv/packages".into())),
        ),
    ] {
        assert_eq!(choose(&file, namespace, registry), choice, "{namespace:?}");
    }
    let text = "[package_registry_overrides]\n\"ba:ba\" = \"one.io\"";
    let (file, _) = Configuration::read(text).unwrap();
    assert_eq!(choose(&file, Some("ba"), None), RegistryChoice::Local);
    let merged = Configuration::default().merge(file);
    assert_eq!(
        choose(&merged, Some("ba"), None),
        ask("bytecodealliance.org")
    );
    assert_eq!(choose(&merged, None, None), RegistryChoice::Local);
}

#[test]
fn settings_are_read_as_wkg_reads_them() {
    let (configuration, _) = Configuration::read(FILE).unwrap();
    let me = UserPassword {
        username: "me".to_owned(),
        password: "hunter2".to_owned(),
    };
    let local = configuration.settings("localhost:5000").unwrap();
    assert!(local.plain_http && local.credentials == Some(me.clone()));
    let other = configuration.settings("example.com").unwrap();
    assert!(!other.plain_http && other.credentials == Some(me));
    assert_eq!(
        configuration.settings("else.io").unwrap(),
        RegistrySettings::default()
    );
}

#[test]
fn syntax_errors_do_not_show_secrets() {
    for (text, words) in [
        ("default_registry = ", "line 1"),
        ("default_registry = 5", ""),
        ("[namespace_registries]\nBad = \"x.io\"", ""),
        ("[registry.\"x.io\".oci]\nauth = \"hunter2", "line 2"),
    ] {
        let error = Configuration::read(text).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert!(
            !error.contains("hunter2") && !error.contains('\n'),
            "{error}"
        );
    }
    for table in [
        "auth = { username = \"me\", password = \"hunter2\", more = 1, 5 = 5 }\nprotocol = \"gopher\"",
        "auth = \"hunter2!\"",
        "auth = 5",
        "accept_invalid_certificates = true",
        "extra_root_certificates = [{ encoding = \"der\", data = \"hunter2\" }]",
    ] {
        let (configuration, _) =
            Configuration::read(&format!("[registry.\"x.io\".oci]\n{table}")).unwrap();
        let error = configuration.settings("x.io").unwrap_err().to_string();
        assert!(
            error.contains("x.io") && !error.contains("hunter2"),
            "{error}"
        );
    }
    for backend in ["local", "other"] {
        let text =
            format!("default_registry = \"x.io\"\n[registry.\"x.io\"]\ntype = \"{backend}\"");
        let (configuration, _) = Configuration::read(&text).unwrap();
        assert!(configuration.choose(&"a:b".parse().unwrap(), None).is_err());
    }
}

#[test]
fn registries_state_their_location() {
    for (json, place) in [
        (None, at_host("x.io", "")),
        (Some("{}"), at_host("x.io", "")),
        (
            Some(
                r#"{"preferredProtocol":"oci","oci":{"registry":"ghcr.io","namespacePrefix":"webassembly/"}}"#,
            ),
            at_host("ghcr.io", "webassembly/"),
        ),
        (
            Some(r#"{"ociRegistry":"ghcr.io","ociNamespacePrefix":"webassembly/"}"#),
            at_host("ghcr.io", "webassembly/"),
        ),
        (
            Some(r#"{"oci":{"namespacePrefix":"p/"},"more":{}, "preferredProtocol":"oci"}"#),
            at_host("x.io", "p/"),
        ),
    ] {
        assert_eq!(
            RegistryChoice::from_metadata("x.io", json.map(str::as_bytes)).unwrap(),
            place
        );
    }
    for bad in [
        "[",
        "[]",
        r#"{"preferredProtocol":"warg"}"#,
        r#"{"oci":{"registry":5}}"#,
    ] {
        assert!(
            RegistryChoice::from_metadata("x.io", Some(bad.as_bytes())).is_err(),
            "{bad}"
        );
    }
}
