//! What a descriptor leads to, as the kernel resolves it. It cannot be derived later: the file may be gone.

use crate::Tid;
use crate::raw::check;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
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
    /// The peer's.
    pub peer: Vec<u8>,
}

/// Resolves a descriptor of a task. `None` when it is not open (any more).
///
/// `tgid` must be the task's thread group: pidfd_open(2) takes nothing else.
pub fn resolve(tid: Tid, tgid: Tid, fd: i32) -> Option<FdName> {
    let path = format!("/proc/{tid}/fd/{fd}");
    let link = std::fs::read_link(&path).ok()?.into_os_string().into_vec();
    let mut name = FdName { link, ..FdName::default() };
    if let Ok(data) = std::fs::metadata(&path) {
        (name.mode, name.device, name.inode, name.special) =
            (data.mode(), data.dev(), data.ino(), data.rdev());
    }
    if name.mode & libc::S_IFMT == libc::S_IFSOCK
        && let Ok((local, peer)) = endpoints(tgid, fd, name.inode)
    {
        (name.local, name.peer) = (local, peer);
    }
    Some(name)
}

/// The ends of a socket, through a duplicate of it (pidfd_getfd(2), Linux 5.6). A duplicate shares the open file description,
/// and asking for names changes nothing in it.
fn endpoints(tgid: Tid, fd: i32, inode: u64) -> io::Result<(Vec<u8>, Vec<u8>)> {
    // SAFETY: both calls take numbers and answer new descriptors that nobody else owns.
    let socket = unsafe {
        let process = OwnedFd::from_raw_fd(descriptor(libc::syscall(libc::SYS_pidfd_open, tgid, 0))?);
        OwnedFd::from_raw_fd(descriptor(libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), fd, 0))?)
    };
    // A thread may have a descriptor table of its own (clone without CLONE_FILES): the duplicate must be the same socket.
    let socket = std::fs::File::from(socket);
    if socket.metadata()?.ino() != inode {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    let ask = |call: unsafe extern "C" fn(i32, *mut libc::sockaddr, *mut libc::socklen_t) -> i32| {
        let mut address = vec![0u8; size_of::<libc::sockaddr_storage>()];
        let mut len = libc::socklen_t::try_from(address.len()).unwrap_or(0);
        // SAFETY: the kernel writes at most `len` bytes to `address` and sets `len` (getsockname(2), getpeername(2)).
        match check(unsafe { call(socket.as_raw_fd(), address.as_mut_ptr().cast(), &mut len) }) {
            Ok(_) => address.truncate(len as usize),
            Err(_) => address.clear(), // Not connected, or not bound.
        }
        address
    };
    Ok((ask(libc::getsockname), ask(libc::getpeername)))
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
    }
}
