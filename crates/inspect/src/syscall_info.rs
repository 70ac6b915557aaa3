//! What the kernel's answer to `PTRACE_GET_SYSCALL_INFO` says. Total over any bytes of any length:
//! what is too short, or has an unknown operation or layout, stays bytes.
//!
//! Two layouts are known. *Merged* is what Linux 5.3 and later write
//! (`include/uapi/linux/ptrace.h`): op u8 at 0, arch u32 at 4, instruction pointer at 8, stack
//! pointer at 16, and from 24 on nr and six arguments (entry), the result and `is_error` (exit), or
//! nr, six arguments and `ret_data` (seccomp). *v4* is the fourth proposal (E. Khabirova and D.
//! Levin, November 2018): op u8 at 0, arch u32 at 4, and from 8 on nr, instruction, stack and frame
//! pointer and six arguments (entry), the result and `is_error` (exit), or those of an entry and
//! `ret_data` (seccomp).

use sysreel_abi::AuditArch;
use sysreel_format::Layout;

/// Which kind of stop the struct describes. Any value survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op(pub u8);

impl Op {
    /// Not a system call stop.
    pub const NONE: Self = Self(0);
    /// A call begins.
    pub const ENTRY: Self = Self(1);
    /// A call ends.
    pub const EXIT: Self = Self(2);
    /// A seccomp filter asks its tracer.
    pub const SECCOMP: Self = Self(3);

    /// The name of a known one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::NONE => Some("none"),
            Self::ENTRY => Some("entry"),
            Self::EXIT => Some("exit"),
            Self::SECCOMP => Some("seccomp"),
            _ => None,
        }
    }
}

/// A system call that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number, all 64 bits.
    pub nr: u64,
    /// The argument registers.
    pub args: [u64; 6],
}

/// How a system call ended. Success is what `is_error` says, whatever the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The result.
    pub rval: i64,
    /// The kernel's own word for failure. Any value but 0 is one.
    pub is_error: u8,
}

impl Outcome {
    /// Whether the call failed.
    #[must_use]
    pub const fn failed(self) -> bool {
        self.is_error != 0
    }
}

/// The part that depends on the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Not a system call stop.
    None,
    /// A call begins.
    Entry(Call),
    /// A call ends.
    Exit(Outcome),
    /// A filter asks, with the data of its `SECCOMP_RET_TRACE`.
    Seccomp(Call, u32),
    /// An unknown operation or layout, or fewer bytes than the operation needs.
    Unknown,
}

/// The struct, as far as it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// The operation, if there is a first byte in a known layout.
    pub op: Option<Op>,
    /// The architecture.
    pub arch: Option<AuditArch>,
    /// The instruction pointer.
    pub ip: Option<u64>,
    /// The stack pointer.
    pub sp: Option<u64>,
    /// The frame pointer, which only the v4 layout has.
    pub fp: Option<u64>,
    /// The rest.
    pub what: What,
}

/// Decodes the struct. Bytes behind what is known are left alone: a kernel with a longer struct
/// loses nothing.
#[must_use]
pub fn decode(layout: Layout, bytes: &[u8]) -> Info {
    match layout {
        Layout::MERGED => merged(bytes),
        Layout::PROPOSAL_V4 => proposal(bytes),
        _ => Info { op: None, arch: None, ip: None, sp: None, fp: None, what: What::Unknown },
    }
}

fn merged(bytes: &[u8]) -> Info {
    let op = bytes.first().copied().map(Op);
    let call = |at| Some(Call { nr: u64_at(bytes, at)?, args: args_at(bytes, at + 8)? });
    let what = match op {
        // A kernel writes 24 bytes here; fewer say that the buffer was too small.
        Some(Op::NONE) if bytes.len() >= 24 => Some(What::None),
        Some(Op::ENTRY) => call(24).map(What::Entry),
        Some(Op::EXIT) => outcome_at(bytes, 24).map(What::Exit),
        Some(Op::SECCOMP) => {
            call(24).zip(u32_at(bytes, 80)).map(|(call, data)| What::Seccomp(call, data))
        }
        _ => None,
    };
    Info {
        op,
        arch: u32_at(bytes, 4).map(AuditArch),
        ip: u64_at(bytes, 8),
        sp: u64_at(bytes, 16),
        fp: None,
        what: what.unwrap_or(What::Unknown),
    }
}

