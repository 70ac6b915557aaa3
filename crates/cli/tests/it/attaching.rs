//! Attaches to running programs in any state, and leaves them as they were.

use crate::program::program;
use crate::stage::{Read, Running, SYSREEL, Stage, each, kill, state_of, status_of, until};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::JoinHandle;
use sysreel_abi::{Abi, number::number};
use sysreel_format::{Body, Origin, TaskId};
use sysreel_inspect::syscall_info::{self, What};

const SIGTERM: i32 = 15;
const PTRACE_EVENT_EXEC: u32 = 4;
const PTRACE_EVENT_STOP: u32 = 128;

#[test]
fn stops_are_identified_after_an_attach_during_execve() {
    attach_to_a_loop_of_execs(40);
}

#[test]
#[ignore = "takes minutes"]
fn long_attaches_in_mid_execve() {
    attach_to_a_loop_of_execs(500);
}

fn attach_to_a_loop_of_execs(times: u32) {
    let stage = Stage::new();
    let target = Running::start(stage.command(&program("exec_loop").binary).arg("0"));
    let (mut exec_first, mut open_call) = (0, 0);
    for turn in 0..times {
        let log = stage.path(&format!("{turn}.reel"));
        let recorder = attach(&stage, target.pid(), &log);
        until("an execve is recorded", || {
            stops(&log).0.iter().filter(|stop| stop.is_exec()).count() > 1
        });
        detach(recorder);
        let before = execs_of(target.pid());
        until("the target runs on", || execs_of(target.pid()) > before);
        let (stops, read) = stops(&log);
        read.is_clean();
        exec_first += u32::from(stops[0].is_exec());
        open_call += u32::from(calls_pair(&stops));
    }
    eprintln!(
        "{times} attaches: {exec_first} began with the event of an execve, {open_call} with the \
         exit of an open call"
    );
    assert!(
        exec_first > 0 && exec_first <= open_call,
        "an attach in mid-execve begins with its event, and its exit has no entry"
    );
}

/// Returns the counter in the program's arguments: how often it has called execve.
fn execs_of(pid: u32) -> Option<u64> {
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    String::from_utf8(arguments).ok()?.split('\0').nth(2)?.parse().ok()
}

/// Asserts that every exit belongs to the entry before it and answers that call. Returns whether
/// the first exit has no entry.
fn calls_pair(stops: &[Seen]) -> bool {
    let nr = |name| number(Abi::X86_64, name).unwrap();
    let calls: Vec<_> =
        stops.iter().filter(|stop| matches!(stop.what, What::Entry(_) | What::Exit(_))).collect();
    let (mut open, own) = (None, i64::from(std::process::id()));
    for (i, stop) in calls.iter().enumerate() {
        match stop.what {
            What::Entry(call) => {
                assert_eq!(open.replace(call.nr), None, "an entry within a call: {stop:?}")
            }
            What::Exit(outcome) => match open.take() {
                None => assert_eq!(i, 0, "an exit without an entry: {stop:?}"),
                Some(call) if call == nr("getppid") => assert_eq!(outcome.rval, own),
                Some(call) if call == nr("execve") => assert_eq!(outcome.rval, 0),
                Some(call) if call == nr("mmap") => assert!(outcome.rval > 4096, "{stop:?}"),
                Some(_) => {}
            },
            _ => {}
        }
    }
    matches!(calls.first().map(|stop| stop.what), Some(What::Exit(_)))
}

/// A stop in a log.
#[derive(Debug, Clone)]
struct Seen {
    task: TaskId,
    status: u32,
    what: What,
}

impl Seen {
    fn event(&self) -> u32 {
        self.status >> 16
    }

    fn is_exec(&self) -> bool {
        self.event() == PTRACE_EVENT_EXEC
    }
}

/// Returns the stops of a log, which may still be growing.
fn stops(log: &Path) -> (Vec<Seen>, Read) {
    let mut stops = Vec::new();
    if !log.exists() || fs::metadata(log).unwrap().len() == 0 {
        return (
            stops,
            Read {
                ending: sysreel_format::Ending::Unfinished { offset: 0 },
                events: 0,
                missing: Vec::new(),
            },
        );
    }
    let read = each(log, |_, event| {
        let Body::Stop(stop) = event.decode().unwrap() else { return };
        let what = syscall_info::decode(stop.layout, stop.info).what;
        stops.push(Seen { task: event.task, status: stop.wait_status, what });
    });
    (stops, read)
}

