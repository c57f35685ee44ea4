//! The files of an assets component, in a file or in a store.

use std::io::Write;
use std::ops::Range;

use super::range::{RangeReader, copy_range};
use crate::assets::packed::{self, MAX_LIST_BYTES, PackedFile, PackedFiles};
use crate::assets::section::AssetList;
use crate::digest::HashingWriter;
use crate::error::Error;
use crate::section::{self, AssetsPlace};
use crate::source::Source;

/// A component whose parts can be read. The methods block.
pub trait ComponentParts {
    /// Returns the size in bytes.
    fn size(&self) -> Result<u64, Error>;

    /// Returns the range of the part with a section path.
    fn find(&self, path: &str) -> Result<Range<u64>, Error>;

    /// Returns the places of all lists of files, those of the outermost components first.
    fn find_assets(&self) -> Result<Vec<AssetsPlace>, Error>;

    /// Announces the ranges that the caller will read.
    fn expect(&mut self, _ranges: Vec<Range<u64>>) {}

    /// Writes a range.
    fn copy(&self, range: Range<u64>, output: &mut dyn Write) -> Result<(), Error>;

    /// Returns whether remote files can be read.
    fn has_remote_files(&self) -> bool {
        false
    }

    /// Writes a range of a remote file, from the repository of the component.
    fn copy_remote(
        &self,
        file: &PackedFile,
        _range: Range<u64>,
        _output: &mut dyn Write,
    ) -> Result<(), Error> {
        let path = file.path.clone();
        Err(packed::Error::Remote { path }.into())
    }

    /// Returns how many bytes read so far were not checked against a digest of the store.
    fn unchecked_bytes(&self) -> u64 {
        0
    }
}

/// A component in a file, or in any other source.
pub struct LocalComponent<S>(pub S);

impl<S: Source> ComponentParts for LocalComponent<S> {
    fn size(&self) -> Result<u64, Error> {
        self.0.size().map_err(Error::Source)
    }

    fn find(&self, path: &str) -> Result<Range<u64>, Error> {
        Ok(section::find(&self.0, path)?)
    }

    fn find_assets(&self) -> Result<Vec<AssetsPlace>, Error> {
        Ok(section::find_assets(&self.0)?)
    }

    fn copy(&self, range: Range<u64>, output: &mut dyn Write) -> Result<(), Error> {
        copy_range(&self.0, range, output)
    }
}

impl ComponentParts for RangeReader {
    fn size(&self) -> Result<u64, Error> {
        Ok(self.size())
    }

    fn find(&self, path: &str) -> Result<Range<u64>, Error> {
        self.find(path)
    }

    fn find_assets(&self) -> Result<Vec<AssetsPlace>, Error> {
        self.find_assets()
    }

    fn expect(&mut self, ranges: Vec<Range<u64>>) {
        self.expect(ranges);
    }

    fn copy(&self, range: Range<u64>, output: &mut dyn Write) -> Result<(), Error> {
        self.copy(range, output)
    }

    fn has_remote_files(&self) -> bool {
        true
    }

    fn copy_remote(
        &self,
        file: &PackedFile,
        range: Range<u64>,
        output: &mut dyn Write,
    ) -> Result<(), Error> {
        self.copy_blob(file.identity, range, output)
    }

    fn unchecked_bytes(&self) -> u64 {
        self.unchecked_bytes()
    }
}

/// Reads all lists of files in a component, those of the outermost components first. A list that cannot be decoded does
/// not hide the others. Blocks.
pub fn asset_lists(
    component: &dyn ComponentParts,
) -> Result<Vec<Result<AssetList, packed::Error>>, Error> {
    let places = component.find_assets()?.into_iter();
    let read = |place: AssetsPlace| match read_list(component, place.list, MAX_LIST_BYTES) {
        Ok(list) => Ok(Ok(list)),
        Err(Error::Assets(error)) => Ok(Err(error)),
        Err(error) => Err(error),
    };
    places.map(read).collect()
}

fn read_list(
    component: &dyn ComponentParts,
    range: Range<u64>,
    max: u64,
) -> Result<AssetList, Error> {
    let size = range.end - range.start;
    if size > max {
        return Err(packed::Error::ListSize { size, max }.into());
    }
    let mut bytes = Vec::new();
    component.copy(range, &mut bytes)?;
    Ok(AssetList::decode(&bytes).map_err(packed::Error::from)?)
}

/// Reads the first list of files in a component, which must have one. Blocks.
pub fn packed_files(component: &dyn ComponentParts) -> Result<PackedFiles, Error> {
    Ok(find_packed_files(component, MAX_LIST_BYTES)?.ok_or(packed::Error::NoList)?)
}

/// Reads the first list of files in a component, if it has one. Fails if the list has more than `max` bytes. Blocks.
pub fn find_packed_files(
    component: &dyn ComponentParts,
    max: u64,
) -> Result<Option<PackedFiles>, Error> {
    let Some(place) = component.find_assets()?.into_iter().next() else {
        return Ok(None);
    };
    let list = read_list(component, place.list, max)?;
    let data = format!("{}module[{}]/data[0]", place.component, list.module);
    let range = match component.find(&data) {
        // A component without contents has no data section.
        Err(Error::Section(section::Error::Unknown { .. })) => 0..0,
        found => found?,
    };
    let files = PackedFiles::new(list, range).ok_or(packed::Error::Data { data })?;
    Ok(Some(files))
}

/// Returns whether the section paths of the layers and the exports suggest that a component has a list of files.
///
/// A component with files exports the preopened directories. A bundle hides that export, but its larger files are
/// segments of a nested component.
pub fn may_list_files<'a>(paths: impl IntoIterator<Item = &'a str>, exports: &[String]) -> bool {
    const PREOPENS: &str = "wasi:filesystem/preopens@";
    // A section path has `_` in place of `:`.
    const LIST: &str = ":wharf_assets";
    let suggests_list = |path: &str| {
        let is_nested = path.starts_with("component[");
        path.ends_with(LIST) || path.contains("/group[") || is_nested && path.contains("/segment[")
    };
    exports.iter().any(|export| export.starts_with(PREOPENS))
        || paths.into_iter().any(suggests_list)
}

/// Writes a file of a component, and fails at its end if the bytes do not have the listed digest. Blocks.
pub fn copy_file(
    component: &dyn ComponentParts,
    file: &PackedFile,
    output: &mut dyn Write,
) -> Result<(), Error> {
    let mut output = HashingWriter::new(output);
    match file.range.clone() {
        Some(range) => component.copy(range, &mut output)?,
        None => component.copy_remote(file, 0..file.identity.size, &mut output)?,
    }
    let checked = output.into_hasher().check(file.identity);
    Ok(checked.map_err(|source| {
        let path = file.path.clone();
        packed::Error::Damaged { path, source }
    })?)
}
