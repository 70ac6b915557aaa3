//! A part of a log, between two bounds.

use std::str::FromStr;

use sysreel_format::Item;

/// A bound: an event or a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The event with this number.
    Event(u64),
    /// Nanoseconds after the recording began.
    SinceStart(u64),
    /// Nanoseconds after the beginning of 1970.
    Unix(u64),
}

/// A part of a log; all of it by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventRange {
    /// The first event, or the earliest time.
    pub from: Option<Bound>,
    /// The last event, or the latest time.
    pub to: Option<Bound>,
}

impl FromStr for Bound {
    type Err = String;

    /// Parses `1234` as an event number, `+1.5` as seconds since the start and `@1795467886.591526`
    /// as seconds since 1970.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "the number of an event (1234), seconds since the start (+1.5), or seconds since 1970 \
             (@1795467886.59)"
                .to_owned()
        };
        let ns = |text: &str| seconds(text).ok_or_else(wrong);
        match text.as_bytes().first() {
            Some(b'+') => ns(&text[1..]).map(Self::SinceStart),
            Some(b'@') => ns(&text[1..]).map(Self::Unix),
            _ => text.parse().map(Self::Event).map_err(|_| wrong()),
        }
    }
}

/// Parses decimal seconds and returns nanoseconds. Drops digits after the ninth decimal.
fn seconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let nine: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(nine.parse().ok()?)
}

/// An [`EventRange`] with the events and times of one log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The first event that may belong to the range.
    pub(crate) first: u64,
    last: u64,
    from_ns: u64,
    to_ns: u64,
    begun: bool,
}

impl Bounds {
    /// Creates the bounds of the events `first` to `last` with times from `from_ns` to `to_ns`
    /// (CLOCK_MONOTONIC).
    pub(crate) fn new((first, last): (u64, u64), (from_ns, to_ns): (u64, u64)) -> Self {
        Self { first, last, from_ns, to_ns, begun: false }
    }

    /// Whether the range has begun with this item or an earlier one. Events after its first one
    /// belong to it even if their time is earlier.
    pub(crate) fn has_begun(&mut self, item: &Item<'_>) -> bool {
        let (number, t_ns) = position(item);
        self.begun |= number >= self.first && t_ns.is_none_or(|t| t >= self.from_ns);
        self.begun
    }

    /// Whether this item is past the end of the range.
    pub(crate) fn is_over(&self, item: &Item<'_>) -> bool {
        let (number, t_ns) = position(item);
        number > self.last || t_ns.is_some_and(|t| t > self.to_ns)
    }
}

/// Returns the number and the time of an item. The time of a hole is unknown.
fn position(item: &Item<'_>) -> (u64, Option<u64>) {
    match item {
        Item::Event(event) => (event.number, Some(event.t_ns)),
        Item::Missing(missing) => (missing.first, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_event_numbers_or_times() {
        assert_eq!("12".parse(), Ok(Bound::Event(12)));
        assert_eq!("+1.5".parse(), Ok(Bound::SinceStart(1_500_000_000)));
        assert_eq!("+0".parse(), Ok(Bound::SinceStart(0)));
        assert_eq!("@1795467886.591526".parse(), Ok(Bound::Unix(1_795_467_886_591_526_000)));
        assert_eq!("@1.1234567891".parse(), Ok(Bound::Unix(1_123_456_789)));
        for wrong in ["", "-1", "+", "@", "1.5", "+1.", "+.5", "x", "+1e9", "+99999999999999999999"]
        {
            assert!(wrong.parse::<Bound>().is_err(), "{wrong}");
        }
    }
}
