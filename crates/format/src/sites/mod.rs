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
mod layout;
mod model;
mod outline;
mod parts;
mod places;
mod ring;
#[cfg(test)]
mod tests;
mod ticks;

use crate::{Error, limits};
use layout::{ALL, SKELETON, SKELETON_AND_PARTS, STRUCTS};

pub use model::NeedsParts;

pub(crate) use layout::{ENTRY_HEAD, ENTRY_LEN, EXIT_HEAD, EXIT_LEN, STOP_HEAD_LEN};

/// The codec's number in block headers.
pub(crate) const CODEC: u16 = 1;

const WRONG_FRAMES: &str = "columns do not fill their frames";
const WRONG_COLUMNS: &str = "columns do not give rows";

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

    /// Makes the memory that the first payloads will need.
    pub(crate) fn warm_up(&mut self) {
        self.packer.warm_up();
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
    /// compared `raw_len` with its limit. Overwrites `out`. Returns the number of rows.
    pub(crate) fn unpack(
        &mut self,
        payload: &[u8],
        raw_len: usize,
        out: &mut Vec<u8>,
    ) -> Result<u32, &'static str> {
        out.clear();
        self.frames.unpack(payload, raw_len.saturating_add(limits::COLUMNS_SLACK), ALL)?;
        let columns = self.frames.columns().ok_or(WRONG_FRAMES)?;
        out.reserve(raw_len);
        decode::decode(columns, &mut self.tables, raw_len, out).ok_or(WRONG_COLUMNS)
    }

    /// Decodes the rows of a payload as [`Self::unpack`], but those of stops that fit the model
    /// without their parts. If there is a call that needs them, all rows are whole.
    pub(crate) fn unpack_structs(
        &mut self,
        payload: &[u8],
        raw_len: usize,
        needs_parts: NeedsParts,
        out: &mut Vec<u8>,
    ) -> Result<u32, &'static str> {
        let limit = raw_len.saturating_add(limits::COLUMNS_SLACK);
        out.clear();
        self.frames.unpack(payload, limit, STRUCTS)?;
        if outline::needs_bodies(&self.frames.columns().ok_or(WRONG_FRAMES)?) {
            self.frames.unpack(payload, limit, ALL)?;
        }
        let columns = self.frames.columns().ok_or(WRONG_FRAMES)?;
        out.reserve(raw_len);
        match decode::structs(columns, &mut self.tables, raw_len, needs_parts, out) {
            Some(decode::Structs::Rows(count)) => Ok(count),
            Some(decode::Structs::Needed) => self.unpack(payload, raw_len, out),
            None => Err(WRONG_COLUMNS),
        }
    }

    /// Decodes the outlines of the rows of a payload. The rows have `raw_len` bytes, their outlines
    /// no more.
    pub(crate) fn unpack_outline(
        &mut self,
        payload: &[u8],
        raw_len: usize,
        out: &mut Vec<u8>,
    ) -> Result<u32, &'static str> {
        let limit = raw_len.saturating_add(limits::COLUMNS_SLACK);
        out.clear();
        self.frames.unpack(payload, limit, SKELETON)?;
        if outline::needs_bodies(&self.frames.columns().ok_or(WRONG_FRAMES)?) {
            self.frames.unpack(payload, limit, SKELETON_AND_PARTS)?;
        }
        let columns = self.frames.columns().ok_or(WRONG_FRAMES)?;
        outline::outline(columns, self.tables.places(), raw_len, out).ok_or(WRONG_COLUMNS)
    }
}
