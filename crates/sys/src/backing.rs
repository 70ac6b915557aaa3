//! The files behind mappings.

use crate::Tid;
use crate::process::Mapping;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::{fs, io};

/// The file behind a mapping. Only with privileges is it what /proc/TID/map_files leads to
/// (proc(5)); else the path is followed, and must lead to the same inode.
pub fn file(tid: Tid, mapping: &Mapping) -> io::Result<fs::File> {
    if let Ok(file) = fs::File::open(exact_path(tid, mapping)) {
        return Ok(file);
    }
    // Not a FIFO that has come into its place: opening one would wait.
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path_of(tid, mapping))?;
    same_inode(mapping, file.metadata()?).map(|_| file)
}

/// Opens a regular file by a path that a stranger has written down. The last part of the path is
/// not followed if it is a link, and nothing else is opened: to open a FIFO is to wait, to open a
/// device may set it going (open(2)).
pub fn regular(path: &std::path::Path) -> io::Result<fs::File> {
    let check = |data: fs::Metadata| match data.is_file() {
        true => Ok(()),
        false => Err(io::Error::other("it is no regular file")),
    };
    check(fs::symlink_metadata(path)?)?;
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    // It may have become another one meanwhile.
    check(file.metadata()?)?;
    Ok(file)
}

/// As [`file()`], what can be known of the file without opening it.
pub fn data(tid: Tid, mapping: &Mapping) -> io::Result<fs::Metadata> {
    fs::metadata(exact_path(tid, mapping))
        .or_else(|_| fs::metadata(path_of(tid, mapping)).and_then(|data| same_inode(mapping, data)))
}

fn exact_path(tid: Tid, mapping: &Mapping) -> String {
    format!("/proc/{tid}/map_files/{:x}-{:x}", mapping.start, mapping.end)
}

fn path_of(tid: Tid, mapping: &Mapping) -> std::path::PathBuf {
    let mut path = std::path::PathBuf::from(format!("/proc/{tid}/root"));
    path.push(std::ffi::OsStr::from_bytes(
        mapping.path.strip_prefix(b"/").unwrap_or(&mapping.path),
    ));
    path
}

fn same_inode(mapping: &Mapping, data: fs::Metadata) -> io::Result<fs::Metadata> {
    if data.ino() == mapping.inode {
        Ok(data)
    } else {
        Err(io::Error::from(io::ErrorKind::NotFound))
    }
}
