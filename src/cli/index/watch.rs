//! Warnings and progress of the index.

use serde::Serialize;
use wharf::index::{Event, ReadFailure};

use crate::cli::settings::Context;
use crate::cli::text::printable;

/// A source or artifact that could not be read.
#[derive(Debug, Serialize)]
pub(crate) struct FailureRow {
    #[serde(rename = "reference")]
    what: String,
    message: String,
}

impl FailureRow {
    pub(crate) fn of(unread: &ReadFailure) -> Self {
        Self {
            what: unread.what.clone(),
            message: message(unread),
        }
    }
}

/// Returns an error and its causes in one line.
fn message(unread: &ReadFailure) -> String {
    let causes = anyhow::Chain::new(&unread.error);
    let causes = causes.map(|cause| printable(&cause.to_string()));
    causes.collect::<Vec<_>>().join(": ")
}

/// Returns the warning about a manifest whose names differ from those in its root.
pub(crate) fn correction(reference: &str) -> String {
    format!(
        "{reference}: the manifest lists other imports or exports than the root; the names in the root count"
    )
}

/// Returns a function that prints events.
pub(crate) fn watch(context: &Context) -> impl Fn(Event<'_>) + Sync {
    let progress = &context.progress;
    let warn = |warning: &str| progress.say(&format!("warning: {}", printable(warning)));
    move |event| match event {
        Event::Rebuilt { reason } => warn(&format!(
            "the search index was unusable and is now empty ({reason}); run `wharf index update` to fill it"
        )),
        Event::Corrected { reference } => warn(&correction(reference)),
        Event::Unused(unused) => warn(&unused),
        Event::Unread(unread) => warn(&format!("{}: {}", unread.what, message(unread))),
        Event::NoTypes(unread) => {
            warn(&format!(
                "cannot read the types of {}: {}",
                unread.what,
                message(unread)
            ));
        }
        Event::Removed(source) => {
            progress.say(&printable(&format!(
                "note: another process removed {source}"
            )));
        }
        Event::Progress {
            done,
            count,
            things,
        } => progress.report_count(done, count, things),
    }
}
