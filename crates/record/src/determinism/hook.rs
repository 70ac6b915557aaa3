//! The hook of a replayable recording, and its state.

use super::contents::Contents;
use super::findings;
use super::own_filter::is_own_filter;
use super::replayed::{MappedFile, Replayed};
use super::robust::RobustLists;
use super::segv_action::SegvAction;
use super::spin_wait::is_late_breakpoint;
use super::state_check::StateBuffers;
use crate::engine::{Admit, Birth, BySlot, Context, Detach, End, Exit, Flow, Slot, StopHook};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use sysreel_abi::replay::{TidAddresses, tid_addresses};
use sysreel_format::{Completeness, CpuidLeaf, EventKind, MetaCodec, SnapshotKind, TaskId};
use sysreel_sys::signals::Alarm;
use sysreel_sys::stop::SIGINFO;
use sysreel_sys::{Event, Signal, Stop, Tid, affinity, clock, machine};

/// The version of the snapshot struct.
const SNAPSHOT_VERSION: u16 = 1;

/// What the recorder changes in every program; written to the log and shown to the user.
pub const CHANGES: [&str; 6] = [
    "addresses are not randomized",
    "all tasks share one CPU",
    "the vdso and its clock pages are unmapped",
    "the time-stamp counter is emulated",
    "rseq, clone3, io_uring, userfaultfd and MADV_FREE fail as on a kernel without them",
    "signals wait for the end of a system call",
];

/// State of a replayable recording.
#[derive(Debug, Default)]
pub(crate) struct Determinism {
    pub(super) contents: Contents,
    /// A buffer for the memory of new programs.
    pub(super) image: Vec<u8>,
    /// Whether text with calls through the vsyscall page was mapped at the current stop.
    pub(super) has_vsyscalls: bool,
    /// Whether the time-stamp counter is trapped.
    pub(super) traps: bool,
    /// Device and inode of the recorder's own standard output and error.
    pub(super) outputs: [Option<(u64, u64)>; 2],
    /// Files that were mapped, by device and inode.
    pub(super) mapped: BTreeMap<(u64, u64), MappedFile>,
    /// Buffers for the state of a task.
    pub(super) buffers: StateBuffers,
    /// How many times any address space has changed.
    pub(super) changes: u64,
    /// Wakes the tracer while signals are deferred.
    pub(super) alarm: Option<Alarm>,
    /// What processes do at SIGSEGV, other than by default.
    pub(super) segv_actions: BTreeMap<Tid, SegvAction>,
    /// Scratch memory of threads that have ended, by their process.
    pub(super) free_scratch: BTreeMap<Tid, Vec<u64>>,
    /// Calls that the recorder has answered instead of the kernel, by their names.
    pub(super) answered: BTreeSet<&'static str>,
    pub(super) tasks: BySlot<Replayed>,
}

impl Determinism {
    /// Stores the contents of mapped files, or only their hashes.
    pub(crate) fn new(file_contents: bool) -> Determinism {
        let file_id = |fd: u32| {
            let data = std::fs::metadata(format!("/proc/self/fd/{fd}")).ok()?;
            Some((data.dev(), data.ino()))
        };
        let contents = if file_contents { Contents::default() } else { Contents::hashes_only() };
        Determinism { contents, outputs: [file_id(1), file_id(2)], ..Determinism::default() }
    }

    /// Returns the names of calls that the recorder has answered instead of the kernel.
    pub(crate) fn answered(&self) -> Vec<&'static str> {
        self.answered.iter().copied().collect()
    }

    /// Marks the log as not replayable, and notes the reason once.
    pub(super) fn not_replayable(&mut self, cx: &mut Context, why: String) {
        findings::not_replayable(&mut cx.log, cx.at.id, why);
    }

    /// Notes that memory of the call is not complete in the log.
    fn check_memory(&mut self, cx: &mut Context) {
        if cx.missing.contains(Completeness::CAPTURE_LIMIT) {
            let why = "a call reads or writes more memory than the log stores of one stop";
            self.not_replayable(cx, why.into());
        }
        if cx.missing.contains(Completeness::UNREADABLE_MEMORY) {
            self.not_replayable(cx, "memory of a call could not be read".into());
        }
    }
}

