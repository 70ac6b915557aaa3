//! Lines of everything but calls: signals, stops, the beginnings and ends of tasks, and remarks of
//! the recorder.

use sysreel_abi::{Abi, errno_name};
use sysreel_format::{
    Altered, Altering, Body, Completeness, FileMeta, Gap, GapReason, Gone, GoneHow, Origin, Part,
    Renamed, SnapshotKind, Stop, TaskHead, Unrecorded,
};

use super::lines::Prefix;
use super::options::HexStrings;
use super::printer::Printer;
use crate::calls::{self, At, Item, Lost, Task};
use crate::decode::{self, Fields};
use crate::filter::Matcher;
use crate::recorded_filter;
use crate::text;
use sysreel_format::syscall_info::{Info, Op, What};

/// Events of ptrace stops (include/uapi/linux/ptrace.h), in the third byte of a wait status.
const FIRST_EVENT: u32 = 1;
const EVENT_SECCOMP: u32 = 7;
const EVENT_STOP: u32 = 128;
/// The low byte of the wait status of a stop.
const STOPPED: u32 = 0x7f;
/// No such process: the task was killed before its stop was queried
/// (include/uapi/asm-generic/errno-base.h).
const ESRCH: i32 = 3;
/// The size of what the kernel reports outside of syscall stops: the struct up to its union.
const NONE_LEN: usize = 24;
/// The stop signals and SIGTRAP; the same numbers in every ABI here
/// (include/uapi/asm-generic/signal.h).
const STOPPING: std::ops::RangeInclusive<u32> = 19..=22;
const TRAP: u32 = 5;
/// The size of a `sock_filter` (include/uapi/linux/filter.h).
const BPF_INSTRUCTION: usize = 8;
/// The bit that PTRACE_O_TRACESYSGOOD sets in the signal of a syscall stop.
const SYSGOOD: u32 = 0x80;

