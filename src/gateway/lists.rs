//! Lists: tags, referrers and the catalog.

use http::header::LINK;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::message::{Request, Response};
use super::paging::{PageRequest, link, upstream_query};
use super::refusal::Refusal;
use super::route::{ManifestName, parameter};
use super::{Gateway, HandlerResult, RepositoryRequest, client_credentials};
use crate::manifest::media_type;
use crate::store::RelayedResponse;

/// The longest list of tags that is read, in bytes.
const MAX_TAGS_BYTES: u64 = 16 * 1024 * 1024;

#[derive(Deserialize)]
struct TagList {
    name: Value,
    tags: Option<Vec<String>>,
}

const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

impl Gateway {
    pub(super) async fn catalog(
        &self,
        request: &Request,
        namespace: Option<&str>,
    ) -> HandlerResult<Response> {
        let page = PageRequest::of(&request.uri)?;
        let known = self.upstreams.find_upstream(namespace)?;
        let client = client_credentials(request)?;
        let (method, query) = (&request.method, upstream_query(request.uri.query()));
        let (path, query) = ("_catalog", query.as_deref());
        let relayed = self
            .upstreams
            .passthrough(known, client.clone(), method, path, query);
        if let Some(relayed) = relayed.await? {
            return self.relay_list(request, relayed);
        }
        let repositories = self.upstreams.repositories(known, client).await?;
        let (repositories, next) = page.cut(repositories);
        Ok(list_response(
            request,
            &json!({ "repositories": repositories }),
            next,
        ))
    }

    /// Forwards a list, and makes the link to its next page point to the gateway.
    fn relay_list(&self, request: &Request, relayed: RelayedResponse) -> HandlerResult<Response> {
        let next = relayed.next_page()?;
        let mut response = self.relay(request, relayed);
        set_next_link(&mut response.headers, request, next);
        Ok(response)
    }
}

impl RepositoryRequest<'_> {
    pub(super) async fn tags(&self) -> HandlerResult<Response> {
        let page = PageRequest::of(&self.request.uri)?;
        let (store, query) = (&self.store, upstream_query(self.request.uri.query()));
        let method = &self.request.method;
        let relayed = store.passthrough(method, "tags/list", query.as_deref(), HeaderMap::new());
        let tags = match relayed.await? {
            Some(relayed) => return self.relay_tags(&page, relayed).await,
            None => store.tags().await?,
        };
        if tags.is_empty() {
            let message = "the upstream does not have this repository";
            return Err(Refusal::not_found("NAME_UNKNOWN", message).into());
        }
        let (tags, next) = page.cut(tags);
        let name = self.request.uri.path();
        let name = name
            .strip_prefix("/v2/")
            .and_then(|rest| rest.strip_suffix("/tags/list"));
        let list = json!({ "name": name, "tags": tags });
        Ok(list_response(self.request, &list, next))
    }

    /// Forwards the tags. If upstream does not support paging, the gateway cuts the pages itself. Distribution 2.8
    /// returns all tags, unsorted.
    async fn relay_tags(
        &self,
        page: &PageRequest,
        relayed: RelayedResponse,
    ) -> HandlerResult<Response> {
        let request = self.request;
        if relayed.status != StatusCode::OK
            || request.method == Method::HEAD
            || relayed.next_page()?.is_some()
        {
            return self.gateway.relay_list(request, relayed);
        }
        let headers = relayed.headers.clone();
        let bytes = relayed.document(MAX_TAGS_BYTES).await?;
        let list: Option<TagList> = serde_json::from_slice(&bytes).ok();
        if let Some(TagList { name, tags }) = list
            && let Some(tags) = tags.filter(|tags| page.is_ignored_in(tags))
        {
            let (tags, next) = page.cut(tags);
            let list = json!({ "name": name, "tags": tags });
            return Ok(list_response(request, &list, next));
        }
        let mut response = Response::new(StatusCode::OK, bytes);
        response.headers = headers;
        response.headers.remove(LINK);
        Ok(response)
    }

    /// Returns the referrers that upstream knows, from its API or from a tag.
    pub(super) async fn referrers(&self, subject: &ManifestName) -> HandlerResult<Response> {
        let ManifestName::Digest(subject) = subject else {
            return self.other_referrers(subject).await;
        };
        let artifact_type = parameter(&self.request.uri, "artifactType");
        let found = self.store.referrers(subject, artifact_type.as_deref());
        Ok(index(json!(found.await?), artifact_type.is_some()))
    }

    /// Forwards a request for the referrers of a digest of another algorithm. A 404 becomes an empty list.
    async fn other_referrers(&self, subject: &ManifestName) -> HandlerResult<Response> {
        let endpoint = format!("referrers/{subject}");
        let (method, query) = (
            &self.request.method,
            upstream_query(self.request.uri.query()),
        );
        let (store, query) = (&self.store, query.as_deref());
        let relayed = store.passthrough(method, &endpoint, query, HeaderMap::new());
        match relayed.await? {
            Some(relayed) if relayed.status != StatusCode::NOT_FOUND => {
                self.gateway.relay_list(self.request, relayed)
            }
            _ => Ok(index(json!([]), false)),
        }
    }
}

fn set_next_link(headers: &mut HeaderMap, request: &Request, next: Option<String>) {
    let link = next.map(|query| HeaderValue::try_from(link(&request.uri, &query)));
    if let Some(Ok(link)) = link {
        headers.insert(LINK, link);
    }
}

fn list_response(request: &Request, list: &Value, next: Option<String>) -> Response {
    let mut response = Response::json(StatusCode::OK, list, "application/json");
    set_next_link(&mut response.headers, request, next);
    response
}

fn index(manifests: Value, filtered: bool) -> Response {
    let index = json!({
        "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": manifests,
    });
    let mut response = Response::json(StatusCode::OK, &index, media_type::INDEX);
    if filtered {
        let filter = HeaderValue::from_static("artifactType");
        response.headers.insert(FILTERS_APPLIED, filter);
    }
    response
}
