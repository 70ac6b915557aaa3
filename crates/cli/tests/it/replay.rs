//! A recording made with `--replayable` runs again from its log alone, with the same output and the
//! same end, and every call is compared.

use crate::program::program;
use crate::stage::{Ran, SYSREEL, Stage, installed};
use std::fs;

/// How often each log is replayed.
pub(crate) const TIMES: usize = 3;

/// Records a shell script, replays it, and compares. `needs` are the programs that it starts.
#[track_caller]
pub(crate) fn replays(needs: &[&str], script: &str) {
    if !installed(needs.first().copied().unwrap_or("sh"), needs) {
        return;
    }
    let stage = Stage::new();
    // The script is a file, so that its inputs can be removed afterwards.
    stage.write("script", script);
    let recorded = record(&stage, &["sh", "script"]);
    for entry in fs::read_dir(stage.folder()).unwrap() {
        let path = entry.unwrap().path();
        let is_log = path.extension().is_some_and(|extension| extension == "reel");
        if !is_log && path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else if !is_log {
            fs::remove_file(path).unwrap();
        }
    }
    for _ in 0..TIMES {
        same(&recorded, &stage.sysreel(&["replay", "run.reel"]));
    }
}

#[track_caller]
pub(crate) fn record(stage: &Stage, words: &[&str]) -> Ran {
    let mut command = stage.command(SYSREEL);
    command.args(["record", "--replayable", "-q", "-o", "run.reel", "--"]).args(words);
    let ran = stage.run(&mut command);
    assert!(!ran.stderr.contains("cannot be replayed"), "{ran:?}");
    ran
}

#[track_caller]
pub(crate) fn same(recorded: &Ran, replayed: &Ran) {
    assert_eq!(replayed.status.code(), Some(0), "{replayed:?}");
    assert_eq!(recorded.text(), replayed.text());
    let (told, errors): (Vec<&str>, Vec<&str>) =
        replayed.stderr.lines().partition(|line| line.starts_with("sysreel: replayed "));
    assert_eq!(told.len(), 1, "{replayed:?}");
    assert_eq!(recorded.stderr.lines().collect::<Vec<_>>(), errors);
}

#[test]
fn one_process() {
    replays(&["ls"], "exec ls -la /usr/include");
    replays(&["sort"], "seq 1 2000 > numbers; exec sort -r numbers");
}