fn proposal(bytes: &[u8]) -> Info {
    let op = bytes.first().copied().map(Op);
    let call = || Some(Call { nr: u64_at(bytes, 8)?, args: args_at(bytes, 40)? });
    let what = match op {
        Some(Op::NONE) if bytes.len() >= 8 => Some(What::None),
        Some(Op::ENTRY) => call().map(What::Entry),
        Some(Op::EXIT) => outcome_at(bytes, 8).map(What::Exit),
        Some(Op::SECCOMP) => {
            call().zip(u32_at(bytes, 88)).map(|(call, data)| What::Seccomp(call, data))
        }
        _ => None,
    };
    let of_call =
        |at| if matches!(op, Some(Op::ENTRY | Op::SECCOMP)) { u64_at(bytes, at) } else { None };
    Info {
        op,
        arch: u32_at(bytes, 4).map(AuditArch),
        ip: of_call(16),
        sp: of_call(24),
        fp: of_call(32),
        what: what.unwrap_or(What::Unknown),
    }
}

fn outcome_at(bytes: &[u8], at: usize) -> Option<Outcome> {
    Some(Outcome { rval: u64_at(bytes, at)?.cast_signed(), is_error: *bytes.get(at + 8)? })
}

fn args_at(bytes: &[u8], at: usize) -> Option<[u64; 6]> {
    let mut args = [0; 6];
    for (i, arg) in args.iter_mut().enumerate() {
        *arg = u64_at(bytes, at + i * 8)?;
    }
    Some(args)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(op: u8, words: &[u64]) -> Vec<u8> {
        let mut bytes = vec![op, 0, 0, 0, 0x3e, 0, 0, 0xc0];
        words.iter().for_each(|w| bytes.extend_from_slice(&w.to_le_bytes()));
        bytes
    }

    #[test]
    fn an_entry_keeps_all_64_bits_of_its_number() {
        for nr in [0, u64::MAX, 0x4000_0027, 0xdead_beef_0000_0027, 1 << 63] {
            let info = decode(Layout::MERGED, &bytes(1, &[7, 8, nr, 1, 2, 3, 4, 5, u64::MAX]));
            assert_eq!(info.what, What::Entry(Call { nr, args: [1, 2, 3, 4, 5, u64::MAX] }));
            assert_eq!((info.ip, info.sp, info.arch), (Some(7), Some(8), Some(AuditArch::X86_64)));
        }
    }

    #[test]
    fn a_result_and_is_error_may_disagree() {
        let mut exit = bytes(2, &[7, 8, 13]);
        exit.push(1);
        assert_eq!(
            decode(Layout::MERGED, &exit).what,
            What::Exit(Outcome { rval: 13, is_error: 1 })
        );
        let mut exit = bytes(2, &[7, 8, 2u64.wrapping_neg()]);
        exit.push(0);
        assert_eq!(
            decode(Layout::MERGED, &exit).what,
            What::Exit(Outcome { rval: -2, is_error: 0 })
        );
    }

    #[test]
    fn longer_structs_decode_like_those_of_today() {
        let words = [7, 8, 9, 1, 2, 3, 4, 5, 6, 0x1234, 99, 99, 99];
        let long = bytes(3, &words);
        let today = &long[..88];
        assert_eq!(decode(Layout::MERGED, &long), decode(Layout::MERGED, today));
        let call = Call { nr: 9, args: [1, 2, 3, 4, 5, 6] };
        assert_eq!(decode(Layout::MERGED, today).what, What::Seccomp(call, 0x1234));
    }

    #[test]
    fn the_proposal_has_a_frame_pointer() {
        let info = decode(Layout::PROPOSAL_V4, &bytes(1, &[9, 7, 8, 6, 1, 2, 3, 4, 5, 6]));
        assert_eq!(info.what, What::Entry(Call { nr: 9, args: [1, 2, 3, 4, 5, 6] }));
        assert_eq!((info.ip, info.sp, info.fp), (Some(7), Some(8), Some(6)));
        let mut exit = bytes(2, &[5]);
        exit.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0]);
        let info = decode(Layout::PROPOSAL_V4, &exit);
        assert_eq!((info.what, info.ip), (What::Exit(Outcome { rval: 5, is_error: 1 }), None));
    }

    #[test]
    fn any_bytes_of_any_length_decode_to_something() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        for len in 0..=4096 {
            let bytes: Vec<u8> = (0..len)
                .map(|i| {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    seed.to_le_bytes()[3] % if i == 0 { 5 } else { 255 }
                })
                .collect();
            for layout in 0..=3 {
                let info = decode(Layout(layout), &bytes);
                if len < 17 {
                    assert!(!matches!(info.what, What::Entry(_) | What::Seccomp(..)));
                }
            }
        }
        assert_eq!(decode(Layout::MERGED, &[4; 88]).what, What::Unknown);
        assert_eq!(decode(Layout::NONE, &[]).op, None);
    }
}
