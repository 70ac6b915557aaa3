//! What a recording costs the program, in each way of recording.

use super::Effort;
use super::contestant::{Contestant, TRACERS};
use super::goals;
use super::place::Place;
use super::rounds::Rounds;
use super::table::{Table, seconds, times, verdict};
use super::workload::{self, Workload};
use anyhow::Result;

/// The table of ratios to the bare program.
pub(super) struct Native(Table);

impl Native {
    pub(super) fn new() -> Native {
        let of_one = format!("{TRACERS} tracers / one");
        let several = format!("{TRACERS} tracers / bare");
        Native(Table::new(&[
            "workload",
            "goal",
            "one tracer / bare",
            "",
            "goal",
            &several,
            "",
            "goal",
            &of_one,
            "",
            "goal",
            "fast / bare",
            "",
            "strace / bare",
            "strace on one CPU / bare",
        ]))
    }

    pub(super) fn add(&mut self, workload: &Workload, rounds: &Rounds) {
        let name = workload.name;
        let mut row = vec![name.to_owned()];
        let mut judge = |a: Contestant, b: Contestant, goal: Option<f64>| {
            let ratio = rounds.ratio(a, b);
            row.push(goal.map_or(String::new(), |goal| format!("{goal:.2}x")));
            row.push(ratio.map_or("the machine was not idle".into(), times));
            row.push(match (goal, ratio) {
                (Some(_), None) => "**not judged**".into(),
                (Some(goal), Some(ratio)) => verdict(ratio.median <= goal),
                (None, _) => String::new(),
            });
        };
        let of_bare = |who| goals::of_bare(name, who);
        judge(Contestant::Sysreel, Contestant::Bare, of_bare(Contestant::Sysreel));
        let several = Contestant::SeveralTracers;
        judge(several, Contestant::Bare, of_bare(several));
        judge(several, Contestant::Sysreel, goals::of_one_tracer(name));
        judge(Contestant::Fast, Contestant::Bare, of_bare(Contestant::Fast));
        for who in [Contestant::Strace, Contestant::StraceOneCpu] {
            row.push(rounds.ratio(who, Contestant::Bare).map_or(String::new(), times));
        }
        self.0.row(row);
    }

    /// Returns the part of the report, with what is judged by its time.
    ///
    /// # Errors
    /// When a program cannot be run.
    pub(super) fn text(&self, place: &Place, effort: &Effort) -> Result<String> {
        let (absolute, what) = absolute(place, effort)?;
        Ok(format!(
            "What each way of recording costs, in the same rounds. Less is better, and goals are upper limits. *{TRACERS} tracers* is `--tracers {TRACERS}`, \
             *fast* is `--fast`, which records what it can from inside the process.\n\n{}\n{absolute}\n{what}\n",
            self.0
        ))
    }
}

/// Measures the workloads that are judged by their time. Returns the table, and what they are.
fn absolute(place: &Place, effort: &Effort) -> Result<(Table, String)> {
    const ROUND: &[Contestant] = &[Contestant::Bare, Contestant::Sysreel];
    let [start, descriptors] = workload::absolute(place)?;
    let mut table = Table::new(&["workload", "bare", "sysreel", "more", "goal: at most", ""]);
    let rounds = |workload: &Workload| {
        eprintln!("speed: {}", workload.name);
        let effort = Effort { pairs: effort.pairs * 4, ..*effort };
        Rounds::measure(place, workload, &effort, ROUND)
    };
    let mut add = |workload: &Workload, limit: f64, is_all: bool| -> Result<()> {
        let rounds = rounds(workload)?;
        let (bare, sysreel) = (rounds.median(Contestant::Bare), rounds.median(Contestant::Sysreel));
        let more = sysreel - bare;
        let (judged, of) = if is_all { (sysreel, "in all") } else { (more, "more") };
        let goal = format!("{} {of}", seconds(limit));
        let figures = [seconds(bare), seconds(sysreel), format!("{:.1} ms", more * 1e3)];
        let row = std::iter::once(workload.name.to_owned()).chain(figures);
        let verdict =
            if judged.is_nan() { "**not judged**".into() } else { verdict(judged <= limit) };
        table.row(row.chain([goal, verdict]).collect());
        Ok(())
    };
    add(&start, goals::START_AND_END, false)?;
    add(&descriptors, goals::DESCRIPTORS, true)?;
    let what = [start, descriptors].map(|one| format!("- `{}`: {}", one.name, one.what));
    Ok((table, what.join("\n")))
}
