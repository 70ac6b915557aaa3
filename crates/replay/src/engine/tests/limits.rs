//! Limits of the stack, what a call writes before it is over, and bounds of waiting loops.

use super::fake::{Fault, Next, registers};
use super::story::{DATA, IP, NONE, SP, Story, altered, no_call, output, siginfo};
use crate::divergence::Field;
use crate::engine::Halt;
use sysreel_format::{Altered, Altering, EventBuf, EventKind, Origin, TaskId};
use sysreel_sys::signals::SIGTRAP;
use sysreel_sys::stop::NT_PRSTATUS;
use sysreel_sys::{Event, StopKind};

const RLIMIT_STACK: u64 = 3;
const RLIMIT_DATA: u64 = 2;

/// The log of a call that sets a limit that is in memory.
fn sets(resource: u64, at: u64, result: i64) -> Story {
    let mut story = Story::new();
    story.then(Next::Writes(DATA, 0x12_3000_u64.to_le_bytes().to_vec()));
    story.call(0, "setrlimit", [resource, at, 0, 0, 0, 0], result, NONE, NONE);
    story
}

#[test]
fn the_limit_of_the_stack_is_set() {
    let limit = "stack limit 0x123000";
    sets(RLIMIT_STACK, DATA, 0).does("set", &["resume", limit, "result 0"]);
    sets(RLIMIT_DATA, DATA, 0).does("another", &["resume", "result 0"]);
    sets(RLIMIT_STACK, DATA, -1).does("refused", &["resume", "result -1"]);
    sets(RLIMIT_STACK, 0x1000, 0).refused("unreadable", "the limit at 0x1000 cannot be read");
    let mut story = sets(RLIMIT_STACK, DATA, 0);
    story.fault("set_stack_limit", Fault::Refused);
    story.refused("the kernel refuses", "set the stack limit to 1191936");
}

fn early_write(story: &mut Story, task: u32, kernel: &[u8]) {
    story.event(EventKind::ALTERED, task, &|row| {
        row.altered_body(&Altered { what: Altering::EARLY_WRITE, arg: 0, kernel, given: &[7, 8] });
    });
}

#[test]
fn what_a_call_writes_early_is_written_then() {
    let in_call = || {
        let mut story = Story::new();
        story.reaches("futex", [DATA, 6, 0, 0, 0, 0]);
        story.recorded_entry(0, "futex", [DATA, 6, 0, 0, 0, 0], NONE);
        story
    };
    let mut story = in_call();
    early_write(&mut story, 0, &DATA.to_le_bytes());
    story.does("written", &["resume", "write 0x600000 [7, 8]"]);
    let mut story = in_call();
    early_write(&mut story, 0, &[1, 2]);
    story.refused("nowhere", "it is not known where, or which");
    let mut story = Story::new();
    early_write(&mut story, 0, &DATA.to_le_bytes());
    story.refused("in no call", "it is not known where, or which");
    let mut story = in_call();
    early_write(&mut story, 0, &0x1000_u64.to_le_bytes());
    story.refused("unmapped", "write to 0x1000");
    let mut story = in_call();
    early_write(&mut story, 0, &super::fake::STUB.to_le_bytes());
    story.refused("the stub", "through which the replay makes its calls");
    for task in [1, 5] {
        let mut story = Story::new();
        story.task(1, Origin::UNKNOWN, TaskId::NONE, 101);
        early_write(&mut story, task, &DATA.to_le_bytes());
        story.refused("another task", "the task has not begun, or is gone");
    }
}

/// What only a call can cause that was really made.
#[test]
fn a_call_that_was_made_differs() {
    let mut story = Story::new();
    let here = registers(IP, SP, 0);
    story.stops(StopKind::Event(Event::EXEC), no_call(IP, SP), None, here);
    story.recorded_entry(0, "read", [0; 6], NONE);
    let (end, ..) = story.replay();
    let Err(Halt::Diverged(found)) = end else { panic!("{end:?}") };
    assert_eq!(found.field, Field::Stop);
    assert!(found.actual.contains("a call that was really made (ptrace event 4)"), "{found:?}");
}

/// Whoever sends signals without end keeps a task from its call.
#[test]
fn signals_without_end_are_a_difference() {
    let mut story = Story::new();
    let (kind, info) = (StopKind::Signal(sysreel_sys::Signal(10)), siginfo(10, 0, 0));
    story.stops(kind, no_call(IP, SP), Some(info), registers(IP, SP, 0));
    story.kernel.0.borrow_mut().repeats = true;
    story.kernel.0.borrow_mut().is_quiet = true;
    story.recorded_entry(0, "read", [0; 6], NONE);
    let (end, ..) = story.replay();
    let Err(Halt::Diverged(found)) = end else { panic!("{end:?}") };
    assert_eq!(found.field, Field::Stop);
    assert!(found.actual.contains("1000000 stops by signals from outside"), "{found:?}");
}

/// A loop that comes back to the recorded registers with other memory each time.
#[test]
fn memory_that_never_repeats_is_hashed_so_often() {
    let mut story = Story::new();
    let (kind, trap) = (StopKind::Signal(SIGTRAP), siginfo(5, 4, IP));
    story.stops(kind, no_call(IP, SP), Some(trap), registers(IP, SP, 1));
    let mut world = story.kernel.0.borrow_mut();
    (world.repeats, world.is_quiet, world.hashes) = (true, true, Some(0));
    drop(world);
    story.signal(0, 5, &|row: &mut EventBuf| {
        row.siginfo(&siginfo(5, 4, IP));
        row.registers(NT_PRSTATUS, &registers(IP, SP, 1).to_bytes());
        altered(row, Altering::PREEMPTED, &[], &[]);
    });
    let (end, ..) = story.replay();
    let Err(Halt::Diverged(found)) = end else { panic!("{end:?}") };
    assert!(found.actual.contains("100000 times with the same registers"), "{found:?}");
    assert_eq!(story.kernel.0.borrow().hashes, Some(100_000));
}

/// The kernel could not write the frame of a handler: its SIGSEGV comes where the signal came.
#[test]
fn a_frame_that_cannot_be_written_is_a_signal() {
    const KERNEL: i32 = 0x80;
    let failed = |code: i32, ip: u64, after_call: bool| {
        let mut story = Story::new();
        if after_call {
            story.call(0, "read", [0; 6], -512, NONE, NONE);
        }
        story.signal(0, 10, &|row| row.siginfo(&siginfo(10, 0, 0)));
        story.stop(0, 11 << 8 | 0x7f, &no_call(ip, SP), &|row| {
            row.siginfo(&siginfo(11, code, 0));
        });
        story
    };
    failed(KERNEL, IP, false).does("of a frame", &[]);
    failed(KERNEL, IP, true).refused("before a restart", "before the call that is to be restarted");
    // One of an instruction: it must come again.
    for (name, code, ip) in [("a fault", 1, IP), ("elsewhere", KERNEL, IP + 4)] {
        let mut story = failed(code, ip, false);
        story.reaches("read", [0; 6]);
        story.differs(name, Field::Stop);
    }
    // With a frame there was no failure.
    let mut story = Story::new();
    story.signal(0, 10, &|row| {
        row.siginfo(&siginfo(10, 0, 0));
        row.registers(NT_PRSTATUS, &registers(IP, SP, 10).to_bytes());
        output(row, DATA, b"frame");
    });
    story.signal(0, 11, &|row| row.siginfo(&siginfo(11, KERNEL, 0)));
    story.reaches("read", [0; 6]);
    story.differs("after a frame", Field::Stop);
}
