//! Encodes times as columns: as ticks of the clock that the kernel reads, which are often longer
//! than a nanosecond.
//!
//! The kernel computes nanoseconds from the ticks of a counter. If it ticks every ten nanoseconds,
//! one time in ten occurs: storing ticks saves three bits of each time and loses nothing.

use super::columns::{Column, Columns, ENTRY_TIME, LONG_TIME, OTHER_TIME, TICKS, TWEAK};
use super::layout::{ENTRY, TIME_ESCAPE};

/// The number of fraction bits of a period.
pub(super) const FRACTION: u32 = 48;
/// One nanosecond.
const NANOSECOND: u64 = 1 << FRACTION;

/// The ticks of a clock: at `phase`, then every `period`, in nanoseconds / 2^48.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticks {
    pub(super) period: u64,
    pub(super) phase: u64,
}

/// Counts ticks.
#[derive(Clone, Copy, Debug)]
struct Counter {
    period: u64,
    now: i128,
}

/// Decodes the times of a block, row by row.
#[derive(Debug)]
pub(super) struct Times<'a> {
    counter: Counter,
    planes: [[Column<'a>; 3]; 2],
    long: Column<'a>,
    tweaks: Column<'a>,
    tweaked: bool,
}

impl Ticks {
    /// Ticks of a nanosecond.
    pub(super) const FINEST: Ticks = Ticks { period: NANOSECOND, phase: 0 };
}

impl Counter {
    fn new(ticks: Ticks) -> Self {
        Counter { period: ticks.period, now: i128::from(ticks.phase) }
    }

    #[inline]
    fn step(&mut self, ticks: i64) {
        self.now = self.now.wrapping_add(i128::from(ticks).wrapping_mul(i128::from(self.period)));
    }

    /// Returns the nanoseconds, modulo 2^64.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "times are modulo 2^64")]
    fn time(&self) -> u64 {
        (self.now >> FRACTION) as u64
    }

    /// Returns the number of ticks from now that comes closest to the middle of that nanosecond.
    #[inline]
    fn ticks_to(&self, time: u64) -> i64 {
        let ahead = time.wrapping_sub(self.time()).cast_signed();
        if self.period == NANOSECOND {
            return ahead;
        }
        let part = self.now & i128::from(NANOSECOND - 1);
        let distance = (i128::from(ahead) << FRACTION) + i128::from(NANOSECOND / 2) - part;
        let half = i128::from(self.period / 2);
        i64::try_from((distance + half).div_euclid(i128::from(self.period))).unwrap_or(i64::MAX)
    }
}

/// Encodes times as ticks. `codes` are those of the rows. Returns `false`, with the columns
/// unchanged, if that is impossible or not worthwhile.
pub(super) fn write(columns: &mut Columns, codes: &[u8], times: &[u64], ticks: Ticks) -> bool {
    let mut counter = Counter::new(ticks);
    let mut tweaked = 0;
    for (&code, &time) in codes.iter().zip(times) {
        let steps = counter.ticks_to(time);
        counter.step(steps);
        let tweak = time.wrapping_sub(counter.time()).cast_signed();
        let Ok(tweak) = i8::try_from(tweak) else { break };
        columns.byte::<TWEAK>(((tweak << 1) ^ (tweak >> 7)).cast_unsigned());
        tweaked += usize::from(tweak != 0);
        planes(columns, code & 3 == ENTRY, steps);
    }
    // Too many tweaks cost more than ticks save.
    if columns.0[TWEAK].len() != times.len() || tweaked > times.len() / 4 {
        (ENTRY_TIME..=TWEAK).for_each(|column| columns.0[column].clear());
        return false;
    }
    if tweaked == 0 {
        columns.0[TWEAK].clear();
    }
    if ticks != Ticks::FINEST {
        columns.bytes::<TICKS>(&ticks.period.to_le_bytes());
        columns.bytes::<TICKS>(&ticks.phase.to_le_bytes());
    }
    true
}

#[inline]
fn planes(columns: &mut Columns, entry: bool, steps: i64) {
    let [low, middle, high, ..] = steps.to_le_bytes();
    let planes = if (0..i64::from(TIME_ESCAPE) << 16).contains(&steps) {
        [low, middle, high]
    } else {
        columns.bytes::<LONG_TIME>(&steps.to_le_bytes());
        [0, 0, TIME_ESCAPE]
    };
    if entry {
        columns.byte::<ENTRY_TIME>(planes[0]);
        columns.byte::<{ ENTRY_TIME + 1 }>(planes[1]);
        columns.byte::<{ ENTRY_TIME + 2 }>(planes[2]);
    } else {
        columns.byte::<OTHER_TIME>(planes[0]);
        columns.byte::<{ OTHER_TIME + 1 }>(planes[1]);
        columns.byte::<{ OTHER_TIME + 2 }>(planes[2]);
    }
}

impl<'a> Times<'a> {
    /// Takes the columns of times.
    pub(super) fn new(columns: &mut [Column<'a>]) -> Option<Self> {
        let mut take = |at: usize| columns.get_mut(at).map(std::mem::take);
        let mut head = take(TICKS)?;
        let ticks = if head.0.is_empty() {
            Ticks::FINEST
        } else {
            Ticks {
                period: u64::from_le_bytes(head.array()?),
                phase: u64::from_le_bytes(head.array()?),
            }
        };
        let mut planes = |at| Some([take(at)?, take(at + 1)?, take(at + 2)?]);
        let planes = [planes(OTHER_TIME)?, planes(ENTRY_TIME)?];
        let (long, tweaks) = (take(LONG_TIME)?, take(TWEAK)?);
        let tweaked = !tweaks.0.is_empty();
        head.0.is_empty().then_some(Times {
            counter: Counter::new(ticks),
            planes,
            long,
            tweaks,
            tweaked,
        })
    }

    /// Returns the time of the next row, in nanoseconds.
    #[inline]
    pub(super) fn next(&mut self, entry: bool) -> Option<u64> {
        let [low, middle, high] = &mut self.planes[usize::from(entry)];
        let steps = match [low.byte()?, middle.byte()?, high.byte()?] {
            [0, 0, TIME_ESCAPE] => i64::from_le_bytes(self.long.array()?),
            [_, _, TIME_ESCAPE] => return None,
            [low, middle, high] => i64::from(u32::from_le_bytes([low, middle, high, 0])),
        };
        self.counter.step(steps);
        if !self.tweaked {
            return Some(self.counter.time());
        }
        let tweak = self.tweaks.byte()?;
        let tweak = i64::from(tweak >> 1) ^ -i64::from(tweak & 1);
        Some(self.counter.time().wrapping_add_signed(tweak))
    }

    /// Whether the columns are used up.
    pub(super) fn at_end(&self) -> bool {
        let planes = self.planes.iter().flatten().all(|plane| plane.0.is_empty());
        planes && self.long.0.is_empty() && self.tweaks.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::columns::{COLUMNS, Column, Columns, LONG_TIME, TICKS, TWEAK};
    use super::super::ticks::TickFinder;
    use super::{NANOSECOND, Ticks, Times, write};

    /// Encodes times and decodes them.
    fn round_trip(codes: &[u8], times: &[u64], ticks: Ticks) -> Option<Columns> {
        let mut columns = Columns::new();
        if !write(&mut columns, codes, times, ticks) {
            assert!(columns.0.iter().all(Vec::is_empty));
            return None;
        }
        let mut read: [Column<'_>; COLUMNS] = std::array::from_fn(|at| Column(&columns.0[at]));
        let mut again = Times::new(&mut read).unwrap();
        for (&code, &time) in codes.iter().zip(times) {
            assert_eq!(again.next(code & 3 == 1), Some(time));
        }
        assert!(again.at_end() && again.next(false).is_none());
        Some(columns)
    }

    /// Returns the times of a clock that ticks every `period` nanoseconds, read about every ten
    /// microseconds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "they are positive and small"
    )]
    fn ticking(period: f64, count: u64) -> Vec<u64> {
        let mut tick = 5_000_000_u64;
        (0..count)
            .map(|n| {
                tick +=
                    ((10_000 + n.wrapping_mul(n).wrapping_mul(7919) % 3001) as f64 / period) as u64;
                (1_u64 << 43) + (tick as f64 * period) as u64
            })
            .collect()
    }

    #[test]
    fn the_ticks_of_a_clock_are_found() {
        for period in [4.321, 10.0, 10.014_890_670_5, 40.0] {
            let times = ticking(period, 6000);
            let ticks = TickFinder::default().find(&times).unwrap_or_else(|| panic!("{period}"));
            let found = ticks.period as f64 / NANOSECOND as f64;
            assert!((found - period).abs() < 1e-6, "{found}");
            let columns = round_trip(&[1; 6000], &times, ticks).unwrap();
            let off = columns.0[TWEAK].iter().filter(|&&tweak| tweak != 0).count();
            assert!(off < 300, "{off} times at {period} ns");
            assert_eq!((columns.0[TICKS].len(), columns.0[LONG_TIME].len()), (16, 8));
        }
    }

    #[test]
    fn no_ticks_are_found_in_a_fine_clock() {
        let times: Vec<u64> =
            (0..6000_u64).map(|n| n * 9000 + n.wrapping_mul(n).wrapping_mul(7919) % 3001).collect();
        let mut finder = TickFinder::default();
        for _ in 0..9 {
            let ticks = finder.find(&times);
            assert!(ticks.is_none_or(|ticks| round_trip(&[0; 6000], &times, ticks).is_none()));
        }
    }

    proptest! {
        #[test]
        fn any_times_round_trip(
            rows in vec((0_u8..4, prop_oneof![any::<u64>(), 0_u64..1 << 25, 0_u64..1 << 13]),
                0..40),
            period in prop_oneof![Just(NANOSECOND), NANOSECOND..NANOSECOND * 80],
            phase in any::<u64>(),
        ) {
            let (codes, times): (Vec<u8>, Vec<u64>) = rows.into_iter().unzip();
            round_trip(&codes, &times, Ticks { period, phase });
            prop_assert!(round_trip(&codes, &times, Ticks::FINEST).is_some());
            let mut sorted = times;
            sorted.sort_unstable();
            prop_assert!(round_trip(&codes, &sorted, Ticks::FINEST).is_some());
        }
    }
}
