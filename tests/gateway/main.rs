//! The gateway: its answers, its connections, and the process that serves them.

mod connections;
mod content;
mod gateway;
mod kubernetes;
mod serve;

#[path = "../support/mod.rs"]
#[doc(hidden)]
pub mod support;
