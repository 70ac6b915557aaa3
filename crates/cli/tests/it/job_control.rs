//! Under `sysreel record` a program behaves towards its shell and terminal as it does bare: the
//! same session is typed twice, and the terminal must show the same.

use crate::stage::{Ran, SYSREEL, Stage, each, installed};

/// Drives the sessions. Its docstring describes their language.
const DRIVER: &str = include_str!("job_control.py");

/// Shells without line editing: the terminal echoes what is typed, in the order of events.
const SHELLS: [&[&str]; 2] =
    [&["bash", "--norc", "--noprofile", "--noediting", "-i"], &["dash", "-i"]];

/// Types a session into a command, with `$RUN` and `$SYSREEL` set.
fn typed(stage: &Stage, session: &str, run: &str, command: &[&str]) -> Ran {
    let (driver, session) =
        (stage.write("job_control.py", DRIVER), stage.write("session", session));
    let mut python = stage.command("python3");
    python.arg(driver).arg(session).args(command);
    stage.run(python.env("RUN", run).env("SYSREEL", SYSREEL).env("TERM", "vt100"))
}

/// Makes a stage with the files that the sessions use.
fn stage() -> Stage {
    let stage = Stage::new();
    stage.write("handlers.py", HANDLERS);
    let text: String = (1..300).map(|n| format!("{n}\n")).collect();
    stage.write("text", text);
    stage
}

#[track_caller]
fn same_with(options: &str, needs: &[&str], session: &str) {
    if !installed("job_control", &[&["python3", "bash", "dash"], needs].concat()) {
        return;
    }
    for shell in SHELLS {
        let stage = stage();
        let bare = typed(&stage, session, "", shell);
        assert!(bare.status.success(), "{}: {bare:?}", shell[0]);
        let stage = self::stage();
        let log = stage.path("run.reel");
        let run = format!("{SYSREEL} record -q {options} -o {} --", log.display());
        let recorded = typed(&stage, session, &run, shell);
        assert_eq!(recorded.text(), bare.text(), "{}: {}", shell[0], recorded.stderr);
        each(&log, |_, _| {}).is_clean();
    }
}

#[track_caller]
fn same(needs: &[&str], session: &str) {
    same_with("", needs, session);
}

const FROM_FOREGROUND_TO_BACKGROUND_AND_BACK: &str =
    include_str!("sessions/from_foreground_to_background_and_back.txt");

#[test]
fn stopped_continued_in_the_background_and_in_the_foreground() {
    same(&[], FROM_FOREGROUND_TO_BACKGROUND_AND_BACK);
}

#[test]
fn the_same_with_a_log_that_can_be_replayed() {
    same_with("--replayable", &[], FROM_FOREGROUND_TO_BACKGROUND_AND_BACK);
}

#[test]
fn the_same_where_only_some_calls_are_recorded() {
    same_with("--only write", &[], FROM_FOREGROUND_TO_BACKGROUND_AND_BACK);
}

/// Prints the signals that its handlers get, until a line is typed.
const HANDLERS: &str = "
import os, signal, sys
for n in (signal.SIGTSTP, signal.SIGINT, signal.SIGQUIT, signal.SIGCONT):
    signal.signal(n, lambda n, _: os.write(1, b'got %d\\n' % n))
os.write(1, b'ready\\n')
os.read(0, 1)
sys.exit(7)
";

#[test]
fn handlers_are_called_and_nothing_stops() {
    same(&[], include_str!("sessions/handlers_are_called_and_nothing_stops.txt"));
}

#[test]
fn a_program_that_stops_itself_hands_the_terminal_to_the_shell() {
    same(
        &[],
        include_str!("sessions/a_program_that_stops_itself_hands_the_terminal_to_the_shell.txt"),
    );
}

/// A stopped child does not stop the job.
#[test]
fn only_the_program_itself_stops_its_job() {
    same(&[], include_str!("sessions/only_the_program_itself_stops_its_job.txt"));
}

/// SIGCONT to the program alone, and to the first process of the job alone, continues both.
#[test]
fn continued_from_elsewhere() {
    same(&[], include_str!("sessions/continued_from_elsewhere.txt"));
    same(&[], include_str!("sessions/the_job_alone_is_continued.txt"));
}

#[test]
fn background_jobs_stop_when_they_read_or_write() {
    same(&[], include_str!("sessions/background_jobs_stop_when_they_read_or_write.txt"));
}

/// An interactive shell makes its own process group and takes the terminal.
#[test]
fn a_shell_in_a_shell() {
    same(&[], include_str!("sessions/a_shell_in_a_shell.txt"));
}

