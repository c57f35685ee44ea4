//! Deltas that commands attach to artifacts.

use wharf::delta::Options;
use wharf::digest::Digest;
use wharf::error::{self, Kind};
use wharf::package::{self, DeltaSources, VersionOutcome};
use wharf::pull::{self, OpenArtifact, SplitArtifact};
use wharf::push::{DeltaOutcome, DeltaTarget};
use wharf::reference::package::Version;
use wharf::reference::{Location, Name, Reference};
use wharf::store::{Store, WritableStore};

use super::LIMITED;
use super::rows::DeltaRow;
use crate::cli::arguments::{self, ArtifactName};
use crate::cli::failure::Failure;
use crate::cli::settings::Context;
use crate::cli::text::printable;

/// Old artifacts that the command line names.
pub(crate) struct OldArtifacts(Vec<(String, ArtifactName)>);

impl OldArtifacts {
    /// Parses references and packages. Fails if the registry of one of them and that of the target would get the same
    /// credentials.
    pub(crate) async fn parse(
        context: &Context,
        texts: &[String],
        target: &Location,
    ) -> Result<Self, Failure> {
        let mut names = Vec::with_capacity(texts.len());
        for text in texts {
            let name = arguments::parse_artifact_name(text)?;
            let location = arguments::location(context, &name).await?;
            context.connector()?.check_credentials(&location, target)?;
            names.push((printable(text), name));
        }
        Ok(Self(names))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Attaches deltas to one artifact, and records the results.
pub(crate) struct DeltaAttacher<'a> {
    context: &'a Context,
    target: DeltaTarget<'a>,
    /// The deltas that were attached.
    rows: Vec<DeltaRow>,
    /// The first failure.
    first: Option<Failure>,
}

impl<'a> DeltaAttacher<'a> {
    pub(crate) fn new(
        context: &'a Context,
        store: &'a dyn WritableStore,
        split: SplitArtifact,
        options: Options,
    ) -> Result<Self, Failure> {
        let session = context.session()?;
        let target = DeltaTarget {
            store,
            split,
            session,
            options,
        };
        Ok(Self {
            context,
            target,
            rows: Vec::new(),
            first: None,
        })
    }

    /// Opens the artifact of a manifest. Returns nothing if it has no split form.
    pub(crate) async fn open(
        context: &'a Context,
        store: &'a dyn WritableStore,
        manifest: &Digest,
        options: Options,
    ) -> Result<Option<Self>, Failure> {
        let name = Name::Digest(*manifest);
        let opened = pull::open(store, &name, context.session()?).await?;
        let split = opened.into_split();
        split
            .map(|split| Self::new(context, store, split, options))
            .transpose()
    }

    /// Attaches the deltas from lower versions of the package. Failures are warnings. Notes say why there is no delta from
    /// a version: from each one if all lower versions are sources, and otherwise if the bytes are the same.
    pub(crate) async fn attach_versions(&mut self, version: &Version, sources: DeltaSources) {
        let Self {
            context,
            target,
            rows,
            first,
        } = self;
        let mut count = 0;
        let done = |old: &Version, attached: Result<VersionOutcome, package::Error>| {
            count += 1;
            let name = old.to_string();
            let note = match attached {
                Ok(VersionOutcome::Source(DeltaOutcome::Attached { delta, is_limited })) => {
                    say_if_limited(context, is_limited);
                    return rows.push(delta.into());
                }
                Ok(VersionOutcome::Source(outcome)) => reason(&outcome),
                Ok(VersionOutcome::Yanked) => "it is yanked",
                Ok(VersionOutcome::Unsplit) => NO_SPLIT_FORM,
                Err(error) => return warn(context, &format!(" from {name}"), error.into(), first),
            };
            if sources == DeltaSources::All || note == SAME_COMPONENT {
                say(context, &name, note);
            }
        };
        if let Err(error) = package::attach_deltas(target, version, sources, done).await {
            warn(context, "", error.into(), first);
        } else if count == 0 && sources == DeltaSources::All {
            let note = format!("note: there is no version lower than {version}");
            context.progress.say(&note);
        }
    }

