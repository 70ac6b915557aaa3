//! The tasks as the kernel that a tracer talks to.

use super::acts::info;
use super::kernel::{Phase, SIGSTOP, State, Task, Tasks, stop_status};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use sysreel_sys::fake::{FakeKernel, Request};
use sysreel_sys::{Event, Tid, WaitStatus};

/// Later than what the recorder assumes of tasks that have just reported.
const WAKE_AFTER: Duration = Duration::from_millis(60);

/// The fake.
#[derive(Debug, Clone)]
pub(super) struct Kernel(pub(super) Rc<RefCell<Tasks>>);

impl FakeKernel for Kernel {
    fn wait(&mut self, _tid: Tid, nohang: bool) -> Result<Option<(Tid, WaitStatus)>, i32> {
        let mut this = self.0.borrow_mut();
        let steps = this.random(3);
        this.run_some(steps);
        if this.random(50) == 0 {
            this.continue_one();
        }
        loop {
            if let Some(report) = this.report() {
                this.wakes = 0;
                return Ok(Some(report));
            }
            if nohang {
                return Ok(None);
            }
            if !this.run_some(1) && !this.continue_one() {
                if this.left().is_empty() {
                    return Err(libc::ECHILD);
                }
                // A ticker, or the watchdog, wakes a tracer that waits for a certain task. Some
                // time has passed then.
                this.wakes += 1;
                if this.wakes == 3 {
                    return Err(libc::EDEADLK);
                }
                std::thread::sleep(WAKE_AFTER);
                return Err(libc::EINTR);
            }
        }
    }

    fn request(&mut self, tid: Tid, request: Request) -> Result<Vec<u8>, i32> {
        let mut this = self.0.borrow_mut();
        let at = this.find(tid).ok_or(libc::ESRCH)?;
        let kills = this.kills;
        if kills > 0 && this.random(kills) == 0 {
            this.kill_process(at);
            let steps = this.random(3);
            this.run_some(steps);
        }
        match (request, &this.tasks[at].state) {
            (
                Request::Resume(..) | Request::Listen,
                State::Zombie | State::Running(Phase::Killed),
            ) => Err(libc::ESRCH),
            (Request::Resume(_, signal), _) => {
                this.resume(at, signal);
                Ok(Vec::new())
            }
            (Request::Listen, State::Stopped { status, .. })
                if *status == stop_status(SIGSTOP, Event::STOP) =>
            {
                this.tasks[at].state = State::Listening;
                Ok(Vec::new())
            }
            // PTRACE_LISTEN works in a PTRACE_EVENT_STOP only (kernel/ptrace.c, `ptrace_request`).
            (Request::Listen, _) => Err(libc::EIO),
            (Request::Detach(signal), State::Stopped { .. }) => {
                this.deliver(at, signal);
                this.tasks[at].state = State::Detached;
                Ok(Vec::new())
            }
            (Request::Interrupt, State::Zombie) => Err(libc::ESRCH),
            (Request::Interrupt, State::Listening) => {
                let status = stop_status(SIGSTOP, Event::STOP);
                this.stop(at, status, info(0, 0, 0), 0, Phase::User);
                Ok(Vec::new())
            }
            (Request::Interrupt, _) => {
                this.tasks[at].interrupted = true;
                Ok(Vec::new())
            }
            (Request::SyscallInfo, State::Stopped { info, .. }) => Ok(info.clone()),
            (Request::EventMessage, State::Stopped { message, .. }) => {
                Ok(message.to_le_bytes().to_vec())
            }
            (Request::Siginfo, State::Stopped { status, .. }) => {
                let mut siginfo = vec![0; 128];
                siginfo[..4].copy_from_slice(&(status >> 8 & 0x7f).to_ne_bytes());
                if status >> 16 != 0 {
                    siginfo[8..12].copy_from_slice(&(status >> 8).to_ne_bytes());
                }
                Ok(siginfo)
            }
            _ => Err(libc::ESRCH),
        }
    }

    fn status(&mut self, tid: Tid) -> Option<Vec<u8>> {
        let this = self.0.borrow();
        let Task { tgid, parent, state, .. } = &this.tasks[this.find(tid)?];
        let state = match state {
            State::Zombie => 'Z',
            State::Stopped { .. } => 't',
            _ => 'R',
        };
        let text = format!(
            "Name:\tfake\nState:\t{state}\nTgid:\t{tgid}\nPid:\t{tid}\nPPid:\t{parent}\n\
             NSpid:\t{tid}\n"
        );
        Some(text.into_bytes())
    }
}
