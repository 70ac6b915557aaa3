//! Signals: of instructions, from outside, of time stamps and preemptions.

use super::fake::{Fault, Next, registers};
use super::story::{DATA, IP, NONE, SP, Story, altered, no_call, output, siginfo};
use crate::divergence::Field;
use std::time::Duration;
use sysreel_format::{Altering, EventBuf};
use sysreel_sys::StopKind;
use sysreel_sys::signals::{SIGSEGV, SIGTRAP};
use sysreel_sys::stop::NT_PRSTATUS;

/// siginfo codes (asm-generic/siginfo.h): from kill(2), SEGV_MAPERR, SEGV_ACCERR, SI_KERNEL,
/// TRAP_HWBKPT.
const USER: i32 = 0;
const MAPERR: i32 = 1;
const ACCERR: i32 = 2;
const KERNEL: i32 = 0x80;
const HWBKPT: i32 = 4;

fn segv(row: &mut EventBuf) {
    row.siginfo(&siginfo(11, MAPERR, 0x10));
}

#[test]
fn a_signal_of_an_instruction_comes_again() {
    let mut story = Story::new();
    story.signalled(11, siginfo(11, MAPERR, 0x10));
    story.signal(0, 11, &|row| {
        segv(row);
        row.registers(NT_PRSTATUS, &registers(0x40_3000, SP - 64, 11).to_bytes());
        output(row, DATA, b"frame");
    });
    let handler = "registers 0x403000 0x7ffeffc0 0xb";
    story.does("SIGSEGV", &["resume", handler, "write 0x600000 [66, 72, 61, 6d, 65]"]);
}

#[test]
fn a_signal_of_an_instruction_is_compared() {
    let elsewhere = |ip, sp| no_call(ip, sp);
    let cases = [
        ("its address", 11, siginfo(11, MAPERR, 0x18), no_call(IP, SP), Field::SignalInfo),
        ("its code", 11, siginfo(11, ACCERR, 0x10), no_call(IP, SP), Field::SignalInfo),
        ("its number", 7, siginfo(7, MAPERR, 0x10), no_call(IP, SP), Field::Stop),
        ("ip", 11, siginfo(11, MAPERR, 0x10), elsewhere(IP + 1, SP), Field::InstructionPointer),
        ("sp", 11, siginfo(11, MAPERR, 0x10), elsewhere(IP, SP + 1), Field::StackPointer),
        (
            "no sp",
            11,
            siginfo(11, MAPERR, 0x10),
            no_call(IP, SP)[..16].to_vec(),
            Field::StackPointer,
        ),
    ];
    for (name, signal, info, place, field) in cases {
        let mut story = Story::new();
        let kind = StopKind::Signal(sysreel_sys::Signal(signal));
        story.stops(kind, place, Some(info), registers(IP, SP, 0));
        story.signal(0, 11, &segv);
        story.differs(name, field);
    }
    let mut story = Story::new();
    story.reaches("read", [0; 6]);
    story.signal(0, 11, &segv);
    story.differs("a call instead", Field::Stop);
    // The wait status and the siginfo name different signals.
    let mut story = Story::new();
    story.signalled(11, siginfo(11, MAPERR, 0x10));
    story.signal(0, 7, &segv);
    story.differs("another signal in the status", Field::Stop);
}

#[test]
fn no_signal_of_an_instruction_comes_before_a_restart() {
    let mut story = Story::new();
    story.call(0, "read", [0; 6], -512, NONE, NONE);
    story.signal(0, 11, &segv);
    story.refused("SIGSEGV", "before the call that is to be restarted");
}

#[test]
fn a_handler_of_a_signal_from_outside_begins_at_the_last_stop() {
    for (name, ip, sp, field) in [
        ("there", IP, SP, None),
        ("elsewhere", IP + 2, SP, Some(Field::InstructionPointer)),
        ("on another stack", IP, SP + 16, Some(Field::StackPointer)),
    ] {
        let mut story = Story::new();
        story.call(0, "read", [0; 6], 0, NONE, NONE);
        story.stop(0, 10 << 8 | 0x7f, &no_call(ip, sp), &|row| {
            row.siginfo(&siginfo(10, USER, 0));
            row.registers(NT_PRSTATUS, &registers(0x40_3000, SP - 64, 10).to_bytes());
        });
        match field {
            Some(field) => story.differs(name, field),
            None => {
                let handler = "registers 0x403000 0x7ffeffc0 0xa";
                _ = story.does(name, &["resume", "result 0", handler]);
            }
        }
    }
    let mut story = Story::new();
    story.signal(0, 10, &|row| {
        row.siginfo(&siginfo(10, USER, 0));
        row.registers(NT_PRSTATUS, &registers(IP, SP, 10).to_bytes());
    });
    story.fault("registers", Fault::Refused);
    story.refused("no registers", "registers");
}

#[test]
fn signals_without_a_handler_do_nothing() {
    let mut story = Story::new();
    story.signal(0, 17, &|row| row.siginfo(&siginfo(17, USER, 0)));
    story.signal(0, 10, &|row| {
        row.siginfo(&siginfo(10, USER, 0));
        altered(row, Altering::SIGNAL_HELD, &[], &[]);
    });
    // A group stop has no parts.
    story.stop(0, 0x80_137f, &no_call(IP, SP), NONE);
    story.does("ignored, held, stopped", &[]);

    let mut story = Story::new();
    story.stop(0, 0x80_137f, &no_call(IP, SP), &|row| output(row, DATA, b"a"));
    story.refused("memory at a group stop", "where it does not belong");
}

