//! Tasks that wait for each other's turn, and what the recorder and the program both ask of the
//! kernel: each recorded, and replayed without its program.

use crate::replay::{TIMES, record, same};
use crate::stage::{SYSREEL, Stage, installed};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Builds a program of fixtures/replay in the folder of the stage.
#[track_caller]
pub(crate) fn build(stage: &Stage, name: &str) {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/replay")
        .join(format!("{name}.c"));
    let source = source.to_str().unwrap();
    let built = stage.run(stage.command("gcc").args([
        "-Wall",
        "-Wextra",
        "-Wno-infinite-recursion",
        "-O1",
        "-pthread",
        "-o",
        name,
        source,
    ]));
    assert!(built.status.success() && built.stderr.is_empty(), "{built:?}");
}

/// Records each case of a program as often as it says, and replays it.
#[track_caller]
pub(crate) fn each(program: &str, cases: &[(&str, usize)]) {
    if !installed(program, &["gcc"]) {
        return;
    }
    for &(case, times) in cases {
        for _ in 0..times {
            let stage = Stage::new();
            build(&stage, program);
            let recorded = record(&stage, &[&format!("./{program}"), case]);
            std::fs::remove_file(stage.path(program)).unwrap();
            for _ in 0..TIMES {
                let replayed = stage.sysreel(&["replay", "run.reel"]);
                assert_eq!(recorded.text(), replayed.text(), "{case}");
                assert_eq!(replayed.status.code(), Some(0), "{case}: {replayed:?}");
            }
        }
    }
}

/// A task whose calls keep the turn gives it up for others.
#[test]
fn no_task_starves_another_of_its_process() {
    each("turns", &[("writes", 3), ("protects", 3), ("asks", 3)]);
}

/// Tasks that share nothing do not wait for each other.
#[test]
fn no_process_starves_another() {
    let scripts: [(&[&str], &str, i32); 3] = [
        (&["yes"], "yes & sleep 0.3; kill $!", 0),
        (&["bash"], "exec bash -c 'while :; do :; done & sleep 0.3; kill $!'", 0),
        (&["bash", "timeout"], "exec timeout 1 bash -c 'while :; do :; done'", 124),
    ];
    for (needs, script, status) in scripts {
        if !installed(script, needs) {
            continue;
        }
        let stage = Stage::new();
        let recorded = record(&stage, &["sh", "-c", script]);
        assert_eq!(recorded.status.code(), Some(status), "{script}: {recorded:?}");
        same(&recorded, &stage.sysreel(&["replay", "run.reel"]));
    }
}

/// A task that computes keeps its turn for a time, and then costs the replay, not the program.
#[test]
fn a_task_that_computes_for_ever_is_preempted() {
    let name = "a_task_that_computes_for_ever_is_preempted";
    if !installed(name, &["gcc"]) {
        return;
    }
    let stage = Stage::new();
    build(&stage, "turns");
    let mut command = stage.command(SYSREEL);
    command.args(["record", "--replayable", "-q", "-o", "run.reel", "--", "./turns", "computes"]);
    let begun = Instant::now();
    let recorded = stage.run(&mut command);
    assert_eq!(recorded.text(), "end\n", "{recorded:?}");
    let why = "a task computed for 10 s without a system call, while others that share its memory \
               waited for their turn";
    assert!(recorded.stderr.contains(why), "{recorded:?}");
    // Five times that, for a busy machine.
    assert!(begun.elapsed() < Duration::from_secs(50), "{:?}", begun.elapsed());
    stage.sysreel(&["replay", "run.reel"]).fails(3, &["run.reel", why]);
}

#[test]
fn a_process_that_spins_may_be_killed() {
    each("turns", &[("killed", 20)]);
}

/// A process is at the same place when one that shares its memory kills it.
#[test]
fn killed_processes_that_share_memory() {
    each("killed", &[("counts", 5), ("waits", 2)]);
}

/// Nothing says how far a process came that another one kills at any time.
#[test]
fn a_computation_that_an_outsider_kills_is_refused() {
    let name = "a_computation_that_an_outsider_kills_is_refused";
    if !installed(name, &["gcc"]) {
        return;
    }
    let stage = Stage::new();
    build(&stage, "killed");
    let mut command = stage.command(SYSREEL);
    command.args(["record", "--replayable", "-o", "run.reel", "--", "./killed", "outsider"]);
    let why = "a task was killed in a computation, and others share its memory";
    let recorded = stage.run(&mut command);
    assert!(recorded.stderr.contains(why), "{recorded:?}");
    stage.sysreel(&["replay", "run.reel"]).fails(3, &[why]);
}

#[test]
fn an_execve_that_fails_late() {
    each("killed", &[("late_exec", 1)]);
}

/// Processes with memory in common take turns, whichever way they got it.
#[test]
fn processes_that_share_memory_take_turns() {
    each("turns", &[("processes", 2), ("files", 10)]);
}

/// What the kernel does in a call that others see before it returns.
#[test]
fn calls_that_others_see_keep_the_turn() {
    each("turns", &[("forks", 10), ("wakes", 10), ("owners", 10)]);
}

/// What a call writes while others look is seen when it ends.
#[test]
fn buffers_of_calls_that_block_change_at_their_end() {
    each("buffers", &[("reads", 10), ("receives", 10), ("faults", 2), ("interrupted", 3)]);
    let stage = Stage::new();
    build(&stage, "buffers");
    let bare = stage.run(stage.command(stage.path("buffers")).arg("faults"));
    let recorded = record(&stage, &["./buffers", "faults"]);
    assert_eq!((bare.text(), bare.status), (recorded.text(), recorded.status));
}

/// What the recorder maps for these buffers is not part of the state that a replay compares.
#[test]
fn memory_of_the_recorder_is_not_compared() {
    each("buffers", &[("map_below", 3)]);
}

/// SIGSEGV and the time-stamp counter, which the recorder uses too.
#[test]
fn the_program_keeps_what_it_has_set_for_sigsegv() {
    each("kernel", &[("stamps", 1), ("mode", 1), ("frame", 1), ("frame_of_segv", 1)]);
    let stage = Stage::new();
    build(&stage, "kernel");
    for case in ["stamps", "mode", "frame", "frame_of_segv"] {
        let bare = stage.run(stage.command(stage.path("kernel")).arg(case));
        let recorded = record(&stage, &["./kernel", case]);
        assert_eq!((bare.text(), bare.status), (recorded.text(), recorded.status), "{case}");
    }
}

#[test]
fn calls_that_fail_or_are_skipped_do_what_they_did() {
    let skipped = [("skipped_execve", 1), ("skipped_munmap", 1), ("skipped_mprotect", 1)];
    each("kernel", &[("part", 1), ("limit", 1)]);
    each("kernel", &skipped);
}

/// Holes of a file are neither read nor stored.
#[test]
fn sparse_files_of_any_length_are_mapped() {
    each("kernel", &[("sparse_private", 1), ("sparse_shared", 1)]);
}
