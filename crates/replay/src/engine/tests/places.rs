//! The instruction and stack pointers of stops that no instruction of the program causes.

use super::fake::{Fault, Next, registers};
use super::story::{IP, NONE, SP, Story, entry, exit, no_call, siginfo};
use crate::divergence::Field;
use std::time::Duration;
use sysreel_format::syscall_info::Op;
use sysreel_sys::StopKind;
use sysreel_sys::signals::SIGTRAP;
use sysreel_sys::stop::NT_PRSTATUS;

const HWBKPT: i32 = 4;

/// The wait statuses of a group stop by SIGSTOP, of a stop for the tracer, and of SIGCHLD.
const STOPS: [u32; 3] = [0x80_137f, 0x80_057f, 17 << 8 | 0x7f];

fn at(story: &mut Story, status: u32, ip: u64, sp: u64) {
    story.stop(0, status, &no_call(ip, sp), &|row| {
        if status >> 8 == 17 {
            row.siginfo(&siginfo(17, 0, 0));
        }
    });
}

fn visit(story: &mut Story, ip: u64, sp: u64) {
    let (kind, trap) = (StopKind::Signal(SIGTRAP), siginfo(5, HWBKPT, ip));
    story.stops(kind, no_call(ip, sp), Some(trap), registers(ip, sp, 0));
}

/// A stop from outside comes where the task is, or later on its way.
#[test]
fn stops_from_outside_are_on_the_way() {
    for status in STOPS {
        let mut story = Story::new();
        at(&mut story, status, IP, SP);
        story.does("here", &[]);
        let mut story = Story::new();
        visit(&mut story, IP + 8, SP - 16);
        visit(&mut story, IP + 8, SP);
        at(&mut story, status, IP + 8, SP);
        story.does("later", &["breakpoint 0x401008", "resume", "resume", "no breakpoint"]);
        let mut story = Story::new();
        story.reaches("read", [0; 6]);
        at(&mut story, status, IP + 8, SP);
        story.differs("never", Field::Stop);
        let mut story = Story::new();
        visit(&mut story, IP, SP);
        story.kernel.0.borrow_mut().repeats = true;
        at(&mut story, status, IP, SP + 8);
        story.differs("on another stack", Field::StackPointer);
        let mut story = Story::new();
        story.then(Next::Uses(Duration::ZERO));
        visit(&mut story, IP, SP);
        story.then(Next::Uses(Duration::from_secs(1)));
        at(&mut story, status, IP, SP + 8);
        story.differs("too late", Field::Stop);
        let mut story = Story::new();
        story.fault("set_breakpoint", Fault::Refused);
        at(&mut story, status, IP + 8, SP);
        story.refused("no breakpoint", "set_breakpoint");
        let short = no_call(IP, SP)[..16].to_vec();
        let mut story = Story::new();
        story.stop(0, status, &short, &|row| {
            if status >> 8 == 17 {
                row.siginfo(&siginfo(17, 0, 0));
            }
        });
        story.differs("no sp", Field::StackPointer);
    }
}

/// The kernel makes an interrupted call again: meanwhile the task executes nothing.
#[test]
fn stops_before_a_restart_are_at_the_call() {
    for status in STOPS {
        for (ip, field) in [
            (IP, None),
            (IP - 2, None),
            (IP - 1, Some(Field::InstructionPointer)),
            (IP + 8, Some(Field::InstructionPointer)),
        ] {
            let mut story = Story::new();
            story.call(0, "read", [0; 6], -512, NONE, NONE);
            at(&mut story, status, ip, SP);
            match field {
                Some(field) => story.differs("elsewhere", field),
                None => _ = story.does("there", &["resume", "result -512"]),
            }
        }
    }
    // A handler that begins between the decision and the call.
    let mut story = Story::new();
    story.call(0, "read", [0; 6], -512, NONE, NONE);
    story.stop(0, 10 << 8 | 0x7f, &no_call(IP - 2, SP), &|row| {
        row.siginfo(&siginfo(10, 0, 0));
        row.registers(NT_PRSTATUS, &registers(0x40_3000, SP - 64, 10).to_bytes());
    });
    story.does("a handler", &["resume", "result -512", "registers 0x403000 0x7ffeffc0 0xa"]);
}

