//! `sysreel diff` on real programs: the same program twice gives no difference, and one change
//! gives one.

mod answers;
mod pairs;
mod same;
mod seeds;
mod sides;

use crate::stage::{SYSREEL, Stage};
use serde_json::Value;
use std::path::PathBuf;

/// A run, in a folder of its own.
pub(crate) struct Take {
    stage: Stage,
}

impl Take {
    /// Prepares the folder with a script and records a command there. The program's path is in the
    /// command, so both takes run the same words.
    #[track_caller]
    pub(crate) fn of(setup: &str, words: &[&str]) -> Take {
        let stage = Stage::new();
        let made = stage.sh(setup);
        assert!(made.status.success(), "{made:?}");
        let recorded = stage.sysreel(&[&["record", "-q", "-o", ".run.reel", "--"], words].concat());
        assert!(recorded.status.code().is_none_or(|code| code < 124), "{recorded:?}");
        Take { stage }
    }

    fn log(&self) -> PathBuf {
        self.stage.path(".run.reel")
    }
}

/// Returns the JSON of diff for two runs, and its exit status.
#[track_caller]
pub(crate) fn diff(a: &Take, b: &Take, options: &[&str]) -> (Value, i32) {
    let mut command = a.stage.command(SYSREEL);
    command.args(["diff", "--format", "json"]).args(options).args([a.log(), b.log()]);
    let ran = a.stage.run(&mut command);
    ran.never_panics();
    let report = serde_json::from_slice(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
    (report, ran.status.code().unwrap())
}

/// Returns the differences from a severity on, a line each: rule, sign, role, subject.
pub(crate) fn lines(report: &Value, gate: &str) -> Vec<String> {
    const SEVERITIES: [&str; 4] = ["info", "note", "warn", "error"];
    let rank = |name: &str| SEVERITIES.iter().position(|known| *known == name).unwrap();
    fn gravest(difference: &Value, rank: &dyn Fn(&str) -> usize) -> usize {
        let below = difference["consequences"].as_array().into_iter().flatten();
        below
            .map(|one| gravest(one, rank))
            .fold(rank(difference["severity"].as_str().unwrap()), usize::max)
    }
    let differences = report["differences"].as_array().unwrap();
    differences
        .iter()
        .filter(|difference| gravest(difference, &rank) >= rank(gate))
        .map(|d| {
            let text = |key: &str| d[key].as_str().unwrap_or_default().to_owned();
            let mut line =
                format!("{} {} {} {}", text("rule"), text("change"), text("role"), text("what"));
            if d["before"].is_string() {
                line += &format!(": {} => {}", text("before"), text("after"));
            }
            line
        })
        .collect()
}
