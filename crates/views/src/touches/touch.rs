//! What one call did to one path.

use std::ops::BitOr;

use sysreel_inspect::calls::Errno;

/// What calls do with a path: a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uses(u16);

impl Uses {
    pub(crate) const OPEN: Self = Self(1 << 0);
    pub(crate) const READ: Self = Self(1 << 1);
    pub(crate) const WRITE: Self = Self(1 << 2);
    pub(crate) const CREATE: Self = Self(1 << 3);
    /// Opened so that it is created if it is missing, and the log does not tell.
    pub(crate) const MAYBE_CREATE: Self = Self(1 << 4);
    pub(crate) const TRUNCATE: Self = Self(1 << 5);
    pub(crate) const DELETE: Self = Self(1 << 6);
    pub(crate) const RENAME_AWAY: Self = Self(1 << 7);
    pub(crate) const RENAME_HERE: Self = Self(1 << 8);
    /// Attributes are changed: permissions, owner, times, extended attributes.
    pub(crate) const CHANGE: Self = Self(1 << 9);
    /// Looked up by name: stat(2), access(2), readlink(2) and the like.
    pub(crate) const PROBE: Self = Self(1 << 10);
    pub(crate) const LIST: Self = Self(1 << 11);
    pub(crate) const EXECUTE: Self = Self(1 << 12);
    pub(crate) const MAP: Self = Self(1 << 13);
    /// Mapped so that writes to memory change it.
    pub(crate) const MAP_WRITE: Self = Self(1 << 14);

    /// The names of all uses, as JSON has them, and as text has them.
    pub(crate) const NAMES: [(Self, &'static str); 15] = [
        (Self::OPEN, "open"),
        (Self::READ, "read"),
        (Self::WRITE, "write"),
        (Self::CREATE, "create"),
        (Self::MAYBE_CREATE, "maybe_create"),
        (Self::TRUNCATE, "truncate"),
        (Self::DELETE, "delete"),
        (Self::RENAME_AWAY, "rename_away"),
        (Self::RENAME_HERE, "rename_here"),
        (Self::CHANGE, "change"),
        (Self::PROBE, "probe"),
        (Self::LIST, "list"),
        (Self::EXECUTE, "execute"),
        (Self::MAP, "map"),
        (Self::MAP_WRITE, "map_write"),
    ];

    /// Those that change names, contents or attributes.
    const CHANGES: Self = Self(
        Self::WRITE.0
            | Self::CREATE.0
            | Self::MAYBE_CREATE.0
            | Self::TRUNCATE.0
            | Self::DELETE.0
            | Self::RENAME_AWAY.0
            | Self::RENAME_HERE.0
            | Self::CHANGE.0
            | Self::MAP_WRITE.0,
    );

    pub(crate) const fn any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }

    /// Returns the members of the set, as positions in [`Self::NAMES`].
    pub(crate) fn positions(self) -> impl Iterator<Item = usize> {
        (0..Self::NAMES.len()).filter(move |at| self.0 >> at & 1 != 0)
    }
}

impl BitOr for Uses {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// How a call ended, for a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// The path does not exist.
    NotFound(Errno),
    Failed(Errno),
}

/// What one call did to one path.
#[derive(Clone, Debug)]
pub(crate) struct Touch {
    /// The full path.
    pub(crate) path: Vec<u8>,
    /// Whether the log has only the beginning of the path.
    pub(crate) is_cut: bool,
    pub(crate) uses: Uses,
    pub(crate) outcome: Outcome,
    pub(crate) bytes_read: u64,
    pub(crate) bytes_written: u64,
    /// Another path: where a symbolic link leads, the other name of a rename.
    pub(crate) other: Option<Vec<u8>>,
    /// Whether what is written goes to a device, a pipe or a socket, and changes no file.
    pub(crate) passes_on: bool,
    /// Whether the path was looked up by name, so that it can be part of a search.
    pub(crate) by_name: bool,
}

impl Touch {
    pub(super) fn new(path: Vec<u8>, uses: Uses, outcome: Outcome) -> Self {
        Self {
            path,
            is_cut: false,
            uses,
            outcome,
            bytes_read: 0,
            bytes_written: 0,
            other: None,
            passes_on: false,
            by_name: false,
        }
    }

    pub(super) fn named(path: Vec<u8>, uses: Uses, outcome: Outcome) -> Self {
        Self { by_name: true, ..Self::new(path, uses, outcome) }
    }

    /// Says whether the log has only the beginning of the path.
    pub(super) fn cut(self, is_cut: bool) -> Self {
        Self { is_cut, ..self }
    }

    /// Returns what the kernel does to a file that it maps for a new program, or to execute it.
    pub(crate) fn mapped(path: &[u8], executes: bool) -> Self {
        let uses = if executes { Uses::MAP | Uses::EXECUTE } else { Uses::MAP };
        Self::new(path.to_vec(), uses, Outcome::Done)
    }

    /// Whether the call changed the file or its name.
    pub(crate) fn changes(&self) -> bool {
        self.outcome == Outcome::Done && self.uses.any(Uses::CHANGES) && !self.passes_on
    }
}
