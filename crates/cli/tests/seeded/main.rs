//! Tests the audit with wrong tables: it finds what is wrong.
//!
//! Every program that makes all calls of a kind is recorded with a table whose rows all have the
//! same fault, once per fault. What must be found is derived from another log that has each region
//! before and after its call: if a call changed the first or last byte of what the correct row
//! announces, the audit must report it.
//!
//! A test binary of its own, because the recorder waits for every child of its process.

mod changes;
mod outputs;
#[expect(dead_code, reason = "the other binary uses more of it")]
#[path = "../it/program.rs"]
mod program;
mod recording;

use changes::{Case, due};
use program::folder;
use recording::{Recorded, built, recorded};
use std::collections::BTreeSet;
use sysreel_abi::seed::Fault;
use sysreel_abi::{Abi, Row, number};

/// Prefixes of programs that place all memory of a call at the end of pages, each region in another
/// page.
const MAKES_EVERYTHING: [&str; 2] = ["all_", "i386_"];
/// Programs of each kind: files, users, calls with many commands, 32-bit calls.
const SAMPLE: [&str; 4] = ["all_io", "all_creds", "all_state", "i386_files"];
/// A limit that cuts no region.
pub(crate) const ALL: u64 = u64::MAX;

/// What was seeded, and what of it was found.
#[derive(Default)]
struct Score {
    seeded: BTreeSet<(Case, &'static str)>,
    missed: BTreeSet<(Case, &'static str)>,
}

/// Prints what is not tested here, past the test harness, which captures print macros but not the
/// stream.
pub(crate) fn skipped(what: &str) {
    _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("skipped: {what}\n"));
}

#[test]
fn seeded_faults_are_found() {
    if let Err(why) = sysreel_sys::pages::check() {
        skipped(&format!("no audit here: {why}"));
        return;
    }
    let score = of_all(&SAMPLE.map(str::to_owned));
    assert!(score.seeded.len() > 100, "only {} faults were seeded", score.seeded.len());
}

#[test]
#[ignore = "takes two minutes"]
fn long_every_seeded_fault_of_every_row_is_found() {
    let score = of_all(&programs());
    assert!(score.seeded.len() > 400, "only {} faults were seeded", score.seeded.len());
}

/// Returns the programs that make every call of a kind.
fn programs() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| MAKES_EVERYTHING.iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    names.sort();
    names
}

fn of_all(programs: &[String]) -> Score {
    let mut score = Score::default();
    for name in programs {
        of_one(name, &mut score);
    }
    for fault in Fault::ALL.map(changes::word) {
        let count =
            |set: &BTreeSet<(Case, &'static str)>| set.iter().filter(|(_, f)| *f == fault).count();
        eprintln!("{fault}: {} seeded, {} not found", count(&score.seeded), count(&score.missed));
    }
    for abi in [Abi::X86_64, Abi::I386] {
        report(&score, abi);
    }
    let missed: Vec<String> =
        score.missed.iter().map(|(case, fault)| format!("{case}: {fault}")).collect();
    assert!(missed.is_empty(), "{} faults are not found:\n{}", missed.len(), missed.join("\n"));
    score
}

/// Prints the rows in which a fault could be seeded, and the rows with output in which none could.
fn report(score: &Score, abi: Abi) {
    let seeded: BTreeSet<&str> =
        score.seeded.iter().filter(|(c, _)| c.arch == abi.arch()).map(|(c, _)| c.call).collect();
    let writes =
        |row: &Row| row.args.iter().any(|arg| arg.mem.is_some_and(|mem| mem.dir.comes_out()));
    let without: Vec<&str> = number::calls(abi)
        .filter_map(|(_, _, row)| row)
        .filter(|row| writes(row) && !seeded.contains(row.name))
        .map(|row| row.name)
        .collect();
    eprintln!(
        "{abi}: {} rows with seeded faults; rows that may write and had none: {}",
        seeded.len(),
        without.join(" ")
    );
}

fn of_one(name: &str, score: &mut Score) {
    let program = built(name);
    let Some(before) = recorded(&program, Fault::Before) else {
        skipped(&format!("{name}: this machine lacks what it needs"));
        return;
    };
    let mut found_any = false;
    for fault in Fault::ALL {
        let due = due(&before.log, fault);
        let Recorded { blamed, .. } = recorded(&program, fault).expect("it ran before");
        found_any |= !due.is_empty();
        for due in due {
            if !due.is_among(&blamed) {
                score.missed.insert((due.case, changes::word(fault)));
            }
            score.seeded.insert((due.case, changes::word(fault)));
        }
    }
    assert!(found_any, "{name}: no call of it changes memory");
}
