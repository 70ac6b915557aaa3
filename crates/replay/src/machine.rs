//! Is this machine like the one of the recording?

use std::collections::HashMap;
use sysreel_format::Determinism;
use sysreel_sys::affinity::Mask;
use sysreel_sys::machine;

/// What is different, in words; empty when nothing is.
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
        found.push(format!(
            "its CPU says other things of itself (CPUID leaves {})",
            other.join(", ")
        ));
    }
    let xcr0 = machine::xcr0();
    if xcr0 != determinism.xcr0 {
        found.push(format!("XCR0 is {xcr0:#x} and was {:#x}", determinism.xcr0));
    }
    found
}

/// Puts this thread, and with it every task that it starts, on the CPU of the recording, or on any
/// one when there is no such.
pub(crate) fn share_cpu(cpu: u32) {
    let Ok(mask) = Mask::of_task(0) else { return };
    let wanted = usize::try_from(cpu).unwrap_or(0);
    let cpu =
        if mask.contains(wanted) { Some(wanted) } else { sysreel_sys::affinity::current_cpu() };
    // One that cannot be taken costs time, and the number that rdpid and its kin tell.
    _ = cpu.map(|cpu| mask.only(cpu).set(0));
}
