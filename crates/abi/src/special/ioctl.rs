//! ioctl: what the third argument is, by request. Newer requests say direction and size in their bits; older ones,
//! and a few that say it wrongly, have a table here.

use linux_raw_sys::general as g;
use linux_raw_sys::ioctl::*;

use super::{Call, Meaning};
use crate::desc::{Dir, Kind, When};
use crate::layout::Layout;

/// The parts of a request in the encoding of asm-generic/ioctl.h, which x86 and arm64 share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Bit 0: the program writes for the kernel. Bit 1: the kernel writes for the program.
    pub dir: u8,
    /// Bytes behind the pointer.
    pub size: u16,
    /// The letter of the subsystem.
    pub group: u8,
    /// Its number in the subsystem.
    pub number: u8,
}

impl Request {
    /// Takes a request apart.
    #[must_use]
    pub const fn of(request: u32) -> Self {
        let [number, group, ..] = request.to_le_bytes();
        let [size_low, high, ..] = (request >> 16).to_le_bytes();
        Self { dir: high >> 6, size: u16::from_le_bytes([size_low, high & 0x3f]), group, number }
    }
}

/// The request is argument 1.
pub(super) fn argument(call: &Call) -> Meaning {
    let Ok(request) = u32::try_from(call.command(1)) else { return Meaning::value(Kind::Hex) };
    if ANSWERED.contains(&request) {
        return Meaning::bytes(Dir::InOut, Request::of(request).size.into()).when(When::Always);
    }
    if let Some((_, dir, layout)) = NAMED.iter().find(|(named, ..)| *named == request) {
        return Meaning::fixed(*dir, *layout);
    }
    if INTERFACE.contains(&request) {
        // struct ifreq: 16 bytes of name and a union with a map of longs.
        return Meaning::bytes(Dir::InOut, if call.abi.word() == 4 { 32 } else { 40 });
    }
    let parts = Request::of(request);
    let dir = match parts.dir {
        1 => Dir::In,
        2 => Dir::Out,
        3 => Dir::InOut,
        _ => return Meaning::value(Kind::Hex),
    };
    if parts.size == 0 {
        return Meaning::value(Kind::Ptr);
    }
    Meaning::bytes(dir, parts.size.into())
}

/// Whether a successful request returns a new file descriptor.
pub(crate) fn makes_fd(request: u64) -> bool {
    u32::try_from(request & 0xffff_ffff).is_ok_and(|r| OPENING.contains(&r))
}

const _: () =
    assert!(g::_IOC_SIZESHIFT == 16 && g::_IOC_DIRSHIFT == 30 && g::_IOC_WRITE == 1 && g::_IOC_READ == 2);

const OPENING: &[u32] = &[TIOCGPTPEER, NS_GET_USERNS, NS_GET_PARENT];

use Dir::{In, InOut, Out};
use Layout as L;