    /// Attaches the deltas from the named artifacts. Failures are warnings.
    pub(crate) async fn attach_named(&mut self, old: OldArtifacts) {
        for (text, name) in old.0 {
            let attached = match arguments::open(self.context, name).await {
                Ok(old) => self.attach(&text, old.store.as_ref(), &old.opened).await,
                Err(failure) => Err(failure),
            };
            self.warn_if_failed(&text, attached);
        }
    }

    /// Attaches the delta from the artifact that a tag named before. A failure is a warning, and a new tag is a note.
    pub(crate) async fn attach_previous(
        &mut self,
        reference: &str,
        store: &dyn Store,
        previous: Result<OpenArtifact, error::Error>,
    ) {
        let attached = match previous {
            // The tag names the new artifact now, so it does not name the source.
            Ok(old) => self.attach_from(reference, None, store, &old).await,
            Err(error) if error.kind() == Kind::NotFound => {
                say(self.context, reference, "the tag is new");
                Ok(())
            }
            Err(error) => Err(error.into()),
        };
        self.warn_if_failed(reference, attached);
    }

    /// Attaches the delta from an old artifact that the command line names.
    pub(crate) async fn attach(
        &mut self,
        name: &str,
        store: &dyn Store,
        old: &OpenArtifact,
    ) -> Result<(), Failure> {
        self.attach_from(name, Some(name), store, old).await
    }

    /// Attaches the delta from an old artifact. `source` is its name in the report.
    async fn attach_from(
        &mut self,
        name: &str,
        source: Option<&str>,
        store: &dyn Store,
        old: &OpenArtifact,
    ) -> Result<(), Failure> {
        let note = match old.split() {
            Some(old) => match self.target.attach_delta(store, old).await? {
                DeltaOutcome::Attached { delta, is_limited } => {
                    say_if_limited(self.context, is_limited);
                    self.rows.push(DeltaRow::from(delta).named(source));
                    return Ok(());
                }
                outcome => reason(&outcome),
            },
            None => NO_SPLIT_FORM,
        };
        say(self.context, name, note);
        Ok(())
    }

    /// Prints a failure as a warning.
    fn warn_if_failed(&mut self, name: &str, attached: Result<(), Failure>) {
        if let Err(failure) = attached {
            let from = format!(" from {name}");
            warn(self.context, &from, failure, &mut self.first);
        }
    }

    /// Prunes the cache if deltas were made. Returns them, and the first failure.
    pub(crate) fn finish(
        self,
        reference: &Reference,
    ) -> Result<(Vec<DeltaRow>, Option<Failure>), Failure> {
        self.context
            .remember(reference, [], !self.rows.is_empty())?;
        Ok((self.rows, self.first))
    }
}

/// Returns the deltas of a command that has done its main work. A failure is a warning.
pub(crate) fn deltas_or_warning(
    context: &Context,
    deltas: Result<Vec<DeltaRow>, Failure>,
) -> Vec<DeltaRow> {
    deltas.unwrap_or_else(|failure| {
        warn(context, "", failure, &mut None);
        Vec::new()
    })
}

const NO_SPLIT_FORM: &str = "it has no split form";
const SAME_COMPONENT: &str = "it is the same component";

/// Returns why an outcome is no new delta.
fn reason(outcome: &DeltaOutcome) -> &'static str {
    match outcome {
        DeltaOutcome::Attached { .. } | DeltaOutcome::AlreadyAttached => "the store already has it",
        DeltaOutcome::SameComponent => SAME_COMPONENT,
        DeltaOutcome::NothingSaved => "it would save too little",
    }
}

/// Prints why no delta was made.
fn say(context: &Context, name: &str, reason: &str) {
    let line = format!("note: no delta from {name} was made: {reason}");
    context.progress.say(&line);
}

/// Prints a note if a delta needs more memory than `--delta-memory`.
fn say_if_limited(context: &Context, is_limited: bool) {
    if is_limited {
        context.progress.say(LIMITED);
    }
}

/// Prints a failure as a warning, and records it if it is the first.
fn warn(context: &Context, from: &str, failure: Failure, first: &mut Option<Failure>) {
    let message = failure.message();
    let line = format!("warning: no delta{from} was made: {message}");
    context.progress.say(&line);
    first.get_or_insert(failure);
}
