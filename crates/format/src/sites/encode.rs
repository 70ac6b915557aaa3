//! Encodes rows as columns.
//!
//! Rows that fit the model need few or no bytes; others are stored as they are. So every row can be
//! encoded, and the decoder reproduces it exactly. `None` anywhere means that the block should use
//! codec 0.

use super::clock::{self, Ticks};
use super::columns::{
    CLASSES, Columns, DATA, KIND, MASK, RAW, RAWLEN, REGS, RVAL, SORT, STOPS, TASK, TASKS, fold,
    put_uint,
};
use super::history::{History, Prediction, Registers};
use super::keys::Keys;
use super::layout::{
    ENTRY, ENTRY_HEAD, ENTRY_LEN, EXIT, EXIT_HEAD, EXIT_LEN, FAILED, IN_PROCESS, IN_PROCESS_SORT,
    NO_CALL, NO_CHANGE, OTHER, PARTS_KNOWN, RAW_ROW, SAME_TASK, STOP_HEAD_LEN, STOP_KIND,
    STOP_SORT, WIDE_ENTRY, WIDE_EXIT,
};
use super::model::{Call, ClassOf, Memo};
use super::parts::{Parts, list_parts, write_parts};
use super::places::{Place, SiteFinder};
use super::ticks::TickFinder;
use crate::event::ROW_HEAD;
use crate::limits::{MAX_CLASSES, MAX_SITES, MAX_TASKS};
use crate::syscall_info::{self, ARCH, MERGED};
use crate::wire::{u32_at, u64_at};

