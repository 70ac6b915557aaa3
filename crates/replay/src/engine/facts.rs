//! What the parts of a stop say. Each kind of stop may have some kinds of parts only: a part that
//! nothing compares or repeats there would otherwise pass unnoticed.

use super::halt::{Halt, Replayed};
use super::target::Place;
use sysreel_format::{
    Altered, Altering, Direction, MAX_REGION, Part, Region, RegionData, RegionFlags, RegionHead,
    Stop,
};
use sysreel_sys::Registers;
use sysreel_sys::memory::EFAULT;
use sysreel_sys::regs::NT_X86_XSTATE;
use sysreel_sys::stop::NT_PRSTATUS;

/// The kind of a recorded stop, as far as it decides which parts there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Entry,
    Exit,
    Signal,
    Event,
    /// A group stop, or one at which the kernel could not be asked because the task was dying.
    Bare,
}

/// The parts of a stop that concern all of it, each at most once.
#[derive(Debug, Default)]
pub(crate) struct Facts<'a> {
    pub(crate) registers: Option<Registers>,
    pub(crate) siginfo: Option<&'a [u8]>,
    /// What PTRACE_GETEVENTMSG said.
    pub(crate) message: Option<u64>,
    /// The result that the program got instead of the kernel's.
    pub(crate) result: Option<i64>,
    /// The number of the vetoed call, and the errno that is its result.
    pub(crate) veto: Option<(u64, u32)>,
    /// The recorder stopped the task to let others run.
    pub(crate) is_preempted: bool,
    /// The recorder changed memory; regions hold what came of it.
    pub(crate) has_altered_memory: bool,
    /// The stream that the call writes to.
    pub(crate) echo: Option<u32>,
    pub(crate) time_stamp: Option<TimeStamp<'a>>,
    /// The first address of each mapping, and its length.
    pub(crate) mapped: Vec<(u64, u64)>,
    /// A mapped file has changed.
    pub(crate) changes_file: bool,
    /// How many regions of memory there are.
    pub(crate) regions: usize,
}

/// An instruction that reads the time-stamp counter, and its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeStamp<'a> {
    pub(crate) opcode: &'a [u8],
    pub(crate) stamp: u64,
    /// Of rdtscp alone.
    pub(crate) processor: Option<u32>,
}

impl<'a> Facts<'a> {
    /// Reads the parts of a stop.
    ///
    /// # Errors
    /// When a part is malformed, or does not belong to such a stop.
    pub(crate) fn read(place: Place<'_>, stop: &Stop<'a>, at: At) -> Replayed<Facts<'a>> {
        let mut facts = Facts::default();
        let mut after_mapped = false;
        for part in stop.parts {
            let part = part?;
            if matches!(part, Part::File(_)) && !after_mapped {
                return Err(place.bad("a file without the mapping that shows it"));
            }
            after_mapped = matches!(part, Part::Mapped(_));
            if !facts.note(&part, at).map_err(|why| place.bad(why))? {
                return Err(unexpected(place, &part, at));
            }
        }
        Ok(facts)
    }

    /// Whether there is a mapping at this address.
    pub(crate) fn is_mapped_at(&self, address: u64) -> bool {
        self.mapped.iter().any(|&(start, _)| start == address)
    }

    /// Notes a part. Returns whether such a stop may have it.
    fn note(&mut self, part: &Part<'a>, at: At) -> Result<bool, String> {
        Ok(match part {
            Part::Region(region) => {
                self.regions += 1;
                check_len(region)?;
                region_belongs(&region.head, at)?
            }
            Part::Siginfo(bytes) => at == At::Signal && self.siginfo.replace(bytes).is_none(),
            Part::Registers { regset: NT_PRSTATUS, bytes } => {
                let registers = Registers::from_bytes(bytes).ok_or_else(|| {
                    format!("{} bytes are not the general registers", bytes.len())
                })?;
                matches!(at, At::Exit | At::Signal | At::Event)
                    && self.registers.replace(registers).is_none()
            }
            Part::Registers { regset: NT_X86_XSTATE, .. } => matches!(at, At::Exit | At::Signal),
            Part::Registers { .. } => false,
            Part::Altered(altered) => self.note_altered(altered, at)?,
            Part::Mapped(mapped) => {
                match mapped.head.len {
                    0 => self.changes_file = true,
                    len => self.mapped.push((mapped.head.start, len)),
                }
                at == At::Exit
            }
            Part::File(_) => at == At::Exit,
            Part::Echo(to) => {
                at == At::Entry && matches!(to, 1 | 2) && self.echo.replace(*to).is_none()
            }
            Part::State(_) => at == At::Entry,
            Part::EventMessage(message) => {
                at == At::Event && self.message.replace(*message).is_none()
            }
            // Names of files, for readers: the program gets them through memory, which has parts of
            // its own.
            Part::Name(_) => matches!(at, At::Entry | At::Exit),
            Part::Path(_) => at == At::Exit,
            Part::NsPids(_) => false,
            // A part that must be understood is an error of the decoder (docs/format.md, "Parts of
            // an event"); one that may be skipped says nothing that a replay needs.
            Part::Unknown { .. } => true,
        })
    }

    fn note_altered(&mut self, altered: &Altered<'a>, at: At) -> Result<bool, String> {
        Ok(match altered.what {
            Altering::CALL_VETOED => {
                let (Some(nr), Some(errno)) = (word(altered.kernel), half_word(altered.given))
                else {
                    return Err("a veto without number and errno".to_owned());
                };
                at == At::Entry && self.veto.replace((nr, errno)).is_none()
            }
            Altering::RETURN_VALUE => {
                let given = word(altered.given).ok_or("an altered result without a value")?;
                at == At::Exit && self.result.replace(given.cast_signed()).is_none()
            }
            Altering::TIME_STAMP => {
                let stamp = TimeStamp::of(altered).ok_or("a malformed time stamp")?;
                at == At::Signal && self.time_stamp.replace(stamp).is_none()
            }
            Altering::PREEMPTED => {
                at == At::Signal && !std::mem::replace(&mut self.is_preempted, true)
            }
            // The kernel wrote elsewhere; the exit has what the program got.
            Altering::REGISTER => at == At::Entry,
            Altering::MEMORY => {
                self.has_altered_memory = true;
                at == At::Exit
            }
            // What a filter that lets all calls pass, and no_new_privs, do to the program is in the
            // results of its calls.
            Altering::AFFINITY | Altering::SECCOMP_FILTER | Altering::NO_NEW_PRIVS => {
                at == At::Exit
            }
            // The signal comes at another stop, which has its frame; here nothing reached the
            // program. At the exit of a call that waited for it, a region has its siginfo.
            Altering::SIGNAL_HELD => matches!(at, At::Signal | At::Exit),
            // The exit has the result.
            Altering::SECCOMP_ANSWER => at == At::Event,
            _ => false,
        })
    }
}

