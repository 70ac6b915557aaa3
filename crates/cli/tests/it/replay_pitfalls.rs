//! Known causes of divergence, each with its number, and the test that covers it or the reason why
//! it cannot occur.

use crate::program::{alone, program};
use crate::stage::{Running, SYSREEL, Stage, installed, is_root, until};
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use sysreel_format::{
    BlockWriter, Body, Determinism, EventBuf, Extras, FileHeader, Item, Limits, Log, MetaCodec,
    SEGMENT_SIZE, Segment, SnapshotKind,
};

/// What covers a cause.
enum Shown {
    /// A case of fixtures/replay/pitfalls.c.
    Case,
    /// These fixture programs.
    Fixtures(&'static [&'static str]),
    /// A test of that name.
    Test(&'static str),
    /// Nothing, for this reason.
    Not(&'static str),
}
use Shown::{Case, Fixtures, Not, Test};

#[rustfmt::skip]
const PITFALLS: [(u32, &str, Shown); 40] = [
    (1, "addresses that the kernel chooses: mmap, mremap, brk", Case),
    (2, "the vdso and its pages", Case),
    (3, "what syscall and int 0x80 leave in registers", Case),
    (4, "the trap flag in what syscall leaves", Case),
    (5, "the result of sigreturn is a register", Fixtures(&["sigreturn_value"])),
    (6, "restarts of interrupted calls, of four kinds",
        Fixtures(&["read_interrupted", "restart_after_stop", "written_on_error"])),
    (7, "the rest of an interrupted nap", Case),
    (8, "a buffer of a waiting call that another thread uses meanwhile", Case),
    (9, "the order of writes that wait", Test("writes_to_one_output_keep_their_order")),
    (10, "stacks that grow, and the frames of signals on them", Case),
    (11, "the end of the last page of data", Case),
    (12, "files that change after the recording", Test("binary_and_inputs_may_be_gone")),
    (13, "files with holes", Case),
    (14, "devices that are mapped: /dev/zero is in case 13, others are refused",
        Not("the log says that it cannot be replayed")),
    (15, "advice and calls that depend on the kernel's memory", Case),
    (16, "memory shared with programs outside",
        Not("docs/replay.md: the replay differs and says so")),
    (17, "rseq: in case 15", Not("it is vetoed")),
    (18, "what the kernel writes after a thread's last stop",
        Fixtures(&["clone_flags", "all_futexes"])),
    (19, "tasks that die at any stop",
        Fixtures(&["threads_die_in_calls", "exit_group_siblings", "kill_in_pause"])),
    (20, "execve by a thread that is not the leader",
        Fixtures(&["exec_from_thread", "exec_leader_gone"])),
    (21, "the first process of a pid namespace ends", Case),
    (22, "vfork, whose parent waits in the kernel", Fixtures(&["vfork_exec"])),
    (23, "a clone that fails in the replay only",
        Not("the kernel gives no way to make it fail once; it is an error with its reason")),
    (24, "filters of the program's own",
        Fixtures(&["seccomp_kills", "seccomp_trace", "seccomp_all_threads", "deny_call"])),
    (25, "attributes of a process that concern its tracer", Case),
    (26, "the number of the CPU, which shows in many places", Case),
    (27, "the x87 instruction pointer", Case),
    (28, "another CPU", Test("a_log_of_another_machine_is_refused")),
    (29, "frames of signals with extended state: in case 27", Fixtures(&["signal_kinds"])),
    (30, "signals in the midst of something", Test("signals_that_come_at_any_time")),
    (31, "group stops", Fixtures(&["group_stop"])),
    (32, "breakpoints and single steps of the program's own: in case 4",
        Not("the replayer steps no program, but in a spin")),
    (33, "hardware watchpoints on string instructions", Not("none are used")),
    (34, "memory of others that is written: process_vm_writev in case 35",
        Not("the call is vetoed, and /proc/PID/mem refused")),
    (35, "data that pass the program by: splice and kin, O_DIRECT", Case),
    (36, "descriptors that the recorder might use", Case),
    (37, "thousands of mappings", Case),
    (38, "brk that fails, and memory without access", Case),
    (39, "PR_SET_VMA where the kernel has none: in case 25",
        Not("its result is the recorded one, and it shapes nothing")),
    (40, "calls of newer kernels: some in case 15", Fixtures(&["nr_values"])),
];

/// Builds the program with the cases.
fn built(stage: &Stage, name: &str, flags: &str) -> PathBuf {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/replay")
        .join(format!("{name}.c"));
    let binary = stage.path(name);
    let mut command = Command::new("gcc");
    command
        .args(["-Wall", "-Wextra", "-O1", "-pthread"])
        .args(flags.split_whitespace())
        .arg("-o")
        .arg(&binary)
        .arg(source);
    assert!(command.status().unwrap().success(), "{command:?}");
    binary
}

#[track_caller]
fn replays(stage: &Stage, what: &str, words: &[&str]) {
    let mut command = stage.command(SYSREEL);
    command.args(["record", "--replayable", "-q", "-o", "run.reel", "--"]).args(words);
    let recorded = stage.run(&mut command);
    assert!(!recorded.stderr.contains("cannot be replayed"), "{what}: {recorded:?}");
    let replayed = stage.sysreel(&["replay", "run.reel"]);
    assert_eq!(
        replayed.status.code(),
        Some(0),
        "{what}: recorded {recorded:?}, replayed {replayed:?}"
    );
    assert_eq!(recorded.text(), replayed.text(), "{what}");
}

#[test]
fn each_known_cause_of_divergence_is_covered() {
    let stage = Stage::new();
    let program_with_cases = built(&stage, "pitfalls", "");
    let sources = ["replay", "replay_inputs", "replay_pitfalls", "replay_isolation"].map(|name| {
        let path =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(format!("{name}.rs"));
        fs::read_to_string(path).unwrap()
    });
    for (i, (number, what, shown)) in (1..).zip(&PITFALLS) {
        assert_eq!(i, *number, "they are counted");
        let what = format!("{number}, {what}");
        match shown {
            Case => {
                let bare = stage.run(stage.command(&program_with_cases).arg(number.to_string()));
                assert_ne!(bare.status.code(), Some(2), "{what}: there is no such case");
                replays(
                    &stage,
                    &what,
                    &[program_with_cases.to_str().unwrap(), &number.to_string()],
                );
            }
            Fixtures(names) => {
                for name in *names {
                    let fixture = program(name);
                    let mut words = vec![fixture.binary.to_str().unwrap()];
                    words.extend(fixture.arguments.iter().map(String::as_str));
                    replays(&stage, &what, &words);
                }
            }
            Test(name) => {
                let test = format!("#[test]\nfn {name}()");
                assert!(
                    sources.iter().any(|source| source.contains(&test)),
                    "{what}: there is no test {name}"
                );
            }
            Not(reason) => assert!(!reason.is_empty(), "{what}"),
        }
    }
    if !is_root() {
        eprintln!(
            "each_known_cause_of_divergence_is_covered: without root no pid namespace was made"
        );
    }
}

/// Several processes and threads write to one output, in parts that the kernel writes at once.
#[test]
fn writes_to_one_output_keep_their_order() {
    let stage = Stage::new();
    let server = built(&stage, "server", "");
    for way in ["fork", "thread"] {
        for _ in 0..3 {
            replays(&stage, way, &[server.to_str().unwrap(), way]);
        }
    }
}

/// An output that is not read blocks its writer and no other task.
#[test]
fn an_output_that_is_not_read_blocks_only_its_writer() {
    if !installed("an_output_that_is_not_read_blocks_only_its_writer", &["seq", "sh"]) {
        return;
    }
    let stage = Stage::new();
    // Far more than fits into a pipe.
    let script = "seq 1 100000 & i=0; while [ $i -lt 50 ]; do i=$((i + 1)); /bin/true; done; echo \
        > done; wait; echo end >&2";
    let mut command = stage.command(SYSREEL);
    command.args(["record", "--replayable", "-q", "-o", "run.reel", "--", "sh", "-c", script]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut recorder = Running::start(&mut command);
    until("the other has gone on to its end", || stage.path("done").exists());
    let mut text = String::new();
    recorder.child().stdout.as_mut().unwrap().read_to_string(&mut text).unwrap();
    assert!(recorder.wait().success());
    assert_eq!(text.lines().count(), 100_000);
    let replayed = stage.sysreel(&["replay", "run.reel"]);
    assert!(replayed.status.success() && replayed.text() == text, "{}", replayed.stderr);
}

/// A log from a machine with another CPU.
#[test]
fn a_log_of_another_machine_is_refused() {
    let stage = Stage::new();
    let program = alone("vfork_exec");
    let mut command = stage.command(SYSREEL);
    command.args(["record", "--replayable", "-q", "-o", "run.reel", "--"]).arg(&program.binary);
    let recorded = stage.run(command.args(&program.arguments));
    let log = Log::open(fs::read(stage.path("run.reel")).unwrap(), Limits::default()).unwrap();
    fs::write(stage.path("other.reel"), elsewhere(&log)).unwrap();

    stage
        .sysreel(&["replay", "other.reel"])
        .fails(4, &["other.reel", "CPUID leaves 0x0.0", "XCR0", "--force"]);
    stage.sysreel(&["verify", "other.reel"]).fails(4, &["other.reel", "XCR0"]);
    let forced = stage.sysreel(&["replay", "--force", "other.reel"]);
    assert_eq!((forced.status.code(), forced.text()), (Some(0), recorded.text()), "{forced:?}");
}

/// Returns the same log, as from another machine.
pub(crate) fn elsewhere(log: &Log<Vec<u8>>) -> Vec<u8> {
    let header = FileHeader::new(log.header().file_id, log.header().completeness);
    let mut writer = BlockWriter::create(Vec::new(), header, log.meta()).unwrap();
    let summary = log.summary().unwrap();
    let mut segment = Segment::open(vec![0; 4 * SEGMENT_SIZE], &header.file_id, 1, 0, 0);
    for number in 0..summary.blobs {
        segment.append_blob(&log.blob(sysreel_format::BlobNumber(number)).unwrap()).unwrap();
    }
    let (mut events, mut row) = (log.events(), EventBuf::new());
    while let Some(item) = events.next().unwrap() {
        let Item::Event(event) = item else { panic!("a hole") };
        row.begin_with_flags(event.kind, event.source, event.flags, event.task, event.t_ns);
        match event.decode().unwrap() {
            Body::Snapshot { what: SnapshotKind::DETERMINISM, version, bytes } => {
                let mut determinism = Determinism::from_bytes(bytes).unwrap();
                determinism.cpuid[0].registers[1] ^= 1;
                determinism.xcr0 ^= 1;
                row.snapshot(SnapshotKind::DETERMINISM, version, &determinism.to_bytes().unwrap());
            }
            _ => row.raw(event.body),
        }
        segment.append_event(row.finish()).unwrap();
    }
    segment.seal();
    writer.write_segment(&segment).unwrap();
    writer.finish(summary.completeness, &Extras { exit_status: summary.exit_status }).unwrap()
}
