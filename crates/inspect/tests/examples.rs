//! The examples, run on golden logs and on one that is written here.

use std::path::{Path, PathBuf};
use std::process::Command;

use expect_test::{Expect, expect};
use sysreel_format::{
    BlockWriter, Completeness, Data, Direction, EventBuf, EventKind, Extras, FileHeader, FileId,
    FileMeta, Layout, MetaCodec, Origin, ProcessSnapshot, RegionFlags, RegionHead, Role,
    SEGMENT_SIZE, Segment, SnapshotKind, SourceId, StopHead, TaskHead, TaskId, syscall_info,
};

/// Runs an example, which cargo has built next to the tests, and compares what it prints.
#[track_caller]
fn check(example: &str, args: &[&Path], printed: &Expect) {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().and_then(Path::parent).unwrap().join("examples").join(example);
    let output = Command::new(&path).args(args).output();
    let output = output.unwrap_or_else(|e| {
        panic!("{}: {e}; `cargo test --examples` builds it", path.display());
    });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    printed.assert_eq(&String::from_utf8(output.stdout).unwrap());
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs/v1").join(name)
}

#[test]
fn who_reads() {
    let log = golden("int80_mixed.reel");
    check(
        "who_reads",
        &[&log, "/dev/zero".as_ref()],
        &expect![[r#"
        event 92: /tmp/sysreel-t28TOG/int80_mixed, pid 12269, 40 bytes
        event 104: /tmp/sysreel-t28TOG/int80_mixed, pid 12269, 17 bytes
    "#]],
    );
    check("who_reads", &[&log, "/dev/null".as_ref()], &expect![[""]]);
}

#[test]
fn who_writes() {
    check(
        "who_writes",
        &[&golden("int80_mixed.reel")],
        &expect![[r#"
        12269 wrote 300 bytes to /dev/null, mode 020666
        12269 wrote 1981 bytes to /tmp/sysreel-t28TOG/recorded.statements, mode 100644
    "#]],
    );
}

#[test]
fn slowest_calls() {
    check(
        "slowest_calls",
        &[&golden("attach_nanosleep.reel"), "2".as_ref()],
        &expect![[r#"
        31.612473ms restart_syscall of task 12328, event 4
        26.209µs rt_sigreturn of task 12328, event 7
    "#]],
    );
}

#[test]
fn two_effects() {
    let logs = ["undumpable.reel", "exec_arch.reel"].map(golden);
    check(
        "two_effects",
        &[&logs[0], &logs[1]],
        &expect![[r#"
            - - exec $WS/undumpable ok
            - undumpable exit - 0
            - undumpable read - ENOENT
            - undumpable read /dev/zero ok
            - undumpable read /nonexistent/undumpable ENOENT
            - undumpable write $WS/recorded.statements ok
            - undumpable write /dev/null ok
            - undumpable stat /proc/self/exe ok
            - undumpable kernel rights prctl PR_SET_DUMPABLE,SUID_DUMP_DISABLE ok
            - undumpable kernel rights prctl PR_SET_DUMPABLE,SUID_DUMP_USER ok
            + - exec $WS/exec_arch ok
            + exec_arch exec /memfd:image32 ok
            + exec_arch exit - 0
            + exec_arch read $WS/exec_arch ok
            + exec_arch write $WS/recorded.statements ok
            + exec_arch stat /proc/self/exe ok
            + exec_arch kernel rights prctl PR_SET_PDEATHSIG,SIGKILL ok
            + memfd:image32\x20(deleted) exec /proc/self/fd/<fd> ok
        "#]],
    );
    check("two_effects", &[&logs[0], &logs[0]], &expect![[""]]);
}

#[test]
fn connections_csv() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("connections.reel");
    std::fs::write(&log, connections()).unwrap();
    check(
        "connections_csv",
        &[&log],
        &expect![[r#"
        seconds,pid,program,address,result
        0.500000,50,"/bin/a ""b""","{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(""127.0.0.1"")}",ECONNREFUSED
        1.000000,50,"/bin/a ""b""","{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(""127.0.0.1"")}",Returned(0)
    "#]],
    );
}

/// Returns a log with a connection that is refused and one that is not.
fn connections() -> Vec<u8> {
    const START: u64 = 1_000_000_000;
    let (id, task) = (FileId([7; 16]), TaskId(0));
    let mut segment = Segment::open(vec![0; SEGMENT_SIZE], &id, 1, 0, 0);
    let mut row = EventBuf::new();
    row.begin(EventKind::TASK, SourceId::RECORDER, task, START);
    row.task_head(&TaskHead { tid: 50, tgid: 50, parent: TaskId::NONE, origin: Origin::ATTACHED });
    segment.append_event(row.finish()).unwrap();
    let found = ProcessSnapshot { exe: b"/bin/a \"b\"".to_vec(), ..ProcessSnapshot::default() };
    row.begin(EventKind::SNAPSHOT, SourceId::RECORDER, task, START);
    row.snapshot(SnapshotKind::PROCESS, 1, &found.to_bytes().unwrap());
    segment.append_event(row.finish()).unwrap();
    // AF_INET, the port and the address in network order (include/uapi/linux/in.h).
    let address = [2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    let arch = sysreel_inspect::abi::AuditArch::X86_64.0;
    let nr = sysreel_inspect::abi::number::number(sysreel_inspect::abi::Abi::X86_64, "connect");
    let call = syscall_info::Call { nr: nr.unwrap(), args: [3, 0x1000, 16, 0, 0, 0] };
    for (nth, rval) in (1..).zip([-111, 0]) {
        let entry = syscall_info::entry(arch, 0, 0, &call).to_vec();
        let outcome = syscall_info::Outcome { rval, is_error: u8::from(rval < 0) };
        let exit = syscall_info::exit(arch, 0, 0, outcome).to_vec();
        for (after, info) in [(0, entry), (1, exit)] {
            row.begin(EventKind::STOP, SourceId::KERNEL, task, START + nth * 500_000_000 + after);
            row.stop_head(&StopHead {
                wait_status: 0x857f,
                info_ret: i32::try_from(info.len()).unwrap(),
                layout: Layout::MERGED,
                info: &info,
            });
            if after == 0 {
                let head = RegionHead {
                    arg: 1,
                    dir: Direction::IN,
                    role: Role::DIRECT,
                    flags: RegionFlags::default(),
                    index: 0,
                    address: 0x1000,
                    asked: 16,
                    got: 16,
                    errno: 0,
                };
                row.region(&head, Data::Inline(&address));
            }
            segment.append_event(row.finish()).unwrap();
        }
    }
    let header = FileHeader::new(id, Completeness::default());
    let meta = FileMeta { monotonic_ns: START, ..FileMeta::default() };
    let mut writer = BlockWriter::create(Vec::new(), header, &meta).unwrap();
    writer.write_segment(&segment).unwrap();
    writer.finish(Completeness::default(), &Extras::default()).unwrap()
}
