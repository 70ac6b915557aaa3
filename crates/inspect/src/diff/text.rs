//! A report for people: the gravest first, grouped by process, each difference with what follows from it.

use std::io::{self, Write};

use super::report::{Change, Difference, Report};
use super::rule::Severity;

/// How many consequences of one difference are listed; the others are counted.
const CONSEQUENCES: usize = 5;

/// Writes a report. Differences below `gate` are counted, not listed.
///
/// # Errors
/// When the output cannot be written.
pub fn text(report: &Report, gate: Severity, out: &mut dyn Write) -> io::Result<()> {
    for (name, side) in ["A", "B"].into_iter().zip(&report.sides) {
        let whole = if side.whole { "" } else { ", not whole" };
        writeln!(out, "{name} {}: {} events, {} processes{whole}", side.log, side.events, side.processes)?;
    }
    for why in &report.incomparable {
        writeln!(out, "not comparable: {why}")?;
    }
    for severity in Severity::ALL.into_iter().rev().filter(|severity| *severity >= gate) {
        let shown: Vec<&Difference> =
            report.differences.iter().filter(|difference| difference.gravest() == severity).collect();
        if shown.is_empty() {
            continue;
        }
        writeln!(out, "\n{severity} ({})", shown.len())?;
        let mut process = None;
        for difference in shown {
            if process != Some(&difference.process) {
                writeln!(out, "  {}", difference.process)?;
                process = Some(&difference.process);
            }
            one(difference, out)?;
        }
    }
    let below: Vec<String> = Severity::ALL
        .into_iter()
        .filter(|severity| *severity < gate)
        .map(|severity| (severity, report.differences.iter().filter(|d| d.gravest() == severity).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{count} {severity}"))
        .collect();
    if !below.is_empty() {
        writeln!(out, "\nbelow the gate: {} (--gate info shows all)", below.join(", "))?;
    }
    if !report.muted.is_empty() {
        let classes: Vec<String> = report
            .muted
            .iter()
            .map(|muted| format!("{} {}/{}", muted.class, muted.calls[0], muted.calls[1]))
            .collect();
        writeln!(out, "\nnot compared call by call (A/B): {}", classes.join(", "))?;
    }
    Ok(())
}

fn one(difference: &Difference, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "    {} {}: {}", sign(difference.change), difference.rule, difference.what)?;
    if let (Some(before), Some(after)) = (&difference.before, &difference.after) {
        write!(out, ": {before} => {after}")?;
    }
    let events: Vec<String> = ["A", "B"]
        .into_iter()
        .zip(difference.events)
        .filter_map(|(name, event)| Some(format!("{name}:{}", event?)))
        .collect();
    writeln!(out, "  [{}]", events.join(" "))?;
    for consequence in difference.consequences.iter().take(CONSEQUENCES) {
        write!(out, "        so {} {}", sign(consequence.change), consequence.what)?;
        if let (Some(before), Some(after)) = (&consequence.before, &consequence.after) {
            write!(out, ": {before} => {after}")?;
        }
        writeln!(out)?;
    }
    match difference.consequences.len().checked_sub(CONSEQUENCES) {
        None | Some(0) => Ok(()),
        Some(more) => writeln!(out, "        and {more} more that follow"),
    }
}

fn sign(change: Change) -> char {
    match change {
        Change::Added => '+',
        Change::Removed => '-',
        Change::Changed => '~',
    }
}
