//! The rights used at upstream, and recent answers of upstream to each client.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use quick_cache::sync::Cache;

use crate::digest::Digest;
use crate::reference::Repository;
use crate::store;
use crate::store::remote::Credentials;

/// The longest time that the right to read is remembered.
pub(super) const GRANT_LIFETIME: Duration = Duration::from_secs(60);

/// The maximum number of answers in memory.
const MAX_GRANTS: usize = 50_000;

/// The number of questions in flight before the records of answered ones are dropped.
const MAX_TURNS: usize = 1000;

/// Finds the gateway's own credentials for a repository.
pub type OwnCredentials =
    Arc<dyn Fn(Repository) -> BoxFuture<'static, Result<Credentials, store::Error>> + Send + Sync>;

/// The rights used for requests to registries.
#[derive(Clone)]
pub enum Rights {
    /// The client's own credentials. From a cache, a client gets only content that it may read upstream.
    Client,
    /// The gateway's own credentials. Every client that reaches the gateway reads with them.
    Own(OwnCredentials),
}

/// Recent answers about a client, a repository and a digest, for a limited time. Above the limit entries are dropped.
pub(super) struct RecentAnswers {
    lifetime: Duration,
    until: Cache<Digest, Instant>,
    /// The lock of each question that is being asked.
    turns: Mutex<HashMap<Digest, Weak<tokio::sync::Mutex<()>>>>,
}

impl RecentAnswers {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            until: Cache::new(MAX_GRANTS),
            turns: Mutex::default(),
        }
    }

    /// Asks unless there is a recent answer, and records success. Others with the same question wait, and ask only if
    /// this fails.
    pub(super) async fn ask<E>(
        &self,
        who: &Digest,
        location: &str,
        digest: &Digest,
        question: impl Future<Output = Result<(), E>>,
    ) -> Result<(), E> {
        if self.has(who, location, digest) {
            return Ok(());
        }
        let turn = self.turn(key(who, location, digest));
        let _turn = turn.lock().await;
        if !self.has(who, location, digest) {
            question.await?;
            self.record(who, location, digest);
        }
        Ok(())
    }

    fn turn(&self, key: Digest) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&key).and_then(Weak::upgrade) {
            return turn;
        }
        if turns.len() >= MAX_TURNS {
            turns.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::default();
        turns.insert(key, Arc::downgrade(&turn));
        turn
    }

    /// Records an answer about `digest` in `location` for the client with the key `who`.
    pub(super) fn record(&self, who: &Digest, location: &str, digest: &Digest) {
        let key = key(who, location, digest);
        self.until.insert(key, Instant::now() + self.lifetime);
    }

    /// Returns whether a recent answer exists.
    pub(super) fn has(&self, who: &Digest, location: &str, digest: &Digest) -> bool {
        let until = self.until.get(&key(who, location, digest));
        until.is_some_and(|until| Instant::now() < until)
    }
}

/// Returns the key for a client, a location and a digest. No location contains a line break.
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
        let answers = RecentAnswers::new(GRANT_LIFETIME);
        answers.record(&anna, "host/a", &one);
        assert!(answers.has(&anna, "host/a", &one));
        assert!(!answers.has(&ben, "host/a", &one));
        assert!(!answers.has(&anna, "host/b", &one));
        assert!(!answers.has(&anna, "host/a", &two));
        let forgetful = RecentAnswers::new(Duration::ZERO);
        forgetful.record(&anna, "host/a", &one);
        assert!(!forgetful.has(&anna, "host/a", &one));
    }

    #[test]
    fn the_number_of_answers_is_bounded() {
        let answers = RecentAnswers::new(GRANT_LIFETIME);
        let anna = Digest::of(b"anna");
        for number in 0..MAX_GRANTS + 10 {
            let location = number.to_string();
            answers.record(&anna, &location, &anna);
        }
        assert!(answers.until.len() <= MAX_GRANTS);
    }
}
