//! Queries to upstream for what pages show, with the rights of the client.

mod artifact;

use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::Page;
use super::address::Address;
use super::lists::{Counted, Front, Repository, Row, Shelf, Tag};
use crate::digest::Digest;
use crate::error::Error;
use crate::gateway::message::Request;
use crate::gateway::passthrough::chain;
use crate::gateway::refusal::Refusal;
use crate::gateway::rights::Rights;
use crate::gateway::route::{parameter, split_host};
use crate::gateway::upstream::OpenUpstream;
use crate::gateway::{Answered, Gateway, RepositoryRequest, authorization, forwarded};
use crate::package::{self, Tags};
use crate::reference::Name;
use crate::store::remote::Credentials;
use crate::store::{self, Store};

/// How many repositories, and how many tags of one, a page lists.
const MAX_LISTED: usize = 200;

/// How many repositories, or manifests, are asked for at once for a page.
const ASKED_AT_ONCE: usize = 8;

impl Gateway {
    pub(super) async fn queried(&self, request: &Request) -> Answered<Page> {
        match Address::read(request.uri.path()) {
            Some(Address::Front) => self.front(request).await,
            Some(Address::Repository(name)) => self.repository(request, name).await,
            Some(Address::Artifact(repository, name)) => {
                self.artifact(request, repository, name).await
            }
            None => Err(Refusal::not_found("NAME_UNKNOWN", "there is no such page").into()),
        }
    }

    async fn front(&self, request: &Request) -> Answered<Page> {
        if let Some(text) = parameter(&request.uri, "ref") {
            return Ok(match text.trim().parse() {
                Ok(address) => Page::Elsewhere(address),
                Err(()) => Page::Front(Front {
                    refused: Some(text),
                    ..Front::default()
                }),
            });
        }
        let from = parameter(&request.uri, "from").and_then(|from| from.parse().ok());
        let (from, mut last) = (from.unwrap_or(0), parameter(&request.uri, "last"));
        let mut front = Front::default();
        let mut room = MAX_LISTED;
        for (number, known) in self.upstreams.listed().iter().enumerate().skip(from) {
            if room == 0 {
                front.next = Some((number, String::new()));
                break;
            }
            let names = self.names(request, known).await;
            let rows = match names {
                Ok(names) => {
                    let (names, more) = cut(names, last.take().as_deref(), room);
                    room -= names.len();
                    front.next = more.map(|last| (number, last));
                    Ok(self.rows(request, known, number == 0, names).await)
                }
                Err(why) => Err(why),
            };
            let name = known.title();
            front.shelves.push(Shelf { name, rows });
            if front.next.is_some() {
                break;
            }
        }
        Ok(Page::Front(front))
    }

    /// Returns the repositories of an upstream, or why it lists none.
    async fn names(&self, request: &Request, known: &OpenUpstream) -> Result<Vec<String>, String> {
        let shown = authorization(request).ok().flatten();
        let names = self.upstreams.repositories(known, visitor(shown)).await;
        names.map_err(|error: store::Error| match error {
            store::Error::Refused { .. } => "it lists them only to those who log in".to_owned(),
            store::Error::NoCatalog { .. } => "it has no list of them".to_owned(),
            error => self.said(request, error),
        })
    }

    /// Looks at the tags of repositories, which keep their order.
    async fn rows(
        &self,
        request: &Request,
        known: &OpenUpstream,
        is_first: bool,
        names: Vec<String>,
    ) -> Vec<Row> {
        let rows = names.into_iter().map(|path| {
            // As clients name it, who may not be able to name a host in a path.
            let name = match known.host() {
                Some(host) if !is_first => format!("{host}/{path}"),
                _ => path,
            };
            // A host that does not look like one, and a layout without, are found only where they are the first.
            let leads = is_first || split_host(&name).is_some();
            let address = Address::repository(&name).filter(|_| leads);
            async move {
                let tags = match &address {
                    Some(Address::Repository(repository)) => {
                        self.counted(request, repository).await
                    }
                    _ => Err("it is not the first upstream, so nothing leads there".to_owned()),
                };
                Row {
                    name,
                    address,
                    tags,
                }
            }
        });
        stream::iter(rows).buffered(ASKED_AT_ONCE).collect().await
    }

