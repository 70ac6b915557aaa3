//! Turns the items of a log into lines: what strace would have written at the same stops.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::Write;

use foldhash::fast::RandomState;
use sysreel_abi::Abi;
use sysreel_format::{Body, Event, EventKind, TaskId};

use super::lines::{Lines, Prefix};
use super::options::{FdStyle, Options};
use crate::calls::{At, Damage, Damaged, Driver, Item, Lost, Task};
use crate::filter::Matcher;
use crate::log_file::LogFile;
use crate::regions::Buffers;
use crate::state::Follow;
use crate::style::Style;
use sysreel_format::syscall_info;

/// What the printer knows of a task.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shown {
    /// The ABI of its latest call.
    pub(super) abi: Option<Abi>,
    /// The position of the first argument of its open call that is not written yet.
    pub(super) cursor: u8,
    /// When its open call gets its line.
    pub(super) line: When,
}

/// When a call gets its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum When {
    /// At its entry, with the rest at its end.
    #[default]
    Entry,
    /// At its end, because a filter asks for the result, or lines are joined.
    End,
    /// Not at all.
    Never,
}

/// Prints items, one after the other.
#[derive(Debug)]
pub(crate) struct Printer<'o> {
    pub(super) options: &'o Options,
    pub(super) style: Style,
    pub(super) lines: Lines,
    pub(super) tasks: HashMap<TaskId, Shown, RandomState>,
    pub(super) lost: Cell<u64>,
    /// Which calls get a line. `None`: all.
    pub(super) only: Option<Matcher>,
    /// Which items get a line. `None`: all.
    pub(super) filter: Option<Matcher>,
    /// The line of a thread group leader that another thread's execve replaced. The next event
    /// names the thread.
    pub(super) superseded: Option<Prefix>,
}

impl<'o> Printer<'o> {
    /// `has_several_tasks`: whether the log is known to have more than one task.
    pub(crate) fn new(options: &'o Options, has_several_tasks: bool) -> Self {
        let mut lines = Lines::new(options.palette);
        if has_several_tasks {
            lines.show_tids();
        }
        Self {
            options,
            style: options.style(),
            lines,
            tasks: HashMap::default(),
            lost: Cell::new(0),
            only: options.only.clone().map(Matcher::new),
            filter: options.filter.clone().map(Matcher::new),
            superseded: None,
        }
    }

    /// Returns a driver of the items that lines are made of.
    pub(crate) fn driver(options: &Options) -> Driver {
        let filters = [&options.only, &options.filter];
        let needs = filters.into_iter().flatten().any(|filter| Matcher::follow(filter).processes);
        let processes = options.fds != FdStyle::Number || needs;
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
        self.matchers().for_each(Matcher::forget_matches);
    }

    /// Writes the text to `out`, if there is much of it.
    pub(crate) fn flush(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        self.lines.flush(out, false)
    }

    /// Writes all text to `out`, including an incomplete line.
    pub(crate) fn flush_all(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        self.lines.flush(out, true)
    }

    /// Sets the log that is printed.
    pub(crate) fn set_log(&mut self, file: &LogFile) {
        for filter in [&mut self.only, &mut self.filter] {
            *filter = filter.take().map(|filter| filter.for_log(file));
        }
    }

    /// Returns the fields that filters ask for and the log does not have.
    pub(crate) fn not_recorded(&self) -> Vec<(String, u64)> {
        let matchers = [&self.only, &self.filter].into_iter().flatten();
        let fields = matchers.flat_map(|matcher| matcher.not_recorded());
        fields.map(|(field, count)| (field.clone(), *count)).collect()
    }

    /// Whether a filter was given that nothing has matched.
    pub(crate) fn is_unmatched(&self) -> bool {
        self.filter.as_ref().is_some_and(|filter| !filter.has_matched())
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
        self.matchers().for_each(|matcher| matcher.note(item));
        let is_shown = self.is_shown(item);
        match item {
            Item::Entered(call) => self.entry(call),
            Item::Call(call) => self.ended(call),
            Item::ExitOnly(at) if is_shown => self.exit_without_entry(at),
            Item::Signal(at) if is_shown => {
                self.other_stop(at.task, &at.what.stop, &self.prefix_of(at));
            }
            Item::Stop(at) if is_shown => self.other_stop(at.task, &at.what, &self.prefix_of(at)),
            Item::TaskStart(at) => {
                let abi = self.tasks.get(&at.what.parent).and_then(|parent| parent.abi);
                self.tasks.insert(at.event.task, Shown { abi, ..Shown::default() });
                if at.task.state().appeared > 1 {
                    self.lines.show_tids();
                }
                if is_shown {
                    self.task_appeared(at);
                }
            }
            Item::TaskEnd(at) => {
                if is_shown {
                    self.task_gone(at);
                }
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
            _ if !is_shown => {}
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

    pub(super) fn matchers(&mut self) -> impl Iterator<Item = &mut Matcher> {
        [&mut self.only, &mut self.filter].into_iter().flatten()
    }

    /// Whether an item that is no call gets a line.
    fn is_shown(&mut self, item: &Item<'_>) -> bool {
        // `--only` chooses among calls.
        self.filter.as_mut().is_none_or(|filter| filter.matches_item(item))
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
        self.printer.flush_all(out)
    }
}
