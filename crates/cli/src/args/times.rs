//! The units and forms of times, as strace names them.

use sysreel_inspect::print::{Clock, Precision};

/// Parses a unit: `s`, `ms`, `us` or `ns`.
pub(crate) fn precision(text: &str) -> Result<Precision, String> {
    let text = text.strip_prefix("precision:").unwrap_or(text);
    unit(text).ok_or_else(|| format!("`{text}` is no unit of time; known are s, ms, us and ns"))
}

fn unit(text: &str) -> Option<Precision> {
    match text {
        "s" => Some(Precision::Seconds),
        "ms" => Some(Precision::Millis),
        "us" => Some(Precision::Micros),
        "ns" => Some(Precision::Nanos),
        _ => None,
    }
}

/// Parses `[format:]none|time|unix` and `[precision:]UNIT`, one of them or both.
pub(crate) fn clock(text: &str) -> Result<Clock, String> {
    let (mut form, mut shown) = ("time", Precision::Seconds);
    for item in text.split(',') {
        match item.strip_prefix("format:").unwrap_or(item) {
            known @ ("none" | "time" | "unix") => form = known,
            other => shown = precision(other).map_err(|_| unknown(item))?,
        }
    }
    Ok(match form {
        "none" => Clock::None,
        "unix" => Clock::Unix(shown),
        _ => Clock::Day(shown),
    })
}

fn unknown(item: &str) -> String {
    format!("`{item}` is no form of time; known are none, time, unix, s, ms, us and ns")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_strace() {
        for (text, expected) in [
            ("time", Clock::Day(Precision::Seconds)),
            ("ns", Clock::Day(Precision::Nanos)),
            ("unix,ms", Clock::Unix(Precision::Millis)),
            ("format:unix,precision:us", Clock::Unix(Precision::Micros)),
            ("none,ns", Clock::None),
        ] {
            assert_eq!(clock(text), Ok(expected), "{text}");
        }
        assert!(clock("time,hours").unwrap_err().contains("`hours`"));
        assert_eq!(precision("ms"), Ok(Precision::Millis));
        assert!(precision("m").unwrap_err().contains("known are s, ms, us and ns"));
    }
}
