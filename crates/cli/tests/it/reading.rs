//! Reads the stops of the tasks from `sysreel print --format raw`.
//!
//! Asserts on the way what holds in every log: events are numbered without a gap, a region has as
//! many bytes as it claims, input is captured at entries and output at exits.

use crate::statements::{End, hex};
use crate::stops::{Call, Region, Stop, What};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Returns every stop and end of a task, in the order of the log.
pub(crate) fn read(raw: &str) -> Vec<Stop> {
    let mut tids = HashMap::new();
    let mut stops = Vec::new();
    for (number, line) in (0u64..).zip(raw.lines()) {
        let event: Value =
            serde_json::from_str(line).unwrap_or_else(|e| panic!("line {number}: {e}: {line}"));
        assert_eq!(number_of(&event["seq"]), number, "an event is missing before {line}");
        stops.extend(
            shown(&event, &mut tids)
                .unwrap_or_else(|| panic!("event {number} lacks something: {line}")),
        );
    }
    stops
}

/// Turns a filter's stop that begins a call into its entry.
pub(crate) fn filter_stops_are_entries(stops: &mut [Stop]) {
    let mut in_call = HashSet::new();
    for stop in stops {
        match &stop.what {
            What::Entry(_) => _ = in_call.insert(stop.tid),
            What::Exit { .. } | What::Gone(_) => _ = in_call.remove(&stop.tid),
            What::Seccomp { call, .. } if in_call.insert(stop.tid) => {
                stop.what = What::Entry(call.clone())
            }
            _ => {}
        }
    }
}

/// Returns the stop that an event is, if it is one; `None` if a field is missing.
fn shown(event: &Value, tids: &mut HashMap<u64, u32>) -> Option<Option<Stop>> {
    let kind = event["kind"].as_str()?;
    let task = event["task"].as_u64();
    let tid = task.and_then(|task| tids.get(&task).copied());
    let (what, regions) = match kind {
        "task" => {
            tids.insert(task?, u32::try_from(event["tid"].as_u64()?).ok()?);
            return Some(None);
        }
        // The thread goes on under its leader's id; its own id ends.
        "renamed" => {
            assert_eq!(
                u64::from(tid?),
                event["old_tid"].as_u64()?,
                "a task is renamed that had another id"
            );
            tids.insert(task?, u32::try_from(event["new_tid"].as_u64()?).ok()?);
            (What::Gone(End::Superseded), Vec::new())
        }
        // The leader whose id was taken: the id is still in use.
        "gone" if event["how"].as_str()? == "superseded" => return Some(None),
        "gone" => (What::Gone(end(number_of(&event["status"]))), Vec::new()),
        "stop" => (stop(event)?, regions(event)?),
        _ => return Some(None),
    };
    check_directions(&what, event);
    Some(Some(Stop { event: number_of(&event["seq"]), tid: tid?, what, regions }))
}

fn stop(event: &Value) -> Option<What> {
    let signal = || signal(event["signal_raw"].as_u64().unwrap_or(0));
    Some(match (event["stop"].as_str()?, event["event"].as_str()) {
        ("syscall", _) | ("event", Some("seccomp")) => match event["op"].as_str().unwrap_or("none")
        {
            "entry" => What::Entry(call(event)?),
            "exit" => What::Exit {
                rval: signed(&event["rval"])?,
                error: event["is_error"].as_u64()? != 0,
                arch: event["arch"].as_str()?.to_lowercase(),
            },
            "seccomp" => What::Seccomp {
                call: call(event)?,
                data: u32::try_from(event["ret_data"].as_u64()?).ok()?,
            },
            // The task was killed between the report and the request for its struct. It runs
            // (ESRCH) or has reached PTRACE_EVENT_EXIT, which the struct then describes.
            "none" => What::Other("a stop that the task has left".to_owned()),
            op => panic!("a system call stop with op {op}"),
        },
        ("signal", _) => What::Signal(signal()),
        ("group", _) => What::Group(signal()),
        ("event", Some(name)) => {
            // A task that was killed in the stop has no event message (ESRCH).
            let message = event.get("message").map(number_of);
            What::Event { what: name.to_owned(), message }
        }
        _ => return None,
    })
}

