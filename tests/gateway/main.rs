//! The gateway: its answers, its connections, and the process that serves them.

mod content;
mod gateway;
mod gateway_front;
mod kubernetes;
mod serve;

#[path = "../support/mod.rs"]
#[doc(hidden)]
pub mod support;
