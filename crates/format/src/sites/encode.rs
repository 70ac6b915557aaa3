//! Rows to columns.
//!
//! What fits the model leaves little or nothing; what does not is kept as it is. So every row image has an encoding,
//! and the decoder gives exactly it back. `None` anywhere means that the block is better left to codec 0.

use super::columns::{
    ARGS, CLASSES, Columns, DATA, ENTRY_TIME, KIND, LONG_TIME, MASK, OTHER_TIME, RAW, RAWLEN, RVAL, SITE,
    SITES, SP, TASK, TASKS, fold, put_uint,
};
use super::keys::Keys;
use super::model::{Call, ClassOf, Last, Memo, Place, Site};
use super::parts::{PartRef, emit, survey};
use super::{
    ENTRY, ENTRY_HEAD, ENTRY_LEN, EXIT, EXIT_HEAD, EXIT_LEN, NO_CALL, NO_CHANGE, OTHER, PARTS_KNOWN, RAW_ROW,
    SAME_TASK, STOP_HEAD_LEN, TIME_ESCAPE, is_failure,
};
use crate::event::ROW_HEAD;
use crate::limits::{MAX_CLASSES, MAX_SITES, MAX_TASKS};
use crate::wire::{u32_at, u64_at};

/// Makes columns out of the rows of one block after another.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) columns: Columns,
    tasks: Keys<u32>,
    last: Vec<Last>,
    places: Keys<Place>,
    sites: Vec<Site>,
    /// The stops that are no call of a known site.
    others: Memo,
    parts: Parts,
    task: Option<u32>,
    time: u64,
}

/// What is kept about parts.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) classes: Keys<ClassOf>,
    /// The bytes of each class.
    pub(super) streams: Vec<Vec<u8>>,
    /// The parts of the current row.
    pub(super) list: Vec<PartRef>,
    pub(super) next_blob: u64,
}

impl Encoder {
    pub(super) fn new() -> Self {
        let parts = Parts { classes: Keys::new(), streams: Vec::new(), list: Vec::new(), next_blob: 0 };
        Encoder {
            columns: Columns::new(),
            tasks: Keys::new(),
            last: Vec::new(),
            places: Keys::new(),
            sites: Vec::new(),
            others: Memo::default(),
            parts,
            task: None,
            time: 0,
        }
    }

    /// Fills the columns with the rows of one block.
    pub(super) fn encode(&mut self, mut rows: &[u8]) -> Option<()> {
        self.clear();
        while !rows.is_empty() {
            let len = usize::try_from(u32_at(rows, 0)?).ok()?.checked_add(ROW_HEAD)?;
            let (row, rest) = rows.split_at_checked(len)?;
            self.row(row)?;
            rows = rest;
        }
        let small = self.places.keys().len() <= MAX_SITES
            && self.tasks.keys().len() <= MAX_TASKS
            && self.parts.classes.keys().len() <= MAX_CLASSES;
        self.tables();
        small.then_some(())
    }

    fn clear(&mut self) {
        self.columns.clear();
        self.tasks.clear();
        self.last.clear();
        self.places.clear();
        self.sites.clear();
        self.others = Memo::default();
        self.parts.classes.clear();
        self.parts.streams.iter_mut().for_each(Vec::clear);
        self.parts.next_blob = 0;
        (self.task, self.time) = (None, 0);
    }

