//! Decides on which CPUs tracer and tracees run.
//!
//! A stop costs two context switches. On one CPU they are cheap; across two CPUs each wakes up an
//! idle one, which is six times as expensive in virtual machines. So a spawned program shares the
//! tracer's CPU while one task is busy, and gets its own mask back when several are and their
//! parallelism is worth the more expensive stops.

use crate::options::CpuPolicy;
use crate::session::Session;
use crate::task::{Call, Task, Tasks};
use std::rc::Rc;
use sysreel_format::{Altered, Altering, EventKind, SourceId, TaskId};
use sysreel_sys::Tid;
use sysreel_sys::affinity::{Mask, current_cpu};
use sysreel_sys::memory::{self, Transfer};

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
    own: Option<Rc<Mask>>,
    cpu: usize,
    shared: bool,
    /// Whether most calls do not stop (`--only`).
    filtered: bool,
    /// Shared permanently, at any cost.
    always_shared: bool,
    /// The number of tasks in user code.
    busy: u64,
    window: Window,
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
            state = CpuAffinity { own: Some(Rc::new(mask)), cpu, shared: true, ..state };
        }
        state
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

    /// The mask that the program would have without the recorder.
    pub(crate) fn own_mask(&self) -> Option<Rc<Mask>> {
        self.own.clone()
    }

    /// Counts a task that is about to be resumed, into user code or into a call.
    pub(crate) fn before_resume(&mut self, tasks: &mut Tasks, tid: Tid, to_user_code: bool) {
        if self.own.is_none() {
            return;
        }
        self.window.stops += 1;
        self.window.busy += self.busy;
        if let Some(task) = tasks.get_mut(tid)
            && task.in_user_code != to_user_code
        {
            task.in_user_code = to_user_code;
            self.busy = if to_user_code { self.busy + 1 } else { self.busy.saturating_sub(1) };
        }
    }

    /// Removes a task that is gone from the count of busy tasks.
    pub(crate) fn task_left(&mut self, task: &Task) {
        self.busy = self.busy.saturating_sub(u64::from(task.in_user_code));
    }

    /// Whether to change between shared and separate CPUs. Decided once per window.
    fn change_due(&mut self, now_ns: u64, tasks: usize) -> bool {
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
        let others = (window.busy * elapsed / window.stops)
            .min(elapsed * u64::from(own.count().saturating_sub(1)));
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
    pub(crate) fn release(&mut self, tasks: &mut Tasks) {
        let Some(own) = self.own.clone().filter(|_| self.shared) else { return };
        self.shared = false;
        for (tid, task) in tasks.iter() {
            // A task that has died needs no mask.
            _ = task.own_mask.as_ref().map(|mask| mask.set(tid));
        }
        _ = own.set(0);
    }

    /// Sets the mask of a new task. It inherited its maker's mask at some time during the call,
    /// which may have changed since.
    pub(crate) fn place_task(&self, tid: Tid, own_mask: Option<&Mask>) {
        let Some(mask) = own_mask.filter(|_| self.own.is_some()) else { return };
        let shared = self.shared && mask.contains(self.cpu);
        // A task that has died needs no mask.
        _ = if shared { mask.only(self.cpu).set(tid) } else { mask.set(tid) };
    }

    fn share(&mut self, tasks: &mut Tasks) {
        let Some(own) = &self.own else { return };
        let Some(cpu) = current_cpu().filter(|&cpu| own.contains(cpu)) else { return };
        self.cpu = cpu;
        self.shared = true;
        _ = own.only(cpu).set(0);
        for (tid, task) in tasks.iter() {
            if let Some(mask) = task.own_mask.as_ref().filter(|mask| mask.contains(cpu)) {
                _ = mask.only(cpu).set(tid);
            }
        }
    }

    /// Handles a mask that the program has set: it becomes the task's own, and is narrowed to the
    /// shared CPU if it contains it.
    pub(crate) fn on_mask_set(&mut self, tasks: &mut Tasks, caller: Tid, target: u64) {
        if self.own.is_none() {
            return;
        }
        // The id is one of the caller's pid namespace; another task is found only where the
        // recorder's ids are the same.
        let target = Tid::try_from(target).unwrap_or(0);
        let target = if target == 0 { caller } else { target };
        let (Some(task), Ok(mask)) = (tasks.get_mut(target), Mask::of_task(target)) else { return };
        if self.shared && mask.contains(self.cpu) {
            _ = mask.only(self.cpu).set(target);
        }
        task.own_mask = Some(Rc::new(mask));
    }
}

impl Session {
    /// Reconsiders whether to share the CPU.
    pub(crate) fn balance(&mut self, now_ns: u64) {
        if !self.cpu_affinity.change_due(now_ns, self.tasks.len()) {
            return;
        }
        let was_shared = self.cpu_affinity.shared;
        if was_shared {
            self.cpu_affinity.release(&mut self.tasks);
        } else {
            self.cpu_affinity.share(&mut self.tasks);
        }
        if was_shared != self.cpu_affinity.shared {
            self.affinity_event(now_ns);
        }
    }

    /// Commits the change of the masks.
    pub(crate) fn affinity_event(&mut self, t_ns: u64) {
        let Some(own) = self.cpu_affinity.own_mask() else { return };
        let given =
            if self.cpu_affinity.shared { own.only(self.cpu_affinity.cpu) } else { (*own).clone() };
        self.sink.row.begin(EventKind::ALTERED, SourceId::RECORDER, TaskId::NONE, t_ns);
        self.sink.row.altered_body(&Altered {
            what: Altering::AFFINITY,
            arg: 0,
            kernel: own.bytes(),
            given: given.bytes(),
        });
        self.sink.commit();
    }

    /// At the exit of sched_getaffinity, shows the program the mask it would have without a
    /// recorder.
    pub(crate) fn show_own_mask(&mut self, caller: Tid, call: &Call, rval: i64) {
        if !self.cpu_affinity.shared {
            return;
        }
        let args = call.abi.args(&call.args);
        let target = Tid::try_from(args[0]).unwrap_or(0);
        let target = if target == 0 { caller } else { target };
        let Some(own) = self.tasks.get(target).and_then(|task| task.own_mask.clone()) else {
            return;
        };
        // The raw call returns the number of bytes written (sched_setaffinity(2)).
        let len = usize::try_from(rval).unwrap_or(0).min(own.bytes().len());
        let given = &own.bytes()[..len];
        // The kernel's bytes are read, not computed: a task whose own mask lacks the shared CPU was
        // left alone.
        let mut kernel = vec![0; len];
        let mut transfer = [Transfer { address: args[2], len, ..Transfer::default() }];
        memory::read(caller, &mut kernel, &mut transfer);
        if transfer[0].got < len || kernel == given {
            return;
        }
        if memory::write(caller, args[2], given).is_ok() {
            self.sink.row.altered(&Altered {
                what: Altering::AFFINITY,
                arg: 2,
                kernel: &kernel,
                given,
            });
        }
    }
}
