//! The files of a component.

use maud::{Markup, html};

use super::numbers::{count, size};
use crate::assets::packed::PackedFiles;

/// The maximum number of files on a page.
const MAX_FILES: usize = 20;

/// Shows the first files, or the reason why they cannot be listed. A component without a list shows nothing.
pub(super) fn files(files: &Result<Option<PackedFiles>, String>) -> Markup {
    match files {
        Ok(None) => html! {},
        Ok(Some(packed)) => table(packed),
        Err(why) => html! { p.problem { "The files cannot be listed: " (why) } },
    }
}

fn table(packed: &PackedFiles) -> Markup {
    let files = packed.by_path();
    let bytes = files.iter().map(|file| file.identity.size);
    let bytes = bytes.fold(0, u64::saturating_add);
    html! {
        section id="files" {
            h2 { "Files" }
            p.note { (count(files.len(), "file")) " at " code { (packed.list.mount) } ", " (size(bytes)) }
            table {
                thead { tr { th { "path" } th.number { "size" } } }
                tbody {
                    @for file in files.iter().take(MAX_FILES) {
                        tr {
                            td { code { (file.path) } }
                            td.number {
                                (size(file.identity.size))
                                @if file.range.is_none() { ", remote" }
                            }
                        }
                    }
                }
            }
            @if files.len() > MAX_FILES {
                p.note {
                    "and " (files.len() - MAX_FILES) " more; " code { "wharf inspect --json" } " lists all of them"
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::section::{Asset, AssetList};
    use crate::assets::tree::Content;
    use crate::digest::Digest;

    /// Files with one content of 3,000 bytes.
    fn packed(paths: &[String]) -> PackedFiles {
        let content = Content {
            digest: Digest::of(b"content"),
            size: 3000,
        };
        let entries = paths.iter().map(|path| Asset {
            path: path.clone(),
            content: Some(0),
        });
        let list = AssetList {
            remote: Vec::new(),
            module: 0,
            mount: "/<b>".to_owned(),
            contents: vec![content],
            entries: entries.collect(),
        };
        // A count, a flag and a size of two bytes.
        PackedFiles::new(list, 0..3004).unwrap()
    }

    #[test]
    fn the_first_files_are_shown_with_their_sizes() {
        let paths: Vec<String> = (10..35).map(|file| format!("f{file}")).collect();
        let page = files(&Ok(Some(packed(&paths)))).into_string();
        for text in [
            "25 files",
            "73.2 KiB",
            "f10",
            "f29",
            "2.9 KiB",
            "and 5 more",
        ] {
            assert!(page.contains(text), "{text} is not in {page}");
        }
        assert!(!page.contains("f30"));
        let page = files(&Ok(Some(packed(&paths[..20])))).into_string();
        assert!(page.contains("f29") && !page.contains("more"));
        assert_eq!(files(&Ok(None)).into_string(), "");
    }

    #[test]
    fn paths_mounts_and_reasons_are_escaped() {
        let hostile = "<script>alert(1)</script>".to_owned();
        let page = files(&Ok(Some(packed(std::slice::from_ref(&hostile))))).into_string();
        assert!(page.contains("&lt;script&gt;") && page.contains("/&lt;b&gt;"));
        assert!(!page.contains("<script") && !page.contains("<b>"));
        let page = files(&Err(hostile)).into_string();
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"));
    }
}
