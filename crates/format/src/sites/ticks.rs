//! Finds the period of the clock's ticks from event times alone.
//!
//! All times are close to multiples of the period. The shortest differences give a coarse period:
//! the one on which they agree best. Longer and longer differences refine it, each time only as far
//! as the number of ticks between two times is certain.

use super::clock::{FRACTION, Ticks};

/// The differences compared first lie within this many nanoseconds.
const WINDOW: usize = 512;
/// The resolution of frequencies: multiples of 1 / FINENESS ticks per nanosecond.
const FINENESS: usize = 4 * WINDOW;
/// Periods from 3 to 64 ns. Shorter ones save too little.
const FREQUENCIES: std::ops::RangeInclusive<usize> = FINENESS / 64..=FINENESS / 3;
/// The least score, at most 1. Times without a period score less than half of it, a clear period
/// scores far more.
const GOOD_SCORE: f64 = 0.5;
/// The least number of differences in the window.
const MIN_DIFFERENCES: usize = 64;
/// The number of pairs of times that refine the period.
const PAIRS: usize = 256;
/// The error allowed in the number of ticks between two times, before rounding.
const MAX_ERROR: f64 = 0.2;

/// Finds the ticks of one block after another, on the same clock.
#[derive(Debug, Default)]
pub(super) struct TickFinder {
    /// The period of an earlier block, in nanoseconds.
    period: Option<f64>,
    /// The number of blocks to skip before the next search, and to skip after it.
    wait: u32,
    pause: u32,
    sorted: Vec<u64>,
}

impl TickFinder {
    /// Returns the ticks that best explain the times, if any. They need not explain all.
    pub(super) fn find(&mut self, times: &[u64]) -> Option<Ticks> {
        if times.len() < 2 * MIN_DIFFERENCES {
            return None;
        }
        // The reports of several tasks may have waited for their turn, so times are not sorted.
        self.sorted.clear();
        self.sorted.extend_from_slice(times);
        self.sorted.sort_unstable();
        let times = &self.sorted[..];
        // A clock is steady enough for a millisecond from one block to the next.
        if let Some(ticks) = self.period.and_then(|period| refine(times, period, 1e6)) {
            self.period = Some(ticks.0);
            return to_fixed_point(times, ticks);
        }
        self.period = None;
        if self.wait > 0 {
            self.wait -= 1;
            return None;
        }
        self.period =
            coarse(times).and_then(|(period, reach)| Some(refine(times, period, reach)?.0));
        if self.period.is_none() {
            // Most likely there is no period.
            self.pause = (2 * self.pause + 1).min(1 << 10);
            self.wait = self.pause;
        }
        to_fixed_point(times, refine(times, self.period?, 1e6)?)
    }
}

/// Returns a coarse period, and the difference up to which it is accurate.
fn coarse(times: &[u64]) -> Option<(f64, f64)> {
    let mut differences: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    differences.sort_unstable();
    // The window with the most differences.
    let window_len = WINDOW as u64;
    let (mut first, mut best) = (0, 0..0);
    for (end, &difference) in differences.iter().enumerate() {
        while differences.get(first).is_some_and(|&start| difference - start >= window_len) {
            first += 1;
        }
        if end + 1 - first > best.len() {
            best = first..end + 1;
        }
    }
    let close = differences.get(best).filter(|close| close.len() >= MIN_DIFFERENCES)?;
    let start = *close.first()?;
    let mut counts = vec![0.0; WINDOW];
    close.iter().filter_map(|&d| usize::try_from(d - start).ok()).for_each(|at| {
        if let Some(count) = counts.get_mut(at) {
            *count += 1.0;
        }
    });
    let circle: Vec<(f64, f64)> = (0..FINENESS)
        .map(|at| (std::f64::consts::TAU * at as f64 / FINENESS as f64).sin_cos())
        .collect();
    let counts: Vec<(usize, f64)> =
        counts.into_iter().enumerate().filter(|(_, count)| *count > 0.0).collect();
    let found = FREQUENCIES.map(|frequency| {
        let points = counts.iter().map(|&(at, count)| (circle[at * frequency % FINENESS], count));
        (agreement(points), frequency as f64 / FINENESS as f64)
    });
    let found: Vec<(f64, f64)> = found.collect();
    let best = found.iter().map(|&(score, _)| score).fold(0.0, f64::max);
    // Multiples of the frequency may score as high: take the top of the lowest peak.
    let low = found.iter().position(|&(score, _)| score > 0.9 * best)?;
    let rising = found.get(low..)?.windows(2).take_while(|pair| pair[0].0 < pair[1].0).count();
    let &(score, frequency) = found.get(low + rising)?;
    if score < GOOD_SCORE * close.len() as f64 {
        return None;
    }
    let near = close.iter().map(|&difference| (difference - start) as f64).collect::<Vec<_>>();
    let frequency = scan(&near, frequency, 0.5 / FINENESS as f64);
    // The period is now accurate to a thousandth, and the next window is 32 times as wide.
    let window = 32 * WINDOW;
    let short = differences
        .iter()
        .take_while(|&&difference| difference < differences[0].saturating_add(window as u64));
    let every = short.clone().count().div_ceil(4 * PAIRS);
    let short: Vec<u64> = short.step_by(every).copied().collect();
    let further: Vec<f64> =
        short.iter().map(|difference| (difference - differences[0]) as f64).collect();
    let frequency = scan(&further, frequency, 1e-3 * frequency);
    // Added zeros require that the differences are whole ticks and not just equal modulo a tick.
    let mut whole: Vec<f64> = short.iter().map(|&difference| difference as f64).collect();
    whole.resize(2 * whole.len(), 0.0);
    let frequency = scan(&whole, frequency, 3e-4 * frequency);
    Some((1.0 / frequency, window as f64))
}

