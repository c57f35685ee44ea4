//! Queries for the page of one artifact: its manifest, the manifests of other versions, and the root, which contains
//! the WIT.

use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method, StatusCode};

use super::{MAX_REQUESTS, newest_first};
use crate::artifact::{FlatDescription, FlatManifest, Form, form};
use crate::assets::packed::PackedFiles;
use crate::digest::Digest;
use crate::error::Error;
use crate::gateway::headers::upstream_accept;
use crate::gateway::lookup::FlatPart;
use crate::gateway::message::Response;
use crate::gateway::page::address::PageAddress;
use crate::gateway::page::artifact::{ArtifactKind, ArtifactPage, Split};
use crate::gateway::page::comparison::ComparedVersion;
use crate::gateway::page::layers::Layers;
use crate::gateway::page::page;
use crate::gateway::passthrough::chain;
use crate::gateway::refusal::Refusal;
use crate::gateway::upstream::ManifestAnswer;
use crate::gateway::view::is_invalid_content;
use crate::gateway::{HandlerResult, RepositoryRequest};
use crate::manifest::{Annotations, Os};
use crate::package::{self, Tags};
use crate::pull::{
    self, OpenArtifact, RangeReader, SplitArtifact, describe, open_manifest, stub_of,
};
use crate::reference::Name;
use crate::store::{self, RawManifest, blocking};
use crate::world::{self, Interfaces};

/// The maximum number of versions that a component is compared with.
const MAX_OTHERS: usize = 10;

/// The largest root that is fetched to read its WIT, in bytes as stored.
const MAX_ROOT_BYTES: u64 = 16 * 1024 * 1024;

/// The largest list of files that is read for a page, in bytes.
const MAX_LIST_BYTES: u64 = 1024 * 1024;

/// The parts of a page that come from the root of an artifact.
struct RootFacts {
    names: Interfaces,
    wit: Result<String, String>,
    files: Result<Option<PackedFiles>, String>,
}

