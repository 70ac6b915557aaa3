//! System V ipc control calls by command, and the two calls of i386 behind which many others stand.

use super::{Call, Meaning, at};
use crate::consts::unpackaged as u;
use crate::demultiplex::socketcall_words;
use crate::desc::{ArgKind, Dir, Len};
use crate::layout::Layout;

/// The structures of one kind of object.
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

/// The values of a whole set, whose id is argument 0.
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

fn object(command: u64, of: &Structures) -> Meaning {
    match command {
        u::IPC_STAT => Meaning::fixed(Dir::Out, of.object),
        u::IPC_SET => Meaning::fixed(Dir::In, of.object),
        u::IPC_INFO => Meaning::fixed(Dir::Out, of.limits),
        _ => Meaning::value(ArgKind::Hex),
    }
}

/// ipc(call, first, second, third, ptr, fifth): what is read to know the call behind it
/// ([`crate::demultiplex()`]), and what that call's own row does not say. The upper half of `call`
/// is a version.
pub(super) fn multiplexed(call: &Call, arg: usize) -> Meaning {
    match (arg, call.command(0) & 0xffff) {
        // A union: an int or a pointer.
        (4, u::SEMCTL) => Meaning::fixed(Dir::In, Layout::Word),
        // The first version passes the pointer and the type in a structure.
        (4, u::MSGRCV) if call.command(0) >> 16 == 0 => Meaning::bytes(Dir::In, 8),
        // Where the address of the mapping goes.
        (3, u::SHMAT) => Meaning::fixed(Dir::Out, Layout::Word),
        (4, _) => Meaning::value(ArgKind::Addr),
        _ => Meaning::value(ArgKind::Hex),
    }
}

/// socketcall(call, args): the array of arguments, each a word.
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
