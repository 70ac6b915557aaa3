//! The constants and const functions that rows are written with.

use super::{
    ArgKind, CallKind, Classes, Constants, Count, Dir, Len, Makes, Mem, PointerField, Replay,
    Sibling, Special, Total, When,
};
use crate::layout::Layout;

/// An argument of a row whose siblings are not resolved yet.
#[derive(Clone, Copy)]
pub(crate) struct Spec {
    pub(super) kind: ArgKind,
    pub(super) mem: Option<Mem>,
}

/// What follows the result of a row: class, replay policy, descriptors made, kind of call.
#[derive(Clone, Copy)]
pub(crate) struct Tail {
    pub(crate) class: Classes,
    pub(crate) replay: Replay,
    pub(crate) makes: Makes,
    pub(crate) kind: CallKind,
    pub(crate) fast: bool,
}

const fn value(kind: ArgKind) -> Spec {
    Spec { kind, mem: None }
}

pub(crate) const INT: Spec = value(ArgKind::Int);
pub(crate) const UINT: Spec = value(ArgKind::Uint);
pub(crate) const LONG: Spec = value(ArgKind::Long);
pub(crate) const ULONG: Spec = value(ArgKind::Ulong);
pub(crate) const SIZE: Spec = value(ArgKind::Size);
pub(crate) const OFF: Spec = value(ArgKind::Off);
pub(crate) const HALF: Spec = value(ArgKind::Half);
pub(crate) const HEX: Spec = value(ArgKind::Hex);
pub(crate) const HEX32: Spec = value(ArgKind::Hex32);
pub(crate) const SIGNAL_MASK: Spec = value(ArgKind::SignalMask);
pub(crate) const MODE: Spec = value(ArgKind::Mode);
pub(crate) const FILE_MODE: Spec = value(ArgKind::FileMode);
pub(crate) const FD: Spec = value(ArgKind::Fd);
pub(crate) const DIRFD: Spec = value(ArgKind::DirFd);
pub(crate) const SIGNAL: Spec = value(ArgKind::Signal);
pub(crate) const PID: Spec = value(ArgKind::Pid);
pub(crate) const HANDLE: Spec = value(ArgKind::Handle);
pub(crate) const IPC_ID: Spec = value(ArgKind::IpcId);
pub(crate) const KEY: Spec = value(ArgKind::KeySerial);
pub(crate) const UID: Spec = value(ArgKind::Uid);
pub(crate) const GID: Spec = value(ArgKind::Gid);
pub(crate) const ID16: Spec = value(ArgKind::ShortId);
pub(crate) const DEV: Spec = value(ArgKind::Dev);
pub(crate) const CLOCK: Spec = value(ArgKind::Clock);
pub(crate) const QUOTA_COMMAND: Spec = value(ArgKind::QuotaCommand);
pub(crate) const IO_PRIORITY: Spec = value(ArgKind::IoPriority);
pub(crate) const SWAP_FLAGS: Spec = value(ArgKind::SwapFlags);
pub(crate) const MARKED_DIR: Spec = value(ArgKind::MarkedDir);
pub(crate) const IOCTL: Spec = value(ArgKind::Ioctl);
pub(crate) const ADDR: Spec = value(ArgKind::Addr);
pub(crate) const PTR: Spec = value(ArgKind::Ptr);
pub(crate) const PROTOCOL: Spec = value(ArgKind::Protocol);
pub(crate) const SOCKOPT: Spec = value(ArgKind::SockOpt);
pub(crate) const NEVER: Spec = value(ArgKind::Never);
/// A path that the kernel reads.
pub(crate) const PATH: Spec = kind(ArgKind::Path, input(Len::CStr));
/// A string that the kernel reads.
pub(crate) const STR: Spec = kind(ArgKind::Str, input(Len::CStr));

pub(crate) const fn flags(list: &'static Constants) -> Spec {
    value(ArgKind::Flags(list))
}

pub(crate) const fn one_of(list: &'static Constants) -> Spec {
    value(ArgKind::Enum(list))
}

/// The same argument, printed as another kind.
pub(crate) const fn kind(kind: ArgKind, spec: Spec) -> Spec {
    Spec { kind, mem: spec.mem }
}

pub(crate) const fn input(len: Len) -> Spec {
    memory(Dir::In, len)
}

pub(crate) const fn out(len: Len) -> Spec {
    memory(Dir::Out, len)
}

pub(crate) const fn inout(len: Len) -> Spec {
    memory(Dir::InOut, len)
}

