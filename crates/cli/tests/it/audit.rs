//! `record --audit` finds nothing in the fixture programs and in real programs.
//!
//! That it finds faults of a wrong table is tested in tests/seeded.

use crate::fixtures::PROGRAMS;
use crate::program::program;
use crate::stage::{Ran, Stage, installed};
use std::io::{Read, Write};
use std::net::TcpListener;

/// The exit status of a recording with findings.
const FOUND: i32 = 124;

/// Whether this kernel can tell which pages were written, as an audit needs.
fn can_audit() -> bool {
    match sysreel_sys::pages::check() {
        Ok(()) => true,
        Err(why) => {
            crate::stage::skipped(&format!("no audit here: {why}"));
            false
        }
    }
}

#[test]
fn nothing_is_found_in_the_fixtures() {
    if !can_audit() {
        return;
    }
    // Calls of threads, and of processes that share memory, are not judged.
    let mut judged = 0;
    for name in PROGRAMS {
        let program = program(name);
        let stage = Stage::new();
        let run = stage.record(&program, &["--audit", "--capture-limit", "1M"]);
        assert_ne!(run.status.code(), Some(FOUND), "{name}: {}{}", run.stderr, findings(&stage));
        if run.skipped() {
            continue;
        }
        assert!(run.ended(&program.end), "{name}: {:?} {}", run.status, run.stderr);
        judged += 1;
    }
    assert!(judged >= PROGRAMS.len() / 2, "only {judged} programs were judged");
}

fn findings(stage: &Stage) -> String {
    stage
        .printed("text")
        .lines()
        .filter(|line| line.contains("error (audit)"))
        .map(|line| format!("\n{line}"))
        .collect()
}

macro_rules! silent {
    ($($name:ident needs $($program:literal)*: $script:literal)*) => {
        $(#[test]
        fn $name() {
            if can_audit() && installed(stringify!($name), &[$($program),*]) {
                audited(&Stage::new(), $script);
            }
        })*
    };
}

silent! {
    ls needs "ls": "ls -lR /etc/ssl; ls /nonexistent; true"
    bash needs "bash": r#"bash -c 'for i in 1 2 3; do echo $i | cat | wc -c; done
        x=$(ls | head -2); echo "$x" > f; trap "echo t" USR1; kill -USR1 $$'"#
    git needs "git": "git init -q r && cd r && echo a > a && git add a && git -c user.name=n -c \
        user.email=e@e commit -qm m && git log --stat && git status"
    python needs "python3": r#"python3 -c 'import json, os, socket, subprocess, tempfile, time
print(json.dumps(os.listdir(".")))
subprocess.run(["true"])
a, b = socket.socketpair()
a.send(b"x"); b.recv(3)
time.sleep(0.001)
with tempfile.TemporaryFile() as f: f.write(b"x" * 100000); f.seek(0); f.read()'"#
    tar_and_compression needs "tar" "gzip": "tar cf a.tar /etc/ssl 2>/dev/null; gzip a.tar
        tar tzf a.tar.gz > list; mkdir x; tar xzf a.tar.gz -C x"
    sqlite needs "sqlite3": "sqlite3 db 'pragma journal_mode=wal; create table t(a); insert into t \
        values(1),(2); select sum(a) from t'"
    gcc needs "gcc": "echo 'int main(void){return 0;}' > h.c && gcc -O2 h.c -o h && ./h"
    perl needs "perl": r#"perl -e 'open F, "/etc/passwd"; print while <F>; print `id`;
        rename "x", "y"; unlink "y"; printf "%s\n", join ",", (stat ".")[2, 3]'"#
    find_and_sort needs "find" "sort" "xargs" "grep": "find /etc -maxdepth 2 2>/dev/null | sort | \
        xargs -n 50 echo | grep -c etc"
    awk_sed_date_id needs "awk" "sed" "date" "id": "date; id; seq 100 | awk '{ s += $1 } END { \
        print s }' | sed s/5/6/"
    dd_and_df needs "dd" "df" "stat" "cp" "mv" "touch": "dd if=/dev/zero of=f bs=100k count=10 \
        2>&1; cp -a f g; touch -d yesterday g; mv g h; stat h; df . ; ln -s h l; rm -r f h l"
    make needs "make": "printf 'all: a b\\na:\\n\\techo x > a\\nb: a\\n\\tcat a > b\\n' > \
        Makefile; make; make"
}

#[test]
fn curl() {
    if !can_audit() || !installed("curl", &["curl"]) {
        return;
    }
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let answering = std::thread::spawn(move || {
        let (mut peer, _) = server.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            assert_eq!(peer.read(&mut byte).unwrap(), 1, "the request ends early");
            request.push(byte[0]);
        }
        peer.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
    });
    let ran = audited(&Stage::new(), &format!("curl -s --noproxy '*' http://127.0.0.1:{port}/"));
    answering.join().unwrap();
    assert!(ran.text().contains("hello"), "{ran:?}");
}

/// Runs the script and audits every program in it.
#[track_caller]
fn audited(stage: &Stage, script: &str) -> Ran {
    let ran = stage.sysreel(&["record", "--audit", "-o", "run.reel", "--", "sh", "-c", script]);
    if !ran.status.success() {
        let printed = stage.sysreel(&["print", "run.reel"]).text();
        let found: Vec<_> = printed.lines().filter(|line| line.contains("error (audit)")).collect();
        panic!("{script}: {ran:?}\n{}", found.join("\n"));
    }
    let judged =
        |line: &str| line.strip_prefix("sysreel: audit: ")?.split(' ').next()?.parse().ok();
    let judged: Option<u64> = ran.stderr.lines().find_map(judged);
    assert!(judged.is_some_and(|calls| calls > 50), "{ran:?}");
    ran
}
