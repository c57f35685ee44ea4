//! wharf stores WebAssembly components in container registries, one layer per section, and returns the exact bytes.
//! This is the library; the `wharf` command parses arguments, calls it and prints. The library never prints, and
//! knows nothing about arguments, terminals or exit codes.
//!
//! ```text
//! push:  file -> section map -> split plan -> layers, config, manifest -> store
//! pull:  store -> manifest -> verified fetches (or the cache) -> splice -> check the whole digest -> rename
//! ```
//!
//! `docs/FORMAT.md` specifies the format.
//!
//! The gateway (`wharf serve`) sits between other clients and a registry. A request passes through it as follows:
//!
//! ```text
//! gateway::server   reads the request from a connection, and writes the response
//! gateway::route    parses the path: a manifest, a blob, tags or referrers of a repository
//! gateway::upstream selects the upstream, and opens the repository with the client's credentials
//! gateway::view     derives the flat manifest that the client expects from a split manifest
//! gateway::deltas   makes missing layers from an older version of the same repository, if upstream has a delta
//! gateway::content  plans which bytes of which layers make up the component, in order
//! content           reads and verifies those bytes; tries the decoded copy, cache, blob directories and store in order
//! ```
//!
//! Manifests, lists and blobs of other artifacts come from the store without changes.
//!
//! # Architecture
//!
//! | module | purpose |
//! | --- | --- |
//! | [`digest`] | digests, the hasher, the verifying reader |
//! | [`source`] | bytes that can be read at any offset |
//! | [`section`] | the section map, read from headers alone |
//! | [`segment`] | data segments, and the code that reads them |
//! | [`split`] | policy, plan, identities, splice |
//! | [`encoding`] | raw and zstd, with bounded memory |
//! | [`stub`] | a component without code and data, built from its root alone |
//! | [`world`] | the WIT of a component or of a WIT package |
//! | [`fits`] | type checks: whether a component fits a world, plugs into another one, or is a compatible upgrade |
//! | [`bundle`] | several components composed into one, which contains the bytes of each |
//! | [`manifest`], [`metadata`] | manifests as values; a component's own metadata |
//! | [`artifact`] | split and flat artifacts: build, read, validate |
//! | [`assets`] | files in a component that shows them as a preopened directory; a component that reads remote files |
//! | [`delta`] | delta files: the changes from one component to another |
//! | [`component`], [`exploded`] | a component before it is stored; a component in a directory of titled files |
//! | [`reference`](mod@reference) | references and names |
//! | [`store`] | a trait for reading and one for writing; layouts, registries, blob directories, the cache |
//! | [`content`] | verified bytes from a decoded copy, the cache, a blob directory or a store; fetched and decoded once |
//! | [`copy`], [`push`], [`pull`] | copy blobs and artifacts between stores; push and pull a component; attach deltas |
//! | [`acceptance`] | the checks that every artifact must pass: ownership, yank, immutability, pinned digests |
//! | [`package`] | packages: location, version selection, publishing, locking |
//! | [`index`] | the local search index and its queries |
//! | [`gateway`] | a read-only registry that shows split artifacts in their flat form |
//! | [`text`] | makes untrusted text safe to print |
//! | [`error`](mod@error) | errors and their kinds |
//!
//! **Architecture invariant:** stores and `copy` know nothing about Wasm; `section`, `segment`, `split`, `stub`, `bundle`
//! and `world` know nothing about OCI. They meet in `artifact`, which `push`, `pull` and other operations use.
//!
//! **Architecture invariant:** the core is pure. `digest`, `section`, `segment`, `split`, `encoding`, `stub`, `world`,
//! `fits`, `bundle`, `manifest`, `metadata`, `artifact`, `assets`, `reference`, `acceptance` and `text` take bytes or readers and
//! return values. They use no files, sockets, async code or environment variables.
//!
//! **Architecture invariant:** the raw bytes are authoritative. No part of a component is encoded again, and no section
//! header is recomputed. A bundle is a new component, but its parts stay as they are. A manifest's digest is the digest
//! of the bytes that were read.
//!
//! **Architecture invariant:** unverified bytes never count as complete. A blob is checked when it is fetched
//! ([`store::fetch`]), and a layer's content when it is spliced or when a delta makes it. The whole component is checked
//! before its file gets its final name.
//!
//! **Architecture invariant:** digests do not depend on a clock, a hash order, a host, or how bytes arrive.
//!
//! `tests/core/layering` reads the sources. It fails on imports that break these rules, and on import cycles.
//!
//! # Where to add something
//!
//! | to add | change |
//! | --- | --- |
//! | a command | its file in `src/cli/`, the list in `src/cli.rs`, a golden case in `testdata/cli/` |
//! | a kind of store | its file in `src/store/`, its reference syntax in `src/reference.rs`, one arm in `src/package/connect.rs` |
//! | an upstream of the gateway | if its kind of store exists: one arm in `src/gateway/upstream.rs` |
//! | an encoding | `src/encoding.rs`, the input of its decoder in `src/content/stored.rs`, its framing in `src/gateway/content/plan.rs` |
//! | an acceptance rule | `src/acceptance.rs`, its hint in `src/cli/hints.rs`, and the fact that it needs in `src/pull/open.rs` |

#![cfg_attr(not(test), warn(clippy::expect_used, clippy::unwrap_used))]
#![warn(clippy::print_stderr, clippy::print_stdout)]

pub mod acceptance;
pub mod artifact;
pub mod assets;
pub mod bundle;
pub mod component;
pub mod content;
pub mod copy;
pub mod delta;
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
