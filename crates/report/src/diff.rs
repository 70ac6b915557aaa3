//! The page of a comparison.

use std::io::Write;

use serde::Serialize;
use sysreel_inspect::diff::format::{Finding, Format, findings, headline};
use sysreel_inspect::diff::mask::masked;
use sysreel_inspect::diff::{Context, Severity, Side, Verdict, calls_around};
use sysreel_inspect::visible::visible;
use sysreel_inspect::{Error, LogFile};

use crate::options::Options;
use crate::page::{self, Block};
use crate::places::{Place, places};

/// How many calls are shown before the event of a difference, and how many after it.
const AROUND: (usize, usize) = (5, 5);
/// Around how many differences the calls are shown. The gravest come first.
const MOST_CONTEXTS: usize = 300;
/// The most differences that are listed.
const MOST_FINDINGS: usize = 5000;
/// The most bytes of the text.
const MOST_TEXT: usize = 1 << 20;

/// Writes the page of a comparison: the differences that the text format lists, in its order and
/// its words, each with the calls around it in both logs. `logs` are the first logs of the sides.
///
/// # Errors
/// When a log cannot be read or the output cannot be written.
pub fn write_diff(
    verdict: &Verdict,
    logs: [&LogFile; 2],
    options: &Options,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let mut shown = verdict.clone();
    if options.masks() {
        shown.mask_secrets();
    }
    let all = findings(&shown);
    let mut contexts = contexts(&all, logs)?.into_iter();
    let listed: Vec<Listed> = all
        .iter()
        .take(MOST_FINDINGS)
        .map(|finding| Listed::new(finding, contexts.next().unwrap_or_default(), options))
        .collect();
    let mut text = Vec::new();
    Format::Text.write(&shown, &mut text).map_err(Error::Write)?;
    let more_text = text.len().saturating_sub(MOST_TEXT);
    text.truncate(MOST_TEXT);
    let report = &shown.report;
    let page = Page {
        kind: "diff",
        version: env!("CARGO_PKG_VERSION"),
        headline: headline(&shown),
        fails: !shown.passes(),
        gate: shown.gate.to_string(),
        incomparable: report.incomparable.iter().map(|why| visible(why).into_owned()).collect(),
        sides: [0, 1].map(|at: usize| About::new(&report.sides[at])),
        more: all.len().saturating_sub(listed.len()),
        without_context: listed.len().saturating_sub(MOST_CONTEXTS),
        findings: listed,
        text: String::from_utf8_lossy(&text).into_owned(),
        more_text,
    };
    let block = Block::json("meta", &page).map_err(Error::Write)?;
    page::write(&[block], out).map_err(Error::Write)
}

/// Returns the calls around the first differences in both logs. In a log that does not have the
/// call, an empty line is where it would be.
fn contexts(all: &[Finding], logs: [&LogFile; 2]) -> Result<Vec<[Context; 2]>, Error> {
    let all = &all[..all.len().min(MOST_CONTEXTS)];
    let only = |side: usize| {
        let of = all.iter().filter(|finding| finding.events[1 - side].is_none());
        of.filter_map(|finding| finding.events[side]).collect::<Vec<_>>()
    };
    let places = [places(logs, &only(0))?, places([logs[1], logs[0]], &only(1))?];
    let mut contexts = Vec::with_capacity(all.len());
    for finding in all {
        let mut sides = [Context::default(), Context::default()];
        for (at, side) in sides.iter_mut().enumerate() {
            let place = finding.events[1 - at].and_then(|event| places[1 - at].get(&event));
            *side = match (finding.events[at], place) {
                (Some(event), _) => calls_around(logs[at], event, AROUND)?,
                (None, Some(place)) => around_place(logs[at], *place)?,
                (None, None) => continue,
            };
        }
        contexts.push(sides);
    }
    Ok(contexts)
}

/// Returns the calls around the place of a difference in the log that does not have it.
fn around_place(log: &LogFile, place: Place) -> Result<Context, Error> {
    let mut around = calls_around(log, place.event, AROUND)?;
    if let Some(known) = around.at {
        let at = known.saturating_add(place.later);
        let after = known.saturating_add(1);
        around.lines.splice(after..after, (0..place.later).map(|_| String::new()));
        around.at = Some(at);
    }
    Ok(around)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    kind: &'static str,
    version: &'static str,
    headline: String,
    fails: bool,
    gate: String,
    incomparable: Vec<String>,
    sides: [About; 2],
    findings: Vec<Listed>,
    /// The number of differences that are not listed.
    more: usize,
    /// The number of listed differences whose calls are not shown.
    without_context: usize,
    /// What the text format writes.
    text: String,
    /// The number of bytes of it that have no room.
    more_text: usize,
}

/// A side.
#[derive(Serialize)]
struct About {
    log: String,
    events: u64,
    processes: usize,
    whole: bool,
    losses: Vec<String>,
}

impl About {
    fn new(side: &Side) -> Self {
        let losses = side.findings.sentences();
        let incomplete = side.completeness.iter().map(|what| (*what).to_owned());
        Self {
            log: visible(&side.log).into_owned(),
            events: side.events,
            processes: side.processes,
            whole: side.whole,
            losses: losses.into_iter().chain(incomplete).collect(),
        }
    }
}

/// A difference, and the calls around it.
#[derive(Serialize)]
struct Listed {
    severity: Severity,
    process: String,
    sign: char,
    rule: String,
    text: String,
    events: [Option<u64>; 2],
    content: Vec<String>,
    consequences: Vec<(char, String)>,
    more: usize,
    sides: [Calls; 2],
}

/// The calls of a side.
#[derive(Serialize)]
struct Calls {
    lines: Vec<String>,
    at: Option<usize>,
}

impl Listed {
    fn new(finding: &Finding, sides: [Context; 2], options: &Options) -> Self {
        let visible = |text: &String| visible(text).into_owned();
        let consequences =
            finding.consequences.iter().map(|(change, text)| (change.sign(), visible(text)));
        // The rest is masked with the verdict.
        let shown = |line: &String| match options.masks() {
            true => masked(&visible(line)).into_owned(),
            false => visible(line),
        };
        Self {
            severity: finding.severity,
            process: visible(&finding.process),
            sign: finding.change.sign(),
            rule: finding.rule.to_string(),
            text: visible(&finding.text),
            events: finding.events,
            content: finding.content.iter().map(visible).collect(),
            consequences: consequences.collect(),
            more: finding.more,
            sides: sides
                .map(|side| Calls { lines: side.lines.iter().map(shown).collect(), at: side.at }),
        }
    }
}
