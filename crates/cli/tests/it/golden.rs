//! The golden logs of fixtures/logs: a later reader shows what a released reader showed of them.
//!
//! Beside each NAME.reel are NAME.raw.json (`print --format raw`), NAME.statements (what the
//! recorded program stated) and, for synthetic logs, NAME.txt (`print`). `cargo test -p sysreel-cli
//! --test it -- --ignored regenerate_golden_logs` makes missing logs, as root and on a kernel that
//! runs 32-bit programs.

use crate::fixtures::codecs_agree;
use crate::matcher::check;
use crate::program::alone;
use crate::stage::{Stage, is_root, zstd_accepts};
use crate::statements::{Claim, parse};
use crate::{attach, reading, synthetic};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use sysreel_format::{BlockItem, BlockKind};

/// One program for each reason that PTRACE_GET_SYSCALL_INFO was introduced for.
const PROGRAMS: [&str; 7] = [
    "int80_mixed",
    "nr_values",
    "undumpable",
    "exec_arch",
    "rval_not_error",
    "seccomp_trace",
    "signal_kinds",
];
/// The calls during which a recorder attaches.
const ATTACHED: [&str; 2] = ["nanosleep", "read"];
/// Larger files do not belong into the repository.
const LARGEST: u64 = 128 << 10;

#[test]
fn golden_logs_are_printed_unchanged() {
    for log in logs() {
        let name = log.display();
        zstd_accepts(&log).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_same(&log, "raw.json", &print(&log, "raw"));
        if beside(&log, "txt").exists() {
            assert_same(&log, "txt", &print(&log, "text"));
        }
    }
}

#[test]
fn golden_logs_match_their_statements() {
    let mut held = 0;
    for log in logs() {
        let Ok(text) = fs::read_to_string(beside(&log, "statements")) else { continue };
        let mut statements = parse(&text).unwrap();
        // The spelling of a call may change with the table.
        statements.retain(|statement| !matches!(statement.claim, Claim::Print(_)));
        let problems = check(&statements, &reading::read(&print(&log, "raw")), "");
        assert!(problems.is_empty(), "{}: {}", log.display(), problems.join("\n\n"));
        held += statements.len();
    }
    assert!(held > 0, "no golden log has statements");
}

#[test]
fn there_is_a_golden_log_for_every_reason() {
    let there: Vec<String> =
        logs().iter().map(|log| log.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let attached = ATTACHED.map(|call| format!("attach_{call}"));
    let synthetic = synthetic::logs().into_iter().map(|(name, _)| name.to_owned());
    for name in PROGRAMS.map(str::to_owned).into_iter().chain(attached).chain(synthetic) {
        assert!(there.contains(&name), "fixtures/logs has no {name}.reel");
    }
    for file in fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap()) {
        assert!(file.metadata().unwrap().len() < LARGEST, "{} is too large", file.path().display());
    }
}

#[test]
fn golden_logs_read_the_same_through_both_codecs() {
    for log in logs() {
        codecs_agree(&log.display().to_string(), &log);
    }
}

#[test]
fn there_is_a_log_in_columns() {
    let log = sysreel_inspect::open(&folder().join("synthetic_calls.reel")).unwrap();
    let blocks: Vec<_> = log.log().blocks().map(Result::unwrap).collect();
    let codecs = blocks.iter().filter_map(|item| match item {
        BlockItem::Block(header) if header.kind == BlockKind::EVENTS => Some(header.codec),
        _ => None,
    });
    assert_eq!(codecs.collect::<Vec<_>>(), [1]);
}

/// A log of the current writer, compressed in any way, reads like the golden log of the same
/// events.
#[test]
fn synthetic_logs_match_their_files() {
    let written = tempfile::tempdir().unwrap();
    for (name, bytes) in synthetic::logs() {
        let log = written.path().join(format!("{name}.reel"));
        fs::write(&log, bytes).unwrap();
        assert_same(&folder().join(format!("{name}.reel")), "raw.json", &print(&log, "raw"));
    }
}

/// Makes the golden logs that are missing. To make a log anew, delete it first; once the format is
/// final, never.
#[test]
#[ignore = "it writes to fixtures/logs"]
fn regenerate_golden_logs() {
    assert!(is_root(), "only root can record without capabilities, as another user");
    fs::create_dir_all(folder()).unwrap();
    let missing = |name: &str| !folder().join(format!("{name}.reel")).exists();
    for name in PROGRAMS.into_iter().filter(|name| missing(name)) {
        let program = alone(name);
        let (stage, set) = match name {
            "undumpable" => (Stage::unprivileged(&program), "EXPECT_UNPRIVILEGED=1"),
            _ => (Stage::with_copies(&program), "NONE="),
        };
        let run = stage.record_under(&["env", "-i", set], &program, &[]);
        assert!(run.ended(&program.end), "{name}: {:?} {}", run.status, run.stderr);
        keep(name, &fs::read(stage.log()).unwrap(), Some(&run.statements));
    }
    for call in ATTACHED {
        let name = format!("attach_{call}");
        if missing(&name) {
            let (stage, statements) = attach::record(call);
            keep(&name, &fs::read(stage.log()).unwrap(), Some(&statements));
        }
    }
    for (name, bytes) in synthetic::logs().into_iter().filter(|(name, _)| missing(name)) {
        keep(name, &bytes, None);
    }
}

/// Writes the output of the current reader for every golden log, to be reviewed with git diff
/// fixtures/logs.
#[test]
#[ignore = "it overwrites what is expected of the golden logs"]
fn render_golden_logs_anew() {
    for log in logs() {
        render(&log);
    }
}

/// Gives the file the mode of the other files of the repository; the recorder makes logs with 0600.
fn keep(name: &str, bytes: &[u8], statements: Option<&str>) {
    let log = folder().join(format!("{name}.reel"));
    fs::write(&log, bytes).unwrap();
    if let Some(statements) = statements {
        fs::write(beside(&log, "statements"), statements).unwrap();
    }
    render(&log);
}

fn render(log: &Path) {
    fs::write(beside(log, "raw.json"), print(log, "raw")).unwrap();
    if !beside(log, "statements").exists() {
        fs::write(beside(log, "txt"), print(log, "text")).unwrap();
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/logs/v1")
}

fn logs() -> Vec<PathBuf> {
    let mut logs: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "reel"))
        .collect();
    logs.sort();
    assert!(!logs.is_empty(), "{} holds no log", folder().display());
    logs
}

fn beside(log: &Path, extension: &str) -> PathBuf {
    log.with_extension(extension)
}

fn print(log: &Path, format: &str) -> String {
    // Nothing may depend on the reader's time zone.
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysreel"));
    let output =
        command.env("TZ", "UTC").args(["print", "--format", format]).arg(log).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {:?} {error}", log.display(), output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Shows the first line that differs instead of both files.
fn assert_same(log: &Path, extension: &str, now: &str) {
    let path = beside(log, extension);
    let then = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    if then == now {
        return;
    }
    let line = then.lines().zip(now.lines()).take_while(|(then, now)| then == now).count();
    let show = |text: &str| text.lines().nth(line).unwrap_or("(the end)").to_owned();
    panic!("{}, line {}:\n- {}\n+ {}", path.display(), line + 1, show(&then), show(now));
}
