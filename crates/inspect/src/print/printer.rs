//! Turns the items of a log into lines: what strace would have written at the same stops.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::Write;

use foldhash::fast::RandomState;
use sysreel_abi::{Abi, CallKind, Filter, syscall_name};
use sysreel_format::{Body, Event, EventKind, TaskId};

use super::lines::{Lines, Prefix};
use super::options::{FdStyle, Options};
use crate::calls::{At, Call, Damage, Damaged, Driver, Ended, Item, Lost, Task};
use crate::decode::{self, DONE};
use crate::regions::Buffers;
use crate::state::Follow;
use crate::style::Style;
use crate::text;
use sysreel_format::syscall_info::{self, Outcome};

/// What the printer knows of a task.
#[derive(Clone, Copy, Debug, Default)]
struct Shown {
    /// The ABI of its latest call.
    abi: Option<Abi>,
    /// The position of the first argument of its open call that is not written yet.
    cursor: u8,
}

/// Prints items, one after the other.
pub(crate) struct Printer<'o> {
    pub(super) options: &'o Options,
    style: Style,
    pub(super) lines: Lines,
    tasks: HashMap<TaskId, Shown, RandomState>,
    lost: Cell<u64>,
    /// Which calls get a line. `None`: all.
    pub(super) only: Option<Filter>,
    /// The line of a thread group leader that another thread's execve replaced. The next event
    /// names the thread.
    pub(super) superseded: Option<Prefix>,
}

impl<'o> Printer<'o> {
    /// `has_several_tasks`: whether the log is known to have more than one task.
    pub(crate) fn new(options: &'o Options, has_several_tasks: bool) -> Self {
        let mut lines = Lines::default();
        if has_several_tasks {
            lines.show_tids();
        }
        Self {
            options,
            style: options.style(),
            lines,
            tasks: HashMap::default(),
            lost: Cell::new(0),
            only: options.only.clone(),
            superseded: None,
        }
    }

    /// Returns a driver of the items that lines are made of.
    pub(crate) fn driver(options: &Options) -> Driver {
        let processes = options.fds != FdStyle::Number;
        Driver::new(Follow { processes, ..Follow::default() }, true)
    }

    /// Sets the relation of CLOCK_MONOTONIC to the time of day.
    pub(crate) fn anchor(&mut self, realtime: u64, monotonic: u64) {
        self.lines.anchor(realtime, monotonic);
    }

    /// Prints a remark about the log as a whole.
    pub(crate) fn notice(&mut self, text: &str) {
        self.remark(&Prefix::default(), text);
    }

    /// Drops what was printed since the last flush.
    pub(crate) fn discard(&mut self) {
        self.lines.discard();
    }

    /// Begins the output here: drops what was printed, and counts only buffers lost from here on.
    pub(crate) fn begin_output(&mut self) {
        self.lines.break_line();
        self.lines.discard();
        self.lost.set(0);
    }

    /// Writes the text to `out`, if there is much of it.
    pub(crate) fn flush(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        self.lines.flush(out, false)
    }

    /// Ends the last line and writes all text. Returns the number of buffers that could not be
    /// read.
    pub(crate) fn finish(mut self, out: &mut dyn Write) -> std::io::Result<u64> {
        self.report_superseded(None);
        self.lines.break_line();
        self.lines.flush(out, true)?;
        Ok(self.lost.get())
    }

