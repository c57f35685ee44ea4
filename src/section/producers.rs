//! The producers section: the tools that made a module or component.
//!
//! Spec: <https://github.com/WebAssembly/tool-conventions/blob/main/ProducersSection.md>.

use serde::ser::{Serialize, Serializer};
use wasmparser::{BinaryReader, ProducersSectionReader};

/// The tools that made a module or component: fields (`language`, `processed-by`, `sdk`), each with names and
/// versions, all in file order. In JSON this is an object of lists of pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producers(pub Vec<(String, Vec<(String, String)>)>);

impl Producers {
    /// Reads a producers section's content. Returns nothing if it is invalid: a field that the convention does not
    /// have, a field given twice, or trailing bytes.
    pub fn read(content: &[u8]) -> Option<Self> {
        let section = ProducersSectionReader::new(BinaryReader::new(content, 0)).ok()?;
        let mut fields: Vec<(String, Vec<_>)> = Vec::new();
        for field in section {
            let field = field.ok()?;
            if fields.iter().any(|(name, _)| name == field.name) {
                return None;
            }
            let values = field.values.into_iter().map(|value| {
                let value = value.ok()?;
                Some((value.name.to_owned(), value.version.to_owned()))
            });
            fields.push((field.name.to_owned(), values.collect::<Option<_>>()?));
        }
        Some(Self(fields))
    }
}

impl Serialize for Producers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, values)| (name, values)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(text: &str) -> Vec<u8> {
        [&[text.len() as u8], text.as_bytes()].concat()
    }

    fn field(name: &str, values: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = [vector(name), vec![values.len() as u8]].concat();
        for (name, version) in values {
            bytes.extend([vector(name), vector(version)].concat());
        }
        bytes
    }

    #[test]
    fn fields_keep_their_order() {
        let language = field("language", &[("Rust", "1.80"), ("C", "")]);
        let tools = field("processed-by", &[("wit-component", "0.2\"6")]);
        let content = [vec![2], tools.clone(), language.clone()].concat();
        let producers = Producers::read(&content).unwrap();
        assert_eq!(
            serde_json::to_string(&producers).unwrap(),
            r#"{"processed-by":[["wit-component","0.2\"6"]],"language":[["Rust","1.80"],["C",""]]}"#
        );
        assert_eq!(Producers::read(&[0]), Some(Producers(Vec::new())));
        for damaged in [
            Vec::new(),
            content[..content.len() - 1].to_vec(),
            [content.as_slice(), &[0]].concat(),
            [vec![1], language.clone(), tools].concat(),
            [vec![2], language.clone(), language].concat(),
            [vec![1], field("compiler", &[("a", "b")])].concat(),
            [vec![0xff, 0xff, 0xff, 0xff, 0x0f], vector("sdk")].concat(),
            vec![1, 3, b's', b'd', b'k', 1, 1, 0xff, 0],
        ] {
            assert_eq!(Producers::read(&damaged), None, "{damaged:?}");
        }
    }
}
