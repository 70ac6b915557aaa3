//! Which parts a stop may have.

use super::fake::{Fault, Next, registers};
use super::story::{
    DATA, IP, NONE, SP, SYSCALL_STOP, Story, altered, exit, head, input, no_call, output, siginfo,
};
use sysreel_format::{
    Altered, Altering, Data, Direction, EventBuf, MappedFlags, Name, PageSums, PartKind,
};
use sysreel_sys::regs::NT_X86_XSTATE;
use sysreel_sys::stop::NT_PRSTATUS;

type Write<'a> = &'a dyn Fn(&mut EventBuf);

type Writer = Box<dyn Fn(&mut EventBuf)>;

/// The kinds of parts, by name.
fn kinds() -> Vec<(&'static str, Writer)> {
    let altering = |what: Altering| {
        Box::new(move |row: &mut EventBuf| altered(row, what, &[0; 8], &[0; 8])) as Writer
    };
    vec![
        ("input", Box::new(|row| input(row, 1, DATA, &[0]))),
        ("output", Box::new(|row| output(row, DATA, &[0]))),
        (
            "no direction",
            Box::new(|row| {
                row.region(&head(1, Direction(7), 0, DATA, 1), Data::Inline(&[0]));
            }),
        ),
        ("siginfo", Box::new(|row| row.siginfo(&siginfo(10, 0, 0)))),
        ("message", Box::new(|row| row.event_message(1))),
        (
            "name",
            Box::new(|row| {
                let name = Name {
                    fd: 1,
                    mode: 0,
                    dev: 0,
                    ino: 0,
                    rdev: 0,
                    link: b"/",
                    local: b"",
                    peer: b"",
                };
                row.name(&name);
            }),
        ),
        (
            "registers",
            Box::new(|row| {
                row.registers(NT_PRSTATUS, &registers(IP, SP, 0).to_bytes());
            }),
        ),
        ("extended", Box::new(|row| row.registers(NT_X86_XSTATE, &[0; 8]))),
        ("other registers", Box::new(|row| row.registers(99, &[0; 8]))),
        ("ids", Box::new(|row| row.ns_pids(&[1]))),
        (
            "mapping",
            Box::new(|row| {
                super::story::mapped(row, DATA, 0x1000, MappedFlags::default(), &[]);
            }),
        ),
        ("echo", Box::new(|row| row.echo(1))),
        ("state", Box::new(|row| row.state(0, &[0; 8], &PageSums::default()))),
        ("unknown", Box::new(|row| row.raw_part(PartKind(999), 0, b"?"))),
        ("veto", altering(Altering::CALL_VETOED)),
        ("result", altering(Altering::RETURN_VALUE)),
        ("memory", altering(Altering::MEMORY)),
        ("register", altering(Altering::REGISTER)),
        ("affinity", altering(Altering::AFFINITY)),
        ("held", altering(Altering::SIGNAL_HELD)),
        ("answer", altering(Altering::SECCOMP_ANSWER)),
        ("filter", altering(Altering::SECCOMP_FILTER)),
        ("privileges", altering(Altering::NO_NEW_PRIVS)),
        ("later", altering(Altering(77))),
    ]
}

/// Each kind of part at each kind of stop: where it does not belong, the stop is refused.
#[test]
fn parts_belong_to_some_stops() {
    let belongs = |part: &str| -> &[&str] {
        match part {
            "input" | "echo" | "state" | "veto" | "register" => &["entry"],
            "output" | "registers" => &["exit", "signal", "event"],
            "extended" => &["exit", "signal"],
            "siginfo" => &["signal"],
            "held" => &["exit", "signal"],
            "message" | "answer" => &["event"],
            "name" => &["entry", "exit"],
            "mapping" | "result" | "memory" | "affinity" | "filter" | "privileges" => &["exit"],
            "unknown" => &["entry", "exit", "signal", "event", "group"],
            _ => &[],
        }
    };
    for (part, write) in kinds() {
        for stop in ["entry", "exit", "signal", "event", "group"] {
            let mut story = Story::new();
            story.reaches("write", [1, DATA, 1, 0, 0, 0]);
            let info = super::story::entry("write", [1, DATA, 1, 0, 0, 0]);
            match stop {
                "entry" => story.stop(0, SYSCALL_STOP, &info, &*write),
                "exit" => {
                    story.stop(0, SYSCALL_STOP, &info, NONE);
                    story.stop(0, SYSCALL_STOP, &exit(0), &*write);
                }
                "signal" => story.signal(0, 10, &|row| {
                    if part != "siginfo" {
                        row.siginfo(&siginfo(10, 0, 0));
                    }
                    write(row);
                }),
                "event" => story.ptrace_event(0, 128, &*write),
                _ => story.stop(0, 0x80_137f, &no_call(IP, SP), &*write),
            }
            let message = format!("{:?}", story.replay().0);
            let is_refused = message.contains("where it does not belong");
            assert_eq!(!is_refused, belongs(part).contains(&stop), "{part} at {stop}: {message}");
        }
    }
}

