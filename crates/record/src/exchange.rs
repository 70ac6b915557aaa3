//! The exchange of segments between tracer and writer.
//!
//! ```text
//!             announce             begins with its records
//!            ┌──────────────────────────────┐
//!   tracer   │          hand over           ▼   writer
//!  ┌─────────┴───┐                   ┌──────────────┐
//!  │ filling one ├──────────────────►│ writing one  │
//!  └─────────────┘                   └──────┬───────┘
//!         ▲            give back            │
//!         └─────────────────────────────────┘
//! ```
//!
//! A memory is in one place at a time: with the tracer, on its way to the writer, with the writer,
//! or on its way back. The tracer waits only when all are with the writer. The writer may be told
//! of records before it gets their segment, one announcement at a time. The way to it has room for
//! the memory of one tail, an announcement and the end. When the tail is replaced there is more
//! memory for a while: then the tracer may wait there, and an announcement may be left out. It gets
//! the new memory first, and learns afterwards that the one it fills is stale. Either end may
//! disappear.
//!
//! The tests under loom try all orders of these steps (`cargo xtask loom`).

use crate::sync::{Arc, AtomicBool, AtomicU64, Ordering, mpsc};
use std::time::Duration;

/// The number of the tail in use.
#[derive(Debug, Default)]
pub(crate) struct CurrentTail(AtomicU64);

impl CurrentTail {
    /// Makes the memory of the previous tails stale. The tracer must have got new memory.
    pub(crate) fn switch_to(&self, number: u64) {
        self.0.store(number, Ordering::Release);
    }

    /// Whether the tail of this number was replaced. Memory of the next tail may arrive before
    /// [`CurrentTail::switch_to`]: it is as good as it will be after it. A late answer is harmless:
    /// the events of a stale segment are written like others.
    pub(crate) fn has_replaced(&self, number: u64) -> bool {
        self.0.load(Ordering::Relaxed) > number
    }
}

/// The tracer's end. `T` is what it sends, `M` what it gets back.
pub(crate) struct TracerEnd<T, M> {
    to_writer: mpsc::SyncSender<T>,
    free: mpsc::Receiver<M>,
    /// Whether the writer has not handled the last announcement yet.
    announced: Arc<AtomicBool>,
}

/// The writer's end.
pub(crate) struct WriterEnd<T, M> {
    from_tracer: mpsc::Receiver<T>,
    give_back: mpsc::Sender<M>,
    announced: Arc<AtomicBool>,
}

/// What the writer receives.
pub(crate) enum Received<T> {
    Message(T),
    /// Nothing in this time.
    Nothing,
    /// Nothing any more.
    Ended,
}

/// Returns both ends, and a sender for a last message, when the tracer's end is gone.
pub(crate) fn exchange<T, M>(
    memory: Vec<M>,
) -> (TracerEnd<T, M>, WriterEnd<T, M>, mpsc::SyncSender<T>) {
    // The memory of one tail, an announcement and the end.
    let (to_writer, from_tracer) = mpsc::sync_channel(memory.len() + 2);
    let (give_back, free) = mpsc::channel();
    for memory in memory {
        _ = give_back.send(memory);
    }
    let announced = Arc::new(AtomicBool::new(false));
    let last = to_writer.clone();
    let tracer = TracerEnd { to_writer, free, announced: Arc::clone(&announced) };
    (tracer, WriterEnd { from_tracer, give_back, announced }, last)
}

impl<T, M> TracerEnd<T, M> {
    /// Tells the writer of records, unless it has not handled the last announcement. Optional: it
    /// will get the whole segment.
    pub(crate) fn announce(&self, message: impl FnOnce() -> T) {
        if !self.announced.swap(true, Ordering::AcqRel) {
            let sent = self.to_writer.try_send(message());
            if sent.is_err() {
                // No one will handle it. If the writer has ended it does not matter.
                self.announced.store(false, Ordering::Release);
            }
        }
    }

    /// Hands over a full segment.
    pub(crate) fn hand_over(&self, message: T) {
        _ = self.to_writer.send(message);
    }

    /// Waits for free memory. `None` when there will be none, because the writer has ended.
    pub(crate) fn free(&self) -> Option<M> {
        self.free.recv().ok()
    }
}

impl<T, M> WriterEnd<T, M> {
    pub(crate) fn receive(&self, timeout: Duration) -> Received<T> {
        match self.from_tracer.recv_timeout(timeout) {
            Ok(message) => Received::Message(message),
            Err(mpsc::RecvTimeoutError::Timeout) => Received::Nothing,
            Err(mpsc::RecvTimeoutError::Disconnected) => Received::Ended,
        }
    }

    /// Allows the next announcement.
    pub(crate) fn announcement_handled(&self) {
        self.announced.store(false, Ordering::Release);
    }

    /// Gives memory back. Returns it when the tracer takes no more.
    pub(crate) fn give_back(&self, memory: M) -> Option<M> {
        self.give_back.send(memory).err().map(|mpsc::SendError(memory)| memory)
    }
}

#[cfg(all(test, loom))]
mod loom_tests;
