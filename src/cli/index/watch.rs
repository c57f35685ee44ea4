//! Warnings and progress of the index.

use serde::Serialize;
use wharf::index::{Event, ReadFailure};

use crate::cli::settings::Context;
use crate::cli::text::printable;

/// Something that could not be read.
#[derive(Debug, Serialize)]
pub(crate) struct Failed {
    #[serde(rename = "reference")]
    what: String,
    message: String,
}

impl Failed {
    pub(crate) fn of(unread: &ReadFailure) -> Self {
        Self {
            what: unread.what.clone(),
            message: message(unread),
        }
    }
}

/// Returns an error with its causes in one line.
fn message(unread: &ReadFailure) -> String {
    let causes = anyhow::Chain::new(&unread.error);
    let causes = causes.map(|cause| printable(&cause.to_string()));
    causes.collect::<Vec<_>>().join(": ")
}

/// Returns the warning about names that the root of an artifact does not have.
pub(crate) fn correction(reference: &str) -> String {
    format!(
        "{reference}: its manifest names other imports or exports than its root has; the root wins"
    )
}

/// Returns a function that shows events.
pub(crate) fn watch(context: &Context) -> impl Fn(Event<'_>) + Sync {
    let progress = &context.progress;
    let warn = |warning: &str| progress.say(&format!("warning: {}", printable(warning)));
    move |event| match event {
        Event::Rebuilt { reason } => warn(&format!(
            "the index could not be used ({reason}) and was begun anew; `wharf index update` fills it"
        )),
        Event::Corrected { reference } => warn(&correction(reference)),
        Event::Unused(unused) => warn(&unused),
        Event::Unread(unread) => warn(&format!("{}: {}", unread.what, message(unread))),
        Event::NoTypes(unread) => {
            warn(&format!("no types of {}: {}", unread.what, message(unread)));
        }
        Event::Removed(source) => {
            progress.say(&printable(&format!("{source} was removed meanwhile")));
        }
        Event::Progress {
            done,
            count,
            things,
        } => progress.counted(done, count, things),
    }
}