/// Starts a recorder and waits until its log has a stop.
fn attach(stage: &Stage, pid: u32, log: &Path) -> Running {
    let mut recorder = Running::start(
        stage.command(SYSREEL).args(["record", "-q", "-p", &pid.to_string(), "-o"]).arg(log),
    );
    until("the recorder is attached", || {
        assert!(!recorder.has_ended(), "the recorder has ended");
        status_of(pid, "TracerPid") == Some(recorder.pid().to_string()) && !stops(log).0.is_empty()
    });
    recorder
}

/// Ends a recording by SIGTERM, which must also be how the recorder ends.
fn detach(recorder: Running) {
    kill(recorder.pid(), "TERM");
    assert_eq!(recorder.wait().signal(), Some(SIGTERM));
}

#[test]
fn a_server_under_load_answers_every_request() {
    attach_to_a_server(10);
}

#[test]
#[ignore = "takes minutes"]
fn long_attaches_to_a_server() {
    attach_to_a_server(100);
}

fn attach_to_a_server(times: u32) {
    let stage = Stage::new();
    let mut server =
        Running::start(stage.command(&program("epoll_server").binary).stdout(Stdio::piped()));
    let port = server.first_line().trim().strip_prefix("port ").unwrap().parse().unwrap();
    let affinity = status_of(server.pid(), "Cpus_allowed");
    let load = Load::begin(port);
    let more_answers = |what: &str| {
        let before = load.answered.load(SeqCst);
        until(what, || load.answered.load(SeqCst) > before + 30);
        assert_eq!(status_of(server.pid(), "Cpus_allowed"), affinity, "{what}");
    };
    for turn in 0..times {
        let log = stage.path(&format!("{turn}.reel"));
        let recorder = attach(&stage, server.pid(), &log);
        more_answers("requests are answered while the server is recorded");
        if turn % 2 == 0 {
            detach(recorder);
            let (stops, read) = stops(&log);
            assert!(read.is_clean().events > 60);
            calls_pair(&stops);
        } else {
            kill(recorder.pid(), "KILL");
            assert_eq!(recorder.wait().signal(), Some(9));
            let (stops, read) = stops(&log);
            assert!(read.missing.is_empty() && stops.len() > 60, "{read:?}");
            calls_pair(&stops);
        }
        until("it is traced no longer", || {
            status_of(server.pid(), "TracerPid").as_deref() == Some("0")
        });
        more_answers("requests are answered after the recorder has gone");
    }
    let answered = load.end();
    eprintln!("{times} attaches, {answered} requests, all answered");
    TcpStream::connect(("127.0.0.1", port)).unwrap().write_all(b"quit\n").unwrap();
    assert!(server.wait().success());
}

