//! zstd frames: our headers are skippable frames, our payloads ordinary ones, so that `zstd -t`
//! checks a log.

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{self, CParameter};

use crate::{Error, limits};

/// The magic number of the skippable frames that hold our headers (the variant 3).
pub(crate) const SKIPPABLE: u32 = 0x184D_2A53;
/// What comes before the content of a skippable frame: magic number and length.
pub(crate) const SKIPPABLE_HEAD: usize = 8;
/// What an ordinary frame begins with, as bytes.
const ORDINARY: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// Research on real recordings: higher levels cost far more time than they save bytes.
pub(crate) const LEVEL: i32 = 3;
/// Short payloads are another matter: short logs have no others, and what saves a fourteenth of
/// them takes a millisecond.
const LEVEL_OF_SHORT: i32 = 6;
const SHORT: std::ops::RangeInclusive<usize> = 4 << 10..=256 << 10;
const SHORT_LOG: u64 = 1 << 20;

/// Whole files are many, and in the way of a program that is recorded: twice as fast for a tenth
/// more.
const LEVEL_OF_FILES: i32 = 1;

/// Makes payload frames, and proves each by undoing it.
pub(crate) struct Packer {
    compressor: Compressor<'static>,
    unpacker: Unpacker,
    /// The log is no short one any more.
    long: bool,
    frame: Vec<u8>,
    undone: Vec<u8>,
}

/// Undoes payload frames.
pub(crate) struct Unpacker {
    decompressor: Decompressor<'static>,
}

impl Packer {
    pub(crate) fn new() -> Result<Self, Error> {
        let mut compressor = Compressor::new(LEVEL).map_err(Error::Zstd)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true)).map_err(Error::Zstd)?;
        compressor.set_parameter(CParameter::ContentSizeFlag(true)).map_err(Error::Zstd)?;
        Ok(Packer {
            compressor,
            unpacker: Unpacker::new()?,
            long: false,
            frame: Vec::new(),
            undone: Vec::new(),
        })
    }

    /// So much of the log is written: from some length on speed counts for more.
    pub(crate) fn at(&mut self, offset: u64) {
        self.long = offset >= SHORT_LOG;
    }

    /// Appends the frame of `raw` to `out`. `Ok(false)` when the frame does not give `raw` back.
    pub(crate) fn pack(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        let level = if SHORT.contains(&raw.len()) && !self.long { LEVEL_OF_SHORT } else { LEVEL };
        self.pack_at(level, raw, out)
    }

    /// As [`Packer::pack`], in half the time.
    pub(crate) fn pack_fast(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        self.pack_at(LEVEL_OF_FILES, raw, out)
    }

    fn pack_at(&mut self, level: i32, raw: &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        self.compressor.set_compression_level(level).map_err(Error::Zstd)?;
        self.frame.clear();
        self.frame.reserve(zstd_safe::compress_bound(raw.len()));
        self.compressor.compress_to_buffer(raw, &mut self.frame).map_err(Error::Zstd)?;
        out.extend_from_slice(&self.frame);
        Ok(self.unpacker.unpack(&self.frame, raw.len(), &mut self.undone).is_ok()
            && self.undone == raw)
    }
}

impl Unpacker {
    pub(crate) fn new() -> Result<Self, Error> {
        let mut decompressor = Decompressor::new().map_err(Error::Zstd)?;
        decompressor.window_log_max(limits::MAX_WINDOW_LOG).map_err(Error::Zstd)?;
        Ok(Unpacker { decompressor })
    }

    /// Decompresses `frame`, which must be one whole frame of exactly `raw_len` bytes. The caller
    /// has compared `raw_len` with its limit. What was in `out` is overwritten.
    pub(crate) fn unpack(
        &mut self,
        frame: &[u8],
        raw_len: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        // One ordinary frame, not a skippable one nor several: the content size must speak for all
        // of it.
        let whole = frame.starts_with(&ORDINARY)
            && zstd_safe::find_frame_compressed_size(frame).is_ok_and(|len| len == frame.len());
        if !whole {
            return Err("payload is not one zstd frame");
        }
        if zstd_safe::get_frame_content_size(frame).ok().flatten() != Some(raw_len as u64) {
            return Err("payload has another size than its header says");
        }
        out.clear();
        out.reserve(raw_len);
        match self.decompressor.decompress_to_buffer(frame, out) {
            Ok(len) if len == raw_len && out.len() == raw_len => Ok(()),
            _ => Err("payload does not decompress"),
        }
    }
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Packer")
    }
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unpacker")
    }
}

/// The most bytes the frame of `raw_len` bytes can have.
pub(crate) fn bound(raw_len: usize) -> u64 {
    zstd_safe::compress_bound(raw_len) as u64
}

/// The first 128 bits of the BLAKE3 hash: enough that nobody, the recorded program included, finds
/// two alike.
pub(crate) fn hash128(bytes: &[u8]) -> [u8; 16] {
    let hash = blake3::hash(bytes);
    let mut short = [0; 16];
    short.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    short
}
