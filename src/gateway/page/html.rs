//! The one way to write HTML: what is no literal of this program is escaped.

use std::fmt::Display;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::address::Address;
use crate::digest::Digest;

/// How pages look.
const STYLE: &str = include_str!("style.css");

/// A part of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Html(String);

impl Html {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds markup, which is written in this program.
    pub(super) fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text from anywhere, for between tags and for values of attributes in double quotes. Control characters,
    /// and those that reorder or hide what stands beside them, are replaced.
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        for char in text.to_string().chars() {
            match char {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' | '\t' => self.0.push(char),
                char if hides(char) => self.0.push('\u{fffd}'),
                char => self.0.push(char),
            }
        }
        self
    }

    /// Adds what was put together before.
    pub(super) fn html(&mut self, html: &Html) -> &mut Self {
        self.0.push_str(&html.0);
        self
    }

    /// Adds a text that leads to a page; only the text where there is none.
    pub(super) fn link(&mut self, address: Option<&Address>, text: impl Display) -> &mut Self {
        match address {
            Some(address) => self
                .markup("<a href=\"")
                .text(address)
                .markup("\">")
                .text(text)
                .markup("</a>"),
            None => self.text(text),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes a whole page of what stands in its middle.
    pub(super) fn into_page(self, title: &str) -> String {
        let mut page = Self::new();
        page.markup("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
            .markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .markup("<meta name=\"color-scheme\" content=\"light dark\">\n<title>")
            .text(title)
            .markup("</title>\n<style>")
            .markup(STYLE)
            .markup("</style>\n</head>\n<body>\n<header><a href=\"/\">wharf</a></header>\n<main>\n")
            .html(&self)
            .markup("</main>\n</body>\n</html>\n");
        page.0
    }
}

fn hides(char: char) -> bool {
    let moves = matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    moves || char.is_control()
}

/// What a page may do: look as it does, and send its form here.
pub(super) fn policy() -> String {
    let style = STANDARD.encode(Digest::of(STYLE.as_bytes()).bytes());
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_elsewhere_is_markup() {
        let mut html = Html::new();
        html.text("<script>alert('1')</script> \" & \u{202e}\u{1b}\r\n\tx");
        assert_eq!(
            html.0,
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &quot; &amp; \u{fffd}\u{fffd}\u{fffd}\n\tx"
        );
        let page = Html::new().into_page("</title><script>");
        assert!(page.contains("<title>&lt;/title&gt;&lt;script&gt;</title>"));
    }

    #[test]
    fn a_page_says_which_style_it_has() {
        let page = Html::new().into_page("");
        let style = page.split_once("<style>").unwrap().1;
        let style = style.split_once("</style>").unwrap().0;
        let digest = STANDARD.encode(Digest::of(style.as_bytes()).bytes());
        assert!(policy().contains(&format!("'sha256-{digest}'")));
        // Nothing is fetched, and nothing leads elsewhere.
        for outside in ["url(http", "@import", "//"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
