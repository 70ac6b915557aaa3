//! The progress line of a recording: on a terminal, once it has lasted long enough to be worth a
//! line.

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use sysreel_record::Progress;
use sysreel_sys::clock::with_time_stamps;
use sysreel_sys::front::{Front, shows_lines};

/// A program that ends sooner leaves the terminal as it would without a recorder.
const PATIENCE: Duration = Duration::from_secs(1);
const EVERY: Duration = Duration::from_millis(200);

/// A line that is drawn by a thread of its own until it is ended.
pub(crate) struct Line {
    shown: Arc<Shown>,
    end: Sender<()>,
    thread: JoinHandle<()>,
}

/// What is on the terminal, and whether anything may be.
struct Shown {
    bar: Mutex<Option<ProgressBar>>,
    front: Option<Front>,
}

/// A bar for work whose amount is known, drawn in between by those who do it.
pub(crate) struct Bar {
    bar: ProgressBar,
    begun: Instant,
    done: u64,
}

impl Bar {
    /// How much is done between two looks at the clock.
    const STEP: u64 = 256;

    /// Begins the bar; `None` where nobody would see it.
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

    /// One more is done.
    pub(crate) fn step(&mut self) {
        self.done += 1;
        if !self.done.is_multiple_of(Self::STEP) {
            return;
        }
        // Those who do the work may have no clock.
        with_time_stamps(|| {
            if self.bar.is_hidden() && self.begun.elapsed() >= PATIENCE {
                self.bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            self.bar.set_position(self.done);
        });
    }

    /// Clears the bar while something else is written.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        with_time_stamps(|| self.bar.suspend(write))
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Line {
    /// Begins the line; `None` where nobody would see it.
    pub(crate) fn begin(progress: Arc<Progress>, front: Option<Front>) -> Option<Line> {
        if !stderr().is_terminal() {
            return None;
        }
        let (end, ended) = channel();
        let shown = Arc::new(Shown { bar: Mutex::new(None), front });
        let drawn = Arc::clone(&shown);
        let draw = move || {
            if ended.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let (mut before, mut then) = (progress.now().0, Instant::now());
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
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
        Some(Line { shown, end, thread })
    }

    /// Clears the line before a shell writes its prompt there.
    pub(crate) fn eraser(&self) -> impl Fn() + use<> {
        let shown = Arc::clone(&self.shown);
        move || shown.erase()
    }

    /// Clears the line.
    pub(crate) fn finish(self) {
        drop(self.end);
        // The thread draws and does nothing else: if it panicked the recording is none the worse.
        _ = self.thread.join();
        self.shown.erase();
    }
}

impl Shown {
    /// Draws the line, unless the terminal belongs to others: a shell that has put this job into
    /// the background, or a program that draws on the whole screen.
    fn draw(&self, text: String) {
        let mut bar = self.bar();
        // Looked at with the lock held: once the line was cleared for a shell it does not come
        // back.
        if !self.front.is_none_or(|front| front.in_foreground()) || !shows_lines(stderr()) {
            // What they have written since is theirs: nothing may be cleared.
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
