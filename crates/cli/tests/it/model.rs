//! What the library's model says about a process, compared with what the kernel told another
//! process at the same moment: fixtures/programs/witnessed.c asks, and its answers are in the log.

use crate::program::program;
use crate::stage::{Stage, is_root};
use std::collections::{BTreeMap, BTreeSet};
use sysreel_format::TaskId;
use sysreel_inspect::calls::{Call, Ended, Item};
use sysreel_inspect::open;
use sysreel_inspect::state::{Follow, Lock, ProcessState, Tracker};

/// What was compared, and how often the model knew it.
#[derive(Default)]
struct Compared {
    known: BTreeMap<String, u32>,
    unknown: BTreeMap<String, u32>,
    problems: Vec<String>,
    /// The contents that the witnesses have read so far, by path.
    contents: BTreeMap<String, Vec<u8>>,
    /// The locks of the process that a witness asks about, as far as it has asked.
    locks: BTreeSet<String>,
    most_locks: usize,
}

impl Compared {
    /// Compares what the model knows; `None` if it does not.
    fn same(&mut self, what: &str, event: u64, model: Option<String>, kernel: &str) {
        let Some(model) = model else {
            *self.unknown.entry(what.to_owned()).or_default() += 1;
            return;
        };
        *self.known.entry(what.to_owned()).or_default() += 1;
        if model != kernel {
            self.problems
                .push(format!("event {event}: {what} is {kernel}, the model says {model}"));
        }
    }

    fn call(&mut self, call: &Call<'_>) {
        let (Ended::Returned(_), Some(event)) = (call.ended(), call.exit_number()) else { return };
        let bytes = |arg| call.args().get(arg).and_then(|arg| arg.bytes()).unwrap_or_default();
        let tracker = call.state();
        match &*call.name() {
            "readlink" => {
                let (path, link) = (text(&bytes("path")), bytes("buf"));
                self.link(tracker, event, &path, &String::from_utf8_lossy(&link));
            }
            "read" => {
                let Some(path) = path_of(call).filter(|path| path.starts_with("/proc/")) else {
                    return;
                };
                self.contents.entry(path).or_default().extend_from_slice(&bytes("buf"));
            }
            "close" => {
                if let Some(path) = path_of(call)
                    && let Some(bytes) = self.contents.remove(&path)
                {
                    let all = String::from_utf8_lossy(&bytes).into_owned();
                    self.contents(tracker, event, &path, &all);
                }
            }
            _ => {}
        }
    }

    fn link(&mut self, tracker: &Tracker, event: u64, path: &str, link: &str) {
        let Some((task, what)) = about(tracker, path) else { return };
        let model = match what.strip_prefix("fd/") {
            Some(fd) => tracker.file(task, fd.parse().unwrap()).map(|file| {
                let name = file.name();
                let mark = if name.is_removed { " (deleted)" } else { "" };
                format!("{}{mark}", String::from_utf8_lossy(&name.path))
            }),
            None if what == "cwd" => {
                let cwd = tracker.fds(task).and_then(|fds| fds.cwd());
                cwd.map(|cwd| String::from_utf8_lossy(&cwd).into_owned())
            }
            None => {
                let root = tracker.fds(task).map(|fds| fds.root());
                root.map(|root| String::from_utf8_lossy(&root).into_owned())
            }
        };
        let kind = if what.starts_with("fd/") { "fd" } else { what };
        self.same(kind, event, model, link);
    }

    fn contents(&mut self, tracker: &Tracker, event: u64, path: &str, all: &str) {
        let Some((task, what)) = about(tracker, path) else { return };
        let state = tracker.process(task).unwrap();
        match what {
            "status" => {
                let model: BTreeSet<String> = state.locks().iter().map(described).collect();
                let kernel = std::mem::take(&mut self.locks);
                self.same("locks", event, Some(format!("{model:?}")), &format!("{kernel:?}"));
                self.most_locks = self.most_locks.max(kernel.len());
                self.status(&state, event, all);
            }
            "limits" => self.limits(&state, event, all),
            // The locks of one descriptor: those of the process are complete with the last one.
            _ => self.locks.extend(all.lines().filter_map(lock_of_line)),
        }
    }

