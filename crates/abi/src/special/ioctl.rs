//! ioctl: the third argument, by request. Newer requests encode direction and size in their bits;
//! older ones, and those that encode them wrongly, are listed here.

use linux_raw_sys::general as g;
use linux_raw_sys::ioctl::*;
use linux_raw_sys::loop_device::*;

use super::meaning::{Call, Meaning};
use crate::consts::unpackaged::SIOCETHTOOL;
use crate::consts::{process, terminal};
use crate::desc::{ArgKind, Condition, Count, Dir, Len, PointeeLen, PointerField, When};
use crate::layout::Layout;

/// A request decoded as in asm-generic/ioctl.h, which x86 and arm64 share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Bit 0: the kernel reads. Bit 1: the kernel writes.
    pub dir: u8,
    /// Size in bytes of the memory that the argument points to.
    pub size: u16,
    /// Letter of the subsystem.
    pub group: u8,
    /// Number within the subsystem.
    pub number: u8,
}

impl Request {
    /// Decodes a request.
    #[must_use]
    pub const fn decode(request: u32) -> Self {
        let [number, group, ..] = request.to_le_bytes();
        let [size_low, high, ..] = (request >> 16).to_le_bytes();
        Self { dir: high >> 6, size: u16::from_le_bytes([size_low, high & 0x3f]), group, number }
    }
}

/// Returns the number that 64-bit programs use for a request. Some contain the size of a word or of
/// a structure with words.
pub(crate) fn canonical(abi: crate::arch::Abi, request: u64) -> u64 {
    /// The bits of the size.
    const SIZE: u32 = 0x3fff_0000;
    let Ok(narrow) = u32::try_from(request) else { return request };
    if abi.word() == 8 {
        return request;
    }
    let wide = WORDS.iter().find(|wide| **wide & !SIZE == narrow & !SIZE);
    wide.map_or(request, |wide| u64::from(*wide))
}

/// Requests whose number differs between programs of 32 and of 64 bits.
#[rustfmt::skip]
static WORDS: &[u32] = &[
    BLKBSZGET, BLKBSZSET, BLKGETSIZE64, BLKTRACESETUP, PERF_EVENT_IOC_ID,
    PERF_EVENT_IOC_SET_FILTER, PERF_EVENT_IOC_QUERY_BPF, PERF_EVENT_IOC_MODIFY_ATTRIBUTES,
    VIDIOC_G_FMT, VIDIOC_S_FMT, VIDIOC_TRY_FMT, VIDIOC_QUERYBUF, VIDIOC_QBUF, VIDIOC_DQBUF,
    VIDIOC_PREPARE_BUF, VIDIOC_G_FBUF, VIDIOC_S_FBUF, VIDIOC_ENUMSTD, VIDIOC_ENUMINPUT,
    VIDIOC_G_EXT_CTRLS, VIDIOC_S_EXT_CTRLS, VIDIOC_TRY_EXT_CTRLS, VIDIOC_CREATE_BUFS,
    VIDIOC_G_EDID, VIDIOC_S_EDID, VIDIOC_DQEVENT,
    MEMWRITEOOB, MEMREADOOB,
    EVIOCSFF, RTC_IRQP_READ, RTC_IRQP_SET, RTC_EPOCH_READ, RTC_EPOCH_SET, RTC_PLL_GET, RTC_PLL_SET,
];

