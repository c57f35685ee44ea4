//! Parts of the WebAssembly text format.

/// Returns bytes as a string of the text format.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(3 * bytes.len() + 2);
    text.push('"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => text.push_str(&format!("\\{byte:02x}")),
            0x20..0x7f => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\{byte:02x}")),
        }
    }
    text.push('"');
    text
}
