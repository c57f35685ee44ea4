//! Data segments and who reads them: the rule case by case, against an oracle of another make, on damaged files, and
//! on the command line.

mod command;
mod damage;
mod generated;
mod module_calls;
mod oracle;
mod rules;

use ::wharf::segment::{Instruction, SegmentVerdict, Segments, read};

fn segments_of(bytes: &[u8]) -> Segments {
    read(bytes).unwrap()
}

/// Assembles a text, which must be valid.
#[track_caller]
fn assemble(text: &str) -> Vec<u8> {
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
    let mut validator = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all());
    if let Err(error) = validator.validate_all(&bytes) {
        panic!("{error}: {text}");
    }
    bytes
}

/// Reads a text that holds nothing damaged and returns what is said of all its segments.
#[track_caller]
fn verdicts(text: &str) -> Vec<SegmentVerdict> {
    let found = segments_of(&assemble(text));
    assert_eq!(found.unread, [], "{text}");
    let modules = found.modules.iter();
    modules
        .flat_map(|module| {
            assert_eq!(module.unread, None, "{text}");
            module.segments.iter().map(|segment| segment.verdict)
        })
        .collect()
}

/// The instructions that name the segments, by segment in file order: function and instruction.
fn readers(found: &Segments) -> Vec<Vec<(u32, Instruction)>> {
    let segments = found.modules.iter().flat_map(|module| &module.segments);
    segments
        .map(|segment| {
            let readers = segment.readers.iter();
            readers
                .map(|reader| (reader.function, reader.instruction))
                .collect()
        })
        .collect()
}
