//! `sysreel export`: each format is read by a program that knows only the format.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use sysreel_export::{Content, FORMATS};

use crate::stage::{Ran, Stage, installed};
use crate::views::{check, record, view};

/// Runs a script of Python in a stage.
fn python(stage: &Stage, script: &str) -> Ran {
    stage.run(stage.command("python3").args(["-c", script]).env("PYTHONUTF8", "1"))
}

/// What a row's text stands for: the inverse of the escapes that docs/export.md describes.
const UNESCAPE: &str = r#"
import re
def unescape(text):
    def one(m):
        e = m.group(1)
        if e[0] == 'x': return bytes([int(e[1:], 16)])
        if e[0] == 'u': return chr(int(e[2:-1], 16)).encode()
        return {'n': b'\n', 'r': b'\r', 't': b'\t', '\\': b'\\'}[e]
    out, at = b'', 0
    for m in re.finditer(r'\\(x[0-9a-f]{2}|u\{[0-9a-f]+\}|[nrt\\])', text):
        out += text[at:m.start()].encode() + one(m)
        at = m.end()
    return out + text[at:].encode()
"#;

/// Names of files with everything that some format could take for its own.
const NAMES: &[&[u8]] = &[
    b"plain",
    b"new\nline",
    b"tab\tquote\"comma,semi;",
    b"back\\slash\\n",
    b"esc\x1b[2J",
    b"invalid\xff\xfe",
    "bidi\u{202e}fdp.exe".as_bytes(),
    "c1\u{9b}31m".as_bytes(),
    b"=1+1",
    b"<b>&amp;]]>",
    b"${x}`y`$(z)",
    "日本語".as_bytes(),
];

/// Records a program that looks for files with the names in vain.
fn with_names() -> Stage {
    let stage = Stage::new();
    fs::write(stage.path("names"), NAMES.join(&0)).unwrap();
    let script = "chomp; -e \"/nowhere/$_\"";
    let ran = stage
        .sysreel(&["record", "-q", "-o", "n.reel", "--", "perl", "-0", "-ne", script, "names"]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    stage
}

/// Reads what Python printed of the names: each in hexadecimal, on a line of its own.
fn names_of(ran: &Ran) -> Vec<Vec<u8>> {
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let text = ran.text();
    let bytes = |line: &str| data_encoding::HEXLOWER.decode(line.as_bytes()).unwrap();
    text.lines().map(bytes).collect()
}

#[test]
fn names_survive_every_table() {
    if !installed("names_survive_every_table", &["python3", "perl"]) {
        return;
    }
    let stage = with_names();
    let expected: Vec<Vec<u8>> = NAMES.iter().map(|name| [b"/nowhere/", *name].concat()).collect();
    let filter = "path ~ \"/nowhere/**\"";
    let print = "for p in paths: print(unescape(p).hex())";
    let readers = [
        (
            "ndjson",
            "import json\npaths=[r['path'] for r in map(json.loads, open('out')) if r['row']=='call']",
        ),
        ("csv", "import csv\npaths=[r['path'] for r in csv.DictReader(open('out', newline=''))]"),
    ];
    for (format, read) in readers {
        let ran = stage.sysreel(&["export", "--to", format, "-o", "out", "-F", filter, "n.reel"]);
        assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""), "{format}");
        let text = fs::read_to_string(stage.path("out")).unwrap();
        assert!(
            text.chars().all(|c| c == '\n' || sysreel_inspect::visible::is_visible(c)),
            "{format}: {text}"
        );
        let ran = python(&stage, &format!("{UNESCAPE}\n{read}\n{print}"));
        assert_eq!(names_of(&ran), expected, "{format}");
    }
}

