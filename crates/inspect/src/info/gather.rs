//! Gathers an [`Info`]: from header, metadata and footer, then from one pass over the events.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use sysreel_abi::AuditArch;
use sysreel_format::{
    Body, Completeness, Ending as LogEnding, Event, EventKind, FileMeta, GoneHow, Note,
    ProcessSnapshot, ReadAt, SourceId, TaskHead, TaskId, Why,
};

use super::{Ending, Host, Info, ProcessInfo, Sizes, TaskInfo, Time};
use crate::calls::{self, Damage, Damaged, Driver, Ended, Item, Lost, Walk};
use crate::{Error, EventRange, Findings, LogFile, completeness, text};
use sysreel_format::syscall_info;

/// The longest list of tasks, programs, notes or holes. Further ones are only counted, so that
/// memory stays bounded.
const MAX_LISTED: usize = 100_000;
/// The most kinds and architectures that are counted separately.
const MAX_KINDS: usize = 1000;

impl Info {
    /// Summarizes a log.
    ///
    /// # Errors
    /// When the log cannot be read. Damage is not an error; [`Info::missing`] lists it.
    pub fn gather(file: &LogFile) -> Result<Self, Error> {
        let log = file.log();
        let mut walk = Gathering {
            info: Self::from_header(file),
            is_being_written: file.is_being_written(),
            indexes: BTreeMap::new(),
            completeness: log.header().completeness,
            kinds: Vec::new(),
            sources: Vec::new(),
            archs: Vec::new(),
        };
        let (driver, whole) = (Driver::for_counting(true), EventRange::default());
        // The buffers are read too, to find damaged ones.
        let read = calls::walk(file, driver, (&whole, true), log, &mut walk)?;
        let mut info = std::mem::take(&mut walk.info);
        walk.add_names(&mut info);
        info.sizes.events = read.row_bytes;
        if let Some(summary) = log.summary() {
            walk.completeness = walk.completeness.with(summary.completeness);
            info.sizes.buffers = Some(summary.blob_bytes);
            info.sizes.duplicates = Some(summary.duplicate_bytes);
            info.sizes.blobs = Some(summary.blobs);
        }
        info.incomplete = completeness::sentences(walk.completeness);
        if file.is_being_written() {
            info.incomplete.push("it is still being written: later events are missing".to_owned());
        } else if info.ending.state != super::CLEAN {
            info.incomplete
                .push("the recording was not finished: later events may be missing".to_owned());
        }
        info.time.duration_ns = read.latest.saturating_sub(log.meta().monotonic_ns);
        // The footer has the exit status even if the event of the exit is lost. The program is the
        // first task that the recorder started.
        let status = log.summary().and_then(|summary| summary.exit_status);
        let program =
            || info.tasks.iter().find(|task| task.task == 0).and_then(|task| task.end.clone());
        info.ending.exit =
            status.map(|status| describe_end(GoneHow::REAPED, status)).or_else(program);
        info.findings = read.findings;
        // A log that is being written has no end yet.
        info.findings.open_end &= !file.is_being_written();
        // Holes and malformed events are in the list already, each with its place.
        let others = Findings {
            holes: 0,
            missing: 0,
            malformed: 0,
            first_malformed: None,
            open_end: false,
            footer: None,
            ..info.findings.clone()
        };
        info.missing.extend(others.sentences());
        Ok(info)
    }

    fn from_header(file: &LogFile) -> Self {
        let log = file.log();
        let (header, meta) = (log.header(), log.meta());
        Self {
            file: file.path().display().to_string(),
            format: header.version(),
            draft: header.is_draft(),
            file_id: header.file_id.to_string(),
            tool_version: lossy(&meta.tool_version),
            command: meta.argv.iter().map(|arg| lossy(arg)).collect(),
            cwd: lossy(&meta.cwd),
            host: host(meta),
            time: start(meta),
            options: meta.options.iter().map(option).collect(),
            capture_limit: meta.capture_limit,
            syscall_info_size: meta.psi_size_probe,
            ending: ending(file),
            sizes: Sizes { file: log.source().len().unwrap_or(0), ..Sizes::default() },
            ..Self::default()
        }
    }
}

