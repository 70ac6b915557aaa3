//! How arguments and results are printed, and the lists of constants they are printed with.

use crate::layout::Layout;

/// How a value, or the memory it points to, is printed.
#[derive(Clone, Copy, Debug)]
pub enum ArgKind {
    /// Signed 32-bit number.
    Int,
    /// Unsigned 32-bit number.
    Uint,
    /// Signed number of a word's width.
    Long,
    /// Unsigned number of a word's width.
    Ulong,
    /// A size or count in bytes.
    Size,
    /// A signed 64-bit file offset.
    Off,
    /// Half of a 64-bit value, as 32-bit ABIs pass it.
    Half,
    /// Hexadecimal number.
    Hex,
    /// Hexadecimal number of 32 bits: of a register the kernel looks at no more.
    Hex32,
    /// Permission bits, octal.
    Mode,
    /// A mode with a file type (mknod).
    FileMode,
    /// File descriptor.
    Fd,
    /// File descriptor of a directory, or `AT_FDCWD`.
    DirFd,
    /// Flags of a list.
    Flags(&'static Constants),
    /// Flags of a list above permission bits.
    FlagsMode(&'static Constants),
    /// One value of a list.
    Enum(&'static Constants),
    /// A protocol; what it means depends on the address family.
    Protocol,
    /// A socket option; what it means depends on the level. See [`crate::render::socket_option`].
    SockOpt,
    /// Signal number.
    Signal,
    /// Process or thread id.
    Pid,
    /// User id, -1 for "unchanged".
    Uid,
    /// Group id, -1 for "unchanged".
    Gid,
    /// User or group id of 16 bits, 0xffff for "unchanged".
    ShortId,
    /// Device number in the kernel's encoding.
    Dev,
    /// Clock id; negative ones name the CPU clock of a process or fd.
    Clock,
    /// A wait status as wait4 stores it.
    WaitStatus,
    /// Ioctl request.
    Ioctl,
    /// An address in the address space.
    Addr,
    /// A pointer whose memory is not described.
    Ptr,
    /// A string that is a path.
    Path,
    /// Any other string.
    Str,
    /// An array of strings.
    StrVec,
    /// Bytes.
    Buf,
    /// One structure.
    Struct(Layout),
    /// An array of structures.
    Array(Layout),
    /// A socket address.
    SockAddr,
    /// A bit set of file descriptors.
    FdSet,
    /// A bit set of CPUs or nodes.
    Bits,
    /// An array of `iovec` and its buffers.
    Iovec,
    /// A `msghdr` and what it points to.
    Msg,
    /// An array of `mmsghdr` and what they point to.
    Mmsg,
    /// Nothing: the call does not return.
    Never,
    /// Its meaning depends on a command argument.
    Varies,
}

impl ArgKind {
    /// The value as a count: a register holds 64 bits of which the kernel looks at fewer, and a
    /// negative count is none.
    #[inline]
    #[must_use]
    pub const fn count(self, value: u64) -> u64 {
        match self {
            Self::Int | Self::Enum(_) => {
                let low = value & 0xffff_ffff;
                if low > 0x7fff_ffff { 0 } else { low }
            }
            Self::Uint => value & 0xffff_ffff,
            Self::Long if value.cast_signed() < 0 => 0,
            _ => value,
        }
    }
}

/// A list of the kernel's constants. The values come from a package, by name.
#[derive(Debug)]
pub struct Constants {
    /// What an unknown value is called: `PROT_???`.
    pub prefix: &'static str,
    /// How many low bits of a register are looked at: 32 or 64.
    pub bits: u8,
    /// Name and value. Names for several bits stand before those of their parts.
    pub items: &'static [(&'static str, u64)],
    /// Parts of a set of flags that hold one value of a list: the access mode of open, the type of
    /// a socket.
    pub fields: &'static [Field],
    /// Values that differ by architecture.
    pub overrides: &'static [Override],
}

/// Bits of a set of flags that together hold one value.
#[derive(Debug)]
pub struct Field {
    /// Which bits.
    pub mask: u64,
    /// It is spelled behind the flags and not before them.
    pub last: bool,
    /// Name and value, also for zero where zero has a name.
    pub items: &'static [(&'static str, u64)],
}

/// A constant whose value differs between architectures.
#[derive(Debug)]
pub struct Override {
    /// Its name, also found in the list.
    pub name: &'static str,
    /// Its value on x86-64, i386 and x32.
    pub x86: u64,
    /// Its value on 64-bit ARM.
    pub aarch64: u64,
}
