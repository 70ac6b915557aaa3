//! System V ipc control calls by command, and the two calls of i386 behind which many others stand.

use super::{Call, Meaning};
use crate::consts::unpackaged as u;
use crate::desc::{Dir, Kind, Len};
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

/// The last argument of semctl. How many semaphores GETALL and SETALL concern is known to the kernel alone.
pub(super) fn semaphore_control(call: &Call) -> Meaning {
    match call.command(2) & !u::IPC_64 {
        u::SEM_STAT | u::SEM_STAT_ANY => Meaning::fixed(Dir::Out, SEM.object),
        u::SEM_INFO => Meaning::fixed(Dir::Out, SEM.usage),
        u::SETVAL => Meaning::value(Kind::Int),
        u::GETALL | u::SETALL => Meaning::value(Kind::Ptr),
        other => object(other, &SEM),
    }
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
        _ => Meaning::value(Kind::Hex),
    }
}

/// ipc(call, first, second, third, ptr, fifth): what ptr is. The upper half of `call` is a version.
pub(super) fn multiplexed(call: &Call) -> Meaning {
    let inner = Call { abi: call.abi, args: [call.args[1], call.args[2], 0, 0, 0, 0] };
    match call.command(0) & 0xffff {
        u::SEMOP | u::SEMTIMEDOP => Meaning::counted(Dir::In, Layout::SemBuf, 2),
        u::MSGSND => Meaning::memory(Kind::Buf, Dir::In, Len::MsgBuf(super::at(2))),
        u::MSGRCV if call.command(0) >> 16 != 0 => {
            Meaning::memory(Kind::Buf, Dir::Out, Len::MsgBuf(super::at(2)))
        }
        // The first version passes the pointer and the type in a structure.
        u::MSGRCV => Meaning::bytes(Dir::In, 8),
        u::MSGCTL => message_control(&inner),
        u::SHMCTL => memory_control(&inner),
        // A union: an int or a pointer.
        u::SEMCTL => Meaning::fixed(Dir::In, Layout::Word),
        _ => Meaning::value(Kind::Addr),
    }
}

/// socketcall(call, args): the array of arguments, each a word.
pub(super) fn socketcall(call: &Call) -> Meaning {
    use linux_raw_sys::net as n;
    let words = match u32::try_from(call.command(0)).unwrap_or(0) {
        n::SYS_LISTEN | n::SYS_SHUTDOWN => 2,
        n::SYS_SOCKET
        | n::SYS_BIND
        | n::SYS_CONNECT
        | n::SYS_ACCEPT
        | n::SYS_GETSOCKNAME
        | n::SYS_GETPEERNAME
        | n::SYS_SENDMSG
        | n::SYS_RECVMSG => 3,
        n::SYS_SOCKETPAIR | n::SYS_SEND | n::SYS_RECV | n::SYS_ACCEPT4 | n::SYS_SENDMMSG => 4,
        n::SYS_SETSOCKOPT | n::SYS_GETSOCKOPT | n::SYS_RECVMMSG => 5,
        n::SYS_SENDTO | n::SYS_RECVFROM => 6,
        _ => return Meaning::value(Kind::Ptr),
    };
    Meaning::memory(Kind::Array(Layout::Word), Dir::In, Len::Several { n: words, each: Layout::Word })
}
