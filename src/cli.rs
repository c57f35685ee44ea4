//! The command line: one file per command, and the code that commands share.

mod arguments;
mod assets;
mod bundle;
mod cache;
mod cat;
mod check;
mod completions;
mod component_input;
mod config;
mod copy;
mod delta;
mod diff;
mod failure;
mod get;
mod hints;
mod index;
mod input;
mod inspect;
mod layers;
mod list;
mod login;
mod logout;
mod mirror;
mod names;
mod output;
mod patch;
mod progress;
mod publication;
mod publish;
mod pull;
mod push;
mod search;
mod segments;
mod serve;
mod settings;
mod splice;
mod split;
mod stdout;
mod text;
mod transfer_summary;
mod versions;
mod wit;
mod worlds;
mod yank;

use std::borrow::Cow;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};

use self::failure::{Failure, exit_code};
use self::settings::{Context, Shared};
use wharf::error::Kind;
use wharf::reference::redact;

/// Store WebAssembly components in container registries
///
/// wharf stores each large section of a component as an OCI layer, and gives back the exact original bytes.
/// Components have layers in common, such as language runtimes, adapters and debug information. wharf
/// stores and fetches each of them once.
#[derive(Debug, Parser)]
#[command(name = "wharf", version, max_term_width = 100, after_help = EXAMPLES)]
struct Arguments {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Command,
}

/// The longest wait for abandoned work at the end of a run.
const END: std::time::Duration = std::time::Duration::from_secs(1);

const EXAMPLES: &str = "\
Examples:
  wharf publish calc.wasm demo:calc@1.0.0   publish a version in the local layout
  wharf get demo:calc@^1                    download it as calc.wasm
  wharf config set demo ghcr.io/me          use a registry for the namespace demo
  wharf push calc.wasm oci:store:calc       store a component under any reference
  wharf pull ghcr.io/me/calc:1.0            download a component by its reference
  wharf diff calc.wasm oci:store:greet      show the layers that two components share

Exit status:
  0 success, 1 other failure, 2 usage, 3 not found, 4 refused, 5 damaged or malformed,
  6 unreachable, 7 conflict, 130 interrupted";

#[derive(Debug, Subcommand)]
enum Command {
    Publish(publish::Publish),
    Get(get::Get),
    Versions(versions::Versions),
    List(list::List),
    Yank(yank::Yank),
    Search(search::Search),
    Index(index::IndexCommand),
    Push(push::Push),
    Pull(pull::Pull),
    Cat(cat::Cat),
    Copy(copy::Copy),
    Mirror(mirror::MirrorCommand),
    Inspect(inspect::Inspect),
    Diff(diff::Diff),
    Delta(delta::Delta),
    Patch(patch::Patch),
    Check(check::Check),
    Bundle(bundle::Bundle),
    Split(split::Split),
    Splice(splice::Splice),
    Assets(assets::Assets),
    Serve(serve::Serve),
    Cache(cache::Cache),
    Login(login::Login),
    Logout(logout::Logout),
    Config(config::Config),
    Completions(completions::Completions),
    Man(completions::Man),
}

/// Runs the command of the command line.
pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let json = arguments.shared.json;
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}

/// Prints help and version on standard output, and reports every other error of clap as a usage error.
fn usage(error: &clap::Error) -> ExitCode {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    let json = std::env::args_os().any(|argument| argument == "--json");
    if is_help {
        return match stdout::ignore_broken_pipe(error.print()).context(output::NO_STDOUT) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => Failure::from(error).report(json),
        };
    }
    let text = error.to_string();
    let arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let shown = redact_passwords(&text, arguments);
    let hint = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => hints::host(value),
        _ => None,
    };
    if !json {
        // A closed standard error cannot be reported.
        let _terminal_gone = match shown == text {
            true => error.print(),
            false => write!(io::stderr(), "{shown}"),
        };
        if let Some(hint) = hint {
            let _terminal_gone = writeln!(io::stderr(), "hint: {hint}");
        }
        return exit_code(Kind::Usage);
    }
    // The lines after the first empty line are help.
    let lines = shown.lines().take_while(|line| !line.trim().is_empty());
    let message = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    let failure = Failure::usage(message.strip_prefix("error: ").unwrap_or(&message));
    match hint {
        Some(hint) => failure.hint(hint).report(true),
        None => failure.report(true),
    }
}

