//! Sockets.

use super::rows::rows;
use crate::consts::socket as s;
use crate::desc::*;
use crate::layout::Layout::*;

const NET: Classes = Classes::NETWORK.and(Classes::DESC);

/// A value that does not fit: the kernel stores the required length (SO_PEERGROUPS, SO_PEERSEC).
const NO_ROOM: When = When::SuccessOr(&[ERANGE]);

#[rustfmt::skip]
pub(super) static ROWS: &[Row] = rows! {
    socket(family: one_of(&s::FAMILY), r#type: flags(&s::TYPE), protocol: PROTOCOL)
                                              -> FD, emulate(NET).makes(RET).kind(CallKind::Socket);
    // The kernel writes the descriptors before it makes the sockets (__sys_socketpair).
    socketpair(family: one_of(&s::FAMILY), r#type: flags(&s::TYPE), protocol: PROTOCOL,
        usockvec: always(out(Len::Bytes(8))))
                                 -> INT,  emulate(NET).makes(pair("usockvec")).kind(CallKind::Pair);
    bind(fd: FD, umyaddr: sockaddr("addrlen"), addrlen: INT)
                                            -> INT,  emulate(NET).kind(CallKind::Bind);
    connect(fd: FD, uservaddr: sockaddr("addrlen"), addrlen: INT)
                                            -> INT,  emulate(NET).kind(CallKind::Connect);
    listen(fd: FD, backlog: INT)            -> INT,  emulate(NET).kind(CallKind::Listen);
    accept(fd: FD, upeer_sockaddr: sockaddr_out("upeer_addrlen"), upeer_addrlen: inout(of(U32)))
                                            -> FD,   emulate(NET).makes(RET).kind(CallKind::Accept);
    accept4(fd: FD, upeer_sockaddr: sockaddr_out("upeer_addrlen"), upeer_addrlen: inout(of(U32)),
        flags: flags(&s::ACCEPT))           -> FD,   emulate(NET).makes(RET).kind(CallKind::Accept);
    getsockname(fd: FD, usockaddr: sockaddr_out("usockaddr_len"), usockaddr_len: inout(of(U32)))
                                            -> INT,  emulate(NET);
    getpeername(fd: FD, usockaddr: sockaddr_out("usockaddr_len"), usockaddr_len: inout(of(U32)))
                                            -> INT,  emulate(NET);
    getsockopt(fd: FD, level: one_of(&s::LEVEL), optname: SOCKOPT,
        optval: special(Special::GetSockOpt), optlen: when(NO_ROOM, inout(of(Int))))
                                            -> INT,  emulate(NET);
    setsockopt(fd: FD, level: one_of(&s::LEVEL), optname: SOCKOPT,
        optval: special(Special::SetSockOpt), optlen: INT) -> INT,  emulate(NET);
    shutdown(fd: FD, how: one_of(&s::SHUTDOWN)) -> INT,  emulate(NET);
    sendto(fd: FD, buff: input(arg("len")), len: SIZE, flags: flags(&s::MSG),
        addr: sockaddr("addr_len"), addr_len: INT) -> SIZE, emulate(NET).kind(CallKind::Send);
    recvfrom(fd: FD, ubuf: out(ret("size")), size: SIZE, flags: flags(&s::MSG),
        addr: sockaddr_out("addr_len"), addr_len: inout(of(U32)))
                                            -> SIZE, emulate(NET).kind(CallKind::Receive);
    sendmsg(fd: FD, msg: input(MSG), flags: flags(&s::MSG))
                                            -> SIZE, emulate(NET).kind(CallKind::Send);
    recvmsg(fd: FD, msg: inout(MSG), flags: flags(&s::MSG))
                                            -> SIZE, emulate(NET).kind(CallKind::Receive);
    sendmmsg(fd: FD, mmsg: input(mmsg("vlen")), vlen: UINT, flags: flags(&s::MSG))
                                            -> INT,  emulate(NET).kind(CallKind::Send);
    recvmmsg(fd: FD, mmsg: inout(mmsg("vlen")), vlen: UINT, flags: flags(&s::MSG),
        timeout: always(inout(of(Timespec)))) -> INT,  emulate(NET).kind(CallKind::Receive);
};
