//! The ABI of a system call. Every stop reports it: as `arch` and, on x86-64, as one bit of the
//! number.

use std::fmt;

/// An `AUDIT_ARCH_*` value as the kernel reports it. Unknown values are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AuditArch(pub u32);

impl AuditArch {
    /// 64-bit x86; also reported for x32 calls.
    pub const X86_64: Self = Self(linux_raw_sys::ptrace::AUDIT_ARCH_X86_64);
    /// 32-bit x86; also reported for `int 0x80` from 64-bit code.
    pub const I386: Self = Self(linux_raw_sys::ptrace::AUDIT_ARCH_I386);
    /// 64-bit ARM.
    pub const AARCH64: Self = Self(linux_raw_sys::ptrace::AUDIT_ARCH_AARCH64);
    /// 32-bit ARM. Has a name but no table.
    pub const ARM: Self = Self(linux_raw_sys::ptrace::AUDIT_ARCH_ARM);
    /// 64-bit RISC-V. Has a name but no table.
    pub const RISCV64: Self = Self(linux_raw_sys::ptrace::AUDIT_ARCH_RISCV64);

    /// Returns the kernel's name without its prefix, such as `X86_64`.
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

/// An ABI that has a table. Architectures without a table have no `Abi`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Abi {
    /// 64-bit x86.
    X86_64,
    /// 32-bit x86: native, compat, and `int 0x80` from 64-bit code.
    I386,
    /// x86-64 with 32-bit pointers; its numbers have bit 30 set.
    X32,
    /// 64-bit ARM.
    Aarch64,
}

impl Abi {
    /// All ABIs that have a table.
    pub const ALL: [Self; 4] = [Self::X86_64, Self::I386, Self::X32, Self::Aarch64];

    /// Returns the ABI of a call. `nr` matters because x32 calls report the architecture of x86-64
    /// and set bit 30 of the number. A number of -1 (all ones) is not an x32 call.
    #[inline]
    #[must_use]
    pub const fn from_call(arch: AuditArch, nr: u64) -> Option<Self> {
        match arch {
            AuditArch::X86_64 if nr >> 30 == 1 => Some(Self::X32),
            AuditArch::X86_64 => Some(Self::X86_64),
            AuditArch::I386 => Some(Self::I386),
            AuditArch::AARCH64 => Some(Self::Aarch64),
            _ => None,
        }
    }

    /// Returns the architecture that the kernel reports for this ABI.
    #[must_use]
    pub const fn arch(self) -> AuditArch {
        match self {
            Self::X86_64 | Self::X32 => AuditArch::X86_64,
            Self::I386 => AuditArch::I386,
            Self::Aarch64 => AuditArch::AARCH64,
        }
    }

    /// Returns the size of a pointer and of `size_t` in bytes: 4 or 8.
    #[inline]
    #[must_use]
    pub const fn word(self) -> u8 {
        match self {
            Self::X86_64 | Self::Aarch64 => 8,
            Self::I386 | Self::X32 => 4,
        }
    }

    /// Returns a short name for messages and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::I386 => "i386",
            Self::X32 => "x32",
            Self::Aarch64 => "aarch64",
        }
    }

    /// Returns the arguments as the call uses them. `int 0x80` from 64-bit code reports the full
    /// 64-bit registers, but the call only uses their low halves (observed on Linux 6.18).
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
    fn minus_one_is_not_an_x32_call() {
        assert_eq!(Abi::from_call(AuditArch::X86_64, 0), Some(Abi::X86_64));
        assert_eq!(Abi::from_call(AuditArch::X86_64, 0x4000_0027), Some(Abi::X32));
        assert_eq!(Abi::from_call(AuditArch::X86_64, u64::MAX), Some(Abi::X86_64));
        assert_eq!(Abi::from_call(AuditArch::I386, 0x4000_0027), Some(Abi::I386));
        assert_eq!(Abi::from_call(AuditArch(0), 0), None);
    }

    #[test]
    fn arguments_of_int_0x80_lose_their_upper_half() {
        assert_eq!(Abi::I386.args(&[0x1111_1111_0000_0001; 6]), [1; 6]);
        assert_eq!(Abi::X86_64.args(&[0x1111_1111_0000_0001; 6])[0], 0x1111_1111_0000_0001);
    }
}
