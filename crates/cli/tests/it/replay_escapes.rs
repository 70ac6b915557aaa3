//! Nothing that a log says has an effect outside of its replay.

use crate::replay_mutations::{Place, read, rewritten};
use crate::stage::{SYSREEL, Stage, installed};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use sysreel_format::Item;

/// How many logs are tried. Each takes about as long as a start of the program.
const LOGS: u64 = 5000;

/// Does what must not happen in a replay: writes files, connects, makes processes that live on.
const PROGRAM: &str = r#"
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int count, char **words) {
    int fd = open("data", O_RDWR | O_CREAT, 0600);
    if (ftruncate(fd, 8192)) return 1;
    char *shared = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *own = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    own[0] = shared[1] = 'x';
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(words[count - 1]))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    connect(peer, (struct sockaddr *)&to, sizeof to);
    if (write(peer, "hello", 5) != 5 || pwrite(fd, "other", 5, 100) != 5) return 2;
    pid_t child = fork();
    if (!child) {
        shared[2] = 'y';
        rename("data", "moved");
        _exit(unlink("moved"));
    }
    int status;
    waitpid(child, &status, 0);
    mprotect(own, 4096, PROT_READ);
    own = mremap(own, 65536, 131072, MREMAP_MAYMOVE);
    munmap(own, 131072);
    kill(getppid(), 0);
    return write(1, "done\n", 5) != 5;
}
"#;

/// The processes of each session, but for those that have ended (proc(5)).
fn sessions() -> BTreeMap<i64, BTreeSet<i64>> {
    let mut found: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(text) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((head, tail)) = text.rsplit_once(") ") else { continue };
        let fields: Vec<&str> = tail.split(' ').collect();
        let pid = head.split(' ').next().and_then(|pid| pid.parse().ok());
        if let (Some(pid), Ok(session), false) = (pid, fields[3].parse(), fields[0] == "Z") {
            found.entry(session).or_default().insert(pid);
        }
    }
    found
}

/// Names, inodes, lengths and times of the files in a folder.
fn files(folder: &Path) -> Vec<(std::ffi::OsString, u64, u64, i64)> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .flatten()
        .filter(|entry| {
            // The logs, and the outputs that the stage keeps.
            let name = entry.file_name().into_string().unwrap();
            !name.ends_with(".reel") && !name.starts_with('.')
        })
        .map(|entry| {
            let data = entry.metadata().unwrap();
            (entry.file_name(), data.ino(), data.len(), data.mtime_nsec() ^ data.ctime_nsec())
        })
        .collect();
    found.sort();
    found
}

/// Changed logs of a program with all kinds of effects have none: no process lives on, no file
/// changes, and no connection is made.
#[test]
#[ignore = "takes about ten minutes"]
fn long_changed_logs_have_no_effect() {
    let name = "long_changed_logs_have_no_effect";
    if !installed(name, &["gcc", "timeout", "setsid"]) {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let stage = Stage::new();
    stage.write("program.c", PROGRAM);
    assert!(stage.sh("gcc -O1 -w -static -o program program.c").status.success());
    let mut command = stage.command(SYSREEL);
    command.args(["record", "--replayable", "-q", "-o", "run.reel", "--", "./program", &port]);
    let recorded = stage.run(&mut command);
    assert_eq!((recorded.text(), recorded.status.code()), ("done\n".into(), Some(0)));
    drop(listener.accept().unwrap());
    listener.set_nonblocking(true).unwrap();
    let log = read(&stage.path("run.reel"));
    let (mut events, mut lengths) = (log.events(), Vec::new());
    while let Some(item) = events.next().unwrap() {
        let Item::Event(event) = item else { panic!("a hole") };
        lengths.push((event.number, event.body.len()));
    }
    lengths.retain(|(_, len)| *len > 0);
    stage.write("kept", "as it was");
    let before = files(stage.folder());

    // The sequence is the same in each run of the test.
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |most: usize| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % most
    };
    let mut ends: BTreeMap<Option<i32>, u32> = BTreeMap::new();
    for _ in 0..LOGS {
        let (event, len) = lengths[next(lengths.len())];
        let place = Place { event, blob: None, at: next(len), asked: false };
        fs::write(stage.path("changed.reel"), rewritten(&log, Some(place))).unwrap();
        let mut command = stage.command("setsid");
        command.args(["--wait", "sh", "-c"]);
        command
            .arg("echo $$; exec timeout -s KILL 20 \"$0\" replay -q --patience 2 changed.reel >&2");
        let replayed = stage.run(command.arg(SYSREEL));
        let session: i64 = replayed.text().trim().parse().unwrap();
        replayed.never_panics();
        *ends.entry(replayed.status.code()).or_default() += 1;
        let alive = sessions().remove(&session);
        assert_eq!(alive, None, "{place:?}: processes of a replay live on");
        assert_eq!(files(stage.folder()), before, "{place:?}: files have changed");
        let connected = listener.accept().map(drop).map_err(|error| error.kind());
        assert_eq!(connected, Err(ErrorKind::WouldBlock), "{place:?}: somebody connected");
    }
    eprintln!("{LOGS} changed logs, by exit status: {ends:?}");
}
