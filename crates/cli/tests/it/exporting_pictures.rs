//! `sysreel export`: timelines, stacks, profiles, graphs and packets, each read by a program that
//! knows only the format.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::exporting::python;
use crate::stage::{Stage, installed};
use crate::views::{record, view};

/// Threads, forks and an execve(2) by a thread that does not lead its process.
const TASKS: &str = include_str!("exporting/tasks.py");

/// Checks a trace of Chrome's format: slices of a thread do not overlap, each flow ends once and
/// after its start. Prints the numbers of slices, flows and threads.
const CHECK_CHROME: &str = include_str!("exporting/chrome.py");

#[test]
fn a_timeline_of_several_tasks_is_in_order() {
    if !installed("a_timeline_of_several_tasks_is_in_order", &["python3"]) {
        return;
    }
    let stage = Stage::new();
    let record = ["record", "-q", "-o", "r.reel", "--", "python3", "-c", TASKS];
    let ran = stage.sysreel(&record);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let (stat, _) = view(&stage, &["stat", "r.reel"]);
    let (ps, _) = view(&stage, &["ps", "--threads", "r.reel"]);
    let ran = stage.sysreel(&["export", "--to", "chrome", "-o", "out", "r.reel"]);
    assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""));
    let ran = python(&stage, CHECK_CHROME);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let text = ran.text();
    let counts: Vec<u64> = text.split_whitespace().map(|n| n.parse().unwrap()).collect();
    let [calls, starts, ends, threads] = counts[..] else { panic!("{ran:?}") };
    assert_eq!(Some(calls), stat["total"]["calls"].as_u64());
    // Each process and thread has a start; processes other than the first have been waited for.
    let ps = ps["nodes"].as_array().unwrap();
    let tasks = ps.iter().filter(|node| node["executed"] == false || node["tid"].is_u64()).count();
    assert!(starts >= 7 && ends >= 10 - 3 && threads >= 7, "{counts:?} {tasks} {ps:?}");
}

/// Passes bytes over a pipe and sockets, and wakes a thread that waits for a futex.
const PLACES: &str = include_str!("exporting/places.py");
/// Prints from which call to which call flows lead.
const FLOWS: &str = include_str!("exporting/flows.py");

#[test]
fn flows_lead_to_where_something_arrives() {
    if !installed("flows_lead_to_where_something_arrives", &["python3"]) {
        return;
    }
    let stage = Stage::new();
    let ran = stage.sysreel(&["record", "-q", "-o", "r.reel", "--", "python3", "-c", PLACES]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    stage.sysreel(&["export", "--to", "chrome", "-o", "out", "r.reel"]);
    let ran = python(&stage, FLOWS);
    let found: Value =
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|e| panic!("{e} {ran:?}"));
    let ways = found["ways"].as_array().unwrap();
    let count = |from: &str, to: &str| {
        let way = ways.iter().find(|way| way[0] == from && way[1] == to);
        way.map_or(0, |way| way[2].as_u64().unwrap())
    };
    // A Python that is a script of the shell has pipes of its own.
    assert!(count("write", "read") >= 3, "{ways:?}");
    assert_eq!(count("sendto", "recvfrom"), 4, "{ways:?}");
    assert_eq!(count("sendmsg", "recvmsg"), 5, "{ways:?}");
    // Python's own locks are futexes too.
    assert!(count("futex", "futex") >= 1, "{ways:?}");
    let (stat, _) = view(&stage, &["stat", "r.reel"]);
    assert_eq!(found["totals"]["bytes"], stat["total"]["bytes"]);
    assert!(found["totals"]["open descriptors"].as_u64().unwrap() >= 3, "{found}");
}

/// Compares both formats, and prints the sum of the times.
const CHECK_STACKS: &str = include_str!("exporting/stacks.py");

#[test]
fn stacks_have_the_time_that_calls_waited() {
    if !installed("stacks_have_the_time_that_calls_waited", &["python3"]) {
        return;
    }
    let stage = record(
        "mkdir 'a;b'; cat /etc/passwd >'a;b/c'; read x <'a;b/c'; (sleep 0.05; echo) | wc -l; true",
    );
    let (waits, _) = view(&stage, &["waits", "r.reel", "--top"]);
    let rows = waits["rows"].as_array().unwrap();
    let expected: u64 = rows.iter().filter_map(|row| row["total_ns"].as_u64()).sum();
    stage.sysreel(&["export", "--to", "folded", "-o", "folded", "r.reel"]);
    stage.sysreel(&["export", "--to", "speedscope", "-o", "speedscope", "r.reel"]);
    let ran = python(&stage, CHECK_STACKS);
    assert_eq!(ran.text(), format!("{expected}\n"), "{ran:?}");
}

