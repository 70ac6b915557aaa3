//! The codes, flags and lengths of codec 1 (docs/format.md).

use super::columns;
use crate::limits::BLOB_PART;
use crate::syscall_info;

/// Kinds of rows, in the lowest two bits of a code.
pub(super) const RAW_ROW: u8 = 0;
pub(super) const ENTRY: u8 = 1;
pub(super) const EXIT: u8 = 2;
pub(super) const OTHER: u8 = 3;
/// The parts have the same classes as those of the last stop with the same memo.
pub(super) const PARTS_KNOWN: u8 = 4;
/// The registers of an entry, or the value of an exit, are as predicted.
pub(super) const NO_CHANGE: u8 = 8;
/// The row has the same task as the row before.
pub(super) const SAME_TASK: u8 = 16;
/// The exit failed.
pub(super) const FAILED: u8 = 32;
/// The source of an entry or exit is code in the process, not the kernel.
pub(super) const IN_PROCESS: u8 = 64;
pub(super) const KNOWN_CODE: u8 = 127;

/// How a task reaches a site for the first time: the site is new; another task has used it; or it
/// is a known site loaded at another address, by a new distance or by one in the ring.
pub(super) const HOW_NEW: u8 = 0;
pub(super) const HOW_KNOWN: u8 = 1;
pub(super) const HOW_NEW_DISTANCE: u8 = 2;
pub(super) const HOW_RING_DISTANCE: u8 = 3;
/// The number of load distances remembered.
pub(super) const IP_RING: usize = 4;

/// The number of value differences remembered.
pub(super) const RING: usize = 8;
/// Codes of mispredicted registers: below `NEAR_ENTRY` alternative values; then the base moved by a
/// difference in the ring; then the alternative prediction moved so; then differences.
pub(super) const NEAR_ENTRY: u64 = 3;
pub(super) const WIDE_ENTRY: u64 = NEAR_ENTRY + 2 * RING as u64;
/// Codes of exit values: below `NEAR_EXIT` arguments; then the last value moved by a difference in
/// the ring; then differences.
pub(super) const NEAR_EXIT: u64 = 6;
pub(super) const WIDE_EXIT: u64 = NEAR_EXIT + RING as u64;
/// Folded differences from here on are remembered: at entries, and at exits.
pub(super) const FAR_REGISTER: u64 = 1 << 7;
pub(super) const FAR_VALUE: u64 = 1 << 16;
/// The score of predicting by pairs of sites rather than single sites: its start, and its bound.
pub(super) const FIRST_SCORE: i8 = 1;
pub(super) const MAX_SCORE: i8 = 16;

/// Flags: the fields of a region that were mispredicted.
pub(super) const ADDRESS_DIFFERS: u8 = 1;
pub(super) const INDEX_DIFFERS: u8 = 2;
pub(super) const LEN_DIFFERS: u8 = 4;
pub(super) const ASKED_DIFFERS: u8 = 8;
pub(super) const BLOB_DIFFERS: u8 = 16;
pub(super) const KNOWN_MASK: u8 = 31;

/// In the highest plane: the time does not fit the planes.
pub(super) const TIME_ESCAPE: u8 = 0xff;

/// The kind of the rows whose bodies belong to the skeleton.
pub(super) const STOP_KIND: [u8; 2] = [1, 0];
/// Kind, source and flags of the rows that the model handles: a STOP from the kernel.
pub(super) const STOP_SORT: [u8; 4] = [1, 0, 1, 0];
/// The same of entries and exits with [`IN_PROCESS`].
pub(super) const IN_PROCESS_SORT: [u8; 4] = [1, 0, 2, 0];
/// The length of a STOP's body before the struct.
pub(crate) const STOP_HEAD_LEN: usize = 12;
/// The first bytes of an entry's body: wait status 0x857f, 80 bytes of the merged struct, op 1.
pub(crate) const ENTRY_HEAD: [u8; 16] = [0x7f, 0x85, 0, 0, 80, 0, 0, 0, 80, 0, 1, 0, 1, 0, 0, 0];
pub(crate) const ENTRY_LEN: usize = STOP_HEAD_LEN + syscall_info::ENTRY_LEN;
/// The first bytes of an exit's body: the same with 33 bytes, op 2.
pub(crate) const EXIT_HEAD: [u8; 16] = [0x7f, 0x85, 0, 0, 33, 0, 0, 0, 33, 0, 1, 0, 2, 0, 0, 0];
pub(crate) const EXIT_LEN: usize = STOP_HEAD_LEN + syscall_info::EXIT_LEN;
pub(super) const PART_HEAD: usize = 8;
/// The length of a region before its data.
pub(super) const REGION_HEAD: usize = 40;
/// The call number for stops that belong to no call.
pub(super) const NO_CALL: u64 = u64::MAX;

/// Returns the number of blobs of a buffer of `got` bytes.
pub(super) fn blob_count(got: u64) -> Option<usize> {
    usize::try_from(got.div_ceil(BLOB_PART as u64)).ok()
}

/// The frames to decompress.
pub(super) type Wanted = [bool; columns::FRAMES.len()];
pub(super) const ALL: Wanted = [true; columns::FRAMES.len()];
pub(super) const SKELETON: Wanted = [true, false, false, false];
/// All that the structs of stops need.
pub(super) const STRUCTS: Wanted = [true, true, true, false];
pub(super) const SKELETON_AND_PARTS: Wanted = [true, false, false, true];
