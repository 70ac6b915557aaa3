use expect_test::expect;
use sysreel_abi::Abi::{I386, X86_64};
use sysreel_abi::{AuditArch, Filter};
use sysreel_format::{GoneHow, Origin, TaskId};

use super::{Count, Counting, Counts, Order};
use crate::story::{Story, no_info};

fn counted(story: &Story, only: Option<&str>, order: Order) -> Counts {
    let only = only.map(|only| Filter::parse(only).unwrap());
    let mut counting = Counting { only, begun: true, ..Counting::default() };
    story.each(|item| counting.item(item));
    counting.finish(order)
}

/// Two tasks: calls that succeed and fail, one that waits while the other works, two that do not end, one of another ABI, one without a name.
fn story() -> Story {
    let mut story = Story::new();
    story.exit(0, X86_64, 0, &[]);
    story.call("read", [0; 6], &[], 5, &[]);
    story.call("read", [0; 6], &[], -11, &[]);
    story.entry(0, X86_64, "wait4", [0; 6], &[]);
    story.task(1, 101, 101, Origin::FORK, TaskId(0));
    story.entry(1, I386, "read", [0; 6], &[]).exit(1, I386, 0, &[]);
    story.entry(1, X86_64, "pause", [0; 6], &[]);
    story.stop(1, 0x057f, &no_info(), |_| ());
    story.gone(1, 9, GoneHow::REAPED);
    story.exit(0, X86_64, 101, &[]);
    story.stop(0, 0x857f, &crate::story::entry_info(AuditArch::X86_64, 5000, [0; 6]), |_| ());
    story
}

#[test]
fn calls_are_counted_by_name() {
    let counts = counted(&story(), None, Order::Time);
    expect![[r#"
        % time     seconds  usecs/call     calls    errors syscall
        ------ ----------- ----------- --------- --------- ----------------
         70.00    0.007000        7000         1           wait4
         30.00    0.003000        1000         3         1 read
          0.00    0.000000           0         1           pause
          0.00    0.000000           0         1           syscall_0x1388
        ------ ----------- ----------- --------- --------- ----------------
        100.00    0.010000        2500         6         1 total
        2 of these calls did not end
        1 more calls began before the log
    "#]]
    .assert_eq(&counts.to_string());
    let of = |name: &str| counts.calls.iter().find(|count| count.name == name).unwrap();
    let read = Count {
        name: "read".into(),
        calls: 3,
        errors: 1,
        total_ns: 3_000_000,
        min_ns: 1_000_000,
        max_ns: 1_000_000,
        unfinished: 0,
    };
    assert_eq!((of("read"), of("pause").unfinished, counts.unknown_exits), (&read, 1, 1));
}

#[test]
fn some_are_left_out_and_the_order_is_what_was_asked_for() {
    let names = |only, order| {
        let counts = counted(&story(), only, order);
        counts.calls.into_iter().map(|count| count.name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(None, Order::Name), "pause read syscall_0x1388 wait4");
    assert_eq!(names(None, Order::Calls), "read pause syscall_0x1388 wait4");
    assert_eq!(names(None, Order::Errors), "read pause syscall_0x1388 wait4");
    assert_eq!(names(None, Order::Longest), "wait4 read pause syscall_0x1388");
    assert_eq!(names(Some("!read"), Order::Average), "wait4 pause syscall_0x1388");
    assert_eq!(names(Some("read"), Order::Time), "read");
}
