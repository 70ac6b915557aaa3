//! Recordings with a wrong table.

use crate::changes::{Case, calls};
use crate::program::{Program, program};
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use sysreel_abi::seed::Fault;
use sysreel_abi::{AuditArch, Row};
use sysreel_format::{Body, Item, NoteCode, Severity};
use sysreel_inspect::LogFile;
use sysreel_record::{Ended, Options, Output, Recorder};
use tempfile::TempDir;

/// The exit status of a program that the machine cannot run.
const SKIPPED: i32 = 77;
/// One recording at a time, and no compiler beside it: the recorder takes every child that ends for
/// one of its tasks.
fn alone() -> MutexGuard<'static, ()> {
    static RECORDER: Mutex<()> = Mutex::new(());
    RECORDER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the fixture program of that name.
pub(crate) fn built(name: &str) -> Arc<Program> {
    let _alone = alone();
    program(name)
}

/// A recording of a program.
pub(crate) struct Recorded {
    pub(crate) log: LogFile,
    /// The calls and arguments that findings name.
    pub(crate) blamed: BTreeSet<Case>,
    _folder: TempDir,
}

/// Records the program with that fault in all rows, audited if the fault needs an audit. `None` if
/// the machine lacks what the program needs.
pub(crate) fn recorded(program: &Program, fault: Fault) -> Option<Recorded> {
    let _alone = alone();
    let folder = tempfile::Builder::new().prefix("sysreel-").tempdir().unwrap();
    let options = Options {
        output: Some(folder.path().join("run.reel")),
        argv: argv(program, folder.path()),
        capture_limit: crate::ALL,
        // Before a call, a region may be longer than the mapped memory: it has the length that the
        // call may write.
        audit: fault != Fault::Before,
        rows: source(fault),
        ..Options::default()
    };
    let outcome = Recorder::prepare(&options).unwrap().run().unwrap();
    match outcome.ended {
        Ended::Exited(SKIPPED) => return None,
        ended => {
            assert_eq!((ended, outcome.lost), (Ended::Exited(0), 0), "{}", program.binary.display())
        }
    }
    let log = sysreel_inspect::open(&outcome.path).unwrap();
    let blamed = blamed(&log);
    Some(Recorded { log, blamed, _folder: folder })
}

/// Returns what a program's calls announced as written by the real table, and whether it changed.
pub(crate) fn outputs(program: &Program) -> Vec<Output> {
    let _alone = alone();
    let folder = tempfile::Builder::new().prefix("sysreel-").tempdir().unwrap();
    let options = Options {
        output: Some(folder.path().join("run.reel")),
        argv: argv(program, folder.path()),
        capture_limit: crate::ALL,
        audit: true,
        until_exit: true,
        ..Options::default()
    };
    let outcome = Recorder::prepare(&options).unwrap().run().unwrap();
    outcome.audited.expect("it is an audit").outputs
}

/// Returns the command line of the program in that folder, its statements discarded.
fn argv(program: &Program, folder: &Path) -> Vec<OsString> {
    let script = r#"cd "$1"; shift; exec "$@" 3>statements"#;
    let words: [OsString; 4] = ["sh".into(), "-c".into(), script.into(), "sh".into()];
    let program_words = program.arguments.iter().map(OsString::from);
    words
        .into_iter()
        .chain([folder.into(), program.binary.clone().into()])
        .chain(program_words)
        .collect()
}

/// Returns the lookup of rows with that fault.
fn source(fault: Fault) -> fn(AuditArch, u64) -> Option<&'static Row> {
    match fault {
        Fault::Incoming => |arch, nr| wrong(Fault::Incoming, arch, nr),
        Fault::Shorter => |arch, nr| wrong(Fault::Shorter, arch, nr),
        Fault::Longer => |arch, nr| wrong(Fault::Longer, arch, nr),
        Fault::NotOnSuccess => |arch, nr| wrong(Fault::NotOnSuccess, arch, nr),
        Fault::NotOnError => |arch, nr| wrong(Fault::NotOnError, arch, nr),
        Fault::Before => |arch, nr| wrong(Fault::Before, arch, nr),
    }
}

/// Returns a row of the table with that fault, made once.
fn wrong(fault: Fault, arch: AuditArch, nr: u64) -> Option<&'static Row> {
    type Rows = HashMap<(&'static str, AuditArch, u64), &'static Row>;
    static ROWS: LazyLock<Mutex<Rows>> = LazyLock::new(Mutex::default);
    let right = sysreel_abi::row(arch, nr)?;
    let mut rows = ROWS.lock().unwrap();
    Some(rows.entry((crate::changes::word(fault), arch, nr)).or_insert_with(|| fault.row(right)))
}

/// Parses the notes of the audit: `read (event 7): ... argument 1 (buf) ...`. A finding of too long
/// a region begins with the argument; one of changed memory names it after the place.
fn blamed(log: &LogFile) -> BTreeSet<Case> {
    let arch_of: HashMap<u64, AuditArch> =
        calls(log).into_iter().map(|call| (call.exit, call.arch)).collect();
    let mut found = BTreeSet::new();
    let mut events = log.log().events();
    while let Some(item) = events.next().unwrap() {
        let Item::Event(event) = item else { panic!("{item:?}") };
        let Body::Note(note) = event.decode().unwrap() else { continue };
        if note.code != NoteCode::AUDIT || note.severity != Severity::ERROR {
            continue;
        }
        let text = std::str::from_utf8(note.text).unwrap();
        // The last note has the totals.
        let Some((call, finding)) = text.split_once(" (event ") else { continue };
        let (number, finding) = finding.split_once("): ").unwrap();
        let about = finding.split("; announced:").next().unwrap();
        let number_of = |rest: &str| rest.split(' ').next()?.parse().ok();
        let argument = about.split("argument ").skip(1).find_map(number_of);
        let arch = arch_of[&number.parse().unwrap()];
        let row =
            sysreel_abi::all_rows().find(|(_, row)| row.name == call).expect("it has a row").1;
        found.insert(Case { arch, call: row.name, argument });
    }
    found
}
