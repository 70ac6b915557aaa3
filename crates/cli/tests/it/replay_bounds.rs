//! Programs that use the usual page of the stub, and logs that lie about lengths or make tasks
//! without a tracer. Each replay ends within its limits of time and memory. No process outlives it.

use crate::stage::{Ran, SYSREEL, Stage, installed};
use std::fs;
use sysreel_format::syscall_info::{self, MERGED, Op};
use sysreel_format::{
    BlobNumber, BlockWriter, Body, Completeness, Direction, Event, EventBuf, Extras, FileHeader,
    Item, Limits, Log, Part, RegionData, SEGMENT_SIZE, Segment,
};

/// Runs a command as the reaper of its descendants. Ends as the command does, and says how many
/// processes outlive it, which it kills.
const REAPER: &str = r#"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
    (void)argc;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1)) return 125;
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    int status;
    if (waitpid(child, &status, 0) != child) return 126;
    int left = 0;
    siginfo_t info;
    for (;;) {
        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0 && info.si_pid) continue;
        char path[64];
        snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
        FILE *children = fopen(path, "r");
        int pid, found = 0;
        while (children && fscanf(children, "%d", &pid) == 1) {
            found++;
            kill(pid, SIGKILL);
            waitpid(pid, 0, 0);
        }
        if (children) fclose(children);
        left += found;
        if (!found) break;
    }
    fprintf(stderr, "%d processes are left\n", left);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
"#;

/// Maps memory at the lowest address, protects and calls it, and unmaps all around it.
const LOW: &str = r#"
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void) {
    char *low = (char *)0x10000;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    if (mmap(low, 0x1000, PROT_READ | PROT_WRITE, flags, -1, 0) != low) return 1;
    /* mov $42, %eax; ret */
    memcpy(low + 0x100, "\xb8\x2a\x00\x00\x00\xc3", 6);
    if (mprotect(low, 0x1000, PROT_READ | PROT_EXEC)) return 2;
    int (*call)(void) = (int (*)(void))(low + 0x100);
    printf("%d\n", call());
    if (mremap(low, 0x1000, 0x2000, MREMAP_MAYMOVE) == MAP_FAILED) return 3;
    if (munmap((void *)0x1000, 0x200000)) return 4;
    printf("%d\n", getppid() > 0);
    return 0;
}
"#;

/// Makes a child that no tracer sees.
const UNTRACED: &str = r#"
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static char stack[65536];
static int end(void *unused) {
    (void)unused;
    return 0;
}
int main(void) {
    int flags = CLONE_UNTRACED | CLONE_VM | SIGCHLD;
    int child = clone(end, stack + sizeof stack, flags, 0);
    int status;
    return waitpid(child, &status, 0) != child;
}
"#;

fn record(stage: &Stage, program: &[&str]) -> Ran {
    let mut command = stage.command(SYSREEL);
    let ran = stage
        .run(command.args(["record", "--replayable", "-q", "-o", "run.reel", "--"]).args(program));
    assert!(ran.status.success(), "{program:?}: {ran:?}");
    ran
}

/// Replays a log in bounded time and memory, below a reaper.
fn replay(stage: &Stage, log: &str) -> Ran {
    stage.write("reaper.c", REAPER);
    assert!(stage.sh("gcc -O1 -o reaper reaper.c").status.success());
    let mut command = stage.command("./reaper");
    let ran = stage.run(command.args(["timeout", "-s", "KILL", "30", SYSREEL, "replay", log]));
    assert!(ran.stderr.contains("\n0 processes are left\n"), "{ran:?}");
    ran
}

