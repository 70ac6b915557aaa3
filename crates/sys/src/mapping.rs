//! A file's pages shared with the kernel: what is stored there survives the death of this process.

use crate::holes::Registered;
use crate::{Error, Result};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};

/// A writable MAP_SHARED mapping of a part of a file, or anonymous memory where there is no file to map.
#[derive(Debug)]
pub struct SharedMapping {
    base: *mut u8,
    len: usize,
    /// Where SIGBUS is expected: a file can be cut short by anybody who may write to it.
    registered: Option<Registered>,
}

// SAFETY: the mapping is owned by this value alone, like a Box of bytes; nothing in it is bound to a thread.
unsafe impl Send for SharedMapping {}

impl SharedMapping {
    /// Maps `len` bytes of `file` from `offset`. The blocks should have been allocated (see [`allocate`]): memory that the file has
    /// no blocks for, because the disk is full or because the file was cut short, is replaced by zeros when it is touched
    /// ([`SharedMapping::is_torn`]), where it would be SIGBUS (mmap(2)).
    pub fn of_file(file: &File, offset: u64, len: usize) -> Result<SharedMapping> {
        let offset = libc::off_t::try_from(offset)
            .map_err(|_| Error::io("mmap", std::io::Error::from_raw_os_error(libc::EOVERFLOW)))?;
        let mut mapping = Self::map(len, libc::MAP_SHARED, file.as_raw_fd(), offset)?;
        mapping.registered = Some(Registered::new(mapping.base, len)?);
        Ok(mapping)
    }

    /// Private memory of the same shape, for logs that go to a pipe.
    pub fn anonymous(len: usize) -> Result<SharedMapping> {
        Self::map(len, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
    }

    fn map(len: usize, flags: i32, fd: i32, offset: libc::off_t) -> Result<SharedMapping> {
        // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing of ours (mmap(2)).
        let base = unsafe {
            libc::mmap(std::ptr::null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, flags, fd, offset)
        };
        if base == libc::MAP_FAILED {
            return Err(Error::last("mmap", None));
        }
        // Without it the first store to a file's mapping fills as much of it as the disk reads ahead (do_sync_mmap_readahead,
        // mm/filemap.c): up to all of it, with zeros, in a recording that may need a page.
        // SAFETY: advice about a mapping of our own changes nothing of its contents. It may be refused: nothing depends on it.
        unsafe { libc::madvise(base, len, libc::MADV_RANDOM) };
        Ok(SharedMapping { base: base.cast(), len, registered: None })
    }

    /// Whether some of it was found to have no file behind it, and is memory of this process alone since then.
    pub fn is_torn(&self) -> bool {
        self.registered.as_ref().is_some_and(Registered::is_torn)
    }

    /// The mapped bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is `len` readable bytes for as long as self lives, and only self writes to it. Other processes that may write to
        // the file could change them: whoever reads more than once copies first.
        unsafe { std::slice::from_raw_parts(self.base, self.len) }
    }

    /// The mapped bytes, to write.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above; &mut self makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.base, self.len) }
    }

    /// Stores a number at `offset` (a multiple of 8) after everything that was stored before it.
    pub fn store_release(&mut self, offset: usize, value: u64) {
        assert!(
            offset.is_multiple_of(8) && offset + 8 <= self.len,
            "a commit word lies inside its segment, aligned"
        );
        // SAFETY: in bounds and aligned (asserted; mappings start at a page), and AtomicU64 has the layout of u64.
        let word = unsafe { AtomicU64::from_ptr(self.base.add(offset).cast()) };
        word.store(value.to_le(), Ordering::Release);
    }
}

impl Drop for SharedMapping {
    fn drop(&mut self) {
        // It leaves the table first: the handler must not map anything where something else may come to lie.
        self.registered = None;
        // SAFETY: base and len are those of our own mapping, which nobody borrows any more.
        unsafe { libc::munmap(self.base.cast(), self.len) };
    }
}

/// Makes sure the file has disk blocks for `len` bytes from `offset`. With `keep_size` its length does not change.
///
/// Answers ENOSPC when the disk is full; a file system without fallocate(2) answers EOPNOTSUPP, which the caller may pass over.
pub fn allocate(file: &File, offset: u64, len: u64, keep_size: bool) -> std::io::Result<()> {
    let mode = if keep_size { libc::FALLOC_FL_KEEP_SIZE } else { 0 };
    let too_large = |_| std::io::Error::from_raw_os_error(libc::EFBIG);
    let (offset, len) =
        (libc::off_t::try_from(offset).map_err(too_large)?, libc::off_t::try_from(len).map_err(too_large)?);
    // SAFETY: fallocate(2) takes numbers only.
    crate::raw::check(unsafe { libc::fallocate(file.as_raw_fd(), mode, offset, len) }).map(drop)
}

/// Takes the file for this process alone, as long as it is open (flock(2)); `false` when another has it.
pub fn lock(file: &File) -> bool {
    // SAFETY: flock(2) takes numbers only.
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_reach_the_file_without_a_write() {
        let file = tempfile::tempfile().unwrap();
        allocate(&file, 0, 8192, false).unwrap();
        let mut mapping = SharedMapping::of_file(&file, 4096, 4096).unwrap();
        mapping.bytes_mut()[16..21].copy_from_slice(b"bytes");
        mapping.store_release(8, 5);
        let mut read = [0; 21];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut read, 4096).unwrap();
        assert_eq!(&read[16..], b"bytes");
        assert_eq!(&read[8..16], &5u64.to_le_bytes());
    }
}
