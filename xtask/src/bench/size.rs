//! The size of logs.

use super::goals;
use super::place::Place;
use super::readings::{self, Contents};
use super::table::{Table, bytes, verdict};
use super::workload::Workload;
use anyhow::{Context, Result, ensure};
use std::process::{Command, Stdio};

/// strace with as much in its text as a log has: strings of any length, no abbreviation, addresses,
/// microseconds.
const STRACE: &str = "strace -f -v -s 1000000 -i -ttt -o FILE";
/// The recorder with the same limit.
const SYSREEL: &str = "sysreel record --capture-limit 1000000 -o LOG";
/// The recorder without memory.
const STRUCTS: &str = "sysreel record --capture-limit 0 --no-names -o LOG";

/// Returns the section of the report.
pub(super) fn section(place: &Place, workloads: &[Workload]) -> Result<String> {
    let mut whole = Table::new(&[
        "workload",
        "log",
        "strace, zstd -3",
        "log / strace",
        "stops",
        "goal: smaller",
    ]);
    let mut structs = Table::new(&[
        "workload",
        "stops",
        "bytes of event blocks",
        "bytes a stop",
        "goal: at most",
        "",
    ]);
    for workload in workloads {
        eprintln!("size: {}", workload.name);
        let log = record(place, SYSREEL, workload)?;
        let text = strace(place, workload)?;
        whole.row(vec![
            workload.name.into(),
            bytes(log.file_bytes),
            bytes(text),
            format!("{:.2}", log.file_bytes as f64 / text as f64),
            log.stops.to_string(),
            verdict(log.file_bytes < text),
        ]);
        if let Some((_, most)) = goals::BYTES_A_STOP.iter().find(|(name, _)| *name == workload.name)
        {
            let log = record(place, STRUCTS, workload)?;
            let each = log.event_bytes as f64 / log.stops as f64;
            structs.row(vec![
                workload.name.into(),
                log.stops.to_string(),
                log.event_bytes.to_string(),
                format!("{each:.2}"),
                format!("{most:.1}"),
                verdict(each <= *most),
            ]);
        }
    }
    Ok(format!(
        "## Size\n\n\
         The structs alone, with times in nanoseconds: `{STRUCTS} CMD`. Counts the event blocks as stored, headers \
         and the few events that are not stops included, divided by the number of stops.\n\n{structs}\n\
         A whole log, `{SYSREEL} CMD`, beside `{STRACE} CMD` compressed with `zstd -3`: the log has all six arguments, the stack pointer, buffers of calls that \
         strace shows as addresses, names of descriptors and nanoseconds, which the text has not.\n\n{whole}",
    ))
}

/// Records a workload with that command and counts the log's contents.
fn record(place: &Place, command: &str, workload: &Workload) -> Result<Contents> {
    let log = place.output("size.reel");
    _ = std::fs::remove_file(&log);
    let mut argv = vec![place.path("sysreel")];
    argv.extend(command.split(' ').skip(1).map(|word| word.replace("LOG", &log.to_string_lossy())));
    argv.extend(["--quiet".into(), "--".into()]);
    argv.extend_from_slice(&workload.argv);
    place.run(&argv)?;
    let contents = readings::contents(&log)?;
    std::fs::remove_file(&log)?;
    ensure!(contents.stops > 0, "{} made no stop", workload.name);
    Ok(contents)
}

/// Returns the size of strace's compressed text. Recorded on one CPU, where its times, and so its
/// text, are shortest.
fn strace(place: &Place, workload: &Workload) -> Result<u64> {
    let text = place.output("size.txt");
    let mut argv: Vec<String> = ["taskset", "-c", "0"].map(str::to_owned).to_vec();
    argv.extend(STRACE.split(' ').map(|word| word.replace("FILE", &text.to_string_lossy())));
    argv.push("--".into());
    argv.extend_from_slice(&workload.argv);
    place.run(&argv)?;
    let mut zstd = Command::new("zstd")
        .args(["-q", "-3", "-c"])
        .arg(&text)
        .stdout(Stdio::piped())
        .spawn()
        .context("starting zstd")?;
    let mut compressed = zstd.stdout.take().context("zstd's output")?;
    let size = std::io::copy(&mut compressed, &mut std::io::sink())?;
    ensure!(zstd.wait()?.success(), "zstd failed");
    std::fs::remove_file(&text)?;
    Ok(size)
}
