//! How arguments and results are printed, and the lists of constants used for that.

use crate::layout::Layout;

/// How a value, or the memory it points to, is printed.
#[derive(Clone, Copy, Debug)]
pub enum ArgKind {
    /// Signed 32-bit number.
    Int,
    /// Unsigned 32-bit number.
    Uint,
    /// Signed number of one word.
    Long,
    /// Unsigned number of one word.
    Ulong,
    /// A size or count in bytes.
    Size,
    /// A signed 64-bit file offset.
    Off,
    /// Half of a 64-bit value, as 32-bit ABIs pass it.
    Half,
    /// Hexadecimal number.
    Hex,
    /// Hexadecimal number of 32 bits; the kernel ignores the upper half of the register.
    Hex32,
    /// Permission bits, octal.
    Mode,
    /// Mode with a file type (mknod).
    FileMode,
    /// File descriptor.
    Fd,
    /// File descriptor of a directory, or `AT_FDCWD`.
    DirFd,
    /// Flags from a list.
    Flags(&'static Constants),
    /// Flags from a list, above permission bits.
    FlagsMode(&'static Constants),
    /// One value from a list.
    Enum(&'static Constants),
    /// Protocol; its meaning depends on the address family.
    Protocol,
    /// Socket option; its meaning depends on the level. See [`crate::render::socket_option`].
    SockOpt,
    /// Signal number.
    Signal,
    /// Signal set of one word, as old calls pass and return it.
    SignalMask,
    /// Process or thread id.
    Pid,
    /// Number of an object that the kernel chooses anew in each run, hexadecimal: an AIO context.
    Handle,
    /// Number of a System V IPC object, which the kernel chooses.
    IpcId,
    /// Serial number of a key, which the kernel chooses; a negative one means a certain keyring.
    KeySerial,
    /// User id, -1 for "unchanged".
    Uid,
    /// Group id, -1 for "unchanged".
    Gid,
    /// User or group id of 16 bits, 0xffff for "unchanged".
    ShortId,
    /// Device number in the kernel's encoding.
    Dev,
    /// Command of quotactl and the type of the quota.
    QuotaCommand,
    /// Class and priority of I/O.
    IoPriority,
    /// Flags of swapon with a priority.
    SwapFlags,
    /// File descriptor of a directory, `AT_FDCWD`, or -1 for none.
    MarkedDir,
    /// Clock id; negative ones are the CPU clocks of a process or descriptor.
    Clock,
    /// Wait status as wait4 stores it.
    WaitStatus,
    /// Ioctl request.
    Ioctl,
    /// Address.
    Addr,
    /// Pointer to memory that is not described.
    Ptr,
    /// Path.
    Path,
    /// Any other string.
    Str,
    /// Array of strings.
    StrVec,
    /// Bytes.
    Buf,
    /// A structure.
    Struct(Layout),
    /// Array of structures.
    Array(Layout),
    /// Socket address.
    SockAddr,
    /// Bit set of file descriptors.
    FdSet,
    /// Bit set of CPUs or nodes.
    Bits,
    /// Array of `iovec` and its buffers.
    Iovec,
    /// A `msghdr` and what it points to.
    Msg,
    /// Array of `mmsghdr` and what they point to.
    Mmsg,
    /// The call does not return.
    Never,
    /// Depends on a command argument.
    Varies,
}

impl ArgKind {
    /// Returns the value as a count. The kernel ignores the upper bits of some kinds, and a
    /// negative count is 0.
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
    /// Prefix of an unknown value, as in `PROT_???`.
    pub prefix: &'static str,
    /// Number of significant low bits: 32 or 64.
    pub bits: u8,
    /// Names and values. A name for several bits precedes the names of its parts.
    pub items: &'static [(&'static str, u64)],
    /// Groups of bits that hold one value of a list: the access mode of open, the type of a socket.
    pub fields: &'static [Field],
    /// Values that differ between architectures.
    pub overrides: &'static [Override],
}

/// A group of bits in a set of flags that holds one value.
#[derive(Debug)]
pub struct Field {
    /// The bits.
    pub mask: u64,
    /// Printed after the flags instead of before them.
    pub last: bool,
    /// Printed as a value of its own, with this prefix if it is unknown: `FAN_CLASS_NOTIF|0x40`.
    /// Without a prefix only known values are.
    pub apart: Option<&'static str>,
    /// Names and values, including 0 if it has a name.
    pub items: &'static [(&'static str, u64)],
}

/// A constant whose value differs between architectures.
#[derive(Debug)]
pub struct Override {
    /// Its name, which the list also contains.
    pub name: &'static str,
    /// Its value on x86-64, i386 and x32.
    pub x86: u64,
    /// Its value on 64-bit ARM.
    pub aarch64: u64,
}
