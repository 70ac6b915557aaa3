//! Repeats that a mapped file has another length.

use super::address_space::AddressSpace;
use super::halt::Replayed;
use super::target::{Place, Target};
use super::tasks::Tasks;
use crate::file_pool::FilePool;
use crate::kernel::Kernel;
use std::rc::Rc;
use sysreel_format::Event;

/// Changes the mappings of a file whose length has changed, in every address space.
pub(crate) fn resize<K: Kernel>(
    kernel: &mut K,
    file_pool: &mut FilePool,
    tasks: &mut Tasks<K::Tracee>,
    event: &Event<'_>,
    window: u64,
    len: u64,
) -> Replayed {
    let mut done = Vec::new();
    for task in tasks.iter_mut() {
        let space = Rc::as_ptr(&task.space);
        let is_dead = task.ended.is_some() || task.lacks.is_some_and(|lack| !lack.is_overcome());
        if !task.has_image || is_dead || done.contains(&space) {
            continue;
        }
        done.push(space);
        let place = Place { event, call: task.call_name() };
        let mut target = Target { place, kernel, tracee: &mut task.tracee, file_pool };
        AddressSpace::resize(&mut target, window, len)?;
    }
    Ok(())
}
