//! One artifact: its manifest, those of the other versions, and the root, which its WIT is read from.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method, StatusCode};

use super::{ASKED_AT_ONCE, newest_first};
use crate::artifact::{self as form_of, FlatManifest, Form, split_tag};
use crate::digest::Digest;
use crate::error::Error;
use crate::gateway::headers::upstream_accept;
use crate::gateway::lookup::Kind;
use crate::gateway::message::Request;
use crate::gateway::page::address::Address;
use crate::gateway::page::artifact::{Artifact, Names, Split, What};
use crate::gateway::page::layers::Layers;
use crate::gateway::page::sharing::{Other, sum};
use crate::gateway::page::{Page, explained};
use crate::gateway::passing::chain;
use crate::gateway::refusal::Refusal;
use crate::gateway::upstream::Got;
use crate::gateway::view::{View, is_unsound};
use crate::gateway::{Answered, Asked, Gateway};
use crate::manifest::{Annotations, Os, media_type};
use crate::package::{self, Tags};
use crate::pull::{self, Opened, describe, open_split, stub_of};
use crate::reference::Name;
use crate::store::{self, RawManifest, blocking};
use crate::world;

/// How many other versions a component is compared with.
const MAX_OTHERS: usize = 10;

/// How many manifests that say that they are the split form of a flat one are looked at.
const MAX_BEHIND: usize = 4;

/// The largest root that is fetched to read WIT from, in bytes as stored.
const MAX_ROOT_BYTES: u64 = 16 * 1024 * 1024;

