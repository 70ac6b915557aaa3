//! Compares this machine with that of the recording.

use std::collections::HashMap;
use sysreel_format::Determinism;
use sysreel_sys::affinity::Mask;
use sysreel_sys::machine;

/// Describes each difference that a program could see; empty when there is none.
pub(crate) fn differences(determinism: &Determinism) -> Vec<String> {
    let mut found = Vec::new();
    let here: HashMap<(u32, u32), [u32; 4]> = machine::cpuid()
        .into_iter()
        .map(|leaf| ((leaf.leaf, leaf.subleaf), leaf.registers))
        .collect();
    let other: Vec<String> = determinism
        .cpuid
        .iter()
        .filter(|leaf| here.get(&(leaf.leaf, leaf.subleaf)) != Some(&leaf.registers))
        .map(|leaf| format!("{:#x}.{}", leaf.leaf, leaf.subleaf))
        .collect();
    if !other.is_empty() || here.len() != determinism.cpuid.len() {
        found.push(format!("the CPU differs (CPUID leaves {})", other.join(", ")));
    }
    let xcr0 = machine::xcr0();
    if xcr0 != determinism.xcr0 {
        found.push(format!("XCR0 is {xcr0:#x} and was {:#x}", determinism.xcr0));
    }
    found
}

/// Pins this thread, and the tasks that it will start, to the CPU of the recording, or to the
/// current one where this machine does not have it.
pub(crate) fn pin_to_cpu(cpu: u32) {
    let Ok(mask) = Mask::of_task(0) else { return };
    let wanted = usize::try_from(cpu).unwrap_or(0);
    let cpu =
        if mask.contains(wanted) { Some(wanted) } else { sysreel_sys::affinity::current_cpu() };
    // A failure costs time, and rdpid and getcpu(2) return another number.
    _ = cpu.map(|cpu| mask.only(cpu).set(0));
}