/// The calls of an export as JSON lines, from the first execve(2) on.
fn calls_of(stage: &Stage, log: &str) -> BTreeSet<String> {
    let ran = stage.sysreel(&["export", "--to", "ndjson", log]);
    let text = ran.text();
    let calls = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let calls = calls.filter(|row| row["row"] == "call").skip_while(|row| row["call"] != "execve");
    calls.map(|row| row["call"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn profiles_allow_what_the_logs_have() {
    let tools = ["python3", "systemd-analyze"];
    if !installed("profiles_allow_what_the_logs_have", &tools) {
        return;
    }
    let stage = record("true");
    let ran =
        stage.sysreel(&["record", "-q", "-o", "s.reel", "--", "sh", "-c", "mkdir d; sleep 0"]);
    assert_eq!(ran.status.code(), Some(0));
    let one = stage.sysreel(&["export", "--to", "seccomp", "r.reel"]);
    assert_eq!((one.status.code(), one.stderr.as_str()), (Some(0), ""));
    let profile: Value = serde_json::from_slice(&one.stdout).unwrap();
    let names = |profile: &Value| {
        let names = profile["syscalls"][0]["names"].as_array().unwrap().iter();
        names.map(|name| name.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let always = ["exit", "exit_group", "restart_syscall", "rt_sigreturn"].map(str::to_owned);
    let with_always = |calls: BTreeSet<String>| calls.into_iter().chain(always.clone()).collect();
    let of_first: BTreeSet<String> = with_always(calls_of(&stage, "r.reel"));
    assert_eq!(names(&profile), of_first);
    assert_eq!(profile["syscalls"].as_array().unwrap().len(), 1, "no list without names");
    let both = stage.sysreel(&["export", "--to", "seccomp", "r.reel", "s.reel"]);
    let of_both = with_always(&calls_of(&stage, "r.reel") | &calls_of(&stage, "s.reel"));
    assert_eq!(names(&serde_json::from_slice(&both.stdout).unwrap()), of_both);
    assert!(both.stderr.contains("not seen in every log: ") && both.stderr.contains(" (1 of 2)"));
    // systemd knows all of them, and says what it does not know.
    let drop_in = stage.sysreel(&["export", "--to", "systemd", "r.reel", "s.reel"]).text();
    let unit = |drop_in: &str| {
        fs::write(stage.path("x.service"), format!("{drop_in}ExecStart=/bin/true\n")).unwrap();
        stage.sh("systemd-analyze verify ./x.service 2>&1 | grep x.service")
    };
    assert_eq!(unit(&drop_in).text(), "");
    assert!(unit(&drop_in.replace("mkdir", "nonsense")).text().contains("nonsense"));
    let listed = drop_in.lines().filter_map(|line| line.strip_prefix("SystemCallFilter="));
    let listed: BTreeSet<_> =
        listed.flat_map(|names| names.split(' ')).map(str::to_owned).collect();
    assert_eq!(listed, of_both);
}

#[test]
fn a_graph_has_every_process() {
    let stage = record("sh -c 'exit 3'; printf '%s' 'a\"b\\N&amp;'; (true; true) & wait");
    let (tree, _) = view(&stage, &["tree", "r.reel"]);
    let nodes = tree["nodes"].as_array().unwrap();
    let ran = stage.sysreel(&["export", "--to", "dot", "r.reel"]);
    let text = ran.text();
    let edges = text.lines().filter(|line| line.contains(" -> ")).count();
    assert_eq!(edges, nodes.iter().filter(|node| node["parent"].is_u64()).count());
    let boxes = text.lines().filter(|line| line.contains("label=\"") && !line.contains("->"));
    assert_eq!(boxes.count(), nodes.len());
    assert!(text.contains("exit 3\", color=red]") && nodes.len() > 3, "{text}");
    if installed("a_graph_has_every_process", &["dot"]) {
        fs::write(stage.path("x.dot"), &text).unwrap();
        let svg = stage.sh("dot -Tsvg x.dot").text();
        assert_eq!(svg.matches("class=\"node\"").count(), nodes.len(), "{svg}");
    }
}

/// Connections over TCP, UDP and unix sockets, each with both ends, and one of IPv6.
const TALK: &str = include_str!("exporting/talk.py");

/// Reads the blocks, checks lengths, checksums and sequence numbers, and prints each conversation:
/// protocol, the lengths of both directions, the distinct bytes, whether it ended.
const READ_PCAPNG: &str = include_str!("exporting/packets.py");

#[test]
fn packets_have_what_sockets_moved() {
    if !installed("packets_have_what_sockets_moved", &["python3"]) {
        return;
    }
    let stage = Stage::new();
    let record = ["record", "-q", "--capture-limit=all", "-o", "r.reel", "--"];
    let ran = stage.sysreel(&[&record[..], &["python3", "-c", TALK]].concat());
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let ran = stage.sysreel(&["export", "--to", "pcapng", "-o", "out", "r.reel"]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    assert!(ran.stderr.contains("the other end of the socket has them"), "{ran:?}");
    assert!(!ran.stderr.contains("not captured"), "{ran:?}");
    let read = python(&stage, READ_PCAPNG);
    let asked: u64 = 5 + 1400 + 4000 + 60000;
    let tcp = format!("{asked}:'q':1 {}:'Q':1\n", asked * 3);
    let unix = "18:' aceiknorstuvx':0 4:'abck':0\n";
    let udp = "one datagram\nanswer\nto itself\n";
    assert_eq!(read.text(), format!("{tcp}{tcp}{unix}{udp}0 True\n"), "{read:?}");
    // What was not captured is a gap.
    let ran = stage.sysreel(
        &[
            &["record", "-q", "--capture-limit=100", "-o", "c.reel", "--"][..],
            &["python3", "-c", TALK],
        ]
        .concat(),
    );
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let ran = stage.sysreel(&["export", "--to", "pcapng", "-o", "cut", "c.reel"]);
    assert!(ran.stderr.contains("were not captured, and are gaps"), "{ran:?}");
    if installed("packets_have_what_sockets_moved", &["tshark"]) {
        let script = "tshark -r out -Y tcp.analysis.flags | wc -l; \
                      tshark -r out -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE -Y \
                      'tcp.checksum.status == 0 || ip.checksum.status == 0' | wc -l; \
                      tshark -r out -T fields -e tcp.stream | sort -u | grep -c .";
        assert_eq!(stage.sh(script).text(), "0\n0\n3\n");
    }
}
