//! Instructions that read the time-stamp counter: the recorder makes them raise SIGSEGV
//! (PR_SET_TSC), and gives the value.

use super::hook::Determinism;
use super::state::record_memory;
use crate::engine::{Call, Context};
use sysreel_abi::replay::{TimeStamps, time_stamps};
use sysreel_format::Altering;
use sysreel_sys::memory::{self, EFAULT, EINVAL, Window};
use sysreel_sys::{Stop, machine};

/// The opcodes of rdtsc and of rdtscp, which also returns the processor id (Intel SDM).
const RDTSC: [u8; 2] = [0x0f, 0x31];
const RDTSCP: [u8; 3] = [0x0f, 0x01, 0xf9];

impl Determinism {
    /// Answers a call that concerns the time-stamp counter. Returns 0 or the errno.
    pub(super) fn answer_call(&mut self, cx: &Context, call: &Call) -> Option<u32> {
        let task = self.tasks.get_mut(cx.at.slot);
        let answer = match time_stamps(call.abi, call.row, &call.args)? {
            TimeStamps::Set { raise: Some(raise) } => {
                task.refuses_time_stamps = raise;
                0
            }
            TimeStamps::Set { raise: None } => EINVAL,
            TimeStamps::Get { at } => {
                let mode = TimeStamps::mode(task.refuses_time_stamps);
                match memory::write(cx.at.tid, at, &mode.to_le_bytes()) {
                    Ok(()) => {
                        task.answer = Some((at, mode));
                        0
                    }
                    Err(_) => EFAULT,
                }
            }
        };
        Some(answer.cast_unsigned())
    }

    /// At the exit of such a call: stores what the recorder has written for it.
    pub(super) fn record_answer(&mut self, cx: &mut Context) {
        if let Some((at, value)) = self.tasks.get_mut(cx.at.slot).answer.take() {
            record_memory(cx, at, &value.to_le_bytes());
        }
    }

    /// If a SIGSEGV was caused by rdtsc or rdtscp, emulates the instruction and returns its length.
    pub(super) fn read_time_stamp(&mut self, cx: &mut Context, stop: &Stop) -> Option<u64> {
        if self.tasks.get_mut(cx.at.slot).refuses_time_stamps {
            return None;
        }
        let (mut registers, window) = (stop.general().ok()?, Window::open(stop.tid()).ok()?);
        let mut code = [0; RDTSCP.len()];
        let got = window.read(registers.ip(), &mut code);
        let opcode = match &code[..got] {
            [a, b, ..] if [*a, *b] == RDTSC => &RDTSC[..],
            code if code == RDTSCP => &RDTSCP[..],
            _ => return None,
        };
        let (stamp, processor) = machine::time_stamp();
        let processor = (opcode == RDTSCP).then_some(processor);
        let len = opcode.len() as u64;
        registers.set_time_stamp(len, stamp, processor);
        // If this fails, the task has died.
        stop.set_general(&registers).ok()?;
        let mut given = stamp.to_le_bytes().to_vec();
        given.extend(processor.iter().flat_map(|processor| processor.to_le_bytes()));
        cx.log.altered(Altering::TIME_STAMP, 0, opcode, &given);
        Some(len)
    }
}
