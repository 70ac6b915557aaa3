//! How tasks end, and what the log said before of it.

use super::fake::registers;
use super::story::{IP, NONE, SP, Story, siginfo};
use sysreel_format::{GoneHow, Origin, TaskId};
use sysreel_sys::stop::NT_PRSTATUS;

const EXIT: u32 = 6;
const THREAD: u64 = 0x1_0100;

fn asks(story: &mut Story, task: u32, call: &str, status: u64) {
    story.reaches(call, [status, 0, 0, 0, 0, 0]);
    story.recorded_entry(task, call, [status, 0, 0, 0, 0, 0], NONE);
}

fn reports(story: &mut Story, task: u32, status: u64) {
    story.event_stop(task, EXIT, &|row| row.event_message(status));
}

fn is_signalled(story: &mut Story, task: u32, signal: u32) {
    story.signal(task, signal, &|row| {
        row.siginfo(&siginfo(signal.cast_signed(), 0, 0));
    });
}

/// A process with the threads 0 and 1.
fn threads() -> Story {
    let mut story = Story::new();
    story.reaches("clone", [THREAD, 0, 0, 0, 0, 0]);
    story.recorded_entry(0, "clone", [THREAD, 0, 0, 0, 0, 0], NONE);
    story.ptrace_event(0, 3, NONE);
    story.task(1, Origin::THREAD, TaskId(0), 100);
    story.event_stop(1, 128, &|row| {
        row.registers(NT_PRSTATUS, &registers(IP, SP, 0).to_bytes());
    });
    story.recorded_exit(0, 101, NONE);
    story
}

#[track_caller]
fn ends(name: &str, story: &Story) {
    let (end, ..) = story.replay();
    assert!(end.is_ok(), "{name}: {end:?}");
}

#[test]
fn an_exit_has_the_status_that_was_asked_for() {
    for (name, status, gone, text) in [
        ("as asked", 3 << 8, 3 << 8, None),
        ("killed before its exit", 9, 9, None),
        ("killed after it", 3 << 8, 9, None),
        ("another status", 4 << 8, 4 << 8, Some("none of its tasks has asked for it")),
        ("a signal without a stop", 15, 15, Some("signal 15, for which no task of it has stopped")),
        ("no status", 0x7f, 0x7f, Some("the wait status 0x7f is that of no end")),
    ] {
        let mut story = Story::new();
        asks(&mut story, 0, "exit_group", 3);
        reports(&mut story, 0, status);
        match text {
            Some(text) => story.refused(name, text),
            None => {
                story.gone(0, gone, GoneHow::REAPED);
                ends(name, &story);
            }
        }
    }
}

#[test]
fn a_task_ends_as_its_exit_said() {
    let mut story = Story::new();
    is_signalled(&mut story, 0, 15);
    is_signalled(&mut story, 0, 6);
    reports(&mut story, 0, 15);
    story.gone(0, 6, GoneHow::REAPED);
    story.refused("another signal", "with the wait status 0x6, and at its exit it had 0xf");
    // The core is dumped after the exit stop.
    for (reported, gone) in [(11, 11 | 0x80), (11 | 0x80, 11 | 0x80)] {
        let mut story = Story::new();
        reports(&mut story, 0, reported);
        story.gone(0, gone, GoneHow::REAPED);
        ends("a core", &story);
    }
    let mut story = Story::new();
    story.event_stop(0, EXIT, &|row| row.event_message(1 << 40));
    story.refused("a vast message", "no id or status");
}

/// What ends a process ends each of its threads.
#[test]
fn threads_end_as_one_of_them_asked() {
    let mut story = threads();
    asks(&mut story, 1, "exit", 3);
    reports(&mut story, 1, 3 << 8);
    asks(&mut story, 0, "exit_group", 4);
    reports(&mut story, 0, 4 << 8);
    story.gone(1, 4 << 8, GoneHow::REAPED);
    story.gone(0, 4 << 8, GoneHow::REAPED);
    ends("the status of the other", &story);
    for (status, text) in [
        (5 << 8, "none of its tasks has asked for it"),
        (15, "signal 15, for which no task of it has stopped"),
    ] {
        let mut story = threads();
        asks(&mut story, 0, "exit_group", 4);
        reports(&mut story, 1, status);
        story.refused("a status of none", text);
    }
    let mut story = threads();
    is_signalled(&mut story, 0, 15);
    reports(&mut story, 1, 15);
    story.gone(1, 15, GoneHow::REAPED);
    ends("the signal of the other", &story);
    // An execve of the other.
    let mut story = threads();
    reports(&mut story, 1, 0);
    story.gone(1, 0, GoneHow::REAPED);
    ends("superseded", &story);
    let mut story = threads();
    story.gone(1, 0, GoneHow::SUPERSEDED);
    story.refused("no leader", "a task that is no leader");
}

#[test]
fn a_thread_may_end_after_its_leader() {
    let mut story = threads();
    asks(&mut story, 0, "exit_group", 3);
    reports(&mut story, 0, 3 << 8);
    story.gone(0, 3 << 8, GoneHow::REAPED);
    reports(&mut story, 1, 3 << 8);
    story.gone(1, 3 << 8, GoneHow::REAPED);
    ends("a leader, then its thread", &story);
}

#[test]
fn ends_that_were_not_seen_have_no_status() {
    for how in [GoneHow::SUPERSEDED, GoneHow::VANISHED, GoneHow::DETACHED] {
        let mut story = Story::new();
        story.gone(0, 0, how);
        ends("no status", &story);
        let mut story = Story::new();
        story.gone(0, 9, how);
        story.refused("a status", "with the wait status 0x9");
    }
    let mut story = Story::new();
    story.gone(0, 0, GoneHow(9));
    story.refused("an unknown end", "an end of kind 9");
}
