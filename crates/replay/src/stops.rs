//! Replays stops: runs the task to where the recording has it, and writes the recorded memory and
//! registers.

use crate::address_space::{apply_op, map_recorded};
use crate::divergence::{Divergence, Field, hex};
use crate::engine::{Halt, Observer, Replay, failed, fault, lost};
use crate::reached::{Reached, signal_name};
use crate::task::Task;
use sysreel_abi::replay::AddressSpaceOp;
use sysreel_format::syscall_info::{self, MERGED, Op};
use sysreel_format::{Altered, Altering, Direction, Event, Mapped, MappedFile, Part, ReadAt, Stop};
use sysreel_sys::regs::NT_X86_XSTATE;
use sysreel_sys::stop::NT_PRSTATUS;
use sysreel_sys::{Registers, Signal, WaitStatus, signals};

/// The part of a siginfo that is the same in every run (siginfo_t: number, errno, code and
/// address), in bytes.
const SIGINFO_COMPARED: usize = 24;

/// How often a task may reach the instruction of a preemption in another state before the replay
/// gives up.
const MAX_VISITS: u32 = 1_000_000;

impl<S: ReadAt> Replay<'_, S> {
    pub(crate) fn replay_stop(
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
                // The task was killed during the stop.
                _ => return Ok(()),
            }
        }
        if let Some(registers) = preempted(stop) {
            return self.run_to_preemption(event, &registers);
        }
        if status.event().0 == 0 && signals::is_from_instruction(&siginfo(stop)) {
            self.compare_synchronous_signal(event, stop)?;
        }
        self.apply(event, stop)
    }

    /// Runs a task to where the recording preempted it while it waited for other tasks: the first
    /// time that it comes back to the recorded registers with the memory of its last visit. The
    /// replay goes the same way as the recording, so it enters the same loop.
    fn run_to_preemption(&mut self, event: &Event<'_>, registers: &Registers) -> Result<(), Halt> {
        self.with_task(event, |task| task.stop.break_at(Some(registers.ip())))?;
        let recorded = || format!("a task that waits in a loop at {:#x}", registers.ip());
        let mut before = None;
        for visit in 0.. {
            match self.run_to_stop(event)? {
                Reached::Signal(signals::SIGTRAP, _) if visit < MAX_VISITS => {}
                Reached::Signal(signals::SIGTRAP, _) => {
                    let actual =
                        format!("a task that passed it {MAX_VISITS} times in another state");
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
        self.with_task(event, |task| task.stop.break_at(None))
    }

    /// Runs a task to a signal that one of its own instructions causes, and compares the siginfo.
    fn compare_synchronous_signal(
        &mut self,
        event: &Event<'_>,
        stop: &Stop<'_>,
    ) -> Result<(), Halt> {
        let recorded = siginfo(stop);
        let name = Signal(WaitStatus(stop.wait_status.cast_signed()).stop_signal());
        let actual = match self.run_to_stop(event)? {
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
        self.compare_ip_and_sp(event, stop.info)
    }

    /// Writes what the stop recorded: registers, outgoing regions, altered values and mappings.
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
                    self.with_task(event, |task| task.stop.set_general(&registers))?;
                    if let Some(task) = self.tasks.get_mut(&event.task.0) {
                        task.restarts = false;
                    }
                }
                Part::Registers { regset: NT_X86_XSTATE, bytes } => {
                    self.with_task(event, |task| task.stop.set_extended(bytes))?;
                }
                Part::Region(region) if region.head.dir == Direction::OUT => {
                    let bytes = self.log.region_bytes(&region)?;
                    self.write(event, region.head.address, &bytes)?;
                }
                Part::Altered(altered) => self.apply_altered(event, &altered)?,
                Part::Mapped(mapped) => {
                    let file = match parts.peek() {
                        Some(Ok(Part::File(file))) => Some(*file),
                        _ => None,
                    };
                    self.apply_mapped(event, &mapped, file.as_ref())?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn apply_altered(&mut self, event: &Event<'_>, altered: &Altered<'_>) -> Result<(), Halt> {
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
                self.with_task(event, |task| {
                    let mut registers = task.stop.general()?;
                    registers.set_time_stamp(len, stamp, processor);
                    task.stop.set_general(&registers)
                })
            }
            // The affinity mask that the recorder showed to the program.
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

    fn apply_mapped(
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
        map_recorded(&self.tracer, task, &mut self.file_pool, self.log, mapped, file)
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

    /// Runs `operation` on the task of an event, if it is alive.
    pub(crate) fn with_task(
        &mut self,
        event: &Event<'_>,
        operation: impl FnOnce(&mut Task) -> sysreel_sys::Result<()>,
    ) -> Result<(), Halt> {
        let Some(task) = self.tasks.get_mut(&event.task.0) else { return Ok(()) };
        operation(task).map_err(|source| failed(event, source))
    }

    /// Compares the instruction and stack pointer, which the struct has for every kind of stop.
    fn compare_ip_and_sp(&mut self, event: &Event<'_>, recorded: &[u8]) -> Result<(), Halt> {
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

/// Returns the registers of a task that was preempted at this stop.
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

fn siginfo(stop: &Stop<'_>) -> Vec<u8> {
    let found = stop.parts.flatten().find_map(|part| match part {
        Part::Siginfo(bytes) => Some(bytes.to_vec()),
        _ => None,
    });
    found.unwrap_or_default()
}
