//! What a stop means for a task that is recorded from inside.

use super::inject::Hijacked;
use super::memory::{Shared, State};
use super::state::{Calling, Fast, Finish};
use crate::engine::{Context, NextStop, Reach};
use sysreel_abi::{AuditArch, errno};
use sysreel_format::{NoteCode, Severity};
use sysreel_sys::fast::{Left, Place, Record, passed, time_stamp};
use sysreel_sys::info::Op;
use sysreel_sys::remote::SYSCALL;
use sysreel_sys::signals::{SIGBUS, SIGSEGV, SIGTRAP, is_from_instruction};
use sysreel_sys::{Event, Registers, Stop, StopKind};

impl Fast {
    pub(super) fn at_stop(&mut self, cx: &mut Context, stop: &mut Stop) -> Reach {
        let kind = stop.kind();
        let is_first = cx.task().is_none_or(|task| task.next_stop == NextStop::First);
        let task = self.tasks.get_mut(cx.at.slot);
        let is_interrupt = task.is_interrupt(kind, is_first);
        let Some(memory) = task.memory.clone() else { return Reach::Stays };
        if kind != StopKind::Event(Event::EXIT) {
            self.give_slot(cx.at.slot, stop, &memory);
        }
        match kind {
            StopKind::Syscall | StopKind::Event(Event::SECCOMP) => self.at_call(cx, stop, &memory),
            _ if self.move_out(cx, stop, &memory) => Reach::Swallow,
            _ if is_interrupt => Reach::Swallow,
            _ => Reach::Stays,
        }
    }

    /// Moves a thread out of the page or a stub, at a stop that is not one of a call. Returns
    /// whether the stop is a fault of the recorder's own code.
    fn move_out(&mut self, cx: &mut Context, stop: &Stop, memory: &Shared) -> bool {
        let Ok(mut registers) = stop.general() else { return false };
        let ip = registers.ip();
        if memory.borrow().inside(ip).is_none() {
            return false;
        }
        let is_end = stop.kind() == StopKind::Event(Event::EXIT);
        if is_end && ip == passed()[0] && registers.open_call().is_some() {
            // Killed in the call: it has no result.
            if let Some(record) = self.in_progress(cx, memory) {
                let task = self.tasks.get_mut(cx.at.slot);
                task.killed = true;
                task.finish = Some(Finish { record, result: None, begun: false });
            }
            return false;
        }
        self.leave(cx, memory, &mut registers);
        _ = stop.set_general(&registers);
        let StopKind::Signal(signal @ (SIGSEGV | SIGBUS | SIGTRAP)) = stop.kind() else {
            return false;
        };
        let is_fault =
            stop.siginfo().is_ok_and(|info| info.is_some_and(|i| is_from_instruction(&i)));
        if is_fault {
            self.figures.faults += 1;
        }
        if is_fault && (signal == SIGTRAP || ip < Place::Flags.address()) {
            let why = match signal {
                SIGTRAP => "the program is single-stepped",
                _ => "the program has changed the base of the GS segment",
            };
            self.demote(cx, memory, why, true);
        }
        is_fault
    }

    /// The record in progress of the task of the current stop.
    fn in_progress(&mut self, cx: &Context, memory: &Shared) -> Option<Record> {
        let block = self.tasks.get_mut(cx.at.slot).block?;
        memory.borrow().rings.as_ref().map(|rings| rings.in_progress(block))
    }

    /// Gives a thread in the page or in a stub the registers that it would have without.
    fn leave(&mut self, cx: &mut Context, memory: &Shared, registers: &mut Registers) {
        let record = self.in_progress(cx, memory);
        let task = self.tasks.get_mut(cx.at.slot);
        let left = {
            let memory = memory.borrow();
            let block = memory.rings.as_deref().zip(task.block);
            let inside = memory.inside(registers.ip());
            inside.and_then(|inside| inside.leave(registers, block, |at| memory.stub_at(at)))
        };
        match (left, record) {
            (Some(Left::Before), _) => self.figures.moved_before += 1,
            (Some(Left::After), _) => self.figures.moved_after += 1,
            (Some(Left::Unrecorded { result }), Some(record)) => {
                self.figures.moved_after += 1;
                let record = Record { ended: time_stamp(), ..record };
                task.finish = Some(Finish { record, result: Some(result), begun: false });
            }
            _ => {
                let text = format!(
                    "task {} is at {:#x} in code of the recorder, and its state there makes no \
                     sense: its program has changed it",
                    cx.at.tid,
                    registers.ip()
                );
                cx.log.note_after_event(cx.at.id, NoteCode::OTHER, Severity::WARNING, text);
                self.demote(cx, memory, "its rings were changed", false);
            }
        }
    }

