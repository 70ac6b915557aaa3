//! Builds lines: the prefix, the column of results, and what happens if the line of another task
//! comes between the entry and the exit of a call.

use std::io::{self, Write};

use sysreel_format::TaskId;

use super::highlight::Highlighter;
use super::options::{Clock, Options, Precision, TaskIds};
use crate::color::Palette;
use crate::text;

/// The text is flushed from this many bytes on.
const FLUSH: usize = 1 << 16;

/// What precedes the text of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prefix {
    pub(crate) task: TaskId,
    /// The tid; `None` for a remark that concerns no task.
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

/// The text written since the last flush. Its last line may be incomplete.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) text: String,
    start: usize,
    /// The bytes of the last line that were flushed already.
    flushed: usize,
    /// The task whose call is on the last line, while the line is incomplete.
    current: Option<TaskId>,
    last_ns: Option<u64>,
    /// CLOCK_REALTIME minus CLOCK_MONOTONIC, in nanoseconds.
    anchor_ns: i128,
    show_tids: bool,
    /// Complete lines that follow the incomplete one.
    following: String,
    highlighter: Highlighter,
}

impl Lines {
    pub(crate) fn new(palette: Palette) -> Self {
        Self { highlighter: Highlighter::new(palette), ..Self::default() }
    }

    /// Sets the relation of CLOCK_MONOTONIC to the time of day.
    pub(crate) fn anchor(&mut self, realtime: u64, monotonic: u64) {
        self.anchor_ns = i128::from(realtime) - i128::from(monotonic);
    }

    /// Makes lines name their task from now on.
    pub(crate) fn show_tids(&mut self) {
        self.show_tids = true;
    }

    /// Whether the last line is an incomplete one of this task.
    pub(crate) fn is_current(&self, id: TaskId) -> bool {
        self.current == Some(id)
    }

    /// Begins a line with its prefix. Ends an incomplete line as `<unfinished ...>`.
    pub(crate) fn begin(&mut self, options: &Options, prefix: &Prefix) {
        self.break_line();
        (self.start, self.flushed) = (self.text.len(), 0);
        let out = &mut self.text;
        if options.event_numbers {
            text::dec(out, prefix.number);
            out.push(' ');
        }
        if let Some(tid) = prefix.tid {
            write_tid(options.task_ids, self.show_tids, tid, out);
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

    /// Leaves the line incomplete until the call ends.
    pub(crate) fn leave_open(&mut self, id: TaskId) {
        self.current = Some(id);
    }

    /// Ends the line.
    pub(crate) fn end(&mut self) {
        self.text.push('\n');
        self.current = None;
        self.text.push_str(&self.following);
        self.following.clear();
    }

    /// Writes complete lines. If the incomplete line belongs to this task, or `id` is not a task,
    /// they follow it instead of breaking it.
    pub(crate) fn write_between(&mut self, id: TaskId, write: impl FnOnce(&mut Self)) {
        if self.current.is_none_or(|current| current != id && id != TaskId::NONE) {
            return write(self);
        }
        let mut between = Self {
            anchor_ns: self.anchor_ns,
            show_tids: self.show_tids,
            last_ns: self.last_ns,
            ..Self::default()
        };
        write(&mut between);
        self.following.push_str(&between.text);
    }

    /// Ends an incomplete line as `<unfinished ...>`.
    pub(crate) fn break_line(&mut self) {
        if self.current.take().is_some() {
            self.text.push_str(" <unfinished ...>");
            self.end();
        }
    }

    /// Drops the text. An incomplete line stays incomplete, as if it had been flushed.
    pub(crate) fn discard(&mut self) {
        self.flushed += self.text.len().saturating_sub(self.start);
        self.text.clear();
        self.start = 0;
    }

    /// Pads to the column of results.
    pub(crate) fn pad_to(&mut self, column: usize) {
        self.text.push(' ');
        let at = (self.flushed + self.text.len()).saturating_sub(self.start);
        (at..column).for_each(|_| self.text.push(' '));
    }

    /// Writes the text to `out` if there is much of it, or if `all` is set.
    pub(crate) fn flush(&mut self, out: &mut dyn Write, all: bool) -> io::Result<()> {
        if self.text.len() >= FLUSH || all {
            if self.highlighter.is_plain() {
                out.write_all(self.text.as_bytes())?;
            } else {
                let mut colored = String::with_capacity(self.text.len() * 2);
                self.highlighter.add(&self.text, &mut colored);
                out.write_all(colored.as_bytes())?;
            }
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
            Clock::Day(_) => text::time_of_day(out, seconds),
            Clock::Unix(_) => text::sdec(out, seconds),
        }
        if let Clock::Day(precision) | Clock::Unix(precision) = options.clock {
            fraction(precision, ns, out);
            out.push(' ');
        }
        if let Some(precision) = options.relative {
            let since = t_ns.saturating_sub(self.last_ns.unwrap_or(t_ns));
            let parens = options.clock != Clock::None;
            out.push_str(if parens { "(+" } else { "" });
            padded(out, 6, |out| text::dec(out, since / 1_000_000_000));
            fraction(precision, since % 1_000_000_000, out);
            out.push_str(if parens { ") " } else { " " });
        }
        self.last_ns = Some(t_ns);
    }
}

/// Writes a fraction of a second, and the point before it.
pub(super) fn fraction(precision: Precision, ns: u64, out: &mut String) {
    if precision != Precision::Seconds {
        out.push('.');
        text::fraction(out, ns, precision.digits());
    }
}

fn write_tid(style: TaskIds, show_tids: bool, tid: u32, out: &mut String) {
    match style {
        TaskIds::Always => bracketed(tid, out),
        TaskIds::WhenSeveral if show_tids => bracketed(tid, out),
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

/// Right-aligns text in `width` columns.
fn padded(out: &mut String, width: usize, write: impl Fn(&mut String)) {
    let at = out.len();
    write(out);
    (out.len() - at..width).for_each(|_| out.insert(at, ' '));
}