/// The request is argument 1.
pub(super) fn argument(call: &Call) -> Meaning {
    let request = canonical(call.abi, call.command(1));
    let Ok(request) = u32::try_from(request) else { return Meaning::value(ArgKind::Hex) };
    if WRITTEN_BACK.contains(&request) {
        return Meaning::bytes(Dir::InOut, Request::decode(request).size.into()).when(When::Always);
    }
    if let Some((_, dir, layout)) = NAMED.iter().find(|(named, ..)| *named == request) {
        return Meaning::fixed(*dir, *layout);
    }
    if let Some((_, kind)) = VALUES.iter().find(|(named, _)| *named == request) {
        return Meaning::value(*kind);
    }
    if let Some((_, dir, wide, narrow)) = SIZED.iter().find(|(sized, ..)| *sized == request) {
        return Meaning::bytes(*dir, if call.abi.word() == 4 { *narrow } else { *wide });
    }
    if SG_READ.contains(&request) || SG_WRITTEN.contains(&request) {
        let dir = if SG_READ.contains(&request) { Dir::In } else { Dir::Out };
        return Meaning::fixed(dir, L::Int);
    }
    if HDIO_GET.contains(&request) {
        return Meaning::fixed(Dir::Out, L::Word);
    }
    if let Some((_, dir, len)) = NESTED.iter().find(|(nested, ..)| *nested == request) {
        return Meaning::memory(ArgKind::Buf, *dir, *len);
    }
    // struct ifreq: a name of 16 bytes, and a union that has longs in its largest member.
    let interface = if call.abi.word() == 4 { 32 } else { 40 };
    if INTERFACE.contains(&request) {
        return Meaning::bytes(Dir::InOut, interface.into());
    }
    if is_ethtool(request) {
        let count = Count::Fixed(interface);
        let len = Len::PointerFields { count, each: L::Byte, pointers: ETHTOOL };
        return Meaning::memory(ArgKind::Buf, Dir::InOut, len);
    }
    let parts = Request::decode(u32::try_from(call.command(1)).unwrap_or(request));
    let dir = match parts.dir {
        1 => Dir::In,
        2 => Dir::Out,
        3 => Dir::InOut,
        _ => return Meaning::value(ArgKind::Hex),
    };
    if parts.size == 0 {
        return Meaning::value(ArgKind::Ptr);
    }
    Meaning::bytes(dir, parts.size.into())
}

/// Whether neither the table nor the bits of a request say what its argument is.
pub(crate) fn is_unknown(request: u64) -> bool {
    let Ok(request) = u32::try_from(request & 0xffff_ffff) else { return true };
    let is_listed = WRITTEN_BACK.contains(&request)
        || NAMED.iter().any(|(named, ..)| *named == request)
        || VALUES.iter().any(|(named, _)| *named == request)
        || SIZED.iter().any(|(sized, ..)| *sized == request)
        || NESTED.iter().any(|(nested, ..)| *nested == request)
        || INTERFACE.contains(&request)
        || SG_READ.contains(&request)
        || SG_WRITTEN.contains(&request)
        || HDIO_GET.contains(&request)
        || is_ethtool(request);
    !is_listed && Request::decode(request).dir == 0
}

/// Whether a request passes a structure of ethtool.
pub(crate) fn is_ethtool(request: u32) -> bool {
    u64::from(request) == SIOCETHTOOL
}

/// The result of a request.
pub(super) fn result(call: &Call) -> Option<ArgKind> {
    if call.command(1) == u64::from(NS_GET_NSTYPE) {
        return Some(ArgKind::Enum(&process::SETNS));
    }
    makes_fd(call.command(1)).then_some(ArgKind::Fd)
}

/// Whether a successful request returns a new file descriptor.
pub(crate) fn makes_fd(request: u64) -> bool {
    u32::try_from(request & 0xffff_ffff).is_ok_and(|r| OPENING.contains(&r))
}

const _: () = assert!(
    g::_IOC_SIZESHIFT == 16 && g::_IOC_DIRSHIFT == 30 && g::_IOC_WRITE == 1 && g::_IOC_READ == 2
);

const OPENING: &[u32] = &[TIOCGPTPEER, NS_GET_USERNS, NS_GET_PARENT];

use Dir::{In, InOut, Out};
use Layout as L;

