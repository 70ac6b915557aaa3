//! Which ABI a system call was made through. The kernel says it in every stop: `arch` and, on
//! x86-64, one bit of the number.

use std::fmt;

/// An `AUDIT_ARCH_*` value as the kernel reports it. Any value survives; only some are known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AuditArch(pub u32);

impl AuditArch {
    /// 64-bit x86, which x32 calls also report.
    pub const X86_64: Self = Self(linux_raw_sys::ptrace::AUDIT_ARCH_X86_64);
    /// 32-bit x86, also `int 0x80` from 64-bit code.
    pub const I386: Self = Self(linux_raw_sys::ptrace::AUDIT_ARCH_I386);
    /// 64-bit ARM.
    pub const AARCH64: Self = Self(linux_raw_sys::ptrace::AUDIT_ARCH_AARCH64);
    /// 32-bit ARM: named, but there is no table for it.
    pub const ARM: Self = Self(linux_raw_sys::ptrace::AUDIT_ARCH_ARM);
    /// 64-bit RISC-V: named, but there is no table for it.
    pub const RISCV64: Self = Self(linux_raw_sys::ptrace::AUDIT_ARCH_RISCV64);

    /// The kernel's name without its prefix, e.g. `X86_64`.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::X86_64 => Some("X86_64"),
            Self::I386 => Some("I386"),
            Self::AARCH64 => Some("AARCH64"),
            Self::ARM => Some("ARM"),
            Self::RISCV64 => Some("RISCV64"),
            _ => None,
        }
    }
}

impl fmt::Debug for AuditArch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "AuditArch({:#x})", self.0),
        }
    }
}

/// An ABI that has a table. A closed set of our own, not a kernel value: what has no table has no
/// `Abi`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Abi {
    /// 64-bit x86.
    X86_64,
    /// 32-bit x86, native or as compat, also `int 0x80` from 64-bit code.
    I386,
    /// x86-64 with 32-bit pointers: the number carries bit 30.
    X32,
    /// 64-bit ARM.
    Aarch64,
}

impl Abi {
    /// Every ABI that has a table.
    pub const ALL: [Self; 4] = [Self::X86_64, Self::I386, Self::X32, Self::Aarch64];

    /// The ABI of a call. `nr` matters because x32 calls report the architecture of x86-64 and set
    /// bit 30 of the number. A number of -1 (all ones) is no x32 call.
    #[inline]
    #[must_use]
    pub const fn of(arch: AuditArch, nr: u64) -> Option<Self> {
        match arch {
            AuditArch::X86_64 if nr >> 30 == 1 => Some(Self::X32),
            AuditArch::X86_64 => Some(Self::X86_64),
            AuditArch::I386 => Some(Self::I386),
            AuditArch::AARCH64 => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// The architecture that the kernel reports for this ABI.
    #[must_use]
    pub const fn arch(self) -> AuditArch {
        match self {
            Self::X86_64 | Self::X32 => AuditArch::X86_64,
            Self::I386 => AuditArch::I386,
            Self::Aarch64 => AuditArch::AARCH64,
        }
    }

    /// Size of a pointer, of `size_t` and of the words of an argv array: 4 or 8.
    #[inline]
    #[must_use]
    pub const fn word(self) -> u8 {
        match self {
            Self::X86_64 | Self::Aarch64 => 8,
            Self::I386 | Self::X32 => 4,
        }
    }

    /// A short name for messages and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::I386 => "i386",
            Self::X32 => "x32",
            Self::Aarch64 => "aarch64",
        }
    }

    /// The arguments as the call uses them. `int 0x80` from 64-bit code reports the full 64-bit
    /// registers, of which the call sees the low halves (observed on Linux 6.18).
    #[inline]
    #[must_use]
    pub fn args(self, args: &[u64; 6]) -> [u64; 6] {
        match self {
            Self::I386 => args.map(|a| a & 0xffff_ffff),
            Self::X86_64 | Self::X32 | Self::Aarch64 => *args,
        }
    }
}

impl fmt::Display for Abi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_x32_bit_and_minus_one_are_told_apart() {
        assert_eq!(Abi::of(AuditArch::X86_64, 0), Some(Abi::X86_64));
        assert_eq!(Abi::of(AuditArch::X86_64, 0x4000_0027), Some(Abi::X32));
        assert_eq!(Abi::of(AuditArch::X86_64, u64::MAX), Some(Abi::X86_64));
        assert_eq!(Abi::of(AuditArch::I386, 0x4000_0027), Some(Abi::I386));
        assert_eq!(Abi::of(AuditArch(0), 0), None);
    }

    #[test]
    fn arguments_of_int_0x80_lose_their_upper_half() {
        assert_eq!(Abi::I386.args(&[0x1111_1111_0000_0001; 6]), [1; 6]);
        assert_eq!(Abi::X86_64.args(&[0x1111_1111_0000_0001; 6])[0], 0x1111_1111_0000_0001);
    }
}
