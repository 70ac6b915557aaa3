//! Counts by name, in little space.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use sysreel_inspect::calls::Errno;

use crate::touches;

/// How often each use of a path succeeded, by name: `open` (to read or write it), `read`, `write`,
/// `create`, `maybe_create` (opened with O_CREAT, and the log does not tell whether it existed),
/// `truncate`, `delete`, `rename_away`, `rename_here`, `change` (of permissions, owner, times,
/// extended attributes), `probe` (looked up by stat(2), access(2), readlink(2) and the like),
/// `list` (readdir(3)), `execute`, `map`, `map_write` (mapped so that writes to memory change it).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses([u32; touches::Uses::NAMES.len()]);

impl Uses {
    /// Returns how often a use succeeded.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| count)
    }

    /// Iterates over the uses that occurred.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.0.iter().zip(touches::Uses::NAMES);
        counts.filter(|(count, _)| **count > 0).map(|(count, (_, name))| (name, (*count).into()))
    }

    pub(super) fn add(&mut self, uses: touches::Uses) {
        for at in uses.positions() {
            if let Some(count) = self.0.get_mut(at) {
                *count = count.saturating_add(1);
            }
        }
    }
}

impl Serialize for Uses {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

/// The names of uses; see [`Uses`]. One that did not succeed is not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UseNames(pub(super) touches::Uses);

impl UseNames {
    /// Iterates over the names.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> {
        self.0.positions().filter_map(|at| Some(touches::Uses::NAMES.get(at)?.1))
    }
}

impl Serialize for UseNames {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

/// How often each error occurred.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors(Vec<(Errno, u32)>);

impl Errors {
    /// The most different errors of one path: there are not that many.
    const MOST: usize = 64;

    /// Iterates over the errors: names, such as `EACCES`, and how often they occurred.
    pub fn iter(&self) -> impl Iterator<Item = (String, u64)> {
        self.0.iter().map(|(errno, count)| (errno.to_string(), (*count).into()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, errno: Errno) {
        let has_room = self.0.len() < Self::MOST;
        match self.0.iter_mut().find(|(known, _)| *known == errno) {
            Some((_, count)) => *count = count.saturating_add(1),
            None if has_room => self.0.push((errno, 1)),
            None => {}
        }
    }
}

impl Serialize for Errors {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, count) in self.iter() {
            map.serialize_entry(&name, &count)?;
        }
        map.end()
    }
}