/// Requests whose bits are missing or wrong.
#[rustfmt::skip]
static NAMED: &[(u32, Dir, Layout)] = &[
    (TCGETS, Out, L::Termios), (TCSETS, In, L::Termios), (TCSETSW, In, L::Termios),
    (TCSETSF, In, L::Termios),
    (TCGETA, Out, L::Termio), (TCSETA, In, L::Termio), (TCSETAW, In, L::Termio),
    (TCSETAF, In, L::Termio),
    (TIOCGLCKTRMIOS, Out, L::Termios), (TIOCSLCKTRMIOS, In, L::Termios),
    (TIOCGWINSZ, Out, L::WinSize), (TIOCSWINSZ, In, L::WinSize),
    (TIOCGPTN, Out, L::U32), (TIOCSPTLCK, In, L::Int), (TIOCGPTLCK, Out, L::Int),
    (TIOCGPKT, Out, L::Int), (TIOCGEXCL, Out, L::Int), (TIOCGDEV, Out, L::U32),
    (TIOCGPGRP, Out, L::Int), (TIOCSPGRP, In, L::Int), (TIOCGSID, Out, L::Int),
    (TIOCOUTQ, Out, L::Int), (FIONREAD, Out, L::Int), (FIONBIO, In, L::Int), (FIOASYNC, In, L::Int),
    (FIOQSIZE, Out, L::Loff),
    (TIOCMGET, Out, L::Int), (TIOCMSET, In, L::Int), (TIOCMBIS, In, L::Int), (TIOCMBIC, In, L::Int),
    (TIOCGETD, Out, L::Int), (TIOCSETD, In, L::Int), (TIOCPKT, In, L::Int), (TIOCSTI, In, L::Byte),
    (TIOCGSOFTCAR, Out, L::Int), (TIOCSSOFTCAR, In, L::Int), (TIOCLINUX, InOut, L::Byte),
    (FIOSETOWN, In, L::Int), (SIOCSPGRP, In, L::Int), (FIOGETOWN, Out, L::Int),
    (SIOCGPGRP, Out, L::Int),
    (SIOCATMARK, Out, L::Int), (SIOCGSTAMP, Out, L::Timeval),
    (BLKGETSIZE, Out, L::Word), (BLKROGET, Out, L::Int), (BLKROSET, In, L::Int),
    (BLKSSZGET, Out, L::Int), (BLKPBSZGET, Out, L::U32),
    (BLKIOMIN, Out, L::U32), (BLKIOOPT, Out, L::U32), (BLKALIGNOFF, Out, L::Int),
    (BLKRAGET, Out, L::Word),
    (BLKSECTGET, Out, L::U16), (BLKROTATIONAL, Out, L::U16), (BLKBSZGET, Out, L::Int),
    (BLKBSZSET, In, L::Int),
    (FIBMAP, InOut, L::Int), (FIGETBSZ, Out, L::Int),
    // They encode a long and pass an int (fs/ioctl.c).
    (FS_IOC_GETFLAGS, Out, L::FileAttributes), (FS_IOC_SETFLAGS, In, L::FileAttributes),
    (FS_IOC32_GETFLAGS, Out, L::FileAttributes), (FS_IOC32_SETFLAGS, In, L::FileAttributes),
    (FS_IOC32_GETVERSION, Out, L::Int), (FS_IOC32_SETVERSION, In, L::Int),
    (FS_IOC_GETVERSION, Out, L::Int), (FS_IOC_SETVERSION, In, L::Int),
    // They encode writing and read.
    (UFFDIO_UNREGISTER, In, L::UffdioRange), (UFFDIO_WAKE, In, L::UffdioRange),
    (KDGETMODE, Out, L::Int), (KDGKBMODE, Out, L::Int), (KDGKBTYPE, Out, L::Byte),
    (KDGETLED, Out, L::Byte),
    (KDGKBLED, Out, L::Byte), (VT_OPENQRY, Out, L::Int), (NS_GET_OWNER_UID, Out, L::Uid),
];

/// Requests that pass a value, although some encode a pointer.
#[rustfmt::skip]
static VALUES: &[(u32, ArgKind)] = &[
    (FICLONE, ArgKind::Fd), (PERF_EVENT_IOC_SET_BPF, ArgKind::Fd),
    (PERF_EVENT_IOC_PAUSE_OUTPUT, ArgKind::Long),
    (TUNSETNOCSUM, ArgKind::Long), (TUNSETDEBUG, ArgKind::Long), (TUNSETPERSIST, ArgKind::Long),
    (TUNSETOWNER, ArgKind::Long), (TUNSETGROUP, ArgKind::Long), (TUNSETLINK, ArgKind::Long),
    (TUNSETOFFLOAD, ArgKind::Long),
    (EVIOCRMFF, ArgKind::Int), (EVIOCGRAB, ArgKind::Uint), (EVIOCREVOKE, ArgKind::Uint),
    (TIOCSCTTY, ArgKind::Int), (TCSBRK, ArgKind::Int), (TCSBRKP, ArgKind::Int),
    (TCXONC, ArgKind::Enum(&terminal::FLOW)), (TCFLSH, ArgKind::Enum(&terminal::QUEUE)),
];

