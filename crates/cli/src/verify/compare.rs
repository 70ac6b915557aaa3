//! Finds the first difference between two runs of a program.

use super::trace::{Call, TaskTrace, Trace, TreePath, compared_entry, read_len};
use std::borrow::Cow;
use std::collections::BTreeMap;
use sysreel_abi::{AuditArch, row};
use sysreel_format::{Body, Direction, Item, Part, Region, Stop};
use sysreel_inspect::syscall_info::{self, What};
use sysreel_inspect::{Error, LogFile};
use sysreel_replay::{Divergence, Field, first_difference};

/// How many syscalls with different results are reported.
const REPORTED: usize = 5;

/// The result of comparing two runs.
#[derive(Debug)]
pub(super) struct Compared {
    /// The first entry that differs, in the order of the first run.
    pub(super) divergence: Option<Divergence>,
    /// Earlier syscalls whose result differed in the second run, as the entry and exit events of
    /// the first run: the last ones of the diverging task, or the first ones of the run if there is
    /// no divergence.
    pub(super) answers: Vec<(u64, u64)>,
    /// How many syscalls had different results.
    pub(super) varied: u64,
}

/// The first difference of a task.
struct Difference<'t> {
    event: u64,
    /// The syscall in each run; `None` if the task makes no further one.
    calls: [Option<&'t Call>; 2],
    task: &'t TaskTrace,
    other: Option<&'t TaskTrace>,
    /// How many equal syscalls precede it.
    same: usize,
}

/// Compares two logs and their traces.
pub(super) fn compare(files: [&LogFile; 2], traces: [&Trace; 2]) -> Result<Compared, Error> {
    let [first, second] = traces;
    let found = first
        .tasks
        .iter()
        .filter(|(path, _)| second.tasks.contains_key(*path) || !second.may_lack(path))
        .filter_map(|(path, task)| compare_task(task, second.tasks.get(path)))
        .min_by_key(|found| found.event);
    let answers = |task: &TaskTrace, path: &TreePath, until: usize| -> Vec<(u64, u64)> {
        let other = second.tasks.get(path).map_or(&[][..], |task| &task.calls);
        let pairs = task.calls.iter().zip(other).take(until);
        pairs
            .filter(|(a, b)| a.result != b.result)
            .map(|(a, _)| (a.event, a.exit.max(a.event)))
            .collect()
    };
    let mut varied = Vec::new();
    for (path, task) in &first.tasks {
        let until = match &found {
            Some(found) => task.calls.partition_point(|call| call.event < found.event),
            None => task.calls.len(),
        };
        varied.extend(answers(task, path, until));
    }
    varied.sort_unstable();
    let count = varied.len() as u64;
    let answers = match &found {
        Some(found) => {
            let paths: BTreeMap<u32, &TreePath> =
                first.tasks.iter().map(|(path, task)| (task.id.0, path)).collect();
            let own = paths.get(&found.task.id.0).map(|path| answers(found.task, path, found.same));
            // If the task's own results were the same, report those of other tasks.
            let all = own.filter(|own| !own.is_empty()).unwrap_or(varied);
            all[all.len().saturating_sub(REPORTED)..].to_vec()
        }
        None => varied.into_iter().take(REPORTED).collect(),
    };
    let divergence = match found {
        Some(found) => Some(divergence(files, &found)?),
        None => extra_task(traces),
    };
    Ok(Compared { divergence, answers, varied: count })
}

/// Returns the first syscall of a task that differs, or its exit.
fn compare_task<'t>(task: &'t TaskTrace, other: Option<&'t TaskTrace>) -> Option<Difference<'t>> {
    let other_calls = other.map_or(&[][..], |other| &other.calls);
    let pairs = task.calls.iter().zip(other_calls);
    let same = pairs.take_while(|(a, b)| a.request == b.request).count();
    let calls = [task.calls.get(same), other_calls.get(same)];
    // The syscalls before a detach are compared. When the detach happens depends on timing.
    let is_cut = |task: &TaskTrace| task.detached && task.calls.len() == same;
    if is_cut(task) || other.is_some_and(is_cut) || (task.detached && other.is_none()) {
        return None;
    }
    let status = |task: &TaskTrace| task.end.map(|(_, status)| status);
    let end_differs = other.is_none_or(|other| status(task) != status(other));
    if calls.iter().all(Option::is_none) && !end_differs {
        return None;
    }
    // The differing syscall, else the exit, else the last syscall of the task.
    let last = task.calls.last().map_or(0, |call| call.event);
    let event =
        calls[0].map_or_else(|| task.end.map_or(last, |(event, _)| event), |call| call.event);
    Some(Difference { event, calls, task, other, same })
}

/// Returns a divergence for a task that only the second run has.
fn extra_task([first, second]: [&Trace; 2]) -> Option<Divergence> {
    let is_new = |path: &TreePath| !first.tasks.contains_key(path) && !first.may_lack(path);
    let (_, task) = second.tasks.iter().find(|(path, task)| is_new(path) && !task.detached)?;
    Some(Divergence {
        event: first.last,
        task: task.id.0,
        field: Field::Stop,
        recorded: "no such task".into(),
        actual: format!("a task that makes {} syscalls", task.calls.len()),
        ip: 0,
        backtrace: Vec::new(),
        likely: LIKELY.map(str::to_owned).to_vec(),
    })
}

