//! The local search index: SQLite files, filled from registries, layouts and shared indexes, and queried by
//! interface and by word.
//!
//! All contents can be read again from the sources, so damaged files are rebuilt. `docs/SEARCH.md` defines the
//! answers. This module must not know the command line or the gateway, and no other module uses SQLite. It must not
//! trust a shared index: its entries are claims, and a fetched artifact is always verified.
//!
//! | module | purpose |
//! | --- | --- |
//! | `record`, `interface` | records of manifests and tags; patterns for interface names |
//! | `sources` | the list of sources |
//! | `schema`, `table`, `files` | the tables of one file, their rows, and all files in one transaction |
//! | `row_id` | row ids and posting lists |
//! | `local`, `checked` | the index: opened, read and written, and rebuilt if it is damaged |
//! | `import`, `status` | writes of a source's contents; the sources and their state |
//! | `query`, `types`, `candidates` | queries by name and word, and by type |
//! | `fetch_size` | the bytes that a pull of an answer would fetch |
//! | `shared`, `extract`, `exchange` | shared indexes: their format, their contents, publishing and reading |
//! | `reader`, `source_reader`, `update`, `root` | reading of repositories, sources and roots |

mod candidates;
mod checked;
mod error;
mod event;
pub mod exchange;
mod extract;
mod fetch_size;
mod files;
mod import;
pub mod interface;
mod local;
mod query;
mod reader;
mod record;
mod root;
mod row_id;
mod schema;
pub mod shared;
mod source_reader;
mod sources;
mod status;
mod table;
mod types;
mod update;

pub use self::candidates::{Candidates, Fitting};
pub use self::checked::CheckedIndex;
pub use self::error::Error;
pub use self::event::{Event, Unread, Watch};
pub use self::extract::{LeftOut, Selection};
pub use self::fetch_size::FetchSizes;
pub use self::import::{Imported, SourceContents};
pub use self::interface::Pattern;
pub use self::local::{Index, path};
pub use self::query::{Answer, Found, Named, Query};
pub use self::record::{Entry, Externs, Record, RecordLayer, has_words};
pub use self::root::complete;
pub use self::sources::Source;
pub use self::status::{Known, Status};
pub use self::types::{Match, Types};
pub use self::update::{SourceReport, UpdateReport, Updater};