/// Requests of keyboards and consoles (linux/kd.h).
const GIO_SCRNMAP: u32 = 0x4b40;
const PIO_SCRNMAP: u32 = 0x4b41;
const KDKBDREP: u32 = 0x4b52;
const GIO_FONT: u32 = 0x4b60;
const PIO_FONT: u32 = 0x4b61;
const GIO_UNIMAP: u32 = 0x4b66;
const PIO_UNIMAP: u32 = 0x4b67;
const PIO_UNIMAPCLR: u32 = 0x4b68;
const GIO_UNISCRNMAP: u32 = 0x4b69;
const PIO_UNISCRNMAP: u32 = 0x4b6a;
const GIO_FONTX: u32 = 0x4b6b;
const PIO_FONTX: u32 = 0x4b6c;
const GIO_CMAP: u32 = 0x4b70;
const PIO_CMAP: u32 = 0x4b71;
const KDFONTOP: u32 = 0x4b72;
const KDSKBDIACR: u32 = 0x4b4b;
const KDGKBDIACRUC: u32 = 0x4bfa;
const KDSKBDIACRUC: u32 = 0x4bfb;
/// Requests of raw flash (mtd/mtd-abi.h), of UBI (mtd/ubi-user.h) and of seccomp.
const MEMWRITEOOB: u32 = 0xc010_4d03;
const MEMREADOOB: u32 = 0xc010_4d04;
const OTPSELECT: u32 = 0x8004_4d0d;
const OTPLOCK: u32 = 0x800c_4d10;
const MEMISLOCKED: u32 = 0x8008_4d17;
const UBI_IOCEBCH: u32 = 0x4004_4f02;
const UBI_IOCEBISMAP: u32 = 0x8004_4f05;
const NOTIF_ID_VALID_WRONG_DIR: u32 = 0x8008_2102;
/// Integers of SCSI devices (scsi/sg.h): those that the kernel reads, and those that it writes.
const SG_READ: &[u32] = &[0x2201, 0x2275, 0x2279, 0x227b, 0x227e, 0x2271, 0x2283, 0x2284, 0x2287];
const SG_WRITTEN: &[u32] =
    &[0x2203, 0x2205, 0x2270, 0x2272, 0x227a, 0x227c, 0x227d, 0x227f, 0x2282, 0x2288, 0x2289];
/// Requests of disks (linux/hdreg.h, scsi/sg.h).
const HDIO_GETGEO: u32 = 0x301;
/// HDIO_GET_*: they write a long.
const HDIO_GET: &[u32] =
    &[0x302, 0x304, 0x308, 0x309, 0x30a, 0x30b, 0x30c, 0x30e, 0x30f, 0x310, 0x31a];
const HDIO_DRIVE_CMD: u32 = 0x31f;
const HDIO_DRIVE_RESET: u32 = 0x31c;
const HDIO_SCAN_HWIF: u32 = 0x328;
const SG_IO: u32 = 0x2285;

