//! Codec 1, *sites*: events as columns, predicted by the place in the code that a call comes from.
//!
//! A program calls the kernel from few places, and what it says there is much the same each time.
//! So a system call is written as its place and what changed since the last call from there; the
//! exit as what it returned. What does not fit is kept as it is: the row image comes back byte for
//! byte, whatever it was. docs/format.md is normative.

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

/// Kinds of rows: the lowest two bits of a code.
const RAW_ROW: u8 = 0;
const ENTRY: u8 = 1;
const EXIT: u8 = 2;
const OTHER: u8 = 3;
/// The parts are of the same classes as those of the last stop of that sort.
const PARTS_KNOWN: u8 = 4;
/// The registers of an entry, or the value of an exit, are as expected.
const NO_CHANGE: u8 = 8;
/// The row is of the same task as the row before.
const SAME_TASK: u8 = 16;
/// The exit failed.
const FAILED: u8 = 32;
const KNOWN_CODE: u8 = 63;

/// How a task comes to a site that it had no call from: it is like no other, it is known from
/// another task, or it is one that is known, loaded elsewhere: as far as is told, or as far as
/// others were.
const HOW_NEW: u8 = 0;
const HOW_KNOWN: u8 = 1;
const HOW_FAR: u8 = 2;
const HOW_NEAR: u8 = 3;
/// How many distances of code are remembered.
const IP_RING: usize = 4;

/// How many differences of values are remembered.
const RING: usize = 8;
/// Registers that are not as expected: up to here what else they may be, then what is expected but
/// moved, as far as others were. Then the same for what else was expected, then differences.
const NEAR_ENTRY: u64 = 3;
const WIDE_ENTRY: u64 = NEAR_ENTRY + 2 * RING as u64;
/// Values of exits: up to here arguments, then the last value but moved, then differences.
const NEAR_EXIT: u64 = 6;
const WIDE_EXIT: u64 = NEAR_EXIT + RING as u64;
/// Differences (folded) from here on are remembered: at entries, and at exits.
const FAR_REGISTER: u64 = 1 << 7;
const FAR_VALUE: u64 = 1 << 16;
/// Whether pairs of sites tell more than sites: at first yes, and so far it may go.
const FIRST_SCORE: i8 = 1;
const MAX_SCORE: i8 = 16;

/// What of a region was not as predicted.
const ADDRESS_DIFFERS: u8 = 1;
const INDEX_DIFFERS: u8 = 2;
const LEN_DIFFERS: u8 = 4;
const ASKED_DIFFERS: u8 = 8;
const BLOB_DIFFERS: u8 = 16;
const KNOWN_MASK: u8 = 31;

/// In the highest plane: the time does not fit the planes.
const TIME_ESCAPE: u8 = 0xff;

/// The kind of rows whose bodies belong to the skeleton.
const STOP_KIND: [u8; 2] = [1, 0];
/// Kind, source and flags of rows that the model is made for: a STOP from the kernel.
const STOP_SORT: [u8; 4] = [1, 0, 1, 0];
/// What the body of a STOP has before the struct.
pub(crate) const STOP_HEAD_LEN: usize = 12;
/// How an entry's body begins: wait status 0x857f, 80 bytes of the merged struct, op 1.
pub(crate) const ENTRY_HEAD: [u8; 16] = [0x7f, 0x85, 0, 0, 80, 0, 0, 0, 80, 0, 1, 0, 1, 0, 0, 0];
pub(crate) const ENTRY_LEN: usize = STOP_HEAD_LEN + syscall_info::ENTRY_LEN;
/// How an exit's body begins: the same with 33 bytes, op 2.
pub(crate) const EXIT_HEAD: [u8; 16] = [0x7f, 0x85, 0, 0, 33, 0, 0, 0, 33, 0, 1, 0, 2, 0, 0, 0];
pub(crate) const EXIT_LEN: usize = STOP_HEAD_LEN + syscall_info::EXIT_LEN;
const PART_HEAD: usize = 8;
/// What a region has before its data.
const REGION_HEAD: usize = 40;
/// Stands for the system call of stops that belong to none.
const NO_CALL: u64 = u64::MAX;

/// How many blobs hold a buffer of that length.
fn blob_count(got: u64) -> Option<usize> {
    usize::try_from(got.div_ceil(BLOB_PART as u64)).ok()
}

/// Makes payloads, and proves each by undoing it.
#[derive(Debug)]
pub(crate) struct SitesPacker {
    encoder: encode::Encoder,
    packer: frames::FramePacker,
    unpacker: SitesUnpacker,
    undone: Vec<u8>,
}

/// Undoes payloads.
#[derive(Debug)]
pub(crate) struct SitesUnpacker {
    frames: frames::FrameUnpacker,
    tables: decode::Tables,
}

/// What became of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packed {
    /// The payload is there, and the model held: codec 0 can't do better.
    Well,
    /// The payload is there, but codec 0 may do better.
    Poorly,
    /// There is no payload: the rows are for codec 0.
    No,
}

impl SitesPacker {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(SitesPacker {
            encoder: encode::Encoder::new(),
            packer: frames::FramePacker::new()?,
            unpacker: SitesUnpacker::new()?,
            undone: Vec::new(),
        })
    }

    /// Appends the payload of `rows` to `out`, if they have one that gives them back.
    pub(crate) fn pack(&mut self, rows: &[u8], out: &mut Vec<u8>) -> Result<Packed, Error> {
        let from = out.len();
        let Some(columns) = self.pack_unproved(rows, out)? else { return Ok(Packed::No) };
        let payload = out.get(from..).unwrap_or_default();
        // Where zstd finds so much alike, or has so little to do, it may need no model.
        let sure =
            columns < rows.len() / 2 && payload.len() > rows.len() / 64 && rows.len() > 64 << 10;
        let undone = self.unpacker.unpack(payload, rows.len(), &mut self.undone);
        if undone.is_err() || self.undone != rows {
            out.truncate(from);
            return Ok(Packed::No);
        }
        Ok(if sure { Packed::Well } else { Packed::Poorly })
    }

    /// Appends the payload. Gives the length of all columns, or `None` when there is no payload.
    fn pack_unproved(&mut self, rows: &[u8], out: &mut Vec<u8>) -> Result<Option<usize>, Error> {
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

    /// The rows of a payload, which must be exactly `raw_len` bytes. The caller has compared
    /// `raw_len` with its limit. What was in `out` is overwritten.
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

    /// The outline of the rows of a payload; they would be `raw_len` bytes, and are no longer in
    /// outline.
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

/// Which frames are wanted.
type Wanted = [bool; columns::FRAMES.len()];
const ALL: Wanted = [true; columns::FRAMES.len()];
const SKELETON: Wanted = [true, false, false, false];
const SKELETON_AND_PARTS: Wanted = [true, false, false, true];
