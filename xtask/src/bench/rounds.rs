//! Rounds: in each of them every contestant runs once, so that a slow drift of the machine meets
//! all.

use super::Effort;
use super::contestant::{Contestant, Run};
use super::machine::{idlest_now, wait_until_idle};
use super::place::Place;
use super::workload::Workload;
use anyhow::Result;
use std::time::Duration;

/// How long a round may wait for an idle machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Smallest, middle and largest.
#[derive(Clone, Copy)]
pub(super) struct Spread {
    pub(super) min: f64,
    pub(super) median: f64,
    pub(super) max: f64,
}

impl Spread {
    /// Of at least one value.
    pub(super) fn of(mut values: Vec<f64>) -> Option<Spread> {
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let upper = values.len() / 2;
        let lower = (values.len() - 1) / 2;
        Some(Spread { min, median: f64::midpoint(values[lower], values[upper]), max })
    }
}

/// The rounds of one workload.
pub(super) struct Rounds {
    /// Who runs, in this order.
    order: &'static [Contestant],
    /// Seconds by contestant, in that order.
    seconds: Vec<Vec<f64>>,
    /// Rounds that others disturbed, and that were done again.
    pub(super) thrown_away: usize,
}

impl Rounds {
    /// Runs rounds until there are enough that nobody disturbed.
    pub(super) fn measure(
        place: &Place,
        workload: &Workload,
        effort: &Effort,
        order: &'static [Contestant],
    ) -> Result<Rounds> {
        let run = |who: Contestant, cpu: &str| who.run(place, cpu, &workload.argv);
        // Once for nothing: files come into the page cache, and strace needs no others.
        for &who in
            order.iter().filter(|who| !matches!(who, Contestant::Strace | Contestant::StraceOneCpu))
        {
            run(who, "0")?;
        }
        let mut rounds = Rounds { order, seconds: Vec::new(), thrown_away: 0 };
        while rounds.seconds.len() < effort.pairs && rounds.thrown_away <= effort.pairs {
            let Some(cpu) = idle_cpu(effort)? else { break };
            let round = order.iter().map(|&who| run(who, &cpu)).collect::<Result<Vec<Run>>>()?;
            if round.iter().any(|run| run.disturbed) && !effort.force {
                rounds.thrown_away += 1;
            } else {
                rounds.seconds.push(round.iter().map(|run| run.seconds).collect());
            }
        }
        Ok(rounds)
    }

    /// How many there are that nobody disturbed.
    pub(super) fn count(&self) -> usize {
        self.seconds.len()
    }

    fn of(&self, who: Contestant) -> impl Iterator<Item = f64> {
        let at = self
            .order
            .iter()
            .position(|&other| other == who)
            .expect("every contestant is in a round");
        self.seconds.iter().map(move |round| round[at])
    }

    pub(super) fn median(&self, who: Contestant) -> f64 {
        Spread::of(self.of(who).collect()).map_or(f64::NAN, |spread| spread.median)
    }

    pub(super) fn ratio(&self, a: Contestant, b: Contestant) -> Option<Spread> {
        Spread::of(self.of(a).zip(self.of(b)).map(|(a, b)| a / b).collect())
    }

    /// What each of so many things may cost for a program to take so many seconds, in microseconds.
    pub(super) fn each(&self, seconds: f64, things: u64) -> f64 {
        (seconds - self.median(Contestant::Bare)) / things as f64 * 1e6
    }
}

/// An idle CPU once the machine is idle; the idlest when that shall not matter; none when it does
/// not come to rest.
pub(super) fn idle_cpu(effort: &Effort) -> Result<Option<String>> {
    let cpu = if effort.force { Some(idlest_now()?) } else { wait_until_idle(PATIENCE).ok() };
    Ok(cpu.map(|cpu| cpu.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let spread = |values: &[f64]| Spread::of(values.to_vec()).map(|s| (s.min, s.median, s.max));
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[3.0]), Some((3.0, 3.0, 3.0)));
        assert_eq!(spread(&[9.0, 1.0, 2.0]), Some((1.0, 2.0, 9.0)));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 9.0]), Some((1.0, 3.0, 9.0)));
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let order: &[Contestant] = &[Contestant::Sysreel, Contestant::Strace, Contestant::Bare];
        let rounds = Rounds {
            order,
            seconds: vec![vec![1.0, 6.0, 1.0], vec![2.0, 8.0, 1.0]],
            thrown_away: 0,
        };
        let ratio = rounds.ratio(Contestant::Strace, Contestant::Sysreel).unwrap();
        assert_eq!((ratio.min, ratio.max), (4.0, 6.0));
        assert_eq!(rounds.each(1.5, 1000), 500.0);
    }
}
