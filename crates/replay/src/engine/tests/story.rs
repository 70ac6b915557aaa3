//! A log and the script of the kernel that belongs to it, written event by event. Both say the same
//! unless a test changes one of them.

use super::fake::{Fake, Fault, Next, State, registers};
use super::seen::Seen;
use crate::divergence::Field;
use crate::engine::{End, Engine, Halt};
use crate::error::Error;
use crate::file_pool::FilePool;
use crate::options::{Check, Options};
use std::time::Duration;
use sysreel_abi::number::number;
use sysreel_abi::{Abi, AuditArch};
use sysreel_format::syscall_info::{self, Call, Op, Outcome};
use sysreel_format::{
    Altered, Altering, BlobNumber, BlockWriter, Completeness, Data, Direction, EventBuf, EventKind,
    Extras, FileHeader, FileId, FileMeta, Gone, GoneHow, Layout, Limits, Log, MappedFlags,
    MappedHead, Origin, RegionFlags, RegionHead, Role, SEGMENT_SIZE, Segment, SourceId, StopHead,
    TaskHead, TaskId,
};
use sysreel_sys::stop::{NT_PRSTATUS, SIGINFO};
use sysreel_sys::{Signal, StopKind};

/// Where the program makes its calls.
pub(super) const IP: u64 = 0x40_1000;
pub(super) const SP: u64 = 0x7fff_0000;
/// Its memory, of two pages.
pub(super) const DATA: u64 = 0x60_0000;
/// The wait status of a syscall stop (PTRACE_O_TRACESYSGOOD), and the low byte of any stop.
pub(super) const SYSCALL_STOP: u32 = 0x857f;
const ENOSYS: i64 = -38;
pub(super) const X86_64: AuditArch = AuditArch::X86_64;

pub(super) type Parts<'a> = &'a dyn Fn(&mut EventBuf);
/// For a stop without parts.
pub(super) const NONE: Parts<'static> = &|_| {};

/// A log under construction, and the kernel under which it is replayed.
pub(super) struct Story {
    rows: Vec<Vec<u8>>,
    pub(super) blobs: Vec<Vec<u8>>,
    row: EventBuf,
    t_ns: u64,
    /// The time from one event to the next.
    pub(super) pace_ns: u64,
    pub(super) kernel: Fake,
    pub(super) check: Check,
    pub(super) until: Option<u64>,
    pub(super) patience: Option<Duration>,
    /// How much memory mapped files may take, in bytes.
    pub(super) room: u64,
    pub(super) extras: Extras,
    /// No summary: an unfinished recording.
    pub(super) unfinished: bool,
    /// A byte of the events is another.
    pub(super) damaged: bool,
    /// How many operations the beginning has made.
    skip: usize,
}

impl Story {
    /// An empty log.
    pub(super) fn empty() -> Story {
        Story {
            rows: Vec::new(),
            blobs: Vec::new(),
            row: EventBuf::new(),
            t_ns: 0,
            pace_ns: 1000,
            kernel: Fake::default(),
            check: Check::Every,
            until: None,
            patience: Some(Duration::from_secs(1)),
            room: 1 << 20,
            extras: Extras::default(),
            unfinished: false,
            damaged: false,
            skip: 0,
        }
    }

    /// A log that has begun: task 0 executes a program with two pages of memory.
    pub(super) fn new() -> Story {
        let mut story = Story::empty();
        story.task(0, Origin::SPAWNED, TaskId::NONE, 100);
        story.recorded_entry(0, "execve", [DATA, 0, 0, 0, 0, 0], NONE);
        story.ptrace_event(0, 4, NONE);
        story.recorded_exit(0, 0, &|row| {
            mapped(row, DATA, 0x2000, MappedFlags::default(), &[]);
            row.registers(NT_PRSTATUS, &registers(IP, SP, 0).to_bytes());
        });
        // spawn, become stub, mmap, registers.
        story.skip = 4;
        story
    }

    pub(super) fn event(&mut self, kind: EventKind, task: u32, write: Parts<'_>) {
        self.t_ns += self.pace_ns;
        self.row.begin(kind, SourceId::KERNEL, TaskId(task), self.t_ns);
        write(&mut self.row);
        self.rows.push(self.row.finish().to_vec());
    }

    pub(super) fn task(&mut self, id: u32, origin: Origin, parent: TaskId, tgid: u32) {
        let head = TaskHead { tid: 100 + id, tgid, parent, origin };
        self.event(EventKind::TASK, id, &|row| row.task_head(&head));
    }

    pub(super) fn gone(&mut self, task: u32, wait_status: u32, how: GoneHow) {
        let gone = Gone { wait_status, how, utime_ns: 0, stime_ns: 0, maxrss_kib: 0 };
        self.event(EventKind::GONE, task, &|row| row.gone(&gone));
    }

    /// A stop with what the kernel's struct says.
    pub(super) fn stop(&mut self, task: u32, wait_status: u32, info: &[u8], parts: Parts<'_>) {
        let answer = i32::try_from(info.len()).unwrap();
        self.stop_answered(task, wait_status, answer, info, parts);
    }

