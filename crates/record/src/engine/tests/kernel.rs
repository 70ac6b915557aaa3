//! A kernel of tasks that follow scripts, and that reports their stops in a random order.

use std::collections::VecDeque;
use sysreel_abi::{Abi, AuditArch, number::number};
use sysreel_sys::{Event, Tid, WaitStatus};

/// Ids from here on belong to no real task (PID_MAX_LIMIT, include/linux/threads.h).
pub(super) const FIRST_TID: Tid = 5_000_000;

/// What a task does.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Makes a call.
    Call,
    /// Gets a signal, which it handles.
    Signal,
    /// Makes a process.
    Fork(Vec<Act>),
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
    /// In a call that has done its work.
    Returning,
    /// In an execve that waits for the other threads to end.
    Exec,
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
    /// It has ended, and its end is not reported yet.
    Zombie,
    Gone,
    Detached,
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
}

/// The kernel's state, shared between the fake and the test.
#[derive(Debug)]
pub(super) struct Tasks {
    pub(super) tasks: Vec<Task>,
    next: Tid,
    random: u64,
    /// What the tracer did that it must not do.
    pub(super) violations: Vec<String>,
    /// At most one task of a process may be in user code.
    pub(super) one_at_a_time: bool,
    /// What has happened, for the message of a failure.
    pub(super) trace: Vec<String>,
}

fn stop_status(signal: i32, event: Event) -> i32 {
    event.0 << 16 | signal << 8 | 0x7f
}

/// The struct of PTRACE_GET_SYSCALL_INFO: no call, an entry with its first argument, or an exit
/// (linux/ptrace.h).
fn info(op: u8, nr_or_result: u64, arg: u64) -> Vec<u8> {
    let mut bytes = vec![0; 24];
    bytes[0] = op;
    bytes[4..8].copy_from_slice(&AuditArch::X86_64.0.to_le_bytes());
    match op {
        0 => {}
        1 => {
            bytes.extend(nr_or_result.to_le_bytes());
            bytes.extend(arg.to_le_bytes());
            bytes.extend([0; 40]);
        }
        _ => {
            bytes.extend(nr_or_result.to_le_bytes());
            bytes.push(0);
        }
    }
    bytes
}

