//! The names of descriptors, as the kernel resolves them. They cannot be derived later, because the
//! file may be gone.

use crate::Tid;
use crate::cached_stat::{CachedStat, cached_stat};
use crate::raw::check;
use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

/// The resolved name of a descriptor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FdName {
    /// The target of /proc/PID/fd/N: a path, `socket:[inode]`, `pipe:[inode]`, `anon_inode:...`.
    pub link: Vec<u8>,
    /// st_mode.
    pub mode: u32,
    /// st_dev.
    pub device: u64,
    /// st_ino.
    pub inode: u64,
    /// st_rdev.
    pub special: u64,
    /// The local address of a socket: a raw sockaddr.
    pub local: Vec<u8>,
    /// The peer address of a socket: a raw sockaddr.
    pub peer: Vec<u8>,
}

/// Resolves a descriptor of a task, or returns `None` when it is not open.
///
/// `tgid` must be the task's thread group id, the only id that pidfd_open(2) takes.
pub fn resolve(tid: Tid, tgid: Tid, fd: i32) -> Option<FdName> {
    let mut name = FdName::default();
    name.resolve(tid, tgid, fd).then_some(name)
}

impl FdName {
    /// Like [`resolve`], but reuses this value's buffers and so does not allocate once they are
    /// large enough. Returns whether the descriptor is open.
    pub fn resolve(&mut self, tid: Tid, tgid: Tid, fd: i32) -> bool {
        let mut room = [0; "/proc/-2147483648/fd/-2147483648\0".len()];
        write!(&mut room[..], "/proc/{tid}/fd/{fd}").is_ok()
            && self.resolve_at(libc::AT_FDCWD, &room, tgid, fd)
    }

    /// Sets what a `struct stat` says. It is left empty if the bytes are none.
    pub fn set_stat(&mut self, bytes: &[u8]) {
        (self.mode, self.device, self.inode, self.special) = (0, 0, 0, 0);
        if bytes.len() == size_of::<libc::stat>() {
            // SAFETY: the bytes have the size of a stat, of which every bit pattern is valid.
            let data = unsafe { bytes.as_ptr().cast::<libc::stat>().read_unaligned() };
            (self.mode, self.device, self.inode, self.special) =
                (data.st_mode, data.st_dev, data.st_ino, data.st_rdev);
        }
    }

    /// Like [`FdName::resolve`], for the task whose /proc/TID/fd is open as `links`.
    pub(crate) fn resolve_in(&mut self, links: BorrowedFd<'_>, tgid: Tid, fd: i32) -> bool {
        let mut room = [0; "-2147483648\0".len()];
        write!(&mut room[..], "{fd}").is_ok() && self.resolve_at(links.as_raw_fd(), &room, tgid, fd)
    }

    fn resolve_at(&mut self, dir: i32, path: &[u8], tgid: Tid, fd: i32) -> bool {
        (self.mode, self.device, self.inode, self.special) = (0, 0, 0, 0);
        self.local.clear();
        self.peer.clear();
        let Ok(path) = CStr::from_bytes_until_nul(path) else { return false };
        if !read_link(dir, path, &mut self.link) {
            return false;
        }
        if let Ok(CachedStat { mode, device, inode, special, .. }) = cached_stat(dir, path) {
            (self.mode, self.device, self.inode, self.special) = (mode, device, inode, special);
        }
        if self.mode & libc::S_IFMT == libc::S_IFSOCK
            && let Ok(socket) = duplicate(tgid, fd, self.inode)
        {
            query_address(&socket, libc::getsockname, &mut self.local);
            query_address(&socket, libc::getpeername, &mut self.peer);
        }
        true
    }
}

/// readlinkat(2) into `link`, whose contents are replaced. The kernel builds the links of /proc in
/// a buffer of PATH_MAX bytes, so none is longer (fs/proc/base.c).
pub(crate) fn read_link(dir: i32, path: &CStr, link: &mut Vec<u8>) -> bool {
    link.clear();
    link.reserve(libc::PATH_MAX as usize);
    // SAFETY: the kernel reads a NUL-terminated path and writes at most `capacity()` bytes to the
    // spare room of `link` (readlink(2)), as many as it returns: those are then initialized.
    unsafe {
        let answer =
            libc::readlinkat(dir, path.as_ptr(), link.as_mut_ptr().cast(), link.capacity());
        link.set_len(usize::try_from(answer).unwrap_or(0));
        answer >= 0
    }
}

/// Duplicates a socket of the task, to query its addresses (pidfd_getfd(2), Linux 5.6). The
/// duplicate shares the open file description, which the queries do not change.
fn duplicate(tgid: Tid, fd: i32, inode: u64) -> io::Result<File> {
    // SAFETY: both calls take numbers and return new descriptors that nothing else owns.
    let socket = unsafe {
        let process =
            OwnedFd::from_raw_fd(descriptor(libc::syscall(libc::SYS_pidfd_open, tgid, 0))?);
        OwnedFd::from_raw_fd(descriptor(libc::syscall(
            libc::SYS_pidfd_getfd,
            process.as_raw_fd(),
            fd,
            0,
        ))?)
    };
    // A thread can have its own descriptor table (clone without CLONE_FILES), so the inode is
    // compared.
    let socket = File::from(socket);
    if socket.metadata()?.ino() == inode {
        Ok(socket)
    } else {
        Err(io::Error::from_raw_os_error(libc::EBADF))
    }
}

type QueryAddress = unsafe extern "C" fn(i32, *mut libc::sockaddr, *mut libc::socklen_t) -> i32;

/// Queries one address of a socket; empty when it is not bound or not connected.
fn query_address(socket: &File, call: QueryAddress, address: &mut Vec<u8>) {
    address.resize(size_of::<libc::sockaddr_storage>(), 0);
    let mut len = libc::socklen_t::try_from(address.len()).unwrap_or(0);
    // SAFETY: the kernel writes at most `len` bytes to `address` and sets `len` (getsockname(2),
    // getpeername(2)).
    match check(unsafe { call(socket.as_raw_fd(), address.as_mut_ptr().cast(), &mut len) }) {
        Ok(_) => address.truncate(len as usize),
        Err(_) => address.clear(),
    }
}

fn descriptor(answer: libc::c_long) -> io::Result<i32> {
    check(answer).map(|fd| i32::try_from(fd).unwrap_or(-1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn files_and_listening_sockets_have_names() {
        let own = Tid::try_from(std::process::id()).unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(resolve(own, own, null.as_raw_fd()).unwrap().link, b"/dev/null");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let name = resolve(own, own, listener.as_raw_fd()).unwrap();
        assert!(name.link.starts_with(b"socket:["));
        let port = u16::from_be_bytes([name.local[2], name.local[3]]);
        assert_eq!(port, listener.local_addr().unwrap().port());
        assert!(name.peer.is_empty());
        assert_eq!(resolve(own, own, 9999), None);
        let mut again = name;
        assert!(again.resolve(own, own, null.as_raw_fd()));
        assert_eq!(
            again,
            resolve(own, own, null.as_raw_fd()).unwrap(),
            "nothing of the socket is left"
        );
        assert_eq!(resolve(Tid::MIN, own, i32::MIN), None);
    }
}
