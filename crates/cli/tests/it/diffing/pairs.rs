//! The table of changes in fixtures/diff/pairs.toml: each shows as it says, from both sides.

use super::{Take, diff, lines};
use crate::stage::installed;
use serde::Deserialize;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    pair: Vec<Pair>,
}

/// Two versions of a script, and the differences between their runs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    name: String,
    /// The interpreter.
    with: String,
    /// What the shell prepares before each run.
    #[serde(default)]
    setup: String,
    a: String,
    b: String,
    level: String,
    /// The differences: severity, rule, direction, role, subject.
    shows: Vec<String>,
}

fn record(pair: &Pair, script: &str) -> Take {
    // The script is a file, so that the command is the same.
    let setup = format!("{}\ncat >run <<'END'\n{script}\nEND\n", pair.setup);
    Take::of(&setup, &[&pair.with, "run"])
}

#[test]
fn pairs_differ_as_the_table_says() {
    if !installed("pairs", &["perl"]) {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/diff/pairs.toml");
    let table: Table = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut wrong = Vec::new();
    for pair in &table.pair {
        let (a, b) = (record(pair, &pair.a), record(pair, &pair.b));
        let options = ["--level", &pair.level, "--gate", "note"];
        let (report, status) = diff(&a, &b, &options);
        let found = lines_with_severity(&report);
        if found != pair.shows || (status == 1) == pair.shows.is_empty() {
            wrong.push(format!("{}: found was, with status {status},\n  {found:#?}", pair.name));
        }
        let (mirrored, _) = diff(&b, &a, &options);
        if lines(&mirrored, "note").len() != found.len() {
            wrong.push(format!("{}: another number from the other side", pair.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), table.pair.len(), wrong.join("\n"));
}

/// Returns the differences from `note` on, each with its own severity in front.
fn lines_with_severity(report: &serde_json::Value) -> Vec<String> {
    let all = report["differences"].as_array().unwrap().iter();
    let severities = all.map(|one| one["severity"].as_str().unwrap_or_default().to_owned());
    // `lines` leaves out what is below the gate, which comes last.
    severities
        .zip(lines(report, "note"))
        .map(|(severity, line)| format!("{severity} {line}"))
        .collect()
}
