//! Whose rights count, and what upstream answered whom a moment ago.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use quick_cache::sync::Cache;

use crate::digest::Digest;
use crate::reference::Repository;
use crate::store;
use crate::store::remote::Credentials;

/// The longest time that read access is remembered.
pub(super) const REMEMBERED: Duration = Duration::from_secs(60);

/// How many answers are remembered.
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

/// What was found out a moment ago about a client, a repository and a digest, for a limited time. The oldest entries
/// go when there are too many.
pub(super) struct RecentAnswers {
    lifetime: Duration,
    until: Cache<Digest, Instant>,
}

impl RecentAnswers {
    /// Remembers each answer for `lifetime`.
    pub(super) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            until: Cache::new(MAX_REMEMBERED),
        }
    }

    /// Remembers an answer about `digest` in `location` for the client that `who` stands for.
    pub(super) fn enter(&self, who: &Digest, location: &str, digest: &Digest) {
        let key = key(who, location, digest);
        self.until.insert(key, Instant::now() + self.lifetime);
    }

    /// Returns whether that was entered a moment ago.
    pub(super) fn has(&self, who: &Digest, location: &str, digest: &Digest) -> bool {
        let until = self.until.get(&key(who, location, digest));
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Removes an answer that is no longer true.
    pub(super) fn remove(&self, who: &Digest, location: &str, digest: &Digest) {
        self.until.remove(&key(who, location, digest));
    }
}

/// Returns one key for the three. No location has a line break.
fn key(who: &Digest, location: &str, digest: &Digest) -> Digest {
    Digest::of(format!("{who}\n{location}\n{digest}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_for_one_client_and_for_a_while() {
        let (anna, ben) = (Digest::of(b"anna"), Digest::of(b"ben"));
        let (one, two) = (Digest::of(b"1"), Digest::of(b"2"));
        let answers = RecentAnswers::new(REMEMBERED);
        answers.enter(&anna, "host/a", &one);
        assert!(answers.has(&anna, "host/a", &one));
        assert!(!answers.has(&ben, "host/a", &one));
        assert!(!answers.has(&anna, "host/b", &one));
        assert!(!answers.has(&anna, "host/a", &two));
        let forgetful = RecentAnswers::new(Duration::ZERO);
        forgetful.enter(&anna, "host/a", &one);
        assert!(!forgetful.has(&anna, "host/a", &one));
        answers.remove(&anna, "host/a", &one);
        assert!(!answers.has(&anna, "host/a", &one));
    }

    #[test]
    fn the_number_of_answers_is_bounded() {
        let answers = RecentAnswers::new(REMEMBERED);
        let anna = Digest::of(b"anna");
        for number in 0..MAX_REMEMBERED + 10 {
            let location = number.to_string();
            answers.enter(&anna, &location, &anna);
        }
        assert!(answers.until.len() <= MAX_REMEMBERED);
    }
}