#[test]
fn rows_agree_with_the_views() {
    if !installed("rows_agree_with_the_views", &["python3"]) {
        return;
    }
    let stage = record("cat /etc/passwd missing | head -c 100 >out; kill -USR1 $$ & wait; true");
    let (stat, _) = view(&stage, &["stat", "r.reel"]);
    let (ps, _) = view(&stage, &["ps", "r.reel"]);
    let ran = stage.sysreel(&["export", "--to", "ndjson", "r.reel"]);
    let text = ran.text();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for row in &rows {
        let mut row = row.clone();
        row["schema"] = Value::from("sysreel/export/1");
        check(&row);
    }
    let of = |kind: &str| rows.iter().filter(|row| row["row"] == kind).collect::<Vec<_>>();
    let calls = of("call");
    let sum = |key: &str| calls.iter().filter_map(|row| row[key].as_u64()).sum::<u64>();
    let total = &stat["total"];
    assert_eq!(Some(calls.len() as u64), total["calls"].as_u64());
    assert_eq!(Some(sum("duration_ns")), total["total_ns"].as_u64());
    assert_eq!(Some(sum("bytes")), total["bytes"].as_u64());
    let failed = calls.iter().filter(|row| row["outcome"] == "failed").count();
    assert_eq!(Some(failed as u64), total["errors"].as_u64());
    let execs: BTreeSet<_> = of("exec").iter().map(|row| row["exe"].to_string()).collect();
    let nodes = ps["nodes"].as_array().unwrap().iter();
    let executed: BTreeSet<_> =
        nodes.filter(|n| n["executed"] == true).map(|n| n["exe"].to_string()).collect();
    assert_eq!(execs, executed);
    assert!(execs.len() >= 3, "{execs:?}");
    assert_eq!(of("task_start").len(), of("task_end").len());
    assert_eq!(of("end")[0]["complete"], true);
    // The table has the same calls, and Python reads it.
    stage.sysreel(&["export", "--to", "csv", "-o", "r.csv", "r.reel"]);
    let script = "import csv\nr=list(csv.DictReader(open('r.csv', newline='')))\n\
                  print(len(r), sum(int(x['duration_ns'] or 0) for x in r), \
                  sum(int(x['bytes'] or 0) for x in r))";
    let expected = format!("{} {} {}\n", calls.len(), sum("duration_ns"), sum("bytes"));
    assert_eq!(python(&stage, script).text(), expected);
}

#[test]
fn strace_is_what_print_writes() {
    let stage = record("cat /etc/passwd | wc -l");
    let ran = stage.sysreel(&["export", "--to", "strace", "-o", "e", "-F", "%file", "r.reel"]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    stage.sysreel(&["print", "-ttt", "-T", "-y", "-o", "p", "-F", "%file", "r.reel"]);
    let (exported, printed) = (stage.path("e"), stage.path("p"));
    assert_eq!(fs::read(&exported).unwrap(), fs::read(printed).unwrap());
    assert!(fs::metadata(exported).unwrap().len() > 1000);
}

#[test]
fn files_are_named_after_logs() {
    let stage = record("true");
    fs::create_dir(stage.path("d")).unwrap();
    fs::copy(stage.path("r.reel"), stage.path("s.reel")).unwrap();
    fs::copy(stage.path("r.reel"), stage.path("d/r.reel")).unwrap();
    let ran = stage.sysreel(&["export", "--to", "strace", "-o", "new/", "r.reel", "s.reel"]);
    assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    let text = |name: &str| fs::read_to_string(stage.path(name)).unwrap();
    assert_eq!(text("new/r.strace"), text("new/s.strace"));
    stage
        .sysreel(&["export", "--to", "strace", "-o", "d", "r.reel", "d/r.reel"])
        .fails(2, &["two logs have the same name"]);
    stage
        .sysreel(&["export", "--to", "strace", "-o", "x", "r.reel", "s.reel"])
        .fails(2, &["one log", "-o DIR/"]);
    assert!(!stage.path("x").exists());
    // One file with both.
    stage.sysreel(&["export", "--to", "csv", "-o", "both", "r.reel", "s.reel"]);
    let both = text("both");
    let of = |log: &str| both.lines().filter(|line| line.starts_with(log)).count();
    assert!(of("r.reel,") > 10 && of("r.reel,") == of("s.reel,"), "{both}");
}

#[test]
fn mistakes_are_explained() {
    let stage = record("true");
    let log = fs::read(stage.path("r.reel")).unwrap();
    stage.sysreel(&["export", "--to", "nsjson", "r.reel"]).fails(2, &["ndjson", "csv", "strace"]);
    stage.sysreel(&["export", "r.reel"]).fails(2, &["--to"]);
    stage
        .sysreel(&["export", "--to", "csv", "-o", "r.reel", "r.reel"])
        .fails(1, &["r.reel", "is a log and will not be overwritten"]);
    stage
        .sysreel(&["export", "--to", "csv", "-o", "none/x", "r.reel"])
        .fails(1, &["none/x", "No such file"]);
    // No file remains of an export that failed, and an older one is as it was.
    fs::write(stage.path("old"), "old").unwrap();
    stage.sysreel(&["export", "--to", "csv", "-o", "old", "r.reel", "missing.reel"]).fails(1, &[]);
    assert_eq!(fs::read(stage.path("old")).unwrap(), b"old");
    assert_eq!(fs::read(stage.path("r.reel")).unwrap(), log);
    let ran = stage.sysreel(&["export", "--to", "csv", "-F", "brk and not brk", "r.reel"]);
    assert_eq!(ran.status.code(), Some(0));
    assert!(ran.stderr.contains("nothing matches"), "{ran:?}");
    let ran = stage.sh("\"$SYSREEL\" export --to csv r.reel >/dev/full");
    ran.fails(1, &["cannot write"]);
    let left: Vec<_> =
        fs::read_dir(stage.folder()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("partial")), "{left:?}");
}

