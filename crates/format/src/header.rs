//! The file header: format version, features, id of the recording.

use std::fmt;

use data_encoding::HEXLOWER;

use crate::wire::{Wire, u32_at};
use crate::zframe::{SKIPPABLE, SKIPPABLE_HEAD};
use crate::{Completeness, Error};

/// The length of the file header frame that this version writes, in bytes.
pub const FILE_HEADER_LEN: usize = 96;
/// The major version that this crate reads and writes.
pub(crate) const MAJOR: u16 = 1;
const MINOR: u16 = 0;
const MAGIC: &[u8; 12] = b"\x89SYSREEL\r\n\x1a\n";
const LABEL: &[u8; 16] = b"1.0-draft\0\0\0\0\0\0\0";
const DRAFT: u32 = 1;
/// Incompat bit: EVENTS blocks may use codec 1.
const CODEC_SITES: u64 = 1;
/// The incompat bits that this version knows.
const KNOWN_INCOMPAT: u64 = CODEC_SITES;

/// Sixteen random bytes that identify a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId(pub [u8; 16]);

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HEXLOWER.encode_display(&self.0).fmt(f)
    }
}

/// The header of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// The major version. Logs of different major versions are incompatible.
    pub major: u16,
    /// The minor version.
    pub minor: u16,
    /// The version as text, zero-padded. Informative.
    pub label: [u8; 16],
    /// Features that a reader must know.
    pub incompat: u64,
    /// Features that a program that rewrites the log must know.
    pub ro_compat: u64,
    /// Features that may be ignored.
    pub compat: u64,
    /// What the log lacks, as far as known at the start.
    pub completeness: Completeness,
    /// The id of the recording. Must be random, so that a traced program cannot guess it.
    pub file_id: FileId,
    /// Bit 0: a draft of the format, which later versions need not read.
    pub flags: u32,
}

/// Whether `start`, the first bytes of a file, begin a log of any version.
pub fn is_log(start: &[u8]) -> bool {
    u32_at(start, 0) == Some(SKIPPABLE)
        && start.get(SKIPPABLE_HEAD..).is_some_and(|rest| rest.starts_with(MAGIC))
}

impl FileHeader {
    /// Returns the header of a new log.
    pub fn new(file_id: FileId, completeness: Completeness) -> Self {
        FileHeader {
            major: MAJOR,
            minor: MINOR,
            label: *LABEL,
            incompat: 0,
            ro_compat: 0,
            compat: 0,
            completeness,
            file_id,
            flags: DRAFT,
        }
    }

    /// Allows the writer to use codec 1 for events, which takes about half the space of codec 0.
    /// Readers that do not know it refuse the log.
    #[must_use]
    pub fn with_sites(mut self) -> Self {
        self.incompat |= CODEC_SITES;
        self
    }

    /// Whether events may be in codec 1.
    pub fn has_sites(&self) -> bool {
        self.incompat & CODEC_SITES != 0
    }

    /// Whether the log was written before the format was declared final.
    pub fn is_draft(&self) -> bool {
        self.flags & DRAFT != 0
    }

    /// Returns the version as text, such as `1.0-draft`.
    pub fn version(&self) -> String {
        let end = self.label.iter().position(|&b| b == 0).unwrap_or(self.label.len());
        String::from_utf8_lossy(self.label.get(..end).unwrap_or_default()).into_owned()
    }

    pub(crate) fn encode(&self) -> [u8; FILE_HEADER_LEN] {
        let mut bytes = Vec::with_capacity(FILE_HEADER_LEN);
        bytes.extend_from_slice(&SKIPPABLE.to_le_bytes());
        bytes.extend_from_slice(&88u32.to_le_bytes());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.major.to_le_bytes());
        bytes.extend_from_slice(&self.minor.to_le_bytes());
        bytes.extend_from_slice(&self.label);
        for word in [self.incompat, self.ro_compat, self.compat, self.completeness.0] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&self.file_id.0);
        bytes.extend_from_slice(&self.flags.to_le_bytes());
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        let mut header = [0; FILE_HEADER_LEN];
        header.copy_from_slice(&bytes);
        header
    }

    /// Decodes the header frame. Also returns its length.
    ///
    /// `bytes` are the first of the file, at most [`crate::limits::MAX_HEADER`].
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, usize), Error> {
        if bytes.is_empty() {
            return Err(Error::Empty);
        }
        let mut start = [0; SKIPPABLE_HEAD + MAGIC.len()];
        let available = bytes.len().min(start.len());
        start.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        let (frame, magic) = start.split_at(SKIPPABLE_HEAD);
        if u32_at(frame, 0) != Some(SKIPPABLE) || magic != MAGIC {
            let is_cut_short =
                available < start.len() && bytes.starts_with(&SKIPPABLE.to_le_bytes());
            return Err(if is_cut_short {
                Error::BadHeader { what: "cut short" }
            } else {
                Error::NotALog
            });
        }
        let mut wire = Wire::new("file header", bytes);
        let cut = |_| Error::BadHeader { what: "cut short" };
        wire.u32().map_err(cut)?;
        let len = SKIPPABLE_HEAD.saturating_add(wire.len32().map_err(cut)?);
        wire.take(MAGIC.len()).map_err(cut)?;
        let (major, minor) = (wire.u16().map_err(cut)?, wire.u16().map_err(cut)?);
        let body = len
            .checked_sub(4)
            .and_then(|end| bytes.get(..end))
            .ok_or(Error::BadHeader { what: "length" })?;
        if u32_at(bytes, len - 4) != Some(crc32c::crc32c(body)) {
            return Err(Error::BadHeader { what: "checksum" });
        }
        if major != MAJOR {
            return Err(Error::NewerVersion { major, minor, known: MAJOR });
        }
        if len < FILE_HEADER_LEN {
            return Err(Error::BadHeader { what: "length" });
        }
        let header = FileHeader {
            major,
            minor,
            label: wire.array().map_err(cut)?,
            incompat: wire.u64().map_err(cut)?,
            ro_compat: wire.u64().map_err(cut)?,
            compat: wire.u64().map_err(cut)?,
            completeness: Completeness(wire.u64().map_err(cut)?),
            file_id: FileId(wire.array().map_err(cut)?),
            flags: wire.u32().map_err(cut)?,
        };
        let bits = header.incompat & !KNOWN_INCOMPAT;
        if bits != 0 { Err(Error::Incompatible { bits }) } else { Ok((header, len)) }
    }
}