impl RepositoryRequest<'_> {
    pub(super) async fn artifact(&self, repository: String, name: Name) -> HandlerResult<Response> {
        let (request, store) = (self.request, self.store.as_ref());
        let raw = self.read_named(&name).await?;
        let digest = raw.digest;
        let opened = self.open_artifact(&raw).await?;
        let (tags, unlisted) = match store.tags().await {
            Ok(tags) => (Tags::read(tags), None),
            Err(error) => (
                Tags::default(),
                Some(self.gateway.failure_message(request, &error.into())),
            ),
        };
        let yanked = match tags.marked.contains(&digest) {
            true => package::is_yanked(store, &digest).await,
            false => Ok(false),
        };
        let annotations = match &opened {
            Ok(opened) => opened.annotations().clone(),
            Err(_) => Annotations::new(),
        };
        let what = match opened {
            Ok(opened) => match &opened.artifact {
                pull::Artifact::Split(split) => {
                    let others = self.others(&repository, &name, &digest, &tags);
                    let (others, left_out) = others.await;
                    let RootFacts { names, wit, files } = self.root_facts(&opened, split).await;
                    let deltas = pull::list_deltas(store, &split.digest).await;
                    ArtifactKind::Split(Box::new(Split {
                        digest: split.digest,
                        manifest: split.manifest.clone(),
                        layers: Layers {
                            layers: opened.layers().cloned().collect(),
                            recipe: opened.recipe(),
                            others,
                            left_out,
                            unlisted,
                        },
                        names,
                        wit,
                        files,
                        deltas: deltas
                            .map_err(|error| self.gateway.failure_message(request, &error.into())),
                    }))
                }
                pull::Artifact::Flat(flat) => ArtifactKind::Flat {
                    content: flat.layer.content,
                    names: self.read_description(flat).await,
                    unused: opened
                        .unused
                        .first()
                        .map(|unused| self.gateway.failure_message(request, &unused.error)),
                },
            },
            Err(what) => ArtifactKind::Foreign(what),
        };
        let artifact = ArtifactPage {
            name: name.to_string(),
            repository,
            yanked: yanked.map_err(|error| self.gateway.mark_failure_message(request, error)),
            manifest: digest,
            annotations,
            what,
        };
        Ok(page(
            request,
            StatusCode::OK,
            &artifact.title(),
            artifact.html(),
        ))
    }

    /// Reads the named manifest. For the digest of a flat form, returns the split manifest.
    async fn read_named(&self, name: &Name) -> HandlerResult<RawManifest> {
        let accept = upstream_accept(&HeaderMap::new());
        let text = name.to_string();
        let got = self.find_manifest(&Method::GET, &text, accept);
        let relayed = match got.await? {
            ManifestAnswer::Manifest(raw) => return Ok(raw),
            ManifestAnswer::Relayed(relayed) => Some(relayed),
            ManifestAnswer::Missing => None,
        };
        let missing = relayed.as_ref();
        let missing = missing.is_none_or(|relayed| relayed.status == StatusCode::NOT_FOUND);
        if let (true, Name::Digest(digest)) = (missing, name)
            && let Some(view) = self.search_flat_digest(digest, FlatPart::Manifest).await?
        {
            return Ok(view.raw.clone());
        }
        Err(match relayed {
            Some(relayed) => self.gateway.relay(self.request, relayed).into(),
            None => Refusal::not_found(
                "MANIFEST_UNKNOWN",
                "the repository does not have this manifest",
            )
            .into(),
        })
    }

    /// Reads an artifact. If the manifest is another kind of artifact, returns a few words about it instead.
    async fn open_artifact(
        &self,
        raw: &RawManifest,
    ) -> Result<Result<OpenArtifact, String>, Error> {
        let (store, name) = (&self.store, Name::Digest(raw.digest));
        let opened = open_manifest(store.as_ref(), &name, raw, self.gateway.session()?).await;
        match opened {
            Err(Error::Foreign { what, .. }) => Ok(Err(what.to_string())),
            Err(Error::Artifact { reference, source }) => match form(&raw.bytes) {
                Ok(Form::Split) => Err(Error::Artifact { reference, source }),
                Ok(_) => Ok(Err(format!("an invalid flat artifact ({source})"))),
                Err(_) => Ok(Err(format!("a manifest that cannot be read ({source})"))),
            },
            opened => opened.map(Ok),
        }
    }

    /// Reads the manifests of the newest other tags, and returns how many versions are left out. Skips tags that name
    /// the same manifest.
    async fn others(
        &self,
        repository: &str,
        own: &Name,
        digest: &Digest,
        tags: &Tags,
    ) -> (Vec<ComparedVersion>, usize) {
        let own = own.to_string();
        let mut names = newest_first(tags);
        names.retain(|tag| *tag != own);
        let left_out = names.len().saturating_sub(MAX_OTHERS);
        let reading = names.into_iter().take(MAX_OTHERS).map(|tag| async {
            let opened = match self.store.manifest(&Name::Tag(tag.clone())).await {
                Ok(raw) if raw.digest == *digest => return None,
                Ok(raw) => self.open_artifact(&raw).await,
                Err(store::Error::NotFound { .. }) => {
                    Ok(Err("the manifest does not exist".to_owned()))
                }
                Err(error) => Err(error.into()),
            };
            let contents = match opened {
                Ok(Ok(opened)) => Ok(opened.layers().map(|layer| layer.content.digest).collect()),
                Ok(Err(what)) => Err(format!("it is {what}")),
                Err(error) => Err(self.gateway.failure_message(self.request, &error)),
            };
            Some(ComparedVersion {
                address: PageAddress::tagged(repository, &tag),
                name: tag,
                contents,
            })
        });
        let reading = stream::iter(reading).buffered(MAX_REQUESTS);
        let others: Vec<Option<ComparedVersion>> = reading.collect().await;
        (others.into_iter().flatten().collect(), left_out)
    }

    /// Returns the names, the WIT and the files of an artifact. Unreadable ones: the names of the config.
    /// The root of a core module is read only for lists that the config leaves out.
    async fn root_facts(&self, opened: &OpenArtifact, artifact: &SplitArtifact) -> RootFacts {
        let config = &artifact.config;
        let read = match config.os {
            Os::Wasip1 if !config.names.omits_list() => Err(world::Error::Module.to_string()),
            Os::Wasip1 | Os::Wasip2 => self.read_root(opened, artifact).await,
        };
        read.unwrap_or_else(|why| {
            let claimed = Interfaces {
                imports: config.imports.clone(),
                exports: config.exports.clone(),
                names: config.names.clone(),
            };
            RootFacts {
                names: claimed,
                wit: Err(why),
                files: Ok(None),
            }
        })
    }

    /// Reads names, WIT and files of a component from its root. The repository itself must have all layers, because
    /// the cache may also have layers that this client must not read.
    async fn read_root(
        &self,
        opened: &OpenArtifact,
        artifact: &SplitArtifact,
    ) -> Result<RootFacts, String> {
        let root = artifact.manifest.root.blob.size;
        if root > MAX_ROOT_BYTES {
            return Err(format!(
                "its root has {root} stored bytes, and a page fetches at most {MAX_ROOT_BYTES}"
            ));
        }
        let complete = self.check_layers(artifact.digest, &artifact.manifest).await;
        if let Err(failure) = self.with_challenge(complete).await {
            return Err(self.gateway.explain_failure(self.request, failure).await);
        }
        let store = self.store.as_ref();
        let read = async { stub_of(store, opened, self.gateway.session()?).await };
        let (stub, _) = read.await.map_err(|error| self.read_failure(&error))?;
        let decode = move || Ok::<_, Error>((world::interfaces(&stub), world::decode(&stub)));
        let decoded = blocking(decode).await;
        let (names, wit) =
            decoded.map_err(|error| self.gateway.failure_message(self.request, &error))?;
        let names = names.map_err(|error| error.to_string())?;
        let wit = wit.map(|world| world.text);
        Ok(RootFacts {
            names,
            wit: wit.map_err(|error| error.to_string()),
            files: self.files(opened).await,
        })
    }

    /// Reads the files of a component whose root is in the cache. If the list is a layer, this fetches it.
    async fn files(&self, opened: &OpenArtifact) -> Result<Option<PackedFiles>, String> {
        let read = async {
            let reader = RangeReader::new(&self.store, opened, self.gateway.session()?)?;
            blocking(move || pull::find_packed_files(&reader, MAX_LIST_BYTES)).await
        };
        read.await.map_err(|error| self.read_failure(&error))
    }

    /// Returns the reason why parts of an artifact cannot be shown.
    fn read_failure(&self, error: &Error) -> String {
        match is_invalid_content(error) {
            true => chain(error),
            false => self.gateway.failure_message(self.request, error),
        }
    }

    /// Reads the description in the config of a flat artifact, if the repository has the config.
    async fn read_description(&self, flat: &FlatManifest) -> Interfaces {
        let store = self.store.as_ref();
        let read = async {
            match flat.description() {
                Some(config) if store.has(config).await? => {
                    describe(store, flat, self.gateway.session()?).await
                }
                _ => Ok(FlatDescription::default()),
            }
        };
        let described = read.await.unwrap_or_else(|error: Error| {
            self.gateway.log_error(self.request, &chain(&error));
            FlatDescription::default()
        });
        Interfaces {
            imports: described.imports,
            exports: described.exports,
            names: described.names,
        }
    }
}