    pub(super) fn stop_answered(
        &mut self,
        task: u32,
        wait_status: u32,
        info_ret: i32,
        info: &[u8],
        parts: Parts<'_>,
    ) {
        let head = StopHead { wait_status, info_ret, layout: Layout::MERGED, info };
        self.event(EventKind::STOP, task, &|row| {
            row.stop_head(&head);
            parts(row);
        });
    }

    /// A stop whose struct is of no call. Its message is the tid of task 1, or of an execve's own.
    pub(super) fn ptrace_event(&mut self, task: u32, event: u32, parts: Parts<'_>) {
        let message = match event {
            1 | 2 | 3 | 5 => Some(101),
            4 => Some(100 + u64::from(task)),
            _ => None,
        };
        self.event_stop(task, event, &|row| {
            if let Some(message) = message {
                row.event_message(message);
            }
            parts(row);
        });
    }

    /// A stop of a ptrace event with these parts.
    pub(super) fn event_stop(&mut self, task: u32, event: u32, parts: Parts<'_>) {
        self.stop(task, event << 16 | 0x057f, &no_call(IP, SP), parts);
    }

    pub(super) fn signal(&mut self, task: u32, signal: u32, parts: Parts<'_>) {
        self.stop(task, signal << 8 | 0x7f, &no_call(IP, SP), parts);
    }

    pub(super) fn recorded_entry(
        &mut self,
        task: u32,
        name: &str,
        args: [u64; 6],
        parts: Parts<'_>,
    ) {
        self.stop(task, SYSCALL_STOP, &entry(name, args), parts);
    }

    pub(super) fn recorded_exit(&mut self, task: u32, rval: i64, parts: Parts<'_>) {
        self.stop(task, SYSCALL_STOP, &exit(rval), parts);
    }

    /// A call that the replay makes as the recording did.
    pub(super) fn call(
        &mut self,
        task: u32,
        name: &str,
        args: [u64; 6],
        rval: i64,
        at_entry: Parts<'_>,
        at_exit: Parts<'_>,
    ) {
        self.reaches(name, args);
        self.recorded_entry(task, name, args, at_entry);
        self.recorded_exit(task, rval, at_exit);
    }

    /// The replayed task stops at the entry of a call.
    pub(super) fn reaches(&mut self, name: &str, args: [u64; 6]) {
        let here = registers(IP, SP, ENOSYS.cast_unsigned());
        self.stops(StopKind::Syscall, entry(name, args), None, here);
    }

    /// The replayed task stops at a signal.
    pub(super) fn signalled(&mut self, signal: i32, siginfo: [u8; SIGINFO]) {
        let here = registers(IP, SP, 0);
        self.stops(StopKind::Signal(Signal(signal)), no_call(IP, SP), Some(siginfo), here);
    }

    pub(super) fn stops(
        &mut self,
        kind: StopKind,
        info: Vec<u8>,
        siginfo: Option<[u8; SIGINFO]>,
        registers: sysreel_sys::Registers,
    ) {
        self.then(Next::Stops(Box::new(State { kind, info, siginfo, registers })));
    }

    pub(super) fn then(&mut self, next: Next) {
        self.kernel.0.borrow_mut().script.push_back(next);
    }

    pub(super) fn fault(&mut self, operation: &'static str, fault: Fault) {
        self.kernel.0.borrow_mut().faults.insert(operation, fault);
    }

    pub(super) fn result(&mut self, of: &'static str, result: i64) {
        self.kernel.0.borrow_mut().results.push((of, result));
    }

    /// Writes the log.
    pub(super) fn log(&self) -> Log<Vec<u8>> {
        let header = FileHeader::new(FileId([7; 16]), Completeness::default());
        let meta = FileMeta::default();
        let mut writer = BlockWriter::create(Vec::new(), header, &meta).unwrap();
        let mut segment = Segment::open(vec![0; SEGMENT_SIZE / 16], &header.file_id, 1, 0, 0);
        for blob in &self.blobs {
            segment.append_blob(blob).unwrap();
        }
        for row in &self.rows {
            segment.append_event(row).unwrap();
        }
        segment.seal();
        writer.write_segment(&segment).unwrap();
        let end_of_events = writer.get_ref().len();
        let mut bytes = match self.unfinished {
            true => writer.get_ref().clone(),
            false => writer.finish(Completeness::default(), &self.extras).unwrap(),
        };
        if self.damaged {
            bytes[end_of_events - 20] ^= 1;
        }
        Log::open(bytes, Limits::default()).unwrap()
    }

    /// Replays the log. Returns what came of it, the operations after the beginning, and what the
    /// observer saw.
    pub(super) fn replay(&self) -> (Result<End, Halt>, Vec<String>, Seen) {
        let (log, mut seen) = (self.log(), Seen::default());
        let patience = self.patience;
        let options =
            Options { check: self.check, until: self.until, patience, ..Options::default() };
        let pool = FilePool::new(self.room).unwrap();
        let mut engine = Engine::new(&log, self.kernel.clone(), pool, &options);
        let end = engine.run(&mut seen);
        let done = self.kernel.0.borrow().done.iter().skip(self.skip).cloned().collect();
        engine.end();
        (end, done, seen)
    }

