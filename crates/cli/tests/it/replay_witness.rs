//! The kernel's tracepoint at the entry of every system call as a witness of a replay. strace(1)
//! cannot be one, because a traced task cannot be traced again.

use crate::stage::{SYSREEL, Stage, installed, is_root};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const TRACING: &str = "/sys/kernel/tracing";
const ENABLE: &str = "events/raw_syscalls/sys_enter/enable";

/// The calls that a replayed task may make, and only from the stub's page.
const ALLOWED: [&str; 10] = [
    "mmap",
    "munmap",
    "mprotect",
    "mremap",
    "madvise",
    "clone",
    "execveat",
    "exit_group",
    "prctl",
    "seccomp",
];

/// A ring buffer of its own in the kernel, removed at the end.
struct Instance(PathBuf);

impl Instance {
    /// For the entries of calls; `None` where the kernel has no such tracepoint or access is
    /// denied.
    fn new() -> Option<Instance> {
        let path =
            Path::new(TRACING).join(format!("instances/sysreel-test-{}", std::process::id()));
        fs::create_dir(&path).ok()?;
        let instance = Instance(path);
        fs::write(instance.0.join("options/event-fork"), "1").ok()?;
        fs::write(instance.0.join("buffer_size_kb"), "8192").ok()?;
        instance.0.join(ENABLE).exists().then_some(())?;
        Some(instance)
    }

    /// Returns the call numbers of every task in order. Of the replayer only those of its first
    /// thread: the other, which wakes it now and then, has a name that no replayed task can have.
    fn calls(&self) -> BTreeMap<u32, Vec<u64>> {
        let mut calls: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        let mut threads: BTreeSet<u32> = BTreeSet::new();
        // `   name-1234    [000] .....   123.456789: sys_enter: NR 9 (10000, 1000, ...)`
        for line in fs::read_to_string(self.0.join("trace"))
            .unwrap()
            .lines()
            .filter(|line| !line.starts_with('#'))
        {
            let (head, tail) =
                line.split_once(": sys_enter: NR ").unwrap_or_else(|| panic!("{line}"));
            let task = head.split(" [").next().unwrap().trim().rsplit('-').next().unwrap();
            if head.trim_start().starts_with("ticker-") {
                threads.insert(task.parse().unwrap());
            }
            let number = tail.split(' ').next().unwrap();
            calls
                .entry(task.parse().unwrap())
                .or_default()
                .push(number.parse().unwrap_or_else(|_| panic!("{line}")));
        }
        calls.retain(|task, _| !threads.contains(task));
        calls
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        _ = fs::write(self.0.join(ENABLE), "0");
        _ = fs::remove_dir(&self.0);
    }
}

/// Whether ids are those of the kernel's traces, which are of the first PID namespace
/// (PROC_PID_INIT_INO, include/linux/proc_ns.h).
fn is_in_first_namespace() -> bool {
    const FIRST: &str = "pid:[4026531836]";
    fs::read_link("/proc/self/ns/pid").is_ok_and(|link| link.as_os_str() == FIRST)
}

#[test]
fn emulated_calls_never_enter_the_kernel() {
    let name = "emulated_calls_never_enter_the_kernel";
    if !installed(name, &["bash", "sort", "date"]) {
        return;
    }
    let can_trace = is_root() && is_in_first_namespace();
    let Some(instance) = can_trace.then(Instance::new).flatten() else {
        let needs = format!("root, the first PID namespace and {TRACING}/instances");
        crate::stage::skipped(&format!("{name}: it needs {needs}"));
        return;
    };
    let stage = Stage::new();
    let script =
        "date > written; ls / | sort | tail -2; kill -USR1 $BASHPID & wait; exec cat written";
    let mut command = stage.command(SYSREEL);
    command.args(["record", "--replayable", "-q", "-o", "run.reel", "--", "bash", "-c", script]);
    let recorded = stage.run(&mut command);
    assert!(recorded.status.success(), "{recorded:?}");
    fs::remove_file(stage.path("written")).unwrap();

    // For the replayer and its descendants only.
    let (traced, enable) = (instance.0.join("set_event_pid"), instance.0.join(ENABLE));
    let mut command = stage.command("sh");
    command.args([
        "-c",
        r#"echo $$ > "$1"; echo 1 > "$2"; echo $$ > pid; exec "$3" replay run.reel"#,
        "sh",
    ]);
    let replayed = stage.run(command.arg(&traced).arg(&enable).arg(SYSREEL));
    assert!(replayed.status.success(), "{replayed:?}");
    assert_eq!(replayed.stdout, recorded.stdout);
    assert!(!stage.path("written").exists(), "the replay has written a file");

    let replayer: u32 = fs::read_to_string(stage.path("pid")).unwrap().trim().parse().unwrap();
    let calls = instance.calls();
    let number = |name: &str| {
        let named =
            |nr: &u64| sysreel_abi::syscall_name(sysreel_abi::AuditArch::X86_64, *nr) == Some(name);
        (0..1000).find(named).unwrap()
    };
    let allowed: Vec<u64> = ALLOWED.iter().map(|name| number(name)).collect();
    let execveat = number("execveat");
    assert!(calls[&replayer].len() > 1000, "the replayer itself was seen");
    let mut tasks = 0;
    for (task, made) in calls.iter().filter(|(task, _)| **task != replayer) {
        // The first task is a copy of the replayer until it becomes the stub, which makes the
        // others.
        let begins =
            if tasks == 0 { made.iter().position(|nr| *nr == execveat).unwrap() } else { 0 };
        for nr in &made[begins..] {
            assert!(allowed.contains(nr), "task {task} has made call {nr}");
        }
        tasks += 1;
    }
    assert!(tasks > 3, "{tasks} tasks are too few");
}
