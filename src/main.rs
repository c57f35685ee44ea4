//! The `wharf` command: WebAssembly components in container registries, one layer per section.

#![cfg_attr(not(test), warn(clippy::expect_used, clippy::unwrap_used))]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
