//! docs/fleet.md: two engines give the same answers, and those that the views give.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use sysreel_export::FORMATS;

use crate::stage::{Stage, installed};
use crate::views::view;

/// Asks every question of the document.
const ASK: &str = include_str!("fleet/ask.py");

const RUNS: usize = 10;

/// What each run does: only some reach an address, and the sixth is the first with a new directory.
/// Connecting a datagram socket sends nothing.
fn script(run: usize) -> String {
    let connect = "perl -MSocket -e 'socket(S, PF_INET, SOCK_DGRAM, 0); \
        connect(S, pack_sockaddr_in(53, inet_aton(\"192.0.2.7\")))'; ";
    let make = format!("mkdir dir{run}; ls -lR /etc >list{run}; wc list{run}; cat /etc/passwd; ");
    let rare = if run >= 6 { "mkdir common-since-six; rmdir common-since-six; " } else { "" };
    format!("{make}{}{rare}true", if run.is_multiple_of(3) { connect } else { "" })
}

/// A recording of each run, and their tables.
fn runs() -> Stage {
    let stage = Stage::new();
    fs::create_dir(stage.path("logs")).unwrap();
    let mut logs = Vec::new();
    for run in 0..RUNS {
        let log = format!("logs/{run}.reel");
        let ran = stage.sysreel(&["record", "-q", "-o", &log, "--", "sh", "-c", &script(run)]);
        assert_eq!(ran.status.code(), Some(0), "{ran:?}");
        logs.push(log);
    }
    for (format, to) in
        [("parquet", "calls/"), ("parquet-files", "files/"), ("parquet-sockets", "sockets/")]
    {
        let export = ["export", "--to", format, "-o", to].into_iter();
        let ran = stage.sysreel(&export.chain(logs.iter().map(String::as_str)).collect::<Vec<_>>());
        assert_eq!((ran.status.code(), ran.stderr.as_str()), (Some(0), ""), "{format}");
    }
    stage
}

/// The bytes that all runs read of each file that every run reads, from the view `files`.
fn read_by_all(stage: &Stage) -> BTreeMap<String, u64> {
    let mut read = BTreeMap::<String, (usize, u64)>::new();
    for run in 0..RUNS {
        let (files, _) = view(stage, &["files", &format!("logs/{run}.reel")]);
        for file in files["files"].as_array().unwrap() {
            let bytes = file["bytes_read"].as_u64().unwrap();
            let path = file["path"].as_str().unwrap();
            if bytes > 0 && path.starts_with('/') {
                let entry = read.entry(path.to_owned()).or_default();
                *entry = (entry.0 + 1, entry.1 + bytes);
            }
        }
    }
    read.into_iter()
        .filter(|(_, (runs, _))| *runs == RUNS)
        .map(|(path, (_, bytes))| (path, bytes))
        .collect()
}

#[test]
#[ignore = "DuckDB and Spark: pip install duckdb pyspark"]
fn long_engines_answer_as_the_views_do() {
    if !FORMATS.iter().any(|format| format.name == "parquet" && format.is_built())
        || !installed("long_engines_answer_as_the_views_do", &["python3", "perl", "java"])
    {
        return;
    }
    let stage = runs();
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/fleet.md");
    // Stages have a home directory of their own, in which pip's packages are not.
    let packages = std::env::var_os("PYTHONPATH").map(|path| ("PYTHONPATH", path));
    let mut ask = stage.command("python3");
    // Without the deadline of the stage: Spark needs minutes on a busy machine.
    let ran = ask.args(["-c", ASK, document]).envs(packages).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let answers: Vec<Vec<Vec<Value>>> = serde_json::from_slice(&ran.stdout).unwrap();
    let [totals, network, files, slowest, effects, paths, in_vain, connects] = &answers[..] else {
        panic!("{answers:?}")
    };

    assert_eq!(totals.len(), RUNS);
    for row in totals {
        let (stat, _) = view(&stage, &["stat", row[0].as_str().unwrap()]);
        let total = ["calls", "total_ns", "bytes", "errors"].map(|key| stat["total"][key].clone());
        assert_eq!(row[1..], total, "{row:?}");
    }
    let runs: Vec<_> = network.iter().map(|row| (row[1].as_str(), row[2].as_u64())).collect();
    assert_eq!(runs, [(Some("192.0.2.7:53"), Some(4))], "{network:?}");
    assert!(network[0][0].as_str().unwrap().starts_with("perl -MSocket -e "), "{network:?}");

    let found: BTreeMap<_, _> = files
        .iter()
        .map(|row| (row[0].as_str().unwrap().to_owned(), row[1].as_u64().unwrap()))
        .collect();
    assert_eq!(found, read_by_all(&stage));
    assert!(found.contains_key("/etc/passwd"), "{found:?}");

    assert!(!slowest.is_empty());
    let since = effects.iter().find(|row| row[1].as_str().unwrap().ends_with("/common-since-six"));
    let since = since.unwrap_or_else(|| panic!("{effects:?}"));
    assert_eq!((&since[2], &since[4]), (&"logs/6.reel".into(), &4.into()));
    assert_eq!(paths.len(), RUNS);
    assert_eq!(*in_vain, files_agree(&stage, paths));
    let wanted: [Value; 4] = ["192.0.2.7:53".into(), "ok".into(), 4.into(), 4.into()];
    assert!(connects.iter().any(|row| row[..4] == wanted), "{connects:?}");
}

/// Compares the totals of each run with the view `files`. Returns what all runs looked for in vain,
/// and how often, as the recipe sorts it.
fn files_agree(stage: &Stage, totals: &[Vec<Value>]) -> Vec<Vec<Value>> {
    let mut in_vain = BTreeMap::<String, (usize, u64)>::new();
    for row in totals {
        let (view, _) = view(stage, &["files", row[0].as_str().unwrap()]);
        let files = view["files"].as_array().unwrap();
        let sum = |of: &dyn Fn(&Value) -> u64| files.iter().map(of).sum::<u64>();
        let number = |name: &'static str| sum(&|file| file[name].as_u64().unwrap());
        let failed = sum(&|file| {
            file["errors"].as_object().unwrap().values().filter_map(Value::as_u64).sum()
        });
        let changed = sum(&|file| u64::from(file["changed"] == true));
        let numbers = ["bytes_read", "bytes_written", "not_found"].map(number);
        assert!(numbers.iter().all(|number| *number > 0), "{row:?}");
        let [read, written, not_found] = numbers;
        let total = [files.len() as u64, read, written, not_found, failed, changed];
        assert_eq!(row[1..], total.map(Value::from), "{row:?}");
        for file in files.iter().filter(|file| file["not_found"] != 0) {
            let path = file["path"].as_str().unwrap().to_owned();
            let entry = in_vain.entry(path).or_default();
            *entry = (entry.0 + 1, entry.1 + file["not_found"].as_u64().unwrap());
        }
    }
    let mut all: Vec<_> = in_vain.into_iter().filter(|(_, (runs, _))| *runs == RUNS).collect();
    all.sort_by_key(|(path, (_, lookups))| (std::cmp::Reverse(*lookups), path.clone()));
    assert!(!all.is_empty() && all.len() < 100, "{all:?}");
    all.into_iter().map(|(path, (_, lookups))| vec![path.into(), lookups.into()]).collect()
}
