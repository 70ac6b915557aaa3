//! Access to the files of mappings.

use crate::Tid;
use crate::process::Mapping;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::{fs, io};

/// Opens the file of a mapping. /proc/TID/map_files, which is exact, needs privileges (proc(5));
/// without them the path is followed and must lead to the same inode.
///
/// # Errors
/// The errno of opening the file, or `NotFound` when the path leads to another file.
pub fn file(tid: Tid, mapping: &Mapping) -> io::Result<fs::File> {
    if let Ok(file) = fs::File::open(exact_path(tid, mapping)) {
        return Ok(file);
    }
    // O_NONBLOCK: a FIFO that has taken the file's place must not block.
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path_of(tid, mapping))?;
    same_inode(mapping, file.metadata()?).map(|_| file)
}

/// Opens a regular file by an untrusted path. A symbolic link as the last component and other file
/// types are rejected: opening a FIFO can block, opening a device can have effects (open(2)).
///
/// # Errors
/// The errno of opening the file, or an error when it is not a regular file.
pub fn regular(path: &std::path::Path) -> io::Result<fs::File> {
    let check = |data: fs::Metadata| match data.is_file() {
        true => Ok(()),
        false => Err(io::Error::other("not a regular file")),
    };
    check(fs::symlink_metadata(path)?)?;
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    // The path may lead to another file by now.
    check(file.metadata()?)?;
    Ok(file)
}

/// Like [`file()`], but returns the metadata without opening the file.
///
/// # Errors
/// As [`file()`].
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
