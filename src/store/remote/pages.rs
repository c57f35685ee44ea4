//! Lists that come in pages: each says with a `Link` where the next one is.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags>.

use std::collections::HashSet;

use reqwest::{Method, Response, Url};
use serde::Deserialize;

use super::answer;
use super::transport::{Answer, Reply, Transport};
use super::wire::Request;
use crate::store::Error;

/// The largest page that is read, in bytes.
const MAX_PAGE_BYTES: u64 = 16 * 1024 * 1024;

/// The longest list that is read, in bytes: a few million names.
const MAX_LIST_BYTES: u64 = 64 * 1024 * 1024;

/// How many pages are followed.
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

    /// Asks for the next page; nothing after the last one, or after an answer that is none.
    pub(super) async fn next(&mut self) -> Result<Option<Reply>, Error> {
        let Some(url) = self.next.take() else {
            return Ok(None);
        };
        if self.seen.len() >= MAX_PAGES || !self.seen.insert(url.clone()) {
            return Err(self.malformed("its pages do not end"));
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

    fn after(&self, url: &Url, page: &Answer) -> Result<Option<Url>, Error> {
        let Some(link) = answer::next_link(&page.headers) else {
            return Ok(None);
        };
        let next = url.join(&link).ok();
        let next = next.filter(|next| next.origin() == url.origin());
        let next = next.ok_or_else(|| self.malformed("the next page is not on this registry"));
        next.map(Some)
    }

    /// Reads the names on all pages. Returns nothing if an answer says that there is no such list. A 404 means that
    /// `subject` does not exist.
    pub(super) async fn names(
        mut self,
        subject: &str,
        is_no_list: impl Fn(&Reply) -> bool,
    ) -> Result<Option<Vec<String>>, Error> {
        #[derive(Deserialize)]
        struct Page {
            #[serde(alias = "repositories")]
            tags: Option<Vec<String>>,
        }
        let mut names = Vec::new();
        while let Some(reply) = self.next().await? {
            if is_no_list(&reply) {
                return Ok(None);
            }
            let answer = match reply {
                Reply::Whole(answer) => answer,
                Reply::Other(response) => return Err(self.unexpected(response, subject).await),
            };
            let page: Result<Page, _> = serde_json::from_slice(&answer.body);
            let page = page.map_err(|error| self.malformed(error.to_string()))?;
            names.extend(page.tags.unwrap_or_default());
        }
        Ok(Some(names))
    }

    /// Says what an answer means that is no page; a 404 means that `subject` does not exist.
    pub(super) async fn unexpected(&self, response: Response, subject: &str) -> Error {
        let wire = self.transport.wire();
        wire.unexpected(response, self.what, subject).await
    }

    pub(super) fn malformed(&self, reason: impl Into<String>) -> Error {
        self.transport.wire().malformed(self.list, reason)
    }
}
