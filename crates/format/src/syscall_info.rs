//! Decodes `struct ptrace_syscall_info`, the bytes that `PTRACE_GET_SYSCALL_INFO` returns
//! (ptrace(2)).
//!
//! Every user of the struct goes through this module: the tracer at each stop, replay and the
//! readers. [`decode`] decodes all fields. [`Offsets`] reads single fields, for the tracer, which
//! needs few of them. Both accept any bytes of any length: a field that the bytes do not reach is
//! `None`.
//!
//! Two layouts are known. *Merged* is what Linux 5.3 and later write
//! (`include/uapi/linux/ptrace.h`): op u8 at 0, arch u32 at 4, instruction pointer at 8, stack
//! pointer at 16, and from 24 on nr and six arguments (entry), the result and `is_error` (exit), or
//! nr, six arguments and `ret_data` (seccomp). *v4* is the fourth proposal (E. Khabirova and D.
//! Levin, November 2018): op u8 at 0, arch u32 at 4, and from 8 on nr, instruction, stack and frame
//! pointer and six arguments (entry), the result and `is_error` (exit), or those of an entry and
//! `ret_data` (seccomp).

use crate::kind::Layout;
use crate::wire::{u32_at, u64_at};

/// The kind of stop that the struct describes, `PTRACE_SYSCALL_INFO_*`. Unknown values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op(pub u8);

impl Op {
    /// Not a syscall stop.
    pub const NONE: Self = Self(0);
    /// The entry of a call.
    pub const ENTRY: Self = Self(1);
    /// The exit of a call.
    pub const EXIT: Self = Self(2);
    /// A seccomp filter returned `SECCOMP_RET_TRACE`.
    pub const SECCOMP: Self = Self(3);

    /// Returns the name of a known op.
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

/// The number and the arguments of a system call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The number, all 64 bits.
    pub nr: u64,
    /// The argument registers.
    pub args: [u64; 6],
}

/// The result of a system call. `is_error` alone says whether it failed; the value does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The return value; a negative errno if the call failed.
    pub rval: i64,
    /// Not 0 if the call failed.
    pub is_error: u8,
}

impl Outcome {
    /// Whether the call failed.
    #[must_use]
    pub const fn failed(self) -> bool {
        self.is_error != 0
    }
}

/// The fields that depend on the op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Not a syscall stop.
    None,
    /// The entry of a call.
    Entry(Call),
    /// The exit of a call.
    Exit(Outcome),
    /// A seccomp stop, with the data of the filter's `SECCOMP_RET_TRACE`.
    Seccomp(Call, u32),
    /// An unknown op or layout, or fewer bytes than the op needs.
    Unknown,
}

/// The decoded struct. A field is `None` if the bytes do not reach it or the layout lacks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// The kind of stop.
    pub op: Option<Op>,
    /// `AUDIT_ARCH_*`.
    pub arch: Option<u32>,
    /// The instruction pointer.
    pub ip: Option<u64>,
    /// The stack pointer.
    pub sp: Option<u64>,
    /// The frame pointer, which only the v4 layout has.
    pub fp: Option<u64>,
    /// The fields that depend on the op.
    pub what: What,
}

/// Decodes the struct. Bytes after the known fields are ignored, so a longer struct of a later
/// kernel decodes as well.
#[must_use]
pub fn decode(layout: Layout, bytes: &[u8]) -> Info {
    match Offsets::of_layout(layout) {
        Some(offsets) => offsets.decode(bytes),
        None => Info { op: None, arch: None, ip: None, sp: None, fp: None, what: What::Unknown },
    }
}

/// Where the fields of a layout are, in bytes from the start of the struct. All are little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// Of the instruction pointer, u64.
    pub ip: usize,
    /// Of the stack pointer, u64.
    pub sp: usize,
    /// Of the frame pointer, u64.
    pub fp: Option<usize>,
    /// Of the call's number, u64, at an entry or seccomp stop.
    pub nr: usize,
    /// Of the six arguments, u64 each, at an entry or seccomp stop.
    pub args: usize,
    /// Of the filter's data, u32, at a seccomp stop.
    pub ret_data: usize,
    /// Of the result, i64, at an exit.
    pub rval: usize,
    /// Of the byte that says whether the call failed, at an exit.
    pub is_error: usize,
    /// The length that a kernel writes at a stop that is not a syscall stop.
    none_len: usize,
    /// Whether `ip`, `sp` and `fp` exist only at entries and seccomp stops.
    pointers_of_calls_only: bool,
}

/// Where `arch` is in both layouts, u32.
pub const ARCH: usize = 4;

/// The layout of Linux 5.3 and later.
pub const MERGED: Offsets = Offsets {
    ip: 8,
    sp: 16,
    fp: None,
    nr: 24,
    args: 32,
    ret_data: 80,
    rval: 24,
    is_error: 32,
    none_len: 24,
    pointers_of_calls_only: false,
};

/// The layout of the fourth proposal.
pub const PROPOSAL_V4: Offsets = Offsets {
    ip: 16,
    sp: 24,
    fp: Some(32),
    nr: 8,
    args: 40,
    ret_data: 88,
    rval: 8,
    is_error: 16,
    none_len: 8,
    pointers_of_calls_only: true,
};

/// The length of the merged struct at an entry, in bytes.
pub const ENTRY_LEN: usize = MERGED.args + 6 * size_of::<u64>();
/// The length of the merged struct at an exit, in bytes.
pub const EXIT_LEN: usize = MERGED.is_error + 1;

