//! Checks a single statement against a single stop, region or line.

use crate::matcher::about;
use crate::statements::{Claim, Count, Pattern, Place, Shape, Statement, Who};
use crate::stops::{Call, Region, Stop, What, short};
use std::collections::BTreeMap;
use std::fmt::Write;

/// How many of a task's last stops are shown when it ended in another way than stated.
const LAST: usize = 8;

/// Returns the index of the exit of the call that begins at `entry`.
pub(crate) fn exit_of(stops: &[&Stop], entry: usize) -> Option<usize> {
    (entry + 1..stops.len())
        .find(|&at| matches!(stops[at].what, What::Entry(_) | What::Exit { .. }))
        .filter(|&at| matches!(stops[at].what, What::Exit { .. }))
}

pub(crate) fn is(shape: &Shape, stop: &Stop) -> bool {
    match (shape, &stop.what) {
        (Shape::Entry { name, arch, nr, args }, What::Entry(call)) => {
            named(name.as_deref(), call)
                && arch.as_ref().is_none_or(|arch| *arch == call.arch)
                && nr.is_none_or(|nr| nr == call.nr)
                && args
                    .iter()
                    .zip(&call.args)
                    .all(|(stated, shown)| stated.is_none_or(|arg| arg == *shown))
        }
        (Shape::Exit { rval, error, arch }, What::Exit { rval: r, error: e, arch: a }) => {
            rval == r
                && error.is_none_or(|error| error == *e)
                // The exit of an x32 call has the arch x86_64, as its entry does: only the number
                // tells them apart.
                && arch.as_ref().is_none_or(|arch| arch == a)
        }
        (Shape::Seccomp { name, data }, What::Seccomp { call, data: shown }) => {
            named(Some(name), call) && data == shown
        }
        (Shape::Signal(name), What::Signal(shown)) | (Shape::Group(name), What::Group(shown)) => {
            name == shown
        }
        (Shape::Event { what, message }, What::Event { what: shown, message: m }) => {
            what == shown && message.is_none_or(|message| Some(message) == *m)
        }
        _ => false,
    }
}

fn named(name: Option<&str>, call: &Call) -> bool {
    name.is_none_or(|name| Some(name) == call.name.as_deref())
}

/// Checks the stated memory of the call that begins at `entry`.
pub(crate) fn memory(statement: &Statement, stops: &[&Stop], entry: usize) -> Result<(), String> {
    let (place, test): (&Place, &dyn Fn(&Region) -> bool) = match &statement.claim {
        Claim::Memory(place, pattern) => (place, &|region| holds(pattern, region)),
        Claim::Regions(_, count) => return regions(count, stops, entry),
        Claim::Unreadable(place, errno) => {
            (place, &|region| region.bytes.is_empty() && region.errno.as_ref() == Some(errno))
        }
        _ => return Err("it is not a statement about memory".into()),
    };
    let stop = if place.at_exit {
        exit_of(stops, entry).ok_or_else(|| format!("it has no exit, for {statement}"))?
    } else {
        entry
    };
    let regions: Vec<&Region> =
        stops[stop].regions.iter().filter(|region| region.arg == place.arg).collect();
    let found = regions.iter().any(|region| {
        test(region)
            && place.role.is_none_or(|role| role == region.role)
            && place.index.is_none_or(|index| index == region.index)
            && place.asked.is_none_or(|asked| asked == region.asked)
            && match place.address {
                Some(address) => region.role > 0 && region.address == address,
                None => region.role == 0,
            }
    });
    if found {
        return Ok(());
    }
    let mut why = format!("not {statement}");
    if let Claim::Memory(_, pattern) = &statement.claim {
        let _ = write!(
            why,
            "\n    = {}{}",
            short(&pattern.bytes),
            if pattern.open { " and more" } else { "" }
        );
    }
    let _ =
        write!(why, "\n    #{} has of that argument: {} regions", stops[stop].event, regions.len());
    for region in regions.iter().take(6) {
        let _ = write!(why, "\n      {region}");
    }
    Err(why)
}

/// Checks that the call has as many regions as stated: a region too many is memory that the call
/// does not concern.
fn regions(count: &Count, stops: &[&Stop], entry: usize) -> Result<(), String> {
    let at_exit = exit_of(stops, entry).map_or(&[][..], |exit| &stops[exit].regions);
    let at_entry = &stops[entry].regions[..];
    let short = at_entry.iter().chain(at_exit).filter(|region| region.errno.is_some()).count();
    if (at_entry.len(), at_exit.len(), short) == (count.entry, count.exit, count.short) {
        return Ok(());
    }
    let mut why = format!(
        "not {} regions at entry, {} at exit, {} of them short",
        count.entry, count.exit, count.short
    );
    for (when, regions) in [("entry", at_entry), ("exit", at_exit)] {
        regions.iter().for_each(|region| {
            let _ = write!(why, "\n      {when} {region}");
        });
    }
    Err(why)
}

/// Whether the region matches. One that the capture limit cut must match as far as it goes.
fn holds(pattern: &Pattern, region: &Region) -> bool {
    if region.cut {
        let both = region.bytes.len().min(pattern.bytes.len());
        return region.bytes[..both] == pattern.bytes[..both]
            && (pattern.open || region.bytes.len() < pattern.bytes.len());
    }
    if pattern.open {
        region.bytes.starts_with(&pattern.bytes)
    } else {
        region.bytes == pattern.bytes
    }
}

