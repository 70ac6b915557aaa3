//! Turns events into lines. A state machine: it is fed items in order, tracks the living tasks and
//! their open calls, and writes what strace would have written at the same stops.

use std::cell::Cell;
use std::io::Write;

use sysreel_abi::{Abi, AuditArch, CallKind, Filter, syscall_name};
use sysreel_format::{
    Body, Event, Item, MetaCodec, Part, ProcessSnapshot, SnapshotKind, Stop, TaskId,
};

use super::calls::{name, unknown_arguments, unknown_outcome, view};
use super::lines::{Lines, Prefix};
use super::options::{FdStyle, Options};
use crate::decode::{self, DONE};
use crate::regions::{Buffers, Regions};
use crate::state::{Follow, OpenCall, ResolvedCall, Tracker};
use crate::syscall_info::{self, Call, Info, Outcome, What};
use crate::text;

/// Prints items, one after the other.
pub(crate) struct Printer<'o> {
    pub(super) options: &'o Options,
    pub(super) tracker: Tracker,
    pub(super) lines: Lines,
    exit: Regions,
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
            tracker: Tracker::new(Follow {
                processes: options.fds != FdStyle::Number,
                ..Follow::default()
            }),
            lines,
            exit: Regions::default(),
            lost: Cell::new(0),
            only: options.only.clone(),
            superseded: None,
        }
    }

    /// Sets the relation of CLOCK_MONOTONIC to the time of day.
    pub(crate) fn anchor(&mut self, realtime: u64, monotonic: u64) {
        self.lines.anchor(realtime, monotonic);
    }

    /// Prints an item.
    pub(crate) fn item(&mut self, item: &Item<'_>, buffers: &dyn Buffers) {
        match item {
            Item::Event(event) => self.event(event, buffers),
            Item::Missing(missing) => {
                let prefix = Prefix { number: missing.first, ..Prefix::default() };
                self.remark(&prefix, &missing.to_string());
            }
        }
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

    /// Writes all text to `out`, including an incomplete line.
    pub(crate) fn flush_all(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        self.lines.flush(out, true)
    }

    /// Ends the last line and writes all text. Returns the number of buffers that could not be
    /// read.
    pub(crate) fn finish(mut self, out: &mut dyn Write) -> std::io::Result<u64> {
        self.report_superseded(None);
        self.lines.break_line();
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
                    self.lines.show_tids();
                }
                self.task_appeared(event, &task);
            }
            Body::Gone(gone) => self.task_gone(event, &gone),
            Body::Renamed(renamed) => {
                self.report_superseded(Some(&renamed));
                self.tracker.renamed(event.task, &renamed);
            }
            Body::Snapshot { what: SnapshotKind::PROCESS, bytes, .. } => {
                match ProcessSnapshot::from_bytes(bytes) {
                    Ok(snapshot) => {
                        self.tracker.apply_snapshot(event.task, event.number, &snapshot, buffers)
                    }
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
            other => self.recorder_event(event, &other),
        }
    }

    /// Returns the prefix of a line about an event.
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
        // Keep the regions of an exit until its line is written.
        let is_exit = matches!(info.what, What::Exit(_));
        self.exit.clear();
        for part in stop.parts {
            match part {
                Ok(Part::Region(region)) if is_exit => self.exit.add(&region),
                Ok(part) => was_altered |= matches!(part, Part::Altered(_)),
                Err(e) => {
                    self.remark(
                        &prefix,
                        &format!("a part of event {} cannot be decoded: {e}", event.number),
                    );
                }
            }
        }
        match info.what {
            What::Entry(call) => self.entry(event, stop, &info, call, &prefix, buffers),
            What::Exit(outcome) => self.exit(event, stop, outcome, &prefix, buffers),
            // A seccomp stop without an entry stop before it begins the call.
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
        let Some(arch) = info.arch.map(AuditArch) else { return };
        if let Some(old) = self.tracker.enter(id, event.number, event.t_ns, arch, call, stop.parts)
        {
            self.tracker.recycle(old);
        }
        self.personality(id, prefix);
        if !self.open(id).is_some_and(|open| self.is_shown(open)) {
            return;
        }
        self.lines.begin(self.options, &Prefix { nr: Some(call.nr), ..*prefix });
        let Self { tracker, lines, options, lost, .. } = self;
        let interrupted = tracker.task(id).and_then(|task| task.interrupted);
        let fds = tracker.fds(id);
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
                    unknown_arguments(open, &mut lines.text);
                    DONE
                }
            },
        };
        lines.leave_open(id);
    }

    /// Whether a call gets a line. The others are tracked all the same.
    fn is_shown(&self, open: &OpenCall) -> bool {
        self.only.as_ref().is_none_or(|only| {
            let name =
                open.row.map(|row| row.name).or_else(|| syscall_name(open.arch, open.call.nr));
            let resolved = ResolvedCall::resolve(open).map(|resolved| resolved.row);
            only.matches_either(name, open.row, resolved)
        })
    }

    fn exit(
        &mut self,
        event: &Event<'_>,
        stop: &Stop<'_>,
        outcome: Outcome,
        prefix: &Prefix,
        buffers: &dyn Buffers,
    ) {
        let id = event.task;
        let mut open = self.tracker.leave(id, outcome);
        if let Some(hidden) = open.take_if(|open| !self.is_shown(open)) {
            self.tracker.apply_call(id, event.number, &hidden, outcome, stop.parts, buffers);
            self.tracker.recycle(hidden);
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
        let Some(open) = open else { return self.exit_without_entry(outcome) };
        self.exit.settle();
        // Descriptors have the names they had during the call, so a closed one is removed after the
        // line. New ones are added before it.
        let makes = ResolvedCall::resolve(&open).is_some_and(|call| call.makes_fds());
        if makes {
            self.tracker.apply_call(id, event.number, &open, outcome, stop.parts, buffers);
        }
        let fds = self.tracker.fds(id);
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
            None => unknown_outcome(outcome, &mut lines.text),
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
        if !makes {
            self.tracker.apply_call(id, event.number, &open, outcome, stop.parts, buffers);
        }
        self.tracker.recycle(open);
    }

    /// Ends the line of an exit whose entry is not in the log.
    fn exit_without_entry(&mut self, outcome: Outcome) {
        self.lines.pad_to(self.options.column);
        self.lines.text.push_str("= ");
        unknown_outcome(outcome, &mut self.lines.text);
        self.lines.end();
    }

    /// Ends the line of a call that does not return: `) = ?`.
    pub(super) fn end_unfinished(&mut self, id: TaskId, prefix: &Prefix) {
        let Some(open) = self.tracker.task_mut(id).open.take() else { return };
        if !self.is_shown(&open) {
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

    /// Prints a line if a task makes a call in another ABI than before.
    fn personality(&mut self, id: TaskId, prefix: &Prefix) {
        let task = self.tracker.task_mut(id);
        let Some(abi) = task.open.as_ref().and_then(|open| open.abi) else { return };
        let before = task.abi.replace(abi);
        let is_native = matches!(abi, Abi::X86_64 | Abi::Aarch64);
        if before == Some(abi) || before.is_none() && is_native {
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
