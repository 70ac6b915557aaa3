//! Codec 1, *sites*: events as columns, with system calls predicted by call site.
//!
//! A program makes system calls from few places in its code, with similar arguments each time. So
//! an entry is stored as its call site and what changed since the last call from there, and an exit
//! as the value returned. Rows that do not fit the model are stored as they are. Decoding
//! reproduces every row byte for byte. docs/format.md is normative.

mod clock;
mod columns;
mod decode;
mod encode;
mod frames;
mod history;
mod keys;
mod model;
mod outline;
mod parts;
mod places;
mod ring;
#[cfg(test)]
mod tests;
mod ticks;

use crate::limits::BLOB_PART;
use crate::{Error, limits, syscall_info};

/// The codec's number in block headers.
pub(crate) const CODEC: u16 = 1;

/// Kinds of rows, in the lowest two bits of a code.
const RAW_ROW: u8 = 0;
const ENTRY: u8 = 1;
const EXIT: u8 = 2;
const OTHER: u8 = 3;
/// The parts have the same classes as those of the last stop with the same memo.
const PARTS_KNOWN: u8 = 4;
/// The registers of an entry, or the value of an exit, are as predicted.
const NO_CHANGE: u8 = 8;
/// The row has the same task as the row before.
const SAME_TASK: u8 = 16;
/// The exit failed.
const FAILED: u8 = 32;
const KNOWN_CODE: u8 = 63;

/// How a task reaches a site for the first time: the site is new; another task has used it; or it
/// is a known site loaded at another address, by a new distance or by one in the ring.
const HOW_NEW: u8 = 0;
const HOW_KNOWN: u8 = 1;
const HOW_NEW_DISTANCE: u8 = 2;
const HOW_RING_DISTANCE: u8 = 3;
/// The number of load distances remembered.
const IP_RING: usize = 4;

/// The number of value differences remembered.
const RING: usize = 8;
/// Codes of mispredicted registers: below `NEAR_ENTRY` alternative values; then the base moved by a
/// difference in the ring; then the alternative prediction moved so; then differences.
const NEAR_ENTRY: u64 = 3;
const WIDE_ENTRY: u64 = NEAR_ENTRY + 2 * RING as u64;
/// Codes of exit values: below `NEAR_EXIT` arguments; then the last value moved by a difference in
/// the ring; then differences.
const NEAR_EXIT: u64 = 6;
const WIDE_EXIT: u64 = NEAR_EXIT + RING as u64;
/// Folded differences from here on are remembered: at entries, and at exits.
const FAR_REGISTER: u64 = 1 << 7;
const FAR_VALUE: u64 = 1 << 16;
/// The score of predicting by pairs of sites rather than single sites: its start, and its bound.
const FIRST_SCORE: i8 = 1;
const MAX_SCORE: i8 = 16;

/// Flags: the fields of a region that were mispredicted.
const ADDRESS_DIFFERS: u8 = 1;
const INDEX_DIFFERS: u8 = 2;
const LEN_DIFFERS: u8 = 4;
const ASKED_DIFFERS: u8 = 8;
const BLOB_DIFFERS: u8 = 16;
const KNOWN_MASK: u8 = 31;

/// In the highest plane: the time does not fit the planes.
const TIME_ESCAPE: u8 = 0xff;

/// The kind of the rows whose bodies belong to the skeleton.
const STOP_KIND: [u8; 2] = [1, 0];
/// Kind, source and flags of the rows that the model handles: a STOP from the kernel.
const STOP_SORT: [u8; 4] = [1, 0, 1, 0];
/// The length of a STOP's body before the struct.
pub(crate) const STOP_HEAD_LEN: usize = 12;
/// The first bytes of an entry's body: wait status 0x857f, 80 bytes of the merged struct, op 1.
pub(crate) const ENTRY_HEAD: [u8; 16] = [0x7f, 0x85, 0, 0, 80, 0, 0, 0, 80, 0, 1, 0, 1, 0, 0, 0];
pub(crate) const ENTRY_LEN: usize = STOP_HEAD_LEN + syscall_info::ENTRY_LEN;
/// The first bytes of an exit's body: the same with 33 bytes, op 2.
pub(crate) const EXIT_HEAD: [u8; 16] = [0x7f, 0x85, 0, 0, 33, 0, 0, 0, 33, 0, 1, 0, 2, 0, 0, 0];
pub(crate) const EXIT_LEN: usize = STOP_HEAD_LEN + syscall_info::EXIT_LEN;
const PART_HEAD: usize = 8;
/// The length of a region before its data.
const REGION_HEAD: usize = 40;
/// The call number for stops that belong to no call.
const NO_CALL: u64 = u64::MAX;

