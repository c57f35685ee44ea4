//! Split manifests that break a promise of the format: each is refused with an error that says where, whatever is
//! wrong, before any layer is asked for.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wharf::artifact::{self, Error, SplitManifest};
use wharf::component::Component;
use wharf::digest::{Digest, Identity};
use wharf::encoding::{EncodedBlob, EncodedLayer, Encoding, Frames, MAX_FRAME_CONTENT};
use wharf::manifest::{Config, annotation};
use wharf::split::SplitPolicy;

/// A split artifact of a small component, with layers that claim to be compressed.
fn artifact() -> (Config, Value) {
    let wat = include_str!("../../testdata/wat/layers.wat");
    let bytes = wat::parse_str(wat).unwrap();
    let component = Component::read(bytes, &SplitPolicy::DEFAULT).unwrap();
    let stored: Vec<EncodedLayer> = component
        .contents()
        .map(|content| EncodedBlob {
            blob: Identity {
                digest: Digest::of(content.digest.hex().as_bytes()),
                size: content.size / 3 + 1,
            },
            encoding: Encoding::Zstd,
        })
        .map(EncodedLayer::from)
        .collect();
    let split = artifact::split(&component.config, &stored, &BTreeMap::new());
    let manifest = serde_json::from_slice(&split.manifest).unwrap();
    (component.config, manifest)
}

/// Returns the root and the layers, stored as they are.
fn raw_layers(config: &Config) -> Vec<EncodedLayer> {
    let layers = config.layers.iter().map(|layer| Identity {
        digest: layer.digest,
        size: layer.size,
    });
    let encoding = Encoding::Raw;
    std::iter::once(config.root)
        .chain(layers)
        .map(|blob| EncodedBlob { blob, encoding }.into())
        .collect()
}

fn read(manifest: &Value) -> Result<SplitManifest, Error> {
    SplitManifest::read(manifest.to_string().as_bytes())
}

fn note<'a>(manifest: &'a mut Value, layer: usize, key: &str) -> &'a mut Value {
    &mut manifest["layers"][layer]["annotations"][key]
}

