//! What a call does in detail, where its [`CallKind`] is not enough: how it opens a file, which
//! descriptors it moves data between, whether it affects more than its own process.

mod addresses;
mod ipc;
mod opening;
mod privilege;
mod reach;
mod sockets;
mod threads;

use linux_raw_sys::general as g;
use linux_raw_sys::ioctl;
use linux_raw_sys::net::AF_UNIX;

use crate::arch::Abi;
use crate::consts::{open, unpackaged as u};
use crate::desc::{ArgKind, CallKind, Row};
use crate::render::constant;

pub use addresses::{
    Family, SocketEnd, has_family, has_no_port, internet_address, names_itself, tells_address,
};
pub use ipc::{IPC_PRIVATE, IpcCall, IpcObject, ipc_call};
pub use opening::{Opening, creation_mode, opening};
pub use privilege::{confines, privileged, used_args};
pub use reach::{is_guard, reaching_flags};
pub use sockets::{
    ends_connect, has_connected, in_progress, peeks, polls_for_input, reads_socket_error,
    sets_socket_timeout, still_connecting,
};
pub use threads::{names_thread, thread_name};

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

/// Whether a call maps memory that other processes may share. Also if the log does not show that.
#[must_use]
pub fn maps_shared(abi: Abi, row: &Row, args: &[u64; 6]) -> bool {
    let flags = row.arg("flags").and_then(|at| abi.args(args).get(at).copied());
    flags.is_none_or(|flags| flags & u64::from(g::MAP_SHARED) != 0)
}

/// Returns the start and the length of what a call makes writable: mprotect, pkey_mprotect.
#[must_use]
pub fn makes_writable(row: &Row, args: &[u64; 6]) -> Option<(u64, u64)> {
    let named = |name| row.arg(name).and_then(|at| args.get(at).copied());
    let writable = named("prot")? & u64::from(g::PROT_WRITE) != 0;
    let protects = matches!(row.name, "mprotect" | "pkey_mprotect");
    (protects && writable).then_some((*args.first()?, *args.get(1)?))
}

/// Returns whether a descriptor that is open with these flags can be read and written.
#[must_use]
pub fn access(flags: u64) -> (bool, bool) {
    match flags & u64::from(g::O_ACCMODE) {
        _ if flags & u64::from(g::O_PATH) != 0 => (false, false),
        mode if mode == u64::from(g::O_WRONLY) => (false, true),
        mode if mode == u64::from(g::O_RDWR) => (true, true),
        _ => (true, false),
    }
}

/// Whether a call maps a file to execute it, as a library is loaded.
#[must_use]
pub fn maps_code(abi: Abi, row: &Row, args: &[u64; 6]) -> bool {
    let prot = row.arg("prot").and_then(|at| abi.args(args).get(at).copied()).unwrap_or(0);
    maps_file(abi, row, args) && prot & u64::from(g::PROT_EXEC) != 0
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

/// Returns the address of the mapping that a call flushes to the disk: msync with MS_SYNC.
#[must_use]
pub fn flushed_mapping(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<u64> {
    let [start, _, flags, ..] = abi.args(args);
    (row.name == "msync" && flags & u64::from(g::MS_SYNC) != 0).then_some(start)
}

/// Whether a call of kind [`CallKind::SetXattr`] removes the attribute.
#[must_use]
pub fn removes_xattr(row: &Row) -> bool {
    row.arg("value").is_none() && row.arg("uargs").is_none()
}

/// Whether a call changes what the file system allows with a file: immutable, append-only and the
/// like (ioctl_iflags(2), file_setattr(2)).
#[must_use]
pub fn sets_file_attributes(abi: Abi, row: &Row, args: &[u64; 6]) -> bool {
    let request = abi.args(args)[1] & 0xffff_ffff;
    let requests =
        [ioctl::FS_IOC_SETFLAGS, ioctl::FS_IOC32_SETFLAGS, ioctl::FS_IOC_FSSETXATTR].map(u64::from);
    row.name == "file_setattr" || row.kind == CallKind::Ioctl && requests.contains(&request)
}

/// Returns the kind of a special file that mknod(2) makes, and for a device its number; empty for a
/// regular file.
#[must_use]
pub fn special_file(mode: u64, device: u64) -> String {
    // MKDEV of the calls (new_decode_dev, include/linux/kdev_t.h).
    let (major, minor) = (device >> 8 & 0xfff, device & 0xff | device >> 12 & 0xf_ff00);
    match u32::try_from(mode).unwrap_or(0) & g::S_IFMT {
        g::S_IFIFO => "fifo".to_owned(),
        g::S_IFSOCK => "socket".to_owned(),
        g::S_IFCHR => format!("c{major}:{minor}"),
        g::S_IFBLK => format!("b{major}:{minor}"),
        _ => String::new(),
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
