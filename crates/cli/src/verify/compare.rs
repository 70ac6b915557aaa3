//! Where one run of a program differs from another.

use super::trace::{Call, Lane, Place, Trace, asked, looked_at};
use std::borrow::Cow;
use std::collections::BTreeMap;
use sysreel_abi::{AuditArch, row};
use sysreel_format::{Body, Direction, Item, Part, Region, Stop};
use sysreel_inspect::syscall_info::{self, What};
use sysreel_inspect::{Error, LogFile};
use sysreel_replay::{Divergence, Field, first_difference};

/// How many calls that were answered differently are named.
const NAMED: usize = 5;

/// Two runs beside each other.
#[derive(Debug)]
pub(super) struct Compared {
    /// The first entry that differs, by the events of the first run.
    pub(super) divergence: Option<Divergence>,
    /// Calls before it, in the first run, that were answered with something else in the second, by
    /// entry and exit: the latest of its task. Without a divergence, the first of all.
    pub(super) answers: Vec<(u64, u64)>,
    /// How many such calls there are.
    pub(super) varied: u64,
}

/// What differs first in a task.
struct Found<'t> {
    event: u64,
    /// The call in each run; `None` where the task makes no more.
    calls: [Option<&'t Call>; 2],
    lane: &'t Lane,
    other: Option<&'t Lane>,
    /// How many calls are the same before.
    same: usize,
}

/// Compares two logs, which were read before.
pub(super) fn compare(files: [&LogFile; 2], traces: [&Trace; 2]) -> Result<Compared, Error> {
    let [first, second] = traces;
    let found = first
        .tasks
        .iter()
        .filter(|(place, _)| second.tasks.contains_key(*place) || !second.may_lack(place))
        .filter_map(|(place, lane)| differs(lane, second.tasks.get(place)))
        .min_by_key(|found| found.event);
    let answers = |lane: &Lane, place: &Place, until: usize| -> Vec<(u64, u64)> {
        let other = second.tasks.get(place).map_or(&[][..], |lane| &lane.calls);
        let pairs = lane.calls.iter().zip(other).take(until);
        pairs
            .filter(|(a, b)| a.answered != b.answered)
            .map(|(a, _)| (a.event, a.exit.max(a.event)))
            .collect()
    };
    let mut varied = Vec::new();
    for (place, lane) in &first.tasks {
        let until = match &found {
            Some(found) => lane.calls.partition_point(|call| call.event < found.event),
            None => lane.calls.len(),
        };
        varied.extend(answers(lane, place, until));
    }
    varied.sort_unstable();
    let count = varied.len() as u64;
    let named = match &found {
        Some(found) => {
            let places: BTreeMap<u32, &Place> =
                first.tasks.iter().map(|(place, lane)| (lane.id.0, place)).collect();
            let own =
                places.get(&found.lane.id.0).map(|place| answers(found.lane, place, found.same));
            // Another task's, where its own were all the same.
            let all = own.filter(|own| !own.is_empty()).unwrap_or(varied);
            all[all.len().saturating_sub(NAMED)..].to_vec()
        }
        None => varied.into_iter().take(NAMED).collect(),
    };
    let divergence = match found {
        Some(found) => Some(divergence(files, &found)?),
        None => more_tasks(traces),
    };
    Ok(Compared { divergence, answers: named, varied: count })
}

/// The first call of a task that differs, or its end.
fn differs<'t>(lane: &'t Lane, other: Option<&'t Lane>) -> Option<Found<'t>> {
    let theirs = other.map_or(&[][..], |lane| &lane.calls);
    let same = lane.calls.iter().zip(theirs).take_while(|(a, b)| a.asked == b.asked).count();
    let calls = [lane.calls.get(same), theirs.get(same)];
    // What a task did before it was let go is compared. How far it came by then is chance.
    let is_cut = |lane: &Lane| lane.let_go && lane.calls.len() == same;
    if is_cut(lane) || other.is_some_and(is_cut) || (lane.let_go && other.is_none()) {
        return None;
    }
    let ended = |lane: &Lane| lane.end.map(|(_, status)| status);
    let end_differs = other.is_none_or(|other| ended(lane) != ended(other));
    if calls.iter().all(Option::is_none) && !end_differs {
        return None;
    }
    // Its own call, else its end, else the last that it did.
    let last = lane.calls.last().map_or(0, |call| call.event);
    let event =
        calls[0].map_or_else(|| lane.end.map_or(last, |(event, _)| event), |call| call.event);
    Some(Found { event, calls, lane, other, same })
}