    /// Prints an item.
    pub(crate) fn item(&mut self, item: &Item<'_>) {
        let keeps_superseded = match item {
            Item::Renamed(_) | Item::Lost(Lost::Hole(_)) => true,
            Item::Damage(damage) => damage.what == Damaged::Event,
            Item::Call(call) => call.event().is_none(),
            _ => false,
        };
        if !keeps_superseded {
            self.report_superseded(None);
        }
        match item {
            Item::Entered(call) => self.entry(call),
            Item::Call(call) => self.ended(call),
            Item::ExitOnly(at) => self.exit_without_entry(at),
            Item::Signal(at) => self.other_stop(at.task, &at.what.stop, &self.prefix_of(at)),
            Item::Stop(at) => self.other_stop(at.task, &at.what, &self.prefix_of(at)),
            Item::TaskStart(at) => {
                let abi = self.tasks.get(&at.what.parent).and_then(|parent| parent.abi);
                self.tasks.insert(at.event.task, Shown { abi, ..Shown::default() });
                if at.task.state().appeared > 1 {
                    self.lines.show_tids();
                }
                self.task_appeared(at);
            }
            Item::TaskEnd(at) => {
                self.task_gone(at);
                self.tasks.remove(&at.event.task);
            }
            Item::Renamed(at) => self.report_superseded(Some(&at.what)),
            Item::Clock(at) => self.lines.anchor(at.what.realtime, at.what.monotonic),
            Item::Lost(Lost::Hole(missing)) => {
                let prefix = Prefix { number: missing.first, ..Prefix::default() };
                self.remark(&prefix, &missing.to_string());
            }
            Item::Damage(damage) => self.damage(damage),
            Item::Exec(_) => {}
            other => self.recorder_item(other),
        }
    }

    fn damage(&mut self, damage: &Damage<'_>) {
        let Damage { event, error, .. } = damage;
        let what = match damage.what {
            Damaged::Event => "event",
            Damaged::Snapshot => "the snapshot of event",
            // The other parts say nothing that gets a line.
            Damaged::Part if event.kind != EventKind::STOP => return,
            Damaged::Part => "a part of event",
        };
        let prefix = self.prefix(event, damage.task);
        self.remark(&prefix, &format!("{what} {} cannot be decoded: {error}", event.number));
    }

    /// Returns the prefix of a line about an event.
    pub(super) fn prefix(&self, event: &Event<'_>, task: Task<'_>) -> Prefix {
        let ip = || match event.decode() {
            Ok(Body::Stop(stop)) => syscall_info::decode(stop.layout, stop.info).ip,
            _ => None,
        };
        Prefix {
            task: event.task,
            tid: (event.task != TaskId::NONE).then(|| task.tid()),
            t_ns: event.t_ns,
            number: event.number,
            ip: if self.options.ip { ip() } else { None },
            nr: None,
        }
    }

    pub(super) fn prefix_of<T>(&self, at: &At<'_, T>) -> Prefix {
        self.prefix(&at.event, at.task)
    }

    fn entry(&mut self, call: &Call<'_>) {
        let Some(event) = call.event() else { return };
        let (id, prefix) = (event.task, self.prefix(&event, call.task()));
        self.personality(call, &prefix);
        if !self.is_shown(call) {
            return;
        }
        self.lines.begin(self.options, &Prefix { nr: Some(call.nr()), ..prefix });
        let out = &mut self.lines.text;
        out.push_str(&call.name());
        out.push('(');
        let cursor = match call.open().row {
            Some(row) if row.kind == CallKind::Restart => {
                out.push_str("<... resuming interrupted ");
                out.push_str(call.continues().map_or("system call", |row| row.name));
                out.push_str(" ...>");
                DONE
            }
            _ => match call.view(&self.style, &self.lost) {
                Some(view) => decode::begin(&view, out),
                None => {
                    decode::unknown_arguments(call.open().call.args, out);
                    DONE
                }
            },
        };
        self.tasks.entry(id).or_default().cursor = cursor;
        self.lines.leave_open(id);
    }

    /// Whether a call gets a line.
    fn is_shown(&self, call: &Call<'_>) -> bool {
        self.only.as_ref().is_none_or(|only| {
            let open = call.open();
            let name =
                open.row.map(|row| row.name).or_else(|| syscall_name(open.arch, open.call.nr));
            only.matches_either(name, open.row, call.row())
        })
    }

