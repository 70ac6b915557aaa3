//! How tasks begin, follow the events of their makers, and end.

use super::fake::{Fault, Next, registers};
use super::story::{
    DATA, IP, NONE, SP, SYSCALL_STOP, Story, altered, entry, mapped, no_call, output,
};
use crate::divergence::Field;
use sysreel_format::syscall_info::{self, Call, Op};
use sysreel_format::{
    Altering, EventBuf, EventKind, Gap, GapReason, GoneHow, MappedFlags, Origin, Renamed, TaskId,
    Unrecorded,
};
use sysreel_sys::stop::NT_PRSTATUS;

type Write<'a> = &'a dyn Fn(&mut Story);

const CLONE_VM: u64 = 0x100;
const CLONE_THREAD: u64 = 0x1_0000;
const FORK: u32 = 1;
const CLONE: u32 = 3;
const EXIT: u32 = 6;
const STOP: u32 = 128;

/// The maker is in clone(2), and the new task has the ordinal 1.
fn makes(story: &mut Story, flags: u64, origin: Origin) {
    story.reaches("clone", [flags, 0, 0, 0, 0, 0]);
    story.recorded_entry(0, "clone", [flags, 0, 0, 0, 0, 0], NONE);
    let event = if origin == Origin::FORK { FORK } else { CLONE };
    story.ptrace_event(0, event, NONE);
    let tgid = if origin == Origin::THREAD { 100 } else { 101 };
    story.task(1, origin, TaskId(0), tgid);
}

fn newborn(row: &mut EventBuf) {
    row.registers(NT_PRSTATUS, &registers(IP, SP, 0).to_bytes());
    output(row, DATA, &[9]);
}

#[test]
fn tasks_are_made_and_end() {
    for (name, flags, origin) in [
        ("a process", 17, Origin::FORK),
        ("a process that shares memory", CLONE_VM, Origin::CLONE),
        ("a thread", CLONE_VM | CLONE_THREAD, Origin::THREAD),
    ] {
        let mut story = Story::new();
        makes(&mut story, flags, origin);
        story.ptrace_event(1, STOP, &newborn);
        story.recorded_exit(0, 101, NONE);
        story.call(1, "getpid", [0; 6], 101, NONE, NONE);
        story.ptrace_event(1, EXIT, &|row| output(row, DATA, &[0]));
        story.gone(1, 9, GoneHow::REAPED);
        let flags = 0x8000 | (flags & CLONE_VM);
        let clone = format!("clone {flags:#x} 0x0 0x0 0x0 0x0 0x0");
        story.does(
            name,
            &[
                "resume",
                &clone,
                "adopt 2",
                "registers 0x401000 0x7fff0000 0xffffffffffffffda",
                "registers 0x401000 0x7fff0000 0x0",
                "write 0x600000 [9]",
                "result 101",
                "resume",
                "result 101",
                "write 0x600000 [0]",
                "end 2",
            ],
        );
    }
}

/// A thread of i386 begins with an entry of the segment table.
#[test]
fn threads_of_32_bits_get_their_thread_area() {
    const I386: u32 = 0x4000_0003;
    let clone = sysreel_abi::number::number(sysreel_abi::Abi::I386, "clone").unwrap();
    let info = |at: u64| {
        let args = [CLONE_VM | CLONE_THREAD | 0x8_0000, 0, 0, at, 0, 0];
        syscall_info::entry(I386, IP, SP, &Call { nr: clone, args }).to_vec()
    };
    for (name, at, is_there) in [("there", DATA, true), ("nowhere", 0x1000, false)] {
        let mut story = Story::new();
        let here = registers(IP, SP, 0);
        story.stops(sysreel_sys::StopKind::Syscall, info(at), None, here);
        story.stop(0, SYSCALL_STOP, &info(at), NONE);
        story.ptrace_event(0, CLONE, NONE);
        story.task(1, Origin::THREAD, TaskId(0), 100);
        match is_there {
            true => {
                let (_, done, _) = story.replay();
                assert_eq!(done.last().unwrap(), "thread area 0", "{done:?}");
            }
            false => story.refused(name, "the struct user_desc at 0x1000 cannot be read"),
        }
    }
}

