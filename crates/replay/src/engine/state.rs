//! Compares the recorded state of a task, which finds differences that no call shows.

use super::halt::Replayed;
use super::step::Step;
use crate::divergence::Field;
use crate::kernel::{Kernel, Tracee};
use crate::options::Check;
use sysreel_format::State;
use sysreel_sys::Registers;

/// Compares registers at the entry of a call, and the pages that the recording has checksums of.
pub(crate) fn compare<K: Kernel, S>(
    step: &mut Step<'_, K, S>,
    state: &State<'_>,
    check: Check,
) -> Replayed {
    let Some(recorded) = Registers::from_bytes(state.registers) else {
        return Err(step.bad(format!("{} bytes are not the registers", state.registers.len())));
    };
    let actual = step.task.tracee.registers().map_err(|source| step.failed(source))?;
    if let Some((name, recorded, actual)) = recorded.first_difference(&actual) {
        let (recorded, actual) = (format!("{recorded:#x}"), format!("{actual:#x}"));
        return Err(step.diverged(Field::Register(name), recorded, actual));
    }
    // Zero says that the recorder could not read them (docs/format.md, STATE).
    if state.extended != 0 {
        let area = step.task.tracee.extended().map_err(|source| step.failed(source))?;
        let actual = State::extended_sum(&area);
        compare_sums(step, Field::ExtendedRegisters, state.extended, actual)?;
    }
    match check {
        Check::Every => compare_pages(step, state),
        Check::Fast => Ok(()),
    }
}

fn compare_pages<K: Kernel, S>(step: &mut Step<'_, K, S>, state: &State<'_>) -> Replayed {
    let mut page = [0; State::PAGE];
    for (address, sum) in state.pages() {
        let field = Field::Memory(address);
        let got = step
            .task
            .tracee
            .read_ignoring_protection(address, &mut page)
            .map_err(|source| step.io_failed("open the memory of a task".into(), source))?;
        if got < page.len() {
            let actual = "memory that cannot be read".to_owned();
            return Err(step.diverged(field, describe_checksum(sum), actual));
        }
        compare_sums(step, field, sum, State::sum(&page))?;
    }
    Ok(())
}

fn compare_sums<K: Kernel, S>(
    step: &Step<'_, K, S>,
    field: Field,
    recorded: u32,
    actual: u32,
) -> Replayed {
    if recorded == actual {
        return Ok(());
    }
    Err(step.diverged(field, describe_checksum(recorded), describe_checksum(actual)))
}

fn describe_checksum(sum: u32) -> String {
    format!("bytes with the checksum {sum:#010x}")
}
