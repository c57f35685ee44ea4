//! A source file as names with their lines: enough of Rust's grammar to see who mentions whom.

/// One path, macro, method or keyword in the text.
pub(crate) struct Mention {
    pub(crate) line: usize,
    pub(crate) path: Vec<String>,
}

impl Mention {
    pub(crate) fn name(&self) -> String {
        self.path.join("::")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    line: usize,
    /// A name, or one character of anything else. Literals and comments leave nothing but `"`.
    text: String,
}

impl Token {
    fn is_name(&self) -> bool {
        self.text
            .starts_with(|first: char| first.is_alphabetic() || first == '_')
    }
}

/// Returns every path of the text with its groups written out: `use a::{b, c::d}` mentions `a::b` and `a::c::d`.
pub(crate) fn mentions(tokens: &[Token]) -> Vec<Mention> {
    let mut mentions = Vec::new();
    // The prefix that holds inside each open group of a path, or nothing for any other brace.
    let mut groups: Vec<Option<Vec<String>>> = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let after = |ahead: usize| {
            tokens
                .get(at + ahead)
                .map_or("", |token| token.text.as_str())
        };
        match token.text.as_str() {
            "{" => groups.push(None),
            "}" => drop(groups.pop()),
            _ if token.is_name() => {
                let before = at
                    .checked_sub(1)
                    .map_or("", |before| tokens[before].text.as_str());
                if token.text == "crate" && before == "(" && after(1) == ")" {
                    at += 1; // pub(crate)
                    continue;
                }
                let mut path = groups.last().cloned().flatten().unwrap_or_default();
                let line = token.line;
                path.push(token.text.clone());
                let mut length = 1;
                while after(length) == ":"
                    && after(length + 1) == ":"
                    && tokens.get(at + length + 2).is_some_and(Token::is_name)
                {
                    path.push(after(length + 2).to_owned());
                    length += 3;
                }
                let method = before == "." || path.len() > 1;
                let last = path
                    .last_mut()
                    .map(String::as_mut_str)
                    .unwrap_or_default()
                    .to_owned();
                if after(length) == ":" && after(length + 1) == ":" && after(length + 2) == "{" {
                    groups.push(Some(path));
                    at += length + 3;
                    continue;
                }
                if method && (last == "unwrap" || last == "expect") {
                    mentions.push(Mention {
                        line,
                        path: vec![format!("{last}()")],
                    });
                } else if after(length) == "!" && after(length + 1) != "=" {
                    mentions.push(Mention {
                        line,
                        path: vec![format!("{last}!")],
                    });
                } else if last == "mod" && after(length) == "tests" {
                    mentions.push(Mention {
                        line,
                        path: vec!["mod tests".to_owned()],
                    });
                }
                mentions.push(Mention { line, path });
                at += length;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    mentions
}

/// Returns the tokens without the items under `#[cfg(test)]`.
pub(crate) fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let attribute: Vec<&str> = tokens[at..]
            .iter()
            .take(7)
            .map(|token| token.text.as_str())
            .collect();
        if attribute == ["#", "[", "cfg", "(", "test", ")", "]"] {
            at = end_of_item(tokens, at + attribute.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Returns where the item that begins at `at` is over: behind its `;`, or behind the brace that closes its body.
fn end_of_item(tokens: &[Token], mut at: usize) -> usize {
    let mut depth = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            ";" if depth == 0 => break,
            _ => {}
        }
    }
    at
}

/// Takes a source apart. Enough of Rust's grammar that no comment or literal is mistaken for code.
pub(crate) fn tokenize(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (length, token) = next_token(rest, first);
        if let Some(text) = token {
            tokens.push(Token { line, text });
        }
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// Returns the length of what `rest` begins with, and the token if it is one.
fn next_token(rest: &str, first: char) -> (usize, Option<String>) {
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), None);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), None);
    }
    if let Some(length) = literal(rest) {
        return (length, Some("\"".to_owned()));
    }
    if first.is_alphanumeric() || first == '_' {
        let name = rest.strip_prefix("r#").unwrap_or(rest);
        let length = name
            .find(|next: char| !next.is_alphanumeric() && next != '_')
            .unwrap_or(name.len());
        return (
            rest.len() - name.len() + length,
            Some(name[..length].to_owned()),
        );
    }
    (
        first.len_utf8(),
        (!first.is_whitespace()).then(|| first.to_string()),
    )
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if here.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Returns the length of the string or character that `rest` begins with.
fn literal(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|prefix| {
        let quote = rest.strip_prefix(prefix).unwrap_or("");
        let quote = if prefix.ends_with('r') {
            quote.trim_start_matches('#')
        } else {
            quote
        };
        quote.starts_with('"') || (matches!(*prefix, "b" | "") && quote.starts_with('\''))
    })?;
    let body = &rest[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let end = format!("\"{}", &body[..hashes]);
        let start = prefix.len() + hashes + 1;
        return Some(
            rest[start..]
                .find(&end)
                .map_or(rest.len(), |at| start + at + end.len()),
        );
    }
    if let Some(inner) = body.strip_prefix('\'') {
        // 'x' and '\n' are characters, 'x without the second quote is a lifetime.
        let mut inner = inner.chars();
        let escaped = inner.next()? == '\\';
        if !escaped && inner.next() != Some('\'') {
            return None;
        }
    }
    let quote = body.as_bytes()[0];
    let mut at = 1;
    while at < body.len() && body.as_bytes()[at] != quote {
        at += if body.as_bytes()[at] == b'\\' { 2 } else { 1 };
    }
    Some((prefix.len() + at + 1).min(rest.len()))
}
