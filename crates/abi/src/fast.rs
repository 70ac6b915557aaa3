//! Which memory code inside the process must copy, so that the plan of a call can be made later.
//!
//! A row is compiled to a [`Program`], a few descriptors that take no more than arguments and
//! result. Code that interprets it runs after the call, and must not fault: memory that the kernel
//! has written is there, and so is memory that the kernel is known to have read
//! ([`Copied::proof`]). What was copied is then a memory like any other for the [plan](crate::plan)
//! of the call, which decides on the regions.
//!
//! A row that cannot be expressed so has no program.

use crate::arch::{Abi, AuditArch};
use crate::clone::CloneFlags;
use crate::consts::unpackaged::SHM_REMAP;
use crate::desc::{CallKind, Dir, Len, Makes, Mem, Row, When};
use crate::fds::makes_fd;
use crate::number::{self, calls};
use crate::replay::{AddressSpaceOp, address_space_op, time_stamps};
use crate::seccomp::installs_seccomp;
use linux_raw_sys::{errno as e, general as g, prctl};

/// The most copies of a program.
pub const COPIES: usize = 3;

/// The longest string that is copied: no path that the kernel accepts is longer (PATH_MAX).
pub const LONGEST_STRING: u64 = 4096;

/// Errors that a call with a path returns only after it has read the path.
pub const AFTER_PATH: [u32; 8] =
    [e::ENOENT, e::EACCES, e::EEXIST, e::ENOTDIR, e::EISDIR, e::EROFS, e::ELOOP, e::ENXIO];

/// How a call is recorded without a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// The argument that says how many bytes the call moves. With a large value the call must stop.
    pub size: Option<u8>,
    /// The commands with which the call can be recorded so, if an argument is one.
    pub commands: Option<Commands>,
    /// Whether a successful call returns a new descriptor, whose name must be taken.
    pub makes_descriptor: bool,
    /// What to copy.
    pub copies: [Option<Copied>; COPIES],
}

/// The commands of a call that need no copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commands {
    /// The argument with the command.
    pub arg: u8,
    /// A bit for each command from 0 to 63.
    pub low: u64,
    /// A bit for each command from [`Commands::HIGH`] on.
    pub high: u64,
}

impl Commands {
    /// The first command of the second word.
    pub const HIGH: u64 = 1024;

    /// Whether the command is one of them.
    #[must_use]
    pub fn contains(&self, command: u64) -> bool {
        let bit = |word: u64, at: u64| at < 64 && word >> at & 1 != 0;
        bit(self.low, command)
            || command.checked_sub(Self::HIGH).is_some_and(|at| bit(self.high, at))
    }
}

/// Memory to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// A string that the kernel reads.
    String {
        /// The argument that points to it.
        arg: u8,
    },
    /// Bytes that the kernel reads, as many as another argument says.
    Input {
        /// The argument that points to them.
        arg: u8,
        /// The argument with their number.
        count: u8,
    },
    /// A structure that the kernel writes on success.
    Fixed {
        /// The argument that points to it.
        arg: u8,
        /// Its size in bytes.
        len: u16,
    },
    /// Bytes that the kernel writes on success, as many as the result says.
    Output {
        /// The argument that points to them.
        arg: u8,
        /// The argument with the most.
        most: u8,
    },
}

/// What the result of a call says of memory that the kernel was to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It was read, so it is there.
    Read,
    /// It is not known whether it is there: a tracer must look.
    Unknown,
}

impl Copied {
    /// What the result says of the memory. Memory that the kernel writes is only looked at on
    /// success.
    #[must_use]
    pub fn proof(self, args: &[u64; 6], rval: i64) -> Proof {
        let failed = (-4095..0).contains(&rval);
        let known = match self {
            Copied::String { .. } => {
                !failed || AFTER_PATH.iter().any(|&errno| i64::from(errno) == -rval)
            }
            Copied::Input { count, .. } => {
                !failed && args.get(usize::from(count)).copied() == u64::try_from(rval).ok()
            }
            Copied::Fixed { .. } | Copied::Output { .. } => true,
        };
        if known { Proof::Read } else { Proof::Unknown }
    }
}

/// Returns the programs of all calls of x86-64 that have one, with their numbers.
pub fn programs() -> impl Iterator<Item = (u64, Program)> {
    calls(Abi::X86_64).filter_map(|(nr, _, row)| Some((nr, program(row?)?)))
}

/// Returns the row of a call of x86-64 that has a program.
#[must_use]
pub fn row_of(nr: u64) -> Option<&'static Row> {
    number::row(AuditArch::X86_64, nr).filter(|row| row.fast)
}

/// Compiles a row.
fn program(row: &Row) -> Option<Program> {
    if !row.fast {
        return None;
    }
    let mut program = Program {
        size: None,
        commands: None,
        makes_descriptor: row.makes == Makes::Ret,
        copies: [None; COPIES],
    };
    let mut places = program.copies.iter_mut();
    for (arg, mem) in (0..).zip(row.args).filter_map(|(i, arg)| Some((i, arg.mem?))) {
        if mem.special().is_some() {
            program.commands = Some(commands(row, arg)?);
            continue;
        }
        let (copied, size) = copied(row, arg, mem)?;
        *places.next()? = Some(copied);
        if size.is_some() && program.size.is_some() {
            return None;
        }
        program.size = program.size.or(size);
    }
    if !matches!(row.makes, Makes::None | Makes::Ret) && program.commands.is_none() {
        return None;
    }
    Some(program)
}

