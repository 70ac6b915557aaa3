//! Tests the matcher on made-up stops: each kind of statement once where it holds and once where it
//! fails. A matcher that accepts everything would make every fixture pass.

use crate::matcher::check;
use crate::statements::{End, parse};
use crate::stops::{Call, Region, Stop, What};

/// Task 7 reads 4 bytes in the second of three read calls, is stopped, and is killed in a write.
/// Task 8 is its child.
fn shown() -> Vec<Stop> {
    let mut stops = Vec::new();
    let mut add = |tid, what| {
        let event = stops.len() as u64;
        stops.push(Stop { event, tid, what, regions: Vec::new() });
    };
    add(7, What::Event { what: "stop".into(), message: Some(0) });
    add(7, entry("read", 0, 3)); // 1
    add(7, exit(-9, true)); // 2
    add(7, entry("read", 0, 3)); // 3
    add(7, exit(4, false)); // 4
    add(7, entry("read", 0, 3)); // 5
    add(7, exit(0, false)); // 6
    add(7, entry("fork", 57, 0)); // 7
    add(8, What::Event { what: "stop".into(), message: Some(0) }); // 8
    add(7, What::Event { what: "fork".into(), message: Some(8) }); // 9
    add(7, exit(8, false)); // 10
    add(7, entry("getuid", 102, 0)); // 11
    let getuid = Call { name: Some("getuid".into()), arch: "x86_64".into(), nr: 102, args: [0; 6] };
    add(7, What::Seccomp { call: getuid, data: 5 }); // 12
    add(7, exit(0, false)); // 13
    add(8, What::Gone(End::Exited(3))); // 14
    add(7, What::Signal("SIGSTOP".into())); // 15
    add(7, What::Group("SIGSTOP".into())); // 16
    add(7, entry("write", 1, 4)); // 17
    add(7, What::Gone(End::Killed("SIGKILL".into()))); // 18
    stops[4].regions = vec![region(1, 0, 0x100, b"abcd")];
    stops[17].regions = vec![
        region(1, 0, 0x200, b"wxyz"),
        region(1, 1, 0x300, b"deep"),
        Region { errno: Some("EFAULT".into()), ..region(2, 0, 0x400, b"") },
        Region { cut: true, ..region(3, 0, 0x500, b"begin") },
    ];
    stops
}

fn entry(name: &str, nr: u64, fd: u64) -> What {
    What::Entry(Call {
        name: Some(name.into()),
        arch: "x86_64".into(),
        nr,
        args: [fd, 0x100, 4, 0, 0, 0],
    })
}

fn exit(rval: i64, error: bool) -> What {
    What::Exit { rval, error, arch: "x86_64".into() }
}

fn region(arg: u8, role: u8, address: u64, bytes: &[u8]) -> Region {
    Region {
        arg,
        role,
        index: 3,
        address,
        asked: 9,
        cut: false,
        bytes: bytes.to_vec(),
        errno: None,
    }
}

