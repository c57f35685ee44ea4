//! Lists in pages. Each page has a `Link` to the next one.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags>.

use std::collections::HashSet;

use reqwest::{Method, Response, Url};
use serde_json::{Map, Value};

use super::link::{UnreadableLink, next_link, next_page};
use super::transport::{Reply, Transport, WholeResponse};
use super::wire::Request;
use crate::store::Error;

/// The largest page that is read, in bytes.
const MAX_PAGE_BYTES: u64 = 16 * 1024 * 1024;

/// The longest list that is read, in bytes. It has room for a few million names.
const MAX_LIST_BYTES: u64 = 64 * 1024 * 1024;

const MAX_PAGES: usize = 10_000;

/// A list that is being read.
pub(super) struct Pages<'a> {
    transport: &'a Transport,
    /// For error texts, such as "listing tags".
    what: &'static str,
    /// For error texts, such as "the list of tags".
    list: &'static str,
    next: Option<Url>,
    seen: HashSet<Url>,
    left: u64,
}

impl<'a> Pages<'a> {
    pub(super) fn new(
        transport: &'a Transport,
        first: Url,
        what: &'static str,
        list: &'static str,
    ) -> Self {
        Self {
            transport,
            what,
            list,
            next: Some(first),
            seen: HashSet::new(),
            left: MAX_LIST_BYTES,
        }
    }

    /// Requests the next page. Returns nothing after the last page, or after an answer that is not a page.
    pub(super) async fn next(&mut self) -> Result<Option<Reply>, Error> {
        let Some(url) = self.next.take() else {
            return Ok(None);
        };
        if self.seen.len() >= MAX_PAGES || !self.seen.insert(url.clone()) {
            return Err(self.malformed(format!(
                "it repeats a page or has more than {MAX_PAGES} pages"
            )));
        }
        let request = Request::new(Method::GET, url, self.what);
        let reply = self.transport.reply(&request, self.list, MAX_PAGE_BYTES);
        let reply = reply.await?;
        if let Reply::Whole(page) = &reply {
            let left = self.left.checked_sub(page.body.len() as u64);
            let too_long = || format!("it is longer than {MAX_LIST_BYTES} bytes");
            self.left = left.ok_or_else(|| self.malformed(too_long()))?;
            self.next = self.after(&request.url, page)?;
        }
        Ok(Some(reply))
    }

    /// Returns whether only the first page was requested. Only its answer can say that there is no such list.
    pub(super) fn is_first(&self) -> bool {
        self.seen.len() <= 1
    }

    fn after(&self, url: &Url, page: &WholeResponse) -> Result<Option<Url>, Error> {
        let link = next_link(&page.headers);
        let link =
            link.map_err(|UnreadableLink| self.malformed("its Link header cannot be parsed"));
        let Some(link) = link? else {
            return Ok(None);
        };
        let next = next_page(url, &link)
            .ok_or_else(|| self.malformed("the next page is not on this registry"));
        next.map(Some)
    }

    /// Reads the names on all pages, each of which has them in `member`. Returns nothing if `is_absent` is true for the
    /// answer to the first page: the registry has no such list. A 404 to the first page means that `subject` does not
    /// exist.
    ///
    /// A list that breaks off is an error, never a short list.
    pub(super) async fn names(
        &mut self,
        member: &str,
        subject: &str,
        is_absent: impl Fn(&Response) -> bool,
    ) -> Result<Option<Vec<String>>, Error> {
        let mut names = Vec::new();
        while let Some(reply) = self.next().await? {
            let answer = match reply {
                Reply::Whole(answer) => answer,
                Reply::Other(response) if self.is_first() && is_absent(&response) => {
                    return Ok(None);
                }
                Reply::Other(response) => return Err(self.unexpected(response, subject).await),
            };
            let page = self.names_of(member, &answer.body);
            names.extend(page.map_err(|reason| self.malformed(reason))?);
        }
        Ok(Some(names))
    }

    fn names_of(&self, member: &str, page: &[u8]) -> Result<Vec<String>, String> {
        let page: Map<String, Value> =
            serde_json::from_slice(page).map_err(|error| error.to_string())?;
        let names = page.get(member);
        let names = names.ok_or_else(|| format!("a page has no member `{member}`"))?;
        let names: Option<Vec<String>> =
            serde_json::from_value(names.clone()).map_err(|error| error.to_string())?;
        // Some languages write an empty list as `null`.
        Ok(names.unwrap_or_default())
    }

    /// Returns the error for an answer that is not a page. A 404 to the first page means that `subject` does not exist.
    pub(super) async fn unexpected(&self, response: Response, subject: &str) -> Error {
        let subject = if self.is_first() { subject } else { "" };
        let wire = self.transport.wire();
        wire.unexpected(response, self.what, subject).await
    }

    pub(super) fn malformed(&self, reason: impl Into<String>) -> Error {
        self.transport.wire().malformed(self.list, reason)
    }
}
