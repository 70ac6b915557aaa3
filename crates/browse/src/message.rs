//! What threads tell the screen, and what they are told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use crate::index::Index;

/// A row as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// As `print` shows it, without a prefix.
    pub(crate) text: String,
    /// The time of its first event since the start of the recording, in nanoseconds.
    pub(crate) since_start_ns: u64,
    /// How long the call took, if it returned.
    pub(crate) took: Option<Duration>,
}

/// What threads tell the screen.
#[derive(Debug)]
pub(crate) enum Message {
    /// The index has grown, or reading has ended.
    Indexed,
    /// The index is made anew: rows have other numbers.
    Restarted,
    /// A row was decoded.
    Line(usize, Line),
    /// All about a row, line by line.
    Details(usize, Vec<String>),
    /// All that was asked for in a request was sent.
    Ready(u64),
    /// A filter matches these rows, and has seen all rows before the second number. Of the job
    /// with the first number.
    Matches(u64, Vec<u32>, usize),
    /// A job has come so far, in percent.
    Progress(u64, u64),
    /// A job has ended.
    Ended(u64, End),
    /// The program that is being recorded has written something.
    Written,
    /// It has ended, and how.
    ProgramEnded(String),
}

/// What a job has to say in the end.
#[derive(Debug)]
pub(crate) enum End {
    /// What was searched for is in this row.
    Found(usize),
    /// A place was found: this event.
    Event(u64),
    /// What there is to tell.
    Said(String),
    /// It failed.
    Failed(String),
    /// Nothing to tell.
    Quietly,
}

/// What the index, the reader and jobs share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) index: Arc<RwLock<Index>>,
    pub(crate) send: Sender<Message>,
}

impl Shared {
    pub(crate) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Index)) {
        change(&mut self.index.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Tells the screen something. Returns whether it is still there.
    pub(crate) fn tell(&self, message: Message) -> bool {
        self.send.send(message).is_ok()
    }
}

/// Whether somebody wants a thread to go on. Clones are about the same thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