    fn ended(&mut self, call: &Call<'_>) {
        // A call without an end ends no line: another line breaks it.
        let Some(event) = call.event().filter(|_| call.ended() != Ended::Unfinished) else {
            return;
        };
        if !self.is_shown(call) {
            return;
        }
        let id = event.task;
        if !self.lines.is_current(id) {
            let prefix = self.prefix(&event, call.task());
            self.resume(&Prefix { nr: Some(call.nr()), ..prefix }, &call.name());
        } else if call.ended() == Ended::Detached {
            // The end of the task ends the line.
            return;
        }
        let cursor = self.tasks.get(&id).map_or(DONE, |task| task.cursor);
        match call.outcome() {
            Some(outcome) => self.exit(call, outcome, cursor),
            None => {
                if cursor != DONE {
                    self.lines.text.push_str(" <unfinished ...>");
                }
                self.lines.text.push(')');
                self.lines.pad_to(self.options.column);
                self.lines.text.push_str("= ?");
                self.lines.end();
            }
        }
    }

    /// Begins the second line of a call.
    fn resume(&mut self, prefix: &Prefix, name: &str) {
        self.lines.begin(self.options, prefix);
        self.lines.text.push_str("<... ");
        self.lines.text.push_str(name);
        self.lines.text.push_str(" resumed>");
    }

    fn exit(&mut self, call: &Call<'_>, outcome: Outcome, cursor: u8) {
        let Self { lines, options, lost, style, .. } = self;
        let view = call.view(style, lost);
        if let Some(view) = &view {
            decode::finish(view, cursor, &mut lines.text);
        }
        lines.text.push(')');
        lines.pad_to(options.column);
        lines.text.push_str("= ");
        match &view {
            Some(view) => decode::outcome(view, outcome, &mut lines.text),
            None => decode::unknown_outcome(outcome, &mut lines.text),
        }
        if options.duration {
            let took = call.duration().unwrap_or_default();
            lines.text.push_str(" <");
            text::dec(&mut lines.text, took.as_secs());
            lines.text.push('.');
            text::fraction(&mut lines.text, took.subsec_nanos().into(), 6);
            lines.text.push('>');
        }
        lines.end();
    }

    /// Prints an exit whose entry is not in the log.
    fn exit_without_entry(&mut self, at: &At<'_, Outcome>) {
        if !self.lines.is_current(at.event.task) {
            self.resume(&self.prefix_of(at), "unknown call");
        }
        self.lines.pad_to(self.options.column);
        self.lines.text.push_str("= ");
        decode::unknown_outcome(at.what, &mut self.lines.text);
        self.lines.end();
    }

    /// Prints a line if a task makes a call in another ABI than before.
    fn personality(&mut self, call: &Call<'_>, prefix: &Prefix) {
        let Some(abi) = call.abi() else { return };
        let before = self.tasks.entry(prefix.task).or_default().abi.replace(abi);
        let is_native = matches!(abi, Abi::X86_64 | Abi::Aarch64);
        if before == Some(abi) || before.is_none() && is_native {
            return;
        }
        let mode = match abi {
            Abi::X86_64 | Abi::Aarch64 => "64 bit",
            Abi::I386 => "32 bit",
            Abi::X32 => "x32",
        };
        self.lines.begin(self.options, &Prefix { tid: None, ..*prefix });
        self.lines.text.push_str("[ Process PID=");
        text::dec(&mut self.lines.text, call.task().tid().into());
        self.lines.text.push_str(" runs in ");
        self.lines.text.push_str(mode);
        self.lines.text.push_str(" mode. ]");
        self.lines.end();
    }
}

/// Prints events that are passed one by one.
pub(crate) struct EventPrinter<'o> {
    driver: Driver,
    pub(crate) printer: Printer<'o>,
}

impl<'o> EventPrinter<'o> {
    pub(crate) fn new(options: &'o Options, has_several_tasks: bool) -> Self {
        let printer = Printer::new(options, has_several_tasks);
        Self { driver: Printer::driver(options), printer }
    }

    /// Prints an event or a hole.
    pub(crate) fn item(&mut self, item: &sysreel_format::Item<'_>, buffers: &dyn Buffers) {
        let Self { driver, printer } = self;
        let Ok(()) = driver.feed(item, buffers, |item| {
            printer.item(&item);
            Ok::<(), std::convert::Infallible>(())
        });
    }

    /// Writes all text to `out`, including an incomplete line.
    pub(crate) fn flush_all(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        self.printer.lines.flush(out, true)
    }
}