    fn row(&mut self, row: &[u8]) -> Option<()> {
        let (head, body) = row.split_first_chunk::<ROW_HEAD>()?;
        let [_, _, _, _, kind @ .., t0, t1, t2, t3, t4, t5, t6, t7] = *head;
        let [sort @ .., k0, k1, k2, k3] = kind;
        let task = self.tasks.number(u32::from_le_bytes([k0, k1, k2, k3]));
        if task.1 {
            self.last.push(Last::default());
        }
        let task = task.0;
        let mut code = if sort == super::STOP_SORT { self.stop(task, row, body) } else { None };
        if code.is_none() {
            self.columns.bytes::<RAW>(&sort);
            self.columns.uint::<RAWLEN>(body.len() as u64);
            self.columns.bytes::<RAW>(body);
        }
        let code = code.get_or_insert(RAW_ROW);
        if self.task == Some(task) {
            *code |= SAME_TASK;
        } else {
            self.columns.uint::<TASK>(u64::from(task));
            self.task = Some(task);
        }
        self.columns.byte::<KIND>(*code);
        let time = u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]);
        let delta = time.wrapping_sub(self.time);
        self.time = time;
        self.time_planes(*code & 3 == ENTRY, delta);
        Some(())
    }

    #[inline]
    fn time_planes(&mut self, entry: bool, delta: u64) {
        let [low, middle, high, ..] = delta.to_le_bytes();
        let planes = if delta < u64::from(TIME_ESCAPE) << 16 {
            [low, middle, high]
        } else {
            self.columns.bytes::<LONG_TIME>(&delta.to_le_bytes());
            [0, 0, TIME_ESCAPE]
        };
        if entry {
            self.columns.byte::<ENTRY_TIME>(planes[0]);
            self.columns.byte::<{ ENTRY_TIME + 1 }>(planes[1]);
            self.columns.byte::<{ ENTRY_TIME + 2 }>(planes[2]);
        } else {
            self.columns.byte::<OTHER_TIME>(planes[0]);
            self.columns.byte::<{ OTHER_TIME + 1 }>(planes[1]);
            self.columns.byte::<{ OTHER_TIME + 2 }>(planes[2]);
        }
    }

    /// A STOP of the kernel. `None`, and nothing done, when it does not have the form of one.
    fn stop(&mut self, task: u32, row: &[u8], body: &[u8]) -> Option<u8> {
        if body.starts_with(&ENTRY_HEAD) && body.len() >= ENTRY_LEN {
            return self.entry(task, row, body);
        }
        if body.starts_with(&EXIT_HEAD)
            && let Some(code) = self.exit(task, row, body)
        {
            return Some(code);
        }
        let head = body.get(..STOP_HEAD_LEN)?;
        let info_len = usize::from(u16::from_le_bytes([*head.get(8)?, *head.get(9)?]));
        let info = body.get(STOP_HEAD_LEN..STOP_HEAD_LEN.checked_add(info_len)?)?;
        survey(&mut self.parts, row, ROW_HEAD + STOP_HEAD_LEN + info_len, NO_CALL)?;
        self.columns.bytes::<RAW>(head);
        self.columns.bytes::<RAW>(info);
        let known = emit(&mut self.parts, &mut self.columns, row, &mut self.others, &Call::default());
        Some(if known { OTHER | PARTS_KNOWN } else { OTHER })
    }

    fn entry(&mut self, task: u32, row: &[u8], body: &[u8]) -> Option<u8> {
        let info = body.get(STOP_HEAD_LEN..ENTRY_LEN)?;
        let word = |at| u64_at(info, at).unwrap_or_default();
        let place = Place { arch: u32_at(info, 4)?, ip: word(8), nr: word(24) };
        survey(&mut self.parts, row, ROW_HEAD + ENTRY_LEN, place.nr)?;
        let (number, new) = self.places.number(place);
        if new {
            self.sites.push(Site::default());
        }
        let index = usize::try_from(number).ok()?;
        let site = self.sites.get_mut(index)?;
        let last = self.last.get_mut(usize::try_from(task).ok()?)?;
        let (sp, args) = (word(16), std::array::from_fn(|arg| word(32 + 8 * arg)));
        let too_far = |value: u64, known: u64| value.wrapping_sub(known) == 1 << 63;
        if too_far(sp, site.sp) || args.iter().zip(&site.args).any(|(&value, &known)| too_far(value, known)) {
            return None;
        }
        let columns = &mut self.columns;
        columns.uint::<SITE>(u64::from(number));
        let mut mask = 0;
        if sp != site.sp {
            mask |= 0x40;
            columns.uint::<SP>(changed(sp, site.sp, last.sp, last.value));
            site.sp = sp;
        }
        for (arg, ((&value, known), &other)) in args.iter().zip(&mut site.args).zip(&last.args).enumerate() {
            if value != *known {
                mask |= 1 << arg;
                if let Some(column) = columns.0.get_mut(ARGS + arg) {
                    put_uint(column, changed(value, *known, other, last.value));
                }
                *known = value;
            }
        }
        let mut code = ENTRY | NO_CHANGE;
        if mask != 0 {
            columns.byte::<MASK>(mask);
            code = ENTRY;
        }
        *last = Last { site: Some(index), sp, args, value: last.value };
        let call = Call { args, rval: None, known: true };
        let [memo, _, _] = &mut site.memos;
        let known = emit(&mut self.parts, columns, row, memo, &call);
        Some(if known { code | PARTS_KNOWN } else { code })
    }

    /// `None` when it is not the exit that the task's entry lets expect.
    fn exit(&mut self, task: u32, row: &[u8], body: &[u8]) -> Option<u8> {
        let info = body.get(STOP_HEAD_LEN..EXIT_LEN)?;
        let last = self.last.get_mut(usize::try_from(task).ok()?)?;
        let Last { site, sp, args, .. } = *last;
        let index = site?;
        let rval = u64_at(info, 24)?;
        let failure = is_failure(rval);
        let place = self.places.keys().get(index)?;
        let expected = u32_at(info, 4) == Some(place.arch)
            && u64_at(info, 8) == Some(place.ip)
            && u64_at(info, 16) == Some(sp)
            && info.get(32) == Some(&u8::from(failure));
        if !expected {
            return None;
        }
        survey(&mut self.parts, row, ROW_HEAD + EXIT_LEN, place.nr)?;
        last.site = None;
        last.value = rval;
        let site = self.sites.get_mut(index)?;
        let mut code = EXIT | NO_CHANGE;
        if rval != site.rval {
            self.columns.delta::<RVAL>(rval, site.rval);
            site.rval = rval;
            code = EXIT;
        }
        let call = Call { args, rval: Some(rval), known: true };
        let [_, success_memo, failure_memo] = &mut site.memos;
        let memo = if failure { failure_memo } else { success_memo };
        let known = emit(&mut self.parts, &mut self.columns, row, memo, &call);
        Some(if known { code | PARTS_KNOWN } else { code })
    }

    /// Writes down the tables that the columns refer to.
    fn tables(&mut self) {
        for task in self.tasks.keys() {
            self.columns.bytes::<TASKS>(&task.to_le_bytes());
        }
        for place in self.places.keys() {
            self.columns.bytes::<SITES>(&place.arch.to_le_bytes());
            self.columns.bytes::<SITES>(&place.ip.to_le_bytes());
            self.columns.bytes::<SITES>(&place.nr.to_le_bytes());
        }
        for (ClassOf { class, .. }, stream) in self.parts.classes.keys().iter().zip(&self.parts.streams) {
            let (head, errno) = class.region.unwrap_or_default();
            self.columns.byte::<CLASSES>(u8::from(class.region.is_some()));
            self.columns.bytes::<CLASSES>(&class.kind.0.to_le_bytes());
            self.columns.bytes::<CLASSES>(&class.flags.to_le_bytes());
            self.columns.bytes::<CLASSES>(&head);
            self.columns.bytes::<CLASSES>(&errno.to_le_bytes());
            self.columns.uint::<CLASSES>(stream.len() as u64);
            self.columns.bytes::<DATA>(stream);
        }
    }
}

/// A value that is not that of the site's last entry. 0 is what the same register had at the task's own last entry: a
/// register that a call does not use keeps what the call before put there. 1 is what the task's last call returned.
/// Neither may be further than half of all values away, so that there is room for both.
fn changed(value: u64, known: u64, last: u64, returned: u64) -> u64 {
    if value == last {
        0
    } else if value == returned {
        1
    } else {
        fold(value, known).wrapping_add(1)
    }
}
