//! Memory in all its forms: shared, of 32-bit programs.

use crate::replay::{TIMES, record, replays, same};
use crate::stage::{GCC_32, Stage, installed};

/// Memory that is shared with a file, by two mappings and two processes, and changed by writing to the file; System V's; without a name.
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

/// They keep their threads' data in the table of segments, and have two calls behind which others stand.
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