/// Hides passwords in a text that repeats arguments.
fn redact_passwords(text: &str, arguments: impl Iterator<Item = String>) -> String {
    let mut text = text.to_owned();
    for argument in arguments {
        let value = argument.split_once('=').map(|(_, value)| value);
        for part in [Some(argument.as_str()), value].into_iter().flatten() {
            if let Cow::Owned(shown) = redact(part) {
                text = text.replace(part, &shown);
            }
        }
    }
    text
}

fn execute(arguments: Arguments) -> Result<(), Failure> {
    let context = Context::new(arguments.shared)?;
    if context.flags.username.is_some() && !matches!(arguments.command, Command::Login(_)) {
        let failure = Failure::usage("--username needs --password-stdin");
        return Err(failure.hint(hints::ONLY_LOGIN_ASKS));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_keep_alive(std::time::Duration::from_secs(1))
        .build()
        .map_err(anyhow::Error::from)?;
    let is_server = matches!(arguments.command, Command::Serve(_));
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = dispatch(arguments.command, &context) => outcome,
            // The gateway has its own shutdown.
            () = wait_for_interrupt(), if !is_server => Err(context.interruption()),
        }
    });
    context.finish();
    // Blocking threads may still work in a temporary cache, which is removed afterwards.
    runtime.shutdown_timeout(END);
    outcome
}

/// Waits for SIGINT or SIGTERM.
async fn wait_for_interrupt() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _interrupted = tokio::signal::ctrl_c().await;
}

async fn dispatch(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Publish(publish) => publish.run(context).await,
        Command::Get(get) => get.run(context).await,
        Command::Versions(versions) => versions.run(context).await,
        Command::List(list) => list.run(context).await,
        Command::Yank(yank) => yank.run(context).await,
        Command::Search(search) => search.run(context).await,
        Command::Index(index) => index.run(context).await,
        Command::Push(push) => push.run(context).await,
        Command::Pull(pull) => pull.run(context).await,
        Command::Cat(cat) => cat.run(context).await,
        Command::Copy(copy) => copy.run(context).await,
        Command::Mirror(mirror) => mirror.run(context).await,
        Command::Inspect(inspect) => inspect.run(context).await,
        Command::Diff(diff) => diff.run(context).await,
        Command::Delta(delta) => delta.run(context).await,
        Command::Patch(patch) => patch.run(context).await,
        Command::Check(check) => check.run(context).await,
        Command::Bundle(bundle) => bundle.run(context).await,
        Command::Split(split) => split.run(context).await,
        Command::Splice(splice) => splice.run(context).await,
        Command::Assets(assets) => assets.run(context).await,
        Command::Serve(serve) => serve.run(context).await,
        Command::Cache(cache) => cache.run(context).await,
        Command::Login(login) => login.run(context).await,
        Command::Logout(logout) => logout.run(context).await,
        Command::Config(config) => config.run(context).await,
        Command::Completions(completions) => completions.run(context, Arguments::command()),
        Command::Man(man) => man.run(context, Arguments::command()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn a_password_of_an_argument_is_not_repeated() {
        let text = "error: invalid value 'me:SECRET@ghcr.io' for '--upstream'";
        for argument in ["me:SECRET@ghcr.io", "--upstream=me:SECRET@ghcr.io"] {
            let shown = super::redact_passwords(text, [argument.to_owned()].into_iter());
            assert_eq!(shown, "error: invalid value '***@ghcr.io' for '--upstream'");
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        super::Arguments::command().debug_assert();
    }
}
