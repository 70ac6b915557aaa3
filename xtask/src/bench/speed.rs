//! How long a program takes under each contestant: ratios of runs that lie side by side.

use super::Effort;
use super::contestant::{Contestant, Run};
use super::goals;
use super::machine::{idlest_now, wait_until_idle};
use super::place::Place;
use super::readings;
use super::table::{Table, seconds, times};
use super::workload::Workload;
use anyhow::Result;
use std::time::Duration;

/// In one round each of them runs once, in this order: A B A B, so that a slow drift of the machine meets all.
const ROUND: [Contestant; 4] =
    [Contestant::Sysreel, Contestant::Strace, Contestant::StraceOneCpu, Contestant::Bare];
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

/// The section of the report.
pub(super) fn section(place: &Place, workloads: &[Workload], effort: &Effort) -> Result<String> {
    let floor = floor(place, effort)?;
    let mut report = Report { floor, ..Report::new() };
    for workload in workloads {
        eprintln!("speed: {}", workload.name);
        report.add(workload, &Rounds::measure(place, workload, effort)?);
    }
    Ok(report.text(place, workloads))
}

/// The rounds of one workload.
struct Rounds {
    /// Seconds by contestant, in the order of [`ROUND`].
    seconds: Vec<[f64; ROUND.len()]>,
    /// Rounds that others disturbed, and that were done again.
    thrown_away: usize,
    /// Ptrace stops in the last log.
    stops: u64,
}

impl Rounds {
    /// Runs rounds until there are enough that nobody disturbed.
    fn measure(place: &Place, workload: &Workload, effort: &Effort) -> Result<Rounds> {
        let run = |who: Contestant, cpu: &str| who.run(place, cpu, &workload.argv);
        // Once for nothing: files come into the page cache.
        for who in [Contestant::Bare, Contestant::Sysreel] {
            run(who, "0")?;
        }
        let stops = readings::contents(&Contestant::Sysreel.output(place))?.stops;
        let mut rounds = Rounds { seconds: Vec::new(), thrown_away: 0, stops };
        while rounds.seconds.len() < effort.pairs && rounds.thrown_away <= effort.pairs {
            let Some(cpu) = idle_cpu(effort)? else { break };
            let round = ROUND.into_iter().map(|who| run(who, &cpu)).collect::<Result<Vec<Run>>>()?;
            if round.iter().any(|run| run.disturbed) && !effort.force {
                rounds.thrown_away += 1;
            } else {
                rounds.seconds.push(std::array::from_fn(|at| round[at].seconds));
            }
        }
        Ok(rounds)
    }

    fn of(&self, who: Contestant) -> impl Iterator<Item = f64> {
        let at = ROUND.iter().position(|&other| other == who).expect("every contestant is in a round");
        self.seconds.iter().map(move |round| round[at])
    }

    fn median(&self, who: Contestant) -> f64 {
        Spread::of(self.of(who).collect()).map_or(f64::NAN, |spread| spread.median)
    }

    fn ratio(&self, a: Contestant, b: Contestant) -> Option<Spread> {
        Spread::of(self.of(a).zip(self.of(b)).map(|(a, b)| a / b).collect())
    }

    /// What a stop may cost for a program to take so many seconds, in microseconds.
    fn a_stop(&self, seconds: f64) -> f64 {
        (seconds - self.median(Contestant::Bare)) / self.stops as f64 * 1e6
    }
}

struct Report {
    ratios: Table,
    times: Table,
    missed: Vec<String>,
    floor: f64,
}

impl Report {
    fn new() -> Report {
        let ratios = [
            "workload",
            "goal",
            "strace / sysreel",
            "",
            "goal",
            "strace on one CPU / sysreel",
            "",
            "sysreel / bare",
        ];
        let times = [
            "workload",
            "stops",
            "bare",
            "sysreel",
            "strace",
            "strace on one CPU",
            "sysreel a stop",
            "pairs",
            "thrown away",
        ];
        Report { ratios: Table::new(&ratios), times: Table::new(&times), missed: Vec::new(), floor: f64::NAN }
    }

