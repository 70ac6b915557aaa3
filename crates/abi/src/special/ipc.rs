//! System V IPC control calls by command, and i386's multiplexers ipc and socketcall.

use linux_raw_sys::net as n;

use super::meaning::{Call, Meaning, at};
use crate::consts::unpackaged as u;
use crate::desc::{ArgKind, Dir, Len};
use crate::layout::Layout;

/// The structures of one type of object.
struct Structures {
    object: Layout,
    limits: Layout,
    usage: Layout,
}

const SEM: Structures =
    Structures { object: Layout::SemidDs, limits: Layout::SemInfo, usage: Layout::SemInfo };
const MSG: Structures =
    Structures { object: Layout::MsqidDs, limits: Layout::MsgInfo, usage: Layout::MsgInfo };
const SHM: Structures =
    Structures { object: Layout::ShmidDs, limits: Layout::ShmLimits, usage: Layout::ShmInfo };

/// The last argument of semctl.
pub(super) fn semaphore_control(call: &Call) -> Meaning {
    match call.command(2) & !u::IPC_64 {
        u::SEM_STAT | u::SEM_STAT_ANY => Meaning::fixed(Dir::Out, SEM.object),
        u::SEM_INFO => Meaning::fixed(Dir::Out, SEM.usage),
        u::SETVAL => Meaning::value(ArgKind::Int),
        u::GETALL => semaphores(Dir::Out),
        u::SETALL => semaphores(Dir::In),
        other => object(other, &SEM),
    }
}

/// The values of all semaphores of a set, whose id is argument 0.
fn semaphores(dir: Dir) -> Meaning {
    Meaning::memory(ArgKind::Array(Layout::U16), dir, Len::Semaphores(at(0)))
}

/// The structure argument of msgctl.
pub(super) fn message_control(call: &Call) -> Meaning {
    match call.command(1) & !u::IPC_64 {
        u::MSG_STAT | u::MSG_STAT_ANY => Meaning::fixed(Dir::Out, MSG.object),
        u::MSG_INFO => Meaning::fixed(Dir::Out, MSG.usage),
        other => object(other, &MSG),
    }
}

/// The structure argument of shmctl.
pub(super) fn memory_control(call: &Call) -> Meaning {
    match call.command(1) & !u::IPC_64 {
        u::SHM_STAT | u::SHM_STAT_ANY => Meaning::fixed(Dir::Out, SHM.object),
        u::SHM_INFO => Meaning::fixed(Dir::Out, SHM.usage),
        other => object(other, &SHM),
    }
}

fn object(command: u64, structures: &Structures) -> Meaning {
    match command {
        u::IPC_STAT => Meaning::fixed(Dir::Out, structures.object),
        u::IPC_SET => Meaning::fixed(Dir::In, structures.object),
        u::IPC_INFO => Meaning::fixed(Dir::Out, structures.limits),
        _ => Meaning::value(ArgKind::Addr),
    }
}

/// ipc(call, first, second, third, ptr, fifth): the memory needed to decode the call
/// ([`crate::demultiplex()`]), and what the row of the decoded call does not describe. The upper
/// half of `call` is a version.
pub(super) fn multiplexed(call: &Call, arg: usize) -> Meaning {
    match (arg, call.command(0) & 0xffff) {
        // A union of an int and a pointer.
        (4, u::SEMCTL) => Meaning::fixed(Dir::In, Layout::Word),
        // Version 0 passes pointer and type in a structure.
        (4, u::MSGRCV) if call.command(0) >> 16 == 0 => Meaning::bytes(Dir::In, 8),
        // The kernel writes the address of the mapping there.
        (3, u::SHMAT) => Meaning::fixed(Dir::Out, Layout::Word),
        (4, _) => Meaning::value(ArgKind::Addr),
        _ => Meaning::value(ArgKind::Hex),
    }
}

/// socketcall(call, args): the array of arguments, one word each.
pub(super) fn socketcall(call: &Call) -> Meaning {
    match socketcall_words(call.command(0)) {
        Some(n) => Meaning::memory(
            ArgKind::Array(Layout::Word),
            Dir::In,
            Len::Several { n, each: Layout::Word },
        ),
        None => Meaning::value(ArgKind::Ptr),
    }
}

/// Returns the number of arguments in the array of a socketcall.
pub(crate) fn socketcall_words(call: u64) -> Option<u8> {
    SOCKETCALLS.get(usize::try_from(call).ok()?)?.map(|(_, words)| words)
}

/// Name and number of arguments by sub-call. i386 has no calls send and recv: they are sendto and
/// recvfrom without an address.
pub(crate) static SOCKETCALLS: [Option<(&str, u8)>; 21] = {
    let mut calls = [None; 21];
    calls[n::SYS_SOCKET as usize] = Some(("socket", 3));
    calls[n::SYS_BIND as usize] = Some(("bind", 3));
    calls[n::SYS_CONNECT as usize] = Some(("connect", 3));
    calls[n::SYS_LISTEN as usize] = Some(("listen", 2));
    calls[n::SYS_ACCEPT as usize] = Some(("accept", 3));
    calls[n::SYS_GETSOCKNAME as usize] = Some(("getsockname", 3));
    calls[n::SYS_GETPEERNAME as usize] = Some(("getpeername", 3));
    calls[n::SYS_SOCKETPAIR as usize] = Some(("socketpair", 4));
    calls[n::SYS_SEND as usize] = Some(("sendto", 4));
    calls[n::SYS_RECV as usize] = Some(("recvfrom", 4));
    calls[n::SYS_SENDTO as usize] = Some(("sendto", 6));
    calls[n::SYS_RECVFROM as usize] = Some(("recvfrom", 6));
    calls[n::SYS_SHUTDOWN as usize] = Some(("shutdown", 2));
    calls[n::SYS_SETSOCKOPT as usize] = Some(("setsockopt", 5));
    calls[n::SYS_GETSOCKOPT as usize] = Some(("getsockopt", 5));
    calls[n::SYS_SENDMSG as usize] = Some(("sendmsg", 3));
    calls[n::SYS_RECVMSG as usize] = Some(("recvmsg", 3));
    calls[n::SYS_ACCEPT4 as usize] = Some(("accept4", 4));
    calls[n::SYS_RECVMMSG as usize] = Some(("recvmmsg", 5));
    calls[n::SYS_SENDMMSG as usize] = Some(("sendmmsg", 4));
    calls
};