/// Requests without encoded size whose structure is used by no other call: its size with 8-byte and
/// with 4-byte words.
#[rustfmt::skip]
static SIZED: &[(u32, Dir, u32, u32)] = &[
    (TIOCGSERIAL, Out, 72, 60), (TIOCSSERIAL, In, 72, 60), (TIOCGICOUNT, Out, 80, 80),
    (TIOCGRS485, Out, 32, 32),
    (TIOCSRS485, InOut, 32, 32), (KDGKBENT, InOut, 4, 4), (KDSKBENT, In, 4, 4),
    (KDGKBSENT, InOut, 513, 513), (KDSKBSENT, In, 513, 513), (KDGKBMETA, Out, 4, 4),
    (KDGETKEYCODE, InOut, 8, 8), (KDSETKEYCODE, In, 8, 8), (KDKBDREP, InOut, 8, 8),
    (GIO_SCRNMAP, Out, 256, 256), (PIO_SCRNMAP, In, 256, 256), (GIO_FONT, Out, 8192, 8192),
    (PIO_FONT, In, 8192, 8192), (GIO_CMAP, Out, 48, 48), (PIO_CMAP, In, 48, 48),
    (GIO_UNISCRNMAP, Out, 512, 512), (PIO_UNISCRNMAP, In, 512, 512), (PIO_UNIMAPCLR, In, 6, 6),
    (VT_GETSTATE, Out, 6, 6), (VT_GETMODE, Out, 8, 8),
    (VT_SETMODE, In, 8, 8), (VT_RESIZE, In, 6, 6),
    (BLKDISCARD, In, 16, 16), (BLKSECDISCARD, In, 16, 16), (BLKZEROOUT, In, 16, 16),
    (BLKGETSIZE64, Out, 8, 8), (PERF_EVENT_IOC_ID, Out, 8, 8), (SG_IO, InOut, 88, 64),
    (HDIO_GETGEO, Out, 16, 8), (HDIO_DRIVE_CMD, InOut, 4, 4), (HDIO_DRIVE_RESET, In, 12, 12),
    (HDIO_SCAN_HWIF, In, 12, 12),
    (LOOP_GET_STATUS, Out, 168, 140), (LOOP_SET_STATUS, In, 168, 140),
    (LOOP_GET_STATUS64, Out, 232, 232), (LOOP_SET_STATUS64, In, 232, 232),
    (LOOP_CONFIGURE, In, 304, 304),
    // They encode reading and are read.
    (OTPSELECT, In, 4, 4), (OTPLOCK, In, 12, 12), (MEMISLOCKED, In, 8, 8),
    (TEE_IOC_CANCEL, In, 8, 8), (TEE_IOC_CLOSE_SESSION, In, 4, 4),
    // It encodes a part of its structure.
    (UBI_IOCEBCH, In, 16, 16),
    (UBI_IOCEBISMAP, In, 4, 4), (NOTIF_ID_VALID_WRONG_DIR, In, 8, 8),
    // They encode an int and pass a struct ifreq.
    (TUNSETIFF, InOut, 40, 32), (TUNGETIFF, Out, 40, 32),
];

/// A pointer at this offset (with 8-byte and with 4-byte words) to as many bytes as a field says.
const fn pointer(at: (u8, u8), dir: Dir, len: (u8, u8)) -> PointerField {
    PointerField {
        at,
        wide: false,
        condition: Condition::Always,
        dir,
        when: When::Success,
        len: PointeeLen::Field(len, 1),
    }
}

const fn with(structure: Layout, pointers: &'static [PointerField]) -> Len {
    Len::PointerFields { count: Count::Fixed(1), each: structure, pointers }
}

/// struct ifconf: a size and a pointer.
const IFCONF: &[PointerField] = &[pointer((8, 4), Out, (0, 0))];
/// The union of a struct ifreq is a pointer.
const ETHTOOL: &[PointerField] =
    &[PointerField { len: PointeeLen::Ethtool, ..pointer((16, 16), InOut, (0, 0)) }];
/// struct blkpg_ioctl_arg: operation, flags, size, pointer.
const PARTITION: &[PointerField] = &[pointer((16, 12), In, (8, 8))];

/// struct v4l2_format, whose window has a list of clips: for two types of buffers.
const CLIPS: &[PointerField] = &[clips(3), clips(8)];
const fn clips(buffer: u32) -> PointerField {
    PointerField {
        condition: Condition::Field((0, 0), buffer),
        len: PointeeLen::Each((40, 32), (24, 20)),
        ..pointer((32, 28), In, (0, 0))
    }
}
/// struct v4l2_ext_controls, which is written back on errors as well.
const CONTROLS: &[PointerField] = &[PointerField {
    when: When::Always,
    len: PointeeLen::Controls(4),
    ..pointer((24, 20), InOut, (0, 0))
}];

