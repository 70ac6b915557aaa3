//! Exits of calls.

use super::fake::{Fault, Next, registers};
use super::story::{
    DATA, IP, NONE, SP, SYSCALL_STOP, Story, altered, entry, exit, head, input, output, siginfo,
};
use crate::divergence::Field;
use crate::options::Check;
use sysreel_abi::number::number;
use sysreel_abi::{Abi, AuditArch};
use sysreel_format::syscall_info::{self, Outcome};
use sysreel_format::{Altering, Data, Direction, GoneHow};
use sysreel_sys::stop::NT_PRSTATUS;

const READ: [u64; 6] = [3, DATA, 4, 0, 0, 0];
const WRITE: [u64; 6] = [1, DATA, 4, 0, 0, 0];

#[test]
fn a_call_gets_its_result_and_its_memory() {
    let mut story = Story::new();
    story.call(0, "read", READ, 4, NONE, &|row| output(row, DATA, b"abcd"));
    story.call(
        0,
        "write",
        WRITE,
        3,
        &|row| {
            input(row, 1, DATA, b"abcd");
            row.echo(1);
        },
        NONE,
    );
    let seen = story.does(
        "read, write",
        &["resume", "result 4", "write 0x600000 [61, 62, 63, 64]", "resume", "result 3"],
    );
    assert_eq!(seen.output, [(1, b"abc".to_vec())]);
    assert_eq!(seen.events, story.events());
}

#[test]
fn calls_begin_and_end_in_turn() {
    let mut story = Story::new();
    story.reaches("read", READ);
    story.recorded_entry(0, "read", READ, NONE);
    story.recorded_entry(0, "read", READ, NONE);
    story.refused("within another", "in read): another call begins");

    let mut story = Story::new();
    story.recorded_exit(0, 0, NONE);
    story.refused("no entry", "a call ends that has not begun");
}

/// The exit of a call is compared with its entry, and with itself.
#[test]
fn exits_are_compared() {
    let of = |arch: u32, ip, sp, rval, is_error| {
        syscall_info::exit(arch, ip, sp, Outcome { rval, is_error }).to_vec()
    };
    let x86 = AuditArch::X86_64.0;
    let cases = [
        ("ip", of(x86, IP + 1, SP, 0, 0), Field::InstructionPointer),
        ("sp", of(x86, IP, SP + 8, 0, 0), Field::StackPointer),
        ("architecture", of(AuditArch::I386.0, IP, SP, 0, 0), Field::Arch),
    ];
    for (name, info, field) in cases {
        let mut story = Story::new();
        story.reaches("read", READ);
        story.recorded_entry(0, "read", READ, NONE);
        story.stop(0, SYSCALL_STOP, &info, NONE);
        story.differs(name, field);
    }
    for (name, info, text) in [
        ("a result that is an error", of(x86, IP, SP, -9, 0), "is_error is 0"),
        ("an error that is a result", of(x86, IP, SP, 9, 1), "is_error is 1"),
        ("a short struct", exit(0)[..32].to_vec(), "has no result"),
        ("a short entry", entry("read", READ)[..40].to_vec(), "has no call"),
        ("no op", vec![9; 24], "op 9"),
    ] {
        let mut story = Story::new();
        story.reaches("read", READ);
        story.recorded_entry(0, "read", READ, NONE);
        story.stop(0, SYSCALL_STOP, &info, NONE);
        story.refused(name, text);
    }
    // A call that sets all registers ends where they say.
    for (ip, differs) in [(IP, Some(Field::InstructionPointer)), (0x40_2000, None)] {
        let mut story = Story::new();
        story.reaches("rt_sigreturn", [0; 6]);
        story.recorded_entry(0, "rt_sigreturn", [0; 6], NONE);
        story.stop(0, SYSCALL_STOP, &of(x86, ip, SP, 5, 0), &|row| {
            row.registers(NT_PRSTATUS, &registers(0x40_2000, SP, 5).to_bytes());
        });
        match differs {
            Some(field) => story.differs("sigreturn", field),
            None => {
                let operations = ["resume", "result 5", "registers 0x402000 0x7fff0000 0x5"];
                _ = story.does("sigreturn", &operations);
            }
        }
    }
}