    /// A stop at a call.
    fn at_call(&mut self, cx: &mut Context, stop: &mut Stop, memory: &Shared) -> Reach {
        if stop.syscall_info(&mut cx.info).is_err() {
            return Reach::Stays;
        }
        let calling = self.tasks.get_mut(cx.at.slot).calling;
        if cx.info.op() == Some(Op::EXIT) {
            return match calling {
                Calling::PageCall => self.page_call_ends(cx, stop, memory),
                Calling::Page => {
                    self.tasks.get_mut(cx.at.slot).calling = Calling::Nothing;
                    Reach::Swallow
                }
                Calling::Nothing | Calling::Recorded => Reach::Stays,
            };
        }
        let is_seccomp = stop.kind() == StopKind::Event(Event::SECCOMP);
        if is_seccomp && !self.is_own_stop(&cx.info) || cx.info.call().is_none() {
            return Reach::Stays;
        }
        if memory.borrow().rings.is_some() {
            let (ip, _) = cx.info.place();
            let [call, own] = passed();
            let help = Place::Help.address() + 9;
            if matches!(calling, Calling::Page | Calling::PageCall) {
                return Reach::Swallow; // The second stop of the same call.
            }
            match ip {
                _ if ip == call => return self.page_call(cx, stop, memory),
                _ if ip == own => {
                    self.tasks.get_mut(cx.at.slot).calling = Calling::Page;
                    return Reach::Swallow;
                }
                _ if ip == help => return self.help(cx, stop, memory),
                _ => {}
            }
            let stub = memory.borrow().stub_at(ip);
            if let Some(stub) = stub.filter(|stub| ip == stub.after_own_call()) {
                // To the program the call is made at the site.
                if let Ok(mut registers) = stop.general() {
                    registers.set_ip(stub.after());
                    registers.set_clobbered_ip(stub.after());
                    _ = stop.set_general(&registers);
                }
                return Reach::Stays;
            }
        }
        self.take_in(cx, stop, memory)
    }

    /// A call of the program: page, rings and a patch for the next one.
    fn take_in(&mut self, cx: &mut Context, stop: &mut Stop, memory: &Shared) -> Reach {
        let Some((nr, _)) = cx.info.call() else { return Reach::Stays };
        let task = self.tasks.get_mut(cx.at.slot);
        let is_native = AuditArch(cx.info.arch()) == AuditArch::X86_64;
        if task.trace_all || task.calling != Calling::Nothing || !is_native {
            return Reach::Stays;
        }
        let (ip, _) = cx.info.place();
        let site = ip.wrapping_sub(SYSCALL.len() as u64);
        let state = memory.borrow().state;
        let hijacked = match state {
            State::Plain => {
                memory.borrow_mut().calls += 1;
                let is_due = memory.borrow().calls > self.after_calls;
                match is_due && is_syscall(memory, stop, site) {
                    true => self.inject(cx, stop, nr, memory),
                    false => None,
                }
            }
            State::Injected
                if self.programs.has(nr) && !memory.borrow().sites.contains_key(&site) =>
            {
                self.patch(cx, stop, nr, site, memory)
            }
            State::Injected | State::Demoted => None,
        };
        match hijacked {
            None | Some(Hijacked::Ending) => Reach::Stays,
            Some(Hijacked::Again) => Reach::Swallow,
            Some(Hijacked::Left) => Reach::Left,
        }
    }

    /// The page has made its call, and the tracer is to finish the record.
    fn help(&mut self, cx: &mut Context, stop: &Stop, memory: &Shared) -> Reach {
        let Ok(mut registers) = stop.general() else { return Reach::Stays };
        self.figures.helped += 1;
        self.leave(cx, memory, &mut registers);
        _ = stop.set_general(&registers);
        let exits = self.stops_at_exit(cx.at.slot);
        self.tasks.get_mut(cx.at.slot).calling =
            if exits { Calling::Page } else { Calling::Nothing };
        Reach::Swallow
    }

    /// The page's call stops: because all calls do, or because the kernel continues an interrupted
    /// call.
    fn page_call(&mut self, cx: &mut Context, stop: &Stop, memory: &Shared) -> Reach {
        let Some((nr, _)) = cx.info.call() else { return Reach::Stays };
        let continues = self.in_progress(cx, memory).is_some_and(|record| record.nr != nr);
        if !continues {
            self.tasks.get_mut(cx.at.slot).calling = Calling::PageCall;
            if self.verify {
                self.expect_entry(cx, memory);
            }
            return Reach::Swallow;
        }
        // restart_syscall: the interrupted call has ended with the result that says so.
        let Ok(mut registers) = stop.general() else { return Reach::Stays };
        let before = registers;
        self.leave(cx, memory, &mut registers);
        if let Some(finish) = &mut self.tasks.get_mut(cx.at.slot).finish {
            finish.result = Some(errno::restart_block().cast_unsigned());
        }
        registers.take_call(&before);
        _ = stop.set_general(&registers);
        Reach::Stays
    }

    /// The page's call ends at a stop.
    fn page_call_ends(&mut self, cx: &mut Context, stop: &Stop, memory: &Shared) -> Reach {
        self.tasks.get_mut(cx.at.slot).calling = Calling::Nothing;
        if self.verify {
            self.expect_exit(cx);
        }
        // The kernel may restart the call without another stop.
        if cx.info.result().is_some_and(|(rval, _)| errno::is_restart(rval))
            && let Ok(mut registers) = stop.general()
        {
            self.leave(cx, memory, &mut registers);
            _ = stop.set_general(&registers);
        }
        Reach::Swallow
    }
}

/// Whether the instruction at `site` is `syscall`.
fn is_syscall(memory: &Shared, stop: &Stop, site: u64) -> bool {
    let mut bytes = [0; SYSCALL.len()];
    let window = memory.borrow_mut().window(stop.tid());
    window.is_some_and(|window| window.read(site, &mut bytes) == bytes.len() && bytes == SYSCALL)
}