const fn memory(dir: Dir, len: Len) -> Spec {
    let kind = match len {
        Len::Fixed(layout) => ArgKind::Struct(layout),
        Len::Arg { each: Layout::Byte, .. }
        | Len::Ret { each: Layout::Byte, .. }
        | Len::Deref { each: Layout::Byte, .. }
        | Len::Bytes(_) => ArgKind::Buf,
        Len::Arg { each, .. }
        | Len::Ret { each, .. }
        | Len::Deref { each, .. }
        | Len::Several { each, .. } => ArgKind::Array(each),
        Len::Bits(_) => ArgKind::Bits,
        Len::CStr => ArgKind::Str,
        Len::CStrVec => ArgKind::StrVec,
        Len::Iov { .. } => ArgKind::Iovec,
        Len::Msg { many: None } => ArgKind::Msg,
        Len::Msg { many: Some(_) } => ArgKind::Mmsg,
        Len::SelfSized { .. } | Len::Tailed { .. } | Len::OldDirent => ArgKind::Buf,
        Len::CloneArgs(_) => ArgKind::Struct(Layout::CloneArgs),
        Len::Iocbs(_) => ArgKind::Array(Layout::Word),
        Len::Pointed => ArgKind::Struct(Layout::SigSetArg),
        Len::XattrArgs(_) => ArgKind::Struct(Layout::XattrArgs),
        Len::Fprog => ArgKind::Struct(Layout::SockFprog),
        Len::Nodes(_) => ArgKind::Bits,
        Len::SigInfo => ArgKind::Struct(Layout::SigInfo),
        Len::CapData(_) => ArgKind::Array(Layout::CapData),
        Len::Semaphores(_) => ArgKind::Array(Layout::U16),
        Len::PointerFields { each: Layout::Byte, .. } => ArgKind::Buf,
        Len::PointerFields { count: Count::Fixed(1), each, .. } => ArgKind::Struct(each),
        Len::PointerFields { each, .. } => ArgKind::Array(each),
        Len::MsgBuf(_) | Len::Pages(_) | Len::RetWhole(_) => ArgKind::Buf,
        Len::Special(_) => ArgKind::Varies,
        Len::Seeded(_) => panic!("the table has no wrong rows"),
    };
    Spec { kind, mem: Some(Mem { dir, when: When::Success, len }) }
}

/// The same memory, written on other results than success.
pub(crate) const fn when(when: When, spec: Spec) -> Spec {
    match spec.mem {
        Some(mem) => Spec { kind: spec.kind, mem: Some(Mem { when, ..mem }) },
        None => panic!("`when` needs memory"),
    }
}

/// The same memory, written on every result.
pub(crate) const fn always(spec: Spec) -> Spec {
    when(When::Always, spec)
}

/// The same memory, written if the siginfo that `infop` points to is not empty.
pub(crate) const fn unless_empty(infop: &'static str, spec: Spec) -> Spec {
    when(When::UnlessEmpty(sibling(infop)), spec)
}

const fn sibling(name: &'static str) -> Sibling {
    Sibling { name, index: u8::MAX }
}

pub(crate) const fn of(layout: Layout) -> Len {
    Len::Fixed(layout)
}

pub(crate) const fn arg(name: &'static str) -> Len {
    args(Layout::Byte, name)
}

pub(crate) const fn args(each: Layout, name: &'static str) -> Len {
    Len::Arg { count: sibling(name), each }
}

pub(crate) const fn ret(cap: &'static str) -> Len {
    rets(Layout::Byte, cap)
}

pub(crate) const fn rets(each: Layout, cap: &'static str) -> Len {
    Len::Ret { each, cap: Some(sibling(cap)) }
}

pub(crate) const fn deref(name: &'static str) -> Len {
    Len::Deref { count: sibling(name), each: Layout::Byte }
}

pub(crate) const fn bits(name: &'static str) -> Len {
    Len::Bits(sibling(name))
}

pub(crate) const fn iov(count: &'static str, total: Total) -> Len {
    Len::Iov { count: sibling(count), total }
}

pub(crate) const fn mmsg(many: &'static str) -> Len {
    Len::Msg { many: Some(sibling(many)) }
}

pub(crate) const MSG: Len = Len::Msg { many: None };

pub(crate) const fn clone_args(size: &'static str) -> Len {
    Len::CloneArgs(sibling(size))
}

pub(crate) const fn xattr_args(size: &'static str) -> Len {
    Len::XattrArgs(sibling(size))
}

pub(crate) const fn iocbs(count: &'static str) -> Len {
    Len::Iocbs(sibling(count))
}

/// An argument that depends on a command, and its direction with it.
pub(crate) const fn special(id: Special) -> Spec {
    memory(Dir::InOut, Len::Special(id))
}

pub(crate) const fn msgbuf(size: &'static str) -> Len {
    Len::MsgBuf(sibling(size))
}

/// A bit set of memory nodes.
pub(crate) const fn nodes(count: &'static str) -> Len {
    Len::Nodes(sibling(count))
}

/// Capability sets, as many as the version in a header implies.
pub(crate) const fn cap_data(header: &'static str) -> Len {
    Len::CapData(sibling(header))
}

