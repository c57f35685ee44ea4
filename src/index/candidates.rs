//! Search by type. Candidates found by name are compared by their types. Missing types are fetched.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use futures_util::{StreamExt, stream};

use super::checked::CheckedIndex;
use super::error::Error;
use super::event::{Event, EventHandler, ReadFailure};
use super::query::SearchResult;
use super::record::Record;
use super::root::fetch_root;
use super::sources::IndexSource;
use super::types::{TypeMatch, Types};
use crate::package::{Connector, PackagePlace};
use crate::reference::{Location, Reference};

/// The maximum size of the fetched stubs in memory, in bytes. Above it they are written to the index.
const MAX_UNSTORED_BYTES: usize = 32 * 1024 * 1024;

/// A comparison of candidates with types.
pub struct Candidates<'a> {
    /// The connector that fetches roots.
    pub connector: &'a Connector,
    /// The types to compare with.
    pub types: &'a Types,
    /// Whether the answer has more than one version of a package.
    pub all_versions: bool,
    /// The receiver of warnings and progress.
    pub watch: EventHandler<'a>,
}

/// The candidates that fit.
#[derive(Default)]
pub struct TypeMatches {
    /// The candidates, each with the matching parts.
    pub found: Vec<(SearchResult, Vec<TypeMatch>)>,
    /// The candidates that could not be compared.
    pub unread: Vec<ReadFailure>,
    /// Records and stubs that were fetched and are not in the index yet.
    learned: Vec<(Record, Vec<u8>)>,
}

impl Candidates<'_> {
    /// Compares candidates in the order of answers. Unless all versions are wanted, this stops at the first version
    /// of each package that fits.
    pub async fn find_fitting(
        &self,
        found: Vec<SearchResult>,
        index: &mut CheckedIndex<'_>,
    ) -> Result<TypeMatches, Error> {
        let hosts = hosts(index)?;
        let packages = packages(found);
        let count = packages.len();
        let index = Mutex::new(index);
        let mut comparisons = stream::iter(packages)
            .map(|package| self.package(package, &hosts, &index))
            .buffered(self.connector.session.transfers());
        let mut all = TypeMatches::default();
        let mut done = 0;
        while let Some(one) = comparisons.next().await {
            let one = one?;
            done += 1;
            (self.watch)(Event::Progress {
                done,
                count,
                things: "candidates",
            });
            all.found.extend(one.found);
            all.unread.extend(one.unread);
            all.learned.extend(one.learned);
            let bytes = all.learned.iter().map(|(_, stub)| stub.len());
            if bytes.sum::<usize>() > MAX_UNSTORED_BYTES {
                all.store_records(&index)?;
            }
        }
        all.store_records(&index)?;
        Ok(all)
    }

    async fn package(
        &self,
        package: Vec<SearchResult>,
        hosts: &BTreeSet<String>,
        index: &Mutex<&mut CheckedIndex<'_>>,
    ) -> Result<TypeMatches, Error> {
        let mut fitting = TypeMatches::default();
        for found in package {
            let stub = locked(index, |index| index.run(|index| index.stub(&found)))?;
            let stub = match stub {
                Some(stub) => Ok(stub),
                None => self.fetch(&found, hosts, &mut fitting).await,
            };
            let matches = match stub {
                Ok(stub) => self.types.matches(stub).await,
                Err(error) => Err(error),
            };
            match matches {
                Ok(None) => {}
                Ok(Some(matches)) => {
                    fitting.found.push((found, matches));
                    if !self.all_versions {
                        break;
                    }
                }
                Err(error) => {
                    let what = found.entry.reference();
                    let unread = ReadFailure { what, error };
                    (self.watch)(Event::Unread(&unread));
                    fitting.unread.push(unread);
                }
            }
        }
        Ok(fitting)
    }

    /// Fetches the root of a candidate. Its registry must be a source, or the registry of the shared index that
    /// claims it.
    async fn fetch(
        &self,
        found: &SearchResult,
        hosts: &BTreeSet<String>,
        fitting: &mut TypeMatches,
    ) -> Result<Vec<u8>, Error> {
        if let Some(host) = unknown_host(found, hosts) {
            return Err(Error::NotAdded { host });
        }
        let (reference, digest) = (found.entry.reference(), found.entry.digest);
        let (record, stub) = fetch_root(self.connector, &reference, digest, self.watch).await?;
        fitting.learned.push((record, stub.clone()));
        Ok(stub)
    }
}

impl TypeMatches {
    /// Writes the fetched records and stubs to the index.
    fn store_records(&mut self, index: &Mutex<&mut CheckedIndex<'_>>) -> Result<(), Error> {
        let learned = std::mem::take(&mut self.learned);
        match learned.is_empty() {
            true => Ok(()),
            false => locked(index, |index| {
                index.run(|index| index.store_records(&learned))
            }),
        }
    }
}

fn locked<T>(
    index: &Mutex<&mut CheckedIndex<'_>>,
    work: impl FnOnce(&mut CheckedIndex<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
    work(&mut index)
}

/// Groups versions by package. Versions of one package must follow each other.
fn packages(found: Vec<SearchResult>) -> Vec<Vec<SearchResult>> {
    let mut packages: Vec<Vec<SearchResult>> = Vec::new();
    for one in found {
        let package =
            |found: &SearchResult| (found.entry.name.clone(), found.entry.location.clone());
        match packages.last_mut() {
            Some(last) if last.first().map(package) == Some(package(&one)) => last.push(one),
            _ => packages.push(vec![one]),
        }
    }
    packages
}

/// Returns the registries of all sources that are not shared indexes.
fn hosts(index: &mut CheckedIndex<'_>) -> Result<BTreeSet<String>, Error> {
    let statuses = index.run(|index| index.sources())?;
    let mut hosts = BTreeSet::new();
    for status in statuses {
        match &status.source {
            IndexSource::Place { place }
            | IndexSource::Package {
                place: Some(place), ..
            } => {
                if let Ok(PackagePlace::Registry { host, .. }) = place.parse() {
                    hosts.insert(host);
                }
            }
            IndexSource::Reference { reference } => hosts.extend(host(reference)),
            IndexSource::Package { place: None, .. } => {
                let entries = index.run(|index| index.entries_of(&status.source))?;
                hosts.extend(entries.iter().filter_map(|entry| host(&entry.location)));
            }
            IndexSource::Shared { .. } => {}
        }
    }
    Ok(hosts)
}

fn host(reference: &str) -> Option<String> {
    match reference.parse::<Reference>().ok()?.location {
        Location::Repository(repository) => Some(repository.registry),
        _ => None,
    }
}

/// Returns the registry of a claimed candidate if it is neither a source nor the registry of the shared index.
fn unknown_host(found: &SearchResult, hosts: &BTreeSet<String>) -> Option<String> {
    let Some(IndexSource::Shared { reference }) = &found.claimed_by else {
        return None;
    };
    let claimed = host(&found.entry.location)?;
    let is_known = hosts.contains(&claimed) || host(reference).as_ref() == Some(&claimed);
    (!is_known).then_some(claimed)
}