#[test]
fn tasks_that_cannot_begin_are_refused() {
    let cases: [(&str, Write<'_>, &str); 9] = [
        ("twice", &|story| story.task(0, Origin::SPAWNED, TaskId::NONE, 100), "begun before"),
        ("no maker", &|story| story.task(1, Origin::FORK, TaskId(7), 101), "task 7, is not there"),
        (
            "a maker in no call",
            &|story| story.task(1, Origin::FORK, TaskId(0), 101),
            "in no call that makes a task",
        ),
        (
            "a maker in another call",
            &|story| {
                story.reaches("read", [0; 6]);
                story.recorded_entry(0, "read", [0; 6], NONE);
                story.task(1, Origin::FORK, TaskId(0), 101);
            },
            "in no call that makes a task",
        ),
        (
            "a second first one",
            &|story| story.task(1, Origin::SPAWNED, TaskId::NONE, 101),
            "origin 1",
        ),
        ("attached", &|story| story.task(1, Origin::ATTACHED, TaskId::NONE, 101), "origin 2"),
        (
            "clone fails",
            &|story| {
                story.result("clone", -11);
                makes(story, 17, Origin::FORK);
            },
            "clone",
        ),
        (
            "clone says nothing",
            &|story| {
                story.kernel.0.borrow_mut().hides_children = true;
                makes(story, 17, Origin::FORK);
            },
            "did not report the task",
        ),
        (
            "it ends at once",
            &|story| {
                story.fault("adopt", Fault::Died);
                makes(story, 17, Origin::FORK);
            },
            "the new task ended at once",
        ),
    ];
    for (name, write, text) in cases {
        let mut story = Story::new();
        write(&mut story);
        story.refused(name, text);
    }
}

#[test]
fn tasks_that_the_kernel_refuses_are_errors() {
    for (operation, fault) in
        [("adopt", Fault::Refused), ("clone", Fault::Refused), ("registers", Fault::Refused)]
    {
        let mut story = Story::new();
        makes(&mut story, 17, Origin::FORK);
        story.fault(operation, fault);
        story.refused(operation, operation);
    }
    let mut story = Story::empty();
    story.task(0, Origin::SPAWNED, TaskId::NONE, 100);
    story.fault("spawn", Fault::Refused);
    story.refused("spawn", "spawn");
    let mut story = Story::empty();
    story.task(0, Origin::UNKNOWN, TaskId::NONE, 100);
    story.refused("a first task of nobody", "origin 7");
    for (parent, tgid) in [(TaskId(0), 100), (TaskId::NONE, 99)] {
        let mut story = Story::empty();
        story.task(0, Origin::SPAWNED, parent, tgid);
        story.refused("a first task of another", "the first task has a maker, or is no process");
    }
    // Before its first program, the task is the recorder's.
    let mut story = Story::empty();
    story.task(0, Origin::SPAWNED, TaskId::NONE, 100);
    story.recorded_entry(0, "fork", [0; 6], NONE);
    story.task(1, Origin::FORK, TaskId(0), 101);
    story.refused("a fork of the recorder", "no program yet");
}

#[test]
fn a_new_task_needs_its_registers() {
    let mut story = Story::new();
    makes(&mut story, 17, Origin::FORK);
    story.ptrace_event(1, STOP, NONE);
    story.recorded_entry(1, "read", [0; 6], NONE);
    story.refused("none", "the log does not have its registers");
    let mut story = Story::new();
    makes(&mut story, 17, Origin::FORK);
    story.stop_answered(1, STOP << 16 | 0x057f, -3, &[], NONE);
    story.gone(1, 9, GoneHow::REAPED);
    let (end, done, _) = story.replay();
    assert!(end.is_ok() && done.last().unwrap() == "end 2", "it was killed: {end:?} {done:?}");
}

#[test]
fn tasks_of_unknown_makers_only_end() {
    let mut story = Story::new();
    story.task(1, Origin::UNKNOWN, TaskId::NONE, 102);
    story.ptrace_event(1, STOP, NONE);
    story.event(EventKind::RENAMED, 1, &|row| {
        row.renamed(&Renamed { old_tid: 101, new_tid: 102, tgid: 102 });
    });
    story.ptrace_event(1, EXIT, NONE);
    story.gone(1, 9, GoneHow::REAPED);
    story.does("it ends", &[]);

    let mut story = Story::new();
    story.task(1, Origin::UNKNOWN, TaskId(0), 101);
    story.recorded_entry(1, "read", [0; 6], NONE);
    story.refused("it runs", "its beginning is not in the log");
}

#[test]
fn events_of_unknown_tasks_are_refused() {
    let gap = Unrecorded { gap: Gap::BEGINS, reason: GapReason::INIT_CRASH, tracer: 0 };
    let cases: [(&str, Write<'_>); 4] = [
        ("a stop", &|story| story.recorded_entry(5, "read", [0; 6], NONE)),
        ("an end", &|story| story.gone(5, 0, GoneHow::REAPED)),
        ("a new id", &|story| {
            story.event(EventKind::RENAMED, 5, &|row| {
                row.renamed(&Renamed { old_tid: 1, new_tid: 2, tgid: 2 });
            });
        }),
        ("a gap", &|story| story.event(EventKind::UNRECORDED, 5, &|row| row.unrecorded(&gap))),
    ];
    for (name, write) in cases {
        let mut story = Story::new();
        write(&mut story);
        story.refused(name, "(task 5): the task has not begun, or is gone");
    }
}

#[test]
fn gaps_are_refused_but_the_crash_of_an_init() {
    let gap = |gap, reason| {
        move |row: &mut EventBuf| row.unrecorded(&Unrecorded { gap, reason, tracer: 0 })
    };
    for (name, gap, text) in [
        ("traced", gap(Gap::BEGINS, GapReason::TRACED), "was not recorded"),
        ("the end of a crash", gap(Gap::ENDS, GapReason::INIT_CRASH), "was not recorded"),
    ] {
        let mut story = Story::new();
        story.event(EventKind::UNRECORDED, 0, &gap);
        story.refused(name, text);
    }
    let crash = gap(Gap::BEGINS, GapReason::INIT_CRASH);
    let mut story = Story::new();
    story.event(EventKind::UNRECORDED, 0, &crash);
    story.gone(0, 11, GoneHow::REAPED);
    story.does("it dies", &["end 1"]);
    let mut story = Story::new();
    story.event(EventKind::UNRECORDED, 0, &crash);
    story.ptrace_event(0, STOP, NONE);
    story.refused("it lives", "the recorder has detached");
}

#[test]
fn ptrace_events_belong_to_their_calls() {
    for (name, event) in [
        ("fork", 1),
        ("vfork", 2),
        ("clone", 3),
        ("exec", 4),
        ("vfork done", 5),
        ("seccomp", 7),
        ("unknown", 99),
    ] {
        let mut story = Story::new();
        story.ptrace_event(0, event, NONE);
        let text = format!("ptrace event {event} outside of a call");
        story.refused(name, &text);
    }
    let mut story = Story::new();
    story.ptrace_event(0, EXIT, NONE);
    story.ptrace_event(0, STOP, NONE);
    story.refused("after the exit", "it has ended, according to an earlier event");
}

/// The stop of a filter shows the call again.
#[test]
fn filters_see_the_call_that_was_entered() {
    let filtered = |name: &str, args| {
        let mut info = entry(name, args);
        info[0] = Op::SECCOMP.0;
        info.extend_from_slice(&[0; 8]);
        info
    };
    let args = [3, DATA, 4, 0, 0, 0];
    for (name, info, field) in [
        ("the same", filtered("read", args), None),
        ("another call", filtered("write", args), Some(Field::Number)),
        ("another argument", filtered("read", [3, DATA, 5, 0, 0, 0]), Some(Field::Argument(2))),
    ] {
        let mut story = Story::new();
        story.reaches("read", args);
        story.recorded_entry(0, "read", args, NONE);
        story.stop(0, 7 << 16 | 0x057f, &info, &|row| {
            altered(row, Altering::SECCOMP_ANSWER, &[0; 8], &[255; 8]);
        });
        match field {
            Some(field) => story.differs(name, field),
            None => _ = story.does(name, &["resume"]),
        }
    }
    let mut story = Story::new();
    story.reaches("read", args);
    story.recorded_entry(0, "read", args, NONE);
    story.stop(0, 7 << 16 | 0x057f, &no_call(IP, SP), NONE);
    story.refused("no call", "the struct of a filter's stop has no call");
}

/// The program is replaced: what it mapped before is gone, and the log has the rest.
#[test]
fn an_execve_begins_anew() {
    let image = |registers_too: bool| {
        move |row: &mut EventBuf| {
            mapped(row, 0x70_0000, 0x1000, MappedFlags::GROWS_DOWN, &[]);
            altered(row, Altering::MEMORY, &[1], &[2]);
            if registers_too {
                row.registers(NT_PRSTATUS, &registers(IP, SP, 0).to_bytes());
            }
        }
    };
    let execs = |story: &mut Story, parts: &dyn Fn(&mut EventBuf)| {
        story.reaches("execve", [DATA, 0, 0, 0, 0, 0]);
        story.recorded_entry(0, "execve", [DATA, 0, 0, 0, 0, 0], NONE);
        story.ptrace_event(0, 4, NONE);
        story.recorded_exit(0, 0, parts);
    };
    let mut story = Story::new();
    execs(&mut story, &image(true));
    story.call(0, "getpid", [0; 6], 5, NONE, NONE);
    story.does(
        "execve",
        &[
            "resume",
            "become stub",
            "mmap 0x700000+0x1000 prot 3 down",
            "registers 0x401000 0x7fff0000 0x0",
            "resume",
            "result 5",
        ],
    );
    let mut story = Story::new();
    execs(&mut story, &image(false));
    story.recorded_entry(0, "getpid", [0; 6], NONE);
    story.refused("without registers", "the log does not have its registers");
    for (fault, text) in
        [(Fault::Refused, "become_stub"), (Fault::Died, "killed from outside or by its seccomp")]
    {
        let mut story = Story::new();
        story.then(Next::Fails("become_stub", fault));
        execs(&mut story, &image(true));
        story.refused("no stub", text);
    }
    // One that fails changes nothing.
    let mut story = Story::new();
    story.call(0, "execve", [0; 6], -2, NONE, NONE);
    story.does("it fails", &["resume", "result -2"]);
    let mut story = Story::new();
    story.call(0, "getpid", [0; 6], 5, NONE, &|row| altered(row, Altering::MEMORY, &[1], &[2]));
    story.refused("changed memory elsewhere", "changed memory at the exit");
    // Before the first program nothing is replayed.
    let mut story = Story::empty();
    story.task(0, Origin::SPAWNED, TaskId::NONE, 100);
    story.signal(0, 19, NONE);
    story.recorded_entry(0, "execve", [0; 6], NONE);
    story.recorded_exit(0, -2, NONE);
    story.recorded_entry(0, "exit_group", [1, 0, 0, 0, 0, 0], NONE);
    story.ptrace_event(0, EXIT, NONE);
    story.gone(0, 1 << 8, GoneHow::REAPED);
    story.does("no program", &["spawn", "end 1"]);
    let mut story = Story::empty();
    story.task(0, Origin::SPAWNED, TaskId::NONE, 100);
    story.signal(0, 19, &|row| row.registers(NT_PRSTATUS, &registers(IP, SP, 0).to_bytes()));
    story.refused("a changed task", "changes a task before its first program");
}
