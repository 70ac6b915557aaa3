//! What the tasks of the fake kernel do.

use super::kernel::{Act, EXIT_EVENT, Phase, SIGSTOP, State, Task, Tasks, stop_status};
use sysreel_abi::{Abi, AuditArch, number::number};
use sysreel_sys::signals::{SIGTRAP, SIGUSR1};
use sysreel_sys::{Event, Signal, Tid};

/// -ERESTARTNOHAND (include/linux/errno.h).
const RESTART: u64 = -514_i64 as u64;

/// The struct of PTRACE_GET_SYSCALL_INFO: no call, an entry with its first argument, or an exit
/// (linux/ptrace.h).
pub(super) fn info(op: u8, nr_or_result: u64, arg: u64) -> Vec<u8> {
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
            bytes.push(u8::from(nr_or_result == RESTART));
        }
    }
    bytes
}

impl Tasks {
    pub(super) fn stop(
        &mut self,
        at: usize,
        status: i32,
        info: Vec<u8>,
        message: u64,
        next: Phase,
    ) {
        let task = &mut self.tasks[at];
        // Each stop clears a pending interrupt (kernel/signal.c, `ptrace_stop`).
        task.interrupted = false;
        task.state = State::Stopped { status, info, message, reported: false, next };
    }

    pub(super) fn event_stop(&mut self, at: usize, event: Event, message: u64, next: Phase) {
        self.stop(at, stop_status(SIGTRAP, event), info(0, 0, 0), message, next);
    }

    fn syscall_stop(&mut self, at: usize, info: Vec<u8>, next: Phase) {
        // PTRACE_O_TRACESYSGOOD
        let signal = Signal(libc::SIGTRAP | 0x80);
        self.stop(at, stop_status(signal, Event(0)), info, 0, next);
    }

    fn make_child(&mut self, by: usize, script: Vec<Act>, is_thread: bool) -> Tid {
        let tid = self.new_tid();
        let Task { tgid, parent, .. } = self.tasks[by];
        let (tgid, parent) = if is_thread { (tgid, parent) } else { (tid, tgid) };
        let state = State::Running(Phase::User);
        self.tasks.push(Task::new(tid, tgid, parent, script, state));
        self.event_stop(self.tasks.len() - 1, Event::STOP, 0, Phase::User);
        tid
    }

    /// Returns an id that no task has. It may be that of one that has been reaped.
    fn new_tid(&mut self) -> Tid {
        let is_gone = |task: &&Task| matches!(task.state, State::Gone);
        let used: Vec<Tid> = self
            .tasks
            .iter()
            .filter(|task| !is_gone(task))
            .flat_map(|task| [task.tid, task.tgid])
            .collect();
        let gone = self.tasks.iter().filter(is_gone).map(|task| task.tid);
        let free: Vec<Tid> = gone.filter(|tid| !used.contains(tid)).collect();
        if !free.is_empty() && self.random(2) == 0 {
            return free[self.random(free.len())];
        }
        self.next += 1;
        self.next - 1
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
        match &self.tasks[at].state {
            State::Zombie
            | State::Gone
            | State::Detached
            | State::Running(Phase::End | Phase::Killed) => {}
            State::Stopped { status, .. } if *status == EXIT_EVENT => self.end(at),
            _ => self.tasks[at].state = State::Running(Phase::Killed),
        }
        self.tasks[at].was_killed = true;
    }

    fn kill_others(&mut self, at: usize) {
        for other in self.others(at) {
            self.kill(other);
        }
    }

    /// SIGKILL, for the process of a task.
    pub(super) fn kill_process(&mut self, at: usize) {
        self.note(at, "killed");
        self.kill_others(at);
        self.kill(at);
    }

    fn end(&mut self, at: usize) {
        self.tasks[at].state = State::Zombie;
    }

