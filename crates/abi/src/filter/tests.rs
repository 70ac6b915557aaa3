//! Lists and call sets. Expressions are tested in `expressions`.

mod cut;
mod errors;
mod expressions;

use super::*;
use crate::arch::AuditArch;
use crate::number::{self, Nr};

fn wants(filter: &str, name: &str) -> bool {
    let row = number::row_named(Abi::X86_64, name);
    let filter = Filter::parse(filter).unwrap();
    filter.answer_by_number(Some(name), row, None, None) == Answer::Yes
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
fn calls_without_a_name_match_only_inverted_lists() {
    for (filter, wanted) in [("read", false), ("!read", true), ("all", true), ("%file", false)] {
        let answer = Filter::parse(filter).unwrap().answer_by_number(None, None, None, None);
        assert_eq!(answer, Answer::from_bool(wanted), "{filter}");
    }
}

#[test]
fn errors_suggest_a_similar_name() {
    let message = |filter: &str| Filter::parse(filter).unwrap_err().to_string();
    assert_eq!(
        message("opnat"),
        "`opnat`: neither a field nor a system call; did you mean `openat`?"
    );
    assert_eq!(message("read,network"), "`network`: unknown system call; did you mean `%network`?");
    assert_eq!(message("qqqqqq"), "`qqqqqq`: neither a field nor a system call");
    assert_eq!(message("qqqqqq,read"), "`qqqqqq`: unknown system call");
    assert!(message("%nonsense").contains("use one of %file %network"), "{}", message("%nonsense"));
    assert!(message("").contains("missing") && message("read,").contains("missing"));
    assert!(message("!read,!write").contains("negates the whole list"));
}

/// Without these calls a log would be wrong: they make tasks, hide calls, or change which file a
/// descriptor refers to.
#[test]
fn needed_calls_are_always_in_the_set() {
    let set = |names| CallSet::new(&Filter::parse("getppid").unwrap(), names);
    let contains = |set: &CallSet, abi: Abi, name: &str| {
        set.contains(
            abi.arch(),
            number::number(abi, name).unwrap_or_else(|| panic!("{abi} {name}")),
        )
    };
    for abi in [Abi::X86_64, Abi::I386, Abi::X32, Abi::Aarch64] {
        for name in
            ["clone", "clone3", "execve", "seccomp", "prctl", "io_uring_setup", "sched_getaffinity"]
        {
            assert!(contains(&set(false), abi, name), "{abi} {name}");
        }
        for name in ["openat", "close", "dup3", "socket", "recvmsg", "close_range", "pidfd_getfd"] {
            assert!(contains(&set(true), abi, name), "{abi} {name}");
            assert!(!contains(&set(false), abi, name), "{abi} {name}");
        }
        assert!(
            contains(&set(true), abi, "getppid") && !contains(&set(true), abi, "write"),
            "{abi}"
        );
    }
    assert!(contains(&set(false), Abi::I386, "socketcall"));
}

#[test]
fn only_the_low_half_of_a_number_counts() {
    let set = CallSet::new(&Filter::parse("readv").unwrap(), false);
    let x32 = number::number(Abi::X32, "readv").unwrap();
    assert!(set.contains(AuditArch::X86_64, x32) && set.contains(AuditArch::X86_64, 19));
    assert!(!set.contains(AuditArch::X86_64, 19 | Nr::X32_BIT), "x32 has its own readv");
    assert!(set.contains(AuditArch::X86_64, 19 | 0xdead << 32), "the kernel drops the upper half");
    assert!(
        !set.contains(AuditArch::X86_64, u64::MAX) && !set.contains(AuditArch::X86_64, 100_000)
    );
    assert!(set.contains(AuditArch::RISCV64, 63), "a foreign architecture is never hidden");
}

#[test]
fn ranges_agree_with_contains() {
    for filter in ["read", "!read", "%file", "!%file,futex", "all", "%desc"] {
        for names in [false, true] {
            let set = CallSet::new(&Filter::parse(filter).unwrap(), names);
            for (arch, ranges) in set.ranges() {
                assert_eq!(ranges[0].0, 0);
                assert!(
                    ranges.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 != two[1].1),
                    "{ranges:?}"
                );
                let bit = u32::try_from(Nr::X32_BIT).unwrap();
                for nr in (0..1200).chain(bit..bit + 1200).chain([u32::MAX, bit * 2, bit * 3]) {
                    let (_, said) = *ranges.iter().rev().find(|(from, _)| *from <= nr).unwrap();
                    assert_eq!(said, set.contains(arch, nr.into()), "{filter} {arch:?} {nr:#x}");
                }
            }
        }
    }
}

/// What strace takes after `-e trace=`.
#[test]
fn lists_of_strace() {
    let canonical = |text| Filter::parse_strace(text).map(|filter| filter.canonical());
    for (text, expected) in [
        ("openat,%lstat", "openat or call ~ /^(old)?lstat(64)?$/"),
        ("!openat,read", "not (openat or read)"),
        ("none", "not all"),
        ("all", "all"),
        ("/^open", "call ~ /^open/"),
        ("?nonexistent,read", "read"),
        ("?nonexistent", "not all"),
        ("read@32", "read and abi == i386"),
        ("%lstat@64", "call ~ /^(old)?lstat(64)?$/ and abi == x86_64"),
        ("257", "nr == 257"),
        ("%lstat", "call ~ /^(old)?lstat(64)?$/"),
    ] {
        assert_eq!(canonical(text).as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(canonical("file"), canonical("%file"));
    assert!(canonical("%file").unwrap().contains(" or openat or "));
    for wrong in ["opnat", "%nothing", "/(", ""] {
        assert!(canonical(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn filters_are_joined() {
    let filter = |text| Filter::parse(text).unwrap();
    let both = Filter::all_of(vec![filter("read"), filter("failed or unfinished")]).unwrap();
    assert_eq!(both.canonical(), "read and (failed or unfinished)");
    let path = Filter::of_path(Field::Path, b"/a \"b\"");
    assert_eq!(path.canonical(), r#"path == "/a \"b\"""#);
    assert_eq!(Filter::any_of(Vec::new()), None);
}