/// `n` structures with pointers in them.
pub(crate) const fn pointer_fields(n: u8, each: Layout, pointers: &'static [PointerField]) -> Len {
    Len::PointerFields { count: Count::Fixed(n), each, pointers }
}

/// Structures with pointers in them; a sibling holds their number.
pub(crate) const fn pointer_fields_args(
    each: Layout,
    count: &'static str,
    pointers: &'static [PointerField],
) -> Len {
    Len::PointerFields { count: Count::Arg(sibling(count)), each, pointers }
}

pub(crate) const fn pages(bytes: &'static str) -> Len {
    Len::Pages(sibling(bytes))
}

pub(crate) const fn self_sized(at: u8, plus: u8, least: u16, most: u16) -> Len {
    Len::SelfSized { at, plus, least, most }
}

/// A socket address that the kernel reads; a sibling holds its length.
pub(crate) const fn sockaddr(size: &'static str) -> Spec {
    kind(ArgKind::SockAddr, input(arg(size)))
}

/// A socket address that the kernel writes; a sibling points to its length.
pub(crate) const fn sockaddr_out(size: &'static str) -> Spec {
    kind(ArgKind::SockAddr, out(deref(size)))
}

/// A bit set of file descriptors.
pub(crate) const fn fd_set(count: &'static str) -> Spec {
    kind(ArgKind::FdSet, inout(bits(count)))
}

pub(crate) const fn flags_mode(list: &'static Constants) -> Spec {
    value(ArgKind::FlagsMode(list))
}

const fn tail(class: Classes, replay: Replay) -> Tail {
    Tail { class, replay, makes: Makes::None, kind: CallKind::Other, fast: false }
}

pub(crate) const fn emulate(class: Classes) -> Tail {
    tail(class, Replay::Emulate)
}

pub(crate) const fn execute(class: Classes) -> Tail {
    tail(class, Replay::Execute)
}

pub(crate) const fn apart(class: Classes) -> Tail {
    tail(class, Replay::Special)
}

pub(crate) const fn refuse(class: Classes) -> Tail {
    tail(class, Replay::Refuse)
}

impl Tail {
    pub(crate) const fn kind(self, kind: CallKind) -> Self {
        Self { kind, ..self }
    }

    pub(crate) const fn makes(self, makes: Makes) -> Self {
        Self { makes, ..self }
    }

    /// See [`Row::fast`](super::Row::fast).
    pub(crate) const fn fast(self) -> Self {
        Self { fast: true, ..self }
    }
}

pub(crate) const RET: Makes = Makes::Ret;

pub(crate) const fn pair(name: &'static str) -> Makes {
    Makes::Pair(sibling(name))
}

/// The kind of a result.
pub(crate) const fn result(spec: Spec) -> ArgKind {
    spec.kind
}

/// Access and modification time as two timevals.
pub(crate) const TIMEVALS: Len = Len::Several { n: 2, each: Layout::Timeval };
/// Access and modification time as two timespecs.
pub(crate) const TIMESPECS: Len = Len::Several { n: 2, each: Layout::Timespec };

const fn errno(number: u32) -> u16 {
    assert!(number < 4096);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked on the line above; `try_from` is not const"
    )]
    {
        number as u16
    }
}

pub(crate) const EINTR: u16 = errno(linux_raw_sys::errno::EINTR);
pub(crate) const E2BIG: u16 = errno(linux_raw_sys::errno::E2BIG);
pub(crate) const ERANGE: u16 = errno(linux_raw_sys::errno::ERANGE);
pub(crate) const EOPNOTSUPP: u16 = errno(linux_raw_sys::errno::EOPNOTSUPP);
pub(crate) const ENOSPC: u16 = errno(linux_raw_sys::errno::ENOSPC);
pub(crate) const ENOMEM: u16 = errno(linux_raw_sys::errno::ENOMEM);
pub(crate) const EINVAL: u16 = errno(linux_raw_sys::errno::EINVAL);
pub(crate) const EOVERFLOW: u16 = errno(linux_raw_sys::errno::EOVERFLOW);
/// Internal to the kernel (include/linux/errno.h) and seen by tracers only. The `syscalls` package
/// has the names, but not as constants; a test compares them.
pub(crate) const ERESTARTNOHAND: u16 = errno(514);
/// See [`ERESTARTNOHAND`].
pub(crate) const ERESTART_RESTARTBLOCK: u16 = errno(516);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restart_numbers_are_those_of_the_package() {
        assert_eq!(crate::errno_name(ERESTARTNOHAND.into()), Some("ERESTARTNOHAND"));
        assert_eq!(crate::errno_name(ERESTART_RESTARTBLOCK.into()), Some("ERESTART_RESTARTBLOCK"));
    }
}