/// Returns the frequency near `frequency` on which the distances agree best.
///
/// The candidates are equally spaced, so each phase advances by the same rotation: two products
/// instead of a sine, of which there would be 65 for each distance.
fn scan(distances: &[f64], frequency: f64, around: f64) -> f64 {
    const PARTS: i32 = 32;
    let at = |part: i32| frequency + around * f64::from(part) / f64::from(PARTS);
    let phases = |frequency: f64| {
        let angle = std::f64::consts::TAU * frequency;
        distances.iter().map(move |distance| (angle * distance).sin_cos())
    };
    let mut now: Vec<(f64, f64)> = phases(at(-PARTS)).collect();
    let turns: Vec<(f64, f64)> = phases(around / f64::from(PARTS)).collect();
    let near = (-PARTS..=PARTS).map(|part| {
        let score = agreement(now.iter().map(|&phase| (phase, 1.0)));
        for ((sine, cosine), (turn_sine, turn_cosine)) in now.iter_mut().zip(&turns) {
            (*sine, *cosine) = (
                *sine * turn_cosine + *cosine * turn_sine,
                *cosine * turn_cosine - *sine * turn_sine,
            );
        }
        (score, at(part))
    });
    near.max_by(|one, other| one.0.total_cmp(&other.0)).map_or(frequency, |best| best.1)
}

/// Returns how well phases agree, given sine, cosine and weight of each.
fn agreement(points: impl Iterator<Item = ((f64, f64), f64)>) -> f64 {
    let sum = points.fold((0.0, 0.0), |sum, ((sine, cosine), weight)| {
        (sum.0 + sine * weight, sum.1 + cosine * weight)
    });
    f64::hypot(sum.0, sum.1)
}

/// Refines a period that is accurate for differences up to `reach`. Returns it and the offset of
/// the ticks from the first time; `None` if the times are not at ticks.
fn refine(times: &[u64], mut period: f64, mut reach: f64) -> Option<(f64, f64)> {
    let span = times.last()?.checked_sub(*times.first()?)? as f64;
    while reach < span {
        let (mut square, mut product, mut off, mut pairs) = (0.0, 0.0, 0.0, 0.0);
        for nth in 0..PAIRS {
            let from = nth * times.len() / PAIRS;
            let start = *times.get(from)?;
            let to = times.partition_point(|&time| ((time.saturating_sub(start)) as f64) <= reach);
            let distance = times.get(to.checked_sub(1)?)?.saturating_sub(start) as f64;
            let ticks = (distance / period).round();
            square += distance * distance;
            product += distance * ticks;
            off += (distance / period - ticks).abs();
            pairs += f64::from(u8::from(distance > 0.0));
        }
        // Random times are off by a quarter of a tick on average.
        if off > MAX_ERROR * pairs {
            return None;
        }
        if product > 0.0 {
            period = square / product;
        }
        reach *= 8.0;
    }
    line(times, period)
}

/// Fits a line through all times by least squares: a time is that of the tick before it, rounded
/// down.
fn line(times: &[u64], period: f64) -> Option<(f64, f64)> {
    let start = *times.first()?;
    let points = || {
        times.iter().map(|&time| {
            let time = time.saturating_sub(start) as f64;
            ((time / period).round(), time)
        })
    };
    let count = times.len() as f64;
    let (ticks, mean) =
        points().fold((0.0, 0.0), |sum, (n, time)| (sum.0 + n / count, sum.1 + time / count));
    let (mut square, mut product) = (0.0, 0.0);
    for (n, time) in points() {
        square += (n - ticks) * (n - ticks);
        product += (n - ticks) * (time - mean);
    }
    let slope = product / square;
    // Rounding down takes half a nanosecond on average.
    let offset = mean - ticks * slope + 0.5;
    (slope.is_finite() && slope > 1.0 && slope < 256.0).then_some((slope, offset))
}

/// Returns the ticks in the form of the format.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "both are positive and small"
)]
fn to_fixed_point(times: &[u64], (period, offset): (f64, f64)) -> Option<Ticks> {
    let unit = (1_u64 << FRACTION) as f64;
    let period = (period * unit) as u64;
    let first = (i128::from(*times.first()?) << FRACTION) + (offset * unit) as i128;
    let phase = u64::try_from(first.rem_euclid(i128::from(period))).ok()?;
    Some(Ticks { period, phase })
}
