use expect_test::expect;
use sysreel_abi::Abi::{I386, X32, X86_64};
use sysreel_abi::{AuditArch, Filter};
use sysreel_format::{GoneHow, Origin, TaskId};

use super::{Column, Count, Counting, Counts, Order};
use crate::Follow;
use crate::filter::Matcher;
use crate::testing::{self, LogBuilder, no_info};

fn counted(log: &LogBuilder, only: Option<&str>, order: Order) -> Counts {
    let only = only.map(|only| Matcher::new(Filter::parse(only).unwrap()));
    let mut counting = Counting { matchers: only.into_iter().collect(), ..Counting::default() };
    testing::walk(log, Follow::default(), &mut counting);
    counting.finish(order)
}

/// Two tasks: calls that succeed and fail, one that waits while the other task works, two without
/// an exit, one of another ABI, one without a name.
fn log() -> LogBuilder {
    let mut log = LogBuilder::new();
    log.exit(0, X86_64, 0, &[]);
    log.call("read", [0; 6], &[], 5, &[]);
    log.call("read", [0; 6], &[], -11, &[]);
    log.entry(0, X86_64, "wait4", [0; 6], &[]);
    log.task(1, 101, 101, Origin::FORK, TaskId(0));
    log.entry(1, I386, "read", [0; 6], &[]).exit(1, I386, 0, &[]);
    log.entry(1, X86_64, "pause", [0; 6], &[]);
    log.stop(1, 0x057f, &no_info(), |_| ());
    log.gone(1, 9, GoneHow::REAPED);
    log.exit(0, X86_64, 101, &[]);
    log.stop(0, 0x857f, &crate::testing::entry_info(AuditArch::X86_64, 5000, [0; 6]), |_| ());
    log
}

#[test]
fn calls_are_counted_by_name() {
    let counts = counted(&log(), None, Order::Time);
    expect![[r#"
        % time     seconds  usecs/call     calls    errors syscall
        ------ ----------- ----------- --------- --------- ----------------
         77.77    0.007000        7000         1           wait4
         22.22    0.002000        1000         2         1 read
          0.00    0.000000           0         1           pause
          0.00    0.000000           0         1           syscall_0x1388
        ------ ----------- ----------- --------- --------- ----------------
        100.00    0.009000        3000         5         1 total
        System call usage summary for 32 bit mode:
        % time     seconds  usecs/call     calls    errors syscall
        ------ ----------- ----------- --------- --------- ----------------
        100.00    0.001000        1000         1           read
        ------ ----------- ----------- --------- --------- ----------------
        100.00    0.001000        1000         1           total
        2 of these calls are unfinished
        1 more calls began before the log
    "#]]
    .assert_eq(&counts.to_string());
    let of = |name: &str| counts.calls.iter().find(|count| count.name == name).unwrap();
    let read = Count {
        abi: "x86_64".into(),
        name: "read".into(),
        calls: 2,
        errors: 1,
        total_ns: 2_000_000,
        min_ns: 1_000_000,
        max_ns: 1_000_000,
        unfinished: 0,
    };
    assert_eq!((of("read"), of("pause").unfinished, counts.unknown_exits), (&read, 1, 1));
}

#[test]
fn filter_and_order_are_applied() {
    let names = |only, order| {
        let counts = counted(&log(), only, order);
        counts.calls.into_iter().map(|count| count.name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(None, Order::Name), "pause read syscall_0x1388 wait4 read");
    assert_eq!(names(None, Order::Calls), "read pause syscall_0x1388 wait4 read");
    assert_eq!(names(None, Order::Errors), "read pause syscall_0x1388 wait4 read");
    assert_eq!(names(None, Order::Longest), "wait4 read pause syscall_0x1388 read");
    assert_eq!(names(Some("!read"), Order::Average), "wait4 pause syscall_0x1388");
    assert_eq!(names(Some("read"), Order::Time), "read read");
}

/// The same name is a different call in another ABI; socketcall and ipc count as the calls that
/// they multiplex.
#[test]
fn each_abi_has_a_table_and_multiplexed_calls_have_their_names() {
    let mut log = LogBuilder::new();
    for abi in [I386, X32, X86_64] {
        log.entry(0, abi, "getpid", [0; 6], &[]).exit(0, abi, 7, &[]);
    }
    let unknown = AuditArch(0x1234_5678);
    log.stop(0, 0x857f, &crate::testing::entry_info(unknown, 39, [0; 6]), |_| ());
    log.stop(0, 0x857f, &crate::testing::exit_info(unknown, 0, 0), |_| ());
    let words: Vec<u8> = [2u32, 1, 0].iter().flat_map(|word| word.to_le_bytes()).collect();
    log.entry(0, I386, "socketcall", [1, 0x1000, 0, 0, 0, 0], &[(1, 0, 0, &words)]).exit(
        0,
        I386,
        3,
        &[],
    );
    log.entry(0, I386, "socketcall", [99, 0x1000, 0, 0, 0, 0], &[]).exit(0, I386, -22, &[]);
    // 11 is MSGSND (include/uapi/linux/ipc.h).
    log.entry(0, I386, "ipc", [11, 1, 2, 3, 4, 0], &[]).exit(0, I386, -22, &[]);
    let counts = counted(&log, None, Order::Name);
    let columns = [Column::Calls, Column::MinTime, Column::MaxTime, Column::Name, Column::Errors];
    expect![[r#"
            calls shortest  longest syscall             errors
        --------- -------- -------- ---------------- ---------
                1 0.001000 0.001000 getpid
        --------- -------- -------- ---------------- ---------
                1 0.001000 0.001000 total
        System call usage summary for 32 bit mode:
            calls shortest  longest syscall             errors
        --------- -------- -------- ---------------- ---------
                1 0.001000 0.001000 getpid
                1 0.001000 0.001000 msgsnd                   1
                1 0.001000 0.001000 socket
                1 0.001000 0.001000 socketcall               1
        --------- -------- -------- ---------------- ---------
                4 0.001000 0.001000 total                    2
        System call usage summary for x32 mode:
            calls shortest  longest syscall             errors
        --------- -------- -------- ---------------- ---------
                1 0.001000 0.001000 getpid
        --------- -------- -------- ---------------- ---------
                1 0.001000 0.001000 total
        System call usage summary for 0x12345678 mode:
            calls shortest  longest syscall             errors
        --------- -------- -------- ---------------- ---------
                1 0.001000 0.001000 syscall_0x27
        --------- -------- -------- ---------------- ---------
                1 0.001000 0.001000 total
    "#]]
    .assert_eq(&counts.tables(&columns).to_string());
    let of = |only| {
        let calls = counted(&log, Some(only), Order::Name).calls;
        calls
            .into_iter()
            .map(|count| format!("{} {}", count.abi, count.name))
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(of("socket"), "i386 socket");
    assert_eq!(of("%ipc"), "i386 msgsnd");
    assert_eq!(of("socketcall"), "i386 socket, i386 socketcall");
}

#[test]
fn columns_have_the_names_of_strace() {
    let named = |name: &str| name.parse::<Column>().ok();
    assert_eq!(named("shortest"), Some(Column::MinTime));
    assert_eq!(named("time"), Some(Column::TimePercent));
    assert_eq!(named("count"), Some(Column::Calls));
    assert!("all".parse::<Column>().unwrap_err().contains("min-time"));
}
