//! What a call does in detail, where its [`CallKind`] is not enough: how it opens a file, which
//! descriptors it moves data between, whether it affects more than its own process.

mod addresses;
mod privilege;
mod sockets;
mod threads;

use linux_raw_sys::general as g;
use linux_raw_sys::net::AF_UNIX;

use crate::arch::Abi;
use crate::bytes::u64_at;
use crate::consts::{open, unpackaged as u};
use crate::desc::{ArgKind, CallKind, Row};
use crate::render::constant;

pub use addresses::{Family, internet_address, names_itself};
pub use privilege::{confines, privileged, used_args};
pub use sockets::{
    ends_connect, has_connected, in_progress, peeks, polls_for_input, reads_socket_error,
    sets_socket_timeout, still_connecting,
};
pub use threads::{names_thread, thread_name};

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

/// Whether a call makes a file in memory: memfd_create, memfd_secret.
#[must_use]
pub fn makes_memory_file(row: &Row) -> bool {
    matches!(row.name, "memfd_create" | "memfd_secret")
}

/// Returns whether close_range with these flags closes the descriptors, and whether it first gives
/// the caller a table of its own.
#[must_use]
pub fn closes_range(flags: u64) -> (bool, bool) {
    (flags & u::CLOSE_RANGE_CLOEXEC == 0, flags & u::CLOSE_RANGE_UNSHARE != 0)
}

/// Returns the positions of the arguments with the source and the destination descriptor.
#[must_use]
pub fn data_fds(row: &Row) -> (Option<usize>, Option<usize>) {
    let named = |names: [&str; 3]| names.iter().find_map(|name| row.arg(name));
    match row.kind {
        CallKind::Read | CallKind::Receive | CallKind::ReadDir => (Some(0), None),
        CallKind::Send => (None, Some(0)),
        CallKind::Write => {
            let to = named(["fd_out", "out_fd", "fdout"]);
            (named(["fd_in", "in_fd", "fdin"]), to.or(Some(0)))
        }
        _ => (None, None),
    }
}

/// Whether a call maps a file so that writes to memory change the file: shared and writable.
#[must_use]
pub fn maps_to_write(abi: Abi, row: &Row, args: &[u64; 6]) -> bool {
    let named = |name| row.arg(name).and_then(|at| abi.args(args).get(at).copied());
    maps_file(abi, row, args)
        && named("prot").is_some_and(|prot| prot & u64::from(g::PROT_WRITE) != 0)
        // Also set in MAP_SHARED_VALIDATE.
        && named("flags").is_some_and(|flags| flags & u64::from(g::MAP_SHARED) != 0)
}

/// Whether a call maps a file.
#[must_use]
pub fn maps_file(abi: Abi, row: &Row, args: &[u64; 6]) -> bool {
    let flags = row.arg("flags").and_then(|at| abi.args(args).get(at).copied());
    row.kind == CallKind::Mmap
        && flags.is_some_and(|flags| flags & u64::from(g::MAP_ANONYMOUS) == 0)
}

/// Whether a call removes a directory (rmdir, or unlinkat with AT_REMOVEDIR).
#[must_use]
pub fn removes_directory(abi: Abi, row: &Row, args: &[u64; 6]) -> bool {
    match row.kind {
        CallKind::Rmdir => true,
        CallKind::Unlink => {
            row.arg("flag").and_then(|at| abi.args(args).get(at).copied()).is_some_and(|flags| {
                constant(abi, &open::AT, "AT_REMOVEDIR").is_some_and(|bit| flags & bit != 0)
            })
        }
        _ => false,
    }
}

/// Whether a call with this result did nothing and will be repeated: a signal interrupted it, or
/// there was nothing to do. -512 to -516 are internal results of calls that the kernel restarts
/// (include/linux/errno.h).
#[must_use]
pub fn is_retried(rval: i64, is_error: bool) -> bool {
    use linux_raw_sys::errno as e;
    let errno = rval.wrapping_neg();
    is_error
        && (errno == i64::from(e::EAGAIN)
            || errno == i64::from(e::EINTR)
            || (512..=516).contains(&errno))
}

/// Whether a call failed because a name does not exist.
#[must_use]
pub fn is_not_found(rval: i64, is_error: bool) -> bool {
    use linux_raw_sys::errno as e;
    is_error && [e::ENOENT, e::ENOTDIR].iter().any(|errno| rval.wrapping_neg() == i64::from(*errno))
}

/// Returns how many of the captured bytes are significant: the address of a socket in the file
/// system ends with its name (unix(7)).
#[must_use]
pub fn significant_len(kind: ArgKind, bytes: &[u8]) -> usize {
    let Some((family, path)) = bytes.split_first_chunk() else { return bytes.len() };
    let is_unix =
        matches!(kind, ArgKind::SockAddr) && u32::from(u16::from_le_bytes(*family)) == AF_UNIX;
    let end = path.iter().position(|&byte| byte == 0).filter(|&end| is_unix && end > 0);
    end.map_or(bytes.len(), |end| family.len() + end)
}

/// What a call of kind [`CallKind::Sync`] leaves on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// A file or directory, with what is needed to find its contents again.
    File,
    /// Everything in the file system.
    All,
    /// A part of the contents, which may be lost all the same (`sync_file_range(2)`).
    Nothing,
}

