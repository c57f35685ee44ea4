//! The page that lists repositories, and the page that lists the tags of one.

use maud::{Markup, html};

use super::address::Address;
use super::document::{encoded, link};
use super::numbers::count;

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
    pub(super) fn html(&self) -> Markup {
        html! {
            h1 { "Components" }
            (self.form())
            @for shelf in &self.shelves {
                section {
                    h2 { (shelf.name) }
                    @match &shelf.rows {
                        Ok(rows) if rows.is_empty() => { p.note { "There is nothing here." } }
                        Ok(rows) => { ul.list { @for row in rows { (row.html()) } } }
                        Err(why) => {
                            p.note { "Its repositories cannot be listed: " (why) ". Open one by its name." }
                        }
                    }
                }
            }
            @if self.shelves.is_empty() && self.next.is_none() {
                p.note { "Nothing is listed here. Open a repository by its name." }
            }
            @if let Some((from, last)) = &self.next {
                p.next { a rel="next" href={ "/?from=" (from) "&last=" (encoded(last)) } { "Next page" } }
            }
        }
    }

    fn form(&self) -> Markup {
        let refused = self.refused.as_deref();
        html! {
            form action="/" method="get" {
                label for="ref" { "Open a reference" }
                div {
                    input id="ref" name="ref" required autocapitalize="off" spellcheck="false"
                        placeholder="repository:tag" value=(refused.unwrap_or_default());
                    button { "Open" }
                }
                @if refused.is_some() {
                    p.problem {
                        "That is no reference. One is written " code { "repository" } ", " code { "repository:tag" }
                        " or " code { "repository@sha256:…" } ", perhaps with a registry's host before it."
                    }
                }
            }
        }
    }
}

impl Row {
    fn html(&self) -> Markup {
        html! {
            li {
                span.name { (link(self.address.as_ref(), &self.name)) } " "
                @match &self.tags {
                    Ok(counted) => { (counted.html()) }
                    Err(why) => { span.more { "its tags cannot be listed: " (why) } }
                }
            }
        }
    }
}

impl Counted {
    fn html(&self) -> Markup {
        html! {
            @if let Some(newest) = &self.newest {
                span.tag { (link(newest.address.as_ref(), &newest.name)) } " "
                (newest.mark())
            }
            span.more { (self.summary()) }
        }
    }

    fn summary(&self) -> String {
        match (self.versions, self.others) {
            (0, others) => count(others, "tag"),
            (versions, 0) => count(versions, "version"),
            (versions, others) => {
                let others = count(others, "other tag");
                format!("{}, {others}", count(versions, "version"))
            }
        }
    }
}

impl Tag {
    fn mark(&self) -> Markup {
        html! { @if self.yanked { span.mark { "yanked" } " " } }
    }
}

impl Repository {
    pub(super) fn html(&self) -> Markup {
        let counted = Counted {
            newest: None,
            versions: self.versions,
            others: self.others,
        };
        let (versions, others): (Vec<_>, Vec<_>) = self.tags.iter().partition(|tag| tag.is_version);
        html! {
            h1 { (self.name) }
            p.note {
                (counted.summary())
                @if self.about > 0 {
                    ", and " (count(self.about, "tag")) " about digests (marks, signatures and the like)"
                }
            }
            @if let Some(why) = &self.unmarked {
                p.problem { "Which versions are yanked is not known: " (why) }
            }
            @for (title, tags) in [("Versions", versions), ("Other tags", others)] {
                @if !tags.is_empty() {
                    h2 { (title) }
                    ul.list {
                        @for tag in tags {
                            li { span.name { (link(tag.address.as_ref(), &tag.name)) } " " (tag.mark()) }
                        }
                    }
                }
            }
            @if let Some(last) = &self.next {
                p.next { a rel="next" href={ (self.address) "?last=" (encoded(last)) } { "Next page" } }
            }
        }
    }
}
