//! Sets of signals.

use sysreel_abi::signal_name;

use crate::text;

/// Writes a set of signals: `[USR1 CHLD]`, or its complement if most are in it: `~[RTMIN RT_1]`.
pub(crate) fn set(bytes: &[u8], out: &mut String) {
    let bytes = bytes.get(..8).unwrap_or(bytes);
    let n = bytes.len() * 8;
    let has = |i: usize| bytes.get(i / 8).is_some_and(|byte| byte >> (i % 8) & 1 != 0);
    let inverted = n > 0 && (0..n).filter(|i| has(*i)).count() >= n * 2 / 3;
    out.push_str(if inverted { "~[" } else { "[" });
    let mut first = true;
    for i in (0..n).filter(|i| has(*i) != inverted) {
        if !first {
            out.push(' ');
        }
        first = false;
        match i32::try_from(i + 1).ok().and_then(signal_name) {
            Some(name) => out.push_str(name.strip_prefix("SIG").unwrap_or(name)),
            None => text::dec(out, i as u64 + 1),
        }
    }
    out.push(']');
}