const PRINTED: &str = "\
[pid     7] read(3, \"abcd\", 4)                     = 4
8 +++ exited with 3 +++
[pid     7] fork( <unfinished ...>
[pid     8] getpid()                              = 8
[pid     7] <... fork resumed>)                   = 8
write(4, \"wxyz\", 4 <unfinished ...>) = ?
";

fn problems(statements: &str) -> Vec<String> {
    check(&parse(statements).unwrap(), &shown(), PRINTED)
}

#[track_caller]
fn holds(statements: &str) {
    let problems = problems(statements);
    assert!(problems.is_empty(), "{statements}: {}", problems.join("\n"));
}

/// Asserts that the check fails once, at that line.
#[track_caller]
fn fails(statements: &str, line: usize) {
    let problems = problems(statements);
    assert_eq!(problems.len(), 1, "{statements}: {problems:?}");
    assert!(problems[0].contains(&format!("line {line}: ")), "{statements}: {}", problems[0]);
}

#[test]
fn entries() {
    holds("stop 7 entry read\n");
    holds("stop 7 entry *\n");
    holds("stop * entry write arg0=4\n");
    holds("stop 7 entry read arch=x86_64 nr=0 arg0=3 arg1=100 arg2=4 arg5=0\n");
    fails("stop 7 entry open\n", 1);
    fails("stop 8 entry read\n", 1);
    fails("stop 9 entry read\n", 1);
    fails("stop * entry open\n", 1);
    fails("stop 7 entry read arch=i386\n", 1);
    fails("stop 7 entry read nr=1\n", 1);
    fails("stop 7 entry read arg1=101\n", 1);
}

#[test]
fn exits() {
    holds("stop 7 exit 4 error=0 arch=x86_64\n");
    fails("stop 7 exit 5\n", 1);
    fails("stop 7 exit 4 error=1\n", 1);
    fails("stop 7 exit 4 arch=i386\n", 1);
    fails("stop * exit 5\n", 1);
}

#[test]
fn an_exit_line_matches_the_exit_of_its_call() {
    // The first read fails, so the search must backtrack to the second.
    holds("stop 7 entry read\nstop 7 exit 4\n");
    holds("stop 7 entry read\nstop 7 exit 0\nstop 7 entry fork\nstop 7 exit 8\n");
    // 8 is the result of fork.
    fails("stop 7 entry read\nstop 7 exit 8\n", 1);
    fails("stop 7 entry read\nstop 7 exit 4 error=1\n", 1);
    fails("stop 7 entry write\nstop 7 exit 4\n", 1);
    // A second exit line does not belong to the call.
    holds("stop 7 entry read\nstop 7 exit 4\nstop 7 exit 8\n");
}

#[test]
fn lines_between_entry_and_exit_lie_between_the_stops() {
    holds("stop 7 entry fork\nstop 7 event fork msg=8\nstop 7 exit 8\n");
    holds("stop 7 entry getuid\nstop 7 seccomp getuid data=5\nstop 7 exit 0\n");
    fails("stop 7 entry read\nstop 7 event fork\nstop 7 exit 4\n", 2);
    fails("stop 7 entry getuid\nstop 7 signal SIGSTOP\nstop 7 exit 0\n", 2);
}

#[test]
fn the_lines_of_a_task_hold_in_their_order() {
    holds("stop 7 entry read\nstop 7 signal SIGSTOP\nstop 7 entry write\n");
    fails("stop 7 signal SIGSTOP\nstop 7 entry read\n", 2);
    fails("stop 7 entry write\nstop 7 entry read\n", 2);
    // There are three reads, not four.
    holds("stop 7 entry read\nstop 7 entry read\nstop 7 entry read\n");
    fails("stop 7 entry read\nstop 7 entry read\nstop 7 entry read\nstop 7 entry read\n", 4);
    // Lines of different tasks have no order.
    holds("gone 8 exited 3\nstop 7 entry read\n");
}

#[test]
fn other_stops() {
    holds("stop 7 seccomp getuid data=5\n");
    fails("stop 7 seccomp getuid data=6\n", 1);
    fails("stop 7 seccomp getgid data=5\n", 1);
    holds("stop 7 signal SIGSTOP\n");
    fails("stop 7 signal SIGCONT\n", 1);
    holds("stop 7 group SIGSTOP\n");
    fails("stop 7 group SIGTSTP\n", 1);
    fails("stop 8 group SIGSTOP\n", 1);
    holds("stop 7 event fork msg=8\nstop 8 event stop\n");
    fails("stop 7 event fork msg=9\n", 1);
    fails("stop 7 event vfork\n", 1);
}

#[test]
fn ends() {
    holds("gone 8 exited 3\ngone 7 killed SIGKILL\n");
    fails("gone 8 exited 4\n", 1);
    fails("gone 8 killed SIGKILL\n", 1);
    fails("gone 7 killed SIGTERM\n", 1);
    fails("gone 7 superseded\n", 1);
    fails("gone 7 killed SIGKILL\nstop 7 entry write\n", 2);
    fails("gone * exited 4\n", 1);
}

#[test]
fn never() {
    holds("never 7 entry open\n");
    holds("never 8 entry read\n");
    holds("never * signal SIGSEGV\n");
    fails("never 7 entry read\n", 1);
    fails("never * entry read\n", 1);
    fails("never 7 exit -9 error=1\n", 1);
    fails("never 7 seccomp getuid data=5\n", 1);
    fails("never 7 event fork msg=8\n", 1);
}

#[test]
fn unfinished() {
    holds("unfinished 7 write\n");
    fails("unfinished 7 read\n", 1);
    fails("unfinished 8 write\n", 1);
    fails("unfinished 9 write\n", 1);
}

#[test]
fn memory_belongs_to_the_call_of_its_entry_line() {
    // Only the second read has this memory, so the entry line must be placed there.
    holds("stop 7 entry read\nmemory 7 exit read arg1 61626364\n");
    holds("stop 7 entry read\nstop 7 entry read\nmemory 7 exit read arg1 61626364\n");
    fails(
        "stop 7 entry read\nstop 7 entry read\nstop 7 entry read\nmemory 7 exit read arg1 \
         61626364\n",
        3,
    );
    fails("stop 7 entry read\nstop 7 exit 0\nmemory 7 exit read arg1 61626364\n", 1);
    fails("stop 7 entry read\nmemory 7 exit read arg1 61626365\n", 1);
    // Without an entry line any call of that name may have the memory.
    holds("memory 7 exit read arg1 61626364\n");
    holds("stop 7 entry fork\nmemory 7 exit read arg1 61626364\n");
    holds("memory * exit read arg1 61626364\n");
    fails("memory 8 exit read arg1 61626364\n", 1);
    fails("memory 7 exit fork arg1 61626364\n", 1);
}

#[test]
fn memory_is_exactly_these_bytes() {
    holds("memory 7 entry write arg1 7778797a\n");
    holds("memory 7 entry write arg1 7778+797a\n");
    holds("memory 7 entry write arg1 7778+...\n");
    fails("memory 7 entry write arg1 7778\n", 1);
    fails("memory 7 entry write arg1 7778797a7b\n", 1);
    fails("memory 7 entry write arg1 7779+...\n", 1);
    fails("memory 7 entry write arg1 empty\n", 1);
    fails("memory 7 exit write arg1 7778797a\n", 1);
    fails("memory 7 entry write arg2 7778797a\n", 1);
    fails("memory 7 entry read arg1 61626364\n", 1);
}

#[test]
fn regions_reached_through_pointers_match_by_address() {
    holds("memory 7 entry write arg1@300 64656570\n");
    fails("memory 7 entry write arg1@301 64656570\n", 1);
    fails("memory 7 entry write arg1 64656570\n", 1);
    // Memory that the argument itself points to has no address.
    fails("memory 7 entry write arg1@200 7778797a\n", 1);
}

#[test]
fn a_cut_region_matches_by_its_beginning() {
    holds("memory 7 entry write arg3 626567696e6e696e67\n");
    fails("memory 7 entry write arg3 626567696e\n", 1);
    fails("memory 7 entry write arg3 62656769\n", 1);
    fails("memory 7 entry write arg3 72656769+fill:00x50\n", 1);
}

#[test]
fn unreadable() {
    holds("unreadable 7 entry write arg2 EFAULT\n");
    holds("stop 7 entry write\nunreadable 7 entry write arg2 EFAULT\n");
    fails("unreadable 7 entry write arg2 EPERM\n", 1);
    fails("unreadable 7 entry write arg1 EFAULT\n", 1);
    fails("stop 7 entry write\nunreadable 7 entry write arg1 EFAULT\n", 1);
}

#[test]
fn printed_lines() {
    holds("print read(3, \"abcd\", 4) = 4\n");
    holds("print +++ exited with 3 +++\n");
    holds("print fork() = 8\n");
    fails("print fork() = 9\n", 1);
    fails("print read(3, \"abcd\", 4) = 5\n", 1);
    fails("print read(3, \"abcd\", 4)\n", 1);
    fails("print +++ exited with 4 +++\n", 1);
}

#[test]
fn a_failure_shows_the_stops_around_it() {
    let problem = problems("stop 7 entry read\nstop 7 exit 4\nstop 7 signal SIGKILL\n").remove(0);
    for part in [
        "task 7",
        "line 3: stop 7 signal SIGKILL",
        "after line 2",
        "> #6 7 exit 0",
        "  #4 7 exit 4 error=0",
    ] {
        assert!(problem.contains(part), "{part}: {problem}");
    }
    let problem =
        problems("stop 7 entry read\nstop 7 exit 4\nmemory 7 exit read arg1 00\n").remove(0);
    for part in ["#3 7 entry read", "is alike, but not line 3", "61626364 (4 bytes)"] {
        assert!(problem.contains(part), "{part}: {problem}");
    }
}

#[test]
fn all_regions_of_a_call_are_counted() {
    holds("stop 7 entry read\nstop 7 exit 4\nregions 7 read 0 1 short=0\n");
    fails("stop 7 entry read\nstop 7 exit 4\nregions 7 read 0 0 short=0\n", 1);
    fails("stop 7 entry read\nstop 7 exit 4\nregions 7 read 1 1 short=0\n", 1);
    fails("stop 7 entry read\nstop 7 exit 4\nregions 7 read 0 1 short=1\n", 1);
    holds("stop 7 entry write\nregions 7 write 4 0 short=1\n");
    fails("stop 7 entry write\nregions 7 write 4 0 short=0\n", 1);
    holds("regions * write 4 0 short=1\n");
    fails("regions * write 3 0 short=1\n", 1);
}

#[test]
fn role_index_and_length_of_a_region_are_checked() {
    holds("memory 7 entry write arg1@300 64656570 role=1 index=3 asked=9\n");
    for option in ["role=2", "index=2", "asked=4"] {
        fails(&format!("memory 7 entry write arg1@300 64656570 {option}\n"), 1);
        fails(&format!("stop 7 entry write\nmemory 7 entry write arg1@300 64656570 {option}\n"), 1);
    }
}
