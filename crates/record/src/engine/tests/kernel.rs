//! A kernel of tasks that follow scripts, and that reports their stops in a random order.

use super::acts::info;
use std::collections::{BTreeMap, VecDeque};
use sysreel_sys::{Event, Signal, Tid, WaitStatus};

/// Ids from here on belong to no real task (PID_MAX_LIMIT, include/linux/threads.h).
pub(super) const FIRST_TID: Tid = 5_000_000;

/// What a task does.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Makes a call.
    Call,
    /// Gets a signal, which it handles.
    Signal,
    /// Stops its process, until nothing else can run or by chance.
    Stop,
    /// Makes a call that never returns.
    Wait,
    /// Makes a call for which its own filter returns RET_TRACE.
    Filtered,
    /// Makes a process.
    Fork(Vec<Act>),
    /// Makes a process, and waits until it executes a program or ends.
    Vfork(Vec<Act>),
    /// Makes a thread.
    Thread(Vec<Act>),
    /// Executes a program. Its other threads end.
    Exec,
    /// Kills the process of the task with this index, counted as they are made.
    Kill(usize),
    /// Ends.
    Exit,
    /// Ends with all its threads.
    ExitGroup,
}

/// A task that runs.
#[derive(Debug, Clone)]
pub(super) enum Phase {
    User,
    /// In a call, for this act.
    Call(Act),
    /// In a call that never returns.
    Waiting,
    /// In a call that has done its work.
    Returning,
    /// In an execve that waits for the other threads to end.
    Exec,
    /// In a vfork that waits for the task with this index.
    Vfork(usize),
    /// It was killed, and is on its way to its exit event.
    Killed,
    /// Past its exit event.
    End,
}

#[derive(Debug, Clone)]
pub(super) enum State {
    Running(Phase),
    Stopped {
        status: i32,
        info: Vec<u8>,
        message: u64,
        reported: bool,
        next: Phase,
    },
    /// In a group stop, after PTRACE_LISTEN.
    Listening,
    /// It has ended, and its end is not reported yet.
    Zombie,
    Gone,
    Detached,
}

impl State {
    /// That of a program that was just started: held by SIGSTOP.
    pub(super) fn held() -> State {
        State::Stopped {
            status: stop_status(SIGSTOP, Event(0)),
            info: info(0, 0, 0),
            message: 0,
            reported: false,
            next: Phase::User,
        }
    }
}

#[derive(Debug)]
pub(super) struct Task {
    pub(super) tid: Tid,
    pub(super) tgid: Tid,
    /// The process that made its process.
    pub(super) parent: Tid,
    pub(super) script: VecDeque<Act>,
    pub(super) state: State,
    pub(super) interrupted: bool,
    /// Whether it has to take part in a group stop.
    pub(super) stopping: bool,
    /// Whether it has executed a program.
    pub(super) has_executed: bool,
    pub(super) was_killed: bool,
}

impl Task {
    pub(super) fn new(tid: Tid, tgid: Tid, parent: Tid, script: Vec<Act>, state: State) -> Task {
        Task {
            tid,
            tgid,
            parent,
            script: script.into(),
            state,
            interrupted: false,
            stopping: false,
            has_executed: false,
            was_killed: false,
        }
    }
}

/// The kernel's state, shared between the fake and the test.
#[derive(Debug)]
pub(super) struct Tasks {
    pub(super) tasks: Vec<Task>,
    pub(super) next: Tid,
    random: u64,
    /// Before one of so many requests of the tracer the task is killed; 0: before none.
    pub(super) kills: usize,
    /// How many signals were not delivered at their stops.
    pub(super) suppressed: usize,
    /// How many stops were reported, by their status.
    pub(super) reported: BTreeMap<i32, usize>,
    /// How often a wait was interrupted without a report in between.
    pub(super) wakes: u32,
    /// The tasks whose ends were reported, in this order.
    reaped: Vec<usize>,
    /// What the tracer did that it must not do.
    pub(super) violations: Vec<String>,
    /// At most one task of a process may be in user code.
    pub(super) one_at_a_time: bool,
    /// What has happened, for the message of a failure.
    pub(super) trace: Vec<String>,
}

/// The status of a stop.
pub(super) fn stop_status(Signal(signal): Signal, Event(event): Event) -> i32 {
    event << 16 | signal << 8 | 0x7f
}

/// The statuses of some events.
pub(super) const EXIT_EVENT: i32 = Event::EXIT.0 << 16 | libc::SIGTRAP << 8 | 0x7f;
pub(super) const EXEC_EVENT: i32 = Event::EXEC.0 << 16 | libc::SIGTRAP << 8 | 0x7f;

impl Tasks {
    /// Starts with these tasks.
    pub(super) fn new(tasks: Vec<Task>, seed: u64) -> Tasks {
        Tasks {
            next: FIRST_TID + Tid::try_from(tasks.len()).unwrap_or(0),
            tasks,
            random: seed | 1,
            kills: 0,
            suppressed: 0,
            reported: BTreeMap::new(),
            wakes: 0,
            reaped: Vec::new(),
            violations: Vec::new(),
            one_at_a_time: false,
            trace: Vec::new(),
        }
    }

    /// Tasks that have neither ended nor been let go.
    pub(super) fn left(&self) -> Vec<String> {
        let is_left = |task: &&Task| !matches!(task.state, State::Gone | State::Detached);
        self.tasks.iter().filter(is_left).map(|task| format!("{task:?}")).collect()
    }

