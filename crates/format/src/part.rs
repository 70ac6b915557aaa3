//! The parts of an event: one length-prefixed record for each thing captured at a stop.

use crate::Error;
use crate::kind::{Altering, BlobNumber, Direction, MappedFlags, PartKind, RegionFlags, Role};
use crate::state::State;
use crate::wire::{Wire, u64_at};

/// Flag: a reader that does not know the kind of the part must refuse the log.
pub(crate) const PART_MUST_UNDERSTAND: u16 = 1;

/// An iterator over the parts of an event. It ends after the first error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    bytes: &'a [u8],
}

/// One part of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Captured memory.
    Region(Region<'a>),
    /// A `siginfo_t`, as the kernel wrote it.
    Siginfo(&'a [u8]),
    /// The event message that `PTRACE_GETEVENTMSG` returned.
    EventMessage(u64),
    /// The open file of a descriptor.
    Name(Name<'a>),
    /// A register set.
    Registers {
        /// The ELF note type, such as NT_PRSTATUS.
        regset: u32,
        /// The registers, as the kernel wrote them.
        bytes: &'a [u8],
    },
    /// Something the recorder changed.
    Altered(Altered<'a>),
    /// The tid in each pid namespace.
    NsPids(NsPids<'a>),
    /// A mapping that was made.
    Mapped(Mapped<'a>),
    /// The call writes to the recorder's own standard output (1) or standard error (2).
    Echo(u32),
    /// Registers and checksums of memory at the entry of a call.
    State(State<'a>),
    /// The file with the contents of the mapping in the part before.
    File(MappedFile<'a>),
    /// Where a path of a call leads.
    Path(ResolvedPath<'a>),
    /// A part of an unknown kind.
    Unknown {
        /// Its kind.
        kind: PartKind,
        /// Its flags.
        flags: u16,
        /// Its body.
        bytes: &'a [u8],
    },
}

/// The fields of a region before its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionHead {
    /// The argument of the call (0 to 5), or [`RegionHead::NO_ARGUMENT`].
    pub arg: u8,
    /// Whether it was captured before or after the call.
    pub dir: Direction,
    /// The number of pointers between the argument and it.
    pub role: Role,
    /// Its flags.
    pub flags: RegionFlags,
    /// The element it is, of an iovec or of argv.
    pub index: u32,
    /// Its address in the task.
    pub address: u64,
    /// The bytes that the call asked for, before any limit.
    pub asked: u64,
    /// The bytes that were captured.
    pub got: u64,
    /// 0, or the errno of a read that stopped early.
    pub errno: u32,
}

impl RegionHead {
    /// The value of `arg` when the region belongs to no argument.
    pub const NO_ARGUMENT: u8 = 255;
}

/// Captured memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region<'a> {
    /// The fields before the data.
    pub head: RegionHead,
    /// The bytes, or the blobs that hold them.
    pub data: RegionData<'a>,
}

/// The data of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionData<'a> {
    /// The bytes.
    Inline(&'a [u8]),
    /// The blobs that hold the bytes, in order.
    Blobs(Blobs<'a>),
}

/// A list of blob numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blobs<'a> {
    bytes: &'a [u8],
}

/// The open file of a descriptor, which cannot be derived later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// The descriptor, in the task of the event.
    pub fd: i32,
    /// `st_mode`.
    pub mode: u32,
    /// `st_dev`.
    pub dev: u64,
    /// `st_ino`.
    pub ino: u64,
    /// `st_rdev`.
    pub rdev: u64,
    /// The target of the link `/proc/PID/fd/N`. At most 65535 bytes.
    pub link: &'a [u8],
    /// The socket's own address, as a `sockaddr`. At most 65535 bytes.
    pub local: &'a [u8],
    /// The address of the socket's peer, as a `sockaddr`. At most 65535 bytes.
    pub peer: &'a [u8],
}

/// Something the recorder changed in a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Altered<'a> {
    /// What was changed.
    pub what: Altering,
    /// The argument or register, depending on `what`.
    pub arg: u16,
    /// The kernel's value.
    pub kernel: &'a [u8],
    /// The value that the task got instead.
    pub given: &'a [u8],
}

/// The tid of a task in each pid namespace, outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NsPids<'a> {
    bytes: &'a [u8],
}

/// The fields of a mapping before its blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedHead {
    /// Its first address.
    pub start: u64,
    /// Its length in bytes, a multiple of the page size.
    pub len: u64,
    /// `PROT_*`.
    pub prot: u32,
    /// Its flags.
    pub flags: MappedFlags,
    /// The device of the file, as `st_dev`.
    pub dev: u64,
    /// The inode of the file; 0 without one.
    pub ino: u64,
    /// The file offset of its beginning.
    pub offset: u64,
    /// The number of bytes from its beginning that the file has. Touching a page beyond the one
    /// with the last byte raises SIGBUS.
    pub filled: u64,
    /// The number of bytes of the first blob before its beginning.
    pub skip: u64,
}

/// A mapping that was made in the task's address space, with the contents of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapped<'a> {
    /// The fields before the data.
    pub head: MappedHead,
    /// The blobs that hold the file, starting `skip` bytes before the mapping.
    pub blobs: Blobs<'a>,
}

/// The file with the contents of a mapping, if they are not in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedFile<'a> {
    /// The BLAKE3 hash of the contents.
    pub hash: [u8; 32],
    /// The length of the contents in bytes, starting `skip` bytes before the mapping's file offset.
    pub len: u64,
    /// Its path.
    pub path: &'a [u8],
}

