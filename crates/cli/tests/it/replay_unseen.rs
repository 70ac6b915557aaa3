//! What a log cannot have: the recorder says so, and the replay refuses the log or names the cause.

use crate::replay_turns::{build, each};
use crate::stage::{Ran, SYSREEL, Stage, installed};

/// Records a case of fixtures/replay/unseen.c.
fn record(stage: &Stage, case: &str) -> Ran {
    build(stage, "unseen");
    let mut command = stage.command(SYSREEL);
    command.args(["record", "--replayable", "-o", "run.reel", "--", "./unseen", case]);
    stage.run(&mut command)
}

/// The program runs as it does without the recorder, which says why the log cannot be replayed.
#[test]
fn what_cannot_be_replayed_is_said_and_refused() {
    if !installed("what_cannot_be_replayed_is_said_and_refused", &["gcc"]) {
        return;
    }
    let untraced = "a task was made with CLONE_UNTRACED, which the recorder cannot follow, and \
                    shares memory";
    let cases = [
        ("vsyscall", "1\n", "the program made a call through the vsyscall page"),
        ("untraced_memory", "42\n", untraced),
        ("mapped_socket", "1\n", "memory of the kernel was mapped (socket:["),
    ];
    for (case, output, why) in cases {
        let stage = Stage::new();
        let recorded = record(&stage, case);
        if case == "vsyscall" && recorded.status.code().is_none() {
            continue; // The kernel has no such page.
        }
        assert_eq!(recorded.text(), output, "{case}: {recorded:?}");
        assert!(recorded.stderr.contains(why), "{case}: {recorded:?}");
        stage.sysreel(&["replay", "run.reel"]).fails(3, &["run.reel", why]);
    }
}

#[test]
fn what_only_looks_like_it_is_replayed() {
    each("unseen", &[("no_vsyscall", 1), ("untraced_copy", 1), ("vetoed", 1)]);
}

/// A call that fails with EFAULT may have written to the memory that is there.
#[test]
fn output_of_failed_calls_is_replayed() {
    each("unseen", &[("half_written", 1)]);
}

/// What a task that the recorder cannot follow may write to a shared mapping is named first.
#[test]
fn an_untraced_task_with_shared_mappings_is_named() {
    if !installed("an_untraced_task_with_shared_mappings_is_named", &["gcc"]) {
        return;
    }
    let stage = Stage::new();
    let told = "a task was made with CLONE_UNTRACED, which the recorder cannot follow, and has \
                shared mappings";
    let recorded = record(&stage, "untraced_shared");
    assert_eq!(recorded.text(), "42\n");
    assert!(recorded.stderr.contains(told), "{recorded:?}");
    differs_by(&stage, told);
}

/// Checks that the replay diverges and names this cause before those of any program.
fn differs_by(stage: &Stage, cause: &str) {
    let replayed = stage.sysreel(&["replay", "run.reel"]);
    assert_eq!(replayed.status.code(), Some(1), "{replayed:?}");
    // The text of the program has rdrand, too.
    let causes = replayed.stderr.lines().skip_while(|line| !line.contains("likely causes"));
    assert!(causes.skip(1).take(2).any(|line| line.contains(cause)), "{replayed:?}");
}

/// A program with random numbers of the CPU is told, and its replay names them first.
#[test]
fn random_numbers_of_the_cpu_are_named_first() {
    let has = std::fs::read_to_string("/proc/cpuinfo").is_ok_and(|cpu| cpu.contains(" rdrand "));
    if !has || !installed("random_numbers_of_the_cpu_are_named_first", &["gcc"]) {
        return;
    }
    let stage = Stage::new();
    let recorded = record(&stage, "random");
    let told = "unseen can ask the CPU for random numbers (rdrand, rdseed)";
    assert!(recorded.stderr.contains(told), "{recorded:?}");
    differs_by(&stage, told);
}

/// Calls that the recorder has answered are named at the end; those of every program are not.
#[test]
fn answered_calls_are_named() {
    if !installed("answered_calls_are_named", &["gcc"]) {
        return;
    }
    let stage = Stage::new();
    let recorded = record(&stage, "vetoed");
    assert_eq!(recorded.text(), "-1 -1 0\n");
    let told = "errors for calls that cannot be replayed: perf_event_open, process_vm_writev";
    assert!(recorded.stderr.lines().any(|line| line.ends_with(told)), "{recorded:?}");
}

/// A signal that was held back and is then waited for has its own siginfo.
#[test]
fn a_signal_that_is_waited_for_has_its_sender() {
    if !installed("a_signal_that_is_waited_for_has_its_sender", &["gcc"]) {
        return;
    }
    each("unseen", &[("waited", 3)]);
    let stage = Stage::new();
    assert_eq!(record(&stage, "waited").text(), "1\n");
}