/// Tasks that only the second run has, with makers that make no difference otherwise.
fn more_tasks([first, second]: [&Trace; 2]) -> Option<Divergence> {
    let is_new = |place: &Place| !first.tasks.contains_key(place) && !first.may_lack(place);
    let (_, lane) = second.tasks.iter().find(|(place, lane)| is_new(place) && !lane.let_go)?;
    Some(Divergence {
        event: first.last,
        task: lane.id.0,
        field: Field::Stop,
        recorded: "no such task".into(),
        actual: format!("a task that makes {} calls", lane.calls.len()),
        ip: 0,
        backtrace: Vec::new(),
        likely: LIKELY.to_vec(),
    })
}

const LIKELY: [&str; 2] = [
    "something outside of the program changed: files, the environment of the machine, other \
     programs",
    "the program depends on what differs in every run: time, process ids, random numbers, who of \
     its tasks comes first",
];

fn divergence([file, again]: [&LogFile; 2], found: &Found<'_>) -> Result<Divergence, Error> {
    let of = |file: &LogFile, call: Option<&Call>| match call {
        Some(call) => entry(file, call.event).map(Some),
        None => Ok(None),
    };
    let entries = [of(file, found.calls[0])?, of(again, found.calls[1])?];
    let (field, recorded, actual) = match &entries {
        [Some(recorded), Some(actual)] => recorded.differs(actual),
        [recorded, actual] => {
            let told = |entry: &Option<Entry>, lane: Option<&Lane>| match (entry, lane) {
                (Some(entry), _) => entry.name(),
                (None, None) => "no such task".into(),
                (None, Some(lane)) => match lane.end {
                    Some((_, status)) => format!("the end of the task (wait status {status:#x})"),
                    None => "the end of the task".into(),
                },
            };
            (Field::Stop, told(recorded, Some(found.lane)), told(actual, found.other))
        }
    };
    let ip = entries[0].as_ref().and_then(|entry| entry.info().ip).unwrap_or(0);
    let task = found.lane.id.0;
    Ok(Divergence {
        event: found.event,
        task,
        field,
        recorded,
        actual,
        ip,
        backtrace: Vec::new(),
        likely: LIKELY.to_vec(),
    })
}

/// The entry of a call, taken out of its log.
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
            .map_or("an unknown call", |row| row.name);
        format!("the entry of {name} ({})", call.nr)
    }

    /// The first field that differs; the struct before the memory, as a replay has it.
    fn differs(&self, other: &Entry) -> (Field, String, String) {
        if let Some((field, recorded, actual)) = first_difference(&self.info(), &other.info()) {
            return match field {
                // Names say more.
                Field::Number => (field, self.name(), other.name()),
                _ => (field, recorded, actual),
            };
        }
        for ((argument, recorded), (_, actual)) in self.regions.iter().zip(&other.regions) {
            let offset = recorded.iter().zip(actual).take_while(|(a, b)| a == b).count();
            if offset < recorded.len().max(actual.len()) {
                let field = Field::Buffer { argument: *argument, offset: offset as u64 };
                let rest = |bytes: &[u8]| text(bytes.get(offset..).unwrap_or_default());
                return (field, rest(recorded), rest(actual));
            }
        }
        let count = |entry: &Entry| format!("{} buffers, at other places", entry.regions.len());
        (Field::Stop, count(self), count(other))
    }
}

/// What a buffer holds, as text where it is some.
fn text(bytes: &[u8]) -> String {
    const SHOWN: usize = 32;
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    let more = if bytes.len() > SHOWN { " ..." } else { "" };
    format!("\"{}\"{more}", shown.escape_ascii())
}

fn entry(file: &LogFile, number: u64) -> Result<Entry, Error> {
    let wrong = |source| Error::Log { path: file.path().to_path_buf(), source };
    let mut events = file.log().events_from(number).map_err(wrong)?;
    while let Some(item) = events.next().map_err(wrong)? {
        if let Item::Event(event) = item
            && event.number == number
            && let Body::Stop(stop) = event.decode().map_err(wrong)?
        {
            return Ok(Entry {
                info: asked(&stop),
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
            bytes.truncate(looked_at(stop, &region, &bytes));
            regions.push((region.head.arg, bytes));
        }
    }
    Ok(regions)
}
