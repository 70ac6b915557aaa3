//! Decodes columns to rows.
//!
//! The columns are untrusted: every step returns `None` if something is missing, and no length is
//! used before there is room for it.

use super::clock::Times;
use super::columns::{
    ADDRESS, CLASSES, COLUMNS, Column, DATA, KIND, LEN, MASK, PARTS, RAW, RAWLEN, REGION, REGS,
    REST, RVAL, SORT, STOPS, STRLEN, TASK, TASKS,
};
use super::history::{Caller, History};
use super::layout::{
    ADDRESS_DIFFERS, ASKED_DIFFERS, BLOB_DIFFERS, ENTRY, ENTRY_HEAD, ENTRY_LEN, EXIT, EXIT_HEAD,
    EXIT_LEN, FAILED, INDEX_DIFFERS, KNOWN_CODE, KNOWN_MASK, LEN_DIFFERS, NO_CHANGE, PARTS_KNOWN,
    RAW_ROW, REGION_HEAD, SAME_TASK, STOP_HEAD_LEN, STOP_KIND, STOP_SORT, blob_count,
};
use super::model::{Call, Class, MEMO, Memo, PreviousRegion, Slot};
use super::places::Places;
use crate::event::ROW_HEAD;
use crate::kind::PartKind;
use crate::limits::{MAX_CLASSES, MAX_ITEMS, MAX_TASKS};
use crate::syscall_info::{self, Outcome};

/// The tables of the block being decoded. Their memory is reused from block to block.
#[derive(Debug)]
pub(super) struct Tables {
    places: Places,
    history: History,
    classes: Vec<Stream>,
}

/// A class, and the range in DATA of its bytes that are not used yet.
#[derive(Debug)]
struct Stream {
    class: Class,
    at: usize,
    end: usize,
}

