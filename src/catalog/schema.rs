//! The index's file: opened, made, and made anew where it cannot be read.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::{Error, Index, fill, sources};

/// The version of the tables. Another one has another file: all of it can be read again.
const VERSION: i64 = 2;

/// How long one process waits for another that writes.
const PATIENCE: Duration = Duration::from_secs(30);

const TABLES: &str = "
    CREATE TABLE source (
        id INTEGER PRIMARY KEY,
        source TEXT NOT NULL UNIQUE,
        -- Whether it is a shared index, which claims what others read.
        shared INTEGER NOT NULL,
        updated INTEGER,
        failures INTEGER NOT NULL DEFAULT 0,
        state BLOB
    );
    -- One row a manifest and who says what it is; imports, exports and layers are lists of the ids of interfaces
    -- and layers.
    CREATE TABLE artifact (
        id INTEGER PRIMARY KEY,
        digest BLOB NOT NULL,
        -- 0 where this machine read the manifest, else the shared index that says so. No row is of both.
        claim INTEGER NOT NULL,
        split INTEGER NOT NULL,
        content BLOB NOT NULL,
        content_size INTEGER NOT NULL,
        imports BLOB,
        exports BLOB,
        description TEXT,
        licenses TEXT,
        layers BLOB NOT NULL,
        wit INTEGER NOT NULL,
        UNIQUE (digest, claim)
    );
    CREATE TABLE interface (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, path TEXT NOT NULL);
    CREATE INDEX interface_path ON interface (path);
    CREATE TABLE layer (
        id INTEGER PRIMARY KEY,
        content BLOB NOT NULL,
        content_size INTEGER NOT NULL,
        blob BLOB NOT NULL,
        blob_size INTEGER NOT NULL,
        UNIQUE (content, content_size, blob, blob_size)
    );
    -- One row a tag; `row` is its place in the order in which answers are shown, and `yanked` what is shown there,
    -- while `said` is what this source says.
    CREATE TABLE entry (
        id INTEGER PRIMARY KEY,
        source INTEGER NOT NULL REFERENCES source (id),
        artifact INTEGER NOT NULL REFERENCES artifact (id),
        name TEXT NOT NULL,
        location TEXT NOT NULL,
        tag TEXT NOT NULL,
        version TEXT,
        yanked INTEGER NOT NULL,
        said INTEGER NOT NULL,
        mark BLOB,
        row INTEGER UNIQUE,
        UNIQUE (source, location, tag)
    );
    CREATE INDEX entry_artifact ON entry (artifact);
    -- What is no component need not be fetched again.
    CREATE TABLE other (
        source INTEGER NOT NULL REFERENCES source (id),
        digest BLOB NOT NULL,
        PRIMARY KEY (source, digest)
    ) WITHOUT ROWID;
    -- What types are read from, each a zstd frame: of a manifest that was read from its own root, of a claimed one
    -- from the index that claims it.
    CREATE TABLE stub (artifact INTEGER PRIMARY KEY, size INTEGER NOT NULL, frame BLOB NOT NULL);
    -- The rows that import or export something, that have one of a run of words, that begin a package; and of
    -- each set of imports.
    CREATE TABLE used (
        interface INTEGER NOT NULL,
        is_export INTEGER NOT NULL,
        rows BLOB NOT NULL,
        PRIMARY KEY (interface, is_export)
    );
    CREATE TABLE word (first TEXT PRIMARY KEY, run BLOB NOT NULL);
    CREATE TABLE outline (name TEXT PRIMARY KEY, count INTEGER NOT NULL, rows BLOB NOT NULL);
";

