//! The layers of a component as a picture, and as a table.

use std::collections::BTreeMap;

use super::html::Html;
use super::sharing::{Other, Sum, divided, sum};
use super::words::{count, percent, size};
use crate::artifact::Layer;
use crate::split::{Recipe, Run};

/// What a layer is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Code,
    Data,
    Element,
    Module,
    Custom,
    Root,
}

impl Kind {
    /// Returns what a section path says, the root having none.
    fn of(path: &str) -> Self {
        let last = path.rsplit('/').next().unwrap_or(path);
        match last.split('[').next().unwrap_or(last) {
            "" => Self::Root,
            "code" => Self::Code,
            "data" | "segment" | "gap" => Self::Data,
            "element" => Self::Element,
            "suffix" => Self::Module,
            _ => Self::Custom,
        }
    }

    /// The word, which is also the name of a colour.
    fn word(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Data => "data",
            Self::Element => "element",
            Self::Module => "module",
            Self::Custom => "custom",
            Self::Root => "root",
        }
    }
}

/// The layers of a component, in file order, and the other versions that they are compared with.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    /// The root first.
    pub(super) layers: Vec<Layer>,
    /// How they make the component.
    pub(super) recipe: Recipe,
    pub(super) others: Vec<Other>,
    /// How many versions there are besides that are not compared.
    pub(super) left_out: usize,
    /// Why nobody knows which other versions there are.
    pub(super) unlisted: Option<String>,
}

