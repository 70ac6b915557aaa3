use super::*;

fn wants(filter: &str, name: &str) -> bool {
    let row = number::row_named(Abi::X86_64, name);
    Filter::parse(filter).unwrap().wants(Some(name), row)
}

#[test]
fn lists_classes_and_negation_are_those_of_strace() {
    assert!(wants("read,write", "write") && !wants("read,write", "openat"));
    assert!(wants("%network", "connect") && !wants("%network", "openat"));
    assert!(!wants("!read,write", "write") && wants("!read,write", "openat"));
    assert!(!wants("!%file", "openat") && wants("!%file", "connect"));
    assert!(wants("%file,!openat", "unlink") && !wants("%file,!openat", "openat"));
    assert!(wants("all", "getppid") && !wants("!all", "getppid"));
    assert!(wants("all,!%clock,nanosleep", "nanosleep") && !wants("all,!%clock", "nanosleep"));
}

#[test]
fn calls_without_a_name_are_among_all_others() {
    for (filter, wanted) in [("read", false), ("!read", true), ("all", true), ("%file", false)] {
        assert_eq!(Filter::parse(filter).unwrap().wants(None, None), wanted, "{filter}");
    }
}

#[test]
fn mistakes_are_told_with_what_may_be_meant() {
    let told = |filter: &str| Filter::parse(filter).unwrap_err().to_string();
    assert_eq!(told("opnat"), "`opnat`: no system call has that name; is `openat` meant?");
    assert_eq!(
        told("read,network"),
        "`network`: no system call has that name; is `%network` meant?"
    );
    assert_eq!(told("qqqqqq"), "`qqqqqq`: no system call has that name");
    assert!(told("%nonsense").contains("there are %file %network"), "{}", told("%nonsense"));
    assert!(told("").contains("missing") && told("read,").contains("missing"));
    assert!(told("!read,!write").contains("before the whole list"));
}

/// Without these calls a log would be wrong: they make tasks, hide calls, or change which file a
/// descriptor refers to.
#[test]
fn what_the_log_needs_is_always_watched() {
    let watch = |names| Watch::new(&Filter::parse("getppid").unwrap(), names);
    let watches = |watch: &Watch, abi: Abi, name: &str| {
        watch.watches(
            abi.arch(),
            number::number(abi, name).unwrap_or_else(|| panic!("{abi} {name}")),
        )
    };
    for abi in [Abi::X86_64, Abi::I386, Abi::X32, Abi::Aarch64] {
        for name in
            ["clone", "clone3", "execve", "seccomp", "prctl", "io_uring_setup", "sched_getaffinity"]
        {
            assert!(watches(&watch(false), abi, name), "{abi} {name}");
        }
        for name in ["openat", "close", "dup3", "socket", "recvmsg", "close_range", "pidfd_getfd"] {
            assert!(watches(&watch(true), abi, name), "{abi} {name}");
            assert!(!watches(&watch(false), abi, name), "{abi} {name}");
        }
        assert!(
            watches(&watch(true), abi, "getppid") && !watches(&watch(true), abi, "write"),
            "{abi}"
        );
    }
    assert!(watches(&watch(false), Abi::I386, "socketcall"));
}

#[test]
fn numbers_are_those_that_a_filter_sees() {
    let watch = Watch::new(&Filter::parse("readv").unwrap(), false);
    let x32 = number::number(Abi::X32, "readv").unwrap();
    assert!(watch.watches(AuditArch::X86_64, x32) && watch.watches(AuditArch::X86_64, 19));
    assert!(!watch.watches(AuditArch::X86_64, 19 | Nr::X32_BIT), "x32 has its own readv");
    assert!(watch.watches(AuditArch::X86_64, 19 | 0xdead << 32), "the kernel drops the upper half");
    assert!(
        !watch.watches(AuditArch::X86_64, u64::MAX) && !watch.watches(AuditArch::X86_64, 100_000)
    );
    assert!(watch.watches(AuditArch::RISCV64, 63), "a foreign architecture is never hidden");
}

#[test]
fn ranges_say_what_each_number_says() {
    for filter in ["read", "!read", "%file", "!%file,futex", "all", "%desc"] {
        for names in [false, true] {
            let watch = Watch::new(&Filter::parse(filter).unwrap(), names);
            for (arch, ranges) in watch.ranges() {
                assert_eq!(ranges[0].0, 0);
                assert!(
                    ranges.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 != two[1].1),
                    "{ranges:?}"
                );
                let bit = u32::try_from(Nr::X32_BIT).unwrap();
                for nr in (0..1200).chain(bit..bit + 1200).chain([u32::MAX, bit * 2, bit * 3]) {
                    let (_, said) = *ranges.iter().rev().find(|(from, _)| *from <= nr).unwrap();
                    assert_eq!(said, watch.watches(arch, nr.into()), "{filter} {arch:?} {nr:#x}");
                }
            }
        }
    }
}
