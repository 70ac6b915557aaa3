//! Ids of tasks, and what a log says of them in two places.

use super::fake::registers;
use super::story::{DATA, IP, NONE, Parts, SP, Story};
use sysreel_format::{EventKind, GoneHow, Origin, Renamed, TaskHead, TaskId};
use sysreel_sys::stop::NT_PRSTATUS;

const SIGCHLD: u64 = 17;
const VM: u64 = 0x100;
const VFORK: u64 = 0x4000;
const THREAD: u64 = 0x1_0000;

/// A call that makes the task 1, with the tid 101.
struct Birth {
    flags: u64,
    event: u32,
    announced: u64,
    head: TaskHead,
    ids: &'static [u32],
    result: i64,
}

impl Birth {
    fn of_process() -> Birth {
        let head = TaskHead { tid: 101, tgid: 101, parent: TaskId(0), origin: Origin::FORK };
        Birth { flags: SIGCHLD, event: 1, announced: 101, head, ids: &[101, 7], result: 7 }
    }

    fn of_thread() -> Birth {
        let head = TaskHead { tid: 101, tgid: 100, parent: TaskId(0), origin: Origin::THREAD };
        Birth { flags: VM | THREAD, event: 3, announced: 101, head, ids: &[101], result: 101 }
    }

    fn of_vfork() -> Birth {
        let head = TaskHead { origin: Origin::VFORK, ..Birth::of_process().head };
        Birth { flags: VM | VFORK | SIGCHLD, event: 2, head, ..Birth::of_process() }
    }

    /// The story up to the new task.
    fn begins(&self) -> Story {
        let mut story = Story::new();
        self.announces(&mut story);
        self.tells(&mut story);
        story
    }

    fn announces(&self, story: &mut Story) {
        let args = [self.flags, 0, 0, 0, 0, 0];
        story.reaches("clone", args);
        story.recorded_entry(0, "clone", args, NONE);
        story.event_stop(0, self.event, &|row| row.event_message(self.announced));
    }

    fn tells(&self, story: &mut Story) {
        story.event(EventKind::TASK, 1, &|row| {
            row.task_head(&self.head);
            if !self.ids.is_empty() {
                row.ns_pids(self.ids);
            }
        });
    }

    /// The story up to the result of the call.
    fn ends(&self) -> Story {
        let mut story = self.begins();
        story.recorded_exit(0, self.result, NONE);
        story
    }
}

#[test]
fn births_are_as_their_calls_say() {
    for (name, birth) in [
        ("a process", Birth::of_process()),
        ("a thread", Birth::of_thread()),
        ("vfork", Birth::of_vfork()),
        ("ids that are not known", Birth { ids: &[], result: 9, ..Birth::of_process() }),
    ] {
        let (end, ..) = birth.ends().replay();
        assert!(end.is_ok(), "{name}: {end:?}");
    }
    let head = Birth::of_process().head;
    let of_thread = Birth::of_thread().head;
    for (name, birth, text) in [
        (
            "another origin",
            Birth { head: TaskHead { origin: Origin::VFORK, ..head }, ..Birth::of_process() },
            "its origin is 4, and that of the call 3",
        ),
        (
            "a process as a thread",
            Birth { head: TaskHead { origin: Origin::CLONE, ..of_thread }, ..Birth::of_thread() },
            "its origin is 5, and that of the call 6",
        ),
        (
            "a process of another",
            Birth { head: TaskHead { tgid: 100, ..head }, ..Birth::of_process() },
            "its process is 100, and that of the call 101",
        ),
        (
            "a thread of another process",
            Birth { head: TaskHead { tgid: 101, ..of_thread }, ..Birth::of_thread() },
            "its process is 101, and that of the call 100",
        ),
        (
            "another tid",
            Birth { announced: 102, ..Birth::of_process() },
            "its tid is 101, and its maker announced 102",
        ),
        (
            "a tid that is in use",
            Birth { head: TaskHead { tid: 100, ..head }, ..Birth::of_process() },
            "another task has its tid 100",
        ),
        (
            "other ids",
            Birth { ids: &[102, 7], ..Birth::of_process() },
            "its tid is 101, and its outermost id 102",
        ),
    ] {
        birth.begins().refused(name, text);
    }
    Birth { result: 8, ..Birth::of_process() }
        .ends()
        .refused("another result", "task 101, with the ids [101, 7], and its result is 8");
}