#[test]
fn programs_may_use_the_lowest_addresses() {
    let name = "programs_may_use_the_lowest_addresses";
    if !installed(name, &["gcc", "timeout"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("low.c", LOW);
    stage.write("text.c", "#include <stdio.h>\nint main(void) { return puts(\"text\") < 0; }\n");
    for (name, build, output) in [
        ("low", "gcc -O1 -o low low.c", "42\n1\n"),
        ("text", "gcc -O1 -static -no-pie -Wl,-Ttext-segment=0x10000 -o text text.c", "text\n"),
    ] {
        assert!(stage.sh(build).status.success(), "{build}");
        let recorded = record(&stage, &[&format!("./{name}")]);
        assert_eq!(recorded.text(), output);
        let replayed = replay(&stage, "run.reel");
        assert_eq!((replayed.status.code(), replayed.text().as_str()), (Some(0), output));
    }
}

#[test]
fn vast_lengths_are_refused() {
    if !installed("vast_lengths_are_refused", &["gcc", "timeout"]) {
        return;
    }
    let stage = Stage::new();
    record(&stage, &["sh", "-c", "echo said"]);
    let mut changed = None;
    let bytes = rewritten(&stage, |event, body| {
        let Body::Stop(stop) = event.decode().unwrap() else { return };
        let parts: Vec<_> = stop.parts.map(Result::unwrap).collect();
        if !parts.iter().any(|part| matches!(part, Part::Echo(_))) {
            return;
        }
        for part in parts {
            let Part::Region(region) = part else { continue };
            let RegionData::Inline(bytes) = region.data else { continue };
            assert_eq!(region.head.dir, Direction::IN);
            // The length that was read, an errno and the length of the bytes (docs/format.md).
            let at = bytes.as_ptr() as usize - event.body.as_ptr() as usize - 16;
            body[at..at + 8].copy_from_slice(&(1_u64 << 62).to_le_bytes());
            changed = Some(event.number);
        }
    });
    fs::write(stage.path("changed.reel"), bytes).unwrap();
    let event = format!("event {} (task 0)", changed.unwrap());
    let most = "4611686018427387904 bytes, more than the most of 268435456";
    replay(&stage, "changed.reel").fails(3, &[&event, most]);
}

#[test]
fn tasks_without_a_tracer_are_refused_and_none_is_left() {
    const CLONE_UNTRACED: u8 = 0x80;
    let name = "tasks_without_a_tracer_are_refused_and_none_is_left";
    if !installed(name, &["gcc", "timeout"]) {
        return;
    }
    let stage = Stage::new();
    record(&stage, &["sh", "-c", "/bin/true & wait"]);
    assert_eq!(replay(&stage, "run.reel").status.code(), Some(0));
    let mut changed = Vec::new();
    let bytes = rewritten(&stage, |event, body| {
        let Body::Stop(stop) = event.decode().unwrap() else { return };
        let nr = MERGED.call(stop.info).map(|call| call.nr);
        // clone(2) of x86_64.
        if syscall_info::op(stop.info) == Some(Op::ENTRY) && nr == Some(56) {
            // The struct begins 12 bytes into the body, its arguments follow the number.
            body[12 + MERGED.nr + 8 + 2] |= CLONE_UNTRACED;
            changed.push(event.number);
        }
    });
    fs::write(stage.path("changed.reel"), bytes).unwrap();
    // The program has not asked for it.
    let event = format!("diverged at event {}", changed[0]);
    replay(&stage, "changed.reel").fails(1, &[&event]);

    stage.write("untraced.c", UNTRACED);
    assert!(stage.sh("gcc -O1 -o untraced untraced.c").status.success());
    record(&stage, &["./untraced"]);
    replay(&stage, "run.reel").fails(3, &["CLONE_UNTRACED"]);
}

/// Returns the log run.reel with its events changed.
fn rewritten(stage: &Stage, mut change: impl FnMut(&Event<'_>, &mut [u8])) -> Vec<u8> {
    let log = Log::open(fs::read(stage.path("run.reel")).unwrap(), Limits::default()).unwrap();
    let header = FileHeader::new(log.header().file_id, log.header().completeness);
    let mut writer = BlockWriter::create(Vec::new(), header, log.meta()).unwrap();
    let summary = log.summary().unwrap();
    let mut segment = Segment::open(vec![0; SEGMENT_SIZE * 4], &header.file_id, 1, 0, 0);
    for number in 0..summary.blobs {
        segment.append_blob(&log.blob(BlobNumber(number)).unwrap()).unwrap();
    }
    let mut events = log.events();
    let mut row = EventBuf::new();
    while let Some(item) = events.next().unwrap() {
        let Item::Event(event) = item else { panic!("a hole") };
        let mut body = event.body.to_vec();
        change(&event, &mut body);
        row.begin_with_flags(event.kind, event.source, event.flags, event.task, event.t_ns);
        row.raw(&body);
        segment.append_event(row.finish()).unwrap();
    }
    segment.seal();
    writer.write_segment(&segment).unwrap();
    writer.finish(Completeness(summary.completeness.0), &Extras { exit_status: Some(0) }).unwrap()
}
