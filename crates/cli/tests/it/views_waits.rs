//! `waits`: deadlocks of real programs, while they last and after they were killed.

use serde_json::Value;

use crate::stage::{Running, Stage, installed, kill, kill_all, until};
use crate::views::{all, record, text, view};

/// Two processes that wait for each other: by read(2), by select(2), over a Unix socket that one of
/// them accepted.
const DEADLOCKS: [&str; 3] = [
    r#"use Socket; socket(L,AF_UNIX,SOCK_STREAM,0); bind(L,sockaddr_un("s")); listen(L,1);
    if (!fork) { socket(C,AF_UNIX,SOCK_STREAM,0); connect(C,sockaddr_un("s")); sysread(C,$b,1); exit }
    accept(S,L); sysread(S,$b,1)"#,
    r#"pipe(A,B); pipe(C,D); if (!fork) { sysread(A,$b,1); exit } sysread(C,$b,1)"#,
    r#"pipe(A,B); pipe(C,D); sub r { vec($r="",fileno($_[0]),1)=1; select($r,undef,undef,undef) }
    if (!fork) { r(*A); exit } r(*C)"#,
];

#[test]
fn waits_finds_a_deadlock_while_it_lasts_and_after_a_kill() {
    if !installed("waits_finds_a_deadlock_while_it_lasts_and_after_a_kill", &["perl"]) {
        return;
    }
    for script in DEADLOCKS {
        finds_deadlock(script);
    }
}

fn finds_deadlock(script: &str) {
    let stage = Stage::new();
    let mut command = stage.command(crate::stage::SYSREEL);
    command.args(["record", "-q", "-o", "r.reel", "--", "perl", "-e", script]);
    let running = Running::start(&mut command);
    let stuck = |waits: &Value| all(waits, "waits").iter().filter(|w| w["stuck"] == true).count();
    until("both wait", || {
        stage.path("r.reel").exists()
            && serde_json::from_slice(&stage.sysreel(&["waits", "r.reel", "--json"]).stdout)
                .is_ok_and(|waits: Value| stuck(&waits) == 2)
    });
    let (waits, status) = view(&stage, &["waits", "r.reel"]);
    assert_eq!(status, 0, "a log that is being written is not damaged");
    let causes: Vec<&str> = all(&waits, "waits").iter().map(|w| text(w, "cause")).collect();
    let cause = causes[0];
    assert!(["pipe", "poll", "socket"].contains(&cause) && causes == [cause; 2], "{causes:?}");
    let pids: Vec<u32> = all(&waits, "waits")
        .iter()
        .map(|w| u32::try_from(w["pid"].as_u64().unwrap()).unwrap())
        .collect();
    for wait in all(&waits, "waits") {
        let others: Vec<i64> =
            all(wait, "others").iter().map(|o| o["pid"].as_i64().unwrap()).collect();
        // Both processes hold the writing end of a pipe.
        let holders = if cause == "socket" { 1 } else { 2 };
        assert_eq!(others.len(), holders, "{others:?}");
    }
    kill_all(&pids, "TERM");
    running.wait();
    let (after, _) = view(&stage, &["waits", "r.reel"]);
    assert_eq!((text(&after, "moment"), stuck(&after)), ("before_kill", 2), "{after}");
    let shown = stage.sysreel(&["waits", "r.reel"]).text();
    assert!(shown.contains("DEADLOCK"), "{shown}");
}

/// A read with a timeout ends by itself, one of which the timeout was only asked for does not.
#[test]
fn waits_knows_timeouts_of_sockets() {
    if !installed("waits_knows_timeouts_of_sockets", &["perl"]) {
        return;
    }
    let pair = "use Socket; socketpair(A,B,AF_UNIX,SOCK_STREAM,0);";
    let set = r#"setsockopt(A,SOL_SOCKET,SO_RCVTIMEO,pack("q2",1000,0));"#;
    let unset = r#"setsockopt(A,SOL_SOCKET,SO_RCVTIMEO,pack("q2",0,0));"#;
    for (options, stuck) in [
        ("getsockopt(A,SOL_SOCKET,SO_RCVTIMEO);".to_owned(), true),
        (set.to_owned(), false),
        (format!("{set} {unset}"), true),
    ] {
        let stage = Stage::new();
        let mut command = stage.command(crate::stage::SYSREEL);
        let script = format!("{pair} {options} sysread(A,$b,1)");
        command.args(["record", "-q", "-o", "r.reel", "--", "perl", "-e", &script]);
        let running = Running::start(&mut command);
        let waits = || -> Value {
            serde_json::from_slice(&stage.sysreel(&["waits", "r.reel", "--json"]).stdout)
                .unwrap_or_default()
        };
        let reads = |wait: &Value| text(wait, "call").starts_with("read(3");
        let waits_on_socket = |wait: &Value| reads(wait) && text(wait, "cause") == "socket";
        until("it waits", || {
            stage.path("r.reel").exists() && all(&waits(), "waits").iter().any(waits_on_socket)
        });
        let found = waits();
        let wait = &all(&found, "waits")[0];
        assert_eq!((&wait["stuck"], &wait["timeout"]), (&stuck.into(), &(!stuck).into()), "{wait}");
        kill(u32::try_from(wait["pid"].as_u64().unwrap()).unwrap(), "KILL");
        running.wait();
    }
}

