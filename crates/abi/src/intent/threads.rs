//! The names of threads.

use linux_raw_sys::prctl;

use crate::desc::{CallKind, Row};

/// Whether a call gives its thread a name: prctl with PR_SET_NAME, whose name is argument 1.
#[must_use]
pub fn names_thread(row: &Row, args: &[u64; 6]) -> bool {
    row.kind == CallKind::Prctl && args[0] & 0xffff_ffff == u64::from(prctl::PR_SET_NAME)
}

/// Returns the name of a thread that the kernel makes of these bytes: up to a NUL, and at most as
/// many as it has room for (TASK_COMM_LEN, include/linux/sched.h).
#[must_use]
pub fn thread_name(bytes: &[u8]) -> &[u8] {
    let most = bytes.get(..15).unwrap_or(bytes);
    most.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AuditArch, number, row};

    #[test]
    fn a_thread_is_named_by_prctl() {
        let number = number::number(crate::Abi::X86_64, "prctl").unwrap();
        let row = row(AuditArch::X86_64, number).unwrap();
        let with = |option: u32| [option.into(), 1, 0, 0, 0, 0];
        assert!(names_thread(row, &with(prctl::PR_SET_NAME)));
        assert!(!names_thread(row, &with(prctl::PR_GET_NAME)));
    }

    #[test]
    fn a_name_is_cut_as_the_kernel_does() {
        for (bytes, name) in [
            (&b"sh"[..], &b"sh"[..]),
            (b"sh\0rest", b"sh"),
            (b"a-name-longer-than-15", b"a-name-longer-t"),
            (b"", b""),
            // A write of a line has its end.
            (b"x\n", b"x\n"),
        ] {
            assert_eq!(thread_name(bytes), name);
        }
    }
}