/// Checks the statements that have no place in an order.
pub(crate) fn alone(
    statement: &Statement,
    tasks: &BTreeMap<u32, Vec<&Stop>>,
) -> Result<(), String> {
    let who = about(statement).unwrap_or(Who::Any);
    let of_whom = |tid: u32| who == Who::Any || who == Who::Task(tid);
    let mut lists =
        tasks.iter().filter(|(tid, _)| of_whom(**tid)).map(|(_, stops)| stops.as_slice());
    match &statement.claim {
        Claim::Stop(_, shape) if lists.any(|stops| stops.iter().any(|stop| is(shape, stop))) => {
            Ok(())
        }
        Claim::Gone(_, end)
            if lists.any(|stops| stops.iter().any(|stop| stop.what == What::Gone(end.clone()))) =>
        {
            Ok(())
        }
        Claim::Never(_, shape) => match lists.flatten().find(|stop| is(shape, stop)) {
            Some(stop) => Err(format!("{statement}\n  but there is {stop}")),
            None => Ok(()),
        },
        Claim::Unfinished(_, name) => match lists.any(|stops| is_unfinished(stops, name)) {
            true => Ok(()),
            false => Err(format!("{statement}\n  its last stops are\n{}", last(who, tasks))),
        },
        Claim::Memory(Place { name, .. }, _)
        | Claim::Unreadable(Place { name, .. }, _)
        | Claim::Regions(_, Count { name, .. }) => {
            let mut tried = Vec::new();
            for stops in lists {
                for (at, stop) in stops.iter().enumerate() {
                    if matches!(&stop.what, What::Entry(call) if named(Some(name), call)) {
                        match memory(statement, stops, at) {
                            Ok(()) => return Ok(()),
                            Err(why) => tried.push(format!("  {stop}: {why}\n")),
                        }
                    }
                }
            }
            let count = tried.len();
            let some: String = tried.into_iter().take(3).collect();
            Err(format!("{statement}\n  none of {count} calls of that name has it\n{some}"))
        }
        _ => Err(format!("{statement}\n  nothing shows it")),
    }
}

fn is_unfinished(stops: &[&Stop], name: &str) -> bool {
    let last =
        stops.iter().rev().find(|stop| matches!(stop.what, What::Entry(_) | What::Exit { .. }));
    last.is_some_and(|stop| matches!(&stop.what, What::Entry(call) if named(Some(name), call)))
}

fn last(who: Who, tasks: &BTreeMap<u32, Vec<&Stop>>) -> String {
    let Who::Task(tid) = who else { return String::new() };
    let stops = tasks.get(&tid).map_or(&[][..], Vec::as_slice);
    stops[stops.len().saturating_sub(LAST)..].iter().map(|stop| format!("    {stop}\n")).collect()
}

/// Checks that a stated line was printed.
pub(crate) fn printed_line(statement: &Statement, lines: &[String]) -> Result<(), String> {
    match &statement.claim {
        Claim::Print(text) if !lines.iter().any(|line| one_space(line) == one_space(text)) => {
            Err(format!("{statement}\n  no such line is printed{}", like_it(text, lines)))
        }
        _ => Ok(()),
    }
}

/// Returns the printed lines without ids, with the parts of calls that another task interrupted
/// joined.
pub(crate) fn whole_lines(printed: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    for line in printed.lines() {
        let (id, text) = id_and_text(line);
        if let Some(start) = text.strip_suffix(" <unfinished ...>") {
            begun.insert(id, start);
        }
        let resumed = text.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>"));
        match resumed.and_then(|(_, rest)| Some((begun.remove(id)?, rest))) {
            Some((start, rest)) => lines.push(format!("{start}{rest}")),
            None => lines.push(text.to_owned()),
        }
    }
    lines
}

/// Splits off the id that begins a line when there are several tasks.
fn id_and_text(line: &str) -> (&str, &str) {
    let (inner, end) = match line.strip_prefix("[pid ") {
        Some(rest) => (rest.trim_start_matches(' '), "] "),
        None => (line, " "),
    };
    let digits = inner.bytes().take_while(u8::is_ascii_digit).count();
    match inner[digits..].strip_prefix(end) {
        Some(text) if digits > 0 => (&inner[..digits], text.trim_start_matches(' ')),
        _ => ("", line),
    }
}

/// Replaces the padding before the result by one space: its width is an option of the printer.
fn one_space(line: &str) -> String {
    let mut text = line.to_owned();
    while text.contains(")  ") {
        text = text.replace(")  ", ") ");
    }
    text
}

/// Returns the printed lines that begin like a stated one.
fn like_it(text: &str, lines: &[String]) -> String {
    let head = text.split_inclusive(['(', '{']).next().unwrap_or(text);
    let alike: Vec<&str> =
        lines.iter().map(String::as_str).filter(|line| line.starts_with(head)).take(12).collect();
    if alike.is_empty() {
        String::new()
    } else {
        format!("; alike are\n    {}", alike.join("\n    "))
    }
}