    /// Whether the end of a task can be reported: that of a leader waits for the other threads.
    pub(super) fn is_reapable(&self, at: usize) -> bool {
        let task = &self.tasks[at];
        matches!(task.state, State::Zombie) && (task.tid != task.tgid || self.others(at).is_empty())
    }

    /// Whether a task can take a step.
    pub(super) fn can_run(&self, at: usize) -> bool {
        match &self.tasks[at].state {
            State::Running(Phase::Exec) => {
                let leader = self.tasks[at].tgid;
                self.others(at).iter().all(|&other| {
                    let task = &self.tasks[other];
                    task.tid == leader && matches!(task.state, State::Zombie)
                })
            }
            // What of the child it was: it has other memory now (kernel/fork.c, `mm_release`).
            State::Running(Phase::Vfork(child)) => {
                let child = &self.tasks[*child];
                let has_ended = matches!(child.state, State::Zombie | State::Gone);
                child.has_executed || has_ended || matches!(child.state, State::Detached)
            }
            State::Running(Phase::Waiting) => self.tasks[at].interrupted,
            State::Running(_) => true,
            _ => false,
        }
    }

    /// Lets a task run to its next stop.
    pub(super) fn step(&mut self, at: usize) {
        let State::Running(phase) = self.tasks[at].state.clone() else { return };
        let call = |name| number(Abi::X86_64, name).unwrap_or(u64::MAX);
        match phase {
            Phase::User if self.tasks[at].interrupted => {
                self.event_stop(at, Event::STOP, 0, Phase::User);
            }
            Phase::User if self.tasks[at].stopping => {
                self.tasks[at].stopping = false;
                let status = stop_status(SIGSTOP, Event::STOP);
                self.stop(at, status, info(0, 0, 0), 0, Phase::User);
            }
            Phase::User => {
                let act = self.tasks[at].script.pop_front().unwrap_or(Act::Exit);
                let name = match &act {
                    Act::Signal => {
                        let status = stop_status(SIGUSR1, Event(0));
                        return self.stop(at, status, info(0, 0, 0), 0, Phase::User);
                    }
                    Act::Stop => {
                        let status = stop_status(SIGSTOP, Event(0));
                        return self.stop(at, status, info(0, 0, 0), 0, Phase::User);
                    }
                    Act::Call | Act::Filtered => "getpid",
                    Act::Wait => "pause",
                    Act::Vfork(_) => "vfork",
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
            Phase::Waiting => {
                // The interrupted call is made again.
                self.tasks[at].script.push_front(Act::Wait);
                self.syscall_stop(at, info(2, RESTART, 0), Phase::User);
            }
            Phase::Returning => self.syscall_stop(at, info(2, 0, 0), Phase::User),
            Phase::Exec => self.replace_leader(at),
            Phase::Vfork(child) => {
                let tid = self.tasks[child].tid as u64;
                self.event_stop(at, Event::VFORK_DONE, tid, Phase::Returning);
            }
            Phase::Killed => self.event_stop(at, Event::EXIT, 9, Phase::End),
            Phase::End => self.end(at),
        }
    }

    fn act(&mut self, at: usize, act: Act) {
        match act {
            Act::Call | Act::Signal | Act::Stop => {
                self.syscall_stop(at, info(2, 0, 0), Phase::User)
            }
            Act::Fork(script) => {
                let child = self.make_child(at, script, false);
                self.event_stop(at, Event::FORK, child as u64, Phase::Returning);
            }
            Act::Vfork(script) => {
                let child = self.make_child(at, script, false);
                let next = Phase::Vfork(self.tasks.len() - 1);
                self.event_stop(at, Event::VFORK, child as u64, next);
            }
            Act::Filtered => self.event_stop(at, Event::SECCOMP, 0, Phase::Returning),
            Act::Wait => self.tasks[at].state = State::Running(Phase::Waiting),
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
                self.kill_process(target);
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
        task.has_executed = true;
        let former = std::mem::replace(&mut task.tid, task.tgid);
        self.event_stop(at, Event::EXEC, former as u64, Phase::Returning);
    }
}
