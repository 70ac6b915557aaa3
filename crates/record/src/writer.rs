//! The second thread: makes blocks of full segments and writes them to the file.

use crate::log_file::{LogFile, is_full};
use crate::log_guard::LogGuard;
use crate::recorder::Progress;
use crate::sink::{Ahead, Refused};
use crate::tail::{Tail, TailMemory};
use crate::watchdog::{self, Watchdog};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{
    Receiver, RecvError, RecvTimeoutError, SendError, Sender, SyncSender, channel, sync_channel,
};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use sysreel_format::{
    BlockWriter, Completeness, Damaged, DropReasons, Extras, Segment, holds_blobs,
};

/// How often what was written is made to survive a power cut.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// What the tracer sends.
pub(crate) enum ToWriter {
    /// Begin with these records, if you like.
    Ahead(Ahead),
    /// Note the events that were lost before it, write this, and give its memory back.
    Segment(Segment<TailMemory>, Refused),
    /// That was all.
    Finish(Completeness, Extras),
}

/// How the log ended.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Events that are not in the file.
    pub(crate) lost: u64,
    /// The first error that lost any, or that kept the log from being finished.
    pub(crate) error: Option<io::Error>,
    /// The length of the file.
    pub(crate) bytes: u64,
    /// Was the footer written?
    pub(crate) finished: bool,
    /// Where the log is now, if that was looked after.
    pub(crate) path: Option<PathBuf>,
    /// Where the tail is, if there is one.
    pub(crate) tail: Option<PathBuf>,
    /// What others did to the files meanwhile.
    pub(crate) interference: Vec<String>,
}

/// The writer thread and the tracer's ends of its channels.
pub(crate) struct Writer {
    thread: JoinHandle<()>,
    written: Receiver<Written>,
    to: SyncSender<ToWriter>,
    free: Option<Receiver<TailMemory>>,
    state_check: Arc<AtomicBool>,
    warn: fn(&str),
}

/// Where the blocks go.
pub(crate) struct Output {
    pub(crate) blocks: BlockWriter<LogFile>,
    /// The tail, when there is one: to be synced along.
    pub(crate) tail: Option<Tail>,
    pub(crate) watch: Option<LogGuard>,
    /// Looks after the waits of the tracer.
    pub(crate) watchdog: Watchdog,
}

impl Writer {
    /// Starts the thread with the segments' memory.
    pub(crate) fn start(
        output: Output,
        segments: Vec<TailMemory>,
        progress: Arc<Progress>,
    ) -> io::Result<Writer> {
        // All segments, one word ahead and the end: the tracer never waits to send.
        let (to, from_tracer) = sync_channel(segments.len() + 2);
        let state_check = Arc::new(AtomicBool::new(false));
        let (give_back, free) = channel();
        for segment in segments {
            _ = give_back.send(segment);
        }
        let Output { blocks, tail, watch, watchdog } = output;
        let warn = watchdog.warn;
        let mut state = State {
            blocks: Some(blocks),
            tail,
            watch,
            watchdog,
            written: Written::default(),
            progress,
            give_back,
            state_check: Arc::clone(&state_check),
            records: Vec::new(),
            unneeded: Vec::new(),
        };
        let (report, written) = channel();
        let thread = std::thread::Builder::new().name("writer".into()).spawn(move || {
            // Nobody waits for what it still has to give back after that.
            _ = report.send(state.run(&from_tracer));
        })?;
        Ok(Writer { thread, written, to, free: Some(free), state_check, warn })
    }

    /// The tracer's ends. To be taken once.
    pub(crate) fn take_channels(
        &mut self,
    ) -> (SyncSender<ToWriter>, Receiver<TailMemory>, Arc<AtomicBool>) {
        let free = self.free.take().expect("the channels are taken once");
        (self.to.clone(), free, Arc::clone(&self.state_check))
    }

