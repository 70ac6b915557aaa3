//! Finds the private pages of a process, with the PAGEMAP_SCAN request of /proc/PID/pagemap (Linux
//! 6.7).
//!
//! A request walks the page tables and skips what was never written: holes, the zero page, pages of
//! files. A sparse mapping of terabytes costs no more than a small one, and the walk makes no page
//! present.

use crate::{Error, Result, Tid};
use linux_raw_sys::general as g;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;

/// `_IOWR('f', 16, struct pm_scan_arg)` of linux/fs.h, which no crate defines.
const PAGEMAP_SCAN: libc::Ioctl = libc::_IOWR::<g::pm_scan_arg>('f' as u32, 16);

/// The most ranges that one request returns.
const REGIONS: usize = 512;

/// Checks that the kernel has the request.
///
/// # Errors
/// The errno of the request: ENOTTY before Linux 6.7, ENOENT without /proc.
pub fn check() -> Result<()> {
    own(std::process::id().cast_signed(), 0, &mut Vec::new()).map_err(|source| {
        let what = "find a process's private pages (PAGEMAP_SCAN needs Linux 6.7 and /proc)";
        Error::Call { what: what.into(), tid: None, source }
    })
}

/// Finds the pages of a process that were written since they were mapped, resident or swapped out,
/// as ranges in ascending order. Excludes pages of files and of shared memory. `end` is the first
/// address not looked at; the kernel rejects addresses outside user space.
///
/// # Errors
/// The errno of opening the pagemap or of the request.
pub fn own(tid: Tid, end: u64, found: &mut Vec<Range<u64>>) -> io::Result<()> {
    found.clear();
    scan(&File::open(format!("/proc/{tid}/pagemap"))?, 0..end, 0, found)
}

/// Like [`own`], for some ranges: returns the first `most` pages, or a few more.
///
/// # Errors
/// As [`own`].
pub fn some_own(
    tid: Tid,
    ranges: impl Iterator<Item = Range<u64>>,
    most: u64,
    found: &mut Vec<Range<u64>>,
) -> io::Result<()> {
    found.clear();
    let pagemap = File::open(format!("/proc/{tid}/pagemap"))?;
    for range in ranges.filter(|range| !range.is_empty()) {
        let pages =
            found.iter().map(|own| own.end - own.start).sum::<u64>() / crate::process::page_size();
        if pages >= most {
            break;
        }
        scan(&pagemap, range, most - pages, found)?;
    }
    Ok(())
}

/// Walks the page tables of a range; stops after `most` pages unless that is 0.
fn scan(
    pagemap: &File,
    range: Range<u64>,
    most: u64,
    found: &mut Vec<Range<u64>>,
) -> io::Result<()> {
    let end = range.end;
    let mut regions = [g::page_region { start: 0, end: 0, categories: 0 }; REGIONS];
    let not = u64::from(g::PAGE_IS_FILE | g::PAGE_IS_PFNZERO);
    let mut arg = g::pm_scan_arg {
        size: size_of::<g::pm_scan_arg>() as u64,
        flags: 0,
        start: range.start,
        end,
        walk_end: 0,
        vec: regions.as_mut_ptr() as u64,
        vec_len: REGIONS as u64,
        max_pages: most,
        category_inverted: not,
        category_mask: not,
        category_anyof_mask: (g::PAGE_IS_PRESENT | g::PAGE_IS_SWAPPED).into(),
        return_mask: not,
    };
    loop {
        // SAFETY: the kernel reads the struct of the given size, writes its walk_end, and writes at
        // most vec_len regions to vec, which has that length
        // (Documentation/admin-guide/mm/pagemap.rst, "Pagemap Scan IOCTL").
        let answer = unsafe { libc::ioctl(pagemap.as_raw_fd(), PAGEMAP_SCAN, &raw mut arg) };
        let count = usize::try_from(crate::raw::check(answer)?).unwrap_or(0);
        found.extend(regions.iter().take(count).map(|region| region.start..region.end));
        // With a page limit one request is enough: the array has room for all its ranges.
        if arg.walk_end <= arg.start || arg.walk_end >= end || most > 0 {
            return Ok(());
        }
        arg.start = arg.walk_end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::page_size;

    #[test]
    fn only_written_pages_are_found() {
        let page = usize::try_from(page_size()).unwrap();
        let mut memory = crate::SharedMapping::anonymous(64 * page).unwrap();
        memory.bytes_mut()[3 * page] = 1;
        memory.bytes_mut()[4 * page] = 1;
        // A page that was only read is the zero page.
        assert_eq!(memory.bytes()[9 * page], 0);
        let start = memory.bytes().as_ptr() as u64;
        let mut found = Vec::new();
        own(std::process::id().cast_signed(), start + 64 * page as u64, &mut found).unwrap();
        let inside: Vec<_> = found
            .iter()
            .map(|own| own.start.max(start)..own.end.min(start + 64 * page as u64))
            .filter(|own| !own.is_empty())
            .map(|own| (own.start - start) / page as u64..(own.end - start) / page as u64)
            .collect();
        assert_eq!(inside, vec![3..5]);
        assert!(found.is_sorted_by_key(|own| own.start));
    }
}