/// A client that sends lines and expects each of them back.
struct Load {
    answered: Arc<AtomicU64>,
    ending: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Load {
    fn begin(port: u16) -> Load {
        let (answered, ending) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (Arc::clone(&answered), Arc::clone(&ending));
        let thread = std::thread::spawn(move || {
            while !end.load(SeqCst) {
                let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
                stream.set_nodelay(true).unwrap();
                stream.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
                let mut reader = BufReader::new(stream);
                for _ in 0..20 {
                    let line = format!("request {}\n", count.load(SeqCst));
                    reader.get_mut().write_all(line.as_bytes()).unwrap();
                    let mut answer = String::new();
                    reader.read_line(&mut answer).unwrap();
                    assert_eq!(answer, line, "a request is not answered");
                    count.fetch_add(1, SeqCst);
                }
            }
        });
        Load { answered, ending, thread }
    }

    fn end(self) -> u64 {
        self.ending.store(true, SeqCst);
        self.thread.join().expect("every request is answered");
        self.answered.load(SeqCst)
    }
}

#[test]
fn a_failed_attach_names_its_cause() {
    let stage = Stage::new();
    let refused = |pid: &str, words: &[&str]| {
        _ = stage
            .sysreel(&["record", "-o", "refused.reel", "-p", pid])
            .fails(125, &[&format!("cannot attach to {pid}"), words[0]]);
        assert!(!stage.path("refused.reel").exists(), "a log of nothing is left behind");
    };
    let gone = Running::start(&mut stage.command("true"));
    let pid = gone.pid().to_string();
    gone.wait();
    refused(&pid, &["there is no such process"]);

    let zombie = Running::start(&mut stage.command("true"));
    until("it is a zombie", || state_of(zombie.pid()) == Some('Z'));
    refused(&zombie.pid().to_string(), &["zombie"]);

    let target = Running::start(stage.command("sleep").arg("1000"));
    let first = attach(&stage, target.pid(), &stage.path("first.reel"));
    refused(&target.pid().to_string(), &["traced already"]);
    detach(first);

    stage
        .sh(r#"exec "$SYSREEL" record -o own.reel -p $$"#)
        .fails(125, &["a process cannot trace itself"]);
    if fs::read_to_string("/proc/2/comm").is_ok_and(|name| name == "kthreadd\n") {
        refused("2", &["kernel thread"]);
    }
    for pid in ["0", "-1", "99999999999", "x"] {
        stage.sysreel(&["record", "-o", "refused.reel", "-p", pid]).fails(2, &[]);
    }
}

#[test]
fn attach_and_detach_do_not_disturb_a_task() {
    for (what, state) in [
        ("nanosleep", 'S'),
        ("read", 'S'),
        ("futex", 'S'),
        ("epoll_wait", 'S'),
        ("wait4", 'S'),
        ("threads", 'S'),
        ("stopped", 'T'),
        ("spin", 'R'),
    ] {
        let stage = Stage::new();
        let mut command =
            stage.command(&program(if what == "spin" { "spin" } else { "sleeper" }).binary);
        let mut target = Running::start(
            command.arg(if what == "spin" { "" } else { what }).stdout(Stdio::piped()),
        );
        assert_eq!(target.first_line(), "ready\n");
        let settled = || {
            until(&format!("{what}: {state}"), || {
                tasks(target.pid()).iter().all(|&tid| state_of(tid) == Some(state))
            })
        };
        settled();
        let log = stage.path("run.reel");
        let recorder = attach(&stage, target.pid(), &log);
        let tasks = tasks(target.pid());
        until("every thread was seen to stop", || {
            let (stops, _) = stops(&log);
            (0..tasks.len()).all(|task| stops.iter().any(|stop| stop.task.0 as usize == task))
        });
        detach(recorder);
        let (stops, read) = stops(&log);
        read.is_clean();
        assert_eq!(attached_tasks(&log), tasks, "{what}");
        for task in 0..tasks.len() {
            let of_task: Vec<_> =
                stops.iter().filter(|stop| stop.task.0 as usize == task).cloned().collect();
            assert_eq!(of_task[0].event(), PTRACE_EVENT_STOP, "{what}: {of_task:?}");
            assert!(!calls_pair(&of_task), "{what}: {of_task:?}");
        }
        if what == "spin" {
            assert!(
                stops.iter().all(|stop| matches!(stop.what, What::None)),
                "it makes no call: {stops:?}"
            );
        }
        settled();
        // While the process is stopped, both wait until it is continued. It may handle one signal
        // before it sleeps again.
        let mut ended = false;
        until("it ends", || {
            if !ended {
                kill(target.pid(), "USR1");
                kill(target.pid(), "CONT");
            }
            ended = target.has_ended();
            ended
        });
        assert!(target.wait().success(), "{what}");
    }
}

fn tasks(pid: u32) -> Vec<u32> {
    let mut tids: Vec<u32> = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    tids.sort_unstable();
    tids
}

/// Returns the ids of the tasks that the recorder attached to.
fn attached_tasks(log: &Path) -> Vec<u32> {
    let mut tids = Vec::new();
    each(log, |_, event| {
        if let Body::Task(task) = event.decode().unwrap() {
            assert_eq!(task.head.origin, Origin::ATTACHED);
            tids.push(task.head.tid);
        }
    });
    tids.sort_unstable();
    tids
}
