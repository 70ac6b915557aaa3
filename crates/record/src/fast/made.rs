//! Takes the records of calls out of the rings, in the order of their times.

use super::memory::Shared;
use super::state::{Fast, Finish, Walk};
use crate::engine::{Context, Copies, Half, Slot};
use std::rc::Rc;
use sysreel_abi::AuditArch;
use sysreel_format::{Completeness, NoteCode, Severity, syscall_info::Op};
use sysreel_sys::fast::{Record, layout as l};

impl Fast {
    /// Returns the next half of a call.
    pub(super) fn take_half(&mut self, cx: &mut Context) -> Option<Half> {
        if self.walk.is_none() {
            self.begin_walk(cx)?;
        }
        let half = self.next_of_rings(cx).or_else(|| self.next_finish(cx));
        if half.is_none()
            && let Some(walk) = self.walk.take()
        {
            // What the task does next comes after this stop.
            let task = self.tasks.get_mut(walk.here);
            task.last_ns = task.last_ns.max(walk.t_ns);
            self.spare = walk.tasks;
        }
        half
    }

    /// Reads the rings.
    fn begin_walk(&mut self, cx: &mut Context) -> Option<()> {
        let here = cx.at.slot;
        let memory = self.tasks.get(here)?.memory.clone()?;
        if memory.borrow().rings.is_none() && self.tasks.get(here)?.finish.is_none() {
            return None;
        }
        let mut tasks = std::mem::take(&mut self.spare);
        tasks.clear();
        // The other reference is the clone.
        if Rc::strong_count(&memory) == 2 {
            tasks.push(here);
        } else {
            let shares = |slot: &Slot| {
                let other = self.tasks.get(*slot).and_then(|task| task.memory.as_ref());
                other.is_some_and(|other| Rc::ptr_eq(other, &memory))
            };
            tasks.extend(cx.tasks.iter().map(|(slot, _)| slot).filter(shares));
        }
        for &slot in &tasks {
            self.read_ring(slot, here, &memory);
        }
        self.clock.calibrate();
        self.walk = Some(Walk { here, t_ns: cx.at.t_ns, tasks });
        Some(())
    }

    /// Takes the records of a task.
    fn read_ring(&mut self, slot: Slot, here: Slot, memory: &Shared) {
        let memory = memory.borrow();
        let task = self.tasks.get_mut(slot);
        let (Some(rings), Some(block)) = (&memory.rings, task.block) else { return };
        if task.taken.at == task.taken.bytes.len() {
            task.taken.clear();
        }
        let before = task.taken.bytes.len();
        task.drained = rings.read(block, task.drained, &mut task.taken.bytes);
        self.fault.apply(&mut task.taken.bytes, before);
        // Nobody else writes there while the task is stopped.
        if slot == here && rings.get(block, l::PHASE) == l::OUTSIDE {
            rings.set(block, l::NEXT, l::RECORDS);
            task.drained = l::RECORDS;
        }
    }

    fn next_of_rings(&mut self, cx: &mut Context) -> Option<Half> {
        let walk = self.walk.as_ref()?;
        let mut best: Option<(u64, Slot)> = None;
        for &slot in &walk.tasks {
            let taken = &mut self.tasks.get_mut(slot).taken;
            if !taken.advance() {
                // What the program has written over is lost.
                let lost = taken.bytes.len() - taken.at;
                taken.clear();
                let text = format!(
                    "{lost} bytes of calls that were recorded from inside do not hold together \
                     and are lost: the program has changed them"
                );
                cx.log.completeness.insert(Completeness::LOST_EVENTS);
                cx.log.note_after_event(cx.at.id, NoteCode::OTHER, Severity::WARNING, text);
            }
            let Some(stamp) = taken.next_stamp() else { continue };
            if best.is_none_or(|(least, _)| stamp < least) {
                best = Some((stamp, slot));
            }
        }
        let (stamp, slot) = best?;
        self.enter(cx, slot, stamp);
        let task = self.tasks.get_mut(slot);
        let taken = &mut task.taken;
        let (record, len) = taken.first?;
        fill(cx.capture.use_copies(), &taken.bytes[taken.at..taken.at + len]);
        let half = if taken.begun { Half::Exit } else { Half::Entry };
        taken.begun = !taken.begun;
        if half == Half::Exit {
            taken.at += len;
            taken.first = None;
        }
        set_info(cx, &record, half);
        self.figures.calls += u64::from(half == Half::Exit);
        Some(half)
    }

    /// Returns the next half of the call that the tracer finishes.
    fn next_finish(&mut self, cx: &mut Context) -> Option<Half> {
        let here = self.walk.as_ref()?.here;
        let task = self.tasks.get_mut(here);
        let Finish { mut record, result, begun } = task.finish?;
        let half = if begun { Half::Exit } else { Half::Entry };
        task.finish = match half {
            Half::Entry => result.is_some().then_some(Finish { record, result, begun: true }),
            Half::Exit => None,
        };
        record.result = result.unwrap_or(0);
        self.enter(cx, here, if begun { record.ended } else { record.began });
        set_info(cx, &record, half);
        self.figures.calls += u64::from(half == Half::Exit);
        Some(half)
    }

    /// Makes a task the current one, at the time of a counter.
    fn enter(&mut self, cx: &mut Context, slot: Slot, stamp: u64) {
        let Some(walk) = &self.walk else { return };
        let time = self.clock.time(stamp).min(walk.t_ns);
        let task = self.tasks.get_mut(slot);
        // A thread's times do not go back.
        task.last_ns = task.last_ns.max(time);
        let t_ns = task.last_ns;
        cx.enter(slot, t_ns);
    }
}

/// Passes on what the page has copied.
fn fill(copies: &mut Copies, record: &[u8]) {
    for copy in Record::copies(record) {
        match copy.address {
            l::LINK => {
                let name = copies.name_mut();
                name.link.clear();
                name.link.extend_from_slice(copy.bytes);
                name.local.clear();
                name.peer.clear();
            }
            l::STAT => copies.name_mut().set_stat(copy.bytes),
            address => copies.add(address, copy.bytes),
        }
    }
}

/// Makes the struct that PTRACE_GET_SYSCALL_INFO would have returned (ptrace(2)).
fn set_info(cx: &mut Context, record: &Record, half: Half) {
    let mut bytes = [0; 80];
    let mut len = 0;
    let mut put = |part: &[u8]| {
        if let Some(place) = bytes.get_mut(len..len + part.len()) {
            place.copy_from_slice(part);
        }
        len += part.len();
    };
    let op = if half == Half::Entry { Op::ENTRY } else { Op::EXIT };
    put(&[op.0, 0, 0, 0]);
    put(&AuditArch::X86_64.0.to_le_bytes());
    put(&record.ip.to_le_bytes());
    put(&record.sp.to_le_bytes());
    match half {
        Half::Entry => {
            put(&record.nr.to_le_bytes());
            record.args.iter().for_each(|arg| put(&arg.to_le_bytes()));
        }
        Half::Exit => {
            put(&record.result.to_le_bytes());
            put(&[u8::from((-4095..0).contains(&record.result.cast_signed()))]);
        }
    }
    cx.info.set_bytes(&bytes[..len]);
}
