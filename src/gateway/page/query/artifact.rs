//! One artifact: its manifest, those of the other versions, and the root, which its WIT is read from.

use std::collections::HashSet;

use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method, StatusCode};

use super::{ASKED_AT_ONCE, Problem, newest_first};
use crate::artifact::{FlatManifest, Form, form};
use crate::digest::Digest;
use crate::error::Error;
use crate::gateway::headers::upstream_accept;
use crate::gateway::lookup::Kind;
use crate::gateway::message::Request;
use crate::gateway::page::address::Address;
use crate::gateway::page::artifact::{Artifact, Names, Split, What};
use crate::gateway::page::comparison::{Other, sum};
use crate::gateway::page::layers::Layers;
use crate::gateway::page::{Page, explained};
use crate::gateway::passthrough::chain;
use crate::gateway::refusal::Refusal;
use crate::gateway::upstream::Found;
use crate::gateway::view::is_unsound;
use crate::gateway::{Answered, Gateway, RepositoryRequest};
use crate::manifest::{Annotations, Os};
use crate::package::{self, Tags};
use crate::pull::{self, Opened, SplitArtifact, describe, open_manifest, stub_of};
use crate::reference::Name;
use crate::store::{self, RawManifest, blocking};
use crate::world;

/// How many other versions a component is compared with.
const MAX_OTHERS: usize = 10;

/// The largest root that is fetched to read WIT from, in bytes as stored.
const MAX_ROOT_BYTES: u64 = 16 * 1024 * 1024;

impl Gateway {
    pub(super) async fn artifact(
        &self,
        request: &Request,
        repository: String,
        name: Name,
    ) -> Answered<Page> {
        let asked = self.visited(request, &repository).await?;
        let raw = self.named(&asked, &name).await?;
        let digest = raw.digest;
        let opened = match self.opened(&asked, &raw).await {
            Ok(opened) => opened,
            Err(error) => return Err(self.failed(&asked, error).await),
        };
        let store = &asked.store;
        let (tags, unlisted) = match store.tags().await {
            Ok(tags) => (Tags::read(tags), None),
            Err(error) => (Tags::default(), Some(self.said(request, error))),
        };
        let yanked = match tags.marked.contains(&digest) {
            true => package::is_yanked(store.as_ref(), &digest).await,
            false => Ok(false),
        };
        let annotations = match &opened {
            Ok(opened) => opened.annotations().clone(),
            Err(_) => Annotations::new(),
        };
        let what = match opened {
            Ok(opened) => match &opened.artifact {
                pull::Artifact::Split(split) => {
                    let others = self.others(&asked, &repository, &name, &digest, &tags);
                    let (others, left_out) = others.await;
                    let layers = Layers {
                        layers: opened.layers().cloned().collect(),
                        recipe: opened.recipe(),
                        others,
                        left_out,
                        unlisted,
                    };
                    let split = self.split(&asked, &opened, split, layers).await;
                    What::Split(Box::new(split))
                }
                pull::Artifact::Flat(flat) => What::Flat {
                    content: flat.layer.content,
                    names: self.described(&asked, flat).await.unwrap_or_default(),
                    unused: opened.unused.into_iter().next().map(|unused| {
                        let problem = Problem::Known(unused.error);
                        self.said(request, problem)
                    }),
                },
            },
            Err(what) => What::Foreign(what),
        };
        Ok(Page::Artifact(Box::new(Artifact {
            name: name.to_string(),
            above: Address::repository(&repository),
            repository,
            yanked: yanked.map_err(|error| self.said(request, error)),
            manifest: digest,
            annotations: annotations.into_iter().collect(),
            what,
        })))
    }

    /// Reads the manifest that is named; by the digest of a flat form the split one.
    async fn named(&self, asked: &RepositoryRequest<'_>, name: &Name) -> Answered<RawManifest> {
        let accept = upstream_accept(&HeaderMap::new());
        let text = name.to_string();
        let got = self.asked_for(asked, &Method::GET, &text, accept);
        let relayed = match got.await? {
            Found::Manifest(raw) => return Ok(raw),
            Found::Head(relayed) | Found::Other(relayed) => Some(relayed),
            Found::Missing => None,
        };
        let missing = relayed.as_ref();
        let missing = missing.is_none_or(|relayed| relayed.status == StatusCode::NOT_FOUND);
        if let (true, Name::Digest(digest)) = (missing, name)
            && let Some(view) = self.searched(asked, digest, Kind::Manifest).await?
        {
            return Ok(view.raw.clone());
        }
        Err(match relayed {
            Some(relayed) => Box::new(self.passed(asked.request, relayed)),
            None => Refusal::not_found("MANIFEST_UNKNOWN", "there is no such manifest").into(),
        })
    }

    /// Reads an artifact, or says in a few words what a manifest is that is none.
    async fn opened(
        &self,
        asked: &RepositoryRequest<'_>,
        raw: &RawManifest,
    ) -> Result<Result<Opened, String>, Error> {
        let (store, name) = (&asked.store, Name::Digest(raw.digest));
        let opened = open_manifest(store.as_ref(), &name, raw, self.session()?).await;
        match opened {
            Err(Error::Foreign { what, .. }) => Ok(Err(what)),
            Err(Error::Artifact { reference, source }) => match form(&raw.bytes) {
                Ok(Form::Split) => Err(Error::Artifact { reference, source }),
                Ok(_) => Ok(Err(format!("no sound flat artifact ({source})"))),
                Err(_) => Ok(Err(format!("no manifest that can be read ({source})"))),
            },
            opened => opened.map(Ok),
        }
    }

