//! Which memory a system call concerns: from a row and its arguments to the regions that are worth
//! reading.
//!
//! A total function. Arguments and memory come from a program that may be wrong or hostile, so
//! nothing here panics, allocates beyond the caller's scratch vector or loops without a bound; what
//! cannot be followed is not followed.
//!
//! Pointers are followed level by level: all requests of a level are handed to [`Memory::fetch`] at
//! once, then the requests of the next level are made from the bytes that came back.
//!
//! | what an argument points to | role 0 | role 1, index | role 2, index |
//! |---|---|---|---|
//! | argv, envp | the pointers | a string, its ordinal | |
//! | iovec array | the array | a buffer, its ordinal | |
//! | msghdr, mmsghdr array | the array | [`index`]`(message, MSG_NAME / MSG_IOV / MSG_CONTROL)` | a buffer, [`index`]`(message, ordinal)` |
//! | clone_args | the structure | `CLONE_PIDFD`, `CLONE_TID`, `CLONE_SET_TID` | |
//! | iocb pointers | the pointers | an iocb, its ordinal | its buffer, the same ordinal |
//! | sock_fprog, xattr_args, pselect6's mask | the structure | what it points to, 0 | |
//! | any other structure with pointers | the structure or structures | [`index`]`(ordinal, which pointer)` | |
//!
//! Behind socketcall and ipc of i386 stands another call ([`crate::demultiplex()`]): its memory is
//! that of its own arguments, each role one higher than in the table above. Role 0 is then the
//! array of socketcall.

mod expand;
mod level;
mod levels;
mod pointer_fields;
mod request;
mod stop;

use crate::arch::Abi;
use crate::desc::{CallKind, Len, Row};
use stop::{Exit, Stop};

pub use request::{
    CLONE_PIDFD, CLONE_SET_TID, CLONE_TID, EntryState, Fact, Limits, MSG_CONTROL, MSG_IOV,
    MSG_NAME, Memory, RegionRequest, index, index_parts,
};

/// The memory that goes in: call it at an entry stop. `requests` is cleared, filled and left for
/// the caller to store; its i-th element belongs to `mem.bytes(i)`.
pub fn at_entry(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    limits: &Limits,
    requests: &mut Vec<RegionRequest>,
    mem: &mut dyn Memory,
) -> EntryState {
    let stop = Stop { abi, row, args: abi.args(args), limits, exit: None, base: 0 };
    stop.run(requests, mem)
}

/// The memory that came out: call it at an exit stop with the arguments of the entry. Says how many
/// elements were left out because of `limits`. An exit with -512 to -516 (`ERESTART*`) is an error
/// like any other.
///
/// At the exit of `restart_syscall` ([`crate::CallKind::Restart`]) pass the row, arguments and
/// state of the call that it continues: that call writes its memory now.
#[expect(
    clippy::too_many_arguments,
    reason = "each is a fact of its own, and a struct would only rename them"
)]
pub fn at_exit(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    rval: i64,
    is_error: bool,
    entry: &EntryState,
    limits: &Limits,
    requests: &mut Vec<RegionRequest>,
    mem: &mut dyn Memory,
) -> u32 {
    let exit = Some(Exit { rval, is_error: row.failed(rval, is_error), entry });
    let stop = Stop { abi, row, args: abi.args(args), limits, exit, base: 0 };
    stop.run(requests, mem).left_out
}

/// The bytes of what argument `arg` itself points to, among the requests of one stop.
pub fn pointed_to<'m>(
    requests: &[RegionRequest],
    mem: &'m dyn Memory,
    arg: u8,
) -> Option<&'m [u8]> {
    let i = requests.iter().position(|w| w.arg == arg && w.role == 0 && w.store)?;
    Some(mem.bytes(i))
}

/// Whether a row can have memory at its exit at all; a recorder may skip [`at_exit`] when not.
#[must_use]
pub fn may_write(row: &Row) -> bool {
    row.kind == CallKind::Multiplexed
        || row.args.iter().any(|a| {
            a.mem.is_some_and(|m| {
                m.dir.comes_out()
                    || matches!(m.len, Len::Msg { many: Some(_) } | Len::CloneArgs(_))
                    || matches!(m.len,
                        Len::PointerFields { links, .. } if links.iter().any(|l| l.dir.comes_out()))
            })
        })
}

#[cfg(test)]
mod tests;
