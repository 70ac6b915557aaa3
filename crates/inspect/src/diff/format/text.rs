//! Text for people: the gravest differences first, grouped by process, each with its consequences;
//! then what the policy and repeated runs took out.

use std::io::{self, Write};

use super::findings::{Finding, findings};
use super::fold::folded;
use super::lines::{headline, how_often, line, with_spaces};
use crate::color::{Palette, Role};
use crate::diff::context::Around;
use crate::diff::policy::Kind;
use crate::diff::report::{Change, Report};
use crate::diff::rule::Severity;
use crate::diff::verdict::{Unstable, Verdict};
use crate::print::Highlighter;
use crate::text::counted;
use crate::visible::Lines;

/// How many lines of noise and of unstable differences are listed; the others are counted.
const LISTED: usize = 20;

/// Writes a verdict as text. `commands` is whether to escape what GitHub would take for a workflow
/// command.
pub(super) fn text(verdict: &Verdict, commands: bool, out: &mut dyn Write) -> io::Result<()> {
    let verdict = &*folded(verdict);
    let out = &mut Lines::new(out, commands, verdict.width).colored(verdict.palette);
    write_report(&verdict.report, (&findings(verdict), verdict.listed), out)?;
    if let Some(around) = &verdict.first {
        write_around(around, out)?;
    }
    for excepted in &verdict.excepted {
        let done = match excepted.kind {
            Kind::Ignore => "ignored",
            Kind::Allow => "allowed",
        };
        let reason = if excepted.reason.is_empty() {
            String::new()
        } else {
            format!(": {}", excepted.reason)
        };
        out.line(format_args!("{done} {} ({}){reason}", excepted.count, excepted.place))?;
    }
    if !verdict.noise.is_empty() {
        let (count, hint) =
            (verdict.noise.len(), if verdict.verbose { ":" } else { " (-v lists them)" });
        out.line(format_args!("muted by what the baseline has learned: {count}{hint}"))?;
        let listed = verdict.noise.iter().filter(|_| verdict.verbose);
        listed.into_iter().try_for_each(|noise| out.line(format_args!("  {noise}")))?;
    }
    if !verdict.unstable.is_empty() {
        out.line(format_args!("unstable, so no reason to fail ({}):", verdict.unstable.len()))?;
        for unstable in verdict.unstable.iter().take(LISTED) {
            write_unstable(unstable, out)?;
        }
    }
    if let Some(more @ 1..) = verdict.unstable.len().checked_sub(LISTED) {
        out.line(format_args!("  and {more} more; --format json has them all"))?;
    }
    verdict.notices.iter().try_for_each(|notice| out.line(format_args!("{notice}")))?;
    if verdict.masked > 0 {
        let texts = counted(verdict.masked, "text");
        out.line(format_args!("secrets are masked in {texts} (--show-secrets shows them)"))?;
    }
    out.line_as(Role::Heading, format_args!("{}", headline(verdict)))
}

/// Writes a difference that only some runs have, and the calls around it in two of them.
fn write_unstable(unstable: &Unstable, out: &mut Lines<'_>) -> io::Result<()> {
    let difference = &unstable.difference;
    out.line(format_args!(
        "  {}: {} {} {}",
        how_often(unstable),
        difference.rule,
        with_spaces(&difference.role),
        line(difference)
    ))?;
    let Some(around) = &unstable.around else { return Ok(()) };
    let names = ["A", "B"];
    for (at, lines) in around.lines.iter().enumerate() {
        let Some(event) = around.events[at].filter(|_| !lines.is_empty()) else { continue };
        let name = names[unstable.side.unwrap_or(at)];
        let run = unstable.runs[at] + 1;
        out.line(format_args!("    {name}, run {run}, around event {event}"))?;
        for line in lines {
            out.line_with(format_args!("      {line}"), highlighted)?;
        }
    }
    Ok(())
}

/// The colors that `print` gives to a line.
fn highlighted(palette: Palette, line: &str) -> String {
    let mut out = String::new();
    Highlighter::new(palette).add(line, &mut out);
    out
}

fn write_sides(report: &Report, out: &mut Lines<'_>) -> io::Result<()> {
    for (name, side) in ["A", "B"].into_iter().zip(&report.sides) {
        if let [first, others @ ..] = &side.logs[..] {
            out.line(format_args!("{name} {first} and {}:", counted(others.len(), "other log")))?;
        }
        match (side.events, side.whole) {
            // A baseline has no events.
            (0, true) => out.line(format_args!("{name} {}", side.log))?,
            (events, whole) => {
                let whole = if whole { "" } else { ", not whole" };
                out.line(format_args!(
                    "{name} {}: {}, {}{whole}",
                    side.log,
                    counted(events, "event"),
                    counted(side.processes, "process")
                ))?;
            }
        }
    }
    Ok(())
}

