//! The engine against a kernel made of plain code: reports in every order that the real one may
//! choose.

mod fake;
mod kernel;

use self::fake::Kernel;
use self::kernel::{Act, FIRST_TID, Tasks};
use super::attaching::Attaching;
use super::context::Context;
use super::drive::{Deadline, Undriven};
use super::hook::{Birth, End, Exit, Flow, StopHook};
use super::log::Log;
use super::run::{Engine, Parts};
use super::scheduler::{FairScheduler, Scheduler};
use super::task::Slot;
use crate::begin::{LogPaths, start_writer};
use crate::cpu_affinity::CpuAffinity;
use crate::determinism::{Groups, TurnScheduler};
use crate::file::Files;
use crate::names::Names;
use crate::options::Options;
use crate::progress::Progress;
use crate::sink::Sink;
use crate::watchdog::Watchdog;
use crate::writer::Writer;
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use sysreel_format::{Completeness, Extras, FileHeader, FileId};
use sysreel_sys::fake::install;
use sysreel_sys::signals::{SIGTERM, Termination};
use sysreel_sys::{Event, Report, Resume, Signal, Stop, Tid, Tracer};

/// A hook that keeps the books: which tasks began, and how often each has ended.
#[derive(Debug, Default)]
struct Ledger {
    by_slot: BTreeMap<String, u32>,
    ends: BTreeMap<u32, u32>,
    /// Requests the end of the recording after so many stops.
    stops_left: Option<u32>,
    termination: Option<Termination>,
    /// Drives each task from the end of a call to its next stop.
    drives: bool,
    /// How many exit events it was shown.
    exits: usize,
    problems: Vec<String>,
}

impl StopHook for Ledger {
    fn stopped(&mut self, _cx: &mut Context, _stop: &Stop) {
        self.stops_left = self.stops_left.and_then(|left| left.checked_sub(1));
    }

    fn exit(&mut self, cx: &mut Context, stop: &mut Stop, _exit: &Exit) -> Flow {
        if !self.drives {
            return Flow::Stays;
        }
        match cx.drive(stop, Resume::ToNextSyscall, Signal::NONE, &Deadline::watched()) {
            Ok(()) | Err(Undriven::Ending) => Flow::Moved,
            Err(_) => Flow::Left,
        }
    }

    fn event(&mut self, _cx: &mut Context, _stop: &Stop, event: Event) {
        self.exits += usize::from(event == Event::EXIT);
    }

    fn task_begins(&mut self, cx: &mut Context, task: Slot, _birth: Birth) {
        let id = cx.tasks.at(task).map_or(u32::MAX, |task| task.id.0);
        if self.ends.insert(id, 0).is_some() {
            self.problems.push(format!("task {id} began twice"));
        }
        if let Some(before) = self.by_slot.insert(format!("{task:?}"), id) {
            self.problems.push(format!("task {id} has the slot of task {before}"));
        }
    }

    fn task_ends(&mut self, _cx: &mut Context, task: Slot, _how: End) {
        match self.by_slot.remove(&format!("{task:?}")) {
            Some(id) => *self.ends.entry(id).or_default() += 1,
            None => self.problems.push(format!("{task:?} ended and was empty")),
        }
    }

    fn tick(&mut self, _cx: &mut Context) {
        if self.stops_left == Some(0)
            && let Some(termination) = self.termination.take()
        {
            termination.request(SIGTERM);
        }
    }
}

/// A log in a temporary file, used for many recordings.
struct Books {
    log: Option<Log>,
    writer: Option<Writer>,
    _paths: LogPaths,
    folder: tempfile::TempDir,
}

impl Books {
    fn open() -> Books {
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
        Books { log, writer: Some(writer), _paths: paths, folder }
    }

    fn close(mut self) {
        self.log.take().unwrap().sink.close();
        let writer = self.writer.take().unwrap();
        let written = writer.finish(Completeness::default(), Extras { exit_status: None });
        assert_eq!((written.lost, written.finished), (0, true), "{:?}", written.error);
        drop(self.folder);
    }
}