#[test]
fn vetoes_answer_calls() {
    let nr = number(Abi::X86_64, "rseq").unwrap();
    let veto = |of: u64, errno: u32| {
        move |row: &mut sysreel_format::EventBuf| {
            let (of, errno) = (of.to_le_bytes(), errno.to_le_bytes());
            altered(row, Altering::CALL_VETOED, &of, &errno);
        }
    };
    let given = |value: i64| {
        move |row: &mut sysreel_format::EventBuf| {
            altered(row, Altering::RETURN_VALUE, &[0; 8], &value.to_le_bytes());
        }
    };
    let mut story = Story::new();
    story.call(0, "rseq", [0; 6], -38, &veto(nr, 38), NONE);
    story.call(0, "rseq", [0; 6], -38, &veto(nr, 22), &given(-22));
    story.does("as the kernel, and otherwise", &["resume", "result -38", "resume", "result -22"]);

    let mut story = Story::new();
    story.reaches("rseq", [0; 6]);
    story.recorded_entry(0, "rseq", [0; 6], &veto(nr + 1, 38));
    story.refused("a veto of another call", "the veto is of call");

    type Give<'a> = &'a dyn Fn(&mut sysreel_format::EventBuf);
    for (name, at_exit, text) in [
        ("another result", NONE as Give<'_>, "answered the call with -22"),
        ("another given result", &given(-1), "answered the call with -22"),
    ] {
        let mut story = Story::new();
        story.call(0, "rseq", [0; 6], -38, &veto(nr, 22), at_exit);
        story.refused(name, text);
    }
    let mut story = Story::new();
    story.call(0, "getpid", [0; 6], 5, NONE, &given(6));
    story.refused("a result without a veto", "did not answer");
}

/// After a restart code the kernel makes the same call again, or restart_syscall.
#[test]
fn interrupted_calls_are_made_again() {
    let back = "registers 0x400ffe 0x7fff0000";
    for (name, code, first, second, differs) in [
        ("ERESTARTSYS", -512, "read", "read", false),
        ("ERESTARTSYS, another", -512, "read", "write", true),
        ("ERESTART_RESTARTBLOCK", -516, "nanosleep", "restart_syscall", false),
        ("ERESTART_RESTARTBLOCK, the same", -516, "nanosleep", "nanosleep", true),
    ] {
        let mut story = Story::new();
        story.call(0, first, READ, code, NONE, NONE);
        if differs {
            story.recorded_entry(0, second, READ, NONE);
            story.differs(name, Field::Number);
            continue;
        }
        story.call(0, second, READ, 0, NONE, NONE);
        let nr = number(Abi::X86_64, second).unwrap();
        let (result, back) = (format!("result {code}"), format!("{back} {nr:#x}"));
        story.does(name, &["resume", &result, &back, "resume", "result 0"]);
    }
    // Not after a handler, of which the log has the registers.
    let mut story = Story::new();
    story.call(0, "read", READ, -512, NONE, NONE);
    story.signal(0, 10, &|row| {
        row.siginfo(&siginfo(10, 0, 0));
        row.registers(NT_PRSTATUS, &registers(IP, SP, 10).to_bytes());
    });
    story.call(0, "write", WRITE, 0, NONE, NONE);
    let handler = "registers 0x401000 0x7fff0000 0xa";
    let operations = ["resume", "result -512", handler, "resume", "result 0"];
    story.does("a handler", &operations);
    let mut story = Story::new();
    story.then(Next::Fails("set_registers", Fault::Refused));
    story.call(0, "read", READ, -512, NONE, NONE);
    story.recorded_entry(0, "read", READ, NONE);
    story.refused("registers that cannot be set", "set_registers");
}

/// Returns an input of 4 bytes that is passed on.
fn four_bytes(row: &mut sysreel_format::EventBuf) {
    input(row, 1, DATA, &[0; 4]);
    row.echo(2);
}

#[test]
fn output_of_a_length_that_nothing_has_is_refused() {
    let region =
        |got: u64| sysreel_format::RegionHead { got, ..head(1, Direction::IN, 0, DATA, 4) };
    let mut story = Story::new();
    story.reaches("write", WRITE);
    story.recorded_entry(0, "write", WRITE, &|row| {
        row.region(&region(1 << 62), Data::Inline(&[0; 4]));
        row.echo(2);
    });
    story.refused("a vast region", "4611686018427387904 bytes, more than the most");
    let mut story = Story::new();
    story.reaches("write", WRITE);
    story.recorded_entry(0, "write", WRITE, &|row| {
        row.region(&region(5), Data::Inline(&[0; 4]));
        row.echo(2);
    });
    story.refused("a region that is not there", "5 bytes, and the log has 4 of them");
    for count in [1 << 62, i64::MIN] {
        let mut story = Story::new();
        story.call(0, "write", WRITE, count, &four_bytes, NONE);
        story.refused("a vast result", "bytes of output are not in the log");
    }
}

#[test]
fn output_is_passed_on_or_refused() {
    let mut story = Story::new();
    story.call(0, "write", WRITE, 5, &four_bytes, NONE);
    story.refused("more than there is", "1 of the 5 bytes of output are not in the log");
    let mut story = Story::new();
    story.reaches("read", READ);
    story.recorded_entry(0, "read", READ, &|row| row.echo(1));
    story.refused("no output", "none that writes bytes");
    let mut story = Story::new();
    story.reaches("sendmmsg", [1, DATA, 1, 0, 0, 0]);
    story.recorded_entry(0, "sendmmsg", [1, DATA, 1, 0, 0, 0], &|row| row.echo(1));
    story.refused("messages", "none that writes bytes");
    let mut story = Story::new();
    story.reaches("write", WRITE);
    story.recorded_entry(0, "write", WRITE, &|row| row.echo(3));
    story.refused("another stream", "stream 3");

    // What pointers point to is written, not the pointers.
    let vector = [1, DATA, 1, 0, 0, 0];
    let mut story = Story::new();
    story.call(0, "read", READ, 2, NONE, &|row| output(row, DATA + 64, b"xy"));
    story.call(
        0,
        "writev",
        vector,
        2,
        &|row| {
            row.region(&head(1, Direction::IN, 0, DATA, 16), Data::Inline(&[0; 16]));
            row.region(&head(1, Direction::IN, 1, DATA + 64, 2), Data::Inline(b"xy"));
            row.echo(1);
        },
        NONE,
    );
    assert_eq!(story.replay().2.output, [(1, b"xy".to_vec())]);
    // In memory that the quick check does not compare.
    let mut story = Story::new();
    story.check = Check::Fast;
    story.call(
        0,
        "write",
        WRITE,
        4,
        &|row| {
            input(row, 1, 0x1000, &[0; 4]);
            row.echo(1);
        },
        NONE,
    );
    story.differs("unreadable output", Field::Buffer { argument: 1, offset: 0 });
}

#[test]
fn processes_end_when_they_asked() {
    for (name, status, how, text) in [
        ("an exit of its own", 3 << 8, GoneHow::REAPED, Some("none of its tasks has asked for it")),
        ("a signal", 11, GoneHow::REAPED, None),
        ("let go", 0, GoneHow::DETACHED, None),
    ] {
        let mut story = Story::new();
        story.gone(0, status, how);
        match text {
            Some(text) => story.refused(name, text),
            None => _ = story.does(name, &["end 1"]),
        }
    }
}

#[test]
fn processes_end_as_they_asked() {
    let exit = |story: &mut Story, asked: u64| {
        story.reaches("exit_group", [asked, 0, 0, 0, 0, 0]);
        story.recorded_entry(0, "exit_group", [asked, 0, 0, 0, 0, 0], NONE);
        story.ptrace_event(0, 6, NONE);
    };
    for (name, asked, status, how, is_same) in [
        ("as asked", 0x103, 3 << 8, GoneHow::REAPED, true),
        ("killed meanwhile", 3, 9, GoneHow::REAPED, true),
        ("not reaped", 3, 0, GoneHow::SUPERSEDED, true),
        ("another status", 3, 4 << 8, GoneHow::REAPED, false),
        ("a signal", 3, 11, GoneHow::REAPED, false),
    ] {
        let mut story = Story::new();
        exit(&mut story, asked);
        story.gone(0, status, how);
        match is_same {
            true => _ = story.does(name, &["resume", "end 1"]),
            false => story.differs(name, Field::Stop),
        }
    }
}
