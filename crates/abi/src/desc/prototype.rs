//! Rows as text, for documents and messages: `read(fd: fd; buf: out bytes, ...) -> size`.

use std::fmt;

use super::{Arg, ArgKind, Count, Dir, Len, Mem, Replay, Row, Total, When};
use crate::errno::errno_name;
use crate::layout::Layout;

/// The prototype: `read(fd: fd; buf: out bytes, ...) -> size`.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        for (i, arg) in self.args.iter().enumerate() {
            write!(f, "{}{arg}", if i == 0 { "" } else { "; " })?;
        }
        write!(f, ") -> {}", self.result)
    }
}

/// Name, direction, kind, length, and when it is written.
impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name)?;
        let Some(mem) = self.mem else { return self.kind.fmt(f) };
        if matches!(mem.len, Len::Special(_)) {
            return f.write_str("depends on the other arguments");
        }
        write!(f, "{} {}{}", mem.dir, self.kind, Length(&mem, self.kind))?;
        if mem.dir.comes_out() { mem.when.fmt(f) } else { Ok(()) }
    }
}

impl fmt::Display for Dir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::In => "in",
            Self::Out => "out",
            Self::InOut => "in and out",
        })
    }
}

/// Empty for the usual case: written on success.
impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (words, list) = match self {
            Self::Success => return Ok(()),
            Self::Always => return f.write_str(", written on every result"),
            Self::Errno(list) => (", written only on ", list),
            Self::SuccessOr(list) => (", written also on ", list),
            Self::Nonzero => return f.write_str(", written only when the result is not 0"),
            Self::UnlessEmpty(info) => {
                return write!(f, ", written only when `{}` is not empty", info.name);
            }
        };
        f.write_str(words)?;
        for (i, &errno) in list.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            match errno_name(errno.into()) {
                Some(name) => write!(f, "{comma}{name}")?,
                None => write!(f, "{comma}{errno}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Emulate => "emulate",
            Self::Execute => "execute",
            Self::Special => "special",
            Self::Refuse => "refuse",
        })
    }
}

/// The length of memory, printed after its kind.
struct Length<'a>(&'a Mem, ArgKind);

impl fmt::Display for Length<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = |each: Layout| if each == Layout::Byte { "bytes" } else { "of them" };
        match self.0.len {
            Len::Fixed(layout) => match self.1 {
                ArgKind::Struct(same) if same == layout => Ok(()),
                _ => write!(f, ", one {}", layout.name()),
            },
            Len::Several { n, .. } => write!(f, ", {n} of them"),
            Len::Bytes(n) => write!(f, ", {n} bytes"),
            Len::Arg { count, each } => write!(f, ", `{}` {}", count.name, units(each)),
            Len::Ret { cap: Some(cap), .. } => {
                write!(f, ", as many as the result, at most `{}`", cap.name)
            }
            Len::Ret { cap: None, .. } => f.write_str(", as many as the result"),
            Len::Deref { count, each } => write!(f, ", `*{}` {}", count.name, units(each)),
            Len::Nodes(count) => write!(f, ", `{}` - 1 bits", count.name),
            Len::RetWhole(room) => {
                write!(f, ", as many as the result, or none if that exceeds `{}`", room.name)
            }
            Len::CapData(header) => write!(f, ", as many as the version in `{}` says", header.name),
            Len::SigInfo => f.write_str(", as long as its signal and code imply"),
            Len::OldDirent => f.write_str(", and a name of the length that it states"),
            Len::Semaphores(set) => write!(f, ", one for each semaphore of set `{}`", set.name),
            Len::PointerFields { count: Count::Fixed(1), .. } => {
                f.write_str(", and what it points to")
            }
            Len::PointerFields { count: Count::Fixed(n), .. } => {
                write!(f, ", {n} of them, and what they point to")
            }
            Len::PointerFields { count: Count::Arg(count), each, .. } => {
                write!(f, ", `{}` {}, and what they point to", count.name, units(each))
            }
            Len::Bits(count) => write!(f, ", `{}` bits", count.name),
            Len::CStr | Len::CStrVec | Len::Msg { many: None } | Len::Special(_) => Ok(()),
            Len::Iov { count, total } => {
                let bytes = match total {
                    Total::Own => "and their bytes",
                    Total::Ret => "and as many of their bytes as the result",
                    Total::None => "without their bytes",
                };
                write!(f, ", `{}` of them {bytes}", count.name)
            }
            Len::Msg { many: Some(many) } => write!(f, ", `{}` of them", many.name),
            Len::SelfSized { .. } => f.write_str(", as long as it states"),
            Len::Tailed { .. } => f.write_str(", followed by as many elements as it states"),
            Len::CloneArgs(size) | Len::XattrArgs(size) => {
                write!(f, ", `{}` bytes, and what it points to", size.name)
            }
            Len::Iocbs(count) => write!(f, ", `{}` of them, and what they point to", count.name),
            Len::Pointed | Len::Fprog => f.write_str(", and what it points to"),
            Len::MsgBuf(size) => write!(f, ", a long and `{}` bytes", size.name),
            Len::Pages(bytes) => write!(f, ", one for each page of `{}`", bytes.name),
            Len::Seeded(_) => f.write_str(", with a seeded fault"),
        }
    }
}

