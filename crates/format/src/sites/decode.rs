//! Decodes columns to rows.
//!
//! The columns are untrusted: every step returns `None` if something is missing, and no length is
//! used before there is room for it.

mod parts;

use super::clock::Times;
use super::columns::{
    CLASSES, COLUMNS, Column, DATA, KIND, MASK, PARTS, RAW, RAWLEN, REGS, RVAL, SORT, STOPS, TASK,
    TASKS,
};
use super::history::{Caller, History};
use super::layout::{
    ENTRY, ENTRY_HEAD, ENTRY_LEN, EXIT, EXIT_HEAD, EXIT_LEN, FAILED, IN_PROCESS, IN_PROCESS_SORT,
    KNOWN_CODE, NO_CHANGE, PARTS_KNOWN, RAW_ROW, SAME_TASK, STOP_HEAD_LEN, STOP_KIND, STOP_SORT,
};
use super::model::{Call, Class, Memo, NeedsParts};
use super::places::Places;
use crate::event::ROW_HEAD;
use crate::kind::{Layout, PartKind};
use crate::limits::{MAX_CLASSES, MAX_ITEMS, MAX_ROW, MAX_TASKS};
use crate::syscall_info::{self, Offsets, Outcome};

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
    parts: Wanted,
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

/// Appends exactly `len` bytes of rows to `out`, which is empty. Returns the number of rows.
pub(super) fn decode(
    columns: [Column<'_>; COLUMNS],
    tables: &mut Tables,
    len: usize,
    out: &mut Vec<u8>,
) -> Option<u32> {
    let mut rows = Rows::new(columns, tables, len, out)?;
    rows.read_tables()?;
    let count = rows.all()?;
    let used = rows.columns.iter().all(|column| column.0.is_empty())
        && rows.times.at_end()
        && rows.tables.classes.iter().all(|stream| stream.at == stream.end);
    (used && rows.out.len() == len).then_some(count)
}

/// The result of [`structs`].
pub(super) enum Structs {
    /// So many rows were decoded.
    Rows(u32),
    /// There is a call that needs its parts.
    Needed,
}

/// Appends rows to `out` as [`decode`] does, but those of stops that fit the model without their
/// parts. The columns of parts may be empty.
pub(super) fn structs(
    columns: [Column<'_>; COLUMNS],
    tables: &mut Tables,
    len: usize,
    needs_parts: NeedsParts,
    out: &mut Vec<u8>,
) -> Option<Structs> {
    let mut rows = Rows::new(columns, tables, len, out)?;
    rows.parts = Wanted::None { needs_parts, found: false };
    rows.read_tasks()?;
    let count = rows.all();
    if matches!(rows.parts, Wanted::None { found: true, .. }) {
        return Some(Structs::Needed);
    }
    let mut columns = rows.columns.iter().enumerate();
    let used =
        columns.all(|(at, column)| is_of_parts(at) || column.0.is_empty()) && rows.times.at_end();
    count.filter(|_| used).map(Structs::Rows)
}

/// Whether a column is about parts only.
fn is_of_parts(column: usize) -> bool {
    column >= PARTS && column != RAW
}

/// Whether parts are decoded.
#[derive(Clone, Copy)]
enum Wanted {
    All,
    None {
        /// Which calls need their parts.
        needs_parts: NeedsParts,
        /// There is such a call.
        found: bool,
    },
}

impl Wanted {
    /// Whether a call needs parts that are left out.
    fn lacks(&mut self, arch: u32, nr: u64) -> bool {
        match self {
            Self::All => false,
            Self::None { needs_parts, found } => {
                *found |= needs_parts(arch, nr);
                *found
            }
        }
    }
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

impl<'a, 'b> Rows<'a, 'b> {
    fn new(
        mut columns: [Column<'a>; COLUMNS],
        tables: &'b mut Tables,
        len: usize,
        out: &'b mut Vec<u8>,
    ) -> Option<Self> {
        tables.clear();
        let times = Times::new(&mut columns)?;
        let data = std::mem::take(&mut columns[DATA]).0;
        let (others, parts, task, next_blob) = (Memo::default(), Wanted::All, None, 0);
        Some(Self { data, times, columns, tables, others, parts, task, next_blob, out, len })
    }

    /// Decodes all rows. Returns their number.
    fn all(&mut self) -> Option<u32> {
        let kinds = std::mem::take(&mut self.columns[KIND]).0;
        let count = u32::try_from(kinds.len()).ok().filter(|count| *count <= MAX_ITEMS)?;
        kinds.iter().try_for_each(|&code| self.row(code))?;
        Some(count)
    }

    fn read_tasks(&mut self) -> Option<()> {
        let Tables { places, history, .. } = &mut *self.tables;
        while !self.columns[TASKS].0.is_empty() && places.tracks.len() < MAX_TASKS {
            places.add_task(u32::from_le_bytes(self.columns[TASKS].array()?));
        }
        history.callers.resize(places.tracks.len(), Caller::default());
        Some(())
    }

    fn read_tables(&mut self) -> Option<()> {
        self.read_tasks()?;
        let classes = &mut self.tables.classes;
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
        if code & IN_PROCESS != 0 && !matches!(code & 3, ENTRY | EXIT) {
            return None;
        }
        let sort = if code & IN_PROCESS == 0 { STOP_SORT } else { IN_PROCESS_SORT };
        head[4..8].copy_from_slice(&sort);
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
        let len = self.out.len().checked_sub(begin).filter(|len| *len <= MAX_ROW)?;
        let len = u32::try_from(len.checked_sub(ROW_HEAD)?).ok()?;
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
        if self.parts.lacks(place.arch, place.nr) {
            return None;
        }
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
        // A call may begin with a stop that does not fit the model: a seccomp stop.
        if matches!(self.parts, Wanted::None { .. })
            && let Some(offsets) = Offsets::of_layout(Layout(stop[10]))
            && let (Some(arch), Some(call)) = (syscall_info::arch(info), offsets.call(info))
            && self.parts.lacks(arch, call.nr)
        {
            return None;
        }
        self.put(head)?;
        self.put(&stop)?;
        self.put(info)?;
        self.parts(code, Sort::Other, &Call::default())
    }
}
