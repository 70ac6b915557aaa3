//! Gathers an [`Info`]: from header, metadata and footer, then from one pass over the events.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::{BTreeMap, HashSet};

use sysreel_abi::AuditArch;
use sysreel_format::{
    Body, Completeness, Ending as LogEnding, Event, EventKind, FileMeta, GoneHow, Item, MetaCodec,
    ProcessSnapshot, ReadAt, SnapshotKind, Task, TaskId, Why,
};

use super::{Ending, Host, Info, ProcessInfo, Sizes, TaskInfo, Time, completeness};
use crate::syscall_info;
use crate::{Error, Findings, LogFile, text};

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
    pub fn gather(file: &mut LogFile) -> Result<Self, Error> {
        let log = file.log();
        let mut info = Self::from_header(file);
        let mut walk = Walk {
            indexes: BTreeMap::new(),
            in_call: HashSet::new(),
            completeness: log.header().completeness,
            kinds: Vec::new(),
            archs: Vec::new(),
        };
        let read = file.read_all(|item| match item {
            Item::Event(event) => walk.event(&mut info, event),
            // The open end of a log that is being written is not a hole.
            Item::Missing(missing)
                if file.is_being_written()
                    && missing.count.is_none()
                    && missing.why == Why::Unfinished => {}
            Item::Missing(missing) => {
                push_bounded(&mut info.missing, &mut info.left_out, missing.to_string());
            }
        })?;
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
struct Walk {
    /// The index in [`Info::tasks`] of each living task.
    indexes: BTreeMap<TaskId, usize>,
    /// The tasks with an open call.
    in_call: HashSet<TaskId>,
    completeness: Completeness,
    kinds: Vec<(EventKind, u64)>,
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

impl Walk {
    fn event(&mut self, info: &mut Info, event: &Event<'_>) {
        info.events = info.events.saturating_add(1);
        count(&mut self.kinds, event.kind);
        match event.decode() {
            Ok(Body::Stop(stop)) => {
                self.stop(info, event.task, &syscall_info::decode(stop.layout, stop.info));
                if let Some(error) = stop.parts.filter_map(Result::err).next() {
                    add_malformed(info, event.number, &error);
                }
            }
            Ok(Body::Task(task)) => {
                self.task_appeared(info, event.task, &task);
                if let Some(error) = task.parts.filter_map(Result::err).next() {
                    add_malformed(info, event.number, &error);
                }
            }
            Ok(Body::Gone(gone)) => {
                self.in_call.remove(&event.task);
                let end = describe_end(gone.how, gone.wait_status);
                let index = self.indexes.remove(&event.task);
                if let Some(task) = index.and_then(|at| info.tasks.get_mut(at)) {
                    task.end = Some(end);
                }
            }
            Ok(Body::Snapshot { what: SnapshotKind::PROCESS, bytes, .. }) => {
                add_program(info, event, bytes)
            }
            Ok(Body::Note(note)) => {
                push_bounded(
                    &mut info.notes,
                    &mut info.left_out,
                    format!("{} ({}): {}", note.severity, note.code, lossy(note.text)),
                );
            }
            Ok(Body::Loss(loss)) => {
                self.completeness.insert(Completeness::LOST_EVENTS);
                push_bounded(
                    &mut info.notes,
                    &mut info.left_out,
                    format!(
                        "{} events were lost at event {}: {}",
                        loss.count, event.number, loss.reasons
                    ),
                );
            }
            Ok(_) => {}
            Err(error) => add_malformed(info, event.number, &error),
        }
    }

    fn stop(&mut self, info: &mut Info, task: TaskId, syscall_info: &syscall_info::Info) {
        let arch = syscall_info.arch.map(AuditArch);
        match (syscall_info.what, arch) {
            (syscall_info::What::Exit(outcome), Some(arch)) => {
                return self.exit(info, task, arch, outcome.failed());
            }
            (syscall_info::What::Exit(outcome), None) => {
                self.in_call.remove(&task);
                crate::add(&mut info.errors, u64::from(outcome.failed()));
            }
            (syscall_info::What::Entry(_), _) => {
                self.in_call.insert(task);
                self.call(info, task);
            }
            // A seccomp stop without an entry stop before it begins the call. If only some calls
            // were recorded, there are no entry stops of the others.
            (syscall_info::What::Seccomp(..), _) if self.in_call.insert(task) => {
                self.call(info, task)
            }
            _ => {}
        }
        if let Some(arch) = arch {
            count(&mut self.archs, arch);
        }
    }

    fn exit(&mut self, info: &mut Info, task: TaskId, arch: AuditArch, failed: bool) {
        count(&mut self.archs, arch);
        self.in_call.remove(&task);
        crate::add(&mut info.errors, u64::from(failed));
    }

    /// Adds up kinds and architectures by name; kinds without a name count as one.
    fn add_names(&self, info: &mut Info) {
        for (kind, n) in &self.kinds {
            add(&mut info.kinds, kind.name().unwrap_or("unknown"), *n);
        }
        for (arch, n) in &self.archs {
            match arch.name() {
                Some(name) => add(&mut info.architectures, name, *n),
                None => add(&mut info.architectures, &format!("{:#x}", arch.0), *n),
            }
        }
    }

    fn call(&self, info: &mut Info, id: TaskId) {
        crate::add(&mut info.syscalls, 1);
        if let Some(task) = self.indexes.get(&id).and_then(|at| info.tasks.get_mut(*at)) {
            crate::add(&mut task.syscalls, 1);
        }
    }

    fn task_appeared(&mut self, info: &mut Info, id: TaskId, task: &Task<'_>) {
        let head = &task.head;
        let parent = if head.parent == TaskId::NONE { None } else { Some(head.parent.0) };
        let origin = head.origin.to_string();
        if info.tasks.len() < MAX_LISTED {
            self.indexes.insert(id, info.tasks.len());
        }
        push_bounded(
            &mut info.tasks,
            &mut info.left_out,
            TaskInfo {
                task: id.0,
                tid: head.tid,
                tgid: head.tgid,
                parent,
                origin,
                end: None,
                syscalls: 0,
            },
        );
    }
}

fn add_malformed(info: &mut Info, event: u64, error: &sysreel_format::Error) {
    push_bounded(
        &mut info.missing,
        &mut info.left_out,
        format!("event {event} cannot be decoded: {error}"),
    );
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

fn add_program(info: &mut Info, event: &Event<'_>, bytes: &[u8]) {
    let Ok(snapshot) = ProcessSnapshot::from_bytes(bytes) else {
        push_bounded(
            &mut info.missing,
            &mut info.left_out,
            format!("the snapshot of event {} cannot be decoded", event.number),
        );
        return;
    };
    let mut arguments: Vec<String> = snapshot.cmdline.iter().map(|arg| lossy(arg)).collect();
    // /proc/PID/cmdline ends each argument with NUL, so splitting it yields an empty last one.
    if arguments.last().is_some_and(String::is_empty) {
        arguments.pop();
    }
    let (exe, cwd) = (lossy(&snapshot.exe), lossy(&snapshot.cwd));
    push_bounded(
        &mut info.processes,
        &mut info.left_out,
        ProcessInfo { task: event.task.0, event: event.number, exe, cwd, arguments },
    );
}
