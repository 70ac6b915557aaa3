//! stat(2) that asks no server of a file system: it may be a tracee, which waits for the recorder.

use crate::Tid;
use crate::raw::check;
use std::collections::HashMap;
use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;

/// What the kernel knows of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CachedStat {
    pub(crate) mode: u32,
    pub(crate) user: u32,
    pub(crate) group: u32,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) special: u64,
}

/// Returns what the kernel knows of a file (AT_STATX_DONT_SYNC of statx(2), Linux 4.11). `path`
/// should be a link of /proc: looking up another path may ask the server too.
///
/// # Errors
/// The errno of statx(2).
pub(crate) fn cached_stat(dir: i32, path: &CStr) -> io::Result<CachedStat> {
    let mut data = MaybeUninit::<libc::statx>::zeroed();
    let flags = libc::AT_STATX_DONT_SYNC;
    // SAFETY: the kernel reads a NUL-terminated path and writes one statx (statx(2)).
    let answer = check(unsafe {
        libc::statx(dir, path.as_ptr(), flags, libc::STATX_BASIC_STATS, data.as_mut_ptr())
    });
    match answer {
        Ok(_) => {}
        // Old filters of containers do not know statx(2).
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
            return plain_stat(dir, path);
        }
        Err(error) => return Err(error),
    }
    // SAFETY: zeroed is a valid statx, and the kernel has filled it.
    let data = unsafe { data.assume_init() };
    Ok(CachedStat {
        mode: data.stx_mode.into(),
        user: data.stx_uid,
        group: data.stx_gid,
        device: libc::makedev(data.stx_dev_major, data.stx_dev_minor),
        inode: data.stx_ino,
        special: libc::makedev(data.stx_rdev_major, data.stx_rdev_minor),
    })
}

fn plain_stat(dir: i32, path: &CStr) -> io::Result<CachedStat> {
    let mut data = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the kernel reads a NUL-terminated path and writes one stat (fstatat(2)).
    check(unsafe { libc::fstatat(dir, path.as_ptr(), data.as_mut_ptr(), 0) })?;
    // SAFETY: zeroed is a valid stat, and the kernel has filled it.
    let data = unsafe { data.assume_init() };
    Ok(CachedStat {
        mode: data.st_mode,
        user: data.st_uid,
        group: data.st_gid,
        device: data.st_dev,
        inode: data.st_ino,
        special: data.st_rdev,
    })
}

/// Which devices are file systems that a process serves (FUSE), since something was mounted last.
#[derive(Debug, Default)]
pub struct ServedDevices(HashMap<u64, bool>);

impl ServedDevices {
    /// Notes that something was mounted or unmounted: the kernel gives device numbers again.
    pub fn forget(&mut self) {
        self.0.clear();
    }

    /// Whether a device that a task sees is one. Only devices without a disk (major number 0) can
    /// be. The type is in /proc/TID/mountinfo: statfs(2) would ask the server.
    pub(crate) fn contains(&mut self, tid: Tid, device: u64) -> bool {
        if libc::major(device) != 0 {
            return false;
        }
        *self.0.entry(device).or_insert_with(|| {
            let number = format!("0:{}", libc::minor(device));
            let mounts = std::fs::read(format!("/proc/{tid}/mountinfo")).unwrap_or_default();
            mounts.split(|byte| *byte == b'\n').any(|line| is_fuse(line, number.as_bytes()))
        })
    }
}

/// Whether a line of mountinfo (proc(5)) is of a FUSE device.
fn is_fuse(line: &[u8], device: &[u8]) -> bool {
    let mut words = line.split(|byte| *byte == b' ');
    if words.nth(2) != Some(device) {
        return false;
    }
    let kind = words.skip_while(|word| *word != b"-").nth(1);
    kind.is_some_and(|kind| kind.starts_with(b"fuse"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn it_is_what_stat_says() {
        for path in [c"/proc/self/exe", c"/dev/null", c"/proc"] {
            let data = std::fs::metadata(path.to_str().unwrap()).unwrap();
            let expected = CachedStat {
                mode: data.mode(),
                user: data.uid(),
                group: data.gid(),
                device: data.dev(),
                inode: data.ino(),
                special: data.rdev(),
            };
            assert_eq!(cached_stat(libc::AT_FDCWD, path).unwrap(), expected);
            assert_eq!(plain_stat(libc::AT_FDCWD, path).unwrap(), expected);
        }
        assert!(cached_stat(libc::AT_FDCWD, c"/missing").is_err());
    }

    #[test]
    fn the_type_of_a_mount_is_known() {
        let line = b"36 35 0:33 /mnt1 /mnt2 rw,noatime master:1 - fuse.sshfs host: rw,user_id=0";
        assert!(is_fuse(line, b"0:33") && !is_fuse(line, b"0:3"));
        assert!(!is_fuse(b"36 35 0:33 / /fuse rw - tmpfs fuse rw", b"0:33"));
    }
}
