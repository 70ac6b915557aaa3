//! How durations and sizes look in tables.

/// What follows a name of which the log has only the beginning.
pub(crate) const CUT: &str = "...";

/// Returns a duration with three significant digits and a unit: `12.3ms`.
#[must_use]
pub fn duration(ns: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")];
    match UNITS.iter().find(|(unit, _)| ns >= *unit) {
        None => format!("{ns}ns"),
        Some((unit, name)) => scaled(ns, *unit, name),
    }
}

/// Returns a number of bytes with three significant digits and a binary unit: `12.3K`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        None => bytes.to_string(),
        Some((unit, name)) => scaled(bytes, *unit, name),
    }
}

fn scaled(value: u64, unit: u64, name: &str) -> String {
    let whole = value / unit;
    let thousandths =
        u64::try_from(u128::from(value % unit) * 1000 / u128::from(unit)).unwrap_or(0);
    match whole {
        0..=9 => format!("{whole}.{:02}{name}", thousandths / 10),
        10..=99 => format!("{whole}.{}{name}", thousandths / 100),
        _ => format!("{whole}{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, size};

    #[test]
    fn durations_have_three_digits() {
        let cases = [
            (0, "0ns"),
            (999, "999ns"),
            (1_000, "1.00us"),
            (12_345, "12.3us"),
            (999_999, "999us"),
            (1_000_000, "1.00ms"),
            (61_500_000_000, "61.5s"),
            (u64::MAX, "18446744073s"),
        ];
        for (ns, text) in cases {
            assert_eq!(duration(ns), text);
        }
    }

    #[test]
    fn sizes_have_three_digits() {
        let cases = [
            (0, "0"),
            (1023, "1023"),
            (1024, "1.00K"),
            (1_500_000, "1.43M"),
            (u64::MAX, "16777215T"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
    }
}
