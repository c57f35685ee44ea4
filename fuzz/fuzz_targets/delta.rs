//! Reads arbitrary bytes as a delta file and applies them to a small component. A result must have the digest that the
//! file states, so only a panic, a hang or too much memory is a finding.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use wharf::component::Component;
use wharf::delta::{self, DeltaFile};
use wharf::digest::Identity;
use wharf::split::SplitPolicy;

/// A module with a data segment of 100 bytes.
fn module() -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0\x05\x03\x01\0\x01\x0b\x6a\x01\0\x41\0\x0b\x64".to_vec();
    module.extend((0..100).map(|byte: u8| byte.wrapping_mul(37)));
    module
}

static OLD: LazyLock<Component<Vec<u8>>> = LazyLock::new(|| {
    let policy = SplitPolicy {
        floor: 16,
        ..SplitPolicy::DEFAULT
    };
    Component::read(module(), &policy).expect("the module is valid")
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = DeltaFile::open(bytes.to_vec()) else {
        return;
    };
    let mut output = Vec::new();
    let mut scratch = tempfile::tempfile().expect("a temporary file");
    if let Ok(content) = delta::patch(&OLD, &file, &mut scratch, &mut output) {
        assert_eq!(Identity::of(&output), content);
    }
});
