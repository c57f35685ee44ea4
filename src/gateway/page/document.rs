//! The frame of every page: its head, its style and its content security policy.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, PreEscaped, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

use super::address::Address;
use crate::digest::Digest;
use crate::text::repaints;

const STYLE: &str = include_str!("style.css");

/// The characters that are encoded in a query or fragment.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b':');

/// Returns a complete page. Replaces control characters, and characters that reorder or hide text, because maud escapes
/// markup only.
pub(super) fn document(title: &str, main: &Markup) -> String {
    let page = html! {
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { a href="/" { "wharf" } }
                main { (main) }
            }
        }
    };
    let page = page.into_string();
    let visible = |char| match repaints(char) && !matches!(char, '\n' | '\t') {
        true => '\u{fffd}',
        false => char,
    };
    let page: String = page.chars().map(visible).collect();
    format!("<!doctype html>\n{page}\n")
}

/// Returns a link to a page, or only the text if there is no address.
pub(super) fn link(address: Option<&Address>, text: &str) -> Markup {
    html! {
        @if let Some(address) = address { a href=(address) { (text) } } @else { (text) }
    }
}

pub(super) fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, ENCODED)
}

/// Returns the content security policy: a page may use its own style and send its form to the gateway.
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
    fn text_from_upstream_is_never_markup() {
        let text = "<script>alert('1')</script> \" & \u{202e}\u{1b}\r\n\tx";
        let page = document("</title><script>", &html! { p title=(text) { (text) } });
        let escaped =
            "&lt;script&gt;alert('1')&lt;/script&gt; &quot; &amp; \u{fffd}\u{fffd}\u{fffd}\n\tx";
        assert!(page.contains(&format!("<p title=\"{escaped}\">{escaped}</p>")));
        assert!(page.contains("<title>&lt;/title&gt;&lt;script&gt;</title>"));
    }

    #[test]
    fn the_policy_allows_the_style_of_the_page_and_nothing_else() {
        let page = document("", &html! {});
        let style = page.split_once("<style>").unwrap().1;
        let style = style.split_once("</style>").unwrap().0;
        let digest = STANDARD.encode(Digest::of(style.as_bytes()).bytes());
        assert!(policy().contains(&format!("'sha256-{digest}'")));
        for outside in ["url(http", "@import", "//"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
