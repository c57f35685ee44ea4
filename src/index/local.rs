//! The index on disk: its files are opened, rebuilt if damaged, read and written.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::Error;
use super::files::{Files, SharedIndexFile};
use super::row_id::assign_row_ids;
use super::schema::{self, VERSION};
use super::sources::{self, IndexSource};
use super::table;
use crate::digest::Digest;
use crate::store::cache::Cache;

/// Returns the path of the index that belongs to a cache.
pub fn path(cache: &Cache) -> PathBuf {
    cache.ingest().join("index.sqlite")
}

/// Copies the index of a cache that may only be read, for this run: SQLite writes even where it only reads.
pub(super) fn copy_read_only(cache: &Cache) -> Result<(), Error> {
    let base = path(cache);
    if let Some(directory) = cache.read_only_directory()
        && is_blank(&main_file(&base))
    {
        let name = base.file_name().unwrap_or_default();
        copy(&directory.join(name), &base)?;
    }
    Ok(())
}

/// Copies the files of an index that exist and may be read.
fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let claims = claims_directory(to);
    fs::create_dir_all(&claims).map_err(Error::file(&claims))?;
    let mut files = Vec::new();
    for name in [main_file, sources_file] {
        files.push((name(from), name(to)));
    }
    files.push((
        path_with_suffix(&main_file(from), "wal"),
        path_with_suffix(&main_file(to), "wal"),
    ));
    for entry in fs::read_dir(claims_directory(from))
        .into_iter()
        .flatten()
        .flatten()
    {
        files.push((entry.path(), claims.join(entry.file_name())));
    }
    for (from, to) in files {
        if let Ok(mut file) = File::open(from) {
            let mut copied = File::create(&to).map_err(Error::file(&to))?;
            io::copy(&mut file, &mut copied).map_err(Error::file(&to))?;
        }
    }
    Ok(())
}

/// An open index.
#[derive(Debug)]
pub struct Index {
    connection: Connection,
    file: PathBuf,
    /// The path from which the names of all files are derived.
    base: PathBuf,
    id: Option<FileId>,
    rebuilt: Option<String>,
}

impl Index {
    /// Opens the index at a path, and creates it if it is missing. File names carry the version of the tables, so
    /// two versions of wharf do not share files. A damaged file is rebuilt with its sources only.
    /// [`Index::rebuilt`] then returns the reason.
    pub fn open(base: &Path) -> Result<Self, Error> {
        if is_blank(&main_file(base)) && !sources::read(&sources_file(base))?.is_empty() {
            return Self::rebuild(base, None, None);
        }
        match Self::connect(base) {
            Err(error) if error.is_damage() => Self::rebuild(base, Some(error.reason()), None),
            opened => opened,
        }
    }

    /// Rebuilds the index after an error that [means damage](Error::is_damage). If another process has rebuilt it,
    /// this opens that index.
    pub fn discard(&mut self, error: &Error) -> Result<(), Error> {
        *self = Self::rebuild(&self.base, Some(error.reason()), self.id)?;
        Ok(())
    }

    /// Opens the index again if another process rebuilt it. Returns whether it did.
    pub fn reopen(&mut self) -> Result<bool, Error> {
        if FileId::of(&self.file) == self.id {
            return Ok(false);
        }
        *self = Self::open(&self.base)?;
        Ok(true)
    }

    /// Rebuilds the index, unless another process has done so since the file `had` was opened.
    fn rebuild(base: &Path, reason: Option<String>, had: Option<FileId>) -> Result<Self, Error> {
        let _locked = lock(base)?;
        let file = main_file(base);
        if !is_blank(&file) && (had.is_none() || FileId::of(&file) != had) {
            match Self::connect(base) {
                Err(error) if error.is_damage() => {}
                opened => return opened,
            }
        }
        let sources = sources::read(&sources_file(base))?;
        let claims = claims_directory(base);
        ignore_missing(fs::remove_dir_all(&claims)).map_err(Error::file(&claims))?;
        // The new file gets its name only when it is complete, so that no process sees a partial file or none.
        let aside = path_with_suffix(&file, "new");
        remove(&aside)?;
        let create = || {
            let connection = schema::open(&aside)?;
            for source in &sources {
                table::add_source(&connection, source)?;
            }
            connection.close().map_err(|(_, error)| error)
        };
        create().map_err(Error::sqlite(&aside))?;
        remove_log(&file)?;
        fs::rename(&aside, &file).map_err(Error::file(&file))?;
        let mut index = Self::connect(base)?;
        let missing = || "there is none yet for this version of wharf".to_owned();
        index.rebuilt = Some(reason.unwrap_or_else(missing));
        Ok(index)
    }

    fn connect(base: &Path) -> Result<Self, Error> {
        let file = main_file(base);
        Ok(Self {
            connection: schema::open(&file).map_err(Error::sqlite(&file))?,
            base: base.to_owned(),
            id: FileId::of(&file),
            file,
            rebuilt: None,
        })
    }

    /// Returns why the index was rebuilt, if it was.
    pub fn rebuilt(&self) -> Option<&str> {
        self.rebuilt.as_deref()
    }

    /// Reads all files completely. If they are not consistent, this fails with an error that [means
    /// damage](Error::is_damage).
    pub fn check(&self) -> Result<(), Error> {
        self.snapshot(|files| files.all().try_for_each(schema::check))
    }

