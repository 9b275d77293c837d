//! What Keystone said of tokens, for as long as it may be believed. Good tokens and refused ones are kept apart, so that
//! nobody can drive the good ones out by presenting many bad ones.
//!
//! Tokens are kept as SHA-256, never in clear.

use std::{collections::HashMap, time::Duration};

use annals_model::{Refusal, Timestamp};

use super::answer::Known;
use crate::static_tokens::Digest;

/// Good tokens that are remembered; beyond it the one that would be forgotten first is.
const GOOD_TOKENS_MAX: usize = 10_000;
/// Refused tokens that are remembered.
const REFUSED_TOKENS_MAX: usize = 10_000;

/// What was found about a token.
pub(super) type Verdict = Result<Known, Refusal>;

/// The verdicts of the last minutes.
pub(super) struct Verdicts {
    good: Bounded<Known>,
    refused: Bounded<Refusal>,
    good_for: Duration,
    refused_for: Duration,
}

impl Verdicts {
    pub(super) fn new(good_for: Duration, refused_for: Duration) -> Self {
        Self {
            good: Bounded::new(GOOD_TOKENS_MAX),
            refused: Bounded::new(REFUSED_TOKENS_MAX),
            good_for,
            refused_for,
        }
    }

    /// What is known of a token.
    pub(super) fn find(&self, token: &Digest, now: Timestamp) -> Option<Verdict> {
        let good = self.good.get(token, now).cloned().map(Ok);
        good.or_else(|| self.refused.get(token, now).copied().map(Err))
    }

    /// Remembers what was found about a token when it was asked about at `since`.
    pub(super) fn keep(&mut self, token: Digest, verdict: &Verdict, since: Timestamp) {
        match verdict {
            Ok(known) => {
                let until = since.plus(self.good_for).min(known.expires);
                self.good.put(token, Entry { value: known.clone(), since, until });
            }
            // Whether it is good was not found at all.
            Err(Refusal::Unavailable) => {}
            Err(refusal) => {
                let until = since.plus(self.refused_for);
                self.refused.put(token, Entry { value: *refusal, since, until });
            }
        }
    }
}

struct Bounded<V> {
    entries: HashMap<Digest, Entry<V>>,
    most: usize,
}

struct Entry<V> {
    value: V,
    since: Timestamp,
    until: Timestamp,
}

impl<V> Entry<V> {
    /// A clock that was set back must not keep an entry for ever.
    fn holds(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }
}

impl<V> Bounded<V> {
    fn new(most: usize) -> Self {
        Self { entries: HashMap::new(), most }
    }

    fn get(&self, token: &Digest, now: Timestamp) -> Option<&V> {
        self.entries.get(token).filter(|entry| entry.holds(now)).map(|entry| &entry.value)
    }

    /// A pass over all entries when there is no room is little beside the question to Keystone that came before.
    fn put(&mut self, token: Digest, entry: Entry<V>) {
        let now = entry.since;
        if !entry.holds(now) {
            return;
        }
        if self.entries.len() >= self.most && !self.entries.contains_key(&token) {
            self.entries.retain(|_, entry| entry.holds(now));
            if self.entries.len() >= self.most {
                let next = self.entries.iter().min_by_key(|(_, entry)| entry.until).map(|(token, _)| *token);
                next.map(|token| self.entries.remove(&token));
            }
        }
        self.entries.insert(token, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second).unwrap()
    }

    fn entry(since: i64, until: i64) -> Entry<i64> {
        Entry { value: until, since: at(since), until: at(until) }
    }

    #[test]
    fn an_entry_ends() {
        let mut bounded = Bounded::new(2);
        bounded.put([1; 32], entry(10, 20));
        for (now, expected) in [(9, None), (10, Some(&20)), (19, Some(&20)), (20, None)] {
            assert_eq!(bounded.get(&[1; 32], at(now)), expected, "{now}");
        }
        bounded.put([2; 32], entry(10, 10));
        assert_eq!(bounded.entries.len(), 1, "what has ended already is not kept");
    }

    #[test]
    fn room_is_made_by_what_ends_first() {
        let mut bounded = Bounded::new(2);
        bounded.put([1; 32], entry(0, 30));
        bounded.put([2; 32], entry(0, 20));
        bounded.put([2; 32], entry(0, 25));
        assert_eq!(bounded.entries.len(), 2, "the same token needs no more room");
        bounded.put([3; 32], entry(1, 40));
        assert_eq!(bounded.get(&[2; 32], at(1)), None);
        assert_eq!(bounded.get(&[1; 32], at(1)), Some(&30));
        // One has ended by now, so nobody else has to go.
        bounded.put([4; 32], entry(30, 50));
        assert_eq!(bounded.get(&[3; 32], at(30)), Some(&40));
        assert_eq!(bounded.entries.len(), 2);
    }
}
