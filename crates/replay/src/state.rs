//! Compares the recorded state of a task, which finds differences that no call shows.

use crate::divergence::Field;
use crate::engine::{Check, Halt, Replay, failed};
use sysreel_format::{Event, ReadAt, State};
use sysreel_sys::Registers;

impl<S: ReadAt> Replay<'_, S> {
    /// Compares registers at the entry of a call, and the pages that the recording has checksums
    /// of.
    pub(crate) fn compare_state(
        &mut self,
        event: &Event<'_>,
        state: &State<'_>,
    ) -> Result<(), Halt> {
        let malformed = sysreel_format::Error::Malformed { what: "state", at: event.number };
        let recorded = Registers::from_bytes(state.registers).ok_or(malformed)?;
        let Some(task) = self.tasks.get(&event.task.0) else { return Ok(()) };
        let actual = task.stop.general().map_err(|source| failed(event, source))?;
        if let Some((name, recorded, actual)) = recorded.first_difference(&actual) {
            let (recorded, actual) = (format!("{recorded:#x}"), format!("{actual:#x}"));
            return Err(self.diverged(event, Field::Register(name), recorded, actual));
        }
        if state.extended != 0 {
            let area = task.stop.extended().map_err(|source| failed(event, source))?;
            self.compare_sums(
                event,
                Field::ExtendedRegisters,
                state.extended,
                State::extended_sum(&area),
            )?;
        }
        if self.options.check == Check::Every {
            self.compare_pages(event, state)?;
        }
        Ok(())
    }

    fn compare_pages(&mut self, event: &Event<'_>, state: &State<'_>) -> Result<(), Halt> {
        let mut page = [0; State::PAGE];
        for (address, sum) in state.pages() {
            let Some(task) = self.tasks.get_mut(&event.task.0) else { return Ok(()) };
            if task.memory.read_ignoring_protection(address, &mut page).unwrap_or(0) < page.len() {
                let actual = "memory that cannot be read".to_owned();
                return Err(self.diverged(
                    event,
                    Field::Memory(address),
                    describe_checksum(sum),
                    actual,
                ));
            }
            self.compare_sums(event, Field::Memory(address), sum, State::sum(&page))?;
        }
        Ok(())
    }

    fn compare_sums(
        &self,
        event: &Event<'_>,
        field: Field,
        recorded: u32,
        actual: u32,
    ) -> Result<(), Halt> {
        if recorded == actual {
            return Ok(());
        }
        Err(self.diverged(event, field, describe_checksum(recorded), describe_checksum(actual)))
    }
}

fn describe_checksum(sum: u32) -> String {
    format!("bytes with the checksum {sum:#010x}")
}
