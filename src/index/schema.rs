//! The tables of one file of the index.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, ffi};

/// The version of the tables. Each version has its own files, because everything can be read again.
pub(super) const VERSION: i64 = 5;

/// The longest wait for another process that is writing.
const PATIENCE: Duration = Duration::from_secs(30);

const TABLES: &str = "
    -- In the file of a shared index this table has one row. Its generation changes with its entries. The main file has
    -- the generation for which the row ids were made.
    CREATE TABLE source (
        id INTEGER PRIMARY KEY,
        source TEXT NOT NULL UNIQUE,
        updated INTEGER,
        failures INTEGER NOT NULL DEFAULT 0,
        state BLOB,
        generation INTEGER NOT NULL DEFAULT 0
    );
    -- One row per manifest. `imports` and `exports` are ids of parts, and `layers` is a JSON array of such ids.
    CREATE TABLE artifact (
        id INTEGER PRIMARY KEY,
        digest BLOB NOT NULL UNIQUE,
        split INTEGER NOT NULL,
        content BLOB NOT NULL,
        imports INTEGER REFERENCES part (id),
        exports INTEGER REFERENCES part (id),
        description TEXT,
        licenses TEXT,
        layers TEXT NOT NULL,
        wit INTEGER NOT NULL
    );
    -- Layers, and lists of names with their attributes as JSON. Many manifests share them.
    CREATE TABLE part (id INTEGER PRIMARY KEY, value BLOB NOT NULL UNIQUE);
    -- One row per tag and source.
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
        UNIQUE (source, location, tag)
    );
    CREATE INDEX entry_artifact ON entry (artifact);
    -- Manifests of other artifacts, which need not be fetched again.
    CREATE TABLE other (
        source INTEGER NOT NULL REFERENCES source (id),
        digest BLOB NOT NULL,
        PRIMARY KEY (source, digest)
    ) WITHOUT ROWID;
    -- Stubs, each a zstd frame. A stub that does not compress is stored as it is.
    CREATE TABLE stub (artifact INTEGER PRIMARY KEY, size INTEGER NOT NULL, frame BLOB NOT NULL);

    -- Only the main file has rows in the following tables. They are derived from all files.
    -- The tags in the order of answers. `source` is the shared index that has the entry. Answers show this `yanked`.
    CREATE TABLE row (
        id INTEGER PRIMARY KEY,
        source INTEGER,
        entry INTEGER NOT NULL,
        yanked INTEGER NOT NULL
    );
    -- Posting lists: row ids as roaring bitmaps. The name stands for `interface`. `path` is one of the two without its
    -- version. If their paths differ, there are two rows with one id.
    CREATE TABLE used (
        id INTEGER NOT NULL,
        path TEXT NOT NULL,
        name TEXT NOT NULL,
        interface TEXT NOT NULL,
        is_export INTEGER NOT NULL,
        rows BLOB NOT NULL,
        PRIMARY KEY (path, name, interface, is_export)
    );
    -- Sets of imports, each with the rows that have it. A set is a list of ids of `used`, each in four bytes, little
    -- endian. Components built by the same tools have the same imports, so there are far fewer sets than rows.
    CREATE TABLE import_set (used BLOB NOT NULL, rows BLOB NOT NULL);
    -- Wharf splits texts into words, so the tokenizer only has to split at spaces.
    CREATE VIRTUAL TABLE word USING fts5(text, content='', columnsize=0, detail=none, tokenize='ascii');
    -- Word beginnings that very many rows have. FTS5 would visit their rows one by one.
    CREATE TABLE common (beginning TEXT PRIMARY KEY, rows BLOB NOT NULL);
    -- At most one row.
    CREATE TABLE numbering (count INTEGER NOT NULL, begins BLOB NOT NULL);
";

/// Opens a file and creates its tables if it is new. Fails with [`damage`] if it has tables of another version.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    if version(&connection)? == 0 {
        // Readers continue while another process writes.
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have created the tables meanwhile.
        if version(&transaction)? == 0 {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        transaction.commit()?;
    }
    match version(&connection)? {
        VERSION => Ok(connection),
        version => Err(damage(format!("it has version {version}, not {VERSION}"))),
    }
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Reads a whole file and fails with [`damage`] if it is not consistent.
pub(super) fn check(connection: &Connection) -> rusqlite::Result<()> {
    let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said != "ok" {
        return Err(damage(said));
    }
    match connection.prepare("PRAGMA foreign_key_check")?.exists([])? {
        true => Err(damage("a row refers to one that is missing".to_owned())),
        false => Ok(()),
    }
}

/// Returns the error for a damaged file.
pub(super) fn damage(reason: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(reason))
}
