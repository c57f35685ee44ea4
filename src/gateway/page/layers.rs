//! The layers of a component, as a bar and as a table.

use maud::{Markup, html};

use super::comparison::{ComparedVersion, LayerTotals, partition_shared, sum};
use super::document::link;
use super::numbers::{count, percent, size};
use crate::artifact::Layer;
use crate::split::{Recipe, Run};

/// The fill of a bar for a shared layer.
const HATCHING: &str = "url(#shared)";

/// The kinds of layers, in the order of the legend. Each kind is also the name of a colour.
const KINDS: [&str; 6] = ["code", "data", "element", "module", "custom", "root"];

/// Returns the kind of a layer from its section path, which is empty for the root.
fn kind(path: &str) -> &'static str {
    let last = path.rsplit('/').next().unwrap_or(path);
    match last.split('[').next().unwrap_or(last) {
        "" => "root",
        "code" => "code",
        "data" | "segment" | "gap" | "group" => "data",
        "element" => "element",
        "suffix" => "module",
        _ => "custom",
    }
}

/// The layers of a component in file order, and the versions to compare with.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    /// The layers, the root first.
    pub(super) layers: Vec<Layer>,
    pub(super) recipe: Recipe,
    pub(super) others: Vec<ComparedVersion>,
    /// The number of versions that are not compared.
    pub(super) left_out: usize,
    /// The reason why the other versions are unknown.
    pub(super) unlisted: Option<String>,
}

impl Layers {
    pub(super) fn html(&self) -> Markup {
        html! {
            section id="layers" {
                h2 { "Layers" }
                svg.pattern aria-hidden="true" {
                    defs {
                        pattern id="shared" width="6" height="6" patternUnits="userSpaceOnUse"
                            patternTransform="rotate(45)" { path d="M1 0V6" {} }
                    }
                }
                (self.scale())
                (self.legend())
                (self.table())
            }
            (self.sharing())
        }
    }

    fn names_of(&self, layer: &Layer) -> Vec<&str> {
        let having = self.others.iter().filter(|other| other.has(layer));
        having.map(|other| other.name.as_str()).collect()
    }

    /// Shows the whole file as one bar. The root fills every place without another layer.
    fn scale(&self) -> Markup {
        let whole = self.recipe.content.size;
        let layers = count(self.layers.len(), "layer");
        let label = format!(
            "{layers} of {}, in file order; the table below lists them",
            size(whole)
        );
        html! {
            svg.scale width="100%" height="48" role="img" aria-label=(label) {
                @for run in self.recipe.runs() { (self.run(&run, whole)) }
            }
        }
    }

    fn run(&self, run: &Run, whole: u64) -> Markup {
        let (layer, range) = match run {
            Run::Root(range) => (0, range),
            Run::Layer(layer, range) => (layer + 1, range),
        };
        let length = range.end.saturating_sub(range.start);
        let (x, width) = (percent(range.start, whole), percent(length, whole));
        html! {
            @if let Some(layer) = self.layers.get(layer) {
                @let shared = !self.names_of(layer).is_empty();
                @let title = html! {
                    title { (label(layer)) ", " (size(length)) @if shared { ", shared" } }
                };
                rect x=(x) width=(width) height="48" class=(kind(&layer.path)) { (title) }
                @if shared {
                    rect x=(x) width=(width) height="48" fill=(HATCHING) { (title) }
                }
            }
        }
    }

    fn legend(&self) -> Markup {
        let kinds = KINDS.into_iter().filter_map(|word| {
            let layers = self.layers.iter().filter(|layer| kind(&layer.path) == word);
            let bytes = layers.map(|layer| layer.content.size);
            Some((word, bytes.reduce(u64::saturating_add)?))
        });
        let (shared, _) = partition_shared(&self.layers, &self.others);
        html! {
            ul.legend {
                @for (kind, bytes) in kinds {
                    li { b class=(kind) {} (kind) " " (size(bytes)) }
                }
                @if !shared.is_empty() {
                    li {
                        svg aria-hidden="true" {
                            rect.custom width="100%" height="100%" {}
                            rect width="100%" height="100%" fill=(HATCHING) {}
                        }
                        "shared with another version"
                    }
                }
            }
        }
    }

    fn table(&self) -> Markup {
        let sizes = |layer: &Layer| layer.content.size.max(layer.blob.size);
        let most = self.layers.iter().map(sizes).max().unwrap_or(0);
        let all = sum(&self.layers);
        html! {
            table {
                thead {
                    tr {
                        th scope="col" { "layer; bars: content size, and stored size below" }
                        th.number scope="col" { "content" }
                        th.number scope="col" { "stored" }
                    }
                }
                tbody { @for layer in &self.layers { (self.row(layer, most)) } }
                tfoot {
                    tr {
                        th scope="row" { (count(all.layers, "layer")) }
                        td.number { (size(all.content)) }
                        td.number { (size(all.stored)) }
                    }
                }
            }
        }
    }

