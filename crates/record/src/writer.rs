//! The writer thread: turns segments into blocks and writes them to the log.

use crate::exchange::{Received, TracerEnd, WriterEnd, exchange};
use crate::log_file::{LogFile, is_full};
use crate::log_guard::LogGuard;
use crate::message::{Ahead, Refused, ToWriter};
use crate::progress::Progress;
use crate::sync::mpsc;
use crate::tail::{Tail, TailMemory};
use crate::watchdog::{self, Watchdog};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvError, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use sysreel_format::{
    BlockWriter, Completeness, Damaged, DropReasons, Extras, Segment, holds_blobs,
};

/// How often written data is made to survive a power cut.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// The result of writing a log.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Events that are not in the file.
    pub(crate) lost: u64,
    /// The first error that lost events or prevented the end of the log.
    pub(crate) error: Option<io::Error>,
    /// The size of the file in bytes.
    pub(crate) bytes: u64,
    /// Whether the footer was written.
    pub(crate) finished: bool,
    /// The path of the log, if it was guarded.
    pub(crate) path: Option<PathBuf>,
    /// The path of the tail, if there is one.
    pub(crate) tail: Option<PathBuf>,
    /// What other programs did to the files, as sentences.
    pub(crate) interference: Vec<String>,
}

/// The writer thread, and the tracer's ends of its channels.
pub(crate) struct Writer {
    thread: JoinHandle<()>,
    written: Receiver<Written>,
    /// For the last message, when the tracer's end is gone.
    to: mpsc::SyncSender<ToWriter>,
    exchange: Option<TracerEnd<ToWriter, TailMemory>>,
    warn: fn(&str),
}

/// The destination of the blocks.
pub(crate) struct Output {
    pub(crate) blocks: BlockWriter<LogFile>,
    /// The tail, if there is one; synced with the log.
    pub(crate) tail: Option<Tail>,
    pub(crate) guard: Option<LogGuard>,
    /// Watches the tracer's waits.
    pub(crate) watchdog: Watchdog,
}

impl Writer {
    /// Starts the thread and gives it the memory of the segments.
    pub(crate) fn start(
        output: Output,
        segments: Vec<TailMemory>,
        progress: Arc<Progress>,
    ) -> io::Result<Writer> {
        let (exchange, ours, to) = exchange(segments);
        let Output { blocks, tail, guard, watchdog } = output;
        let warn = watchdog.warn;
        let mut state = State {
            blocks: Some(blocks),
            tail,
            guard,
            watchdog,
            written: Written::default(),
            progress,
            exchange: ours,
            records: Vec::new(),
            unneeded: Vec::new(),
        };
        let (report, written) = channel();
        let thread = std::thread::Builder::new().name("writer".into()).spawn(move || {
            // After this report no thread waits for segments the writer still returns.
            _ = report.send(state.run());
        })?;
        Ok(Writer { thread, written, to, exchange: Some(exchange), warn })
    }

    /// Returns the tracer's end of the exchange.
    ///
    /// # Panics
    /// When called twice.
    pub(crate) fn take_exchange(&mut self) -> TracerEnd<ToWriter, TailMemory> {
        self.exchange.take().expect("the tracer's end is taken once")
    }

    /// Ends the log and the thread. The sink must have been closed.
    pub(crate) fn finish(self, completeness: Completeness, extras: Extras) -> Written {
        _ = self.to.send(ToWriter::Finish(completeness, extras));
        let written = match self.written.recv_timeout(watchdog::LIMIT) {
            Err(RecvTimeoutError::Timeout) => {
                let seconds = watchdog::LIMIT.as_secs();
                (self.warn)(&format!("waited {seconds} s for the end of the log to be written"));
                self.written.recv()
            }
            written => written.map_err(|_| RecvError),
        };
        match (written, self.thread) {
            (Ok(written), _) => written,
            (Err(_), thread) => match thread.join() {
                Err(panic) => std::panic::resume_unwind(panic),
                Ok(()) => unreachable!("the thread reports before it ends"),
            },
        }
    }
}

struct State {
    /// `None` once the log is finished.
    blocks: Option<BlockWriter<LogFile>>,
    tail: Option<Tail>,
    guard: Option<LogGuard>,
    watchdog: Watchdog,
    written: Written,
    progress: Arc<Progress>,
    exchange: WriterEnd<ToWriter, TailMemory>,
    /// A buffer for records read ahead.
    records: Vec<u8>,
    /// Segments that the tracer no longer takes.
    unneeded: Vec<TailMemory>,
}

