//! Components that a command only reads, from any place.

use std::fs::File;
use std::io;

use anyhow::Context as _;
use wharf::component::Component;
use wharf::package::LocatedArtifact;
use wharf::pull::{self, PullSummary};
use wharf::split::SplitPolicy;
use wharf::store::spool::Spool;

use super::arguments::{self, FileOrArtifact};
use super::failure::{Failure, blocking};
use super::input::{self, open_file, printable_path};
use super::settings::Context;
use super::text::unwritable;

/// A component that only needs to be read: a file, standard input, or a stored artifact.
pub(crate) struct ComponentInput {
    name: String,
    file: File,
}

impl ComponentInput {
    /// Opens a file, or fetches a reference or package into a temporary file. `-` is standard input.
    pub(crate) async fn open(context: &Context, text: &str) -> Result<Self, Failure> {
        if text == "-" {
            let name = "standard input".to_owned();
            let file = spool_stdin(context).await?;
            return Ok(Self { name, file });
        }
        match arguments::parse_file_or_artifact(text)? {
            FileOrArtifact::File(path) => Ok(Self {
                name: printable_path(&path),
                file: open_file(&path)?,
            }),
            FileOrArtifact::Artifact(name) => {
                let found = arguments::open(context, name).await?;
                let (file, _) = fetch_to_file(context, &found).await?;
                let name = found.reference.to_string();
                Ok(Self { name, file })
            }
        }
    }

    /// Reads the component, and warns if it cannot be parsed to its end. Blocks.
    pub(crate) fn read_with_warning(
        self,
        policy: &SplitPolicy,
    ) -> Result<Component<File>, Failure> {
        let name = self.name.clone();
        let component = self.read(policy)?;
        input::warn(&component.map, &name, "the rest is not split");
        Ok(component)
    }

    /// Maps, plans and hashes the component. Blocks.
    pub(crate) fn read(self, policy: &SplitPolicy) -> Result<Component<File>, Failure> {
        let Self { name, file } = self;
        Ok(Component::read(file, policy).with_context(|| format!("cannot read {name}"))?)
    }
}

/// Copies standard input to a temporary file, because it is read more than once.
pub(crate) async fn spool_stdin(context: &Context) -> Result<File, Failure> {
    let directory = context.cache()?.ingest().to_owned();
    blocking(move || {
        let mut spool = Spool::new_in(&directory).with_context(|| unwritable(&directory))?;
        let read = io::copy(&mut io::stdin().lock(), spool.file());
        read.context("cannot read standard input")?;
        let file = spool.file().try_clone();
        Ok::<_, Failure>(file.with_context(|| unwritable(&directory))?)
    })
    .await
}

/// Fetches a component into a temporary file.
pub(crate) async fn fetch_to_file(
    context: &Context,
    located: &LocatedArtifact,
) -> Result<(File, PullSummary), Failure> {
    let cache = context.cache()?;
    let unwritable = || unwritable(cache.ingest());
    let mut spool = Spool::new_in(cache.ingest()).with_context(unwritable)?;
    let file = spool.file().try_clone().with_context(unwritable)?;
    let LocatedArtifact {
        store,
        reference,
        opened,
    } = located;
    let (file, pulled) = pull::pull(store, opened, context.session()?, file).await?;
    let blobs = opened.layers().map(|layer| layer.blob.digest);
    context.remember(reference, blobs, pulled.fetched.blobs > 0)?;
    Ok((file, pulled))
}