/// Requests whose bits say nothing, or something wrong.
#[rustfmt::skip]
static NAMED: &[(u32, Dir, Layout)] = &[
    (TCGETS, Out, L::Termios), (TCSETS, In, L::Termios), (TCSETSW, In, L::Termios), (TCSETSF, In, L::Termios),
    (TCGETA, Out, L::Termio), (TCSETA, In, L::Termio), (TCSETAW, In, L::Termio), (TCSETAF, In, L::Termio),
    (TIOCGLCKTRMIOS, Out, L::Termios), (TIOCSLCKTRMIOS, In, L::Termios),
    (TIOCGWINSZ, Out, L::WinSize), (TIOCSWINSZ, In, L::WinSize),
    (TIOCGPGRP, Out, L::Int), (TIOCSPGRP, In, L::Int), (TIOCGSID, Out, L::Int),
    (TIOCOUTQ, Out, L::Int), (FIONREAD, Out, L::Int), (FIONBIO, In, L::Int), (FIOASYNC, In, L::Int), (FIOQSIZE, Out, L::Loff),
    (TIOCMGET, Out, L::Int), (TIOCMSET, In, L::Int), (TIOCMBIS, In, L::Int), (TIOCMBIC, In, L::Int),
    (TIOCGETD, Out, L::Int), (TIOCSETD, In, L::Int), (TIOCPKT, In, L::Int), (TIOCSTI, In, L::Byte),
    (TIOCGSOFTCAR, Out, L::Int), (TIOCSSOFTCAR, In, L::Int), (TIOCLINUX, InOut, L::Byte),
    (FIOSETOWN, In, L::Int), (SIOCSPGRP, In, L::Int), (FIOGETOWN, Out, L::Int), (SIOCGPGRP, Out, L::Int),
    (SIOCATMARK, Out, L::Int), (SIOCGIFCONF, InOut, L::Iovec),
    (BLKGETSIZE, Out, L::Word), (BLKROGET, Out, L::Int), (BLKROSET, In, L::Int), (BLKSSZGET, Out, L::Int), (BLKPBSZGET, Out, L::U32),
    (BLKIOMIN, Out, L::U32), (BLKIOOPT, Out, L::U32), (BLKALIGNOFF, Out, L::Int), (BLKRAGET, Out, L::Word),
    (BLKSECTGET, Out, L::U16), (BLKROTATIONAL, Out, L::U16), (BLKBSZGET, Out, L::Int), (BLKBSZSET, In, L::Int),
    (FIBMAP, InOut, L::Int), (FIGETBSZ, Out, L::Int),
    // They say long and pass an int (fs/ioctl.c).
    (FS_IOC_GETFLAGS, Out, L::Int), (FS_IOC_SETFLAGS, In, L::Int),
    (FS_IOC_GETVERSION, Out, L::Int), (FS_IOC_SETVERSION, In, L::Int),
    // They say that they give, and take.
    (UFFDIO_UNREGISTER, In, L::UffdioRange), (UFFDIO_WAKE, In, L::UffdioRange),
    (KDGETMODE, Out, L::Int), (KDGKBMODE, Out, L::Int), (KDGKBTYPE, Out, L::Byte), (KDGETLED, Out, L::Byte),
    (KDGKBLED, Out, L::Byte), (VT_OPENQRY, Out, L::Int), (NS_GET_OWNER_UID, Out, L::Uid),
];

/// Requests that say in their structure how far they came, or what they would take, also when they fail (fs/userfaultfd.c).
static ANSWERED: &[u32] = &[UFFDIO_API, UFFDIO_COPY, UFFDIO_ZEROPAGE, UFFDIO_CONTINUE];

/// Requests that pass a `struct ifreq`.
#[rustfmt::skip]
static INTERFACE: &[u32] = &[
    SIOCGIFNAME, SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCGIFADDR, SIOCSIFADDR, SIOCGIFDSTADDR, SIOCSIFDSTADDR, SIOCGIFBRDADDR, SIOCSIFBRDADDR,
    SIOCGIFNETMASK, SIOCSIFNETMASK, SIOCGIFMETRIC, SIOCSIFMETRIC, SIOCGIFMTU, SIOCSIFMTU, SIOCSIFHWADDR, SIOCGIFHWADDR, SIOCGIFMAP,
    SIOCSIFMAP, SIOCSIFNAME, SIOCGIFINDEX, SIOCGIFTXQLEN, SIOCSIFTXQLEN, SIOCGIFCOUNT,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Abi;

    fn check(request: u32) -> Option<crate::desc::Mem> {
        argument(&Call { abi: Abi::X86_64, args: [0, request.into(), 0x1000, 0, 0, 0] }).mem
    }

    #[test]
    fn old_requests_are_found_by_name_and_new_ones_by_their_bits() {
        use crate::desc::Len;
        assert_eq!(check(TCGETS).map(|m| (m.dir, m.len)), Some((Dir::Out, Len::Fixed(Layout::Termios))));
        assert_eq!(check(TIOCGPTN).map(|m| (m.dir, m.len)), Some((Dir::Out, Len::Bytes(4))));
        assert_eq!(check(TIOCNOTTY), None);
        assert_eq!(check(FS_IOC_GETFLAGS).map(|m| m.len), Some(Len::Fixed(Layout::Int)));
    }

    #[test]
    fn no_request_is_named_twice() {
        for (i, (request, ..)) in NAMED.iter().enumerate() {
            let again = NAMED.iter().skip(i + 1).find(|(r, dir, _)| r == request && *dir != NAMED[i].1);
            assert!(again.is_none(), "{request:#x}");
        }
    }
}
