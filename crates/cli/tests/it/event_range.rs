//! `print --from` and `--to` show a part of a log as it appears in the whole.

use crate::program::program;
use crate::stage::Stage;
use serde_json::Value;
use std::fs;

fn print(stage: &Stage, arguments: &[&str]) -> String {
    let ran = stage.sysreel(&[&["print", "run.reel"], arguments].concat());
    assert!(ran.status.success(), "{ran:?}");
    ran.text()
}

/// Returns the number that begins a line.
fn number(line: &str) -> u64 {
    line.split_once(' ')
        .and_then(|(number, _)| number.parse().ok())
        .unwrap_or_else(|| panic!("{line}"))
}

#[test]
fn a_range_prints_the_lines_of_the_whole() {
    let stage = Stage::new();
    let script = "read word <.x; echo $word >.y; (read word <.y; echo $word)";
    stage.write(".x", "text\n");
    assert!(
        stage.sysreel(&["record", "-q", "-o", "run.reel", "sh", "-c", script]).status.success()
    );
    let options = ["--event-numbers", "-ttt", "-y"];
    let whole = print(&stage, &options);
    let lines: Vec<&str> = whole.lines().collect();
    // From any line on: calls that began earlier are `resumed`, all other lines are unchanged.
    for at in (0..lines.len()).step_by(7) {
        let from = number(lines[at]).to_string();
        let part = print(&stage, &[&options[..], &["--from", &from]].concat());
        let first = part.lines().next().unwrap();
        assert!(first == lines[at] || first.contains(" resumed>"), "{first}\n{}", lines[at]);
        assert!(part.lines().skip(1).eq(lines[at + 1..].iter().copied()), "from {from}: {part}");
    }
    let (from, to) = (number(lines[20]), number(lines[40]));
    let part = print(
        &stage,
        &[&options[..], &["--from", &from.to_string(), "--to", &to.to_string()]].concat(),
    );
    assert_eq!(part.lines().count(), 21, "{part}");
    assert!(
        lines[40].starts_with(part.lines().last().unwrap().trim_end_matches(" <unfinished ...>")),
        "{part}"
    );
    assert_eq!(print(&stage, &["--from", "1000000"]), "");
    // Times as -ttt prints them, in microseconds.
    let time =
        lines[30].split_whitespace().nth(if lines[30].contains("[pid") { 3 } else { 1 }).unwrap();
    let part = print(&stage, &[&options[..], &["--from", &format!("@{time}")]].concat());
    assert!(number(part.lines().next().unwrap()) >= number(lines[29]), "{time}: {part}");
    let ran = stage.sysreel(&["print", "run.reel", "--from", "yesterday"]);
    ran.fails(2, &["--from", "the number of an event (1234), seconds since the start (+1.5)"]);
    for (from, to) in [("30", "20"), ("+0.2", "+0.1"), ("@2000000000", "+1"), ("+1", "@1")] {
        for more in ["-y", "-c", "--format=raw"] {
            let ran = stage.sysreel(&["print", "run.reel", more, "--from", from, "--to", to]);
            ran.fails(2, &["--to is before --from"]);
        }
    }
    assert_eq!(print(&stage, &["--from", "20", "--to", "20"]).lines().count(), 1);
}

/// A log of many blocks gives the same events with its index and without.
#[test]
fn times_are_found_with_and_without_an_index() {
    let stage = Stage::new();
    let storm = program("stop_storm");
    let run = stage.run(
        stage
            .command(crate::stage::SYSREEL)
            .args(["record", "-q", "-o", "run.reel", "--"])
            .arg(&storm.binary)
            .arg("30000"),
    );
    assert!(run.status.success(), "{run:?}");
    let events = |arguments: &[&str]| -> Vec<(u64, u64)> {
        let ran = stage.sysreel(&[&["print", "--format", "raw"], arguments].concat());
        let event = |line: &str| {
            let event: Value = serde_json::from_str(line).unwrap();
            Some((event["seq"].as_u64()?, event["t_ns"].as_u64()?))
        };
        ran.text().lines().filter_map(event).collect()
    };
    let all = events(&["run.reel"]);
    assert!(all.len() > 60_000, "{}", all.len());
    let bytes = fs::read(stage.path("run.reel")).unwrap();
    // Without footer and trailer, as a recorder leaves it that is killed right before its end.
    stage.write("torn.reel", &bytes[..bytes.len() - 100]);
    let start = stage.sysreel(&["info", "--json", "run.reel"]).text();
    let started: Value = serde_json::from_str(&start).unwrap();
    let length = started["time"]["duration_ns"].as_u64().unwrap();
    let mut before = all.len() + 1;
    for tenth in [0, 3, 7, 10] {
        let ns = length * tenth / 10;
        let from = format!("+{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
        let (whole, torn) =
            (events(&["run.reel", "--from", &from]), events(&["torn.reel", "--from", &from]));
        assert!(!whole.is_empty() && torn.starts_with(&whole), "{from}");
        // A suffix of the whole, which is shorter the later it begins.
        assert!(
            all.ends_with(&whole) && whole.len() < before,
            "{from}: {} of {before}",
            whole.len()
        );
        before = whole.len();
    }
    let some = events(&["run.reel", "--from", "40000", "--to", "40009"]);
    assert_eq!(some, all[40_000..40_010]);
}

#[test]
fn an_event_is_printed_with_those_around_it() {
    let stage = Stage::new();
    let ran = stage.sysreel(&["record", "-q", "-o", "run.reel", "sh", "-c", ": >f; cat f"]);
    assert!(ran.status.success(), "{ran:?}");
    let whole = print(&stage, &["--event-numbers"]);
    let numbers = |text: &str| text.lines().map(number).collect::<Vec<u64>>();
    for (event, context) in [(60_u64, 10_u64), (3, 5), (60, 0)] {
        let (event_text, context_text) = (event.to_string(), context.to_string());
        let part = print(&stage, &["--around", &event_text, "-C", &context_text]);
        let wanted = event.saturating_sub(context)..=event + context;
        // Lines that begin there, and that of a call that began before.
        let expected: Vec<u64> =
            numbers(&whole).into_iter().filter(|number| wanted.contains(number)).collect();
        let found: Vec<u64> =
            part.lines().filter(|line| !line.contains(" resumed>")).map(number).collect();
        assert_eq!(found, expected, "{event} {context}: {part}");
        assert!(numbers(&part).iter().all(|number| wanted.contains(number)), "{part}");
    }
    let ran = stage.sysreel(&["print", "run.reel", "--around", "1000000"]);
    ran.fails(1, &["event 1000000: run.reel has only ", " events"]);
    stage.sysreel(&["print", "run.reel", "-C", "3"]).fails(2, &["--around"]);
    stage.sysreel(&["print", "run.reel", "--around", "3", "--from", "1"]).fails(2, &["--from"]);
}
