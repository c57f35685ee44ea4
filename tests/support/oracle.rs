//! What wasmparser says of a binary: every section, data segment, import and export.

use std::collections::BTreeSet;
use std::ops::Range;

use wasmparser::{DataKind, Parser, Payload};

/// A section as wasmparser sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The id.
    pub id: u8,
    /// From its id to its end.
    pub whole: Range<u64>,
    /// The payload; of a custom section what comes after the name.
    pub content: Range<u64>,
}

/// What could be read.
#[derive(Debug, Default)]
pub struct Truth {
    /// All sections but those that nest a binary, in file order.
    pub sections: Vec<Section>,
    /// The nested binaries, in file order.
    pub nested: Vec<Range<u64>>,
    /// Of each data section that can be read: every segment's init bytes, and whether it is passive.
    pub segments: Vec<(Range<u64>, bool)>,
    /// A component's import names, a module's distinct import modules.
    pub imports: Vec<String>,
    /// Export names.
    pub exports: Vec<String>,
    /// Why wasmparser read no further.
    pub error: Option<String>,
}

/// Reads a binary as far as wasmparser does.
pub fn read(bytes: &[u8]) -> Truth {
    let mut truth = Truth::default();
    // Where the section before ended, in each binary that is open.
    let mut ends = Vec::<u64>::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = match payload {
            Ok(payload) => payload,
            Err(error) => {
                truth.error = Some(error.to_string());
                break;
            }
        };
        match &payload {
            Payload::Version { range, .. } => ends.push(range.end),
            Payload::End(_) => {
                ends.pop();
            }
            _ => {}
        }
        let Some((id, range)) = payload.as_section() else {
            continue;
        };
        if range.end > bytes.len() as u64 {
            truth.error = Some("a section past the end of the file".to_owned());
            break;
        }
        let top = ends.len() == 1;
        let end = ends.last_mut().unwrap();
        let whole = *end..range.end;
        *end = range.end;
        let mut content = range.clone();
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                truth.nested.push(range);
                continue;
            }
            Payload::CustomSection(custom) => content = custom.data_range(),
            Payload::DataSection(data) => truth.data(data),
            Payload::ImportSection(imports) if top => {
                let modules = imports
                    .into_imports()
                    .map(|import| import.map(|import| import.module.to_owned()));
                truth.imports.extend(readable(modules));
                let mut seen = BTreeSet::new();
                truth.imports.retain(|module| seen.insert(module.clone()));
            }
            Payload::ExportSection(exports) if top => {
                let names = exports.into_iter();
                let names = names.map(|export| export.map(|export| export.name.to_owned()));
                truth.exports.extend(readable(names));
            }
            Payload::ComponentImportSection(imports) if top => {
                let names = imports.into_iter();
                let names = names.map(|import| import.map(|import| import.name.name.to_owned()));
                truth.imports.extend(readable(names));
            }
            Payload::ComponentExportSection(exports) if top => {
                let names = exports.into_iter();
                let names = names.map(|export| export.map(|export| export.name.name.to_owned()));
                truth.exports.extend(readable(names));
            }
            _ => {}
        }
        truth.sections.push(Section { id, whole, content });
    }
    truth
}

/// The names before the first entry that cannot be read.
fn readable(
    names: impl Iterator<Item = wasmparser::Result<String>>,
) -> impl Iterator<Item = String> {
    names.map_while(Result::ok)
}

impl Truth {
    fn data(&mut self, data: wasmparser::DataSectionReader<'_>) {
        let segments: Result<Vec<_>, _> = data
            .into_iter()
            .map(|segment| {
                segment.map(|segment| {
                    let start = segment.range.end - segment.data.len() as u64;
                    let passive = matches!(segment.kind, DataKind::Passive);
                    (start..segment.range.end, passive)
                })
            })
            .collect();
        self.segments.extend(segments.unwrap_or_default());
    }
}
