//! The stops of the log: what the task must come to, and what it finds there.

use crate::address_space::{apply_op, map};
use crate::divergence::{Divergence, Field};
use crate::engine::{Halt, LONGER, Observer, Replay, failed, fault, lost};
use crate::task::Task;
use std::time::Duration;
use sysreel_abi::replay::AddressSpaceOp;
use sysreel_format::syscall_info::{self, MERGED, Op};
use sysreel_format::{Altered, Altering, Direction, Event, Mapped, MappedFile, Part, ReadAt, Stop};
use sysreel_sys::regs::NT_X86_XSTATE;
use sysreel_sys::stop::NT_PRSTATUS;
use sysreel_sys::{Lost, Registers, Resume, Signal, StopKind, Tid, WaitStatus, process, signals};

/// What a signal says of itself, as far as it is the same in every run (siginfo_t: number, errno,
/// code, and the address).
const SIGINFO_COMPARED: usize = 24;

/// How often a task may come to a place before it is believed that it will never be in the recorded
/// state there.
const MOST_VISITS: u32 = 1_000_000;

impl<S: ReadAt> Replay<'_, S> {
    pub(crate) fn stop(
        &mut self,
        event: &Event<'_>,
        stop: &Stop<'_>,
        observer: &mut dyn Observer,
    ) -> Result<(), Halt> {
        let Some(task) = self.tasks.get(&event.task.0) else { return Ok(()) };
        let status = WaitStatus(stop.wait_status.cast_signed());
        if !task.has_image && !status.is_syscall_stop() {
            return Ok(());
        }
        if status.is_syscall_stop() {
            match syscall_info::op(stop.info) {
                Some(Op::ENTRY) => return self.entry(event, stop),
                Some(Op::EXIT) => return self.exit(event, stop, observer),
                // It was killed in that moment.
                _ => return Ok(()),
            }
        }
        if let Some(registers) = preempted(stop) {
            return self.come_to_moment(event, &registers);
        }
        if status.event().0 == 0 && signals::is_from_instruction(&siginfo(stop)) {
            self.native_signal(event, stop)?;
        }
        self.apply(event, stop)
    }

    /// Lets a task run to where it stops by itself. Signals from outside are nobody's.
    pub(crate) fn run_on(&mut self, event: &Event<'_>) -> Result<Reached, Halt> {
        let Some(task) = self.tasks.get_mut(&event.task.0) else {
            return Ok(Reached::End(WaitStatus(0)));
        };
        let recorded = Duration::from_nanos(event.t_ns.saturating_sub(task.since_ns));
        let mut patience = Patience::of(task.tid, self.options.patience.max(recorded * LONGER));
        loop {
            let wait_on = || patience.lasts();
            match self.tracer.go_on_while(&mut task.stop, Resume::Emulating, Signal::NONE, wait_on)
            {
                Ok(()) => {}
                Err(Lost::Gone(status)) => {
                    self.tasks.remove(&event.task.0);
                    return Ok(Reached::End(status));
                }
                Err(gone) => return Err(lost(event, gone)),
            }
            match task.stop.kind() {
                StopKind::Syscall => {
                    if task.stop.syscall_info(&mut self.info).is_err() {
                        continue; // It died: the next wait tells.
                    }
                    // An exit is that of a call which was made for this replay.
                    if self.info.op() == Some(Op::ENTRY) {
                        return Ok(Reached::Call);
                    }
                }
                StopKind::Signal(signal) => {
                    let siginfo = task.stop.siginfo().ok().flatten();
                    if let Some(siginfo) =
                        siginfo.filter(|bytes| signals::is_from_instruction(bytes))
                    {
                        _ = task.stop.syscall_info(&mut self.info);
                        return Ok(Reached::Signal(signal, siginfo.to_vec()));
                    }
                }
                StopKind::Event(_) if patience.is_over => {
                    return Ok(Reached::Nothing(patience.most));
                }
                StopKind::Event(_) | StopKind::Group(_) => {}
            }
        }
    }

    /// The program must come to where it was stopped while it did nothing but wait: to these
    /// registers, and back to them with the same memory. It goes the way of the recording, so it
    /// ends in the circle of the recording.
    fn come_to_moment(&mut self, event: &Event<'_>, registers: &Registers) -> Result<(), Halt> {
        self.task(event, |task| task.stop.break_at(Some(registers.ip())))?;
        let recorded = || format!("a task that waits at {:#x} without a call", registers.ip());
        let mut before = None;
        for visit in 0.. {
            match self.run_on(event)? {
                Reached::Signal(signals::SIGTRAP, _) if visit < MOST_VISITS => {}
                Reached::Signal(signals::SIGTRAP, _) => {
                    let actual =
                        format!("one that has come there {MOST_VISITS} times in another state");
                    return Err(self.diverged(event, Field::Stop, recorded(), actual));
                }
                other => {
                    return Err(self.diverged(
                        event,
                        Field::Stop,
                        recorded(),
                        other.describe(&self.info),
                    ));
                }
            }
            let Some(task) = self.tasks.get(&event.task.0) else { return Ok(()) };
            let here = task.stop.general().map_err(|source| failed(event, source))?;
            let now = here.same_user_state(registers).then(|| task.memory.hash()).flatten();
            if now.is_some() && now == before {
                break;
            }
            before = now;
        }
        self.task(event, |task| task.stop.break_at(None))
    }

    /// The program must fault as it did.
    fn native_signal(&mut self, event: &Event<'_>, stop: &Stop<'_>) -> Result<(), Halt> {
        let recorded = siginfo(stop);
        let name = Signal(WaitStatus(stop.wait_status.cast_signed()).stop_signal());
        let actual = match self.run_on(event)? {
            Reached::Signal(_, actual) => actual,
            other => {
                return Err(self.diverged(
                    event,
                    Field::Stop,
                    signal_name(name),
                    other.describe(&self.info),
                ));
            }
        };
        let compared = |bytes: &[u8]| bytes.get(..SIGINFO_COMPARED).map(<[u8]>::to_vec);
        if compared(&recorded) != compared(&actual) {
            return Err(self.diverged(event, Field::SignalInfo, hex(&recorded), hex(&actual)));
        }
        self.compare_places(event, stop.info)
    }

    /// Everything that the log says the task's memory and registers became at a stop.
    pub(crate) fn apply(&mut self, event: &Event<'_>, stop: &Stop<'_>) -> Result<(), Halt> {
        let mut parts = stop.parts.peekable();
        while let Some(part) = parts.next() {
            match part? {
                Part::Registers { regset: NT_PRSTATUS, bytes } => {
                    let registers =
                        Registers::from_bytes(bytes).ok_or(sysreel_format::Error::Malformed {
                            what: "registers",
                            at: event.number,
                        })?;
                    self.task(event, |task| task.stop.set_general(&registers))?;
                    if let Some(task) = self.tasks.get_mut(&event.task.0) {
                        task.restarts = false;
                    }
                }
                Part::Registers { regset: NT_X86_XSTATE, bytes } => {
                    self.task(event, |task| task.stop.set_extended(bytes))?;
                }
                Part::Region(region) if region.head.dir == Direction::OUT => {
                    let bytes = self.log.region_bytes(&region)?;
                    self.write(event, region.head.address, &bytes)?;
                }
                Part::Altered(altered) => self.altered(event, &altered)?,
                Part::Mapped(mapped) => {
                    let file = match parts.peek() {
                        Some(Ok(Part::File(file))) => Some(*file),
                        _ => None,
                    };
                    self.mapped(event, &mapped, file.as_ref())?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn altered(&mut self, event: &Event<'_>, altered: &Altered<'_>) -> Result<(), Halt> {
        match altered.what {
            Altering::TIME_STAMP => {
                let word =
                    |at: usize| altered.given.get(at..).and_then(|bytes| bytes.first_chunk());
                let malformed =
                    sysreel_format::Error::Malformed { what: "time stamp", at: event.number };
                let stamp = altered
                    .given
                    .first_chunk()
                    .map(|bytes| u64::from_le_bytes(*bytes))
                    .ok_or(malformed)?;
                let processor = word(8).map(|bytes| u32::from_le_bytes(*bytes));
                let len = altered.kernel.len() as u64;
                self.task(event, |task| {
                    let mut registers = task.stop.general()?;
                    registers.set_time_stamp(len, stamp, processor);
                    task.stop.set_general(&registers)
                })
            }
            // The mask that the program was shown.
            Altering::AFFINITY => {
                let address =
                    self.tasks.get(&event.task.0).and_then(|task| task.call.as_ref()).and_then(
                        |call| call.abi.args(&call.args).get(usize::from(altered.arg)).copied(),
                    );
                match address {
                    Some(address) => self.write(event, address, altered.given),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn mapped(
        &mut self,
        event: &Event<'_>,
        mapped: &Mapped<'_>,
        file: Option<&MappedFile<'_>>,
    ) -> Result<(), Halt> {
        let Some(task) = self.tasks.get_mut(&event.task.0) else { return Ok(()) };
        if task.call.as_ref().is_some_and(|call| {
            matches!(call.address_space_op, Some(AddressSpaceOp::Attach { .. }))
        }) {
            self.address_spaces[task.space].segments.insert(mapped.head.start, mapped.head.len);
        }
        map(&self.tracer, task, &mut self.file_pool, self.log, mapped, file)
            .map_err(|f| fault(event, f))
    }

    pub(crate) fn apply_op(&mut self, event: &Event<'_>, result: u64) -> Result<(), Halt> {
        let Some(task) = self.tasks.get_mut(&event.task.0) else { return Ok(()) };
        let Some(op) = task.call.as_ref().and_then(|call| call.address_space_op) else {
            return Ok(());
        };
        let space = &mut self.address_spaces[task.space];
        apply_op(&self.tracer, task, space, &mut self.file_pool, op, result)
            .map_err(|gone| lost(event, gone))
    }

    pub(crate) fn write(
        &mut self,
        event: &Event<'_>,
        address: u64,
        bytes: &[u8],
    ) -> Result<(), Halt> {
        let Some(task) = self.tasks.get_mut(&event.task.0) else { return Ok(()) };
        task.memory.write(address, bytes).map_err(|source| {
            let what = format!("write of {} bytes to {address:#x}", bytes.len());
            failed(event, sysreel_sys::Error::Call { what, tid: Some(task.tid), source })
        })
    }

    /// Does something to the task of an event.
    pub(crate) fn task(
        &mut self,
        event: &Event<'_>,
        act: impl FnOnce(&mut Task) -> sysreel_sys::Result<()>,
    ) -> Result<(), Halt> {
        let Some(task) = self.tasks.get_mut(&event.task.0) else { return Ok(()) };
        act(task).map_err(|source| failed(event, source))
    }

    /// Instruction and stack pointer, which stand in every struct.
    fn compare_places(&mut self, event: &Event<'_>, recorded: &[u8]) -> Result<(), Halt> {
        let (recorded, actual) = (MERGED.decode(recorded), MERGED.decode(self.info.bytes()));
        for (recorded, actual, field) in [
            (recorded.ip, actual.ip, Field::InstructionPointer),
            (recorded.sp, actual.sp, Field::StackPointer),
        ] {
            if let (Some(recorded), Some(actual)) = (recorded, actual)
                && recorded != actual
            {
                return Err(self.diverged(
                    event,
                    field,
                    format!("{recorded:#x}"),
                    format!("{actual:#x}"),
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn diverged(
        &self,
        event: &Event<'_>,
        field: Field,
        recorded: String,
        actual: String,
    ) -> Halt {
        let task = self.tasks.get(&event.task.0);
        Halt::Diverged(Box::new(Divergence {
            event: event.number,
            task: event.task.0,
            field,
            recorded,
            actual,
            ip: task
                .and_then(|task| task.stop.general().ok())
                .map_or(0, |registers| registers.ip()),
            backtrace: Vec::new(),
            likely: Divergence::likely(field),
        }))
    }
}

/// Where a task came to by itself.
#[derive(Debug)]
pub(crate) enum Reached {
    /// The entry of a call.
    Call,
    /// A signal that one of its instructions has caused.
    Signal(Signal, Vec<u8>),
    /// Its end, which was not to come.
    End(WaitStatus),
    /// It has computed for so long and made no call.
    Nothing(Duration),
}

/// How long a task may compute. Its CPU time counts, so a machine that is busy with others does it
/// no harm.
struct Patience {
    tid: Tid,
    most: Duration,
    /// Its CPU time when it was first looked at.
    begun: Option<Duration>,
    is_over: bool,
}

impl Patience {
    fn of(tid: Tid, most: Duration) -> Patience {
        Patience { tid, most, begun: None, is_over: false }
    }

    /// Looks at the task, which runs.
    fn lasts(&mut self) -> bool {
        let (user, system) = process::cpu_time(self.tid);
        let now = Duration::from_nanos(user.saturating_add(system));
        let begun = *self.begun.get_or_insert(now);
        self.is_over = now.saturating_sub(begun) >= self.most;
        !self.is_over
    }
}

impl Reached {
    pub(crate) fn describe(&self, info: &sysreel_sys::SyscallInfo) -> String {
        match self {
            Reached::Call => crate::calls::describe_entry(info.bytes()),
            Reached::Signal(signal, _) => signal_name(*signal),
            Reached::End(status) => format!("the end of the task (wait status {:#x})", status.0),
            Reached::Nothing(time) => format!("no call, although it has computed for {time:?}"),
        }
    }
}

/// The registers of a task that was stopped to let others go on.
fn preempted(stop: &Stop<'_>) -> Option<Registers> {
    let is_so = |part: &Part<'_>| {
        matches!(part,
        Part::Altered(altered) if altered.what == Altering::PREEMPTED)
    };
    stop.parts.flatten().find(is_so)?;
    stop.parts.flatten().find_map(|part| match part {
        Part::Registers { regset: NT_PRSTATUS, bytes } => Registers::from_bytes(bytes),
        _ => None,
    })
}

fn signal_name(signal: Signal) -> String {
    sysreel_abi::signal_name(signal.0)
        .map_or_else(|| format!("signal {}", signal.0), |name| name.to_string())
}

fn siginfo(stop: &Stop<'_>) -> Vec<u8> {
    let found = stop.parts.flatten().find_map(|part| match part {
        Part::Siginfo(bytes) => Some(bytes.to_vec()),
        _ => None,
    });
    found.unwrap_or_default()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const SHOWN: usize = 32;
    let shown: Vec<String> = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > SHOWN { " ..." } else { "" };
    format!("{}{more}", shown.join(" "))
}
