//! The index's file: opened, made, and made anew where it cannot be read.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::{Error, Index, sources};

/// The version of the tables. A file of another one is begun anew: all of it can be read again.
const VERSION: i64 = 2;

/// How long one process waits for another that writes.
const PATIENCE: Duration = Duration::from_secs(30);

const TABLES: &str = "
    CREATE TABLE source (
        id INTEGER PRIMARY KEY,
        source TEXT NOT NULL UNIQUE,
        updated INTEGER,
        failures INTEGER NOT NULL DEFAULT 0,
        state BLOB
    );
    -- One row a manifest; imports, exports and layers are lists of the ids of interfaces and layers.
    CREATE TABLE artifact (
        id INTEGER PRIMARY KEY,
        digest BLOB NOT NULL UNIQUE,
        split INTEGER NOT NULL,
        content BLOB NOT NULL,
        content_size INTEGER NOT NULL,
        imports BLOB,
        exports BLOB,
        description TEXT,
        licenses TEXT,
        layers BLOB NOT NULL,
        -- Whether this machine read the manifest, or a shared index says so.
        read INTEGER NOT NULL
    );
    CREATE TABLE interface (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, path TEXT NOT NULL);
    CREATE INDEX interface_path ON interface (path);
    CREATE TABLE layer (
        id INTEGER PRIMARY KEY,
        content BLOB NOT NULL,
        content_size INTEGER NOT NULL,
        blob BLOB NOT NULL,
        blob_size INTEGER NOT NULL,
        UNIQUE (content, blob)
    );
    -- One row a tag; `row` is its place in the order in which answers are shown.
    CREATE TABLE entry (
        id INTEGER PRIMARY KEY,
        source INTEGER NOT NULL REFERENCES source (id),
        artifact INTEGER NOT NULL REFERENCES artifact (id),
        name TEXT NOT NULL,
        location TEXT NOT NULL,
        tag TEXT NOT NULL,
        version TEXT,
        yanked INTEGER NOT NULL,
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
    -- What types are read from, each a zstd frame.
    CREATE TABLE stub (content BLOB PRIMARY KEY, size INTEGER NOT NULL, frame BLOB NOT NULL);
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
    /// Opens the index of a file, making it where there is none. One that cannot be read is begun anew, with
    /// its sources, of which nothing is known then; [`Index::rebuilt`] says why.
    pub fn open(path: &Path) -> Result<Self, Error> {
        match Self::connect(path) {
            Ok(index) => Ok(index),
            Err(Unusable::Fails(error)) => Err(error),
            Err(Unusable::Other(_)) => Self::renew(path, None),
        }
    }

    /// Begins anew, after reading or writing failed with an error that [says so](Error::is_damage).
    pub fn discard(self, error: &Error) -> Result<Self, Error> {
        let path = self.path.clone();
        drop(self);
        Self::renew(&path, Some(error.to_string()))
    }

    /// Begins anew; where no reason is given only if no other process did it first.
    fn renew(path: &Path, reason: Option<String>) -> Result<Self, Error> {
        let lock = beside(path, "lock");
        let open = || {
            let file = File::create(&lock)?;
            file.lock()?;
            Ok(file)
        };
        let _locked = open().map_err(Error::file(&lock))?;
        let reason = match (reason, Self::connect(path)) {
            (Some(reason), _) | (None, Err(Unusable::Other(reason))) => reason,
            (None, Ok(index)) => return Ok(index),
            (None, Err(Unusable::Fails(error))) => return Err(error),
        };
        for file in [path.to_owned(), beside(path, "wal"), beside(path, "shm")] {
            match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::file(&file)(error));
                }
                _ => {}
            }
        }
        let mut index = Self::connect(path).map_err(|unusable| match unusable {
            Unusable::Fails(error) => error,
            Unusable::Other(reason) => Error::Unusable {
                path: path.to_owned(),
                reason,
            },
        })?;
        for source in sources::read(&index.sources_file())? {
            index.add_source(&source)?;
        }
        index.rebuilt = Some(reason);
        Ok(index)
    }

    fn connect(path: &Path) -> Result<Self, Unusable> {
        let fails = |error| Unusable::of(path, error);
        let mut connection = Connection::open(path).map_err(fails)?;
        let version = prepare(&mut connection).map_err(fails)?;
        if version != VERSION {
            let reason = format!("it has version {version}, not {VERSION}");
            return Err(Unusable::Other(reason));
        }
        Ok(Self {
            connection,
            path: path.to_owned(),
            rebuilt: None,
        })
    }

    /// Returns why the file was begun anew, if it was.
    pub fn rebuilt(&self) -> Option<&str> {
        self.rebuilt.as_deref()
    }

    pub(super) fn sources_file(&self) -> PathBuf {
        beside(&self.path, "sources")
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
        ErrorCode::Unknown,
    ];
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => damaged.contains(&failure.code),
        rusqlite::Error::SqlInputError { .. }
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..) => true,
        _ => false,
    }
}

/// Returns the path of a file that belongs to another.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!("-{suffix}"));
    name.into()
}
