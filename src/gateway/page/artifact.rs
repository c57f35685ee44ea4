//! One artifact: what it is, its layers, what it imports and exports, its WIT.

use super::address::Address;
use super::html::Html;
use super::layers::Layers;
use super::lists::encoded;
use super::words::size;
use crate::digest::{Digest, Identity};
use crate::manifest::annotation;

/// The longest text of WIT that is shown, in bytes.
const MAX_WIT_BYTES: usize = 512 * 1024;

/// The longest text of WIT that is there to see without asking, in lines.
const SHORT_WIT: usize = 60;

/// How many names are shown of those that are imported, or exported.
const MAX_NAMES: usize = 1000;

/// The page of an artifact.
#[derive(Debug, Clone)]
pub(super) struct Artifact {
    /// The reference without the repository's part: a tag, or a digest.
    pub(super) name: String,
    pub(super) repository: String,
    /// The page of the repository.
    pub(super) above: Option<Address>,
    /// Or why nobody knows.
    pub(super) yanked: Result<bool, String>,
    /// The manifest that is named.
    pub(super) manifest: Digest,
    /// Keys and values, as the manifest says them.
    pub(super) annotations: Vec<(String, String)>,
    pub(super) what: What,
}

/// What is named.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// A component in layers.
    Split(Box<Split>),
    /// A component in one piece.
    Flat {
        content: Identity,
        names: Names,
        /// Why a split form behind it is not shown, if there is one.
        unused: Option<String>,
    },
    /// Something else, in a few words.
    Foreign(String),
}

/// A split component.
#[derive(Debug, Clone)]
pub(super) struct Split {
    /// Whether it is a component, and not a core module.
    pub(super) is_component: bool,
    pub(super) content: Identity,
    /// The sum of the stored layers, in bytes.
    pub(super) stored: u64,
    /// The split manifest.
    pub(super) manifest: Digest,
    pub(super) split_digest: Digest,
    pub(super) flat_digest: Digest,
    pub(super) layers: Layers,
    pub(super) names: Names,
    /// The text, or why there is none.
    pub(super) wit: Result<String, String>,
}

/// What is imported and exported.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
}

impl Artifact {
    pub(super) fn title(&self) -> String {
        let between = if self.name.starts_with("sha256:") {
            '@'
        } else {
            ':'
        };
        format!("{}{between}{}", self.repository, self.name)
    }

    pub(super) fn html(&self) -> Html {
        let mut html = Html::new();
        html.markup("<p class=\"note\">")
            .link(self.above.as_ref(), &self.repository)
            .markup("</p>\n<h1>")
            .text(&self.name)
            .text(" ");
        if self.yanked == Ok(true) {
            html.markup("<span class=\"mark\">yanked</span>");
        }
        html.markup("</h1>\n");
        if let Err(why) = &self.yanked {
            html.markup("<p class=\"problem\">Whether it is yanked is not known: ")
                .text(why)
                .markup("</p>\n");
        }
        html.html(&self.facts());
        match &self.what {
            What::Split(split) => {
                html.html(&split.layers.html());
                html.html(&split.names.html());
                html.html(&wit(&split.wit));
            }
            What::Flat { names, .. } => {
                html.html(&names.html());
            }
            What::Foreign(_) => {}
        }
        html.html(&self.metadata());
        html
    }

    fn facts(&self) -> Html {
        let mut html = Html::new();
        html.markup("<dl>\n");
        let reference = self.title();
        fact(&mut html, "reference", |html| {
            html.markup("<code>").text(reference).markup("</code>");
        });
        match &self.what {
            What::Split(split) => {
                let kind = match split.is_component {
                    true => "a component",
                    false => "a core module",
                };
                fact(&mut html, "what", |html| {
                    html.text(kind).text(", stored in layers");
                });
                fact(&mut html, "content size", |html| {
                    html.text(size(split.content.size));
                });
                fact(&mut html, "stored size", |html| {
                    html.text(size(split.stored));
                });
                digest(&mut html, "content digest", &split.content.digest);
                digest(&mut html, "split digest", &split.split_digest);
                digest(&mut html, "flat digest", &split.flat_digest);
                digest(&mut html, "split manifest", &split.manifest);
            }
            What::Flat {
                content, unused, ..
            } => {
                fact(&mut html, "what", |html| {
                    html.text("a flat artifact: the whole component is one layer");
                });
                if let Some(why) = unused {
                    fact(&mut html, "split form", |html| {
                        html.markup("<span class=\"problem\">not shown: ")
                            .text(why)
                            .markup("</span>");
                    });
                }
                fact(&mut html, "size", |html| {
                    html.text(size(content.size));
                });
                digest(&mut html, "content digest", &content.digest);
                digest(&mut html, "flat digest", &self.manifest);
            }
            What::Foreign(what) => {
                fact(&mut html, "what", |html| {
                    html.text(what).text(", not a component");
                });
                digest(&mut html, "manifest", &self.manifest);
            }
        }
        html.markup("</dl>\n");
        html
    }

