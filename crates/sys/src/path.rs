//! Where the paths of a task lead, through its symbolic links. They cannot be resolved later,
//! because links change.

use crate::Tid;
use crate::fdname::read_link;
use crate::raw::check;
use std::ffi::CStr;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Where a path begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The root directory of the task.
    Root,
    /// Its working directory.
    Cwd,
    /// A descriptor of the task.
    Fd(i32),
}

/// How paths are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct How {
    /// Whether the task has the root directory and the mounts of this process.
    pub shares_root: bool,
    /// Whether a file system may be waited for. Otherwise what the kernel does not have in memory
    /// is `EAGAIN`.
    pub may_wait: bool,
}

/// Resolves paths. It reuses its buffers, and so allocates nothing once they are large enough.
#[derive(Debug)]
pub struct Resolver {
    text: Vec<u8>,
    link: Vec<u8>,
    /// The directory of this process in /proc.
    own: String,
    /// Whether the kernel knows RESOLVE_CACHED (Linux 5.12).
    has_cached: bool,
    /// Whether it knows openat2(2) (Linux 5.6), and lets this process use it.
    has_openat2: bool,
}

impl Default for Resolver {
    fn default() -> Self {
        Resolver {
            text: Vec::new(),
            link: Vec::new(),
            own: format!("/proc/{}", std::process::id()),
            has_cached: true,
            has_openat2: true,
        }
    }
}

type Resolved<T> = std::result::Result<T, i32>;

impl Resolver {
    /// Resolves a path of a task; [`Self::link`] is then the name of the file. An absolute path
    /// begins at [`Base::Root`]. Links of /proc that are no paths are not followed: the recorder
    /// would find its own files there.
    ///
    /// # Errors
    /// The errno for which there is no name: `ELOOP` also for paths into /proc/self.
    pub fn resolve(&mut self, tid: Tid, base: Base, path: &[u8], how: How) -> Resolved<()> {
        let file = if how.shares_root {
            match base {
                Base::Root => self.open(libc::AT_FDCWD, path, 0, how)?,
                _ => self.open(open_link(tid, base)?.as_raw_fd(), path, 0, how)?,
            }
        } else {
            self.open_below_root(tid, base, path, how)?
        };
        let mut room = [0; "/proc/self/fd/-2147483648\0".len()];
        if write!(&mut room[..], "/proc/self/fd/{}", file.as_raw_fd()).is_err() {
            return Err(libc::ENAMETOOLONG);
        }
        read_room(&room, &mut self.link)?;
        let is_own = self.link.strip_prefix(self.own.as_bytes());
        if is_own.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/")) {
            return Err(libc::ELOOP);
        }
        Ok(())
    }

    /// Finds where paths of a task begin; [`Self::link`] is then the name of the directory.
    ///
    /// # Errors
    /// The errno of readlink(2).
    pub fn base(&mut self, tid: Tid, base: Base) -> Resolved<()> {
        read_room(&link_path(tid, base)?, &mut self.link)
    }

    /// Returns the name that was found last, as links in /proc have it.
    pub fn link(&self) -> &[u8] {
        &self.link
    }

    /// Opens a path of a task with another root or other mounts.
    fn open_below_root(
        &mut self,
        tid: Tid,
        base: Base,
        path: &[u8],
        how: How,
    ) -> Resolved<OwnedFd> {
        let root = open_link(tid, Base::Root)?;
        if base == Base::Root {
            return self.open(root.as_raw_fd(), path, libc::RESOLVE_IN_ROOT, how);
        }
        // Absolute links must begin at the root of the task, so the path does too.
        let mut root_name = Vec::new();
        read_room(&link_path(tid, Base::Root)?, &mut root_name)?;
        let mut whole = Vec::new();
        read_room(&link_path(tid, base)?, &mut whole)?;
        let root_name = root_name.strip_suffix(b"/").unwrap_or(&root_name);
        let below = whole.strip_prefix(root_name).filter(|rest| rest.first() == Some(&b'/'));
        match below {
            Some(below) => {
                let whole = [below, b"/", path].concat();
                self.open(root.as_raw_fd(), &whole, libc::RESOLVE_IN_ROOT, how)
            }
            // Outside the root an absolute link would lead astray.
            None => {
                let base = open_link(tid, base)?;
                self.open(base.as_raw_fd(), path, libc::RESOLVE_NO_SYMLINKS, how)
            }
        }
    }

    /// Opens a path as a place (O_PATH), which has no effect on the file.
    fn open(&mut self, base: i32, path: &[u8], resolve: u64, how: How) -> Resolved<OwnedFd> {
        self.text.clear();
        self.text.extend_from_slice(path);
        self.text.push(0);
        let path = CStr::from_bytes_until_nul(&self.text).map_err(|_| libc::EINVAL)?;
        let resolve = resolve | libc::RESOLVE_NO_MAGICLINKS;
        if self.has_openat2 {
            if self.has_cached {
                match openat2(base, path, resolve | libc::RESOLVE_CACHED) {
                    Err(libc::EINVAL) => self.has_cached = false,
                    // Not in memory. The network file systems say so for ever.
                    Err(libc::EAGAIN) if how.may_wait => {}
                    result => return result,
                }
            }
            if !how.may_wait {
                return Err(libc::EAGAIN);
            }
            match openat2(base, path, resolve) {
                Err(libc::ENOSYS | libc::EPERM) => self.has_openat2 = false,
                result => return result,
            }
        }
        open_plainly(base, path, resolve, how)
    }
}