/// Encodes the rows of one block after another.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) columns: Columns,
    tasks: Keys<u32>,
    finder: SiteFinder,
    history: History,
    /// The part memo for stops that match no known site.
    others: Memo,
    parts: Parts,
    task: Option<u32>,
    times: Vec<u64>,
    /// The only state kept from block to block: the clock's period, which is costly to find.
    ticks: TickFinder,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Encoder {
            columns: Columns::new(),
            tasks: Keys::new(),
            finder: SiteFinder::new(),
            history: History::new(),
            others: Memo::default(),
            parts: Parts::new(),
            task: None,
            times: Vec::new(),
            ticks: TickFinder::default(),
        }
    }

    /// Encodes the rows of one block.
    pub(super) fn encode(&mut self, mut rows: &[u8]) -> Option<()> {
        self.clear();
        while !rows.is_empty() {
            let len = usize::try_from(u32_at(rows, 0)?).ok()?.checked_add(ROW_HEAD)?;
            let (row, rest) = rows.split_at_checked(len)?;
            self.row(row)?;
            rows = rest;
        }
        let small = self.finder.places.len() <= MAX_SITES
            && self.tasks.keys().len() <= MAX_TASKS
            && self.parts.classes.keys().len() <= MAX_CLASSES;
        self.tables();
        self.clock();
        small.then_some(())
    }

    fn clear(&mut self) {
        self.columns.clear();
        self.tasks.clear();
        self.finder.clear();
        self.history.clear();
        self.others = Memo::default();
        self.parts.clear();
        self.task = None;
        self.times.clear();
    }

    fn row(&mut self, row: &[u8]) -> Option<()> {
        let (head, body) = row.split_first_chunk::<ROW_HEAD>()?;
        let [_, _, _, _, kind @ .., t0, t1, t2, t3, t4, t5, t6, t7] = *head;
        let [sort @ .., k0, k1, k2, k3] = kind;
        let id = u32::from_le_bytes([k0, k1, k2, k3]);
        let (task, new) = self.tasks.insert(id);
        let index = usize::try_from(task).ok()?;
        if new {
            self.finder.places.add_task(id);
            self.history.callers.push(Default::default());
        }
        let mut code = match sort {
            STOP_SORT => self.stop(index, row, body)?.or_else(|| self.other(row, body)),
            IN_PROCESS_SORT => self.stop(index, row, body)?.map(|code| code | IN_PROCESS),
            _ => None,
        };
        if code.is_none() {
            self.columns.bytes::<SORT>(&sort);
            self.columns.uint::<RAWLEN>(body.len() as u64);
            if sort.starts_with(&STOP_KIND) {
                self.columns.bytes::<STOPS>(body);
            } else {
                self.columns.bytes::<RAW>(body);
            }
        }
        let code = code.get_or_insert(RAW_ROW);
        if self.task == Some(task) {
            *code |= SAME_TASK;
        } else {
            self.columns.uint::<TASK>(u64::from(task));
            self.task = Some(task);
        }
        self.columns.byte::<KIND>(*code);
        self.times.push(u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]));
        Some(())
    }

    /// Encodes a STOP at a call. Returns `Some(None)`, with nothing written, if it is another, or
    /// does not fit the model.
    fn stop(&mut self, task: usize, row: &[u8], body: &[u8]) -> Option<Option<u8>> {
        if body.starts_with(&ENTRY_HEAD) && body.len() >= ENTRY_LEN {
            self.entry(task, row, body)
        } else if body.starts_with(&EXIT_HEAD) && body.len() >= EXIT_LEN {
            self.exit(task, row, body)
        } else {
            Some(None)
        }
    }

    fn other(&mut self, row: &[u8], body: &[u8]) -> Option<u8> {
        let head = body.get(..STOP_HEAD_LEN)?;
        let info_len = usize::from(u16::from_le_bytes([*head.get(8)?, *head.get(9)?]));
        let info = body.get(STOP_HEAD_LEN..STOP_HEAD_LEN.checked_add(info_len)?)?;
        list_parts(&mut self.parts, row, ROW_HEAD + STOP_HEAD_LEN + info_len, NO_CALL)?;
        self.columns.bytes::<STOPS>(head);
        self.columns.bytes::<STOPS>(info);
        let known = write_parts(
            &mut self.parts,
            &mut self.columns,
            row,
            &mut self.others,
            &Call::default(),
        );
        Some(if known { OTHER | PARTS_KNOWN } else { OTHER })
    }

    /// Encodes an entry. Returns `Some(None)`, with nothing written, if it does not fit the model.
    fn entry(&mut self, task: usize, row: &[u8], body: &[u8]) -> Option<Option<u8>> {
        let info = body.get(STOP_HEAD_LEN..ENTRY_LEN)?;
        let (arch, ip) = (u32_at(info, ARCH)?, u64_at(info, MERGED.ip)?);
        let syscall_info::Call { nr, args } = MERGED.call(info)?;
        let place = Place { arch, ip, nr };
        let arrival = self.finder.find(task, place);
        let root = self.finder.root_of(arrival)?;
        let prediction = self.history.predict(task, root, self.history.registers(arrival)?)?;
        let [a0, a1, a2, a3, a4, a5] = args;
        let call: Registers = [u64_at(info, MERGED.sp)?, a0, a1, a2, a3, a4, a5];
        let too_far = call
            .iter()
            .zip(&prediction.base)
            .any(|(&value, &base)| fold(value, base) > u64::MAX - WIDE_ENTRY);
        if too_far || list_parts(&mut self.parts, row, ROW_HEAD + ENTRY_LEN, place.nr).is_none() {
            return Some(None);
        }
        let number = self.finder.write(&mut self.columns, task, place, arrival)?;
        self.history.arrive(arrival)?;
        let site = usize::try_from(number).ok()?;
        let mut code = ENTRY;
        if self.registers(task, &call, &prediction)? {
            code |= NO_CHANGE;
        }
        self.history.learn(task, site, call, &prediction)?;
        self.finder.places.tracks.get_mut(task)?.open = Some(number);
        let [memo, _, _] = &mut self.history.sites.get_mut(site)?.memos;
        let call = Call { args, rval: None, known: true };
        let known = write_parts(&mut self.parts, &mut self.columns, row, memo, &call);
        Some(Some(if known { code | PARTS_KNOWN } else { code }))
    }

    /// Writes the mispredicted registers. Returns whether there are none.
    fn registers(
        &mut self,
        task: usize,
        call: &Registers,
        prediction: &Prediction,
    ) -> Option<bool> {
        let mut mask = 0;
        for (at, (&value, &base)) in call.iter().zip(&prediction.base).enumerate() {
            if value != base {
                mask |= 1 << at;
                let written = self.history.write_register(task, at, value, prediction)?;
                put_uint(self.columns.0.get_mut(REGS + at)?, written);
            }
        }
        if mask != 0 {
            self.columns.byte::<MASK>(mask);
        }
        Some(mask == 0)
    }

    /// Encodes an exit. Returns `Some(None)`, with nothing written, if it is not the one that the
    /// task's entry predicts.
    fn exit(&mut self, task: usize, row: &[u8], body: &[u8]) -> Option<Option<u8>> {
        let info = body.get(STOP_HEAD_LEN..EXIT_LEN)?;
        let track = self.finder.places.tracks.get(task)?;
        let Some(number) = track.open else { return Some(None) };
        let index = usize::try_from(number).ok()?;
        let (rval, error) = (u64_at(info, MERGED.rval)?, *info.get(MERGED.is_error)?);
        let failed = error != 0;
        let place = *self.finder.places.get(number)?;
        let call = self.history.callers.get(task)?.registers;
        let last = self.history.sites.get(index)?.values[usize::from(failed)];
        let fits = u32_at(info, ARCH) == Some(place.arch)
            && u64_at(info, MERGED.ip) == Some(place.ip)
            && u64_at(info, MERGED.sp) == Some(call[0])
            && error <= 1
            && fold(rval, last) <= u64::MAX - WIDE_EXIT;
        if !fits || list_parts(&mut self.parts, row, ROW_HEAD + EXIT_LEN, place.nr).is_none() {
            return Some(None);
        }
        self.finder.places.tracks.get_mut(task)?.open = None;
        let mut code = EXIT | if failed { FAILED } else { 0 };
        if rval == last {
            code |= NO_CHANGE;
        } else {
            let written = self.history.write_value(rval, last, &call)?;
            self.columns.uint::<RVAL>(written);
        }
        self.history.learn_value(task, index, failed, rval)?;
        let [_, args @ ..] = call;
        let [_, memos @ ..] = &mut self.history.sites.get_mut(index)?.memos;
        let call = Call { args, rval: Some(rval), known: true };
        let known = write_parts(
            &mut self.parts,
            &mut self.columns,
            row,
            &mut memos[usize::from(failed)],
            &call,
        );
        Some(Some(if known { code | PARTS_KNOWN } else { code }))
    }

    /// Encodes the times.
    fn clock(&mut self) {
        let codes = std::mem::take(&mut self.columns.0[KIND]);
        let ticks = self.ticks.find(&self.times);
        let done =
            ticks.is_some_and(|ticks| clock::write(&mut self.columns, &codes, &self.times, ticks));
        if !done {
            clock::write(&mut self.columns, &codes, &self.times, Ticks::FINEST);
        }
        self.columns.0[KIND] = codes;
    }

    /// Encodes the tables that the columns refer to.
    fn tables(&mut self) {
        for task in self.tasks.keys() {
            self.columns.bytes::<TASKS>(&task.to_le_bytes());
        }
        for (ClassOf { class, .. }, stream) in
            self.parts.classes.keys().iter().zip(&self.parts.streams)
        {
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
