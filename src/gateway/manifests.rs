//! Manifests: by tag in the form that the client accepts, by digest with exactly the bytes of that digest.

use http::header::{ACCEPT, CONTENT_LENGTH, VARY};
use http::{HeaderValue, Method, StatusCode};

use super::headers::{accepts_split, upstream_accept};
use super::lookup::FlatPart;
use super::message::Response;
use super::passthrough::{describe, manifest_response};
use super::refusal::Refusal;
use super::route::{ManifestName, parameter};
use super::upstream::ManifestAnswer;
use super::view::{View, is_invalid_content, may_be_split};
use super::{HandlerResult, RepositoryRequest};
use crate::digest::Digest;
use crate::manifest::media_type;
use crate::store::{RawManifest, RelayedResponse};

impl RepositoryRequest<'_> {
    pub(super) async fn manifest(&self, name: &ManifestName) -> HandlerResult<Response> {
        match name {
            ManifestName::Tag(tag) => self.manifest_by_tag(tag).await,
            ManifestName::Digest(digest) => self.manifest_by_digest(digest).await,
            ManifestName::Other(digest) => {
                let accept = upstream_accept(&self.request.headers);
                let got = self.find_manifest(&self.request.method, digest, accept);
                Ok(self.relay_manifest(got.await?))
            }
        }
    }

    /// Answers a request by tag. A split manifest is shown as stored only to clients that name its type.
    async fn manifest_by_tag(&self, tag: &str) -> HandlerResult<Response> {
        let request = self.request;
        let accept = upstream_accept(&request.headers);
        let mut got = self
            .find_manifest(&request.method, tag, accept.clone())
            .await?;
        if let ManifestAnswer::Relayed(head) = &got
            && head.status == StatusCode::OK
        {
            let digest = head.content_digest();
            if let Some(view) = digest.and_then(|digest| self.gateway.views.get(&digest)) {
                self.gateway
                    .grants
                    .record(&self.who, &self.location, &view.raw.digest);
                // The tag may be new in this repository.
                self.record_origins(&view)?;
                return Ok(self.respond_with_view(&view));
            }
            let plain = digest.is_some_and(|digest| self.gateway.unsplit.get(&digest).is_some());
            if plain || !may_be_split(head.media_type(), length(head)) {
                return Ok(self.relay_manifest(got));
            }
            got = self.find_manifest(&Method::GET, tag, accept).await?;
        }
        let raw = match got {
            ManifestAnswer::Manifest(raw) if raw.media_type == media_type::MANIFEST => raw,
            got => return Ok(self.relay_manifest(got)),
        };
        match self.derive_view(raw.clone()).await {
            Ok(Some(view)) => Ok(self.respond_with_view(&view)),
            Ok(None) => Ok(self.respond_with_stored(raw)),
            // A client that wants the stored form gets it, even if the flat form cannot be derived.
            Err(error) if self.wants_split() && is_invalid_content(&error) => {
                Ok(self.respond_with_stored(raw))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Answers a request by digest, with upstream's manifest or with the derived flat manifest that has this digest.
    async fn manifest_by_digest(&self, digest: &Digest) -> HandlerResult<Response> {
        let request = self.request;
        if let Some(origin) = self.gateway.index.get(&self.location, digest)?
            && origin.kind == FlatPart::Manifest
            && let Some(view) = self.recorded_view(digest, origin).await?
        {
            return Ok(self.respond_with_flat(&view));
        }
        let accept = upstream_accept(&request.headers);
        let name = digest.to_string();
        let got = self.find_manifest(&request.method, &name, accept).await?;
        if !got.is_missing() {
            return Ok(self.relay_manifest(got));
        }
        // A request that waits for a search holds no connection to upstream.
        drop(got);
        match self.search_flat_digest(digest, FlatPart::Manifest).await? {
            Some(view) => Ok(self.respond_with_flat(&view)),
            None => Ok(self.relay_manifest(ManifestAnswer::Missing)),
        }
    }

    /// Forwards upstream's answer.
    fn relay_manifest(&self, got: ManifestAnswer) -> Response {
        match got {
            ManifestAnswer::Manifest(raw) => self.respond_with_stored(raw),
            ManifestAnswer::Relayed(relayed) if relayed.status == StatusCode::OK => {
                let digest = relayed.content_digest();
                let mut response = self.gateway.relay(self.request, relayed);
                if let Some(digest) = digest {
                    describe(&mut response.headers, &digest);
                }
                response.headers.insert(VARY, HeaderValue::from(ACCEPT));
                response
            }
            ManifestAnswer::Relayed(relayed) => self.gateway.relay(self.request, relayed),
            ManifestAnswer::Missing => Refusal::not_found(
                "MANIFEST_UNKNOWN",
                "the repository does not have this manifest",
            )
            .into(),
        }
    }

    fn wants_split(&self) -> bool {
        let form = parameter(&self.request.uri, "form");
        form.as_deref() == Some("split") || accepts_split(&self.request.headers)
    }

    fn respond_with_view(&self, view: &View) -> Response {
        match self.wants_split() {
            true => self.respond_with_stored(view.raw.clone()),
            false => self.respond_with_flat(view),
        }
    }

    fn respond_with_flat(&self, view: &View) -> Response {
        let (digest, bytes) = (&view.split.flat_digest, view.manifest.clone());
        manifest_response(self.request, digest, media_type::MANIFEST, bytes)
    }

    fn respond_with_stored(&self, raw: RawManifest) -> Response {
        manifest_response(self.request, &raw.digest, &raw.media_type, raw.bytes)
    }
}

fn length(head: &RelayedResponse) -> Option<u64> {
    head.headers
        .get(CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}
