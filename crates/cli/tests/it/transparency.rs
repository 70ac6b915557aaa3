//! A recorded program behaves as it does bare: its output, its end, and all that it can observe of
//! its environment.

use crate::stage::{Ran, SYSREEL, Stage, each, installed};
use std::fs;
use sysreel_format::{EventKind, Origin};

/// Runs the script bare and recorded, by `bash -c`, each in an empty folder of the same name, and
/// compares.
#[track_caller]
fn same(needs: &[&str], script: &str) {
    same_under(needs, r#"exec "$@""#, script);
}

/// As [`same`], started by a shell script that has the command in "$@": it may close descriptors or
/// ignore signals first.
#[track_caller]
fn same_under(needs: &[&str], start: &str, script: &str) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    if !installed(&test, needs) {
        return;
    }
    let stage = Stage::new();
    let log = stage.path("run.reel");
    let bare = run(&stage, start, &["bash", "-c", script]);
    let record = [SYSREEL, "record", "-q", "-o", log.to_str().unwrap(), "--"];
    let recorded = run(&stage, start, &[&record[..], &["bash", "-c", script]].concat());
    assert_eq!(recorded.stderr, bare.stderr, "stderr of {script}");
    assert_eq!(recorded.text(), bare.text(), "stdout of {script}");
    assert_eq!(recorded.status, bare.status, "the end of {script}");
    let mut spawned = 0;
    let read = each(&log, |_, event| {
        if event.kind == EventKind::TASK
            && let Ok(sysreel_format::Body::Task(task)) = event.decode()
        {
            spawned += u64::from(task.head.origin == Origin::SPAWNED);
        }
    });
    assert!(read.is_clean().events > 50 && spawned == 1, "it was not recorded: {read:?}");
}

fn run(stage: &Stage, start: &str, words: &[&str]) -> Ran {
    let work = stage.path("work");
    _ = fs::remove_dir_all(&work);
    fs::create_dir(&work).unwrap();
    let mut command = stage.command("sh");
    command.args(["-c", start, "sh"]).args(words).current_dir(&work);
    stage.run(&mut command)
}

#[test]
fn a_shell_with_pipes_traps_and_subshells() {
    same(
        &["seq", "sort"],
        r#"trap 'echo trapped' USR1; kill -USR1 $$; (echo sub; exit 3); echo $?
           seq 1 2000 | grep 7 | sort -r | head -3; echo "${PIPESTATUS[@]}"; echo $(echo a | tr a b)
           cat <(echo substituted); sleep 0.05 & wait $!; echo $?; (kill -TERM $BASHPID); echo $?
           nosuchcommand; echo $?; yes | head -1; trap 'echo bye' EXIT; exit 7"#,
    );
}

#[test]
fn git() {
    same(
        &["git"],
        r#"export GIT_AUTHOR_DATE='2001-01-01T00:00:00Z' GIT_COMMITTER_DATE='2001-01-01T00:00:00Z' GIT_CONFIG_NOSYSTEM=1
           git init -q -b main a && cd a && git config user.name n && git config user.email e@example.org
           for i in 1 2 3; do echo $i > f$i; git add f$i; git commit -q -m "commit $i"; done; git log --stat
           git clone file://"$PWD" ../b; cd ../b && git log --oneline && git fsck --full && git status; git nonsense"#,
    );
}

#[test]
fn python_with_threads_subprocesses_and_asyncio() {
    same(
        &["python3"],
        r#"python3 - <<'END'
import asyncio, os, signal, subprocess, sys, threading
total, lock = [0], threading.Lock()
def add():
    for _ in range(200):
        with lock: total[0] += 1
threads = [threading.Thread(target=add) for _ in range(6)]
[t.start() for t in threads]; [t.join() for t in threads]
print(total, len(os.sched_getaffinity(0)), os.cpu_count())
print(subprocess.run(["sh", "-c", "cat; exit 5"], input=b"in", capture_output=True))
print(subprocess.run(["sh", "-c", "kill -9 $$"]).returncode)
async def one(n):
    await asyncio.sleep(0.001 * n)
    p = await asyncio.create_subprocess_exec("echo", str(n), stdout=asyncio.subprocess.PIPE)
    return (await p.communicate())[0]
async def main(): print(await asyncio.gather(*map(one, range(4))))
asyncio.run(main())
print(sorted(os.listdir("/proc/self/fd")), signal.getsignal(signal.SIGPIPE), file=sys.stderr)
raise SystemExit(9)
END"#,
    );
}

#[test]
fn a_parallel_build() {
    same(
        &["gcc", "make"],
        r#"for n in a b c d; do echo "int $n(void) { return 1; }" > $n.c; done
           echo 'int a(void), b(void), c(void), d(void); int main(void) { return a() + b() + c() + d(); }' > main.c
           printf 'main: main.o a.o b.o c.o d.o\n\t$(CC) -o $@ $^\n' > Makefile
           make -s -j4; echo $?; ./main; echo $?; cksum main *.o; echo 'int broken' > a.c; make -s -j4 2>/dev/null; echo $?"#,
    );
}

