//! Columns to rows.
//!
//! The columns may be anybody's: every step may find that something is not there (`None`), and nothing is taken for
//! a length before there is room for it.

use super::columns::{
    ADDRESS, ARGS, CLASSES, COLUMNS, Column, DATA, ENTRY_TIME, KIND, LEN, LONG_TIME, MASK, OTHER_TIME, PARTS,
    RAW, RAWLEN, REGION, REST, RVAL, SITE, SITES, SP, STRLEN, TASK, TASKS, unfold,
};
use super::model::{Call, Class, Former, Last, MEMO, Memo, Place, Site, Slot};
use super::{
    ADDRESS_DIFFERS, ASKED_DIFFERS, BLOB_DIFFERS, ENTRY, ENTRY_HEAD, ENTRY_LEN, EXIT, EXIT_HEAD, EXIT_LEN,
    INDEX_DIFFERS, KNOWN_CODE, KNOWN_MASK, LEN_DIFFERS, NO_CHANGE, PARTS_KNOWN, RAW_ROW, REGION_HEAD,
    SAME_TASK, STOP_HEAD_LEN, STOP_SORT, TIME_ESCAPE, blob_count, is_failure,
};
use crate::event::ROW_HEAD;
use crate::kind::PartKind;
use crate::limits::{MAX_CLASSES, MAX_ITEMS, MAX_SITES, MAX_TASKS};

/// Tables of the block that is being decoded. Their memory is kept from block to block.
#[derive(Debug, Default)]
pub(super) struct Tables {
    tasks: Vec<(u32, Last)>,
    sites: Vec<(Place, Site)>,
    classes: Vec<Stream>,
}

/// A class, and where in DATA its bytes are that were not used yet.
#[derive(Debug)]
struct Stream {
    class: Class,
    at: usize,
    end: usize,
}

