//! `wharf split`

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use wharf::artifact::Title;
use wharf::component::Component;
use wharf::digest::Digest;
use wharf::encoding::{Encoders, Encoding};
use wharf::store::spool::Spool;

use super::failure::{Failure, blocking};
use super::input::Input;
use super::settings::{Context, SplitFlags};
use super::text::unwritable;
use super::{output, text};

/// Write one file per layer of a component
///
/// The files have the names that `oras pull` gives them. `wharf splice` rebuilds the component from them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf split calc.wasm parts
  wharf split --raw --granularity segment calc.wasm parts")]
pub(crate) struct Split {
    /// The component or core module
    file: PathBuf,
    /// Output directory, created if missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Do not compress the layers
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    split: SplitFlags,
}

#[derive(Serialize)]
struct FileRow {
    title: String,
    path: String,
    content_digest: Digest,
    content_size: u64,
    stored_size: u64,
}

#[derive(Serialize)]
struct SplitReport {
    directory: String,
    split_digest: Digest,
    content_digest: Digest,
    content_size: u64,
    files: Vec<FileRow>,
}

impl Split {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let input = Input::read(&self.file, self.split.cut.policy()).await?;
        input.warn(&self.file);
        fs::create_dir_all(&self.directory).with_context(|| unwritable(&self.directory))?;
        let progress = Arc::clone(&context.progress);
        let explode = move || self.explode(&input.component, progress.as_ref());
        let report = blocking(explode).await?;
        output::print(context, &report, || report.text())
    }

    fn explode(
        &self,
        component: &Arc<Component<File>>,
        observer: &dyn wharf::store::Observer,
    ) -> Result<SplitReport, Failure> {
        observer.planned(component.config.content.size);
        let split_digest = Digest::of(&component.config.to_bytes());
        let encoders = (!self.raw).then(|| Encoders::start(self.split.level));
        let mut files = Vec::new();
        let mut made = Vec::new();
        for (layer, content) in component.contents().enumerate() {
            let written = self.layer(
                component,
                layer,
                split_digest,
                encoders.as_ref(),
                observer,
                &mut made,
            );
            // An incomplete directory would look like a damaged component.
            let (title, stored_size) = written.inspect_err(|_| remove(&made))?;
            files.push(FileRow {
                title,
                path: component.path(layer).to_owned(),
                content_digest: content.digest,
                content_size: content.size,
                stored_size,
            });
        }
        Ok(SplitReport {
            directory: self.directory.display().to_string(),
            split_digest,
            content_digest: component.config.content.digest,
            content_size: component.config.content.size,
            files,
        })
    }

    fn layer(
        &self,
        component: &Arc<Component<File>>,
        layer: usize,
        split: Digest,
        encoders: Option<&Encoders>,
        observer: &dyn wharf::store::Observer,
        made: &mut Vec<PathBuf>,
    ) -> Result<(String, u64), Failure> {
        let mut spool =
            Spool::new_in(&self.directory).with_context(|| unwritable(&self.directory))?;
        let moved = |bytes| observer.moved(bytes);
        let stored = component
            .encode(layer, encoders, spool.file(), &moved)?
            .stored;
        let title = title(component, layer, split, stored.encoding);
        let path = self.directory.join(&title);
        let is_new = !path.exists();
        spool.replace(&path).with_context(|| unwritable(&path))?;
        if is_new {
            made.push(path);
        }
        // A second encoding of the same layer would make the directory ambiguous.
        for other in Encoding::ALL
            .into_iter()
            .filter(|other| *other != stored.encoding)
        {
            let title = self::title(component, layer, split, other);
            let other = self.directory.join(title);
            match fs::remove_file(&other) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(anyhow::Error::from(error)
                        .context(format!("cannot remove {}", other.display()))
                        .into());
                }
                _ => {}
            }
        }
        Ok((title, stored.blob.size))
    }
}

fn title(component: &Component<File>, layer: usize, split: Digest, encoding: Encoding) -> String {
    match layer
        .checked_sub(1)
        .map(|section| &component.config.layers[section])
    {
        None => Title::root(split, component.config.content.digest, encoding),
        Some(layer) => Title::section(split, layer.offset, &layer.path, encoding),
    }
}

fn remove(made: &[PathBuf]) {
    for path in made {
        // The caller reports the first failure.
        let _first_failure_counts = fs::remove_file(path);
    }
}

impl SplitReport {
    fn text(&self) -> String {
        let rows = self.files.iter().map(|file| {
            let (content, stored) = (text::size(file.content_size), text::size(file.stored_size));
            vec![file.title.clone(), content, stored]
        });
        let stored = self.files.iter().map(|file| file.stored_size).sum();
        format!(
            "{}\n{} in {}: {} of {}",
            text::table(rows),
            text::count(self.files.len() as u64, "file"),
            self.directory,
            text::size(stored),
            text::size(self.content_size),
        )
    }
}