    async fn counted(&self, request: &Request, repository: &str) -> Result<Counted, String> {
        let asked = match self.visited(request, repository).await {
            Ok(asked) => asked,
            Err(response) => return Err(super::explained(*response).await),
        };
        let store = Arc::clone(&asked.store);
        let tags = store.tags().await;
        let tags = Tags::read(tags.map_err(|error| self.said(request, error))?);
        let release = tags.versions.iter().rev();
        let release = release.clone().find(|(version, _)| version.pre.is_empty());
        let newest = release.or_else(|| tags.versions.last_key_value());
        let newest = match (newest, tags.others.first()) {
            (Some((_, tag)), _) => {
                let yanked = self.is_yanked(store.as_ref(), &tags, tag).await;
                Some((tag, yanked.map_err(|error| self.said(request, error))?))
            }
            (None, Some(tag)) => Some((tag, false)),
            (None, None) => None,
        };
        Ok(Counted {
            newest: newest.map(|(tag, yanked)| Tag {
                name: tag.clone(),
                address: Address::tagged(repository, tag),
                is_version: !tags.versions.is_empty(),
                yanked,
            }),
            versions: tags.versions.len(),
            others: tags.others.len(),
        })
    }

    async fn is_yanked(
        &self,
        store: &dyn Store,
        tags: &Tags,
        tag: &str,
    ) -> Result<bool, package::Error> {
        if tags.marked.is_empty() {
            return Ok(false);
        }
        let digest = store.resolve(&Name::Tag(tag.to_owned())).await?;
        Ok(tags.marked.contains(&digest) && package::is_yanked(store, &digest).await?)
    }

    async fn repository(&self, request: &Request, name: String) -> Answered<Page> {
        let asked = self.visited(request, &name).await?;
        let store = Arc::clone(&asked.store);
        let tags = match store.tags().await {
            Ok(tags) => tags,
            Err(error) => return Err(self.failed(&asked, error).await),
        };
        if tags.is_empty() {
            let message = format!("there is nothing in `{name}`");
            return Err(Refusal::not_found("NAME_UNKNOWN", message).into());
        }
        let all = tags.len();
        let tags = Tags::read(tags);
        let (versions, others) = (tags.versions.len(), tags.others.len());
        let last = parameter(&request.uri, "last");
        let (listed, next) = page_of(newest_first(&tags), last.as_deref());
        let marking = listed.into_iter().map(|tag| {
            let (store, tags) = (Arc::clone(&store), &tags);
            async move {
                let is_version = !tags.others.contains(&tag);
                let yanked = match is_version {
                    true => self.is_yanked(store.as_ref(), tags, &tag).await,
                    false => Ok(false),
                };
                (tag, is_version, yanked)
            }
        });
        let marking = stream::iter(marking).buffered(ASKED_AT_ONCE);
        let marked: Vec<(String, bool, Result<bool, package::Error>)> = marking.collect().await;
        let mut unmarked = None;
        let listed = marked.into_iter().map(|(tag, is_version, yanked)| Tag {
            address: Address::tagged(&name, &tag),
            is_version,
            yanked: yanked.unwrap_or_else(|error| {
                unmarked = Some(self.said(request, error));
                false
            }),
            name: tag,
        });
        let tags = listed.collect();
        Ok(Page::Repository(Repository {
            address: Address::Repository(name.clone()),
            name,
            tags,
            versions,
            others,
            about: all.saturating_sub(versions + others),
            unmarked,
            next,
        }))
    }

