//! `sysreel doctor`.

use crate::args::Doctor as Args;
use crate::exit::Exit;
use crate::say::{self, Unwritten};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use sysreel_inspect::info::Info;
use sysreel_inspect::visible::{json_pretty, visible};
use sysreel_record::{CpuPolicy, Options, Recorder};
use sysreel_sys::doctor::{Finding, Verdict, examine};

/// The version of the JSON output, incremented if a field changes its meaning or is removed.
const SCHEMA: u32 = 1;

pub(crate) fn run(args: &Args) -> Exit {
    if args.nothing {
        return Exit::SUCCESS;
    }
    let mut findings = examine();
    // If tracing does not work, a trial recording would only repeat that.
    if findings.iter().all(|finding| finding.verdict < Verdict::Stops) {
        findings.push(check_recording(args));
    }
    let worst = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Fine);
    let text = if args.json { to_json(&findings, worst) } else { to_text(&findings, worst) };
    match say::result(|out| out.write_all(text.as_bytes())) {
        Err(Unwritten(exit)) => exit,
        Ok(()) if worst < Verdict::Stops => Exit::SUCCESS,
        Ok(()) => Exit::FAILURE,
    }
}

/// Records a program that does nothing and reads the log back.
fn check_recording(args: &Args) -> Finding {
    let fix = "choose a writable folder on a local disk (sysreel doctor --folder DIR)";
    match record_trial(args) {
        Ok(info) if !info.is_whole() => Finding::stops(
            "recording",
            format!(
                "a log was written to {} and came back with parts missing",
                args.folder.display()
            ),
            fix,
        ),
        Ok(info) => Finding::fine(
            "recording",
            format!(
                "a program was recorded and its log read back: {} calls, {}",
                info.syscalls,
                info.ending.exit.as_deref().unwrap_or("still running")
            ),
        ),
        Err(text) => Finding::stops("recording", text, fix),
    }
}

fn record_trial(args: &Args) -> Result<Info, String> {
    let program = std::env::current_exe()
        .map_err(|error| format!("cannot find the sysreel executable: {error}"))?;
    let folder = tempfile::Builder::new()
        .prefix(".sysreel-doctor-")
        .tempdir_in(&args.folder)
        .map_err(|error| {
            format!("cannot create a folder for a log in {}: {error}", args.folder.display())
        })?;
    let log: PathBuf = folder.path().join("doctor.reel");
    let options = Options {
        output: Some(log.clone()),
        argv: vec![program.into(), "doctor".into(), "--nothing".into()],
        cpu: CpuPolicy::Auto,
        tool_version: env!("CARGO_PKG_VERSION").into(),
        ..Options::default()
    };
    let outcome =
        Recorder::prepare(&options).and_then(Recorder::run).map_err(|error| error.to_string())?;
    if let Some(error) = outcome.error {
        return Err(format!("{}: {error}", log.display()));
    }
    let log = sysreel_inspect::open(&log).map_err(|error| error.to_string())?;
    Info::gather(&log).map_err(|error| error.to_string())
}

/// Returns the last line of the output.
fn conclusion(worst: Verdict) -> &'static str {
    match worst {
        Verdict::Fine => "sysreel can record here",
        Verdict::Limited => "sysreel can record here, within the limits above",
        Verdict::Stops => "sysreel cannot record here",
    }
}

fn to_text(findings: &[Finding], worst: Verdict) -> String {
    let mut text = String::new();
    for Finding { check, verdict, found, fix } in findings {
        text += &format!("{:8} {check:10} {}\n", verdict.name(), visible(found));
        if let Some(fix) = fix {
            text += &format!("{:8} {:10} fix: {}\n", "", "", visible(fix));
        }
    }
    text + conclusion(worst) + "\n"
}

fn to_json(findings: &[Finding], worst: Verdict) -> String {
    let checks: Vec<_> = findings
        .iter()
        .map(|finding| {
            json!({
                "check": finding.check,
                "verdict": finding.verdict.name(),
                "found": finding.found,
                "fix": finding.fix,
            })
        })
        .collect();
    let value = json!({
        "schema": SCHEMA,
        "can_record": worst < Verdict::Stops,
        "checks": checks,
    });
    json_pretty(&value).unwrap_or_default() + "\n"
}
