//! Lines under way: their prefix, the column of results, and what happens when another task's line
//! comes in between.

use std::io::{self, Write};

use sysreel_format::TaskId;

use super::{Clock, Options, TaskIds};
use crate::text;

/// Lines are handed on when there are so many bytes of them.
const FLUSH: usize = 1 << 16;

/// What stands before a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prefix {
    pub(crate) task: TaskId,
    /// The kernel's id of the task; none for what the recorder says of itself.
    pub(crate) tid: Option<u32>,
    pub(crate) t_ns: u64,
    pub(crate) number: u64,
    pub(crate) ip: Option<u64>,
    pub(crate) nr: Option<u64>,
}

impl Default for Prefix {
    fn default() -> Self {
        Self { task: TaskId::NONE, tid: None, t_ns: 0, number: 0, ip: None, nr: None }
    }
}

/// Text that is being made.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) text: String,
    start: usize,
    /// How much of the last line was handed on already.
    flushed: usize,
    /// Whose call the last line is, while it has not ended.
    current: Option<TaskId>,
    last_t: Option<u64>,
    /// CLOCK_REALTIME minus CLOCK_MONOTONIC.
    anchor_ns: i128,
    several: bool,
    /// Lines that wait for the end of the one under way.
    waiting: String,
}

impl Lines {
    /// Ties the monotonic clock to the time of day.
    pub(crate) fn anchor(&mut self, realtime: u64, monotonic: u64) {
        self.anchor_ns = i128::from(realtime) - i128::from(monotonic);
    }

    /// There is more than one task: lines say whose they are.
    pub(crate) fn several(&mut self) {
        self.several = true;
    }

    /// Whether the last line is this task's and goes on.
    pub(crate) fn is_current(&self, id: TaskId) -> bool {
        self.current == Some(id)
    }

    /// Begins a line. One that goes on is left unfinished.
    pub(crate) fn begin(&mut self, options: &Options, prefix: &Prefix) {
        self.interrupt();
        (self.start, self.flushed) = (self.text.len(), 0);
        let out = &mut self.text;
        if options.event_numbers {
            text::dec(out, prefix.number);
            out.push(' ');
        }
        if let Some(tid) = prefix.tid {
            task(options.task_ids, self.several, tid, out);
        }
        self.time(options, prefix.t_ns);
        let out = &mut self.text;
        if options.number {
            out.push('[');
            match prefix.nr {
                Some(nr) => padded(out, 4, |out| text::dec(out, nr)),
                None => out.push_str("????"),
            }
            out.push_str("] ");
        }
        if options.ip {
            out.push('[');
            match prefix.ip {
                Some(ip) => {
                    let at = out.len();
                    text::digits(out, ip);
                    (out.len() - at..16).for_each(|_| out.insert(at, '0'));
                }
                None => out.push_str("????????????????"),
            }
            out.push_str("] ");
        }
    }

    /// The line goes on when the call ends.
    pub(crate) fn keep_open(&mut self, id: TaskId) {
        self.current = Some(id);
    }

    /// Ends the line.
    pub(crate) fn end(&mut self) {
        self.text.push('\n');
        self.current = None;
        self.text.push_str(&self.waiting);
        self.waiting.clear();
    }

    /// Writes whole lines; when a task's own line is under way, behind it. What concerns no task
    /// breaks no line either.
    pub(crate) fn aside(&mut self, id: TaskId, write: impl FnOnce(&mut Self)) {
        if self.current.is_none_or(|current| current != id && id != TaskId::NONE) {
            return write(self);
        }
        let mut apart = Self {
            anchor_ns: self.anchor_ns,
            several: self.several,
            last_t: self.last_t,
            ..Self::default()
        };
        write(&mut apart);
        self.waiting.push_str(&apart.text);
    }

    /// Leaves a line that goes on as it is.
    pub(crate) fn interrupt(&mut self) {
        if self.current.take().is_some() {
            self.text.push_str(" <unfinished ...>");
            self.end();
        }
    }

    /// Throws away what has gathered. A line that goes on is as if it had been handed on.
    pub(crate) fn forget(&mut self) {
        self.flushed += self.text.len().saturating_sub(self.start);
        self.text.clear();
        self.start = 0;
    }

    /// Goes to the column where results stand.
    pub(crate) fn pad_to(&mut self, column: usize) {
        self.text.push(' ');
        let at = (self.flushed + self.text.len()).saturating_sub(self.start);
        (at..column).for_each(|_| self.text.push(' '));
    }

    /// Hands on what has gathered; all of it at the end, otherwise when it is much.
    pub(crate) fn flush(&mut self, out: &mut dyn Write, all: bool) -> io::Result<()> {
        if self.text.len() >= FLUSH || all {
            out.write_all(self.text.as_bytes())?;
            self.flushed += self.text.len().saturating_sub(self.start);
            self.text.clear();
            self.start = 0;
        }
        Ok(())
    }

    fn time(&mut self, options: &Options, t_ns: u64) {
        let out = &mut self.text;
        let real = i128::from(t_ns) + self.anchor_ns;
        let seconds = i64::try_from(real.div_euclid(1_000_000_000)).unwrap_or(0);
        let ns = u64::try_from(real.rem_euclid(1_000_000_000)).unwrap_or(0);
        match options.clock {
            Clock::None => {}
            Clock::Seconds | Clock::Micros => text::time_of_day(out, seconds),
            Clock::Unix => text::sdec(out, seconds),
        }
        if matches!(options.clock, Clock::Micros | Clock::Unix) {
            out.push('.');
            text::fraction(out, ns, 6);
        }
        if options.clock != Clock::None {
            out.push(' ');
        }
        if options.relative {
            let since = t_ns.saturating_sub(self.last_t.unwrap_or(t_ns));
            let parens = options.clock != Clock::None;
            out.push_str(if parens { "(+" } else { "" });
            padded(out, 6, |out| text::dec(out, since / 1_000_000_000));
            out.push('.');
            text::fraction(out, since % 1_000_000_000, 6);
            out.push_str(if parens { ") " } else { " " });
        }
        self.last_t = Some(t_ns);
    }
}

fn task(style: TaskIds, several: bool, tid: u32, out: &mut String) {
    match style {
        TaskIds::Always => bracketed(tid, out),
        TaskIds::WhenSeveral if several => bracketed(tid, out),
        TaskIds::Plain => {
            let at = out.len();
            text::dec(out, tid.into());
            (out.len() - at..5).for_each(|_| out.push(' '));
            out.push(' ');
        }
        TaskIds::WhenSeveral | TaskIds::Never => {}
    }
}

fn bracketed(tid: u32, out: &mut String) {
    out.push_str("[pid ");
    padded(out, 5, |out| text::dec(out, tid.into()));
    out.push_str("] ");
}

/// Right-aligned in so many columns.
fn padded(out: &mut String, width: usize, write: impl Fn(&mut String)) {
    let at = out.len();
    write(out);
    (out.len() - at..width).for_each(|_| out.insert(at, ' '));
}
