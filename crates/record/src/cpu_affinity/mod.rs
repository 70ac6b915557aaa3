//! Decides on which CPUs tracer and tracees run.
//!
//! A stop costs two context switches. On one CPU they are cheap; across two CPUs each wakes up an
//! idle one, which is six times as expensive in virtual machines. So a spawned program shares the
//! tracer's CPU while one task is busy, and gets its own mask back when several are and their
//! parallelism is worth the more expensive stops.

use crate::engine::{
    Baggage, Birth, BySlot, Call, Context, End, Exit, Flow, Peers, Slot, StopHook,
};
use crate::options::CpuPolicy;
use std::sync::Arc;
use sysreel_abi::CallKind;
use sysreel_format::{Altered, Altering, EventKind, TaskId};
use sysreel_sys::affinity::{Mask, current_cpu};
use sysreel_sys::memory::{self, Transfer};
use sysreel_sys::{Stop, Tid, clock};

/// How often the decision is reconsidered.
const WINDOW_NS: u64 = 50_000_000;
/// The extra cost of a stop across two CPUs.
const EXTRA_STOP_NS: u64 = 45_000;
/// A decision is reversed only when the alternative is better by this factor, so that it does not
/// oscillate.
const HYSTERESIS: u64 = 2;

/// The state of the shared CPU.
#[derive(Debug, Default)]
pub(crate) struct CpuAffinity {
    /// The mask of tracer and program before it was changed; `None` when it is never changed.
    own: Option<Arc<Mask>>,
    cpu: usize,
    shared: bool,
    /// Whether most calls do not stop (`--only`).
    filtered: bool,
    /// Shared permanently, at any cost.
    always_shared: bool,
    /// The number of tasks in user code.
    busy: u64,
    window: Window,
    tasks: BySlot<Placed>,
}

/// A task and its CPUs.
#[derive(Debug, Default)]
struct Placed {
    /// The affinity mask it would have without a recorder; `None` when the recorder never changed
    /// it.
    own_mask: Option<Arc<Mask>>,
    /// Whether it was last resumed into user code, as opposed to into a call.
    in_user_code: bool,
    /// Whether a call that sets its mask has begun and not ended: its mask is left alone.
    is_being_set: bool,
}

#[derive(Debug, Default)]
struct Window {
    since_ns: u64,
    stops: u64,
    /// The sum, over all stops, of the number of busy tasks.
    busy: u64,
}

impl CpuAffinity {
    /// Restricts the tracer to one CPU, and with it the program that it spawns next, which inherits
    /// the mask. Only under [`CpuPolicy::Auto`] and with several CPUs.
    pub(crate) fn begin(policy: CpuPolicy, spawns: bool, filtered: bool) -> CpuAffinity {
        let mut state = CpuAffinity { filtered, ..CpuAffinity::default() };
        if policy != CpuPolicy::Auto || !spawns {
            return state;
        }
        let Ok(mask) = Mask::of_task(0) else { return state };
        let Some(cpu) = current_cpu().filter(|&cpu| mask.contains(cpu) && mask.count() > 1) else {
            return state;
        };
        let one = mask.only(cpu);
        if one.set(0).is_ok() {
            state = CpuAffinity { own: Some(Arc::new(mask)), cpu, shared: true, ..state };
        }
        state
    }

    /// Returns the state of another tracer of the same recording, which is to run on the `nth` CPU
    /// of the mask besides that of the first.
    pub(crate) fn for_another(&self, nth: usize) -> CpuAffinity {
        let mut state = CpuAffinity { filtered: self.filtered, ..CpuAffinity::default() };
        let Some(own) = &self.own else { return state };
        if let Some(cpu) = own.cpus().filter(|&cpu| cpu != self.cpu).take(nth + 1).last() {
            (state.own, state.cpu, state.shared) = (Some(Arc::clone(own)), cpu, true);
        }
        state
    }

    /// Restricts the calling thread, another tracer, to its CPU.
    pub(crate) fn begin_another(&self) {
        if let Some(own) = &self.own {
            // The mask has this CPU, so the kernel accepts it unless the CPU has gone.
            _ = own.only(self.cpu).set(0);
        }
    }

