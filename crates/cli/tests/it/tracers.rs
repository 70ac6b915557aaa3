//! Programs that trace others behave as without a recorder.

use crate::program::program;
use crate::stage::{Ran, SYSREEL, Stage, each, installed};
use std::collections::BTreeMap;
use sysreel_format::{Body, Completeness, Gap, GapReason};

const DEBUGGEE: &str = r#"
#include <stdio.h>
int twice(int x) { return 2 * x; }
int main(void) { printf("%d\n", twice(21)); return 3; }
"#;

/// Runs a script bare and recorded.
fn both(stage: &Stage, script: &str) -> [Ran; 2] {
    let bare = stage.run(stage.command("sh").args(["-c", script]));
    let mut command = stage.command(SYSREEL);
    let recorded =
        stage.run(command.args(["record", "-q", "-o", "run.reel", "--", "sh", "-c", script]));
    [bare, recorded]
}

/// Counts how many gaps begin and end in a log, by reason.
fn gaps(stage: &Stage) -> BTreeMap<(Gap, GapReason), u32> {
    let mut gaps = BTreeMap::new();
    let mut told = false;
    each(&stage.path("run.reel"), |log, event| {
        told |= log
            .summary()
            .is_some_and(|summary| summary.completeness.contains(Completeness::UNRECORDED));
        if let Ok(Body::Unrecorded(unrecorded)) = event.decode() {
            *gaps.entry((unrecorded.gap, unrecorded.reason)).or_default() += 1;
        }
    })
    .is_clean();
    assert_eq!(told, !gaps.is_empty(), "the completeness word tells of gaps");
    gaps
}

