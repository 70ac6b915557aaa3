//! What a log says besides stops, and how a replay ends.

use super::fake::{Fake, Next, registers};
use super::story::{DATA, IP, NONE, SP, Story};
use crate::divergence::Field;
use crate::engine::End;
use sysreel_format::{
    Altered, Altering, Clock, DropReasons, EventKind, GoneHow, Loss, Note, NoteCode, Origin,
    Renamed, Severity, SnapshotKind, TaskId,
};
use sysreel_sys::stop::NT_PRSTATUS;

const READ: [u64; 6] = [3, DATA, 4, 0, 0, 0];

#[test]
fn messages_and_clocks_are_passed() {
    let mut story = Story::new();
    story.event(EventKind::NOTE, 0, &|row| {
        row.note(&Note { code: NoteCode::OTHER, severity: Severity::INFO, text: b"hello" });
    });
    story.event(EventKind::CLOCK, 0, &|row| {
        row.clock(&Clock { monotonic: 1, realtime: 2, boottime: 3 });
    });
    story.event(EventKind::MARK, 0, &|row| row.raw(b"here"));
    story.event(EventKind::SNAPSHOT, 0, &|row| row.snapshot(SnapshotKind::PROCESS, 1, &[]));
    story.event(EventKind(999), 0, &|row| row.raw(b"of a later version"));
    story.event(EventKind::ALTERED, u32::MAX, &|row| {
        row.altered_body(&Altered { what: Altering::AFFINITY, arg: 0, kernel: &[3], given: &[1] });
    });
    story.does("all", &[]);
}

#[test]
fn events_that_say_that_something_is_missing_are_refused() {
    let mut story = Story::new();
    story.event(EventKind::NOTE, 0, &|row| {
        row.note(&Note {
            code: NoteCode::NOT_REPLAYABLE,
            severity: Severity::WARNING,
            text: b"a device was mapped",
        });
    });
    story.refused("a note", "a device was mapped");
    let mut story = Story::new();
    story.event(EventKind::ALTERED, 0, &|row| {
        row.altered_body(&Altered {
            what: Altering::SECCOMP_FILTER,
            arg: 0,
            kernel: &[],
            given: &[],
        });
    });
    story.refused("a filter of the recorder", "the recorder changed the program (kind 7)");
    let mut story = Story::new();
    story.event(EventKind::LOSS, 0, &|row| {
        row.loss(&Loss { count: 1, reasons: DropReasons::default() });
    });
    story.unfit("a loss", "the recording lost events");
}

#[test]
fn the_summary_is_compared() {
    for (name, summary, status, text) in [
        ("the same", Some(9), 9, None),
        ("none", None, 9, None),
        ("another", Some(11), 9, Some("its summary has the wait status")),
    ] {
        let mut story = Story::new();
        story.extras.exit_status = summary;
        story.gone(0, status, GoneHow::REAPED);
        match text {
            Some(text) => story.unfit(name, text),
            None => {
                let (end, ..) = story.replay();
                let events = story.events();
                let finished = End::Finished { events, calls: 0, status: Some(status) };
                assert_eq!(end.unwrap(), finished, "{name}");
            }
        }
    }
    let mut story = Story::new();
    story.extras.exit_status = Some(9);
    story.task(1, Origin::UNKNOWN, TaskId::NONE, 101);
    story.gone(0, 9, GoneHow::REAPED);
    story.unfit("a task that does not end", "the end of task 1");
    // A thread that executes a program takes the place of the first task.
    let mut story = Story::new();
    story.extras.exit_status = Some(9);
    story.reaches("clone", [0x1_0100, 0, 0, 0, 0, 0]);
    story.recorded_entry(0, "clone", [0x1_0100, 0, 0, 0, 0, 0], NONE);
    story.ptrace_event(0, 3, NONE);
    story.task(1, Origin::THREAD, TaskId(0), 100);
    story.ptrace_event(1, 128, &|row| {
        row.registers(NT_PRSTATUS, &registers(IP, SP, 0).to_bytes());
    });
    story.reaches("execve", [0; 6]);
    story.recorded_entry(1, "execve", [0; 6], NONE);
    story.gone(0, 0, GoneHow::SUPERSEDED);
    story.event(EventKind::RENAMED, 1, &|row| {
        row.renamed(&Renamed { old_tid: 101, new_tid: 100, tgid: 100 });
    });
    story.gone(1, 9, GoneHow::REAPED);
    let events = story.events();
    let finished = End::Finished { events, calls: 2, status: Some(9) };
    assert_eq!(story.replay().0.unwrap(), finished);
    let mut story = Story::new();
    story.extras.exit_status = Some(0);
    story.unfit("an end that is not there", "its summary has the wait status");
    Story::empty().unfit("nothing", "it has no task");
}

