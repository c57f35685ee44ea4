//! A source file as the paths that it names and the items that it defines.
//!
//! Tokens and no syntax tree: the paths inside of macro calls count too, and a tree does not have them.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

/// Words before the name of an item.
const KEYWORDS: [&str; 8] = [
    "fn", "struct", "enum", "union", "trait", "type", "const", "static",
];

/// A path, or one of `name!`, `unwrap()`, `expect()` and `mod tests`.
pub(super) struct Mention {
    pub(super) line: usize,
    pub(super) path: Vec<String>,
    pub(super) context: Context,
    /// The name that a `use` brings into scope.
    pub(super) alias: Option<String>,
}

impl Mention {
    pub(super) fn name(&self) -> String {
        self.path.join("::")
    }
}

/// Where a mention is.
#[derive(Clone, Copy, Default)]
pub(super) struct Context {
    /// In an item that is compiled for tests only.
    pub(super) in_test: bool,
    pub(super) import: bool,
    /// In a `pub use`, of any visibility.
    pub(super) reexport: bool,
    nested: bool,
}

/// What a file says.
#[derive(Default)]
pub(super) struct Source {
    pub(super) mentions: Vec<Mention>,
    /// The names of the items at the top level.
    pub(super) items: Vec<String>,
}

impl Source {
    pub(super) fn read(text: &str) -> Self {
        let mut source = Self::default();
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{error}"));
        source.walk(&Vec::from_iter(tokens), &[], Context::default());
        source
    }

    /// `prefix` stands before the braces that these tokens are in: `use a::{b, c::d}` names `a::b` and `a::c::d`.
    fn walk(&mut self, tokens: &[TokenTree], prefix: &[String], context: Context) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let (before, rest) = (&tokens[..at], &tokens[at + 1..]);
            at += 1 + match token {
                // The place in `pub(crate)` is no path.
                TokenTree::Group(group) if is_visibility(group, before) => 0,
                TokenTree::Group(group) => {
                    let nested = Context {
                        nested: true,
                        ..context
                    };
                    self.walk(&Vec::from_iter(group.stream()), &[], nested);
                    0
                }
                TokenTree::Punct(_) if is_test_attribute(token, rest) => {
                    let length = 1 + item_length(&rest[1..]);
                    let in_test = Context {
                        in_test: true,
                        ..context
                    };
                    self.walk(&rest[1..length], prefix, in_test);
                    length
                }
                TokenTree::Ident(word) if word == "use" && !begins(rest, "<") => {
                    let length = rest.iter().take_while(|token| !is(token, ";")).count();
                    let public = match before {
                        [.., visible, TokenTree::Group(group)]
                            if is_visibility(group, &before[..before.len() - 1]) =>
                        {
                            is(visible, "pub")
                        }
                        [.., visible] => is(visible, "pub"),
                        [] => false,
                    };
                    let import = Context {
                        import: true,
                        reexport: public,
                        ..context
                    };
                    self.walk(&rest[..length], prefix, import);
                    length
                }
                TokenTree::Ident(word) => {
                    let method = before.last().is_some_and(|before| is(before, "."));
                    self.word(word, rest, method, prefix, context)
                }
                _ => 0,
            };
        }
    }

    /// Reads the path or the definition that begins with a word. Returns how many tokens follow the word in it.
    fn word(
        &mut self,
        word: &Ident,
        rest: &[TokenTree],
        method: bool,
        prefix: &[String],
        context: Context,
    ) -> usize {
        let mut path = prefix.to_vec();
        path.push(name(word));
        let mut length = 0;
        while let [first, second, next, ..] = &rest[length..]
            && is(first, ":")
            && is(second, ":")
        {
            match next {
                TokenTree::Ident(next) => path.push(name(next)),
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    self.walk(&Vec::from_iter(group.stream()), &path, context);
                    return length + 3;
                }
                next if is(next, "*") => path.push("*".to_owned()),
                _ => break,
            }
            length += 3;
        }
        if context.import && path.len() > 1 && path.ends_with(&["self".to_owned()]) {
            path.pop();
        }
        let rest = &rest[length..];
        let last = path[path.len() - 1].clone();
        let mut alias = context.import.then(|| last.clone());
        let mut special = None;
        match rest {
            [TokenTree::Ident(next), TokenTree::Ident(renamed), ..]
                if context.import && next == "as" =>
            {
                alias = Some(name(renamed));
                length += 2;
            }
            [TokenTree::Ident(next), ..] if last == "mod" && next == "tests" => {
                special = Some("mod tests".to_owned())
            }
            [TokenTree::Ident(next), ..] if KEYWORDS.contains(&&*last) && !context.nested => {
                self.items.push(name(next))
            }
            [mark, after, ..] if is(mark, "!") && !is(after, "=") => {
                special = Some(format!("{last}!"))
            }
            _ if (method || path.len() > 1) && ["unwrap", "expect"].contains(&&*last) => {
                special = Some(format!("{last}()"))
            }
            _ => {}
        }
        let line = word.span().start().line;
        let special = special.map(|special| (vec![special], None));
        // What follows a dot is a field or a method: no path.
        let path = (!method || last == "await").then_some((path, alias));
        self.mentions.extend(
            special
                .into_iter()
                .chain(path)
                .map(|(path, alias)| Mention {
                    line,
                    path,
                    context,
                    alias,
                }),
        );
        length
    }
}

fn name(word: &Ident) -> String {
    let word = word.to_string();
    word.strip_prefix("r#").unwrap_or(&word).to_owned()
}

fn is(token: &TokenTree, text: &str) -> bool {
    match token {
        TokenTree::Ident(word) => word == text,
        TokenTree::Punct(punct) => text.starts_with(punct.as_char()),
        _ => false,
    }
}

fn begins(tokens: &[TokenTree], text: &str) -> bool {
    tokens.first().is_some_and(|token| is(token, text))
}

fn is_visibility(group: &Group, before: &[TokenTree]) -> bool {
    group.delimiter() == Delimiter::Parenthesis
        && before.last().is_some_and(|before| is(before, "pub"))
}

fn is_test_attribute(token: &TokenTree, rest: &[TokenTree]) -> bool {
    let Some(TokenTree::Group(group)) = rest.first() else {
        return false;
    };
    let text = group.to_string();
    is(token, "#")
        && text
            .chars()
            .filter(|c| !c.is_whitespace())
            .eq("[cfg(test)]".chars())
}

/// Returns how many tokens an item has: up to its `;` or to the braces of its body.
fn item_length(tokens: &[TokenTree]) -> usize {
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is(token, ";"),
    };
    let end = tokens.iter().position(ends);
    end.map_or(tokens.len(), |end| end + 1)
}
