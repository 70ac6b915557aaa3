//! Real programs, recorded and replayed repeatedly, racy ones on a loaded machine. No recording may
//! be replayed otherwise than it was recorded.

use crate::stage::{GCC_32, Running, SYSREEL, Stage, installed};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::Stdio;

/// A program: its name, what must be installed, a shell script.
struct Case(&'static str, &'static [&'static str], &'static str);

#[rustfmt::skip]
const PROGRAMS: &[Case] = &[
    Case("coreutils", &["ls", "sort"],
        "ls -laR /usr/share/doc > list 2>&1; wc list; sort list | uniq -c | sort -rn | head -3; \
         date +%N; stat .; id; df . | wc -l; seq 99 | shuf | md5sum"),
    Case("bash: pipes, traps, job control", &["bash", "sort", "tr"], r#"exec bash -c '
        set -m; trap "echo usr1" USR1; trap "echo bye" EXIT
        ls /usr | sort -r | tr a-z A-Z | head -3
        sleep 0.05 & jobs; kill -USR1 $$; wait %1; echo $? $RANDOM $EPOCHREALTIME
        (sleep 5 & kill %1; wait %1; echo killed $?); cat <(echo one) <(echo two); coproc cat; echo hi >&${COPROC[1]}; read -u ${COPROC[0]} x; echo $x'"#),
    Case("tar | xz", &["tar", "xz"],
        "mkdir d; seq 1 5000 > d/a; cp /bin/ls d; tar c d | xz -T2 | tee x.xz | xz -d | tar tv; xz \
         -l x.xz"),
    Case("git commit, log, clone", &["git"],
        r#"export GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e
        git init -q r; cd r; for i in 1 2 3; do seq $i 99 > f$i; git add .; git commit -qm "no $i"; done
        git log --stat; git clone -q "file://$PWD" ../s; cd ../s; git gc -q; git fsck; ls"#),
    Case("python3: imports, random, time", &["python3"],
        "exec /usr/bin/python3 -c 'import random, time, os, json, http.client, sqlite3, decimal, \
         email, uuid; print(random.random(), time.time(), time.perf_counter(), os.getpid(), \
         uuid.uuid4(), {str(i) for i in range(9)}, hash(\"a\"))'"),
    Case("python3: threads", &["python3"], THREADS),
    Case("python3: subprocess", &["python3"],
        "exec /usr/bin/python3 -c 'import subprocess\nfor i in range(5): \
         print(subprocess.run([\"sh\", \"-c\", \"echo $$; exit 3\"], capture_output=True))\np = \
         subprocess.Popen([\"sleep\", \"9\"]); p.terminate(); print(p.wait())'"),
    Case("python3: asyncio", &["python3"], "cat > a.py <<'END'
import asyncio, random
async def one(i):
    await asyncio.sleep(random.random() / 100); print(i, end=' ')
async def serve(r, w):
    w.write(await r.readline()); await w.drain(); w.close()
async def main():
    await asyncio.gather(*map(one, range(9)))
    s = await asyncio.start_server(serve, '127.0.0.1', 0)
    for i in range(5):
        r, w = await asyncio.open_connection(*s.sockets[0].getsockname()); w.write(b'%d\\n' % i); print(await r.read()); w.close()
    p = await asyncio.create_subprocess_exec('date', '+%N', stdout=-1); print(await p.communicate())
    print(await asyncio.to_thread(sum, range(999)))
asyncio.run(main())
END
exec /usr/bin/python3 a.py"),
    Case("python3: signals", &["python3"], SIGNALS),
    Case("perl", &["perl"],
        r#"exec perl -e 'use Socket; $SIG{ALRM} = sub { print "alarm\n" }; alarm 1;
        select undef, undef, undef, 1.2; print rand(), " $$ ", time(), "\n"; print `date`;
        if (my $p = fork) { waitpid $p, 0; print $? >> 8, "\n" } else { exit 7 };
        %h = map { $_ => 1 } 1..9; print keys %h'"#),
    Case("gcc hello.c", &["gcc"],
        "printf '#include <stdio.h>\nint main(void) { return puts(\"hello\") < 0; }' > hello.c; \
         gcc -O2 -Wall -pipe -o hello hello.c && ./hello; gcc -print-search-dirs | wc"),
    Case("make -j4", &["make", "gcc"],
        r#"for i in 1 2 3 4 5 6; do echo "int f$i(int x) { return x + $i; }" > f$i.c; done
        printf 'all: f1.o f2.o f3.o f4.o f5.o f6.o\n\tar rcs l.a $^\n\t@date\n%%.o: %%.c\n\tgcc -O1 -c $< -o $@\n' > Makefile; exec make -j4"#),
    Case("sqlite3 with WAL", &["sqlite3"], r#"exec sqlite3 w.db "pragma journal_mode=wal;
        create table t(a, b); insert into t select value, random() from generate_series(1, 500);
        select sum(b), count(*) from t; pragma wal_checkpoint; create index i on t(b); vacuum; select hex(randomblob(8)), julianday('now'); pragma integrity_check;""#),
    Case("curl to a local server", &["python3", "curl"], "cat > s.py <<'END'
import http.server, threading, subprocess
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'served ' + self.path.encode() * 999)
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f'http://127.0.0.1:{server.server_port}/'
print([len(subprocess.run(['curl', '-sv', url + str(i)], capture_output=True).stdout) for i in range(3)])
server.shutdown()
END
exec /usr/bin/python3 s.py"),
    Case("forking server under load, SIGTERM", &["gcc"],
        concat!("cat > s.c <<'END'\n", include_str!("../../../../fixtures/replay/server.c"),
            "\nEND\ngcc -O1 -pthread -o s s.c && exec ./s fork")),
    Case("threaded server under load, SIGTERM", &["gcc"],
        concat!("cat > s.c <<'END'\n", include_str!("../../../../fixtures/replay/server.c"),
            "\nEND\ngcc -O1 -pthread -o s s.c && exec ./s thread")),
    Case("static binary", &["gcc"],
        concat!("cat > s.c <<'END'\n", include_str!("../../../../fixtures/replay/server.c"),
            "\nEND\ngcc -O1 -static -pthread -o s s.c && exec ./s thread")),
    Case("i386 binary without a C library", &["gcc"],
        concat!("cat > e.c <<'END'\n", include_str!("../../../../fixtures/replay/i386.c"),
            "\nEND\ngcc -m32 -O1 -nostdlib -static -ffreestanding -fno-stack-protector -no-pie -o \
             e e.c && exec ./e")),
    Case("i386 binary", &[GCC_32],
        concat!("cat > i.c <<'END'\n", include_str!("../../../../fixtures/replay/i386_libc.c"),
            "\nEND\ngcc -m32 -idirafter /usr/include/x86_64-linux-gnu -O1 -pthread -o i i.c && \
             exec ./i")),
    Case("i386 static binary", &[GCC_32],
        concat!("cat > i.c <<'END'\n", include_str!("../../../../fixtures/replay/i386_libc.c"),
            "\nEND\ngcc -m32 -idirafter /usr/include/x86_64-linux-gnu -O1 -static -pthread -o i \
             i.c && exec ./i")),
];

/// Programs with races of tasks, signals and clocks.
#[rustfmt::skip]
const RACY: &[Case] = &[
    Case("python3: threads", &["python3"], THREADS),
    Case("python3: signals", &["python3"], SIGNALS),
    Case("threads with a lock", &["gcc"], RACE),
    Case("forking server", &["gcc"],
        concat!("cat > s.c <<'END'\n", include_str!("../../../../fixtures/replay/server.c"),
            "\nEND\ngcc -O1 -pthread -o s s.c && exec ./s fork")),
    Case("threaded server", &["gcc"],
        concat!("cat > s.c <<'END'\n", include_str!("../../../../fixtures/replay/server.c"),
            "\nEND\ngcc -O1 -pthread -o s s.c && exec ./s thread")),
    Case("bash: background jobs", &["bash"],
        r#"exec bash -c 'for i in 1 2 3 4 5; do (echo $i $EPOCHREALTIME; kill -USR1 $$) & done
        trap "echo usr1" USR1; wait; wait; wait; wait; wait; wait; echo end'"#),
];

const THREADS: &str = "cat > t.py <<'END'
import queue, threading, time
q = queue.Queue()
def put(i):
    for k in range(10):
        q.put((i, k)); time.sleep(0.0005)
threads = [threading.Thread(target=put, args=(i,)) for i in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
print(list(q.queue))
END
exec /usr/bin/python3 t.py";

const SIGNALS: &str = "cat > s.py <<'END'
import signal, time, os
n = 0
def count(number, frame):
    global n
    n += 1
signal.signal(signal.SIGALRM, count); signal.signal(signal.SIGUSR1, count)
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
start, turns = time.time(), 0
while time.time() - start < 0.1: turns += 1; turns % 50 or os.kill(os.getpid(), signal.SIGUSR1)
signal.setitimer(signal.ITIMER_REAL, 0)
print(n, turns)
END
exec /usr/bin/python3 s.py";

const RACE: &str = concat!(
    "cat > r.c <<'END'\n",
    include_str!("../../../../fixtures/replay/race.c"),
    "\nEND\ngcc -O1 -pthread -o r r.c && exec ./r"
);

/// Records a program, removes its inputs, and replays it. The error says what differed.
fn once(Case(_, _, script): &Case) -> Result<(), String> {
    let stage = Stage::new();
    stage.write("script", script);
    let mut command = stage.command(SYSREEL);
    let recorded = stage.run(command.args([
        "record",
        "--replayable",
        "-q",
        "-o",
        "run.reel",
        "--",
        "sh",
        "script",
    ]));
    if recorded.stdout.is_empty() || recorded.stderr.contains("cannot be replayed") {
        return Err(format!("recorded: {recorded:?}"));
    }
    for entry in fs::read_dir(stage.folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else if path.extension().is_none_or(|extension| extension != "reel") {
            fs::remove_file(path).unwrap();
        }
    }
    let replayed = stage.sysreel(&["replay", "run.reel"]);
    let (ends, errors): (Vec<&str>, Vec<&str>) =
        replayed.stderr.lines().partition(|line| line.starts_with("sysreel: replayed "));
    let same = replayed.status.code() == Some(0)
        && ends.len() == 1
        && recorded.stdout == replayed.stdout
        && recorded.stderr.lines().eq(errors);
    if same { Ok(()) } else { Err(format!("recorded: {recorded:?}\nreplayed: {replayed:?}")) }
}

/// Prints past the capture of the test harness.
fn told(line: &str) {
    _ = writeln!(fs::File::options().append(true).open("/dev/stderr").unwrap(), "{line}");
}

#[track_caller]
fn all(test: &str, cases: &[Case], times: usize) {
    let (mut table, mut failures) = (String::new(), String::new());
    for case in cases {
        let Case(name, needs, _) = case;
        if !installed(test, needs) {
            continue;
        }
        let mut same = 0;
        for _ in 0..times {
            match once(case) {
                Ok(()) => same += 1,
                Err(why) => _ = writeln!(failures, "{name}: {why}\n"),
            }
        }
        _ = writeln!(table, "{same:4} of {times} {name}");
    }
    told(&table);
    assert!(failures.is_empty(), "{failures}");
}

#[test]
#[ignore = "long: real programs, ten times each"]
fn long_real_programs_ten_times() {
    all("long_real_programs_ten_times", PROGRAMS, 10);
}

#[test]
#[ignore = "long: racy programs under load, a hundred times each"]
fn long_racy_programs_under_load() {
    let stage = Stage::new();
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let hog = |_| {
        let mut command = stage.command("sh");
        Running::start(command.args(["-c", "while :; do :; done"]).stdout(Stdio::null()))
    };
    let _hogs: Vec<Running> = (0..2 * cpus).map(hog).collect();
    all("long_racy_programs_under_load", RACY, 100);
}