/// struct unimapdesc: a 16-bit number of pairs of 16 bits, and a pointer.
const UNICODE_OUT: &[PointerField] = &[short(Out, 4)];
const UNICODE_IN: &[PointerField] = &[short(In, 4)];
/// struct consolefontdesc: a 16-bit number of characters of 32 bytes, a height, and a pointer.
const FONT_OUT: &[PointerField] = &[short(Out, 32)];
const FONT_IN: &[PointerField] = &[short(In, 32)];
const fn short(dir: Dir, each: u32) -> PointerField {
    PointerField { len: PointeeLen::Short(0, each), ..pointer((8, 4), dir, (0, 0)) }
}
/// struct console_font_op: operation, flags, width, height, number of characters, pointer. The
/// operations are KD_FONT_OP_SET, _GET and _SET_DEFAULT.
const FONT_OPERATION: &[PointerField] = &[
    font(0, In, PointeeLen::Font { width: 8, count: 16 }),
    font(1, Out, PointeeLen::Font { width: 8, count: 16 }),
    font(2, In, PointeeLen::CStr),
];
const fn font(operation: u32, dir: Dir, len: PointeeLen) -> PointerField {
    let condition = Condition::Field((0, 0), operation);
    PointerField { condition, len, ..pointer((24, 20), dir, (0, 0)) }
}

/// struct tee_ioctl_buf_data: a pointer and a size, both of 64 bits. The kernel answers in the
/// buffer.
const TRUSTED: Len = Len::PointerFields {
    count: Count::Fixed(16),
    each: L::Byte,
    pointers: &[PointerField {
        wide: true,
        len: PointeeLen::Field((8, 8), 1),
        ..pointer((0, 0), InOut, (0, 0))
    }],
};

/// Requests whose structure is followed by an array or contains pointers.
#[rustfmt::skip]
static NESTED: &[(u32, Dir, Len)] = &[
    (SIOCGIFCONF, InOut, with(L::Iovec, IFCONF)),
    (BLKPG, In, with(L::BlkPg, PARTITION)),
    (KDGKBDIACR, Out, Len::Tailed { head: 4, at: 0, each: 3 }),
    (KDSKBDIACR, In, Len::Tailed { head: 4, at: 0, each: 3 }),
    (KDGKBDIACRUC, Out, Len::Tailed { head: 4, at: 0, each: 12 }),
    (KDSKBDIACRUC, In, Len::Tailed { head: 4, at: 0, each: 12 }),
    (GIO_UNIMAP, InOut, with(L::Iovec, UNICODE_OUT)),
    (PIO_UNIMAP, In, with(L::Iovec, UNICODE_IN)),
    (GIO_FONTX, InOut, with(L::Iovec, FONT_OUT)), (PIO_FONTX, In, with(L::Iovec, FONT_IN)),
    (KDFONTOP, InOut, with(L::ConsoleFontOp, FONT_OPERATION)),
    (TEE_IOC_OPEN_SESSION, In, TRUSTED), (TEE_IOC_INVOKE, In, TRUSTED),
    (TEE_IOC_SUPPL_RECV, In, TRUSTED), (TEE_IOC_SUPPL_SEND, In, TRUSTED),
    (VIDIOC_S_FMT, InOut, with(L::V4l2Format, CLIPS)),
    (VIDIOC_TRY_FMT, InOut, with(L::V4l2Format, CLIPS)),
    (VIDIOC_G_EXT_CTRLS, InOut, with(L::V4l2ExtControls, CONTROLS)),
    (VIDIOC_S_EXT_CTRLS, InOut, with(L::V4l2ExtControls, CONTROLS)),
    (VIDIOC_TRY_EXT_CTRLS, InOut, with(L::V4l2ExtControls, CONTROLS)),
    (TUNATTACHFILTER, In, Len::Fprog), (TUNDETACHFILTER, In, Len::Fprog),
    (PERF_EVENT_IOC_SET_FILTER, In, Len::CStr),
    (PERF_EVENT_IOC_MODIFY_ATTRIBUTES, In,
        Len::SelfSized { at: 4, plus: 0, least: 64, most: 4096 }),
    // struct perf_event_query_bpf: capacity, number of ids.
    (PERF_EVENT_IOC_QUERY_BPF, InOut, Len::Tailed { head: 8, at: 0, each: 4 }),
    // struct fiemap: start, length, flags, mapped extents, capacity.
    (FS_IOC_FIEMAP, InOut, Len::Tailed { head: 32, at: 24, each: 56 }),
    // struct fsmap_head: flags, capacity, number of entries, ...
    (FS_IOC_GETFSMAP, InOut, Len::Tailed { head: 192, at: 4, each: 48 }),
    // struct file_dedupe_range: offset, length, 16-bit count followed by zeros.
    (FIDEDUPERANGE, InOut, Len::Tailed { head: 24, at: 16, each: 32 }),
    // struct rand_pool_info: bits of entropy, bytes, the bytes.
    (RNDADDENTROPY, In, Len::Tailed { head: 8, at: 4, each: 1 }),
];

