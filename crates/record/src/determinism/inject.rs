//! Calls that a task makes for the recorder and that read memory.

use crate::engine::{Context, Undriven};
use sysreel_sys::memory::Window;
use sysreel_sys::remote::SYSCALL;
use sysreel_sys::{Call, Called, Error, InjectionPoint, Stop, signals};

/// Makes the task make a call at `point`, with what `memory` returns for an address at that
/// address. For the time of the call both take the place of something: the instruction of code, the
/// memory of a part of the stack.
pub(super) fn call_with_memory(
    cx: &mut Context,
    stop: &mut Stop,
    point: u64,
    memory: impl FnOnce(u64) -> Vec<u8>,
    call: impl FnOnce(u64) -> Call,
    what: &str,
) -> Result<Called, Undriven> {
    let tid = stop.tid();
    let io = |source| Error::Call { what: what.into(), tid: Some(tid), source };
    let place = stop.general()?.sp() & !15;
    let memory = memory(place);
    let window = Window::open(tid).map_err(io)?;
    let (mut own_code, mut own_memory) = ([0; SYSCALL.len()], vec![0; memory.len()]);
    let got = (window.read(point, &mut own_code), window.read(place, &mut own_memory));
    if got != (own_code.len(), own_memory.len()) {
        return Err(io(std::io::Error::other("its code or stack cannot be read")).into());
    }
    window.write(point, &SYSCALL).map_err(io)?;
    let written = window.write(place, &memory).map_err(io);
    let mask = stop.swap_signal_mask(u64::MAX).unwrap_or(0);
    let called = match written {
        Ok(()) => cx.call_in(stop, InjectionPoint(point), call(place)),
        Err(error) => Err(error.into()),
    };
    // These writes fail if the task has died. Its memory no longer matters then.
    _ = window.write(place, &own_memory);
    _ = window.write(point, &own_code);
    let called = called?;
    _ = stop.swap_signal_mask(mask);
    for &signal in &called.signals {
        signals::send_to_task(tid, signal);
    }
    Ok(called)
}
