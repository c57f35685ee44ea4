//! A source file as the paths that it names and the items that it defines.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::{ExprAsync, ImplItem, Item, ItemUse, Macro, MetaList, Signature, UseTree, Visibility};

/// A path, or `async`.
pub(super) struct Mention {
    pub(super) line: usize,
    pub(super) path: Vec<String>,
    /// The name that a `use` brings into scope.
    pub(super) alias: Option<String>,
    /// Whether this is a `pub use`, of any visibility.
    pub(super) is_reexport: bool,
}

impl Mention {
    pub(super) fn name(&self) -> String {
        self.path.join("::")
    }
}

/// The contents of a file, without the items that are compiled for tests only.
#[derive(Default)]
pub(super) struct Source {
    pub(super) mentions: Vec<Mention>,
    /// The names of the items at the top level.
    pub(super) items: Vec<String>,
}

impl Source {
    pub(super) fn read(text: &str) -> Self {
        let mut source = Self::default();
        let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        source.items = file.items.iter().filter_map(name_of).collect();
        source.visit_file(&file);
        source
    }

    fn mention(&mut self, path: Vec<String>, span: Span) {
        self.mentions.push(Mention {
            line: span.start().line,
            path,
            alias: None,
            is_reexport: false,
        });
    }

    fn import(&mut self, tree: &UseTree, mut path: Vec<String>, is_reexport: bool) {
        let (span, alias) = match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.unraw().to_string());
                return self.import(&tree.tree, path, is_reexport);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, path.clone(), is_reexport);
                }
                return;
            }
            UseTree::Name(name) if name.ident == "self" => {
                (name.ident.span(), path.last().cloned())
            }
            UseTree::Name(name) => {
                path.push(name.ident.unraw().to_string());
                (name.ident.span(), path.last().cloned())
            }
            UseTree::Rename(renamed) => {
                path.push(renamed.ident.unraw().to_string());
                (renamed.ident.span(), Some(renamed.rename.to_string()))
            }
            UseTree::Glob(glob) => {
                path.push("*".to_owned());
                (glob.star_token.spans[0], path.last().cloned())
            }
        };
        self.mention(path, span);
        let mention = self.mentions.last_mut().unwrap();
        (mention.alias, mention.is_reexport) = (alias, is_reexport);
    }

    /// Reads the paths in tokens that are no syntax yet. A name after a dot is a field or a method.
    fn tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut colons, mut is_member) = (Vec::new(), 0, false);
        let mut start = Span::call_site();
        for token in tokens {
            let is_dot = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(word) if !path.is_empty() && colons == 2 => {
                    path.push(word.unraw().to_string());
                    colons = 0;
                }
                token => {
                    self.macro_path(&mut path, start);
                    colons = 0;
                    match token {
                        TokenTree::Ident(word) if !is_member => {
                            start = word.span();
                            path.push(word.unraw().to_string());
                        }
                        TokenTree::Group(group) => self.tokens(group.stream()),
                        _ => {}
                    }
                }
            }
            is_member = is_dot;
        }
        self.macro_path(&mut path, start);
    }

    fn macro_path(&mut self, path: &mut Vec<String>, span: Span) {
        if !path.is_empty() {
            self.mention(std::mem::take(path), span);
        }
    }
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if !is_test(item) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        let is_reexport = !matches!(import.vis, Visibility::Inherited);
        self.import(&import.tree, Vec::new(), is_reexport);
    }

    /// The place in `pub(crate)` is not an import.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path
            .segments
            .iter()
            .map(|segment| segment.ident.unraw().to_string());
        self.mention(names.collect(), path.segments[0].ident.span());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        visit::visit_macro(self, call);
        self.tokens(call.tokens.clone());
    }

    fn visit_meta_list(&mut self, list: &'ast MetaList) {
        visit::visit_meta_list(self, list);
        self.tokens(list.tokens.clone());
    }

    fn visit_signature(&mut self, signature: &'ast Signature) {
        if let Some(keyword) = &signature.asyncness {
            self.mention(vec!["async".to_owned()], keyword.span);
        }
        visit::visit_signature(self, signature);
    }

    fn visit_expr_async(&mut self, block: &'ast ExprAsync) {
        self.mention(vec!["async".to_owned()], block.async_token.span);
        visit::visit_expr_async(self, block);
    }
}

/// Returns the name of an item that others may import.
fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.unraw().to_string())
}

/// Returns whether `#[cfg(test)]` is among the attributes before an item.
fn is_test(item: &impl ToTokens) -> bool {
    let tokens = Vec::from_iter(item.to_token_stream());
    let attributes = tokens
        .chunks(2)
        .take_while(|pair| matches!(&pair[0], TokenTree::Punct(punct) if punct.as_char() == '#'));
    let test = |pair: &[TokenTree]| pair[1].to_string().replace(' ', "") == "[cfg(test)]";
    attributes.into_iter().any(test)
}