    /// Runs `action` with the tracer's own mask, because threads it starts inherit the mask.
    pub(crate) fn with_own_mask<T>(&self, action: impl FnOnce() -> T) -> T {
        let own = self.own.as_ref().filter(|_| self.shared);
        // A mask that was set before can be set again.
        _ = own.map(|own| own.set(0));
        let result = action();
        _ = own.map(|own| own.only(self.cpu).set(0));
        result
    }

    /// Keeps the CPU shared from now on.
    pub(crate) fn keep_shared(self) -> CpuAffinity {
        CpuAffinity { always_shared: true, ..self }
    }

    /// Whether to change between shared and separate CPUs. Decided once per window. `spare`: the
    /// number of CPUs that other tracers use and have no tasks for; `None` if this is the only one.
    fn change_due(&mut self, now_ns: u64, tasks: usize, spare: Option<usize>) -> bool {
        // Where most calls do not stop, stops do not show which tasks are busy, and may be rare:
        // two tasks never share a CPU.
        if self.filtered && self.shared {
            return self.own.is_some() && tasks > 1;
        }
        let own = match &self.own {
            Some(own)
                if !self.always_shared
                    && now_ns.saturating_sub(self.window.since_ns) >= WINDOW_NS =>
            {
                own
            }
            _ => return false,
        };
        let elapsed = now_ns - self.window.since_ns;
        let window =
            std::mem::replace(&mut self.window, Window { since_ns: now_ns, ..Window::default() });
        if window.since_ns == 0 || window.stops == 0 {
            return false;
        }
        // The average number of busy tasks besides the one that stops: on one CPU, their time is
        // lost.
        let spare = spare.map_or(u64::from(own.count().saturating_sub(1)), |spare| spare as u64);
        let others = (window.busy * elapsed / window.stops).min(elapsed * spare);
        let extra_cost = window.stops * EXTRA_STOP_NS;
        if self.filtered {
            return tasks <= 1;
        }
        if self.shared {
            others > extra_cost * HYSTERESIS
        } else {
            others * HYSTERESIS < extra_cost
        }
    }

    /// Gives every task and the tracer their own masks.
    fn release(&mut self, cx: &Context) {
        let Some(own) = self.own.clone().filter(|_| self.shared) else { return };
        self.shared = false;
        for (slot, task) in cx.tasks.iter() {
            // A task that has died needs no mask.
            _ = self.mask_of(cx, slot).map(|mask| mask.set(task.tid));
        }
        _ = own.set(0);
    }

    fn share(&mut self, cx: &Context) {
        let Some(own) = &self.own else { return };
        let Some(cpu) = current_cpu().filter(|&cpu| own.contains(cpu)) else { return };
        self.cpu = cpu;
        self.shared = true;
        _ = own.only(cpu).set(0);
        for (slot, task) in cx.tasks.iter() {
            let mask = self.mask_of(cx, slot);
            if let Some(mask) = mask.filter(|mask| mask.contains(cpu)) {
                _ = mask.only(cpu).set(task.tid);
            }
        }
    }

    /// Returns the mask that a task would have without a recorder. A task of another tracer may
    /// have set it.
    fn known_mask(&mut self, cx: &Context, slot: Slot) -> Option<Arc<Mask>> {
        let elsewhere = || cx.peers.as_ref()?.own_mask(cx.tasks.at(slot)?.tid);
        elsewhere().or_else(|| self.tasks.get_mut(slot).own_mask.clone())
    }

    /// Like `known_mask`; `None` while a call may be setting it.
    fn mask_of(&mut self, cx: &Context, slot: Slot) -> Option<Arc<Mask>> {
        self.known_mask(cx, slot).filter(|_| !self.tasks.get_mut(slot).is_being_set)
    }

    /// Sets the mask of a new task. It inherited its maker's mask at some time during the call,
    /// which may have changed since.
    fn place(&self, tid: Tid, own_mask: Option<&Mask>) {
        let Some(mask) = own_mask.filter(|_| self.own.is_some()) else { return };
        let shared = self.shared && mask.contains(self.cpu);
        // A task that has died needs no mask.
        _ = if shared { mask.only(self.cpu).set(tid) } else { mask.set(tid) };
    }