#[test]
fn each_birth_is_announced_once() {
    let birth = Birth::of_process();
    let mut story = Story::new();
    story.reaches("clone", [SIGCHLD, 0, 0, 0, 0, 0]);
    story.recorded_entry(0, "clone", [SIGCHLD, 0, 0, 0, 0, 0], NONE);
    birth.tells(&mut story);
    story.refused("not announced", "its maker has not announced it");
    let mut story = Story::new();
    birth.announces(&mut story);
    story.recorded_exit(0, 7, NONE);
    story.refused("not begun", "it has announced task 101, which has not begun");
    let mut story = birth.begins();
    story.event_stop(0, 1, &|row| row.event_message(102));
    story.refused("announced again", "the call has made a task before");
    let mut story = Story::new();
    story.call(0, "fork", [0; 6], 101, NONE, NONE);
    story.refused("neither", "the log does not have the task that the call made");
    // A filter of the program has skipped the call: its number is the result, or nothing.
    for result in [57, 0, -11] {
        let mut story = Story::new();
        story.call(0, "fork", [0; 6], result, NONE, NONE);
        story.does("skipped", &["resume", &format!("result {result}")]);
    }
    for (event, flags) in [(1, VM), (3, SIGCHLD), (1, VFORK), (2, SIGCHLD)] {
        let mut story = Story::new();
        Birth { event, flags, ..Birth::of_process() }.announces(&mut story);
        story.refused("another event", "outside of a call that causes it");
    }
}

#[test]
fn a_call_whose_message_was_not_read_only_ends() {
    let args = [SIGCHLD, 0, 0, 0, 0, 0];
    let mut story = Story::new();
    story.reaches("clone", args);
    story.recorded_entry(0, "clone", args, NONE);
    story.event_stop(0, 1, NONE);
    story.gone(0, 9, GoneHow::REAPED);
    story.does("it ends", &["resume", "end 1"]);
    let mut story = Story::new();
    story.reaches("clone", args);
    story.recorded_entry(0, "clone", args, NONE);
    story.event_stop(0, 1, NONE);
    story.recorded_exit(0, 101, NONE);
    story.refused("it goes on", "it was being killed");
}

#[test]
fn a_wait_of_vfork_is_for_its_child() {
    for (message, text) in [
        (Some(101), None),
        (Some(102), Some("the wait for task 102 ends, and the call made 101")),
        (None, None),
    ] {
        let mut story = Birth::of_vfork().begins();
        story.event_stop(0, 5, &|row| message.into_iter().for_each(|id| row.event_message(id)));
        match text {
            Some(text) => story.refused("another", text),
            None => assert!(story.replay().0.is_ok(), "{message:?}"),
        }
    }
    let mut story = Story::new();
    story.reaches("clone", [VFORK, 0, 0, 0, 0, 0]);
    story.recorded_entry(0, "clone", [VFORK, 0, 0, 0, 0, 0], NONE);
    story.ptrace_event(0, 5, NONE);
    story.refused("for none", "and the call made none");
}

