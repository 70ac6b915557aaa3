//! Compares the signals that each pair of processes received.

use crate::diff::compare::{Found, Pairing};
use crate::diff::report::Change;
use crate::diff::rule::Rule;
use crate::diff::run::Run;

/// Returns the pseudo-name of a signal: if a process sends a signal to itself, its arrival follows
/// from that.
pub(super) fn arrival_name(signal: &str) -> String {
    format!("<signal {signal}>")
}

/// Returns differences for signals that only one of a pair of processes received. The time of
/// arrival does not count.
pub(super) fn differences(a: &Run, b: &Run, pairing: &Pairing) -> Vec<Found> {
    let mut found = Vec::new();
    for (side, (run, other)) in [(a, b), (b, a)].into_iter().enumerate() {
        let change = if side == 0 { Change::Removed } else { Change::Added };
        for ((process, signal), (_, event)) in &run.streams.signals {
            let Some(partner) = pairing.partner(side, *process) else { continue };
            if other.streams.signals.contains_key(&(partner, *signal)) {
                continue;
            }
            let role = run
                .processes
                .get(usize::try_from(process.0).unwrap_or(usize::MAX))
                .map_or("-", |p| p.role());
            let mut one =
                Found::new(Rule::SignalReceived, change, role, crate::diff::run::signal(*signal));
            one.difference.events[side] = Some(*event);
            one.processes[side] = vec![*process];
            one.processes[1 - side] = vec![partner];
            one.names = vec![arrival_name(&one.difference.what)];
            found.push(one);
        }
    }
    found
}