/// Every format exports what is left of a damaged log, and says that it is not all.
#[test]
fn what_is_left_of_a_damaged_log_is_exported() {
    let stage = record("for i in 1 2 3 4 5 6; do cat /etc/passwd >/dev/null; done");
    let bytes = fs::read(stage.path("r.reel")).unwrap();
    // Without its last bytes a log has no footer, and nothing says that it is whole.
    fs::write(stage.path("cut.reel"), &bytes[..bytes.len() - 16]).unwrap();
    for format in FORMATS {
        let ran = stage.sysreel(&["export", "--to", format.name, "-o", "out", "cut.reel"]);
        assert_eq!(ran.status.code(), Some(3), "{}: {ran:?}", format.name);
        assert!(ran.stderr.contains("cut.reel: "), "{}: {ran:?}", format.name);
        let written = fs::metadata(stage.path("out")).unwrap().len();
        stage.sysreel(&["export", "--to", format.name, "-o", "whole", "r.reel"]);
        let whole = fs::metadata(stage.path("whole")).unwrap().len();
        assert!(written * 10 > whole * 9, "{}: {written} of {whole}", format.name);
        fs::remove_file(stage.path("out")).unwrap();
    }
    let ran = stage.sysreel(&["export", "--to", "ndjson", "cut.reel"]);
    let last: Value = serde_json::from_str(ran.text().lines().last().unwrap()).unwrap();
    assert_eq!((&last["row"], &last["complete"]), (&"end".into(), &false.into()));
    assert!(!last["missing"].as_array().unwrap().is_empty());
    assert!(FORMATS.len() > 3);
}

/// Threads, forks and an execve(2) by a thread that does not lead its process.
const TASKS: &str = r#"
import os, threading, time
def child():
    for n in range(20): os.getppid()
    os._exit(3)
pids = []
for n in range(3):
    pid = os.fork()
    if pid == 0: child()
    pids.append(pid)
gate = threading.Event()
def wait(): gate.wait()
ts = [threading.Thread(target=wait, daemon=True) for n in range(3)]
for t in ts: t.start()
for pid in pids: os.waitpid(pid, 0)
t = threading.Thread(target=lambda: os.execvp("sleep", ["sleep", "0.01"]))
t.start()
time.sleep(5)
"#;

