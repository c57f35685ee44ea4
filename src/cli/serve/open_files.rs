//! The limit on the open files of this process. Connections and files count alike.

/// The files that one connection may need: its own socket, a file of its body, and a connection to upstream.
#[cfg(unix)]
const FILES_OF_CONNECTION: u64 = 3;

/// The files that the gateway needs besides.
#[cfg(unix)]
const OTHER_FILES: u64 = 128;

/// Raises the limit as far as this process may. Returns a warning if it is still too low for so many connections.
#[cfg(unix)]
pub(super) fn raise(connections: u32) -> Option<String> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let reached = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let needed = FILES_OF_CONNECTION * u64::from(connections) + OTHER_FILES;
    // No limit is enough.
    let reached = reached.filter(|reached| *reached < needed)?;
    Some(format!(
        "warning: this process may open {reached} files, but --max-connections {connections} may need {needed}; \
         raise the hard limit, or allow fewer connections"
    ))
}

#[cfg(not(unix))]
pub(super) fn raise(_connections: u32) -> Option<String> {
    None
}