    /// Reads what the newest other tags name, and says how many versions are left out. Tags that name the same are
    /// no others.
    async fn others(
        &self,
        asked: &RepositoryRequest<'_>,
        repository: &str,
        own: &Name,
        digest: &Digest,
        tags: &Tags,
    ) -> (Vec<Other>, usize) {
        let own = own.to_string();
        let mut names = newest_first(tags);
        names.retain(|tag| *tag != own);
        let left_out = names.len().saturating_sub(MAX_OTHERS);
        let reading = names.into_iter().take(MAX_OTHERS).map(|tag| async {
            let store = &asked.store;
            let contents = match store.manifest(&Name::Tag(tag.clone())).await {
                Ok(raw) if raw.digest == *digest => return None,
                Ok(raw) => self.contents(asked, &raw).await,
                Err(store::Error::NotFound { .. }) => Err("it is not there".to_owned()),
                Err(error) => Err(self.said(asked.request, error)),
            };
            Some(Other {
                address: Address::tagged(repository, &tag),
                name: tag,
                contents,
            })
        });
        let reading = stream::iter(reading).buffered(ASKED_AT_ONCE);
        let others: Vec<Option<Other>> = reading.collect().await;
        (others.into_iter().flatten().collect(), left_out)
    }

    async fn contents(
        &self,
        asked: &RepositoryRequest<'_>,
        raw: &RawManifest,
    ) -> Result<HashSet<Digest>, String> {
        match self.opened(asked, raw).await {
            Ok(Ok(opened)) => Ok(opened.layers().map(|layer| layer.content.digest).collect()),
            Ok(Err(what)) => Err(format!("it is {what}")),
            Err(error) => Err(self.said(asked.request, error)),
        }
    }

    async fn split(
        &self,
        asked: &RepositoryRequest<'_>,
        opened: &Opened,
        artifact: &SplitArtifact,
        layers: Layers,
    ) -> Split {
        let split = &artifact.manifest;
        let claimed = Names {
            imports: split.imports.clone().unwrap_or_default(),
            exports: split.exports.clone().unwrap_or_default(),
        };
        let is_component = split.os == Os::Wasip2;
        let (names, wit) = match is_component {
            true => match self.wit(asked, opened, artifact).await {
                Ok((names, wit)) => (names, wit),
                Err(why) => (claimed, Err(why)),
            },
            false => (claimed, Err(world::Error::Module.to_string())),
        };
        Split {
            is_component,
            content: split.content,
            stored: sum(&layers.layers).stored,
            manifest: artifact.digest,
            split_digest: split.config.digest,
            flat_digest: split.flat_digest,
            layers,
            names,
            wit,
        }
    }

    /// Reads the names and the WIT of a component from its root. What others may read is in the cache too, so the
    /// repository must have all layers itself.
    async fn wit(
        &self,
        asked: &RepositoryRequest<'_>,
        opened: &Opened,
        artifact: &SplitArtifact,
    ) -> Result<(Names, Result<String, String>), String> {
        let root = artifact.manifest.root.blob.size;
        if root > MAX_ROOT_BYTES {
            return Err(format!(
                "its root is stored in {root} bytes, and at most {MAX_ROOT_BYTES} are fetched for a page"
            ));
        }
        let complete = self.complete(asked, artifact.digest, &artifact.manifest);
        if let Err(response) = complete.await {
            return Err(explained(*response).await);
        }
        let store = &asked.store;
        let read = async { stub_of(store.as_ref(), opened, self.session()?).await };
        let (stub, _) = read
            .await
            .map_err(|error: Error| match is_unsound(&error) {
                true => chain(&error),
                false => self.said(asked.request, error),
            })?;
        let decode = move || Ok::<_, Error>((world::interfaces(&stub), world::decode(&stub)));
        let decoded = blocking(decode).await;
        let (names, wit) = decoded.map_err(|error| self.said(asked.request, error))?;
        let names = names.map_err(|error| error.to_string())?;
        let names = Names {
            imports: names.imports,
            exports: names.exports,
        };
        Ok((
            names,
            wit.map(|world| world.text)
                .map_err(|error| error.to_string()),
        ))
    }

    /// Reads what the config of a flat artifact says, if the repository has it.
    async fn described(&self, asked: &RepositoryRequest<'_>, flat: &FlatManifest) -> Option<Names> {
        let store = &asked.store;
        let read = async {
            let session = self.session()?;
            match flat.description() {
                Some(config) if store.has(config).await? => {
                    Ok(Some(describe(store.as_ref(), flat, session).await?))
                }
                _ => Ok(None),
            }
        };
        match read.await {
            Ok(described) => described.map(|described| Names {
                imports: described.imports,
                exports: described.exports,
            }),
            Err(error) => {
                let error: Error = error;
                self.note(asked.request, &chain(&error));
                None
            }
        }
    }
}
