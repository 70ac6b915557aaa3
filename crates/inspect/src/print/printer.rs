//! From events to lines. A state machine: it is fed items in order, knows the living tasks and the
//! call that each has open, and writes what strace would have written at the same stops.

use std::cell::Cell;
use std::io::Write;

use sysreel_abi::{Abi, CallKind, Filter, syscall_name};
use sysreel_format::{
    Body, Event, Item, MetaCodec, Part, ProcessSnapshot, SnapshotKind, Stop, TaskId,
};

use super::calls::{name, raw_arguments, raw_outcome, view};
use super::lines::{Lines, Prefix};
use super::{FdStyle, Options};
use crate::decode::{self, DONE};
use crate::regions::{Buffers, Regions};
use crate::state::{Follow, OpenCall, ResolvedCall, Tracker};
use crate::syscall_info::{self, Call, Info, Outcome, What};
use crate::text;

/// Writes lines for events.
pub(crate) struct Printer<'o> {
    pub(super) options: &'o Options,
    pub(super) tracker: Tracker,
    pub(super) lines: Lines,
    exit: Regions,
    lost: Cell<u64>,
    /// Which calls get a line; `None`: all.
    pub(super) only: Option<Filter>,
    /// A leader whose place another thread's execve has taken; the next event says which.
    pub(super) superseded: Option<Prefix>,
}

impl<'o> Printer<'o> {
    /// `several`: the log is known to have more than one task.
    pub(crate) fn new(options: &'o Options, several: bool) -> Self {
        let mut lines = Lines::default();
        if several {
            lines.several();
        }
        Self {
            options,
            tracker: Tracker::new(Follow {
                names: options.fds != FdStyle::Number,
                ..Follow::default()
            }),
            lines,
            exit: Regions::default(),
            lost: Cell::new(0),
            only: options.only.clone(),
            superseded: None,
        }
    }

    /// Ties the monotonic clock to the time of day.
    pub(crate) fn anchor(&mut self, realtime: u64, monotonic: u64) {
        self.lines.anchor(realtime, monotonic);
    }

    /// Writes what there is to say about an item.
    pub(crate) fn item(&mut self, item: &Item<'_>, buffers: &dyn Buffers) {
        match item {
            Item::Event(event) => self.event(event, buffers),
            Item::Missing(missing) => {
                let prefix = Prefix { number: missing.first, ..Prefix::default() };
                self.remark(&prefix, &missing.to_string());
            }
        }
    }

    /// Says what concerns the log and no event of it.
    pub(crate) fn notice(&mut self, said: &str) {
        self.remark(&Prefix::default(), said);
    }

    /// What was written so far is not wanted.
    pub(crate) fn forget(&mut self) {
        self.lines.forget();
    }

    /// Only what comes from here on is wanted, and only buffers that are lost from here on count.
    pub(crate) fn begin_here(&mut self) {
        self.lines.interrupt();
        self.lines.forget();
        self.lost.set(0);
    }

    /// Hands on the text.
    pub(crate) fn flush(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        self.lines.flush(out, false)
    }

    /// Hands on all text, also the beginning of a line that goes on.
    pub(crate) fn flush_all(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        self.lines.flush(out, true)
    }

    /// Ends the last line and hands on everything. Answers how many buffers could not be read.
    pub(crate) fn finish(mut self, out: &mut dyn Write) -> std::io::Result<u64> {
        self.report_superseded(None);
        self.lines.interrupt();
        self.lines.flush(out, true)?;
        Ok(self.lost.get())
    }

    fn event(&mut self, event: &Event<'_>, buffers: &dyn Buffers) {
        let body = match event.decode() {
            Ok(body) => body,
            Err(e) => {
                let prefix = self.prefix(event);
                return self
                    .remark(&prefix, &format!("event {} cannot be decoded: {e}", event.number));
            }
        };
        if !matches!(body, Body::Renamed(_)) {
            self.report_superseded(None);
        }
        match body {
            Body::Stop(stop) => self.stop(event, &stop, buffers),
            Body::Task(task) => {
                self.tracker.appear(event.task, &task.head);
                if self.tracker.appeared > 1 {
                    self.lines.several();
                }
                self.appears(event, &task);
            }
            Body::Gone(gone) => self.gone(event, &gone),
            Body::Renamed(renamed) => {
                self.report_superseded(Some(&renamed));
                self.tracker.renamed(event.task, &renamed);
            }
            Body::Snapshot { what: SnapshotKind::PROCESS, bytes, .. } => {
                match ProcessSnapshot::from_bytes(bytes) {
                    Ok(snapshot) => self.tracker.snapshot(event.task, snapshot),
                    Err(e) => {
                        let prefix = self.prefix(event);
                        self.remark(
                            &prefix,
                            &format!(
                                "the snapshot of event {} cannot be decoded: {e}",
                                event.number
                            ),
                        );
                    }
                }
            }
            Body::Clock(clock) => self.lines.anchor(clock.realtime, clock.monotonic),
            other => self.said(event, &other),
        }
    }

