//! `record --fast`: calls that are recorded from inside the process.

use crate::fixtures::{PROGRAMS, breaks_under_a_filter, holds_fast};
use crate::program::program;
use crate::stage::{Running, SYSREEL, Stage, each, installed, kill, until};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use sysreel_abi::{Abi, number::number};
use sysreel_format::{Body, SourceId};
use sysreel_inspect::syscall_info::{self, What};

fn record(stage: &Stage, log: &str, options: &[&str]) -> Command {
    let mut command = stage.command(SYSREEL);
    command.args(["record", "-q", "-o", log]).args(options).arg("--");
    command
}

/// The number of stops of each source.
fn sources(log: &Path) -> BTreeMap<u8, u64> {
    let mut sources = BTreeMap::new();
    each(log, |_, event| {
        if matches!(event.decode(), Ok(Body::Stop(_))) {
            *sources.entry(event.source.0).or_insert(0) += 1;
        }
    })
    .is_clean();
    sources
}

/// Each fixture that states what must be seen, with every record compared with the kernel's word.
#[test]
fn fixtures_hold_their_statements_and_every_record_is_the_kernels() {
    let skipped = |name: &str| breaks_under_a_filter(name) || traces(name);
    for name in PROGRAMS.iter().filter(|name| !skipped(name)) {
        holds_fast(name, "--fast=verify");
    }
}

/// The same without the stops of the comparison.
#[test]
#[ignore = "a minute"]
fn long_fixtures_hold_their_statements_without_stops() {
    let skipped = |name: &str| breaks_under_a_filter(name) || traces(name);
    for name in PROGRAMS.iter().filter(|name| !skipped(name)) {
        holds_fast(name, "--fast");
    }
}

/// Whether a program traces others, which is refused to it.
fn traces(name: &str) -> bool {
    ["ptrace_self", "trace_others"].contains(&name)
}

macro_rules! corners {
    ($($name:ident)*) => {
        mod corners {
            $(#[test]
            fn $name() {
                super::corner(stringify!($name));
            })*
        }
    };
}

corners! {
    calls own_filter segment_by_call bad_pointers bad_pointers_with_signal_ignored red_zone
    flags_and_clobbers vector_registers in_vfork forks threads many_threads signals
    interrupted_reads restarted_reads time_stamps_trapped code_written_again page_unmapped
    mapped_over
}

/// A corner gives the right results, and what the page recorded is what the kernel says.
fn corner(name: &str) {
    let program = program("fast_corners");
    for mode in ["--fast", "--fast=verify"] {
        let stage = Stage::new();
        let run = stage.run(record(&stage, "x.reel", &[mode]).arg(&program.binary).arg(name));
        assert!(run.status.success(), "{name} {mode}: {run:?}");
        let sources = sources(&stage.path("x.reel"));
        let inside = sources.get(&SourceId::IN_PROCESS.0).copied().unwrap_or(0);
        assert!(inside > 50, "{name} {mode}: {sources:?}");
        // Neither is a first stop missing, nor does one that the recorder asked for show.
        let stops = event_stops(&stage.path("x.reel"));
        let wrong: Vec<_> = stops.iter().skip(1).filter(|(_, stops)| **stops != 1).collect();
        assert!(wrong.is_empty(), "{name} {mode}: stops of PTRACE_EVENT_STOP by task: {wrong:?}");
    }
}

/// A program that is executed while its maker gets its page has nothing of it.
#[test]
fn a_new_image_has_nothing_of_the_old_one() {
    let (program, stage) = (program("fast_corners"), Stage::new());
    let run =
        stage.run(record(&stage, "x.reel", &["--fast"]).arg(&program.binary).arg("new-images"));
    assert!(run.status.success(), "{run:?}");
    assert!(sources(&stage.path("x.reel"))[&SourceId::IN_PROCESS.0] > 100);
}

/// The number of stops of PTRACE_EVENT_STOP of each task. A new task has one, its first, and none
/// after that if nothing stops its process (ptrace(2)).
fn event_stops(log: &Path) -> BTreeMap<u32, u32> {
    const EVENT_STOP: u32 = 128;
    let mut stops = BTreeMap::new();
    each(log, |_, event| {
        if let Ok(Body::Stop(stop)) = event.decode() {
            let stops = stops.entry(event.task.0).or_insert(0);
            *stops += u32::from(stop.wait_status >> 16 == EVENT_STOP);
        }
    })
    .is_clean();
    stops
}