#[test]
fn outputs_that_vary_are_those_of_the_recording() {
    replays(
        &["date", "od"],
        "date +%s%N; echo $$; od -An -N8 -tx8 /dev/urandom; cat /proc/self/stat",
    );
    replays(&["bash"], "exec bash -c 'echo $RANDOM $$ $BASHPID $EPOCHREALTIME; ls -di .'");
    replays(&["perl"], r#"exec perl -e 'print rand(), " $$ ", time(), "\n"'"#);
    replays(
        &["sqlite3"],
        r#"exec sqlite3 :memory: "select hex(randomblob(8)), julianday('now');""#,
    );
}

#[test]
fn pipes_subshells_traps_and_statuses() {
    replays(
        &["bash", "sort", "tr"],
        "exec bash -c 'ls /usr | sort -r | tr a-z A-Z | head -3; exit 3'",
    );
    replays(
        &["bash"],
        r#"exec bash -c 'trap "echo got it" USR1; kill -USR1 $$; (exit 5) & wait $!; echo $?'"#,
    );
    replays(
        &["bash"],
        r#"exec bash -c 'set -m; sleep 0.1 & jobs; wait; echo "$(echo inner >&2)"; kill -TERM $$'"#,
    );
    replays(&["tar", "xz"], "mkdir d; seq 1 3000 > d/a; tar c d | xz | tar tJv");
}

#[test]
fn interpreters_and_compilers() {
    replays(
        &["python3"],
        "exec /usr/bin/env -i /usr/bin/python3 -c 'import random, time, os, json; \
         print(random.random(), time.time(), os.getpid())'",
    );
    replays(
        &["python3", "date"],
        "exec /usr/bin/python3 -c 'import subprocess; print(subprocess.run([\"date\"], \
         capture_output=True).stdout)'",
    );
    replays(
        &["gcc"],
        "printf 'int main(void) { return 3; }' > a.c; gcc -O1 -o a a.c; ./a; echo $?",
    );
    replays(
        &["git"],
        "git init -q r; cd r; git config user.name n; git config user.email e@example.org
         echo 1 > f; git add f; git commit -qm first; git log --stat; git clone -q . ../s; ls ../s",
    );
}

const RACE: &str = include_str!("../../../../fixtures/replay/race.c");

#[test]
fn threads_and_races() {
    for flags in ["", "-static"] {
        let script = format!(
            "cat > r.c <<'END'\n{RACE}\nEND\ngcc -O1 {flags} -pthread -o r r.c && exec ./r"
        );
        replays(&["gcc"], &script);
    }
    replays(
        &["python3"],
        "cat > t.py <<'END'
import queue, threading, time
q = queue.Queue()
def put(i):
    for k in range(10):
        q.put((i, k))
        time.sleep(0.0005)
threads = [threading.Thread(target=put, args=(i,)) for i in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
print(list(q.queue))
END
exec /usr/bin/python3 t.py",
    );
}

/// Two tasks that wait for each other without a call must not block the recording or the replay.
#[test]
fn tasks_that_spin() {
    let script = r#"cat > s.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static volatile int turn;
static void *answer(void *none) {
    for (int i = 1; i < 4; i++) {
        usleep(1000);
        turn = i;
        while (turn == i);
    }
    return none;
}
int main(void) {
    pthread_t thread;
    pthread_create(&thread, 0, answer, 0);
    for (int i = 1; i < 4; i++) {
        while (turn != i) __builtin_ia32_pause();
        printf("round %d\n", i);
        fflush(stdout);
        turn = -1;
    }
    return pthread_join(thread, 0);
}
END
gcc -O1 -pthread -o s s.c && exec ./s"#;
    replays(&["gcc"], script);
}

#[test]
fn signals_that_come_at_any_time() {
    replays(
        &["python3"],
        "cat > s.py <<'END'
import signal, time
n = 0
def count(number, frame):
    global n
    n += 1
signal.signal(signal.SIGALRM, count)
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
start, turns = time.time(), 0
while time.time() - start < 0.1: turns += 1
signal.setitimer(signal.ITIMER_REAL, 0)
print(n, turns)
END
exec /usr/bin/python3 s.py",
    );
}

#[test]
fn many_processes_and_servers() {
    replays(
        &["make", "gcc"],
        r#"for i in 1 2 3 4; do echo "int f$i(int x) { return x + $i; }" > f$i.c; done
        printf 'all: f1.o f2.o f3.o f4.o\n\t@echo linked\n%%.o: %%.c\n\tgcc -O1 -c $< -o $@\n' > Makefile
        exec make -j4"#,
    );
    replays(
        &["python3", "curl"],
        "cat > s.py <<'END'
import http.server, threading, subprocess
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'served ' + self.path.encode())
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f'http://127.0.0.1:{server.server_port}/'
print([subprocess.run(['curl', '-s', url + str(i)], capture_output=True).stdout for i in range(3)])
server.shutdown()
END
exec /usr/bin/python3 s.py",
    );
    replays(
        &["sqlite3"],
        r#"exec sqlite3 w.db "pragma journal_mode=wal; create table t(a);
        insert into t values (random());
           select * from t; pragma wal_checkpoint;""#,
    );
}

/// The behavior that the fixtures exercise is replayed: restarts, odd numbers, other
/// architectures, ends of all kinds.
#[test]
fn fixtures() {
    #[rustfmt::skip]
    const NAMES: [&str; 20] = [
        "all_futexes", "clone_flags", "closed_standard_fds", "death_by_segv", "epoll_server",
        "exec_arch",
        "exec_from_thread", "exec_leader_gone", "exit_group_siblings", "group_stop", "int80_mixed",
        "kill_in_pause",
        "nr_values", "read_interrupted", "restart_after_stop", "seccomp_kills", "signal_kinds",
        "sigreturn_value",
        "threads_die_in_calls", "vfork_exec",
    ];
    fixtures_replay(&NAMES);
}

#[test]
#[ignore = "long: every fixture program"]
fn long_all_fixtures() {
    let names: Vec<String> = fs::read_dir(crate::program::folder())
        .unwrap()
        .filter_map(|entry| {
            Some(entry.unwrap().file_name().to_str()?.strip_suffix(".c")?.to_owned())
        })
        .collect();
    fixtures_replay(&names.iter().map(String::as_str).collect::<Vec<_>>());
}

#[track_caller]
fn fixtures_replay(names: &[&str]) {
    for name in names {
        let (stage, program) = (Stage::new(), program(name));
        let mut words = vec![program.binary.to_str().unwrap()];
        words.extend(program.arguments.iter().map(String::as_str));
        let recorded = record(&stage, &words);
        let replayed = stage.sysreel(&["replay", "run.reel"]);
        assert_eq!(replayed.status.code(), Some(0), "{name}: {replayed:?}");
        assert_eq!(recorded.text(), replayed.text(), "{name}");
    }
}