#[test]
fn parts_that_concern_all_of_a_stop_are_there_once() {
    let twice: [(&str, Write<'_>, u32); 4] = [
        ("siginfo", &|row| row.siginfo(&siginfo(10, 0, 0)), 10),
        ("registers", &|row| row.registers(NT_PRSTATUS, &registers(IP, SP, 0).to_bytes()), 10),
        ("preemption", &|row| altered(row, Altering::PREEMPTED, &[], &[]), 5),
        ("stamp", &|row| altered(row, Altering::TIME_STAMP, &[0x0f, 0x31], &[0; 8]), 11),
    ];
    for (name, write, signal) in twice {
        let mut story = Story::new();
        story.signal(0, signal, &|row| {
            write(row);
            write(row);
        });
        story.refused(name, "twice");
    }
}

#[test]
fn malformed_parts_are_refused() {
    for (name, what, text) in [
        ("a veto", Altering::CALL_VETOED, "a veto without number and errno"),
        ("a result", Altering::RETURN_VALUE, "an altered result without a value"),
    ] {
        let mut story = Story::new();
        story.reaches("getpid", [0; 6]);
        story.recorded_entry(0, "getpid", [0; 6], &|row| altered(row, what, &[1], &[1]));
        story.refused(name, text);
    }
    let mut story = Story::new();
    story.signal(0, 10, &|row| row.registers(NT_PRSTATUS, &[0; 9]));
    story.refused("registers", "9 bytes are not the general registers");
    // A part that the decoder refuses.
    let mut story = Story::new();
    story.signal(0, 10, &|row| row.raw_part(PartKind::REGION, 0, &[1]));
    story.unfit("a region", "malformed");
    let mut story = Story::new();
    story.signal(0, 10, &|row| row.raw_part(PartKind(999), 1, &[1]));
    story.unfit("of a later version", "must not be skipped");
}

/// An affinity mask is written where the argument points.
#[test]
fn affinity_masks_are_shown() {
    let mask = |arg| {
        move |row: &mut EventBuf| {
            row.altered(&Altered { what: Altering::AFFINITY, arg, kernel: &[1], given: &[3] });
        }
    };
    let args = [0, 8, DATA, 0, 0, 0];
    let mut story = Story::new();
    story.call(0, "sched_getaffinity", args, 8, NONE, &mask(2));
    story.does("shown", &["resume", "result 8", "write 0x600000 [3]"]);
    let mut story = Story::new();
    story.call(0, "sched_getaffinity", args, 8, NONE, &mask(6));
    story.refused("no such argument", "an affinity mask for no argument");
}

#[test]
fn registers_that_cannot_be_set_are_an_error() {
    for (operation, regset) in [("set_registers", NT_PRSTATUS), ("set_extended", NT_X86_XSTATE)] {
        let mut story = Story::new();
        story.then(Next::Fails(operation, Fault::Refused));
        story.call(0, "getpid", [0; 6], 0, NONE, &|row| {
            row.registers(regset, &registers(IP, SP, 0).to_bytes());
        });
        story.refused(operation, operation);
    }
    let mut story = Story::new();
    let parts: Write<'_> = &|row| row.registers(NT_X86_XSTATE, &[0; 8]);
    story.call(0, "getpid", [0; 6], 0, NONE, parts);
    story.does("extended", &["resume", "result 0", "extended 8 bytes"]);
}

/// Entries of the segment table are set from memory, after that was written (i386).
#[test]
fn thread_areas_are_set_from_memory() {
    use sysreel_format::syscall_info::{self, Call, Outcome};
    const I386: u32 = 0x4000_0003;
    let nr = sysreel_abi::number::number(sysreel_abi::Abi::I386, "set_thread_area").unwrap();
    for (at, is_there) in [(DATA, true), (0x1000, false)] {
        let call = Call { nr, args: [at, 0, 0, 0, 0, 0] };
        let info = syscall_info::entry(I386, IP, SP, &call).to_vec();
        let outcome = Outcome { rval: 0, is_error: 0 };
        let end = syscall_info::exit(I386, IP, SP, outcome).to_vec();
        let mut story = Story::new();
        let here = registers(IP, SP, 0);
        story.stops(sysreel_sys::StopKind::Syscall, info.clone(), None, here);
        story.stop(0, SYSCALL_STOP, &info, NONE);
        story.stop(0, SYSCALL_STOP, &end, &|row| {
            if is_there {
                output(row, DATA, &[12, 0, 0, 0]);
            }
        });
        match is_there {
            true => {
                let write = "write 0x600000 [c, 0, 0, 0]";
                _ = story.does("set", &["resume", "result 0", write, "thread area 12"]);
            }
            false => story.refused("unreadable", "the struct user_desc at 0x1000"),
        }
    }
}