#[test]
fn events_of_calls_are_at_their_calls() {
    let filtered = |ip, sp| {
        let mut info = entry("read", [0; 6]);
        info[0] = Op::SECCOMP.0;
        info[8..16].copy_from_slice(&u64::to_le_bytes(ip));
        info[16..24].copy_from_slice(&u64::to_le_bytes(sp));
        info.extend_from_slice(&[0; 8]);
        info
    };
    for (ip, sp, field) in [
        (IP, SP, None),
        (IP + 2, SP, Some(Field::InstructionPointer)),
        (IP, SP + 8, Some(Field::StackPointer)),
    ] {
        // The message of an exit: killed.
        let events: [(&str, u32, Vec<u8>, u64); 3] = [
            ("fork", 1, no_call(ip, sp), 101),
            ("exit_group", 6, no_call(ip, sp), 9),
            ("read", 7, filtered(ip, sp), 0),
        ];
        for (call, event, info, message) in events {
            let mut story = Story::new();
            story.reaches(call, [0; 6]);
            story.recorded_entry(0, call, [0; 6], NONE);
            story.stop(0, event << 16 | 0x057f, &info, &|row| row.event_message(message));
            match field {
                Some(field) => story.differs(call, field),
                None => _ = story.does(call, &["resume"]),
            }
        }
    }
}

/// A new program begins where the event of its execve, the exit, and its registers say.
#[test]
fn programs_begin_at_one_place() {
    let begins = |event: (u64, u64), set: (u64, u64)| {
        let mut story = Story::new();
        story.reaches("execve", [0; 6]);
        story.recorded_entry(0, "execve", [0; 6], NONE);
        story.stop(0, 4 << 16 | 0x057f, &no_call(event.0, event.1), &|row| row.event_message(100));
        story.recorded_exit(0, 0, &|row| {
            row.registers(NT_PRSTATUS, &registers(set.0, set.1, 0).to_bytes());
        });
        story
    };
    assert!(begins((IP, SP), (IP, SP)).replay().0.is_ok());
    for (name, event, set, field) in [
        ("the event", (IP + 1, SP), (IP, SP), Field::InstructionPointer),
        ("its stack", (IP, SP + 8), (IP, SP), Field::StackPointer),
        ("the registers", (IP, SP), (IP + 1, SP), Field::InstructionPointer),
        ("their stack", (IP, SP), (IP, SP + 8), Field::StackPointer),
    ] {
        begins(event, set).differs(name, field);
    }
}

/// The execve of a new program ends where its ptrace event was.
#[test]
fn an_execve_ends_where_its_program_begins() {
    let executes = |ip: u64, sp: u64| {
        let mut story = Story::new();
        story.reaches("execve", [0; 6]);
        story.recorded_entry(0, "execve", [0; 6], NONE);
        story.ptrace_event(0, 4, NONE);
        let mut info = exit(0);
        info[8..16].copy_from_slice(&ip.to_le_bytes());
        info[16..24].copy_from_slice(&sp.to_le_bytes());
        let new = registers(IP, SP, 0).to_bytes();
        story.stop(0, 0x857f, &info, &|row| row.registers(NT_PRSTATUS, &new));
        story
    };
    let begins = ["resume", "become stub", "registers 0x401000 0x7fff0000 0x0"];
    executes(IP, SP).does("there", &begins);
    executes(IP + 4, SP).differs("elsewhere", Field::InstructionPointer);
    executes(IP, SP - 8).differs("on another stack", Field::StackPointer);
}
