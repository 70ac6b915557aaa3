//! The progress line of a recording: on a terminal, once it has lasted long enough to be worth a line.

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use sysreel_record::Progress;
use sysreel_sys::clock::with_time_stamps;

/// A program that ends sooner leaves the terminal as it would without a recorder.
const PATIENCE: Duration = Duration::from_secs(1);
const EVERY: Duration = Duration::from_millis(200);

/// A line that is drawn by a thread of its own until it is ended.
pub(crate) struct Line {
    end: Sender<()>,
    thread: JoinHandle<()>,
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
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} events, {eta}") {
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
    pub(crate) fn begin(progress: Arc<Progress>) -> Option<Line> {
        if !stderr().is_terminal() {
            return None;
        }
        let (end, ended) = channel();
        let thread = std::thread::Builder::new()
            .name("progress".into())
            .spawn(move || {
                if ended.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                    bar.set_style(style);
                }
                let (mut before, mut then) = (progress.now().0, Instant::now());
                while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                    let (events, bytes, lost) = progress.now();
                    let rate = (events - before) as f64 / then.elapsed().as_secs_f64();
                    (before, then) = (events, Instant::now());
                    let lost = if lost > 0 { format!(", {} LOST", HumanCount(lost)) } else { String::new() };
                    bar.set_message(format!(
                        "{} events, {}, {rate:.0} events/s{lost}",
                        HumanCount(events),
                        HumanBytes(bytes)
                    ));
                    bar.tick();
                }
                bar.finish_and_clear();
            })
            .ok()?;
        Some(Line { end, thread })
    }

    /// Clears the line.
    pub(crate) fn finish(self) {
        drop(self.end);
        // The thread draws and does nothing else: if it panicked the recording is none the worse.
        _ = self.thread.join();
    }
}
