//! Reads a log once and notes what a comparison needs.

use std::path::PathBuf;

use sysreel_abi::{Act, intent};
use sysreel_format::{Body, Event, Item, Log, MetaCodec, Part, ProcessSnapshot, SnapshotKind};

use super::canon::{self, Dealt, Roots, escaped};
use super::deed::{Case, Judge, Verdict};
use super::names::{NameId, Names, Sort};
use super::{Created, Deed, Deeds, End, Environment, Image, Making, Mark, Process, Run};
use crate::diff::Level;
use crate::diff::effect::Op;
use crate::state::{Finished, Follow, Meant, ProcessId, Tracker, region};
use crate::{Error, Findings, LogFile, text};

/// A program as it was executed, before its names are canonical.
struct RawImage {
    role: NameId,
    argv: Vec<Vec<u8>>,
    event: u64,
}

struct RawProcess {
    parent: Option<ProcessId>,
    event: u64,
    inherited: NameId,
    images: Vec<RawImage>,
    threads: u32,
    tgid: u32,
    end: End,
    gone: u64,
}

/// What is noted of calls.
struct Notes {
    names: Names,
    judge: Judge,
    dealt: Dealt,
    deeds: Deeds,
    created: Vec<Created>,
    marks: Vec<(NameId, u64, ProcessId)>,
    muted: std::collections::BTreeMap<super::Muted, u64>,
    processes: Vec<RawProcess>,
    roots: Roots,
    libc: String,
    calls: u64,
}

pub(super) fn read(file: &LogFile, _level: Level, roots: &[(String, PathBuf)]) -> Result<Run, Error> {
    let log = file.log();
    let mut tracker = Tracker::new(Follow { processes: true, ..Follow::default() });
    let mut notes = Notes::new(log, roots);
    let mut findings = Findings::default();
    let mut events = log.events();
    while let Some(item) = events.next().map_err(|e| file.error(e))? {
        match item {
            Item::Missing(missing) => findings.missing(&missing),
            Item::Event(event) => {
                findings.events += 1;
                match event.decode() {
                    Ok(body) => notes.event(&mut tracker, &event, &body, log),
                    Err(_) => findings.malformed += 1,
                }
            }
        }
    }
    _ = findings.ending(log.ending());
    Ok(notes.finish(file, findings))
}

impl Notes {
    fn new<S: sysreel_format::ReadAt>(log: &Log<S>, roots: &[(String, PathBuf)]) -> Self {
        let mut own = Roots::default();
        for (name, path) in roots {
            own.add(name, path.as_os_str().as_encoded_bytes());
        }
        own.add("WS", &log.meta().cwd);
        Self {
            names: Names::default(),
            judge: Judge::default(),
            dealt: Dealt::default(),
            deeds: Deeds::default(),
            created: Vec::new(),
            marks: Vec::new(),
            muted: Default::default(),
            processes: Vec::new(),
            roots: own,
            libc: String::new(),
            calls: 0,
        }
    }

    fn event(
        &mut self,
        tracker: &mut Tracker,
        event: &Event<'_>,
        body: &Body<'_>,
        buffers: &dyn crate::kept::Buffers,
    ) {
        match body {
            Body::Snapshot { what: SnapshotKind::PROCESS, bytes, .. } => {
                if let Ok(snapshot) = ProcessSnapshot::from_bytes(bytes) {
                    self.snapshot(tracker, event, &snapshot, buffers);
                    tracker.found(event.task, event.number, &snapshot);
                }
            }
            Body::Gone(gone) => {
                self.gone(tracker, event, gone.wait_status);
                tracker.step(event, body, buffers, &mut |_, _| {});
            }
            _ => {
                tracker.step(event, body, buffers, &mut |tracker, finished| {
                    self.call(tracker, finished, buffers);
                });
                match body {
                    Body::Task(task) => self.appears(tracker, event, &task.head),
                    Body::Renamed(renamed) => self.dealt.pids.extend([renamed.old_tid, renamed.new_tid]),
                    _ => {}
                }
            }
        }
    }

    fn process(&mut self, id: ProcessId) -> Option<&mut RawProcess> {
        self.processes.get_mut(usize::try_from(id.0).ok()?)
    }

    fn role(&self, id: ProcessId) -> NameId {
        let process = usize::try_from(id.0).ok().and_then(|at| self.processes.get(at));
        process.map_or(NameId::default(), |p| p.images.last().map_or(p.inherited, |image| image.role))
    }