/// Where a path of a call leads, which cannot be derived later: symbolic links are not in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolvedPath<'a> {
    /// The argument with the path.
    pub arg: u8,
    /// Whether the link is that of the file. Otherwise it is that of the directory with the last
    /// component of the path.
    pub whole: bool,
    /// 0, or the errno for which the path could not be resolved.
    pub errno: u32,
    /// Its name as the kernel gives it in the links of /proc; empty if it could not be resolved.
    pub link: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Reads parts from the bytes that [`Parts::bytes`] has returned.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Parts { bytes }
    }

    /// Returns the bytes of the parts that are left, for copying.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn read(&mut self) -> Result<Part<'a>, Error> {
        let mut wire = Wire::new("part", self.bytes);
        let (kind, flags) = (PartKind(wire.u16()?), wire.u16()?);
        let len = wire.len32()?;
        let part = Part::decode(kind, flags, wire.take(len)?)?;
        self.bytes = wire.rest();
        Ok(part)
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Result<Part<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.bytes.is_empty() {
            return None;
        }
        let part = self.read();
        if part.is_err() {
            self.bytes = &[];
        }
        Some(part)
    }
}

impl<'a> Part<'a> {
    /// Decodes the body of a part.
    ///
    /// # Errors
    /// If the body is too short for its kind, or if the kind is unknown and must not be skipped.
    pub fn decode(kind: PartKind, flags: u16, body: &'a [u8]) -> Result<Self, Error> {
        Ok(match kind {
            PartKind::REGION => Part::Region(Region::decode(body)?),
            PartKind::SIGINFO => Part::Siginfo(body),
            PartKind::EVENT_MESSAGE => Part::EventMessage(Wire::new("event message", body).u64()?),
            PartKind::NAME => Part::Name(Name::decode(body)?),
            PartKind::REGISTERS => {
                let mut wire = Wire::new("registers", body);
                Part::Registers { regset: wire.u32()?, bytes: wire.rest() }
            }
            PartKind::ALTERED => Part::Altered(Altered::decode(body)?),
            PartKind::NS_PIDS if body.len().is_multiple_of(4) => {
                Part::NsPids(NsPids { bytes: body })
            }
            PartKind::NS_PIDS => return Err(Error::Malformed { what: "namespace pids", at: 0 }),
            PartKind::MAPPED => Part::Mapped(Mapped::decode(body)?),
            PartKind::ECHO => Part::Echo(Wire::new("echo", body).u32()?),
            PartKind::STATE => Part::State(State::decode(body)?),
            PartKind::FILE => Part::File(MappedFile::decode(body)?),
            PartKind::PATH => Part::Path(ResolvedPath::decode(body)?),
            PartKind(kind) if flags & PART_MUST_UNDERSTAND != 0 => {
                return Err(Error::MustUnderstand { what: "part", kind, offset: 0 });
            }
            _ => Part::Unknown { kind, flags, bytes: body },
        })
    }
}

