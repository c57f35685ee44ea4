//! Foreign text, made fit for a message.

/// The most characters of an excerpt.
pub const MAX_EXCERPT_CHARS: usize = 300;

/// Returns whether a character controls a terminal, or reorders or hides what is beside it.
pub(crate) fn repaints(char: char) -> bool {
    let hides = matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    hides || char.is_control()
}

/// Returns text that cannot repaint a terminal or begin another line of a log: each character that could is replaced.
pub fn printable(text: &str) -> String {
    let plain = |char: char| if repaints(char) { '\u{fffd}' } else { char };
    text.chars().map(plain).collect()
}

/// Returns text as one short line, without the characters that [`printable`] replaces.
pub fn excerpt(text: &str) -> String {
    let spaced = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = spaced.chars().filter(|char| !repaints(*char));
    plain.take(MAX_EXCERPT_CHARS).collect()
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
