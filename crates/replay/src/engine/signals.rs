//! Replays signals: those that an instruction of the task causes come again, of all others the log
//! has what they did.

use super::facts::{At, Facts, TimeStamp};
use super::halt::Replayed;
use super::parts;
use super::places::{self, MAX_VISITS, compare_boundary, set_breakpoint};
use super::run::{Reached, signal_name};
use super::step::Step;
use super::task::Lack;
use crate::divergence::{Field, hex};
use crate::kernel::{Kernel, Tracee};
use sysreel_format::syscall_info::MERGED;
use sysreel_format::{ReadAt, Stop};
use sysreel_sys::{Registers, Signal, signals};

/// The part of a siginfo that is the same in every run (siginfo_t: number, errno, code and
/// address), in bytes.
const SIGINFO_COMPARED: usize = 24;

/// How often its memory is hashed meanwhile. That may be slow, and is no CPU time of the task.
const MAX_HASHES: u32 = 100_000;

/// Replays a signal-delivery-stop.
pub(crate) fn signal<K: Kernel, S: ReadAt>(
    step: &mut Step<'_, K, S>,
    stop: &Stop<'_>,
    signal: Signal,
) -> Replayed {
    let facts = Facts::read(step.place(), stop, At::Signal)?;
    if facts.is_preempted {
        return match facts.registers {
            Some(registers) if facts.regions == 0 => {
                let place = (Some(registers.ip()), Some(registers.sp()));
                places::compare(step, places::recorded(stop), place)?;
                run_to_preemption(step, &registers)
            }
            _ => Err(step.bad("a preemption without registers, or with memory")),
        };
    }
    let Some(siginfo) = facts.siginfo else {
        if facts.registers.is_some() || facts.regions > 0 || facts.time_stamp.is_some() {
            return Err(step.bad("a signal without siginfo"));
        }
        // The recorder could not read it: the task was being killed.
        step.task.lacks = Some(Lack::Answer);
        return Ok(());
    };
    let synchronous = signals::is_from_instruction(siginfo);
    let may_be_forced = std::mem::take(&mut step.task.may_be_forced);
    if synchronous && may_be_forced && is_forced(step, stop, siginfo) {
        // The kernel has forced it on the task, which has executed nothing since.
    } else if synchronous {
        compare_synchronous(step, stop, signal, siginfo)?;
    }
    step.task.may_be_forced = facts.registers.is_none() && facts.time_stamp.is_none();
    match (facts.time_stamp, facts.registers) {
        (Some(stamp), None) if synchronous && signal == signals::SIGSEGV => {
            read_time_stamp(step, stamp)?;
        }
        (Some(_), _) => return Err(step.bad("a time stamp at another signal than its SIGSEGV")),
        // A handler begins, at the place of the last stop. A new task has its place from here.
        (None, Some(_)) if !synchronous && step.task.lacks.is_none() => {
            compare_boundary(step, stop)?;
        }
        // A signal without a handler did nothing to the program, or ended it. It comes from
        // outside, at any time.
        (None, None) if !synchronous && step.task.lacks.is_none() => {
            places::run_to(step, stop)?;
        }
        (None, _) => {}
    }
    parts::repeat(step, stop)
}

/// Whether the kernel has forced a SIGSEGV on the task: it could not write the frame for the
/// handler of the signal before (kernel/signal.c, `signal_setup_done`), or an execve failed when
/// the old program was gone already (fs/exec.c, `point_of_no_return`). An instruction that raises
/// one at the same place has done nothing else, so it may be taken for such a signal too.
fn is_forced<K: Kernel, S>(step: &Step<'_, K, S>, stop: &Stop<'_>, siginfo: &[u8]) -> bool {
    signals::is_from_kernel(siginfo)
        && step.task.restart.is_none()
        && compare_boundary(step, stop).is_ok()
}

/// Runs a task to where the recording preempted it while it waited for other tasks: the first time
/// that it comes back to the recorded registers with the memory of its last visit. The replay goes
/// the same way as the recording, so it enters the same loop.
fn run_to_preemption<K: Kernel, S>(step: &mut Step<'_, K, S>, registers: &Registers) -> Replayed {
    set_breakpoint(step, Some(registers.ip()))?;
    let recorded = || format!("a task that waits in a loop at {:#x}", registers.ip());
    let (mut before, mut hashes) = (None, 0);
    // One for all visits: each of them could take as long otherwise.
    let mut budget = step.budget();
    for _ in 0..MAX_VISITS {
        match step.run_within(&mut budget)? {
            Reached::Signal(signals::SIGTRAP, info) if signals::is_hardware_breakpoint(&info) => {}
            other => return Err(step.stopped_elsewhere(recorded(), &other)),
        }
        let here = step.task.tracee.registers().map_err(|source| step.failed(source))?;
        let now = match here.same_user_state(registers) {
            true if hashes == MAX_HASHES => break,
            true => match step.task.tracee.hash_memory() {
                Some(hash) => Some(hash),
                None => return Err(step.bad("the memory of a waiting task cannot be hashed")),
            },
            false => None,
        };
        hashes += u32::from(now.is_some());
        if now.is_some() && now == before {
            return set_breakpoint(step, None);
        }
        before = now;
    }
    let actual = format!(
        "a task that passed it {MAX_VISITS} times in another state, or {MAX_HASHES} times with the \
         same registers and other memory"
    );
    Err(step.diverged(Field::Stop, recorded(), actual))
}

/// Runs a task to a signal that one of its own instructions causes, and compares the siginfo.
fn compare_synchronous<K: Kernel, S>(
    step: &mut Step<'_, K, S>,
    stop: &Stop<'_>,
    signal: Signal,
    recorded: &[u8],
) -> Replayed {
    if step.task.restart.is_some() {
        return Err(step.bad("a signal of an instruction, before the call that is to be restarted"));
    }
    let actual = match step.run()? {
        Reached::Signal(reached, actual) if reached == signal => actual,
        other => return Err(step.stopped_elsewhere(signal_name(signal), &other)),
    };
    let compared = |bytes: &[u8]| bytes.get(..SIGINFO_COMPARED).map(<[u8]>::to_vec);
    if compared(recorded) != compared(&actual) {
        return Err(step.diverged(Field::SignalInfo, hex(recorded), hex(&actual)));
    }
    let actual = MERGED.decode(step.runner.info().bytes());
    places::compare(step, places::recorded(stop), (actual.ip, actual.sp))
}

/// Gives the task what the recorder gave for an instruction that reads the time-stamp counter.
fn read_time_stamp<K: Kernel, S>(
    step: &mut Step<'_, K, S>,
    TimeStamp { opcode, stamp, processor }: TimeStamp<'_>,
) -> Replayed {
    let mut registers = step.task.tracee.registers().map_err(|source| step.failed(source))?;
    let mut code = vec![0; opcode.len()];
    let got = step.task.tracee.read(registers.ip(), &mut code);
    if code[..got] != *opcode {
        return Err(step.diverged(Field::Memory(registers.ip()), hex(opcode), hex(&code[..got])));
    }
    registers.set_time_stamp(opcode.len() as u64, stamp, processor);
    step.task.tracee.set_registers(&registers).map_err(|source| step.failed(source))
}
