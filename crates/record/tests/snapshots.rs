//! What the recorder knows of a process without asking is what the kernel says: snapshots of many
//! programs are compared with all of /proc.
//!
//! In a test binary of its own, because the recorder waits for every child of the process.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use sysreel_abi::{AuditArch, Row};
use sysreel_record::{Options, Recorder, RowSource};

/// Programs and shell commands, one a line, that change what their children inherit.
const SCRIPT: &str = r#"
/bin/true; (cd /usr; /bin/true; umask 077; /bin/true); /bin/true
sh -c 'trap "" USR1 TERM; /bin/true; trap - TERM; /bin/true'
sh -c 'exec 5</dev/null 6>&1 7<&5; /bin/true; exec 5<&-; /bin/true; exec 8<>/dev/null; /bin/true'
/bin/true </dev/null | /bin/cat | sh -c 'cat; exec cat' 9</dev/null
mkdir -p a/b; cd a/b; /bin/true; mv ../../a ../../c; /bin/true; rmdir ../b; /bin/true; cd /
ulimit -n 77; /bin/true
printf '#!/bin/sh\n/bin/true\n' >script; chmod +x script; ./script; cp /bin/true gone; ./gone
sh -c 'exec sh -c "exec /bin/true"' & /bin/true & wait
env -i /bin/true; env A=b sh -c '$0' /bin/true; ln -s /bin/true name; exec -a other ./name 2>&1
"#;

/// What a program with another one's language does to its children.
const PYTHON: &str = r#"
import os, signal, socket, subprocess, threading, fcntl
run = lambda **o: subprocess.run(["/bin/true"], **o)
run(); run(close_fds=False)
a, b = socket.socketpair(); os.set_inheritable(a.fileno(), True); run(close_fds=False)
e = os.eventfd(1, 0); m = os.memfd_create("m", 0); f = os.open("/dev/null", 0)
os.set_inheritable(f, True); run(close_fds=False, pass_fds=())
os.dup2(f, 40); fcntl.fcntl(f, fcntl.F_DUPFD, 60); os.closerange(50, 70); run(close_fds=False)
g = os.dup2(f, f, inheritable=False); run(close_fds=False)
socket.send_fds(a, [b"x"], [f, e]); _, fds, _, _ = socket.recv_fds(b, 9, 4)
for fd in fds: os.set_inheritable(fd, True)
run(close_fds=False); r, w = os.pipe(); os.set_inheritable(w, True); run(close_fds=False)
signal.signal(signal.SIGUSR1, signal.SIG_IGN); signal.signal(signal.SIGUSR2, print); run()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]); run(restore_signals=False)
t = threading.Thread(target=run); t.start(); t.join(); run(close_fds=False)
if os.fork() == 0:
    if os.getuid() == 0: os.setgroups([5]); os.setgid(7); os.setuid(7)
    run(); os.execv("/bin/true", ["renamed", "x y", ""])
os.wait(); os.chdir("/usr"); run(); os.posix_spawn("/bin/true", ["true"], {}); os.wait()
os.execve(os.open("/bin/true", 0), ["by descriptor"], {})
"#;

/// Runs in place of a program with the current seed, see [`seeded`].
static SEED: AtomicUsize = AtomicUsize::new(0);

/// Rows with a fault: the recorder does not know what these calls do.
const SEEDS: [(&str, &str); 5] = [
    ("close", "sh -c 'exec 5</dev/null; exec 5<&-; /bin/true'"),
    ("dup2", "sh -c 'exec 1>/dev/null; /bin/true'"),
    ("umask", "sh -c 'umask 077; /bin/true'"),
    ("personality", "setarch -R sh -c /bin/true"),
    ("rt_sigaction", "sh -c 'trap \"\" USR1; /bin/true'"),
];

fn seeded(arch: AuditArch, nr: u64) -> Option<&'static Row> {
    let (name, _) = SEEDS[SEED.load(Ordering::Relaxed)];
    match sysreel_abi::row(arch, nr) {
        // The row of getppid, which changes nothing.
        Some(row) if row.name == name => sysreel_abi::row(AuditArch::X86_64, 110),
        other => other,
    }
}

/// Records a shell command in a folder, and returns what is wrong in its snapshots.
fn wrong(folder: &Path, script: &str, rows: RowSource) -> Vec<String> {
    wrong_of(folder, script, rows, 1)
}

fn wrong_of(folder: &Path, script: &str, rows: RowSource, tracers: usize) -> Vec<String> {
    let script = format!("exec >/dev/null 2>&1 3>/dev/null; cd {}\n{script}", folder.display());
    let options = Options {
        output: Some(folder.join("x.reel")),
        force: true,
        argv: ["sh", "-c", &script].map(Into::into).into(),
        check_snapshots: true,
        tracers,
        move_processes: true,
        rows,
        ..Options::default()
    };
    Recorder::prepare(&options).unwrap().run().unwrap().wrong_snapshots
}

fn can_compile() -> bool {
    match Command::new("gcc").arg("--version").output() {
        Ok(_) => true,
        Err(error) => {
            assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "gcc: {error}");
            _ = std::io::stderr().write_all(b"skipped: no gcc\n");
            false
        }
    }
}

/// Compiles a fixture program and returns its command, or `None` if it does not end by itself.
fn fixture(source: &Path, folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(source).unwrap();
    let header = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("// ")?.strip_prefix(name));
        line.map(str::trim).unwrap_or_default().to_owned()
    };
    let program = folder.join(source.file_stem().unwrap());
    let compiled = Command::new("gcc")
        .args(["-O1", "-w", "-o"])
        .arg(&program)
        .arg(source)
        .args(header("build:").split_whitespace())
        .output()
        .unwrap();
    // Without a C library of 32 bits some are left out.
    compiled.status.success().then(|| format!("{} {}", program.display(), header("check:")))
}

#[test]
fn what_is_known_is_what_the_kernel_says() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("inherit.py"), PYTHON).unwrap();
    // What is known of a process moves with it to another tracer.
    for tracers in [1, 3] {
        for line in SCRIPT.lines().filter(|line| !line.is_empty()).chain(["python3 inherit.py"]) {
            let wrong = wrong_of(folder, line, sysreel_abi::row, tracers);
            assert_eq!(wrong, [""; 0], "{tracers} tracers: {line}");
        }
    }
    if !can_compile() {
        return;
    }
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/programs");
    let mut sources: Vec<PathBuf> = std::fs::read_dir(programs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    sources.sort();
    assert!(sources.len() > 60);
    let mut recorded = 0;
    for source in sources {
        let Some(command) = fixture(&source, folder) else { continue };
        assert_eq!(
            wrong(folder, &format!("exec {command}"), sysreel_abi::row),
            [""; 0],
            "{command}"
        );
        recorded += 1;
    }
    assert!(recorded > 50, "only {recorded} programs were recorded");
    for (seed, (name, script)) in SEEDS.iter().enumerate() {
        assert_eq!(wrong(folder, script, sysreel_abi::row), [""; 0], "{script}");
        SEED.store(seed, Ordering::Relaxed);
        assert!(!wrong(folder, script, seeded).is_empty(), "{name}: {script}");
    }
}
