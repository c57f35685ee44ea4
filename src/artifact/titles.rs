//! Titles: file names of layers. With them, a directory of layers has all that splicing needs.
//!
//! The root's title is `<12 hex>.root.<64 hex>[.zst]`, a section layer's `<12 hex>.<offset, 12 hex>.<path>[.zst]`. The
//! first 12 hex digits are those of the split digest.

use crate::digest::Digest;
use crate::encoding::Encoding;

/// The number of characters that a section path is cut to in an annotation.
pub const MAX_CUT_PATH: usize = 100;

/// The number of characters that a section path is cut to in a title.
const MAX_TITLE_PATH: usize = 40;

/// The number of hex digits of the split digest in a title, and of an offset.
const PREFIX_DIGITS: usize = 12;

/// Returns a section path as annotations contain it. Paths are ASCII.
pub fn cut_path(path: &str) -> &str {
    path.get(..MAX_CUT_PATH).unwrap_or(path)
}

/// A parsed title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    /// The first hex digits of the split digest.
    pub prefix: String,
    /// The part of the component.
    pub part: TitlePart,
    /// The encoding of the content.
    pub encoding: Encoding,
}

/// The part of a component in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TitlePart {
    /// The root of the component with this content digest.
    Root(Digest),
    /// The section layer that begins at this offset.
    Section(u64),
}

impl Title {
    /// Returns the title of a root. `content` is the digest of the whole component.
    pub fn root(split: Digest, content: Digest, encoding: Encoding) -> String {
        let prefix = &split.hex()[..PREFIX_DIGITS];
        format!(
            "{prefix}.root.{}{}",
            content.hex(),
            encoding.file_name_suffix()
        )
    }

    /// Returns the title of a section layer. The path may be cut, as in an annotation.
    pub fn section(split: Digest, offset: u64, path: &str, encoding: Encoding) -> String {
        let prefix = &split.hex()[..PREFIX_DIGITS];
        let name = file_name(path.get(..MAX_TITLE_PATH).unwrap_or(path));
        format!(
            "{prefix}.{offset:012x}.{name}{}",
            encoding.file_name_suffix()
        )
    }

    /// Parses a title. Returns nothing if the text is not a title.
    pub fn parse(title: &str) -> Option<Self> {
        let mut encodings = Encoding::ALL.into_iter().rev();
        // The suffix of raw layers is empty, so it comes last.
        let (rest, encoding) = encodings.find_map(|encoding| {
            let rest = title.strip_suffix(encoding.file_name_suffix())?;
            Some((rest, encoding))
        })?;
        let (prefix, rest) = rest.split_once('.')?;
        let (word, name) = rest.split_once('.')?;
        if prefix.len() != PREFIX_DIGITS || !prefix.bytes().all(is_hex_digit) {
            return None;
        }
        let part = match word {
            "root" => TitlePart::Root(Digest::from_hex(name).ok()?),
            offset if offset.len() >= PREFIX_DIGITS && offset.bytes().all(is_hex_digit) => {
                TitlePart::Section(u64::from_str_radix(offset, 16).ok()?)
            }
            _ => return None,
        };
        Some(Self {
            prefix: prefix.to_owned(),
            part,
            encoding,
        })
    }
}

fn is_hex_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// `module[2]/custom[3]:.debug_info` becomes `module-2.custom-3..debug_info`.
fn file_name(path: &str) -> String {
    let chars = path.chars().filter_map(|char| match char {
        '/' | ':' => Some('.'),
        '[' => Some('-'),
        ']' => None,
        char if char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-') => Some(char),
        _ => Some('_'),
    });
    let name: String = chars.collect();
    // The suffix after the path shows whether the file is a frame, so the path must not end with one.
    match name.strip_suffix(".zst") {
        Some(rest) => format!("{rest}_zst"),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_written_and_read_back() {
        let split = Digest::of(b"config");
        let content = Digest::of(b"component");
        for encoding in [Encoding::Raw, Encoding::Zstd] {
            let prefix = split.hex()[..12].to_owned();
            let root = Title::root(split, content, encoding);
            let part = TitlePart::Root(content);
            let read = Title {
                prefix: prefix.clone(),
                part,
                encoding,
            };
            assert_eq!(Title::parse(&root), Some(read));
            let path = "module[2]/custom[3]:.debug_info";
            let section = Title::section(split, 0x1234, path, encoding);
            assert!(section.starts_with(&format!(
                "{prefix}.000000001234.module-2.custom-3..debug_info"
            )));
            let part = TitlePart::Section(0x1234);
            assert_eq!(
                Title::parse(&section),
                Some(Title {
                    prefix,
                    part,
                    encoding
                })
            );
        }
    }

    #[test]
    fn a_path_cannot_pass_for_an_encoding() {
        let split = Digest::of(b"config");
        let title = Title::section(split, 1, "custom[0]:model.zst", Encoding::Raw);
        assert!(title.ends_with(".custom-0.model_zst"), "{title}");
        let read = Title::parse(&title).map(|title| title.encoding);
        assert_eq!(read, Some(Encoding::Raw));
    }

    #[test]
    fn a_title_has_the_first_forty_characters_of_the_path() {
        let split = Digest::of(b"config");
        let title = |path: &str| Title::section(split, 1, path, Encoding::Raw);
        let path = "module[1]/custom[2]:a-name-of-forty-two-by";
        assert!(title(path).ends_with(".module-1.custom-2.a-name-of-forty-two-"));
        assert_eq!(title(path), title(&path[..40]));
        assert_eq!(title(path), title(&format!("{path}{path}{path}")));
        assert_ne!(title(path), title(&path[..39]));
        // The suffix of a frame may appear at the cut.
        let title = title("module[1]/custom[2]:a-name-of-thirty.zst.more");
        assert!(title.ends_with(".a-name-of-thirty_zst"), "{title}");
    }

    #[test]
    fn other_names_are_not_titles() {
        let hex = Digest::of(b"").hex();
        for name in [
            "calc.wasm",
            "0123456789ab.root.short",
            &format!("0123456789AB.root.{hex}"),
            &format!("0123456789a.root.{hex}"),
            "0123456789ab.12.code-0",
            "0123456789ab.00000000000g.code-0",
            "../0123456789ab.000000000000.code-0",
            "0123456789ab",
            "",
        ] {
            assert_eq!(Title::parse(name), None, "{name}");
        }
    }
}
