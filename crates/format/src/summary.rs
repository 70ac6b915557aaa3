//! The summary in the footer: totals of a finished log.

use crate::kind::EventKind;
use crate::wire::Wire;
use crate::{Completeness, DropReasons, Error};

/// Totals that the recorder supplies when it finishes a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// The wait status of the first task, if it ended.
    pub exit_status: Option<u32>,
}

/// The totals of a finished log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// What the log lacks.
    pub completeness: Completeness,
    /// The number of events, including lost ones.
    pub events: u64,
    /// The number of lost events.
    pub lost: u64,
    /// Why events were lost.
    pub drop_reasons: DropReasons,
    /// The number of blobs.
    pub blobs: u64,
    /// The number of tasks that appeared.
    pub tasks: u64,
    /// The wait status of the first task, if it ended.
    pub exit_status: Option<u32>,
    /// Bytes of event rows.
    pub event_bytes: u64,
    /// Bytes of buffers, including duplicates.
    pub blob_bytes: u64,
    /// Bytes of duplicate buffers.
    pub duplicate_bytes: u64,
    /// The length of the file before its footer, in bytes.
    pub stored_bytes: u64,
    /// The earliest event time, in nanoseconds.
    pub t_first: u64,
    /// The latest event time, in nanoseconds.
    pub t_last: u64,
    /// The number of events of each kind.
    pub kinds: Vec<(EventKind, u64)>,
}

/// The length of the fields with a fixed size, in bytes.
const FIXED: usize = 104;

impl Summary {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for word in [self.completeness.0, self.events, self.lost, self.blobs, self.tasks] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        for word in [self.event_bytes, self.blob_bytes, self.duplicate_bytes, self.stored_bytes] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        for word in [self.t_first, self.t_last] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.drop_reasons.0.to_le_bytes());
        out.extend_from_slice(&u32::from(self.exit_status.is_some()).to_le_bytes());
        out.extend_from_slice(&self.exit_status.unwrap_or(0).to_le_bytes());
        out.extend_from_slice(&u32::try_from(self.kinds.len()).unwrap_or(u32::MAX).to_le_bytes());
        for (kind, count) in &self.kinds {
            out.extend_from_slice(&kind.0.to_le_bytes());
            out.extend_from_slice(&[0; 6]);
            out.extend_from_slice(&count.to_le_bytes());
        }
    }

    pub(crate) fn encoded_len(&self) -> usize {
        FIXED + self.kinds.len() * 16
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut wire = Wire::new("summary", bytes);
        let (completeness, events, lost) = (Completeness(wire.u64()?), wire.u64()?, wire.u64()?);
        let (blobs, tasks, event_bytes) = (wire.u64()?, wire.u64()?, wire.u64()?);
        let (blob_bytes, duplicate_bytes, stored_bytes) = (wire.u64()?, wire.u64()?, wire.u64()?);
        let (t_first, t_last) = (wire.u64()?, wire.u64()?);
        let drop_reasons = DropReasons(wire.u32()?);
        let (exit_known, exit_status, n_kinds) = (wire.u32()?, wire.u32()?, wire.u32()?);
        let mut kinds = Vec::new();
        for _ in 0..n_kinds {
            let kind = EventKind(wire.u16()?);
            wire.take(6)?;
            kinds.push((kind, wire.u64()?));
        }
        Ok(Summary {
            completeness,
            events,
            lost,
            drop_reasons,
            blobs,
            tasks,
            exit_status: (exit_known != 0).then_some(exit_status),
            event_bytes,
            blob_bytes,
            duplicate_bytes,
            stored_bytes,
            t_first,
            t_last,
            kinds,
        })
    }
}
