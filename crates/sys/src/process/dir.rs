//! Reads several files of one process, below its directory in /proc. The path to the directory is
//! walked once.

use super::text::read_open;
use crate::Tid;
use crate::fdname::FdName;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use std::fmt::Write;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

/// Device and inode of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct FileId {
    /// st_dev.
    pub device: u64,
    /// st_ino.
    pub inode: u64,
}

impl FileId {
    /// Returns that of a file's metadata.
    pub fn of(data: &Metadata) -> FileId {
        FileId { device: data.dev(), inode: data.ino() }
    }
}

/// An open descriptor, from /proc/PID/fd and fdinfo.
#[derive(Debug, Clone, Default)]
pub struct Descriptor {
    /// The descriptor number.
    pub fd: i32,
    /// The target of the link, and for a socket its addresses.
    pub name: FdName,
    /// The file offset.
    pub position: u64,
    /// The open flags.
    pub flags: u32,
}

/// The directories of a task's descriptors.
#[derive(Debug)]
pub struct Dir {
    tgid: Tid,
    links: File,
    infos: File,
    text: Vec<u8>,
    number: String,
}

impl Dir {
    /// Opens /proc/TID/fd and fdinfo.
    ///
    /// # Errors
    /// The errno of opening them; EACCES when the task may not be inspected.
    pub fn open(tid: Tid, tgid: Tid) -> io::Result<Dir> {
        Ok(Dir {
            tgid,
            links: File::open(format!("/proc/{tid}/fd"))?,
            infos: File::open(format!("/proc/{tid}/fdinfo"))?,
            text: Vec::new(),
            number: String::new(),
        })
    }

    /// Returns the number of open descriptors of a task (Linux 6.2: the size of /proc/TID/fd), or
    /// `None` where the kernel does not say.
    pub fn count(tid: Tid) -> Option<u64> {
        let data = std::fs::metadata(format!("/proc/{tid}/fd")).ok()?;
        Some(data.len()).filter(|&count| count > 0)
    }

    /// Returns all open descriptors in ascending order.
    ///
    /// # Errors
    /// The errno of reading the directory.
    pub fn descriptors(&mut self, tid: Tid) -> io::Result<Vec<Descriptor>> {
        let mut fds: Vec<i32> = std::fs::read_dir(format!("/proc/{tid}/fd"))?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        fds.sort_unstable();
        Ok(fds.into_iter().filter_map(|fd| self.descriptor(fd)).collect())
    }

    /// Returns a descriptor, if it is open.
    pub fn descriptor(&mut self, fd: i32) -> Option<Descriptor> {
        let mut name = FdName::default();
        if !name.resolve_in(self.links.as_fd(), self.tgid, fd) {
            return None;
        }
        self.number.clear();
        write!(self.number, "{fd}").ok()?;
        self.text.clear();
        if let Ok(info) = openat(
            &self.infos,
            self.number.as_str(),
            OFlag::O_RDONLY | OFlag::O_CLOEXEC,
            Mode::empty(),
        ) {
            _ = read_open(&mut File::from(info), true, &mut self.text);
        }
        let field = |key: &[u8]| {
            let lines = self.text.split(|&byte| byte == b'\n');
            let value = lines.into_iter().find_map(|line| line.strip_prefix(key))?;
            std::str::from_utf8(value).ok().map(str::trim)
        };
        Some(Descriptor {
            fd,
            name,
            position: field(b"pos:").and_then(|v| v.parse().ok()).unwrap_or(0),
            flags: field(b"flags:").and_then(|v| u32::from_str_radix(v, 8).ok()).unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn own_descriptors_are_found_and_counted() {
        let own = Tid::try_from(std::process::id()).unwrap();
        let file = tempfile::tempfile().unwrap();
        file.set_len(10).unwrap();
        std::io::Seek::seek(&mut &file, io::SeekFrom::Start(7)).unwrap();
        let mut dir = Dir::open(own, own).unwrap();
        let found = dir.descriptor(file.as_raw_fd()).unwrap();
        assert_eq!((found.fd, found.position), (file.as_raw_fd(), 7));
        assert_eq!(found.flags & 3, 2, "O_RDWR");
        assert_eq!(FileId::of(&file.metadata().unwrap()).inode, found.name.inode);
        let all = dir.descriptors(own).unwrap();
        assert!(all.iter().any(|other| other.fd == found.fd && other.name == found.name));
        assert!(all.is_sorted_by_key(|descriptor| descriptor.fd));
        assert!(dir.descriptor(9999).is_none());
        // Other tests open and close theirs meanwhile.
        assert!(Dir::count(own).is_none_or(|count| count >= 3));
    }
}