    /// Reads one state of each file. The row ids may be out of date.
    pub(super) fn snapshot<T>(
        &self,
        work: impl FnOnce(&mut Files<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.with_files(TransactionBehavior::Deferred, work)
    }

    /// Reads one state of each file, with up-to-date row ids.
    pub(super) fn with_row_ids<T>(
        &self,
        work: impl Fn(&mut Files<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let read = self.snapshot(|files| match files.is_numbered()? {
            true => work(files).map(Some),
            false => Ok(None),
        })?;
        if let Some(read) = read {
            return Ok(read);
        }
        // Another process is about to commit the main file, or was killed before.
        let _locked = self.lock()?;
        self.write(|files| {
            if !files.is_numbered()? {
                assign_row_ids(files)?;
            }
            work(files)
        })
    }

    /// Writes all files, each in one transaction. The caller holds the [lock](Self::lock).
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&mut Files<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.with_files(TransactionBehavior::Immediate, work)
    }

    fn with_files<T>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&mut Files<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let run = || {
            let own = Transaction::new_unchecked(&self.connection, behavior)?;
            let mut opened = Vec::new();
            for (source, id) in table::sources(&own)? {
                let file = self.claims_file(&source);
                // A source that was added and never read has no file.
                if source.is_shared() && file.exists() {
                    opened.push((source, id, schema::open(&file)?));
                }
            }
            let claims = opened.iter().map(|(source, id, connection)| {
                Ok(SharedIndexFile {
                    source,
                    id: *id,
                    transaction: Transaction::new_unchecked(connection, behavior)?,
                })
            });
            let claims = claims.collect::<rusqlite::Result<_>>()?;
            let mut files = Files { own, claims };
            let done = work(&mut files)?;
            files.commit()?;
            Ok(done)
        };
        run().map_err(Error::sqlite(&self.file))
    }

    fn claims_file(&self, source: &IndexSource) -> PathBuf {
        let name = Digest::of(source.to_string().as_bytes()).hex();
        claims_directory(&self.base).join(format!("{name}.sqlite"))
    }

    /// Creates the file of a shared index if it is missing. The caller holds the lock.
    pub(super) fn create_claims(&self, source: &IndexSource) -> Result<(), Error> {
        let directory = claims_directory(&self.base);
        fs::create_dir_all(&directory).map_err(Error::file(&directory))?;
        let file = self.claims_file(source);
        let created = schema::open(&file).and_then(|connection| {
            table::add_source(&connection, source)?;
            Ok(())
        });
        created.map_err(Error::sqlite(&file))
    }

    /// Removes the file of a shared index. The caller holds the lock.
    pub(super) fn remove_claims(&self, source: &IndexSource) -> Result<(), Error> {
        remove(&self.claims_file(source))
    }

    pub(super) fn sources_file(&self) -> PathBuf {
        sources_file(&self.base)
    }

    /// Locks the index and the list of sources against writes and rebuilds by other processes.
    pub(super) fn lock(&self) -> Result<File, Error> {
        lock(&self.base)
    }
}

/// The device and the inode of a file. They differ if a file was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    fn of(file: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(file).ok()?;
        Some(Self(metadata.dev(), metadata.ino()))
    }

    /// An open file cannot be replaced on these systems.
    #[cfg(not(unix))]
    fn of(_: &Path) -> Option<Self> {
        Some(Self(0, 0))
    }
}

/// Returns the path of the main file, which has the version of the tables in its name: `index-5.sqlite` for
/// `index.sqlite`.
fn main_file(base: &Path) -> PathBuf {
    versioned_path(base, ".sqlite")
}

/// Returns the directory for the files of shared indexes: `index-5-shared` for `index.sqlite`.
fn claims_directory(base: &Path) -> PathBuf {
    versioned_path(base, "-shared")
}

fn versioned_path(base: &Path, end: &str) -> PathBuf {
    let mut name = base.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{VERSION}{end}"));
    base.with_file_name(name)
}

/// Returns whether a file is missing or shorter than a database's header:
/// <https://www.sqlite.org/fileformat2.html>.
fn is_blank(file: &Path) -> bool {
    fs::metadata(file).map_or(true, |metadata| metadata.len() < 100)
}

/// Returns the path of the list of sources, which all versions share.
fn sources_file(base: &Path) -> PathBuf {
    path_with_suffix(base, "sources")
}

fn lock(base: &Path) -> Result<File, Error> {
    let lock = path_with_suffix(base, "lock");
    let open = || {
        let file = File::create(&lock)?;
        file.lock()?;
        Ok(file)
    };
    open().map_err(Error::file(&lock))
}

fn remove(file: &Path) -> Result<(), Error> {
    remove_log(file)?;
    ignore_missing(fs::remove_file(file)).map_err(Error::file(file))
}

/// Removes the files that SQLite writes beside a database: <https://www.sqlite.org/wal.html>.
fn remove_log(file: &Path) -> Result<(), Error> {
    for suffix in ["wal", "shm"] {
        let log = path_with_suffix(file, suffix);
        ignore_missing(fs::remove_file(&log)).map_err(Error::file(&log))?;
    }
    Ok(())
}

fn ignore_missing(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn path_with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!("-{suffix}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_to_missing_rows_are_damage() {
        let directory = tempfile::tempdir().unwrap();
        let index = Index::open(&directory.path().join("index")).unwrap();
        index.check().unwrap();
        let broken = "PRAGMA foreign_keys = OFF;
            INSERT INTO other (source, digest) VALUES (7, x'00');";
        index.connection.execute_batch(broken).unwrap();
        assert!(index.check().unwrap_err().is_damage());
    }
}
