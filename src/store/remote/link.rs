//! The `Link` header, which contains the address of a list's next page.
//!
//! Spec: <https://www.rfc-editor.org/rfc/rfc8288#section-3>.

use reqwest::Url;
use reqwest::header::{HeaderMap, LINK};

use super::client::is_other_host;

/// A `Link` header that cannot be parsed. A list must not end there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnreadableLink;

/// Returns the unparsed target of the link to the next page.
///
/// That is the link with `rel="next"`. If no link has a `rel`, it is the first one: some registries send only the
/// target.
pub(super) fn next_link(headers: &HeaderMap) -> Result<Option<String>, UnreadableLink> {
    let mut without_relation = None;
    for line in headers.get_all(LINK) {
        let line = String::from_utf8_lossy(line.as_bytes());
        let mut rest = line.trim_start_matches(is_separator);
        while !rest.is_empty() {
            let link = rest.strip_prefix('<').and_then(|open| open.split_once('>'));
            let (target, after) = link.ok_or(UnreadableLink)?;
            let (relation, after) = relation(after);
            match relation {
                Some(relation) if is_next(&relation) => return Ok(Some(target.trim().to_owned())),
                Some(_) => {}
                None => without_relation = without_relation.or(Some(target.trim().to_owned())),
            }
            rest = after.trim_start_matches(is_separator);
        }
    }
    Ok(without_relation)
}

/// Returns the address of the next page, if it is on the same host. Registries behind a TLS proxy use http in their own
/// address; the client stays with https.
pub(super) fn next_page(page: &Url, link: &str) -> Option<Url> {
    let mut next = page.join(link).ok()?;
    if !is_other_host(&next, page) {
        next.set_scheme(page.scheme()).ok()?;
        next.set_port(page.port()).ok()?;
    }
    (next.origin() == page.origin()).then_some(next)
}

fn is_separator(char: char) -> bool {
    char == ',' || char.is_ascii_whitespace()
}

fn is_next(relation: &str) -> bool {
    let mut relations = relation.split_ascii_whitespace();
    relations.any(|relation| relation.eq_ignore_ascii_case("next"))
}

/// Parses the parameters of a link. Returns the value of the first `rel`, and the text after the link.
fn relation(mut rest: &str) -> (Option<String>, &str) {
    let mut relation = None;
    loop {
        rest = rest.trim_start_matches(|char: char| char == ';' || char.is_ascii_whitespace());
        if rest.is_empty() || rest.starts_with([',', '<']) {
            return (relation, rest);
        }
        let end = rest.find(['=', ';', ',']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => value(after.trim_ascii_start()),
            None => (String::new(), after),
        };
        if name.trim().eq_ignore_ascii_case("rel") && relation.is_none() {
            relation = Some(value).filter(|value| !value.is_empty());
        }
        rest = after;
    }
}

/// Parses the value of a parameter, with or without quotes. Returns the text after it, too.
fn value(text: &str) -> (String, &str) {
    // Some registries send single quotes, against the specification.
    let Some(quote) = text
        .chars()
        .next()
        .filter(|first| ['"', '\''].contains(first))
    else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return (value.trim().to_owned(), after);
    };
    let mut value = String::new();
    let mut chars = text[1..].chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => value.extend(chars.next()),
            char if char == quote => break,
            char => value.push(char),
        }
    }
    (value, chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(lines: &[&str]) -> Result<Option<String>, UnreadableLink> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(LINK, line.parse().unwrap());
        }
        next_link(&headers)
    }

    #[test]
    fn the_next_page_is_found_in_every_legal_form() {
        for (line, target) in [
            (
                r#"</v2/a/tags/list?n=2&last=b>; rel="next""#,
                "/v2/a/tags/list?n=2&last=b",
            ),
            ("<a,b;c>; title=x; REL=next", "a,b;c"),
            (r#"<x>; rel="prev", <y>; rel="next""#, "y"),
            (r#"<x>; rel="next", <y>; rel="last""#, "x"),
            ("<x>", "x"),
            (r#"<x>; rel="""#, "x"),
            ("<x>; rel", "x"),
            ("<x>;rel='next'", "x"),
            ("<x>; rel = \"next\"", "x"),
            (r#"<x>; rel="prev next""#, "x"),
            (r#"<x>; title="a, b; rel=\"prev\""; rel=next"#, "x"),
            ("<p>; rel=prev, <x>", "x"),
            ("<x>, <y>; rel=next", "y"),
            (r#"<x>; rel=next; rel=prev"#, "x"),
            (", ,<x>;;rel=next", "x"),
            (r#"<x>; rel="NEXT"; title*=UTF-8''%e2%82%ac"#, "x"),
        ] {
            assert_eq!(next(&[line]), Ok(Some(target.to_owned())), "{line}");
        }
        let lines = [r#"<p>; rel="prev""#, r#"<x>; rel="next""#];
        assert_eq!(next(&lines), Ok(Some("x".to_owned())));
    }

    #[test]
    fn the_next_page_is_on_the_same_host() {
        let page = Url::parse("https://a.example/v2/a/tags/list").unwrap();
        for (link, expected) in [
            ("?last=b", Some("https://a.example/v2/a/tags/list?last=b")),
            ("/v2/x?last=b", Some("https://a.example/v2/x?last=b")),
            ("//a.example/x", Some("https://a.example/x")),
            ("http://a.example/x", Some("https://a.example/x")),
            ("http://a.example:8080/x", Some("https://a.example/x")),
            ("https://a.example:8080/x", None),
            ("https://b.example/x", None),
            ("http://b.example/x", None),
            ("ftp://a.example/x", None),
            ("http://", None),
        ] {
            let next = next_page(&page, link);
            assert_eq!(next.as_ref().map(Url::as_str), expected, "{link}");
        }
        let plain = Url::parse("http://a.example/x").unwrap();
        assert_eq!(next_page(&plain, "https://a.example/x"), None);
    }

    #[test]
    fn other_links_are_not_the_next_page() {
        for line in [
            r#"<x>; rel="prev""#,
            "",
            r#"<x>; rel="nextish""#,
            r#"<x>; title="rel=next"; rel=last"#,
        ] {
            assert_eq!(next(&[line]), Ok(None), "{line}");
        }
        assert_eq!(next(&[]), Ok(None));
    }

    #[test]
    fn a_link_that_cannot_be_read_is_not_the_end() {
        for line in ["x; rel=next", "<x", "/v2/a/tags/list?last=b"] {
            assert_eq!(next(&[line]), Err(UnreadableLink), "{line}");
        }
    }
}