impl fmt::Display for ArgKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Long => "long",
            Self::Ulong => "ulong",
            Self::Size => "size",
            Self::Off => "offset",
            Self::Half => "half of 64 bits",
            Self::Hex | Self::Hex32 => "hex",
            Self::Mode => "mode",
            Self::FileMode => "file type and mode",
            Self::Fd => "fd",
            Self::DirFd => "directory fd",
            Self::Flags(list) | Self::FlagsMode(list) => {
                return write!(f, "flags {}", stars(list.prefix));
            }
            Self::Enum(list) => return write!(f, "one of {}", stars(list.prefix)),
            Self::Protocol => "protocol",
            Self::SockOpt => "socket option",
            Self::Signal => "signal",
            Self::SignalMask => "signal set",
            Self::Pid => "pid",
            Self::Handle => "handle",
            Self::KeySerial => "key",
            Self::IpcId => "System V IPC id",
            Self::Uid => "uid",
            Self::Gid => "gid",
            Self::ShortId => "id of 16 bits",
            Self::Dev => "device",
            Self::QuotaCommand => "one of `Q_*` and a type of quota",
            Self::IoPriority => "I/O priority",
            Self::SwapFlags => "flags `SWAP_FLAG_*` and a priority",
            Self::MarkedDir => "directory fd",
            Self::Clock => "clock",
            Self::WaitStatus => "wait status",
            Self::Ioctl => "ioctl request",
            Self::Addr => "address",
            Self::Ptr => "pointer",
            Self::Path => "path",
            Self::Str => "string",
            Self::StrVec => "array of strings",
            Self::Buf => "bytes",
            Self::Struct(layout) => layout.name(),
            Self::Array(layout) => return write!(f, "array of {}", layout.name()),
            Self::SockAddr => "socket address",
            Self::FdSet => "fd set",
            Self::Bits => "bit set",
            Self::Iovec => "array of struct iovec",
            Self::Msg => "struct msghdr",
            Self::Mmsg => "array of struct mmsghdr",
            Self::Never => "does not return",
            Self::Varies => "depends on the other arguments",
        })
    }
}

/// Returns a pattern for the names of a list: `PROT_*`, `*_OK`.
fn stars(prefix: &str) -> String {
    if prefix.contains('?') {
        format!("`{}`", prefix.replace('?', "*"))
    } else {
        format!("`{prefix}*`")
    }
}

#[cfg(test)]
mod tests {
    use crate::arch::Abi;
    use crate::number::{number, row};

    fn prototype(name: &str) -> String {
        row(Abi::X86_64.arch(), number(Abi::X86_64, name).unwrap()).unwrap().to_string()
    }

    #[test]
    fn rows_read_like_prototypes() {
        assert_eq!(
            prototype("read"),
            "read(fd: fd; buf: out bytes, as many as the result, at most `count`; count: size) -> \
             size"
        );
        assert_eq!(prototype("fstat"), "fstat(fd: fd; statbuf: out struct stat) -> int");
        assert_eq!(
            prototype("lseek"),
            "lseek(fd: fd; offset: offset; whence: one of `SEEK_*`) -> offset"
        );
        assert_eq!(prototype("access"), "access(filename: in path; mode: flags `*_OK`) -> int");
        assert_eq!(prototype("exit"), "exit(error_code: int) -> does not return");
        assert_eq!(
            prototype("ioctl").split("; ").last(),
            Some("arg: depends on the other arguments) -> int")
        );
        assert_eq!(
            prototype("nanosleep").split("; ").last(),
            Some("rmtp: out struct timespec, written only on EINTR, ERESTART_RESTARTBLOCK) -> int")
        );
    }
}