#[test]
fn gdb_debugs_a_program_that_it_starts_and_one_that_runs() {
    if !installed("gdb_debugs_a_program_that_it_starts_and_one_that_runs", &["gdb"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("debuggee.c", DEBUGGEE);
    let built = stage.run(stage.command("gcc").args(["-g", "-O0", "-o", "debuggee", "debuggee.c"]));
    assert!(built.status.success(), "{built:?}");
    let gdb = "gdb -q -nx -batch -ex 'set confirm off'";
    let starts = format!(
        "{gdb} -ex 'break twice' -ex run -ex bt -ex 'finish' -ex kill ./debuggee; echo status $?"
    );
    let attaches = format!(
        "cat < fifo & pid=$!; exec 9> fifo; {gdb} -p $pid -ex bt -ex detach > gdb.out 2>&1; \
         grep -c 'in read' gdb.out; echo line >&9; exec 9>&-; wait $pid; echo status $?"
    );
    assert!(stage.sh("mkfifo fifo").status.success());
    for (script, words) in [
        (starts, &["Breakpoint 1, twice (x=21)", "in main ()", "Value returned is"][..]),
        (attaches, &["line"]),
    ] {
        let [bare, recorded] = both(&stage, &script);
        for word in words.iter().chain(&["status 0"]) {
            assert!(bare.text().contains(word), "{word:?} bare: {bare:?}");
            assert!(recorded.text().contains(word), "{word:?} recorded: {recorded:?}");
        }
        let lines = |run: &Ran| {
            run.text()
                .lines()
                .filter(|line| !line.contains("rocess"))
                .map(plain)
                .collect::<Vec<_>>()
        };
        assert_eq!(lines(&recorded), lines(&bare));
        assert!(gaps(&stage).contains_key(&(Gap::BEGINS, GapReason::TRACED)));
    }
    // The tracee is recorded again after the detach.
    assert!(gaps(&stage).contains_key(&(Gap::ENDS, GapReason::TRACED)));
}

/// Removes addresses and ids from a line.
fn plain(line: &str) -> String {
    line.split(' ')
        .map(|word| if word.starts_with("0x") || word.ends_with(')') { "*" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn strace_traces_a_tree_of_processes() {
    if !installed("strace_traces_a_tree_of_processes", &["strace"]) {
        return;
    }
    let stage = Stage::new();
    let script = "strace -f -e trace=execve,exit_group -o trace.txt sh -c '(exit 3); cat \
        /dev/null; exit 5'; echo status $?; \
                  sed 's/^[0-9]* *//; s/0x[0-9a-f]*/*/; s/[0-9]* vars/* vars/' trace.txt | grep -v SIGCHLD | sort";
    let [bare, recorded] = both(&stage, script);
    assert!(bare.text().starts_with("status 5\n"), "{bare:?}");
    assert_eq!(recorded.text(), bare.text());
    assert!(gaps(&stage)[&(Gap::BEGINS, GapReason::TRACED)] >= 1);
}

/// The first process asks for a tracer while the recorder is its parent, and gets the same answers
/// as without one.
#[test]
fn a_program_may_ask_to_be_traced_by_the_recorder() {
    let stage = Stage::new();
    stage.write(
        "asks.c",
        "#include <stdio.h>\n#include <sys/ptrace.h>\nint main(void) { long a = \
         ptrace(PTRACE_TRACEME, 0, 0, 0); \
         long b = ptrace(PTRACE_TRACEME, 0, 0, 0); printf(\"%ld %ld\\n\", a, b); return 0; }\n",
    );
    let built = stage.run(stage.command("gcc").args(["-o", "asks", "asks.c"]));
    assert!(built.status.success(), "{built:?}");
    let bare = stage.run(&mut stage.command("./asks"));
    let run = stage.run(stage.command(SYSREEL).args(["record", "-q", "-o", "run.reel", "./asks"]));
    assert_eq!((run.status.code(), run.text()), (Some(0), bare.text()));
    assert!(gaps(&stage).is_empty());
    let mut answers = 0;
    each(&stage.path("run.reel"), |_, event| {
        let Ok(Body::Stop(stop)) = event.decode() else { return };
        answers +=
            stop.parts.filter(|part| matches!(part, Ok(sysreel_format::Part::Altered(_)))).count();
    });
    assert_eq!(answers, 1, "the answer that the recorder gave is in the log");
}

/// A child that no tracer follows could not run under the recorder's filter.
#[test]
fn untraced_children_are_refused_under_a_filter() {
    let stage = Stage::new();
    let binary = &program("untraced_child").binary;
    for (options, why) in
        [(&["--only", "openat"][..], "the filter of --only"), (&["--fast"], "the filter of --fast")]
    {
        let mut command = stage.command(SYSREEL);
        let run = stage.run(
            command.args(["record", "-q", "-o", "run.reel"]).args(options).arg("--").arg(binary),
        );
        assert_eq!(run.status.code(), Some(3), "the calls must fail: {options:?}: {run:?}");
        let mut told = 0;
        each(&stage.path("run.reel"), |_, event| {
            let Ok(Body::Note(note)) = event.decode() else { return };
            let text = String::from_utf8_lossy(note.text);
            told += u32::from(text.contains("CLONE_UNTRACED") && text.contains(why));
        });
        assert_eq!(told, 1, "{options:?}");
    }
}

/// Where a task cannot go on without its recorder, or with --refuse-tracers, the call fails and the
/// log says so.
#[test]
fn tracers_can_be_refused() {
    let stage = Stage::new();
    let binary = &program("trace_others").binary;
    for (options, why) in [
        (&["--refuse-tracers"][..], "--refuse-tracers was given"),
        (&["--only", "openat"], "the filter of --only"),
        (&["--replayable"], "recorded for replay"),
    ] {
        let mut command = stage.command(SYSREEL);
        let run = stage.run(
            command.args(["record", "-q", "-o", "run.reel"]).args(options).arg("--").arg(binary),
        );
        assert_eq!(run.status.code(), Some(90), "its child's call must fail: {options:?}: {run:?}");
        assert!(gaps(&stage).is_empty());
        let mut told = 0;
        each(&stage.path("run.reel"), |_, event| {
            let Ok(Body::Note(note)) = event.decode() else { return };
            told += u32::from(String::from_utf8_lossy(note.text).contains(why));
        });
        assert_eq!(told, 1, "{options:?}");
    }
}