    /// Handles a mask that the program has set: it becomes the task's own, and is narrowed to the
    /// shared CPU if it contains it.
    fn on_mask_set(&mut self, cx: &Context, target: u64) {
        if self.own.is_none() {
            return;
        }
        let target = target_of(cx, target);
        let Ok(mask) = Mask::of_task(target) else { return };
        if let Some(peers) = &cx.peers {
            peers.set_own_mask(target, Some(Arc::new(mask.clone())));
        }
        // The mask of another tracer's task stays as it was set.
        let Some(slot) = cx.tasks.slot(target) else { return };
        if self.shared && mask.contains(self.cpu) {
            _ = mask.only(self.cpu).set(target);
        }
        self.tasks.get_mut(slot).own_mask = Some(Arc::new(mask));
    }

    /// Notes that a call that sets the mask of a task begins or ends.
    fn set_begins(&mut self, cx: &Context, call: &Call, begins: bool) {
        let target = target_of(cx, call.abi.args(&call.args)[0]);
        if let Some(slot) = cx.tasks.slot(target) {
            self.tasks.get_mut(slot).is_being_set = begins;
        }
    }

    /// Reconsiders whether to share the CPU.
    fn balance(&mut self, cx: &mut Context) {
        let spare = cx.peers.as_ref().map(Peers::idle_others);
        if !self.change_due(cx.at.t_ns, cx.tasks.len(), spare) {
            return;
        }
        let was_shared = self.shared;
        if was_shared {
            self.release(cx);
        } else {
            self.share(cx);
        }
        if was_shared != self.shared {
            self.commit_masks(cx, cx.at.t_ns);
        }
    }

    /// Commits the masks of tracer and program.
    fn commit_masks(&self, cx: &mut Context, t_ns: u64) {
        let Some(own) = &self.own else { return };
        let given = if self.shared { own.only(self.cpu) } else { (**own).clone() };
        let row = cx.log.begin(EventKind::ALTERED, TaskId::NONE, t_ns);
        row.altered_body(&Altered {
            what: Altering::AFFINITY,
            arg: 0,
            kernel: own.bytes(),
            given: given.bytes(),
        });
        cx.log.commit();
    }

    /// At the exit of sched_getaffinity, shows the program the mask it would have without a
    /// recorder.
    fn show_own_mask(&mut self, cx: &mut Context, call: &Call, rval: i64) {
        if !self.shared && cx.peers.is_none() {
            return;
        }
        let args = call.abi.args(&call.args);
        let target = target_of(cx, args[0]);
        let own = match cx.tasks.slot(target) {
            Some(slot) => self.mask_of(cx, slot),
            None => cx.peers.as_ref().and_then(|peers| peers.own_mask(target)),
        };
        let Some(own) = own else { return };
        // The raw call returns the number of bytes written (sched_setaffinity(2)).
        let len = usize::try_from(rval).unwrap_or(0).min(own.bytes().len());
        let given = &own.bytes()[..len];
        // The kernel's bytes are read, not computed: a task whose own mask lacks the shared CPU was
        // left alone.
        let mut kernel = vec![0; len];
        let mut transfer = [Transfer { address: args[2], len, ..Transfer::default() }];
        memory::read(cx.at.tid, &mut kernel, &mut transfer);
        if transfer[0].got < len || kernel == given {
            return;
        }
        if memory::write(cx.at.tid, args[2], given).is_ok() {
            cx.log.altered(Altering::AFFINITY, 2, &kernel, given);
        }
    }
}

/// Returns the task that the task of the current stop means by an id; 0 is itself. The id is one of
/// its PID namespace: another task is found only where the recorder's ids are the same.
fn target_of(cx: &Context, id: u64) -> Tid {
    match Tid::try_from(id) {
        Ok(0) | Err(_) => cx.at.tid,
        Ok(tid) => tid,
    }
}