impl Tasks {
    /// Starts with one task, which the tracer has just been told has stopped by SIGSTOP.
    pub(super) fn new(script: Vec<Act>, seed: u64) -> Tasks {
        let first = Task {
            tid: FIRST_TID,
            tgid: FIRST_TID,
            parent: 1,
            script: script.into(),
            state: State::Stopped {
                status: stop_status(libc::SIGSTOP, Event(0)),
                info: info(0, 0, 0),
                message: 0,
                reported: false,
                next: Phase::User,
            },
            interrupted: false,
        };
        Tasks {
            tasks: vec![first],
            next: FIRST_TID + 1,
            random: seed | 1,
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

    /// xorshift64, of Marsaglia's "Xorshift RNGs".
    pub(super) fn random(&mut self, below: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % below.max(1) as u64).unwrap_or(0)
    }

    fn stop(&mut self, at: usize, status: i32, info: Vec<u8>, message: u64, next: Phase) {
        let task = &mut self.tasks[at];
        // Each stop clears a pending interrupt (kernel/signal.c, `ptrace_stop`).
        task.interrupted = false;
        task.state = State::Stopped { status, info, message, reported: false, next };
    }

    fn event_stop(&mut self, at: usize, event: Event, message: u64, next: Phase) {
        self.stop(at, stop_status(libc::SIGTRAP, event), info(0, 0, 0), message, next);
    }

    fn syscall_stop(&mut self, at: usize, info: Vec<u8>, next: Phase) {
        self.stop(at, stop_status(libc::SIGTRAP | 0x80, Event(0)), info, 0, next);
    }

    fn make_child(&mut self, by: usize, script: Vec<Act>, is_thread: bool) -> Tid {
        let tid = self.next;
        self.next += 1;
        let Task { tgid, parent, .. } = self.tasks[by];
        let (tgid, parent) = if is_thread { (tgid, parent) } else { (tid, tgid) };
        let (script, interrupted) = (script.into(), false);
        let state = State::Running(Phase::User);
        self.tasks.push(Task { tid, tgid, parent, script, state, interrupted });
        self.event_stop(self.tasks.len() - 1, Event::STOP, 0, Phase::User);
        tid
    }

    /// The other tasks of its process that have not been reaped.
    fn others(&self, at: usize) -> Vec<usize> {
        let tgid = self.tasks[at].tgid;
        let is_other = |&other: &usize| {
            let task = &self.tasks[other];
            other != at && task.tgid == tgid && !matches!(task.state, State::Gone | State::Detached)
        };
        (0..self.tasks.len()).filter(is_other).collect()
    }

    /// SIGKILL, for one task.
    fn kill(&mut self, at: usize) {
        let exit_event = stop_status(libc::SIGTRAP, Event::EXIT);
        match &self.tasks[at].state {
            State::Zombie | State::Gone | State::Detached | State::Running(Phase::End) => {}
            State::Stopped { status, .. } if *status == exit_event => self.end(at),
            _ => self.event_stop(at, Event::EXIT, 9, Phase::End),
        }
    }

    fn kill_others(&mut self, at: usize) {
        for other in self.others(at) {
            self.kill(other);
        }
    }

    fn end(&mut self, at: usize) {
        self.tasks[at].state = State::Zombie;
    }

    /// Whether the end of a task can be reported: that of a leader waits for the other threads.
    fn is_reapable(&self, at: usize) -> bool {
        let task = &self.tasks[at];
        matches!(task.state, State::Zombie) && (task.tid != task.tgid || self.others(at).is_empty())
    }

    /// Whether a task can take a step.
    fn can_run(&self, at: usize) -> bool {
        match &self.tasks[at].state {
            State::Running(Phase::Exec) => {
                let leader = self.tasks[at].tgid;
                self.others(at).iter().all(|&other| {
                    let task = &self.tasks[other];
                    task.tid == leader && matches!(task.state, State::Zombie)
                })
            }
            State::Running(_) => true,
            _ => false,
        }
    }

    /// Lets a task run to its next stop.
    fn step(&mut self, at: usize) {
        let State::Running(phase) = self.tasks[at].state.clone() else { return };
        let call = |name| number(Abi::X86_64, name).unwrap_or(u64::MAX);
        match phase {
            Phase::User if self.tasks[at].interrupted => {
                self.event_stop(at, Event::STOP, 0, Phase::User);
            }
            Phase::User => {
                let act = self.tasks[at].script.pop_front().unwrap_or(Act::Exit);
                let name = match &act {
                    Act::Signal => {
                        let status = stop_status(libc::SIGUSR1, Event(0));
                        return self.stop(at, status, info(0, 0, 0), 0, Phase::User);
                    }
                    Act::Call => "getpid",
                    Act::Fork(_) => "fork",
                    Act::Thread(_) => "clone",
                    Act::Exec => "execve",
                    Act::Kill(_) => "kill",
                    Act::Exit => "exit",
                    Act::ExitGroup => "exit_group",
                };
                let flags = libc::CLONE_VM | libc::CLONE_SIGHAND | libc::CLONE_THREAD;
                let arg = if matches!(act, Act::Thread(_)) { flags as u64 } else { 0 };
                self.syscall_stop(at, info(1, call(name), arg), Phase::Call(act));
            }
            Phase::Call(act) => self.act(at, act),
            Phase::Returning => self.syscall_stop(at, info(2, 0, 0), Phase::User),
            Phase::Exec => self.replace_leader(at),
            Phase::End => self.end(at),
        }
    }

    fn act(&mut self, at: usize, act: Act) {
        match act {
            Act::Call | Act::Signal => self.syscall_stop(at, info(2, 0, 0), Phase::User),
            Act::Fork(script) => {
                let child = self.make_child(at, script, false);
                self.event_stop(at, Event::FORK, child as u64, Phase::Returning);
            }
            Act::Thread(script) => {
                let child = self.make_child(at, script, true);
                self.event_stop(at, Event::CLONE, child as u64, Phase::Returning);
            }
            Act::Exec => {
                self.kill_others(at);
                self.tasks[at].state = State::Running(Phase::Exec);
            }
            Act::Kill(index) => {
                self.syscall_stop(at, info(2, 0, 0), Phase::User);
                let target = index % self.tasks.len();
                self.kill_others(target);
                self.kill(target);
            }
            Act::Exit => self.event_stop(at, Event::EXIT, 0, Phase::End),
            Act::ExitGroup => {
                self.kill_others(at);
                self.event_stop(at, Event::EXIT, 0, Phase::End);
            }
        }
    }

    /// The end of an execve: the task takes the id of the leader, which vanishes (ptrace(2),
    /// "execve(2) under ptrace").
    fn replace_leader(&mut self, at: usize) {
        for other in self.others(at) {
            self.tasks[other].state = State::Gone;
        }
        let task = &mut self.tasks[at];
        let former = std::mem::replace(&mut task.tid, task.tgid);
        self.event_stop(at, Event::EXEC, former as u64, Phase::Returning);
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
                Some((tid, WaitStatus(*status)))
            }
            state => {
                *state = State::Gone;
                Some((tid, WaitStatus(0)))
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

    fn note(&mut self, at: usize, what: &str) {
        let Task { tid, state, .. } = &self.tasks[at];
        let state = match state {
            State::Stopped { status, next, .. } => format!("{status:#x}, then {next:?}"),
            state => format!("{state:?}"),
        };
        self.trace.push(format!("task {at} ({tid}) {what}: {state}"));
    }

    pub(super) fn resume(&mut self, at: usize) {
        self.note(at, "resumed");
        let tid = self.tasks[at].tid;
        match self.tasks[at].state.clone() {
            State::Stopped { next, .. } => self.tasks[at].state = State::Running(next),
            state => self.violations.push(format!("task {tid} was resumed while {state:?}")),
        }
        let tgid = self.tasks[at].tgid;
        let in_user_code =
            |task: &&Task| task.tgid == tgid && matches!(task.state, State::Running(Phase::User));
        if self.one_at_a_time && self.tasks.iter().filter(in_user_code).count() > 1 {
            self.violations
                .push(format!("task {tid} was resumed while another of its process runs"));
        }
    }
}
