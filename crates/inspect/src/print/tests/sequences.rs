//! Sequences of stops as a recorder sees them, and the lines that strace prints for them.

use expect_test::{Expect, expect};
use sysreel_abi::{Abi, AuditArch};
use sysreel_format::{
    Altered, Altering, EventKind, GoneHow, Loss, Note, NoteCode, Origin, Renamed, Severity, TaskId,
};

use crate::print::{Options, Precision, TaskIds};
use crate::testing::{LogBuilder, entry_info, exit_info, no_info};

const X: Abi = Abi::X86_64;

fn check(log: &LogBuilder, expected: Expect) {
    expected.assert_eq(&log.text(&Options::default()));
}

fn event(log: &mut LogBuilder, task: u32, signal: u32, event: u32, message: u64) {
    log.stop(task, event << 16 | signal << 8 | 0x7f, &no_info(), |buf| buf.event_message(message));
}

fn siginfo(words: &[u32]) -> Vec<u8> {
    let mut bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    bytes.resize(128, 0);
    bytes
}

#[test]
fn a_call_that_waits_is_finished_later() {
    let mut log = LogBuilder::new();
    log.task(1, 101, 100, Origin::THREAD, TaskId(0));
    log.entry(0, X, "read", [3, 0x1000, 10, 0, 0, 0], &[]);
    log.entry(1, X, "getpid", [0; 6], &[]).exit(1, X, 100, &[]);
    log.exit(0, X, 3, &[(1, 0, 0, b"abc")]);
    check(
        &log,
        expect![[r#"
        [pid   100] read(3,  <unfinished ...>
        [pid   101] getpid()                    = 100
        [pid   100] <... read resumed>"abc", 10) = 3
    "#]],
    );
}

#[test]
fn an_exit_group_ends_siblings_in_their_calls() {
    let mut log = LogBuilder::new();
    log.task(1, 101, 100, Origin::THREAD, TaskId(0));
    log.entry(1, X, "read", [3, 0x1000, 10, 0, 0, 0], &[]);
    log.entry(0, X, "exit_group", [7, 0, 0, 0, 0, 0], &[]);
    event(&mut log, 1, 5, 6, 0x700);
    log.gone(1, 0x700, GoneHow::REAPED);
    event(&mut log, 0, 5, 6, 0x700);
    log.gone(0, 0x700, GoneHow::REAPED);
    check(
        &log,
        expect![[r#"
        [pid   101] read(3,  <unfinished ...>
        [pid   100] exit_group(7 <unfinished ...>
        [pid   101] <... read resumed> <unfinished ...>) = ?
        [pid   101] +++ exited with 7 +++
        [pid   100] <... exit_group resumed>)   = ?
        [pid   100] +++ exited with 7 +++
    "#]],
    );
}

#[test]
fn a_kill_needs_no_exit_stop() {
    let mut log = LogBuilder::new();
    log.entry(0, X, "pause", [0; 6], &[]);
    event(&mut log, 0, 5, 6, 9);
    log.gone(0, 9, GoneHow::REAPED);
    check(
        &log,
        expect![[r#"
        pause()                                 = ?
        +++ killed by SIGKILL +++
    "#]],
    );
}

#[test]
fn execve_in_a_thread_replaces_the_leader() {
    let mut log = LogBuilder::new();
    log.task(1, 101, 100, Origin::THREAD, TaskId(0));
    log.entry(0, X, "pause", [0; 6], &[]);
    log.entry(
        1,
        X,
        "execve",
        [0x1000, 0x2000, 0x3000, 0, 0, 0],
        &[
            (0, 0, 0, b"/bin/true\0"),
            (1, 0, 0, &[0, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            (1, 1, 0, b"true\0"),
            (2, 0, 0, &[0; 8]),
        ],
    );
    event(&mut log, 0, 5, 6, 0);
    log.gone(0, 0, GoneHow::SUPERSEDED);
    log.event(EventKind::RENAMED, 1, |buf| {
        buf.renamed(&Renamed { old_tid: 101, new_tid: 100, tgid: 100 })
    });
    event(&mut log, 1, 5, 4, 101);
    log.exit(1, X, 0, &[]);
    check(
        &log,
        expect![[r#"
        [pid   100] pause( <unfinished ...>
        [pid   101] execve("/bin/true", ["true"], 0x3000 /* 0 vars */ <unfinished ...>
        [pid   100] <... pause resumed>)        = ?
        [pid   100] +++ superseded by execve in pid 101 +++
        [pid   100] <... execve resumed>)       = 0
    "#]],
    );
}

#[test]
fn vfork_waits_for_its_child() {
    let mut log = LogBuilder::new();
    log.entry(0, X, "vfork", [0; 6], &[]);
    event(&mut log, 0, 5, 2, 102);
    log.task(1, 102, 102, Origin::VFORK, TaskId(0));
    event(&mut log, 1, 5, 128, 0);
    log.entry(1, X, "exit_group", [1, 0, 0, 0, 0, 0], &[]);
    event(&mut log, 1, 5, 6, 0x100);
    log.gone(1, 0x100, GoneHow::REAPED);
    event(&mut log, 0, 5, 5, 102);
    log.exit(0, X, 102, &[]);
    check(
        &log,
        expect![[r#"
        vfork( <unfinished ...>
        [pid   102] exit_group(1)               = ?
        [pid   102] +++ exited with 1 +++
        [pid   100] <... vfork resumed>)        = 102
    "#]],
    );
}

#[test]
fn a_signal_interrupts_a_read_and_sigreturn_restores_its_result() {
    let mut log = LogBuilder::new();
    log.entry(0, X, "read", [0, 0x1000, 1, 0, 0, 0], &[]).exit(0, X, -512, &[]);
    log.stop(0, 0xa7f, &no_info(), |buf| buf.siginfo(&siginfo(&[10, 0, 0, 0, 55, 1000])));
    let mask = (1_u64 << 16).to_le_bytes();
    log.call("rt_sigreturn", [0; 6], &[(sysreel_abi::plan::NO_ARGUMENT, 0, 0, &mask)], -4, &[]);
    log.call("rt_sigreturn", [0; 6], &[], -4, &[]);
    check(
        &log,
        expect![[r#"
            read(0, 0x1000, 1)                      = ? ERESTARTSYS (To be restarted if SA_RESTART is set)
            --- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=55, si_uid=1000} ---
            rt_sigreturn({mask=[CHLD]})             = -1 EINTR (Interrupted system call)
            rt_sigreturn()                          = -1 EINTR (Interrupted system call)
        "#]],
    );
}

#[test]
fn restart_syscall_names_the_interrupted_call() {
    let mut log = LogBuilder::new();
    let time = [1u8, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0];
    log.call(
        "nanosleep",
        [0x1000, 0x2000, 0, 0, 0, 0],
        &[(0, 0, 0, &time)],
        -516,
        &[(1, 0, 0, &time)],
    );
    log.stop(0, 0x137f, &no_info(), |buf| buf.siginfo(&siginfo(&[19, 0, 0, 0, 55, 1000])));
    event(&mut log, 0, 19, 128, 0);
    event(&mut log, 0, 5, 128, 0);
    log.stop(0, 0x127f, &no_info(), |buf| buf.siginfo(&siginfo(&[18, 0, 0, 0, 55, 1000])));
    log.call("restart_syscall", [0x1000, 0x2000, 0, 0, 0, 0], &[], 0, &[]);
    check(
        &log,
        expect![[r#"
            nanosleep({tv_sec=1, tv_nsec=5}, {tv_sec=1, tv_nsec=5}) = ? ERESTART_RESTARTBLOCK (Interrupted by signal)
            --- SIGSTOP {si_signo=SIGSTOP, si_code=SI_USER, si_pid=55, si_uid=1000} ---
            --- stopped by SIGSTOP ---
            --- SIGCONT {si_signo=SIGCONT, si_code=SI_USER, si_pid=55, si_uid=1000} ---
            restart_syscall(<... resuming interrupted nanosleep ...>) = 0
        "#]],
    );
}

#[test]
fn attaching_inside_a_call_shows_only_its_exit() {
    let mut log = LogBuilder::new();
    event(&mut log, 0, 5, 128, 0);
    log.exit(0, X, -11, &[]);
    log.call("restart_syscall", [0; 6], &[], 0, &[]);
    check(
        &log,
        expect![[r#"
        <... unknown call resumed>              = -1 EAGAIN (Resource temporarily unavailable)
        restart_syscall(<... resuming interrupted system call ...>) = 0
    "#]],
    );
}

#[test]
fn one_task_mixes_two_abis() {
    let mut log = LogBuilder::new();
    log.call("getpid", [0; 6], &[], 100, &[]);
    let args = [0x1111_1111_0000_0001, 0x2222_0000_1000, 0xffff_ffff_0000_0003, 0, 0, 0];
    log.entry(0, Abi::I386, "write", args, &[(1, 0, 0, b"abc")]).exit(0, Abi::I386, 3, &[]);
    log.call("getpid", [0; 6], &[], 100, &[]);
    check(
        &log,
        expect![[r#"
        getpid()                                = 100
        [ Process PID=100 runs in 32 bit mode. ]
        write(1, "abc", 3)                      = 3
        [ Process PID=100 runs in 64 bit mode. ]
        getpid()                                = 100
    "#]],
    );
}

#[test]
fn an_execve_may_end_in_another_architecture() {
    let mut log = LogBuilder::new();
    let args = [0x1000, 0, 0, 0, 0, 0];
    log.entry(0, X, "execve", args, &[(0, 0, 0, b"./prog32\0")]).exit(0, Abi::I386, 0, &[]);
    log.entry(0, Abi::I386, "brk", [0; 6], &[]).exit(0, Abi::I386, 0xf7f0_0000, &[]);
    check(
        &log,
        expect![[r#"
        execve("./prog32", NULL, NULL)          = 0
        [ Process PID=100 runs in 32 bit mode. ]
        brk(NULL)                               = 0xf7f00000
    "#]],
    );
}

#[test]
fn seccomp_stops_come_between_entry_and_exit() {
    let mut log = LogBuilder::new();
    let mut info = entry_info(AuditArch::X86_64, 39, [0; 6]);
    info[0] = 3;
    info.extend_from_slice(&7u32.to_le_bytes());
    log.entry(0, X, "getpid", [0; 6], &[]);
    log.stop(0, 0x7057f, &info, |buf| {
        buf.event_message(7);
        buf.altered(&Altered {
            what: Altering::SECCOMP_ANSWER,
            arg: 0,
            kernel: &[39, 0],
            given: &[255, 255],
        });
    });
    log.exit(0, X, -38, &[]);
    log.stop(0, 0x7057f, &info, |buf| buf.event_message(7)).exit(0, X, 1, &[]);
    check(
        &log,
        expect![[r#"
            getpid()                                = -1 ENOSYS (Function not implemented)
            --- sysreel: altered seccomp answer: kernel 2700, given ffff ---
            getpid()                                = 1
        "#]],
    );
}

#[test]
fn is_error_decides_whether_a_call_failed() {
    let mut log = LogBuilder::new();
    let getpid = entry_info(AuditArch::X86_64, 39, [0; 6]);
    for (rval, is_error) in [(13, 1), (-2, 0), (i64::MAX, 0), (-1, 0), (0, 1), (-2, 7), (-4096, 1)]
    {
        log.stop(0, 0x857f, &getpid, |_| {});
        log.stop(0, 0x857f, &exit_info(AuditArch::X86_64, rval, is_error), |_| {});
    }
    check(
        &log,
        expect![[r#"
            getpid()                                = 13 (is_error=1)
            getpid()                                = -2 (is_error=0)
            getpid()                                = 9223372036854775807
            getpid()                                = -1 (is_error=0)
            getpid()                                = 0 (is_error=1)
            getpid()                                = -1 ENOENT (No such file or directory) (is_error=7)
            getpid()                                = -4096 (is_error=1)
        "#]],
    );
}

#[test]
fn numbers_without_a_name_keep_their_bits() {
    let mut log = LogBuilder::new();
    for (arch, nr) in [
        (AuditArch::X86_64, u64::MAX),
        (AuditArch::X86_64, 0x4000_0027),
        (AuditArch::X86_64, 0xdead_beef_0000_0027),
        (AuditArch::I386, 9999),
        (AuditArch(0x1234), 1),
    ] {
        log.stop(0, 0x857f, &entry_info(arch, nr, [1, 2, 3, 4, 5, u64::MAX]), |_| {});
        log.stop(0, 0x857f, &exit_info(arch, -38, 1), |_| {});
    }
    check(
        &log,
        expect![[r#"
        syscall_0xffffffffffffffff(0x1, 0x2, 0x3, 0x4, 0x5, 0xffffffffffffffff) = -1 ENOSYS (Function not implemented)
        [ Process PID=100 runs in x32 mode. ]
        getpid()                                = -1 ENOSYS (Function not implemented)
        [ Process PID=100 runs in 64 bit mode. ]
        syscall_0xdeadbeef00000027(0x1, 0x2, 0x3, 0x4, 0x5, 0xffffffffffffffff) = -1 ENOSYS (Function not implemented)
        [ Process PID=100 runs in 32 bit mode. ]
        syscall_0x270f(0x1, 0x2, 0x3, 0x4, 0x5, 0xffffffffffffffff) = -1 ENOSYS (Function not implemented)
        syscall_0x1(0x1, 0x2, 0x3, 0x4, 0x5, 0xffffffffffffffff) = -1 ENOSYS (Function not implemented)
    "#]],
    );
}

#[test]
fn events_of_the_recorder_become_remarks() {
    let mut log = LogBuilder::new();
    let text = b"it says \x1b[31m this\n";
    log.event(EventKind::NOTE, u32::MAX, |buf| {
        buf.note(&Note { code: NoteCode::OTHER, severity: Severity::WARNING, text });
    });
    log.event(EventKind::LOSS, u32::MAX, |buf| {
        buf.loss(&Loss { count: 5, reasons: sysreel_format::DropReasons::DISK_FULL })
    });
    log.event(EventKind::MARK, 0, |buf| buf.raw(b"here"));
    log.event(EventKind(99), 0, |buf| buf.raw(b"????"));
    log.event(EventKind::ALTERED, 0, |buf| {
        buf.altered_body(&Altered {
            what: Altering::AFFINITY,
            arg: 0,
            kernel: &[3; 4],
            given: &[1; 4],
        });
    });
    log.stop(0, 0x857f, &[1, 2, 3], |_| {});
    log.gone(0, 0, GoneHow::DETACHED);
    check(
        &log,
        expect![[r#"
            --- sysreel: warning (other): it says \33[31m this\n ---
            --- sysreel: 5 events were lost here: disk full ---
            --- sysreel: mark here ---
            --- sysreel: event of unknown kind 99, 4 bytes ---
            --- sysreel: altered affinity mask: kernel CPU 0-1,8-9,16-17,24-25, given CPU 0,8,16,24 ---
            --- sysreel: system call stop of unknown form: returned 3, layout merged, op 1, bytes 010203 ---
            +++ detached +++
        "#]],
    );
    assert!(!log.printed(&Options::default()).1.is_whole());
}

#[test]
fn a_death_by_signal_may_dump_core() {
    let mut log = LogBuilder::new();
    log.stop(0, 0xb7f, &no_info(), |buf| buf.siginfo(&siginfo(&[11, 0, 1, 0, 8, 0])));
    log.gone(0, 0x8b, GoneHow::REAPED);
    log.task(1, 101, 101, Origin::UNKNOWN, TaskId::NONE).gone(1, 0, GoneHow::VANISHED);
    check(
        &log,
        expect![[r#"
        --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x8} ---
        +++ killed by SIGSEGV (core dumped) +++
        [pid   101] +++ vanished without a report +++
    "#]],
    );
}

#[test]
fn prefixes_have_the_order_of_strace() {
    use crate::print::Clock;
    let mut log = LogBuilder::new();
    log.call("getpid", [0; 6], &[], 100, &[]);
    log.stop(0, 0xf7f, &no_info(), |buf| buf.siginfo(&siginfo(&[15, 0, 0, 0, 1, 0])));
    let options = Options {
        clock: Clock::Day(Precision::Micros),
        relative: Some(Precision::Micros),
        duration: Some(Precision::Micros),
        ip: true,
        number: true,
        task_ids: TaskIds::Always,
        event_numbers: true,
        ..Options::default()
    };
    expect![[r#"
        1 [pid   100] 00:00:00.002000 (+     0.000000) [  39] [000000007fff1000] getpid() = 100 <0.001000>
        3 [pid   100] 00:00:00.004000 (+     0.002000) [????] [0000000000000000] --- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=1, si_uid=0} ---
    "#]].assert_eq(&log.text(&options));
}
