//! Puts page and rings into a process, and gives each of its threads a slot.

use super::memory::{Shared, State};
use super::state::Fast;
use crate::engine::{Context, Slot, Undriven};
use std::fs::File;
use std::rc::Rc;
use sysreel_abi::CallKind;
use sysreel_sys::fast::{PAGE, RINGS, Rings, calls, layout};
use sysreel_sys::remote::SYSCALL;
use sysreel_sys::signals;
use sysreel_sys::{Call, Event, InjectionPoint, Report, Signal, Stop, StopKind};

/// What became of a task that made calls for the recorder.
pub(super) enum Hijacked {
    /// It is about to make its call again.
    Again,
    /// It is at its exit event.
    Ending,
    /// It has ended.
    Left,
}

/// A task that makes calls for the recorder at the entry of its own.
pub(super) struct Hijack<'a> {
    pub(super) cx: &'a mut Context,
    pub(super) stop: &'a mut Stop,
    point: InjectionPoint,
    signals: Vec<Signal>,
}

impl Hijack<'_> {
    /// Makes a call. Returns its result, negative for an error.
    pub(super) fn call(&mut self, call: Call) -> Result<i64, Undriven> {
        let called = self.cx.call_in(self.stop, self.point, call)?;
        self.signals.extend(called.signals);
        Ok(called.result)
    }
}