/// A write that a signal cuts short returns what it has written, and no error.
#[test]
fn waits_shows_a_call_that_a_fatal_signal_has_cut_short() {
    if !installed("waits_shows_a_call_that_a_fatal_signal_has_cut_short", &["perl"]) {
        return;
    }
    let stage = Stage::new();
    let mut command = stage.command(crate::stage::SYSREEL);
    let script = r#"pipe(A,B); syswrite(B,"x"x100000)"#;
    command.args(["record", "-q", "-o", "r.reel", "--", "perl", "-e", script]);
    let running = Running::start(&mut command);
    let waits = || -> Value {
        serde_json::from_slice(&stage.sysreel(&["waits", "r.reel", "--json"]).stdout)
            .unwrap_or_default()
    };
    until("it waits", || {
        stage.path("r.reel").exists() && all(&waits(), "waits").iter().any(|w| w["stuck"] == true)
    });
    kill(u32::try_from(all(&waits(), "waits")[0]["pid"].as_u64().unwrap()).unwrap(), "TERM");
    running.wait();
    let after = waits();
    let wait = &all(&after, "waits")[0];
    assert_eq!((text(&after, "moment"), text(wait, "cause")), ("before_kill", "pipe"), "{after}");
    assert!(text(wait, "call").starts_with("write("), "{wait}");
    let shown = stage.sysreel(&["waits", "r.reel"]).text();
    assert!(shown.contains("waits for itself"), "{shown}");
}

#[test]
fn waits_does_not_call_it_a_deadlock_if_somebody_can_act() {
    // cat waits for the shell, which has the writing end of the FIFO and waits for a child that
    // sleeps.
    let stage = Stage::new();
    let mut command = stage.command(crate::stage::SYSREEL);
    let script = "mkfifo q; cat <q & exec 3>q; sleep 1000";
    command.args(["record", "-q", "-o", "r.reel", "--", "sh", "-c", script]);
    let running = Running::start(&mut command);
    let waits = || -> Value {
        serde_json::from_slice(&stage.sysreel(&["waits", "r.reel", "--json"]).stdout)
            .unwrap_or_default()
    };
    let has = |waits: &Value, cause: &str| {
        all(waits, "waits").iter().any(|wait| text(wait, "cause") == cause)
    };
    until("all wait", || {
        stage.path("r.reel").exists() && {
            let waits = waits();
            ["pipe", "child", "timer"].iter().all(|cause| has(&waits, cause))
        }
    });
    let waits = waits();
    for wait in all(&waits, "waits") {
        assert_eq!(wait["stuck"], false, "{waits}");
        kill_all(&[u32::try_from(wait["pid"].as_u64().unwrap()).unwrap()], "KILL");
    }
    running.wait();
}

#[test]
fn waits_shows_nothing_for_a_program_that_ended() {
    let stage = record("true; sleep 0.01");
    let (waits, status) = view(&stage, &["waits", "r.reel"]);
    assert_eq!((status, all(&waits, "waits").len()), (0, 0));
    let (top, _) = view(&stage, &["waits", "r.reel", "--top"]);
    let timer = all(&top, "rows").iter().find(|row| text(row, "cause") == "timer").unwrap();
    assert!(timer["total_ns"].as_u64().unwrap() >= 10_000_000, "{timer}");
}

