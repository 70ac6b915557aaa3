//! Reads a log with blocks decoded ahead on other threads.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use super::ahead::{Ahead, DEPTH, decode_jobs};
use super::source::ReadAt;
use super::{Events, Log, Outlines};
use crate::Error;
use crate::sites::NeedsParts;

impl<S: ReadAt + Sync> Log<S> {
    /// Calls `read` with a cursor that starts at event `from` and has blocks decoded ahead on
    /// `threads` threads. It yields the same items as [`Log::events_from`]. Needs the memory of two
    /// blocks for each thread; without threads it is that cursor.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn read_ahead<R>(
        &self,
        threads: usize,
        from: u64,
        read: impl FnOnce(&mut Events<'_, S>) -> R,
    ) -> Result<R, Error> {
        Ok(self.with_threads(threads, from, self.events_from(from)?, read))
    }

    /// As [`Log::read_ahead`], but the parts of most stops are left out: see
    /// [`Events::without_parts`].
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn read_ahead_without_parts<R>(
        &self,
        threads: usize,
        from: u64,
        needs_parts: NeedsParts,
        read: impl FnOnce(&mut Events<'_, S>) -> R,
    ) -> Result<R, Error> {
        let mut events = self.events_from(from)?;
        events.without_parts(needs_parts);
        Ok(self.with_threads(threads, from, events, read))
    }

    /// As [`Log::read_ahead`], for the outlines of all events ([`Log::outlines`]).
    pub fn outline_ahead<R>(
        &self,
        threads: usize,
        read: impl FnOnce(&mut Outlines<'_, S>) -> R,
    ) -> R {
        self.with_threads(threads, 0, self.outlines().0, |events| {
            let own = std::mem::replace(events, self.events());
            read(&mut Outlines(own))
        })
    }

    fn with_threads<'a, R>(
        &'a self,
        threads: usize,
        from: u64,
        mut events: Events<'a, S>,
        read: impl FnOnce(&mut Events<'a, S>) -> R,
    ) -> R {
        if threads == 0 {
            return read(&mut events);
        }
        let (jobs, queue) = channel();
        let (store, queue) = (&self.store, Mutex::new(queue));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| decode_jobs(store, &queue));
            }
            let (waiting, max_waiting) = (VecDeque::new(), threads.saturating_mul(DEPTH));
            events.decode_ahead(|scout, depth| Ahead {
                scout: Some(scout),
                from,
                depth,
                jobs,
                waiting,
                max_waiting,
            });
            let read = read(&mut events);
            // Closes the queue, which ends the threads.
            drop(events);
            read
        })
    }
}
