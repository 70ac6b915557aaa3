//! A program asks again and again whether something has happened, instead of waiting for it: it
//! wakes the CPU for nothing.

use std::time::Duration;

use sysreel_inspect::abi::CallKind;
use sysreel_inspect::calls::{Ended, Item};

use super::rule::{Rule, Seen, Warning, exe};
use crate::bounded::Bounded;

/// From this many times on it is noticed.
const OFTEN: u64 = 100;
/// Longer sleeps are no polling.
const SHORT: Duration = Duration::from_millis(20);

#[derive(Default)]
pub(super) struct Polling {
    /// By program and name of the call.
    seen: Bounded<(String, String), Seen>,
}

impl Rule for Polling {
    fn item(&mut self, item: &Item<'_>) {
        let Item::Call(call) = item else { return };
        // A poll that times out returns 0; wait4(2) with WNOHANG too.
        let is_vain = match call.row().map(|row| row.kind) {
            Some(CallKind::Poll | CallKind::Sleep | CallKind::Wait) => {
                call.ended() == Ended::Returned(0)
            }
            _ => false,
        };
        if is_vain
            && call.duration().is_some_and(|took| took < SHORT)
            && let Some(seen) = self.seen.entry(&(exe(call), call.name().into_owned()))
        {
            seen.add(call);
        }
    }

    fn finish(self: Box<Self>) -> Vec<Warning> {
        let often = self.seen.into_entries().filter(|(_, seen)| seen.count >= OFTEN);
        often
            .map(|((exe, call), seen)| {
                let message = format!(
                    "{call} returned without an event after a short time {} times",
                    seen.count
                );
                seen.warning("polling", (exe, call), message)
            })
            .collect()
    }
}