fn call(event: &Value) -> Option<Call> {
    let nr = number_of(&event["nr"]);
    let arch = event["arch"].as_str()?.to_lowercase();
    let args: Vec<u64> = event["args"].as_array()?.iter().map(number_of).collect();
    Some(Call {
        name: event["name"].as_str().map(str::to_owned),
        arch: if arch == "x86_64" && is_x32(nr) { "x32".to_owned() } else { arch },
        nr,
        args: args.try_into().ok()?,
    })
}

/// `__X32_SYSCALL_BIT`. The kernel sign-extends the 32-bit number: -1 has the bit and is not an x32
/// call.
fn is_x32(nr: u64) -> bool {
    nr & sysreel_abi::Nr::X32_BIT != 0 && u32::try_from(nr).is_ok()
}

fn regions(event: &Value) -> Option<Vec<Region>> {
    let Some(regions) = event["regions"].as_array() else { return Some(Vec::new()) };
    let mut regions: Vec<Region> = regions.iter().map(region).collect::<Option<_>>()?;
    for altered in event["altered"].as_array().into_iter().flatten() {
        give(altered, &mut regions)?;
    }
    Some(regions)
}

fn region(region: &Value) -> Option<Region> {
    let data = region["data"].as_str()?;
    let bytes = if data.is_empty() { Vec::new() } else { hex(data).ok()? };
    assert_eq!(
        number_of(&region["got"]),
        bytes.len() as u64,
        "a region with another length than it says: {region}"
    );
    Some(Region {
        arg: region["arg"].as_u64().map_or(Some(u8::MAX), |arg| u8::try_from(arg).ok())?,
        role: u8::try_from(region["role"].as_u64()?).ok()?,
        index: u32::try_from(region["index"].as_u64()?).ok()?,
        address: number_of(&region["address"]),
        asked: number_of(&region["asked"]),
        cut: region["cut"].as_bool()?,
        bytes,
        errno: region["errno"].as_str().map(str::to_owned),
    })
}

/// Where the recorder altered what the kernel wrote, puts the altered bytes, which the program saw,
/// into the region. The region must have the kernel's bytes.
fn give(altered: &Value, regions: &mut [Region]) -> Option<()> {
    if altered["what"].as_str()? != "affinity mask" {
        return Some(());
    }
    let (kernel, given) =
        (hex(altered["kernel"].as_str()?).ok()?, hex(altered["given"].as_str()?).ok()?);
    let region =
        regions.iter_mut().find(|region| Some(u64::from(region.arg)) == altered["arg"].as_u64())?;
    assert_eq!(region.bytes, kernel, "the region of an altered buffer holds what the kernel wrote");
    region.bytes = given;
    Some(())
}

fn check_directions(what: &What, event: &Value) {
    let wrong = match what {
        What::Entry(_) => "out",
        What::Exit { .. } => "in",
        _ => return,
    };
    let mut regions = event["regions"].as_array().into_iter().flatten();
    assert!(
        regions.all(|region| region["dir"] != wrong),
        "a region in the wrong direction: {event}"
    );
}

/// Returns a number, or that of the hexadecimal digits that raw uses for numbers too large for JSON
/// readers.
fn number_of(value: &Value) -> u64 {
    value
        .as_u64()
        .or_else(|| u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok())
        .unwrap_or_else(|| panic!("{value} is not a number"))
}

fn signed(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// Decodes a wait status (wait(2)).
fn end(status: u64) -> End {
    match status & 0x7f {
        0 => End::Exited(i32::try_from(status >> 8 & 0xff).unwrap_or_default()),
        number => End::Killed(signal(number)),
    }
}

/// Spells a signal as the statements do: real-time signals are counted from the C library's
/// SIGRTMIN, which leaves out the kernel's first two (signal(7), "Real-time signals").
fn signal(number: u64) -> String {
    const FIRST: u64 = 34;
    match number {
        FIRST => "SIGRTMIN".to_owned(),
        _ if number > FIRST => format!("SIGRTMIN+{}", number - FIRST),
        _ => {
            let number = i32::try_from(number).unwrap_or_default();
            sysreel_abi::signal_name(number).unwrap_or("SIG?").to_owned()
        }
    }
}
