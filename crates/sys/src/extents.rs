//! Where a file has data, and where holes (lseek(2), SEEK_DATA).

use crate::raw::check;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Returns the offset of the first byte of data at or after `from`; `None` when only a hole, or
/// nothing, follows.
///
/// # Errors
/// The errno of lseek(2): EINVAL where the file system does not know.
pub fn next_data(file: &File, from: u64) -> io::Result<Option<u64>> {
    seek(file, from, libc::SEEK_DATA)
}

/// Returns the offset of the first byte of a hole at or after `from`. The end of the file is one.
///
/// # Errors
/// As [`next_data`].
pub fn next_hole(file: &File, from: u64) -> io::Result<Option<u64>> {
    seek(file, from, libc::SEEK_HOLE)
}

/// Makes a range a hole, so zeros (fallocate(2), FALLOC_FL_PUNCH_HOLE). The length of the file
/// stays.
///
/// # Errors
/// The errno of fallocate(2): EOPNOTSUPP where the file system has no holes.
pub fn clear(file: &File, from: u64, len: u64) -> io::Result<()> {
    if len == 0 {
        return Ok(());
    }
    let number = |value: u64| i64::try_from(value).map_err(io::Error::other);
    let (from, len) = (number(from)?, number(len)?);
    let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    // SAFETY: fallocate(2) takes numbers.
    check(unsafe { libc::fallocate(file.as_raw_fd(), mode, from, len) }).map(drop)
}

fn seek(file: &File, from: u64, whence: i32) -> io::Result<Option<u64>> {
    let from = i64::try_from(from).map_err(io::Error::other)?;
    // SAFETY: lseek(2) takes numbers.
    match check(unsafe { libc::lseek(file.as_raw_fd(), from, whence) }) {
        Ok(at) => Ok(u64::try_from(at).ok()),
        Err(error) if error.raw_os_error() == Some(libc::ENXIO) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn data_and_holes_alternate() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 30).unwrap();
        file.write_all_at(b"x", 1 << 20).unwrap();
        let data = next_data(&file, 0).unwrap().unwrap();
        assert!(data <= 1 << 20, "{data:#x}");
        let hole = next_hole(&file, 1 << 20).unwrap().unwrap();
        assert!(hole > 1 << 20 && hole <= 1 << 30, "{hole:#x}");
        assert_eq!(next_data(&file, 1 << 30).unwrap(), None);
        clear(&file, 0, 1 << 29).unwrap();
        clear(&file, 0, 0).unwrap();
        assert_eq!(next_data(&file, 0).unwrap(), None);
        assert_eq!(file.metadata().unwrap().len(), 1 << 30);
    }
}
