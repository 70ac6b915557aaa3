//! Calls about the time-stamp counter.

use super::low;
use crate::arch::Abi;
use crate::desc::{CallKind, Row};
use linux_raw_sys::prctl;

/// A call that concerns instructions that read the time-stamp counter (prctl(2), `PR_SET_TSC`). The
/// recorder answers it, because it controls the counter itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeStamps {
    /// Allows them, or makes them raise SIGSEGV.
    Set {
        /// Whether they raise SIGSEGV; `None` for a value that the kernel does not know.
        raise: Option<bool>,
    },
    /// Asks which of both is the case.
    Get {
        /// The address of the int that is the answer.
        at: u64,
    },
}

impl TimeStamps {
    /// The answer that is stored for [`TimeStamps::Get`].
    #[must_use]
    pub const fn mode(raise: bool) -> u32 {
        if raise { prctl::PR_TSC_SIGSEGV } else { prctl::PR_TSC_ENABLE }
    }
}

/// Returns what a call does to instructions that read the time-stamp counter.
#[must_use]
pub fn time_stamps(abi: Abi, row: &Row, args: &[u64; 6]) -> Option<TimeStamps> {
    let args = abi.args(args);
    match low(args[0]) {
        _ if row.kind != CallKind::Prctl => None,
        prctl::PR_SET_TSC => Some(TimeStamps::Set {
            raise: match low(args[1]) {
                prctl::PR_TSC_SIGSEGV => Some(true),
                prctl::PR_TSC_ENABLE => Some(false),
                _ => None,
            },
        }),
        prctl::PR_GET_TSC => Some(TimeStamps::Get { at: args[1] }),
        _ => None,
    }
}