impl Printer<'_> {
    /// Says first of all that not all calls were recorded, so that their absence misleads no
    /// reader.
    pub(crate) fn note_filter(&mut self, completeness: Completeness, meta: &FileMeta) {
        if completeness.contains(Completeness::FILTERED) {
            let only = recorded_filter::text(meta);
            let filter = if only.is_empty() { only } else { format!(": --only {only}") };
            self.remark(&Prefix::default(), &format!("not all system calls were recorded{filter}"));
            // The recorder also keeps the calls it needs to follow tasks and descriptors. They get
            // no line.
            self.only = self
                .only
                .take()
                .or_else(|| recorded_filter::filter(completeness, meta).map(Matcher::new));
        }
    }

    /// Prints a stop that is neither the entry nor the exit of a call.
    pub(super) fn other_stop(&mut self, task: Task<'_>, what: &calls::Stop<'_>, prefix: &Prefix) {
        let (stop, info) = (&what.stop, &what.info());
        let status = stop.wait_status;
        let (signal, event) = (status >> 8 & 0xff, status >> 16);
        let is_hidden = !task.has_run() && !self.options.everything;
        if status & 0xff != STOPPED {
            self.remark(prefix, &format!("wait status {status:#x} reports no stop"));
            return;
        }
        match event {
            0 if signal == TRAP | SYSGOOD => self.unexpected_syscall_stop(stop, info, prefix),
            0 if !self.shows_signal(signal) => {}
            EVENT_STOP if STOPPING.contains(&signal) && !self.shows_signal(signal) => {}
            0 if is_hidden => {}
            0 => self.signal_stop(signal, stop, prefix),
            EVENT_STOP if STOPPING.contains(&signal) && !is_hidden => {
                self.group_stop(signal, prefix)
            }
            EVENT_SECCOMP if self.options.everything => match info.what {
                What::Seccomp(_, data) => {
                    self.remark(prefix, &format!("seccomp stop, ret_data {data:#x}"))
                }
                _ => self.unexpected_syscall_stop(stop, info, prefix),
            },
            EVENT_STOP if signal == TRAP || STOPPING.contains(&signal) => {}
            // Other lines show what these stops report: the new task, the call, its result or end.
            FIRST_EVENT..=EVENT_SECCOMP => {}
            _ => self.remark(prefix, &format!("unknown kind of stop: wait status {status:#x}")),
        }
    }

    /// Whether the lines of a signal are wanted.
    fn shows_signal(&self, signal: u32) -> bool {
        let bit = signal.checked_sub(1).and_then(|shift| 1u64.checked_shl(shift));
        bit.is_none_or(|bit| self.options.signals & bit != 0)
    }

    /// Prints a syscall stop whose struct is missing or has an unknown form.
    fn unexpected_syscall_stop(&mut self, stop: &Stop<'_>, info: &Info, prefix: &Prefix) {
        if stop.info_ret == -ESRCH || (info.op == Some(Op::NONE) && stop.info.len() == NONE_LEN) {
            self.remark(prefix, "system call stop that could not be read: the task was killed");
            return;
        }
        let mut bytes = String::new();
        text::bytes(&mut bytes, stop.info);
        let op = info.op.map_or_else(|| "none".to_owned(), |op| op.0.to_string());
        let (ret, layout) = (stop.info_ret, stop.layout);
        self.remark(
            prefix,
            &format!(
                "system call stop of unknown form: returned {ret}, layout {layout}, op {op}, bytes \
                 {bytes}"
            ),
        );
    }

    fn signal_stop(&mut self, signal: u32, stop: &Stop<'_>, prefix: &Prefix) {
        let siginfo = stop.parts.flatten().find_map(|part| match part {
            Part::Siginfo(bytes) => Some(bytes),
            _ => None,
        });
        match siginfo {
            Some(bytes) if bytes.len() >= 48 => {
                self.lines.begin(self.options, prefix);
                self.lines.text.push_str("--- ");
                decode::signal_name(signal.into(), &mut self.lines.text);
                self.lines.text.push(' ');
                // The tracer gets the siginfo in the layout of its own ABI, and recorders are
                // 64-bit programs.
                decode::siginfo(Fields::new(Abi::X86_64, bytes), &mut self.lines.text);
                self.lines.text.push_str(" ---");
                self.lines.end();
            }
            _ if STOPPING.contains(&signal) => self.group_stop(signal, prefix),
            _ => {
                self.lines.begin(self.options, prefix);
                self.lines.text.push_str("--- ");
                decode::signal_name(signal.into(), &mut self.lines.text);
                self.lines.text.push_str(" ---");
                self.lines.end();
            }
        }
    }

    fn group_stop(&mut self, signal: u32, prefix: &Prefix) {
        self.lines.begin(self.options, prefix);
        self.lines.text.push_str("--- stopped by ");
        decode::signal_name(signal.into(), &mut self.lines.text);
        self.lines.text.push_str(" ---");
        self.lines.end();
    }

    /// Prints a new task, under `verbose`.
    pub(super) fn task_appeared(&mut self, at: &At<'_, TaskHead>) {
        if self.options.everything {
            let head = &at.what;
            // Use the task of the creating call, so that the remark does not break that call's
            // line.
            let prefix = Prefix { task: head.parent, ..self.prefix_of(at) };
            let parent = match at.task.state().task(head.parent) {
                Some(parent) => format!(" of {}", parent.tid),
                None => String::new(),
            };
            let how = if head.origin == Origin::UNKNOWN {
                "unknown origin".to_owned()
            } else {
                head.origin.to_string()
            };
            self.remark(
                &prefix,
                &format!("task {} of process {} appears ({how}{parent})", head.tid, head.tgid),
            );
        }
    }

    pub(super) fn task_gone(&mut self, at: &At<'_, Gone>) {
        let (gone, prefix) = (&at.what, self.prefix_of(at));
        if gone.how == GoneHow::DETACHED && self.lines.is_current(at.event.task) {
            self.lines.text.push_str(" <detached ...>");
            self.lines.end();
            return;
        }
        if gone.how == GoneHow::SUPERSEDED {
            self.superseded = Some(prefix);
            return;
        }
        let quiet = self.options.quiet;
        if gone.how == GoneHow::REAPED && quiet.exit
            || gone.how == GoneHow::DETACHED && quiet.attach
        {
            return;
        }
        self.lines.begin(self.options, &prefix);
        let out = &mut self.lines.text;
        out.push_str("+++ ");
        let (low, code) = (gone.wait_status & 0x7f, gone.wait_status >> 8 & 0xff);
        match gone.how {
            GoneHow::REAPED if low == 0 => {
                out.push_str("exited with ");
                text::dec(out, code.into());
            }
            GoneHow::REAPED => {
                out.push_str("killed by ");
                decode::signal_name(low.into(), out);
                if gone.wait_status & 0x80 != 0 {
                    out.push_str(" (core dumped)");
                }
            }
            GoneHow::DETACHED => out.push_str("detached"),
            GoneHow::VANISHED => out.push_str("vanished without a report"),
            other => {
                out.push_str("gone: ");
                text::escaped(out, other.to_string().as_bytes(), HexStrings::Never, 0);
            }
        }
        out.push_str(" +++");
        self.lines.end();
    }

    /// Prints the end of a thread group leader that another thread's execve replaced: as soon as
    /// the thread is known, or when it is clear that the log does not name it.
    pub(super) fn report_superseded(&mut self, by: Option<&Renamed>) {
        let Some(prefix) = self.superseded.take() else { return };
        if self.options.quiet.thread_execve {
            return;
        }
        self.lines.begin(self.options, &prefix);
        self.lines.text.push_str("+++ superseded by execve");
        if let Some(by) = by {
            self.lines.text.push_str(" in pid ");
            text::dec(&mut self.lines.text, by.old_tid.into());
        }
        self.lines.text.push_str(" +++");
        self.lines.end();
    }

    /// Prints what the recorder says, and what this version does not know.
    pub(super) fn recorder_item(&mut self, item: &Item<'_>) {
        match item {
            Item::Lost(Lost::Recorder(at)) => {
                let were = if at.what.count == 1 { "was" } else { "were" };
                let events = text::counted(at.what.count, "event");
                let text = format!("{events} {were} lost here: {}", at.what.reasons);
                self.remark(&self.prefix_of(at), &text);
            }
            Item::Note(at) => {
                let text = String::from_utf8_lossy(at.what.text);
                let text = format!("{} ({}): {text}", at.what.severity, at.what.code);
                self.remark(&self.prefix_of(at), &text);
            }
            Item::Altered(at) => {
                let prefix = self.prefix_of(at);
                at.what.into_iter().for_each(|altered| self.altered(&prefix, &altered));
            }
            Item::Unrecorded(at) => self.remark(&self.prefix_of(at), &recording_gap(&at.what)),
            Item::Mark(at) => {
                let text = format!("mark {}", String::from_utf8_lossy(at.what));
                self.remark(&self.prefix_of(at), &text);
            }
            Item::Other(at) => {
                let text = match at.event.decode() {
                    Ok(Body::Snapshot { what: SnapshotKind::DETERMINISM, .. }) => {
                        "recorded for replay".to_owned()
                    }
                    Ok(Body::Snapshot { what, .. }) => {
                        format!("snapshot of unknown kind {}", what.0)
                    }
                    Ok(Body::Unknown(bytes)) => {
                        format!("event of unknown kind {}, {} bytes", at.event.kind.0, bytes.len())
                    }
                    _ => return,
                };
                self.remark(&self.prefix_of(at), &text);
            }
            _ => {}
        }
    }

    /// Prints what the recorder changed in a tracee.
    fn altered(&mut self, prefix: &Prefix, altered: &Altered<'_>) {
        let which = if altered.arg == 0 { String::new() } else { format!(" {}", altered.arg) };
        let mut text = format!("altered {}{which}: kernel ", altered.what);
        let value = match altered.what {
            Altering::AFFINITY => cpus,
            Altering::RETURN_VALUE => return_value,
            _ => abbreviated_hex,
        };
        value(&mut text, altered.kernel);
        text.push_str(", given ");
        if altered.what == Altering::SECCOMP_FILTER {
            text::dec(&mut text, (altered.given.len() / BPF_INSTRUCTION) as u64);
            text.push_str(" instructions");
        } else {
            value(&mut text, altered.given);
        }
        self.remark(prefix, &text);
    }

    /// Prints a remark. It is escaped like everything that comes from a log, and follows an
    /// incomplete line of the same task.
    pub(super) fn remark(&mut self, prefix: &Prefix, text: &str) {
        let options = self.options;
        self.lines.write_between(prefix.task, |lines| {
            lines.begin(options, prefix);
            lines.text.push_str("--- sysreel: ");
            text::escaped(&mut lines.text, text.as_bytes(), HexStrings::Never, 0);
            lines.text.push_str(" ---");
            lines.end();
        });
    }
}