    fn appears(&mut self, tracker: &Tracker, event: &Event<'_>, head: &sysreel_format::TaskHead) {
        self.dealt.pids.extend([head.tid, head.tgid]);
        let Some(id) = tracker.standing(event.task).map(|standing| standing.process) else { return };
        if let Some(process) = self.process(id) {
            process.threads += 1;
            return;
        }
        let parent = tracker.standing(head.parent).map(|standing| standing.process);
        let inherited = parent.map_or(NameId::default(), |parent| self.role(parent));
        self.processes.push(RawProcess {
            parent,
            event: event.number,
            inherited,
            images: Vec::new(),
            threads: 1,
            tgid: head.tgid,
            end: End::Unknown,
            gone: event.number,
        });
    }

    fn gone(&mut self, tracker: &Tracker, event: &Event<'_>, status: u32) {
        let Some(task) = tracker.task(event.task) else { return };
        let Some(id) = task.standing.as_ref().map(|standing| standing.process) else { return };
        let (tid, number) = (task.tid, event.number);
        if let Some(process) = self.process(id)
            && tid == process.tgid
        {
            process.end = End::of(status);
            process.gone = number;
        }
    }

    /// A process has another program, or was attached to.
    fn snapshot(
        &mut self,
        tracker: &Tracker,
        event: &Event<'_>,
        snapshot: &ProcessSnapshot,
        buffers: &dyn crate::kept::Buffers,
    ) {
        let Some(task) = tracker.task(event.task) else { return };
        let Some(id) = task.standing.as_ref().map(|standing| standing.process) else { return };
        self.surroundings(snapshot);
        let asked = task.open.as_ref().filter(|open| open.row.is_some_and(|row| row.act == Act::Exec));
        let asked = asked.and_then(|open| {
            let at = u8::try_from(open.row?.arg("filename")?).ok()?;
            open.memory.find(at, 0, 0)?.bytes(buffers, usize::MAX).map(std::borrow::Cow::into_owned)
        });
        let file = match &asked {
            // Names that stand for the program itself.
            Some(path) if !path.starts_with(b"/proc/") && path.len() > 1 => text::until_nul(path),
            _ => &snapshot.exe,
        };
        let base = file.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let role = self.names.id(Sort::Word, escaped(base).as_bytes());
        let image = RawImage { role, argv: snapshot.cmdline.clone(), event: event.number };
        if let Some(process) = self.process(id) {
            process.images.push(image);
        }
    }

    /// What the first program says of its surroundings.
    fn surroundings(&mut self, snapshot: &ProcessSnapshot) {
        let value = |name: &[u8]| {
            let mut variables = snapshot.environ.iter().flatten();
            variables.find_map(|v| v.strip_prefix(name)?.strip_prefix(b"="))
        };
        if self.processes.iter().all(|process| process.images.is_empty()) {
            if let Some(home) = value(b"HOME") {
                self.roots.add("HOME", home);
            }
            self.roots.add("TMP", value(b"TMPDIR").unwrap_or(b"/tmp"));
        }
        if self.libc.is_empty() {
            let is_libc = |path: &[u8]| {
                let base = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
                base.starts_with(b"libc.so") || base.starts_with(b"libc-") || base.starts_with(b"ld-")
            };
            let libc = snapshot.maps.iter().find(|map| !map.build_id.is_empty() && is_libc(&map.path));
            self.libc = libc
                .map(|map| map.build_id.iter().map(|byte| format!("{byte:02x}")).collect())
                .unwrap_or_default();
        }
    }

    fn call(&mut self, tracker: &Tracker, finished: &Finished<'_>, buffers: &dyn crate::kept::Buffers) {
        self.calls += 1;
        let has_run = tracker.task(finished.task).is_some_and(|task| task.has_run);
        let (Some(call), Some(standing)) = (Meant::of(finished.open), tracker.standing(finished.task)) else {
            return;
        };
        if !has_run {
            *self.muted.entry(super::Muted::Recorder).or_default() += 1;
            return;
        }
        let process = standing.process;
        self.dealt_out(tracker, finished, &call);
        let case = Case { tracker, finished, call, buffers };
        match self.judge.judge(&case, &mut self.names) {
            Verdict::Muted(class) => *self.muted.entry(class).or_default() += 1,
            Verdict::Mark(name) => self.marks.push((name, finished.event, process)),
            Verdict::Deed(deed) => self.deed(process, &deed, finished),
        }
    }

