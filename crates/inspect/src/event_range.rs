//! A part of a log, from one moment to another.

use std::str::FromStr;

use sysreel_format::Item;

use crate::{Error, LogFile};

/// A moment of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The event of that number.
    Event(u64),
    /// So many nanoseconds after the recording began.
    SinceStart(u64),
    /// So many nanoseconds after the beginning of 1970.
    Unix(u64),
}

/// A part of a log; all of it by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventRange {
    /// The first event that belongs to it, or the earliest time.
    pub from: Option<Bound>,
    /// The last event that belongs to it, or the latest time.
    pub to: Option<Bound>,
}

impl FromStr for Bound {
    type Err = String;

    /// `1234` is an event, `+1.5` a time since the start, `@1795467886.591526` one since 1970; both
    /// in seconds.
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

/// Decimal seconds in nanoseconds. More than nine digits behind the point are cut.
fn seconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let nine: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(nine.parse().ok()?)
}

/// A stretch of a certain log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// No event before this one belongs to it.
    pub(crate) first: u64,
    from_ns: u64,
    last: u64,
    to_ns: u64,
    begun: bool,
}

impl EventRange {
    /// Finds the stretch in a log: by its index, or by the heads of its blocks where it has none.
    pub(crate) fn of(&self, file: &LogFile) -> Result<Bounds, Error> {
        let meta = file.log().meta();
        let behind = meta.realtime_ns.saturating_sub(meta.monotonic_ns);
        let time = |moment| match moment {
            Bound::Event(_) => None,
            Bound::SinceStart(ns) => Some(meta.monotonic_ns.saturating_add(ns)),
            Bound::Unix(ns) => Some(ns.saturating_sub(behind)),
        };
        let number = |moment| match moment {
            Bound::Event(number) => Some(number),
            _ => None,
        };
        let from_ns = self.from.and_then(time).unwrap_or(0);
        let first = match self.from.and_then(number) {
            Some(number) => number,
            None if from_ns > 0 => file.event_since(from_ns)?,
            None => 0,
        };
        let last = self.to.and_then(number).unwrap_or(u64::MAX);
        let to_ns = self.to.and_then(time).unwrap_or(u64::MAX);
        Ok(Bounds { first, from_ns, last, to_ns, begun: false })
    }
}

impl Bounds {
    /// Whether the stretch has begun with this item. What comes after the first belongs to it
    /// whatever its time.
    pub(crate) fn has_begun(&mut self, item: &Item<'_>) -> bool {
        let (number, t_ns) = place(item);
        self.begun |= number >= self.first && t_ns.is_none_or(|t| t >= self.from_ns);
        self.begun
    }

    /// Whether this item lies behind the stretch.
    pub(crate) fn is_over(&self, item: &Item<'_>) -> bool {
        let (number, t_ns) = place(item);
        number > self.last || t_ns.is_some_and(|t| t > self.to_ns)
    }
}

/// Where an item is, and when; nobody knows when a hole was.
fn place(item: &Item<'_>) -> (u64, Option<u64>) {
    match item {
        Item::Event(event) => (event.number, Some(event.t_ns)),
        Item::Missing(missing) => (missing.first, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_numbers_or_times() {
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