impl Index {
    /// Opens the index that a path stands for, making it where there is none. The file has the version of its tables
    /// in its name, so that two versions of wharf leave each other's alone. One that cannot be read is begun anew,
    /// with its sources, of which nothing is known then; [`Index::rebuilt`] says why.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = versioned(path);
        if is_blank(&file) && !sources::read(&sources_of(path))?.is_empty() {
            return Self::renew(path, None, None);
        }
        match Self::connect(path) {
            Ok(index) => Ok(index),
            Err(Unusable::Fails(error)) => Err(error),
            Err(Unusable::Other(reason)) => Self::renew(path, Some(reason), None),
        }
    }

    /// Begins anew, after reading or writing failed with an error that [says so](Error::is_damage); where another
    /// process did so meanwhile, its index is opened.
    pub fn discard(&mut self, error: &Error) -> Result<(), Error> {
        let reason = match error {
            Error::Sqlite { source, .. } => source.to_string(),
            error => error.to_string(),
        };
        *self = Self::renew(&self.base, Some(reason), self.file)?;
        Ok(())
    }

    /// Opens the file again if another process began it anew since it was opened. Returns whether it did.
    pub fn reopen(&mut self) -> Result<bool, Error> {
        if FileId::of(&self.path) == self.file {
            return Ok(false);
        }
        *self = Self::open(&self.base)?;
        Ok(true)
    }

    /// Begins anew, unless another process did since the file `had` was opened.
    fn renew(path: &Path, reason: Option<String>, had: Option<FileId>) -> Result<Self, Error> {
        let _locked = lock(path)?;
        let file = versioned(path);
        let is_other = had.is_some() && FileId::of(&file) != had;
        if !is_blank(&file) && (had.is_none() || is_other) {
            match Self::connect(path) {
                Ok(index) => return Ok(index),
                Err(Unusable::Fails(error)) => return Err(error),
                Err(Unusable::Other(_)) => {}
            }
        }
        let sources = sources::read(&sources_of(path))?;
        // Made aside, so that nobody finds half of it, and nobody finds none.
        let aside = beside(&file, "new");
        remove(&aside)?;
        let fails = || Error::sqlite(&aside);
        let mut connection = Connection::open(&aside).map_err(fails())?;
        prepare(&mut connection).map_err(fails())?;
        for source in &sources {
            fill::add(&connection, source).map_err(fails())?;
        }
        let closed = connection.close();
        closed.map_err(|(_, error)| fails()(error))?;
        remove_log(&file)?;
        fs::rename(&aside, &file).map_err(Error::file(&file))?;
        let mut index = Self::connect(path).map_err(|unusable| match unusable {
            Unusable::Fails(error) => error,
            Unusable::Other(reason) => Error::Unusable {
                path: file.clone(),
                reason,
            },
        })?;
        let missing = || "there is none yet for this version of wharf".to_owned();
        index.rebuilt = Some(reason.unwrap_or_else(missing));
        Ok(index)
    }

    fn connect(path: &Path) -> Result<Self, Unusable> {
        let file = versioned(path);
        let fails = |error| Unusable::of(&file, error);
        let mut connection = Connection::open(&file).map_err(fails)?;
        let version = prepare(&mut connection).map_err(fails)?;
        if version != VERSION {
            let reason = format!("it has version {version}, not {VERSION}");
            return Err(Unusable::Other(reason));
        }
        Ok(Self {
            connection,
            base: path.to_owned(),
            file: FileId::of(&file),
            path: file,
            rebuilt: None,
        })
    }

    /// Reads the whole file, and fails with an error that [says so](Error::is_damage) if it does not hold together.
    pub fn check(&self) -> Result<(), Error> {
        let check = || {
            let said: String = self
                .connection
                .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            if said != "ok" {
                let damage = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
                return Err(rusqlite::Error::SqliteFailure(damage, Some(said)));
            }
            let mut dangling = self.connection.prepare("PRAGMA foreign_key_check")?;
            match dangling.exists([])? {
                true => Err(rusqlite::Error::QueryReturnedNoRows),
                false => Ok(()),
            }
        };
        check().map_err(Error::sqlite(&self.path))
    }

    /// Returns why the file was begun anew, if it was.
    pub fn rebuilt(&self) -> Option<&str> {
        self.rebuilt.as_deref()
    }

    pub(super) fn sources_file(&self) -> PathBuf {
        sources_of(&self.base)
    }

    /// Keeps other processes from beginning anew, and from writing the list of sources.
    pub(super) fn lock(&self) -> Result<File, Error> {
        lock(&self.base)
    }
}

