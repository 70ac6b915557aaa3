//! What a recorder was told to leave out, and a reader needs.

use sysreel_abi::filter::CallSet;
use sysreel_abi::{Abi, Classes, Filter, number};
use sysreel_format::Completeness;

use crate::{LogFile, completeness, recorded_filter};

/// What a reader requires of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Required {
    /// Strings, structures and buffers.
    pub memory: bool,
    /// The names of descriptors.
    pub names: bool,
    /// The calls of these classes.
    pub calls: Calls,
    /// The whole lives of all tasks.
    pub lives: bool,
}

/// The calls that a reader requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// Those of these classes.
    Of(Classes),
    /// All of them.
    All,
}

/// What a recording lacks of the lives of its tasks, and of what they did.
const LIVES: [Completeness; 5] = [
    Completeness::ATTACHED,
    Completeness::DETACHED,
    Completeness::UNRECORDED,
    Completeness::UNTRACED_CLONE,
    Completeness::IO_URING,
];

impl Required {
    /// Nothing but the structs of the calls that were recorded.
    pub const NOTHING: Self =
        Self { memory: false, names: false, calls: Calls::Of(Classes::NONE), lives: false };
    /// The memory of the calls that were recorded.
    pub const MEMORY: Self = Self { memory: true, ..Self::NOTHING };

    /// Memory, names and the calls of some classes.
    #[must_use]
    pub const fn files(classes: Classes) -> Self {
        Self { memory: true, names: true, calls: Calls::Of(classes), lives: false }
    }

    /// Returns a sentence for each need that a log does not meet. `selected`: the filter of the
    /// reader, if it has one; other calls it does not need.
    #[must_use]
    pub fn left_out(&self, file: &LogFile, selected: Option<&Filter>) -> Vec<String> {
        let log = file.log();
        let word = log.header().completeness;
        let lacks = |bit| word.contains(bit);
        let mut sentences = Vec::new();
        if self.memory && lacks(Completeness::STRUCTS_ONLY) {
            sentences.push("no strings and buffers were recorded (--capture-limit 0)".to_owned());
        }
        if self.names && lacks(Completeness::NO_NAMES) {
            sentences.push("names of descriptors were not recorded (--no-names)".to_owned());
        }
        let filter = recorded_filter::filter(word, log.meta());
        let calls = filter.map(|filter| CallSet::new(&filter, !lacks(Completeness::NO_NAMES)));
        let selected = selected.map(|filter| CallSet::new(filter, false));
        if calls.is_some_and(|calls| !self.are_in(&calls, selected.as_ref())) {
            let only = recorded_filter::text(log.meta());
            sentences.push(format!("only some of the calls were recorded (--only '{only}')"));
        }
        if self.lives {
            sentences.extend(completeness::lacking(file, LIVES));
        }
        sentences
    }

    /// Whether a recording has all calls that are needed.
    fn are_in(&self, recorded: &CallSet, selected: Option<&CallSet>) -> bool {
        let abi = Abi::X86_64;
        number::calls(abi).all(|(nr, _, row)| {
            let is_needed = match self.calls {
                Calls::All => true,
                Calls::Of(classes) => row.is_some_and(|row| row.class.intersects(classes)),
            };
            let is_selected = selected.is_none_or(|selected| selected.contains(abi.arch(), nr));
            !is_needed || !is_selected || recorded.contains(abi.arch(), nr)
        })
    }
}