    /// The wait status of the first process, if its end was reported.
    pub(super) fn status_of_program(&self) -> Option<WaitStatus> {
        // A thread that has executed a program is the process now.
        let is_it = |task: &Task| task.tgid == FIRST_TID && task.tid == FIRST_TID;
        let at = self.reaped.iter().find(|&&at| is_it(&self.tasks[at]));
        at.map(|&at| exit_status(at))
    }

    /// xorshift64, of Marsaglia's "Xorshift RNGs".
    pub(super) fn random(&mut self, below: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % below.max(1) as u64).unwrap_or(0)
    }

    pub(super) fn report(&mut self) -> Option<(Tid, WaitStatus)> {
        let is_due = |this: &Tasks, at: usize| match &this.tasks[at].state {
            State::Stopped { reported, .. } => !reported,
            _ => this.is_reapable(at),
        };
        let due: Vec<usize> = (0..self.tasks.len()).filter(|&at| is_due(self, at)).collect();
        if due.is_empty() {
            return None;
        }
        let at = due[self.random(due.len())];
        let tid = self.tasks[at].tid;
        self.note(at, "reported");
        match &mut self.tasks[at].state {
            State::Stopped { status, reported, .. } => {
                *reported = true;
                *self.reported.entry(*status).or_default() += 1;
                Some((tid, WaitStatus(*status)))
            }
            state => {
                *state = State::Gone;
                self.reaped.push(at);
                Some((tid, exit_status(at)))
            }
        }
    }

    pub(super) fn run_some(&mut self, most: usize) -> bool {
        let mut ran = false;
        for _ in 0..most {
            let able: Vec<usize> = (0..self.tasks.len()).filter(|&at| self.can_run(at)).collect();
            if able.is_empty() {
                break;
            }
            let at = able[self.random(able.len())];
            self.step(at);
            ran = true;
        }
        ran
    }

    pub(super) fn find(&self, tid: Tid) -> Option<usize> {
        let lives = |task: &Task| !matches!(task.state, State::Gone | State::Detached);
        self.tasks.iter().position(|task| task.tid == tid && lives(task))
    }

    pub(super) fn note(&mut self, at: usize, what: &str) {
        let Task { tid, state, .. } = &self.tasks[at];
        let state = match state {
            State::Stopped { status, next, .. } => format!("{status:#x}, then {next:?}"),
            state => format!("{state:?}"),
        };
        self.trace.push(format!("task {at} ({tid}) {what}: {state}"));
    }

    /// PTRACE_SYSCALL and its like, with the signal to deliver.
    pub(super) fn resume(&mut self, at: usize, signal: Signal) {
        self.note(at, "resumed");
        self.deliver(at, signal);
        let Task { tid, tgid, was_killed, .. } = self.tasks[at];
        let group_stop = stop_status(SIGSTOP, Event::STOP);
        match self.tasks[at].state.clone() {
            State::Stopped { status, .. } if status == group_stop => {
                self.violations.push(format!("task {tid} was resumed in a group stop"));
            }
            // The death of a task between its tracer's requests is its tracer's bad luck. So is an
            // execve by which another one has its id: no request tells (ptrace(2)).
            State::Stopped { status, reported, next, .. }
                if reported || was_killed || status == EXEC_EVENT =>
            {
                self.tasks[at].state = State::Running(next);
            }
            state => self.violations.push(format!("task {tid} was resumed while {state:?}")),
        }
        if signal == SIGSTOP {
            self.tasks.iter_mut().filter(|task| task.tgid == tgid).for_each(|task| {
                task.stopping = true;
            });
        }
        let in_user_code =
            |task: &&Task| task.tgid == tgid && matches!(task.state, State::Running(Phase::User));
        if self.one_at_a_time && self.tasks.iter().filter(in_user_code).count() > 1 {
            self.violations
                .push(format!("task {tid} was resumed while another of its process runs"));
        }
    }

    /// A task leaves its stop with a signal, or with none.
    pub(super) fn deliver(&mut self, at: usize, signal: Signal) {
        let State::Stopped { status, .. } = self.tasks[at].state else { return };
        let of_stop = Signal(status >> 8);
        // Not one of PTRACE_O_TRACESYSGOOD or of an event.
        let is_signal = of_stop.0 & !0x7f == 0;
        let Task { tid, was_killed, .. } = self.tasks[at];
        if was_killed {
            // The stop that it was resumed from may be another one.
        } else if is_signal && signal == Signal::NONE {
            self.suppressed += 1;
        } else if is_signal && signal != of_stop || !is_signal && signal != Signal::NONE {
            self.violations.push(format!("task {tid} got {signal:?} at a stop of {status:#x}"));
        }
    }

    /// SIGCONT, for a process that is in a group stop. Returns whether there was one.
    pub(super) fn continue_one(&mut self) -> bool {
        let stopped = self.tasks.iter().find(|task| matches!(task.state, State::Listening));
        let Some(tgid) = stopped.map(|task| task.tgid) else { return false };
        for at in 0..self.tasks.len() {
            if self.tasks[at].tgid != tgid {
                continue;
            }
            self.tasks[at].stopping = false;
            if matches!(self.tasks[at].state, State::Listening) {
                self.event_stop(at, Event::STOP, 0, Phase::User);
            }
        }
        true
    }
}

/// SIGSTOP.
pub(super) const SIGSTOP: Signal = Signal(libc::SIGSTOP);

/// The wait status of the task with this index: each exits with another.
pub(super) fn exit_status(at: usize) -> WaitStatus {
    WaitStatus((i32::try_from(at).unwrap_or(0) & 0x7f) << 8)
}
