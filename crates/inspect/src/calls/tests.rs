//! Items of hand-written logs.

use std::ops::ControlFlow;

use expect_test::{Expect, expect};
use sysreel_abi::Abi::X86_64;
use sysreel_format::{EventKind, GoneHow, Origin, PartKind, TaskId};

use super::{Item, Walk};
use crate::testing::{self, LogBuilder, no_info};
use crate::{Error, Follow};

/// Writes a line for each item.
#[derive(Default)]
struct Told(String);

impl Walk for Told {
    fn item(&mut self, item: Item<'_>, _: bool) -> Result<ControlFlow<()>, Error> {
        let line = match &item {
            Item::Entered(call) => format!("{}: {} begins", call.number(), call.name()),
            Item::Call(call) => {
                let (from, to, how) = (call.number(), call.exit_number(), call.ended());
                format!("{from} to {to:?} by {}: {call}, {how:?}", call.task().tid())
            }
            Item::ExitOnly(at) => format!("{}: exit with {}", at.number(), at.what.rval),
            Item::Signal(at) => format!("{}: {:?}", at.number(), at.what.name()),
            Item::Stop(at) => format!("{}: stop {:#x}", at.number(), at.what.stop.wait_status),
            Item::TaskStart(at) => format!("{}: task {} begins", at.number(), at.task.tid()),
            Item::TaskEnd(at) => {
                format!("{}: task {} ends {:?}", at.number(), at.task.tid(), at.end())
            }
            Item::Altered(at) => {
                format!("{}: altered {}", at.number(), at.what.into_iter().count())
            }
            Item::Damage(damage) => format!("{}: damaged {:?}", damage.event.number, damage.what),
            other => format!("{other:?}"),
        };
        self.0.push_str(&line);
        self.0.push('\n');
        Ok(ControlFlow::Continue(()))
    }
}

#[track_caller]
fn check(log: &LogBuilder, told: &Expect) {
    let mut to = Told::default();
    testing::walk(log, Follow::default(), &mut to);
    told.assert_eq(&to.0);
}

