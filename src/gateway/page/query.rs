//! Queries upstream for the values on pages, with the rights of the client. The other modules write the HTML.

mod artifact;

use futures_util::{StreamExt, stream};
use http::StatusCode;
use maud::Markup;

use super::address::PageAddress;
use super::{lists, page, redirect};
use crate::error::Error;
use crate::gateway::message::{Request, Response};
use crate::gateway::paging::cut;
use crate::gateway::refusal::Refusal;
use crate::gateway::route::{parameter, split_host};
use crate::gateway::upstream::OpenUpstream;
use crate::gateway::{Gateway, HandlerResult, RepositoryRequest, client_credentials};
use crate::package::{self, Tags};
use crate::reference::Name;
use crate::store::remote::Credentials;
use crate::store::{self, Store};

/// The maximum number of repositories on a page, and of tags of a repository.
const MAX_LISTED: usize = 200;

/// The maximum number of repositories or manifests requested at once for a page.
const MAX_REQUESTS: usize = 8;

const HOME_TITLE: &str = "Components";

impl Gateway {
    pub(super) async fn answer_page(&self, request: &Request) -> HandlerResult<Response> {
        let address = PageAddress::read(request.uri.path());
        let turns = match address {
            Some(PageAddress::Home) => &self.home_pages,
            _ => &self.pages,
        };
        if let (Some(PageAddress::Home), Some(text)) = (&address, parameter(&request.uri, "ref")) {
            return Ok(open_reference(request, &text));
        }
        let admitted = turns.admit()?;
        let _place = admitted.place().await;
        match address {
            Some(PageAddress::Home) => Ok(self.home(request).await),
            Some(PageAddress::Repository(name)) => {
                let asked = self.open_for_visitor(request, &name).await?;
                let page = asked.repository(&name).await;
                asked.with_challenge(page).await
            }
            Some(PageAddress::Artifact(repository, name)) => {
                let asked = self.open_for_visitor(request, &repository).await?;
                let page = asked.artifact(repository, name).await;
                asked.with_challenge(page).await
            }
            None => Err(Refusal::not_found("NAME_UNKNOWN", "this page does not exist").into()),
        }
    }

    async fn home(&self, request: &Request) -> Response {
        let from = parameter(&request.uri, "from").and_then(|from| from.parse().ok());
        let (from, mut last) = (from.unwrap_or(0), parameter(&request.uri, "last"));
        let (mut sections, mut next, mut room) = (Vec::new(), None, MAX_LISTED);
        for (number, known) in self.upstreams.listed.iter().enumerate().skip(from) {
            if room == 0 {
                next = Some((number, String::new()));
                break;
            }
            let rows = match self.names(request, known).await {
                Ok(names) => {
                    let (names, more) = cut(names, last.take().as_deref(), room);
                    room -= names.len();
                    next = more.map(|last| (number, last));
                    Ok(self.rows(request, known, number == 0, names).await)
                }
                Err(why) => Err(why),
            };
            sections.push(lists::upstream_section(&known.title, rows));
            if next.is_some() {
                break;
            }
        }
        page(
            request,
            StatusCode::OK,
            HOME_TITLE,
            lists::home(&sections, next, None),
        )
    }

    /// Returns the repositories of an upstream, or the reason why it lists none.
    async fn names(&self, request: &Request, known: &OpenUpstream) -> Result<Vec<String>, String> {
        let client = visitor(request).unwrap_or(Credentials::Anonymous);
        let names = self.upstreams.repositories(known, client).await;
        names.map_err(|error: store::Error| match error {
            store::Error::NoCatalog { .. } => "the registry has no catalog".to_owned(),
            error => {
                let is_refused = matches!(error, store::Error::Refused { .. });
                let message = self.failure_message(request, &error.into());
                match is_refused {
                    true => "the registry requires a login".to_owned(),
                    false => message,
                }
            }
        })
    }

    /// Returns one row per repository, in order, with its tags.
    async fn rows(
        &self,
        request: &Request,
        known: &OpenUpstream,
        is_first: bool,
        names: Vec<String>,
    ) -> Vec<Markup> {
        let rows = names.into_iter().map(|path| async move {
            // Clients must put the host before the path, except for the first upstream.
            let name = match &known.host {
                Some(host) if !is_first => format!("{host}/{path}"),
                _ => path,
            };
            // A layout without a host, or a host that does not look like one, is reachable only as the first upstream.
            let is_reachable = is_first || split_host(&name).is_some();
            let address = PageAddress::repository(&name).filter(|_| is_reachable);
            let tags = match address {
                Some(_) => self.summarize_tags(request, &name).await,
                None => Err(
                    "clients cannot address this upstream: it is not the first and has no host"
                        .to_owned(),
                ),
            };
            lists::row(&name, address.as_ref(), tags)
        });
        stream::iter(rows).buffered(MAX_REQUESTS).collect().await
    }

