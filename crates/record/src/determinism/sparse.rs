//! Splits the mapping of a sparse file into parts with data and holes, so that holes are neither
//! read nor stored.

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use sysreel_format::limits::BLOB_PART;
use sysreel_format::{MappedFlags, MappedHead};
use sysreel_sys::extents::{next_data, next_hole};

/// The unit of st_blocks (stat(2)).
const BLOCK: u64 = 512;
/// The most parts of one mapping. Holes after that count as data.
const MAX_PARTS: usize = 4096;
/// The most data that is stored of one mapping, in bytes.
pub(super) const MAX_DATA: u64 = 4 << 30;

/// Returns the parts of a mapping, in order. Parts begin and end at multiples of the size of a
/// blob in the file; the last one has all pages after the end of the file. One part for a file
/// that is not sparse, or of which the file system knows no holes.
pub(super) fn split(
    head: &MappedHead,
    data: &Metadata,
    open: impl FnOnce() -> io::Result<File>,
) -> Vec<MappedHead> {
    let file = head.offset..head.offset.saturating_add(head.len).min(data.size());
    let chunk = BLOB_PART as u64;
    let may_be_sparse = data.blocks().saturating_mul(BLOCK).saturating_add(chunk) < data.size();
    if file.is_empty() || !may_be_sparse {
        return vec![*head];
    }
    // What cannot be opened is read through the mapping, as a whole.
    let holes = open().and_then(|opened| holes(&opened, &file)).unwrap_or_default();
    let mut parts = Vec::new();
    let mut part = |range: Range<u64>, is_hole: bool| {
        if range.is_empty() {
            return;
        }
        let mut part = MappedHead { offset: range.start, len: range.end - range.start, ..*head };
        part.start = head.start + (range.start - head.offset);
        if is_hole {
            (part.flags, part.filled) = (part.flags.with(MappedFlags::HOLE), part.len);
        }
        parts.push(part);
    };
    let mut at = head.offset;
    for hole in holes {
        part(at..hole.start, false);
        at = hole.end;
        part(hole, true);
    }
    part(at..head.offset.saturating_add(head.len), false);
    parts
}

/// Returns the holes in a range of a file, without what belongs to a blob with data. They do not
/// reach the page with the end of the file.
fn holes(file: &File, range: &Range<u64>) -> io::Result<Vec<Range<u64>>> {
    let chunk = BLOB_PART as u64;
    let mut holes = Vec::new();
    let mut at = range.start;
    while at < range.end && holes.len() < MAX_PARTS / 2 {
        let Some(start) = next_hole(file, at)? else { break };
        let end = next_data(file, start)?.unwrap_or(range.end).min(range.end);
        let start = match start <= range.start {
            true => range.start,
            false => start.next_multiple_of(chunk),
        };
        // A blob begins at a multiple of its size.
        let hole = start..end - end % chunk;
        if hole.start < hole.end {
            holes.push(hole);
        }
        at = end.max(at + 1);
    }
    Ok(holes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    const MIB: u64 = 1 << 20;

    fn head(offset: u64, len: u64, flags: MappedFlags) -> MappedHead {
        let (start, dev, ino) = (0x7000_0000, 1, 2);
        MappedHead { start, len, prot: 1, flags, dev, ino, offset, filled: 0, skip: 0 }
    }

    /// Offset, length and whether it is a hole, in MiB.
    fn parts(file: &File, head: &MappedHead) -> Vec<(u64, u64, bool)> {
        let parts = split(head, &file.metadata().unwrap(), || file.try_clone());
        let mut at = head.start;
        let mut seen = Vec::new();
        for part in parts {
            assert_eq!(part.start, at);
            at += part.len;
            let is_hole =
                part.flags.contains(MappedFlags::HOLE) || !part.flags.contains(MappedFlags::FILE);
            seen.push((part.offset / MIB, part.len / MIB, is_hole));
        }
        assert_eq!(at, head.start + head.len);
        seen
    }

    #[test]
    fn parts_cover_the_mapping_and_keep_all_data() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(100 * MIB).unwrap();
        file.write_all_at(b"x", 10 * MIB + 5).unwrap();
        file.write_all_at(b"y", 50 * MIB - 1).unwrap();
        for flags in [MappedFlags::FILE, MappedFlags::FILE.with(MappedFlags::SHARED)] {
            assert_eq!(
                parts(&file, &head(0, 120 * MIB, flags)),
                [
                    (0, 10, true),
                    (10, 1, false),
                    (11, 38, true),
                    (49, 1, false),
                    (50, 50, true),
                    (100, 20, false)
                ]
            );
            assert_eq!(parts(&file, &head(10 * MIB, MIB, flags)), [(10, 1, false)]);
            assert_eq!(parts(&file, &head(20 * MIB, MIB, flags)), [(20, 1, true)]);
        }
    }

    #[test]
    fn a_file_without_holes_is_one_part() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&vec![1; 3 << 20], 0).unwrap();
        assert_eq!(parts(&file, &head(0, 3 * MIB, MappedFlags::FILE)), [(0, 3, false)]);
    }
}