/// Returns an option as text. The recorder stores `u64::MAX` for no limit.
fn option((name, value): &(Vec<u8>, Vec<u8>)) -> (String, String) {
    let value = match name.as_slice() {
        b"capture-limit" if *value == u64::MAX.to_string().into_bytes() => "all".to_owned(),
        _ => lossy(value),
    };
    (lossy(name), value)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn host(meta: &FileMeta) -> Host {
    Host {
        name: lossy(&meta.nodename),
        system: lossy(&meta.sysname),
        release: lossy(&meta.release),
        version: lossy(&meta.version),
        machine: lossy(&meta.machine),
        page_size: meta.page_size,
        cpus: meta.cpus_online,
    }
}

fn start(meta: &FileMeta) -> Time {
    let mut start = String::new();
    text::date(&mut start, i64::try_from(meta.realtime_ns / 1_000_000_000).unwrap_or(0));
    start.push('Z');
    Time { start, start_ns: meta.realtime_ns, duration_ns: 0 }
}

fn ending(file: &LogFile) -> Ending {
    let (state, text) = match file.log().ending() {
        LogEnding::Clean => (super::CLEAN, "clean: the recorder finished the log".to_owned()),
        LogEnding::Unfinished { .. } if file.is_being_written() => {
            (super::BEING_WRITTEN, "being written: the recorder is still running".to_owned())
        }
        LogEnding::Unfinished { offset } => (
            "unfinished",
            format!(
                "unfinished: no footer before the end at offset {offset}; the recorder died, or \
                 the file was truncated"
            ),
        ),
        LogEnding::Damaged { offset } => {
            ("damaged", format!("damaged: the footer at offset {offset} cannot be read"))
        }
    };
    Ending { state: state.to_owned(), text, tail: file.has_tail(), exit: None }
}

/// Appends to a list that has room; otherwise counts the item as left out.
fn push_bounded<T>(list: &mut Vec<T>, left_out: &mut u64, item: T) {
    match list.len() < MAX_LISTED {
        true => list.push(item),
        false => crate::add(left_out, 1),
    }
}

/// State of the pass over the events.
struct Gathering {
    info: Info,
    is_being_written: bool,
    /// The index in [`Info::tasks`] of each living task.
    indexes: BTreeMap<TaskId, usize>,
    completeness: Completeness,
    kinds: Vec<(EventKind, u64)>,
    sources: Vec<(SourceId, u64)>,
    archs: Vec<(AuditArch, u64)>,
}

/// Adds one to the count of `what`.
fn count<T: PartialEq>(list: &mut Vec<(T, u64)>, what: T) {
    if let Some((_, n)) = list.iter_mut().find(|(known, _)| *known == what) {
        crate::add(n, 1);
    } else if list.len() < MAX_KINDS {
        // A hostile log may hold any number of kinds and architectures: only the first ones are
        // counted.
        list.push((what, 1));
    }
}

/// Adds to the count of a name.
fn add(list: &mut Vec<(String, u64)>, name: &str, more: u64) {
    match list.iter_mut().find(|(known, _)| known == name) {
        Some((_, n)) => crate::add(n, more),
        None => list.push((name.to_owned(), more)),
    }
}

impl Walk for Gathering {
    fn event(&mut self, event: &Event<'_>) {
        crate::add(&mut self.info.events, 1);
        count(&mut self.kinds, event.kind);
        count(&mut self.sources, event.source);
        if let (EventKind::STOP, Ok(Body::Stop(stop))) = (event.kind, event.decode())
            && let Some(arch) = syscall_info::decode(stop.layout, stop.info).arch
        {
            count(&mut self.archs, AuditArch(arch));
        }
    }

    fn item(&mut self, item: Item<'_>, _in_range: bool) -> Result<ControlFlow<()>, Error> {
        let info = &mut self.info;
        match item {
            Item::Entered(call) => self.call(call.task().id()),
            Item::Call(call) => {
                crate::add(&mut info.errors, u64::from(call.ended().has_failed()));
            }
            Item::ExitOnly(at) => {
                crate::add(&mut info.errors, u64::from(Ended::of(at.what).has_failed()));
            }
            Item::TaskStart(at) => self.task_appeared(at.event.task, &at.what),
            Item::TaskEnd(at) => {
                let end = describe_end(at.what.how, at.what.wait_status);
                let index = self.indexes.remove(&at.event.task);
                if let Some(task) = index.and_then(|at| info.tasks.get_mut(at)) {
                    task.end = Some(end);
                }
            }
            Item::Exec(exec) => add_program(info, &exec.event, exec.found),
            Item::Note(at) => {
                let Note { severity, code, text } = at.what;
                let note = format!("{severity} ({code}): {}", lossy(text));
                push_bounded(&mut info.notes, &mut info.left_out, note);
            }
            Item::Lost(lost) => self.lost(&lost),
            Item::Damage(damage) => add_damage(info, &damage),
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl Gathering {
    fn lost(&mut self, lost: &Lost<'_>) {
        let Info { notes, missing, left_out, .. } = &mut self.info;
        match lost {
            Lost::Recorder(at) => {
                self.completeness.insert(Completeness::LOST_EVENTS);
                let (count, event, reasons) = (at.what.count, at.number(), at.what.reasons);
                let text = format!("{count} events were lost at event {event}: {reasons}");
                push_bounded(notes, left_out, text);
            }
            // The open end of a log that is being written is not a hole.
            Lost::Hole(hole)
                if self.is_being_written && hole.count.is_none() && hole.why == Why::Unfinished => {
            }
            Lost::Hole(hole) => push_bounded(missing, left_out, hole.to_string()),
        }
    }

    /// Adds up kinds and architectures by name; kinds without a name count as one.
    fn add_names(&self, info: &mut Info) {
        for (kind, n) in &self.kinds {
            add(&mut info.kinds, kind.name().unwrap_or("unknown"), *n);
        }
        for (source, n) in &self.sources {
            add(&mut info.sources, source.name().unwrap_or("unknown"), *n);
        }
        for (arch, n) in &self.archs {
            match arch.name() {
                Some(name) => add(&mut info.architectures, name, *n),
                None => add(&mut info.architectures, &format!("{:#x}", arch.0), *n),
            }
        }
    }

    fn call(&mut self, id: TaskId) {
        crate::add(&mut self.info.syscalls, 1);
        if let Some(task) = self.indexes.get(&id).and_then(|at| self.info.tasks.get_mut(*at)) {
            crate::add(&mut task.syscalls, 1);
        }
    }

    fn task_appeared(&mut self, id: TaskId, head: &TaskHead) {
        let Info { tasks, left_out, .. } = &mut self.info;
        let parent = if head.parent == TaskId::NONE { None } else { Some(head.parent.0) };
        let origin = head.origin.to_string();
        if tasks.len() < MAX_LISTED {
            self.indexes.insert(id, tasks.len());
        }
        let (tid, tgid) = (head.tid, head.tgid);
        let task = TaskInfo { task: id.0, tid, tgid, parent, origin, end: None, syscalls: 0 };
        push_bounded(tasks, left_out, task);
    }
}

fn add_damage(info: &mut Info, damage: &Damage<'_>) {
    let event = damage.event.number;
    let text = match damage.what {
        Damaged::Snapshot => format!("the snapshot of event {event} cannot be decoded"),
        Damaged::Event | Damaged::Part => {
            format!("event {event} cannot be decoded: {}", damage.error)
        }
    };
    push_bounded(&mut info.missing, &mut info.left_out, text);
}

/// Returns how a task ended, as text.
fn describe_end(how: GoneHow, status: u32) -> String {
    let (low, code) = (status & 0x7f, status >> 8 & 0xff);
    match how {
        GoneHow::REAPED if low == 0 => format!("exited with {code}"),
        GoneHow::REAPED => {
            let signal = i32::try_from(low).ok().and_then(sysreel_abi::signal_name);
            let core = if status & 0x80 != 0 { " (core dumped)" } else { "" };
            format!("killed by {}{core}", signal.map_or_else(|| low.to_string(), str::to_owned))
        }
        GoneHow::SUPERSEDED => "superseded by another thread's execve".to_owned(),
        GoneHow::VANISHED => "vanished without a report".to_owned(),
        GoneHow::DETACHED => "detached".to_owned(),
        other => format!("gone ({other})"),
    }
}

fn add_program(info: &mut Info, event: &Event<'_>, found: &ProcessSnapshot) {
    let arguments = found.arguments().iter().map(|arg| lossy(arg)).collect();
    let (exe, cwd) = (lossy(&found.exe), lossy(&found.cwd));
    push_bounded(
        &mut info.processes,
        &mut info.left_out,
        ProcessInfo { task: event.task.0, event: event.number, exe, cwd, arguments },
    );
}
