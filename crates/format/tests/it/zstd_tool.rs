//! A log is a sequence of zstd frames, so the zstd tool can check it.

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

use crate::build::{every_kind, small_log};
use crate::calls::both_logs;

/// Runs `zstd` on a log. `None`, and a line on stderr, if it is not installed.
fn zstd(option: &str, log: &[u8]) -> Option<(bool, Vec<u8>)> {
    let mut command = Command::new("zstd");
    command
        .args([option, "-q"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            crate::account::skipped("no zstd in PATH");
            return None;
        }
        child => child.unwrap(),
    };
    let mut stdin = child.stdin.take().unwrap();
    let log = log.to_vec();
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&log)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    Some((output.status.success(), output.stdout))
}

#[test]
fn zstd_checks_a_log() {
    for (log, _) in both_logs() {
        let Some((sound, _)) = zstd("-t", &log) else { return };
        assert!(sound);
        let mut damaged = log;
        let len = damaged.len();
        damaged[len / 2] ^= 1;
        damaged.truncate(len - 10);
        assert_eq!(zstd("-t", &damaged).map(|(sound, _)| sound), Some(false));
    }
}

#[test]
fn zstd_dumps_the_payloads() {
    let (log, _) = small_log();
    let Some((sound, payloads)) = zstd("-dc", &log) else { return };
    assert!(sound);
    for row in every_kind() {
        assert!(payloads.windows(row.len()).any(|window| window == row));
    }
}