/// Returns the number of blobs of a buffer of `got` bytes.
fn blob_count(got: u64) -> Option<usize> {
    usize::try_from(got.div_ceil(BLOB_PART as u64)).ok()
}

/// Encodes payloads, and checks each by decoding it.
#[derive(Debug)]
pub(crate) struct SitesPacker {
    encoder: encode::Encoder,
    packer: frames::FramePacker,
    unpacker: SitesUnpacker,
    unpacked: Vec<u8>,
}

/// Decodes payloads.
#[derive(Debug)]
pub(crate) struct SitesUnpacker {
    frames: frames::FrameUnpacker,
    tables: decode::Tables,
}

/// The result of packing rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packed {
    /// There is a payload that codec 0 cannot beat.
    Good,
    /// There is a payload, but codec 0 may be shorter.
    Doubtful,
    /// There is no payload: the rows need codec 0.
    Unsupported,
}

impl SitesPacker {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(SitesPacker {
            encoder: encode::Encoder::new(),
            packer: frames::FramePacker::new()?,
            unpacker: SitesUnpacker::new()?,
            unpacked: Vec::new(),
        })
    }

    /// Appends the payload of `rows` to `out`, if there is one that decodes to them.
    pub(crate) fn pack(&mut self, rows: &[u8], out: &mut Vec<u8>) -> Result<Packed, Error> {
        let from = out.len();
        let Some(columns) = self.pack_unchecked(rows, out)? else { return Ok(Packed::Unsupported) };
        let payload = out.get(from..).unwrap_or_default();
        // Very compressible or very short rows may not need the model.
        let is_good =
            columns < rows.len() / 2 && payload.len() > rows.len() / 64 && rows.len() > 64 << 10;
        let unpacked = self.unpacker.unpack(payload, rows.len(), &mut self.unpacked);
        if unpacked.is_err() || self.unpacked != rows {
            out.truncate(from);
            return Ok(Packed::Unsupported);
        }
        Ok(if is_good { Packed::Good } else { Packed::Doubtful })
    }

    /// Appends the payload without checking it. Returns the length of all columns, or `None` if
    /// there is no payload.
    fn pack_unchecked(&mut self, rows: &[u8], out: &mut Vec<u8>) -> Result<Option<usize>, Error> {
        if rows.len() > limits::MAX_BLOCK || self.encoder.encode(rows).is_none() {
            return Ok(None);
        }
        self.packer.pack(&self.encoder.columns, out).map(Some)
    }
}

impl SitesUnpacker {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(SitesUnpacker { frames: frames::FrameUnpacker::new()?, tables: decode::Tables::new() })
    }

    /// Decodes the rows of a payload, which must be exactly `raw_len` bytes. The caller has
    /// compared `raw_len` with its limit. Overwrites `out`.
    pub(crate) fn unpack(
        &mut self,
        payload: &[u8],
        raw_len: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        out.clear();
        self.frames.unpack(payload, raw_len.saturating_add(limits::COLUMNS_SLACK), ALL)?;
        let columns = self.frames.columns().ok_or("columns do not fill their frames")?;
        out.reserve(raw_len);
        decode::decode(columns, &mut self.tables, raw_len, out).ok_or("columns do not give rows")
    }

    /// Decodes the outlines of the rows of a payload. The rows have `raw_len` bytes, their outlines
    /// no more.
    pub(crate) fn unpack_outline(
        &mut self,
        payload: &[u8],
        raw_len: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        const WRONG: &str = "columns do not fill their frames";
        let limit = raw_len.saturating_add(limits::COLUMNS_SLACK);
        out.clear();
        self.frames.unpack(payload, limit, SKELETON)?;
        if outline::needs_bodies(&self.frames.columns().ok_or(WRONG)?) {
            self.frames.unpack(payload, limit, SKELETON_AND_PARTS)?;
        }
        let columns = self.frames.columns().ok_or(WRONG)?;
        outline::outline(columns, self.tables.places(), raw_len, out)
            .ok_or("columns do not give rows")
    }
}

/// The frames to decompress.
type Wanted = [bool; columns::FRAMES.len()];
const ALL: Wanted = [true; columns::FRAMES.len()];
const SKELETON: Wanted = [true, false, false, false];
const SKELETON_AND_PARTS: Wanted = [true, false, false, true];
