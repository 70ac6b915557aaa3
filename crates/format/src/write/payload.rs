//! The payload of a block: which codec it gets.

use crate::Error;
use crate::sites::{self, Packed, SitesPacker};
use crate::zframe::Packer;

/// Makes payloads, and proves each by undoing it.
#[derive(Debug)]
pub(crate) struct Payloads {
    packer: Packer,
    /// There if the file header allows codec 1.
    sites: Option<SitesPacker>,
    other: Vec<u8>,
    /// Buffers are packed fast rather than well.
    pub(crate) fast: bool,
}

impl Payloads {
    pub(crate) fn new(with_sites: bool) -> Result<Self, Error> {
        let sites = if with_sites { Some(SitesPacker::new()?) } else { None };
        Ok(Payloads { packer: Packer::new()?, sites, other: Vec::new(), fast: false })
    }

    /// So much of the log is written.
    pub(crate) fn set_log_len(&mut self, offset: u64) {
        self.packer.set_log_len(offset);
    }

    /// Appends a payload in codec 0. `Ok(false)` when it does not give `raw` back.
    pub(crate) fn pack(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        self.packer.pack(raw, out)
    }

    /// Appends the payload of buffers in codec 0, as [`Payloads::pack`].
    pub(crate) fn pack_blobs(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        if self.fast { self.packer.pack_fast(raw, out) } else { self.packer.pack(raw, out) }
    }

    /// Appends the payload of rows in the codec that makes it shorter. Gives the codec, or `None`
    /// when no codec gives the rows back.
    pub(crate) fn pack_rows(
        &mut self,
        rows: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<u16>, Error> {
        let from = out.len();
        let packed = match &mut self.sites {
            Some(sites) => sites.pack(rows, out)?,
            None => Packed::No,
        };
        match packed {
            Packed::Well => return Ok(Some(sites::CODEC)),
            Packed::No => return Ok(self.packer.pack(rows, out)?.then_some(0)),
            Packed::Poorly => {}
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
