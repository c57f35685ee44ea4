//! Sources of the index, as the command line names them.

use std::path::Path;

use anyhow::Context as _;
use wharf::index::IndexSource;
use wharf::package::PackagePlace;
use wharf::reference::package::{PackageSpec, Requirement};
use wharf::reference::{Location, Reference};

use crate::cli::failure::Failure;
use crate::cli::hints;
use crate::cli::settings::Context;

/// Parses sources. A file lists further sources, one per line, and `#` begins a comment.
pub(super) fn parse_sources(
    context: &Context,
    words: &[String],
) -> Result<Vec<IndexSource>, Failure> {
    let mut sources = Vec::new();
    for word in words {
        match Path::new(word).is_file() {
            false => sources.push(parse_source(context, word)?),
            true => {
                let text =
                    std::fs::read_to_string(word).with_context(|| format!("cannot read {word}"))?;
                for (number, line) in (1..).zip(text.lines()) {
                    let line = line.split('#').next().unwrap_or_default().trim();
                    if !line.is_empty() {
                        let read = parse_source(context, line);
                        sources.push(read.map_err(|failure| {
                            failure.context(format!("cannot read line {number} of {word}"))
                        })?);
                    }
                }
            }
        }
    }
    Ok(sources)
}

fn parse_source(context: &Context, word: &str) -> Result<IndexSource, Failure> {
    if let Ok(spec) = word.parse::<PackageSpec>() {
        if spec.requirement != Requirement::Newest {
            let message =
                format!("`{word}` has a version, but the index takes all versions of a package");
            return Err(Failure::usage(message));
        }
        let registry = context.flags.registry.as_deref();
        let place = registry.map(parse_place).transpose()?;
        let package = spec.name.to_string();
        return Ok(IndexSource::Package { package, place });
    }
    match word.parse::<Reference>() {
        Ok(reference) if reference.tag.is_some() || reference.digest.is_some() => {
            let reference = make_absolute(reference)?.to_string();
            Ok(IndexSource::Reference { reference })
        }
        _ => parse_place(word).map(|place| IndexSource::Place { place }),
    }
}

/// Parses a place. Directories become absolute, because other commands run in other directories.
pub(super) fn parse_place(word: &str) -> Result<String, Failure> {
    let place = word.parse::<PackagePlace>();
    let place = place.map_err(|error| {
        let hint = hints::host(word).unwrap_or(hints::SOURCE_FORMS.into());
        Failure::usage(error).hint(hint)
    })?;
    Ok(match place {
        PackagePlace::Layout(directory) => {
            let directory =
                std::path::absolute(&directory).context("cannot find the current directory")?;
            PackagePlace::Layout(directory).to_string()
        }
        place => place.to_string(),
    })
}

fn make_absolute(mut reference: Reference) -> Result<Reference, Failure> {
    if let Location::Layout { directory, .. } | Location::Blobs { directory } =
        &mut reference.location
    {
        *directory =
            std::path::absolute(&*directory).context("cannot find the current directory")?;
    }
    Ok(reference)
}