    /// The annotations that are about the package.
    fn metadata(&self) -> Html {
        let mut html = Html::new();
        for (key, value) in &self.annotations {
            let ours = [annotation::PACKAGE, annotation::PRODUCERS].contains(&key.as_str());
            let known = match ours {
                true => key.strip_prefix(annotation::PREFIX),
                false => key.strip_prefix(annotation::IMAGE_PREFIX),
            };
            let Some(known) = known else { continue };
            fact(&mut html, known, |html| {
                match is_link(value) {
                    true => html
                        .markup("<a rel=\"noreferrer nofollow\" href=\"")
                        .text(value)
                        .markup("\">")
                        .text(value)
                        .markup("</a>"),
                    false => html.text(value),
                };
            });
        }
        let mut section = Html::new();
        if !html.is_empty() {
            section
                .markup("<section>\n<h2>Metadata</h2>\n<dl>\n")
                .html(&html)
                .markup("</dl>\n</section>\n");
        }
        section
    }
}

/// Whether a text is an address on the web, and nothing that a browser would run.
fn is_link(text: &str) -> bool {
    let rest = text.strip_prefix("https://");
    let rest = rest.or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()))
}

fn fact(html: &mut Html, key: &str, value: impl FnOnce(&mut Html)) {
    html.markup("<dt>").text(key).markup("</dt><dd>");
    value(html);
    html.markup("</dd>\n");
}

fn digest(html: &mut Html, key: &str, digest: &Digest) {
    fact(html, key, |html| {
        html.markup("<span class=\"digest\">")
            .text(digest)
            .markup("</span>");
    });
}

impl Names {
    fn html(&self) -> Html {
        let mut html = Html::new();
        html.markup("<div class=\"columns\">\n");
        for (title, what, names) in [
            ("<h2>Imports</h2>\n", "import", &self.imports),
            ("<h2>Exports</h2>\n", "export", &self.exports),
        ] {
            html.markup("<section>\n").markup(title);
            if names.is_empty() {
                html.markup("<p class=\"note\">none</p>\n");
            } else {
                html.markup("<ul class=\"names\">\n");
            }
            for name in names.iter().take(MAX_NAMES) {
                let place = format!("{what}:{}", encoded(name));
                html.markup("<li id=\"")
                    .text(&place)
                    .markup("\"><a href=\"#")
                    .text(&place)
                    .markup("\"><code>")
                    .text(name)
                    .markup("</code></a></li>\n");
            }
            if !names.is_empty() {
                html.markup("</ul>\n");
            }
            if let Some(more) = names.len().checked_sub(MAX_NAMES).filter(|more| *more > 0) {
                html.markup("<p class=\"note\">and ")
                    .text(more)
                    .markup(" more</p>\n");
            }
            html.markup("</section>\n");
        }
        html.markup("</div>\n");
        html
    }
}