/// Decoding of one block.
struct Rows<'a, 'b> {
    columns: [Column<'a>; COLUMNS],
    data: &'a [u8],
    tables: &'b mut Tables,
    others: Memo,
    task: Option<usize>,
    time: u64,
    next_blob: u64,
    out: &'b mut Vec<u8>,
    /// How long the rows are in the end.
    len: usize,
}

/// Which memo a stop's parts belong to.
#[derive(Clone, Copy)]
enum Sort {
    Site(usize, usize),
    Other,
}

/// Appends exactly `len` bytes of rows to `out`, which is empty.
pub(super) fn decode(
    columns: [Column<'_>; COLUMNS],
    tables: &mut Tables,
    len: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    let mut rows = Rows {
        data: columns[DATA].0,
        columns,
        tables,
        others: Memo::default(),
        task: None,
        time: 0,
        next_blob: 0,
        out,
        len,
    };
    rows.read_tables()?;
    let kinds = std::mem::take(&mut rows.columns[KIND]).0;
    if kinds.len() > MAX_ITEMS as usize {
        return None;
    }
    for &code in kinds {
        rows.row(code)?;
    }
    rows.columns[DATA] = Column::default();
    let used = rows.columns.iter().all(|column| column.0.is_empty())
        && rows.tables.classes.iter().all(|stream| stream.at == stream.end);
    (used && rows.out.len() == len).then_some(())
}

impl Rows<'_, '_> {
    fn read_tables(&mut self) -> Option<()> {
        let Tables { tasks, sites, classes } = &mut *self.tables;
        tasks.clear();
        sites.clear();
        classes.clear();
        while !self.columns[TASKS].0.is_empty() && tasks.len() < MAX_TASKS {
            tasks.push((u32::from_le_bytes(self.columns[TASKS].array()?), Last::default()));
        }
        let column = &mut self.columns[SITES];
        while !column.0.is_empty() && sites.len() < MAX_SITES {
            let arch = u32::from_le_bytes(column.array()?);
            let (ip, nr) = (u64::from_le_bytes(column.array()?), u64::from_le_bytes(column.array()?));
            sites.push((Place { arch, ip, nr }, Site::default()));
        }
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
        let delta = self.time_delta(code & 3 == ENTRY)?;
        self.time = self.time.wrapping_add(delta);
        let mut head = [0; ROW_HEAD];
        head[4..8].copy_from_slice(&STOP_SORT);
        head[8..12].copy_from_slice(&self.tables.tasks.get(task)?.0.to_le_bytes());
        head[12..].copy_from_slice(&self.time.to_le_bytes());
        match code & 3 {
            RAW_ROW => {
                if code & (PARTS_KNOWN | NO_CHANGE) != 0 {
                    return None;
                }
                head[4..8].copy_from_slice(&self.columns[RAW].array::<4>()?);
                let len = self.columns[RAWLEN].size()?;
                let body = self.columns[RAW].bytes(len)?;
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

    #[inline]
    fn time_delta(&mut self, entry: bool) -> Option<u64> {
        let first = if entry { ENTRY_TIME } else { OTHER_TIME };
        let [low, middle, high] = self.columns.get_mut(first..first + 3)? else { return None };
        let planes = [low.byte()?, middle.byte()?, high.byte()?];
        match planes {
            [0, 0, TIME_ESCAPE] => Some(u64::from_le_bytes(self.columns[LONG_TIME].array()?)),
            [_, _, TIME_ESCAPE] => None,
            [low, middle, high] => Some(u64::from(u32::from_le_bytes([low, middle, high, 0]))),
        }
    }

    fn entry(&mut self, code: u8, task: usize, head: &[u8; ROW_HEAD]) -> Option<()> {
        let index = self.columns[SITE].size()?;
        let (place, site) = self.tables.sites.get_mut(index)?;
        let (_, last) = self.tables.tasks.get_mut(task)?;
        if code & NO_CHANGE == 0 {
            let mask = self.columns[MASK].byte()?;
            if mask == 0 || mask & 0x80 != 0 {
                return None;
            }
            if mask & 0x40 != 0 {
                site.sp = changed(self.columns[SP].uint()?, site.sp, last.sp, last.value);
            }
            for (arg, (value, &other)) in site.args.iter_mut().zip(&last.args).enumerate() {
                if mask & (1 << arg) != 0 {
                    let written = self.columns.get_mut(ARGS + arg)?.uint()?;
                    *value = changed(written, *value, other, last.value);
                }
            }
        }
        let mut bytes = [0; ROW_HEAD + ENTRY_LEN];
        bytes[..ROW_HEAD].copy_from_slice(head);
        bytes[ROW_HEAD..ROW_HEAD + 16].copy_from_slice(&ENTRY_HEAD);
        bytes[36..40].copy_from_slice(&place.arch.to_le_bytes());
        bytes[40..48].copy_from_slice(&place.ip.to_le_bytes());
        bytes[48..56].copy_from_slice(&site.sp.to_le_bytes());
        bytes[56..64].copy_from_slice(&place.nr.to_le_bytes());
        for (to, arg) in bytes[64..].chunks_exact_mut(8).zip(&site.args) {
            to.copy_from_slice(&arg.to_le_bytes());
        }
        let args = site.args;
        *last = Last { site: Some(index), sp: site.sp, args, value: last.value };
        self.put(&bytes)?;
        self.parts(code, Sort::Site(index, 0), &Call { args, rval: None, known: true })
    }

    fn exit(&mut self, code: u8, task: usize, head: &[u8; ROW_HEAD]) -> Option<()> {
        let (_, last) = self.tables.tasks.get_mut(task)?;
        let (index, sp, args) = (last.site.take()?, last.sp, last.args);
        let (place, site) = self.tables.sites.get_mut(index)?;
        if code & NO_CHANGE == 0 {
            site.rval = self.columns[RVAL].delta(site.rval)?;
        }
        let rval = site.rval;
        last.value = rval;
        let failure = is_failure(rval);
        let mut bytes = [0; ROW_HEAD + EXIT_LEN];
        bytes[..ROW_HEAD].copy_from_slice(head);
        bytes[ROW_HEAD..ROW_HEAD + 16].copy_from_slice(&EXIT_HEAD);
        bytes[36..40].copy_from_slice(&place.arch.to_le_bytes());
        bytes[40..48].copy_from_slice(&place.ip.to_le_bytes());
        bytes[48..56].copy_from_slice(&sp.to_le_bytes());
        bytes[56..64].copy_from_slice(&rval.to_le_bytes());
        bytes[64] = u8::from(failure);
        self.put(&bytes)?;
        let sort = Sort::Site(index, if failure { 2 } else { 1 });
        self.parts(code, sort, &Call { args, rval: Some(rval), known: true })
    }

    fn other(&mut self, code: u8, head: &[u8; ROW_HEAD]) -> Option<()> {
        if code & NO_CHANGE != 0 {
            return None;
        }
        let stop: [u8; STOP_HEAD_LEN] = self.columns[RAW].array()?;
        let info = self.columns[RAW].bytes(usize::from(u16::from_le_bytes([stop[8], stop[9]])))?;
        self.put(head)?;
        self.put(&stop)?;
        self.put(info)?;
        self.parts(code, Sort::Other, &Call::default())
    }

    fn memo(&mut self, sort: Sort) -> Option<&mut Memo> {
        match sort {
            Sort::Other => Some(&mut self.others),
            Sort::Site(site, phase) => self.tables.sites.get_mut(site)?.1.memos.get_mut(phase),
        }
    }

    fn parts(&mut self, code: u8, sort: Sort, call: &Call) -> Option<()> {
        let mut former = Former::NONE;
        if code & PARTS_KNOWN != 0 {
            let count = self.memo(sort)?.count;
            if count > MEMO {
                return None;
            }
            for index in 0..count {
                let slot = self.memo(sort)?.slot(index);
                self.part(index, slot, sort, call, &mut former)?;
            }
            return Some(());
        }
        let mut index = 0;
        while let Some(class) = self.columns[PARTS].uint()?.checked_sub(1) {
            let mut slot = self.memo(sort)?.slot(index);
            slot.class = u32::try_from(class).ok()?;
            self.part(index, slot, sort, call, &mut former)?;
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
        former: &mut Former,
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
            Some(region) => self.region(head, number, region, &mut slot, call, former)?,
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
        former: &mut Former,
    ) -> Option<()> {
        let mask = self.columns[REGION].byte()?;
        if mask & !KNOWN_MASK != 0 {
            return None;
        }
        let differs = |bit| mask & bit != 0;
        let mut address = call.address(class, slot.class, slot, former);
        if differs(ADDRESS_DIFFERS) {
            address = self.columns[ADDRESS].delta(address)?;
        }
        let mut index = former.next_index(slot.class);
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
        part[4..].copy_from_slice(&u32::try_from(len.checked_add(REGION_HEAD)?).ok()?.to_le_bytes());
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
        *former = Former { class: slot.class, index, end: address.wrapping_add(got) };
        (slot.address, slot.len, slot.hinted) = (address, got, got == hint);
        Some(())
    }

    /// The next bytes of a class.
    fn data(&mut self, class: usize, len: usize) -> Option<()> {
        let stream = self.tables.classes.get_mut(class)?;
        let end = stream.at.checked_add(len).filter(|&end| end <= stream.end)?;
        let bytes = self.data.get(stream.at..end)?;
        stream.at = end;
        self.put(bytes)
    }
}

/// A value that is not that of the site's last entry.
fn changed(written: u64, known: u64, last: u64, returned: u64) -> u64 {
    match written {
        0 => last,
        1 => returned,
        _ => unfold(written - 1, known),
    }
}