/// Returns what a call flushes, or `None` for other calls.
#[must_use]
pub fn flushes(row: &Row) -> Option<Flush> {
    match row.name {
        _ if row.kind != CallKind::Sync => None,
        "fsync" | "fdatasync" => Some(Flush::File),
        "sync" | "syncfs" => Some(Flush::All),
        _ => Some(Flush::Nothing),
    }
}

/// Whether an `st_mode` is that of a directory.
#[must_use]
pub const fn is_directory(mode: u32) -> bool {
    mode & g::S_IFMT == g::S_IFDIR
}

/// Whether an `st_mode` is that of a socket.
#[must_use]
pub const fn is_socket(mode: u32) -> bool {
    mode & g::S_IFMT == g::S_IFSOCK
}

/// Whether an `st_mode` is that of a pipe.
#[must_use]
pub const fn is_pipe(mode: u32) -> bool {
    mode & g::S_IFMT == g::S_IFIFO
}

/// Whether an `st_mode` is that of a block device.
#[must_use]
pub const fn is_block_device(mode: u32) -> bool {
    mode & g::S_IFMT == g::S_IFBLK
}

/// Whether an `st_mode` is that of a regular file.
#[must_use]
pub const fn is_regular(mode: u32) -> bool {
    mode & g::S_IFMT == g::S_IFREG
}

/// The descriptor that means the working directory.
pub const CWD: i32 = g::AT_FDCWD;

/// Whether a descriptor argument means the working directory.
#[must_use]
pub fn is_cwd(fd: u64) -> bool {
    fd & 0xffff_ffff == u64::from(g::AT_FDCWD.cast_unsigned())
}

/// Whether a call of kind [`CallKind::Clock`] sets a clock.
#[must_use]
pub fn sets_clock(row: &Row) -> bool {
    privileged(row) == Some("clock")
}

/// Whether the futex of a call cannot lie in memory that other processes share. The newer calls
/// have the flag in another argument, with the same value (FUTEX2_PRIVATE, include/uapi/linux/
/// futex.h); futex_waitv(2) has it in its structures, where it is not looked for.
#[must_use]
pub fn is_private_futex(row: &Row, args: &[u64; 6]) -> bool {
    let at = match row.name {
        "futex_waitv" | "futex_requeue" => None,
        _ => row.arg("op").or_else(|| row.arg("flags")),
    };
    let flags = at.and_then(|at| args.get(at)).copied().unwrap_or(0);
    row.kind == CallKind::Futex && flags & u64::from(g::FUTEX_PRIVATE_FLAG) != 0
}

/// Whether a call only yields the CPU to other tasks.
#[must_use]
pub fn yields(row: &Row) -> bool {
    row.name == "sched_yield"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::row_named;

    fn opened(name: &str, args: [u64; 6], structure: &[u8]) -> Option<Opening> {
        opening(Abi::X86_64, row_named(Abi::X86_64, name).unwrap(), &args, |_| Some(structure))
    }

    #[test]
    fn flags_are_found_in_every_open_call() {
        let flags = u64::from(g::O_CREAT | g::O_EXCL | g::O_RDWR);
        let how = flags.to_le_bytes();
        for opening in [
            opened("open", [1, flags, 0, 0, 0, 0], &[]),
            opened("openat", [1, 1, flags, 0, 0, 0], &[]),
            opened("openat2", [1, 1, 1, 24, 0, 0], &how),
        ] {
            let opening = opening.unwrap();
            assert!(opening.writes() && opening.creates() && opening.exclusive());
            assert!(!opening.path_only() && !opening.directory() && !opening.unnamed());
        }
        let creat = opened("creat", [1, 0o644, 0, 0, 0, 0], &[]).unwrap();
        assert!(creat.writes() && creat.creates() && !creat.exclusive());
        assert!(opened("open_tree", [0; 6], &[]).unwrap().path_only());
        assert!(!opened("open", [0; 6], &[]).unwrap().writes());
        assert!(opened("openat2", [0; 6], &[]).is_none() && opened("read", [0; 6], &[]).is_none());
        let temporary = u64::from(g::O_TMPFILE | g::O_WRONLY);
        assert!(opened("open", [1, temporary, 0, 0, 0, 0], &[]).unwrap().unnamed());
    }

    #[test]
    fn only_some_calls_flush_what_was_written() {
        let of = |name| flushes(row_named(Abi::X86_64, name).unwrap());
        assert_eq!([of("fsync"), of("fdatasync")], [Some(Flush::File); 2]);
        assert_eq!([of("sync"), of("syncfs")], [Some(Flush::All); 2]);
        assert_eq!((of("sync_file_range"), of("write")), (Some(Flush::Nothing), None));
        for (flags, synchronous) in [(g::O_SYNC, true), (g::O_DSYNC, true), (g::O_APPEND, false)] {
            let opening = opened("open", [1, flags.into(), 0, 0, 0, 0], &[]).unwrap();
            assert_eq!(opening.synchronous(), synchronous);
        }
    }

    #[test]
    fn data_descriptors_are_found_by_argument_name() {
        let fds = |name| data_fds(row_named(Abi::X86_64, name).unwrap());
        assert_eq!(fds("read"), (Some(0), None));
        assert_eq!(fds("pwritev2"), (None, Some(0)));
        assert_eq!(fds("sendfile"), (Some(1), Some(0)));
        assert_eq!(fds("copy_file_range"), (Some(0), Some(2)));
        assert_eq!(fds("splice"), (Some(0), Some(2)));
        assert_eq!(fds("tee"), (Some(0), Some(1)));
        assert_eq!(fds("close"), (None, None));
    }
}