fn wit(wit: &Result<String, String>) -> Html {
    let mut html = Html::new();
    html.markup("<section id=\"wit\">\n<h2>WIT</h2>\n");
    match wit {
        Ok(text) => {
            let cut = text.floor_char_boundary(MAX_WIT_BYTES.min(text.len()));
            let lines = text.lines().count();
            html.markup("<details")
                .markup(if lines <= SHORT_WIT { " open" } else { "" })
                .markup("><summary>")
                .text(super::words::count(lines, "line"))
                .markup("</summary>\n<pre>")
                .text(&text[..cut])
                .markup("</pre></details>\n");
            if cut < text.len() {
                html.markup("<p class=\"note\">The rest is left out; <code>wharf inspect --wit</code> shows all.</p>\n");
            }
        }
        Err(why) => {
            html.markup("<p class=\"note\">It cannot be shown: ")
                .text(why)
                .markup("</p>\n");
        }
    }
    html.markup("</section>\n");
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::{Recipe, RecipeLayer};

    const HOSTILE: &str = "\"><script>alert(1)</script><!--";

    fn artifact(what: What) -> Artifact {
        Artifact {
            name: "1.0".to_owned(),
            repository: "demo/app".to_owned(),
            above: Address::repository("demo/app"),
            yanked: Ok(false),
            manifest: Digest::of(b"manifest"),
            annotations: Vec::new(),
            what,
        }
    }

    fn split(names: Names, wit: Result<String, String>) -> What {
        let layer = super::super::sharing::tests::layer("", 0, 100);
        let content = layer.content;
        let recipe = Recipe {
            content,
            root: RecipeLayer::new(0, content),
            layers: Vec::new(),
        };
        let layers = Layers {
            layers: vec![layer],
            recipe,
            others: Vec::new(),
            left_out: 0,
            unlisted: None,
        };
        What::Split(Box::new(Split {
            is_component: true,
            content,
            stored: 25,
            manifest: Digest::of(b"manifest"),
            split_digest: Digest::of(b"split"),
            flat_digest: Digest::of(b"flat"),
            layers,
            names,
            wit,
        }))
    }

    fn page(artifact: &Artifact) -> String {
        artifact.html().into_page(&artifact.title())
    }

    #[test]
    fn digests_and_sizes_are_all_there() {
        let page = page(&artifact(split(
            Names::default(),
            Ok("world root {}".to_owned()),
        )));
        for text in ["manifest", "split", "flat", ""].map(|text| Digest::of(text.as_bytes())) {
            assert!(page.contains(&text.to_string()), "{text}");
        }
        for text in ["100 B", "25 B", "demo/app:1.0", "world root {}", "none"] {
            assert!(page.contains(text), "{text}");
        }
        assert!(!page.contains("yanked</span>"));
    }

    #[test]
    fn what_strangers_wrote_is_text() {
        let names = Names {
            imports: vec![HOSTILE.to_owned(), "wasi:http/types@0.2.0".to_owned()],
            exports: vec![HOSTILE.to_owned()],
        };
        let mut artifact = artifact(split(names, Ok(format!("/// </pre>{HOSTILE}"))));
        artifact.yanked = Ok(true);
        artifact.name = HOSTILE.to_owned();
        artifact.repository = HOSTILE.to_owned();
        for key in ["title", "source", HOSTILE] {
            let key = format!("{}{key}", annotation::IMAGE_PREFIX);
            artifact.annotations.push((key, HOSTILE.to_owned()));
        }
        let page = page(&artifact);
        assert!(!page.contains("<script") && !page.contains("<!--"));
        assert_eq!(page.matches("</pre>").count(), 1);
        assert!(page.contains("yanked</span>"));
        assert!(page.contains("href=\"#import:wasi:http/types%400.2.0\""));
        let without = super::wit(&Err(HOSTILE.to_owned())).into_page("");
        assert!(!without.contains("<script") && without.contains("&lt;script&gt;"));
        for what in [
            What::Foreign(HOSTILE.to_owned()),
            What::Flat {
                content: Identity::of(b""),
                names: Names::default(),
                unused: Some(HOSTILE.to_owned()),
            },
        ] {
            let page = self::page(&self::artifact(what));
            assert!(!page.contains("<script"));
            assert!(page.contains("&lt;script&gt;"));
        }
    }

    #[test]
    fn only_addresses_of_the_web_are_links() {
        for (value, linked) in [
            ("https://example.com/a?b=c&d", true),
            ("http://example.com", true),
            ("javascript:alert(1)", false),
            (" https://example.com", false),
            ("https://", false),
            ("https://a b", false),
            ("data:text/html,x", false),
        ] {
            let mut artifact = artifact(What::Foreign("an image".to_owned()));
            let key = format!("{}source", annotation::IMAGE_PREFIX);
            artifact.annotations.push((key, value.to_owned()));
            let page = page(&artifact);
            assert_eq!(page.contains("nofollow"), linked, "{value}");
            assert!(!page.contains("href=\"javascript"));
        }
    }

    #[test]
    fn long_lists_and_texts_are_cut() {
        let names = Names {
            imports: (0..1500).map(|number| format!("i{number}")).collect(),
            exports: Vec::new(),
        };
        let wit = "é".repeat(MAX_WIT_BYTES);
        let page = page(&artifact(split(names, Ok(wit))));
        assert!(page.contains("and 500 more"));
        assert!(page.contains("The rest is left out"));
        assert!(page.len() < 2 * MAX_WIT_BYTES);
    }
}