const LIKELY: [&str; 2] = [
    "something outside the program changed: files, settings of the machine, other programs",
    "the program depends on something that differs in every run: time, process ids, random \
     numbers, the order in which its tasks run",
];

fn divergence([file, again]: [&LogFile; 2], found: &Difference<'_>) -> Result<Divergence, Error> {
    let read = |file: &LogFile, call: Option<&Call>| match call {
        Some(call) => read_entry(file, call.event).map(Some),
        None => Ok(None),
    };
    let entries = [read(file, found.calls[0])?, read(again, found.calls[1])?];
    let (field, recorded, actual) = match &entries {
        [Some(recorded), Some(actual)] => recorded.first_difference(actual),
        [recorded, actual] => {
            let describe = |entry: &Option<Entry>, task: Option<&TaskTrace>| match (entry, task) {
                (Some(entry), _) => entry.name(),
                (None, None) => "no such task".into(),
                (None, Some(task)) => match task.end {
                    Some((_, status)) => format!("the end of the task (wait status {status:#x})"),
                    None => "the end of the task".into(),
                },
            };
            (Field::Stop, describe(recorded, Some(found.task)), describe(actual, found.other))
        }
    };
    let ip = entries[0].as_ref().and_then(|entry| entry.info().ip).unwrap_or(0);
    Ok(Divergence {
        event: found.event,
        task: found.task.id.0,
        field,
        recorded,
        actual,
        ip,
        backtrace: Vec::new(),
        likely: LIKELY.map(str::to_owned).to_vec(),
    })
}

/// The entry of a syscall, read from its log.
struct Entry {
    info: Vec<u8>,
    layout: sysreel_format::Layout,
    regions: Vec<(u8, Vec<u8>)>,
}

impl Entry {
    fn info(&self) -> syscall_info::Info {
        syscall_info::decode(self.layout, &self.info)
    }

    fn name(&self) -> String {
        let info = self.info();
        let What::Entry(call) = info.what else { return "a stop".into() };
        let name = row(AuditArch(info.arch.unwrap_or(0)), call.nr)
            .map_or("an unknown syscall", |row| row.name);
        format!("the entry of {name} ({})", call.nr)
    }

    /// Returns the first field that differs and its two values: the struct before the memory, in
    /// the order of a replay.
    fn first_difference(&self, other: &Entry) -> (Field, String, String) {
        if let Some((field, recorded, actual)) = first_difference(&self.info(), &other.info()) {
            return match field {
                // Names are clearer than numbers.
                Field::Number => (field, self.name(), other.name()),
                _ => (field, recorded, actual),
            };
        }
        for ((argument, recorded), (_, actual)) in self.regions.iter().zip(&other.regions) {
            let offset = recorded.iter().zip(actual).take_while(|(a, b)| a == b).count();
            if offset < recorded.len().max(actual.len()) {
                let field = Field::Buffer { argument: *argument, offset: offset as u64 };
                let rest = |bytes: &[u8]| excerpt(bytes.get(offset..).unwrap_or_default());
                return (field, rest(recorded), rest(actual));
            }
        }
        let count =
            |entry: &Entry| format!("{} buffers at different addresses", entry.regions.len());
        (Field::Stop, count(self), count(other))
    }
}

/// Returns the beginning of a buffer as a quoted string.
fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 32;
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    let more = if bytes.len() > SHOWN { " ..." } else { "" };
    format!("\"{}\"{more}", shown.escape_ascii())
}

fn read_entry(file: &LogFile, number: u64) -> Result<Entry, Error> {
    let wrong = |source| Error::Log { path: file.path().to_path_buf(), source };
    let mut events = file.log().events_from(number).map_err(wrong)?;
    while let Some(item) = events.next().map_err(wrong)? {
        if let Item::Event(event) = item
            && event.number == number
            && let Body::Stop(stop) = event.decode().map_err(wrong)?
        {
            return Ok(Entry {
                info: compared_entry(&stop),
                layout: stop.layout,
                regions: regions(file, &stop).map_err(wrong)?,
            });
        }
    }
    Err(wrong(sysreel_format::Error::Malformed { what: "event that was there before", at: number }))
}

fn regions(file: &LogFile, stop: &Stop<'_>) -> Result<Vec<(u8, Vec<u8>)>, sysreel_format::Error> {
    let bytes = |region: &Region<'_>| file.log().region_bytes(region).map(Cow::into_owned);
    let mut regions = Vec::new();
    for part in stop.parts {
        if let Part::Region(region) = part?
            && region.head.dir == Direction::IN
        {
            let mut bytes = bytes(&region)?;
            bytes.truncate(read_len(stop, &region, &bytes));
            regions.push((region.head.arg, bytes));
        }
    }
    Ok(regions)
}
