//! The second thread: makes blocks of full segments and writes them to the file.

use crate::log_file::LogFile;
use crate::recorder::Progress;
use crate::sink::{Ahead, TailMemory};
use crate::watchdog::{self, Watchdog};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{
    Receiver, RecvError, RecvTimeoutError, SendError, Sender, SyncSender, channel, sync_channel,
};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use sysreel_format::{BlockWriter, Completeness, DropReasons, Extras, Segment};

/// How often what was written is made to survive a power cut.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// What the tracer sends.
pub(crate) enum ToWriter {
    /// Begin with these records, if you like.
    Ahead(Ahead),
    /// Write this and give its memory back.
    Segment(Segment<TailMemory>),
    /// That was all.
    Finish(Completeness, Extras, (u64, DropReasons)),
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
}

/// The writer thread and the tracer's ends of its channels.
pub(crate) struct Writer {
    thread: JoinHandle<()>,
    written: Receiver<Written>,
    to: SyncSender<ToWriter>,
    free: Option<Receiver<TailMemory>>,
    telling: Arc<AtomicBool>,
    warn: fn(&str),
}

/// Where the blocks go.
pub(crate) struct Output {
    pub(crate) blocks: BlockWriter<LogFile>,
    /// The tail's file, when there is one, to be synced along.
    pub(crate) tail: Option<Arc<File>>,
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
        let telling = Arc::new(AtomicBool::new(false));
        let (give_back, free) = channel();
        for segment in segments {
            _ = give_back.send(segment);
        }
        let Output { blocks, tail, watchdog } = output;
        let warn = watchdog.warn;
        let mut state = State {
            blocks: Some(blocks),
            tail,
            watchdog,
            written: Written::default(),
            progress,
            give_back,
            telling: Arc::clone(&telling),
            records: Vec::new(),
            unneeded: Vec::new(),
        };
        let (report, written) = channel();
        let thread = std::thread::Builder::new().name("writer".into()).spawn(move || {
            // Nobody waits for what it still has to give back after that.
            _ = report.send(state.run(&from_tracer));
        })?;
        Ok(Writer { thread, written, to, free: Some(free), telling, warn })
    }

    /// The tracer's ends. To be taken once.
    pub(crate) fn take_channels(&mut self) -> (SyncSender<ToWriter>, Receiver<TailMemory>, Arc<AtomicBool>) {
        let free = self.free.take().expect("the channels are taken once");
        (self.to.clone(), free, Arc::clone(&self.telling))
    }

    /// Ends the log, and with it the thread. The sink must have been closed.
    pub(crate) fn finish(
        self,
        completeness: Completeness,
        extras: Extras,
        refused: (u64, DropReasons),
    ) -> Written {
        _ = self.to.send(ToWriter::Finish(completeness, extras, refused));
        let written = match self.written.recv_timeout(watchdog::LIMIT) {
            Err(RecvTimeoutError::Timeout) => {
                let seconds = watchdog::LIMIT.as_secs();
                (self.warn)(&format!("waiting for {seconds} s for the disk to take the end of the log"));
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
    tail: Option<Arc<File>>,
    watchdog: Watchdog,
    written: Written,
    progress: Arc<Progress>,
    give_back: Sender<TailMemory>,
    /// To be cleared when a word ahead was heeded.
    telling: Arc<AtomicBool>,
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
                    self.telling.store(false, Ordering::Release);
                }
                Ok(ToWriter::Segment(segment)) => self.segment(segment),
                Ok(ToWriter::Finish(completeness, extras, refused)) => {
                    self.finish(completeness, &extras, refused);
                    return std::mem::take(&mut self.written);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return std::mem::take(&mut self.written),
            }
            if synced.elapsed() >= SYNC_EVERY {
                self.watchdog.look();
                self.sync();
                synced = Instant::now();
            }
        }
    }

    /// Takes what a segment has before it is full: what is done while the program runs need not be done when it has ended. Read from the
    /// file, which has what was stored to the mapping: those bytes are committed, and not changed any more.
    fn begin_with(&mut self, ahead: &Ahead) {
        let Some(tail) = self.tail.clone() else { return };
        let Some(mut blocks) = self.blocks.take() else { return };
        self.records.clear();
        self.records.resize(ahead.len, 0);
        // Whatever goes wrong here does so again when the segment comes, and is told then.
        if tail.read_exact_at(&mut self.records, ahead.offset).is_ok() {
            _ = blocks.take_ahead(ahead.first_blob, &self.records);
        }
        self.progress.bytes.store(blocks.offset(), Ordering::Relaxed);
        self.blocks = Some(blocks);
    }

    fn segment(&mut self, segment: Segment<TailMemory>) {
        let Some(mut blocks) = self.blocks.take() else { return };
        if let Err(error) = blocks.write_segment(&segment).map_err(io_error) {
            let reason = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    DropReasons::DISK_FULL
                }
                _ => DropReasons::WRITE_ERROR,
            };
            self.written.lost += blocks.drop_segment(&segment, reason);
            self.written.error.get_or_insert(error);
            self.progress.lost.store(self.written.lost, Ordering::Relaxed);
        }
        self.progress.bytes.store(blocks.offset(), Ordering::Relaxed);
        let end = blocks.bytes_to_reserve();
        blocks.get_mut().keep_for_the_end(end);
        self.blocks = Some(blocks);
        if let Err(SendError(last)) = self.give_back.send(segment.free()) {
            // It is unmapped when the log is finished.
            self.unneeded.push(last);
        }
    }

    fn sync(&mut self) {
        // A failing sync loses nothing yet: the next write or the end will tell.
        _ = self.blocks.as_ref().map(|blocks| blocks.get_ref().sync());
        _ = self.tail.as_ref().map(|tail| tail.sync_data());
    }

    fn finish(&mut self, mut completeness: Completeness, extras: &Extras, refused: (u64, DropReasons)) {
        let Some(blocks) = &mut self.blocks else { return };
        blocks.note_loss(refused.0, refused.1);
        self.written.lost += refused.0;
        if self.written.lost > 0 {
            completeness.insert(Completeness::LOST_EVENTS);
        }
        blocks.get_mut().begin_end();
        match blocks.end(completeness, extras) {
            Ok(()) => {
                self.written.finished = true;
                blocks.get_ref().give_back();
            }
            Err(error) => _ = self.written.error.get_or_insert(io_error(error)),
        }
        self.written.bytes = blocks.offset();
    }
}

pub(crate) fn io_error(error: sysreel_format::Error) -> io::Error {
    match error {
        sysreel_format::Error::Io { source, .. } => source,
        other => io::Error::other(other),
    }
}
