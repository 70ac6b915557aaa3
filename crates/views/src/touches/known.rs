//! What is known of paths: whether they exist.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::touch::{Outcome, Touch, Uses};
use crate::bounded::MAX_ENTRIES;

/// Whether paths existed when they were last used, by their hashes: a wrong answer by a collision
/// is less likely than a fault of the machine.
#[derive(Debug, Default)]
pub(super) struct Known {
    hasher: RandomState,
    paths: HashMap<u64, Seen, RandomState>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The number of the latest call with it.
    at: u64,
    exists: bool,
    /// The number of the call that made it as a directory, so that it was empty.
    made: Option<u64>,
}

impl Known {
    /// Returns whether a path exists; `None` if nothing is known.
    pub(super) fn exists(&self, path: &[u8]) -> Option<bool> {
        let own = self.get(path);
        let end = path.iter().rposition(|byte| *byte == b'/')?;
        let made = self.get(path.get(..end)?).and_then(|directory| directory.made);
        match (own, made) {
            (Some(own), Some(made)) if own.at < made => Some(false),
            (Some(own), _) => Some(own.exists),
            (None, Some(_)) => Some(false),
            (None, None) => None,
        }
    }

    /// Takes over what a call shows.
    pub(super) fn note(&mut self, touch: &Touch, at: u64, makes_directory: bool) {
        let exists = match touch.outcome {
            Outcome::Done => !touch.uses.any(Uses::DELETE | Uses::RENAME_AWAY),
            Outcome::NotFound(_) => false,
            Outcome::Failed(errno) if errno.name() == Some("EEXIST") => true,
            Outcome::Failed(_) => return,
        };
        let key = self.hasher.hash_one(&*touch.path);
        let has_room = self.paths.len() < 2 * MAX_ENTRIES;
        let is_made = makes_directory && touch.outcome == Outcome::Done;
        let made = is_made.then_some(at);
        match self.paths.entry(key) {
            Entry::Occupied(mut seen) => {
                let seen = seen.get_mut();
                let made = made.or(seen.made.filter(|_| exists));
                *seen = Seen { at, exists, made };
            }
            Entry::Vacant(place) if has_room => _ = place.insert(Seen { at, exists, made }),
            Entry::Vacant(_) => {}
        }
    }

    fn get(&self, path: &[u8]) -> Option<Seen> {
        self.paths.get(&self.hasher.hash_one(path)).copied()
    }
}
