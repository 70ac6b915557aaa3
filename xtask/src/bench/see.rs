//! How long one waits for what is looked at: the browser, the page, the tables.

use super::goals;
use super::place::Place;
use super::read::{in_own_process, text};
use super::table::{Table, bytes, seconds, verdict};
use super::workload;
use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long nothing comes from a terminal that has drawn its screen.
const QUIET: Duration = Duration::from_millis(300);
/// Nothing that is measured takes longer.
const DEADLINE: Duration = Duration::from_secs(120);
/// How many keys are typed.
const KEYS: usize = 20;

/// Returns the section of the report. `events`: of the log that is browsed.
pub(super) fn section(place: &Place, events: u64) -> Result<String> {
    eprintln!("see: recording");
    let sysreel = place.path("sysreel");
    let log = place.output("see.reel");
    let mut argv = vec![sysreel.clone(), "record".into(), "--quiet".into()];
    argv.extend(["-o".into(), text(&log), "--".into()]);
    argv.extend_from_slice(&workload::tar().argv);
    place.run(&argv)?;
    let [long, short] = [("browsed.reel", events), ("shown.reel", events / 10)]
        .map(|(file, events)| (place.output(file), events));
    for (path, events) in [&long, &short] {
        in_own_process(&["lengthen", &text(&log), &text(path), &events.to_string()])?;
    }
    let mut table = Table::new(&["", "of", "time", "goal: at most", ""]);
    let mut row = |name: &str, events: u64, took: f64, goal: f64| {
        let of = format!("{events} events");
        table.row(vec![name.into(), of, seconds(took), seconds(goal), verdict(took <= goal)]);
    };
    eprintln!("see: browse");
    let (first, key) = browse(&sysreel, &long.0)?;
    row("browse, the first screen", events, first, goals::FIRST_SCREEN);
    row("browse, the slowest of 20 keys", events, key, goals::KEY);
    eprintln!("see: report");
    let took = timed(&sysreel, &["report", "-o", &text(&place.output("page.html"))], &short.0)?;
    row("report", short.1, took, goals::REPORT);
    let columns = place.output("calls.parquet");
    let to = text(&columns);
    let made = timed(&sysreel, &["export", "--to", "parquet", "-o", &to], &short.0);
    let size = |path: &Path| path.metadata().map_or(0, |data| data.len());
    let parquet = match made {
        Ok(took) => {
            // Two events a call.
            let goal = short.1 as f64 / 2.0 / goals::PARQUET;
            row("export --to parquet", short.1, took, goal);
            format!(
                "The Parquet file has {}, its log {}.",
                bytes(size(&columns)),
                bytes(size(&short.0))
            )
        }
        Err(error) => format!("Without Parquet: {error:#}."),
    };
    for (path, _) in [&long, &short] {
        std::fs::remove_file(path)?;
    }
    Ok(format!(
        "## Looking\n\n\
         Logs of what `tar cf /dev/null /usr/include` did, recorded once and repeated. The browser runs in a terminal of 120 columns and 40 lines (script(1)); its first screen is there when a call is on it, and a key is answered when the screen changes. Wall time.\n\n\
         {table}\n{parquet}\n"
    ))
}

/// Runs a command on a log, and returns how many seconds it took.
fn timed(sysreel: &str, words: &[&str], log: &Path) -> Result<f64> {
    let begun = Instant::now();
    let output = Command::new(sysreel).args(words).arg(log).stdin(Stdio::null()).output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "sysreel {}: {}", words[0], error.trim_end());
    Ok(begun.elapsed().as_secs_f64())
}

/// Browses a log. Returns the seconds to the first screen, and to the answer of the slowest key.
fn browse(sysreel: &str, log: &Path) -> Result<(f64, f64)> {
    let begun = Instant::now();
    let mut terminal = Terminal::start(&format!(
        "stty cols 120 rows 40; exec '{sysreel}' browse '{}'",
        log.display()
    ))?;
    terminal.wait_for("openat(")?;
    let first = begun.elapsed().as_secs_f64();
    let mut slowest: f64 = 0.0;
    for at in 0..KEYS {
        terminal.settle()?;
        // Lines, pages and the end, which was not decoded before.
        let key = ["j", " ", "G", "g", "e"][at % 5];
        let typed = Instant::now();
        terminal.keys.write_all(key.as_bytes())?;
        terminal.wait()?;
        slowest = slowest.max(typed.elapsed().as_secs_f64());
    }
    terminal.settle()?;
    terminal.keys.write_all(b"q")?;
    let status = terminal.child.wait()?;
    ensure!(status.success(), "sysreel browse failed");
    Ok((first, slowest))
}

/// A command in a terminal of its own.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    output: Receiver<Vec<u8>>,
}

impl Terminal {
    fn start(command: &str) -> Result<Terminal> {
        let mut child = Command::new("script")
            .args(["-qefc", command, "/dev/null"])
            .env("TERM", "xterm-256color")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("script")?;
        let keys = child.stdin.take().context("its input")?;
        let mut screen = child.stdout.take().context("its output")?;
        let (send, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(got @ 1..) = screen.read(&mut buffer) {
                if send.send(buffer[..got].to_vec()).is_err() {
                    break;
                }
            }
        });
        Ok(Terminal { child, keys, output })
    }

    fn wait(&self) -> Result<Vec<u8>> {
        self.output.recv_timeout(DEADLINE).context("the screen does not change")
    }

    /// Waits until the screen has a text.
    fn wait_for(&self, text: &str) -> Result<()> {
        let mut screen = Vec::new();
        while !String::from_utf8_lossy(&screen).contains(text) {
            screen.extend(self.wait()?);
        }
        Ok(())
    }

    /// Waits until nothing changes any more.
    fn settle(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            match self.output.recv_timeout(QUIET) {
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Ok(_) => ensure!(begun.elapsed() < DEADLINE, "the screen changes all the time"),
                Err(error) => return Err(error).context("the browser has ended"),
            }
        }
    }
}
