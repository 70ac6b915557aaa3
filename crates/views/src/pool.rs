//! Texts of a log that a view keeps: each once, and not more than fit into a limit.

use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

use foldhash::fast::RandomState;
use serde::{Serialize, Serializer};
use sysreel_inspect::visible::visible_bytes;

/// How many bytes of texts a view keeps.
const ROOM: usize = 48 << 20;
/// What a text takes besides its bytes.
const OVERHEAD: usize = 64;

/// Bytes of a log: a path, an argument. They are shown and serialized as visible text: UTF-8 as it
/// is, everything else escaped, `\\` for a backslash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(Rc<[u8]>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Bytes {
    /// Returns the bytes as they are in the log.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&visible_bytes(&self.0))
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&visible_bytes(&self.0))
    }
}

/// A list of texts of a log, such as the arguments of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BytesList(Rc<[Bytes]>);

impl BytesList {
    /// Returns the texts.
    #[must_use]
    pub fn as_slice(&self) -> &[Bytes] {
        &self.0
    }
}

impl Serialize for BytesList {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.as_slice())
    }
}

/// The texts that a view keeps.
#[derive(Debug)]
pub struct Pool {
    known: HashSet<Rc<[u8]>, RandomState>,
    room: usize,
    left_out: u64,
}

impl Default for Pool {
    fn default() -> Self {
        Self { known: HashSet::default(), room: ROOM, left_out: 0 }
    }
}

impl Pool {
    /// Keeps a text; `None` if it has no room.
    pub fn keep(&mut self, bytes: &[u8]) -> Option<Bytes> {
        if let Some(known) = self.known.get(bytes) {
            return Some(Bytes(Rc::clone(known)));
        }
        if !self.take(bytes.len().saturating_add(OVERHEAD)) {
            return None;
        }
        let new: Rc<[u8]> = Rc::from(bytes);
        self.known.insert(Rc::clone(&new));
        Some(Bytes(new))
    }

    /// Keeps a list of texts; `None` if one of them has no room.
    pub fn keep_all<T: AsRef<[u8]>>(&mut self, list: &[T]) -> Option<BytesList> {
        if !self.take(list.len().saturating_mul(size_of::<Bytes>()).saturating_add(OVERHEAD)) {
            return None;
        }
        let kept: Option<Vec<Bytes>> = list.iter().map(|text| self.keep(text.as_ref())).collect();
        kept.map(|kept| BytesList(Rc::from(kept)))
    }

    /// Takes room for something else.
    pub fn take(&mut self, bytes: usize) -> bool {
        match self.room.checked_sub(bytes) {
            Some(left) => {
                self.room = left;
                true
            }
            None => {
                self.left_out = self.left_out.saturating_add(1);
                false
            }
        }
    }

    /// Returns how often something had no room.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::{OVERHEAD, Pool};

    #[test]
    fn what_has_no_room_is_counted() {
        let mut pool = Pool { room: 2 * (OVERHEAD + 3), ..Pool::default() };
        assert!(pool.keep(b"abc").is_some());
        assert!(pool.keep(b"abc").is_some(), "it is there already");
        assert!(pool.keep(b"abcd").is_none());
        assert!(pool.keep(b"def").is_some());
        assert!(pool.keep(b"").is_none());
        assert!(pool.keep_all(&[b"abc"]).is_none());
        assert_eq!(pool.left_out(), 3);
    }

    #[test]
    fn texts_are_visible() {
        let mut pool = Pool::default();
        let text = pool.keep("a\n\u{9b}\u{202e}é\\\u{fffe}".as_bytes()).unwrap();
        assert_eq!(text.to_string(), r"a\n\u{9b}\u{202e}é\\\u{fffe}");
        assert_eq!(pool.keep(b"\xff").unwrap().to_string(), r"\xff");
    }
}