#[test]
fn a_call_comes_at_its_exit() {
    let mut log = LogBuilder::new();
    log.entry(0, X86_64, "wait4", [u64::MAX, 0, 0, 0, 0, 0], &[]);
    log.task(1, 101, 101, Origin::FORK, TaskId(0));
    log.exit(1, X86_64, 0, &[]);
    log.entry(1, X86_64, "read", [3, 0x1000, 8, 0, 0, 0], &[]);
    log.exit(1, X86_64, 2, &[(1, 0, 0, b"ab")]);
    log.exit(0, X86_64, -10, &[]);
    log.call("poll", [0, 0, 5, 0, 0, 0], &[], -516, &[]);
    check(
        &log,
        &expect![[r#"
        0: task 100 begins
        1: wait4 begins
        2: task 101 begins
        3: exit with 0
        4: read begins
        4 to Some(5) by 101: read(3, "ab", 8) = 2, Returned(2)
        1 to Some(6) by 100: wait4(-1, NULL, 0, NULL) = -1 ECHILD (No child processes), Failed(Errno(10), -10)
        7: poll begins
        7 to Some(8) by 100: poll(NULL, 0, 5) = ? ERESTART_RESTARTBLOCK (Interrupted by signal), Restarts
    "#]],
    );
}

#[test]
fn a_call_that_does_not_return_comes_where_that_is_known() {
    let mut log = LogBuilder::new();
    // Its exit is lost: the next call begins.
    log.entry(0, X86_64, "getpid", [0; 6], &[]);
    log.call("getuid", [0; 6], &[], 7, &[]);
    // exit_group(2) ends at the stop of the dying task (PTRACE_EVENT_EXIT).
    log.task(1, 101, 100, Origin::THREAD, TaskId(0));
    log.entry(1, X86_64, "pause", [0; 6], &[]);
    log.entry(0, X86_64, "exit_group", [3, 0, 0, 0, 0, 0], &[]);
    log.stop(1, 6 << 16 | 0x057f, &no_info(), |_| ());
    log.gone(1, 0x300, GoneHow::REAPED);
    log.stop(0, 6 << 16 | 0x057f, &no_info(), |_| ());
    log.gone(0, 0x300, GoneHow::REAPED);
    // Without that stop, and at a detach.
    for (task, status, how) in [(2, 9, GoneHow::REAPED), (3, 0, GoneHow::DETACHED)] {
        log.task(task, 100 + task, 100 + task, Origin::ATTACHED, TaskId::NONE);
        log.entry(task, X86_64, "pause", [0; 6], &[]);
        log.gone(task, status, how);
    }
    // And at the end of the log.
    for task in [5, 4] {
        log.task(task, 100 + task, 100 + task, Origin::ATTACHED, TaskId::NONE);
        log.entry(task, X86_64, "pause", [0; 6], &[]);
    }
    check(
        &log,
        &expect![[r#"
        0: task 100 begins
        1: getpid begins
        1 to None by 100: getpid() = ?, Unfinished
        2: getuid begins
        2 to Some(3) by 100: getuid() = 7, Returned(7)
        4: task 101 begins
        5: pause begins
        6: exit_group begins
        5 to None by 101: pause() = ?, Killed
        7: stop 0x6057f
        8: task 101 ends Exited(3)
        6 to None by 100: exit_group(3) = ?, Exited
        9: stop 0x6057f
        10: task 100 ends Exited(3)
        11: task 102 begins
        12: pause begins
        12 to None by 102: pause() = ?, Killed
        13: task 102 ends Killed { signal: 9, core: false }
        14: task 103 begins
        15: pause begins
        15 to None by 103: pause() = ?, Detached
        16: task 103 ends Detached
        17: task 105 begins
        18: pause begins
        19: task 104 begins
        20: pause begins
        20 to None by 104: pause() = ?, Unfinished
        18 to None by 105: pause() = ?, Unfinished
    "#]],
    );
}

#[test]
fn other_events_are_items_too() {
    let mut log = LogBuilder::new();
    // SIGUSR1, and a group stop (PTRACE_EVENT_STOP with SIGSTOP).
    log.stop(0, 0x0a7f, &no_info(), |buf| buf.siginfo(&[10; 128]));
    log.stop(0, 128 << 16 | 0x137f, &no_info(), |_| ());
    // A body that is too short for its kind, and a part that is.
    log.event(EventKind::GONE, 0, |_| ());
    log.stop(0, 0x857f, &no_info(), |buf| buf.raw_part(PartKind::NAME, 0, &[1]));
    check(
        &log,
        &expect![[r#"
        0: task 100 begins
        1: Some("SIGUSR1")
        2: stop 0x80137f
        3: damaged Event
        4: damaged Part
        4: stop 0x857f
    "#]],
    );
}

#[test]
fn a_call_is_seen_with_the_descriptors_that_it_closes_and_makes() {
    struct Names(Vec<String>);
    impl Walk for Names {
        fn item(&mut self, item: Item<'_>, _: bool) -> Result<ControlFlow<()>, Error> {
            if let Item::Call(call) = item {
                let link = |arg| {
                    call.fd(arg).map(|file| String::from_utf8_lossy(&file.name().path).into_owned())
                };
                let paths: Vec<_> =
                    call.paths().map(|path| String::from_utf8(path.full()).unwrap()).collect();
                let made: Vec<_> = call.made().map(|made| made.fd).collect();
                self.0.push(format!("{} {:?} {paths:?} {made:?}", call.name(), link("fd")));
            }
            Ok(ControlFlow::Continue(()))
        }
    }
    let mut log = LogBuilder::new();
    let path: &[u8] = b"../f\0";
    log.entry(0, X86_64, "openat", [0xffff_ff9c, 0x1000, 0, 0, 0, 0], &[(1, 0, 0, path)]);
    let name = sysreel_format::Name {
        fd: 3,
        mode: 0,
        dev: 1,
        ino: 2,
        rdev: 0,
        link: b"/f",
        local: &[],
        peer: &[],
    };
    let info = testing::exit_info(X86_64.arch(), 3, 0);
    log.stop(0, 0x857f, &info, |buf| buf.name(&name));
    log.call("dup", [3, 0, 0, 0, 0, 0], &[], 4, &[]);
    log.call("close", [3, 0, 0, 0, 0, 0], &[], 0, &[]);
    log.call("fsync", [3, 0, 0, 0, 0, 0], &[], -9, &[]);
    log.call("fsync", [4, 0, 0, 0, 0, 0], &[], 0, &[]);
    let mut names = Names(Vec::new());
    testing::walk(&log, Follow { processes: true, ..Follow::default() }, &mut names);
    expect![[r#"
        openat None ["../f"] [3]
        dup None [] [4]
        close Some("/f") [] []
        fsync None [] []
        fsync Some("/f") [] []"#]]
    .assert_eq(&names.0.join("\n"));
}