/// Tells one file from another that has its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    fn of(file: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(file).ok()?;
        Some(Self(metadata.dev(), metadata.ino()))
    }

    /// An open file is not replaced there.
    #[cfg(not(unix))]
    fn of(_: &Path) -> Option<Self> {
        Some(Self(0, 0))
    }
}

/// Returns the file of this version of the tables.
fn versioned(path: &Path) -> PathBuf {
    let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_owned();
    let mut name = text(path.file_stem());
    name.push(format!("-{VERSION}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Whether there is no file, or one that is shorter than a database's header: <https://www.sqlite.org/fileformat2.html>.
fn is_blank(file: &Path) -> bool {
    fs::metadata(file).map_or(true, |metadata| metadata.len() < 100)
}

/// Returns the file of the list of sources, which all versions share.
fn sources_of(path: &Path) -> PathBuf {
    beside(path, "sources")
}

fn lock(path: &Path) -> Result<File, Error> {
    let lock = beside(path, "lock");
    let open = || {
        let file = File::create(&lock)?;
        file.lock()?;
        Ok(file)
    };
    open().map_err(Error::file(&lock))
}

fn remove(file: &Path) -> Result<(), Error> {
    remove_log(file)?;
    removed(file)
}

/// Removes what SQLite keeps beside a database: <https://www.sqlite.org/wal.html>.
fn remove_log(file: &Path) -> Result<(), Error> {
    removed(&beside(file, "wal"))?;
    removed(&beside(file, "shm"))
}

fn removed(file: &Path) -> Result<(), Error> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file(file)(error)),
        _ => Ok(()),
    }
}

/// Makes the tables of a new file and returns the version of what is there.
fn prepare(connection: &mut Connection) -> rusqlite::Result<i64> {
    let version =
        |connection: &Connection| connection.query_row("PRAGMA user_version", [], |row| row.get(0));
    connection.busy_timeout(PATIENCE)?;
    let there = version(connection)?;
    if there != 0 {
        return Ok(there);
    }
    // Readers go on while somebody writes.
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been first.
    if version(&transaction)? == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    version(connection)
}

/// Why a file is no index that can be used.
enum Unusable {
    /// It holds something else.
    Other(String),
    /// It could not be looked at.
    Fails(Error),
}

impl Unusable {
    fn of(path: &Path, error: rusqlite::Error) -> Self {
        match is_damage(&error) {
            true => Self::Other(error.to_string()),
            false => Self::Fails(Error::sqlite(path)(error)),
        }
    }
}

/// Returns whether an error is about what the file holds. Tables that are missing are damage too.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    let damaged = [
        ErrorCode::NotADatabase,
        ErrorCode::DatabaseCorrupt,
        // A row names one that is not there.
        ErrorCode::ConstraintViolation,
        ErrorCode::Unknown,
    ];
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => damaged.contains(&failure.code),
        rusqlite::Error::SqlInputError { .. }
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::QueryReturnedNoRows
        | rusqlite::Error::Utf8Error(..)
        | rusqlite::Error::InvalidColumnType(..) => true,
        _ => false,
    }
}

/// Returns whether an error is about what may be written.
pub(super) fn is_about_rights(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// Returns the path of a file that belongs to another.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!("-{suffix}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_written_is_told_from_what_is_damaged() {
        let directory = tempfile::tempdir().unwrap();
        let nowhere = Connection::open(directory.path().join("a/b")).unwrap_err();
        let read_only = Connection::open_in_memory().unwrap();
        read_only.pragma_update(None, "query_only", true).unwrap();
        let refused = read_only.execute_batch("CREATE TABLE a (b)").unwrap_err();
        for error in [nowhere, refused] {
            assert!(is_about_rights(&error) && !is_damage(&error), "{error}");
        }
    }

    #[test]
    fn rows_that_name_what_is_gone_are_damage() {
        let directory = tempfile::tempdir().unwrap();
        let index = Index::open(&directory.path().join("index")).unwrap();
        index.check().unwrap();
        let broken = "PRAGMA foreign_keys = OFF;
            INSERT INTO other (source, digest) VALUES (7, x'00');";
        index.connection.execute_batch(broken).unwrap();
        assert!(index.check().unwrap_err().is_damage());
    }
}