    /// Ends the log, and with it the thread. The sink must have been closed.
    pub(crate) fn finish(self, completeness: Completeness, extras: Extras) -> Written {
        _ = self.to.send(ToWriter::Finish(completeness, extras));
        let written = match self.written.recv_timeout(watchdog::LIMIT) {
            Err(RecvTimeoutError::Timeout) => {
                let seconds = watchdog::LIMIT.as_secs();
                (self.warn)(&format!(
                    "waited for {seconds} s for the disk to take the end of the log"
                ));
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
    /// Absent once the log is finished.
    blocks: Option<BlockWriter<LogFile>>,
    tail: Option<Tail>,
    watch: Option<LogGuard>,
    watchdog: Watchdog,
    written: Written,
    progress: Arc<Progress>,
    give_back: Sender<TailMemory>,
    /// To be cleared when a word ahead was heeded.
    state_check: Arc<AtomicBool>,
    /// Records that were read ahead.
    records: Vec<u8>,
    /// What the tracer did not want back any more.
    unneeded: Vec<TailMemory>,
}

impl State {
    fn run(&mut self, from_tracer: &Receiver<ToWriter>) -> Written {
        let mut synced = Instant::now();
        loop {
            match from_tracer.recv_timeout(SYNC_EVERY) {
                Ok(ToWriter::Ahead(ahead)) => {
                    self.begin_with(&ahead);
                    self.state_check.store(false, Ordering::Release);
                }
                Ok(ToWriter::Segment(segment, before)) => self.segment(segment, before),
                Ok(ToWriter::Finish(completeness, extras)) => {
                    self.finish(completeness, &extras);
                    return std::mem::take(&mut self.written);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return std::mem::take(&mut self.written),
            }
            if synced.elapsed() >= SYNC_EVERY {
                self.watchdog.look();
                self.look();
                self.sync();
                synced = Instant::now();
            }
        }
    }

    /// Takes what a segment has before it is full: what is done while the program runs need not be
    /// done when it has ended. Read from the file, which has what was stored to the mapping: those
    /// bytes are committed, and not changed any more, except by others.
    fn begin_with(&mut self, ahead: &Ahead) {
        let Some(tail) = &self.tail else { return };
        let Some(blocks) = &mut self.blocks else { return };
        self.records.clear();
        self.records.resize(ahead.len, 0);
        // Whatever goes wrong here does so again when the segment comes, and is told then.
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
        blocks.get_mut().keep_for_the_end(end);
        let memory = segment.free();
        if memory.is_stale() {
            // Its own tail is gone, and others took its place.
            _ = self.tail.as_ref().map(|tail| tail.forget_copy(&memory));
            self.unneeded.push(memory);
        } else if let Err(SendError(last)) = self.give_back.send(memory) {
            // It is unmapped when the log is finished.
            self.unneeded.push(last);
        }
    }

    /// Looks whether the files are where they were.
    fn look(&mut self) {
        let (Some(watch), Some(blocks)) = (&mut self.watch, &mut self.blocks) else { return };
        watch.look(blocks.get_mut(), &mut self.tail, |segment| _ = self.give_back.send(segment));
    }

    fn sync(&mut self) {
        // A failing sync loses nothing yet: the next write or the end will tell.
        _ = self.blocks.as_ref().map(|blocks| blocks.get_ref().sync());
        _ = self.tail.as_ref().map(|tail| tail.file.sync_data());
    }

    fn finish(&mut self, completeness: Completeness, extras: &Extras) {
        // What is missing now is put back before the end is written, and what goes missing until it
        // is, after that.
        self.look();
        let Some(blocks) = &mut self.blocks else { return };
        blocks.get_mut().begin_end();
        match blocks.end(completeness, extras) {
            Ok(()) => {
                self.written.finished = true;
                blocks.get_ref().give_back();
            }
            Err(error) => _ = self.written.error.get_or_insert(io_error(error)),
        }
        self.written.bytes = blocks.offset();
        let damaged = blocks.damaged();
        self.look();
        if let Some(watch) = self.watch.take() {
            let (path, tail, mut interference) = watch.end(self.tail.as_ref());
            if damaged != Damaged::default() {
                interference.push(format!(
                    "another program wrote to the tail of {} while it was recorded: {} events and \
                     {} buffers are lost by that",
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
