//! `sysreel record`.

use crate::args::{Cpu, Fast, Record};
use crate::exit::Exit;
use crate::progress::Line;
use crate::record_browse::{ENDED, LOG, MESSAGES, name_of};
use crate::say::{copy_to, say};
use std::ffi::OsString;
use std::fs;
use std::io::{IsTerminal, stderr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use sysreel_inspect::counted;
use sysreel_record::{
    CpuPolicy, Ended, Error, FastFault, FastFigures, FastMode, Options, Outcome, Recorder,
};
use sysreel_sys::front::Front;

pub(crate) fn run(args: &Record) -> Exit {
    if args.browse {
        return crate::record_browse::run(args);
    }
    crate::front::run_with_front(!args.command.is_empty(), |front| trace(args, front))
}

fn trace(args: &Record, front: Option<Front>) -> Exit {
    if let Some(folder) = &args.announce
        && let Err(error) = copy_to(&folder.join(MESSAGES))
    {
        say!("cannot write {}: {error}", folder.join(MESSAGES).display());
    }
    if args.audit && args.capture_limit == 0 {
        say!("--audit needs the memory that --capture-limit 0 leaves out; use only one of them");
        return Exit::USAGE;
    }
    if args.print && args.output.as_deref() == Some(Path::new("-")) {
        say!("--print cannot read the log back from standard output; use -o FILE");
        return Exit::USAGE;
    }
    let environment = match args.environment.as_ref().map(fs::read).transpose() {
        Ok(bytes) => bytes.map(split_environment),
        Err(error) => {
            let path = args.environment.as_deref().unwrap_or(Path::new(""));
            say!("cannot read {}: {error}", path.display());
            return Exit::NOT_RECORDED;
        }
    };
    let options = Options {
        environment,
        output: args.output.clone(),
        force: args.force,
        argv: args.command.clone(),
        pids: args.pid.clone(),
        capture_limit: args.capture_limit,
        names: !args.no_names,
        tracers: args.tracers.into(),
        move_processes: args.move_processes,
        cpu: match args.cpu {
            Cpu::Auto => CpuPolicy::Auto,
            Cpu::Free => CpuPolicy::Free,
            Cpu::Poll => CpuPolicy::Poll,
        },
        audit: args.audit,
        until_exit: args.until_exit,
        refuse_tracers: args.refuse_tracers,
        tree: args.tree,
        warn: |text| say!("{text}"),
        only: args.only.clone(),
        fast: args.fast.map(fast_mode),
        replayable: args.replayable,
        file_contents: !args.no_file_contents,
        front,
        tool_version: env!("CARGO_PKG_VERSION").into(),
        ..Options::default()
    };
    match record(&options, args) {
        Ok(outcome) => finish(&outcome, args),
        Err(error) => {
            say!("{error}");
            failure(&error)
        }
    }
}

fn fast_mode(fast: Fast) -> FastMode {
    match fast {
        Fast::On => FastMode::On,
        Fast::Verify => FastMode::Verify(None),
        Fast::VerifyLosing => FastMode::Verify(Some(FastFault::Lose)),
        Fast::VerifyChanging => FastMode::Verify(Some(FastFault::Change)),
    }
}

/// Splits the contents of an environment file into its entries, each terminated by NUL.
fn split_environment(bytes: Vec<u8>) -> Vec<OsString> {
    let entries = bytes.split_inclusive(|&byte| byte == 0);
    entries
        .map(|entry| OsString::from_vec(entry.strip_suffix(b"\0").unwrap_or(entry).to_vec()))
        .collect()
}

fn record(options: &Options, args: &Record) -> Result<Outcome, Error> {
    let mut recorder = Recorder::prepare(options)?;
    if options.replayable && !args.quiet {
        say!("replayable: {}", sysreel_record::CHANGES.join("; "));
    }
    if let Some(folder) = &args.announce {
        announce(recorder.path().as_os_str().as_bytes(), &folder.join(LOG));
    }
    let line = if args.quiet { None } else { Line::begin(recorder.progress(), options.front) };
    if let Some(line) = &line {
        recorder.before_stop(line.eraser());
    }
    let outcome = recorder.run();
    if let Some(line) = line {
        line.finish();
    }
    outcome
}

/// Writes a file, which is there only when all of it is.
fn announce(text: &[u8], to: &Path) {
    let new = to.with_extension("new");
    let written = fs::write(&new, text);
    if let Err(error) = written.and_then(|()| fs::rename(&new, to)) {
        say!("cannot write {}: {error}", to.display());
    }
}

fn failure(error: &Error) -> Exit {
    match error {
        Error::System(error @ sysreel_sys::Error::Exec { .. }) => not_started(error),
        Error::OnlyAttached => Exit::USAGE,
        _ => Exit::NOT_RECORDED,
    }
}

/// Returns the status of env(1) and the shells: 127 if the program is not found, 126 if it cannot
/// be executed.
fn not_started(error: &sysreel_sys::Error) -> Exit {
    match error {
        sysreel_sys::Error::Exec { source, .. }
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            Exit::NOT_FOUND
        }
        _ => Exit::NOT_EXECUTABLE,
    }
}

