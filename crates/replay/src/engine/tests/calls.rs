//! Entries of calls.

use super::fake::{Fault, Next, registers};
use super::story::{
    DATA, IP, NONE, SP, SYSCALL_STOP, Story, altered, entry, entry_of, exit, head, input, no_call,
    output, siginfo,
};
use crate::divergence::Field;
use crate::options::Check;
use std::time::Duration;
use sysreel_abi::Abi;
use sysreel_abi::number::number;
use sysreel_format::{
    Altering, Data, Direction, EventKind, GoneHow, PageSums, RegionFlags, RegionHead, State,
    StopHead,
};
use sysreel_sys::{Event, Signal, StopKind};

const READ: [u64; 6] = [3, DATA, 4, 0, 0, 0];
const WRITE: [u64; 6] = [1, DATA, 4, 0, 0, 0];

/// Every field of the struct of an entry is compared, in a recorded entry that differs from the
/// call that the task makes.
#[test]
fn entries_are_compared() {
    let nr = |name| number(Abi::X86_64, name).unwrap();
    let mut other_arch = entry("read", READ);
    other_arch[4] = 3;
    let cases: [(&str, Vec<u8>, Field); 6] = [
        ("number", entry("write", READ), Field::Number),
        ("argument", entry("read", [3, DATA, 4, 0, 0, 9]), Field::Argument(5)),
        ("ip", entry_of(nr("read"), READ, IP + 2, SP), Field::InstructionPointer),
        ("sp", entry_of(nr("read"), READ, IP, SP - 8), Field::StackPointer),
        ("number's upper half", entry_of(nr("read") | 1 << 32, READ, IP, SP), Field::Number),
        ("architecture", other_arch, Field::Arch),
    ];
    for (name, recorded, field) in cases {
        let mut story = Story::new();
        story.reaches("read", READ);
        story.stop(0, SYSCALL_STOP, &recorded, NONE);
        story.differs(name, field);
    }
}

