//! Reads traces with a decoder that shares nothing with the writer, and checks what viewers rely
//! on.

use std::collections::{BTreeMap, BTreeSet};

use crate::testing::{exported, log};

/// A field of a message: a number, or bytes.
#[derive(Clone, Debug)]
enum Field {
    Number(u64),
    Bytes(Vec<u8>),
}

type Fields = Vec<(u64, Field)>;

/// Decodes a message.
fn decode(mut bytes: &[u8]) -> Fields {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (first, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            shift += 7;
            if first & 0x80 == 0 {
                return value;
            }
        }
    }
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let value = match tag & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => {
                let (value, rest) = bytes.split_first_chunk::<8>().unwrap();
                bytes = rest;
                Field::Number(u64::from_le_bytes(*value))
            }
            2 => {
                let len = usize::try_from(varint(&mut bytes)).unwrap();
                let (value, rest) = bytes.split_at(len);
                bytes = rest;
                Field::Bytes(value.to_vec())
            }
            wire => panic!("wire type {wire}"),
        };
        fields.push((tag >> 3, value));
    }
    fields
}

fn number(fields: &Fields, wanted: u64) -> Option<u64> {
    fields.iter().find_map(|(field, value)| match value {
        Field::Number(value) if *field == wanted => Some(*value),
        _ => None,
    })
}

fn messages(fields: &Fields, wanted: u64) -> Vec<Fields> {
    let bytes = fields.iter().filter_map(|(field, value)| match value {
        Field::Bytes(bytes) if *field == wanted => Some(decode(bytes)),
        _ => None,
    });
    bytes.collect()
}

fn text(fields: &Fields, wanted: u64) -> Option<String> {
    fields.iter().find_map(|(field, value)| match value {
        Field::Bytes(bytes) if *field == wanted => Some(String::from_utf8(bytes.clone()).unwrap()),
        _ => None,
    })
}

/// A slice, an end, an instant or a value of a counter.
#[derive(Clone, Debug)]
struct Event {
    t_ns: u64,
    kind: u64,
    track: u64,
    name: String,
    about: BTreeMap<String, String>,
    starts: Vec<u64>,
    ends: Vec<u64>,
    /// The value of a counter.
    value: Option<u64>,
}

/// A trace as a reader sees it, events sorted by time.
#[derive(Debug, Default)]
struct Trace {
    /// Tracks of threads: pid, tid, track of the process, names in the order in which they came.
    threads: BTreeMap<u64, (u64, u64, u64, Vec<String>)>,
    processes: BTreeMap<u64, (u64, Vec<String>)>,
    /// Tracks of counters: the track of the process, the name.
    counters: BTreeMap<u64, (u64, String)>,
    events: Vec<Event>,
}

impl Trace {
    /// Adds a track.
    fn descriptor(&mut self, descriptor: &Fields) {
        let id = number(descriptor, 1).unwrap();
        for counter in messages(descriptor, 8) {
            let (process, name) = (number(descriptor, 5), text(descriptor, 2));
            assert!(matches!(number(&counter, 3), Some(2 | 3)), "{counter:?}");
            let before = self.counters.insert(id, (process.unwrap(), name.unwrap()));
            assert_eq!(before, None, "a counter is described twice");
        }
        for thread in messages(descriptor, 4) {
            let (pid, tid) = (number(&thread, 1).unwrap(), number(&thread, 2).unwrap());
            let process = number(descriptor, 5).unwrap();
            let entry = self.threads.entry(id).or_default();
            (entry.0, entry.1, entry.2) = (pid, tid, process);
            entry.3.extend(text(&thread, 5));
        }
        for process in messages(descriptor, 3) {
            let entry = self.processes.entry(id).or_default();
            entry.0 = number(&process, 1).unwrap();
            entry.1.extend(text(&process, 6));
        }
    }
}

fn read(bytes: &[u8]) -> Trace {
    let mut trace = Trace::default();
    // Tables of interned data, by their fields; `None` until the state is cleared first.
    let mut interned: Option<BTreeMap<(u64, u64), String>> = None;
    let mut clock = None;
    for packet in messages(&decode(bytes), 1) {
        assert_eq!(number(&packet, 10), Some(1), "sequence");
        let flags = number(&packet, 13).unwrap_or(0);
        if flags & 1 != 0 {
            interned = Some(BTreeMap::new());
            clock = messages(&packet, 59).first().and_then(|defaults| number(defaults, 58));
        }
        for data in messages(&packet, 12) {
            for (table, entry) in data {
                let Field::Bytes(entry) = entry else { panic!("interned data") };
                let entry = decode(&entry);
                let (iid, name) = (number(&entry, 1).unwrap(), text(&entry, 2).unwrap());
                assert_ne!(iid, 0, "0 is no number of a name");
                let before = interned.as_mut().unwrap().insert((table, iid), name);
                assert_eq!(before, None, "a name is written twice");
            }
        }
        messages(&packet, 60).iter().for_each(|descriptor| trace.descriptor(descriptor));
        for event in messages(&packet, 11) {
            assert!(flags & 2 != 0, "an event that needs state says so");
            assert_eq!(clock, Some(3), "CLOCK_MONOTONIC");
            let names = interned.as_ref().unwrap();
            let name = |table, iid| names[&(table, iid)].clone();
            let about = messages(&event, 4).into_iter().map(|annotation| {
                let value = text(&annotation, 6)
                    .or_else(|| number(&annotation, 17).map(|iid| name(29, iid)))
                    .or_else(|| number(&annotation, 3).map(|value| value.to_string()))
                    .or_else(|| number(&annotation, 4).map(|v| v.cast_signed().to_string()));
                (name(3, number(&annotation, 1).unwrap()), value.unwrap())
            });
            let all = |wanted: u64| {
                let of = event.iter().filter_map(|(field, value)| match value {
                    Field::Number(value) if *field == wanted => Some(*value),
                    _ => None,
                });
                of.collect::<Vec<_>>()
            };
            trace.events.push(Event {
                t_ns: number(&packet, 8).unwrap(),
                kind: number(&event, 9).unwrap(),
                track: number(&event, 11).unwrap(),
                name: number(&event, 10).map(|iid| name(2, iid)).unwrap_or_default(),
                about: about.collect(),
                starts: all(47),
                ends: all(48),
                value: number(&event, 30),
            });
        }
    }
    trace.events.sort_by_key(|event| event.t_ns);
    trace
}

