//! Programs compared with themselves.

use super::{Take, diff, lines};
use crate::stage::{Running, Stage, installed};
use std::path::Path;
use std::process::Stdio;

/// A program: its name, what it needs, the script that prepares the folder, the command.
struct Program {
    name: &'static str,
    needs: &'static [&'static str],
    setup: String,
    words: &'static [&'static str],
    /// The level at which it is always the same.
    level: &'static str,
}

/// Records it twice, that many times, each time in a new folder, and asserts that there is no
/// difference.
#[track_caller]
fn same(program: &Program, pairs: usize) {
    let Program { name, needs, setup, words, level } = program;
    if !installed(name, needs) {
        return;
    }
    for _ in 0..pairs {
        let (a, b) = (Take::of(setup, words), Take::of(setup, words));
        let (report, status) = diff(&a, &b, &["--level", level]);
        let found = lines(&report, "note");
        assert!(
            found.is_empty(),
            "{name} differs from itself at level {level}:\n{}",
            found.join("\n")
        );
        assert_eq!(status, 0);
        accounts_are_whole(&report, *level == "sequence");
    }
}

/// Asserts that every call is counted in exactly one category.
#[track_caller]
fn accounts_are_whole(report: &serde_json::Value, all_are_seen: bool) {
    for account in report["accounts"].as_array().unwrap() {
        let number = |key: &str| account[key].as_u64().unwrap();
        let judged: u64 = ["muted", "same", "different", "moved", "gave_up", "unseen"]
            .into_iter()
            .map(number)
            .sum();
        assert_eq!(judged, number("calls"), "{account}");
        assert_eq!(number("calls") * 2 + number("others"), number("events"), "{account}");
        assert!(!all_are_seen || number("unseen") == 0, "{account}");
    }
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/diff/same").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn script(name: &str) -> String {
    format!("cat > program.py <<'END'\n{}\nEND\n", fixture(name))
}

const FILES: &str = "mkdir d; for i in 1 2 3; do seq 1 ${i}00 > d/$i; done";

fn bash() -> Program {
    let words = &[
        "bash",
        "-c",
        "for i in 1 2 3; do cat d/$i | sort -r | head -5 | wc -l; done; \
         ls | while read x; do test -f $x && echo $x; done > out.txt; rm out.txt",
    ];
    Program { name: "bash", needs: &["bash"], setup: FILES.into(), words, level: "sequence" }
}

fn tar() -> Program {
    let words = &["tar", "-cf", "o.tar", "d"];
    Program { name: "tar", needs: &["tar"], setup: FILES.into(), words, level: "sequence" }
}

/// The files are made old: git reads a file as old as its index once more. Without maintenance,
/// which git 2.47 starts in the background after a commit and which races with the next commands.
fn git() -> Program {
    let words = &[
        "sh",
        "-c",
        "export GIT_AUTHOR_DATE=2001-01-01T00:00:00Z GIT_COMMITTER_DATE=2001-01-01T00:00:00Z; \
         git init -q r && cd r && git config user.name n && git config user.email e@example.org && \
         git config maintenance.auto false && \
         echo 1 > a && touch -d 2001-01-01 a && git add a && git commit -q -m 1 && git log --stat && git status",
    ];
    Program { name: "git", needs: &["git"], setup: ":".into(), words, level: "sequence" }
}

fn sqlite3() -> Program {
    let words = &[
        "sqlite3",
        "t.db",
        "pragma journal_mode=wal; create table t(a); insert into t values(1); insert into t select \
         a+1 from t; select * from t;",
    ];
    Program { name: "sqlite3", needs: &["sqlite3"], setup: ":".into(), words, level: "sequence" }
}

/// Without a wrapper that searches for a Python in many steps.
const PYTHON: &[&str] = &["env", "PATH=/usr/bin:/usr/local/bin:/bin", "python3", "program.py"];

fn python() -> Program {
    Program {
        name: "python",
        needs: &["python3"],
        setup: script("single.py"),
        words: PYTHON,
        level: "sequence",
    }
}

fn python_threads() -> Program {
    let setup = script("threads.py");
    Program {
        name: "python with threads",
        needs: &["python3"],
        setup,
        words: PYTHON,
        level: "effects",
    }
}

fn python_loop() -> Program {
    let setup = script("loop.py");
    Program {
        name: "python with asyncio",
        needs: &["python3"],
        setup,
        words: PYTHON,
        level: "effects",
    }
}