    /// The log is replayed without a difference, by these operations.
    #[track_caller]
    pub(super) fn does(&self, name: &str, operations: &[&str]) -> Seen {
        let (end, done, seen) = self.replay();
        assert!(end.is_ok(), "{name}: {end:?}");
        assert_eq!(done, operations, "{name}");
        assert!(self.kernel.0.borrow().script.is_empty(), "{name}: the script is not over");
        seen
    }

    /// The replay differs at the last event, in this field.
    #[track_caller]
    pub(super) fn differs(&self, name: &str, field: Field) {
        match self.replay().0 {
            Err(Halt::Diverged(found)) => {
                assert_eq!(found.field, field, "{name}: {found:?}");
                assert_eq!(found.event, self.rows.len() as u64 - 1, "{name}: {found:?}");
                assert_ne!(found.recorded, found.actual, "{name}: {found:?}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }

    /// The replay is refused at the last event; the message has this text.
    #[track_caller]
    pub(super) fn refused(&self, name: &str, text: &str) {
        match self.replay().0 {
            Err(Halt::Failed(error @ (Error::BadEvent { .. } | Error::System { .. }))) => {
                let message = error.to_string();
                let at = format!("event {}", self.rows.len() - 1);
                assert!(message.contains(&at) && message.contains(text), "{name}: {message}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }

    /// The log is refused as a whole; the message has this text.
    #[track_caller]
    pub(super) fn unfit(&self, name: &str, text: &str) {
        match self.replay().0 {
            Err(Halt::Failed(error)) => {
                let message = error.to_string();
                assert!(message.contains(text), "{name}: {message}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }

    pub(super) fn events(&self) -> u64 {
        self.rows.len() as u64
    }
}

/// The struct of an entry at the usual place.
pub(super) fn entry(name: &str, args: [u64; 6]) -> Vec<u8> {
    let nr = number(Abi::X86_64, name).unwrap();
    entry_of(nr, args, IP, SP)
}

pub(super) fn entry_of(nr: u64, args: [u64; 6], ip: u64, sp: u64) -> Vec<u8> {
    syscall_info::entry(X86_64.0, ip, sp, &Call { nr, args }).to_vec()
}

pub(super) fn exit(rval: i64) -> Vec<u8> {
    let is_error = u8::from((-4095..0).contains(&rval));
    syscall_info::exit(X86_64.0, IP, SP, Outcome { rval, is_error }).to_vec()
}

/// The struct of a stop that is not of a call.
pub(super) fn no_call(ip: u64, sp: u64) -> Vec<u8> {
    let mut info = vec![Op::NONE.0, 0, 0, 0];
    info.extend_from_slice(&X86_64.0.to_le_bytes());
    info.extend_from_slice(&ip.to_le_bytes());
    info.extend_from_slice(&sp.to_le_bytes());
    info
}

/// A siginfo_t.
pub(super) fn siginfo(signal: i32, code: i32, address: u64) -> [u8; SIGINFO] {
    let mut bytes = [0; SIGINFO];
    bytes[..4].copy_from_slice(&signal.to_le_bytes());
    bytes[8..12].copy_from_slice(&code.to_le_bytes());
    bytes[16..24].copy_from_slice(&address.to_le_bytes());
    bytes
}

/// Memory that the call reads.
pub(super) fn input(row: &mut EventBuf, arg: u8, address: u64, bytes: &[u8]) {
    row.region(&head(arg, Direction::IN, 0, address, bytes.len()), Data::Inline(bytes));
}

/// Memory that the kernel or the recorder wrote.
pub(super) fn output(row: &mut EventBuf, address: u64, bytes: &[u8]) {
    let head = head(RegionHead::NO_ARGUMENT, Direction::OUT, 0, address, bytes.len());
    row.region(&head, Data::Inline(bytes));
}

pub(super) fn head(arg: u8, dir: Direction, role: u8, address: u64, len: usize) -> RegionHead {
    RegionHead {
        arg,
        dir,
        role: Role(role),
        flags: RegionFlags::default(),
        index: 0,
        address,
        asked: len as u64,
        got: len as u64,
        errno: 0,
    }
}

pub(super) fn mapped(
    row: &mut EventBuf,
    start: u64,
    len: u64,
    flags: MappedFlags,
    blobs: &[BlobNumber],
) {
    let head = mapped_head(start, len, flags);
    row.mapped(&head, blobs);
}

pub(super) fn mapped_head(start: u64, len: u64, flags: MappedFlags) -> MappedHead {
    MappedHead { start, len, prot: 3, flags, dev: 1, ino: 2, offset: 0, filled: 0, skip: 0 }
}

pub(super) fn altered(row: &mut EventBuf, what: Altering, kernel: &[u8], given: &[u8]) {
    row.altered(&Altered { what, arg: 0, kernel, given });
}