/// Compiles the memory of an argument. Returns the argument with its length besides.
fn copied(row: &Row, arg: u8, mem: Mem) -> Option<(Copied, Option<u8>)> {
    let fixed = |len: u32| Some((Copied::Fixed { arg, len: u16::try_from(len).ok()? }, None));
    let byte = |each: crate::Layout| each.size(Abi::X86_64) == 1;
    match (mem.dir, mem.len, mem.when) {
        (Dir::In, Len::CStr, _) => Some((Copied::String { arg }, None)),
        // The result shows how much the kernel has read.
        (Dir::In, Len::Arg { count, each }, _) if byte(each) && row.kind == CallKind::Write => {
            Some((Copied::Input { arg, count: count.index }, Some(count.index)))
        }
        (Dir::Out, Len::Fixed(layout), When::Success) => fixed(layout.size(Abi::X86_64)),
        (Dir::Out, Len::Bytes(n), When::Success) => fixed(n),
        (Dir::Out, Len::Ret { each, cap: Some(cap) }, When::Success) if byte(each) => {
            Some((Copied::Output { arg, most: cap.index }, Some(cap.index)))
        }
        _ => None,
    }
}

/// Compiles an argument that depends on a command: which commands need no memory and return no
/// descriptor. `None` if the command is not the argument before.
fn commands(row: &Row, arg: u8) -> Option<Commands> {
    let at = arg.checked_sub(1).filter(|_| row.kind == CallKind::Fcntl)?;
    let needs_nothing = |command: u64| {
        let mut args = [0; 6];
        *args.get_mut(usize::from(at))? = command;
        let (_, mem) = row.meaning(Abi::X86_64, &args, arg.into())?;
        let makes = makes_fd(Abi::X86_64, row, &args, 0, false, |_, _, _| None);
        Some(mem.is_none() && makes.as_slice().is_empty())
    };
    let word = |first: u64| {
        (0..64)
            .filter(|bit| needs_nothing(first + bit) == Some(true))
            .fold(0, |word, bit| word | 1 << bit)
    };
    Some(Commands { arg: at, low: word(0), high: word(Commands::HIGH) })
}

/// What a call does to a process that is recorded from inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that matters.
    None,
    /// It may change code or mappings in these ranges: their starts and lengths.
    Touches([(u64, u64); 2]),
    /// Its tasks must be traced from now on, for this reason.
    Ends(&'static str),
    /// It changes the base of a segment that belongs to the recorder there.
    TakesSegment,
    /// Names of files mean something else afterwards.
    MovesRoot,
}

/// Returns what a call that begins does to a process that is recorded from inside.
#[must_use]
pub fn effect(abi: Abi, row: &Row, args: &[u64; 6], clone: Option<CloneFlags>) -> Effect {
    let values = abi.args(args);
    let touches = |start, len| Effect::Touches([(start, len), (0, 0)]);
    match address_space_op(abi, row, args, None) {
        Some(AddressSpaceOp::Map { len, .. }) => return touches(values[0], len),
        Some(
            AddressSpaceOp::Unmap { start, len }
            | AddressSpaceOp::Protect { start, len, .. }
            | AddressSpaceOp::Advise { start, len, .. },
        ) => return touches(start, len),
        Some(AddressSpaceOp::Remap { start, old_len, new_len, .. }) => {
            let is_fixed = values[3] & u64::from(g::MREMAP_FIXED) != 0;
            let new = if is_fixed { (values[4], new_len) } else { (0, 0) };
            return Effect::Touches([(start, old_len), new]);
        }
        Some(AddressSpaceOp::Base { fs: false, .. }) => return Effect::TakesSegment,
        Some(AddressSpaceOp::Break | AddressSpaceOp::Base { .. }) | None => {}
        // The length is that of the segment.
        Some(_) if row.arg("shmaddr").is_some() && values[2] & SHM_REMAP != 0 => {
            return touches(values[1], u64::MAX - values[1]);
        }
        // The kernel chooses an address that is free, or takes none that is not.
        Some(_) => return Effect::None,
    }
    if row.kind == CallKind::Prctl
        && values[0] & 0xffff_ffff == u64::from(prctl::PR_SET_SYSCALL_USER_DISPATCH)
    {
        return Effect::Ends("the program dispatches its own system calls");
    }
    if time_stamps(abi, row, args).is_some() {
        return Effect::Ends("the program sets whether it can read the time-stamp counter");
    }
    if installs_seccomp(abi, row, args) {
        return Effect::Ends("the program installs a seccomp filter");
    }
    let moves = matches!(row.kind, CallKind::Chroot | CallKind::Namespace)
        || clone.is_some_and(CloneFlags::new_mounts);
    if moves { Effect::MovesRoot } else { Effect::None }
}