    async fn summarize_tags(&self, request: &Request, repository: &str) -> Result<Markup, String> {
        let asked = match self.open_for_visitor(request, repository).await {
            Ok(asked) => asked,
            Err(failure) => return Err(self.explain_failure(request, failure).await),
        };
        let store = asked.store.as_ref();
        let tags = store.tags().await;
        let tags = Tags::read(tags.map_err(|error| self.failure_message(request, &error.into()))?);
        let mut newest_first = tags.versions.iter().rev();
        let release = newest_first.find(|(version, _)| version.pre.is_empty());
        let newest = release.or_else(|| tags.versions.last_key_value());
        let (newest, is_yanked) = match newest {
            Some((_, tag)) => {
                let yanked = self.is_yanked(store, &tags, tag).await;
                let yanked = yanked.map_err(|error| self.mark_failure_message(request, error))?;
                (Some(tag), yanked)
            }
            None => (tags.others.first(), false),
        };
        let newest = newest.map(String::as_str);
        Ok(lists::tag_summary(repository, newest, is_yanked, &tags))
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

    /// Opens a repository for a visitor. A visitor without credentials is an anonymous client, which needs a token at
    /// some registries.
    async fn open_for_visitor<'a>(
        &'a self,
        request: &'a Request,
        name: &str,
    ) -> HandlerResult<RepositoryRequest<'a>> {
        self.open_repository(request, name, None, visitor(request)?)
            .await
    }

    /// Returns the message that a client would see for a failure in a secondary part of a page. The log has the whole
    /// error.
    fn failure_message(&self, request: &Request, error: &Error) -> String {
        self.refusal_of(request, error).message
    }

    /// Returns the reason why a yank mark could not be read.
    fn mark_failure_message(&self, request: &Request, error: package::Error) -> String {
        match error {
            package::Error::Store(error) => self.failure_message(request, &error.into()),
            error => error.to_string(),
        }
    }
}

impl RepositoryRequest<'_> {
    async fn repository(&self, name: &str) -> HandlerResult<Response> {
        let (request, store) = (self.request, self.store.as_ref());
        let tags = store.tags().await?;
        if tags.is_empty() {
            let message = format!("`{name}` has no tags");
            return Err(Refusal::not_found("NAME_UNKNOWN", message).into());
        }
        let all = tags.len();
        let tags = &Tags::read(tags);
        let last = parameter(&request.uri, "last");
        let (listed, next) = page_of(newest_first(tags), last.as_deref());
        let marking = listed.into_iter().map(|tag| async move {
            let yanked = match tags.others.contains(&tag) {
                true => Ok(false),
                false => self.gateway.is_yanked(store, tags, &tag).await,
            };
            (tag, yanked)
        });
        let marking = stream::iter(marking).buffered(MAX_REQUESTS);
        let marked: Vec<(String, Result<bool, package::Error>)> = marking.collect().await;
        let mut unmarked = None;
        let listed = marked.into_iter().map(|(tag, yanked)| {
            let yanked = yanked.unwrap_or_else(|error| {
                unmarked = Some(self.gateway.mark_failure_message(request, error));
                false
            });
            (tag, yanked)
        });
        let listed = listed.collect();
        let about = all.saturating_sub(tags.versions.len() + tags.others.len());
        let main = lists::repository(name, tags, listed, about, unmarked, next);
        Ok(page(request, StatusCode::OK, name, main))
    }
}

/// Redirects to the page of a reference, or asks for another reference.
fn open_reference(request: &Request, text: &str) -> Response {
    match text.trim().parse() {
        Ok(address) => redirect(&address),
        Err(()) => {
            // A wrong reference may have a password before an `@`.
            let shown = if text.contains(['@', '%']) { "" } else { text };
            let main = lists::home(&[], None, Some(shown));
            page(request, StatusCode::BAD_REQUEST, HOME_TITLE, main)
        }
    }
}

/// Returns the credentials of a browser. Some registries require a token even from anonymous clients.
fn visitor(request: &Request) -> Result<Credentials, Refusal> {
    Ok(match client_credentials(request)? {
        Credentials::Forwarded(None) => Credentials::Anonymous,
        client => client,
    })
}

/// Returns the versions, newest first, and then the other tags in alphabetical order.
fn newest_first(tags: &Tags) -> Vec<String> {
    let mut others = tags.others.clone();
    others.sort();
    let versions = tags.versions.values().rev().cloned();
    versions.chain(others).collect()
}

/// Returns the tags after `last`, or from the start if `last` is unknown. Also returns the last tag of the page if more
/// follow.
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
