//! The address space of a process. It translates addresses into places whose names are the same in
//! every run.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use sysreel_format::Mapping;

/// What is mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// A file, or a name in brackets from /proc/PID/maps: `[stack]`, `[vdso]`.
    Named(Rc<[u8]>),
    /// Anonymous memory: the n-th anonymous mapping of the process.
    Anonymous(u32),
}

/// A mapping; the key in the map is its start address.
#[derive(Clone, Debug)]
struct Area {
    end: u64,
    what: Mapped,
    /// The offset of its start in what is mapped.
    offset: u64,
    /// Whether no other process sees what is written there.
    is_private: bool,
}

/// A place in an address space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What is mapped there.
    pub what: Mapped,
    /// The offset in it.
    pub offset: u64,
}

/// Writes `libc.so.6+0x28000`, without the directory: it may differ between runs.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            Mapped::Named(name) => {
                let base = name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
                write!(f, "{}", String::from_utf8_lossy(base))?;
            }
            Mapped::Anonymous(nth) => write!(f, "anonymous#{nth}")?,
        }
        if self.offset == 0 { Ok(()) } else { write!(f, "+{:#x}", self.offset) }
    }
}

/// An address space.
#[derive(Clone, Debug, Default)]
pub struct Space {
    areas: BTreeMap<u64, Area>,
    /// The number of anonymous mappings so far.
    anonymous: u32,
    /// The first program break.
    heap: Option<u64>,
}

impl Space {
    /// Creates the address space of a snapshot.
    pub(super) fn from_mappings(maps: &[Mapping]) -> Self {
        let mut space = Self::default();
        for map in maps {
            let name = (!map.path.is_empty()).then(|| Rc::from(map.path.as_slice()));
            // The last of `r-xp`: `p` or `s` (proc(5)).
            let is_private = map.perms[3] == b'p';
            let len = map.end.saturating_sub(map.start);
            space.map((map.start, len), name, map.offset, is_private);
        }
        space
    }

    /// Returns what is mapped at an address.
    #[must_use]
    pub fn at(&self, address: u64) -> Option<Place> {
        let (start, area) = self.areas.range(..=address).next_back()?;
        let offset = area.offset.wrapping_add(address.wrapping_sub(*start));
        (address < area.end).then(|| Place { what: area.what.clone(), offset })
    }

    /// Whether no other process sees what is written at an address. False also if it is not known.
    #[must_use]
    pub fn is_private(&self, address: u64) -> bool {
        let area = self.areas.range(..=address).next_back();
        area.is_some_and(|(_, area)| address < area.end && area.is_private)
    }

    /// Adds a mapping, in place of what was mapped there before.
    pub(super) fn map(
        &mut self,
        range: (u64, u64),
        name: Option<Rc<[u8]>>,
        offset: u64,
        is_private: bool,
    ) {
        let what = match name {
            Some(name) => Mapped::Named(name),
            None => {
                self.anonymous = self.anonymous.saturating_add(1);
                Mapped::Anonymous(self.anonymous)
            }
        };
        self.insert(range, what, offset, is_private);
    }

    fn insert(&mut self, (start, len): (u64, u64), what: Mapped, offset: u64, is_private: bool) {
        let end = start.saturating_add(len);
        self.unmap(start, len);
        if end > start {
            self.areas.insert(start, Area { end, what, offset, is_private });
        }
    }

    /// Removes all mappings in a range.
    pub(super) fn unmap(&mut self, start: u64, len: u64) {
        let end = start.saturating_add(len);
        // A mapping that begins before the range keeps its beginning, and its end if it reaches
        // beyond.
        if let Some((&from, area)) = self.areas.range_mut(..start).next_back()
            && area.end > start
        {
            let rest =
                Area { offset: area.offset.wrapping_add(end.saturating_sub(from)), ..area.clone() };
            area.end = start;
            if rest.end > end {
                self.areas.insert(end, rest);
            }
        }
        while let Some((&from, area)) = self.areas.range(start..end).next() {
            let rest =
                Area { offset: area.offset.wrapping_add(end.wrapping_sub(from)), ..area.clone() };
            self.areas.remove(&from);
            if rest.end > end {
                self.areas.insert(end, rest);
            }
        }
    }

    /// Moves or resizes a mapping, as mremap(2) does.
    pub(super) fn remap(&mut self, from: u64, old_len: u64, to: u64, new_len: u64) {
        let Some(place) = self.at(from) else { return };
        let is_private = self.is_private(from);
        if from != to {
            self.unmap(from, old_len);
        }
        self.insert((to, new_len), place.what, place.offset, is_private);
    }

    /// Moves the program break.
    pub(super) fn brk(&mut self, end: u64) {
        let start = *self.heap.get_or_insert_with(|| {
            let heap = self
                .areas
                .iter()
                .find(|(_, area)| area.what == Mapped::Named(Rc::from(&b"[heap]"[..])));
            heap.map_or(end, |(start, _)| *start)
        });
        let old = self.areas.get(&start).map_or(start, |area| area.end);
        if end < old {
            self.unmap(end, old.saturating_sub(end));
        } else if end > start {
            let heap = Mapped::Named(Rc::from(&b"[heap]"[..]));
            self.insert((start, end.saturating_sub(start)), heap, 0, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(space: &Space, address: u64) -> String {
        space.at(address).map_or_else(|| "-".to_owned(), |place| place.to_string())
    }

    #[test]
    fn places_have_names_and_offsets() {
        let map = |start, end, offset, path: &str| Mapping {
            start,
            end,
            offset,
            path: path.as_bytes().to_vec(),
            ..Mapping::default()
        };
        let mut space = Space::from_mappings(&[
            map(0x1000, 0x4000, 0x8000, "/lib/libc.so"),
            map(0x9000, 0xa000, 0, ""),
        ]);
        assert_eq!(at(&space, 0x1000), "libc.so+0x8000");
        assert_eq!((at(&space, 0x3fff), at(&space, 0x4000)), ("libc.so+0xafff".into(), "-".into()));
        assert_eq!(at(&space, 0x9008), "anonymous#1+0x8");
        // A hole in the middle, and another mapping over the end.
        space.unmap(0x2000, 0x800);
        space.map((0x3000, 0x2000), None, 0, true);
        assert_eq!((at(&space, 0x1fff), at(&space, 0x2000)), ("libc.so+0x8fff".into(), "-".into()));
        assert_eq!(
            (at(&space, 0x2800), at(&space, 0x3000)),
            ("libc.so+0x9800".into(), "anonymous#2".into())
        );
        space.remap(0x3000, 0x2000, 0x20000, 0x8000);
        assert_eq!(
            (at(&space, 0x3000), at(&space, 0x27fff)),
            ("-".into(), "anonymous#2+0x7fff".into())
        );
        space.unmap(0, u64::MAX);
        assert!(space.areas.is_empty());
    }

    #[test]
    fn the_heap_grows_and_shrinks() {
        let mut space = Space::default();
        space.brk(0x5000);
        assert_eq!(at(&space, 0x5000), "-");
        space.brk(0x8000);
        assert_eq!(at(&space, 0x7fff), "[heap]+0x2fff");
        space.brk(0x6000);
        assert_eq!((at(&space, 0x5fff), at(&space, 0x6000)), ("[heap]+0xfff".into(), "-".into()));
    }
}
