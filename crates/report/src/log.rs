//! The page of a log.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde::Serialize;
use sysreel_inspect::diff::mask::masked;
use sysreel_inspect::info::Info;
use sysreel_inspect::visible::{visible, visible_bytes};
use sysreel_inspect::{Error, Findings, LogFile, open};
use sysreel_views::shell::command_line;

use crate::calls::{ORDER, calls};
use crate::options::{MOST, Options};
use crate::page::{self, Block};
use crate::rank::{MOST as MOST_CALLS, Ranked};
use crate::table::Table;
use crate::tables::{times, uses};

/// The most bytes of a block of a table other than the calls, and the most rows.
const MOST_OF_TABLE: usize = 400_000;
/// How many names of calls that have no room are listed.
const NAMED: usize = 12;

/// Writes the page of a log.
///
/// # Errors
/// When the log cannot be read or the output cannot be written. Damage is not an error: the page
/// names it, and so do the [`Findings`].
pub fn write_log(log: &LogFile, options: &Options, out: &mut dyn Write) -> Result<Findings, Error> {
    let mut read = read(log, options)?;
    let mut blocks = Vec::new();
    for table in &mut read.tables {
        blocks.push(Block::new(table.name, table.block(MOST_OF_TABLE, None)));
    }
    // What is left, less some for the summary.
    let used: usize = blocks.iter().map(Block::len).sum();
    let room = page::room(MOST).saturating_sub(used).saturating_sub(SUMMARY);
    let mut table = calls(log, &read.wanted(), options)?;
    blocks.push(Block::new(table.name, table.block(room, Some(ORDER))));
    let findings = read.info.findings.clone();
    let summary = Summary::new(log, &read.info, (&table, &read.ranked.calls), options);
    blocks.push(Block::json("meta", &summary).map_err(Error::Write)?);
    page::write(&blocks, out).map_err(Error::Write)?;
    Ok(findings)
}

/// What is kept free for the summary.
const SUMMARY: usize = 32 << 10;

/// What was read of a log.
#[derive(Default)]
struct Read {
    info: Info,
    ranked: Ranked,
    tables: Vec<Table>,
}

impl Read {
    /// Returns the calls that the page should have, the most important first: those that its other
    /// tables lead to, then by rank.
    fn wanted(&self) -> Vec<u64> {
        let led = self
            .tables
            .iter()
            .flat_map(|table| EVENTS.iter().flat_map(|column| table.numbers(column).take(LED)));
        let mut seen = BTreeSet::new();
        let all = led.chain(self.ranked.events.iter().copied());
        all.filter(|event| seen.insert(*event)).take(MOST_CALLS).collect()
    }
}

/// The columns of tables that are links to calls.
const EVENTS: [&str; 2] = ["event", "last"];
/// To how many calls the rows of a table lead for sure.
const LED: usize = 2000;

/// What one pass over the log makes.
enum Part {
    Uses(Vec<Table>, Ranked),
    Times(Vec<Table>),
    Info(Box<Info>),
}

/// The number of passes.
const PASSES: usize = 3;

/// Reads a log for all parts of its page, in several passes at a time.
fn read(log: &LogFile, options: &Options) -> Result<Read, Error> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let work = |log: &LogFile| {
        while let Some(part) = part(next.fetch_add(1, Ordering::Relaxed), log, options) {
            done.lock().unwrap_or_else(PoisonError::into_inner).push(part);
        }
    };
    // A log that grows must be read as it was opened: its parts belong together.
    let threads = match log.is_being_written() {
        true => 1,
        false => thread::available_parallelism().map_or(1, usize::from).min(PASSES),
    };
    let (path, id) = (log.path(), log.log().header().file_id);
    let other = || match open(path) {
        Ok(log) if log.log().header().file_id == id => work(&log),
        // The path leads elsewhere by now: the first thread reads what it has opened.
        _ => {}
    };
    thread::scope(|scope| {
        (1..threads).for_each(|_| drop(scope.spawn(other)));
        work(log);
    });
    let mut read = Read::default();
    for part in done.into_inner().unwrap_or_else(PoisonError::into_inner) {
        match part? {
            Part::Info(info) => read.info = *info,
            Part::Uses(tables, ranked) => {
                read.tables.extend(tables);
                read.ranked = ranked;
            }
            Part::Times(tables) => read.tables.extend(tables),
        }
    }
    // The order in which threads finish varies.
    read.tables.sort_by_key(|table| table.name);
    Ok(read)
}

/// Makes the pass with this number; `None` after the last. The longest come first.
fn part(number: usize, log: &LogFile, options: &Options) -> Option<Result<Part, Error>> {
    Some(match number {
        0 => uses(log, options).map(|(tables, ranked)| Part::Uses(tables, ranked)),
        1 => times(log, options).map(Part::Times),
        2 => Info::gather(log).map(|info| Part::Info(Box::new(info))),
        PASSES.. => return None,
    })
}

/// What the head of a page says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    kind: &'static str,
    log: String,
    version: &'static str,
    recorder: String,
    command: String,
    cwd: String,
    host: String,
    start: String,
    duration: u64,
    exit: String,
    ending: String,
    is_whole: bool,
    events: u64,
    calls: u64,
    failed: u64,
    tasks: u64,
    size: u64,
    /// What is missing or damaged.
    missing: Vec<String>,
    /// What the log cannot show.
    incomplete: Vec<String>,
    /// What the recorder noted.
    notes: Vec<String>,
    /// The calls that are not on the page, by name, the most frequent first.
    left_out: Vec<(String, u64)>,
    /// How many calls of other names are not on the page.
    left_out_others: u64,
    masks: bool,
}

impl Summary {
    fn new(
        log: &LogFile,
        info: &Info,
        (table, by_name): (&Table, &BTreeMap<String, u64>),
        options: &Options,
    ) -> Self {
        let shown = |text: &str| {
            let text = visible(text);
            if options.masks() { masked(&text).into_owned() } else { text.into_owned() }
        };
        let mut left_out = by_name.clone();
        table.texts("name").for_each(|name| {
            if let Some(count) = left_out.get_mut(name) {
                *count = count.saturating_sub(1);
            }
        });
        let mut left_out: Vec<_> = left_out.into_iter().filter(|(_, count)| *count > 0).collect();
        left_out.sort_by(|(a, most), (b, other)| other.cmp(most).then_with(|| a.cmp(b)));
        let others = left_out.split_off(left_out.len().min(NAMED));
        let host = &info.host;
        let all = |texts: &[String]| texts.iter().map(|text| shown(text)).collect();
        Self {
            kind: "log",
            log: shown(&visible_bytes(log.path().as_os_str().as_encoded_bytes())),
            version: env!("CARGO_PKG_VERSION"),
            recorder: shown(&info.tool_version),
            command: shown(&command_line(&info.command)),
            cwd: shown(&info.cwd),
            host: shown(&format!(
                "{}, {} {} {}",
                host.name, host.system, host.release, host.machine
            )),
            start: info.time.start.clone(),
            duration: info.time.duration_ns,
            exit: info.ending.exit.clone().unwrap_or_default(),
            ending: info.ending.text.clone(),
            is_whole: info.is_whole(),
            events: info.events,
            calls: info.syscalls,
            failed: info.errors,
            tasks: u64::try_from(info.tasks.len()).unwrap_or(u64::MAX),
            size: info.sizes.file,
            missing: all(&info.missing),
            incomplete: all(&info.incomplete),
            notes: all(&info.notes),
            left_out,
            left_out_others: others.iter().map(|(_, count)| count).sum(),
            masks: options.masks(),
        }
    }
}