/// The checker is checked: a record that is lost or changed on purpose is found.
#[test]
fn a_lost_or_changed_record_is_found() {
    let program = program("fast_corners");
    for (mode, said) in [("lost", "verify-losing"), ("changed", "verify-changing")] {
        let stage = Stage::new();
        let option = format!("--fast={said}");
        let run = stage.run(record(&stage, "x.reel", &[&option]).arg(&program.binary).arg("calls"));
        assert_eq!(run.status.code(), Some(124), "a record was {mode}: {run:?}");
        assert!(run.stderr.contains("is not the kernel's"), "{run:?}");
        let text = stage.sysreel(&["print", "x.reel"]).text();
        assert!(text.contains("is not the kernel's"), "the log says it too");
    }
}

/// Both ways of recording print the same calls.
#[test]
fn a_fast_recording_prints_what_an_exact_one_prints() {
    let stage = Stage::new();
    stage.write("list", (0..400).map(|i| format!("{i}\n")).collect::<String>());
    let script = "while read n; do echo $n; done <list >out";
    let printed = |options: &[&str]| {
        let run = stage.run(record(&stage, "x.reel", options).args(["sh", "-c", script]));
        assert!(run.status.success(), "{run:?}");
        let text = stage.sysreel(&["print", "-yy", "x.reel"]).text();
        let call = |line: &str| line.split_once(' ').map(|(_, call)| call.trim_start().to_owned());
        let kept = |line: &&str| line.contains("read(") || line.contains("write(");
        text.lines().filter(kept).filter_map(call).collect::<Vec<_>>()
    };
    let (exact, fast) = (printed(&[]), printed(&["--fast"]));
    assert!(exact.len() > 800, "{}", exact.len());
    assert_eq!(exact, fast);
    assert!(sources(&stage.path("x.reel"))[&SourceId::IN_PROCESS.0] > 1000);
}

/// Without address space randomization no field of a call shows how it was recorded.
#[test]
fn a_fast_recording_does_not_differ_from_an_exact_one() {
    let scripts = [
        "for i in 1 2 3; do ls -l dir >out$i; done; wc -l <out1; sort out2 out3",
        "tar cf x.tar dir && tar tf x.tar",
        "perl -e 'for (sort glob \"dir/*\") { open F, $_; print <F>, -s F }'",
        "python3 -c 'for n in range(60): print(open(\"dir/%d\" % n).read())'",
        "find dir -type f -exec cat {} +",
    ];
    let programs = ["setarch", "tar", "perl", "python3", "find"];
    if !installed("fast::a_fast_recording_does_not_differ_from_an_exact_one", &programs) {
        return;
    }
    for script in scripts {
        let recorded = |options: &[&str], log: &str| {
            let stage = Stage::new();
            std::fs::create_dir(stage.path("dir")).unwrap();
            for name in 0..60 {
                stage.write(&format!("dir/{name}"), format!("{name}\n"));
            }
            let mut command = stage.command("setarch");
            command.args(["-R", SYSREEL, "record", "-q", "-o", log]).args(options);
            let run = stage.run(command.args(["--", "sh", "-c", script]));
            assert!(run.status.success(), "{script} {options:?}: {run:?}");
            stage
        };
        let (exact, fast) = (recorded(&[], "x.reel"), recorded(&["--fast"], "x.reel"));
        let log = fast.path("x.reel");
        assert!(sources(&log)[&SourceId::IN_PROCESS.0] > 100, "{script}");
        let log = log.to_str().unwrap();
        let run = exact.sysreel(&["diff", "--level", "fields", "x.reel", log]);
        assert!(run.status.success(), "{script}: {run:?}");
    }
}

