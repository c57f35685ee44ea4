//! The `wharf` command: WebAssembly components in container registries, one layer per section.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