#[test]
fn a_task_that_does_not_come_to_its_call_differs() {
    let segv = |story: &mut Story| story.signalled(11, siginfo(11, 1, 0));
    type Reach<'a> = &'a dyn Fn(&mut Story);
    let cases: [(&str, Reach<'_>); 5] = [
        ("a signal", &segv),
        ("the end", &|story| story.then(Next::Gone(9))),
        ("an event", &|story| {
            let fork = StopKind::Event(Event::FORK);
            story.stops(fork, no_call(IP, SP), None, registers(IP, SP, 0));
        }),
        ("a computation", &|story| {
            story.then(Next::Uses(Duration::ZERO));
            story.then(Next::Uses(Duration::from_millis(999)));
            story.then(Next::Uses(Duration::from_millis(1000)));
        }),
        ("stops without end", &|story| {
            story.kernel.0.borrow_mut().repeats = true;
            story.signalled(10, siginfo(10, 0, 0));
        }),
    ];
    for (name, reach) in cases {
        let mut story = Story::new();
        reach(&mut story);
        story.recorded_entry(0, "read", READ, NONE);
        story.differs(name, Field::Stop);
    }
}

/// Nobody knows what a task without a tracer did. The replay does not even run up to that call.
#[test]
fn tasks_without_a_tracer_are_refused() {
    let mut story = Story::new();
    story.recorded_entry(0, "clone", [0x80_0100, 0, 0, 0, 0, 0], NONE);
    story.refused("shared memory", "CLONE_UNTRACED");
    let mut story = Story::new();
    story.reaches("clone", [0x80_0000, 0, 0, 0, 0, 0]);
    story.recorded_entry(0, "clone", [0x80_0000, 0, 0, 0, 0, 0], NONE);
    story.task(1, sysreel_format::Origin::FORK, sysreel_format::TaskId(0), 101);
    story.refused("a task that cannot be there", "CLONE_UNTRACED");
}

/// The recorded times make the default limit longer, up to a bound, and never one that was given.
#[test]
fn recorded_times_extend_the_patience_within_bounds() {
    let hour = Duration::from_secs(3600);
    let second = Duration::from_secs(1);
    let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap();
    for (name, patience, recorded_ns, limit) in [
        ("a slow task", None, ns(60 * second), 1200 * second),
        ("a fast task", None, 1000, 10 * second),
        ("an age", None, u64::MAX / 8, hour),
        ("an age, and a limit", Some(second), u64::MAX / 8, second),
    ] {
        for (used, differs) in [(limit - Duration::from_millis(1), false), (limit, true)] {
            let mut story = Story::new();
            story.patience = patience;
            story.pace_ns = recorded_ns;
            story.then(Next::Uses(Duration::ZERO));
            story.then(Next::Uses(used));
            if !differs {
                story.reaches("read", READ);
            }
            story.recorded_entry(0, "read", READ, NONE);
            match differs {
                true => story.differs(name, Field::Stop),
                false => assert!(story.replay().0.is_ok(), "{name}"),
            }
        }
    }
}

#[test]
fn stops_from_outside_are_passed() {
    let mut story = Story::new();
    let here = registers(IP, SP, 0);
    story.signalled(10, siginfo(10, 0, 0));
    // A task that dies at a stop has no siginfo, and no struct.
    story.stops(StopKind::Signal(Signal(11)), no_call(IP, SP), None, here);
    story.stops(StopKind::Group(Signal(19)), no_call(IP, SP), None, here);
    story.stops(StopKind::Event(Event::STOP), no_call(IP, SP), None, here);
    story.stops(StopKind::Syscall, exit(0), None, here);
    story.call(0, "getpid", [0; 6], 7, NONE, NONE);
    story.does(
        "signals, stops, an injected exit",
        &["resume"; 6].iter().copied().chain(["result 7"]).collect::<Vec<_>>(),
    );
}

#[test]
fn memory_that_a_call_reads_is_compared() {
    let field = |offset| Field::Buffer { argument: 1, offset };
    let unreadable = DATA + 0x2000;
    for (name, address, bytes, field) in [
        ("a byte", DATA, &[0, 0, 7, 0][..], field(2)),
        ("memory that is not there", unreadable, &[0, 0], field(0)),
        ("the end of memory", unreadable - 1, &[0, 0], field(1)),
    ] {
        let mut story = Story::new();
        story.reaches("write", WRITE);
        story.recorded_entry(0, "write", WRITE, &|row| input(row, 1, address, bytes));
        story.differs(name, field);

        let mut story = Story::new();
        story.check = Check::Fast;
        story.reaches("write", WRITE);
        story.recorded_entry(0, "write", WRITE, &|row| input(row, 1, address, bytes));
        story.does("not compared by request", &["resume"]);
    }
    // Memory that could not be read must not be readable now.
    for (name, address, is_same) in
        [("still not there", unreadable - 2, true), ("there now", DATA, false)]
    {
        let mut story = Story::new();
        story.reaches("write", WRITE);
        story.recorded_entry(0, "write", WRITE, &|row| {
            let head = RegionHead { errno: 14, asked: 4, ..head(1, Direction::IN, 0, address, 2) };
            row.region(&head, Data::Inline(&[0, 0]));
        });
        match is_same {
            true => _ = story.does(name, &["resume"]),
            false => story.differs(name, field(2)),
        }
    }
}

/// The state is compared: registers, extended registers, pages.
#[test]
fn states_are_compared() {
    let here = registers(IP, SP, (-38i64).cast_unsigned());
    let extended = vec![1; 600];
    let sum = State::extended_sum(&extended);
    let mut pages = PageSums::default();
    pages.run(DATA, &[0; 4096]);
    let mut others = PageSums::default();
    others.run(DATA, &[1; 4096]);
    let mut nowhere = PageSums::default();
    nowhere.run(0x1000, &[0; 4096]);
    let cases = [
        ("the same", here, sum, &pages, None),
        ("not read", here, 0, &pages, None),
        ("a register", registers(IP, SP, 1), sum, &pages, Some(Field::Register("rax"))),
        ("an extended register", here, sum ^ 1, &pages, Some(Field::ExtendedRegisters)),
        ("a page", here, sum, &others, Some(Field::Memory(DATA))),
        ("no page", here, sum, &nowhere, Some(Field::Memory(0x1000))),
    ];
    for (name, registers, sum, pages, field) in cases {
        let mut story = Story::new();
        story.kernel.0.borrow_mut().extended = extended.clone();
        story.reaches("getpid", [0; 6]);
        let registers = registers.to_bytes();
        story.recorded_entry(0, "getpid", [0; 6], &|row| row.state(sum, &registers, pages));
        match field {
            None => _ = story.does(name, &["resume"]),
            Some(field) => story.differs(name, field),
        }
    }
    let faults = [("registers", "EIO"), ("extended", "EIO"), ("window", "memory")];
    for (fault, _) in faults {
        let mut story = Story::new();
        story.reaches("getpid", [0; 6]);
        story.recorded_entry(0, "getpid", [0; 6], &|row| {
            row.state(sum, &here.to_bytes(), &pages);
        });
        story.kernel.0.borrow_mut().extended = extended.clone();
        story.fault(fault, Fault::Refused);
        story.refused(fault, "");
    }
    let mut story = Story::new();
    story.reaches("getpid", [0; 6]);
    story.recorded_entry(0, "getpid", [0; 6], &|row| row.state(0, &[0; 8], &pages));
    story.refused("short registers", "8 bytes are not the registers");
}

#[test]
fn calls_without_a_row_are_vetoed_or_minus_one() {
    for (name, nr, vetoed, refused) in [
        ("-1", u64::MAX, false, None),
        ("vetoed", 99_999, true, None),
        ("made", 99_999, false, Some("the table does not have call 0x1869f")),
    ] {
        let info = entry_of(nr, [0; 6], IP, SP);
        let mut story = Story::new();
        story.stops(StopKind::Syscall, info.clone(), None, registers(IP, SP, 0));
        story.stop(0, SYSCALL_STOP, &info, &|row| {
            if vetoed {
                altered(row, Altering::CALL_VETOED, &nr.to_le_bytes(), &38u32.to_le_bytes());
            }
        });
        match refused {
            Some(text) => story.refused(name, text),
            None => {
                story.recorded_exit(0, -38, NONE);
                _ = story.does(name, &["resume", "result -38"]);
            }
        }
    }
}

#[test]
fn a_task_that_was_being_killed_only_ends() {
    for (name, answer, info) in [("ESRCH", -3, vec![]), ("moved on", 24, no_call(IP, SP))] {
        let mut story = Story::new();
        story.stop_answered(0, SYSCALL_STOP, answer, &info, NONE);
        story.ptrace_event(0, 6, NONE);
        story.gone(0, 9, GoneHow::REAPED);
        story.does(name, &["end 1"]);

        let mut story = Story::new();
        story.stop_answered(0, SYSCALL_STOP, answer, &info, NONE);
        story.recorded_entry(0, "read", READ, NONE);
        story.refused(name, "it was being killed at an earlier stop");

        let mut story = Story::new();
        story.stop_answered(0, SYSCALL_STOP, answer, &info, &|row| output(row, DATA, b"a"));
        story.refused(name, "where it does not belong");
    }
    for (name, answer, layout, text) in [
        ("another errno", -5, 1, "answer -5"),
        ("never asked", 0, 1, "answer 0"),
        ("another layout", 80, 2, "layout 2"),
    ] {
        let info = if answer > 0 { entry("read", READ) } else { Vec::new() };
        let mut story = Story::new();
        story.event(EventKind::STOP, 0, &|row| {
            row.stop_head(&StopHead {
                wait_status: SYSCALL_STOP,
                info_ret: answer,
                layout: sysreel_format::Layout(layout),
                info: &info,
            });
        });
        story.refused(name, text);
    }
    let mut story = Story::new();
    story.stop(0, 0, &no_call(IP, SP), NONE);
    story.refused("no stop", "is not that of a stop");
}

#[test]
fn memory_of_which_the_log_has_a_part_is_refused() {
    for (name, flags, errno, text) in [
        ("cut", RegionFlags::CUT, 0, "only part of the memory"),
        ("an error", RegionFlags::default(), 5, "errno 5"),
    ] {
        for direction in [Direction::IN, Direction::OUT] {
            let head = RegionHead { flags, errno, ..head(1, direction, 0, DATA, 1) };
            let mut story = Story::new();
            story.reaches("read", READ);
            story.recorded_entry(0, "read", READ, &|row| row.region(&head, Data::Inline(&[0])));
            story.refused(name, text);
        }
    }
}

/// The kernel refuses an operation, or the memory is not there.
#[test]
fn failures_say_where() {
    for operation in ["resume", "syscall_info"] {
        let mut story = Story::new();
        story.fault(operation, Fault::Refused);
        story.reaches("read", READ);
        story.then(Next::Gone(9));
        story.recorded_entry(0, "read", READ, NONE);
        match operation {
            "resume" => story.refused(operation, operation),
            // The task has died: it is its end that is reached.
            _ => story.differs(operation, Field::Stop),
        }
    }
    let mut story = Story::new();
    story.fault("set_result", Fault::Refused);
    story.call(0, "read", READ, 4, NONE, NONE);
    story.refused("set_result", "set_result");
    let mut story = Story::new();
    story.call(0, "read", READ, 4, NONE, &|row| output(row, 0x1000, b"a"));
    story.refused("memory that is not there", "write of 1 bytes to 0x1000");
}