#[test]
fn archives_through_a_pipe() {
    same(
        &["tar", "xz"],
        r#"mkdir d; for i in 1 2 3 4 5; do seq 1 $((i * 700)) > d/$i; done; ln -s 1 d/link; ln d/2 d/hard
           tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - d | xz -T2 > d.tar.xz; cksum d.tar.xz
           mkdir out; xz -dc d.tar.xz | tar -C out -xvf -; diff -r d out/d && echo equal; tar tf nothere; echo $?"#,
    );
}

#[test]
fn sqlite() {
    same(
        &["sqlite3"],
        r#"sqlite3 x.db "create table t(a, b); begin;
        with recursive n(i) as (select 1 union all select i+1 from n where i<500)
           insert into t select i, i*i from n; commit; select count(*), sum(b) from t; pragma integrity_check;"
           sqlite3 x.db 'pragma journal_mode=wal; delete from t where a % 2; select count(*) from t;'; sqlite3 x.db nonsense; echo $?"#,
    );
}

#[test]
fn curl_and_a_server() {
    same(
        &["curl", "python3"],
        r#"seq 1 20000 > data; mkfifo port; python3 - > port <<'END' &
import http.server, sys
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
print(s.server_port, flush=True); s.serve_forever()
END
           read p < port; for i in 1 2 3; do curl -s http://127.0.0.1:$p/data | cksum; done
           curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1:$p/none; kill $!; wait $!; echo $?"#,
    );
}

#[test]
fn perl() {
    same(
        &["perl"],
        r#"perl -e 'use strict; $SIG{ALRM} = sub { print "alarm\n" }; $| = 1; alarm 1; my $pid = fork // die;
           if (!$pid) { exec "sh", "-c", "exit 4" } waitpid $pid, 0; print $? >> 8, "\n"; print scalar(`echo back`);
           select undef, undef, undef, 5; opendir my $d, "/proc/self/fd"; print scalar(grep /\d/, readdir $d), "\n"; die "dead\n"'"#,
    );
}