    fn deed(&mut self, process: ProcessId, deed: &Deed, finished: &Finished<'_>) {
        let role = match deed.op {
            // The program that asked for it, which is another one now.
            Op::Exec if !finished.outcome.failed() => self.role_before(process, finished.open.number),
            _ => self.role(process),
        };
        if deed.errno != 0 && deed.makes == Making::First {
            // Who makes a name up and finds its folder missing makes up another one.
            self.created.push(Created { name: deed.first, role, exclusive: true });
        }
        if deed.errno == 0 {
            let made = match deed.makes {
                Making::Nothing => None,
                Making::Perhaps => Some((deed.first, false)),
                Making::First => Some((deed.first, true)),
                Making::Second => Some((deed.second, true)),
            };
            if let Some((name, exclusive)) = made
                && self.dealt.created.insert(name)
            {
                self.created.push(Created { name, role, exclusive });
            }
        }
        if deed.effect {
            let seen = self.deeds.entry(((process, role), *deed)).or_insert((0, finished.event));
            seen.0 += 1;
        }
    }

    /// The role of a process when the event of that number came.
    fn role_before(&self, id: ProcessId, event: u64) -> NameId {
        let Some(process) = usize::try_from(id.0).ok().and_then(|at| self.processes.get(at)) else {
            return NameId::default();
        };
        let image = process.images.iter().rev().find(|image| image.event < event);
        image.map_or(process.inherited, |image| image.role)
    }

    /// Notes what the kernel has chosen: random bytes and ports.
    fn dealt_out(&mut self, tracker: &Tracker, finished: &Finished<'_>, call: &Meant) {
        let named = || {
            finished.parts.flatten().find_map(|part| match part {
                Part::Name(name) => Some(name),
                _ => None,
            })
        };
        let port = |address: &[u8]| {
            let inet = matches!(intent::Family::of(address), intent::Family::Inet | intent::Family::Inet6);
            let port = address.get(2..4).map(|b| u16::from_be_bytes([b[0], b[1]]));
            port.filter(|port| inet && *port != 0)
        };
        let chosen = match call.row.act {
            Act::Random => {
                let bytes = region(finished.parts, 0, call.role, 0);
                return self.dealt.random(bytes.unwrap_or_default());
            }
            Act::Read if !finished.outcome.failed() => {
                let Some(file) = call.fd(0).and_then(|fd| tracker.file(finished.task, fd)) else { return };
                if matches!(&*file.link, b"/dev/urandom" | b"/dev/random") {
                    let bytes = region(finished.parts, 1, call.role, 0);
                    self.dealt.random(bytes.unwrap_or_default());
                }
                return;
            }
            Act::Connect => named().and_then(|name| port(name.local)),
            Act::Accept => named().and_then(|name| port(name.peer)),
            Act::Bind => {
                let asked = finished.open.memory.find(1, call.role, 0).and_then(|piece| piece.inline());
                match asked.map(port) {
                    Some(None) => named().and_then(|name| port(name.local)),
                    _ => None,
                }
            }
            _ => None,
        };
        self.dealt.ports.extend(chosen);
    }

    fn finish(self, file: &LogFile, findings: Findings) -> Run {
        let log = file.log();
        let names = canon::all(&self.names, &self.dealt, &self.roots);
        let name =
            |id: NameId| usize::try_from(id.0).ok().and_then(|at| names.get(at)).cloned().unwrap_or_default();
        let image = |image: RawImage| {
            let argv = image.argv.iter().map(|word| argument(word, &self.dealt, &self.roots)).collect();
            Image { role: name(image.role), argv, event: image.event }
        };
        let processes = self.processes.into_iter().map(|process| Process {
            parent: process.parent,
            event: process.event,
            images: process.images.into_iter().map(image).collect(),
            inherited: name(process.inherited),
            threads: process.threads,
            end: process.end,
            gone: process.gone,
        });
        let meta = log.meta();
        let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Run {
            path: file.path().to_path_buf(),
            environment: Environment {
                machine: words(&meta.machine),
                kernel: words(&meta.release),
                libc: self.libc,
            },
            completeness: log.summary().map_or(log.header().completeness, |summary| summary.completeness),
            findings,
            processes: processes.collect(),
            marks: self
                .marks
                .iter()
                .map(|(id, event, process)| Mark { name: name(*id), event: *event, process: *process })
                .collect(),
            muted: self.muted,
            calls: self.calls,
            created: self.created,
            deeds: self.deeds,
            names,
        }
    }
}

/// A word of a command line: roots by their names, a traced process as a word.
fn argument(word: &[u8], dealt: &Dealt, roots: &Roots) -> String {
    let number = std::str::from_utf8(word).ok().and_then(|text| text.parse::<u32>().ok());
    // Smaller numbers have other meanings too often.
    if number.is_some_and(|number| number >= 100 && dealt.pids.contains(&number)) {
        return "<pid>".to_owned();
    }
    let mut out = Vec::with_capacity(word.len());
    roots.in_text(word, &mut out);
    escaped(&out)
}
