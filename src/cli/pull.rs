//! `wharf pull`

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use wharf::digest::Digest;
use wharf::pull::{self, Pulled};
use wharf::store::cache::DEFAULT_MAX_BYTES;

use super::failure::Failure;
use super::output::Target;
use super::settings::Context;
use super::{connect, output, text};

/// Get a component back, byte for byte
///
/// Every layer and the whole are checked. What the cache has is not fetched; a file appears when it
/// is complete, or not at all.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf pull oci:store:calc
  wharf pull ghcr.io/me/calc:1.0 -o app.wasm
  wharf pull localhost:5000/demo/calc@sha256:… -o - | wasmtime run -")]
pub(crate) struct Pull {
    /// What: oci:DIR:TAG, or HOST[:PORT]/REPOSITORY:TAG, each also with @sha256:…
    #[arg(value_name = "REF")]
    reference: String,
    /// Where to, `-` for standard output [default: the repository's last element, or a layout's tag, and .wasm]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    reference: String,
    digest: Digest,
    split_manifest_digest: Option<Digest>,
    content_digest: Digest,
    content_size: u64,
    fetched_bytes: u64,
    fetched_blobs: u64,
    cached_bytes: u64,
    cached_blobs: u64,
    requests: u64,
    #[serde(skip)]
    path: Option<PathBuf>,
}

impl Pull {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let reference = connect::reference(&self.reference)?;
        let mut target = match &self.output {
            Some(path) => Some(Target::open(path, context.json)?),
            None => None,
        };
        let cache = context.cache()?;
        let (store, opened) = connect::open(context, &reference, &cache).await?;
        let path = match &self.output {
            Some(path) => path.clone(),
            None => PathBuf::from(format!("{}.wasm", reference.stem())),
        };
        let content = opened.content();
        let there = self.output.is_none() && output::is_there(&path, content).await?;
        let mut pulled = Pulled::nothing(&opened);
        if !there {
            let target = match target.take() {
                Some(target) => target,
                None => Target::open(&path, context.json)?,
            };
            let observer = context.observer();
            let (target, got) = pull::pull(
                &store,
                &opened,
                &cache,
                target,
                context.concurrency,
                &observer,
            )
            .await?;
            target.finish()?;
            pulled = got;
            let blobs = opened.layers().map(|layer| layer.blob.digest);
            connect::remember(&cache, &reference, blobs)?;
            if context.has_cache() && pulled.fetched.blobs > 0 {
                cache.prune(DEFAULT_MAX_BYTES)?;
            }
        }
        let report = Report {
            reference: reference.at(pulled.digest).to_string(),
            digest: pulled.digest,
            split_manifest_digest: opened.split().map(|split| split.digest),
            content_digest: content.digest,
            content_size: content.size,
            fetched_bytes: pulled.fetched.bytes,
            fetched_blobs: pulled.fetched.blobs,
            cached_bytes: pulled.cached.bytes,
            cached_blobs: pulled.cached.blobs,
            requests: context.progress.requests(),
            path: (self.output.as_deref() != Some(Path::new("-"))).then_some(path),
        };
        match report.path {
            Some(_) => output::print(context, &report, || report.text(there)),
            None => Ok(()),
        }
    }
}

impl Report {
    fn text(&self, there: bool) -> String {
        let path = self.path.as_deref().unwrap_or(Path::new("-")).display();
        let size = text::size(self.content_size);
        if there {
            return format!("{path} is there already, {size}, {}", self.content_digest);
        }
        format!(
            "{path}  {size}, {}\n  fetched  {} in {}\n  cached   {} in {}",
            self.content_digest,
            text::size(self.fetched_bytes),
            text::count(self.fetched_blobs, "blob"),
            text::size(self.cached_bytes),
            text::count(self.cached_blobs, "blob"),
        )
    }
}