impl Layers {
    pub(super) fn html(&self) -> Html {
        let mut html = Html::new();
        html.markup("<section id=\"layers\">\n<h2>Layers</h2>\n<svg class=\"pattern\" aria-hidden=\"true\"><defs>")
            .markup("<pattern id=\"shared\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" ")
            .markup("patternTransform=\"rotate(45)\"><path d=\"M1 0V6\"/></pattern></defs></svg>\n");
        self.scale(&mut html);
        self.legend(&mut html);
        self.table(&mut html);
        html.markup("</section>\n");
        self.sharing(&mut html);
        html
    }

    fn names_of(&self, layer: &Layer) -> Vec<&str> {
        let having = self.others.iter().filter(|other| other.has(layer));
        having.map(|other| other.name.as_str()).collect()
    }

    /// The whole file as one bar; the root is wherever nothing else is.
    fn scale(&self, html: &mut Html) {
        let whole = self.recipe.content.size;
        html.markup("<svg class=\"scale\" width=\"100%\" height=\"48\" role=\"img\" aria-label=\"")
            .text(count(self.layers.len(), "layer"))
            .text(" of ")
            .text(size(whole))
            .text(", in file order; the table below says the same")
            .markup("\">\n");
        for run in self.recipe.runs() {
            let (layer, range) = match run {
                Run::Root(range) => (0, range),
                Run::Layer(layer, range) => (layer + 1, range),
            };
            let Some(layer) = self.layers.get(layer) else {
                continue;
            };
            let length = range.end.saturating_sub(range.start);
            let kind = Kind::of(&layer.path);
            let shared = !self.names_of(layer).is_empty();
            for class in [Some(kind.word()), shared.then_some("")]
                .into_iter()
                .flatten()
            {
                html.markup("<rect x=\"")
                    .text(percent(range.start, whole))
                    .markup("\" width=\"")
                    .text(percent(length, whole))
                    .markup("\" height=\"48\" ");
                fill(html, class);
                html.markup("><title>")
                    .text(label(layer))
                    .text(", ")
                    .text(size(length))
                    .text(if shared { ", shared" } else { "" })
                    .markup("</title></rect>\n");
            }
        }
        html.markup("</svg>\n");
    }

    fn legend(&self, html: &mut Html) {
        let mut kinds: BTreeMap<Kind, u64> = BTreeMap::new();
        for layer in &self.layers {
            let bytes = kinds.entry(Kind::of(&layer.path)).or_default();
            *bytes = bytes.saturating_add(layer.content.size);
        }
        html.markup("<ul class=\"legend\">\n");
        for (kind, bytes) in kinds {
            html.markup("<li><b class=\"")
                .text(kind.word())
                .markup("\"></b>")
                .text(kind.word())
                .text(" ")
                .text(size(bytes))
                .markup("</li>\n");
        }
        let (shared, _) = divided(&self.layers, &self.others);
        if !shared.is_empty() {
            html.markup("<li><svg aria-hidden=\"true\"><rect width=\"100%\" height=\"100%\" class=\"custom\"/>")
                .markup("<rect width=\"100%\" height=\"100%\" fill=\"url(#shared)\"/></svg>")
                .markup("another version has it too</li>\n");
        }
        html.markup("</ul>\n");
    }

    fn table(&self, html: &mut Html) {
        let most = self
            .layers
            .iter()
            .map(|layer| layer.content.size.max(layer.blob.size));
        let most = most.max().unwrap_or(0);
        html.markup("<table>\n<thead><tr><th scope=\"col\">layer; bars: content, and below it as stored</th>")
            .markup("<th scope=\"col\" class=\"number\">content</th>")
            .markup("<th scope=\"col\" class=\"number\">stored</th></tr></thead>\n<tbody>\n");
        for layer in &self.layers {
            self.row(html, layer, most);
        }
        let all = sum(&self.layers);
        html.markup("</tbody>\n<tfoot><tr><th scope=\"row\">")
            .text(count(all.layers, "layer"))
            .markup("</th><td class=\"number\">")
            .text(size(all.content))
            .markup("</td><td class=\"number\">")
            .text(size(all.stored))
            .markup("</td></tr></tfoot>\n</table>\n");
    }

    fn row(&self, html: &mut Html, layer: &Layer, most: u64) {
        let kind = Kind::of(&layer.path).word();
        let names = self.names_of(layer);
        html.markup("<tr><th scope=\"row\"><b class=\"")
            .text(kind)
            .markup("\"></b><code>")
            .text(label(layer))
            .markup(
                "</code><svg class=\"bars\" width=\"100%\" height=\"12\" aria-hidden=\"true\">",
            );
        for class in [Some(kind), (!names.is_empty()).then_some("")]
            .into_iter()
            .flatten()
        {
            html.markup("<rect width=\"")
                .text(percent(layer.content.size, most))
                .markup("\" height=\"7\" ");
            fill(html, class);
            html.markup("/>");
        }
        html.markup("<rect class=\"stored\" y=\"8\" width=\"")
            .text(percent(layer.blob.size, most))
            .markup("\" height=\"3\"/></svg><small>")
            .text(kind);
        if !names.is_empty() {
            html.text(", shared with ").text(self.those(&names));
        }
        html.markup("</small></th><td class=\"number\">")
            .text(size(layer.content.size))
            .markup("</td><td class=\"number\">")
            .text(size(layer.blob.size))
            .markup("</td></tr>\n");
    }

    /// Names versions; all of them are not named one by one.
    fn those(&self, names: &[&str]) -> String {
        let known = self.others.iter().filter(|other| other.contents.is_ok());
        match known.count() {
            known if known > 2 && known == names.len() => format!("all {known} others"),
            _ => names.join(", "),
        }
    }

    fn sharing(&self, html: &mut Html) {
        html.markup("<section id=\"shared-with\">\n<h2>Shared with other versions</h2>\n");
        if self.others.is_empty() {
            match &self.unlisted {
                Some(why) => html
                    .markup("<p class=\"problem\">Other versions cannot be listed: ")
                    .text(why)
                    .markup("</p>\n"),
                None => html.markup("<p class=\"note\">There is no other version.</p>\n"),
            };
            html.markup("</section>\n");
            return;
        }
        let (shared, own) = divided(&self.layers, &self.others);
        html.markup("<table>\n<thead><tr><th scope=\"col\">who has it</th>")
            .markup("<th scope=\"col\" class=\"number\">layers</th>")
            .markup("<th scope=\"col\" class=\"number\">content</th>")
            .markup("<th scope=\"col\" class=\"number\">stored</th></tr></thead>\n<tbody>\n");
        for other in &self.others {
            html.markup("<tr><th scope=\"row\"><code>")
                .link(other.address.as_ref(), &other.name)
                .markup("</code></th>");
            match &other.contents {
                Ok(_) => sums(
                    html,
                    sum(self.layers.iter().filter(|layer| other.has(layer))),
                ),
                Err(why) => {
                    html.markup("<td colspan=\"3\" class=\"note\">not compared: ")
                        .text(why)
                        .markup("</td>");
                }
            }
            html.markup("</tr>\n");
        }
        html.markup("</tbody>\n<tfoot>\n<tr><th scope=\"row\">any of them</th>");
        sums(html, sum(shared));
        html.markup("</tr>\n<tr><th scope=\"row\">this one alone</th>");
        sums(html, sum(own));
        html.markup("</tr>\n</tfoot>\n</table>\n");
        if self.left_out > 0 {
            html.markup("<p class=\"note\">")
                .text(count(self.left_out, "further tag"))
                .markup(" not compared</p>\n");
        }
        html.markup("</section>\n");
    }
}

fn sums(html: &mut Html, sum: Sum) {
    html.markup("<td class=\"number\">")
        .text(sum.layers)
        .markup("</td><td class=\"number\">")
        .text(size(sum.content))
        .markup("</td><td class=\"number\">")
        .text(size(sum.stored))
        .markup("</td>");
}

/// A colour, or the hatching over one.
fn fill(html: &mut Html, class: &'static str) {
    match class {
        "" => html.markup("fill=\"url(#shared)\""),
        class => html.markup("class=\"").markup(class).markup("\""),
    };
}

fn label(layer: &Layer) -> &str {
    match layer.path.as_str() {
        "" => "root",
        path => path,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sharing::tests::{layer, other};
    use super::*;
    use crate::digest::Identity;
    use crate::split::RecipeLayer;

    fn layers(others: Vec<Other>) -> Layers {
        let layers = vec![
            layer("", 0, 1000),
            layer("module[0]/code[0]", 500, 6000),
            layer("module[0]/data[0]/segment[1]", 6600, 3000),
        ];
        let part = |layer: &Layer| RecipeLayer::new(layer.offset, layer.content);
        let content = Identity {
            digest: crate::digest::Digest::of(b""),
            size: 10_000,
        };
        let recipe = Recipe {
            content,
            root: part(&layers[0]),
            layers: layers[1..].iter().map(part).collect(),
        };
        recipe.check_tiling().unwrap();
        Layers {
            layers,
            recipe,
            others,
            left_out: 0,
            unlisted: None,
        }
    }

    fn page(layers: &Layers) -> String {
        layers.html().into_page("")
    }

    #[test]
    fn the_bar_is_in_file_order_and_as_wide_as_the_contents() {
        let page = page(&layers(Vec::new()));
        let bar = page.split_once("class=\"scale\"").unwrap().1;
        let bar = bar.split_once("</svg>").unwrap().0;
        let rects = bar.lines().filter(|line| line.starts_with("<rect"));
        let rects: Vec<&str> = rects.map(|line| line.split_once('>').unwrap().0).collect();
        let rect = |x: &str, width: &str, class: &str| {
            format!("<rect x=\"{x}%\" width=\"{width}%\" height=\"48\" class=\"{class}\"")
        };
        assert_eq!(
            rects,
            [
                rect("0.000", "5.000", "root"),
                rect("5.000", "60.000", "code"),
                rect("65.000", "1.000", "root"),
                rect("66.000", "30.000", "data"),
                rect("96.000", "4.000", "root"),
            ]
        );
        assert!(page.contains("There is no other version"));
        assert!(!page.contains("fill=\"url(#shared)\""));
    }

    #[test]
    fn what_is_shared_is_hatched_and_added_up() {
        let mut layers = layers(vec![
            other("1.0.0", &["module[0]/code[0]"]),
            other("0.9.0", &["", "module[0]/code[0]"]),
            Other {
                contents: Err("it is <an image>".to_owned()),
                ..other("0.8.0", &[])
            },
        ]);
        layers.left_out = 1;
        let page = page(&layers);
        // In the bar the root is there three times; then once in each row, and in the legend.
        assert_eq!(page.matches("fill=\"url(#shared)\"").count(), 4 + 2 + 1);
        assert!(page.contains("code, shared with 1.0.0, 0.9.0"), "{page}");
        assert!(page.contains("root, shared with 0.9.0"));
        assert!(page.contains("not compared: it is &lt;an image&gt;"));
        let rows = [
            ("any of them", 2, "6.8 KiB", "1.7 KiB"),
            ("this one alone", 1, "2.9 KiB", "750 B"),
        ];
        for (who, layers, content, stored) in rows {
            let cell = |text: &str| format!("<td class=\"number\">{text}</td>");
            let row = format!(
                "{who}</th>{}{}{}",
                cell(&layers.to_string()),
                cell(content),
                cell(stored)
            );
            assert!(page.contains(&row), "{row} in {page}");
        }
        assert!(page.contains("1 further tag not compared"));
    }

    #[test]
    fn paths_of_strangers_are_text() {
        let mut layers = layers(Vec::new());
        layers.layers[1].path = "\"><script>alert(1)</script>".to_owned();
        let page = page(&layers);
        assert!(!page.contains("<script>"));
        assert!(page.contains("&quot;&gt;&lt;script&gt;"));
    }

    #[test]
    fn kinds_are_those_of_the_last_step() {
        for (path, kind) in [
            ("", Kind::Root),
            ("module[0]/code[0]", Kind::Code),
            ("data[0]/gap[3]", Kind::Data),
            ("component[1]/module[0]/element[0]", Kind::Element),
            ("suffix[0]", Kind::Module),
            ("custom[3]:.debug_code[0]", Kind::Custom),
            ("code", Kind::Code),
            ("else", Kind::Custom),
        ] {
            assert_eq!(Kind::of(path), kind, "{path}");
        }
    }
}
