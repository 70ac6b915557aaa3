//! Views and printing agree about what calls did, also in corners: replaced descriptors, programs
//! that are executed by descriptor, sockets of 32-bit programs.

use crate::stage::{GCC_32, Running, SYSREEL, Stage, installed, until};
use crate::views::{all, record, text, view};

/// Records a command line.
fn record_command(stage: &Stage, command: &[&str]) {
    let ran = stage.sysreel(&[&["record", "-q", "-o", "r.reel", "--"], command].concat());
    assert!(stage.path("r.reel").exists(), "{ran:?}");
}

const EXECUTES: &str = r#"#!/bin/sh
exec python3 -c '
import os
old, new = (os.open(name, os.O_CREAT | os.O_RDWR) for name in ("old", "new"))
os.dup2(new, old)
if os.fork() == 0:
    os.execve(os.open("/usr/bin/true", os.O_RDONLY), ["true"], {})
os.wait()
'
"#;

#[test]
fn a_filter_means_the_same_for_every_command() {
    if !installed("a_filter_means_the_same_for_every_command", &["python3"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("run", EXECUTES);
    assert!(stage.sh("chmod +x run").status.success());
    record_command(&stage, &["./run"]);
    let folder = stage.folder().canonicalize().unwrap();
    let folder = folder.display();
    for filter in [
        format!("execve && path == \"{folder}/run\""),
        format!("(dup2 || dup3) && fd.path == \"{folder}/old\""),
        format!("(dup2 || dup3) && fd.path == \"{folder}/new\""),
        "execveat && path == \"/usr/bin/true\"".to_owned(),
    ] {
        let (stat, _) = view(&stage, &["stat", "-F", &filter, "r.reel"]);
        assert_eq!(stat["total"]["calls"], 1, "{filter}: {stat}");
        let lines = stage.sysreel(&["print", "-F", &filter, "-f", "r.reel"]).text();
        let calls = lines.lines().filter(|line| line.contains("exec") || line.contains("dup"));
        assert_eq!(calls.count(), 1, "{filter}: {lines}");
    }
    // The interpreter of the script, and the program of the descriptor.
    let (files, _) = view(&stage, &["files", "r.reel"]);
    let shell = std::fs::canonicalize("/bin/sh").unwrap().display().to_string();
    for path in [&format!("{folder}/run"), &shell, "/usr/bin/true"] {
        let file = all(&files, "files").iter().find(|file| text(file, "path") == path);
        assert_eq!(file.unwrap()["uses"]["execute"], 1, "{path}: {file:?}");
    }
}

/// All by socketcall(2): a connection to itself, and a datagram.
const SOCKETS: &str = r#"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
static long sc(int n, long a, long b, long c, long d, long e, long f) {
    unsigned long v[6] = {a, b, c, d, e, f};
    return syscall(SYS_socketcall, n, v);
}
int main(void) {
    struct sockaddr_in a = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof a;
    int l = sc(1, AF_INET, SOCK_STREAM, 0, 0, 0, 0);
    sc(2, l, (long)&a, n, 0, 0, 0);
    sc(4, l, 5, 0, 0, 0, 0);
    getsockname(l, (struct sockaddr *)&a, &n);
    int c = sc(1, AF_INET, SOCK_STREAM, 0, 0, 0, 0);
    sc(3, c, (long)&a, n, 0, 0, 0);
    sc(9, c, (long)"0123456789", 10, 0, 0, 0);
    printf("%d\n", ntohs(a.sin_port));
    return 0;
}
"#;

#[test]
fn sockets_of_socketcall_have_addresses() {
    if !installed("sockets_of_socketcall_have_addresses", &[GCC_32]) {
        return;
    }
    let stage = Stage::new();
    stage.write("s.c", SOCKETS);
    assert!(stage.sh(&format!("{GCC_32} -o s s.c")).status.success());
    let ran = stage.sysreel(&["record", "-q", "-o", "r.reel", "--", "./s"]);
    let port = ran.text().trim().to_owned();
    let lines = stage.sysreel(&["print", "-yy", "r.reel"]).text();
    let listens = format!("<TCP:[127.0.0.1:{port}]>");
    assert!(lines.lines().any(|line| line.starts_with("listen(3") && line.contains(&listens)));
    let peer = format!("->127.0.0.1:{port}]>");
    assert!(lines.lines().any(|line| line.starts_with("sendto(4<TCP:[") && line.contains(&peer)));
    let filter = format!("sendto && net.port == {port}");
    let (stat, _) = view(&stage, &["stat", "-F", &filter, "r.reel"]);
    assert_eq!(stat["total"]["calls"], 1, "{lines}");
}

/// Prints the port that the kernel gives a socket that sends.
const DATAGRAMS: &str = "
import socket
first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
first.bind((\"127.0.0.1\", 0))
second = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
second.sendto(b\"abc\", first.getsockname())
data, address = first.recvfrom(10)
first.sendto(b\"12345\", address)
second.recv(10)
listening, other = socket.socket(), socket.socket()
listening.bind((\"127.0.0.1\", 0))
try: other.bind(listening.getsockname())
except OSError: print(address[1], listening.getsockname()[1])
";

#[test]
fn net_shows_failed_binds_and_ports_that_the_kernel_chose() {
    if !installed("net_shows_failed_binds_and_ports_that_the_kernel_chose", &["python3"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("d.py", DATAGRAMS);
    let ran = stage.sysreel(&["record", "-q", "-o", "r.reel", "--", "python3", "d.py"]);
    let ports = ran.text();
    let (sender, taken) = ports.trim().split_once(' ').unwrap();
    let (net, _) = view(&stage, &["net", "r.reel"]);
    let of_role = |role: &str| -> Vec<String> {
        let endpoints = all(&net, "endpoints").iter().filter(|of| text(of, "role") == role);
        endpoints.map(|of| format!("{} {}", text(of, "address"), text(of, "outcome"))).collect()
    };
    assert!(of_role("bind").contains(&format!("127.0.0.1:{taken} EADDRINUSE")), "{net}");
    assert!(of_role("bind").contains(&format!("0.0.0.0:{sender} ok")), "{net}");
    assert_eq!(of_role("before"), [""; 0], "{net}");
    let lines = stage.sysreel(&["print", "-yy", "-e", "recvfrom", "r.reel"]).text();
    assert!(lines.contains(&format!("UDP:[0.0.0.0:{sender}]")), "{lines}");
}

#[test]
fn descriptors_without_names_are_no_paths() {
    if !installed("descriptors_without_names_are_no_paths", &["python3"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("s.py", "import os\nfor _ in range(150): os.fstat(0)\n");
    stage.sysreel(&["record", "-q", "--no-names", "-o", "r.reel", "--", "python3", "s.py"]);
    let (lint, _) = view(&stage, &["lint", "r.reel"]);
    assert!(all(&lint, "warnings").iter().all(|warning| text(warning, "object") != "."), "{lint}");
}

const PROTECTS: &str = r#"
import ctypes, os
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
fd = os.open("file", os.O_CREAT | os.O_RDWR)
os.ftruncate(fd, 8192)
at = libc.mmap(None, ctypes.c_size_t(8192), 1, 1, fd, ctypes.c_long(0))
os.close(fd)
libc.mprotect(ctypes.c_void_p(at + 4096), ctypes.c_size_t(4096), 3)
libc.mprotect(ctypes.c_void_p(at + 4096), ctypes.c_size_t(4096), 3)
"#;

#[test]
fn a_shared_file_that_mprotect_makes_writable_is_written() {
    if !installed("a_shared_file_that_mprotect_makes_writable_is_written", &["python3"]) {
        return;
    }
    let stage = Stage::new();
    stage.write("p.py", PROTECTS);
    record_command(&stage, &["python3", "p.py"]);
    let (files, _) = view(&stage, &["files", "--writes", "r.reel"]);
    let file = all(&files, "files").iter().find(|file| text(file, "path").ends_with("/file"));
    assert_eq!(file.unwrap()["uses"]["map_write"], 1, "{file:?}");
}

#[test]
fn a_log_that_is_being_written_has_no_verdict_on_leaks() {
    let stage = Stage::new();
    let mut command = stage.command(SYSREEL);
    let script = "exec 9>kept; while ! [ -e stop ]; do :; done; exec 9>&-";
    command.args(["record", "-q", "-o", "r.reel", "--", "sh", "-c", script]);
    let running = Running::start(&mut command);
    let leaked = || {
        let ran = stage.sysreel(&["fds", "--leaked", "r.reel"]);
        String::from_utf8_lossy(&ran.stdout).into_owned()
    };
    until("one is open", || leaked().contains("open at the end of the log"));
    stage.write("stop", "");
    running.wait();
    assert!(leaked().starts_with("every descriptor from 3 on"), "{}", leaked());
}

#[test]
fn each_missing_event_is_told_once() {
    let stage = record("true");
    let ran = stage.sysreel(&["show", "r.reel", "99999", "3", "99998"]);
    ran.fails(1, &["no event 99999", "no event 99998"]);
    let all = String::from_utf8_lossy(&ran.stdout).into_owned() + &ran.stderr;
    assert_eq!(all.matches("99999").count(), 1, "{all}");
    assert!(all.contains("event 3:"), "{all}");
}

#[test]
fn what_is_too_deep_is_counted_in_lines() {
    let stage = record("ls; sh -c 'ls; ls'; (ls; ls; true)");
    let lines = |arguments: &[&str]| stage.sysreel(arguments).text();
    let (whole, top) = (lines(&["tree", "r.reel"]), lines(&["tree", "--depth", "1", "r.reel"]));
    let shown = top.lines().count() - 1;
    let more = whole.lines().count() - shown;
    assert!(top.ends_with(&format!("({more} more below)\n")), "{whole}\n{top}");
}

/// Every command agrees that a call interrupted by the detach has not failed.
#[test]
fn interrupted_calls_have_not_failed() {
    let stage = Stage::new();
    let logs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs/v1");
    for (name, errors) in [("attach_nanosleep", 1), ("attach_read", 1), ("signal_kinds", 5)] {
        let log = logs.join(name).with_extension("reel").to_str().unwrap().to_owned();
        let json = |words: &[&str]| -> serde_json::Value {
            let ran = stage.sysreel(&[words, &["--json", &log]].concat());
            serde_json::from_slice(&ran.stdout).unwrap_or_else(|e| panic!("{e} {ran:?}"))
        };
        let counted: u64 = json(&["print", "-c"])["calls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|call| call["errors"].as_u64().unwrap())
            .sum();
        let by_filter = stage.sysreel(&["print", "--join", "-q", "-F", "failed", &log]).text();
        let lines = by_filter.lines().filter(|line| line.contains("= -1 ")).count();
        assert_eq!((counted, lines), (errors, usize::try_from(errors).unwrap()), "{name}");
        let successful = stage.sysreel(&["print", "-z", &log]).text();
        assert!(!successful.contains("? ERESTART"), "{name}: {successful}");
        assert_eq!(json(&["info"])["errors"], errors, "{name}");
        assert_eq!(json(&["stat"])["total"]["errors"], errors, "{name}");
    }
}
