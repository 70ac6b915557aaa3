//! Shows the progress of a recording, a replay or of reading logs on a terminal, once it has lasted
//! for a second.

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use sysreel_inspect::LogFile;
use sysreel_record::Progress;
use sysreel_sys::clock::with_time_stamps;
use sysreel_sys::front::{Front, shows_lines};

/// A program that ends sooner leaves no trace of its recorder on the terminal.
const DELAY: Duration = Duration::from_secs(1);
const REDRAW: Duration = Duration::from_millis(200);

/// A progress line drawn by a separate thread, for a recording of unknown length.
pub(crate) struct Line {
    display: Arc<Display>,
    end: Sender<()>,
    thread: JoinHandle<()>,
}

/// The progress bar on the terminal, if one is drawn.
struct Display {
    bar: Mutex<Option<ProgressBar>>,
    front: Option<Front>,
}

/// A progress bar drawn by the thread that does the work, for a known number of events.
pub(crate) struct Bar {
    bar: ProgressBar,
    begun: Instant,
    done: u64,
}

impl Bar {
    /// How many events are counted before the clock is read again.
    const STEP: u64 = 256;

    /// Returns a bar, or `None` if standard error is not a terminal.
    pub(crate) fn begin(amount: u64) -> Option<Bar> {
        if !stderr().is_terminal() {
            return None;
        }
        let bar = ProgressBar::with_draw_target(Some(amount), ProgressDrawTarget::hidden());
        if let Ok(style) =
            ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} events, {eta}")
        {
            bar.set_style(style);
        }
        Some(Bar { bar, begun: Instant::now(), done: 0 })
    }

    /// Counts one event.
    pub(crate) fn step(&mut self) {
        self.done += 1;
        if !self.done.is_multiple_of(Self::STEP) {
            return;
        }
        // The tracer thread of a replay runs with the time-stamp counter disabled.
        with_time_stamps(|| {
            if self.bar.is_hidden() && self.begun.elapsed() >= DELAY {
                self.bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            self.bar.set_position(self.done);
        });
    }

    /// Hides the bar while `write` writes to the terminal.
    pub(crate) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        with_time_stamps(|| self.bar.suspend(write))
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A progress bar drawn by a separate thread while logs are read. It is cleared when dropped.
pub(crate) struct Reading {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reading {
    /// Starts the thread, if standard error is a terminal.
    pub(crate) fn begin<'l>(logs: impl IntoIterator<Item = &'l LogFile>) -> Reading {
        let (end, ended) = channel();
        let logs: Vec<_> = logs.into_iter().map(LogFile::progress).collect();
        let draw = move || {
            if ended.recv_timeout(DELAY) == Err(RecvTimeoutError::Timeout) {
                draw_reading(&logs, &ended);
            }
        };
        let thread = stderr()
            .is_terminal()
            .then(|| std::thread::Builder::new().name("progress".into()).spawn(draw).ok());
        Reading { end: Some(end), thread: thread.flatten() }
    }
}

fn draw_reading(logs: &[sysreel_inspect::Progress], ended: &Receiver<()>) {
    let amount = logs.iter().map(sysreel_inspect::Progress::events).sum::<Option<u64>>();
    let bar = ProgressBar::with_draw_target(amount, ProgressDrawTarget::hidden());
    let template = match amount {
        Some(_) => "{wide_bar} {human_pos}/{human_len} events, {eta}",
        None => "{spinner} {human_pos} events",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    loop {
        // Not on top of a pager that the output is piped to.
        let target = match shows_lines(stderr()) {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        bar.set_draw_target(target);
        bar.set_position(logs.iter().map(sysreel_inspect::Progress::read).sum());
        if ended.recv_timeout(REDRAW) != Err(RecvTimeoutError::Timeout) {
            break;
        }
    }
    bar.finish_and_clear();
}

impl Drop for Reading {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // The thread only draws.
            _ = thread.join();
        }
    }
}

impl Line {
    /// Starts the thread. Returns `None` if standard error is not a terminal.
    pub(crate) fn begin(progress: Arc<Progress>, front: Option<Front>) -> Option<Line> {
        if !stderr().is_terminal() {
            return None;
        }
        let (end, ended) = channel();
        let display = Arc::new(Display { bar: Mutex::new(None), front });
        let drawn = Arc::clone(&display);
        let draw = move || {
            if ended.recv_timeout(DELAY) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let (mut before, mut then) = (progress.now().0, Instant::now());
            while ended.recv_timeout(REDRAW) == Err(RecvTimeoutError::Timeout) {
                let (events, bytes, lost) = progress.now();
                let rate = (events - before) as f64 / then.elapsed().as_secs_f64();
                (before, then) = (events, Instant::now());
                let lost =
                    if lost > 0 { format!(", {} LOST", HumanCount(lost)) } else { String::new() };
                drawn.draw(format!(
                    "{} events, {}, {rate:.0} events/s{lost}",
                    HumanCount(events),
                    HumanBytes(bytes)
                ));
            }
        };
        let thread = std::thread::Builder::new().name("progress".into()).spawn(draw).ok()?;
        Some(Line { display, end, thread })
    }

    /// Returns a function that clears the line, to call before the shell prints its prompt.
    pub(crate) fn eraser(&self) -> impl Fn() + use<> {
        let display = Arc::clone(&self.display);
        move || display.erase()
    }

    /// Ends the thread and clears the line.
    pub(crate) fn finish(self) {
        drop(self.end);
        // The thread only draws, so its panic does not affect the recording.
        _ = self.thread.join();
        self.display.erase();
    }
}

impl Display {
    /// Draws the line, unless another program uses the terminal: a shell that has put this job into
    /// the background, or a full-screen program.
    fn draw(&self, text: String) {
        let mut bar = self.bar();
        // Checked with the lock held, so that a line cleared for the shell is not drawn again.
        if !self.front.is_none_or(|front| front.in_foreground()) || !shows_lines(stderr()) {
            // Drop the bar without clearing it: the other program may have written over it.
            if let Some(bar) = bar.take() {
                bar.set_draw_target(ProgressDrawTarget::hidden());
            }
            return;
        }
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        bar.set_message(text);
        bar.tick();
    }

    fn erase(&self) {
        if let Some(bar) = self.bar().take() {
            bar.finish_and_clear();
        }
    }

    fn bar(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
