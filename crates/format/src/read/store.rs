//! The bytes of one log file: its length as it was when opened, and payloads checked in the right
//! order.

use std::io;

use super::source::ReadAt;
use crate::Error;
use crate::block::BlockHeader;
use crate::header::FileId;
use crate::limits::Limits;
use crate::sites::{self, SitesUnpacker};
use crate::zframe::Unpacker;

/// A source with what is needed to judge its blocks.
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
    /// Where its payload begins.
    pub(crate) payload: u64,
    /// Where the next block should begin.
    pub(crate) end: u64,
}

/// Buffers for decoding payloads, used again and again.
#[derive(Debug, Default)]
pub(crate) struct Loader {
    /// Made when the first payload comes.
    unpacker: Option<Unpacker>,
    /// Made when the first payload in codec 1 comes.
    sites: Option<SitesUnpacker>,
    packed: Vec<u8>,
}

/// Reads as many bytes as there are, up to the length of `buf`.
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
    /// Reads at `offset`, up to the length the file had when it was opened.
    pub(crate) fn read(&self, buf: &mut [u8], offset: u64) -> Result<usize, Error> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buf.len().min(left);
        fill(&self.source, buf.get_mut(..wanted).unwrap_or_default(), offset)
    }

    /// Reads the stored payload of a block into `packed` and checks it: bounds, then checksum.
    pub(crate) fn packed(
        &self,
        found: &Found,
        packed: &mut Vec<u8>,
    ) -> Result<Result<(), &'static str>, Error> {
        let len = usize::try_from(found.header.payload_len).unwrap_or(usize::MAX);
        if len > self.limits.block {
            return Ok(Err("payload is above the limit"));
        }
        packed.clear();
        packed.resize(len, 0);
        if self.read(packed, found.payload)? != len {
            return Ok(Err("payload is cut short"));
        }
        let sound = crc32c::crc32c(packed) == found.header.payload_crc;
        Ok(if sound { Ok(()) } else { Err("payload checksum") })
    }
}

impl Loader {
    /// The rows of an EVENTS block in a codec that is known, into `rows`; in outline those of
    /// columns.
    pub(crate) fn load_rows<S: ReadAt>(
        &mut self,
        store: &Store<S>,
        found: &Found,
        outline: bool,
        rows: &mut Vec<u8>,
    ) -> Result<Result<(), &'static str>, Error> {
        if found.header.codec != sites::CODEC {
            return self.load(store, found, rows);
        }
        let raw_len = usize::try_from(found.header.raw_len).unwrap_or(usize::MAX);
        if raw_len > store.limits.block {
            return Ok(Err("decoded payload is above the limit"));
        }
        Ok(match store.packed(found, &mut self.packed)? {
            Ok(()) => {
                let sites = match &mut self.sites {
                    Some(sites) => sites,
                    none => none.insert(SitesUnpacker::new()?),
                };
                if outline {
                    sites.unpack_outline(&self.packed, raw_len, rows)
                } else {
                    sites.unpack(&self.packed, raw_len, rows)
                }
            }
            Err(what) => Err(what),
        })
    }

    /// The decompressed payload of a block, into `raw`. The outer error is the system's, the inner
    /// one the file's.
    pub(crate) fn load<S: ReadAt>(
        &mut self,
        store: &Store<S>,
        found: &Found,
        raw: &mut Vec<u8>,
    ) -> Result<Result<(), &'static str>, Error> {
        let raw_len = usize::try_from(found.header.raw_len).unwrap_or(usize::MAX);
        if raw_len > store.limits.block {
            return Ok(Err("decompressed payload is above the limit"));
        }
        Ok(match store.packed(found, &mut self.packed)? {
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
