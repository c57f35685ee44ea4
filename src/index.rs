//! The search index of this machine: SQLite files that are filled from registries, layouts and shared indexes, and
//! queried by interface and by word.
//!
//! | module | purpose |
//! | --- | --- |
//! | `record`, `interface` | what the index knows about a manifest; patterns for interface names |
//! | `sources` | what was added to the index |
//! | `schema`, `table`, `files` | the tables of one file, their rows, and all files in one transaction |
//! | `row_id` | row ids and posting lists |
//! | `local`, `checked` | the index itself: opened, read and written, and rebuilt if it is damaged |
//! | `import`, `status` | what a source has, put into the index; what the index has |
//! | `query`, `types`, `candidates` | questions: by name and word, and by type |
//! | `fetch_size` | how much a pull of an answer would fetch |
//! | `shared`, `extract`, `exchange` | shared indexes: the format, made from the index, published and fetched |
//! | `reader`, `source_reader`, `update`, `root` | repositories, sources and roots, read for the index |
//!
//! Everything can be read again from its sources, so files that make no sense are rebuilt. `docs/SEARCH.md` says
//! what the answers mean.

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
