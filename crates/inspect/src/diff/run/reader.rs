//! Reads a log in one pass into a [`Run`].

mod calls;
mod connecting;
mod finish;
mod unfinished;

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::rc::Rc;

use data_encoding::HEXLOWER;
use foldhash::fast::RandomState;
use sysreel_abi::Filter;
use sysreel_format::{Altering, Gone, ProcessSnapshot, ReadAt, TaskHead, TaskId};

use super::canonical::RunLocalIds;
use super::content::KnownBlobs;
use super::detail::Details;
use super::durability::Durability;
use super::inherited::{Inherited, State};
use super::locking::Locking;
use super::matching::Matching;
use super::names::{NameId, Names, Sort};
use super::operation::{Classifier, Operation};
use super::roots::Roots;
use super::stream::Streams;
use super::timing::Timing;
use super::unfinished::Unfinished;
use super::{Actor, Created, End, Operations, Run};
#[cfg(test)]
use crate::Findings;
use crate::calls::{At, Driver, Exec, Item, Walk, walk};
use crate::diff::Level;
use crate::diff::name::escaped;
use crate::regions::CountingBuffers;
use crate::state::paths::PATH_MAX;
use crate::state::{Follow, ProcessId};
use crate::{Error, EventRange, LogFile, text};

/// An executed program with raw names.
struct RawImage {
    role: NameId,
    argv: Vec<Vec<u8>>,
    event: u64,
    state: Vec<(Inherited, NameId)>,
}

struct RawProcess {
    parent: Option<ProcessId>,
    event: u64,
    inherited: NameId,
    images: Vec<RawImage>,
    threads: u32,
    /// What its program found when it began, or that of its parent.
    state: Option<Rc<State>>,
    tgid: u32,
    end: End,
    gone: u64,
}

/// A connect in progress.
#[derive(Clone, Copy, Debug)]
struct Connecting {
    task: TaskId,
    /// The event that ended the first call.
    event: u64,
    actor: Actor,
    operation: Operation,
}

/// Builds a [`Run`] from the events of a log.
struct RunBuilder {
    names: Names,
    classifier: Classifier,
    local_ids: RunLocalIds,
    /// The time of the latest event, in nanoseconds (CLOCK_MONOTONIC).
    last_ns: u64,
    operations: Operations,
    unfinished: Unfinished,
    created: Vec<Created>,
    /// The process that used each name first.
    users: Vec<ProcessId>,
    /// Connects in progress, by the serial of the socket's open file description.
    connecting: HashMap<u64, Connecting, RandomState>,
    leads: HashMap<NameId, NameId, RandomState>,
    /// Files that were mapped to be executed.
    loaded: BTreeSet<NameId>,
    marks: Vec<(NameId, u64, ProcessId)>,
    /// What the first program has from outside of the run.
    given: Vec<(Inherited, NameId)>,
    /// What the recorder has changed in the first program.
    recorders: Vec<Altering>,
    counted_only: std::collections::BTreeMap<super::CountedOnly, u64>,
    processes: Vec<RawProcess>,
    tasks: Vec<(u32, ProcessId)>,
    roots: Roots,
    libc: String,
    calls: u64,
    level: Level,
    streams: Streams,
    details: Details,
    durability: Durability,
    locking: Locking,
    /// The hashes of the blobs that were written.
    blobs: KnownBlobs,
    timing: Timing,
    matching: Matching,
}

impl Run {
    /// Reads a log. `roots` are named directories besides WS, HOME and TMP, which every run has.
    /// Of `filters` the calls that match are noted.
    ///
    /// # Errors
    /// When the log cannot be read. [`Run::findings`] has what is missing or damaged.
    pub fn read(
        file: &LogFile,
        level: Level,
        roots: &[(String, PathBuf)],
        filters: &[Filter],
    ) -> Result<Self, Error> {
        let log = file.log();
        let mut builder = RunBuilder::new(&log.meta().cwd, level, roots);
        builder.matching = Matching::new(filters, file);
        let buffers = CountingBuffers::new(log, log.source().len().unwrap_or(0));
        let (driver, whole) = (Driver::new(follow(level), false), EventRange::default());
        let mut findings = walk(file, driver, (&whole, false), &buffers, &mut builder)?.findings;
        findings.lost_buffers = buffers.lost();
        findings.not_recorded = builder.matching.not_recorded();
        let completeness =
            log.summary().map_or(log.header().completeness, |summary| summary.completeness);
        Ok(builder.finish(file.path(), log.meta(), completeness, findings))
    }

    /// Builds a run from the events of a test.
    #[cfg(test)]
    pub(crate) fn from_builder(log: &crate::testing::LogBuilder, level: Level) -> Self {
        let mut builder = RunBuilder::new(b"/w", level, &[]);
        let mut findings = Findings::default();
        log.each(|item| findings.item(item));
        crate::testing::walk(log, follow(level), &mut builder);
        let meta = sysreel_format::FileMeta::default();
        builder.finish(std::path::Path::new("test"), &meta, Default::default(), findings)
    }
}

/// What a comparison needs to know of the state.
fn follow(level: Level) -> Follow {
    Follow { processes: true, maps: level >= Level::Fields, ..Follow::default() }
}