/// Checks a trace of Chrome's format: slices of a thread do not overlap, each flow ends once and
/// after its start. Prints the numbers of slices, flows and threads.
const CHECK_CHROME: &str = r#"
import json, collections
from decimal import Decimal
trace = json.load(open('out'), parse_float=Decimal)
tracks, starts, ends, events = collections.defaultdict(list), {}, [], set()
for e in trace['traceEvents']:
    if e['ph'] == 'X':
        tracks[e['pid'], e['tid']].append((e['ts'], e['dur'], e['name']))
        events.add(e['args']['event'])
    elif e['ph'] == 's': starts[e['id']] = e['ts']
    elif e['ph'] == 'f': ends.append((e['id'], e['ts']))
for slices in tracks.values():
    slices.sort()
    for (t, d, n), (u, _, m) in zip(slices, slices[1:]): assert t + d <= u, (t, d, n, u, m)
    assert all(d > 0 for _, d, _ in slices)
assert len({i for i, _ in ends}) == len(ends)
for i, t in ends: assert starts[i] <= t, (i, t, starts[i])
names = {e['args']['name'] for e in trace['traceEvents'] if e['name'] == 'process_name'}
assert 'sleep' in names, names
print(len(events), len(starts), len(ends), len(tracks))
"#;

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

#[test]
fn binary_formats_are_not_written_to_a_terminal() {
    let stage = record("true");
    for format in FORMATS.iter().filter(|format| format.content == Content::Binary) {
        let line = format!("{} export --to {} r.reel", crate::stage::SYSREEL, format.name);
        let ran = stage.sh(&format!("script -qec '{line}' /dev/null"));
        assert_eq!(ran.status.code(), Some(2), "{}: {ran:?}", format.name);
        assert!(ran.text().contains("binary") && ran.text().contains("-o FILE."), "{ran:?}");
        let piped = stage.sh(&format!("{line} | head -c 20 | wc -c"));
        assert_eq!(piped.text().trim(), "20", "{}: {piped:?}", format.name);
    }
}

/// Compares both formats, and prints the sum of the times.
const CHECK_STACKS: &str = r#"
import json
stacks = {}
for line in open('folded'):
    stack, ns = line.rsplit(' ', 1)
    stacks[tuple(f.replace(r'\x3b', ';') for f in stack.split(';'))] = int(ns)
s = json.load(open('speedscope')); p = s['profiles'][0]
names = [f['name'] for f in s['shared']['frames']]
other = {tuple(names[f] for f in t): w for t, w in zip(p['samples'], p['weights'])}
assert stacks == other, (stacks, other)
assert p['endValue'] == sum(p['weights']) and len(names) == len(set(names))
assert any(s[-1].endswith('/a;b/c') for s in stacks), stacks
assert any(s[1].endswith('nanosleep') and len(s) == 2 and w > 5e7 for s, w in stacks.items())
print(sum(stacks.values()))
"#;

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
const TALK: &str = r#"
import os, socket
def serve(listener, sizes):
    pid = os.fork()
    if pid: return pid
    s, _ = listener.accept()
    while True:
        data = s.recv(65536)
        if not data: break
        s.sendall(data.upper() * 3)
    s.close()
    os._exit(0)
for family, host in (socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1'):
    l = socket.socket(family); l.bind((host, 0)); l.listen(1)
    pid = serve(l, 0)
    c = socket.create_connection(l.getsockname()[:2])
    for size in 5, 1400, 4000, 60000:
        c.sendall(b'q' * size)
        left = size * 3
        while left: left -= len(c.recv(left))
    c.shutdown(socket.SHUT_WR)
    assert c.recv(10) == b''
    os.waitpid(pid, 0); c.close(); l.close()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('127.0.0.1', 0))
v = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); v.connect(u.getsockname())
v.send(b'one datagram'); data, peer = u.recvfrom(100); u.sendto(b'answer', peer); v.recv(100)
a, b = socket.socketpair(); a.sendall(b'over a unix socket'); b.recv(100); b.sendall(b'back'); a.recv(100)
"#;

