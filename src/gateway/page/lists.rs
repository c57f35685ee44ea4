//! What there is: repositories, and the tags of one.

use super::address::Address;
use super::html::Html;
use super::words::count;

/// The page that lists repositories.
#[derive(Debug, Clone, Default)]
pub(super) struct Front {
    /// One for each upstream that has a part in this page.
    pub(super) shelves: Vec<Shelf>,
    /// Where the next page begins: behind this repository of the upstream with this number.
    pub(super) next: Option<(usize, String)>,
    /// What was asked for in the form and is no reference.
    pub(super) refused: Option<String>,
}

/// What an upstream has.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    /// What people call it.
    pub(super) name: String,
    /// Its repositories, or why it lists none.
    pub(super) rows: Result<Vec<Row>, String>,
}

/// A repository.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) address: Option<Address>,
    /// What tags it has, or why nobody knows.
    pub(super) tags: Result<Counted, String>,
}

/// The tags of a repository, counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    /// The newest version, else another tag.
    pub(super) newest: Option<Tag>,
    pub(super) versions: usize,
    pub(super) others: usize,
}

/// A tag.
#[derive(Debug, Clone)]
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) address: Option<Address>,
    pub(super) is_version: bool,
    pub(super) yanked: bool,
}

/// The page of a repository.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    pub(super) name: String,
    pub(super) address: Address,
    /// Versions, the newest first, then other tags.
    pub(super) tags: Vec<Tag>,
    pub(super) versions: usize,
    pub(super) others: usize,
    /// How many tags are about a digest: marks, signatures and the like.
    pub(super) about: usize,
    /// Whether nobody knows which versions are yanked, and why.
    pub(super) unmarked: Option<String>,
    /// The tag behind which the next page begins.
    pub(super) next: Option<String>,
}

impl Front {
    pub(super) fn html(&self) -> Html {
        let mut html = Html::new();
        html.markup("<h1>Components</h1>\n");
        self.form(&mut html);
        for shelf in &self.shelves {
            html.markup("<section>\n<h2>")
                .text(&shelf.name)
                .markup("</h2>\n");
            match &shelf.rows {
                Ok(rows) if rows.is_empty() => {
                    html.markup("<p class=\"note\">There is nothing here.</p>\n");
                }
                Ok(rows) => {
                    html.markup("<ul class=\"list\">\n");
                    rows.iter().for_each(|row| row.write(&mut html));
                    html.markup("</ul>\n");
                }
                Err(why) => {
                    html.markup("<p class=\"note\">Its repositories cannot be listed: ")
                        .text(why)
                        .markup(". Open one by its name.</p>\n");
                }
            }
            html.markup("</section>\n");
        }
        if self.shelves.is_empty() && self.next.is_none() {
            html.markup(
                "<p class=\"note\">Nothing is listed here. Open a repository by its name.</p>\n",
            );
        }
        if let Some((from, last)) = &self.next {
            html.markup("<p class=\"next\"><a rel=\"next\" href=\"/?from=")
                .text(from)
                .markup("&amp;last=")
                .text(encoded(last))
                .markup("\">Next page</a></p>\n");
        }
        html
    }

    fn form(&self, html: &mut Html) {
        html.markup("<form action=\"/\" method=\"get\">\n<label for=\"ref\">Open a reference</label>\n")
            .markup("<div><input id=\"ref\" name=\"ref\" required autocapitalize=\"off\" spellcheck=\"false\" ")
            .markup("placeholder=\"repository:tag\" value=\"")
            .text(self.refused.as_deref().unwrap_or_default())
            .markup("\"><button>Open</button></div>\n");
        if self.refused.is_some() {
            html.markup("<p class=\"problem\">That is no reference. One is written ")
                .markup("<code>repository</code>, <code>repository:tag</code> or ")
                .markup("<code>repository@sha256:…</code>, perhaps with a registry's host before it.</p>\n");
        }
        html.markup("</form>\n");
    }
}

impl Row {
    fn write(&self, html: &mut Html) {
        html.markup("<li><span class=\"name\">")
            .link(self.address.as_ref(), &self.name)
            .markup("</span> ");
        match &self.tags {
            Ok(counted) => counted.write(html),
            Err(why) => {
                html.markup("<span class=\"more\">its tags cannot be listed: ")
                    .text(why)
                    .markup("</span>");
            }
        }
        html.markup("</li>\n");
    }
}

impl Counted {
    fn write(&self, html: &mut Html) {
        if let Some(newest) = &self.newest {
            html.markup("<span class=\"tag\">")
                .link(newest.address.as_ref(), &newest.name)
                .markup("</span> ");
            newest.mark(html);
        }
        html.markup("<span class=\"more\">")
            .text(self.words())
            .markup("</span>");
    }

    fn words(&self) -> String {
        match (self.versions, self.others) {
            (0, others) => count(others, "tag"),
            (versions, 0) => count(versions, "version"),
            (versions, others) => {
                format!(
                    "{}, {}",
                    count(versions, "version"),
                    count(others, "other tag")
                )
            }
        }
    }
}

impl Tag {
    fn mark(&self, html: &mut Html) {
        if self.yanked {
            html.markup("<span class=\"mark\">yanked</span> ");
        }
    }
}

impl Repository {
    pub(super) fn html(&self) -> Html {
        let counted = Counted {
            newest: None,
            versions: self.versions,
            others: self.others,
        };
        let mut html = Html::new();
        html.markup("<h1>")
            .text(&self.name)
            .markup("</h1>\n<p class=\"note\">")
            .text(counted.words());
        if self.about > 0 {
            html.text(", and ")
                .text(count(self.about, "tag"))
                .text(" about digests (marks, signatures and the like)");
        }
        html.markup("</p>\n");
        if let Some(why) = &self.unmarked {
            html.markup("<p class=\"problem\">Which versions are yanked is not known: ")
                .text(why)
                .markup("</p>\n");
        }
        let (versions, others): (Vec<_>, Vec<_>) = self.tags.iter().partition(|tag| tag.is_version);
        for (title, tags) in [
            ("<h2>Versions</h2>\n", versions),
            ("<h2>Other tags</h2>\n", others),
        ] {
            if tags.is_empty() {
                continue;
            }
            html.markup(title).markup("<ul class=\"list\">\n");
            for tag in tags {
                html.markup("<li><span class=\"name\">")
                    .link(tag.address.as_ref(), &tag.name)
                    .markup("</span> ");
                tag.mark(&mut html);
                html.markup("</li>\n");
            }
            html.markup("</ul>\n");
        }
        if let Some(last) = &self.next {
            html.markup("<p class=\"next\"><a rel=\"next\" href=\"")
                .text(&self.address)
                .markup("?last=")
                .text(encoded(last))
                .markup("\">Next page</a></p>\n");
        }
        html
    }
}

/// Writes a text for a query, or for the part of an address that names a place in its page.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' => {
                encoded.push(char::from(byte));
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