impl Walk for RunBuilder {
    fn item(&mut self, item: Item<'_>, _in_range: bool) -> Result<ControlFlow<()>, Error> {
        if let Some(event) = item.event() {
            self.last_ns = self.last_ns.max(event.t_ns);
        }
        self.matching.note(&item);
        match item {
            Item::Call(call) => match call.returned() {
                Some(returned) => self.call(call.state(), &returned, call.buffers()),
                None => self.unfinished(&call),
            },
            Item::Signal(at) if self.level >= Level::Sequence => self.signal(&at),
            Item::TaskStart(at) => self.task(&at),
            Item::TaskEnd(at) => self.gone(&at),
            Item::Renamed(at) => self.local_ids.pids.extend([at.what.old_tid, at.what.new_tid]),
            Item::Exec(exec) => self.found(&exec),
            Item::Altered(at) if at.event.task == TaskId::NONE => {
                self.recorders.extend(at.what.into_iter().map(|altered| altered.what));
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl RunBuilder {
    fn new(cwd: &[u8], level: Level, roots: &[(String, PathBuf)]) -> Self {
        let mut named = Roots::default();
        for (name, path) in roots {
            named.add(name, path.as_os_str().as_encoded_bytes());
        }
        named.add("WS", cwd);
        Self {
            names: Names::default(),
            classifier: Classifier::default(),
            local_ids: RunLocalIds::default(),
            operations: Operations::default(),
            unfinished: Unfinished::default(),
            created: Vec::new(),
            users: Vec::new(),
            connecting: HashMap::default(),
            leads: HashMap::default(),
            loaded: BTreeSet::new(),
            marks: Vec::new(),
            given: Vec::new(),
            recorders: Vec::new(),
            counted_only: Default::default(),
            processes: Vec::new(),
            tasks: Vec::new(),
            last_ns: 0,
            roots: named,
            libc: String::new(),
            calls: 0,
            level,
            streams: Streams::default(),
            details: Details::default(),
            durability: Durability::default(),
            locking: Locking::default(),
            blobs: KnownBlobs::default(),
            timing: Timing::default(),
            matching: Matching::default(),
        }
    }

    fn process(&mut self, id: ProcessId) -> Option<&mut RawProcess> {
        self.processes.get_mut(usize::try_from(id.0).ok()?)
    }

    fn role(&self, id: ProcessId) -> NameId {
        let process = usize::try_from(id.0).ok().and_then(|at| self.processes.get(at));
        process
            .map_or(NameId::default(), |p| p.images.last().map_or(p.inherited, |image| image.role))
    }

    fn task(&mut self, at: &At<'_, TaskHead>) {
        let (head, state) = (&at.what, at.task.state());
        self.local_ids.pids.extend([head.tid, head.tgid]);
        let Some(id) = state.context(at.event.task).map(|context| context.process) else {
            return;
        };
        self.tasks.push((head.tid, id));
        if let Some(process) = self.process(id) {
            process.threads = process.threads.saturating_add(1);
            return;
        }
        // A parent comes before its children. A damaged log could otherwise lead to a cycle.
        let parent =
            state.context(head.parent).map(|context| context.process).filter(|parent| *parent < id);
        let inherited = parent.map_or(NameId::default(), |parent| self.role(parent));
        let state = parent.and_then(|parent| self.process(parent)?.state.clone());
        self.processes.push(RawProcess {
            state,
            parent,
            event: at.number(),
            inherited,
            images: Vec::new(),
            threads: 1,
            tgid: head.tgid,
            end: End::Unknown,
            gone: at.number(),
        });
    }

    fn gone(&mut self, at: &At<'_, Gone>) {
        let Some(task) = at.task.known() else { return };
        let Some(id) = task.context.as_ref().map(|context| context.process) else { return };
        if let Some(process) = self.process(id)
            && task.tid == process.tgid
        {
            process.end = End::from_wait_status(at.what.wait_status);
            process.gone = at.number();
        }
    }

    /// Handles the state of a process after execve or at attach.
    fn found(&mut self, exec: &Exec<'_>) {
        let snapshot = exec.found;
        let Some(context) = exec.task.state().context(exec.event.task) else { return };
        let id = context.process;
        self.surroundings(snapshot);
        let filename = exec.call().and_then(|call| {
            let (open, buffers) = (call.open(), call.buffers());
            let at = u8::try_from(open.row?.arg("filename")?).ok()?;
            open.memory.find(at, 0, 0)?.bytes(buffers, PATH_MAX).map(std::borrow::Cow::into_owned)
        });
        let file = match &filename {
            // Except names such as /proc/self/exe, which refer to another file.
            Some(path) if !path.starts_with(b"/proc/") && path.len() > 1 => text::until_nul(path),
            _ => &snapshot.exe,
        };
        let base = file.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let role = self.names.id(Sort::Word, escaped(base).as_bytes());
        let (argv, event) = (snapshot.arguments().to_vec(), exec.event.number);
        let now = State::new(exec, &mut self.names);
        let before = self.process(id).and_then(|process| process.state.take());
        let state = match &before {
            Some(before) => now.since(before, &mut self.names),
            None => {
                if id == ProcessId(0) {
                    self.given = now.given(snapshot, &self.recorders, &mut self.names);
                }
                Vec::new()
            }
        };
        for (_, name) in &state {
            self.set_user(*name, id);
        }
        let image = RawImage { role, argv, event, state };
        if let Some(process) = self.process(id) {
            process.state = Some(now.shared(before.as_ref()));
            process.images.push(image);
        }
    }

    /// Takes roots and the C library from the snapshot.
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
                base.starts_with(b"libc.so")
                    || base.starts_with(b"libc-")
                    || base.starts_with(b"ld-")
            };
            let libc =
                snapshot.maps.iter().find(|map| !map.build_id.is_empty() && is_libc(&map.path));
            self.libc = libc.map(|map| HEXLOWER.encode(&map.build_id)).unwrap_or_default();
        }
    }
}
