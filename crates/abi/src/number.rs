//! From architecture and number to a name and a row of the table, in constant time.
//!
//! Names and numbers come from the `syscalls` package, those of x32 only from `number/x32.rs`.
//! Newer calls have no name.

mod dense;
mod x32;

use std::fmt;

use crate::arch::{Abi, AuditArch};
use crate::desc::Row;
use crate::table;
use dense::{Entry, dense};

/// A system call number as the kernel reports it, all 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nr(pub u64);

impl Nr {
    /// The bit that distinguishes x32 calls from x86-64 ones.
    pub const X32_BIT: u64 = 0x4000_0000;
}

impl fmt::Debug for Nr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nr({:#x})", self.0)
    }
}

/// Returns the name of a call.
#[inline]
#[must_use]
pub fn syscall_name(arch: AuditArch, nr: u64) -> Option<&'static str> {
    entry(arch, nr)?.name
}

/// Returns the row of a call.
#[inline]
#[must_use]
pub fn row(arch: AuditArch, nr: u64) -> Option<&'static Row> {
    entry(arch, nr)?.row()
}

/// Returns the number of the call of that name, with the x32 bit for [`Abi::X32`].
#[must_use]
pub fn number(abi: Abi, name: &str) -> Option<u64> {
    let nr =
        dense(abi).iter().position(|e| e.name == Some(name)).and_then(|i| u64::try_from(i).ok())?;
    Some(if abi == Abi::X32 { nr | Nr::X32_BIT } else { nr })
}

/// Returns all calls of an ABI that have a name: number, name and row, by number.
pub fn calls(abi: Abi) -> impl Iterator<Item = (u64, &'static str, Option<&'static Row>)> {
    let bit = if abi == Abi::X32 { Nr::X32_BIT } else { 0 };
    (0u64..).zip(dense(abi)).filter_map(move |(nr, e)| Some((nr | bit, e.name?, e.row())))
}

/// Returns each row of the table once, with the ABI it is restricted to.
pub fn all_rows() -> impl Iterator<Item = (Option<Abi>, &'static Row)> {
    table::groups().flat_map(|(abi, rows)| rows.iter().map(move |r| (abi, r)))
}

/// Returns the row of a name in an ABI. The name need not have a number there: it may be reached
/// through a multiplexed call.
pub(crate) fn row_named(abi: Abi, name: &str) -> Option<&'static Row> {
    let find = |only: Option<Abi>| {
        table::groups()
            .filter(|(o, _)| *o == only)
            .find_map(|(_, rows)| rows.iter().find(|r| r.name == name))
    };
    find(Some(abi)).or_else(|| find(None))
}

#[inline]
fn entry(arch: AuditArch, nr: u64) -> Option<Entry> {
    let abi = Abi::from_call(arch, nr)?;
    let index = if abi == Abi::X32 { nr & !Nr::X32_BIT } else { nr };
    dense(abi).get(usize::try_from(index).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_has_four_meanings() {
        assert_eq!(syscall_name(AuditArch::X86_64, 1), Some("write"));
        assert_eq!(syscall_name(AuditArch::I386, 1), Some("exit"));
        assert_eq!(syscall_name(AuditArch::AARCH64, 1), Some("io_destroy"));
        assert_eq!(syscall_name(AuditArch::X86_64, 1 | Nr::X32_BIT), Some("write"));
        assert_eq!(syscall_name(AuditArch::X86_64, 515 | Nr::X32_BIT), Some("readv"));
        assert_eq!(
            syscall_name(AuditArch::X86_64, 19 | Nr::X32_BIT),
            None,
            "x32 has its own readv"
        );
        assert_eq!(syscall_name(AuditArch::X86_64, 515), None);
    }

    #[test]
    fn unknown_numbers_stay_unknown() {
        for nr in [u64::MAX, u64::from(u32::MAX), 0x4000_0000_0000_0000, 100_000, 0x7fff_ffff] {
            assert_eq!(
                (syscall_name(AuditArch::X86_64, nr), row(AuditArch::X86_64, nr).is_none()),
                (None, true)
            );
            assert_eq!(syscall_name(AuditArch::I386, nr), None);
        }
        assert_eq!(syscall_name(AuditArch(7), 0), None);
    }

    #[test]
    fn each_row_has_one_address() {
        let is_known = |row: &Row| all_rows().any(|(_, known)| std::ptr::eq(known, row));
        let rows = Abi::ALL.iter().flat_map(|&abi| calls(abi)).filter_map(|(_, _, row)| row);
        let rows: Vec<_> = rows.collect();
        assert!(rows.len() > 1000 && rows.into_iter().all(is_known));
    }

    #[test]
    fn rows_of_one_abi_override_common_ones() {
        let find = |abi: Abi, name: &str| row(abi.arch(), number(abi, name).unwrap()).unwrap();
        assert_eq!(find(Abi::X86_64, "mmap").args.len(), 6);
        assert_eq!(find(Abi::I386, "mmap").args.len(), 1);
        assert_eq!(find(Abi::I386, "select").args.len(), 1);
        assert_eq!(find(Abi::X86_64, "clone").arg("tls"), Some(4));
        assert_eq!(find(Abi::I386, "clone").arg("tls"), Some(3));
        assert_eq!(find(Abi::Aarch64, "clone").arg("tls"), Some(3));
        assert_eq!(find(Abi::X32, "readv").name, "readv");
        assert_eq!(number(Abi::X32, "readv"), Some(515 | Nr::X32_BIT));
    }

    /// Numbers of x32 are where their list says, which has no gaps.
    #[test]
    fn x32_calls_are_at_their_numbers() {
        for (nr, name) in x32::ONLY {
            assert_eq!(number(Abi::X32, name), Some(*nr as u64 | Nr::X32_BIT), "{name}");
        }
    }

    #[test]
    fn the_last_call_of_the_package_is_included() {
        assert_eq!(syscall_name(AuditArch::X86_64, 469), Some("file_setattr"));
    }
}
