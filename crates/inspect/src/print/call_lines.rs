//! The lines of calls: begun at the entry and completed at the end, or written whole at the end.

use sysreel_abi::filter::Answer;
use sysreel_abi::{Abi, CallKind};

use super::lines::{Prefix, fraction};
use super::printer::{Printer, When};
use crate::calls::{At, Call, Ended};
use crate::decode::{self, DONE};
use crate::text;
use sysreel_format::syscall_info::Outcome;

impl Printer<'_> {
    pub(super) fn entry(&mut self, call: &Call<'_>) {
        let Some(event) = call.event() else { return };
        let (id, prefix) = (event.task, self.prefix(&event, call.task()));
        self.personality(call, &prefix);
        let line = self.when(call);
        self.tasks.entry(id).or_default().line = line;
        if line == When::Entry {
            self.begin_call(call, &prefix);
            self.lines.leave_open(id);
        }
    }

    /// Returns when a call that begins gets its line.
    fn when(&mut self, call: &Call<'_>) -> When {
        let mut line = if self.options.join { When::End } else { When::Entry };
        for matcher in self.matchers() {
            match matcher.entered(call) {
                Answer::No => return When::Never,
                Answer::Unknown => line = When::End,
                Answer::Yes => {}
            }
        }
        line
    }

    /// Writes the beginning of a call: all that is known at its entry.
    fn begin_call(&mut self, call: &Call<'_>, prefix: &Prefix) {
        self.lines.begin(self.options, &Prefix { nr: Some(call.nr()), ..*prefix });
        let style = self.options.style_of(self.style, call);
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
            _ => match call.view(&style, &self.lost) {
                // What the call has written comes with its end.
                Some(view) => {
                    decode::begin(&decode::View { exit: None, outcome: None, ..view }, out)
                }
                None => {
                    decode::unknown_arguments(call.open().call.args, out);
                    DONE
                }
            },
        };
        self.tasks.entry(call.task().id()).or_default().cursor = cursor;
    }

    pub(super) fn ended(&mut self, call: &Call<'_>) {
        let id = call.task().id();
        let line = self.tasks.get(&id).map_or(When::Entry, |task| task.line);
        let is_open = call.event().is_none() || call.ended() == Ended::Unfinished;
        match line {
            When::Never => return,
            When::End => {
                if !self.matchers().all(|matcher| matcher.matches(call)) {
                    return;
                }
                self.whole_call(call);
                if is_open || call.ended() == Ended::Detached {
                    // Without an end, another line breaks it.
                    self.lines.leave_open(id);
                    return;
                }
            }
            When::Entry if is_open => return,
            When::Entry => {
                if !self.lines.is_current(id) {
                    let Some(event) = call.event() else { return };
                    let prefix = self.prefix(&event, call.task());
                    self.resume(&Prefix { nr: Some(call.nr()), ..prefix }, &call.name());
                } else if call.ended() == Ended::Detached {
                    // The end of the task ends the line.
                    return;
                }
            }
        }
        let cursor = self.tasks.get(&id).map_or(DONE, |task| task.cursor);
        match call.outcome() {
            Some(outcome) => {
                self.exit(call, outcome, cursor);
                self.dump(call);
            }
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

    /// Writes the beginning of a call at its end, with the time of its entry.
    fn whole_call(&mut self, call: &Call<'_>) {
        let ip = if self.options.ip { call.ip() } else { None };
        let task = call.task();
        let prefix = Prefix {
            task: task.id(),
            tid: Some(task.tid()),
            t_ns: call.open().t_ns,
            number: call.number(),
            ip,
            nr: None,
        };
        self.begin_call(call, &prefix);
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
        let style = options.style_of(*style, call);
        let view = call.view(&style, lost);
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
        if let Some(precision) = options.duration {
            let took = call.duration().unwrap_or_default();
            lines.text.push_str(" <");
            text::dec(&mut lines.text, took.as_secs());
            fraction(precision, took.subsec_nanos().into(), &mut lines.text);
            lines.text.push('>');
        }
        lines.end();
    }

    /// Prints an exit whose entry is not in the log.
    pub(super) fn exit_without_entry(&mut self, at: &At<'_, Outcome>) {
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
        if self.options.quiet.personality || before == Some(abi) || before.is_none() && is_native {
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
