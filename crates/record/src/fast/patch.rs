//! Patches call sites, and restores them.

use super::inject::{Hijacked, NoWorld, hijack};
use super::memory::{Memory, Shared, Site, State, Stubs, Text};
use super::state::Fast;
use crate::engine::Context;
use sysreel_format::{NoteCode, Severity};
use sysreel_sys::fast::{
    CODE_AFTER, PAGE, Patch, RINGS, RINGS_LEN, STUB, STUBS_LEN, Stub, calls, find_padding,
    functions, layout,
};
use sysreel_sys::memory::Window;
use sysreel_sys::remote::SYSCALL;
use sysreel_sys::{Stop, Tid, process};

/// Stubs are this far from the code, so that later mappings of the program, which the kernel puts
/// next to those that exist, are where they would be without.
const DISTANCE: i64 = 1 << 30;
const STEP: i64 = 128 << 20;
/// How many places for stubs are tried.
const TRIES: i64 = 6;

impl Fast {
    /// Patches a site, at which the task of the current stop makes a call. `None` if its call goes
    /// on.
    pub(super) fn patch(
        &mut self,
        cx: &mut Context,
        stop: &mut Stop,
        nr: u64,
        site: u64,
        memory: &Shared,
    ) -> Option<Hijacked> {
        let tid = stop.tid();
        memory.borrow_mut().sites.insert(site, Site { patch: None, padding: Vec::new() });
        let Some(patch) = find(&mut memory.borrow_mut(), tid, site) else {
            self.figures.unpatched += 1;
            return None;
        };
        let world = match self.stop_world(cx, memory) {
            Ok(world) => world,
            Err(NoWorld::Now) => {
                memory.borrow_mut().sites.remove(&site);
                return None;
            }
            Err(NoWorld::Overdue) => return None,
        };
        let has_room = |stubs: &Stubs| {
            let stub = stubs.at + STUB * stubs.sites.len() as u64;
            stub < stubs.at + STUBS_LEN && patch.at_padding(stub).is_some()
        };
        let mut hijacked = None;
        if !memory.borrow().stubs.iter().any(has_room) {
            hijacked = Some(hijack(cx, stop, nr, |hijack| {
                for place in (0..TRIES).filter_map(|nth| place(site, nth)) {
                    let result = hijack.call(calls::map_stubs(place))?;
                    if u64::try_from(result) == Ok(place) {
                        memory.borrow_mut().stubs.push(Stubs { at: place, sites: Vec::new() });
                        break;
                    }
                }
                Ok(())
            }));
        }
        let alive = matches!(hijacked, None | Some(Hijacked::Again));
        if alive && write(&mut memory.borrow_mut(), tid, &patch, has_room).is_some() {
            self.figures.patched += 1;
        } else {
            self.figures.unpatched += 1;
        }
        world.release(cx);
        hijacked
    }

    /// Restores sites. All other tasks of the address space are stopped.
    pub(super) fn unpatch(memory: &Shared, tid: Tid, sites: &[u64]) {
        let mut memory = memory.borrow_mut();
        let Some(window) = memory.window(tid) else { return };
        for address in sites {
            let jump = |stub: u64| memory.sites.get(address)?.patch?.at_padding(stub);
            let jump = memory.stub_of(*address).and_then(jump).unwrap_or_default();
            let Some(site) = memory.sites.get_mut(address) else { continue };
            let Some(patch) = site.patch.take() else { continue };
            // The mapping may be gone, or have something else there.
            replace(&window, patch.site, &patch.at_site(), &SYSCALL);
            replace(&window, patch.padding, &jump, &site.padding);
        }
    }

    /// Restores sites that a call is about to change.
    pub(super) fn restore(&mut self, cx: &mut Context, memory: &Shared, sites: &[u64]) {
        // A task that cannot be stopped is in a call, and finds the original code afterwards.
        let world = self.stop_world(cx, memory).ok();
        Fast::unpatch(memory, cx.at.tid, sites);
        if let Some(world) = world {
            world.release(cx);
        }
    }

    /// From now on the tasks of an address space are traced. `restore`: the page cannot be used
    /// even to decide that.
    pub(super) fn demote(&mut self, cx: &mut Context, memory: &Shared, why: &str, restore: bool) {
        if memory.borrow().state != State::Demoted {
            memory.borrow_mut().state = State::Demoted;
            self.figures.demoted += 1;
            let text = format!("traced from here on, not recorded from inside: {why}");
            cx.log.note_after_event(cx.at.id, NoteCode::OTHER, Severity::INFO, text);
        }
        let rings = memory.borrow().rings.clone();
        if let Some(rings) = rings {
            for (slot, _) in cx.tasks.iter() {
                let task = self.tasks.get_mut(slot);
                let is_in =
                    task.memory.as_ref().is_some_and(|other| std::rc::Rc::ptr_eq(other, memory));
                if let Some(block) = task.block.filter(|_| is_in) {
                    rings.set(block, layout::MAGIC, 0);
                }
            }
        }
        if restore {
            let sites: Vec<u64> = memory.borrow().sites.keys().copied().collect();
            self.restore(cx, memory, &sites);
        }
    }