/// Lets `act` make calls in the task, which is at the entry of a call that it makes again
/// afterwards. No signal is handled meanwhile.
pub(super) fn hijack(
    cx: &mut Context,
    stop: &mut Stop,
    nr: u64,
    act: impl FnOnce(&mut Hijack<'_>) -> Result<(), Undriven>,
) -> Hijacked {
    let Ok(mut registers) = stop.general() else { return Hijacked::Left };
    let Ok(mask) = stop.swap_signal_mask(u64::MAX) else { return Hijacked::Left };
    let point = InjectionPoint(registers.ip() - SYSCALL.len() as u64);
    let tid = stop.tid();
    let mut hijack = Hijack { cx, stop, point, signals: Vec::new() };
    let done = act(&mut hijack);
    let Hijack { stop, signals, .. } = hijack;
    match done {
        Err(Undriven::Ended) => return Hijacked::Left,
        Err(Undriven::Ending) => return Hijacked::Ending,
        Err(Undriven::Late(_)) => return Hijacked::Left,
        Err(Undriven::Failed(_)) | Ok(()) => {}
    }
    registers.repeat_call(SYSCALL.len() as u64, nr);
    // These fail if the task has died.
    _ = stop.set_general(&registers);
    _ = stop.swap_signal_mask(mask);
    for signal in signals {
        signals::send_to_task(tid, signal);
    }
    Hijacked::Again
}

/// Why the tasks of an address space are not stopped.
pub(super) enum NoWorld {
    /// One of them is in a call in which it cannot be.
    Now,
    /// One of them has not stopped in time.
    Overdue,
}

/// The other tasks of an address space, stopped.
pub(super) struct World(Vec<(Slot, Stop, u64)>);

impl World {
    /// Lets the tasks go on: their stops are handled as if they had just come.
    pub(super) fn release(self, cx: &mut Context) {
        for (_, stop, t_ns) in self.0.into_iter().rev() {
            cx.due.push_first(Report::Stopped(stop), t_ns);
        }
    }
}

impl Fast {
    /// Stops the other tasks that share an address space.
    pub(super) fn stop_world(
        &mut self,
        cx: &mut Context,
        memory: &Shared,
    ) -> Result<World, NoWorld> {
        let here = cx.at.slot;
        let mut others = Vec::new();
        for (slot, task) in cx.tasks.iter().filter(|(slot, _)| *slot != here) {
            let shares = match self.tasks.get(slot).and_then(|task| task.memory.as_ref()) {
                Some(other) => Rc::ptr_eq(other, memory),
                // It may be any.
                None => return Err(NoWorld::Now),
            };
            if !shares {
                continue;
            }
            // A task that makes another one copies the address space; in vfork(2) it cannot be
            // stopped.
            let in_vfork = task.call.is_some_and(|call| {
                call.row.kind == CallKind::Vfork || call.clone.is_some_and(|flags| flags.vfork())
            });
            if task.making || in_vfork {
                return Err(NoWorld::Now);
            }
            others.push((slot, task.tid));
        }
        let mut world = World(Vec::new());
        for (slot, tid) in others {
            if !cx.due.has(tid) {
                self.tasks.get_mut(slot).asked_to_stop();
            }
            match cx.bring_to_stop(tid) {
                Ok(Some((stop, t_ns))) => {
                    world.0.push((slot, stop, t_ns));
                }
                _ => {
                    world.release(cx);
                    return Err(NoWorld::Overdue);
                }
            }
        }
        Ok(world)
    }

    /// Puts page and rings into the process of the current stop, which is at the entry of a call.
    pub(super) fn inject(
        &mut self,
        cx: &mut Context,
        stop: &mut Stop,
        nr: u64,
        memory: &Shared,
    ) -> Option<Hijacked> {
        let world = self.stop_world(cx, memory).ok()?;
        let is_free = |stop: &Stop| stop.general().is_ok_and(|registers| registers.gs_base() == 0);
        if !is_free(stop) || !world.0.iter().all(|(_, stop, _)| is_free(stop)) {
            world.release(cx);
            self.demote(cx, memory, "the program uses the GS segment", false);
            return None;
        }
        let mut rings = None;
        let page = self.programs.page();
        let hijacked = hijack(cx, stop, nr, |hijack| {
            map_all(hijack, memory, &page).map(|mapped| rings = mapped)
        });
        if let Some(rings) = rings {
            let mut memory = memory.borrow_mut();
            memory.rings = Some(Rc::new(rings));
            memory.state = State::Injected;
            self.figures.injected += 1;
        } else {
            self.demote(cx, memory, "page or rings cannot be mapped", false);
        }
        if matches!(hijacked, Hijacked::Again) {
            self.give_slot(cx.at.slot, stop, memory);
            for (slot, stop, _) in &world.0 {
                self.give_slot(*slot, stop, memory);
            }
        }
        world.release(cx);
        if !self.names_in_page {
            self.stop_naming(cx, memory);
        }
        Some(hijacked)
    }

    /// Gives a stopped task a slot of the rings of its process, if it has none.
    pub(super) fn give_slot(&mut self, slot: Slot, stop: &Stop, memory: &Shared) {
        // It has left this memory. Others that share it may have gone on before: `mm_release` in
        // kernel/fork.c, Linux 6.18, ends a vfork(2).
        if stop.kind() == StopKind::Event(Event::EXEC) {
            return;
        }
        let task = self.tasks.get_mut(slot);
        let memory = memory.borrow();
        let Some(rings) = memory.rings.as_ref().filter(|_| !task.has_block) else { return };
        let Ok(mut registers) = stop.general() else { return };
        // Threads without a slot get a block without magic.
        task.block = rings.take();
        let base = task.block.map_or(PAGE + layout::NO_BLOCK, Rings::address);
        if let Some(block) = task.block {
            rings.prepare(block, memory.state == State::Injected);
            task.drained = layout::RECORDS;
        }
        registers.set_gs_base(base);
        task.has_block = stop.set_general(&registers).is_ok();
        self.figures.without_slot += u64::from(task.block.is_none());
    }
}

/// Maps page and rings. `None` when the process cannot have them.
fn map_all(
    hijack: &mut Hijack<'_>,
    memory: &Shared,
    page: &[u8],
) -> Result<Option<Rings>, Undriven> {
    let tid = hijack.stop.tid();
    let Some(window) = memory.borrow_mut().window(tid) else { return Ok(None) };
    let is_at = |result: i64, address: u64| u64::try_from(result) == Ok(address);
    let mapped = hijack.call(calls::map_page())?;
    if !is_at(mapped, PAGE) || window.write(PAGE, page).is_err() {
        return Ok(None);
    }
    let Ok(fd @ 0..) = i32::try_from(hijack.call(calls::make_file())?) else { return Ok(None) };
    let file = File::options().read(true).write(true).open(format!("/proc/{tid}/fd/{fd}"));
    let mut rings = file.ok().and_then(|file| Rings::new(&file).ok());
    if rings.is_some() && !is_at(hijack.call(calls::map_rings(fd))?, RINGS) {
        rings = None;
    }
    hijack.call(calls::close(fd))?;
    Ok(rings)
}
