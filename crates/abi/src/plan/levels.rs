//! Follows the pointers of a stop, level by level.

use super::request::{EntryState, Memory, RegionRequest};
use super::stop::{Exit, Stop};
use crate::demultiplex::{Demultiplexed, demultiplex};

impl Stop<'_> {
    /// Fills `requests` with all requests of the stop, including those of a call made through a
    /// multiplexer.
    pub(super) fn run(
        &self,
        requests: &mut Vec<RegionRequest>,
        mem: &mut dyn Memory,
    ) -> EntryState {
        requests.clear();
        let state = self.levels(requests, mem);
        let captured =
            |arg| requests.iter().position(|w| w.arg == arg && w.role == 0).map(|i| mem.bytes(i));
        match demultiplex(self.abi, self.row, &self.args, captured) {
            None => state,
            Some(Demultiplexed { row, args }) => {
                let exit = self.exit.as_ref().map(|e| Exit { ..*e });
                Stop { abi: self.abi, row, args, limits: self.limits, exit, base_role: 1 }
                    .levels(requests, mem)
            }
        }
    }

    /// Follows the arguments and two more levels; no row has pointers beyond that.
    fn levels(&self, requests: &mut Vec<RegionRequest>, mem: &mut dyn Memory) -> EntryState {
        let mut state = EntryState::UNKNOWN;
        let mut from = requests.len();
        self.push_first_level(requests, &mut state);
        for level in 0..3 {
            let to = requests.len();
            if let Some(new) = requests.get(from..to).filter(|new| !new.is_empty()) {
                mem.fetch(new);
            }
            if level == 0 {
                self.push_indirect(requests, mem, &mut state);
            }
            self.expand(from..to, requests, mem, &mut state);
            if requests.len() == to {
                return state;
            }
            from = to;
        }
        if let Some(new) = requests.get(from..).filter(|new| !new.is_empty()) {
            mem.fetch(new);
        }
        state
    }
}
