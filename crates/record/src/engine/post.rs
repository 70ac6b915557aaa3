//! The mailboxes of the tracers of a recording, and when none of them has anything left to do.
//!
//! The tests under loom try all orders of these steps (`cargo xtask loom`).

#[cfg(all(test, loom))]
mod loom_tests;

use crate::sync::{AtomicBool, Condvar, Mutex, MutexGuard, Ordering};
use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::Duration;

/// The mailboxes.
pub(super) struct Post<M> {
    state: Mutex<State<M>>,
    /// A message has arrived, or a tracer has nothing to do.
    changed: Condvar,
    /// Whether each mailbox is not empty, to be asked without the lock.
    has_mail: Vec<AtomicBool>,
}

struct State<M> {
    mailboxes: Vec<VecDeque<M>>,
    /// The number of tracers without tasks.
    idle: usize,
    /// Whether all were idle and no message was on its way.
    over: bool,
}

/// What a tracer without tasks is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    /// There may be a message, or a request to end the recording.
    Look,
    /// No tracer has tasks.
    Over,
}

impl<M> Post<M> {
    /// Returns the mailboxes of so many tracers, which are busy.
    pub(super) fn new(count: usize) -> Post<M> {
        let mailboxes = (0..count).map(|_| VecDeque::new()).collect();
        Post {
            state: Mutex::new(State { mailboxes, idle: 0, over: false }),
            changed: Condvar::new(),
            has_mail: (0..count).map(|_| AtomicBool::new(false)).collect(),
        }
    }

    /// Puts a message into a mailbox.
    pub(super) fn send(&self, to: usize, message: M) {
        let mut state = self.lock();
        state.mailboxes[to].push_back(message);
        self.has_mail[to].store(true, Ordering::Release);
        drop(state);
        self.changed.notify_all();
    }

    /// Takes the first message.
    pub(super) fn receive(&self, at: usize) -> Option<M> {
        if !self.has_mail[at].load(Ordering::Acquire) {
            return None;
        }
        self.receive_first(at, |_| true)
    }

    /// Takes the first message of a kind, before others.
    pub(super) fn receive_first(&self, at: usize, is_meant: impl Fn(&M) -> bool) -> Option<M> {
        let mut state = self.lock();
        let mailbox = &mut state.mailboxes[at];
        let nth = mailbox.iter().position(is_meant)?;
        let message = mailbox.remove(nth);
        self.has_mail[at].store(!mailbox.is_empty(), Ordering::Release);
        message
    }

    /// Waits, as this tracer has no tasks: until there is a message, all are idle, or for that
    /// time.
    pub(super) fn idle(&self, at: usize, time: Option<Duration>) -> Idle {
        let mut state = self.lock();
        state.idle += 1;
        let mut looks = false;
        while !state.over && state.mailboxes[at].is_empty() && !looks {
            if state.idle == self.has_mail.len() && state.mailboxes.iter().all(VecDeque::is_empty) {
                state.over = true;
                self.changed.notify_all();
            } else if let Some(time) = time {
                let waited = self.changed.wait_timeout(state, time);
                (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
                looks = true;
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        state.idle -= 1;
        if state.over { Idle::Over } else { Idle::Look }
    }

    /// The others do not wait for a tracer that has ended, with or without tasks.
    pub(super) fn leave(&self) {
        self.lock().idle += 1;
        self.changed.notify_all();
    }

    /// Waits for a change: so long while all mailboxes are empty, or else for the second time.
    /// Returns the mailboxes that are not empty; `None` when all is over.
    pub(super) fn wait_for_mail(&self, empty: Duration, unread: Duration) -> Option<Vec<usize>> {
        let state = self.lock();
        if state.over {
            return None;
        }
        let is_quiet = state.mailboxes.iter().all(VecDeque::is_empty);
        drop(self.changed.wait_timeout(state, if is_quiet { empty } else { unread }));
        let is_unread = |&at: &usize| self.has_mail[at].load(Ordering::Acquire);
        Some((0..self.has_mail.len()).filter(is_unread).collect())
    }

    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