impl<'a> TimeStamp<'a> {
    fn of(altered: &Altered<'a>) -> Option<TimeStamp<'a>> {
        let (opcode, stamp) = (altered.kernel, word(altered.given)?);
        // rdtsc and rdtscp have two and three bytes (Intel SDM).
        let processor = match (opcode.len(), altered.given.len()) {
            (2, 8) => None,
            (3, 12) => Some(half_word(altered.given.get(8..)?)?),
            _ => return None,
        };
        Some(TimeStamp { opcode, stamp, processor })
    }
}

/// Checks the stated length of a region, before anything relies on it.
fn check_len(region: &Region<'_>) -> Result<(), String> {
    let RegionHead { address, got, flags, .. } = region.head;
    if got > MAX_REGION as u64 {
        return Err(format!(
            "a region at {address:#x} has {got} bytes, more than the most of {MAX_REGION}"
        ));
    }
    match region.data {
        RegionData::Inline(bytes)
            if bytes.len() as u64 != got && !flags.contains(RegionFlags::CUT) =>
        {
            let has = bytes.len();
            Err(format!("a region at {address:#x} has {got} bytes, and the log has {has} of them"))
        }
        _ => Ok(()),
    }
}

/// Whether a stop may have a region: memory that the call reads is captured at the entry, all other
/// memory at other stops.
fn region_belongs(head: &RegionHead, at: At) -> Result<bool, String> {
    if head.flags.contains(RegionFlags::CUT) {
        return Err(format!("the log has only part of the memory at {:#x}", head.address));
    }
    if !matches!(head.errno.cast_signed(), 0 | EFAULT) {
        let (address, errno) = (head.address, head.errno);
        return Err(format!("the memory at {address:#x} could not be recorded (errno {errno})"));
    }
    Ok(match head.dir {
        Direction::IN => at == At::Entry,
        Direction::OUT => !matches!(at, At::Entry | At::Bare),
        _ => false,
    })
}

fn unexpected(place: Place<'_>, part: &Part<'_>, at: At) -> Halt {
    let what = match part {
        Part::Region(region) => format!("a region (direction {})", region.head.dir.0),
        Part::Siginfo(_) => "a siginfo".to_owned(),
        Part::Registers { regset, .. } => format!("registers (set {regset:#x})"),
        Part::Altered(altered) => format!("an alteration (kind {})", altered.what.0),
        Part::Mapped(_) => "a mapping".to_owned(),
        Part::File(_) => "a file".to_owned(),
        Part::Echo(to) => format!("an output (stream {to})"),
        Part::State(_) => "the state of the task".to_owned(),
        Part::EventMessage(_) => "an event message".to_owned(),
        Part::Name(_) => "the name of a descriptor".to_owned(),
        Part::Path(_) => "the name of a file".to_owned(),
        Part::NsPids(_) => "ids of the task".to_owned(),
        Part::Unknown { kind, .. } => format!("a part of kind {}", kind.0),
    };
    let at = match at {
        At::Entry => "the entry of a call",
        At::Exit => "the exit of a call",
        At::Signal => "a signal",
        At::Event => "a ptrace event",
        At::Bare => "a stop of which nothing is replayed",
    };
    place.bad(format!("{what} twice, or where it does not belong: at {at}"))
}

fn word(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

fn half_word(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}