fn finish(outcome: &Outcome, args: &Record) -> Exit {
    let path = outcome.path.display();
    if let Some(folder) = &args.announce
        && let Some(how) = in_words(outcome)
    {
        announce(how.as_bytes(), &folder.join(ENDED));
    }
    if let Some(error) = &outcome.error {
        say!("{path}: {error}");
    }
    for change in &outcome.interference {
        say!("{change}");
    }
    if outcome.lost > 0 {
        say!(
            "{path} is incomplete: {} of {} could not be written; the log says which",
            outcome.lost,
            counted(outcome.events, "event")
        );
    }
    // Without -o the user does not know the file name yet.
    if !args.quiet && outcome.error.is_none() && (args.output.is_none() || stderr().is_terminal()) {
        say!("{} in {path} ({} bytes)", counted(outcome.events, "event"), outcome.bytes);
    }
    if !args.quiet && outcome.unrecorded > 0 {
        say!(
            "{path}: {} not recorded while another program traced it (print shows where)",
            counted(outcome.unrecorded, "task")
        );
    }
    for why in &outcome.not_replayable {
        say!("{path} cannot be replayed to the end: {why}");
    }
    if !args.quiet && outcome.not_replayable.is_empty() {
        for why in &outcome.differing {
            say!("a replay of {path} may differ: {why}");
        }
    }
    if !args.quiet && !outcome.answered.is_empty() {
        let calls = outcome.answered.join(", ");
        say!("{path}: the program got errors for calls that cannot be replayed: {calls}");
    }
    if let Some(audited) = &outcome.audited
        && (!args.quiet || audited.findings > 0)
    {
        say!("audit: {audited}");
    }
    if let Some(figures) = &outcome.fast {
        report_fast(figures, args);
    }
    if args.print && !crate::print::to_stderr(&outcome.path) {
        return Exit::NOT_RECORDED;
    }
    status(outcome)
}

/// Says how the command ended, if that was seen.
fn in_words(outcome: &Outcome) -> Option<String> {
    match outcome.ended {
        Ended::Exited(code) => Some(format!("exited with {code}")),
        Ended::Killed(signal) => Some(format!("killed by {}", name_of(signal.0))),
        Ended::NotSeen => None,
    }
}

fn report_fast(figures: &FastFigures, args: &Record) {
    let FastFigures { compared, mismatches, .. } = figures;
    let verifies = !matches!(args.fast, Some(Fast::On));
    if verifies && (!args.quiet || *mismatches > 0) {
        say!("--fast=verify: {compared} halves of calls compared, {mismatches} differ");
    }
    if !args.quiet && stderr().is_terminal() {
        say!("{} calls recorded from inside; {} processes demoted", figures.calls, figures.demoted);
    }
}

fn status(outcome: &Outcome) -> Exit {
    if let Some(error) = &outcome.exec {
        say!("{error}");
        return not_started(error);
    }
    if outcome.lost > 0 || outcome.error.is_some() || !outcome.interference.is_empty() {
        return Exit::NOT_RECORDED;
    }
    if outcome.audited.as_ref().is_some_and(|audited| audited.findings > 0) {
        return Exit::AUDIT_FINDINGS;
    }
    if outcome.fast.is_some_and(|figures| figures.mismatches > 0) {
        return Exit::AUDIT_FINDINGS;
    }
    match (outcome.ended, outcome.detached) {
        (Ended::Exited(code), _) => Exit::Code(code),
        (Ended::Killed(signal), _) => Exit::Signal(signal),
        (Ended::NotSeen, Some(signal)) => Exit::Signal(signal),
        (Ended::NotSeen, None) => Exit::SUCCESS,
    }
}
