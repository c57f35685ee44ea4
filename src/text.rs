//! Untrusted text, made safe for messages and logs.

/// The longest excerpt, in characters.
pub const MAX_EXCERPT_CHARS: usize = 300;

/// Returns whether a character controls a terminal, or reorders or hides neighbouring text.
pub(crate) fn repaints(char: char) -> bool {
    let hides = matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    hides || char.is_control()
}

/// Replaces each character that could control a terminal or begin a new line of a log.
pub fn printable(text: &str) -> String {
    let plain = |char: char| if repaints(char) { '\u{fffd}' } else { char };
    text.chars().map(plain).collect()
}

/// Returns the text as one short line, without the characters that [`printable`] replaces.
pub fn excerpt(text: &str) -> String {
    let spaced = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = spaced.chars().filter(|char| !repaints(*char));
    plain.take(MAX_EXCERPT_CHARS).collect()
}

/// Returns the beginning of a media type or an annotation for a message. Characters outside ASCII become `?`: no media
/// type has them.
pub(crate) fn ascii_excerpt(text: &str) -> String {
    let plain = |char: char| if char.is_ascii_graphic() { char } else { '?' };
    text.chars().take(100).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn characters_that_control_a_terminal_are_replaced() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a\u{fffd}[2Jb\u{fffd}c");
        assert_eq!(printable("a\u{202e}b"), "a\u{fffd}b");
    }
}
