//! The payload: columns in four zstd frames, so that a reader can skip frames it does not need.

use zstd::zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd::zstd_safe::{self, CCtx, CParameter, InBuffer, OutBuffer, ResetDirective};

use super::columns::{COLUMNS, Column, Columns, FRAMES, put_uint};
use super::layout::Wanted;
use crate::Error;
use crate::zframe::{LEVEL, Unpacker, WARM_UP};

/// Columns shorter than this share their entropy tables with the next ones.
const WORTH_ITS_TABLES: usize = 512;

/// Compresses columns.
pub(super) struct FramePacker {
    context: CCtx<'static>,
    directory: Vec<u8>,
}

/// Decompresses frames and holds their contents.
#[derive(Debug)]
pub(super) struct FrameUnpacker {
    unpacker: Unpacker,
    contents: [Vec<u8>; FRAMES.len()],
    /// The frames that were decompressed.
    wanted: Wanted,
}

impl FramePacker {
    pub(super) fn new() -> Result<Self, Error> {
        let mut context = CCtx::try_create().ok_or_else(|| failed(0))?;
        for parameter in [
            CParameter::CompressionLevel(LEVEL),
            CParameter::ChecksumFlag(true),
            CParameter::ContentSizeFlag(true),
        ] {
            context.set_parameter(parameter).map_err(failed)?;
        }
        Ok(FramePacker { context, directory: Vec::new() })
    }

    /// Makes the memory that the first frames will need.
    pub(super) fn warm_up(&mut self) {
        // What is wrong here is wrong with the first columns, and reported then.
        _ = self.frame(&[vec![0; WARM_UP]], &mut Vec::new());
    }

    /// Appends the frames to `out`. Returns the length of all their contents.
    pub(super) fn pack(&mut self, columns: &Columns, out: &mut Vec<u8>) -> Result<usize, Error> {
        let mut sum = 0;
        for range in FRAMES {
            let columns = columns.0.get(range).unwrap_or_default();
            self.directory.clear();
            columns.iter().for_each(|column| put_uint(&mut self.directory, column.len() as u64));
            sum += self.frame(columns, out)?;
        }
        Ok(sum)
    }

    /// Appends a frame: the directory, then the columns. A long column gets compressed blocks, and
    /// so entropy tables, to itself.
    fn frame(&mut self, columns: &[Vec<u8>], out: &mut Vec<u8>) -> Result<usize, Error> {
        let len = columns.iter().map(Vec::len).sum::<usize>() + self.directory.len();
        self.context.reset(ResetDirective::SessionOnly).map_err(failed)?;
        self.context.set_pledged_src_size(Some(len as u64)).map_err(failed)?;
        let from = out.len();
        // Each flush may add a block header.
        out.reserve(zstd_safe::compress_bound(len) + 16 * columns.len());
        let mut buffer = OutBuffer::around_pos(out, from);
        let mut unflushed = 0;
        for column in std::iter::once(&self.directory).chain(columns) {
            if column.is_empty() {
                continue;
            }
            if column.len() >= WORTH_ITS_TABLES && unflushed != 0 {
                step(&mut self.context, &mut buffer, &[], ZSTD_EndDirective::ZSTD_e_flush)?;
            }
            unflushed += column.len();
            let long = unflushed >= WORTH_ITS_TABLES;
            let what = if long {
                ZSTD_EndDirective::ZSTD_e_flush
            } else {
                ZSTD_EndDirective::ZSTD_e_continue
            };
            step(&mut self.context, &mut buffer, column, what)?;
            if long {
                unflushed = 0;
            }
        }
        step(&mut self.context, &mut buffer, &[], ZSTD_EndDirective::ZSTD_e_end)?;
        Ok(len)
    }
}

fn step(
    context: &mut CCtx<'static>,
    out: &mut OutBuffer<'_, Vec<u8>>,
    bytes: &[u8],
    what: ZSTD_EndDirective,
) -> Result<(), Error> {
    let mut input = InBuffer::around(bytes);
    loop {
        let before = (input.pos(), out.pos());
        let left = context.compress_stream2(out, &mut input, what).map_err(failed)?;
        let taken = input.pos() == bytes.len();
        if taken && (left == 0 || what == ZSTD_EndDirective::ZSTD_e_continue) {
            return Ok(());
        }
        if before == (input.pos(), out.pos()) {
            // There was room for the worst case.
            return Err(failed(0));
        }
    }
}

fn failed(code: usize) -> Error {
    let what = if code == 0 { "no room" } else { zstd_safe::get_error_name(code) };
    Error::Zstd(std::io::Error::other(what))
}

impl FrameUnpacker {
    pub(super) fn new() -> Result<Self, Error> {
        Ok(FrameUnpacker {
            unpacker: Unpacker::new()?,
            contents: [const { Vec::new() }; FRAMES.len()],
            wanted: [false; FRAMES.len()],
        })
    }

    /// Decompresses the wanted frames of a payload whose frames hold at most `limit` bytes
    /// together. The columns of the other frames stay empty.
    pub(super) fn unpack(
        &mut self,
        mut payload: &[u8],
        limit: usize,
        wanted: Wanted,
    ) -> Result<(), &'static str> {
        let mut left = limit;
        self.wanted = wanted;
        for (content, wanted) in self.contents.iter_mut().zip(wanted) {
            let len = zstd_safe::find_frame_compressed_size(payload).unwrap_or(usize::MAX);
            let (frame, rest) =
                payload.split_at_checked(len).ok_or("payload is not four zstd frames")?;
            let size = zstd_safe::get_frame_content_size(frame).ok().flatten();
            let size = size
                .and_then(|size| usize::try_from(size).ok())
                .ok_or("frame without content size")?;
            left = left.checked_sub(size).ok_or("columns are longer than rows can need")?;
            if wanted {
                self.unpacker.unpack(frame, size, content)?;
            }
            payload = rest;
        }
        if payload.is_empty() { Ok(()) } else { Err("bytes after the columns") }
    }

    /// Returns the columns in the decompressed frames; `None` if they do not fill them.
    pub(super) fn columns(&self) -> Option<[Column<'_>; COLUMNS]> {
        let mut columns = [Column::default(); COLUMNS];
        for ((content, range), _) in
            self.contents.iter().zip(FRAMES).zip(self.wanted).filter(|(_, wanted)| *wanted)
        {
            let mut content = Column(content);
            let mut lens = [0; COLUMNS];
            for len in lens.get_mut(range.clone())? {
                *len = content.size()?;
            }
            for at in range {
                *columns.get_mut(at)? = Column(content.bytes(*lens.get(at)?)?);
            }
            if !content.0.is_empty() {
                return None;
            }
        }
        Some(columns)
    }
}

impl std::fmt::Debug for FramePacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FramePacker")
    }
}