#[test]
fn a_signal_without_siginfo_is_of_a_dying_task() {
    let mut story = Story::new();
    story.signal(0, 11, NONE);
    story.ptrace_event(0, 6, NONE);
    story.does("it ends", &[]);
    let mut story = Story::new();
    story.signal(0, 11, NONE);
    story.recorded_entry(0, "read", [0; 6], NONE);
    story.refused("it goes on", "it was being killed");
    let mut story = Story::new();
    story.signal(0, 11, &|row| output(row, DATA, b"a"));
    story.refused("it has a frame", "a signal without siginfo");
}

#[test]
fn time_stamps_are_given_where_they_are_read() {
    let stamp = 0x1_0000_0002u64.to_le_bytes();
    let with_processor = [&stamp[..], &5u32.to_le_bytes()].concat();
    let rdtsc: &[u8] = &[0x0f, 0x31];
    let rdtscp: &[u8] = &[0x0f, 0x01, 0xf9];
    let faults = |row: &mut EventBuf| row.siginfo(&siginfo(11, KERNEL, 0));
    for (name, opcode, given) in [("rdtsc", rdtsc, &stamp[..]), ("rdtscp", rdtscp, &with_processor)]
    {
        for (code, is_same) in [(opcode, true), (&[0x90, 0x90, 0x90][..], false)] {
            let mut story = Story::new();
            story.then(Next::Writes(DATA, code.to_vec()));
            let kind = StopKind::Signal(SIGSEGV);
            let info = Some(siginfo(11, KERNEL, 0));
            story.stops(kind, no_call(DATA, SP), info, registers(DATA, SP, 0));
            story.stop(0, 11 << 8 | 0x7f, &no_call(DATA, SP), &|row| {
                faults(row);
                altered(row, Altering::TIME_STAMP, opcode, given);
            });
            match is_same {
                true => {
                    let ip = DATA + opcode.len() as u64;
                    let set = format!("registers {ip:#x} {SP:#x} 0x2");
                    _ = story.does(name, &["resume", &set]);
                }
                false => story.differs(name, Field::Memory(DATA)),
            }
        }
    }
    for (name, opcode, given) in [
        ("of no length", &[][..], &stamp[..]),
        ("without a stamp", rdtsc, &[1][..]),
        ("with a processor", rdtsc, &with_processor),
        ("without a processor", rdtscp, &stamp),
    ] {
        let mut story = Story::new();
        story.signal(0, 11, &|row| altered(row, Altering::TIME_STAMP, opcode, given));
        story.refused(name, "malformed time stamp");
    }
    let mut story = Story::new();
    story.signal(0, 10, &|row| {
        row.siginfo(&siginfo(10, USER, 0));
        altered(row, Altering::TIME_STAMP, rdtsc, &stamp);
    });
    story.refused("another signal", "a time stamp at another signal");
}

/// Stops a task at its breakpoint with this value of a register.
fn visit(story: &mut Story, rax: u64) {
    let (kind, trap) = (StopKind::Signal(SIGTRAP), siginfo(5, HWBKPT, IP));
    story.stops(kind, no_call(IP, SP), Some(trap), registers(IP, SP, rax));
}

/// Records that a task was preempted at its breakpoint.
fn preempted(story: &mut Story) {
    story.signal(0, 5, &|row| {
        row.siginfo(&siginfo(5, HWBKPT, IP));
        row.registers(NT_PRSTATUS, &registers(IP, SP, 1).to_bytes());
        altered(row, Altering::PREEMPTED, &[], &[]);
    });
}

/// A preempted task runs until it comes back in the same state.
#[test]
fn a_waiting_task_is_run_to_the_same_state() {
    let mut story = Story::new();
    visit(&mut story, 1);
    visit(&mut story, 2);
    visit(&mut story, 1);
    story.then(Next::Writes(DATA, vec![7]));
    visit(&mut story, 1);
    visit(&mut story, 1);
    preempted(&mut story);
    let run = ["resume"; 5];
    let operations = [&["breakpoint 0x401000"][..], &run, &["no breakpoint"]].concat();
    story.does("the state repeats", &operations);

    // The visits share one limit.
    let mut story = Story::new();
    story.then(Next::Uses(Duration::ZERO));
    visit(&mut story, 2);
    story.then(Next::Uses(Duration::from_secs(1)));
    visit(&mut story, 1);
    visit(&mut story, 1);
    preempted(&mut story);
    story.differs("too long", Field::Stop);

    let mut story = Story::new();
    story.reaches("read", [0; 6]);
    preempted(&mut story);
    story.differs("a call", Field::Stop);
    let mut story = Story::new();
    story.signalled(5, siginfo(5, KERNEL, IP));
    preempted(&mut story);
    story.differs("a trap of its own", Field::Stop);
    let mut story = Story::new();
    visit(&mut story, 1);
    story.fault("hash", Fault::Refused);
    preempted(&mut story);
    story.refused("too much memory", "cannot be hashed");
    let mut story = Story::new();
    story.fault("set_breakpoint", Fault::Refused);
    preempted(&mut story);
    story.refused("no breakpoint", "set_breakpoint");
    let mut story = Story::new();
    visit(&mut story, 2);
    story.kernel.0.borrow_mut().repeats = true;
    preempted(&mut story);
    story.differs("never the same", Field::Stop);
    for (name, parts) in [
        (
            "without registers",
            &(|row: &mut EventBuf| {
                altered(row, Altering::PREEMPTED, &[], &[]);
            }) as &dyn Fn(&mut EventBuf),
        ),
        ("with memory", &|row| {
            row.registers(NT_PRSTATUS, &registers(IP, SP, 1).to_bytes());
            altered(row, Altering::PREEMPTED, &[], &[]);
            output(row, DATA, b"a");
        }),
    ] {
        let mut story = Story::new();
        story.signal(0, 5, parts);
        story.refused(name, "a preemption without registers, or with memory");
    }
}
