//! wharf stores WebAssembly components in container registries, one layer per section, and gives back
//! the exact bytes. This is the library; the `wharf` command is a thin shell over it.
//!
//! ```text
//! push:  file -> section map -> split plan -> layers, config, manifest -> store
//! pull:  store -> manifest -> verified fetches (or the cache) -> splice -> whole digest -> rename
//! ```
//!
//! The format is written down in `docs/FORMAT.md`.
//!
//! The gateway (`wharf serve`) sits between other clients and a registry. A request passes through it as follows:
//!
//! ```text
//! gateway::server   reads the request from a connection, and writes the response
//! gateway::route    what the path names: a manifest, a blob, tags or referrers of a repository
//! gateway::upstream which store the repository is in, opened with the client's credentials
//! gateway::view     a split manifest becomes the flat manifest that the client expects
//! gateway::content  which bytes of which layers make up the component, in order
//! content           those bytes, verified; tried in this order: a decoded copy, the cache, a blob directory, the store
//! ```
//!
//! Manifests, lists and blobs of other artifacts come from the store itself.
//!
//! # Architecture
//!
//! | module | purpose |
//! | --- | --- |
//! | [`digest`] | digests, the hasher, the verifying reader |
//! | [`source`] | bytes that can be read at any offset |
//! | [`section`] | the section map, from headers alone |
//! | [`segment`] | data segments, and which code reads them |
//! | [`split`] | policy, plan, identities, splice |
//! | [`encoding`] | raw and zstd, bounded |
//! | [`stub`] | a component without code and data, from its root alone |
//! | [`world`] | the WIT of a component, or of a WIT package |
//! | [`fits`] | type checks: does a component fit a world, what plugs into what, is an upgrade compatible |
//! | [`manifest`], [`metadata`] | manifests as values; a component's own metadata |
//! | [`artifact`] | split and flat artifacts: build, read, validate |
//! | [`component`], [`exploded`] | a component about to be stored; one in a directory of titled files |
//! | [`reference`](mod@reference) | references and names |
//! | [`store`] | one trait to read and one to write; layouts, registries, blob directories, the cache |
//! | [`content`] | verified bytes from a decoded copy, the cache, a blob directory or a store, fetched and decoded once |
//! | [`copy`], [`push`], [`pull`] | blobs and artifacts from store to store; a component to a store and back |
//! | [`acceptance`] | the gate that every artifact passes: ownership, yank, immutability, pinned digests |
//! | [`package`] | packages: where they are, how a requirement selects a version, publishing, locking |
//! | [`index`] | the local search index and its queries |
//! | [`gateway`] | a registry to read from, which shows split artifacts in their flat form |
//! | [`text`] | untrusted text, made safe to print |
//! | [`error`](mod@error) | errors, and their kinds |
//!
//! **Architecture invariant:** stores and `copy` know nothing about Wasm; `section`, `segment`, `split`, `stub` and
//! `world` know nothing about OCI. They meet in `artifact`, and the verbs join them.
//!
//! **Architecture invariant:** the core is pure. `digest`, `section`, `segment`, `split`, `encoding`, `stub`, `world`,
//! `manifest`, `metadata`, `artifact` and `reference` take bytes or readers and return values: no files,
//! no sockets, no async, no environment. The library never prints.
//!
//! **Architecture invariant:** raw bytes are the truth. No part of a component is re-encoded, no section
//! header is recomputed, a manifest's digest is that of the bytes it was read from.
//!
//! **Architecture invariant:** an unverified byte is never called complete. Blobs are checked where they
//! enter ([`store::fetch`]), contents where they are spliced, and the whole before it gets its name.
//!
//! **Architecture invariant:** nothing that is digested depends on a clock, on a hash order, on a host or
//! on how bytes arrive.
//!
//! `tests/core/layering` reads the sources and fails on an import that breaks these, and on an import circle.
//!
//! # Where to add something
//!
//! | to add | change |
//! | --- | --- |
//! | a command | its file in `src/cli/`, the list in `src/cli.rs`, a golden case in `testdata/cli/` |
//! | a kind of store | its file in `src/store/`, its reference syntax in `src/reference.rs`, one arm in `src/package/connect.rs` |
//! | an upstream of the gateway | for a kind of store that exists, one arm in `src/gateway/upstream.rs` |
//! | an encoding | `src/encoding.rs`, what a decoder reads in `src/content/stored.rs`, how the gateway sends it in `src/gateway/content/plan.rs` |
//! | an acceptance rule | `src/acceptance.rs`, its hint in `src/cli/hints.rs`, and what it must know of an artifact in `src/pull/open.rs` |

#![cfg_attr(not(test), warn(clippy::expect_used, clippy::unwrap_used))]
#![warn(clippy::print_stderr, clippy::print_stdout)]

pub mod acceptance;
pub mod artifact;
pub mod component;
pub mod content;
pub mod copy;
pub mod digest;
pub mod encoding;
pub mod error;
pub mod exploded;
pub mod fits;
pub mod gateway;
pub mod index;
pub mod manifest;
pub mod metadata;
pub mod package;
mod pipe;
pub mod pull;
pub mod push;
pub mod reference;
pub mod section;
pub mod segment;
pub mod source;
pub mod split;
pub mod store;
pub mod stub;
pub mod text;
pub mod world;