/// Checks what a viewer relies on. Viewers take threads with the same pid and tid for one track.
fn check(trace: &Trace) {
    let mut open: BTreeMap<(u64, u64), (u64, u64)> = BTreeMap::new();
    let mut flows: BTreeSet<u64> = BTreeSet::new();
    let mut counted: BTreeMap<u64, u64> = BTreeMap::new();
    for event in &trace.events {
        if event.kind == 4 {
            let (process, name) = &trace.counters[&event.track];
            assert!(trace.processes.contains_key(process));
            let before = counted.insert(event.track, event.value.unwrap());
            assert!(before <= event.value || name != "bytes", "it only grows: {event:?}");
            continue;
        }
        let (pid, tid, process, _) = &trace.threads[&event.track];
        assert_eq!(trace.processes[process].0, *pid);
        let track = (*pid, *tid);
        match event.kind {
            1 => {
                let before = open.insert(track, (event.track, event.t_ns));
                assert_eq!(before, None, "calls of a thread do not overlap: {event:?}");
            }
            2 => {
                let (begun, t_ns) = open.remove(&track).expect("an end has a begin");
                assert!(begun == event.track && t_ns < event.t_ns, "{event:?}");
            }
            3 => {}
            kind => panic!("type {kind}"),
        }
        for flow in &event.ends {
            assert!(flows.remove(flow), "a flow ends after its start, once: {event:?}");
        }
        flows.extend(&event.starts);
    }
    assert!(open.is_empty(), "{open:?}");
}

const LOGS: &[&str] = &[
    "attach_nanosleep",
    "attach_read",
    "exec_arch",
    "int80_mixed",
    "nr_values",
    "rval_not_error",
    "seccomp_trace",
    "signal_kinds",
    "synthetic_calls",
    "synthetic_is_error",
    "synthetic_numbers",
    "synthetic_sizes",
    "synthetic_unknown",
    "synthetic_v4_layout",
    "undumpable",
];

#[test]
fn every_committed_log_is_a_valid_trace() {
    for name in LOGS {
        for filter in [None, Some("failed or signal == SIGUSR1"), Some("%file")] {
            let trace = read(&exported("perfetto", &[name], filter).0);
            check(&trace);
            assert!(filter.is_some() || !trace.events.is_empty(), "{name}");
        }
    }
}

/// The slices are the calls of the log, at their times.
#[test]
fn slices_are_calls() {
    use sysreel_inspect::calls::Item;
    let trace = read(&exported("perfetto", &["exec_arch"], None).0);
    let file = log("exec_arch");
    let mut calls = file.calls(sysreel_inspect::Follow::default());
    let mut expected = Vec::new();
    while let Some(item) = calls.next().unwrap() {
        let Item::Call(call) = item else { continue };
        let end = call.event().unwrap().t_ns;
        expected.push((call.start().as_nanos(), end, call.name().into_owned(), call.number()));
    }
    expected.sort();
    let mut begun = BTreeMap::new();
    let mut found = Vec::new();
    for event in &trace.events {
        match event.kind {
            1 => _ = begun.insert(event.track, event),
            2 => {
                let begin = begun.remove(&event.track).unwrap();
                let number = begin.about["event"].parse().unwrap();
                found.push((begin.t_ns, event.t_ns, begin.name.clone(), number));
            }
            _ => {}
        }
    }
    found.sort();
    assert_eq!(found, expected);
    // A fork, and the wait for the child.
    let names: Vec<_> = trace.events.iter().map(|event| event.name.as_str()).collect();
    assert!(names.contains(&"new task") && names.contains(&"exited"), "{names:?}");
    let ended = trace.events.iter().filter(|event| !event.ends.is_empty()).count();
    assert_eq!(ended, 2, "one flow to the child, one back");
    let programs: Vec<_> = trace.processes.values().flat_map(|(_, names)| names).collect();
    assert!(programs.iter().any(|name| *name == "exec_arch"), "{programs:?}");
}
