//! Records programs of the fake kernel, and checks what the recorder and the log say of them.

use super::fake::Kernel;
use super::kernel::{Act, EXEC_EVENT, FIRST_TID, Phase, State, Task, Tasks};
use super::ledger::{Does, Ledger};
use crate::begin::{LogPaths, start_writer};
use crate::cpu_affinity::CpuAffinity;
use crate::determinism::Groups;
use crate::engine::attaching::Attaching;
use crate::engine::log::Log;
use crate::engine::run::{Engine, Parts};
use crate::engine::scheduler::Scheduler;
use crate::file::Files;
use crate::names::Names;
use crate::options::Options;
use crate::progress::Progress;
use crate::sink::Sink;
use crate::watchdog::Watchdog;
use crate::writer::Writer;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use sysreel_format::{
    Body, Completeness, Extras, FileHeader, FileId, GoneHow, Item, Limits, Log as ReadLog,
    SeekReader,
};
use sysreel_sys::fake::install;
use sysreel_sys::signals::Termination;
use sysreel_sys::{Report, Stop, Tid, Tracer};

/// A log in a temporary file, used for many recordings.
pub(super) struct Books {
    log: Option<Log>,
    writer: Option<Writer>,
    paths: LogPaths,
    /// How many stops must be in the log, by their status.
    expected: BTreeMap<i32, usize>,
    _folder: tempfile::TempDir,
}

impl Books {
    pub(super) fn open() -> Books {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.reel");
        let files = Files::open(Some(&path), None, false).unwrap();
        let header = FileHeader::new(FileId([7; 16]), Completeness::default());
        let tracer = Tracer::following();
        let watchdog = Watchdog::for_this_thread(tracer.waiting().clone(), |_| {});
        let (options, progress) = (Options::default(), Arc::new(Progress::default()));
        let (mut writer, paths) =
            start_writer(&options, files, header, 0, &CpuAffinity::default(), &progress, watchdog)
                .unwrap();
        let sink = Sink::new(writer.take_exchange(), header.file_id);
        let log = Some(Log::new(sink, Completeness::default(), progress, |_| {}));
        let (writer, expected) = (Some(writer), BTreeMap::new());
        Books { log, writer, paths, expected, _folder: folder }
    }

    /// Ends the log, and checks what it says of all recordings.
    pub(super) fn close(mut self) {
        self.log.take().unwrap().sink.close();
        let writer = self.writer.take().unwrap();
        let written = writer.finish(Completeness::default(), Extras { exit_status: None });
        assert_eq!((written.lost, written.finished), (0, true), "{:?}", written.error);
        let found = stops_in_log(&self.paths.path).unwrap_or_else(|problem| panic!("{problem}"));
        self.expected.retain(|_, count| *count > 0);
        assert_eq!(found, self.expected, "each reported stop is in the log once");
    }
}

/// Returns how many stops are in a log, by their status. Checks that each task begins before its
/// first stop and ends once, after its last.
fn stops_in_log(path: &Path) -> Result<BTreeMap<i32, usize>, String> {
    let source = SeekReader::new(File::open(path).map_err(|error| error.to_string())?);
    let log = ReadLog::open(source, Limits::default()).map_err(|error| error.to_string())?;
    let (mut events, mut stops, mut lives) = (log.events(), BTreeMap::new(), BTreeMap::new());
    let (mut processes, mut leaders) = (BTreeMap::<u32, u32>::new(), BTreeMap::new());
    // Tasks whose leader has ended.
    let mut left = BTreeSet::new();
    while let Some(item) = events.next().map_err(|error| error.to_string())? {
        let Item::Event(event) = item else { return Err(format!("missing events: {item:?}")) };
        let (number, task) = (event.number, event.task.0);
        let before = match event.decode().map_err(|error| error.to_string())? {
            Body::Task(new) => {
                processes.insert(task, new.head.tgid);
                if new.head.tid == new.head.tgid {
                    leaders.insert(new.head.tgid, task);
                }
                (lives.insert(task, true), None)
            }
            Body::Gone(gone) => {
                let before = lives.insert(task, false);
                let process = processes.remove(&task);
                if left.remove(&task) && gone.how != GoneHow::VANISHED {
                    return Err(format!("event {number}: task {task} ends after its leader"));
                }
                let is_leader = process.is_some_and(|tgid| leaders.get(&tgid) == Some(&task));
                if is_leader && gone.how == GoneHow::REAPED {
                    // A thread that is left has taken the leader's id by an execve, and was killed
                    // before it could tell.
                    let of_process = processes.iter().filter(|(_, other)| Some(**other) == process);
                    left.extend(of_process.map(|(task, _)| *task));
                }
                (before, Some(true))
            }
            Body::Renamed(_) => (lives.get(&task).copied(), Some(true)),
            Body::Stop(_) if left.contains(&task) => {
                return Err(format!("event {number}: task {task} stops after its leader's end"));
            }
            Body::Stop(stop) => {
                *stops.entry(stop.wait_status.cast_signed()).or_default() += 1;
                (lives.get(&task).copied(), Some(true))
            }
            _ => continue,
        };
        if before.0 != before.1 {
            let (was, must) = before;
            return Err(format!("event {number}: task {task} lives: {was:?}, not {must:?}"));
        }
    }
    match lives.iter().find(|(_, lives)| **lives) {
        Some((task, _)) => Err(format!("task {task} has no end in the log")),
        None => Ok(stops),
    }
}

