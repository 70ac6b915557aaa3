//! Attaches to a program in the middle of a call. The kernel's struct decides what the first stop
//! is; no entry is invented.

use crate::matcher::check;
use crate::program::alone;
use crate::reading;
use crate::stage::{Stage, kill, until};
use crate::statements::parse;
use std::fs;
use sysreel_abi::{Abi, number::number};

#[test]
fn a_sleep_goes_on_as_restart_syscall() {
    holds("nanosleep");
}

#[test]
fn a_read_is_made_again() {
    holds("read");
}

#[test]
fn a_poll_goes_on_as_restart_syscall() {
    holds("poll");
}

#[test]
fn a_pause_is_made_again() {
    holds("pause");
}

fn holds(call: &str) {
    let (stage, statements) = record(call);
    let stops = reading::read(&stage.printed("raw"));
    let problems = check(&parse(&statements).unwrap(), &stops, "");
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// Returns the call that goes on after PTRACE_INTERRUPT, and the result that a tracer sees:
/// restart_syscall(2) if the call has a timeout, else the same call.
fn goes_on_as(call: &str) -> (&str, i64) {
    match call {
        "nanosleep" | "poll" => ("restart_syscall", -516),
        "pause" => ("pause", -514),
        _ => (call, -512),
    }
}

/// Attaches to a `sleeper` in that call and ends it. Returns the statements that the log must
/// satisfy.
pub(crate) fn record(call: &str) -> (Stage, String) {
    let program = alone("sleeper");
    let stage = Stage::with_copies(&program);
    let sleeper = stage.start_program(&program, &[call]);
    let tid = sleeper.pid();
    let nr = |name| number(Abi::X86_64, name).unwrap();
    wait_in_call(tid, nr(call));
    let recorder = stage.start_recorder(tid);
    let (again, result) = goes_on_as(call);
    wait_for_entry(&stage);
    kill(tid, "USR1");
    assert!(sleeper.wait().success(), "the sleeper ends with 0");
    assert!(recorder.wait().success(), "so does its recorder");
    let statements = format!(
        "stop {tid} event stop\nstop {tid} entry {again} nr={:x}\nstop {tid} exit {result} \
         error=1\nstop {tid} signal SIGUSR1\n\
         stop {tid} entry rt_sigreturn\nstop {tid} exit -4 error=1\nstop {tid} entry exit_group\ngone {tid} exited 0\n{}",
        nr(again),
        if again == call { String::new() } else { format!("never {tid} entry {call}\n") },
    );
    (stage, statements)
}

/// Waits until the task blocks in that call: /proc/PID/syscall then has its number (proc(5)).
fn wait_in_call(tid: u32, nr: u64) {
    until("the task blocks in the call", || {
        let call = fs::read_to_string(format!("/proc/{tid}/syscall")).unwrap_or_default();
        call.split(' ').next() == Some(&nr.to_string())
    });
}

/// Waits until the log has the entry of the restarted call. A log can be read while it grows.
fn wait_for_entry(stage: &Stage) {
    until("the entry is in the log", || {
        let log = stage.log();
        let ran = stage.sysreel(&["print", "--format", "raw", log.to_str().unwrap()]);
        ran.text().contains(r#""op":"entry""#)
    });
}