#[test]
fn the_environment_of_a_process() {
    same(
        &["taskset", "nproc", "ps"],
        r#"nproc; nproc --all; taskset -pc $$ | sed 's/.*: //'; taskset -c 0 nproc; taskset -pc 0 $$ > /dev/null; nproc
           umask; pwd; ulimit -a; ulimit -Ha; env | sort; ls -l /proc/self/fd | awk '{print $1, $9, $11}' | sed 's/[0-9]\{2,\}/N/g'
           grep -E '^(Sig(Blk|Ign|Cgt|Pnd)|Shd|Umask|Groups|[UG]id|Cap|NoNewPrivs|Seccomp|Threads)' /proc/self/status
           cat /proc/self/limits /proc/self/personality /proc/self/oom_score_adj /proc/self/timerslack_ns /proc/self/cgroup
           nice; ps -o pgid=,sid=,tpgid=,nice=,tty= -p $$; readlink /proc/self/ns/*; cat /proc/self/autogroup 2>/dev/null
           echo "$0" "$#" "$-" "$SHLVL"; tr '\0' ' ' < /proc/self/cmdline"#,
    );
}

#[test]
fn standard_descriptors_as_they_were_given() {
    let script = "cat; echo $?; ls /proc/self/fd >&2; echo said; echo $? >&2; exit 6";
    for start in [
        r#"printf 'a\nb\n' | "$@""#,
        r#"exec "$@" <&-"#,
        r#"exec "$@" >&-"#,
        r#"exec "$@" 2>&-"#,
        r#"exec "$@" <&- >&- 2>&-"#,
        r#""$@" | cat"#,
        r#"exec "$@" 7>/dev/null 9</dev/null"#,
    ] {
        same_under(&[], start, script);
    }
}

#[test]
fn dispositions_and_masks_as_they_were_given() {
    let script = "grep -E 'Sig(Pnd|Blk|Ign|Cgt)' /proc/self/status; seq 1 100000 | head -1; echo \
        ${PIPESTATUS[@]}; (exit 4); echo $?; kill -INT $$; exit 8";
    for start in ["PIPE", "INT", "HUP", "TERM", "QUIT", "CHLD", "XFSZ", "TSTP"] {
        let start = format!(
            r#"exec python3 -c 'import os, signal, sys
signal.signal(signal.SIG{start}, signal.SIG_IGN); os.execvp(sys.argv[1], sys.argv[1:])' "$@""#
        );
        same_under(&["python3"], &start, script);
    }
    let start = r#"exec python3 -c 'import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()); os.execvp(sys.argv[1], sys.argv[1:])' "$@""#;
    same_under(&["python3"], start, script);
}

#[test]
fn ends_of_all_kinds() {
    for script in [
        "exit 0",
        "exit 255",
        "kill -TERM $$",
        "kill -KILL $$",
        "kill -SEGV $$",
        "kill -ABRT $$",
        "kill -HUP $$",
        "kill -RTMIN $$",
        "kill -PIPE $$",
        "ulimit -t 1; while :; do :; done",
        "sleep 0.01 & exit 3",
        "exec nosuchprogram",
        "kill -STKFLT $$",
    ] {
        // Enough stops for a recording even if bash does next to nothing.
        same(&[], script);
    }
}

/// As [`same`], as the foreground job of a terminal: keys reach the program, and its end is passed
/// on. `keys` is sent after "ready".
#[track_caller]
fn same_on_a_terminal(keys: &str, script: &str) {
    if !installed("on_a_terminal", &["python3"]) {
        return;
    }
    let stage = Stage::new();
    let helper = stage.write("terminal.py", TERMINAL);
    let log = stage.path("run.reel");
    let [bare, recorded] = [&[][..], &[SYSREEL, "record", "-q", "-o", log.to_str().unwrap(), "--"]]
        .map(|record| {
            let mut command = stage.command("python3");
            command.arg(&helper).arg(keys).args(record).args(["bash", "-c", script]);
            stage.run(&mut command)
        });
    assert!(bare.text().contains("ready") && bare.status.success(), "{bare:?}");
    assert_eq!(recorded.text(), bare.text(), "{keys} to {script}: {}", recorded.stderr);
    each(&log, |_, _| {}).is_clean();
}

/// Starts a command on a new terminal, presses keys when it prints ready, and prints its output and
/// its end.
const TERMINAL: &str = r#"
import os, pty, sys
keys = sys.argv[1].encode().decode("unicode_escape").encode()
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[2], sys.argv[2:])
seen, pressed = b"", False
while True:
    try: more = os.read(fd, 4096)
    except OSError: break
    if not more: break
    seen += more
    if not pressed and b"ready" in seen:
        pressed = True
        os.write(fd, keys)
print(seen.decode())
_, status = os.waitpid(pid, 0)
print("exit", os.waitstatus_to_exitcode(status))
"#;

#[test]
fn keys_of_the_terminal_reach_the_program() {
    same_on_a_terminal(r"\x03", "echo ready; exec sleep 1000");
    // bash itself ignores SIGQUIT.
    same_on_a_terminal(r"\x1c", "ulimit -c 0; exec sh -c 'echo ready; exec sleep 1000'");
    same_on_a_terminal(
        r"\x03",
        "trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.05; done",
    );
    same_on_a_terminal(r"\x04", "echo ready; cat; echo end; exit 4");
    same_on_a_terminal(
        r"a\n",
        r#"echo ready; read x; echo "[$x]"; [ -t 0 ] && [ -t 2 ] && tty | sed 's/[0-9]*$//'"#,
    );
    same_on_a_terminal(
        r"a\n",
        "[ $(ps -o pgid= -p $$) = $(ps -o tpgid= -p $$) ] && echo foreground; echo ready; read x",
    );
}

/// A shell's job on Ctrl-Z and `fg`: the whole group, recorder and program, stops and goes on.
#[test]
fn a_job_stops_and_goes_on() {
    if !installed("a_job_stops_and_goes_on", &["python3"]) {
        return;
    }
    let stage = Stage::new();
    let helper = stage.write("job.py", JOB);
    let log = stage.path("run.reel");
    let mut command = stage.command("python3");
    command.arg(&helper).args([SYSREEL, "record", "-q", "-o"]).arg(&log);
    let ran = stage.run(command.args(["--", "sh", "-c", "echo $$; read x; echo got $x; exit 3"]));
    assert_eq!(ran.text(), "stopped T T\ngot on\nexit 3\n", "{}", ran.stderr);
    each(&log, |_, _| {}).is_clean();
}

const JOB: &str = r#"
import os, signal, subprocess, sys, time
job = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0)
program = int(job.stdout.readline())
def state(pid): return open(f"/proc/{pid}/stat", errors="replace").read().rsplit(")", 1)[1].split()[0]
def wait(pid, states):
    end = time.monotonic() + 60
    while state(pid) not in states: assert time.monotonic() < end, state(pid)
wait(program, "S")
os.killpg(job.pid, signal.SIGTSTP)
os.waitid(os.P_PID, job.pid, os.WSTOPPED)
wait(program, "Tt")
print("stopped", state(job.pid), state(program).upper(), flush=True)
os.killpg(job.pid, signal.SIGCONT)
out, _ = job.communicate(b"on\n")
print(out.decode(), end="")
print("exit", job.returncode)
"#;