#[test]
fn pipelines() {
    same(&[], include_str!("sessions/pipelines.txt"));
}

#[test]
fn programs_that_draw_on_the_whole_screen() {
    same(&["less"], include_str!("sessions/less.txt"));
    same(&["vim"], include_str!("sessions/vim.txt"));
}

/// The first process of a terminal (xterm -e, ssh -t) is in an orphaned group, which Ctrl-Z does
/// not stop: no process could continue it.
#[test]
fn a_session_leader_is_not_stopped() {
    if !installed("a_session_leader_is_not_stopped", &["python3"]) {
        return;
    }
    let session = include_str!("sessions/a_session_leader_is_not_stopped.txt");
    let stage = stage();
    let command = ["sh", "-c", "echo ready; read x; echo got $x; exit 3"];
    let bare = typed(&stage, session, "", &command);
    let recorded = typed(
        &stage,
        session,
        "",
        &[&[SYSREEL, "record", "-q", "-o", "x.reel", "--"], &command[..]].concat(),
    );
    assert!(bare.text().ends_with("exit 3\n"), "{bare:?}");
    assert_eq!(recorded.text(), bare.text(), "{}", recorded.stderr);
}

/// Runs a session in bash and returns what the terminal showed.
#[track_caller]
fn shown(stage: &Stage, session: &str) -> String {
    let ran = typed(stage, session, "", SHELLS[0]);
    assert!(ran.status.success(), "{ran:?}");
    ran.text()
}

/// A process that is observed with `-p` goes on while its recorder is stopped; Ctrl-C detaches.
#[test]
fn a_recorder_that_is_attached_stops_alone() {
    if !installed("a_recorder_that_is_attached_stops_alone", &["python3", "bash"]) {
        return;
    }
    let stage = stage();
    let session = include_str!("sessions/a_recorder_that_is_attached_stops_alone.txt");
    shown(&stage, session);
    each(&stage.path("run.reel"), |_, _| {}).is_clean();
}

/// The recorder of two processes ends as that of one does, even if one of them is killed.
#[test]
fn signals_to_the_recorder_end_it_and_not_the_program() {
    if !installed(
        "signals_to_the_recorder_end_it_and_not_the_program",
        &["python3", "bash", "pgrep"],
    ) {
        return;
    }
    for (kill, status, words) in [
        ("kill -TERM $!", 143, ""),
        ("kill -HUP $!", 129, ""),
        ("kill -KILL $!", 137, ""),
        ("kill -KILL $(pgrep -P $!)", 137, "was killed by signal 9"),
    ] {
        let stage = stage();
        let start = r#"> "$SYSREEL" record -q -o run.reel -- sleep 1000 &"#;
        let wait = r"> wait $!; echo status $?\n";
        let session = format!(
            "< %% \n{start}\\n\n< %% \nasleep sleep\n> {kill}\\n\n< %% \n{wait}\n< status \
             {status}\\r\\n\nuntraced sleep\n> exit\\n\n"
        );
        let shown = shown(&stage, &session);
        assert!(shown.contains(words), "{kill}: {shown}");
        let log = each(&stage.path("run.reel"), |_, _| {});
        if status != 137 {
            log.is_clean();
        }
    }
}

/// The progress line is shown only in the foreground, and not over a program that draws on the
/// screen.
#[test]
fn the_progress_line_keeps_to_the_foreground() {
    if !installed("the_progress_line_keeps_to_the_foreground", &["python3", "bash"]) {
        return;
    }
    let stage = stage();
    let session = include_str!("sessions/the_progress_line_keeps_to_the_foreground.txt");
    let shown = shown(&stage, session);
    let between = |from: &str, to: &str| {
        let (_, rest) = shown.split_once(from).unwrap();
        rest.split_once(to).unwrap().0.to_owned()
    };
    assert!(!between("\nhere", "there\n").contains("events/s"), "{shown}");
    assert!(!between("\nraw", "cooked\n").contains("events/s"), "{shown}");
    // Erased before the shell writes.
    let before = between("events/s", "Stopped");
    assert!(before.contains("\x1b[2K") && before.contains("^Z"), "{shown:?}");
}

/// `ab` starts recorders within its own job.
#[test]
fn a_comparison_is_one_job() {
    if !installed("a_comparison_is_one_job", &["python3", "bash"]) {
        return;
    }
    let stage = stage();
    let session = include_str!("sessions/a_comparison_is_one_job.txt");
    shown(&stage, session);
}