    fn add(&mut self, workload: &Workload, rounds: &Rounds) {
        let mut row = vec![workload.name.to_owned()];
        for against in [Contestant::Strace, Contestant::StraceOneCpu] {
            let goal = goals::speed(workload.name, against);
            let ratio = rounds.ratio(against, Contestant::Sysreel);
            let verdict = match (ratio, goal) {
                (None, _) => "**not judged**",
                (_, None) => "",
                (Some(ratio), Some(goal)) if ratio.median >= goal => "met",
                _ => "**missed**",
            };
            if let (Some(ratio), Some(goal)) = (ratio, goal)
                && ratio.median < goal
            {
                self.missed.push(format!(
                    "- `{}` against {}: {goal:.1}x wanted, {:.2}x reached. Beside the program's own time a stop takes {:.1} us with \
                     sysreel; the goal leaves {:.1} us.",
                    workload.name,
                    goals::opponent(against),
                    ratio.median,
                    rounds.a_stop(rounds.median(Contestant::Sysreel)),
                    rounds.a_stop(rounds.median(against) / goal),
                ));
            }
            row.push(goal.map_or(String::new(), |goal| format!("{goal:.1}x")));
            row.push(ratio.map_or("the machine was not idle".into(), times));
            row.push(verdict.into());
        }
        row.push(rounds.ratio(Contestant::Sysreel, Contestant::Bare).map_or(String::new(), times));
        self.ratios.row(row);
        let mut row = vec![workload.name.to_owned(), rounds.stops.to_string()];
        let columns = [Contestant::Bare, Contestant::Sysreel, Contestant::Strace, Contestant::StraceOneCpu];
        row.extend(columns.map(|who| seconds(rounds.median(who))));
        row.push(format!("{:.1} us", rounds.a_stop(rounds.median(Contestant::Sysreel))));
        row.extend([rounds.seconds.len(), rounds.thrown_away].map(|count| count.to_string()));
        self.times.row(row);
    }

    fn text(&self, place: &Place, workloads: &[Workload]) -> String {
        let what: Vec<String> =
            workloads.iter().map(|workload| format!("- `{}`: {}", workload.name, workload.what)).collect();
        let missed = match self.missed.as_slice() {
            [] => String::new(),
            missed => format!("\nMissed:\n\n{}\n", missed.join("\n")),
        };
        format!(
            "## Speed\n\n\
             Wall time from start to end, run {who}, everything written to files on one file system. Each ratio is of runs side by side; the \
             table has the median of all pairs (smallest to largest), and a goal is judged by the median. More is better, but for the last column.\n\n\
             - sysreel: `{sysreel}`; its default capture limit of 64 KiB is what `-s 65536` asks of strace\n\
             - strace: `{strace}`\n\
             - strace on one CPU: `{one_cpu}`, N an idle CPU\n\n{ratios}{missed}\n\
             Workloads:\n\n{what}\n\n\
             Where the time goes (medians). A stop is one report of ptrace(2), two a call. A tracer that only waits, asks for the struct and resumes, on \
             one CPU and without a log (fixtures/bench/floor.c), needs **{floor:.1} us** a stop here: no recorder by ptrace(2) gets below.\n\n{times}",
            who = place.who(),
            sysreel = spelled(Contestant::Sysreel, place),
            strace = spelled(Contestant::Strace, place),
            one_cpu = spelled(Contestant::StraceOneCpu, place),
            ratios = self.ratios,
            what = what.join("\n"),
            floor = self.floor,
            times = self.times,
        )
    }
}

/// A contestant's command as a reader would type it.
fn spelled(who: Contestant, place: &Place) -> String {
    let argv = who.argv(place, "N", &["CMD".to_owned()]).join(" ");
    argv.replace(&place.path("out/"), "").replace(&place.path(""), "")
}

/// An idle CPU once the machine is idle; the idlest when that shall not matter; none when it does not come to rest.
fn idle_cpu(effort: &Effort) -> Result<Option<String>> {
    let cpu = if effort.force { Some(idlest_now()?) } else { wait_until_idle(PATIENCE).ok() };
    Ok(cpu.map(|cpu| cpu.to_string()))
}

/// What a stop costs the tracer that does the least, in microseconds.
fn floor(place: &Place, effort: &Effort) -> Result<f64> {
    const CALLS: u32 = 20_000;
    let program = [place.program("calls"), "getppid".into(), CALLS.to_string()];
    let mut costs = Vec::new();
    for _ in 0..effort.pairs {
        let Some(cpu) = idle_cpu(effort)? else { break };
        let [floor, bare] = [Contestant::Floor, Contestant::Bare].map(|who| who.run(place, &cpu, &program));
        costs.push((floor?.seconds - bare?.seconds) / f64::from(2 * CALLS) * 1e6);
    }
    Ok(Spread::of(costs).map_or(f64::NAN, |spread| spread.median))
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
        let at = |who| ROUND.iter().position(|&other| other == who).unwrap();
        let mut seconds = vec![[1.0; ROUND.len()]; 2];
        seconds[0][at(Contestant::Strace)] = 6.0;
        seconds[1][at(Contestant::Strace)] = 8.0;
        seconds[1][at(Contestant::Sysreel)] = 2.0;
        let rounds = Rounds { seconds, thrown_away: 0, stops: 1000 };
        let ratio = rounds.ratio(Contestant::Strace, Contestant::Sysreel).unwrap();
        assert_eq!((ratio.min, ratio.max), (4.0, 6.0));
        assert_eq!(rounds.a_stop(1.5), 500.0);
    }
}