/// Requests that report progress, or supported values, in their structure even on errors
/// (fs/userfaultfd.c).
static WRITTEN_BACK: &[u32] = &[UFFDIO_API, UFFDIO_COPY, UFFDIO_ZEROPAGE, UFFDIO_CONTINUE];

/// Requests that pass a `struct ifreq`.
#[rustfmt::skip]
static INTERFACE: &[u32] = &[
    SIOCGIFNAME, SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCGIFADDR, SIOCSIFADDR, SIOCGIFDSTADDR,
    SIOCSIFDSTADDR, SIOCGIFBRDADDR, SIOCSIFBRDADDR,
    SIOCGIFNETMASK, SIOCSIFNETMASK, SIOCGIFMETRIC, SIOCSIFMETRIC, SIOCGIFMTU, SIOCSIFMTU,
    SIOCSIFHWADDR, SIOCGIFHWADDR, SIOCGIFMAP,
    SIOCSIFMAP, SIOCSIFNAME, SIOCSIFHWBROADCAST, SIOCGIFINDEX, SIOCGIFTXQLEN,
    SIOCSIFTXQLEN, SIOCGIFCOUNT,
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
        assert_eq!(
            check(TCGETS).map(|m| (m.dir, m.len)),
            Some((Dir::Out, Len::Fixed(Layout::Termios)))
        );
        // No driver's: 4 bytes to read.
        assert_eq!(check(0x8004_7a01).map(|m| (m.dir, m.len)), Some((Dir::Out, Len::Bytes(4))));
        assert_eq!(check(TIOCNOTTY), None);
        assert_eq!(check(FS_IOC_GETFLAGS).map(|m| m.len), Some(Len::Fixed(Layout::FileAttributes)));
    }

    #[test]
    fn misencoded_requests_are_corrected() {
        use crate::desc::Len;
        assert_eq!(check(FICLONE), None, "a descriptor, although its bits encode a pointer to int");
        assert_eq!(
            check(LOOP_GET_STATUS64).map(|m| (m.dir, m.len)),
            Some((Dir::Out, Len::Bytes(232)))
        );
        assert_eq!(check(TUNSETIFF).map(|m| (m.dir, m.len)), Some((Dir::InOut, Len::Bytes(40))));
        assert!(matches!(
            check(FS_IOC_FIEMAP).unwrap().len,
            Len::Tailed { head: 32, at: 24, each: 56 }
        ));
        assert!(matches!(
            check(SIOCGIFCONF).unwrap().len,
            Len::PointerFields { each: Layout::Iovec, .. }
        ));
        let memory = |request: u32| {
            argument(&Call { abi: Abi::I386, args: [0, request.into(), 0x1000, 0, 0, 0] }).mem
        };
        let narrow = BLKGETSIZE64 & !0x3fff_0000 | 4 << 16;
        assert_eq!(memory(narrow).map(|m| m.len), Some(Len::Bytes(8)));
        assert_eq!(memory(TIOCGSERIAL).map(|m| m.len), Some(Len::Bytes(60)));
    }

    #[test]
    fn no_request_is_named_twice() {
        for (i, (request, ..)) in NAMED.iter().enumerate() {
            let again =
                NAMED.iter().skip(i + 1).find(|(r, dir, _)| r == request && *dir != NAMED[i].1);
            assert!(again.is_none(), "{request:#x}");
        }
    }
}
