//! The page of one artifact: facts, layers, imports, exports and WIT.

use maud::{Markup, html};

use super::address::PageAddress;
use super::comparison::sum;
use super::document::{encoded, link};
use super::files::files;
use super::layers::Layers;
use super::numbers::{count, size};
use crate::artifact::{ListedDelta, SplitManifest};
use crate::assets::packed::PackedFiles;
use crate::digest::{Digest, Identity};
use crate::manifest::{Annotations, Os, annotation};
use crate::world::Interfaces;

/// The maximum size of the WIT on a page, in bytes.
const MAX_WIT_BYTES: usize = 512 * 1024;

/// WIT of at most this many lines is expanded when the page opens.
const SHORT_WIT: usize = 60;

/// The maximum number of imports on a page, and of exports.
const MAX_NAMES: usize = 1000;

/// The page of an artifact.
#[derive(Debug, Clone)]
pub(super) struct ArtifactPage {
    /// The tag or digest.
    pub(super) name: String,
    pub(super) repository: String,
    /// Whether the version is yanked, or the reason why that is unknown.
    pub(super) yanked: Result<bool, String>,
    /// The digest of the named manifest.
    pub(super) manifest: Digest,
    pub(super) annotations: Annotations,
    pub(super) what: ArtifactKind,
}

/// The kind of artifact.
#[derive(Debug, Clone)]
pub(super) enum ArtifactKind {
    Split(Box<Split>),
    /// A flat artifact.
    Flat {
        content: Identity,
        names: Interfaces,
        /// The reason why its split form, if it has one, is not shown.
        unused: Option<String>,
    },
    /// Another kind of artifact, described in a few words.
    Foreign(String),
}

#[derive(Debug, Clone)]
pub(super) struct Split {
    /// The digest of the split manifest.
    pub(super) digest: Digest,
    pub(super) manifest: SplitManifest,
    pub(super) layers: Layers,
    pub(super) names: Interfaces,
    /// The WIT, or the reason why there is none.
    pub(super) wit: Result<String, String>,
    /// The files, if the component lists them, or the reason why they cannot be listed.
    pub(super) files: Result<Option<PackedFiles>, String>,
    /// The deltas to the artifact, or the reason why they cannot be listed.
    pub(super) deltas: Result<Vec<ListedDelta>, String>,
}

impl ArtifactPage {
    pub(super) fn title(&self) -> String {
        let between = if self.name.starts_with("sha256:") {
            '@'
        } else {
            ':'
        };
        format!("{}{between}{}", self.repository, self.name)
    }

    pub(super) fn html(&self) -> Markup {
        html! {
            p.note { (link(PageAddress::repository(&self.repository).as_ref(), &self.repository)) }
            h1 {
                (self.name) " "
                @if self.yanked == Ok(true) { span.mark { "yanked" } }
            }
            @if let Err(why) = &self.yanked {
                p.problem { "The yank state is unknown: " (why) }
            }
            (self.facts())
            @match &self.what {
                ArtifactKind::Split(split) => {
                    (split.layers.html())
                    (files(&split.files))
                    (deltas(&split.deltas))
                    (names(&split.names))
                    (wit(&split.wit))
                }
                ArtifactKind::Flat { names, .. } => { (self::names(names)) }
                ArtifactKind::Foreign(_) => {}
            }
            (self.metadata())
        }
    }

    fn facts(&self) -> Markup {
        html! {
            dl {
                (fact("reference", html! { code { (self.title()) } }))
                @match &self.what {
                    ArtifactKind::Split(split) => {
                        @let manifest = &split.manifest;
                        @let kind = if manifest.os == Os::Wasip2 { "a component" } else { "a core module" };
                        (fact("kind", html! { (kind) ", stored in layers" }))
                        (fact("content size", html! { (size(manifest.content.size)) }))
                        (fact("stored size", html! { (size(sum(manifest.all_layers()).stored)) }))
                        (digest("content digest", &manifest.content.digest))
                        (digest("split digest", &manifest.config.digest))
                        (digest("flat digest", &manifest.flat_digest))
                        (digest("split manifest", &split.digest))
                    }
                    ArtifactKind::Flat { content, unused, .. } => {
                        (fact("kind", html! { "a flat artifact: the whole component is one layer" }))
                        @if let Some(why) = unused {
                            (fact("split form", html! { span.problem { "not shown: " (why) } }))
                        }
                        (fact("size", html! { (size(content.size)) }))
                        (digest("content digest", &content.digest))
                        (digest("flat digest", &self.manifest))
                    }
                    ArtifactKind::Foreign(what) => {
                        (fact("kind", html! { (what) ", not a component" }))
                        (digest("manifest", &self.manifest))
                    }
                }
            }
        }
    }

