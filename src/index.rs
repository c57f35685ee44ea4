//! The search index of this machine: SQLite files that are filled from registries, layouts and shared indexes, and
//! queried by interface and by word.
//!
//! | module | purpose |
//! | --- | --- |
//! | `record`, `interface` | what the index knows about a manifest; patterns for interface names |
//! | `sources` | what was added to the index |
//! | `schema`, `table`, `files` | the tables of one file, their rows, and all files in one transaction |
//! | `row_id` | row ids and posting lists |
//! | `local` | the index itself: opened, rebuilt, read and written |
//! | `import`, `status` | what a source has, put into the index; what the index has |
//! | `query` | questions |
//! | `shared`, `extract`, `exchange` | shared indexes: the format, made from the index, published and fetched |
//! | `reader` | repositories, read for the index |
//!
//! Everything can be read again from its sources, so files that make no sense are rebuilt. `docs/SEARCH.md` says
//! what the answers mean.

mod error;
pub mod exchange;
mod extract;
mod files;
mod import;
pub mod interface;
mod local;
mod query;
mod reader;
mod record;
mod row_id;
mod schema;
pub mod shared;
mod sources;
mod status;
mod table;

pub use self::error::Error;
pub use self::extract::LeftOut;
pub use self::import::{Imported, SourceContents};
pub use self::interface::Pattern;
pub use self::local::{Index, path};
pub use self::query::{Answer, Found, Query};
pub use self::reader::{Failed, Reader, Reading, Repository, Which, record_of};
pub use self::record::{Entry, Externs, Record, RecordLayer, has_words};
pub use self::sources::Source;
pub use self::status::{Known, Status};