    /// What stands before a line about an event.
    pub(super) fn prefix(&self, event: &Event<'_>) -> Prefix {
        let tid = self.tracker.task(event.task).map(|task| task.tid);
        let tid = if event.task == TaskId::NONE { None } else { Some(tid.unwrap_or(0)) };
        Prefix { task: event.task, tid, t_ns: event.t_ns, number: event.number, ip: None, nr: None }
    }

    fn stop(&mut self, event: &Event<'_>, stop: &Stop<'_>, buffers: &dyn Buffers) {
        let info = syscall_info::decode(stop.layout, stop.info);
        let mut prefix = self.prefix(event);
        prefix.ip = info.ip;
        let mut was_altered = false;
        // What came out of a call is kept for its line.
        let is_exit = matches!(info.what, What::Exit(_));
        self.exit.clear();
        for part in stop.parts {
            match part {
                Ok(Part::Region(region)) if is_exit => self.exit.add(&region),
                Ok(Part::Name(name)) => self.tracker.name(event.task, &name),
                Ok(part) => was_altered |= matches!(part, Part::Altered(_)),
                Err(e) => {
                    self.remark(&prefix, &format!("event {} is damaged inside: {e}", event.number));
                }
            }
        }
        match info.what {
            What::Entry(call) => self.entry(event, stop, &info, call, &prefix, buffers),
            What::Exit(outcome) => self.exit(event, outcome, &prefix, buffers),
            // Before or instead of an entry stop it is the only one that tells of the call.
            What::Seccomp(call, _) if self.open(event.task).is_none() => {
                self.entry(event, stop, &info, call, &prefix, buffers);
            }
            _ => self.other_stop(event.task, stop, &info, &prefix),
        }
        if was_altered {
            for part in stop.parts.flatten() {
                if let Part::Altered(altered) = part {
                    self.altered(&prefix, &altered);
                }
            }
        }
    }

    pub(super) fn open(&self, id: TaskId) -> Option<&OpenCall> {
        self.tracker.task(id)?.open.as_ref()
    }

    fn entry(
        &mut self,
        event: &Event<'_>,
        stop: &Stop<'_>,
        info: &Info,
        call: Call,
        prefix: &Prefix,
        buffers: &dyn Buffers,
    ) {
        let id = event.task;
        let Some(arch) = info.arch else { return };
        if let Some(old) = self.tracker.enter(id, event.number, event.t_ns, arch, call, stop.parts)
        {
            self.tracker.recycle(old);
        }
        self.personality(id, prefix);
        if !self.open(id).is_some_and(|open| self.has_a_line(open)) {
            return;
        }
        self.lines.begin(self.options, &Prefix { nr: Some(call.nr), ..*prefix });
        let Self { tracker, lines, options, lost, .. } = self;
        let interrupted = tracker.task(id).and_then(|task| task.interrupted);
        let fds = tracker.fds(id).cloned();
        let Some(open) = tracker.task_mut(id).open.as_mut() else { return };
        name(open, &mut lines.text);
        lines.text.push('(');
        open.cursor = match open.row {
            Some(row) if row.kind == CallKind::Restart => {
                lines.text.push_str("<... resuming interrupted ");
                lines.text.push_str(interrupted.map_or("system call", |row| row.name));
                lines.text.push_str(" ...>");
                DONE
            }
            _ => match view(open, None, None, options, fds.as_ref(), buffers, lost) {
                Some(view) => decode::begin(&view, &mut lines.text),
                None => {
                    raw_arguments(open, &mut lines.text);
                    DONE
                }
            },
        };
        lines.keep_open(id);
    }

    /// Is a call shown? What is not is followed all the same.
    fn has_a_line(&self, open: &OpenCall) -> bool {
        self.only.as_ref().is_none_or(|only| {
            let name =
                open.row.map(|row| row.name).or_else(|| syscall_name(open.arch, open.call.nr));
            let resolved = ResolvedCall::of(open).map(|resolved| resolved.row);
            only.matches_either(name, open.row, resolved)
        })
    }

