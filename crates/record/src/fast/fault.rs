//! Faults on purpose, for tests of the comparison.

use crate::options::FastFault;
use sysreel_sys::fast::{Record, layout};

/// A fault that tests have the hook make, once.
#[derive(Debug, Default)]
pub(super) struct Fault(Option<FastFault>);

impl Fault {
    pub(super) fn new(fault: Option<FastFault>) -> Fault {
        Fault(fault)
    }

    /// Loses or changes a record among those that were taken.
    pub(super) fn apply(&mut self, bytes: &mut Vec<u8>, from: usize) {
        let Some(fault) = self.0 else { return };
        let Some((_, len)) = bytes.get(from..).and_then(Record::first) else { return };
        self.0 = None;
        match fault {
            FastFault::Lose => drop(bytes.drain(from..from + len)),
            FastFault::Change => {
                let arg = usize::try_from(layout::record::ARGS).unwrap_or(0);
                if let Some(byte) = bytes.get_mut(from + arg) {
                    *byte ^= 1;
                }
            }
        }
    }
}
