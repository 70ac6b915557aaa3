//! A log from which an event is missing, or in which one is there twice or of another task, is not
//! replayed without a complaint, unless the event only informs readers.

use crate::stage::{SYSREEL, Stage, installed};
use std::fs;
use sysreel_format::{
    BlockWriter, Completeness, EventBuf, EventKind, Extras, FileHeader, Item, Limits, Log,
    SEGMENT_SIZE, Segment, TaskId,
};

/// Makes calls of each kind that a replay treats in its own way.
const CALLS: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
static void handle(int number) { (void)number; }
int main(void) {
    signal(SIGUSR1, handle);
    kill(getpid(), SIGUSR1);
    char *memory = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory = mremap(memory, 8192, 16384, MREMAP_MAYMOVE);
    int fd = open("input", O_RDONLY);
    char *file = mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    pid_t child = fork();
    if (child == 0) _exit(memory[0] + 3);
    int status;
    waitpid(child, &status, 0);
    write(1, file, 6);
    munmap(memory, 16384);
    return WEXITSTATUS(status);
}
"#;

/// What is done to one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Missing,
    Twice,
    OfAnotherTask,
}

/// Whether the replay can do without the event, or with two of it.
fn only_informs(kind: EventKind, body: &[u8], change: Change) -> bool {
    // The event number and the stop signal of the wait status, which begins the body.
    let status = body.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    match kind {
        EventKind::CLOCK | EventKind::NOTE | EventKind::ALTERED | EventKind::SNAPSHOT => true,
        // The program sees what a fork or execve did in the exit of the call, and the exit of a
        // task in its end. The first stop of a task, with its registers, does not come again.
        EventKind::STOP => {
            let is_event = matches!(status >> 16, 1..=6);
            let is_first = status >> 16 == 128;
            // SIGCHLD has no handler here, and the SIGSTOP before the first program is the
            // recorder's.
            let is_signal = matches!(status >> 8, 17 | 19);
            match change {
                Change::Missing => is_event || is_signal,
                Change::Twice => is_event || is_first || is_signal,
                Change::OfAnotherTask => false,
            }
        }
        _ => false,
    }
}

#[test]
fn an_event_that_does_not_belong_is_refused() {
    if !installed("an_event_that_does_not_belong_is_refused", &["gcc", "timeout"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("calls.c", CALLS);
    stage.write("input", "hello\n");
    assert!(stage.sh("gcc -O1 -w -static -o calls calls.c").status.success());
    let mut command = stage.command(SYSREEL);
    command.args(["record", "--replayable", "-q", "-o", "run.reel", "--", "./calls"]);
    let recorded = stage.run(&mut command);
    assert_eq!((recorded.status.code(), recorded.text().as_str()), (Some(3), "hello\n"));
    let bytes = fs::read(stage.path("run.reel")).unwrap();
    let log = Log::open(bytes, Limits::default()).unwrap();
    let all = log.summary().unwrap().events;
    let (mut tried, mut passed) = (0, Vec::new());
    for change in [Change::Missing, Change::Twice, Change::OfAnotherTask] {
        for number in 0..all {
            let (kind, body, changed) = rewritten(&log, number, change);
            if only_informs(kind, &body, change) {
                continue;
            }
            tried += 1;
            fs::write(stage.path("changed.reel"), changed).unwrap();
            let mut command = stage.command("timeout");
            let words = ["-s", "KILL", "20", SYSREEL, "replay", "--patience", "1", "changed.reel"];
            let replayed = stage.run(command.args(words));
            replayed.never_panics();
            if replayed.status.success() {
                passed.push((change, number, kind));
            }
        }
    }
    assert!(tried > 100, "{tried} changes are too few");
    assert!(passed.is_empty(), "of {tried} changes these passed: {passed:?}");
}

/// Returns the kind and body of an event, and the log in which it was changed.
fn rewritten(log: &Log<Vec<u8>>, number: u64, change: Change) -> (EventKind, Vec<u8>, Vec<u8>) {
    let header = FileHeader::new(log.header().file_id, log.header().completeness);
    let mut writer = BlockWriter::create(Vec::new(), header, log.meta()).unwrap();
    let summary = log.summary().unwrap();
    let mut segment = Segment::open(vec![0; SEGMENT_SIZE], &header.file_id, 1, 0, 0);
    for number in 0..summary.blobs {
        let bytes = log.blob(sysreel_format::BlobNumber(number)).unwrap();
        segment.append_blob(&bytes).unwrap();
    }
    let (mut events, mut row, mut found) = (log.events(), EventBuf::new(), None);
    while let Some(item) = events.next().unwrap() {
        let Item::Event(event) = item else { panic!("a hole") };
        let (mut times, mut task) = (1, event.task);
        if event.number == number {
            found = Some((event.kind, event.body.to_vec()));
            match change {
                Change::Missing => times = 0,
                Change::Twice => times = 2,
                Change::OfAnotherTask => task = TaskId(77),
            }
        }
        for _ in 0..times {
            row.begin_with_flags(event.kind, event.source, event.flags, task, event.t_ns);
            row.raw(event.body);
            segment.append_event(row.finish()).unwrap();
        }
    }
    segment.seal();
    writer.write_segment(&segment).unwrap();
    let extras = Extras { exit_status: summary.exit_status };
    let bytes = writer.finish(Completeness(summary.completeness.0), &extras).unwrap();
    let (kind, body) = found.unwrap();
    (kind, body, bytes)
}