    /// Has calls that make descriptors traced from now on: their names could not be taken.
    pub(super) fn stop_naming(&self, cx: &Context, memory: &Shared) {
        let mut memory = memory.borrow_mut();
        if memory.rings.is_none() {
            return;
        }
        if let Some(window) = memory.window(cx.at.tid) {
            for program in self.programs.naming() {
                _ = window.write(program, &[0]);
            }
        }
    }
}

/// Writes `new` where `old` is.
fn replace(window: &Window, at: u64, old: &[u8], new: &[u8]) {
    let mut found = vec![0; old.len()];
    if window.read(at, &mut found) == old.len() && found == old {
        _ = window.write(at, new);
    }
}

/// Returns a place for stubs near a site.
fn place(site: u64, nth: i64) -> Option<u64> {
    let distance = DISTANCE + nth / 2 * STEP;
    let at = site.checked_add_signed(if nth % 2 == 0 { -distance } else { distance })?;
    let at = at / STUBS_LEN * STUBS_LEN;
    let is_ours = at + STUBS_LEN > PAGE && at < RINGS + RINGS_LEN;
    (at >= STUBS_LEN && !is_ours && at >> 47 == 0).then_some(at)
}

/// Code before a site that is further away is not looked at.
const CODE_BEFORE: u64 = 4096;

/// Finds padding for a site in a file's code.
fn find(memory: &mut Memory, tid: Tid, site: u64) -> Option<Patch> {
    let window = memory.window(tid)?;
    let Text { start, end, functions } = text(memory, &window, tid, site)?;
    let before = functions.partition_point(|&function| function <= site).checked_sub(1);
    let function = before.and_then(|at| functions.get(at).copied());
    let near = |function: &u64| site - function <= CODE_BEFORE && *function >= start;
    let start = function.filter(near).unwrap_or(site);
    let end = end.min(site.saturating_add(CODE_AFTER as u64));
    let mut code = vec![0; usize::try_from(end - start).ok()?];
    let got = window.read(start, &mut code);
    let in_use = |at: u64| {
        let mut patches = memory.sites.values().filter_map(|site| site.patch);
        patches.any(|patch| (patch.padding..patch.padding + u64::from(patch.len)).contains(&at))
    };
    find_padding(site, start, &code[..got], &functions, in_use)
}

/// Returns the mapping of a file's code that contains a site.
fn text(memory: &mut Memory, window: &Window, tid: Tid, site: u64) -> Option<Text> {
    if let Some(text) = memory.text.iter().find(|text| (text.start..text.end).contains(&site)) {
        return Some(text.clone());
    }
    let mappings = process::mappings(tid).ok()?;
    let at = mappings.iter().position(|mapping| {
        mapping.inode != 0
            && mapping.permissions == *b"r-xp"
            && (mapping.start..mapping.end).contains(&site)
    })?;
    let code = &mappings[at];
    // The beginning of the file is mapped below its code.
    let first = mappings[..=at].iter().rev().find(|mapping| {
        (mapping.device, mapping.inode, mapping.offset) == (code.device, code.inode, 0)
    });
    let functions = first.map_or(Vec::new(), |first| functions(window, first.start)).into();
    let text = Text { start: code.start, end: code.end, functions };
    memory.text.push(text.clone());
    Some(text)
}

/// Writes a stub, the jump to it, and the jump to that.
fn write(
    memory: &mut Memory,
    tid: Tid,
    patch: &Patch,
    has_room: impl Fn(&Stubs) -> bool,
) -> Option<()> {
    let window = memory.window(tid)?;
    let stubs = memory.stubs.iter_mut().find(|stubs| has_room(stubs))?;
    let stub = Stub { at: stubs.at + STUB * stubs.sites.len() as u64, site: patch.site };
    let jump = patch.at_padding(stub.at)?;
    let mut padding = vec![0; jump.len()];
    if window.read(patch.padding, &mut padding) < padding.len() {
        return None;
    }
    window.write(stub.at, &stub.bytes()).ok()?;
    stubs.sites.push(patch.site);
    window.write(patch.padding, &jump).ok()?;
    window.write(patch.site, &patch.at_site()).ok()?;
    memory.sites.insert(patch.site, Site { patch: Some(*patch), padding });
    Some(())
}
