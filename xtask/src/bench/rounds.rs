//! Rounds. In each of them every contestant runs once, so that a drift of the machine affects them
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
    /// Returns the spread of at least one value.
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
    /// The contestants in the order of their runs.
    order: &'static [Contestant],
    /// Seconds by contestant, in that order.
    seconds: Vec<Vec<f64>>,
    /// Rounds that other programs disturbed, and that were repeated.
    pub(super) thrown_away: usize,
}

impl Rounds {
    /// Runs rounds until enough of them are undisturbed.
    pub(super) fn measure(
        place: &Place,
        workload: &Workload,
        effort: &Effort,
        order: &'static [Contestant],
    ) -> Result<Rounds> {
        let run = |who: Contestant, cpu: &str| who.run(place, cpu, &workload.argv);
        // One round is not counted: it brings the files into the page cache.
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

    /// Returns the number of undisturbed rounds.
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

    /// Returns the time per call in microseconds if the program takes that many seconds more.
    pub(super) fn each(&self, seconds: f64, things: u64) -> f64 {
        (seconds - self.median(Contestant::Bare)) / things as f64 * 1e6
    }
}

/// Returns an idle CPU once the machine is idle, the idlest with `--force`, or `None` when the
/// machine does not become idle.
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