/// Writes the CPUs of an affinity mask as ranges, as /proc/PID/status does: `0-3,8`.
fn cpus(out: &mut String, mask: &[u8]) {
    let contains = |cpu: usize| mask.get(cpu / 8).is_some_and(|byte| byte >> (cpu % 8) & 1 == 1);
    let mut separator = "CPU ";
    let mut cpu = 0;
    while cpu < mask.len() * 8 {
        let first = cpu;
        while contains(cpu) {
            cpu += 1;
        }
        match cpu - first {
            0 => cpu += 1,
            n => {
                out.push_str(separator);
                separator = ",";
                text::dec(out, first as u64);
                if n > 1 {
                    out.push('-');
                    text::dec(out, (cpu - 1) as u64);
                }
            }
        }
    }
    if separator == "CPU " {
        out.push_str("no CPU");
    }
}

/// Writes a result as it is printed after a call: `-1 EPERM`.
fn return_value(out: &mut String, bytes: &[u8]) {
    let Ok(value) = bytes.try_into().map(i64::from_le_bytes) else {
        return abbreviated_hex(out, bytes);
    };
    let errno = i32::try_from(value).ok().and_then(|value| errno_name(value.checked_neg()?));
    match errno {
        Some(name) => out.extend(["-1 ", name]),
        None => out.push_str(&value.to_string()),
    }
}

/// Writes bytes in hexadecimal, the first 64 of them.
fn abbreviated_hex(out: &mut String, bytes: &[u8]) {
    const MAX: usize = 64;
    text::bytes(out, bytes.get(..MAX).unwrap_or(bytes));
    if bytes.len() > MAX {
        out.push_str("...");
    }
    if bytes.is_empty() {
        out.push_str("nothing");
    }
}

/// Describes where recording of a task pauses or resumes: `not recorded from here on: traced by pid
/// 12`.
fn recording_gap(unrecorded: &Unrecorded) -> String {
    match (unrecorded.gap, unrecorded.reason) {
        (Gap::ENDS, _) => "recorded again from here on".to_owned(),
        (Gap::BEGINS, GapReason::TRACED) if unrecorded.tracer != 0 => {
            format!("not recorded from here on: traced by pid {}", unrecorded.tracer)
        }
        (Gap::BEGINS, reason) => format!("not recorded from here on: {reason}"),
        (gap, reason) => format!("recording gap of unknown kind {gap}: {reason}"),
    }
}
