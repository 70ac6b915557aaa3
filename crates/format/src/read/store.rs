//! The bytes of a log file, up to the length it had when opened, and its checked payloads.

use std::io;

use super::rows::count_rows;
use super::source::ReadAt;
use crate::Error;
use crate::block::BlockHeader;
use crate::header::FileId;
use crate::limits::Limits;
use crate::sites::{self, NeedsParts, SitesUnpacker};
use crate::zframe::Unpacker;

/// A source, with what is needed to check its blocks.
#[derive(Debug)]
pub(crate) struct Store<S> {
    pub(crate) source: S,
    pub(crate) len: u64,
    pub(crate) file_id: FileId,
    pub(crate) limits: Limits,
}

/// A block whose header is sound and whose payload lies within the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) header: BlockHeader,
    /// The offset of its payload.
    pub(crate) payload: u64,
    /// The offset where the next block should begin.
    pub(crate) end: u64,
}

/// How much of the rows of a block is decoded.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Depth {
    /// All.
    #[default]
    Whole,
    /// All but the parts of stops, and these too in a block with a call that needs them.
    Structs(NeedsParts),
    /// Stops, tasks and call sites.
    Outlines,
}

/// Decodes payloads, reusing its buffers.
#[derive(Debug, Default)]
pub(crate) struct Loader {
    /// Created for the first payload.
    unpacker: Option<Unpacker>,
    /// Created for the first payload in codec 1.
    sites: Option<SitesUnpacker>,
    packed: Vec<u8>,
}

/// Reads until `buf` is full or the source ends, and returns the number of bytes.
pub(crate) fn fill<S: ReadAt + ?Sized>(
    source: &S,
    buf: &mut [u8],
    offset: u64,
) -> Result<usize, Error> {
    let mut done = 0;
    while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let at = offset.saturating_add(done as u64);
        match source.read_at(rest, at) {
            Ok(0) => break,
            Ok(n) => done = done.saturating_add(n).min(buf.len()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(Error::Io { offset: at, source }),
        }
    }
    Ok(done)
}

impl<S: ReadAt> Store<S> {
    /// Reads at `offset`, up to the length that the file had when it was opened.
    pub(crate) fn read(&self, buf: &mut [u8], offset: u64) -> Result<usize, Error> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buf.len().min(left);
        fill(&self.source, buf.get_mut(..wanted).unwrap_or_default(), offset)
    }

    /// Reads the stored payload of a block into `packed` and checks its length and checksum.
    pub(crate) fn read_payload(
        &self,
        found: &Found,
        packed: &mut Vec<u8>,
    ) -> Result<Result<(), &'static str>, Error> {
        let len = usize::try_from(found.header.payload_len).unwrap_or(usize::MAX);
        if len > self.limits.block {
            return Ok(Err("payload exceeds the limit"));
        }
        packed.clear();
        packed.resize(len, 0);
        if self.read(packed, found.payload)? != len {
            return Ok(Err("payload is cut short"));
        }
        let sound = crc32c::crc32c(packed) == found.header.payload_crc;
        Ok(if sound { Ok(()) } else { Err("wrong payload checksum") })
    }
}

impl Loader {
    /// Decodes the rows of an EVENTS block in a known codec into `rows`: as much as `depth` says,
    /// and all of each if the block is not in columns. Returns their number.
    pub(crate) fn load_rows<S: ReadAt>(
        &mut self,
        store: &Store<S>,
        found: &Found,
        depth: Depth,
        rows: &mut Vec<u8>,
    ) -> Result<Result<u32, &'static str>, Error> {
        if found.header.codec != sites::CODEC {
            let loaded = self.load(store, found, rows)?;
            return Ok(loaded.and_then(|()| count_rows(rows).ok_or("rows do not fill the payload")));
        }
        let raw_len = usize::try_from(found.header.raw_len).unwrap_or(usize::MAX);
        if raw_len > store.limits.block {
            return Ok(Err("decoded payload exceeds the limit"));
        }
        Ok(match store.read_payload(found, &mut self.packed)? {
            Ok(()) => {
                let sites = match &mut self.sites {
                    Some(sites) => sites,
                    none => none.insert(SitesUnpacker::new()?),
                };
                let packed = &self.packed;
                match depth {
                    Depth::Whole => sites.unpack(packed, raw_len, rows),
                    Depth::Structs(needs_parts) => {
                        sites.unpack_structs(packed, raw_len, needs_parts, rows)
                    }
                    Depth::Outlines => sites.unpack_outline(packed, raw_len, rows),
                }
            }
            Err(what) => Err(what),
        })
    }

    /// Decompresses the payload of a block into `raw`. The outer error is an I/O error, the inner
    /// one is damage in the file.
    pub(crate) fn load<S: ReadAt>(
        &mut self,
        store: &Store<S>,
        found: &Found,
        raw: &mut Vec<u8>,
    ) -> Result<Result<(), &'static str>, Error> {
        let raw_len = usize::try_from(found.header.raw_len).unwrap_or(usize::MAX);
        if raw_len > store.limits.block {
            return Ok(Err("decompressed payload exceeds the limit"));
        }
        Ok(match store.read_payload(found, &mut self.packed)? {
            Ok(()) => {
                let unpacker = match &mut self.unpacker {
                    Some(unpacker) => unpacker,
                    none => none.insert(Unpacker::new()?),
                };
                unpacker.unpack(&self.packed, raw_len, raw)
            }
            Err(what) => Err(what),
        })
    }
}