    fn status(&mut self, state: &ProcessState<'_>, event: u64, all: &str) {
        let credentials = state.credentials().unwrap();
        let signals = state.signals().unwrap();
        let four = |ids: [Option<u32>; 4]| {
            let known: Option<Vec<String>> =
                ids.iter().map(|id| id.map(|id| id.to_string())).collect();
            known.map(|ids| ids.join(" "))
        };
        let mask = |mask: Option<u64>| mask.map(|mask| format!("{mask:016x}"));
        let groups = credentials
            .groups
            .as_ref()
            .map(|groups| groups.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        let [inheritable, permitted, effective, bounding, ambient] = credentials.capabilities;
        let model = [
            ("Umask", state.umask().map(|umask| format!("{umask:04o}"))),
            ("Uid", four(credentials.uids)),
            ("Gid", four(credentials.gids)),
            ("Groups", groups),
            ("CapInh", mask(inheritable)),
            ("CapPrm", mask(permitted)),
            ("CapEff", mask(effective)),
            ("CapBnd", mask(bounding)),
            ("CapAmb", mask(ambient)),
            ("NoNewPrivs", credentials.no_new_privs.map(|on| u8::from(on).to_string())),
            ("Seccomp", credentials.seccomp.map(|mode| mode.to_string())),
            ("SigBlk", mask(signals.blocked)),
            ("SigIgn", mask(signals.ignored)),
            ("SigCgt", mask(signals.caught)),
        ];
        for (name, model) in model {
            let line = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let words: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
            self.same(name, event, model, &words.join(" "));
        }
    }

    fn limits(&mut self, state: &ProcessState<'_>, event: u64, all: &str) {
        let limits = state.limits().unwrap();
        // RLIMIT_NOFILE is resource 7 (include/uapi/asm-generic/resource.h).
        let (soft, hard) = limits[7];
        let line = all.lines().find(|line| line.starts_with("Max open files")).unwrap();
        let words: Vec<&str> = line.split_whitespace().skip(3).take(2).collect();
        self.same("limit", event, Some(format!("{soft} {hard}")), &words.join(" "));
    }
}

/// Returns a lock as the kernel's fdinfo describes it: `POSIX WRITE 10 14`.
fn described(lock: &Lock) -> String {
    use sysreel_abi::attributes::LockKind;
    let kind = match lock.kind {
        LockKind::Flock => "FLOCK",
        LockKind::Record => "POSIX",
        LockKind::OpenFile => "OFDLCK",
    };
    let (first, last) = lock.range.unwrap();
    let last = if last == u64::MAX { "EOF".to_owned() } else { last.to_string() };
    format!("{kind} {} {first} {last}", if lock.exclusive { "WRITE" } else { "READ" })
}

/// Reads `lock: 1: POSIX  ADVISORY  WRITE 1234 fe:01:5678 10 14`.
fn lock_of_line(line: &str) -> Option<String> {
    let words: Vec<&str> = line.strip_prefix("lock:")?.split_whitespace().collect();
    Some(format!("{} {} {} {}", words[1], words[3], words[6], words[7]))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.strip_suffix(&[0]).unwrap_or(bytes)).into_owned()
}

/// Returns the path of the file that a call reads or closes.
fn path_of(call: &Call<'_>) -> Option<String> {
    Some(String::from_utf8_lossy(&call.fd("fd")?.name().path).into_owned())
}

/// Returns the task that a path below /proc is about, and the rest of the path.
fn about<'p>(tracker: &Tracker, path: &'p str) -> Option<(TaskId, &'p str)> {
    let (pid, what) = path.strip_prefix("/proc/")?.split_once('/')?;
    let pid: u32 = pid.parse().ok()?;
    let (id, _) = tracker.tasks().find(|(_, task)| task.tid == pid)?;
    Some((id, what))
}

fn agrees(stage: &Stage, privileged: bool) {
    let program = program("witnessed");
    let ran = stage.record(&program, &[]);
    assert!(ran.ended(&program.end), "{ran:?}");
    let everything = Follow { processes: true, maps: true, attributes: true };
    let mut compared = Compared::default();
    let log = open(&stage.log()).unwrap();
    let mut calls = log.calls(everything);
    while let Some(item) = calls.next().unwrap() {
        if let Item::Call(call) = item {
            compared.call(&call);
        }
    }
    assert!(
        compared.problems.is_empty(),
        "the model and the kernel differ:\n{}",
        compared.problems.join("\n")
    );
    // A model that knows nothing is never wrong.
    for (what, least) in [
        ("cwd", 20),
        ("root", 20),
        ("fd", 150),
        ("locks", 20),
        ("limit", 20),
        ("Umask", 20),
        ("SigBlk", 20),
        ("SigIgn", 20),
        ("SigCgt", 20),
        ("NoNewPrivs", 20),
        ("Seccomp", 20),
    ] {
        let known = compared.known.get(what).copied().unwrap_or(0);
        assert!(known >= least, "{what}: known {known} times, not {least}");
    }
    for what in ["cwd", "root", "fd", "locks", "limit", "Umask", "SigBlk", "SigIgn", "SigCgt"] {
        assert_eq!(compared.unknown.get(what), None, "{what} is never unknown here");
    }
    assert!(compared.most_locks >= 4, "flock, two record locks, and one of an open file");
    if privileged {
        for what in ["Uid", "Gid", "Groups", "CapInh", "CapBnd"] {
            assert_eq!(compared.unknown.get(what), None, "{what} is never unknown here");
        }
    }
}

#[test]
fn the_model_agrees_with_the_kernel() {
    agrees(&Stage::new(), is_root());
}

#[test]
fn the_model_agrees_with_the_kernel_in_a_user_namespace() {
    if is_root() {
        agrees(&Stage::unprivileged(&program("witnessed")), false);
    }
}