/// Records a program, and checks the books.
fn record<S: Scheduler>(
    books: &mut Books,
    scheduler: S,
    script: &[Act],
    seed: u64,
    one_at_a_time: bool,
    ledger: Ledger,
) -> Result<(), String> {
    let mut tasks = Tasks::new(script.to_vec(), seed);
    tasks.one_at_a_time = one_at_a_time;
    let kernel = Kernel(Rc::new(RefCell::new(tasks)));
    install(Some(Box::new(kernel.clone())));
    let tracer = Tracer::following();
    let Ok(Report::Stopped(first)) = tracer.wait() else { return Err("no first stop".into()) };
    let termination = Termination::fake();
    let parts = Parts {
        tracer,
        log: books.log.take().ok_or("the log is lost")?,
        has_attached: false,
        program: Some(FIRST_TID),
        termination: Some(termination.clone()),
        attaching: Attaching::new(false),
        peers: None,
    };
    let ledger = Ledger { termination: ledger.stops_left.map(|_| termination), ..ledger };
    let drives = ledger.drives;
    let hooks = (ledger, one_at_a_time.then(Groups::default), None::<Names>);
    let mut engine = Engine::new(&Options::default(), parts, scheduler, hooks);
    engine.begin(&[] as &[Tid], Some(first));
    let result = engine.run();
    let ended = engine.end();
    install(None);
    books.log = Some(ended.log);
    let kernel = kernel.0.borrow();
    let ledger = ended.hooks.0;
    let mut problems = ledger.problems;
    problems.extend(result.err().map(|error| error.to_string()));
    problems.extend(kernel.violations.iter().cloned());
    problems.extend(kernel.left());
    // Nothing of these programs is killed.
    if drives && ledger.exits != ledger.ends.len() {
        let (exits, ends) = (ledger.exits, ledger.ends.len());
        problems.push(format!("{exits} exit events of {ends} tasks"));
    }
    for (id, ends) in ledger.ends {
        if ends != 1 {
            problems.push(format!("task {id} ended {ends} times"));
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    problems.extend(kernel.trace.iter().cloned());
    Err(problems.join("\n"))
}

/// Runs a program under both schedulers with many orders of reports.
fn run(name: &str, script: &[Act]) {
    run_with(name, script, Ledger::default);
}

fn run_with(name: &str, script: &[Act], ledger: impl Fn() -> Ledger) {
    let mut books = Books::open();
    for seed in 1..=300 {
        let seed = seed * 0x9e37_79b9;
        let fair = FairScheduler::default();
        record(&mut books, fair, script, seed, false, ledger())
            .unwrap_or_else(|problem| panic!("{name}, seed {seed}: {problem}"));
        let turns = TurnScheduler::default();
        record(&mut books, turns, script, seed, true, ledger())
            .unwrap_or_else(|problem| panic!("{name} in turns, seed {seed}: {problem}"));
    }
    books.close();
}

#[test]
fn children_and_threads_report_before_and_after_their_makers() {
    use Act::{Call, Exit, Fork, Signal, Thread};
    let child = || vec![Call, Fork(vec![]), Exit];
    run("forks", &[Fork(child()), Call, Fork(child()), Signal, Fork(vec![Exit]), Exit]);
    run("threads", &[Thread(child()), Thread(vec![Call, Call]), Call, Act::ExitGroup]);
}

#[test]
fn an_execve_ends_the_other_threads() {
    use Act::{Call, Exec, Fork, Thread};
    let execs = vec![Call, Exec, Call, Fork(vec![Exec, Call])];
    run("exec of a thread", &[Thread(execs), Thread(vec![Call; 4]), Call, Call, Call]);
    run("exec of the leader", &[Thread(vec![Call; 6]), Thread(vec![]), Exec, Call]);
    run("two execs", &[Thread(vec![Exec, Call]), Exec, Call]);
}

#[test]
fn a_task_may_die_in_every_stop() {
    use Act::{Call, Exec, Exit, Fork, Kill, Thread};
    // Each kill comes at a random stop of its victim.
    let victim = || vec![Call, Thread(vec![Call; 3]), Fork(vec![Call; 2]), Act::Signal, Exec, Call];
    run("kill", &[Fork(victim()), Call, Kill(1), Fork(victim()), Kill(4), Call, Exit]);
    run("kill of oneself", &[Thread(vec![Call, Kill(0)]), Fork(victim()), Call, Exec]);
}

#[test]
fn a_recording_that_ends_early_lets_every_task_go() {
    use Act::{Call, Exec, Fork, Thread};
    let child = || vec![Call, Thread(vec![Call; 30]), Call, Exec, Call];
    let script = [Fork(child()), Thread(vec![Call; 40]), Fork(child()), Call, Call, Call];
    let mut books = Books::open();
    for stops in 1..=40 {
        let (seed, fair) = (stops.into(), FairScheduler::default());
        record(
            &mut books,
            fair,
            &script,
            seed,
            false,
            Ledger { stops_left: Some(stops), ..Ledger::default() },
        )
        .unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
    }
    books.close();
}

/// A hook that drives a task to its next stop keeps no other hook from seeing how others end.
#[test]
fn exit_events_are_shown_to_hooks_while_a_task_is_driven() {
    use Act::{Call, Exit, Thread};
    let calls = || vec![Call; 8];
    let drives = || Ledger { drives: true, ..Ledger::default() };
    run_with("the leader ends first", &[Thread(calls()), Thread(calls()), Exit], drives);
    run_with("a thread ends first", &[Thread(vec![Call]), Thread(calls()), Call, Call], drives);
}

fn act() -> impl Strategy<Value = Act> {
    let leaf = prop_oneof![
        6 => Just(Act::Call),
        2 => Just(Act::Signal),
        1 => Just(Act::Exec),
        1 => (0usize..8).prop_map(Act::Kill),
        1 => Just(Act::Exit),
        1 => Just(Act::ExitGroup),
    ];
    leaf.prop_recursive(3, 24, 6, |act| {
        prop_oneof![
            prop::collection::vec(act.clone(), 0..6).prop_map(Act::Fork),
            prop::collection::vec(act, 0..6).prop_map(Act::Thread),
        ]
    })
}

/// 10,000 random programs and orders of reports.
#[test]
fn every_task_of_a_random_program_ends_once() {
    let books = RefCell::new(Books::open());
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10_000) };
    let script = prop::collection::vec(act(), 1..8);
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let result = runner.run(&(script, any::<u64>(), any::<bool>()), |(script, seed, in_turns)| {
        let mut books = books.borrow_mut();
        let recorded = if in_turns {
            record(&mut books, TurnScheduler::default(), &script, seed, true, Ledger::default())
        } else {
            record(&mut books, FairScheduler::default(), &script, seed, false, Ledger::default())
        };
        recorded.map_err(TestCaseError::fail)
    });
    result.unwrap_or_else(|problem| panic!("{problem}"));
    books.into_inner().close();
}
