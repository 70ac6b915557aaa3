//! Dates with the time of day in names and arguments: `2026-11-30T17_36_54_457Z`,
//! `20261130-173654`.

use std::ops::Range;

use jiff::civil::DateTime;
use jiff::tz::Offset;

/// The nanoseconds of a second.
const SECOND: i128 = 1_000_000_000;

/// What is between the parts of a date, and of the time of day, and between the two.
const OF_DATE: [&str; 4] = ["-", "_", ".", "/"];
const OF_TIME: [&str; 4] = [":", "-", "_", "."];
const BETWEEN: [&str; 8] = ["T", "t", "-", "_", ".", "/", ":", "\\x20"];

/// A date with the time of day, of which a text does not say in which time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Date {
    /// Where it is in the text.
    pub(super) range: Range<usize>,
    /// The time in nanoseconds since 1970, if it is that of UTC.
    utc_ns: i128,
    /// The unit of its last digit, in nanoseconds.
    unit: i128,
}

impl Date {
    /// Whether the date lies between two times, in nanoseconds since 1970, in some time zone.
    pub(super) fn is_within(&self, (start, end): (u64, u64)) -> bool {
        /// Time zones differ by multiples of a quarter of an hour.
        const QUARTER: i128 = 900 * SECOND;
        /// The furthest time zone, in quarters.
        const FURTHEST: i128 = 14 * 4;
        (-FURTHEST..=FURTHEST).any(|offset| {
            let at = self.utc_ns - offset * QUARTER;
            at <= i128::from(end) && i128::from(start) < at + self.unit
        })
    }
}

/// Returns the dates with the time of day in a text, in order.
pub(super) fn dates(text: &str) -> Vec<Date> {
    let bytes = text.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let begins = at.checked_sub(1).is_none_or(|before| !bytes[before].is_ascii_digit());
        match Some(at).filter(|_| begins).and_then(|at| date(text, at)) {
            Some(date) => {
                at = date.range.end;
                found.push(date);
            }
            None => at += 1,
        }
    }
    found
}

/// Reads the date that begins there.
fn date(text: &str, start: usize) -> Option<Date> {
    let mut rest = text.get(start..)?;
    let mut part = |digits: usize, between: &[&str]| {
        let begins = between.iter().find(|word| rest.starts_with(**word));
        rest = &rest[begins.map_or(0, |word| word.len())..];
        let (number, after) = rest.split_at_checked(digits)?;
        rest = after;
        number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse::<i16>().ok())?
    };
    let (year, month, day) = (part(4, &[])?, part(2, &OF_DATE)?, part(2, &OF_DATE)?);
    let (hour, minute, second) = (part(2, &BETWEEN)?, part(2, &OF_TIME)?, part(2, &OF_TIME)?);
    let [month, day, hour, minute, second] =
        [month, day, hour, minute, second].map(|part| i8::try_from(part).ok());
    let time = DateTime::new(year, month?, day?, hour?, minute?, second?, 0).ok()?;
    let seconds = Offset::UTC.to_timestamp(time).ok()?.as_second();
    let (fraction, unit, len) = fraction(rest);
    rest = &rest[len..];
    // More digits are of another number.
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let zulu = usize::from(rest.starts_with('Z'));
    let end = start + (text.len() - start - rest.len()) + zulu;
    let utc_ns = i128::from(seconds) * SECOND + fraction;
    Some(Date { range: start..end, utc_ns, unit })
}

/// Reads a fraction of a second: its nanoseconds, the unit of its last digit, its length.
fn fraction(text: &str) -> (i128, i128, usize) {
    let point = usize::from(text.starts_with(['.', ',', '_', '-', ':']));
    let digits = text[point..].bytes().take_while(u8::is_ascii_digit).count();
    let unit = match digits {
        3 => SECOND / 1000,
        6 => SECOND / 1_000_000,
        9 => 1,
        _ => return (0, SECOND, 0),
    };
    let number = text[point..point + digits].parse().unwrap_or(0);
    (i128::from(number) * unit, unit, point + digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-30 17:36:54.457 UTC, as date(1) says.
    const AT: u64 = 1_796_060_214_457_000_000;

    #[test]
    fn dates_are_found_in_any_form() {
        for (text, is) in [
            ("_logs/2026-11-30T17_36_54_457Z-debug-0.log", "2026-11-30T17_36_54_457Z"),
            ("backup-20261130-173654.tar", "20261130-173654"),
            ("backup-20261130173654.tar", "20261130173654"),
            ("a20261130173654457000b", "20261130173654457000"),
            ("2026/11/30/17:36:54.log", "2026/11/30/17:36:54"),
            ("2026-11-30\\x2017:36:54.457000000", "2026-11-30\\x2017:36:54.457000000"),
            // In another time zone.
            ("20261130_232154", "20261130_232154"),
            ("20261130_232155", ""),
            ("2026-11-30T17:36:55", ""),
            ("2026-11-30", ""),
            ("2026-13-30T17:36:54", ""),
            ("120261130173654", ""),
            ("202611301736541", ""),
            ("20261130-17365", ""),
        ] {
            let within = |date: &Date| date.is_within((AT, AT + 1000));
            let found = dates(text).into_iter().filter(within).map(|date| &text[date.range]);
            assert_eq!(found.collect::<String>(), is, "{text}");
        }
    }
}
