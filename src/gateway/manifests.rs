//! Manifests: by tag in the form that the client takes, by digest exactly those bytes.

use http::header::{ACCEPT, CONTENT_LENGTH, VARY};
use http::{HeaderValue, Method, StatusCode};

use super::headers::{accepts_split, upstream_accept};
use super::lookup::Kind;
use super::message::Response;
use super::passthrough::{describe, manifest_response};
use super::refusal::Refusal;
use super::route::{Named, parameter};
use super::upstream::Found;
use super::view::{View, is_unsound, may_be_split};
use super::{Answered, Gateway, RepositoryRequest};
use crate::digest::Digest;
use crate::manifest::media_type;
use crate::store::{RawManifest, Relayed};

impl Gateway {
    pub(super) async fn manifest(
        &self,
        asked: &RepositoryRequest<'_>,
        name: &Named,
    ) -> Answered<Response> {
        match name {
            Named::Tag(tag) => self.tagged(asked, tag).await,
            Named::Digest(digest) => self.exact(asked, digest).await,
            Named::Other(digest) => {
                let accept = upstream_accept(&asked.request.headers);
                let got = self.find_manifest(asked, &asked.request.method, digest, accept);
                Ok(self.as_it_is(asked, got.await?))
            }
        }
    }

    /// A tag, whose split manifest is shown as such to those who name its type.
    async fn tagged(&self, asked: &RepositoryRequest<'_>, tag: &str) -> Answered<Response> {
        let request = asked.request;
        let accept = upstream_accept(&request.headers);
        let mut got = self
            .find_manifest(asked, &request.method, tag, accept.clone())
            .await?;
        if let Found::Relayed(head) = &got
            && head.status == StatusCode::OK
        {
            let digest = head.content_digest();
            if let Some(view) = digest.and_then(|digest| self.views.get(&digest)) {
                self.let_in
                    .enter(&asked.who, &asked.location, &view.raw.digest);
                // It may be new in this repository.
                self.learn(asked, &view)?;
                return Ok(shown(asked, &view));
            }
            let plain = digest.is_some_and(|digest| self.plain.get(&digest).is_some());
            if plain || !may_be_split(head.media_type(), length(head)) {
                return Ok(self.as_it_is(asked, got));
            }
            got = self.find_manifest(asked, &Method::GET, tag, accept).await?;
        }
        let raw = match got {
            Found::Manifest(raw) if raw.media_type == media_type::MANIFEST => raw,
            got => return Ok(self.as_it_is(asked, got)),
        };
        match self.derived(asked, raw.clone()).await {
            Ok(Some(view)) => Ok(shown(asked, &view)),
            Ok(None) => Ok(as_stored(asked, raw)),
            // Who wants what is stored gets what is stored.
            Err(error) if wants_split(asked) && is_unsound(&error) => Ok(as_stored(asked, raw)),
            Err(error) => Err(error.into()),
        }
    }

    /// Exactly the bytes of a digest: what upstream has, else the flat form of something that it has.
    async fn exact(&self, asked: &RepositoryRequest<'_>, digest: &Digest) -> Answered<Response> {
        let request = asked.request;
        if let Some(origin) = self.index.get(&asked.location, digest)?
            && origin.kind == Kind::Manifest
            && let Some(view) = self.known(asked, digest, origin).await?
        {
            return Ok(flat(asked, &view));
        }
        let accept = upstream_accept(&request.headers);
        let name = digest.to_string();
        let got = self
            .find_manifest(asked, &request.method, &name, accept)
            .await?;
        if got.is_missing()
            && let Some(view) = self.searched(asked, digest, Kind::Manifest).await?
        {
            return Ok(flat(asked, &view));
        }
        Ok(self.as_it_is(asked, got))
    }

    /// Passes on what upstream says.
    fn as_it_is(&self, asked: &RepositoryRequest<'_>, got: Found) -> Response {
        match got {
            Found::Manifest(raw) => as_stored(asked, raw),
            Found::Relayed(relayed) if relayed.status == StatusCode::OK => {
                let digest = relayed.content_digest();
                let mut response = self.passed(asked.request, relayed);
                if let Some(digest) = digest {
                    describe(&mut response.headers, &digest);
                }
                response.headers.insert(VARY, HeaderValue::from(ACCEPT));
                response
            }
            Found::Relayed(relayed) => self.passed(asked.request, relayed),
            Found::Missing => {
                Refusal::not_found("MANIFEST_UNKNOWN", "there is no such manifest").into()
            }
        }
    }
}

fn wants_split(asked: &RepositoryRequest<'_>) -> bool {
    let form = parameter(&asked.request.uri, "form");
    form.as_deref() == Some("split") || accepts_split(&asked.request.headers)
}

fn shown(asked: &RepositoryRequest<'_>, view: &View) -> Response {
    match wants_split(asked) {
        true => as_stored(asked, view.raw.clone()),
        false => flat(asked, view),
    }
}

fn flat(asked: &RepositoryRequest<'_>, view: &View) -> Response {
    let digest = &view.split.flat_digest;
    manifest_response(
        asked.request,
        digest,
        media_type::MANIFEST,
        view.manifest.clone(),
    )
}

fn as_stored(asked: &RepositoryRequest<'_>, raw: RawManifest) -> Response {
    manifest_response(asked.request, &raw.digest, &raw.media_type, raw.bytes)
}

fn length(head: &Relayed) -> Option<u64> {
    head.headers
        .get(CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}