/// Tells the other tracers which mask a task would have without a recorder.
fn tell_peers(cx: &Context, task: Slot, own_mask: Option<Arc<Mask>>) {
    if let (Some(peers), Some(task)) = (&cx.peers, cx.tasks.at(task)) {
        peers.set_own_mask(task.tid, own_mask);
    }
}

impl StopHook for CpuAffinity {
    fn program_begins(&mut self, cx: &mut Context) {
        self.commit_masks(cx, clock::monotonic_ns());
    }

    fn entry(&mut self, cx: &mut Context, _stop: &mut Stop) -> Flow {
        if let Some(call) = cx.call().filter(|call| call.row.kind == CallKind::SetAffinity) {
            self.set_begins(cx, call, true);
        }
        Flow::Stays
    }

    fn exit(&mut self, cx: &mut Context, _stop: &mut Stop, exit: &Exit) -> Flow {
        let Some(call) = &exit.call else { return Flow::Stays };
        match call.row.kind {
            CallKind::GetAffinity if !exit.is_error => self.show_own_mask(cx, call, exit.rval),
            CallKind::SetAffinity => {
                self.set_begins(cx, call, false);
                if !exit.is_error {
                    self.on_mask_set(cx, call.abi.args(&call.args)[0]);
                }
            }
            _ => {}
        }
        Flow::Stays
    }

    fn new_image(&mut self, cx: &mut Context, task: Slot) {
        // It may have the thread id of its leader now.
        let own_mask = self.tasks.get_mut(task).own_mask.clone();
        tell_peers(cx, task, own_mask);
    }

    fn task_begins(&mut self, cx: &mut Context, task: Slot, birth: Birth) {
        let has_ended = matches!(birth, Birth::Made { has_ended: true, .. });
        let own_mask = match birth {
            Birth::Spawned => self.own.clone(),
            Birth::Attached => None,
            Birth::Made { by, .. } | Birth::Adopted { by: Some(by) } => self.known_mask(cx, by),
            Birth::Adopted { by: None } => self.own.clone(),
        };
        let is_placed = matches!(birth, Birth::Spawned | Birth::Attached) || has_ended;
        if !is_placed && let Some(tid) = cx.tasks.at(task).map(|task| task.tid) {
            self.place(tid, own_mask.as_deref());
        }
        tell_peers(cx, task, own_mask.clone());
        self.tasks.set(task, Placed { own_mask, ..Placed::default() });
    }

    fn task_ends(&mut self, cx: &mut Context, task: Slot, how: End) {
        let Placed { own_mask, in_user_code, .. } = self.tasks.take(task);
        self.busy = self.busy.saturating_sub(u64::from(in_user_code));
        tell_peers(cx, task, None);
        if how == End::LetGo
            && self.shared
            && let (Some(mask), Some(task)) = (own_mask, cx.tasks.at(task))
        {
            // A task that has died needs no mask.
            _ = mask.set(task.tid);
        }
    }

    fn leaves(&mut self, _cx: &mut Context, task: Slot, baggage: &mut Baggage) {
        let Placed { own_mask, in_user_code, .. } = self.tasks.take(task);
        self.busy = self.busy.saturating_sub(u64::from(in_user_code));
        baggage.own_mask = own_mask;
    }

    fn arrives(&mut self, cx: &mut Context, task: Slot, baggage: &Baggage) {
        let own_mask = baggage.own_mask.clone();
        if let Some(tid) = cx.tasks.at(task).map(|task| task.tid) {
            self.place(tid, own_mask.as_deref());
        }
        self.tasks.set(task, Placed { own_mask, ..Placed::default() });
    }

    /// Counts the task that is about to be resumed.
    fn before_resume(&mut self, cx: &mut Context, to_user_code: bool) {
        if self.own.is_none() {
            return;
        }
        self.window.stops += 1;
        self.window.busy += self.busy;
        let task = self.tasks.get_mut(cx.at.slot);
        if task.in_user_code != to_user_code {
            task.in_user_code = to_user_code;
            self.busy = if to_user_code { self.busy + 1 } else { self.busy.saturating_sub(1) };
        }
        self.balance(cx);
    }

    fn begin_detaching(&mut self, cx: &mut Context) {
        self.release(cx);
    }
}
