//! Plans which memory to read at a stop, from a row and the arguments of the call.
//!
//! Total functions: arguments and memory come from a program that may be buggy or hostile. Nothing
//! here panics, allocates outside the caller's scratch vector, or loops without bound. Pointers
//! that cannot be read end there.
//!
//! Pointers are followed level by level: all requests of a level are passed to [`Memory::fetch`] at
//! once, and the bytes it reads yield the requests of the next level.
//!
//! | an argument points to | role 0 | role 1 | role 2 |
//! |---|---|---|---|
//! | argv, envp | the pointers | string *i* | |
//! | iovec array | the array | buffer *i* | |
//! | msghdr, mmsghdr array | the array | *part* of message *i* | buffer *j* of message *i* |
//! | clone_args | the structure | `CLONE_PIDFD`, `CLONE_TID`, `CLONE_SET_TID`, `CLONE_TLS` | |
//! | iocb pointers | the pointers | iocb *i* | buffer of iocb *i* |
//! | sock_fprog, xattr_args, pselect6's mask | the structure | what it points to | |
//! | any other structure with pointers | the structures | pointer *j* of structure *i* | |
//!
//! The index of a region is *i* or the constant in the table; where *i* comes with a second number
//! or a *part* (`MSG_NAME`, `MSG_IOV`, `MSG_CONTROL`) it is [`index`]`(i, j)`, and 0 where neither
//! applies.
//!
//! Memory that the kernel finds without an argument ([`signal_mask`]) has [`NO_ARGUMENT`].
//!
//! For calls made through i386's socketcall and ipc ([`crate::demultiplex()`]), regions carry the
//! inner argument's number and a role one higher than in the table. Role 0 is then socketcall's
//! array.

mod expand;
mod frame;
mod iocbs;
mod level;
mod levels;
mod pointer_fields;
mod request;
mod stop;

use crate::arch::Abi;
use crate::desc::{CallKind, Len, Row};
use stop::{Exit, Stop};

pub use frame::{NO_ARGUMENT, signal_mask};
pub use request::{
    CLONE_PIDFD, CLONE_SET_TID, CLONE_TID, CLONE_TLS, EntryState, Fact, Limits, MSG_CONTROL,
    MSG_IOV, MSG_NAME, Memory, RegionRequest, index, index_parts,
};

/// Plans the memory that the kernel reads, at an entry stop. Clears and fills `requests`; the
/// caller stores those marked [`RegionRequest::store`]. Element `i` belongs to `mem.bytes(i)`.
pub fn at_entry(
    abi: Abi,
    row: &Row,
    args: &[u64; 6],
    limits: &Limits,
    requests: &mut Vec<RegionRequest>,
    mem: &mut dyn Memory,
) -> EntryState {
    let stop = Stop { abi, row, args: abi.args(args), limits, exit: None, base_role: 0 };
    stop.run(requests, mem)
}

/// Plans the memory that the kernel has written, at an exit stop. `args` are those of the entry.
/// Returns the number of elements left out because of `limits`. A result of -512 to -516
/// (`ERESTART*`) is an error like any other.
///
/// At the exit of `restart_syscall` ([`crate::CallKind::Restart`]), pass row, arguments and state
/// of the call that it continues: that is the call whose memory is written.
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
    let stop = Stop { abi, row, args: abi.args(args), limits, exit, base_role: 0 };
    stop.run(requests, mem).left_out
}

/// Returns the bytes that argument `arg` points to, from the requests of one stop.
pub fn pointed_to<'m>(
    requests: &[RegionRequest],
    mem: &'m dyn Memory,
    arg: u8,
) -> Option<&'m [u8]> {
    let i = requests.iter().position(|w| w.arg == arg && w.role == 0 && w.store)?;
    Some(mem.bytes(i))
}

/// Whether a call of this row may write memory. If not, a recorder may skip [`at_exit`].
#[must_use]
pub fn may_write(row: &Row) -> bool {
    row.kind == CallKind::Multiplexed
        || row.args.iter().filter_map(|arg| arg.mem).any(|mem| {
            mem.dir.comes_out()
                || match mem.len {
                    Len::Msg { many: Some(_) } | Len::CloneArgs(_) => true,
                    Len::PointerFields { pointers, .. } => {
                        pointers.iter().any(|field| field.dir.comes_out())
                    }
                    _ => false,
                }
        })
}

#[cfg(test)]
mod tests;