    fn exit(
        &mut self,
        event: &Event<'_>,
        outcome: Outcome,
        prefix: &Prefix,
        buffers: &dyn Buffers,
    ) {
        let id = event.task;
        let mut open = self.tracker.leave(id, outcome);
        if let Some(unseen) = open.take_if(|open| !self.has_a_line(open)) {
            self.tracker.after(id, &unseen, outcome);
            self.tracker.recycle(unseen);
            return;
        }
        if !self.lines.is_current(id) {
            let nr = open.as_ref().map(|open| open.call.nr);
            self.lines.begin(self.options, &Prefix { nr, ..*prefix });
            self.lines.text.push_str("<... ");
            match &open {
                Some(open) => name(open, &mut self.lines.text),
                None => self.lines.text.push_str("unknown call"),
            }
            self.lines.text.push_str(" resumed>");
        }
        let Some(open) = open else { return self.lonely_exit(outcome) };
        self.exit.settle();
        // Descriptors are named here as they were during the call; a closed one goes afterwards. A
        // new one is there.
        if open.row.is_some_and(|row| {
            matches!(
                row.kind,
                CallKind::Socket | CallKind::Accept | CallKind::Dup | CallKind::DupTo
            )
        }) {
            self.tracker.after(id, &open, outcome);
        }
        let fds = self.tracker.fds(id).cloned();
        let Self { lines, options, lost, exit, .. } = self;
        let view = view(&open, Some(exit), Some(outcome), options, fds.as_ref(), buffers, lost);
        if let Some(view) = &view {
            decode::finish(view, open.cursor, &mut lines.text);
        }
        lines.text.push(')');
        lines.pad_to(options.column);
        lines.text.push_str("= ");
        match &view {
            Some(view) => decode::outcome(view, outcome, &mut lines.text),
            None => raw_outcome(outcome, &mut lines.text),
        }
        if options.duration {
            let took = event.t_ns.saturating_sub(open.t_ns);
            lines.text.push_str(" <");
            text::dec(&mut lines.text, took / 1_000_000_000);
            lines.text.push('.');
            text::fraction(&mut lines.text, took % 1_000_000_000, 6);
            lines.text.push('>');
        }
        lines.end();
        drop(fds);
        self.tracker.after(id, &open, outcome);
        self.tracker.recycle(open);
    }

    /// An exit whose entry is not in the log.
    fn lonely_exit(&mut self, outcome: Outcome) {
        self.lines.pad_to(self.options.column);
        self.lines.text.push_str("= ");
        raw_outcome(outcome, &mut self.lines.text);
        self.lines.end();
    }

    /// The call that a task has open will not end: `) = ?`.
    pub(super) fn never_ends(&mut self, id: TaskId, prefix: &Prefix) {
        let Some(open) = self.tracker.task_mut(id).open.take() else { return };
        if !self.has_a_line(&open) {
            self.tracker.recycle(open);
            return;
        }
        if !self.lines.is_current(id) {
            self.lines.begin(self.options, &Prefix { nr: Some(open.call.nr), ..*prefix });
            self.lines.text.push_str("<... ");
            name(&open, &mut self.lines.text);
            self.lines.text.push_str(" resumed>");
        }
        if open.cursor != DONE {
            self.lines.text.push_str(" <unfinished ...>");
        }
        self.lines.text.push(')');
        self.lines.pad_to(self.options.column);
        self.lines.text.push_str("= ?");
        self.lines.end();
        self.tracker.recycle(open);
    }

    /// Says so when a task makes a call through another ABI than before.
    fn personality(&mut self, id: TaskId, prefix: &Prefix) {
        let task = self.tracker.task_mut(id);
        let Some(abi) = task.open.as_ref().and_then(|open| open.abi) else { return };
        let before = task.abi.replace(abi);
        let usual = matches!(abi, Abi::X86_64 | Abi::Aarch64);
        if before == Some(abi) || before.is_none() && usual {
            return;
        }
        let tid = task.tid;
        let mode = match abi {
            Abi::X86_64 | Abi::Aarch64 => "64 bit",
            Abi::I386 => "32 bit",
            Abi::X32 => "x32",
        };
        self.lines.begin(self.options, &Prefix { tid: None, ..*prefix });
        self.lines.text.push_str("[ Process PID=");
        text::dec(&mut self.lines.text, tid.into());
        self.lines.text.push_str(" runs in ");
        self.lines.text.push_str(mode);
        self.lines.text.push_str(" mode. ]");
        self.lines.end();
    }
}
