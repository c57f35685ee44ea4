//! Packages and the search index.

mod packages;
mod search;

#[path = "../support/mod.rs"]
#[doc(hidden)]
pub mod support;
