//! The tables of changes in fixtures/diff: each shows as its table says, from both sides.

use super::{Take, diff, lines};
use crate::stage::installed;
use serde::Deserialize;
use std::path::{Path, PathBuf};

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
    /// What the scripts need besides the interpreter and the tools of every Debian.
    #[serde(default)]
    needs: Vec<String>,
    /// What the shell prepares before each run.
    #[serde(default)]
    setup: String,
    a: String,
    /// The same script, if left out.
    b: Option<String>,
    level: String,
    /// The differences: severity, rule, direction, role, subject.
    shows: Vec<String>,
}

impl Pair {
    fn can_run(&self) -> bool {
        let needs = self.needs.iter().chain([&self.with]).map(String::as_str);
        installed(&self.name, &needs.collect::<Vec<_>>())
    }

    /// Records both versions and compares them. Returns what the table does not say.
    fn wrong(&self) -> Vec<String> {
        let Self { name, shows, .. } = self;
        let (a, b) = (self.record(&self.a), self.record(self.b.as_ref().unwrap_or(&self.a)));
        let options = ["--level", &self.level, "--gate", "note"];
        let (report, status) = diff(&a, &b, &options);
        let found = lines_with_severity(&report);
        let mut wrong = Vec::new();
        if found != *shows || status != i32::from(!shows.is_empty()) {
            wrong.push(format!("{name}: found was, with status {status},\n  {found:#?}"));
        }
        let (mirrored, _) = diff(&b, &a, &options);
        if lines(&mirrored, "note").len() != found.len() {
            wrong.push(format!("{name}: another number from the other side"));
        }
        wrong
    }

    fn record(&self, script: &str) -> Take {
        // The script is a file, so that the command is the same.
        let setup = format!("{}\ncat >run <<'END'\n{script}\nEND\n", self.setup);
        Take::of(&setup, &[&self.with, "run"])
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/diff")
}

/// Compares each pair of a table.
#[track_caller]
fn each(table: &Path) {
    let text = std::fs::read_to_string(table).unwrap();
    let table: Table =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", table.display()));
    assert!(!table.pair.is_empty());
    let able = table.pair.iter().filter(|pair| pair.can_run());
    let wrong: Vec<String> = able.flat_map(Pair::wrong).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), table.pair.len(), wrong.join("\n"));
}

#[test]
fn pairs_differ_as_the_table_says() {
    each(&fixtures().join("pairs.toml"));
}

macro_rules! tables {
    ($($name:ident: $file:literal;)*) => {
        $(
            #[test]
            #[ignore = "records real tools twice"]
            fn $name() {
                each(&fixtures().join("pairs").join($file));
            }
        )*

        #[test]
        fn every_table_of_pairs_has_a_test() {
            let found = std::fs::read_dir(fixtures().join("pairs")).unwrap();
            let mut found: Vec<_> = found.map(|file| file.unwrap().file_name()).collect();
            found.sort_unstable();
            assert_eq!(found, [$($file),*]);
        }
    };
}

tables! {
    long_pairs_of_durability: "durability.toml";
    long_pairs_of_files: "files.toml";
    long_pairs_of_network: "network.toml";
    long_pairs_of_noise: "noise.toml";
    long_pairs_of_privileges: "privileges.toml";
    long_pairs_of_processes: "processes.toml";
    long_pairs_of_programs: "programs.toml";
    long_pairs_of_tools: "tools.toml";
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