/// In each of two processes, two threads lock two mutexes in another order, and the first thread
/// joins them: it waits for a futex in a stack, which is not marked as private.
const JOINED: &str = r#"
#include <pthread.h>
#include <unistd.h>
static pthread_mutex_t m[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static pthread_barrier_t both;
static void *locks(void *arg) {
    long first = (long)arg;
    pthread_mutex_lock(&m[first]);
    pthread_barrier_wait(&both);
    pthread_mutex_lock(&m[!first]);
    return 0;
}
int main(void) {
    pthread_t a, b;
    fork();
    pthread_barrier_init(&both, 0, 2);
    pthread_create(&a, 0, locks, (void *)0);
    pthread_create(&b, 0, locks, (void *)1);
    pthread_join(a, 0);
    pthread_join(b, 0);
    return 0;
}
"#;

#[test]
fn waits_finds_a_deadlock_in_each_process_whose_threads_are_joined() {
    if !installed("waits_finds_a_deadlock_in_each_process_whose_threads_are_joined", &["gcc"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("joined.c", JOINED);
    assert!(stage.sh("gcc -O1 -pthread -o joined joined.c").status.success());
    let mut command = stage.command(crate::stage::SYSREEL);
    command.args(["record", "-q", "-o", "r.reel", "--", "./joined"]);
    let running = Running::start(&mut command);
    let waits = || -> Value {
        serde_json::from_slice(&stage.sysreel(&["waits", "r.reel", "--json"]).stdout)
            .unwrap_or_default()
    };
    until("all wait", || {
        let waits = waits();
        all(&waits, "waits").iter().filter(|wait| wait["stuck"] == true).count() == 6
    });
    let found = waits();
    let of = |wait: &Value| (wait["pid"].as_u64().unwrap(), wait["deadlock"].as_u64().unwrap());
    let deadlocks: std::collections::BTreeSet<_> = all(&found, "waits").iter().map(of).collect();
    let numbers: std::collections::BTreeSet<u64> = deadlocks.iter().map(|of| of.1).collect();
    assert_eq!((deadlocks.len(), numbers), (2, [1, 2].into()), "{found}");
    let shown = stage.sysreel(&["waits", "r.reel"]).text();
    assert_eq!(shown.matches("DEADLOCK:").count(), 2, "{shown}");
    let pids: Vec<u32> = deadlocks.iter().map(|(pid, _)| u32::try_from(*pid).unwrap()).collect();
    kill_all(&pids, "KILL");
    running.wait();
}

/// A client waits for a server that has forked a helper before it accepted: the helper has the
/// socket that listens, and cannot answer.
const HELPER: &str = r#"use Socket; socket(L,AF_INET,SOCK_STREAM,0);
    bind(L,sockaddr_in(0,INADDR_LOOPBACK)); listen(L,5); $a=getsockname(L); pipe(A,B);
    if (!fork) { close B; sysread(A,$b,1); exit }
    if (!fork) { close B; close L; socket(C,AF_INET,SOCK_STREAM,0); connect(C,$a); sysread(C,$b,1); exit }
    accept(S,L); sysread(S,$b,1)"#;

#[test]
fn waits_does_not_name_an_inherited_listening_socket() {
    if !installed("waits_does_not_name_an_inherited_listening_socket", &["perl"]) {
        return;
    }
    let stage = Stage::new();
    let mut command = stage.command(crate::stage::SYSREEL);
    command.args(["record", "-q", "-o", "r.reel", "--", "perl", "-e", HELPER]);
    let running = Running::start(&mut command);
    let waits = || -> Value {
        serde_json::from_slice(&stage.sysreel(&["waits", "r.reel", "--json"]).stdout)
            .unwrap_or_default()
    };
    let sockets =
        |waits: &Value| all(waits, "waits").iter().filter(|w| text(w, "cause") == "socket").count();
    let reads =
        |waits: &Value| all(waits, "waits").iter().all(|w| text(w, "call").starts_with("read("));
    until("all wait", || {
        stage.path("r.reel").exists() && {
            let waits = waits();
            all(&waits, "waits").len() == 3 && sockets(&waits) == 2 && reads(&waits)
        }
    });
    let found = waits();
    let pid = |value: &Value| value["pid"].as_u64().unwrap();
    let waiting: Vec<&Value> =
        all(&found, "waits").iter().filter(|w| text(w, "cause") == "socket").collect();
    for wait in &waiting {
        let others: Vec<u64> = all(wait, "others").iter().map(pid).collect();
        let other = waiting.iter().map(|other| pid(other)).find(|other| *other != pid(wait));
        assert_eq!(others, Vec::from_iter(other), "{found}");
    }
    let pids: Vec<u32> =
        all(&found, "waits").iter().map(|w| u32::try_from(pid(w)).unwrap()).collect();
    kill_all(&pids, "KILL");
    running.wait();
}
