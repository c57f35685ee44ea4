//! A plot of the sizes, drawn for light and for dark pages.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::comparison::Comparison;
use crate::files::FileTool;

/// The colours of a page.
struct Palette {
    name: &'static str,
    text: &'static str,
    muted: &'static str,
    line: &'static str,
    best: &'static str,
}

const PALETTES: [Palette; 2] = [
    Palette {
        name: "light",
        text: "#1f2328",
        muted: "#59636e",
        line: "#d1d9e0",
        best: "#0969da",
    },
    Palette {
        name: "dark",
        text: "#f0f6fc",
        muted: "#9198a1",
        line: "#3d444d",
        best: "#4493f8",
    },
];

const WIDTH: f64 = 800.0;
const LEFT: f64 = 132.0;
const RIGHT: f64 = 664.0;
/// Where the middle of the first row is.
const TOP: f64 = 94.0;
const ROW: f64 = 22.0;

const TITLE: &str = "Delta files of wharf, bsdiff and zstd --patch-from";

/// Writes deltas-light.svg and deltas-dark.svg.
///
/// # Panics
///
/// If the directory cannot be written to.
pub(crate) fn write(comparisons: &[Comparison], directory: &Path) {
    for palette in &PALETTES {
        let path = directory.join(format!("deltas-{}.svg", palette.name));
        fs::write(path, draw(comparisons, palette)).expect("space for the plot");
    }
}

/// A logarithmic axis from a power of ten to another.
struct Axis {
    first: i32,
    last: i32,
}

impl Axis {
    fn new(sizes: impl Iterator<Item = f64> + Clone) -> Self {
        let powers = sizes.map(f64::log10);
        let first = powers.clone().fold(f64::INFINITY, f64::min).floor() as i32;
        let last = powers.fold(0.0, f64::max).ceil() as i32;
        Self {
            first,
            last: last.max(first.saturating_add(1)),
        }
    }

    fn place(&self, bytes: f64) -> f64 {
        let part = (bytes.log10() - f64::from(self.first)) / f64::from(self.last - self.first);
        LEFT + part * (RIGHT - LEFT)
    }

    /// Draws a line at every power of ten.
    fn draw(&self, bottom: f64) -> String {
        let mut svg = String::new();
        for power in self.first..=self.last {
            let bytes = 10f64.powi(power);
            let x = self.place(bytes);
            let top = TOP - 18.0;
            let text = label(bytes);
            line(&mut svg, [x, top], [x, bottom], "grid");
            svg += &format!(
                "  <text class=\"muted middle\" x=\"{x:.1}\" y=\"{:.1}\">{text}</text>\n",
                top - 6.0
            );
        }
        svg
    }
}

fn label(bytes: f64) -> String {
    match bytes {
        mega if mega >= 1e6 => format!("{} MB", mega / 1e6),
        kilo if kilo >= 1e3 => format!("{} KB", kilo / 1e3),
        bytes => format!("{bytes} B"),
    }
}

fn draw(comparisons: &[Comparison], palette: &Palette) -> String {
    let mut sorted: Vec<(&str, f64, [Option<f64>; 2])> = comparisons
        .iter()
        .filter_map(|pair| {
            let others = [FileTool::Bsdiff, FileTool::PatchFrom].map(|tool| pair.size(tool));
            Some((pair.name.as_str(), pair.size(FileTool::Best)?, others))
        })
        .collect();
    sorted.sort_by(|one, other| other.1.total_cmp(&one.1));
    let sizes = sorted
        .iter()
        .flat_map(|(_, best, others)| others.iter().flatten().chain([best]).copied());
    let axis = Axis::new(sizes);
    let bottom = TOP + ROW * sorted.len() as f64 - 6.0;
    let mut svg = head(bottom + 14.0, palette);
    svg += &axis.draw(bottom);
    for (index, &(name, best, [bsdiff, patch])) in sorted.iter().enumerate() {
        let y = TOP + ROW * index as f64;
        let sizes = [Some(best), bsdiff, patch];
        let places = sizes.map(|size| size.map(|bytes| axis.place(bytes)));
        let ends = places.iter().flatten();
        let least = ends.clone().copied().fold(f64::INFINITY, f64::min);
        let most = ends.copied().fold(0.0, f64::max);
        line(&mut svg, [least, y], [most, y], "row");
        for (place, mark) in places.into_iter().zip(MARKS).rev() {
            if let Some(x) = place {
                svg += &mark(x, y);
            }
        }
        let ratio = bsdiff.map_or_else(String::new, |bsdiff| format!("{:.2}", best / bsdiff));
        let kilobytes = format!("{:.1}", best / 1e3);
        for (class, x, text) in [
            ("", 16.0, name),
            ("best number", 724.0, kilobytes.as_str()),
            ("number", 784.0, ratio.as_str()),
        ] {
            let y = y + 4.5;
            svg += &format!("  <text class=\"{class}\" x=\"{x}\" y=\"{y:.1}\">{text}</text>\n");
        }
    }
    svg + "</svg>\n"
}

/// The marks of wharf, bsdiff and zstd.
const MARKS: [fn(f64, f64) -> String; 3] = [
    |x, y| format!("  <circle class=\"best-mark\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"/>\n"),
    |x, y| format!("  <circle class=\"mark\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>\n"),
    |x, y| {
        let (x, y) = (x - 3.5, y - 3.5);
        format!("  <rect class=\"mark\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"7\" height=\"7\"/>\n")
    },
];

/// Returns the head of the drawing with its legend.
fn head(height: f64, palette: &Palette) -> String {
    let Palette {
        text,
        muted,
        line,
        best,
        ..
    } = palette;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-labelledby="title">
  <title id="title">{TITLE}</title>
  <style>
    text {{ font: 13px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: {text} }}
    .heading {{ font-size: 15px; font-weight: 600 }}
    .muted {{ fill: {muted} }}
    .number {{ text-anchor: end }}
    .middle {{ text-anchor: middle; font-size: 11px }}
    .best {{ fill: {best}; font-weight: 600 }}
    .best-mark {{ fill: {best} }}
    .mark {{ fill: none; stroke: {muted}; stroke-width: 1.5 }}
    .grid {{ stroke: {line} }}
    .row {{ stroke: {muted}; stroke-opacity: 0.5 }}
  </style>
  <text class="heading" x="16" y="26">{TITLE}</text>
  <text class="best" x="28" y="50">wharf, effort best</text>
  <text class="muted" x="190" y="50">bsdiff</text>
  <text class="muted" x="264" y="50">zstd -19 --patch-from</text>
  <text class="muted number" x="724" y="70">KB</text>
  <text class="muted number" x="784" y="70">of bsdiff</text>
"#
    );
    for (mark, x) in MARKS.iter().zip([18.0, 180.0, 254.0]) {
        svg += &mark(x, 45.5);
    }
    svg
}

fn line(svg: &mut String, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2], class: &str) {
    // A String takes every text.
    let _written = writeln!(
        svg,
        "  <line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
    );
}