    /// Shows the annotations about the package.
    fn metadata(&self) -> Markup {
        let known = self.annotations.iter().filter_map(|(key, value)| {
            let ours = [annotation::PACKAGE, annotation::PRODUCERS].contains(&key.as_str());
            let prefix = if ours {
                annotation::PREFIX
            } else {
                annotation::IMAGE_PREFIX
            };
            Some((key.strip_prefix(prefix)?, value))
        });
        let known: Vec<(&str, &String)> = known.collect();
        html! {
            @if !known.is_empty() {
                section {
                    h2 { "Metadata" }
                    dl {
                        @for (key, value) in known {
                            (fact(key, html! {
                                @if is_link(value) {
                                    a rel="noreferrer nofollow" href=(value) { (value) }
                                } @else { (value) }
                            }))
                        }
                    }
                }
            }
        }
    }
}

/// Returns whether a text is a web address, and not a script.
fn is_link(text: &str) -> bool {
    let rest = text.strip_prefix("https://");
    let rest = rest.or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()))
}

fn fact(key: &str, value: Markup) -> Markup {
    html! { dt { (key) } dd { (value) } }
}

fn digest(key: &str, digest: &Digest) -> Markup {
    fact(key, html! { span.digest { (digest) } })
}

fn deltas(deltas: &Result<Vec<ListedDelta>, String>) -> Markup {
    match deltas {
        Ok(deltas) if deltas.is_empty() => html! {},
        Ok(deltas) => html! {
            section id="deltas" {
                h2 { "Deltas" }
                p.note { "Clients that have one of these versions fetch the delta instead of the changed layers." }
                table {
                    thead { tr { th { "from" } th.number { "stored" } } }
                    tbody {
                        @for delta in deltas {
                            tr {
                                td {
                                    @if let Some(version) = &delta.source_version { (version) " " }
                                    span.digest { (delta.source) }
                                }
                                td.number { (size(delta.size)) }
                            }
                        }
                    }
                }
            }
        },
        Err(why) => html! { p.problem { "The deltas cannot be listed: " (why) } },
    }
}

fn names(interfaces: &Interfaces) -> Markup {
    let Interfaces {
        imports,
        exports,
        names: details,
    } = interfaces;
    let imports = ("Imports", "import", imports, &details.imports);
    let exports = ("Exports", "export", exports, &details.exports);
    html! {
        div.columns {
            @for (title, what, names, details) in [imports, exports] {
                section {
                    h2 { (title) }
                    @if details.omitted {
                        p.note { "not shown: the manifest leaves out this long list, and the root cannot be read" }
                    } @else if details.incomplete && names.is_empty() {
                        p.note { "unknown: the artifact does not state them, or they cannot be read" }
                    } @else if details.incomplete {
                        p.note { "incomplete: the list ends before an entry that cannot be read" }
                    } @else if names.is_empty() {
                        p.note { "none" }
                    }
                    @if !names.is_empty() {
                        ul.names {
                            @for name in names.iter().take(MAX_NAMES) {
                                @let place = format!("{what}:{}", encoded(name));
                                li id=(place) { a href={ "#" (place) } { code { (name) } @if details.interface(name) != *name { " (" (details.interface(name)) ")" } } }
                            }
                        }
                    }
                    @if names.len() > MAX_NAMES {
                        p.note { "and " (names.len() - MAX_NAMES) " more" }
                    }
                }
            }
        }
    }
}

