//! zstd frames. Headers are skippable frames and payloads ordinary ones, so `zstd -t` checks a log.

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{self, CParameter};

use crate::{Error, limits};

/// The magic number of the skippable frames that hold headers (variant 3).
pub(crate) const SKIPPABLE: u32 = 0x184D_2A53;
/// The length of a skippable frame's head: magic number and length.
pub(crate) const SKIPPABLE_HEAD: usize = 8;
/// The magic number of an ordinary frame, as bytes.
const ORDINARY: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
/// The default level. On real recordings, higher levels cost far more time than they save bytes.
pub(crate) const LEVEL: i32 = 3;
/// The level for rather short payloads in short logs: it saves a fourteenth of their bytes and
/// takes a millisecond. A program that runs for a few milliseconds makes shorter ones, and its user
/// waits.
const LEVEL_OF_SHORT: i32 = 6;
const SHORT: std::ops::RangeInclusive<usize> = 64 << 10..=256 << 10;
const SHORT_LOG: u64 = 1 << 20;

/// The level for whole files, which the recorded program waits for: twice as fast, a tenth more
/// bytes.
const LEVEL_OF_FILES: i32 = 1;

/// About the length of the payloads of a program that ends at once: zstd takes memory, and clears
/// it, by the length of its input.
pub(crate) const WARM_UP: usize = 16 << 10;

/// Compresses payloads, and checks that each frame decompresses to its input.
pub(crate) struct Packer {
    compressor: Compressor<'static>,
    unpacker: Unpacker,
    /// The log has grown beyond [`SHORT_LOG`].
    long: bool,
    frame: Vec<u8>,
    unpacked: Vec<u8>,
}

/// Decompresses payload frames.
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
            unpacked: Vec::new(),
        })
    }

    /// Makes the memory that the first payloads will need.
    pub(crate) fn warm_up(&mut self) {
        // What is wrong here is wrong with the first payload, and reported then.
        _ = self.pack(&[0; WARM_UP], &mut Vec::new());
    }

    /// Sets the length of the log so far, in bytes. In a long log speed matters more than size.
    pub(crate) fn set_log_len(&mut self, offset: u64) {
        self.long = offset >= SHORT_LOG;
    }

    /// Appends the frame of `raw` to `out`. Returns `Ok(false)` if the frame does not decompress to
    /// `raw`.
    pub(crate) fn pack(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        let level = if SHORT.contains(&raw.len()) && !self.long { LEVEL_OF_SHORT } else { LEVEL };
        self.pack_at(level, raw, out)
    }

    /// As [`Packer::pack`], in half the time, with a lower compression level.
    pub(crate) fn pack_fast(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        self.pack_at(LEVEL_OF_FILES, raw, out)
    }

    fn pack_at(&mut self, level: i32, raw: &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        self.compressor.set_compression_level(level).map_err(Error::Zstd)?;
        self.frame.clear();
        self.frame.reserve(zstd_safe::compress_bound(raw.len()));
        self.compressor.compress_to_buffer(raw, &mut self.frame).map_err(Error::Zstd)?;
        out.extend_from_slice(&self.frame);
        Ok(self.unpacker.unpack(&self.frame, raw.len(), &mut self.unpacked).is_ok()
            && self.unpacked == raw)
    }
}

impl Unpacker {
    pub(crate) fn new() -> Result<Self, Error> {
        let mut decompressor = Decompressor::new().map_err(Error::Zstd)?;
        decompressor.window_log_max(limits::MAX_WINDOW_LOG).map_err(Error::Zstd)?;
        Ok(Unpacker { decompressor })
    }

    /// Decompresses `frame`, which must be exactly one frame of `raw_len` bytes. The caller has
    /// compared `raw_len` with its limit. Overwrites `out`.
    pub(crate) fn unpack(
        &mut self,
        frame: &[u8],
        raw_len: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        // The content size must cover the whole payload: one ordinary frame, not a skippable one,
        // not several.
        let whole = frame.starts_with(&ORDINARY)
            && zstd_safe::find_frame_compressed_size(frame).is_ok_and(|len| len == frame.len());
        if !whole {
            return Err("payload is not one zstd frame");
        }
        if zstd_safe::get_frame_content_size(frame).ok().flatten() != Some(raw_len as u64) {
            return Err("payload size differs from its header");
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

/// Returns the most bytes that the frame of `raw_len` bytes can have.
pub(crate) fn bound(raw_len: usize) -> u64 {
    zstd_safe::compress_bound(raw_len) as u64
}

/// Returns the first 128 bits of the BLAKE3 hash. Long enough that the recorded program cannot find
/// two inputs with the same hash.
pub(crate) fn hash128(bytes: &[u8]) -> [u8; 16] {
    let hash = blake3::hash(bytes);
    let mut short = [0; 16];
    short.iter_mut().zip(hash.as_bytes()).for_each(|(to, from)| *to = *from);
    short
}