impl<'a> Region<'a> {
    fn decode(body: &'a [u8]) -> Result<Self, Error> {
        let mut wire = Wire::new("region", body);
        let head = RegionHead {
            arg: wire.u8()?,
            dir: Direction(wire.u8()?),
            role: Role(wire.u8()?),
            flags: RegionFlags(wire.u8()?),
            index: wire.u32()?,
            address: wire.u64()?,
            asked: wire.u64()?,
            got: wire.u64()?,
            errno: wire.u32()?,
        };
        let data_len = wire.len32()?;
        let bytes = wire.take(data_len)?;
        let data = if head.flags.contains(RegionFlags::BLOBS) {
            if !bytes.len().is_multiple_of(8) {
                return Err(wire.malformed());
            }
            RegionData::Blobs(Blobs { bytes })
        } else {
            RegionData::Inline(bytes)
        };
        Ok(Region { head, data })
    }
}

impl<'a> Blobs<'a> {
    /// Returns the number of blobs.
    pub fn len(&self) -> usize {
        self.bytes.len() / 8
    }

    /// Whether there are no blobs.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the numbers, in the order of the data.
    pub fn iter(&self) -> impl Iterator<Item = BlobNumber> + 'a {
        let bytes = self.bytes;
        (0..bytes.len() / 8).filter_map(move |i| u64_at(bytes, i * 8)).map(BlobNumber)
    }
}

impl<'a> Mapped<'a> {
    fn decode(body: &'a [u8]) -> Result<Self, Error> {
        let mut wire = Wire::new("mapped", body);
        let head = MappedHead {
            start: wire.u64()?,
            len: wire.u64()?,
            prot: wire.u32()?,
            flags: MappedFlags(wire.u32()?),
            dev: wire.u64()?,
            ino: wire.u64()?,
            offset: wire.u64()?,
            filled: wire.u64()?,
            skip: wire.u64()?,
        };
        let bytes = wire.rest();
        if !bytes.len().is_multiple_of(8) {
            return Err(Error::Malformed { what: "mapped", at: 0 });
        }
        Ok(Mapped { head, blobs: Blobs { bytes } })
    }
}

impl<'a> MappedFile<'a> {
    fn decode(body: &'a [u8]) -> Result<Self, Error> {
        let mut wire = Wire::new("file", body);
        Ok(MappedFile { hash: wire.array()?, len: wire.u64()?, path: wire.rest() })
    }
}

impl<'a> ResolvedPath<'a> {
    fn decode(body: &'a [u8]) -> Result<Self, Error> {
        let mut wire = Wire::new("path", body);
        let (arg, flags) = (wire.u8()?, wire.u8()?);
        wire.u16()?;
        let errno = wire.u32()?;
        Ok(ResolvedPath { arg, whole: flags & 1 != 0, errno, link: wire.rest() })
    }
}

impl<'a> Name<'a> {
    fn decode(body: &'a [u8]) -> Result<Self, Error> {
        let mut wire = Wire::new("name", body);
        let (fd, mode) = (wire.i32()?, wire.u32()?);
        let (dev, ino, rdev) = (wire.u64()?, wire.u64()?, wire.u64()?);
        let (link, local, peer) = (wire.u16()?, wire.u16()?, wire.u16()?);
        wire.u16()?;
        let link = wire.take(usize::from(link))?;
        let local = wire.take(usize::from(local))?;
        let peer = wire.take(usize::from(peer))?;
        Ok(Name { fd, mode, dev, ino, rdev, link, local, peer })
    }
}

impl<'a> Altered<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, Error> {
        let mut wire = Wire::new("altered", body);
        let (what, arg) = (Altering(wire.u16()?), wire.u16()?);
        let kernel_len = wire.len32()?;
        let kernel = wire.take(kernel_len)?;
        Ok(Altered { what, arg, kernel, given: wire.rest() })
    }
}

impl<'a> NsPids<'a> {
    /// Returns the tids, outermost namespace first.
    pub fn iter(&self) -> impl Iterator<Item = u32> + 'a {
        self.bytes.chunks_exact(4).filter_map(|b| Some(u32::from_le_bytes(b.try_into().ok()?)))
    }
}