    fn row(&self, layer: &Layer, most: u64) -> Markup {
        let kind = kind(&layer.path);
        let names = self.names_of(layer);
        let width = percent(layer.content.size, most);
        html! {
            tr {
                th.layer scope="row" {
                    b class=(kind) {}
                    code { (label(layer)) }
                    svg.bars width="100%" height="12" aria-hidden="true" {
                        rect width=(width) height="7" class=(kind) {}
                        @if !names.is_empty() { rect width=(width) height="7" fill=(HATCHING) {} }
                        rect.stored y="8" width=(percent(layer.blob.size, most)) height="3" {}
                    }
                    small {
                        (kind)
                        @if !names.is_empty() { ", shared with " (self.version_list(&names)) }
                    }
                }
                td.number { (size(layer.content.size)) }
                td.number { (size(layer.blob.size)) }
            }
        }
    }

    /// Lists the names of versions. If these are all compared versions and more than two, returns only their number.
    fn version_list(&self, names: &[&str]) -> String {
        let known = self.others.iter().filter(|other| other.contents.is_ok());
        match known.count() {
            known if known > 2 && known == names.len() => format!("all {known} others"),
            _ => names.join(", "),
        }
    }

    fn sharing(&self) -> Markup {
        html! {
            section id="shared-with" {
                h2 { "Shared with other versions" }
                @match &self.unlisted {
                    _ if !self.others.is_empty() => { (self.comparison()) }
                    Some(why) => { p.problem { "Other versions cannot be listed: " (why) } }
                    None => { p.note { "There is no other version." } }
                }
            }
        }
    }

    fn comparison(&self) -> Markup {
        let (shared, own) = partition_shared(&self.layers, &self.others);
        html! {
            table {
                thead {
                    tr {
                        th scope="col" { "shared with" }
                        th.number scope="col" { "layers" }
                        th.number scope="col" { "content" }
                        th.number scope="col" { "stored" }
                    }
                }
                tbody {
                    @for other in &self.others {
                        tr {
                            th scope="row" { code { (link(other.address.as_ref(), &other.name)) } }
                            @match &other.contents {
                                Ok(_) => { (sums(sum(self.layers.iter().filter(|layer| other.has(layer))))) }
                                Err(why) => { td.note colspan="3" { "not compared: " (why) } }
                            }
                        }
                    }
                }
                tfoot {
                    tr { th scope="row" { "any other version" } (sums(sum(shared))) }
                    tr { th scope="row" { "no other version" } (sums(sum(own))) }
                }
            }
            @if self.left_out > 0 {
                p.note { (count(self.left_out, "further tag")) " not compared" }
            }
        }
    }
}

fn sums(sum: LayerTotals) -> Markup {
    html! {
        td.number { (sum.layers) }
        td.number { (size(sum.content)) }
        td.number { (size(sum.stored)) }
    }
}

fn label(layer: &Layer) -> &str {
    match layer.path.as_str() {
        "" => "root",
        path => path,
    }
}

#[cfg(test)]
mod tests {
    use super::super::comparison::tests::{layer, other};
    use super::super::document::document;
    use super::*;
    use crate::digest::Identity;
    use crate::split::RecipeLayer;

    fn layers(others: Vec<ComparedVersion>) -> Layers {
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
        document("", &layers.html())
    }

    #[test]
    fn the_bar_is_in_file_order_and_as_wide_as_the_contents() {
        let page = page(&layers(Vec::new()));
        let bar = page.split_once("class=\"scale\"").unwrap().1;
        let bar = bar.split_once("</svg>").unwrap().0;
        let rects = bar.split("<rect ").skip(1);
        let rects: Vec<&str> = rects.map(|rect| rect.split_once('>').unwrap().0).collect();
        let rect = |x: &str, width: &str, class: &str| {
            format!("x=\"{x}%\" width=\"{width}%\" height=\"48\" class=\"{class}\"")
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
    fn shared_layers_are_hatched_and_totalled() {
        let mut layers = layers(vec![
            other("1.0.0", &["module[0]/code[0]"]),
            other("0.9.0", &["", "module[0]/code[0]"]),
            ComparedVersion {
                contents: Err("it is <an image>".to_owned()),
                ..other("0.8.0", &[])
            },
        ]);
        layers.left_out = 1;
        let page = page(&layers);
        // The root is in the bar three times and the other shared layer once. Each also has a table row, and the legend
        // has one.
        assert_eq!(page.matches("fill=\"url(#shared)\"").count(), 4 + 2 + 1);
        assert!(page.contains("code, shared with 1.0.0, 0.9.0"), "{page}");
        assert!(page.contains("root, shared with 0.9.0"));
        assert!(page.contains("not compared: it is &lt;an image&gt;"));
        let rows = [
            ("any other version", 2, "6.8 KiB", "1.7 KiB"),
            ("no other version", 1, "2.9 KiB", "750 B"),
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
    fn untrusted_paths_are_escaped() {
        let mut layers = layers(Vec::new());
        layers.layers[1].path = "\"><script>alert(1)</script>".to_owned();
        let page = page(&layers);
        assert!(!page.contains("<script>"));
        assert!(page.contains("&quot;&gt;&lt;script&gt;"));
    }

    #[test]
    fn kinds_are_those_of_the_last_step() {
        for (path, expected) in [
            ("", "root"),
            ("module[0]/code[0]", "code"),
            ("data[0]/gap[3]", "data"),
            ("component[1]/module[0]/element[0]", "element"),
            ("suffix[0]", "module"),
            ("custom[3]:.debug_code[0]", "custom"),
            ("code", "code"),
            ("else", "custom"),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
    }
}