/// Changes a good manifest and returns what is then said of it.
fn complaint(change: impl FnOnce(&mut Value)) -> String {
    let (_, mut manifest) = artifact();
    change(&mut manifest);
    let error = read(&manifest).expect_err("a bad manifest was accepted");
    let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

#[track_caller]
fn complains(expected: &[&str], change: impl FnOnce(&mut Value)) {
    let complaint = complaint(change);
    for words in expected {
        assert!(
            complaint.contains(words),
            "{words:?} is not in {complaint:?}"
        );
    }
}

#[test]
fn a_valid_manifest_is_accepted_and_repeats_its_config() {
    let (config, manifest) = artifact();
    let read = read(&manifest).unwrap();
    assert!(read.layers.len() >= 8);
    assert_eq!(read.repeated_config().as_ref(), Some(&config));
    assert_eq!(read.config(&config.to_bytes()).unwrap(), config);
    read.check_flat(&config).unwrap();
}

#[test]
fn attributes_of_names_are_repeated_and_compared() {
    let names =
        json!({"imports": {"attributes": {"p": {"implements": "a:b/c@1"}}, "incomplete": true}});
    let (mut config, _) = artifact();
    config.names = serde_json::from_value(names.clone()).unwrap();
    let stored = raw_layers(&config);
    let split = artifact::split(&config, &stored, &BTreeMap::new());
    let mut manifest: Value = serde_json::from_slice(&split.manifest).unwrap();
    assert_eq!(
        manifest["annotations"][annotation::NAMES],
        names.to_string()
    );
    let found = read(&manifest).unwrap();
    assert_eq!(found.repeated_config().as_ref(), Some(&config));
    let annotations = manifest["annotations"].as_object_mut().unwrap();
    // Without the annotation they are in the config only.
    let stated = annotations.remove(annotation::NAMES).unwrap();
    let found = read(&manifest).unwrap();
    assert_eq!(found.repeated_config(), None);
    assert_eq!(found.config(&split.config).unwrap(), config);
    for wrong in [json!("{"), json!(stated.to_string())] {
        manifest["annotations"][annotation::NAMES] = wrong;
        assert!(read(&manifest).is_err());
    }
    manifest["annotations"][annotation::NAMES] = json!("{}");
    let error = read(&manifest).unwrap().config(&split.config).unwrap_err();
    assert!(error.to_string().contains("names") || format!("{error:?}").contains("names"));
}

#[test]
fn invalid_numbers_are_refused() {
    for bad in [
        "-1",
        "+1",
        "01",
        "",
        " 1",
        "1e3",
        "0x10",
        "ten",
        "18446744073709551616",
        "1.0",
    ] {
        complains(&["layers[2]", annotation::OFFSET], |manifest| {
            *note(manifest, 2, annotation::OFFSET) = json!(bad);
        });
        complains(&["layers[3]", annotation::CONTENT_SIZE], |manifest| {
            *note(manifest, 3, annotation::CONTENT_SIZE) = json!(bad);
        });
        complains(&["annotations", annotation::CONTENT_SIZE], |manifest| {
            manifest["annotations"][annotation::CONTENT_SIZE] = json!(bad);
        });
    }
    for bad in [
        json!(-1),
        json!("12"),
        json!(1.5),
        json!(null),
        json!([]),
        json!(1e30),
    ] {
        complains(&["layers[4]"], |manifest| {
            manifest["layers"][4]["size"] = bad.clone()
        });
        complains(&["config"], |manifest| {
            manifest["config"]["size"] = bad.clone()
        });
    }
    let (_, manifest) = artifact();
    let text =
        manifest
            .to_string()
            .replacen("\"size\":", "\"size\":99999999999999999999999,\"was\":", 1);
    assert!(SplitManifest::read(text.as_bytes()).is_err());
}

#[test]
fn layers_that_do_not_tile_are_refused() {
    let offset = |manifest: &mut Value, layer: usize, to: u64| {
        let path = note(manifest, layer, annotation::SECTION)
            .as_str()
            .unwrap()
            .to_owned();
        *note(manifest, layer, annotation::OFFSET) = json!(to.to_string());
        // The title is made to fit, so that the tiling alone is wrong.
        let split: Digest = manifest["config"]["digest"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let title = artifact::Title::section(split, to, &path, Encoding::Zstd);
        *note(manifest, layer, annotation::TITLE) = json!(title);
    };
    complains(&["tile", "layers[2]", "begins at 9"], |manifest| {
        offset(manifest, 2, 9)
    });
    complains(&["tile", "layers[8]"], |manifest| {
        offset(manifest, 8, u64::MAX - 3)
    });
    complains(&["tile", "layers[8]"], |manifest| {
        offset(manifest, 8, 1 << 40)
    });
    complains(&["tile", "layers[1]"], |manifest| {
        *note(manifest, 1, annotation::CONTENT_SIZE) = json!("0");
        manifest["layers"][1]["size"] = json!(9);
    });
    complains(&["tile"], |manifest| {
        *note(manifest, 1, annotation::CONTENT_SIZE) = json!(u64::MAX.to_string());
    });
    complains(&["tile", "root and layers have"], |manifest| {
        *note(manifest, 0, annotation::CONTENT_SIZE) = json!("10");
    });
    complains(&["tile"], |manifest| {
        manifest["layers"].as_array_mut().unwrap().pop();
    });
    complains(&["tile"], |manifest| {
        manifest["layers"].as_array_mut().unwrap().swap(1, 2)
    });
    complains(&["tile"], |manifest| {
        let twice = manifest["layers"][3].clone();
        manifest["layers"].as_array_mut().unwrap().insert(3, twice);
    });
}

#[test]
fn wrong_digests_titles_and_types_are_refused() {
    complains(&["layers[2]", "digest"], |manifest| {
        manifest["layers"][2]["digest"] = json!("sha256:xyz")
    });
    complains(&["layers[2]", "digest"], |manifest| {
        manifest["layers"][2]["digest"] = json!(format!("sha512:{}", "0".repeat(128)));
    });
    complains(&["config", "digest"], |manifest| {
        manifest["config"]["digest"] = json!("")
    });
    for bad in ["../../etc/passwd", "a/b", "", "\u{1b}[2J", "layer"] {
        complains(&["layers[1]", "title should be"], |manifest| {
            *note(manifest, 1, annotation::TITLE) = json!(bad);
        });
        complains(&["layers[0]", "title should be"], |manifest| {
            *note(manifest, 0, annotation::TITLE) = json!(bad);
        });
    }
    complains(&["layers[1]", annotation::TITLE, "missing"], |manifest| {
        manifest["layers"][1]["annotations"]
            .as_object_mut()
            .unwrap()
            .remove(annotation::TITLE);
    });
    complains(&["layers[1]", "media type"], |manifest| {
        manifest["layers"][1]["mediaType"] = json!("application/wasm");
    });
    complains(&["layers[1]", "root must be the first"], |manifest| {
        manifest["layers"][1]["mediaType"] = manifest["layers"][0]["mediaType"].clone();
    });
    complains(&["layers[0]", "root must be the first"], |manifest| {
        manifest["layers"].as_array_mut().unwrap().remove(0);
    });
    complains(&["layers", "no root"], |manifest| {
        manifest["layers"] = json!([])
    });
    complains(&["config", "media type"], |manifest| {
        manifest["config"]["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
    });
    complains(&[annotation::OS], |manifest| {
        manifest["annotations"][annotation::OS] = json!("linux")
    });
    complains(&[annotation::IMPORTS], |manifest| {
        manifest["annotations"][annotation::IMPORTS] = json!("[1,2]");
    });
    complains(&["cannot be read"], |manifest| {
        manifest["layers"] = json!("none")
    });
    complains(&["schemaVersion"], |manifest| {
        manifest["schemaVersion"] = json!(1)
    });
    complains(&["layers[1]", "too large for its content"], |manifest| {
        manifest["layers"][1]["size"] = json!(1u64 << 40);
    });
    complains(&["layers[1]", "not an object"], |manifest| {
        manifest["layers"][1] = json!(["type", Digest::of(b"").to_string(), 5, {}]);
    });
    complains(&["artifactType"], |manifest| {
        manifest["artifactType"] = json!("other")
    });
    complains(&["mediaType"], |manifest| {
        manifest["mediaType"] = json!("application/vnd.oci.image.index.v1+json");
    });
    complains(&["layers[0]", "no offset"], |manifest| {
        *note(manifest, 0, annotation::OFFSET) = json!("0");
    });
    // A raw layer is its own content.
    complains(
        &["layers[1]", "content digest is not its digest"],
        |manifest| {
            manifest["layers"][1]["mediaType"] = json!("application/vnd.wharf.section.v1");
        },
    );
}

#[test]
fn a_manifest_with_only_a_root_is_the_whole_component() {
    let wat = include_str!("../../testdata/wat/layers.wat");
    let bytes = wat::parse_str(wat).unwrap();
    let policy = SplitPolicy {
        floor: u64::MAX,
        ..SplitPolicy::DEFAULT
    };
    let component = Component::read(bytes, &policy).unwrap();
    let contents: Vec<Identity> = component.contents().collect();
    assert_eq!(contents, [component.config.content]);
    let other = Digest::of(b"what another manifest has");
    for (digest, size) in [
        (contents[0].digest, contents[0].size),
        (other, contents[0].size),
        (contents[0].digest, contents[0].size + 1),
        (contents[0].digest, contents[0].size - 1),
    ] {
        let mut config = component.config.clone();
        config.content = Identity { digest, size };
        let stored = EncodedBlob {
            blob: contents[0],
            encoding: Encoding::Raw,
        };
        let split = artifact::split(&config, &[stored.into()], &BTreeMap::new());
        let read = SplitManifest::read(&split.manifest);
        assert_eq!(
            read.is_ok(),
            config.content == contents[0],
            "{digest} {size}: {read:?}"
        );
    }
}

#[test]
fn a_list_of_frames_must_fit_its_layer() {
    let says = [annotation::FRAMES, "layers[2]: "];
    for wrong in ["", "1", "1,2", "1,", "+1,2", "01,2", "x", "-1,5"] {
        complains(&says, |manifest| {
            *note(manifest, 2, annotation::FRAMES) = json!(wrong);
        });
    }
    // Three frames in the root.
    let (mut config, _) = artifact();
    let more = 2 * MAX_FRAME_CONTENT;
    config.root.size += more;
    config.content.size += more;
    let mut layers = raw_layers(&config);
    let blob = Identity {
        digest: Digest::of(b"frames"),
        size: 60,
    };
    layers[0] = EncodedLayer {
        stored: EncodedBlob {
            blob,
            encoding: Encoding::Zstd,
        },
        frames: Frames::checked(vec![10, 20, 30], config.root.size, 60).unwrap(),
    };
    let split = artifact::split(&config, &layers, &BTreeMap::new());
    let good: Value = serde_json::from_slice(&split.manifest).unwrap();
    assert_eq!(
        good["layers"][0]["annotations"][annotation::FRAMES],
        "10,20,30"
    );
    let found = read(&good).unwrap();
    assert_eq!(found.root.frames.sizes(), [10, 20, 30]);
    assert_eq!(found.layers[0].frames, Frames::default());
    let with = |layer, list: &str| {
        let mut manifest = good.clone();
        *note(&mut manifest, layer, annotation::FRAMES) = json!(list);
        read(&manifest).map_err(|error| error.to_string())
    };
    assert!(with(0, "20,20,20").is_ok());
    for wrong in ["30,30", "10,20,20,10", "10,20,31", "30,30,0", "60"] {
        let error = with(0, wrong).unwrap_err();
        assert!(error.starts_with("layers[0]: "), "{wrong}: {error}");
    }
    // A raw layer has no frames.
    assert!(with(1, "10,20,30").is_err());
}

#[test]
fn too_many_layers_are_refused_at_once() {
    let (_, mut manifest) = artifact();
    let layer = json!({ "mediaType": "x", "digest": "y", "size": 1 });
    let layers = manifest["layers"].as_array_mut().unwrap();
    layers.resize(1001, layer.clone());
    assert!(matches!(
        read(&manifest),
        Err(Error::Limit {
            what: "layers",
            found: 1001,
            most: 1000
        })
    ));
    let layers = manifest["layers"].as_array_mut().unwrap();
    layers.resize(200_000, layer);
    assert!(matches!(read(&manifest), Err(Error::Limit { .. })));
}

#[test]
fn a_config_that_contradicts_the_manifest_is_refused() {
    let (config, manifest) = artifact();
    let read = read(&manifest).unwrap();
    let mut other = config.clone();
    other.exports.push("one:more/export".to_owned());
    let mut moved = config.clone();
    moved.layers[3].offset += 1;
    let mut renamed = config.clone();
    renamed.layers[0].path.push('x');
    let mut newer = config.clone();
    newer.format_version = 2;
    for (config, place) in [
        (other, "exports"),
        (moved, "layers[4]"),
        (renamed, "layers[1]"),
        (newer, "format version"),
    ] {
        let error = read.config(&config.to_bytes()).unwrap_err().to_string();
        assert!(error.contains(place), "{place:?} is not in {error:?}");
    }
    for bad in [&b""[..], b"{}", b"[]", b"\xff"] {
        assert!(matches!(read.config(bad), Err(Error::Config { .. })));
    }
}

#[test]
fn a_manifest_whose_annotations_lie_does_not_repeat_its_config() {
    for key in [annotation::IMPORTS, annotation::EXPORTS] {
        let (_, mut manifest) = artifact();
        manifest["annotations"][key] = json!("[\"a:b/c\"]");
        assert_eq!(read(&manifest).unwrap().repeated_config(), None);
    }
    let (config, mut manifest) = artifact();
    manifest["annotations"][annotation::FLAT_DIGEST] = json!(Digest::of(b"").to_string());
    let error = read(&manifest).unwrap().check_flat(&config).unwrap_err();
    assert!(error.to_string().contains(annotation::FLAT_DIGEST));
}

#[test]
fn a_subject_is_the_flat_form_or_an_error() {
    let (config, _) = artifact();
    let stored = raw_layers(&config);
    let split = artifact::split_of_flat(&config, &stored, &BTreeMap::new());
    let good: Value = serde_json::from_slice(&split.manifest).unwrap();
    assert_eq!(good["subject"]["digest"], split.flat.digest().to_string());
    assert_eq!(good["subject"]["size"], split.flat.manifest.len());
    let read = SplitManifest::read(&split.manifest).unwrap();
    read.check_is_of(&split.flat.digest()).unwrap();
    let other = Digest::of(b"");
    let error = read.check_is_of(&other).unwrap_err().to_string();
    assert!(error.contains(annotation::FLAT_DIGEST) && error.contains(&other.to_string()));
    // The rest is byte for byte what it is without one.
    let plain = artifact::split(&config, &stored, &BTreeMap::new());
    let plain = String::from_utf8(plain.manifest).unwrap();
    let subject = format!(
        r#"}}],"subject":{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{}}},"annotations":{{"#,
        split.flat.digest(),
        split.flat.manifest.len(),
    );
    let expected = plain.replacen(r#"}],"annotations":{"#, &subject, 1);
    assert_ne!(expected, plain);
    assert_eq!(String::from_utf8(split.manifest).unwrap(), expected);

    let size = 2;
    let subject = |digest| json!({ "mediaType": "m", "digest": digest, "size": size });
    complains(
        &["subject: it is sha256:", "not the flat manifest"],
        |manifest| {
            manifest["subject"] = subject(other.to_string());
        },
    );
    complains(&["subject: ", "digest"], |manifest| {
        manifest["subject"] = subject("sha256:xyz".to_owned());
    });
    for bad in [json!("x"), json!([]), json!({}), json!({ "digest": 5 })] {
        complains(&["subject: "], |manifest| manifest["subject"] = bad.clone());
    }
}

#[test]
fn foreign_manifests_are_named() {
    for (manifest, words) in [
        (
            json!({ "schemaVersion": 2, "manifests": [] }),
            "an image index",
        ),
        (
            json!({ "config": { "mediaType": "application/vnd.oci.image.config.v1+json" } }),
            "oci.image.config",
        ),
        (
            json!({ "config": { "mediaType": "application/vnd.wasm.config.v0+json" } }),
            "a flat artifact",
        ),
        (
            json!({ "artifactType": "a/\u{1b}[2Jb", "config": { "mediaType": "x" } }),
            "a/?[2Jb",
        ),
    ] {
        let error = read(&manifest).unwrap_err();
        assert!(matches!(&error, Error::Foreign(_)), "{error}");
        assert!(
            error.to_string().contains(words),
            "{words:?} is not in {error}"
        );
    }
    for bad in [&b""[..], b"[]", b"{}", b"{\"config\":", b"\x80"] {
        assert!(matches!(SplitManifest::read(bad), Err(Error::Manifest(_))));
    }
}