/// The state of decoding one block.
struct Rows<'a, 'b> {
    columns: [Column<'a>; COLUMNS],
    times: Times<'a>,
    data: &'a [u8],
    tables: &'b mut Tables,
    others: Memo,
    task: Option<usize>,
    next_blob: u64,
    out: &'b mut Vec<u8>,
    /// The length of the decoded rows, in bytes.
    len: usize,
}

/// The memo of a stop's parts.
#[derive(Clone, Copy)]
enum Sort {
    Site(usize, usize),
    Other,
}

/// Appends exactly `len` bytes of rows to `out`, which is empty.
pub(super) fn decode(
    mut columns: [Column<'_>; COLUMNS],
    tables: &mut Tables,
    len: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    tables.clear();
    let times = Times::new(&mut columns)?;
    let data = std::mem::take(&mut columns[DATA]).0;
    let kinds = std::mem::take(&mut columns[KIND]).0;
    if kinds.len() > MAX_ITEMS as usize {
        return None;
    }
    let (others, task, next_blob) = (Memo::default(), None, 0);
    let mut rows = Rows { data, times, columns, tables, others, task, next_blob, out, len };
    rows.read_tables()?;
    for &code in kinds {
        rows.row(code)?;
    }
    let used = rows.columns.iter().all(|column| column.0.is_empty())
        && rows.times.at_end()
        && rows.tables.classes.iter().all(|stream| stream.at == stream.end);
    (used && rows.out.len() == len).then_some(())
}

impl Tables {
    pub(super) fn new() -> Self {
        Tables { places: Places::new(), history: History::new(), classes: Vec::new() }
    }

    /// Returns the sites, for decoding outlines.
    pub(super) fn places(&mut self) -> &mut Places {
        &mut self.places
    }

    fn clear(&mut self) {
        self.places.clear();
        self.history.clear();
        self.classes.clear();
    }
}

impl Rows<'_, '_> {
    fn read_tables(&mut self) -> Option<()> {
        let Tables { places, history, classes } = &mut *self.tables;
        while !self.columns[TASKS].0.is_empty() && places.tracks.len() < MAX_TASKS {
            places.add_task(u32::from_le_bytes(self.columns[TASKS].array()?));
        }
        history.callers.resize(places.tracks.len(), Caller::default());
        let (column, mut at) = (&mut self.columns[CLASSES], 0_usize);
        while !column.0.is_empty() && classes.len() < MAX_CLASSES {
            let modelled = column.byte()?;
            let kind = PartKind(u16::from_le_bytes(column.array()?));
            let flags = u16::from_le_bytes(column.array()?);
            let region = (column.array()?, u32::from_le_bytes(column.array()?));
            let end = at.checked_add(column.size()?)?;
            if modelled > 1 || end > self.data.len() {
                return None;
            }
            let class = Class { kind, flags, region: (modelled == 1).then_some(region) };
            classes.push(Stream { class, at, end });
            at = end;
        }
        (at == self.data.len()).then_some(())
    }

    /// Appends bytes of a row, if there is room.
    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        if bytes.len() > self.len - self.out.len() {
            return None;
        }
        self.out.extend_from_slice(bytes);
        Some(())
    }

    fn row(&mut self, code: u8) -> Option<()> {
        if code & !KNOWN_CODE != 0 {
            return None;
        }
        if code & SAME_TASK == 0 {
            self.task = Some(self.columns[TASK].size()?);
        }
        let task = self.task?;
        let begin = self.out.len();
        let mut head = [0; ROW_HEAD];
        head[4..8].copy_from_slice(&STOP_SORT);
        head[8..12].copy_from_slice(&self.tables.places.tracks.get(task)?.id.to_le_bytes());
        head[12..].copy_from_slice(&self.times.next(code & 3 == ENTRY)?.to_le_bytes());
        match code & 3 {
            RAW_ROW => {
                if code & (PARTS_KNOWN | NO_CHANGE | FAILED) != 0 {
                    return None;
                }
                head[4..8].copy_from_slice(&self.columns[SORT].array::<4>()?);
                let len = self.columns[RAWLEN].size()?;
                let column = if head[4..].starts_with(&STOP_KIND) { STOPS } else { RAW };
                let body = self.columns[column].bytes(len)?;
                self.put(&head)?;
                self.put(body)?;
            }
            ENTRY => self.entry(code, task, &head)?,
            EXIT => self.exit(code, task, &head)?,
            _ => self.other(code, &head)?,
        }
        let len = u32::try_from(self.out.len().checked_sub(begin)?.checked_sub(ROW_HEAD)?).ok()?;
        self.out.get_mut(begin..begin.checked_add(4)?)?.copy_from_slice(&len.to_le_bytes());
        Some(())
    }

    fn entry(&mut self, code: u8, task: usize, head: &[u8; ROW_HEAD]) -> Option<()> {
        if code & FAILED != 0 {
            return None;
        }
        let Tables { places, history, .. } = &mut *self.tables;
        let arrival = places.read(&mut self.columns, task)?;
        let registers = history.registers(arrival)?;
        let number = places.arrive(task, arrival)?;
        history.arrive(arrival)?;
        let prediction = history.predict(task, places.root(number)?, registers)?;
        let mut call = prediction.base;
        if code & NO_CHANGE == 0 {
            let mask = self.columns[MASK].byte()?;
            if mask == 0 || mask & 0x80 != 0 {
                return None;
            }
            for (at, register) in call.iter_mut().enumerate() {
                if mask & (1 << at) != 0 {
                    let written = self.columns.get_mut(REGS + at)?.uint()?;
                    *register = history.read_register(task, at, written, &prediction)?;
                }
            }
        }
        let site = usize::try_from(number).ok()?;
        history.learn(task, site, call, &prediction)?;
        places.tracks.get_mut(task)?.open = Some(number);
        let place = places.get(number)?;
        let [sp, args @ ..] = call;
        let info = syscall_info::Call { nr: place.nr, args };
        let info = syscall_info::entry(place.arch, place.ip, sp, &info);
        let mut bytes = [0; ROW_HEAD + ENTRY_LEN];
        bytes[..ROW_HEAD].copy_from_slice(head);
        bytes[ROW_HEAD..ROW_HEAD + STOP_HEAD_LEN].copy_from_slice(&ENTRY_HEAD[..STOP_HEAD_LEN]);
        bytes[ROW_HEAD + STOP_HEAD_LEN..].copy_from_slice(&info);
        self.put(&bytes)?;
        self.parts(code, Sort::Site(site, 0), &Call { args, rval: None, known: true })
    }

    fn exit(&mut self, code: u8, task: usize, head: &[u8; ROW_HEAD]) -> Option<()> {
        let Tables { places, history, .. } = &mut *self.tables;
        let number = places.tracks.get_mut(task)?.open.take()?;
        let (place, site) = (places.get(number)?, usize::try_from(number).ok()?);
        let call = history.callers.get(task)?.registers;
        let failed = code & FAILED != 0;
        let mut rval = history.sites.get(site)?.values[usize::from(failed)];
        if code & NO_CHANGE == 0 {
            rval = history.read_value(self.columns[RVAL].uint()?, rval, &call)?;
        }
        history.learn_value(task, site, failed, rval)?;
        let [sp, args @ ..] = call;
        let outcome = Outcome { rval: rval.cast_signed(), is_error: u8::from(failed) };
        let info = syscall_info::exit(place.arch, place.ip, sp, outcome);
        let mut bytes = [0; ROW_HEAD + EXIT_LEN];
        bytes[..ROW_HEAD].copy_from_slice(head);
        bytes[ROW_HEAD..ROW_HEAD + STOP_HEAD_LEN].copy_from_slice(&EXIT_HEAD[..STOP_HEAD_LEN]);
        bytes[ROW_HEAD + STOP_HEAD_LEN..].copy_from_slice(&info);
        self.put(&bytes)?;
        let sort = Sort::Site(site, if failed { 2 } else { 1 });
        self.parts(code, sort, &Call { args, rval: Some(rval), known: true })
    }

    fn other(&mut self, code: u8, head: &[u8; ROW_HEAD]) -> Option<()> {
        if code & (NO_CHANGE | FAILED) != 0 {
            return None;
        }
        let stop: [u8; STOP_HEAD_LEN] = self.columns[STOPS].array()?;
        let info =
            self.columns[STOPS].bytes(usize::from(u16::from_le_bytes([stop[8], stop[9]])))?;
        self.put(head)?;
        self.put(&stop)?;
        self.put(info)?;
        self.parts(code, Sort::Other, &Call::default())
    }

    fn memo(&mut self, sort: Sort) -> Option<&mut Memo> {
        match sort {
            Sort::Other => Some(&mut self.others),
            Sort::Site(site, phase) => {
                self.tables.history.sites.get_mut(site)?.memos.get_mut(phase)
            }
        }
    }

    fn parts(&mut self, code: u8, sort: Sort, call: &Call) -> Option<()> {
        let mut previous = PreviousRegion::NONE;
        if code & PARTS_KNOWN != 0 {
            let count = self.memo(sort)?.count;
            if count > MEMO {
                return None;
            }
            for index in 0..count {
                let slot = self.memo(sort)?.slot(index);
                self.part(index, slot, sort, call, &mut previous)?;
            }
            return Some(());
        }
        let mut index = 0;
        while let Some(class) = self.columns[PARTS].uint()?.checked_sub(1) {
            let mut slot = self.memo(sort)?.slot(index);
            slot.class = u32::try_from(class).ok()?;
            self.part(index, slot, sort, call, &mut previous)?;
            index += 1;
        }
        self.memo(sort)?.count = index;
        Some(())
    }

    fn part(
        &mut self,
        index: usize,
        mut slot: Slot,
        sort: Sort,
        call: &Call,
        previous: &mut PreviousRegion,
    ) -> Option<()> {
        let number = usize::try_from(slot.class).ok()?;
        let class = self.tables.classes.get(number)?.class;
        let mut head = [0; 8];
        head[..2].copy_from_slice(&class.kind.0.to_le_bytes());
        head[2..4].copy_from_slice(&class.flags.to_le_bytes());
        match class.region {
            None => {
                slot.len = self.columns[LEN].delta(slot.len)?;
                head[4..].copy_from_slice(&u32::try_from(slot.len).ok()?.to_le_bytes());
                self.put(&head)?;
                self.data(number, usize::try_from(slot.len).ok()?)?;
            }
            Some(region) => self.region(head, number, region, &mut slot, call, previous)?,
        }
        self.memo(sort)?.learn(index, slot);
        Some(())
    }

    fn region(
        &mut self,
        mut part: [u8; 8],
        number: usize,
        (class, errno): ([u8; 4], u32),
        slot: &mut Slot,
        call: &Call,
        previous: &mut PreviousRegion,
    ) -> Option<()> {
        let mask = self.columns[REGION].byte()?;
        if mask & !KNOWN_MASK != 0 {
            return None;
        }
        let differs = |bit| mask & bit != 0;
        let mut address = call.address(class, slot.class, slot, previous);
        if differs(ADDRESS_DIFFERS) {
            address = self.columns[ADDRESS].delta(address)?;
        }
        let mut index = previous.next_index(slot.class);
        if differs(INDEX_DIFFERS) {
            index = u32::try_from(self.columns[REST].uint()?).ok()?;
        }
        let hint = call.hint(class[0]);
        let mut got = slot.predicted(hint);
        if Class::is_string(class[3]) {
            got = self.columns[STRLEN].uint()?;
        } else if differs(LEN_DIFFERS) {
            got = self.columns[LEN].delta(got)?;
        }
        let asked = if differs(ASKED_DIFFERS) { self.columns[REST].delta(got)? } else { got };
        let blobs = Class::is_blobs(class[3]);
        let count = if blobs { blob_count(got)? } else { 0 };
        let len = if blobs { count.checked_mul(8)? } else { usize::try_from(got).ok()? };
        part[4..]
            .copy_from_slice(&u32::try_from(len.checked_add(REGION_HEAD)?).ok()?.to_le_bytes());
        let mut head = [0; REGION_HEAD];
        head[..4].copy_from_slice(&class);
        head[4..8].copy_from_slice(&index.to_le_bytes());
        head[8..16].copy_from_slice(&address.to_le_bytes());
        head[16..24].copy_from_slice(&asked.to_le_bytes());
        head[24..32].copy_from_slice(&got.to_le_bytes());
        head[32..36].copy_from_slice(&errno.to_le_bytes());
        head[36..].copy_from_slice(&u32::try_from(len).ok()?.to_le_bytes());
        self.put(&part)?;
        self.put(&head)?;
        if blobs {
            if differs(BLOB_DIFFERS) {
                self.next_blob = self.columns[REST].delta(self.next_blob)?;
            }
            for _ in 0..count {
                self.put(&self.next_blob.to_le_bytes())?;
                self.next_blob = self.next_blob.wrapping_add(1);
            }
        } else {
            self.data(number, len)?;
        }
        *previous = PreviousRegion { class: slot.class, index, end: address.wrapping_add(got) };
        (slot.address, slot.len, slot.hinted) = (address, got, got == hint);
        Some(())
    }

    /// Appends the next bytes of a class.
    fn data(&mut self, class: usize, len: usize) -> Option<()> {
        let stream = self.tables.classes.get_mut(class)?;
        let end = stream.at.checked_add(len).filter(|&end| end <= stream.end)?;
        let bytes = self.data.get(stream.at..end)?;
        stream.at = end;
        self.put(bytes)
    }
}