fn make() -> Program {
    let setup = "for i in 1 2 3 4; do echo \"int f$i(int x) { return x + $i; }\" > f$i.c; done; \
        echo 'int main(void) { return 0; }' > main.c; \
        printf 'prog: f1.o f2.o f3.o f4.o main.o\\n\\tgcc -o $@ $^\\n%%.o: %%.c\\n\\tgcc -c -o $@ $<\\n' > Makefile";
    let words = &["make", "-j4"];
    Program { name: "make", needs: &["make", "gcc"], setup: setup.into(), words, level: "effects" }
}

fn node() -> Program {
    let words = &[
        "node",
        "-e",
        "const fs = require('fs'); fs.writeFileSync('a', 'b'); fs.readFile('a', () => {}); \
         setTimeout(() => {}, 5)",
    ];
    Program { name: "node", needs: &["node"], setup: ":".into(), words, level: "effects" }
}

fn java() -> Program {
    let words = &["java", "-version"];
    Program { name: "java", needs: &["java"], setup: ":".into(), words, level: "effects" }
}

macro_rules! tests {
    ($($program:ident: $short:ident, $long:ident;)*) => {
        $(
            #[test]
            fn $short() {
                same(&$program(), 2);
            }

            #[test]
            #[ignore = "ten pairs"]
            fn $long() {
                same(&$program(), 10);
            }
        )*
    };
}

tests! {
    bash: bash_twice, long_bash;
    tar: tar_twice, long_tar;
    git: git_twice, long_git;
    sqlite3: sqlite3_twice, long_sqlite3;
    python: python_twice, long_python;
    python_threads: python_threads_twice, long_python_threads;
    python_loop: python_loop_twice, long_python_loop;
    make: make_twice, long_make;
    node: node_twice, long_node;
    java: java_twice, long_java;
}

#[test]
fn curl_twice() {
    curl(2);
}

#[test]
#[ignore = "ten pairs"]
fn long_curl() {
    curl(10);
}

/// curl(1) gets a page from a server that is not recorded.
fn curl(pairs: usize) {
    if !installed("curl", &["curl", "python3"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("page", "hello");
    let serve = "import http.server as h; s = h.ThreadingHTTPServer(('127.0.0.1', 0), \
        h.SimpleHTTPRequestHandler); \
        print(s.server_port, flush=True); s.serve_forever()";
    let mut server = stage.command("python3");
    let mut server =
        Running::start(server.args(["-c", serve]).stdout(Stdio::piped()).stderr(Stdio::null()));
    let url = format!("http://127.0.0.1:{}/page", server.first_line().trim());
    for _ in 0..pairs {
        let words = ["curl", "-s", "-o", "o.html", &url];
        let (a, b) = (Take::of(":", &words), Take::of(":", &words));
        let (report, status) = diff(&a, &b, &[]);
        assert_eq!((lines(&report, "note"), status), (Vec::new(), 0));
    }
}

/// A build with Cargo, whose compiler makes temporary names of its own kind.
fn cargo(pairs: usize) {
    if !installed("cargo", &["cargo"]) {
        return;
    }
    let setup = "mkdir src; printf '[package]\\nname = \"w\"\\nversion = \"0.1.0\"\\nedition = \
        \"2021\"\\n' > Cargo.toml; \
        echo 'mod m; fn main() { println!(\"{}\", m::f(3)) }' > src/main.rs; \
        echo 'pub fn f(x: i32) -> i32 { x + 1 }' > src/m.rs";
    // rustup finds its toolchains in the home directory, which is another one here.
    let home = |name: &str, folder: &str| {
        let own = std::env::var(name).unwrap_or_default();
        let usual = format!("{}/{folder}", std::env::var("HOME").unwrap_or_default());
        format!("{name}={}", if own.is_empty() { &usual } else { &own })
    };
    let (rustup, cargo) = (home("RUSTUP_HOME", ".rustup"), home("CARGO_HOME", ".cargo"));
    for _ in 0..pairs {
        let words = ["env", &rustup, &cargo, "cargo", "build", "--offline", "--quiet"];
        let (a, b) = (Take::of(setup, &words), Take::of(setup, &words));
        let (report, status) = diff(&a, &b, &[]);
        assert_eq!((lines(&report, "note"), status), (Vec::new(), 0));
    }
}

#[test]
#[ignore = "ten pairs"]
fn long_cargo() {
    cargo(10);
}
