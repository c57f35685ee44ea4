//! The hints for texts that other programs accept as a reference or host.

use wharf::reference::{Mistake, is_loopback};

use super::{Hint, is_version};

/// Returns the hint for a URL, a user name or a bare host in place of a reference or host.
pub(crate) fn host(text: &str) -> Option<Hint> {
    let mistake = Mistake::of(text);
    let meant = mistake.as_ref().and_then(Mistake::suggestion);
    match (mistake, meant) {
        (Some(Mistake::Scheme { scheme, .. }), Some(meant)) => {
            let host = meant.split('/').next().unwrap_or_default();
            let more = match scheme.as_str() {
                "http" => " (with --plain-http, unless it is a loopback host)",
                "https" if is_loopback(host) => " (with --tls, because loopback hosts use HTTP)",
                _ => "",
            };
            return Some(format!("write it without {scheme}://: {meant}{more}").into());
        }
        (Some(Mistake::Login { rest }), _) => return Some(login_as(rest.split('/').next()?)),
        (Some(Mistake::NoRepository { .. }), Some(meant)) => {
            return Some(format!("write it as HOST[:PORT]/REPOSITORY:TAG, such as {meant}").into());
        }
        _ => {}
    }
    let (user, rest) = text.split('/').next()?.split_once('@')?;
    let is_user = !user.contains(['.', ':']) && rest.contains(['.', ':']) && !is_version(rest);
    is_user.then(|| login_as(rest))
}

/// Returns the hint for the registry of a login.
pub(crate) fn server(text: &str) -> Option<Hint> {
    let host = |rest: &str| rest.split('/').next().unwrap_or_default().to_owned();
    match Mistake::of(text)? {
        Mistake::Scheme { scheme, rest } => {
            Some(format!("write it without {scheme}://: {}", host(&rest)).into())
        }
        Mistake::Login { rest } => Some(login_as(&host(&rest))),
        Mistake::NoRepository { .. } => None,
    }
}

fn login_as(host: &str) -> Hint {
    format!("give the user with --username and --password-stdin, or run `wharf login {host}`")
        .into()
}
