//! Calls that install a seccomp filter. Results of later calls may then come from the filter.

use linux_raw_sys::prctl::PR_SET_SECCOMP;
use linux_raw_sys::ptrace::{
    SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_MODE_FILTER, SECCOMP_MODE_STRICT, SECCOMP_SET_MODE_FILTER,
    SECCOMP_SET_MODE_STRICT,
};

use crate::arch::Abi;
use crate::desc::{CallKind, Row};

/// Whether the call installs a filter or strict mode if it succeeds: seccomp, or prctl with
/// `PR_SET_SECCOMP`.
#[must_use]
pub fn installs_seccomp(abi: Abi, row: &Row, args: &[u64; 6]) -> bool {
    let args = abi.args(args).map(|a| a & 0xffff_ffff);
    let one_of = |value: u64, list: [u32; 2]| list.iter().any(|v| u64::from(*v) == value);
    match row.kind {
        CallKind::Seccomp => one_of(args[0], [SECCOMP_SET_MODE_STRICT, SECCOMP_SET_MODE_FILTER]),
        CallKind::Prctl => {
            args[0] == u64::from(PR_SET_SECCOMP)
                && one_of(args[1], [SECCOMP_MODE_STRICT, SECCOMP_MODE_FILTER])
        }
        _ => false,
    }
}

/// Whether the call installs its filter in all threads of the process (`SECCOMP_FILTER_FLAG_TSYNC`)
/// instead of the calling one.
#[must_use]
pub fn reaches_all_threads(abi: Abi, row: &Row, args: &[u64; 6]) -> bool {
    installs_seccomp(abi, row, args)
        && row.kind == CallKind::Seccomp
        && abi.args(args)[1] & u64::from(SECCOMP_FILTER_FLAG_TSYNC) != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::row_named;

    #[test]
    fn seccomp_and_prctl_install_filters() {
        let check = |name, args: [u64; 2]| {
            let row = row_named(Abi::X86_64, name).unwrap();
            installs_seccomp(Abi::X86_64, row, &[args[0], args[1], 0, 0, 0, 0])
        };
        assert!(check("seccomp", [SECCOMP_SET_MODE_FILTER.into(), 0]));
        assert!(check("prctl", [PR_SET_SECCOMP.into(), SECCOMP_MODE_FILTER.into()]));
        assert!(!check("prctl", [PR_SET_SECCOMP.into(), 0]));
        assert!(!check("seccomp", [2, 0]), "SECCOMP_GET_ACTION_AVAIL");
        assert!(!check("read", [1, 2]));
        let all = |flags| {
            let row = row_named(Abi::X86_64, "seccomp").unwrap();
            reaches_all_threads(
                Abi::X86_64,
                row,
                &[SECCOMP_SET_MODE_FILTER.into(), flags, 0, 0, 0, 0],
            )
        };
        assert!(all(SECCOMP_FILTER_FLAG_TSYNC.into()) && !all(0));
    }
}