#[test]
fn info_tells_how_many_events_of_each_source() {
    let stage = Stage::new();
    let program = program("fast_corners");
    let run = stage.run(record(&stage, "x.reel", &["--fast"]).arg(&program.binary).arg("calls"));
    assert!(run.status.success(), "{run:?}");
    let info = stage.sysreel(&["info", "--json", "x.reel"]).text();
    let info: Value = serde_json::from_str(&info).unwrap();
    let of = |source: &str| {
        let sources = info["sources"].as_array().unwrap();
        let found = sources.iter().find(|pair| pair[0] == source);
        found.map_or(0, |pair| pair[1].as_u64().unwrap())
    };
    assert!(of("in-process") > 10_000 && of("kernel") > 100 && of("recorder") > 3, "{info}");
    let text = stage.sysreel(&["info", "x.reel"]).text();
    assert!(text.contains("in-process") && text.contains("fast=true"), "{text}");
}

#[test]
fn fast_excludes_what_it_cannot_do() {
    let stage = Stage::new();
    for (options, word) in [
        (&["--only", "read"][..], "--only"),
        (&["--replayable"], "--replayable"),
        (&["--audit"], "--audit"),
        (&["--tracers", "2"], "--tracers"),
    ] {
        let mut arguments = vec!["record", "--fast"];
        arguments.extend_from_slice(options);
        arguments.push("true");
        stage.sysreel(&arguments).fails(2, &["--fast", word, "cannot be used with"]);
    }
    stage.sysreel(&["record", "--fast", "-p", "1"]).fails(2, &["--fast", "cannot be used with"]);
}

/// A call that returned before its program was killed is in the log.
#[test]
fn a_killed_program_loses_no_finished_call() {
    let ledger_program = program("fast_ledger");
    for turn in 0..12_u64 {
        let stage = Stage::new();
        let ledger = stage.path("ledger");
        let mut command = record(&stage, "x.reel", &["--fast"]);
        let recorder = Running::start(command.arg(&ledger_program.binary).arg(&ledger));
        let wanted = [200, 2_000, 20_000, 60_001][usize::try_from(turn % 4).unwrap()] + turn * 13;
        until("the program is so far", || crate::crash::count(&ledger) >= wanted);
        let tid = child_of(recorder.pid());
        kill(tid, "KILL");
        _ = recorder.wait();
        let entered = crate::crash::count(&ledger);
        let passed = passed(&stage.path("x.reel"));
        let missing = (1..=entered).find(|number| !passed.contains(number));
        assert_eq!(missing, None, "of {entered}, the log has {}", passed.len());
        let most = passed.last().copied().unwrap_or(0);
        assert!(most <= entered + 1, "the log has {most}, the program made {entered}");
        assert!(sources(&stage.path("x.reel"))[&SourceId::IN_PROCESS.0] > 100);
    }
}

/// The numbers that the program has passed to the kernel.
fn passed(log: &Path) -> BTreeSet<u64> {
    let lseek = number(Abi::X86_64, "lseek").unwrap();
    let mut numbers = BTreeSet::new();
    each(log, |_, event| {
        let Ok(Body::Stop(stop)) = event.decode() else { return };
        let info = syscall_info::decode(stop.layout, stop.info);
        if let What::Entry(call) | What::Seccomp(call, _) = info.what
            && call.nr == lseek
            && call.args[1] > 0
        {
            numbers.insert(call.args[1]);
        }
    })
    .is_clean();
    numbers
}

/// The only child of a process.
fn child_of(pid: u32) -> u32 {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = std::fs::read_to_string(path).unwrap();
    children.split_whitespace().next().unwrap().parse().unwrap()
}

/// Times do not go back in a thread, and an exit follows its entry.
#[test]
fn times_of_a_thread_never_go_back() {
    let stage = Stage::new();
    let program = program("fast_corners");
    let run = stage.run(record(&stage, "x.reel", &["--fast"]).arg(&program.binary).arg("threads"));
    assert!(run.status.success(), "{run:?}");
    let (mut last, mut open) = (BTreeMap::new(), BTreeMap::new());
    each(&stage.path("x.reel"), |_, event| {
        let Ok(Body::Stop(stop)) = event.decode() else { return };
        let before = last.insert(event.task.0, event.t_ns).unwrap_or(0);
        assert!(before <= event.t_ns, "event {}", event.number);
        let is_open = open.entry(event.task.0).or_insert(false);
        match syscall_info::decode(stop.layout, stop.info).what {
            What::Entry(_) | What::Seccomp(..) => *is_open = true,
            What::Exit(_) => assert!(std::mem::take(is_open), "event {}", event.number),
            _ => {}
        }
    })
    .is_clean();
}