fn wit(wit: &Result<String, String>) -> Markup {
    html! {
        section id="wit" {
            h2 { "WIT" }
            @match wit {
                Ok(text) => {
                    @let cut = text.floor_char_boundary(MAX_WIT_BYTES.min(text.len()));
                    @let lines = text.lines().count();
                    details open[lines <= SHORT_WIT] {
                        summary { (count(lines, "line")) }
                        pre { (text[..cut]) }
                    }
                    @if cut < text.len() {
                        p.note { "The text is cut. " code { "wharf inspect --wit" } " shows all of it." }
                    }
                }
                Err(why) => { p.note { "The WIT cannot be shown: " (why) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::document;
    use super::*;

    const HOSTILE: &str = "\"><script>alert(1)</script><!--";

    fn artifact(what: ArtifactKind) -> ArtifactPage {
        ArtifactPage {
            name: "1.0".to_owned(),
            repository: "demo/app".to_owned(),
            yanked: Ok(false),
            manifest: Digest::of(b"manifest"),
            annotations: Annotations::new(),
            what,
        }
    }

    fn split(names: Interfaces, wit: Result<String, String>) -> ArtifactKind {
        let root = super::super::comparison::tests::layer("", 0, 100);
        let manifest = SplitManifest {
            config: Identity::of(b"split"),
            os: Os::Wasip2,
            content: root.content,
            imports: None,
            exports: None,
            names: None,
            flat_digest: Digest::of(b"flat"),
            root: root.clone(),
            layers: Vec::new(),
            annotations: Annotations::new(),
        };
        ArtifactKind::Split(Box::new(Split {
            digest: Digest::of(b"manifest"),
            layers: Layers {
                layers: vec![root],
                recipe: manifest.recipe(),
                others: Vec::new(),
                left_out: 0,
                unlisted: None,
            },
            manifest,
            names,
            wit,
            files: Ok(None),
            deltas: Ok(Vec::new()),
        }))
    }

    fn page(artifact: &ArtifactPage) -> String {
        document(&artifact.title(), &artifact.html())
    }

    #[test]
    fn digests_and_sizes_are_all_there() {
        let page = page(&artifact(split(
            Interfaces::default(),
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
    fn untrusted_text_is_escaped() {
        let names = Interfaces {
            imports: vec![HOSTILE.to_owned(), "wasi:http/types@0.2.0".to_owned()],
            exports: vec![HOSTILE.to_owned()],
            ..Interfaces::default()
        };
        let mut artifact = artifact(split(names, Ok(format!("/// </pre>{HOSTILE}"))));
        artifact.yanked = Ok(true);
        artifact.name = HOSTILE.to_owned();
        artifact.repository = HOSTILE.to_owned();
        for key in ["title", "source", HOSTILE] {
            let key = format!("{}{key}", annotation::IMAGE_PREFIX);
            artifact.annotations.insert(key, HOSTILE.to_owned());
        }
        let page = page(&artifact);
        assert!(!page.contains("<script") && !page.contains("<!--"));
        assert_eq!(page.matches("</pre>").count(), 1);
        assert!(page.contains("yanked</span>"));
        assert!(page.contains("href=\"#import:wasi:http/types%400.2.0\""));
        let without = document("", &super::wit(&Err(HOSTILE.to_owned())));
        assert!(!without.contains("<script") && without.contains("&lt;script&gt;"));
        for what in [
            ArtifactKind::Foreign(HOSTILE.to_owned()),
            ArtifactKind::Flat {
                content: Identity::of(b""),
                names: Interfaces::default(),
                unused: Some(HOSTILE.to_owned()),
            },
        ] {
            let page = self::page(&self::artifact(what));
            assert!(!page.contains("<script"));
            assert!(page.contains("&lt;script&gt;"));
        }
    }

    #[test]
    fn deltas_are_shown_with_their_sources_and_sizes() {
        let delta = ListedDelta {
            manifest: Digest::of(b"delta"),
            source: Digest::of(b"source"),
            size: 12_700,
            source_version: Some(HOSTILE.to_owned()),
        };
        let mut kind = split(Interfaces::default(), Ok(String::new()));
        if let ArtifactKind::Split(split) = &mut kind {
            assert!(!page(&artifact(ArtifactKind::Split(split.clone()))).contains("Deltas"));
            split.deltas = Ok(vec![delta]);
        }
        let text = page(&artifact(kind));
        for expected in [&Digest::of(b"source").to_string(), "12.4 KiB", "Deltas"] {
            assert!(text.contains(expected), "{expected}");
        }
        assert!(!text.contains("<script"));
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
            let mut artifact = artifact(ArtifactKind::Foreign("an image".to_owned()));
            let key = format!("{}source", annotation::IMAGE_PREFIX);
            artifact.annotations.insert(key, value.to_owned());
            let page = page(&artifact);
            assert_eq!(page.contains("nofollow"), linked, "{value}");
            assert!(!page.contains("href=\"javascript"));
        }
    }

    #[test]
    fn a_list_that_is_left_out_is_not_an_empty_one() {
        let mut names = Interfaces::default();
        names.names.imports.omitted = true;
        let page = page(&artifact(split(names, Err("no root".to_owned()))));
        assert_eq!(
            page.matches("the manifest leaves out this long list")
                .count(),
            1
        );
        assert_eq!(page.matches(">none<").count(), 1);
    }

    #[test]
    fn long_lists_and_texts_are_cut() {
        let names = Interfaces {
            imports: (0..1500).map(|number| format!("i{number}")).collect(),
            exports: Vec::new(),
            ..Interfaces::default()
        };
        let wit = "é".repeat(MAX_WIT_BYTES);
        let page = page(&artifact(split(names, Ok(wit))));
        assert!(page.contains("and 500 more"));
        assert!(page.contains("The text is cut."));
        assert!(page.len() < 2 * MAX_WIT_BYTES);
    }
}
