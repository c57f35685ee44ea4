//! Copying artifacts and packages between repositories, and mirroring packages.

use std::sync::Arc;

use super::connect::Connector;
use super::locate::Locator;
use super::mirror::MirrorEntry;
use super::place::PackagePlace;
use super::publication::Publication;
use super::publish::check_owner;
use super::versions::{no_version, resolve, tags};
use super::{Error, RegistrySettings, YANK_SUFFIX};
use crate::acceptance::{self, Facts, Incoming, Purpose, Refusal};
use crate::artifact::{ASSETS_SUFFIX, SPLIT_SUFFIX};
use crate::copy::{Companion, Copier, CopyOptions, CopySummary};
use crate::manifest::annotation;
use crate::reference::package::{PackageSpec, Version};
use crate::reference::{Name, Reference};
use crate::store::{self, Session, Store, WritableStore};

/// The settings of a copy.
#[derive(Debug, Clone, Copy)]
pub struct CopySettings {
    /// Whether every tag of the repository is copied.
    pub all_tags: bool,
    /// Whether referrers are copied.
    pub referrers: bool,
    /// Whether versions that exist in the destination may be replaced.
    pub is_forced: bool,
}

/// A copy whose artifacts were accepted.
pub struct CopyPlan {
    source: Arc<dyn Store>,
    target: Arc<dyn WritableStore>,
    /// The one artifact that is copied, and its tag; if there is none, every tag is copied.
    one: Option<(Name, Option<String>)>,
    options: CopyOptions,
    session: Session,
    /// Versions in the destination that will be replaced.
    pub replaced: Vec<Publication>,
}

impl CopyPlan {
    /// Returns the location of the destination, for messages.
    pub fn location(&self) -> String {
        self.target.location()
    }

    /// Copies, and returns the result for each tag.
    pub async fn run(&self) -> Result<Vec<(Option<String>, CopySummary)>, Error> {
        let (source, target) = (self.source.as_ref(), self.target.as_ref());
        let mut copier = Copier::new(source, target, &self.options, &self.session);
        match &self.one {
            Some((name, tag)) => {
                let copied = copier.artifact(name, tag.as_deref()).await?;
                Ok(vec![(tag.clone(), copied)])
            }
            None => {
                let copied = copier.all_tags().await?;
                let tagged = |(tag, copied)| (Some(tag), copied);
                Ok(copied.into_iter().map(tagged).collect())
            }
        }
    }
}

impl Connector {
    /// Plans a copy of one artifact, or of all tags of a repository.
    pub async fn plan_copy(
        &self,
        from: &Reference,
        to: &Reference,
        settings: &CopySettings,
    ) -> Result<CopyPlan, Error> {
        self.check_credentials(&from.location, &to.location)?;
        let unconfigured = RegistrySettings::default();
        let source = self.read(&from.location, &unconfigured).await?;
        if !settings.all_tags {
            // Read first, because opening for writing creates a layout.
            source.manifest(&from.name()).await?;
            acceptance::accept(&Purpose::Reference, &Facts::default())?;
        }
        let beside = Some(&from.location);
        let target = self.write(&to.location, &unconfigured, beside).await?;
        let own_tag = match from.digest {
            Some(_) => from.tag.as_deref(),
            None => Some(from.tag_or_default()),
        };
        let tag = to.tag.as_deref().or(own_tag).map(str::to_owned);
        Ok(CopyPlan {
            source,
            target,
            one: (!settings.all_tags).then(|| (from.name(), tag)),
            options: copy_options(settings.referrers, |_| false),
            session: self.session.clone(),
            replaced: Vec::new(),
        })
    }
}

