//! Whose rights count, and who was let in a moment ago.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;

use crate::digest::Digest;
use crate::reference::Repository;
use crate::store;
use crate::store::remote::Credentials;

/// How long a yes of upstream's is remembered.
pub(super) const REMEMBERED: Duration = Duration::from_secs(60);

/// How many are remembered.
const MAX_REMEMBERED: usize = 50_000;

/// Finds the gateway's own credentials for a repository.
pub type OwnCredentials =
    Arc<dyn Fn(Repository) -> BoxFuture<'static, Result<Credentials, store::Error>> + Send + Sync>;

/// Whose rights registries are shown.
#[derive(Clone)]
pub enum Rights {
    /// The client's own, as it shows them. What it may not read it does not get from a cache either.
    Client,
    /// The gateway's, whoever asks: everybody who reaches it reads with them.
    Own(OwnCredentials),
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "Client",
            Self::Own(_) => "Own(..)",
        })
    }
}

/// Which manifests upstream has let whom read.
pub(super) struct LetIn {
    remembered: Duration,
    until: Mutex<HashMap<Digest, Instant>>,
}

impl LetIn {
    /// Remembers for so long, and no longer than a minute.
    pub(super) fn new(remembered: Duration) -> Self {
        Self {
            remembered: remembered.min(REMEMBERED),
            until: Mutex::default(),
        }
    }

    /// Remembers what stays true for a day.
    pub(super) fn lasting() -> Self {
        Self {
            remembered: Duration::from_secs(24 * 60 * 60),
            until: Mutex::default(),
        }
    }

    /// Remembers that upstream gave `manifest` in `location` to whom `who` stands for.
    pub(super) fn enter(&self, who: &Digest, location: &str, manifest: &Digest) {
        let now = Instant::now();
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if until.len() >= MAX_REMEMBERED {
            until.retain(|_, until| now < *until);
        }
        if until.len() >= MAX_REMEMBERED {
            until.clear();
        }
        until.insert(key(who, location, manifest), now + self.remembered);
    }

    /// Returns whether that was so a moment ago.
    pub(super) fn has(&self, who: &Digest, location: &str, manifest: &Digest) -> bool {
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let until = until.get(&key(who, location, manifest));
        until.is_some_and(|until| Instant::now() < *until)
    }
}

/// One name for the three. No location has a line break.
fn key(who: &Digest, location: &str, manifest: &Digest) -> Digest {
    Digest::of(format!("{who}\n{location}\n{manifest}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yes_is_for_one_and_for_a_while() {
        let (anna, ben) = (Digest::of(b"anna"), Digest::of(b"ben"));
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let let_in = LetIn::new(REMEMBERED);
        let_in.enter(&anna, "host/a", &one);
        assert!(let_in.has(&anna, "host/a", &one));
        assert!(!let_in.has(&ben, "host/a", &one));
        assert!(!let_in.has(&anna, "host/b", &one));
        assert!(!let_in.has(&anna, "host/a", &two));
        let forgetful = LetIn::new(Duration::ZERO);
        forgetful.enter(&anna, "host/a", &one);
        assert!(!forgetful.has(&anna, "host/a", &one));
        assert_eq!(LetIn::new(Duration::MAX).remembered, REMEMBERED);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let let_in = LetIn::new(REMEMBERED);
        let anna = Digest::of(b"anna");
        for number in 0..MAX_REMEMBERED + 10 {
            let location = number.to_string();
            let_in.enter(&anna, &location, &anna);
        }
        assert!(let_in.until.lock().unwrap().len() <= MAX_REMEMBERED);
    }
}
