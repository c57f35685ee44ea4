//! The example of a delta file in docs/FORMAT.md, which a second implementation tests itself against.

use std::fs;

use wharf::component::Component;
use wharf::delta::{self, DeltaFile, Effort, Options};
use wharf::digest::Digest;
use wharf::split::SplitPolicy;

/// The policy of the examples.
const POLICY: SplitPolicy = SplitPolicy {
    floor: 16,
    ..SplitPolicy::DEFAULT
};

/// Returns the page with the format.
pub(crate) fn format() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/FORMAT.md")).unwrap()
}

/// Returns the bytes of the first hex dump after `heading`. Its lines are an offset and 32 bytes.
pub(crate) fn dump(format: &str, heading: &str) -> Vec<u8> {
    let start = format.find(heading).unwrap();
    let lines = format[start..].lines();
    let lines = lines.skip_while(|line| !line.starts_with("    0000  "));
    let lines = lines.take_while(|line| !line.is_empty());
    let hex: String = lines.map(|line| line[10..].trim()).collect();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

#[test]
fn the_delta_file_has_the_stated_bytes() {
    let format = format();
    let old = dump(&format, "## 14. Example");
    let file = dump(&format, "### 17.11 Example");
    assert!(format.contains(&Digest::of(&file).to_string()));
    let text = b"the data section!";
    let at = old.windows(text.len()).position(|window| window == text);
    let at = at.unwrap();
    let mut new = old.clone();
    new[at..at + text.len()].copy_from_slice(b"the next section!");
    assert!(format.contains(&Digest::of(&new).to_string()));

    let old = Component::read(old, &POLICY).unwrap();
    let delta = DeltaFile::open(file.clone()).unwrap();
    let (mut scratch, mut rebuilt) = (tempfile::tempfile().unwrap(), Vec::new());
    delta::patch(&old, &delta, &mut scratch, &mut rebuilt).unwrap();
    assert_eq!(rebuilt, new);

    let new = Component::read(new, &POLICY).unwrap();
    let (mut scratch, mut made) = (tempfile::tempfile().unwrap(), Vec::new());
    let options = Options {
        level: delta::DEFAULT_LEVEL,
        effort: Effort::Best,
        memory: Options::DEFAULT_MEMORY,
    };
    delta::make(
        &old,
        &new,
        &POLICY,
        options,
        &mut scratch,
        &mut made,
        &|_| {},
    )
    .unwrap();
    assert_eq!(made, file);
}