#[test]
fn a_replay_stops_where_it_was_asked_to() {
    let mut story = Story::new();
    story.call(0, "read", READ, 4, NONE, NONE);
    story.recorded_exit(0, 0, NONE);
    for (until, stopped) in [(3, true), (5, true), (6, false)] {
        story.until = Some(until);
        story.kernel = Fake::default();
        story.reaches("read", READ);
        let (end, ..) = story.replay();
        match stopped {
            true => assert_eq!(end.unwrap(), End::Stopped { event: until }),
            false => assert!(end.is_err()),
        }
    }
    // An unfinished log has no more than that.
    let mut story = Story::new();
    story.unfinished = true;
    story.unfit("to the end", "events from 4 on may be missing");
    story.kernel = Fake::default();
    story.until = Some(3);
    assert_eq!(story.replay().0.unwrap(), End::Stopped { event: 3 });
}

/// A damaged block: which of its events are missing is known.
#[test]
fn events_that_are_missing_are_refused() {
    let mut story = Story::new();
    story.damaged = true;
    story.unfit("a damaged block", "events 0 to 3 are missing");
    assert!(story.kernel.0.borrow().done.is_empty(), "nothing was replayed");
}

/// An event that informs readers may be of a task that is gone, not of one that never was.
#[test]
fn messages_of_unknown_tasks_are_refused() {
    type Write<'a> = &'a dyn Fn(&mut Story, u32);
    let events: [(&str, Write<'_>); 6] = [
        ("a note", &|story, task| {
            story.event(EventKind::NOTE, task, &|row| {
                row.note(&Note { code: NoteCode::OTHER, severity: Severity::INFO, text: b"hello" });
            });
        }),
        ("a clock", &|story, task| {
            story.event(EventKind::CLOCK, task, &|row| {
                row.clock(&Clock { monotonic: 1, realtime: 2, boottime: 3 });
            });
        }),
        ("a mark", &|story, task| story.event(EventKind::MARK, task, &|row| row.raw(b"here"))),
        ("a snapshot", &|story, task| {
            story.event(EventKind::SNAPSHOT, task, &|row| {
                row.snapshot(SnapshotKind::PROCESS, 1, &[]);
            });
        }),
        ("of a later version", &|story, task| {
            story.event(EventKind(999), task, &|row| row.raw(b"later"));
        }),
        ("a mask", &|story, task| {
            let (kernel, given) = (&[3][..], &[1][..]);
            story.event(EventKind::ALTERED, task, &|row| {
                row.altered_body(&Altered { what: Altering::AFFINITY, arg: 0, kernel, given });
            });
        }),
    ];
    for (name, write) in events {
        for task in [0, 1, u32::MAX] {
            let mut story = Story::new();
            story.task(1, Origin::UNKNOWN, TaskId::NONE, 101);
            story.gone(1, 9, GoneHow::REAPED);
            write(&mut story, task);
            story.does(name, &[]);
        }
        let mut story = Story::new();
        write(&mut story, 5);
        story.refused(name, "(task 5): the task has not begun, or is gone");
    }
}

#[test]
fn calls_are_counted() {
    let mut story = Story::new();
    story.call(0, "read", READ, 4, NONE, NONE);
    story.call(0, "getpid", [0; 6], 4, NONE, NONE);
    let (end, ..) = story.replay();
    assert!(matches!(end.unwrap(), End::Finished { calls: 2, .. }));
}

#[test]
fn a_task_that_has_ended_is_not_ended_again() {
    let mut story = Story::new();
    story.then(Next::Gone(9));
    story.recorded_entry(0, "read", READ, NONE);
    story.differs("it was killed", Field::Stop);
    let done = &story.kernel.0.borrow().done;
    assert!(!done.iter().any(|operation| operation.starts_with("end")), "{done:?}");
    let mut story = Story::new();
    story.task(1, Origin::UNKNOWN, TaskId::NONE, 101);
    assert!(story.replay().0.is_ok());
    assert_eq!(story.kernel.0.borrow().done.last().unwrap(), "end 1");
}