    /// Opens a repository for who looks. Who shows nothing of itself is let in as anybody is, which some registries
    /// want a token for.
    async fn visited<'a>(
        &self,
        request: &'a Request,
        name: &str,
    ) -> Answered<RepositoryRequest<'a>> {
        let shown = authorization(request)?;
        let place = self.upstreams.place(name, None)?;
        let who = match (&self.upstreams.rights, shown) {
            (Rights::Client, None) => Digest::of(b"anybody"),
            _ => self.who(shown),
        };
        self.asked(request, &place, visitor(shown), who).await
    }

    /// Says in words what went wrong, as a client would be told; the log has all of it.
    fn said(&self, request: &Request, error: impl Into<Problem>) -> String {
        match error.into() {
            Problem::Known(error) => {
                let refusal = Refusal::of(&error);
                if refusal.status.is_server_error() {
                    self.note(request, &chain(&error));
                }
                refusal.message
            }
            Problem::Said(words) => words,
        }
    }
}

/// Something that went wrong beside what a page is about.
enum Problem {
    Known(Arc<Error>),
    Said(String),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Known(Arc::new(error))
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<package::Error> for Problem {
    fn from(error: package::Error) -> Self {
        match error {
            package::Error::Store(error) => error.into(),
            error => Self::Said(error.to_string()),
        }
    }
}

/// Returns the credentials of a browser. Some registries want a token even of anonymous clients.
fn visitor(authorization: Option<&str>) -> Credentials {
    match authorization {
        Some(_) => forwarded(authorization),
        None => Credentials::Anonymous,
    }
}

/// Returns as many names behind `last` as there is room for, and the last one of them if there are more.
fn cut(mut names: Vec<String>, last: Option<&str>, room: usize) -> (Vec<String>, Option<String>) {
    names.sort();
    names.dedup();
    names.retain(|name| last.is_none_or(|last| name.as_str() > last));
    let more = names.len() > room;
    names.truncate(room);
    let last = names.last().filter(|_| more).cloned();
    (names, last)
}

/// Puts versions first, the newest before the others, and then the other tags.
fn newest_first(tags: &Tags) -> Vec<String> {
    let mut others = tags.others.clone();
    others.sort();
    let versions = tags.versions.values().rev().cloned();
    versions.chain(others).collect()
}

/// Returns the tags behind `last`, from the first on if there is none such, and the last one if there are more.
fn page_of(mut tags: Vec<String>, last: Option<&str>) -> (Vec<String>, Option<String>) {
    let at = last.and_then(|last| tags.iter().position(|tag| tag == last));
    let mut rest = tags.split_off(at.map_or(0, |at| at + 1));
    let more = rest.len() > MAX_LISTED;
    rest.truncate(MAX_LISTED);
    let next = rest.last().filter(|_| more).cloned();
    (rest, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn pages_of_names_follow_one_another() {
        let names = || strings(&["c", "a", "b", "a"]);
        let first = cut(names(), None, 2);
        assert_eq!(first, (strings(&["a", "b"]), Some("b".to_owned())));
        assert_eq!(cut(names(), Some("b"), 2), (strings(&["c"]), None));
        assert_eq!(cut(names(), Some(""), 3), (strings(&["a", "b", "c"]), None));
    }

    #[test]
    fn pages_of_tags_keep_the_order_of_versions() {
        let tags = Tags::read(strings(&["main", "1.2.0", "1.10.0", "dev", "1.10.0-rc.1"]));
        let sorted = newest_first(&tags);
        assert_eq!(sorted, ["1.10.0", "1.10.0-rc.1", "1.2.0", "dev", "main"]);
        assert_eq!(page_of(sorted.clone(), Some("1.2.0")).0, ["dev", "main"]);
        assert_eq!(page_of(sorted.clone(), Some("gone")).0, sorted);
        let many: Vec<String> = (0..MAX_LISTED + 5).map(|n| format!("t{n:04}")).collect();
        let (first, next) = page_of(many.clone(), None);
        assert_eq!(first.len(), MAX_LISTED);
        let (rest, none) = page_of(many, next.as_deref());
        assert_eq!((rest.len(), none), (5, None));
    }
}