/// Opens a path without openat2(2). What only that can do is refused.
fn open_plainly(base: i32, path: &CStr, resolve: u64, how: How) -> Resolved<OwnedFd> {
    let bytes = path.to_bytes();
    // Magic links are there.
    let is_special = bytes.starts_with(b"/proc") || bytes.starts_with(b"/dev");
    if resolve != libc::RESOLVE_NO_MAGICLINKS || !how.may_wait || is_special {
        return Err(libc::ENOSYS);
    }
    // SAFETY: the kernel reads a NUL-terminated path and returns a new descriptor that nothing else
    // owns (openat(2)).
    unsafe {
        let fd = check(libc::openat(base, path.as_ptr(), libc::O_PATH | libc::O_CLOEXEC));
        fd.map(|fd| OwnedFd::from_raw_fd(fd)).map_err(|error| errno(&error))
    }
}

fn openat2(base: i32, path: &CStr, resolve: u64) -> Resolved<OwnedFd> {
    // SAFETY: all zeros is a valid open_how (openat2(2)).
    let mut how: libc::open_how = unsafe { std::mem::zeroed() };
    how.flags = u64::from((libc::O_PATH | libc::O_CLOEXEC).cast_unsigned());
    how.resolve = resolve;
    // SAFETY: the kernel reads a NUL-terminated path and a structure of the given size, and returns
    // a new descriptor that nothing else owns (openat2(2)).
    unsafe {
        let size = size_of::<libc::open_how>();
        let fd = check(libc::syscall(libc::SYS_openat2, base, path.as_ptr(), &raw const how, size));
        let fd = fd.map_err(|error| errno(&error))?;
        Ok(OwnedFd::from_raw_fd(i32::try_from(fd).map_err(|_| libc::EMFILE)?))
    }
}

/// The room for the path of a link in /proc, with its NUL.
type Room = [u8; "/proc/-2147483648/fd/-2147483648\0".len()];

/// Returns the path of the link in /proc to where a path begins.
fn link_path(tid: Tid, base: Base) -> Resolved<Room> {
    let mut room: Room = [0; size_of::<Room>()];
    let written = match base {
        Base::Root => write!(&mut room[..], "/proc/{tid}/root"),
        Base::Cwd => write!(&mut room[..], "/proc/{tid}/cwd"),
        Base::Fd(fd) => write!(&mut room[..], "/proc/{tid}/fd/{fd}"),
    };
    written.map(|()| room).map_err(|_| libc::ENAMETOOLONG)
}