/// Reads the blocks, checks lengths, checksums and sequence numbers, and prints each conversation:
/// protocol, the lengths of both directions, the distinct bytes, whether it ended.
const READ_PCAPNG: &str = r#"
import struct, collections
data = open('out', 'rb').read()
def options(body, at):
    found = {}
    while True:
        code, n = struct.unpack_from('<HH', body, at); at += 4
        if code == 0: break
        found[code] = body[at:at+n]; at += (n + 3) // 4 * 4
    assert at == len(body), (at, len(body))
    return found
def total(*parts):
    whole = b''.join(parts); whole += b'\0' * (len(whole) % 2)
    n = sum(struct.unpack('>%dH' % (len(whole) // 2), whole))
    while n >> 16: n = (n & 0xffff) + (n >> 16)
    return n
packets, at, kinds, last = [], 0, [], 0
while at < len(data):
    kind, n = struct.unpack_from('<II', data, at)
    assert n % 4 == 0 and data[at+n-4:at+n] == data[at+4:at+8]
    body = data[at+8:at+n-4]; at += n; kinds.append(kind)
    if kind == 0x0a0d0d0a:
        assert body[:16] == struct.pack('<IHHq', 0x1a2b3c4d, 1, 0, -1); options(body, 16)
    elif kind == 1:
        assert struct.unpack_from('<HHI', body) == (101, 0, 0)
        o = options(body, 8); assert o[9] == b'\x09' and b'synthetic' in o[1], o
    else:
        i, hi, lo, n, orig = struct.unpack_from('<IIIII', body)
        assert kind == 6 and i == 0 and n == orig
        assert last <= hi << 32 | lo; last = hi << 32 | lo
        packets.append((body[20:20+n], options(body, 20 + (n + 3) // 4 * 4)))
assert kinds[:2] == [0x0a0d0d0a, 1]
tcp = collections.OrderedDict(); udp = []; comments = []
for p, o in packets:
    comments += [o[1].decode()] if 1 in o else []
    if p[0] >> 4 == 4:
        assert total(p[:20]) == 0xffff and struct.unpack_from('>H', p, 2)[0] == len(p)
        proto, src, dst, seg = p[9], p[12:16], p[16:20], p[20:]
        pseudo = src + dst + struct.pack('>BBH', 0, proto, len(seg))
    else:
        assert struct.unpack_from('>H', p, 4)[0] == len(p) - 40
        proto, src, dst, seg = p[6], p[8:24], p[24:40], p[40:]
        pseudo = src + dst + struct.pack('>IHBB', len(seg), 0, 0, proto)
    assert total(pseudo, seg) == 0xffff, p.hex()
    sp, dp = struct.unpack_from('>HH', seg)
    if proto == 17:
        assert struct.unpack_from('>H', seg, 4)[0] == len(seg)
        udp.append((sp, dp, seg[8:])); continue
    assert proto == 6 and len(seg) - 20 <= 1400
    seq, ack, off, flags = struct.unpack_from('>IIBB', seg, 4)
    me, other = (src, sp), (dst, dp)
    if flags & 2 and not flags & 16:
        assert (me, other) not in tcp and (other, me) not in tcp
        tcp[me, other] = {me: [seq + 1, b'', 0], other: [None, b'', 0]}; continue
    c = tcp[(me, other) if (me, other) in tcp else (other, me)]
    if flags & 2: c[me][0] = seq + 1; assert ack == c[other][0]; continue
    assert seq == c[me][0] and ack == c[other][0], (seq, ack, c)
    c[me][0] += len(seg) - 20; c[me][1] += seg[20:]
    if flags & 1: c[me][0] += 1; c[me][2] = 1
for c in tcp.values():
    print(*(f'{len(s)}:{bytes(sorted(set(s))).decode()!r}:{end}' for _, s, end in c.values()))
for _, _, payload in udp: print(payload.decode())
assert all(c.startswith('event ') for c in comments)
print(sum('unix socket' in c for c in comments), len(comments) > 20)
"#;

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
    let udp = "one datagram\nanswer\n";
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
