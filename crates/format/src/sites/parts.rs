//! Encodes the parts of a STOP as columns.

use super::columns::{ADDRESS, Columns, LEN, PARTS, REGION, REST, STRLEN};
use super::keys::Keys;
use super::layout::{
    ADDRESS_DIFFERS, ASKED_DIFFERS, BLOB_DIFFERS, INDEX_DIFFERS, LEN_DIFFERS, PART_HEAD,
    REGION_HEAD, blob_count,
};
use super::model::{Call, Class, ClassOf, MEMO, Memo, PreviousRegion, Slot};
use crate::kind::PartKind;
use crate::wire::{Wire, u64_at};

/// The state of the encoder for parts.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) classes: Keys<ClassOf>,
    /// The bytes of each class.
    pub(super) streams: Vec<Vec<u8>>,
    /// The parts of the current row.
    list: Vec<PartRef>,
    next_blob: u64,
}

impl Parts {
    pub(super) fn new() -> Self {
        Parts { classes: Keys::new(), streams: Vec::new(), list: Vec::new(), next_blob: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.classes.clear();
        self.streams.iter_mut().for_each(Vec::clear);
        self.next_blob = 0;
    }
}

/// One part of the current row.
#[derive(Clone, Copy, Debug)]
pub(super) struct PartRef {
    number: u32,
    class: Class,
    /// The offset of its body in the row.
    at: usize,
    len: usize,
}

/// The fields of a region that are not in its class.
#[derive(Clone, Copy, Debug, Default)]
struct Fields {
    index: u32,
    address: u64,
    asked: u64,
    got: u64,
}

/// Lists the parts that begin at `at` in the row. Returns `None` if they do not fill the row.
pub(super) fn list_parts(parts: &mut Parts, row: &[u8], at: usize, nr: u64) -> Option<()> {
    parts.list.clear();
    let mut at = at;
    while at < row.len() {
        let mut wire = Wire::new("part", row.get(at..)?);
        let (kind, flags, len) = (PartKind(wire.u16().ok()?), wire.u16().ok()?, wire.len32().ok()?);
        let body = wire.take(len).ok()?;
        let region = if kind == PartKind::REGION { region_class(body) } else { None };
        let class = Class { kind, flags, region };
        at = at.checked_add(PART_HEAD)?;
        // Numbered below: a row that turns out malformed must leave no class behind.
        parts.list.push(PartRef { number: 0, class, at, len });
        at = at.checked_add(len)?;
    }
    for part in &mut parts.list {
        let (number, new) = parts.classes.insert(ClassOf { class: part.class, nr });
        part.number = number;
        if new && parts.streams.len() < parts.classes.keys().len() {
            parts.streams.push(Vec::new());
        }
    }
    Some(())
}

/// Returns the class of a region, if its lengths are consistent.
fn region_class(body: &[u8]) -> Option<([u8; 4], u32)> {
    let (head, data) = body.split_first_chunk::<REGION_HEAD>()?;
    let [arg, dir, role, flags, ..] = *head;
    let word = |at: usize| Some(u32::from_le_bytes(*head.get(at..)?.first_chunk()?));
    let (got, errno, len) = (u64_at(head, 24)?, word(32)?, word(36)?);
    let fits = if Class::is_blobs(flags) {
        let first = u64_at(data, 0).unwrap_or_default();
        let in_order = || {
            data.chunks(8)
                .zip(0..)
                .all(|(number, nth)| u64_at(number, 0) == Some(first.wrapping_add(nth)))
        };
        blob_count(got).and_then(|count| count.checked_mul(8)) == Some(data.len()) && in_order()
    } else {
        got == data.len() as u64
    };
    (fits && usize::try_from(len) == Ok(data.len())).then_some(([arg, dir, role, flags], errno))
}

/// Encodes the listed parts. Returns whether their classes are those of the memo.
pub(super) fn write_parts(
    parts: &mut Parts,
    columns: &mut Columns,
    row: &[u8],
    memo: &mut Memo,
    call: &Call,
) -> bool {
    let Parts { streams, list, next_blob, .. } = parts;
    let known = list.len() <= MEMO
        && memo.count == list.len()
        && list.iter().zip(&memo.slots).all(|(part, slot)| part.number == slot.class);
    if !known {
        list.iter().for_each(|part| columns.uint::<PARTS>(u64::from(part.number) + 1));
        columns.uint::<PARTS>(0);
        memo.count = list.len();
    }
    let mut previous = PreviousRegion::NONE;
    for (index, part) in list.iter().enumerate() {
        let mut slot = memo.slot(index);
        slot.class = part.number;
        let body = row.get(part.at..part.at + part.len).unwrap_or_default();
        let data = match part.class.region {
            None => {
                columns.delta::<LEN>(part.len as u64, slot.len);
                slot.len = part.len as u64;
                body
            }
            Some((head, _)) => {
                region(columns, head, body, &mut slot, call, &mut previous, next_blob);
                if Class::is_blobs(head[3]) {
                    &[]
                } else {
                    body.get(REGION_HEAD..).unwrap_or_default()
                }
            }
        };
        if let Some(stream) =
            usize::try_from(part.number).ok().and_then(|number| streams.get_mut(number))
        {
            stream.extend_from_slice(data);
        }
        memo.learn(index, slot);
    }
    known
}

fn region(
    columns: &mut Columns,
    head: [u8; 4],
    body: &[u8],
    slot: &mut Slot,
    call: &Call,
    previous: &mut PreviousRegion,
    next_blob: &mut u64,
) {
    let word = |at| u64_at(body, at).unwrap_or_default();
    let index = crate::wire::u32_at(body, 4).unwrap_or_default();
    let fields = Fields { index, address: word(8), asked: word(16), got: word(24) };
    let mut mask = 0;
    let address = call.address(head, slot.class, slot, previous);
    if fields.address != address {
        mask |= ADDRESS_DIFFERS;
        columns.delta::<ADDRESS>(fields.address, address);
    }
    if fields.index != previous.next_index(slot.class) {
        mask |= INDEX_DIFFERS;
        columns.uint::<REST>(u64::from(fields.index));
    }
    let hint = call.hint(head[0]);
    if Class::is_string(head[3]) {
        columns.uint::<STRLEN>(fields.got);
    } else if fields.got != slot.predicted(hint) {
        mask |= LEN_DIFFERS;
        columns.delta::<LEN>(fields.got, slot.predicted(hint));
    }
    if fields.asked != fields.got {
        mask |= ASKED_DIFFERS;
        columns.delta::<REST>(fields.asked, fields.got);
    }
    if Class::is_blobs(head[3]) {
        let first = u64_at(body, REGION_HEAD).unwrap_or(*next_blob);
        if first != *next_blob {
            mask |= BLOB_DIFFERS;
            columns.delta::<REST>(first, *next_blob);
        }
        *next_blob = first.wrapping_add(blob_count(fields.got).unwrap_or_default() as u64);
    }
    columns.byte::<REGION>(mask);
    *previous = PreviousRegion {
        class: slot.class,
        index: fields.index,
        end: fields.address.wrapping_add(fields.got),
    };
    slot.address = fields.address;
    slot.len = fields.got;
    slot.hinted = fields.got == hint;
}
