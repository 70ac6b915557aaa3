//! Decoding blocks of events before the cursor comes to them, by other threads.
//!
//! A scout goes from header to header, a few blocks ahead, and gives each block of events to a
//! thread. The cursor goes its own way and takes what is ready where it comes to the same block: so
//! it tells just what it would tell alone, however damaged the file.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};

use super::source::ReadAt;
use super::store::{Found, Loader, Store};
use super::walk::{Step, Walk};
use super::{Events, Log, Outlines};
use crate::Error;
use crate::kind::BlockKind;
use crate::sites;

/// Blocks under way for each thread: one that it decodes and one that waits, or is ready.
const DEPTH: usize = 2;

/// Larger blocks are left to the cursor, so that memory stays bounded. Writers make them of 1 MiB.
const MOST: usize = 8 << 20;

/// A block to be decoded, with a buffer to put its rows into.
#[derive(Debug)]
struct Job {
    found: Found,
    outline: bool,
    rows: Vec<u8>,
    answer: SyncSender<Answer>,
}

/// The rows of a block, and what [`Loader::load_rows`] said.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) rows: Vec<u8>,
    pub(super) loaded: Result<Result<(), &'static str>, Error>,
}

/// What is under way.
#[derive(Debug)]
pub(super) struct Ahead {
    /// `None` when there is nothing more to look for.
    scout: Option<Walk>,
    /// Blocks whose events all lie below this are not wanted.
    from: u64,
    outline: bool,
    jobs: Sender<Job>,
    /// In order of the file: where each block is, and where its rows will come.
    waiting: VecDeque<(u64, Receiver<Answer>)>,
    most: usize,
}

impl Ahead {
    /// The rows of a block, if they are under way. What was passed over on the way to it is
    /// forgotten.
    pub(super) fn take<S: ReadAt>(
        &mut self,
        store: &Store<S>,
        found: &Found,
        spare: Vec<u8>,
    ) -> Result<Answer, Vec<u8>> {
        let offset = found.header.self_offset;
        while self.waiting.front().is_some_and(|(at, _)| *at < offset) {
            self.waiting.pop_front();
        }
        let answer = match self.waiting.front() {
            Some((at, _)) if *at == offset => {
                self.waiting.pop_front().and_then(|(_, ready)| ready.recv().ok())
            }
            _ => None,
        };
        if answer.is_none() && self.waiting.is_empty() {
            // The cursor has come elsewhere: go on from there.
            self.scout = Some(Walk::new(store, found.end));
        }
        self.look_ahead(store, spare);
        // Without an answer the cursor decodes the block itself.
        answer.ok_or_else(Vec::new)
    }

    /// Gives out blocks until enough are under way. `spare` is a buffer that the cursor needs no
    /// longer.
    fn look_ahead<S: ReadAt>(&mut self, store: &Store<S>, spare: Vec<u8>) {
        let mut spare = Some(spare);
        while self.waiting.len() < self.most
            && let Some(scout) = &mut self.scout
        {
            // Trouble is for the cursor to find and to tell.
            let Ok(Step::Block { found, damage: None }) = scout.step(store) else {
                self.scout = None;
                return;
            };
            let header = &found.header;
            let end = header.first_item.saturating_add(header.n_items.into());
            let large = header.raw_len.max(header.payload_len) > MOST as u64;
            if header.kind != BlockKind::EVENTS
                || header.codec > sites::CODEC
                || end <= self.from
                || large
            {
                continue;
            }
            let (answer, ready) = sync_channel(1);
            let job = Job {
                found,
                outline: self.outline,
                rows: spare.take().unwrap_or_default(),
                answer,
            };
            if self.jobs.send(job).is_ok() {
                self.waiting.push_back((header.self_offset, ready));
            }
        }
    }
}

/// Decodes until nobody has jobs any more.
fn work<S: ReadAt>(store: &Store<S>, jobs: &Mutex<Receiver<Job>>) {
    let mut loader = Loader::default();
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { found, outline, mut rows, answer }) = next else { return };
        let loaded = loader.load_rows(store, &found, outline, &mut rows);
        // A cursor that has gone elsewhere does not wait for it.
        _ = answer.send(Answer { rows, loaded });
    }
}

impl<S: ReadAt + Sync> Log<S> {
    /// Calls `read` with a cursor that begins at the event of that number, and whose blocks so many
    /// other threads decode ahead of it. It gives what [`Log::events_from`] gives, in that order.
    /// Memory is that of two blocks a thread; with no threads it is that very cursor.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn read_ahead<R>(
        &self,
        threads: usize,
        from: u64,
        read: impl FnOnce(&mut Events<'_, S>) -> R,
    ) -> Result<R, Error> {
        Ok(self.with_threads(threads, from, self.events_from(from)?, read))
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
                scope.spawn(|| work(store, &queue));
            }
            let (waiting, most) = (VecDeque::new(), threads.saturating_mul(DEPTH));
            events.decode_ahead(|scout, outline| Ahead {
                scout: Some(scout),
                from,
                outline,
                jobs,
                waiting,
                most,
            });
            let read = read(&mut events);
            // Its end of the queue goes with it, and so do the threads.
            drop(events);
            read
        })
    }
}
