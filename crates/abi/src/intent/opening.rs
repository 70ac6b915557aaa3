//! How a call opens a file.

use linux_raw_sys::general as g;

use crate::arch::Abi;
use crate::bytes::u64_at;
use crate::consts::open;
use crate::desc::{ArgKind, CallKind, Row};
use crate::render::constant;

/// How a file is opened: the flags of open, from any call that opens files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    flags: u64,
    /// How the path is resolved, of openat2.
    resolve: u64,
    abi: Abi,
}

impl Opening {
    fn contains(self, name: &str) -> bool {
        constant(self.abi, &open::OPEN, name).is_some_and(|bits| self.flags & bits == bits)
    }

    /// Whether the file may be read.
    #[must_use]
    pub fn reads(self) -> bool {
        self.flags & u64::from(g::O_ACCMODE) != u64::from(g::O_WRONLY) && !self.path_only()
    }

    /// Whether the file is emptied.
    #[must_use]
    pub fn truncates(self) -> bool {
        self.contains("O_TRUNC") && !self.path_only()
    }

    /// Whether the file may be written.
    #[must_use]
    pub fn writes(self) -> bool {
        let mode = self.flags & u64::from(g::O_ACCMODE);
        (mode == u64::from(g::O_WRONLY) || mode == u64::from(g::O_RDWR)) && !self.path_only()
    }

    /// Returns the names of the flags that decide what becomes of the file: whether it is new,
    /// another one, emptied, or on the disk.
    pub fn flags(self) -> impl Iterator<Item = &'static str> {
        // O_SYNC has the bits of O_DSYNC.
        let durable = ["O_SYNC", "O_DSYNC"].into_iter().filter(move |name| self.contains(name));
        let others = ["O_EXCL", "O_NOFOLLOW", "O_TRUNC", "O_APPEND"];
        others.into_iter().filter(move |name| self.contains(name)).chain(durable.take(1))
    }

    /// Whether the call fails if the last component of the path is a symbolic link (`O_NOFOLLOW`).
    #[must_use]
    pub fn stays_off_links(self) -> bool {
        self.contains("O_NOFOLLOW")
    }

    /// Whether each write returns only when it is on the disk.
    #[must_use]
    pub fn synchronous(self) -> bool {
        // O_SYNC has the bits of O_DSYNC.
        self.contains("O_DSYNC")
    }

    /// Whether the file is created if it does not exist.
    #[must_use]
    pub fn creates(self) -> bool {
        self.flags & u64::from(g::O_CREAT) != 0
    }

    /// Whether the call fails if the file exists.
    #[must_use]
    pub fn exclusive(self) -> bool {
        self.creates() && self.flags & u64::from(g::O_EXCL) != 0
    }

    /// Whether an unnamed file is created (`O_TMPFILE`).
    #[must_use]
    pub fn unnamed(self) -> bool {
        self.contains("O_TMPFILE")
    }

    /// Whether the descriptor only refers to a location (`O_PATH`).
    #[must_use]
    pub fn path_only(self) -> bool {
        self.flags & u64::from(g::O_PATH) != 0
    }

    /// Whether the directory where the path begins is its root (`RESOLVE_IN_ROOT`). A path that
    /// would leave it under `RESOLVE_BENEATH` fails.
    #[must_use]
    pub fn stays_below(self) -> bool {
        self.resolve & u64::from(g::RESOLVE_IN_ROOT) != 0
    }

    /// Whether the call fails if the file is not a directory.
    #[must_use]
    pub fn directory(self) -> bool {
        self.contains("O_DIRECTORY")
    }
}

/// Returns how a call opens a file, or `None` if it opens none. `structure` returns the bytes
/// captured for an argument, which hold the flags of openat2.
pub fn opening<'m>(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    structure: impl Fn(u8) -> Option<&'m [u8]>,
) -> Option<Opening> {
    if row.kind != CallKind::Open {
        return None;
    }
    let args = abi.args(args);
    let flags = match (row.arg("flags"), row.arg("how")) {
        (Some(at), _)
            if matches!(row.args.get(at)?.kind,
            ArgKind::Flags(list) if std::ptr::eq(list, &open::OPEN)) =>
        {
            args.get(at).copied()?
        }
        // struct open_how: flags, mode, resolve.
        (_, Some(at)) => {
            let how = structure(u8::try_from(at).ok()?)?;
            let resolve = u64_at(how, 16).unwrap_or(0);
            return Some(Opening { flags: u64_at(how, 0)?, resolve, abi });
        }
        // creat(pathname, mode).
        (None, None) if row.arg("mode").is_some() => (g::O_CREAT | g::O_WRONLY | g::O_TRUNC).into(),
        // open_tree and its kin.
        _ => g::O_PATH.into(),
    };
    Some(Opening { flags, resolve: 0, abi })
}

/// Returns the mode for a file that a call may create, before the umask. `structure` is as for
/// [`opening`].
pub fn creation_mode<'m>(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    structure: impl Fn(u8) -> Option<&'m [u8]>,
) -> Option<u64> {
    match (row.arg("mode"), row.arg("how")) {
        (Some(at), _) => abi.args(args).get(at).copied(),
        // struct open_how: flags, mode, resolve.
        (_, Some(at)) => u64_at(structure(u8::try_from(at).ok()?)?, 8),
        _ => None,
    }
}