/// What a manifest is, read.
enum Read {
    Split(Arc<View>),
    /// Without a split form, or with one that cannot be used.
    Flat(Box<FlatManifest>, Option<String>),
    Foreign(String),
}

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
        let read = match self.understood(&asked, raw).await {
            Ok(read) => read,
            Err(error) => return Err(self.failed(&asked, error).await),
        };
        let store = asked.source.store();
        let (tags, unlisted) = match store.tags().await {
            Ok(tags) => (Tags::read(tags), None),
            Err(error) => (Tags::default(), Some(self.said(request, error))),
        };
        let yanked = match tags.marked.contains(&digest) {
            true => package::is_yanked(store.as_ref(), &digest).await,
            false => Ok(false),
        };
        let (annotations, what) = match read {
            Read::Split(view) => {
                let others = self.others(&asked, &repository, &name, &digest, &tags);
                let (others, left_out) = others.await;
                let layers = Layers {
                    layers: view.split.all_layers().cloned().collect(),
                    recipe: view.split.recipe(),
                    others,
                    left_out,
                    unlisted,
                };
                let split = self.split(&asked, &view, layers).await;
                (view.split.annotations.clone(), What::Split(Box::new(split)))
            }
            Read::Flat(flat, unused) => {
                let names = self.described(&asked, &flat).await;
                let content = flat.layer.content;
                let what = What::Flat {
                    content,
                    names: names.unwrap_or_default(),
                    unused,
                };
                (flat.annotations, what)
            }
            Read::Foreign(what) => (Annotations::new(), What::Foreign(what)),
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
    async fn named(&self, asked: &Asked<'_>, name: &Name) -> Answered<RawManifest> {
        let accept = upstream_accept(&HeaderMap::new());
        let text = name.to_string();
        let got = self.asked_for(asked, &Method::GET, &text, accept);
        let relayed = match got.await? {
            Got::Manifest(raw) => return Ok(raw),
            Got::Head(relayed) | Got::Other(relayed) => Some(relayed),
            Got::Missing => None,
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

    async fn understood(&self, asked: &Asked<'_>, raw: RawManifest) -> Result<Read, Error> {
        let digest = raw.digest;
        match form_of::form(&raw.bytes) {
            Ok(Form::Split) => Ok(match self.derived(asked, raw).await? {
                Some(view) => Read::Split(view),
                None => Read::Foreign("something else".to_owned()),
            }),
            Ok(Form::Flat) => match FlatManifest::read(&raw.bytes, &raw.media_type) {
                Ok(flat) => Ok(match self.behind(asked, &digest).await {
                    Ok(Some(view)) => Read::Split(view),
                    Ok(None) => Read::Flat(Box::new(flat), None),
                    Err(why) => Read::Flat(Box::new(flat), Some(why)),
                }),
                Err(error) => Ok(Read::Foreign(format!("no sound flat artifact ({error})"))),
            },
            Ok(Form::Foreign(what)) => Ok(Read::Foreign(what)),
            Err(error) => Ok(Read::Foreign(format!(
                "no manifest that can be read ({error})"
            ))),
        }
    }

    /// Finds the split form of a flat artifact: by its tag, else among the referrers. What is there and cannot be used
    /// is an error.
    async fn behind(&self, asked: &Asked<'_>, flat: &Digest) -> Result<Option<Arc<View>>, String> {
        if let Some(view) = self.behind_it(asked, flat, &split_tag(flat)).await? {
            return Ok(Some(view));
        }
        let store = asked.source.store();
        let listed = match store
            .referrers(flat, Some(media_type::SPLIT_ARTIFACT))
            .await
        {
            Ok(listed) => listed,
            Err(store::Error::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(self.said(asked.request, error)),
        };
        for descriptor in listed.into_iter().take(MAX_BEHIND) {
            let name = descriptor.digest.to_string();
            if let Some(view) = self.behind_it(asked, flat, &name).await? {
                return Ok(Some(view));
            }
        }
        Ok(None)
    }

    async fn behind_it(
        &self,
        asked: &Asked<'_>,
        flat: &Digest,
        name: &str,
    ) -> Result<Option<Arc<View>>, String> {
        let Some(raw) = self.read(asked, name).await? else {
            return Ok(None);
        };
        match self.derived(asked, raw).await {
            Ok(view) => Ok(view.filter(|view| view.split.flat_digest == *flat)),
            Err(error) => Err(self.said(asked.request, error)),
        }
    }

    /// Reads a manifest that need not be there.
    async fn read(&self, asked: &Asked<'_>, name: &str) -> Result<Option<RawManifest>, String> {
        let accept = upstream_accept(&HeaderMap::new());
        match asked.source.manifest(&Method::GET, name, accept).await {
            Ok(Got::Manifest(raw)) => Ok(Some(raw)),
            Ok(Got::Missing) => Ok(None),
            Ok(Got::Head(relayed) | Got::Other(relayed)) => match relayed.status {
                StatusCode::NOT_FOUND => Ok(None),
                status => Err(format!("upstream answered {status}")),
            },
            Err(error) => Err(self.said(asked.request, error)),
        }
    }

    /// Reads what the newest other tags name, and says how many versions are left out. Tags that name the same are
    /// no others.
    async fn others(
        &self,
        asked: &Asked<'_>,
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
            let contents = match self.read(asked, &tag).await {
                Ok(Some(raw)) if raw.digest == *digest => return None,
                Ok(Some(raw)) => self.contents(asked, raw).await,
                Ok(None) => Err("it is not there".to_owned()),
                Err(why) => Err(why),
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
        asked: &Asked<'_>,
        raw: RawManifest,
    ) -> Result<HashSet<Digest>, String> {
        match self.understood(asked, raw).await {
            Ok(Read::Split(view)) => {
                let layers = view.split.all_layers();
                Ok(layers.map(|layer| layer.content.digest).collect())
            }
            Ok(Read::Flat(flat, _)) => Ok(HashSet::from([flat.layer.content.digest])),
            Ok(Read::Foreign(what)) => Err(format!("it is {what}")),
            Err(error) => Err(self.said(asked.request, error)),
        }
    }

    async fn split(&self, asked: &Asked<'_>, view: &View, layers: Layers) -> Split {
        let split = &view.split;
        let claimed = Names {
            imports: split.imports.clone().unwrap_or_default(),
            exports: split.exports.clone().unwrap_or_default(),
        };
        let is_component = split.os == Os::Wasip2;
        let (names, wit) = match is_component {
            true => match self.wit(asked, view).await {
                Ok((names, wit)) => (names, wit),
                Err(why) => (claimed, Err(why)),
            },
            false => (claimed, Err(world::Error::Module.to_string())),
        };
        Split {
            is_component,
            content: split.content,
            stored: sum(&layers.layers).stored,
            manifest: view.raw.digest,
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
        asked: &Asked<'_>,
        view: &View,
    ) -> Result<(Names, Result<String, String>), String> {
        let root = view.split.root.blob.size;
        if root > MAX_ROOT_BYTES {
            return Err(format!(
                "its root is stored in {root} bytes, and at most {MAX_ROOT_BYTES} are fetched for a page"
            ));
        }
        if let Err(response) = self.complete(asked, view).await {
            return Err(explained(*response).await);
        }
        let read = self.stub(asked, view);
        let stub = read.await.map_err(|error| match is_unsound(&error) {
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

    async fn stub(&self, asked: &Asked<'_>, view: &View) -> Result<Vec<u8>, Error> {
        let (store, session) = (asked.source.store(), self.session()?);
        let store = store.as_ref();
        let split = open_split(store, &view.raw, session).await?;
        let opened = Opened {
            digest: view.raw.digest,
            artifact: pull::Artifact::Split(Box::new(split)),
            unused: Vec::new(),
        };
        let (stub, _) = stub_of(store, &opened, session).await?;
        Ok(stub)
    }

    /// Reads what the config of a flat artifact says, if the repository has it.
    async fn described(&self, asked: &Asked<'_>, flat: &FlatManifest) -> Option<Names> {
        let store = asked.source.store();
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
