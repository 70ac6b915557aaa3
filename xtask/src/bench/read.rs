//! The speed and memory of readers.

use super::goals;
use super::place::Place;
use super::table::{Table, verdict};
use super::workload;
use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A measurement in a process of its own, so that its memory is its own.
#[derive(clap::Args)]
pub(crate) struct Part {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Decode every event of a log
    Decode { log: PathBuf },
    /// Read every call of a log, with nothing followed and nothing asked
    Calls { log: PathBuf },
    /// Run `SYSREEL print LOG` and throw the lines away
    Print { sysreel: PathBuf, log: PathBuf },
    /// Run `SYSREEL ARGS LOG` and throw what it says away
    View {
        sysreel: PathBuf,
        log: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Align two streams of so many tokens
    Align { shape: usize, tokens: usize },
    /// Run `SYSREEL diff` and throw what it says away
    Diff { sysreel: PathBuf, a: PathBuf, b: PathBuf, level: String },
    /// Make a log of so many stops out of a recorded one
    Lengthen { log: PathBuf, to: PathBuf, stops: u64 },
}

/// One measurement: a count, CPU time in seconds, memory in KiB.
pub(super) struct Reading {
    pub(super) count: u64,
    pub(super) cpu: f64,
    pub(super) peak: i64,
}

/// Runs the hidden command.
pub(crate) fn part(part: &Part) -> Result<()> {
    match &part.what {
        What::Decode { log } => {
            let (stops, sum) = super::readings::decode(log)?;
            std::hint::black_box(sum);
            report(stops, UsageWho::RUSAGE_SELF)
        }
        What::Calls { log } => {
            let (stops, sum) = super::readings::calls(log)?;
            std::hint::black_box(sum);
            report(stops, UsageWho::RUSAGE_SELF)
        }
        What::Print { sysreel, log } => {
            let mut child = Command::new(sysreel)
                .arg("print")
                .arg(log)
                .stdout(Stdio::piped())
                .spawn()
                .context("sysreel print")?;
            let lines = count_lines(child.stdout.take().context("its output")?)?;
            ensure!(child.wait()?.success(), "sysreel print failed");
            report(lines, UsageWho::RUSAGE_CHILDREN)
        }
        What::View { sysreel, log, args } => {
            let mut command = Command::new(sysreel);
            let status = command.args(args).arg(log).stdout(Stdio::null()).status()?;
            ensure!(status.success(), "sysreel {args:?} failed");
            report(1, UsageWho::RUSAGE_CHILDREN)
        }
        What::Align { shape, tokens } => {
            let spans = super::compare::align(*shape, *tokens)?;
            report(spans, UsageWho::RUSAGE_SELF)
        }
        What::Diff { sysreel, a, b, level } => {
            let mut command = Command::new(sysreel);
            let status = command
                .args(["diff", "--level", level])
                .args([a, b])
                .stdout(Stdio::null())
                .status()?;
            ensure!(status.success(), "sysreel diff found differences");
            report(1, UsageWho::RUSAGE_CHILDREN)
        }
        What::Lengthen { log, to, stops } => super::lengthen::lengthen(log, to, *stops),
    }
}

fn report(count: u64, who: UsageWho) -> Result<()> {
    let usage: Usage = getrusage(who).context("getrusage")?;
    let cpu = (usage.user_time() + usage.system_time()).num_microseconds();
    println!("{count} {cpu} {}", usage.max_rss());
    Ok(())
}

fn count_lines(mut output: impl std::io::Read) -> Result<u64> {
    let mut buffer = vec![0; 1 << 16];
    let mut lines = 0;
    loop {
        let got = output.read(&mut buffer)?;
        if got == 0 {
            return Ok(lines);
        }
        lines += buffer[..got].iter().filter(|&&byte| byte == b'\n').count() as u64;
    }
}

/// Returns the section of the report, for logs of `stops` stops.
pub(super) fn section(place: &Place, stops: u64) -> Result<String> {
    let tar = workload::tar();
    let log = place.output("read.reel");
    let mut table = Table::new(&[
        "",
        "of",
        "CPU time",
        "a second",
        "goal: at least",
        "",
        "peak memory",
        "of a tenth",
        "",
    ]);
    for (name, options) in
        [("structs", ["--capture-limit", "0", "--no-names"].as_slice()), ("everything", &[])]
    {
        eprintln!("read: {name}");
        _ = std::fs::remove_file(&log);
        let mut argv = vec![place.path("sysreel"), "record".into(), "--quiet".into()];
        argv.extend(options.iter().map(|&option| option.to_owned()));
        argv.extend(["-o".into(), log.to_string_lossy().into_owned(), "--".into()]);
        argv.extend_from_slice(&tar.argv);
        place.run(&argv)?;
        let [short, long] = [("short.reel", stops / 10), ("long.reel", stops)]
            .map(|(file, stops)| (place.output(file), stops));
        for (path, stops) in [&short, &long] {
            in_own_process(&["lengthen", &text(&log), &text(path), &stops.to_string()])?;
        }
        let sysreel = place.path("sysreel");
        let decode = |path: &Path| measure(&["decode", &text(path)]);
        ensure!(decode(&long.0)?.count >= stops, "the long log is too short");
        let goal = (name == "structs").then_some(goals::DECODE);
        let decoded = decode(&long.0)?;
        table.row(row(&format!("decode, {name}"), "stops", &decoded, &decode(&short.0)?, goal));
        let calls = |path: &Path| measure(&["calls", &text(path)]);
        let goal = decoded.count as f64 / (decoded.cpu * goals::CALLS);
        table.row(row(
            &format!("calls, {name}"),
            "stops",
            &calls(&long.0)?,
            &calls(&short.0)?,
            Some(goal),
        ));
        let print = |path: &Path| measure(&["print", &place.path("sysreel"), &text(path)]);
        let goal = (name == "everything").then_some(goals::PRINT);
        table.row(row(
            &format!("print, {name}"),
            "lines",
            &print(&long.0)?,
            &print(&short.0)?,
            goal,
        ));
        views(&mut table, name, &sysreel, (&short.0, &long.0), &decoded)?;
        for (path, _) in [&short, &long] {
            std::fs::remove_file(path)?;
        }
    }
    Ok(format!(
        "## Reading\n\n\
         Logs of {stops} stops: what `tar cf /dev/null /usr/include` did, recorded once and repeated with later times and new buffers. *Structs* is recorded with \
         `--capture-limit 0 --no-names`, *everything* as it comes. To decode is to read every field of every stop through the public reader; *calls* is every call from the cursor of the library, entry and exit paired, with nothing asked of it (goal: {calls} times decoding); to print is \
         `sysreel print` into a pipe. The views have goals as multiples of decoding the same log: 1.3 for counting structs, 2.5 for the others. CPU time of all threads together, so the figures are of one core. Memory is the largest resident set, and goal is that ten times \
         as many stops take no more of it (than {growth:.2} times).\n\n{table}",
        growth = goals::GROWTH,
        calls = goals::CALLS,
    ))
}

/// Adds the rows of the views.
fn views(
    table: &mut Table,
    name: &str,
    sysreel: &str,
    (short, long): (&Path, &Path),
    decoded: &Reading,
) -> Result<()> {
    for goals::View { args, structs, everything } in goals::VIEWS {
        let goal = if name == "structs" { structs } else { everything };
        let Some(goal) = goal else { continue };
        // As many stops as the log has, so that rates compare.
        let view = |path: &Path, count: u64| -> Result<Reading> {
            let mut all = vec!["view", sysreel, path.to_str().context("the path")?];
            all.extend_from_slice(args);
            Ok(Reading { count, ..measure(&all)? })
        };
        let (long, short) = (view(long, decoded.count)?, view(short, decoded.count / 10)?);
        let least = decoded.count as f64 / (decoded.cpu * goal);
        table.row(row(&format!("{}, {name}", args.join(" ")), "stops", &long, &short, Some(least)));
    }
    Ok(())
}

fn row(name: &str, of: &str, long: &Reading, short: &Reading, goal: Option<f64>) -> Vec<String> {
    let rate = long.count as f64 / long.cpu;
    let million = |value: f64| format!("{:.1} M", value / 1e6);
    let memory = |reading: &Reading| format!("{:.1} MB", reading.peak as f64 * 1024.0 / 1e6);
    vec![
        name.into(),
        format!("{} {of}", long.count),
        format!("{:.2} s", long.cpu),
        million(rate),
        goal.map_or(String::new(), million),
        goal.map_or(String::new(), |goal| verdict(rate >= goal)),
        memory(long),
        memory(short),
        verdict(long.peak as f64 <= short.peak as f64 * goals::GROWTH),
    ]
}

pub(super) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

pub(super) fn measure(words: &[&str]) -> Result<Reading> {
    let answer = in_own_process(words)?;
    let figures: Vec<i64> = answer.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let [count, micros, peak] = figures[..] else { bail!("a measurement answered `{answer}`") };
    Ok(Reading { count: count.unsigned_abs(), cpu: micros as f64 / 1e6, peak })
}

/// Runs a part of the bench, which must be an optimized build.
pub(super) fn in_own_process(words: &[&str]) -> Result<String> {
    let output = Command::new(std::env::current_exe()?)
        .arg("bench-part")
        .args(words)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "`bench-part {}` failed", words.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}