impl StopHook for Determinism {
    /// Writes the DETERMINISM snapshot, which describes the machine, before the program starts.
    fn begin(&mut self, cx: &mut Context) {
        let leaf = |leaf: machine::Leaf| CpuidLeaf {
            leaf: leaf.leaf,
            subleaf: leaf.subleaf,
            registers: leaf.registers,
        };
        let determinism = sysreel_format::Determinism {
            cpuid: machine::cpuid().into_iter().map(leaf).collect(),
            xcr0: machine::xcr0(),
            cpu: affinity::current_cpu().and_then(|cpu| u32::try_from(cpu).ok()).unwrap_or(0),
            changes: CHANGES.iter().map(|change| change.as_bytes().to_vec()).collect(),
        };
        // A few kilobytes, far below the limit of a snapshot.
        let Ok(bytes) = determinism.to_bytes() else { return };
        let row = cx.log.begin(EventKind::SNAPSHOT, TaskId::NONE, clock::monotonic_ns());
        row.snapshot(SnapshotKind::DETERMINISM, SNAPSHOT_VERSION, &bytes);
        cx.log.commit();
    }

    fn admit(&mut self, _cx: &mut Context, stop: &Stop) -> Admit {
        if is_late_breakpoint(stop) { Admit::Swallow } else { Admit::Record }
    }

    fn lets_pass(&mut self, cx: &Context, data: u64) -> bool {
        is_own_filter(cx, data)
    }

    fn stopped(&mut self, cx: &mut Context, stop: &Stop) {
        self.first_stop(cx, stop);
        self.copy_back(cx, stop);
    }

    fn entry(&mut self, cx: &mut Context, stop: &mut Stop) -> Flow {
        self.check_memory(cx);
        self.call_begins(cx, stop);
        self.send_deferred(cx);
        Flow::Stays
    }

    fn exit(&mut self, cx: &mut Context, stop: &mut Stop, exit: &Exit) -> Flow {
        self.check_memory(cx);
        let (ip, sp) = cx.info.place();
        self.tasks.get_mut(cx.at.slot).boundary = Some((ip, sp, exit.rval.cast_unsigned()));
        match self.call_ends(cx, stop, exit) {
            Flow::Stays => self.prepare_scratch(cx, stop),
            flow => flow,
        }
    }

    fn siginfo(
        &mut self,
        cx: &mut Context,
        stop: &Stop,
        signal: Signal,
        siginfo: &mut [u8; SIGINFO],
    ) {
        self.restore_deferred(cx, stop, signal, siginfo);
    }

    fn signal(
        &mut self,
        cx: &mut Context,
        stop: &mut Stop,
        siginfo: &[u8; SIGINFO],
        deliver: &mut Signal,
    ) -> Flow {
        self.signal_arrives(cx, stop, siginfo, deliver)
    }

    fn event(&mut self, cx: &mut Context, stop: &Stop, event: Event) {
        match event {
            Event::EXIT => {
                self.check_place_of_end(cx, stop);
                self.thread_ends(cx);
                self.leave_scratch(cx);
            }
            Event::SECCOMP => self.check_vsyscall(cx),
            _ => {}
        }
    }

    fn new_image(&mut self, cx: &mut Context, task: Slot) {
        if let Some(task) = cx.tasks.at(task) {
            self.free_scratch.remove(&task.tgid);
        }
        let task = self.tasks.get_mut(task);
        task.fresh_image = true;
        (task.cleared, task.robust) = (None, RobustLists::default());
        (task.scratch, task.lacks_scratch) = (None, false);
    }

    fn task_begins(&mut self, cx: &mut Context, task: Slot, birth: Birth) {
        let mut new = Replayed::default();
        if let Birth::Made { by, .. } = birth {
            let call = cx.tasks.at(by).and_then(|maker| maker.call);
            let places = call
                .and_then(|call| Some(tid_addresses(call.abi, call.row, &call.args, call.clone?)));
            new.cleared = places.and_then(|places| places.cleared);
            new.newborn = places.or(Some(TidAddresses::default()));
            let maker = self.tasks.get_mut(by);
            new.blocks_segv = maker.blocks_segv;
            new.refuses_time_stamps = maker.refuses_time_stamps;
            new.traps_vsyscalls = maker.traps_vsyscalls;
            self.inherit_action(cx, by, task);
        }
        self.tasks.set(task, new);
    }

    fn task_ends(&mut self, cx: &mut Context, task: Slot, _how: End) {
        if let Some(task) = cx.tasks.at(task).filter(|task| task.tid == task.tgid) {
            self.segv_actions.remove(&task.tgid);
            self.free_scratch.remove(&task.tgid);
        }
        self.tasks.take(task);
    }

    fn tick(&mut self, cx: &mut Context) {
        self.force_deferred(cx);
    }

    fn can_detach(&mut self) -> Detach {
        Detach::AtInterrupt("a program recorded for replay cannot run without its recorder")
    }

    fn before_detach(&mut self, cx: &mut Context, stop: &mut Stop) -> Flow {
        self.untrap(cx, stop)
    }
}
