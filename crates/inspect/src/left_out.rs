//! What a recorder was told to leave out, and a reader needs.

use sysreel_abi::filter::CallSet;
use sysreel_abi::{Abi, Classes, number};
use sysreel_format::Completeness;

use crate::{LogFile, recorded_filter};

/// What a reader requires of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Required {
    /// Strings, structures and buffers.
    pub memory: bool,
    /// The names of descriptors.
    pub names: bool,
    /// The calls of these classes.
    pub calls: Classes,
}

impl Required {
    /// Nothing but the structs of the calls that were recorded.
    pub const NOTHING: Self = Self { memory: false, names: false, calls: Classes::NONE };
    /// The memory of the calls that were recorded.
    pub const MEMORY: Self = Self { memory: true, ..Self::NOTHING };

    /// Returns a sentence for each need that a log does not meet.
    #[must_use]
    pub fn left_out(&self, file: &LogFile) -> Vec<String> {
        let log = file.log();
        let completeness = log.header().completeness;
        let lacks = |bit| completeness.contains(bit);
        let mut sentences = Vec::new();
        if self.memory && lacks(Completeness::STRUCTS_ONLY) {
            sentences.push("no strings and buffers were recorded (--capture-limit 0)".to_owned());
        }
        if self.names && lacks(Completeness::NO_NAMES) {
            sentences.push("names of descriptors were not recorded (--no-names)".to_owned());
        }
        let filter = recorded_filter::filter(completeness, log.meta());
        let calls = filter.map(|filter| CallSet::new(&filter, !lacks(Completeness::NO_NAMES)));
        if calls.is_some_and(|calls| !self.are_in(&calls)) {
            let only = recorded_filter::text(log.meta());
            sentences.push(format!("only some of the calls were recorded (--only '{only}')"));
        }
        sentences
    }

    /// Whether a recording has all calls that are needed.
    fn are_in(&self, calls: &CallSet) -> bool {
        let abi = Abi::X86_64;
        number::calls(abi).all(|(nr, _, row)| {
            let is_needed = row.is_some_and(|row| row.class.intersects(self.calls));
            !is_needed || calls.contains(abi.arch(), nr)
        })
    }
}
