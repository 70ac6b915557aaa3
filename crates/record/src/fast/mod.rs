//! Records calls from inside the process (`--fast`).
//!
//! A stop costs several microseconds, and nothing makes it cheaper. So the program runs under a
//! seccomp filter that stops every call but those of a certain page of code, which the tracer puts
//! into the process after some calls. When a call of a site is seen that the page can make, the
//! tracer patches the site: from then on it jumps to a stub of its own, the stub to the page, and
//! the page makes the call and adds a record to the ring of its thread. Whatever is not surely
//! right there is traced as before: the stub has a call of its own for that.
//!
//! - `sysreel_sys::fast` has what lies in the process: the page's code, the layout of rings and
//!   records, stubs, padding that can hold a jump; and how a thread is moved out of the page.
//! - `sysreel_abi::fast` compiles the rows of the table to the programs that the page runs. It says
//!   which memory to copy; the regions are planned later, from the copies, by the same plan as at a
//!   stop. A row that is not marked there, or cannot be compiled, is traced.
//! - This hook takes the records of a task, and of those that share its memory, before the engine
//!   looks at the task's stop ([`Fast::take_half`]). The engine commits them like stops, with
//!   another source.
//!
//! At every stop that is not one of a call, a thread in the page is moved out: before the call to
//! its site, after it to the instruction after the site, and then the tracer finishes the record.
//! So no signal handler ever sees the page. A process is *demoted* when it does something that the
//! page cannot stand: one store for each thread, after which the stubs make all calls.

mod clock;
mod fault;
mod figures;
mod inject;
mod made;
mod memory;
mod patch;
mod programs;
mod reach;
mod state;
mod verify;

use crate::engine::{
    Admit, Birth, BySlot, Context, Detach, End, Exit, Flow, Half, Reach, Slot, StopHook,
};
use crate::error::Error;
use crate::options::FastMode;
use clock::Clock;
use fault::Fault;
use memory::{Memory, Shared, State};
use programs::Programs;
use state::{Calling, FastTask};
use std::cell::RefCell;
use std::rc::Rc;
use sysreel_abi::fast::{Effect, effect};
use sysreel_abi::{installs_seccomp, reaches_all_threads};
use sysreel_format::{Altering, NoteCode, Severity, TaskId};
use sysreel_sys::info::Op;
use sysreel_sys::{Event, Resume, Stop, StopKind, SyscallInfo, Tid, fast, process, seccomp};

pub use figures::FastFigures;
pub(crate) use state::Fast;

/// After this many traced calls a process gets a page: a shorter one would not gain by it.
const AFTER_CALLS: u32 = 50;

impl Fast {
    /// Prepares a recording.
    ///
    /// # Errors
    /// When this machine cannot do it, or the recorder itself runs under a seccomp filter, which
    /// would decide about calls before its own.
    pub(crate) fn new(mode: FastMode, names: bool, data: u16) -> Result<Fast, Error> {
        fast::check_machine().map_err(Error::NotFast)?;
        let own = Tid::try_from(std::process::id()).unwrap_or(0);
        if process::Status::read(own).is_ok_and(|status| status.seccomp != 0) {
            return Err(Error::NotFast("the recorder itself runs under a seccomp filter"));
        }
        let filter = seccomp::Filter::of_all_but(fast::passed(), data);
        let verify = matches!(mode, FastMode::Verify(_));
        let fault = Fault::new(if let FastMode::Verify(fault) = mode { fault } else { None });
        Ok(Fast {
            filter: filter.ok_or(Error::NotFast("its filter is too long"))?,
            data,
            no_new_privs: false,
            verify,
            names,
            names_in_page: true,
            after_calls: if verify { 0 } else { AFTER_CALLS },
            programs: Programs::new(names),
            clock: Clock::new(),
            tasks: BySlot::default(),
            walk: None,
            spare: Vec::new(),
            fault,
            figures: FastFigures::default(),
        })
    }

    /// The filter to start the program with.
    pub(crate) fn filter(&self) -> &seccomp::Filter {
        &self.filter
    }

