//! The gateway: a read-only registry that shows every split artifact in its flat form.
//!
//! Clients that know only one-layer artifacts pull from it what is stored by section. A manifest is derived, a
//! component is spliced while it is sent; everything that is not ours passes through unchanged.
//!
//! Spec: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>, the pull category.
//!
//! ```text
//! connection (server) -> Ask -> route -> upstream (whose rights?) -> view (flat or as it is) -> Reply
//!                                                                      content (layers -> spliced bytes)
//! ```

pub mod content;
pub mod front;
pub mod message;
pub mod metrics;
