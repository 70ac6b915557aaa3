//! The tasks as the kernel that a tracer talks to.

use super::kernel::{State, Task, Tasks};
use std::cell::RefCell;
use std::rc::Rc;
use sysreel_sys::fake::{FakeKernel, Request};
use sysreel_sys::{Tid, WaitStatus};

/// The fake.
#[derive(Debug, Clone)]
pub(super) struct Kernel(pub(super) Rc<RefCell<Tasks>>);

impl FakeKernel for Kernel {
    fn wait(&mut self, _tid: Tid, nohang: bool) -> Result<Option<(Tid, WaitStatus)>, i32> {
        let mut this = self.0.borrow_mut();
        let steps = this.random(3);
        this.run_some(steps);
        loop {
            if let Some(report) = this.report() {
                return Ok(Some(report));
            }
            if nohang {
                return Ok(None);
            }
            if !this.run_some(1) {
                let none_left = this.left().is_empty();
                return Err(if none_left { libc::ECHILD } else { libc::EDEADLK });
            }
        }
    }

    fn request(&mut self, tid: Tid, request: Request) -> Result<Vec<u8>, i32> {
        let mut this = self.0.borrow_mut();
        let at = this.find(tid).ok_or(libc::ESRCH)?;
        match (request, &this.tasks[at].state) {
            (Request::Resume(..), State::Zombie) => Err(libc::ESRCH),
            (Request::Resume(..), _) => {
                this.resume(at);
                Ok(Vec::new())
            }
            (Request::Detach(_), State::Stopped { .. }) => {
                this.tasks[at].state = State::Detached;
                Ok(Vec::new())
            }
            (Request::Interrupt, State::Zombie) => Err(libc::ESRCH),
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
