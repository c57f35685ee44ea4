//! Long lists of imports and exports, which neither the config nor the manifest has.

use std::collections::BTreeMap;

use crate::support::binary::{component, leb, section, vector};
use serde_json::Value;
use wharf::artifact::{self, FlatDescription, SplitManifest};
use wharf::component::Component;
use wharf::digest::Identity;
use wharf::encoding::{EncodedBlob, Encoding};
use wharf::manifest::{Config, annotation};
use wharf::section::{ListDetails, NameDetails};
use wharf::split::SplitPolicy;

/// The most bytes of JSON.
const MOST: usize = 65_536;

/// An import with a name and the attribute `implements`, if there is one.
fn import(name: &str, implements: Option<&str>) -> Vec<u8> {
    let (name, of_type) = (vector(name.as_bytes()), [5, 0]);
    match implements {
        None => [&[0], &*name, &of_type].concat(),
        Some(text) => {
            let text = vector(text.as_bytes());
            [&[2], &*name, &[1, 0], &*text, &of_type].concat()
        }
    }
}

/// A component with these imports, and an export `run`.
fn importing(imports: &[Vec<u8>]) -> Component<Vec<u8>> {
    let imports = [leb(imports.len()), imports.concat()].concat();
    let exports = section(11, b"\x01\0\x03run\x01\0\0");
    let bytes = component(&[section(10, &imports), exports]);
    Component::read(bytes, &SplitPolicy::DEFAULT).unwrap()
}

/// The split artifact of a config whose root is the whole component.
fn split(config: &Config) -> artifact::Split {
    let root = EncodedBlob {
        blob: config.root,
        encoding: Encoding::Raw,
    };
    artifact::split(config, &[root.into()], &BTreeMap::new())
}

fn omitted() -> ListDetails {
    ListDetails {
        omitted: true,
        ..ListDetails::default()
    }
}

#[test]
fn a_list_is_left_out_above_its_limit_and_the_other_one_stays() {
    let name = "n".repeat(MOST - 4);
    let component = importing(&[import(&name, None)]);
    assert_eq!(component.config.imports, [name.as_str()]);
    assert!(component.config.names.is_empty());

    let longer = format!("{name}n");
    let component = importing(&[import(&longer, None)]);
    assert_eq!(component.map.imports, [longer.as_str()]);
    assert!(component.map.names.is_empty());
    let config = &component.config;
    assert_eq!(
        (&*config.imports, &*config.exports),
        (&[][..], &["run".to_owned()][..])
    );
    let imports = omitted();
    let exports = ListDetails::default();
    assert_eq!(config.names, NameDetails { imports, exports });
    assert!(config.to_bytes().len() < 600);
}

#[test]
fn the_attributes_of_a_list_count_with_it() {
    // `["p"]` and `{"p":{"implements":"…"}}`
    let text = "t".repeat(MOST - 5 - 23);
    let component = importing(&[import("p", Some(&text))]);
    assert_eq!(component.config.imports, ["p"]);
    assert_eq!(component.config.names, component.map.names);
    // Attributes have no limit of their own, so the manifest repeats them.
    let read = SplitManifest::read(&split(&component.config).manifest).unwrap();
    assert_eq!(read.repeated_config(), Some(component.config));

    let component = importing(&[import("p", Some(&format!("{text}t")))]);
    assert_eq!(component.config.imports, [""; 0]);
    assert_eq!(component.config.names.imports, omitted());
}

#[test]
fn a_list_can_be_left_out_and_incomplete() {
    let unreadable = vec![0xff];
    let component = importing(&[import(&"n".repeat(MOST), None), unreadable]);
    let config = String::from_utf8(component.config.to_bytes()).unwrap();
    let names = r#""names":{"imports":{"incomplete":true,"omitted":true}},"root""#;
    assert!(config.contains(names), "{config}");
}

#[test]
fn the_manifest_repeats_a_config_without_a_list() {
    let component = importing(&[import(&"n".repeat(MOST), None)]);
    let split = split(&component.config);
    let read = SplitManifest::read(&split.manifest).unwrap();
    assert_eq!(
        (&read.imports, &read.exports),
        (&None, &Some(vec!["run".to_owned()]))
    );
    assert!(read.names.as_ref().unwrap().imports.omitted);
    assert_eq!(read.repeated_config(), Some(component.config.clone()));
    read.check_flat(&component.config).unwrap();
    assert_eq!(read.config(&split.config).unwrap(), component.config);
}

#[test]
fn the_flat_config_states_no_lists_if_one_is_left_out() {
    let long = importing(&[import(&"n".repeat(MOST), None)]);
    let flat = artifact::flat(&long.config, &BTreeMap::new());
    assert!(
        !String::from_utf8(flat.config.clone())
            .unwrap()
            .contains("component")
    );
    let read = FlatDescription::read(&flat.config);
    assert!(!read.states_names());
    let short = importing(&[import("n", None)]);
    let flat = artifact::flat(&short.config, &BTreeMap::new());
    assert_eq!(FlatDescription::read(&flat.config).imports, ["n"]);
}

#[test]
fn a_long_list_in_the_config_of_an_earlier_writer_is_read() {
    let component = importing(&[import(&"n".repeat(MOST), None)]);
    let config = Config {
        imports: component.map.imports.clone(),
        names: NameDetails::default(),
        ..component.config
    };
    let split = split(&config);
    let mut manifest: Value = serde_json::from_slice(&split.manifest).unwrap();
    let annotations = manifest["annotations"].as_object_mut().unwrap();
    annotations.remove(annotation::IMPORTS).unwrap();
    let read = SplitManifest::read(manifest.to_string().as_bytes()).unwrap();
    assert_eq!(read.config, Identity::of(&split.config));
    assert_eq!(read.repeated_config(), None);
    let found = read.config(&split.config).unwrap();
    assert_eq!(found, config);
    read.check_flat(&found).unwrap();
}
