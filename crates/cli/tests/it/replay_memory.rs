//! Memory of all kinds: shared, and of 32-bit programs.

use crate::replay::{TIMES, record, replays, same};
use crate::replay_turns::{build, each};
use crate::stage::{GCC_32, SYSREEL, Stage, installed};

/// Shared memory: of a file with two mappings, two processes and write(2); of System V; anonymous.
#[test]
fn shared_memory() {
    let script = r#"cat > m.c <<'END'
#include <fcntl.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    int fd = open("shared", O_RDWR | O_CREAT, 0600);
    if (ftruncate(fd, 8192) < 0) return 1;
    char *both = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *only = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (pwrite(fd, "hello", 5, 0) < 0) return 1;
    printf("%.5s %.5s\n", both, only);
    both[0] = 'J';
    fflush(stdout);
    if (!fork()) {
        char *again = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        printf("child %.5s\n", again);
        fflush(stdout);
        again[1] = 'A';
        _exit(pwrite(fd, "xyz", 3, 100) != 3);
    }
    wait(0);
    printf("%.5s %.3s\n", only, both + 100);
    int id = shmget(IPC_PRIVATE, 4096, 0600);
    char *segment = shmat(id, 0, 0);
    fflush(stdout);
    if (!fork()) {
        segment[0] = 's';
        segment[1] = 'v';
        _exit(0);
    }
    wait(0);
    char *second = shmat(id, 0, SHM_RDONLY);
    printf("%.2s %.2s\n", segment, second);
    shmdt(segment);
    shmdt(second);
    shmctl(id, IPC_RMID, 0);
    int *nameless = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fflush(stdout);
    if (!fork()) {
        *nameless = 42;
        _exit(0);
    }
    wait(0);
    return printf("%d\n", *nameless) < 0;
}
END
gcc -O1 -o m m.c && exec ./m"#;
    replays(&["gcc"], script);
}

/// 32-bit programs keep thread data in the table of segments and make some calls through socketcall
/// and ipc.
#[test]
fn programs_of_32_bits() {
    if !installed("programs_of_32_bits", &[GCC_32]) {
        return;
    }
    let stage = Stage::new();
    stage.write("i.c", include_str!("../../../../fixtures/replay/i386_libc.c"));
    for flags in ["", "-static"] {
        let built = stage.sh(&format!("{GCC_32} -Wall -Wextra -O1 -pthread {flags} -o i i.c"));
        assert!(built.status.success(), "{built:?}");
        let recorded = record(&stage, &["./i"]);
        assert_eq!(recorded.status.code(), Some(3), "{recorded:?}");
        for _ in 0..TIMES {
            same(&recorded, &stage.sysreel(&["replay", "run.reel"]));
        }
    }
}

/// A mapping that mremap extends shows the file and other processes' writes to it; the pages after
/// the end of the file fault.
#[test]
fn mappings_that_grow() {
    let script = concat!(
        "cat > g.c <<'END'\n",
        include_str!("../../../../fixtures/replay/grow.c"),
        "\nEND\ngcc -O1 -o g g.c && exec ./g"
    );
    replays(&["gcc"], script);
}

/// What calls of two processes change in a file that both have mapped, in both ways.
#[test]
fn files_that_change_under_their_mappings() {
    let cases = [
        "grow",
        "shrink",
        "shrink_and_grow",
        "named",
        "reopen",
        "punch",
        "allocate",
        "collapse",
        "insert",
        "zero",
        "overwrite",
        "append",
        "copies",
        "replaced",
        "stores",
    ];
    each("changes", &cases.map(|case| (case, 1)));
}

/// The program sees the same under the recorder.
#[test]
fn changed_files_are_as_without_a_recorder() {
    if !installed("changed_files_are_as_without_a_recorder", &["gcc"]) {
        return;
    }
    for case in ["shrink_and_grow", "copies", "stores"] {
        let stage = Stage::new();
        build(&stage, "changes");
        let bare = stage.run(stage.command(stage.path("changes")).arg(case));
        let recorded = record(&stage, &["./changes", case]);
        assert_eq!((bare.text(), bare.status), (recorded.text(), recorded.status), "{case}");
    }
}

/// What the kernel makes of robust futexes when their owner ends.
#[test]
fn robust_futexes_of_tasks_that_end() {
    each("robust", &["killed", "crashed", "exits", "inherits", "thread"].map(|case| (case, 1)));
    each("robust", &[("waited", 5)]);
}

/// 32-bit programs register another list.
#[test]
fn robust_futexes_of_32_bits() {
    if !installed("robust_futexes_of_32_bits", &[GCC_32]) {
        return;
    }
    let stage = Stage::new();
    stage.write("r.c", include_str!("../../../../fixtures/replay/robust.c"));
    let built = stage.sh(&format!("{GCC_32} -Wall -Wextra -O1 -pthread -o r r.c"));
    assert!(built.status.success(), "{built:?}");
    for case in ["killed", "thread"] {
        let recorded = record(&stage, &["./r", case]);
        assert_eq!(recorded.text().matches("owner died").count(), 3, "{recorded:?}");
        same(&recorded, &stage.sysreel(&["replay", "run.reel"]));
    }
}

/// The memory of a program is gone when another has taken its place.
#[test]
fn an_execve_that_gives_up_robust_futexes_is_refused() {
    if !installed("an_execve_that_gives_up_robust_futexes_is_refused", &["gcc"]) {
        return;
    }
    let stage = Stage::new();
    build(&stage, "robust");
    let mut command = stage.command(SYSREEL);
    command.args(["record", "--replayable", "-o", "run.reel", "--", "./robust", "executes"]);
    let why = "a task executed a program while it held robust futexes";
    let recorded = stage.run(&mut command);
    assert!(recorded.stderr.contains(why), "{recorded:?}");
    stage.sysreel(&["replay", "run.reel"]).fails(3, &[why]);
}
