//! The parts of an event: what was captured at a stop, one length-framed record each.

use crate::Error;
use crate::kind::{Altering, BlobNumber, Direction, MappedFlags, PartKind, RegionFlags, Role};
use crate::state::State;
use crate::wire::{Wire, u64_at};

/// The flag of a part that must not be skipped by a reader that does not know its kind.
pub(crate) const PART_MUST_UNDERSTAND: u16 = 1;

/// The parts of an event, in order. Ends after the first error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    bytes: &'a [u8],
}

/// One part of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Captured memory.
    Region(Region<'a>),
    /// A `siginfo_t` as the kernel gave it.
    Siginfo(&'a [u8]),
    /// The answer to `PTRACE_GETEVENTMSG`.
    EventMessage(u64),
    /// What a file descriptor stands for.
    Name(Name<'a>),
    /// A register set.
    Registers {
        /// The ELF note type (NT_PRSTATUS and its kin).
        regset: u32,
        /// The registers as the kernel gave them.
        bytes: &'a [u8],
    },
    /// Something the recorder changed.
    Altered(Altered<'a>),
    /// The tid in each pid namespace.
    NsPids(NsPids<'a>),
    /// What was mapped.
    Mapped(Mapped<'a>),
    /// The call writes to where the recorder's own output goes: to its standard output (1) or
    /// standard error (2).
    Echo(u32),
    /// What the task is at the entry of a call.
    State(State<'a>),
    /// Which file has the contents of the mapping in the part before it.
    File(MappedFile<'a>),
    /// A kind that this version does not know.
    Unknown {
        /// Its kind.
        kind: PartKind,
        /// Its flags.
        flags: u16,
        /// All of it.
        bytes: &'a [u8],
    },
}

/// What is said about a region beside its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionHead {
    /// Which argument of the call (0 to 5), or [`RegionHead::NO_ARGUMENT`].
    pub arg: u8,
    /// Whether it went in or came out.
    pub dir: Direction,
    /// How far from the argument it is.
    pub role: Role,
    /// Its properties.
    pub flags: RegionFlags,
    /// Which element it is, of an iovec or of argv.
    pub index: u32,
    /// Where it was in the task's memory.
    pub address: u64,
    /// How many bytes the call asked for, before any limit.
    pub asked: u64,
    /// How many bytes were captured.
    pub got: u64,
    /// 0, or why there are fewer bytes than wanted.
    pub errno: u32,
}

impl RegionHead {
    /// The value of `arg` when the region belongs to no argument.
    pub const NO_ARGUMENT: u8 = 255;
}

/// Captured memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region<'a> {
    /// What is said about it.
    pub head: RegionHead,
    /// Its bytes, or where they are.
    pub data: RegionData<'a>,
}

/// The data of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionData<'a> {
    /// The bytes themselves.
    Inline(&'a [u8]),
    /// The blobs that, put together, are the bytes.
    Blobs(Blobs<'a>),
}

/// A list of blob numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blobs<'a> {
    bytes: &'a [u8],
}

/// What a file descriptor stands for: the kernel resolved it, and it cannot be derived later.
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
    /// What `/proc/PID/fd/N` links to. At most 65535 bytes.
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
    /// Which argument or register, as `what` has it.
    pub arg: u16,
    /// What the kernel said or would have said.
    pub kernel: &'a [u8],
    /// What the task got instead.
    pub given: &'a [u8],
}

/// The tid of a task in each pid namespace, outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NsPids<'a> {
    bytes: &'a [u8],
}

/// What is said about a mapping beside its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedHead {
    /// Its first address.
    pub start: u64,
    /// Its length, a multiple of the page size.
    pub len: u64,
    /// `PROT_*`.
    pub prot: u32,
    /// Its properties.
    pub flags: MappedFlags,
    /// The device of the file, as `st_dev`.
    pub dev: u64,
    /// The inode of the file; 0 without one.
    pub ino: u64,
    /// Where in the file it begins.
    pub offset: u64,
    /// How many bytes from its beginning the file has; what lies behind the page of the last one
    /// cannot be touched (SIGBUS).
    pub filled: u64,
    /// How many bytes of the first blob come before its beginning.
    pub skip: u64,
}

/// What was mapped into the task's address space, with the contents of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapped<'a> {
    /// What is said about it.
    pub head: MappedHead,
    /// The blobs that hold the file from `skip` bytes before the mapping.
    pub blobs: Blobs<'a>,
}

/// The file that has what was mapped, when its contents are not in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedFile<'a> {
    /// The BLAKE3 hash of the contents.
    pub hash: [u8; 32],
    /// How many bytes they are, from `skip` bytes before where the mapping begins in the file.
    pub len: u64,
    /// Its path.
    pub path: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Parts { bytes }
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
    /// When the body is too short for its kind, or when an unknown kind must be understood.
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
    /// How many there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / 8
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The numbers, in the order of the bytes they stand for.
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
    /// The ids, outermost namespace first.
    pub fn iter(&self) -> impl Iterator<Item = u32> + 'a {
        self.bytes.chunks_exact(4).filter_map(|b| Some(u32::from_le_bytes(b.try_into().ok()?)))
    }
}
