//! Decodes blocks of events on other threads, ahead of the cursor.
//!
//! A scout walks the headers a few blocks ahead and hands each EVENTS block to a thread. The cursor
//! walks on its own and takes the decoded rows when it reaches the same block. So it returns the
//! same items as without threads, however damaged the file.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use super::source::ReadAt;
use super::store::{Depth, Found, Loader, Store};
use super::walk::{Step, Walk};
use crate::Error;
use crate::kind::BlockKind;
use crate::sites;

/// Blocks in progress for each thread: one being decoded, and one that waits or is ready.
pub(super) const DEPTH: usize = 2;

/// The cursor decodes larger blocks itself, so that memory stays bounded. Writers make blocks of 1
/// MiB.
const MAX_BLOCK_LEN: usize = 8 << 20;

/// A block to decode, with a buffer for its rows.
#[derive(Debug)]
pub(super) struct Job {
    found: Found,
    pub(super) depth: Depth,
    rows: Vec<u8>,
    answer: SyncSender<Answer>,
}

/// The rows of a block and the result of [`Loader::load_rows`].
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) rows: Vec<u8>,
    pub(super) loaded: Result<Result<u32, &'static str>, Error>,
}

/// The blocks in progress.
#[derive(Debug)]
pub(super) struct Ahead {
    /// `None` once there are no more blocks to find.
    pub(super) scout: Option<Walk>,
    /// Blocks with only events before this one are skipped.
    pub(super) from: u64,
    pub(super) depth: Depth,
    pub(super) jobs: Sender<Job>,
    /// In file order: the offset of each block, and the channel that its rows arrive on.
    pub(super) waiting: VecDeque<(u64, Receiver<Answer>)>,
    pub(super) max_waiting: usize,
}

impl Ahead {
    /// Returns the rows of a block, if it is in progress. Drops blocks before it that the cursor
    /// skipped.
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
            // The cursor has jumped: continue from there.
            self.scout = Some(Walk::new(store, found.end));
        }
        self.look_ahead(store, spare);
        // Without an answer the cursor decodes the block itself.
        answer.ok_or_else(Vec::new)
    }

    /// Hands out blocks until enough are in progress. `spare` is a buffer that the cursor no longer
    /// needs.
    fn look_ahead<S: ReadAt>(&mut self, store: &Store<S>, spare: Vec<u8>) {
        let mut spare = Some(spare);
        while self.waiting.len() < self.max_waiting
            && let Some(scout) = &mut self.scout
        {
            // The cursor will find the problem and report it.
            let Ok(Step::Block { found, damage: None }) = scout.step(store) else {
                self.scout = None;
                return;
            };
            let header = &found.header;
            let end = header.first_item.saturating_add(header.n_items.into());
            let large = header.raw_len.max(header.payload_len) > MAX_BLOCK_LEN as u64;
            if header.kind != BlockKind::EVENTS
                || header.codec > sites::CODEC
                || end <= self.from
                || large
            {
                continue;
            }
            let (answer, ready) = sync_channel(1);
            let job =
                Job { found, depth: self.depth, rows: spare.take().unwrap_or_default(), answer };
            if self.jobs.send(job).is_ok() {
                self.waiting.push_back((header.self_offset, ready));
            }
        }
    }
}

/// Decodes blocks until the queue is closed.
pub(super) fn decode_jobs<S: ReadAt>(store: &Store<S>, jobs: &Mutex<Receiver<Job>>) {
    let mut loader = Loader::default();
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { found, depth, mut rows, answer }) = next else { return };
        let loaded = loader.load_rows(store, &found, depth, &mut rows);
        // Fails if the cursor has jumped and no longer waits.
        _ = answer.send(Answer { rows, loaded });
    }
}
