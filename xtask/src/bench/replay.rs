//! The cost of a recording for replay and of its replay, as ratios of adjacent runs.

use super::Effort;
use super::contestant::Contestant;
use super::goals;
use super::place::Place;
use super::rounds::Rounds;
use super::table::{Table, bytes, seconds, times, verdict};
use super::workload::Workload;
use anyhow::{Context, Result};
use std::fs;

/// The log of the recording right before it is replayed.
const ROUND: &[Contestant] =
    &[Contestant::Bare, Contestant::Sysreel, Contestant::Replayable, Contestant::Replay];

/// A comparison: two contestants and the goal for their ratio.
type Comparison = (Contestant, Contestant, fn(&str) -> Option<f64>);

const COMPARISONS: [Comparison; 3] = [
    (Contestant::Replayable, Contestant::Sysreel, |_| Some(goals::REPLAYABLE)),
    (Contestant::Replay, Contestant::Replayable, goals::replay_by_recording),
    (Contestant::Replay, Contestant::Bare, goals::replay_by_bare),
];

/// Returns the section of the report.
pub(super) fn section(place: &Place, workloads: &[Workload], effort: &Effort) -> Result<String> {
    let mut ratios = Table::new(&[
        "workload",
        "goal: at most",
        "for replay / plain",
        "",
        "goal: at most",
        "replay / its recording",
        "",
        "goal: at most",
        "replay / bare",
        "",
    ]);
    let mut figures = Table::new(&[
        "workload",
        "bare",
        "plain",
        "for replay",
        "replay",
        "log, plain",
        "log, for replay",
        "rounds",
        "thrown away",
    ]);
    for workload in workloads {
        eprintln!("replay: {}", workload.name);
        let rounds = Rounds::measure(place, workload, effort, ROUND)?;
        ratios.row(compared(workload, &rounds));
        let mut row = vec![workload.name.to_owned()];
        row.extend(ROUND.iter().map(|&who| seconds(rounds.median(who))));
        for who in [Contestant::Sysreel, Contestant::Replayable] {
            let log = who.output(place);
            let len = fs::metadata(&log).with_context(|| log.display().to_string())?.len();
            row.push(bytes(len));
        }
        row.extend([rounds.count(), rounds.thrown_away].map(|count| count.to_string()));
        figures.row(row);
    }
    let what: Vec<String> = workloads
        .iter()
        .map(|workload| format!("- `{}`: {}", workload.name, workload.what))
        .collect();
    Ok(format!(
        "## Replaying\n\n\
         Wall time from start to end, run {who}. In each round the program runs bare, is recorded (`sysreel record`), is recorded for replay (`sysreel record \
         --replayable`), and that log is replayed (`sysreel replay`), every call compared. Ratios are of one round; the table has the median (smallest to largest), and \
         less is better. A recording for replay holds the contents of every file that is mapped, and calls that ask for the time are system calls in it.\n\n\
         {ratios}\nWorkloads:\n\n{what}\n\n{figures}",
        who = place.who(),
        what = what.join("\n"),
    ))
}

/// Returns the row of ratios.
fn compared(workload: &Workload, rounds: &Rounds) -> Vec<String> {
    let mut row = vec![workload.name.to_owned()];
    for (a, b, goal) in COMPARISONS {
        let (goal, ratio) = (goal(workload.name), rounds.ratio(a, b));
        row.push(goal.map_or(String::new(), |goal| format!("{goal:.1}x")));
        row.push(ratio.map_or("the machine was not idle".into(), times));
        row.push(match (goal, ratio) {
            (Some(_), None) => "**not judged**".into(),
            (Some(goal), Some(ratio)) => verdict(ratio.median <= goal),
            (None, _) => String::new(),
        });
    }
    row
}
