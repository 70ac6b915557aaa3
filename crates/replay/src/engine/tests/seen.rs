//! What the caller of a replay sees.

use crate::outcome::Observer;
use sysreel_format::Event;

/// What the parts of a replay did.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) events: u64,
    pub(super) output: Vec<(u32, Vec<u8>)>,
}

impl Observer for Seen {
    fn replayed(&mut self, _: &Event<'_>) {
        self.events += 1;
    }

    fn output(&mut self, to: u32, bytes: &[u8]) {
        self.output.push((to, bytes.to_vec()));
    }
}
