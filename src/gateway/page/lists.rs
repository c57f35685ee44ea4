//! The page that lists repositories, and the page that lists a repository's tags.

use maud::{Markup, html};

use super::address::PageAddress;
use super::document::{encoded, link};
use super::numbers::count;
use crate::package::Tags;

/// Returns the page of repositories by upstream. `next` is the upstream's number and the last repository before the
/// next page. `refused` is an invalid reference from the form, without secrets.
pub(super) fn home(
    sections: &[Markup],
    next: Option<(usize, String)>,
    refused: Option<&str>,
) -> Markup {
    html! {
        h1 { "Components" }
        form action="/" method="get" {
            label for="ref" { "Open a reference" }
            div {
                input id="ref" name="ref" required autocapitalize="off" spellcheck="false"
                    placeholder="repository:tag" value=(refused.unwrap_or_default());
                button { "Open" }
            }
            @if refused.is_some() {
                p.problem {
                    "This is not a reference. Write " code { "repository" } ", " code { "repository:tag" }
                    " or " code { "repository@sha256:…" } ", optionally with the host of a registry in front."
                }
            }
        }
        @for upstream_section in sections { (upstream_section) }
        @if sections.is_empty() && next.is_none() && refused.is_none() {
            p.note { "The list is empty. Open a repository by its name." }
        }
        @if let Some((from, last)) = next {
            p.next { a rel="next" href={ "/?from=" (from) "&last=" (encoded(&last)) } { "Next page" } }
        }
    }
}

/// Returns the repositories of an upstream, or the reason why they are not listed.
pub(super) fn upstream_section(title: &str, rows: Result<Vec<Markup>, String>) -> Markup {
    html! {
        section {
            h2 { (title) }
            @match rows {
                Ok(rows) if rows.is_empty() => { p.note { "This upstream lists no repositories." } }
                Ok(rows) => { ul.list { @for row in rows { (row) } } }
                Err(why) => {
                    p.note { "The repositories cannot be listed: " (why) ". Open one by its name." }
                }
            }
        }
    }
}

/// Returns a repository with its [summarized](tag_summary) tags, or the reason why they are unknown.
pub(super) fn row(
    name: &str,
    address: Option<&PageAddress>,
    tags: Result<Markup, String>,
) -> Markup {
    html! {
        li {
            span.name { (link(address, name)) } " "
            @match tags {
                Ok(tags) => { (tags) }
                Err(why) => { span.more { "the tags cannot be listed: " (why) } }
            }
        }
    }
}

/// Returns the newest tag of a repository, and the number of its tags.
pub(super) fn tag_summary(
    repository: &str,
    newest: Option<&str>,
    is_yanked: bool,
    tags: &Tags,
) -> Markup {
    html! {
        @if let Some(newest) = newest {
            span.tag { (link(PageAddress::tagged(repository, newest).as_ref(), newest)) } " "
            (mark(is_yanked))
        }
        span.more { (summary(tags)) }
    }
}

fn summary(tags: &Tags) -> String {
    match (tags.versions.len(), tags.others.len()) {
        (0, others) => count(others, "tag"),
        (versions, 0) => count(versions, "version"),
        (versions, others) => {
            let others = count(others, "other tag");
            format!("{}, {others}", count(versions, "version"))
        }
    }
}

fn mark(is_yanked: bool) -> Markup {
    html! { @if is_yanked { span.mark { "yanked" } " " } }
}

/// Returns the page of a repository. `listed` has each tag and whether it is yanked; `unmarked` is the reason if that
/// is unknown. `about` is the number of tags that belong to digests. The next page begins after the tag `next`.
pub(super) fn repository(
    name: &str,
    tags: &Tags,
    listed: Vec<(String, bool)>,
    about: usize,
    unmarked: Option<String>,
    next: Option<String>,
) -> Markup {
    let is_other = |(tag, _): &(String, bool)| tags.others.contains(tag);
    let (others, versions): (Vec<_>, Vec<_>) = listed.into_iter().partition(is_other);
    html! {
        h1 { (name) }
        p.note {
            (summary(tags))
            @if about > 0 {
                ", and " (count(about, "tag")) " for digests, such as yank marks and signatures"
            }
        }
        @if let Some(why) = unmarked {
            p.problem { "The yanked versions are unknown: " (why) }
        }
        @for (title, tags) in [("Versions", versions), ("Other tags", others)] {
            @if !tags.is_empty() {
                h2 { (title) }
                ul.list {
                    @for (tag, is_yanked) in tags {
                        li {
                            span.name { (link(PageAddress::tagged(name, &tag).as_ref(), &tag)) } " " (mark(is_yanked))
                        }
                    }
                }
            }
        }
        @if let Some(last) = next {
            p.next {
                a rel="next" href={ (PageAddress::Repository(name.to_owned())) "?last=" (encoded(&last)) } { "Next page" }
            }
        }
    }
}
