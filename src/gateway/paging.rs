//! Paging of lists.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags>.

use http::Uri;

use super::refusal::Refusal;
use super::route::parameter;

/// The requested part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageRequest {
    n: Option<usize>,
    last: Option<String>,
    /// Whether the query has parameters for upstream only, such as a cursor.
    other: bool,
}

impl PageRequest {
    /// Parses `n` and `last`, and checks for other parameters.
    pub(super) fn of(uri: &Uri) -> Result<Self, Refusal> {
        let bad = |_| {
            Refusal::bad_request(
                "PAGINATION_NUMBER_INVALID",
                "the parameter n must be a number, 0 or more",
            )
        };
        let n = parameter(uri, "n").map(|n| n.parse().map_err(bad));
        Ok(Self {
            n: n.transpose()?,
            last: parameter(uri, "last"),
            other: for_upstream(uri.query()).any(|(key, _)| !["n", "last"].contains(&key)),
        })
    }

    /// Returns whether upstream ignored the paging parameters, so that `list` cannot be the requested page. If the
    /// request has a cursor of upstream's own, returns false.
    pub(super) fn is_ignored_in(&self, list: &[String]) -> bool {
        let too_long = self.n.is_some_and(|n| n < list.len());
        let again = self.last.as_ref().is_some_and(|last| list.contains(last));
        !self.other && (too_long || again)
    }

    /// Returns the requested page, and the query of the next page if there is one.
    pub(super) fn cut(&self, list: Vec<String>) -> (Vec<String>, Option<String>) {
        let n = self.n.unwrap_or(usize::MAX);
        let (list, next) = cut(list, self.last.as_deref(), n);
        (list, next.map(|last| format!("n={n}&last={last}")))
    }
}

/// Sorts names, and returns at most `room` of them after `last`. Also returns the last name of the page if more follow.
pub(super) fn cut(
    mut names: Vec<String>,
    last: Option<&str>,
    room: usize,
) -> (Vec<String>, Option<String>) {
    names.sort();
    names.dedup();
    names.retain(|name| last.is_none_or(|last| name.as_str() > last));
    let more = names.len() > room;
    names.truncate(room);
    let last = names.last().filter(|_| more).cloned();
    (names, last)
}

/// Returns the query for upstream, unchanged and without the gateway's own parameters; nothing if it is empty.
pub(super) fn upstream_query(query: Option<&str>) -> Option<String> {
    let pairs: Vec<&str> = for_upstream(query).map(|(_, pair)| pair).collect();
    (!pairs.is_empty()).then(|| pairs.join("&"))
}

/// Returns the key and the whole text of each parameter that is not the gateway's. Registries choose the names of their
/// cursors, and get them back unchanged.
fn for_upstream(query: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.unwrap_or_default().split('&');
    let pairs = pairs.map(|pair| (pair.split('=').next().unwrap_or(pair), pair));
    pairs.filter(|(key, pair)| !pair.is_empty() && !["ns", "form"].contains(key))
}

/// Returns the `Link` header for the next page. It keeps the requested namespace.
pub(super) fn link(uri: &Uri, query: &str) -> String {
    let path = uri.path();
    let query = upstream_query(Some(query)).unwrap_or_default();
    let ns = parameter(uri, "ns").filter(|ns| ns.bytes().all(is_host_char));
    let ns = ns.map(|ns| format!("&ns={ns}")).unwrap_or_default();
    format!("<{path}?{query}{ns}>; rel=\"next\"")
}

fn is_host_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".:-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> (Vec<String>, Option<String>) {
        let uri: Uri = format!("/v2/a/tags/list{query}").parse().unwrap();
        let list = ["c", "a", "B", "d"].map(str::to_owned).to_vec();
        PageRequest::of(&uri).unwrap().cut(list)
    }

    #[test]
    fn pages_follow_one_another_to_the_end() {
        let names = |list: &[&str]| {
            list.iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(page(""), (names(&["B", "a", "c", "d"]), None));
        let next = Some("n=3&last=c".to_owned());
        assert_eq!(page("?n=3"), (names(&["B", "a", "c"]), next));
        assert_eq!(page("?n=3&last=c"), (names(&["d"]), None));
        assert_eq!(page("?n=4"), (names(&["B", "a", "c", "d"]), None));
        assert_eq!(page("?n=0"), (names(&[]), None));
        assert_eq!(page("?last=zz"), (names(&[]), None));
        for bad in ["?n=x", "?n=-1", "?n="] {
            let uri: Uri = format!("/v2/a/tags/list{bad}").parse().unwrap();
            assert!(PageRequest::of(&uri).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_next_page_is_on_the_gateway() {
        let uri: Uri = "/v2/a/tags/list?n=1&ns=ghcr.io".parse().unwrap();
        assert_eq!(
            link(&uri, "n=1&last=x"),
            "</v2/a/tags/list?n=1&last=x&ns=ghcr.io>; rel=\"next\""
        );
        let uri: Uri = "/v2/a/tags/list?ns=%3e%22".parse().unwrap();
        assert_eq!(link(&uri, "n=1"), "</v2/a/tags/list?n=1>; rel=\"next\"");
        assert_eq!(
            link(&uri, "ns=else.example&cursor=%26"),
            "</v2/a/tags/list?cursor=%26>; rel=\"next\""
        );
    }
}
