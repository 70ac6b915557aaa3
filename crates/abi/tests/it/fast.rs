//! The programs that copy memory inside a process against the plans of the calls.

use proptest::prelude::*;
use sysreel_abi::fast::{self, Copied, Program, Proof};
use sysreel_abi::plan::{self, Limits, Memory, RegionRequest};
use sysreel_abi::{Abi, Row};

/// Answers every request with zeros, and a string with one byte and a NUL.
struct Anything;

impl Memory for Anything {
    fn fetch(&mut self, _requests: &[RegionRequest]) {}

    fn bytes(&self, _i: usize) -> &[u8] {
        &[]
    }
}

fn requests(row: &Row, args: &[u64; 6], rval: i64) -> Vec<RegionRequest> {
    let (mut all, mut list) = (Vec::new(), Vec::new());
    let (limits, is_error) = (Limits::DEFAULT, (-4095..0).contains(&rval));
    let mut memory = Anything;
    let state = plan::at_entry(Abi::X86_64, row, args, &limits, &mut list, &mut memory);
    all.append(&mut list);
    let exit = &mut list;
    plan::at_exit(Abi::X86_64, row, args, rval, is_error, &state, &limits, exit, &mut memory);
    all.append(exit);
    assert_eq!(state.left_out, 0);
    all
}

/// What the page copies: address and length, `None` for a string.
fn copies(program: &Program, args: &[u64; 6], rval: i64) -> Option<Vec<(u64, Option<u64>)>> {
    let failed = (-4095..0).contains(&rval);
    let value = |arg: u8| args[usize::from(arg)];
    let mut copies = Vec::new();
    for copied in program.copies.iter().flatten().copied() {
        let reads = matches!(copied, Copied::String { .. } | Copied::Input { .. });
        let (arg, len) = match copied {
            Copied::String { arg } => (arg, None),
            Copied::Input { arg, count } => (arg, Some(value(count))),
            Copied::Fixed { arg, len } => (arg, Some(len.into())),
            Copied::Output { arg, most } => (arg, Some(value(most).min(rval.unsigned_abs()))),
        };
        if value(arg) == 0 {
            continue;
        }
        if reads && copied.proof(args, rval) == Proof::Unknown {
            return None;
        }
        if (reads || !failed) && len != Some(0) {
            copies.push((value(arg), len));
        }
    }
    Some(copies)
}

fn is_fast(program: &Program, args: &[u64; 6]) -> bool {
    let value = |arg: u8| args[usize::from(arg)];
    program.size.is_none_or(|arg| value(arg) <= 32768)
        && program.commands.is_none_or(|commands| commands.contains(value(commands.arg)))
}

proptest! {
    /// For every call, with all arguments and results, the page copies what the plan asks
    /// for, and nothing else.
    #[test]
    fn the_page_copies_what_the_plan_requests(
        args in prop::array::uniform6(prop_oneof![
            Just(0_u64), 1_u64..40, 1000_u64..1100, 0x1000_u64..0x9000, Just(u64::MAX)
        ]),
        rval in prop_oneof![Just(0_i64), 1_i64..40000, -40_i64..0, Just(-512)],
    ) {
        for (nr, program) in fast::programs() {
            let row = fast::row_of(nr).unwrap();
            if !is_fast(&program, &args) {
                continue;
            }
            let Some(copies) = copies(&program, &args, rval) else { continue };
            let wanted: Vec<_> = requests(row, &args, rval)
                .iter()
                .map(|r| (r.address, (!r.string).then_some(r.asked)))
                .collect();
            prop_assert_eq!(&copies, &wanted, "{} {:?} = {}", row.name, args, rval);
        }
    }
}

#[test]
fn many_calls_have_programs() {
    let named = |name: &str| fast::programs().any(|(nr, _)| fast::row_of(nr).unwrap().name == name);
    for name in ["read", "pread64", "openat", "newfstatat", "statx", "close", "fcntl", "getppid"] {
        assert!(named(name), "{name}");
    }
    // What is written may be changed by others before it could be copied.
    for name in ["write", "pwrite64", "execve", "mmap", "rt_sigaction", "futex", "ioctl", "clone"] {
        assert!(!named(name), "{name}");
    }
    assert!(fast::programs().count() > 40);
}

#[test]
fn commands_with_memory_or_descriptors_have_none() {
    let (_, fcntl) =
        fast::programs().find(|&(nr, _)| fast::row_of(nr).unwrap().name == "fcntl").unwrap();
    let commands = fcntl.commands.unwrap();
    let g = |command: u32| u64::from(command);
    for command in [linux_raw_sys::general::F_GETFD, linux_raw_sys::general::F_SETPIPE_SZ] {
        assert!(commands.contains(g(command)), "{command}");
    }
    for command in [
        linux_raw_sys::general::F_DUPFD,
        linux_raw_sys::general::F_SETLKW,
        linux_raw_sys::general::F_DUPFD_CLOEXEC,
        linux_raw_sys::general::F_GETOWN_EX,
    ] {
        assert!(!commands.contains(g(command)), "{command}");
    }
    assert!(!commands.contains(u64::MAX) && !commands.contains(64));
}
