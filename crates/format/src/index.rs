//! The index: the place of each block, in CHECKPOINT blocks and the FOOTER. It can be rebuilt from
//! the block headers, so losing it loses nothing.

use crate::Error;
use crate::block::BlockHeader;
use crate::kind::BlockKind;
use crate::summary::Summary;
use crate::wire::Wire;

/// The length of an encoded [`Entry`], in bytes.
pub(crate) const ENTRY_LEN: usize = 48;
/// The length of an encoded [`Waypoint`], in bytes.
pub(crate) const WAYPOINT_LEN: usize = 32;
/// The length of the fields that a FOOTER payload begins with.
const FOOTER_HEAD: usize = 16;

/// A block in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) offset: u64,
    pub(crate) first_item: u64,
    pub(crate) t_first: u64,
    pub(crate) t_last: u64,
    pub(crate) payload_len: u64,
    pub(crate) n_items: u32,
    pub(crate) kind: BlockKind,
}

/// A CHECKPOINT block in the index, with the counts of what was written before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waypoint {
    pub(crate) offset: u64,
    pub(crate) next_event: u64,
    pub(crate) next_blob: u64,
    pub(crate) t_last: u64,
}

/// The contents of a FOOTER.
#[derive(Debug)]
pub(crate) struct Footer {
    pub(crate) summary: Summary,
    pub(crate) waypoints: Vec<Waypoint>,
}

impl Entry {
    pub(crate) fn from_header(header: &BlockHeader) -> Self {
        Entry {
            offset: header.self_offset,
            first_item: header.first_item,
            t_first: header.t_first,
            t_last: header.t_last,
            payload_len: header.payload_len,
            n_items: header.n_items,
            kind: header.kind,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        for word in [self.offset, self.first_item, self.t_first, self.t_last, self.payload_len] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.n_items.to_le_bytes());
        out.extend_from_slice(&self.kind.0.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
    }
}

impl Waypoint {
    fn encode(&self, out: &mut Vec<u8>) {
        for word in [self.offset, self.next_event, self.next_blob, self.t_last] {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }
}

/// Appends the payload of a CHECKPOINT.
pub(crate) fn encode_checkpoint(entries: &[Entry], out: &mut Vec<u8>) {
    entries.iter().for_each(|entry| entry.encode(out));
}

/// Appends the payload of the FOOTER.
pub(crate) fn encode_footer(
    summary: &Summary,
    waypoints: &[Waypoint],
    entries: &[Entry],
    out: &mut Vec<u8>,
) {
    let mut bytes = Vec::new();
    summary.encode(&mut bytes);
    for len in [bytes.len(), waypoints.len(), entries.len(), 0] {
        out.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
    }
    out.extend_from_slice(&bytes);
    waypoints.iter().for_each(|waypoint| waypoint.encode(out));
    encode_checkpoint(entries, out);
}

/// Returns the length of the FOOTER's payload, in bytes.
pub(crate) fn footer_len(summary: &Summary, waypoints: usize, entries: usize) -> usize {
    FOOTER_HEAD + summary.encoded_len() + waypoints * WAYPOINT_LEN + entries * ENTRY_LEN
}

impl Footer {
    /// Decodes the payload of a FOOTER. The entries after the waypoints are skipped: readers walk
    /// the block headers.
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, Error> {
        let mut wire = Wire::new("footer", payload);
        let (summary_len, waypoints) = (wire.len32()?, wire.len32()?);
        let entries = wire.len32()?;
        wire.u32()?;
        let summary = Summary::decode(wire.take(summary_len)?)?;
        let bytes =
            wire.take(waypoints.checked_mul(WAYPOINT_LEN).ok_or_else(|| wire.malformed())?)?;
        wire.take(entries.checked_mul(ENTRY_LEN).ok_or_else(|| wire.malformed())?)?;
        let mut wire = Wire::new("footer", bytes);
        let mut list = Vec::with_capacity(waypoints);
        while !wire.is_empty() {
            let (offset, next_event) = (wire.u64()?, wire.u64()?);
            list.push(Waypoint { offset, next_event, next_blob: wire.u64()?, t_last: wire.u64()? });
        }
        Ok(Footer { summary, waypoints: list })
    }
}