/// Opens where a path begins, as a place.
fn open_link(tid: Tid, base: Base) -> Resolved<OwnedFd> {
    let room = link_path(tid, base)?;
    let path = CStr::from_bytes_until_nul(&room).map_err(|_| libc::EINVAL)?;
    // SAFETY: the kernel reads a NUL-terminated path and returns a new descriptor that nothing else
    // owns (open(2)).
    unsafe {
        let fd = check(libc::open(path.as_ptr(), libc::O_PATH | libc::O_CLOEXEC));
        fd.map(|fd| OwnedFd::from_raw_fd(fd)).map_err(|error| errno(&error))
    }
}

fn read_room(room: &[u8], link: &mut Vec<u8>) -> Resolved<()> {
    let path = CStr::from_bytes_until_nul(room).map_err(|_| libc::EINVAL)?;
    match read_link(libc::AT_FDCWD, path, link) {
        true => Ok(()),
        false => Err(errno(&std::io::Error::last_os_error())),
    }
}

fn errno(error: &std::io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    const SHARED: How = How { shares_root: true, may_wait: true };

    #[test]
    fn paths_lead_through_links() {
        let own = Tid::try_from(std::process::id()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        fs::create_dir(real.join("out")).unwrap();
        fs::write(real.join("out/file"), "").unwrap();
        symlink(real.join("out"), real.join("cache")).unwrap();
        symlink("cache/file", real.join("again")).unwrap();
        let directory = fs::File::open(&real).unwrap();
        let base = Base::Fd(directory.as_raw_fd());
        let mut resolver = Resolver::default();
        for (path, leads) in [("cache", "out"), ("cache/file", "out/file"), ("again", "out/file")] {
            let absolute = real.join(path);
            let leads = real.join(leads);
            for shares_root in [true, false] {
                let how = How { shares_root, ..SHARED };
                let found = resolver.resolve(own, base, path.as_bytes(), how);
                assert_eq!(found, Ok(()), "{path}, {how:?}");
                assert_eq!(resolver.link(), leads.as_os_str().as_bytes(), "{path}, {how:?}");
                let text = absolute.as_os_str().as_bytes();
                let found = resolver.resolve(own, Base::Root, text, how);
                assert_eq!(found, Ok(()), "{path}, {how:?}");
                assert_eq!(resolver.link(), leads.as_os_str().as_bytes(), "{path}, {how:?}");
            }
            // What was just looked up is in memory.
            let cached = How { may_wait: false, ..SHARED };
            assert!(resolver.resolve(own, base, path.as_bytes(), cached).is_ok());
            let text = std::ffi::CString::new(path).unwrap();
            let plain =
                open_plainly(directory.as_raw_fd(), &text, libc::RESOLVE_NO_MAGICLINKS, SHARED);
            assert!(plain.is_ok());
        }
        assert_eq!(resolver.resolve(own, base, b"missing/x", SHARED), Err(libc::ENOENT));
        assert_eq!(resolver.base(own, base), Ok(()));
        assert_eq!(resolver.link(), real.as_os_str().as_bytes());
    }

    #[test]
    fn what_the_recorder_would_find_of_itself_is_no_name() {
        let own = Tid::try_from(std::process::id()).unwrap();
        let mut resolver = Resolver::default();
        for path in ["/proc/self/status", "/proc/self/cwd/x", "/proc/thread-self/comm"] {
            let found = resolver.resolve(own, Base::Root, path.as_bytes(), SHARED);
            assert_eq!(found, Err(libc::ELOOP), "{path}");
        }
        assert_eq!(resolver.resolve(Tid::MIN, Base::Cwd, b"x", SHARED), Err(libc::ENOENT));
    }
}