impl Locator<'_> {
    /// Plans a copy of one version, or of all versions of a package, to another place.
    pub async fn plan_copy(
        &self,
        spec: &PackageSpec,
        place: &PackagePlace,
        settings: &CopySettings,
    ) -> Result<CopyPlan, Error> {
        let (connector, package) = (self.connector, &spec.name);
        let from = self.registry(package).await?;
        let to = self.registry_at(place, package).await?;
        let (location, destination) = (from.repository(package)?, to.repository(package)?);
        if location == destination {
            return Err(Error::SamePlace {
                package: package.clone(),
                location: destination.to_string(),
            });
        }
        connector.check_credentials(&location, &destination)?;
        let source = from.read(connector, package).await?;
        // Read first, because opening for writing creates a layout.
        let versions: Vec<(Version, String)> = match settings.all_tags {
            true => {
                let tags = tags(source.as_ref(), package).await?;
                tags.versions.into_iter().collect()
            }
            false => {
                let resolved = resolve(source.as_ref(), spec).await?;
                vec![(resolved.version, resolved.tag)]
            }
        };
        if let Some((_, newest)) = versions.last() {
            let newest = Name::Tag(newest.clone());
            check_owner(source.as_ref(), &connector.session, package, &newest).await?;
        }
        let target = to.write(connector, package, Some(&location)).await?;
        let mut replaced = Vec::new();
        for (version, tag) in &versions {
            let (source, target) = (source.as_ref(), target.as_ref());
            let name = Name::Tag(tag.clone());
            match check_version(source, target, spec, version, &name).await {
                Err(Error::Refused(Refusal::Differs { .. })) if settings.is_forced => replaced
                    .push(Publication {
                        package: package.clone(),
                        version: version.clone(),
                    }),
                checked => {
                    checked?;
                }
            }
        }
        let fixed_tags = match settings.is_forced {
            true => |_: &str| false,
            false => acceptance::is_immutable,
        };
        let one = match settings.all_tags {
            true => None,
            false => versions.into_iter().next().map(|(_, tag)| {
                let name = Name::Tag(tag.clone());
                (name, Some(tag))
            }),
        };
        Ok(CopyPlan {
            source,
            target,
            one,
            options: copy_options(settings.referrers, fixed_tags),
            session: connector.session.clone(),
            replaced,
        })
    }

    /// Mirrors the versions of one package, and calls `done` for each with its reference and the result of the copy. A
    /// version that fails does not stop the others.
    pub async fn mirror(
        &self,
        entry: &MirrorEntry,
        spec: &PackageSpec,
        mut done: impl FnMut(&Version, Result<(String, CopySummary), Error>),
    ) -> Result<(), Error> {
        let (connector, package) = (self.connector, &spec.name);
        let from = match &entry.from {
            Some(place) => self.registry_at(place, package).await?,
            None => self.registry(package).await?,
        };
        let to = self.registry_at(&entry.to, package).await?;
        let location = from.repository(package)?;
        connector.check_credentials(&location, &to.repository(package)?)?;
        let source = from.read(connector, package).await?;
        let tags = tags(source.as_ref(), package).await?;
        // Yanked versions are mirrored too, with their mark.
        let exists = |version: &Version| tags.versions.contains_key(version);
        let matching = tags.versions.iter();
        let matching = matching.filter(|(found, _)| spec.requirement.allows(found, exists));
        let matching: Vec<_> = matching.collect();
        if matching.is_empty() {
            return Err(no_version(source.as_ref(), spec, &tags, 0));
        }
        let target = to.write(connector, package, Some(&location)).await?;
        let options = copy_options(entry.referrers, acceptance::is_immutable);
        let (source, target) = (source.as_ref(), target.as_ref());
        let mut copier = Copier::new(source, target, &options, &connector.session);
        for (version, tag) in matching {
            let name = Name::Tag(tag.clone());
            let mirrored = async {
                if !check_version(source, target, spec, version, &name).await? {
                    check_owner(source, &connector.session, package, &name).await?;
                }
                let copied = copier.artifact(&name, Some(tag)).await?;
                Ok((format!("{}:{tag}", target.location()), copied))
            };
            done(version, mirrored.await);
        }
        Ok(())
    }
}

fn copy_options(referrers: bool, fixed_tags: fn(&str) -> bool) -> CopyOptions {
    CopyOptions {
        referrers,
        companions: [
            (YANK_SUFFIX, None),
            (SPLIT_SUFFIX, None),
            (ASSETS_SUFFIX, Some(annotation::REMOTE_BLOBS)),
        ]
        .map(|(suffix, annotation)| Companion {
            suffix: &suffix[1..],
            annotation,
        })
        .to_vec(),
        fixed_tags,
    }
}

/// Returns whether the target has a version. Fails if it has other bytes than the source's.
async fn check_version(
    source: &dyn Store,
    target: &dyn Store,
    spec: &PackageSpec,
    version: &Version,
    name: &Name,
) -> Result<bool, Error> {
    let existing = match target.manifest(name).await {
        Ok(manifest) => manifest.digest,
        Err(store::Error::NotFound { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let purpose = Purpose::Write {
        package: &spec.name,
        version,
        incoming: Incoming::Copy {
            manifest: source.manifest(name).await?.digest,
            source: &source.location(),
        },
        is_forced: false,
    };
    let facts = Facts {
        location: target.location(),
        existing: Some(existing),
        ..Facts::default()
    };
    acceptance::accept(&purpose, &facts)?;
    Ok(true)
}