fn write_report(
    report: &Report,
    (listed, gate): (&[Finding], Severity),
    out: &mut Lines<'_>,
) -> io::Result<()> {
    write_sides(report, out)?;
    for why in &report.incomparable {
        out.line(format_args!("not comparable: {why}"))?;
    }
    for what in &report.unseen {
        out.line(format_args!("not compared: {what}"))?;
    }
    for of_severity in listed.chunk_by(|a, b| a.severity == b.severity) {
        let Some(Finding { severity, .. }) = of_severity.first() else { continue };
        out.blank()?;
        out.line_as(Role::Heading, format_args!("{severity} ({})", of_severity.len()))?;
        let mut process = None;
        for finding in of_severity {
            // What is about the logs themselves is in no process.
            if process != Some(&finding.process) && finding.process != "-" {
                out.line(format_args!("  {}", finding.process))?;
                process = Some(&finding.process);
            }
            write_finding(finding, out)?;
        }
    }
    let below: Vec<String> = Severity::ALL
        .into_iter()
        .filter(|severity| *severity < gate)
        .map(|severity| {
            (severity, report.differences.iter().filter(|d| d.gravest() == severity).count())
        })
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{count} {severity}"))
        .collect();
    if !below.is_empty() {
        out.blank()?;
        out.line(format_args!("below the gate: {} (--gate info shows all)", below.join(", ")))?;
    }
    if !report.made_up.is_empty() {
        write_made_up(&report.made_up, out)?;
    }
    if !report.times.is_empty() {
        write_times(report, out)?;
    }
    if !report.counted_only.is_empty() {
        let classes: Vec<String> = report
            .counted_only
            .iter()
            .map(|class| format!("{} {}/{}", class.class, class.calls[0], class.calls[1]))
            .collect();
        out.blank()?;
        out.line(format_args!("not compared call by call (A/B): {}", classes.join(", ")))?;
    }
    Ok(())
}

/// Writes which names were compared as one, so that a reader can object.
fn write_made_up(pairs: &[[String; 2]], out: &mut Lines<'_>) -> io::Result<()> {
    const MOST: usize = 5;
    let shown: Vec<String> = pairs.iter().take(MOST).map(|[a, b]| format!("{a} ~ {b}")).collect();
    let more = match pairs.len().checked_sub(MOST) {
        Some(more @ 1..) => format!(" and {more} more"),
        _ => String::new(),
    };
    let names = counted(pairs.len(), "name");
    out.blank()?;
    out.line(format_args!("{names} taken as made up: {}{more}", shown.join(", ")))
}

fn write_times(report: &Report, out: &mut Lines<'_>) -> io::Result<()> {
    const MOST: usize = 20;
    out.blank()?;
    out.line(format_args!(
        "time by call: count, total in ms, median and 99th percentile in us (A => B)"
    ))?;
    for time in report.times.iter().take(MOST) {
        let ms = time.total_ns.map(|ns| ns / 1_000_000);
        let [median, p99] = [time.median_ns, time.p99_ns].map(|both| both.map(|ns| ns / 1000));
        out.line(format_args!(
            "    {:<20} {} => {}  {} => {}  {} => {}  {} => {}",
            time.call,
            time.count[0],
            time.count[1],
            ms[0],
            ms[1],
            median[0],
            median[1],
            p99[0],
            p99[1]
        ))?;
    }
    Ok(())
}

/// Writes the calls around the first difference.
fn write_around(around: &Around, out: &mut Lines<'_>) -> io::Result<()> {
    if around.lines.iter().all(Vec::is_empty) {
        return Ok(());
    }
    out.blank()?;
    let what = with_spaces(&around.what);
    out.line_as(Role::Heading, format_args!("where it shows first: {what}"))?;
    for ((name, lines), event) in ["A", "B"].into_iter().zip(&around.lines).zip(around.events) {
        let Some(event) = event.filter(|_| !lines.is_empty()) else { continue };
        out.line(format_args!("  {name}, around event {event}"))?;
        lines.iter().try_for_each(|line| out.line_with(format_args!("    {line}"), highlighted))?;
    }
    Ok(())
}

/// The color of a change, as in `git diff`.
fn color(change: Change) -> Role {
    match change {
        Change::Added => Role::Added,
        Change::Removed => Role::Removed,
        Change::Changed => Role::Changed,
    }
}

fn write_finding(finding: &Finding, out: &mut Lines<'_>) -> io::Result<()> {
    let events: Vec<String> = ["A", "B"]
        .into_iter()
        .zip(finding.events)
        .filter_map(|(name, event)| Some(format!("{name}:{}", event?)))
        .collect();
    let events =
        if events.is_empty() { String::new() } else { format!("  [{}]", events.join(" ")) };
    let Finding { change, rule, text, .. } = finding;
    out.line_as(color(*change), format_args!("    {} {rule}: {text}{events}", change.sign()))?;
    finding.content.iter().try_for_each(|line| out.line(format_args!("        {line}")))?;
    for (change, text) in &finding.consequences {
        out.line_as(color(*change), format_args!("        so {text}"))?;
    }
    match finding.more {
        0 => Ok(()),
        more => out.line(format_args!("        and {more} more that follow")),
    }
}