    /// Checks whether installing the filter in the program set no_new_privs.
    pub(crate) fn check_installed(&mut self, tid: Tid) {
        let own = Tid::try_from(std::process::id()).unwrap_or(0);
        let set = |tid| process::Status::read(tid).is_ok_and(|status| status.no_new_privs);
        self.no_new_privs = set(tid) && !set(own);
    }

    /// What was recorded from inside.
    pub(crate) fn figures(&self) -> FastFigures {
        self.figures
    }

    pub(super) fn takes_names(&self) -> bool {
        self.names
    }

    /// Whether the recorder's filter caused this seccomp stop.
    pub(super) fn is_own_stop(&self, info: &SyscallInfo) -> bool {
        info.ret_data() == Some(self.data.into())
    }

    /// Whether a task stops at the exit of every call.
    pub(super) fn stops_at_exit(&self, slot: Slot) -> bool {
        self.verify || self.tasks.get(slot).is_some_and(|task| task.trace_all)
    }

    /// Gives back what a task has of an address space.
    fn leave_memory(&mut self, slot: Slot) {
        let task = self.tasks.get_mut(slot);
        let memory = task.memory.take();
        if let (Some(memory), Some(block)) = (memory, task.block.take())
            && let Some(rings) = &memory.borrow().rings
        {
            rings.give_back(block);
        }
        task.has_block = false;
    }

    /// Prepares for a call that begins.
    fn prepare_for(&mut self, cx: &mut Context, memory: &Shared) {
        let Some(call) = cx.call().copied() else { return };
        match effect(call.abi, call.row, &call.args, call.clone) {
            Effect::None => {}
            Effect::Touches(ranges) => {
                memory.borrow_mut().forget_text(&ranges);
                if ranges.iter().any(|&(start, len)| memory.borrow().covers_own(start, len)) {
                    let why = "the program changes mappings of the recorder";
                    return self.demote(cx, memory, why, true);
                }
                let in_range = |&(start, len): &(u64, u64)| memory.borrow().sites_in(start, len);
                let sites: Vec<u64> = ranges.iter().flat_map(in_range).collect();
                if !sites.is_empty() {
                    self.restore(cx, memory, &sites);
                }
            }
            Effect::Ends(why) => self.demote(cx, memory, why, true),
            Effect::TakesSegment => {
                self.demote(cx, memory, "the program uses the GS segment", true);
            }
            Effect::MovesRoot if self.names_in_page => {
                self.names_in_page = false;
                let slots = cx.tasks.slots();
                for slot in slots {
                    let memory = self.tasks.get(slot).and_then(|task| task.memory.clone());
                    if let Some(memory) = memory {
                        self.stop_naming(cx, &memory);
                    }
                }
            }
            Effect::MovesRoot => {}
        }
        if reaches_all_threads(call.abi, call.row, &call.args) {
            self.trace_all_in_threads(cx);
        }
    }

    /// As at `--only`: threads that run freely are interrupted, and stop at every call from then
    /// on.
    fn trace_all_in_threads(&mut self, cx: &Context) {
        let Some(tgid) = cx.task().map(|task| task.tgid) else { return };
        for (slot, task) in cx.tasks.iter() {
            if task.tgid == tgid
                && slot != cx.at.slot
                && !std::mem::replace(&mut self.tasks.get_mut(slot).trace_all, true)
                && !cx.owes_stop(task)
            {
                self.tasks.get_mut(slot).asked_to_stop();
                // If the task has died, wait reports it.
                _ = cx.tracer.interrupt(task.tid);
            }
        }
    }
}

impl StopHook for Fast {
    /// Records what the filter changed in the program.
    fn program_begins(&mut self, cx: &mut Context) {
        let bytes = self.filter.bytes();
        cx.log.altered_event(TaskId::NONE, Altering::SECCOMP_FILTER, 0, &[], &bytes);
        if self.no_new_privs {
            cx.log.altered_event(TaskId::NONE, Altering::NO_NEW_PRIVS, 0, &[0], &[1]);
        }
        let text = "calls are recorded from inside the process where that is possible (--fast): \
                    their events have the source in-process";
        cx.log.note(TaskId::NONE, NoteCode::OTHER, Severity::INFO, text);
    }

