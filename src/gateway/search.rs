//! Locates the split manifest of a flat digest that `lookup` has no record of. The directory may be new, or the client
//! may have the digest from another gateway.

use std::cmp::Reverse;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method, StatusCode};

use super::headers::upstream_accept;
use super::lookup::FlatPart;
use super::passthrough::chain;
use super::refusal::Failure;
use super::upstream::ManifestAnswer;
use super::view::{View, is_invalid_content};
use super::{HandlerResult, RepositoryRequest};
use crate::artifact::{SPLIT_SUFFIX, split_tag};
use crate::digest::Digest;
use crate::manifest::media_type;
use crate::reference::package::tag_version;
use crate::store;

/// The maximum number of manifests that a search reads.
const MAX_MANIFESTS: usize = 200;

/// The maximum number of manifests requested at once.
const MAX_REQUESTS: usize = 8;

impl RepositoryRequest<'_> {
    /// Searches the repository for the split manifest behind a digest of a flat form. Upstream did not know the digest
    /// itself. A miss is remembered for a while.
    pub(super) async fn search_flat_digest(
        &self,
        digest: &Digest,
        kind: FlatPart,
    ) -> HandlerResult<Option<Arc<View>>> {
        if self.gateway.misses.has(&self.who, &self.location, digest) {
            return Ok(None);
        }
        // The semaphore is never closed.
        let _turn = self.gateway.searches.acquire().await;
        // Another search may have found it meanwhile.
        if let Some(origin) = self.gateway.index.get(&self.location, digest)?
            && let Some(view) = self.recorded_view(digest, origin).await?
        {
            return Ok(Some(view));
        }
        let is_manifest = kind == FlatPart::Manifest;
        let is_it = |view: &View| {
            let named = view.find_part(digest);
            named.is_some_and(|named| (named == FlatPart::Manifest) == is_manifest)
        };
        if is_manifest
            && let Some(view) = self.read_candidate(split_tag(digest)).await?
            && is_it(&view)
        {
            return Ok(Some(view));
        }
        let tags = match self.store.tags().await {
            Ok(tags) => tags,
            Err(store::Error::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let tags = search_order(tags).into_iter().take(MAX_MANIFESTS);
        let candidates = stream::iter(tags).map(|tag| self.read_candidate(tag));
        let mut candidates = candidates.buffered(MAX_REQUESTS);
        while let Some(view) = candidates.next().await {
            if let Some(view) = view?.filter(|view| is_it(view)) {
                return Ok(Some(view));
            }
        }
        self.gateway
            .misses
            .record(&self.who, &self.location, digest);
        Ok(None)
    }

    /// Reads the split manifest under a tag. Returns nothing if the tag names no valid one. A damaged manifest cannot
    /// be the wanted one, but an unreachable one may be, so that is an error.
    async fn read_candidate(&self, tag: String) -> HandlerResult<Option<Arc<View>>> {
        match self.tagged_view(&tag).await {
            Err(Failure::Error(error)) if is_invalid_content(&error) => {
                let problem = format!("the search skips the tag `{tag}`: {}", chain(&error));
                self.gateway.log_error(self.request, &problem);
                Ok(None)
            }
            view => view,
        }
    }

    async fn tagged_view(&self, tag: &str) -> HandlerResult<Option<Arc<View>>> {
        let accept = upstream_accept(&HeaderMap::new());
        let got = self.find_manifest(&Method::GET, tag, accept).await?;
        match got {
            ManifestAnswer::Manifest(raw) if raw.media_type == media_type::MANIFEST => {
                Ok(self.derive_view(raw).await?)
            }
            ManifestAnswer::Relayed(relayed) if relayed.status != StatusCode::NOT_FOUND => {
                Err(self.gateway.relay(self.request, relayed).into())
            }
            _ => Ok(None),
        }
    }
}

/// Sorts the highest version first, then other tags, then the tags of split forms. Leaves out tags that belong to other
/// manifests.
fn search_order(tags: Vec<String>) -> Vec<String> {
    let mut tags: Vec<String> = tags
        .into_iter()
        .filter(|tag| !is_about_another(tag))
        .collect();
    tags.sort_by_cached_key(|tag| {
        let behind = tag.ends_with(SPLIT_SUFFIX);
        Reverse((!behind, tag_version(tag), tag.clone()))
    });
    tags
}

/// Returns whether a tag belongs to another manifest: a referrers list, a signature or a mark, such as `sha256-HEX` or
/// `sha256-HEX.sig`. Tags of split forms do not count.
fn is_about_another(tag: &str) -> bool {
    let digest = tag.strip_prefix("sha256-").and_then(|rest| rest.get(..64));
    digest.is_some_and(|hex| Digest::from_hex(hex).is_ok()) && !tag.ends_with(SPLIT_SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_is_read_first() {
        let digest = Digest::of(b"x");
        let behind = split_tag(&digest);
        let hex = digest.hex();
        let tags = [
            "latest",
            &behind,
            "1.2.0",
            "0.9.0",
            "1.10.0",
            "2.0.0-rc.1",
            &format!("sha256-{hex}"),
            &format!("sha256-{hex}.yank"),
            "sha256-short",
            "main",
        ];
        let sorted = search_order(tags.map(str::to_owned).to_vec());
        let expected = [
            "2.0.0-rc.1",
            "1.10.0",
            "1.2.0",
            "0.9.0",
            "sha256-short",
            "main",
            "latest",
            &behind,
        ];
        assert_eq!(sorted, expected);
    }
}
