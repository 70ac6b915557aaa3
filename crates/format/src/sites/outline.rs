//! Decodes columns to outlines of rows: the stops, their tasks and call sites. This needs only the
//! first frame, and the fourth if there are rows other than stops.

use super::columns::{COLUMNS, Column, KIND, RAW, RAWLEN, SORT, STOPS, TASK, TASKS};
use super::layout::{
    ENTRY, ENTRY_HEAD, EXIT, EXIT_HEAD, FAILED, IN_PROCESS, IN_PROCESS_SORT, KNOWN_CODE, RAW_ROW,
    SAME_TASK, STOP_HEAD_LEN, STOP_KIND, STOP_SORT,
};
use super::places::Places;
use crate::event::ROW_HEAD;
use crate::limits::{MAX_ITEMS, MAX_TASKS};
use crate::syscall_info::{self, Call, Outcome};

/// Whether the fourth frame is needed: a raw row has its body outside the first.
pub(super) fn needs_bodies(columns: &[Column<'_>; COLUMNS]) -> bool {
    columns[SORT].0.chunks(4).any(|sort| !sort.starts_with(&STOP_KIND))
}

/// Appends the outline of every row to `out`. Outlines lack times; those of stops that fit the
/// model also lack parts and values. `max_len` is the longest output allowed, in bytes. Returns the
/// number of rows.
pub(super) fn outline(
    mut columns: [Column<'_>; COLUMNS],
    places: &mut Places,
    max_len: usize,
    out: &mut Vec<u8>,
) -> Option<u32> {
    places.clear();
    while !columns[TASKS].0.is_empty() && places.tracks.len() < MAX_TASKS {
        places.add_task(u32::from_le_bytes(columns[TASKS].array()?));
    }
    let kinds = std::mem::take(&mut columns[KIND]).0;
    if kinds.len() > MAX_ITEMS as usize {
        return None;
    }
    let mut task = None;
    for &code in kinds {
        if code & !KNOWN_CODE != 0 {
            return None;
        }
        if code & SAME_TASK == 0 {
            task = Some(columns[TASK].size()?);
        }
        row(&mut columns, places, code, task?, out)?;
        if out.len() > max_len {
            return None;
        }
    }
    u32::try_from(kinds.len()).ok()
}

fn row(
    columns: &mut [Column<'_>; COLUMNS],
    places: &mut Places,
    code: u8,
    task: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    let mut head = [0; ROW_HEAD];
    let in_process = code & IN_PROCESS != 0;
    if in_process && !matches!(code & 3, ENTRY | EXIT) {
        return None;
    }
    head[4..8].copy_from_slice(if in_process { &IN_PROCESS_SORT } else { &STOP_SORT });
    head[8..12].copy_from_slice(&places.tracks.get(task)?.id.to_le_bytes());
    let mut finish = |mut head: [u8; ROW_HEAD], pieces: &[&[u8]]| {
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        head[..4].copy_from_slice(&u32::try_from(len).ok()?.to_le_bytes());
        out.extend_from_slice(&head);
        pieces.iter().for_each(|piece| out.extend_from_slice(piece));
        Some(())
    };
    match code & 3 {
        RAW_ROW => {
            head[4..8].copy_from_slice(&columns[SORT].array::<4>()?);
            let len = columns[RAWLEN].size()?;
            let column = if head[4..].starts_with(&STOP_KIND) { STOPS } else { RAW };
            finish(head, &[columns[column].bytes(len)?])
        }
        ENTRY => {
            let arrival = places.read(columns, task)?;
            let number = places.arrive(task, arrival)?;
            places.tracks.get_mut(task)?.open = Some(number);
            let place = places.get(number)?;
            let call = Call { nr: place.nr, args: [0; 6] };
            let info = syscall_info::entry(place.arch, place.ip, 0, &call);
            finish(head, &[&ENTRY_HEAD[..STOP_HEAD_LEN], &info])
        }
        EXIT => {
            let number = places.tracks.get_mut(task)?.open.take()?;
            let place = places.get(number)?;
            let outcome = Outcome { rval: 0, is_error: u8::from(code & FAILED != 0) };
            let info = syscall_info::exit(place.arch, place.ip, 0, outcome);
            finish(head, &[&EXIT_HEAD[..STOP_HEAD_LEN], &info])
        }
        _ => {
            let stop: [u8; STOP_HEAD_LEN] = columns[STOPS].array()?;
            let info = columns[STOPS].bytes(usize::from(u16::from_le_bytes([stop[8], stop[9]])))?;
            finish(head, &[&stop, info])
        }
    }
}
