//! Compresses the payload of a block, and chooses its codec.

use crate::Error;
use crate::sites::{self, Packed, SitesPacker};
use crate::zframe::Packer;

/// Compresses payloads, and checks that each decompresses to its input.
#[derive(Debug)]
pub(crate) struct Payloads {
    packer: Packer,
    /// Set if the file header allows codec 1.
    sites: Option<SitesPacker>,
    other: Vec<u8>,
    /// Compress blobs fast rather than well.
    pub(crate) fast: bool,
}

impl Payloads {
    pub(crate) fn new(with_sites: bool) -> Result<Self, Error> {
        let sites = if with_sites { Some(SitesPacker::new()?) } else { None };
        Ok(Payloads { packer: Packer::new()?, sites, other: Vec::new(), fast: false })
    }

    /// Makes the memory that the first payloads will need.
    pub(crate) fn warm_up(&mut self) {
        self.packer.warm_up();
        if let Some(sites) = &mut self.sites {
            sites.warm_up();
        }
    }

    /// Sets the length of the log so far, in bytes.
    pub(crate) fn set_log_len(&mut self, offset: u64) {
        self.packer.set_log_len(offset);
    }

    /// Appends a payload in codec 0. Returns `Ok(false)` if it does not decompress to `raw`.
    pub(crate) fn pack(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        self.packer.pack(raw, out)
    }

    /// Appends the payload of a BLOBS block in codec 0, as [`Payloads::pack`].
    pub(crate) fn pack_blobs(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        if self.fast { self.packer.pack_fast(raw, out) } else { self.packer.pack(raw, out) }
    }

    /// Appends the payload of rows in the codec that makes it shorter. Returns the codec, or `None`
    /// if no codec reproduces the rows.
    pub(crate) fn pack_rows(
        &mut self,
        rows: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<u16>, Error> {
        let from = out.len();
        let packed = match &mut self.sites {
            Some(sites) => sites.pack(rows, out)?,
            None => Packed::Unsupported,
        };
        match packed {
            Packed::Good => return Ok(Some(sites::CODEC)),
            Packed::Unsupported => return Ok(self.packer.pack(rows, out)?.then_some(0)),
            Packed::Doubtful => {}
        }
        self.other.clear();
        if self.packer.pack(rows, &mut self.other)? && self.other.len() <= out.len() - from {
            out.truncate(from);
            out.extend_from_slice(&self.other);
            return Ok(Some(0));
        }
        Ok(Some(sites::CODEC))
    }
}
