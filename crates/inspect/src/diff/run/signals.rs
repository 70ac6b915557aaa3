//! Names of signals.

use sysreel_abi::signal_name;

/// Returns the name of a signal, or its number.
pub(crate) fn signal(number: u32) -> String {
    let name = i32::try_from(number).ok().and_then(signal_name);
    name.map_or_else(|| format!("signal-{number}"), str::to_owned)
}