    fn reach(&mut self, cx: &mut Context, stop: &mut Stop) -> Reach {
        self.at_stop(cx, stop)
    }

    fn next_made(&mut self, cx: &mut Context) -> Option<Half> {
        self.take_half(cx)
    }

    fn made(&mut self, cx: &mut Context, half: Half, exit: Option<&Exit>) {
        if self.verify {
            self.compare(cx, half, exit);
        }
    }

    fn admit(&mut self, cx: &mut Context, stop: &Stop) -> Admit {
        let is_filters =
            stop.kind() == StopKind::Event(Event::SECCOMP) && self.is_own_stop(&cx.info);
        let task = self.tasks.get_mut(cx.at.slot);
        let before = task.calling;
        task.calling = match (stop.kind(), cx.info.op()) {
            (StopKind::Syscall, Some(Op::ENTRY)) => Calling::Recorded,
            (StopKind::Syscall, Some(Op::EXIT)) => Calling::Nothing,
            _ if is_filters => Calling::Recorded,
            _ => before,
        };
        if is_filters && before != Calling::Nothing {
            return Admit::Skip; // An earlier stop has shown the same call.
        }
        Admit::Record
    }

    fn is_entry(&mut self, cx: &Context, _stop: &Stop) -> bool {
        self.is_own_stop(&cx.info)
    }

    fn entry(&mut self, cx: &mut Context, _stop: &mut Stop) -> Flow {
        if let Some(memory) = self.tasks.get_mut(cx.at.slot).memory.clone() {
            self.prepare_for(cx, &memory);
        }
        Flow::Stays
    }

    fn exit(&mut self, cx: &mut Context, _stop: &mut Stop, exit: &Exit) -> Flow {
        if let Some(call) = exit.call.filter(|_| !exit.is_error)
            && installs_seccomp(call.abi, call.row, &call.args)
        {
            self.tasks.get_mut(cx.at.slot).trace_all = true;
        }
        Flow::Stays
    }

    fn new_image(&mut self, _cx: &mut Context, task: Slot) {
        self.leave_memory(task);
        let task = self.tasks.get_mut(task);
        let state = if task.trace_all { State::Demoted } else { State::Plain };
        task.memory = Some(Rc::new(RefCell::new(Memory::new(state))));
    }

    fn task_begins(&mut self, _cx: &mut Context, task: Slot, birth: Birth) {
        let mut new = FastTask::default();
        match birth {
            // Until its execve it is a copy of the recorder.
            Birth::Spawned => {
                new.memory = Some(Rc::new(RefCell::new(Memory::new(State::Demoted))));
            }
            Birth::Made { by, shares_memory, .. } => {
                let maker = self.tasks.get_mut(by);
                new.trace_all = maker.trace_all;
                new.memory = maker.memory.as_ref().map(|memory| match shares_memory {
                    true => Rc::clone(memory),
                    false => Rc::new(RefCell::new(memory.borrow().forked())),
                });
            }
            // Its memory, and with it its block, may be anyone's. At its first stop it gets a block
            // without magic.
            Birth::Adopted { by: Some(by) } => {
                let maker = self.tasks.get_mut(by);
                new.trace_all = maker.trace_all;
                new.memory = maker.memory.as_ref().map(|memory| {
                    let mut memory = memory.borrow().forked();
                    memory.state = State::Demoted;
                    Rc::new(RefCell::new(memory))
                });
            }
            Birth::Adopted { by: None } | Birth::Attached => new.trace_all = true,
        }
        self.tasks.set(task, new);
    }

    fn task_ends(&mut self, cx: &mut Context, task: Slot, _how: End) {
        if self.verify {
            self.compare_end(cx, task);
        }
        self.leave_memory(task);
    }

    fn resume(&mut self, task: Slot) -> Resume {
        match self.stops_at_exit(task) || self.tasks.get_mut(task).calling != Calling::Nothing {
            true => Resume::ToNextSyscall,
            false => Resume::Freely,
        }
    }

    fn can_detach(&mut self) -> Detach {
        Detach::Nowhere("under the filter of --fast a task cannot run without its recorder")
    }
}
