//! The engine against a kernel made of plain code: reports in every order that the real one may
//! choose.

mod acts;
mod books;
mod fake;
mod kernel;
mod ledger;

use self::books::{Books, Start, record};
use self::kernel::Act;
use self::ledger::Does;
use super::scheduler::FairScheduler;
use crate::determinism::TurnScheduler;
use proptest::prelude::*;
use std::cell::RefCell;

/// Runs a program under both schedulers with many orders of reports.
fn run(name: &str, script: &[Act]) {
    run_with(name, script, Does::default);
}

fn run_with(name: &str, script: &[Act], does: impl Fn() -> Does) {
    run_from(Start::Spawned, name, script, does);
}

fn run_from(start: Start, name: &str, script: &[Act], does: impl Fn() -> Does) {
    let mut books = Books::open();
    for seed in 1..=300 {
        let seed = seed * 0x9e37_79b9;
        let fair = (start, FairScheduler::default());
        record(&mut books, fair, script, seed, (false, 0), does())
            .unwrap_or_else(|problem| panic!("{name}, seed {seed}: {problem}"));
        if start == Start::Attached {
            // A replayable recording attaches to nothing.
            continue;
        }
        let turns = (start, TurnScheduler::default());
        record(&mut books, turns, script, seed, (true, 0), does())
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

/// A task can die between any two requests of its tracer, its maker too, and both again in their
/// exit events.
#[test]
fn a_task_may_die_before_every_request() {
    use Act::{Call, Exec, Fork, Thread, Vfork};
    let threads = || vec![Thread(vec![Call]), Thread(vec![Thread(vec![]), Exec]), Call];
    let scripts = [threads(), vec![Fork(threads()), Vfork(threads()), Fork(vec![Exec])]];
    let mut books = Books::open();
    for seed in 1..=1500 {
        for (script, kills) in scripts.iter().zip([4, 12]) {
            let (does, fair) = (Does::default(), (Start::Spawned, FairScheduler::default()));
            record(&mut books, fair, script, seed * 0x9e37_79b9, (false, kills), does)
                .unwrap_or_else(|problem| panic!("seed {seed}, one of {kills}: {problem}"));
        }
    }
    books.close();
}

#[test]
fn a_recording_that_ends_early_lets_every_task_go() {
    use Act::{Call, Exec, Fork, Thread, Wait};
    let child = || vec![Call, Thread(vec![Call; 30]), Call, Exec, Call, Wait];
    let thread = || Thread(vec![Call, Call, Wait]);
    let script = [Fork(child()), thread(), Thread(vec![Call; 40]), Fork(child()), Call, Wait];
    let mut books = Books::open();
    for stops in 1..=40 {
        for start in [Start::Spawned, Start::Attached] {
            let (seed, fair) = (stops.into(), (start, FairScheduler::default()));
            let does = Does { stops_left: Some(stops), ..Does::default() };
            record(&mut books, fair, &script, seed, (false, 0), does)
                .unwrap_or_else(|problem| panic!("{start:?}, seed {seed}: {problem}"));
        }
    }
    books.close();
}

/// A hook that drives a task to its next stop keeps no other hook from seeing how others end.
#[test]
fn exit_events_are_shown_to_hooks_while_a_task_is_driven() {
    use Act::{Call, Exit, Thread};
    let calls = || vec![Call; 8];
    let drives = || Does { drives: true, ..Does::default() };
    run_with("the leader ends first", &[Thread(calls()), Thread(calls()), Exit], drives);
    run_with("a thread ends first", &[Thread(vec![Call]), Thread(calls()), Call, Call], drives);
}

#[test]
fn the_parent_of_a_vfork_waits_for_its_child() {
    use Act::{Call, Exec, Kill, Thread, Vfork};
    run("vfork and execve", &[Vfork(vec![Call, Exec, Call, Call]), Call, Vfork(vec![Call])]);
    run("vfork of a thread", &[Thread(vec![Vfork(vec![Exec]), Call]), Call, Call]);
    run("kill in a vfork", &[Thread(vec![Vfork(vec![Call; 9])]), Call, Kill(0)]);
}

#[test]
fn a_process_stops_and_continues() {
    use Act::{Call, Exec, Fork, Kill, Stop, Thread};
    run("stop", &[Thread(vec![Call; 5]), Call, Stop, Call, Thread(vec![Stop, Call]), Stop]);
    run("kill of a stopped process", &[Fork(vec![Thread(vec![Call]), Stop, Call]), Call, Kill(1)]);
    run("execve of a stopped process", &[Thread(vec![Stop, Call]), Call, Call, Exec, Call]);
}

#[test]
fn signals_that_are_left_out_or_swallowed_keep_no_task() {
    use Act::{Call, Filtered, Fork, Signal, Thread};
    let signals = || vec![Signal, Call, Signal, Filtered, Signal, Signal];
    let leaves_out = || Does { leaves_out: Some(3), ..Does::default() };
    run_with("signals", &[Fork(signals()), Thread(signals()), Signal, Signal, Call], leaves_out);
}

#[test]
fn attached_tasks_are_followed() {
    use Act::{Call, Exec, Exit, Fork, Signal, Stop, Thread};
    let script = [Call, Thread(vec![Call]), Signal, Fork(vec![Call]), Stop, Exec, Call, Exit];
    run_from(Start::Attached, "attached", &script, Does::default);
}

fn act() -> impl Strategy<Value = Act> {
    let leaf = prop_oneof![
        6 => Just(Act::Call),
        2 => Just(Act::Signal),
        1 => Just(Act::Stop),
        1 => Just(Act::Filtered),
        1 => Just(Act::Exec),
        1 => (0usize..8).prop_map(Act::Kill),
        1 => Just(Act::Exit),
        1 => Just(Act::ExitGroup),
    ];
    leaf.prop_recursive(3, 24, 6, |act| {
        prop_oneof![
            prop::collection::vec(act.clone(), 0..6).prop_map(Act::Fork),
            prop::collection::vec(act.clone(), 0..6).prop_map(Act::Vfork),
            prop::collection::vec(act, 0..6).prop_map(Act::Thread),
        ]
    })
}

/// 10,000 random programs and orders of reports. Some are killed between the requests of the
/// tracer.
#[test]
fn every_task_of_a_random_program_ends_once() {
    let books = RefCell::new(Books::open());
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10_000) };
    let script = prop::collection::vec(act(), 1..8);
    let how = (any::<bool>(), prop::bool::weighted(0.3), prop::bool::weighted(0.2));
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let result = runner.run(&(script, any::<u64>(), how), |(script, seed, how)| {
        let (in_turns, kills, attached) = how;
        let attached = attached && !in_turns;
        let mut books = books.borrow_mut();
        let start = if attached { Start::Attached } else { Start::Spawned };
        let (how, does) = ((in_turns, if kills { 60 } else { 0 }), Does::default());
        let recorded = if in_turns {
            record(&mut books, (start, TurnScheduler::default()), &script, seed, how, does)
        } else {
            record(&mut books, (start, FairScheduler::default()), &script, seed, how, does)
        };
        recorded.map_err(TestCaseError::fail)
    });
    result.unwrap_or_else(|problem| panic!("{problem}"));
    books.into_inner().close();
}
