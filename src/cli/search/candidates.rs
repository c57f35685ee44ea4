//! Candidates of a search by type: their stubs are fetched side by side, and each is measured.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use futures_util::{StreamExt, stream};
use wharf::index::{Found, Record, Source};
use wharf::package::Place;
use wharf::reference::{Location, Reference};

use super::Match;
use super::measure::Measure;
use crate::cli::failure::{Exit, Failure};
use crate::cli::index::{Failed, Sound, types};
use crate::cli::settings::Context;
use crate::cli::text::printable;

/// How many bytes of stubs are held before the index keeps them.
const MAX_HELD_BYTES: usize = 32 * 1024 * 1024;

/// Who measures.
pub(super) struct Candidates<'a> {
    pub(super) context: &'a Context,
    pub(super) measure: &'a Measure,
    /// Whether more than one version of a package is wanted.
    pub(super) all_versions: bool,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Measured {
    /// What fits, and by what.
    pub(super) found: Vec<(Found, Vec<Match>)>,
    /// What could not be looked at.
    pub(super) failures: Vec<Failed>,
    /// What was read meanwhile.
    learned: Vec<(Record, Vec<u8>)>,
}

impl Candidates<'_> {
    /// Measures candidates in the order in which they are shown; of each package the first that fits is enough.
    pub(super) async fn measured(
        &self,
        found: Vec<Found>,
        index: &mut Sound,
    ) -> Result<Measured, Failure> {
        let hosts = hosts(index)?;
        let packages = packages(found);
        let count = packages.len();
        let index = Mutex::new(index);
        let mut looking = stream::iter(packages)
            .map(|package| self.look(package, &hosts, &index))
            .buffered(self.context.concurrency.max(1));
        let mut all = Measured::default();
        let mut done = 0;
        while let Some(one) = looking.next().await {
            let one = one?;
            done += 1;
            self.context.progress.counted(done, count, "candidates");
            all.found.extend(one.found);
            all.failures.extend(one.failures);
            all.learned.extend(one.learned);
            let held = all.learned.iter().map(|(_, stub)| stub.len());
            if held.sum::<usize>() > MAX_HELD_BYTES {
                keep(&mut all, &index)?;
            }
        }
        keep(&mut all, &index)?;
        self.context.finish();
        Ok(all)
    }

    /// Looks at the versions of one package.
    async fn look(
        &self,
        package: Vec<Found>,
        hosts: &BTreeSet<String>,
        index: &Mutex<&mut Sound>,
    ) -> Result<Measured, Failure> {
        let mut measured = Measured::default();
        for found in package {
            let stub = asked(index, |index| index.ask(|index| index.stub(&found)))?;
            let fits = match stub {
                Some(stub) => self.measure.fits(stub).await,
                None => match self.fetched(&found, hosts, &mut measured).await {
                    Ok(stub) => self.measure.fits(stub).await,
                    Err(failure) => Err(failure),
                },
            };
            match fits {
                Ok(None) => {}
                Ok(Some(fills)) => {
                    measured.found.push((found, fills));
                    if !self.all_versions {
                        break;
                    }
                }
                Err(failure) => {
                    let failed = Failed {
                        what: found.entry.reference(),
                        message: failure.message(),
                    };
                    self.warn(&format!("{}: {}", failed.what, failed.message));
                    measured.failures.push(failed);
                }
            }
        }
        Ok(measured)
    }

    /// Fetches the root of a candidate, from where this machine reads anyway.
    async fn fetched(
        &self,
        found: &Found,
        hosts: &BTreeSet<String>,
        measured: &mut Measured,
    ) -> Result<Vec<u8>, Failure> {
        let reference = found.entry.reference();
        if let Some(stranger) = stranger(found, hosts) {
            let message = format!(
                "its types are not in the index that claims it, and {stranger} was not added"
            );
            return Err(Failure::new(Exit::Other, message));
        }
        let root = types::root(self.context, &reference, found.entry.digest).await?;
        if root.is_corrected {
            self.warn(&types::correction(&reference));
        }
        measured.learned.push((root.record, root.stub.clone()));
        Ok(root.stub)
    }

    fn warn(&self, line: &str) {
        let line = format!("warning: {}", printable(line));
        self.context.progress.say(&line);
    }
}

fn asked<T>(
    index: &Mutex<&mut Sound>,
    work: impl FnOnce(&mut Sound) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
    work(&mut index)
}

fn keep(measured: &mut Measured, index: &Mutex<&mut Sound>) -> Result<(), Failure> {
    let learned = std::mem::take(&mut measured.learned);
    match learned.is_empty() {
        true => Ok(()),
        false => asked(index, |index| index.ask(|index| index.learn(&learned))),
    }
}

/// Puts versions of one package together; they stand together already.
fn packages(found: Vec<Found>) -> Vec<Vec<Found>> {
    let mut packages: Vec<Vec<Found>> = Vec::new();
    for one in found {
        let place = |found: &Found| (found.entry.name.clone(), found.entry.location.clone());
        match packages.last_mut() {
            Some(last) if last.first().map(place) == Some(place(&one)) => last.push(one),
            _ => packages.push(vec![one]),
        }
    }
    packages
}

/// Returns the registries of what was added, without what indexes only claim.
fn hosts(index: &mut Sound) -> Result<BTreeSet<String>, Failure> {
    let statuses = index.ask(|index| index.sources())?;
    let mut hosts = BTreeSet::new();
    for status in statuses {
        match &status.source {
            Source::Place { place }
            | Source::Package {
                place: Some(place), ..
            } => {
                if let Ok(Place::Registry { host, .. }) = place.parse() {
                    hosts.insert(host);
                }
            }
            Source::Reference { reference } => hosts.extend(host(reference)),
            Source::Package { place: None, .. } => {
                let entries = index.ask(|index| index.entries_of(&status.source))?;
                hosts.extend(entries.iter().filter_map(|entry| host(&entry.location)));
            }
            Source::Shared { .. } => {}
        }
    }
    Ok(hosts)
}

fn host(reference: &str) -> Option<String> {
    match reference.parse::<Reference>().ok()?.location {
        Location::Repository(repository) => Some(repository.registry),
        Location::Layout { .. } | Location::Blobs { .. } => None,
    }
}

/// Returns the registry of what an index claims, where it is neither that of the index nor one that was added.
fn stranger(found: &Found, hosts: &BTreeSet<String>) -> Option<String> {
    let Some(Source::Shared { reference }) = &found.claimed_by else {
        return None;
    };
    let host_of = host(&found.entry.location)?;
    let is_known = hosts.contains(&host_of) || host(reference).as_ref() == Some(&host_of);
    (!is_known).then_some(host_of)
}