/// A task begins at the place of the call that made it, on the stack that the call names.
#[test]
fn tasks_begin_where_their_makers_are() {
    use crate::divergence::Field;
    use sysreel_format::StopHead;
    let first = |story: &mut Story, ip: u64, sp: u64, registers_too: bool| {
        let parts = |row: &mut sysreel_format::EventBuf| {
            if registers_too {
                row.registers(NT_PRSTATUS, &registers(ip, sp, 0).to_bytes());
            }
        };
        let info = super::story::no_call(ip, sp);
        let info_ret = i32::try_from(info.len()).unwrap();
        let layout = sysreel_format::Layout::MERGED;
        let head = StopHead { wait_status: 128 << 16 | 0x057f, info_ret, layout, info: &info };
        story.event(EventKind::STOP, 1, &|row| {
            row.stop_head(&head);
            parts(row);
        });
    };
    for (stack, ip, sp, field) in [
        (0, IP, SP, None),
        (DATA, IP, DATA, None),
        (DATA, IP, SP, Some(Field::StackPointer)),
        (0, IP + 2, SP, Some(Field::InstructionPointer)),
    ] {
        let (args, birth) = ([VM | THREAD, stack, 0, 0, 0, 0], Birth::of_thread());
        let mut story = Story::new();
        story.reaches("clone", args);
        story.recorded_entry(0, "clone", args, NONE);
        story.ptrace_event(0, 3, NONE);
        birth.tells(&mut story);
        first(&mut story, ip, sp, true);
        match field {
            Some(field) => story.differs("elsewhere", field),
            None => assert!(story.replay().0.is_ok(), "{stack:#x} {ip:#x} {sp:#x}"),
        }
    }
    let mut story = Story::new();
    story.event_stop(0, 128, &|row| {
        row.registers(NT_PRSTATUS, &registers(IP, SP, 0).to_bytes());
    });
    story.refused("later", "registers at a stop that is not the first of a task");
}

fn thread_executes(renamed: Renamed, message: u64, leader_ends: bool) -> Story {
    let mut story = Birth::of_thread().begins();
    let newborn: Parts<'_> = &|row| row.registers(NT_PRSTATUS, &registers(IP, SP, 0).to_bytes());
    story.event_stop(1, 128, newborn);
    story.reaches("execve", [0; 6]);
    story.recorded_entry(1, "execve", [0; 6], NONE);
    if leader_ends {
        story.gone(0, 0, GoneHow::SUPERSEDED);
    }
    story.event(EventKind::RENAMED, 1, &|row| row.renamed(&renamed));
    if message > 0 {
        story.event_stop(1, 4, &|row| row.event_message(message));
    }
    story
}

#[test]
fn a_thread_that_executes_gets_the_tid_of_its_process() {
    let renamed = Renamed { old_tid: 101, new_tid: 100, tgid: 100 };
    let (end, ..) = thread_executes(renamed, 101, true).replay();
    assert!(end.is_ok(), "{end:?}");
    thread_executes(renamed, 100, true)
        .refused("the message", "the tid before the execve is 100, and that of the task is 101");
    thread_executes(renamed, 0, false).refused("two leaders", "the task that has the tid 100");
    for (name, renamed, text) in [
        ("another tid before", Renamed { old_tid: 102, ..renamed }, "task 102 of process 100"),
        ("another process", Renamed { tgid: 101, ..renamed }, "task 101 of process 101"),
        ("another new tid", Renamed { new_tid: 103, ..renamed }, "gets the tid 103 for 101"),
    ] {
        thread_executes(renamed, 0, true).refused(name, text);
    }
    let mut story = Story::new();
    story.event(EventKind::RENAMED, 0, &|row| {
        row.renamed(&Renamed { old_tid: 100, new_tid: 100, tgid: 100 });
    });
    story.refused("to the same", "the task that has the tid 100 is not gone");
    let mut story = Birth::of_thread().begins();
    story.gone(0, 0, GoneHow::SUPERSEDED);
    story.event(EventKind::RENAMED, 1, &|row| row.renamed(&renamed));
    story.refused("in no execve", "executes no program");
    let mut story = Story::new();
    story.reaches("execve", [0; 6]);
    story.recorded_entry(0, "execve", [0; 6], NONE);
    story.event_stop(0, 4, &|row| row.event_message(101));
    story.refused("of a leader", "the tid before the execve is 101, and that of the task is 100");
    let mut story = Story::new();
    story.reaches("execve", [0; 6]);
    story.recorded_entry(0, "execve", [0; 6], NONE);
    story.recorded_exit(0, 0, NONE);
    story.refused("without its event", "an execve succeeds without its ptrace event");
}