impl Offsets {
    /// Returns the offsets of a known layout.
    #[must_use]
    pub const fn of_layout(layout: Layout) -> Option<&'static Self> {
        match layout {
            Layout::MERGED => Some(&MERGED),
            Layout::PROPOSAL_V4 => Some(&PROPOSAL_V4),
            _ => None,
        }
    }

    /// Decodes the whole struct.
    #[must_use]
    pub fn decode(&self, bytes: &[u8]) -> Info {
        let op = op(bytes);
        let has_pointers =
            !self.pointers_of_calls_only || matches!(op, Some(Op::ENTRY | Op::SECCOMP));
        let pointer = |at| if has_pointers { u64_at(bytes, at) } else { None };
        Info {
            op,
            arch: arch(bytes),
            ip: pointer(self.ip),
            sp: pointer(self.sp),
            fp: self.fp.and_then(pointer),
            what: self.what(bytes),
        }
    }

    /// Decodes the fields that depend on the op.
    #[inline]
    #[must_use]
    pub fn what(&self, bytes: &[u8]) -> What {
        let what = match op(bytes) {
            // Fewer bytes than a kernel writes mean that the buffer was too small.
            Some(Op::NONE) if bytes.len() >= self.none_len => Some(What::None),
            Some(Op::ENTRY) => self.call(bytes).map(What::Entry),
            Some(Op::EXIT) => self.outcome(bytes).map(What::Exit),
            Some(Op::SECCOMP) => self
                .call(bytes)
                .zip(self.ret_data(bytes))
                .map(|(call, data)| What::Seccomp(call, data)),
            _ => None,
        };
        what.unwrap_or(What::Unknown)
    }

    /// Returns the call of an entry or seccomp stop; `None` at other stops.
    #[inline]
    #[must_use]
    pub fn call(&self, bytes: &[u8]) -> Option<Call> {
        if !matches!(op(bytes)?, Op::ENTRY | Op::SECCOMP) {
            return None;
        }
        let args = bytes.get(self.args..self.args + 6 * size_of::<u64>())?;
        let mut call = Call { nr: u64_at(bytes, self.nr)?, args: [0; 6] };
        for (arg, bytes) in call.args.iter_mut().zip(args.chunks_exact(size_of::<u64>())) {
            *arg = u64_at(bytes, 0)?;
        }
        Some(call)
    }

    /// Returns the data of the filter's `SECCOMP_RET_TRACE` at a seccomp stop; `None` at other
    /// stops.
    #[inline]
    #[must_use]
    pub fn ret_data(&self, bytes: &[u8]) -> Option<u32> {
        if op(bytes)? == Op::SECCOMP { u32_at(bytes, self.ret_data) } else { None }
    }

    /// Returns the result at an exit; `None` at other stops.
    #[inline]
    #[must_use]
    pub fn outcome(&self, bytes: &[u8]) -> Option<Outcome> {
        if op(bytes)? != Op::EXIT {
            return None;
        }
        let is_error = *bytes.get(self.is_error)?;
        Some(Outcome { rval: u64_at(bytes, self.rval)?.cast_signed(), is_error })
    }
}

/// Returns the first byte, the op in both layouts.
#[inline]
#[must_use]
pub fn op(bytes: &[u8]) -> Option<Op> {
    bytes.first().copied().map(Op)
}

/// Returns `AUDIT_ARCH_*`, in both layouts.
#[inline]
#[must_use]
pub fn arch(bytes: &[u8]) -> Option<u32> {
    u32_at(bytes, ARCH)
}

/// Encodes the struct of an entry in the merged layout.
#[inline]
#[must_use]
pub fn entry(arch: u32, ip: u64, sp: u64, call: &Call) -> [u8; ENTRY_LEN] {
    let mut bytes = [0; ENTRY_LEN];
    put_head(&mut bytes, Op::ENTRY, arch, ip, sp);
    put(&mut bytes, MERGED.nr, call.nr.to_le_bytes());
    for (i, arg) in call.args.iter().enumerate() {
        put(&mut bytes, MERGED.args + i * size_of::<u64>(), arg.to_le_bytes());
    }
    bytes
}

/// Encodes the struct of an exit in the merged layout.
#[inline]
#[must_use]
pub fn exit(arch: u32, ip: u64, sp: u64, outcome: Outcome) -> [u8; EXIT_LEN] {
    let mut bytes = [0; EXIT_LEN];
    put_head(&mut bytes, Op::EXIT, arch, ip, sp);
    put(&mut bytes, MERGED.rval, outcome.rval.to_le_bytes());
    bytes[MERGED.is_error] = outcome.is_error;
    bytes
}

#[inline]
fn put_head<const LEN: usize>(bytes: &mut [u8; LEN], op: Op, arch: u32, ip: u64, sp: u64) {
    bytes[0] = op.0;
    put(bytes, ARCH, arch.to_le_bytes());
    put(bytes, MERGED.ip, ip.to_le_bytes());
    put(bytes, MERGED.sp, sp.to_le_bytes());
}

/// Copies a field to `at`, which is within the struct.
#[inline]
fn put<const LEN: usize, const N: usize>(bytes: &mut [u8; LEN], at: usize, field: [u8; N]) {
    bytes[at..at + N].copy_from_slice(&field);
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
            assert_eq!((info.ip, info.sp, info.arch), (Some(7), Some(8), Some(0xc000_003e)));
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
    fn what_is_encoded_is_decoded() {
        let call = Call { nr: 9, args: [1, 2, 3, 4, 5, u64::MAX] };
        let info = decode(Layout::MERGED, &entry(0xc000_003e, 7, 8, &call));
        assert_eq!((info.what, info.ip, info.sp), (What::Entry(call), Some(7), Some(8)));
        let outcome = Outcome { rval: -2, is_error: 1 };
        let info = decode(Layout::MERGED, &exit(0xc000_003e, 7, 8, outcome));
        assert_eq!((info.what, info.arch), (What::Exit(outcome), Some(0xc000_003e)));
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