/// The tasks with which a recording begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// A program that the recorder starts.
    Spawned,
    /// A process that was attached to, with a thread and a child that do the same.
    Attached,
}

impl Start {
    fn tasks(self, script: &[Act]) -> Vec<Task> {
        let task = |nth: Tid, tgid: Tid, parent: Tid, state: &State| {
            let (tid, tgid) = (FIRST_TID + nth, FIRST_TID + tgid);
            Task::new(tid, tgid, parent, script.to_vec(), state.clone())
        };
        match self {
            Start::Spawned => vec![task(0, 0, 1, &State::held())],
            Start::Attached => {
                let state = State::Running(Phase::User);
                let tasks =
                    [task(0, 0, 1, &state), task(1, 0, 1, &state), task(2, 2, FIRST_TID, &state)];
                tasks.map(|task| Task { interrupted: true, ..task }).into()
            }
        }
    }
}

/// Records a program, and checks the books.
pub(super) fn record<S: Scheduler>(
    books: &mut Books,
    (start, scheduler): (Start, S),
    script: &[Act],
    seed: u64,
    (one_at_a_time, kills): (bool, usize),
    does: Does,
) -> Result<(), String> {
    let mut tasks = Tasks::new(start.tasks(script), seed);
    tasks.one_at_a_time = one_at_a_time;
    let kernel = Kernel(Rc::new(RefCell::new(tasks)));
    install(Some(Box::new(kernel.clone())));
    let tracer = Tracer::following();
    let (mut first, mut attached) = (None, Vec::new());
    if start == Start::Spawned {
        let Ok(Report::Stopped(stop)) = tracer.wait() else { return Err("no first stop".into()) };
        first = Some(stop);
        kernel.0.borrow_mut().reported.clear();
    } else {
        attached.extend(kernel.0.borrow().tasks.iter().map(|task| task.tid));
    }
    kernel.0.borrow_mut().kills = kills;
    let termination = Termination::fake();
    let parts = Parts {
        tracer,
        log: books.log.take().ok_or("the log is lost")?,
        has_attached: start == Start::Attached,
        program: first.as_ref().map(Stop::tid),
        termination: Some(termination.clone()),
        attaching: Attaching::new(false),
        peers: None,
    };
    let termination = does.stops_left.map(|_| termination);
    let ledger = Ledger { does, termination, ..Ledger::default() };
    let hooks = (ledger, one_at_a_time.then(Groups::default), None::<Names>);
    let mut engine = Engine::new(&Options::default(), parts, scheduler, hooks);
    engine.begin(&attached, first);
    let result = engine.run();
    let ended = engine.end();
    install(None);
    books.log = Some(ended.log);
    let kernel = kernel.0.borrow();
    let ledger = ended.hooks.0;
    for (status, count) in &kernel.reported {
        let left_out = ledger.left_out.get(status).unwrap_or(&0);
        *books.expected.entry(*status).or_default() += count - left_out;
    }
    let mut problems = check(&kernel, &ledger, start);
    problems.extend(result.err().map(|error| error.to_string()));
    if start == Start::Spawned && ended.status != kernel.status_of_program() {
        let expected = kernel.status_of_program();
        problems.push(format!("the program's status is {:?}, not {expected:?}", ended.status));
    }
    if problems.is_empty() {
        return Ok(());
    }
    problems.extend(kernel.trace.iter().cloned());
    Err(problems.join("\n"))
}

/// Returns what is wrong after a recording.
fn check(kernel: &Tasks, ledger: &Ledger, start: Start) -> Vec<String> {
    let mut problems = ledger.problems.clone();
    problems.extend(kernel.violations.iter().cloned());
    problems.extend(kernel.left());
    // The program does not see the SIGSTOP that held it.
    let swallowed = ledger.swallowed + usize::from(start == Start::Spawned);
    if kernel.suppressed > swallowed {
        let suppressed = kernel.suppressed;
        problems.push(format!("{suppressed} signals were not delivered, {swallowed} are left out"));
    }
    // Nothing of these programs is killed.
    if ledger.does.drives && ledger.exits != ledger.ends.len() {
        let (exits, ends) = (ledger.exits, ledger.ends.len());
        problems.push(format!("{exits} exit events of {ends} tasks"));
    }
    let executed = kernel.reported.get(&EXEC_EVENT).copied().unwrap_or(0);
    // One that is killed in its event has no new program any more.
    let missing = if kernel.tasks.iter().any(|task| task.was_killed) { executed } else { 0 };
    if !(executed - missing..=executed).contains(&ledger.images) {
        problems.push(format!("{} new programs of {executed}", ledger.images));
    }
    if start == Start::Spawned && kernel.tasks.len() < ledger.ends.len() {
        problems.push(format!("{} tasks of {}", ledger.ends.len(), kernel.tasks.len()));
    }
    let ends = ledger.ends.iter().filter(|(_, ends)| **ends != 1);
    problems.extend(ends.map(|(id, ends)| format!("task {id} ended {ends} times")));
    problems
}
