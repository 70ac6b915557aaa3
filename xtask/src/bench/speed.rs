//! The time that a program takes under each contestant, as ratios of adjacent runs.

use super::Effort;
use super::contestant::Contestant;
use super::goals;
use super::native::Native;
use super::place::Place;
use super::readings;
use super::rounds::{Rounds, Spread, idle_cpu};
use super::table::{Table, seconds, times};
use super::workload::Workload;
use anyhow::Result;

/// In each round every contestant runs once, in this order, so that a drift of the machine affects
/// them all.
const ROUND: &[Contestant] = &[
    Contestant::Sysreel,
    Contestant::SeveralTracers,
    Contestant::Fast,
    Contestant::Strace,
    Contestant::StraceOneCpu,
    Contestant::Bare,
];

/// Returns the section of the report.
pub(super) fn section(place: &Place, workloads: &[Workload], effort: &Effort) -> Result<String> {
    let floor = floor(place, effort)?;
    let mut report = Report { floor, ..Report::new() };
    for workload in workloads {
        eprintln!("speed: {}", workload.name);
        let rounds = Rounds::measure(place, workload, effort, ROUND)?;
        let stops = readings::contents(&Contestant::Sysreel.output(place))?.stops;
        report.add(workload, &rounds, stops);
    }
    let native = report.native.text(place, effort)?;
    Ok(format!("{}\n{native}", report.text(place, workloads)))
}

struct Report {
    ratios: Table,
    native: Native,
    times: Table,
    missed: Vec<String>,
    floor: f64,
}

impl Report {
    fn new() -> Report {
        let ratios =
            ["workload", "goal", "strace / sysreel", "", "goal", "strace on one CPU / sysreel", ""];
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
        Report {
            ratios: Table::new(&ratios),
            native: Native::new(),
            times: Table::new(&times),
            missed: Vec::new(),
            floor: f64::NAN,
        }
    }

    fn add(&mut self, workload: &Workload, rounds: &Rounds, stops: u64) {
        self.native.add(workload, rounds);
        let a_stop = |seconds| rounds.each(seconds, stops);
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
                    "- `{}` against {}: {goal:.1}x wanted, {:.2}x reached. Beside the program's \
                     own time a stop takes {:.1} us with sysreel; the goal leaves {:.1} us.",
                    workload.name,
                    goals::opponent(against),
                    ratio.median,
                    a_stop(rounds.median(Contestant::Sysreel)),
                    a_stop(rounds.median(against) / goal),
                ));
            }
            row.push(goal.map_or(String::new(), |goal| format!("{goal:.1}x")));
            row.push(ratio.map_or("the machine was not idle".into(), times));
            row.push(verdict.into());
        }
        self.ratios.row(row);
        let mut row = vec![workload.name.to_owned(), stops.to_string()];
        let columns =
            [Contestant::Bare, Contestant::Sysreel, Contestant::Strace, Contestant::StraceOneCpu];
        row.extend(columns.map(|who| seconds(rounds.median(who))));
        row.push(format!("{:.1} us", a_stop(rounds.median(Contestant::Sysreel))));
        row.extend([rounds.count(), rounds.thrown_away].map(|count| count.to_string()));
        self.times.row(row);
    }

    fn text(&self, place: &Place, workloads: &[Workload]) -> String {
        let what: Vec<String> = workloads
            .iter()
            .map(|workload| format!("- `{}`: {}", workload.name, workload.what))
            .collect();
        let missed = match self.missed.as_slice() {
            [] => String::new(),
            missed => format!("\nMissed:\n\n{}\n", missed.join("\n")),
        };
        format!(
            "## Speed\n\n\
             Wall time from start to end, run {who}, everything written to files on one file system. Each ratio is of runs side by side; the \
             table has the median of all pairs (smallest to largest), and a goal is judged by the median. More is better.\n\n\
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

/// Returns a contestant's command as a reader would type it.
fn spelled(who: Contestant, place: &Place) -> String {
    let argv = who.argv(place, "N", &["CMD".to_owned()]).join(" ");
    argv.replace(&place.path("out/"), "").replace(&place.path(""), "")
}

/// Returns the cost of a stop under the smallest tracer, in microseconds.
fn floor(place: &Place, effort: &Effort) -> Result<f64> {
    const CALLS: u32 = 20_000;
    let program = [place.program("calls"), "getppid".into(), CALLS.to_string()];
    let mut costs = Vec::new();
    for _ in 0..effort.pairs {
        let Some(cpu) = idle_cpu(effort)? else { break };
        let [floor, bare] =
            [Contestant::Floor, Contestant::Bare].map(|who| who.run(place, &cpu, &program));
        costs.push((floor?.seconds - bare?.seconds) / f64::from(2 * CALLS) * 1e6);
    }
    Ok(Spread::of(costs).map_or(f64::NAN, |spread| spread.median))
}