impl State {
    fn run(&mut self) -> Written {
        // While the program starts.
        _ = self.blocks.as_mut().map(BlockWriter::warm_up);
        let mut synced = Instant::now();
        loop {
            match self.exchange.receive(SYNC_EVERY) {
                Received::Message(ToWriter::Ahead(ahead)) => {
                    self.take_ahead(&ahead);
                    self.exchange.announcement_handled();
                }
                Received::Message(ToWriter::Segment(segment, before)) => {
                    self.segment(segment, before);
                }
                Received::Message(ToWriter::Finish(completeness, extras)) => {
                    self.finish(completeness, &extras);
                    // Closing the log releases its lock: a caller that is told that the log is
                    // finished can record to the same file at once.
                    (self.blocks, self.tail) = (None, None);
                    return std::mem::take(&mut self.written);
                }
                Received::Nothing => {}
                Received::Ended => return std::mem::take(&mut self.written),
            }
            if synced.elapsed() >= SYNC_EVERY {
                self.watchdog.check();
                self.check_files();
                self.sync();
                synced = Instant::now();
            }
        }
    }

    /// Writes the blobs of a segment before it is full, so that less is left to do when the program
    /// has ended. The records are read from the tail's file, which contains what was stored to the
    /// mapping. They are committed and no longer change, unless another program writes to the file.
    fn take_ahead(&mut self, ahead: &Ahead) {
        let Some(tail) = &self.tail else { return };
        let Some(blocks) = &mut self.blocks else { return };
        self.records.clear();
        self.records.resize(ahead.len, 0);
        // An error here recurs when the segment comes, and is reported then.
        if tail.file.read_exact_at(&mut self.records, ahead.offset).is_ok()
            && holds_blobs(ahead.sums.0, &self.records, ahead.sums.1)
        {
            _ = blocks.take_ahead(ahead.first_blob, &self.records);
        }
        self.progress.bytes.store(blocks.offset(), Ordering::Relaxed);
    }

    fn segment(&mut self, segment: Segment<TailMemory>, before: Refused) {
        let Some(blocks) = &mut self.blocks else { return };
        blocks.note_loss(before.0, before.1);
        if let Some(tail) = self.tail.as_ref().filter(|_| segment.memory().is_stale()) {
            tail.keep_copy(&segment);
        }
        if let Err(error) = blocks.write_segment(&segment).map_err(io_error) {
            let full = is_full(&error);
            let reason = if full { DropReasons::DISK_FULL } else { DropReasons::WRITE_ERROR };
            blocks.drop_segment(&segment, reason);
            self.written.error.get_or_insert(error);
        }
        self.written.lost = blocks.lost();
        self.progress.lost.store(self.written.lost, Ordering::Relaxed);
        self.progress.bytes.store(blocks.offset(), Ordering::Relaxed);
        let end = blocks.bytes_to_reserve();
        blocks.get_mut().reserve_for_end(end);
        let memory = segment.free();
        if memory.is_stale() {
            // The segment's tail was replaced.
            _ = self.tail.as_ref().map(|tail| tail.forget_copy(&memory));
            self.unneeded.push(memory);
        } else if let Some(last) = self.exchange.give_back(memory) {
            // Unmapped when the log is finished.
            self.unneeded.push(last);
        }
    }

    /// Checks that the files are where they were.
    fn check_files(&mut self) {
        let (Some(guard), Some(blocks)) = (&mut self.guard, &mut self.blocks) else { return };
        guard.check(blocks.get_mut(), &mut self.tail, |segment| {
            _ = self.exchange.give_back(segment)
        });
    }

    fn sync(&mut self) {
        // A failed sync loses nothing yet; the next write or the end reports the error.
        _ = self.blocks.as_ref().map(|blocks| blocks.get_ref().sync());
        _ = self.tail.as_ref().map(|tail| tail.file.sync_data());
    }

    fn finish(&mut self, completeness: Completeness, extras: &Extras) {
        // Restores what is missing before the end is written, and again what went missing until
        // then.
        self.check_files();
        let Some(blocks) = &mut self.blocks else { return };
        blocks.get_mut().begin_end();
        match blocks.end(completeness, extras) {
            Ok(()) => {
                self.written.finished = true;
                blocks.get_ref().free_reserve();
            }
            Err(error) => _ = self.written.error.get_or_insert(io_error(error)),
        }
        self.written.bytes = blocks.offset();
        let damaged = blocks.damaged();
        self.check_files();
        if let Some(guard) = self.guard.take() {
            let (path, tail, mut interference) = guard.end(self.tail.as_ref());
            if damaged != Damaged::default() {
                interference.push(format!(
                    "another program wrote to the tail of {} while it was recorded: {} events and \
                     {} buffers are lost",
                    path.display(),
                    damaged.events,
                    damaged.blobs
                ));
            }
            (self.written.path, self.written.tail, self.written.interference) =
                (Some(path), tail, interference);
        }
    }
}

pub(crate) fn io_error(error: sysreel_format::Error) -> io::Error {
    match error {
        sysreel_format::Error::Io { source, .. } => source,
        other => io::Error::other(other),
    }
}
